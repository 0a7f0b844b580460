package report

// Schema is the version of the JSON document. Fields may be added under one
// version; a changed meaning needs a new one.
const Schema = 1

// Report is one run of one scenario.
type Report struct {
	Schema   int    `json:"schema"`
	Scenario string `json:"scenario"`
	Nodes    int    `json:"nodes"` // cameras
	Seeds    int    `json:"seeds"` // region seeds, the publisher's among them
	Seed     uint64 `json:"seed"`  // of the random numbers
	Links    string `json:"links"` // "quic" or "fast"
	Commit   string `json:"commit"`

	// Settings are the keys of the scenario that were set by whoever ran it,
	// beyond nodes, seed and links: what tells two runs of one scenario apart.
	Settings map[string]string `json:"settings,omitempty"`
	// Parameters are all keys of the scenario with their values, those at their
	// defaults too, so that a result says under which conditions it was made; keys of
	// the list of classes read class.1.up.
	Parameters map[string]string `json:"parameters,omitempty"`
	Command    string            `json:"command,omitempty"` // repeats the run

	ImageBytes int64     `json:"imageBytes"`
	BlockBytes int64     `json:"blockBytes"`
	LinkModel  LinkModel `json:"linkModel"`

	// Interrupted says that the run was ended before it was done: what is here is
	// what there was by then.
	Interrupted bool `json:"interrupted,omitempty"`

	// FluidBoundSeconds is the least time in which any scheme fed by these seeds
	// could bring the image to every camera over these access lines:
	// max(F/u_s, F/d_min, N·F/(u_s+Σu)), u_s summed over the seeds that hold it
	// from the start (Kumar and Ross, "Peer-Assisted File Distribution: The
	// Minimum Distribution Time", HOTWEB 2006). A source that sends more than these
	// seeds, such as S3, is not bound by it. FluidBound95Seconds is the same for 95 %
	// of the cameras, those with the fastest downlinks, with the uplinks of all: what
	// a p95 is to be held to. 0: not known.
	FluidBoundSeconds   float64 `json:"fluidBoundSeconds"`
	FluidBound95Seconds float64 `json:"fluidBound95Seconds,omitempty"`

	// NATBoundSeconds is the fluid bound with regard to which cameras NATs let meet at
	// all, and MeshBoundSeconds with only those connections that there were at the
	// announcement; each also for 95 % of the cameras. 0: not known, or no NATs.
	NATBoundSeconds    float64 `json:"natBoundSeconds,omitempty"`
	NATBound95Seconds  float64 `json:"natBound95Seconds,omitempty"`
	MeshBoundSeconds   float64 `json:"meshBoundSeconds,omitempty"`
	MeshBound95Seconds float64 `json:"meshBound95Seconds,omitempty"`

	// AlikeSeconds is when cameras would be done over those connections if at every
	// moment each uplink served alike all neighbours that still lack something, and no
	// byte were lost or came twice. Zero: not known, or some camera had no connection.
	AlikeSeconds Quantiles `json:"alikeSeconds,omitzero"`

	// CompletionSeconds is from the announcement (of a late camera: its start) to
	// the verified image, over the honest cameras that finished.
	CompletionSeconds Quantiles `json:"completionSeconds"`
	RatioToBound      Quantiles `json:"ratioToBound"`
	RatioToBound95    float64   `json:"ratioToBound95,omitempty"` // p95 / FluidBound95Seconds
	Unfinished        int       `json:"unfinished"`               // honest cameras that did not

	DuplicateRatio   float64 `json:"duplicateRatio"`   // block bytes received again / block bytes needed
	SeedCopies       float64 `json:"seedCopies"`       // block bytes sent by seeds / image bytes
	MessagesPerBlock float64 `json:"messagesPerBlock"` // wants, blocks and possession messages sent / blocks needed

	// AnnounceSeconds is from the announcement to its acceptance by a node: heard
	// and confirmed by the node's own view of the chain.
	AnnounceSeconds Quantiles `json:"announceSeconds"`

	// SinceBlockSeconds is CompletionSeconds counted from the block of the transaction
	// that rolls the release out: BlockLeadSeconds more, which the publisher's seed
	// took to see it.
	SinceBlockSeconds Quantiles `json:"sinceBlockSeconds,omitzero"`
	BlockLeadSeconds  float64   `json:"blockLeadSeconds,omitempty"`

	// LookAgeSeconds is, at a camera's install, for how long a quorum of operators had
	// confirmed what it installed.
	LookAgeSeconds Quantiles `json:"lookAgeSeconds,omitzero"`

	// BytesByTier are the block bytes that cameras received, by how near the
	// sender was: "lan", "region", "seed", "other".
	BytesByTier map[string]int64 `json:"bytesByTier"`

	Baselines map[string]Baseline `json:"baselines"`

	// S3Terms is the gain at p95, S3TermsP50 that at the median; nil without the s3
	// and poll baselines.
	S3Terms    *S3Terms `json:"s3Terms,omitempty"`
	S3TermsP50 *S3Terms `json:"s3TermsP50,omitempty"`

	Sites      []Site      `json:"sites,omitempty"`
	Stages     []Stage     `json:"stages,omitempty"`
	Faults     []Fault     `json:"faults,omitempty"`
	Violations []Violation `json:"violations"` // broken invariants; empty in a good run

	CPUSeconds      float64 `json:"cpuSeconds"` // of the process, this run
	WallSeconds     float64 `json:"wallSeconds"`
	VirtualSeconds  float64 `json:"virtualSeconds"`
	PeakMemoryBytes int64   `json:"peakMemoryBytes"`

	PerNode []Node `json:"perNode"`
}

