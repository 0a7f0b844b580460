package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// RolloutMode says which devices of a region may install a release. The
// numbers are those of the contract.
type RolloutMode uint8

// The modes, in the order in which a release usually passes through them.
const (
	RolloutPaused  RolloutMode = iota // nobody: the state of a release without a policy
	RolloutCanary                     // the devices listed, or those that carry the label
	RolloutPercent                    // a share of devices that grows linearly from StartBps to EndBps
	RolloutAll                        // every device
)

var rolloutModes = [...]string{"paused", "canary", "percent", "all"}

// RolloutModes returns the modes' words, in their order.
func RolloutModes() []string { return slices.Clone(rolloutModes[:]) }

// ParseRolloutMode reads "paused", "canary", "percent" or "all".
func ParseRolloutMode(s string) (RolloutMode, error) {
	i := slices.Index(rolloutModes[:], s)
	if i < 0 {
		return 0, fmt.Errorf("rollout mode %q must be paused, canary, percent or all", clip(s))
	}
	return RolloutMode(i), nil
}

// String returns the mode's word.
func (m RolloutMode) String() string {
	if int(m) < len(rolloutModes) {
		return rolloutModes[m]
	}
	return fmt.Sprintf("unknown mode (%d)", uint8(m))
}

// MarshalText returns the mode's word; a mode of no name is an error.
func (m RolloutMode) MarshalText() ([]byte, error) {
	if int(m) >= len(rolloutModes) {
		return nil, fmt.Errorf("rollout mode %d has no name", uint8(m))
	}
	return []byte(rolloutModes[m]), nil
}

// UnmarshalText is [ParseRolloutMode].
func (m *RolloutMode) UnmarshalText(b []byte) (err error) {
	*m, err = ParseRolloutMode(string(b))
	return err
}

// MaxBps is the whole, in basis points.
const MaxBps = 10000

// Rollout is the operator's policy for one release in one region. A device
// evaluates it alone, see [Choose].
type Rollout struct {
	Mode      RolloutMode
	Halted    bool       // the operator stopped this release everywhere; overrides Mode
	NotBefore uint64     // seconds since 1970; nothing is installed earlier
	Start     uint64     // seconds since 1970; when the ramp of RolloutPercent starts
	Duration  uint32     // seconds from StartBps to EndBps; 0: EndBps at once from Start
	StartBps  uint16     // share at Start in basis points, 0..10000
	EndBps    uint16     // share at Start+Duration in basis points, 0..10000; below StartBps it counts as StartBps
	Warm      bool       // devices may fetch and serve before they are eligible to install
	Canaries  [][32]byte // SHA-256 of device DIDs, at most MaxCanaries
	Label     string     // devices provisioned with this label are canaries; "" for none
}

// Device is what one device knows of itself when it judges a release.
type Device struct {
	DID       string // identifies the device in canary lists and ramps
	Label     string // canary label, "" for none
	Hardware  string // hardware revision, matched with Manifest.Hardware
	Installed uint64 // sequence that runs now; 0: unknown or factory image
	Seed      bool   // a seed: fetches every candidate at once and never installs
}

// did returns the device's DID in normal form, so that a device provisioned
// with did:io:0xAB… is the canary listed as did:io:0xab….
func (d Device) did() DID {
	if n, err := ParseDID(d.DID); err == nil {
		return n
	}
	return DID(d.DID)
}

// Choice is the outcome of [Choose]: the release to move to, and how far.
type Choice struct {
	Sequence uint64 // 0: nothing to do
	Fetch    bool   // the image may be fetched and served
	Install  bool   // the image may be installed now
	Reason   string // one of the Reason constants, for logs and status
	NextAt   uint64 // seconds since 1970 when the answer may change by time alone; 0: only by a chain change
}

// The reasons of a [Choice].
const (
	ReasonNoView     = "no view of the registry"
	ReasonPaused     = "registry paused"
	ReasonNoRelease  = "no release offered"
	ReasonCurrent    = "up to date"
	ReasonBarrier    = "barrier release not offered"
	ReasonEligible   = "eligible"
	ReasonWarming    = "warming the cache"
	ReasonHalted     = "halted"
	ReasonModePaused = "rollout paused"
	ReasonNotCanary  = "not a canary"
	ReasonRamp       = "waiting for ramp"
	ReasonOutside    = "outside the ramp"
	ReasonNotBefore  = "waiting for not-before"
)

// never is a time that does not come.
const never = math.MaxUint64

