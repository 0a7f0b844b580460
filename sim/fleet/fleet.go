package fleet

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Fleet is a fleet of cameras of any size and how a release spreads over it, as
// an aggregated model: no nodes, but shares of classes of cameras, by the time
// since they came to hold something. [Fleet.Run] integrates it in milliseconds,
// and gives the same result for the same fleet. It exists for sizes that neither
// real nodes nor package flow reach; its few parameters, [Params], are fitted to
// runs of real nodes, and [Calibrated] says how far it was from them.
//
// # Equations
//
// Announcement. J(t) is the rate at which cameras accept it, H(t) their share.
// A camera that accepted it passes it to D-1 random others; one that had not
// heard of it accepts after half a round trip and a look at the chain, which has
// the distribution k. Once a second it also names the message to D others (IHAVE),
// for which two more messages travel. Seeds have one camera after another as
// neighbours up to their limit of connections; the publisher's tells all of them
// at once (flood publishing), which takes as long as its uplink needs for that
// many envelopes; other seeds pass it on to their mesh:
//
//	J(t) = (1-H(t)) ∫ [offers(t-δ)] k(δ) dδ
//
// It is the general epidemic with a distributed latent period (Kermack and
// McKendrick, 1927) on a graph that is mixed at random, since cameras meet by
// one rendezvous for all regions (package swarm) and choose at random there.
//
// Ramp-up. A camera that accepted the announcement waits for its first block: A
// is the mass that holds one. Seeds send their first blocks to their neighbours,
// each another; a camera can pass on its first block after
//
//	τ = 3/2·RTT + RTT·log2(1+b/W) + Ramp·b/u
//
// since the possession message, the request and the block travel half a round
// trip each, a cold connection needs further round trips for a block b that is
// larger than the initial window W of quic-go, and Ramp blocks leave its uplink
// u side by side. Bytes that are served go to those without a block in
// proportion to their share of those who want something.
//
// Bulk. What is useful of all uplinks is
//
//	S(t) = SeedShare·Σu_s·[some camera of theirs wants] + CameraShare·∫ u dA(t-τ)
//
// less what packet headers and messages take of a line; a seed sends no more than
// SeedLent in 3/2·RTT, since it rations what it names to whom (plan.Lender). Cameras that hold a
// block and not all share S equally, but for a relative spread Spread of their
// luck with neighbours, and none gets more than DownShare of its downlink. With
// G(t) the bytes that a camera of a class got by t had it been there from the
// start, one with its first block at s is done when G(t)-G(s) is the image: the
// method of characteristics for the age-structured equation ∂n/∂t + ∂n/∂a = 0.
// Its last blocks take half a round trip more, with a standard deviation of Tail
// round trips. Nobody can hold more than what has left the seeds, who send
// SeedRepeat blocks again for each new one, and has spread, which takes ln(N/2)/λ
// with λ the growth rate of one block's copies, the root of λ = u/b·exp(-λτ)
// (Euler and Lotka).
//
// NAT. What cameras behind a NAT send is of use only to those that can be
// dialled; no hole punching is assumed. Sites are one camera each: the image
// crosses their line SiteCopies times, then the local network.
//
// S3, capped S3 and a CDN serve the same cameras from the moment each heard, by
// the same equations without peers: round trips for DNS, TCP, TLS and the
// request, slow start, and the capacity of the origin shared equally.
//
// # Limits
//
// Endpoints answer everybody at once; for those that have few slots the time that all
// looks take at least stands beside, in Result.LooksSeconds.
//
// Not modelled: loss, churn, late starters, hostile nodes, the CPU of a node,
// disks. Quantiles are those of expectations: the largest time is that by which
// less than half a camera is expected to be missing. Times below a few round
// trips and images of few blocks are outside of what was fitted.
type Fleet struct {
	ImageBytes int64
	BlockBytes int64

	Regions []Region // the first is the publisher's, and the origin's
	Classes []Class

	// RTT bounds the round trips between the access lines of two regions, which
	// lie uniformly between; it is asked for pairs of indices of Regions.
	RTT func(a, b int) (lo, hi time.Duration)

	// Chain is what a look at the chain takes: the slowest of a quorum.
	Chain Chain

	// AnnounceDegree is the gossip degree of a camera, SeedAnnounceDegree that of
	// a seed. 0: 4 and 8, as in package announce.
	AnnounceDegree, SeedAnnounceDegree int

	// SeedConnections is how many cameras a seed serves at a time. 0: what package
	// swarm allows a seed by default to keep (mesh_high).
	SeedConnections int

	Origin Origin
	Params Params // zero: DefaultParams

	instant bool // everybody hears at once, as in package flow
}