// LinkModel says in words and numbers what the lines were.
type LinkModel struct {
	Classes []LinkClass `json:"classes"`
	Latency string      `json:"latency"` // source and range of the delays
	Chain   string      `json:"chain"`   // how long a look at the chain takes
	Notes   []string    `json:"notes,omitempty"`
}

// LinkClass is a kind of access line and how many nodes have it.
type LinkClass struct {
	Name  string  `json:"name"`
	Nodes int     `json:"nodes"`
	Up    float64 `json:"upBitsPerSecond"`
	Down  float64 `json:"downBitsPerSecond"`
	Loss  float64 `json:"loss"`
}

// Quantiles of a sample, by the nearest-rank method; zero for an empty sample.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Baseline is how long the same cameras took by another way over the same
// lines, from the same moment.
type Baseline struct {
	Quantiles
	Unfinished int       `json:"unfinished"`
	Note       string    `json:"note"`              // what it models, with its parameters
	Seconds    []float64 `json:"seconds,omitempty"` // by camera, in the order of PerNode; negative: unfinished
	ServedBy   string    `json:"servedBy,omitempty"`
}

// S3Terms splits the gain at one quantile over a daily poll of S3, which is what
// IoTeX had, into where it comes from. Total = Push + RoundTrips + Bandwidth +
// Peers = the poll's quantile - the swarm's. A negative term is a loss.
type S3Terms struct {
	PushSeconds       float64 `json:"pushSeconds"`       // poll - s3: hearing at once instead of asking daily
	RoundTripSeconds  float64 `json:"roundTripSeconds"`  // what s3 loses to set-up and slow start - what the swarm loses to ramp-up and scheduling
	BandwidthSeconds  float64 `json:"bandwidthSeconds"`  // s3's transfer at full rate - the seeds' alone: what S3's fatter pipe is worth, negative
	PeersSeconds      float64 `json:"peersSeconds"`      // from the seeds alone - from seeds and peers: what the peers' uplinks are worth
	TotalSeconds      float64 `json:"totalSeconds"`      // the sum
	Speedup           float64 `json:"speedup"`           // of s3 / of the swarm, both from the announcement
	SpeedupOverCapped float64 `json:"speedupOverCapped"` // the same for s3capped; 0: not run
}

// Site is a place whose cameras share one line.
type Site struct {
	Name      string  `json:"name"`
	Nodes     int     `json:"nodes"`
	DownBytes int64   `json:"downBytes"` // through the line
	UpBytes   int64   `json:"upBytes"`
	Copies    float64 `json:"copies"` // DownBytes / image bytes
}

// Stage is a step of a rollout or one of several releases.
type Stage struct {
	Name       string    `json:"name"`
	AtSeconds  float64   `json:"atSeconds"` // since the first announcement
	Eligible   int       `json:"eligible"`
	Completion Quantiles `json:"completionSeconds"` // from the start of the stage
	Unfinished int       `json:"unfinished"`
}

// Fault is something that was done to the network.
type Fault struct {
	Kind      string  `json:"kind"`
	AtSeconds float64 `json:"atSeconds"`
	Nodes     int     `json:"nodes"`
	Note      string  `json:"note"`
}

// Violation is a broken promise. A run that has one is a failed run.
type Violation struct {
	Invariant string `json:"invariant"`
	Node      string `json:"node"`
	Detail    string `json:"detail"`
}

// Node is what one node did. Seconds count from the announcement; negative
// means never.
type Node struct {
	Name      string  `json:"name"`
	Role      string  `json:"role"` // "camera", "seed", or the name of a hostile behaviour
	Region    string  `json:"region"`
	Class     string  `json:"class"` // of its line
	Site      string  `json:"site,omitempty"`
	NAT       bool    `json:"nat,omitempty"`
	NATKind   string  `json:"natKind,omitempty"`       // "full cone", "port restricted", "symmetric", "no UDP"; "": none
	Joined    float64 `json:"joinedSeconds,omitempty"` // late cameras: when they started; completion counts from there
	Gone      bool    `json:"gone,omitempty"`          // left for good; not missed if it did not finish
	Announced float64 `json:"announcedSeconds"`
	FirstByte float64 `json:"firstBlockSeconds"`
	Fetched   float64 `json:"fetchedSeconds"`
	Verified  float64 `json:"verifiedSeconds"`
	Installed float64 `json:"installedSeconds"`
	LookAge   float64 `json:"lookAgeSeconds,omitempty"` // at its last install, since a quorum confirmed the release; negative: none

	// Progress are the times at which 10 %, 20 % … 100 % of the image were there.
	Progress []float64 `json:"progressSeconds,omitempty"`

	Sent      int64            `json:"sentBytes"` // of blocks
	Received  int64            `json:"receivedBytes"`
	Duplicate int64            `json:"duplicateBytes"`
	Wrong     int64            `json:"wrongBytes"`
	ByTier    map[string]int64 `json:"bytesByTier,omitempty"`
	LineSent  int64            `json:"lineSentBytes"` // all traffic, headers included
	LineRecv  int64            `json:"lineReceivedBytes"`
	Peers     int              `json:"peers"` // connections at the announcement

	// IdleSent and IdleRecv are all traffic in the scenario's idle time, headers
	// included; IdleShort is their part in packets of at most 64 bytes: keep-alives
	// and acknowledgements. IdlePeers are the connections at its end.
	IdleSent  int64 `json:"idleSentBytes,omitempty"`
	IdleRecv  int64 `json:"idleReceivedBytes,omitempty"`
	IdleShort int64 `json:"idleShortBytes,omitempty"`
	IdlePeers int   `json:"idlePeers,omitempty"`
}
