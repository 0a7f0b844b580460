package guard

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"camswarm/announce/beacon"
	"camswarm/verify"
)

// Plan is what an operator wants of a rollout.
type Plan struct {
	// Bound is the share of failures that is too much, between 0 and 1.
	Bound float64
	// Confidence is how sure the guard must be, between 0.5 and 1: that the rate is above
	// Bound before it halts, that it is below before it widens. Nearer to 1 errs less
	// often and needs more cameras.
	Confidence float64
	// MinSample is of how many cameras it must be known whether the release works there
	// before anything is concluded. At least 1.
	MinSample int
	// Steps are the shares, in basis points and growing, through which the rollout widens.
	Steps []uint16
	// Hold is the least time between two steps.
	Hold time.Duration
	// Settled is the share of the cameras that may install at present of which it must be
	// known, before the next step, 0 to 1.
	Settled float64
	// MaxAge is how old a seed's report may be, and the chain's head.
	MaxAge time.Duration
	// Seeds is how many of the seeds must have answered before the next step, and have
	// counted for at least Counting: a seed that restarted knows of no failure before.
	Seeds    int
	Counting time.Duration
}

// ErrPlan is wrapped by the errors of [Plan.Validate].
var ErrPlan = errors.New("guard: bad plan")

// Validate reports the first value that cannot be.
func (p Plan) Validate() error {
	switch {
	case !(p.Bound > 0 && p.Bound < 1):
		return fmt.Errorf("%w: a bound of %s: it must be between 0%% and 100%%", ErrPlan, Share(p.Bound))
	case !(p.Confidence >= 0.5 && p.Confidence < 1):
		return fmt.Errorf("%w: a confidence of %s: it must be from 50%% to below 100%%", ErrPlan, Share(p.Confidence))
	case p.MinSample < 1:
		return fmt.Errorf("%w: a sample of %d", ErrPlan, p.MinSample)
	case len(p.Steps) > 0 && (p.Steps[0] == 0 || p.Steps[len(p.Steps)-1] > verify.MaxBps) || !slices.IsSorted(p.Steps) || len(slices.Compact(slices.Clone(p.Steps))) != len(p.Steps):
		return fmt.Errorf("%w: steps must grow, from above 0%% to 100%%", ErrPlan)
	case p.Hold < 0 || p.MaxAge <= 0 || p.Counting < 0:
		return fmt.Errorf("%w: times must be positive", ErrPlan)
	case !(p.Settled >= 0 && p.Settled <= 1):
		return fmt.Errorf("%w: a settled share of %s", ErrPlan, Share(p.Settled))
	case p.Seeds < 1:
		return fmt.Errorf("%w: widening on the word of %d seeds", ErrPlan, p.Seeds)
	}
	return nil
}

// Evidence is what one seed counts of the release.
type Evidence struct {
	Seed    string
	At      time.Time // when it counted; zero: it does not answer
	Since   time.Time // when it began to; zero: not known
	Cameras int       // of the product that tell this seed
	Count   beacon.ReleaseCount
}

// EvidenceOf takes from what a seed gives out what it counts of a release. Of a seed that
// does not count the product it is as if it did not answer.
func EvidenceOf(seed string, f beacon.Fleet, product verify.ProductID, sequence uint64) Evidence {
	e := Evidence{Seed: seed}
	if at := slices.IndexFunc(f.Reports, func(r beacon.Report) bool { return r.Product == product }); at >= 0 {
		r := f.Reports[at]
		e.At, e.Since, e.Cameras, e.Count = r.At, r.Since, r.Cameras, r.Of(sequence)
	}
	return e
}

// Situation is all that a decision rests on.
type Situation struct {
	Now   time.Time // by the guard's clock
	Since time.Time // when the policy in force was seen first

	Head    time.Time // of the chain
	Paused  bool      // the registry
	Offered bool      // the release is, in the region
	Policy  verify.Rollout

	Seeds []Evidence
}

// Action is what to do.
type Action string

// The actions.
const (
	Wait  Action = "wait"
	Halt  Action = "halt"
	Widen Action = "widen"
	Done  Action = "done" // every step is taken, or the release was halted: watch, or end
)

// Decision is what to do, why, and on how many cameras that rests.
type Decision struct {
	Action  Action  `json:"action"`
	To      uint16  `json:"toBps,omitempty"` // of Widen
	Reason  string  `json:"reason"`
	Seeds   int     `json:"seeds"`   // whose reports counted
	Cameras int     `json:"cameras"` // of the product that tell them
	Tried   int     `json:"tried"`   // of which it is known whether the release works there
	Failed  int     `json:"failed"`
	Pending int     `json:"pending"` // that installed it and have not confirmed it yet
	Low     float64 `json:"low"`     // bounds of the rate of failures, by Plan.Confidence: if all pending come up,
	High    float64 `json:"high"`    // and if none does; 1 while nothing is known
}

// count takes up what some seeds count.
func (d *Decision) count(p Plan, seeds []Evidence) {
	d.Seeds, d.Cameras, d.Tried, d.Failed, d.Pending = len(seeds), 0, 0, 0, 0
	for _, e := range seeds {
		d.Cameras += e.Cameras
		d.Tried += e.Count.Tried()
		d.Failed += e.Count.Failed()
		d.Pending += e.Count.Pending()
	}
	d.Low, d.High = 0, 1
	if d.Tried > 0 {
		d.Low = Lower(d.Failed, d.Tried, p.Confidence)
		d.High = Upper(d.Failed+d.Pending, d.Tried+d.Pending, p.Confidence)
	}
}