// Region is a region with its seeds. All of them hold the image before the
// announcement.
type Region struct {
	Name   string
	Seeds  int
	SeedUp float64 // bit/s of each
}

// Class is cameras of one kind in one region.
type Class struct {
	Name    string
	Region  int // index into Regions
	Cameras int

	Up, Down float64 // bit/s
	Spread   float64 // rates lie uniformly between 1-Spread and 1+Spread times that
	NAT      float64 // share that cannot be dialled

	// Site is how many cameras share each line; 0 and 1: every one has its own.
	// Then Up and Down are the line's, and LAN the rate of the local network.
	Site int
	LAN  float64
}

// Chain is a model of the chain's endpoints.
type Chain struct {
	Operators      int           // 0: a look takes no time
	RTTMin, RTTMax time.Duration // round trips to them, uniform
	Server         time.Duration // what one takes for an answer
	Handshake      time.Duration // and for a connection, of which a look makes a new one
	Slots          int           // connections that one serves at a time; 0: any number
}

// Rate is how many cameras a second the endpoints can answer at most, if every camera
// is answered by no more than a quorum and none is refused: a connection takes a slot
// from its handshake to its answer. 0: any number.
func (c Chain) Rate() float64 {
	if c.Slots == 0 || c.Operators == 0 {
		return 0
	}
	held := ((c.RTTMin+c.RTTMax)/2 + c.Handshake + c.Server).Seconds()
	return float64(c.Slots) / held * float64(c.Operators) / float64(c.Operators/2+1)
}

// Origin are the other ways; the defaults are those of package sim/baseline.
type Origin struct {
	Capped        float64       // bit/s of the capped origin
	FirstByte     time.Duration // of S3
	EdgeFirstByte time.Duration // of an edge
	EdgeRTT       time.Duration // round trip from a line to its nearest edge
}

// DefaultOrigin returns what package sim/baseline has.
func DefaultOrigin() Origin {
	return Origin{Capped: 1e9, FirstByte: 100 * time.Millisecond, EdgeFirstByte: 5 * time.Millisecond, EdgeRTT: 10 * time.Millisecond}
}

// Params are the parameters of the model. Each means something; those
// that no document gives are fitted to runs of real nodes, see Calibrated.
type Params struct {
	// Ramp is how many blocks leave a camera's uplink side by side while everyone
	// asks for first blocks.
	Ramp float64 `json:"ramp"`
	// SeedShare and CameraShare are the shares of the uplinks of seeds and cameras
	// that the scheduler keeps busy while somebody wants something.
	SeedShare   float64 `json:"seedShare"`
	CameraShare float64 `json:"cameraShare"`
	// DownShare is the share of its downlink that a camera can fill.
	DownShare float64 `json:"downShare"`
	// Spread is the standard deviation of a camera's part of what is served,
	// relative to the mean, and Tail that of the time of its last blocks, in round
	// trips.
	Spread float64 `json:"spread"`
	Tail   float64 `json:"tailRoundTrips"`
	// SeedLent is the bytes that a seed in a crowd has given out and that were not
	// reported as arrived, at most: it sends no more of them in 3/2 round trips.
	SeedLent float64 `json:"seedLentBytes"`
	// SeedRepeat is how many blocks a seed sends again for each new one before it
	// has sent all.
	SeedRepeat float64 `json:"seedRepeat"`
	// LookExtra is what accepting an announcement takes beyond messages and look, s.
	LookExtra float64 `json:"lookExtraSeconds"`
	// Header is the part of a line that headers of packets and acknowledgements
	// take, relative to the data, and Message the bytes of wants and possession
	// messages for each block.
	Header  float64 `json:"header"`
	Message float64 `json:"messageBytes"`
	// SiteCopies is how often the image crosses the line of a site.
	SiteCopies float64 `json:"siteCopies"`
}