// Choose decides, from the chain's view and what a device knows of itself,
// which release it should move to. It is pure: the same inputs give the same
// answer on every device and in every simulation. now is seconds since 1970.
//
// It considers the candidates above the installed sequence, at or above the
// view's MinSequence and, for a device below the barrier, at or below the
// barrier. Of these it takes the newest that the device is eligible to
// install; else the newest that it may fetch ahead (Warm); else the newest.
// A Seed fetches the newest candidate that is not halted, whatever the
// policy; [Warmable] lists the others. A paused registry stops everything.
//
// What only the manifest knows (hardware, precursor) is left to
// [Approved.CheckInstall].
func Choose(view *View, dev Device, now uint64) Choice {
	if view == nil {
		return Choice{Reason: ReasonNoView}
	}
	if view.Paused {
		return Choice{Reason: ReasonPaused}
	}
	if dev.Seed {
		if warm := Warmable(view); len(warm) > 0 {
			return Choice{Sequence: warm[0], Fetch: true, Reason: ReasonWarming}
		}
		return Choice{Reason: ReasonNoRelease}
	}
	if len(view.Candidates) == 0 {
		return Choice{Reason: ReasonNoRelease}
	}

	best := Choice{Reason: ReasonCurrent}
	next := uint64(never)
	for _, c := range newestFirst(view.Candidates) {
		if c.Revoked || c.Sequence <= dev.Installed || c.Sequence < view.MinSequence {
			continue
		}
		if dev.Installed < view.Barrier && c.Sequence > view.Barrier {
			if best.Sequence == 0 {
				best.Reason = ReasonBarrier
			}
			continue
		}
		at, reason := eligibleAt(c, dev)
		if at <= now && at != never {
			best = Choice{Sequence: c.Sequence, Fetch: true, Install: true, Reason: ReasonEligible}
			break
		}
		next = min(next, at)
		fetch := c.Rollout.Warm && !c.Rollout.Halted
		if best.Sequence == 0 || fetch && !best.Fetch {
			best = Choice{Sequence: c.Sequence, Fetch: fetch, Reason: reason}
		}
	}
	if next != never {
		best.NextAt = next
	}
	return best
}

// Warmable returns the sequences that a seed keeps ready, newest first: every
// candidate that is neither revoked nor halted, whatever its rollout mode, so
// that a region is warm before its cameras are eligible. It is empty while the
// registry is paused.
func Warmable(view *View) []uint64 {
	if view == nil || view.Paused {
		return nil
	}
	var seqs []uint64
	for _, c := range newestFirst(view.Candidates) {
		if !c.Revoked && !c.Rollout.Halted {
			seqs = append(seqs, c.Sequence)
		}
	}
	return seqs
}

func newestFirst(cs []Candidate) []Candidate {
	return slices.SortedStableFunc(slices.Values(cs), func(a, b Candidate) int { return cmp.Compare(b.Sequence, a.Sequence) })
}

// eligibleAt returns the time from which the device may install the release
// under its policy, or never, and why it has to wait. Because the answer is a
// time, a device that is eligible stays so while the policy stands.
func eligibleAt(c Candidate, dev Device) (at uint64, reason string) {
	r := c.Rollout
	if r.Halted {
		return never, ReasonHalted
	}
	switch r.Mode {
	case RolloutAll:
		at = 0
	case RolloutCanary:
		labelled := r.Label != "" && r.Label == dev.Label
		if !labelled && !slices.Contains(r.Canaries, dev.did().Hash()) {
			return never, ReasonNotCanary
		}
	case RolloutPercent:
		if at = rampAt(r, rank(dev.did(), c.Envelope)); at == never {
			return never, ReasonOutside
		}
	default:
		return never, ReasonModePaused
	}
	if at < r.NotBefore {
		return r.NotBefore, ReasonNotBefore
	}
	return at, ReasonRamp
}

// rank places a device on a release's ramp: a number that is spread evenly
// over the uint64s, salted by the release so that the same homes are not
// always first.
func rank(did DID, envelope [32]byte) uint64 {
	h := sha256.New()
	h.Write([]byte("camswarm/rollout/v1"))
	h.Write([]byte(did))
	h.Write(envelope[:])
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// rampAt returns the first second at which rank/2^64 < share, or never, where
// share(t) = (StartBps + (EndBps-StartBps)·(t-Start)/Duration) / 10000 from
// Start to Start+Duration, in exact arithmetic.
func rampAt(r Rollout, rank uint64) uint64 {
	start, end := uint64(min(r.StartBps, MaxBps)), uint64(min(r.EndBps, MaxBps))
	duration := uint64(r.Duration)
	if duration == 0 {
		start, duration = end, 1
	}
	end = max(end, start)
	// rank/2^64 < bps·duration/(10000·duration), both sides times
	// 10000·duration: need is the left one rounded down.
	need, _ := bits.Mul64(rank, MaxBps*duration)
	var wait uint64
	if need >= start*duration {
		if end == start {
			return never
		}
		wait = (need-start*duration)/(end-start) + 1
		if wait > duration {
			return never
		}
	}
	if r.Start > never-1-wait {
		return never
	}
	return r.Start + wait
}

// maxAhead is how far a device's clock may be ahead of the chain's time, in
// seconds, before it is taken for wrong.
const maxAhead = 24 * 60 * 60

// Now returns the time a device should reckon with: its own clock if that is
// not before the chain's time, else the chain's (a camera that boots in 1970
// reckons by the chain); a clock more than a day ahead of the chain is floored
// to the chain's time too. Both are seconds since 1970; chain 0 means that the
// chain's time is not known yet, then the clock has to do.
func Now(clock, chain uint64) uint64 {
	if chain != 0 && (clock < chain || clock-chain > maxAhead) {
		return chain
	}
	return clock
}