// Decide decides. A rate of failures that is certainly above the bound, of all seeds
// together or at one of them, halts, whatever else holds and whatever any clock says.
// Widening needs everything: fresh reports of enough seeds, none of which sees too many
// failures, a rate that is certainly below the bound even if no camera that installed
// the release and has not confirmed it ever comes up, enough cameras that have tried,
// time, and a chain whose head agrees with the guard's clock. All else waits.
func Decide(p Plan, s Situation) Decision {
	d := Decision{Action: Wait}
	var answered, fresh []Evidence
	seasoned := 0
	for _, e := range s.Seeds {
		if e.At.IsZero() {
			continue
		}
		answered = append(answered, e)
		if within(e.At, s.Now, p.MaxAge) {
			fresh = append(fresh, e)
			if p.Counting == 0 || !e.Since.IsZero() && e.At.Sub(e.Since) >= p.Counting {
				seasoned++
			}
		}
	}
	d.count(p, answered)
	because := func(a Action, format string, args ...any) Decision {
		d.Action, d.Reason = a, fmt.Sprintf(format, args...)
		return d
	}
	if s.Policy.Halted {
		return because(Done, "the release is halted")
	}
	if !s.Offered {
		return because(Wait, "the registry does not offer the release: it was revoked, or newer ones took its place")
	}
	if d.Tried >= p.MinSample && d.Low > p.Bound {
		return because(Halt, "%d of %d cameras failed: certainly more than %s", d.Failed, d.Tried, percent(p.Bound))
	}
	for _, e := range answered { // as many questions, as much surer
		x, n := e.Count.Failed(), e.Count.Tried()
		if n >= p.MinSample && Lower(x, n, 1-(1-p.Confidence)/float64(len(s.Seeds))) > p.Bound {
			return because(Halt, "%d of %d cameras of seed %s failed: certainly more than %s", x, n, e.Seed, percent(p.Bound))
		}
	}
	d.count(p, fresh)
	share, steady := shareOf(s.Policy, s.Now)
	at := slices.IndexFunc(p.Steps, func(step uint16) bool { return step > share })
	switch {
	case s.Paused:
		return because(Wait, "the registry is paused")
	case s.Policy.Mode == verify.RolloutPaused:
		return because(Wait, "the rollout has not begun: give it to canaries first")
	case !steady:
		return because(Wait, "a ramp that the plan does not know is under way")
	case at < 0:
		return because(Done, "every step of the plan is taken, at %s", bps(share))
	case !within(s.Head, s.Now, p.MaxAge):
		return because(Wait, "the chain's head is of %s and this clock says %s: one of them is wrong", s.Head.UTC().Format(time.RFC3339), s.Now.UTC().Format(time.RFC3339))
	case d.Seeds < p.Seeds:
		return because(Wait, "%d of %d seeds have given a fresh report, %d must", d.Seeds, len(s.Seeds), p.Seeds)
	case seasoned < p.Seeds:
		return because(Wait, "%d of %d seeds have counted for %v, %d must: who restarted has forgotten what it was told", seasoned, len(s.Seeds), p.Counting, p.Seeds)
	case d.Tried < p.MinSample:
		return because(Wait, "only %d cameras have tried it, %d must have", d.Tried, p.MinSample)
	}
	for _, e := range fresh {
		x, n := e.Count.Failed()+e.Count.Pending(), e.Count.Tried()+e.Count.Pending()
		if n > 0 && float64(x) > p.Bound*float64(n) && x > 1 {
			return because(Wait, "%d of %d cameras of seed %s failed or have not confirmed it yet: the seeds disagree, or it is too early to tell", x, n, e.Seed)
		}
	}
	if d.High > p.Bound {
		return because(Wait, "%d of %d cameras failed and %d have not confirmed it yet: between %s and %s, not certainly below %s", d.Failed, d.Tried+d.Pending, d.Pending, percent(d.Low), percent(d.High), percent(p.Bound))
	}
	if need := p.Settled * float64(share) / verify.MaxBps * float64(d.Cameras); float64(d.Tried) < need {
		return because(Wait, "%d of about %.0f cameras that may install have tried it, %s must have", d.Tried, float64(share)/verify.MaxBps*float64(d.Cameras), percent(p.Settled))
	}
	if until := s.Since.Add(p.Hold); s.Now.Before(until) {
		return because(Wait, "the present step holds until %s", until.UTC().Format(time.RFC3339))
	}
	d.To = p.Steps[at]
	return because(Widen, "%d of %d cameras failed and %d have not confirmed it yet: certainly at most %s", d.Failed, d.Tried+d.Pending, d.Pending, percent(d.High))
}

// within reports whether two times differ by at most so much.
func within(a, b time.Time, most time.Duration) bool { return a.Sub(b).Abs() <= most }

// shareOf is the share of cameras that a policy lets install, canaries being none, and
// whether it stays so by itself.
func shareOf(r verify.Rollout, now time.Time) (bps uint16, steady bool) {
	switch r.Mode {
	case verify.RolloutAll:
		return verify.MaxBps, true
	case verify.RolloutPercent:
		end := max(r.StartBps, r.EndBps)
		over := r.Start+uint64(r.Duration) <= uint64(max(now.Unix(), 0))
		return end, over || r.StartBps == end
	}
	return 0, true
}

// Wider is the policy of a step: what the present one says beside shares stays.
func Wider(present verify.Rollout, to uint16, now uint64) verify.Rollout {
	r := verify.Rollout{Mode: verify.RolloutPercent, Start: now, StartBps: to, EndBps: to, Warm: present.Warm, NotBefore: present.NotBefore}
	if to == verify.MaxBps {
		r = verify.Rollout{Mode: verify.RolloutAll, Warm: present.Warm, NotBefore: present.NotBefore}
	}
	return r
}

func percent(f float64) string { return fmt.Sprintf("%.3g%%", 100*f) }
func bps(n uint16) string      { return percent(float64(n) / verify.MaxBps) }