// DefaultParams returns the fitted parameters.
func DefaultParams() Params {
	return Params{
		Ramp: 4.4, SeedShare: 0.83, CameraShare: 0.98, DownShare: 0.93, Spread: 0.009, Tail: 0.98, SeedRepeat: 0.24, SeedLent: 0.75e6,
		LookExtra: 0.033, Header: 0.07, Message: 1200, SiteCopies: 2.7,
	}
}

// What the equations take from elsewhere.
const (
	quicWindow    = 32 * 1280 // bytes that a cold connection sends in its first round trip
	envelopeBytes = 900       // of a release's envelope, beyond 32 for each block
	heartbeat     = 1.0       // s between two rounds of IHAVE
	wireHTTP      = 1.067     // bytes on the line for each of a body: headers of QUIC, UDP and IP
	maxCameras    = 100_000_000

	// seedConnections is how many cameras the defaults of package swarm let a seed
	// keep (mesh_high); a test compares.
	seedConnections = 639
)

// ErrModel is wrapped by all errors about a fleet.
var ErrModel = errors.New("fleet")

// Cameras is the number of cameras in all classes.
func (f *Fleet) Cameras() int {
	n := 0
	for _, c := range f.Classes {
		n += c.Cameras
	}
	return n
}

// Seeds is the number of seeds in all regions.
func (f *Fleet) Seeds() int {
	n := 0
	for _, r := range f.Regions {
		n += r.Seeds
	}
	return n
}

