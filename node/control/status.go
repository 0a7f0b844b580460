package control

import (
	"time"

	"camswarm/gc"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// Status is what a node tells about itself, as the control API's GET /v1/status
// returns it in JSON. Times are RFC 3339 in UTC and left out when unknown; byte
// counts are payload unless they say allocated.
type Status struct {
	PeerID        string     `json:"peerId"`
	DID           verify.DID `json:"did"`
	Role          string     `json:"role"`    // "camera" or "seed"
	Version       string     `json:"version"` // of the program
	Build         string     `json:"build"`   // what the program can be: "all", or "camera" alone
	StartedAt     time.Time  `json:"startedAt,omitzero"`
	UptimeSeconds int64      `json:"uptimeSeconds"`
	ListenAddrs   []string   `json:"listenAddrs"` // full multiaddrs with /p2p/, to dial this node by
	Peers         int        `json:"peers"`       // connected now
	Memory        Memory     `json:"memory"`      // the size of device that this node is made for

	Reach p2p.Reach `json:"reach"` // what stands between this node and the Internet
	// Relay is what a seed does for cameras behind NATs.
	Relay *p2p.RelayStatus `json:"relay,omitempty"`

	// Private tells about the membership of a private swarm; absent in an open one.
	Private *PrivateStatus `json:"private,omitempty"`

	Products []ProductStatus `json:"products"`
	Traffic  TrafficStatus   `json:"traffic"`
	Disk     DiskStatus      `json:"disk"`
	Limits   Limits          `json:"limits"` // as set
	Polite   PoliteStatus    `json:"polite"` // what holds of them now
	Installs InstallCounts   `json:"installs"`
	Alarms   []Alarm         `json:"alarms"` // what a person should look at; empty when all is well
}

// Memory is the size of a device by which a node bounds what it takes of it.
type Memory struct {
	DeviceBytes int64 `json:"deviceBytes"`
	Auto        bool  `json:"auto"` // found out, rather than configured
}

// PrivateStatus is what a member of a private swarm knows of it.
type PrivateStatus struct {
	Revocations uint64 `json:"revocations"` // number of the revocation list in force; 0: none
	Revoked     int    `json:"revoked"`     // members on it
	Strangers   bool   `json:"strangers"`   // blocks are served to peers that are no members
}

// ProductStatus is the state of one product that a node follows.
type ProductStatus struct {
	ID       verify.ProductID `json:"id"`
	Name     string           `json:"name"` // "vendor/name"
	Region   verify.Region    `json:"region"`
	Label    string           `json:"label"`
	Hardware string           `json:"hardware"`
	Keys     verify.KeySet    `json:"keys"` // in force: those provisioned, or those that a rotation put in their place

	Chain     ChainStatus      `json:"chain"`
	Installed *InstalledStatus `json:"installed,omitempty"` // absent on a seed and on a device that runs its factory image
	Target    *TargetStatus    `json:"target,omitempty"`    // absent when there is nothing to move to
	Held      []HeldRelease    `json:"held"`                // with bytes on disk, oldest first
	IPNS      *IPNSStatus      `json:"ipns,omitempty"`      // absent while the newest release held names no IPNS record
	Seeds     *SeedListStatus  `json:"seeds,omitempty"`     // absent until a release named seeds
}

// SeedListStatus is what the newest release that named seeds said. Those of the
// configuration are used besides.
type SeedListStatus struct {
	Release uint64   `json:"release"` // its sequence
	Addrs   []string `json:"addrs"`   // for this device's region
}

// ChainStatus is a product's latest quorum view of the registry contract.
type ChainStatus struct {
	Registry    verify.RegistryRef `json:"registry"` // "chainID:0xaddress"
	Rev         uint64             `json:"rev"`      // 0: no view was ever accepted
	Block       uint64             `json:"block"`
	BlockTime   time.Time          `json:"blockTime,omitzero"`
	AgeSeconds  int64              `json:"ageSeconds"`               // since a view was last accepted by the quorum; -1: never
	Latest      uint64             `json:"latest"`                   // newest sequence ever published
	MinSequence uint64             `json:"minSequence"`              // the manufacturer's anti-rollback floor
	Barrier     uint64             `json:"barrier"`                  // must be installed first; 0: none
	Paused      bool               `json:"paused"`                   // the operator stopped the whole registry
	Quorum      string             `json:"quorum"`                   // "ok", or why no new view is accepted
	Doubted     int64              `json:"doubtedSeconds,omitempty"` // for how long quorums have contradicted what was accepted before; after four hours they are believed
	Endpoints   []EndpointStatus   `json:"endpoints"`
	By          string             `json:"by"`                  // who vouches for Rev: "quorum" of the own endpoints, or "witnesses"
	Witnesses   *WitnessesStatus   `json:"witnesses,omitempty"` // nil: none are named
}

// WitnessesStatus is what the witnesses of a product say of the chain.
type WitnessesStatus struct {
	Threshold int             `json:"threshold"` // how many must agree
	Rev       uint64          `json:"rev"`       // that they agree on; 0: none yet
	BlockTime time.Time       `json:"blockTime,omitzero"`
	Agree     int             `json:"agree"`              // how many say it
	ConfirmAt time.Time       `json:"confirmAt,omitzero"` // when the own quorum is asked about it; zero: it has confirmed it, or they say nothing new
	Install   bool            `json:"install"`            // the owner lets the device install by their word alone
	Conflict  string          `json:"conflict,omitempty"` // how they contradicted the own quorum
	Until     time.Time       `json:"until,omitzero"`     // until then they count for nothing because of it
	List      []WitnessStatus `json:"list"`
	Signs     string          `json:"signs,omitempty"` // of a witness: "ok", or why it signs nothing
}

// WitnessStatus is one witness.
type WitnessStatus struct {
	Key       verify.PublicKey `json:"key"`
	Rev       uint64           `json:"rev"` // of its newest statement; 0: none
	BlockTime time.Time        `json:"blockTime,omitzero"`
	SetAside  bool             `json:"setAside,omitempty"` // it said two things of one revision and counts for nothing, for good
}

// EndpointStatus is one chain endpoint.
type EndpointStatus struct {
	URL       string    `json:"url"` // credentials redacted
	Operator  string    `json:"operator"`
	State     string    `json:"state"`
	LastOK    time.Time `json:"lastOk,omitzero"`
	LastError string    `json:"lastError,omitempty"`
	Attack    string    `json:"attack,omitempty"` // the name of the last refusal
	Rev       uint64    `json:"rev"`
	Block     uint64    `json:"block"`
	BlockTime time.Time `json:"blockTime,omitzero"` // of Block
	RetryAt   time.Time `json:"retryAt,omitzero"`   // it rests until then
	LatencyMS int64     `json:"latencyMs"`
	Warning   string    `json:"warning,omitempty"`
}

// InstalledStatus is what a device runs.
type InstalledStatus struct {
	Sequence  uint64 `json:"sequence"`
	Version   string `json:"version"`
	Confirmed bool   `json:"confirmed"` // false: installed, and not yet known to run well
}

// TargetStatus is the release a node moves to.
type TargetStatus struct {
	Sequence  uint64    `json:"sequence"`
	Version   string    `json:"version"`
	State     State     `json:"state"`
	Reason    string    `json:"reason"`             // of the decision, see verify.Choice
	Fetch     bool      `json:"fetch"`              // the decision allows fetching
	Install   bool      `json:"install"`            // the decision allows installing
	NextAt    time.Time `json:"nextAt,omitzero"`    // when time alone may change the decision
	Progress  *Progress `json:"progress,omitempty"` // while it is being fetched
	LastError string    `json:"lastError,omitempty"`

	Consent *ConsentStatus `json:"consent,omitempty"` // with install.consent = "ask", once it could be installed
}

// Progress is how far a fetch has come.
type Progress struct {
	Blocks         int   `json:"blocks"` // held
	TotalBlocks    int   `json:"totalBlocks"`
	Bytes          int64 `json:"bytes"` // held
	TotalBytes     int64 `json:"totalBytes"`
	BytesPerSecond int64 `json:"bytesPerSecond"` // over the last few seconds
	Peers          int   `json:"peers"`          // asked at this moment
}

// HeldRelease is a release with bytes on disk.
type HeldRelease struct {
	Product  verify.ProductID `json:"product"`
	Sequence uint64           `json:"sequence"`
	Version  string           `json:"version"`
	State    State            `json:"state"`
	Bytes    int64            `json:"bytes"`          // allocated on disk; an image that several releases share counts for each of them
	Slot     string           `json:"slot,omitempty"` // that has the image, which counts for nothing in Bytes; "": the image is in the state directory
}

// TrafficStatus counts payload bytes of blocks over the node's whole life;
// restarts do not reset it.
type TrafficStatus struct {
	SentBytes      int64 `json:"sentBytes"`
	ReceivedBytes  int64 `json:"receivedBytes"`
	DuplicateBytes int64 `json:"duplicateBytes"` // received again after another peer had sent them
	WrongBytes     int64 `json:"wrongBytes"`     // refused: wrong hash or never asked for
	FromSeeds      int64 `json:"fromSeeds"`      // of the received bytes, those from seeds
	FromPeers      int64 `json:"fromPeers"`      // of the received bytes, those from cameras
	FromOrigins    int64 `json:"fromOrigins"`    // of the received bytes, those from web servers, buckets and CDNs

	Tiers []TierTraffic `json:"tiers"` // what passed between this node and peers, by their distance at that moment
}

// TierTraffic counts the bytes exchanged with peers of one tier over the node's whole
// life.
type TierTraffic struct {
	Tier          string `json:"tier"` // "lan", "region", "seed" or "other"
	SentBytes     int64  `json:"sentBytes"`
	ReceivedBytes int64  `json:"receivedBytes"`
}

// InstallCounts count what became of installs over the node's whole life.
type InstallCounts struct {
	Installed  int64 `json:"installed"`
	Confirmed  int64 `json:"confirmed"`
	Failed     int64 `json:"failed"` // attempts that the installer refused
	RolledBack int64 `json:"rolledBack"`
}

// DiskStatus is the node's use of its file system, in allocated bytes.
type DiskStatus struct {
	UsedBytes    int64 `json:"usedBytes"`    // by releases, what several of them share counted once
	QuotaBytes   int64 `json:"quotaBytes"`   // 0: none
	FreeBytes    int64 `json:"freeBytes"`    // on the file system
	ReserveBytes int64 `json:"reserveBytes"` // held by the reserve; 0: given up
}

// Alarm is something that a person should look at.
type Alarm struct {
	Name    string    `json:"name"`    // a stable snake_case word
	Message string    `json:"message"` // what is wrong and what to do
	Since   time.Time `json:"since,omitzero"`
}

// PeerStatus is one connected peer.
type PeerStatus struct {
	ID             string   `json:"id"`
	Addrs          []string `json:"addrs"`     // multiaddrs of its connections
	Via            string   `json:"via"`       // the best of them: "lan", "direct", "punched" (through NATs) or "relay" (an appointment, no blocks)
	Direction      string   `json:"direction"` // "inbound" or "outbound", of the oldest connection
	Agent          string   `json:"agent"`
	Role           string   `json:"role,omitempty"` // as it claims
	Tier           string   `json:"tier"`           // how near it is: "lan", "region", …
	LatencyMS      int64    `json:"latencyMs"`      // 0: not measured
	SentBytes      int64    `json:"sentBytes"`      // of blocks, since this node started
	ReceivedBytes  int64    `json:"receivedBytes"`
	DuplicateBytes int64    `json:"duplicateBytes"`
	WrongBytes     int64    `json:"wrongBytes"`
	Score          float64  `json:"score"` // its reputation here, -200 to 10; 0: a stranger
}

// GCReport is what a collection did, or in a dry run would do.
type GCReport struct {
	DryRun      bool         `json:"dryRun"`
	Releases    []GCDecision `json:"releases"` // those that stay, then those that go
	BytesBefore int64        `json:"bytesBefore"`
	BytesAfter  int64        `json:"bytesAfter"`
	FreeBefore  int64        `json:"freeBefore"` // the reserve counted as free
	FreeAfter   int64        `json:"freeAfter"`
	Shortfall   int64        `json:"shortfall"` // bytes over the quota or short of the reserve; 0: none
}

// GCDecision is the fate of one release on disk.
type GCDecision struct {
	Product  verify.ProductID `json:"product"`
	Sequence uint64           `json:"sequence"`
	Bytes    int64            `json:"bytes"` // allocated on disk
	Remove   bool             `json:"remove"`
	Reason   gc.Reason        `json:"reason"`
}

func gcReport(plan gc.Plan, dryRun bool) GCReport {
	r := GCReport{
		DryRun: dryRun, Releases: []GCDecision{},
		BytesBefore: plan.BytesBefore, BytesAfter: plan.BytesAfter,
		FreeBefore: plan.FreeBefore, FreeAfter: plan.FreeAfter, Shortfall: plan.Shortfall,
	}
	for _, d := range plan.Decisions {
		r.Releases = append(r.Releases, GCDecision{
			Product: d.Product, Sequence: d.Sequence, Bytes: d.Bytes, Remove: d.Remove, Reason: d.Reason,
		})
	}
	return r
}