// Validate returns an error that wraps ErrModel and says what to change.
func (f *Fleet) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrModel}, args...)...)
	}
	rate := func(v float64) bool { return v >= 1000 && v <= 1e13 }
	p := f.Params
	switch {
	case f.ImageBytes < 1 || f.ImageBytes > 1<<40:
		return bad("image of %d bytes; give 1 to %d", f.ImageBytes, int64(1)<<40)
	case f.BlockBytes < 1024 || f.BlockBytes > 1<<30:
		return bad("blocks of %d bytes; give 1024 or more", f.BlockBytes)
	case len(f.Regions) == 0 || len(f.Regions) > 1000:
		return bad("%d regions; give 1 to 1000", len(f.Regions))
	case len(f.Classes) == 0 || len(f.Classes) > 10_000:
		return bad("%d classes of cameras; give 1 to 10000", len(f.Classes))
	case f.RTT == nil:
		return bad("no round trips: RTT is nil")
	case f.AnnounceDegree < 0 || f.AnnounceDegree == 1 || f.SeedAnnounceDegree < 0 || f.AnnounceDegree > 1000 || f.SeedAnnounceDegree > 1_000_000:
		return bad("an announcement degree of %d and %d; give 0 for the default, or 2 or more", f.AnnounceDegree, f.SeedAnnounceDegree)
	case f.SeedConnections < 0:
		return bad("%d connections for a seed; give 0 for the default, or 1 or more", f.SeedConnections)
	case f.Chain.Operators < 0 || f.Chain.Operators > 100 || f.Chain.RTTMin < 0 || f.Chain.RTTMax < f.Chain.RTTMin || min(f.Chain.Server, f.Chain.Handshake) < 0 || f.Chain.Slots < 0:
		return bad("the chain needs 0 to 100 operators and round trips that do not decrease")
	case !rate(f.Origin.Capped):
		return bad("a capped origin of %g bit/s; give 1000 or more", f.Origin.Capped)
	case f.Origin.FirstByte < 0 || f.Origin.EdgeFirstByte < 0 || f.Origin.EdgeRTT < 0:
		return bad("latencies of the origin are not negative")
	case !(p.Ramp >= 0 && p.SeedShare > 0 && p.SeedShare <= 1 && p.CameraShare >= 0 && p.CameraShare <= 1 && p.DownShare > 0 && p.DownShare <= 1 &&
		p.Spread >= 0 && p.Spread < 0.3 && p.Tail >= 0 && p.Tail < 100 && p.SeedRepeat >= 0 && p.SeedRepeat < 100 && p.SeedLent > 0 && p.LookExtra >= 0 && p.Header >= 0 && p.Message >= 0 && p.SiteCopies >= 1):
		return bad("parameters %+v: shares are up to 1, Spread below 0.3, SiteCopies at least 1, nothing is negative", p)
	}
	for _, r := range f.Regions {
		if r.Seeds < 0 || r.Seeds > 1_000_000 || r.Seeds > 0 && !rate(r.SeedUp) {
			return bad("region %s: %d seeds of %g bit/s; give 0 to a million seeds of 1000 bit/s or more", r.Name, r.Seeds, r.SeedUp)
		}
	}
	if f.Seeds() == 0 {
		return bad("no seeds: somebody must hold the image")
	}
	if f.Regions[0].Seeds == 0 {
		return bad("region %s, the publisher's, has no seed; put one there", f.Regions[0].Name)
	}
	for _, c := range f.Classes {
		switch {
		case c.Cameras < 0 || c.Cameras > maxCameras:
			return bad("class %s: %d cameras; give up to %d", c.Name, c.Cameras, maxCameras)
		case c.Region < 0 || c.Region >= len(f.Regions):
			return bad("class %s: there is no region number %d", c.Name, c.Region)
		case !rate(c.Up) || !rate(c.Down) || c.Site > 1 && !rate(c.LAN):
			return bad("class %s: rates of %g up, %g down, %g inside a site; give bit/s, 1000 or more", c.Name, c.Up, c.Down, c.LAN)
		case !(c.Spread >= 0 && c.Spread <= 0.95) || !(c.NAT >= 0 && c.NAT <= 1) || c.Site < 0:
			return bad("class %s: spread is 0 to 0.95, NAT 0 to 1, and a site has no negative size", c.Name)
		}
	}
	if n := f.Cameras(); n < 1 || n > maxCameras {
		return bad("%d cameras; give 1 to %d", n, maxCameras)
	}
	for a := range f.Regions {
		for b := range f.Regions {
			if lo, hi := f.RTT(a, b); lo < 0 || hi < lo || hi > time.Minute {
				return bad("round trips of %v to %v between %s and %s; they must not decrease, up to a minute", lo, hi, f.Regions[a].Name, f.Regions[b].Name)
			}
		}
	}
	return nil
}

// Quantiles of a distribution over cameras, s.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Point is a point of a distribution: the share of the cameras that were
// done by a time.
type Point struct {
	Seconds float64 `json:"seconds"`
	Share   float64 `json:"share"`
}

// ClassResult is what the cameras of a class took.
type ClassResult struct {
	Name       string    `json:"name"`
	Region     string    `json:"region"`
	Cameras    int       `json:"cameras"`
	Completion Quantiles `json:"completionSeconds"`
}

// Result is what a fleet took. Seconds count from the announcement.
type Result struct {
	Cameras int `json:"cameras"`
	Seeds   int `json:"seeds"`
	// ExtrapolatedBeyond is the largest number of cameras in runs of real nodes
	// that the model was compared with, if this fleet is larger; 0: it is not.
	ExtrapolatedBeyond int `json:"extrapolatedBeyondNodes,omitempty"`

	BoundSeconds float64   `json:"fluidBoundSeconds"` // max(F/u_s, F/d_min, N·F/(u_s+Σu))
	Announce     Quantiles `json:"announceSeconds"`
	// LooksSeconds is the least time in which endpoints with so few slots can answer a
	// look of 95 % of the cameras; 0: they have any number.
	LooksSeconds float64       `json:"looksSeconds,omitempty"`
	Completion   Quantiles     `json:"completionSeconds"`
	Ratio        Quantiles     `json:"ratioToBound"`
	Classes      []ClassResult `json:"classes"`
	CDF          []Point       `json:"cdf"`
	AnnounceCDF  []Point       `json:"announceCDF"`

	SeedCopies  float64            `json:"seedCopies"`
	BytesByTier map[string]float64 `json:"bytesByTier"` // as in a report: lan, region, seed, other

	S3       Quantiles `json:"s3"`
	S3Capped Quantiles `json:"s3capped"`
	CDN      Quantiles `json:"cdn"`
}

// Bound is the least time in which any scheme could bring the image to all
// cameras, s. The slowest downlink counts as far down as the spread of its class
// goes, but not sites, whose line carries one image.
func (f *Fleet) Bound() float64 {
	bits := 8 * float64(f.ImageBytes)
	var seeds, up, lines, slowest float64
	slowest = math.Inf(1)
	for _, r := range f.Regions {
		seeds += float64(r.Seeds) * r.SeedUp
	}
	for _, c := range f.Classes {
		if c.Cameras == 0 {
			continue
		}
		n := float64(c.Cameras)
		if c.Site > 1 {
			n /= float64(c.Site)
		}
		lines += n
		up += n * c.Up
		slowest = min(slowest, c.Down*(1-c.Spread))
	}
	return max(bits/seeds, bits/slowest, lines*bits/(seeds+up))
}

// Connections is how many cameras one seed serves at a time.
func (f *Fleet) Connections() int {
	if f.SeedConnections > 0 {
		return f.SeedConnections
	}
	return seedConnections
}

// wire is how many bytes cross a line for each byte of the image.
func (f *Fleet) wire() float64 {
	return 1 + f.Params.Header + f.Params.Message/float64(min(f.BlockBytes, f.ImageBytes))
}

// hop is the time between a camera's first block and the moment at which
// what it sends can be with somebody, s.
func (f *Fleet) hop(up, rtt float64) float64 {
	b := float64(min(f.BlockBytes, f.ImageBytes))
	return 1.5*rtt + f.cold(b, rtt) + f.Params.Ramp*b*f.wire()/up
}

// cold is what slow start adds to the first block on a connection.
func (f *Fleet) cold(b, rtt float64) float64 {
	return rtt * math.Ceil(math.Log2(max(1, b/quicWindow)))
}

// Run integrates the model. The error wraps ErrModel.
func (f Fleet) Run() (*Result, error) {
	m, err := f.integrate()
	if err != nil {
		return nil, err
	}
	r := m.result()
	if n := Calibrated().LargestNodes; r.Cameras > n {
		r.ExtrapolatedBeyond = n
	}
	return r, nil
}

func (f Fleet) integrate() (*model, error) {
	if f.Params == (Params{}) {
		f.Params = DefaultParams()
	}
	if f.Origin == (Origin{}) {
		f.Origin = DefaultOrigin()
	}
	if f.AnnounceDegree == 0 {
		f.AnnounceDegree = 4
	}
	if f.SeedAnnounceDegree == 0 {
		f.SeedAnnounceDegree = 8
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	f.Classes = slices.DeleteFunc(slices.Clone(f.Classes), func(c Class) bool { return c.Cameras == 0 })
	m := newModel(&f)
	if err := m.announce(); err != nil {
		return nil, err
	}
	if err := m.spread(); err != nil {
		return nil, err
	}
	if err := m.origins(); err != nil {
		return nil, err
	}
	return m, nil
}
