package guard

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/announce/beacon"
	"camswarm/verify"
)

var now = time.Unix(1_800_000_000, 0)

func plan() Plan {
	return Plan{Bound: 0.05, Confidence: 0.95, MinSample: 20, Steps: []uint16{1000, 5000, 10000}, Hold: time.Hour, Settled: 0.5, MaxAge: 5 * time.Minute, Seeds: 2, Counting: 6 * time.Hour}
}

func seen(seed string, cameras, works, fails int) Evidence {
	return Evidence{Seed: seed, At: now, Since: now.Add(-24 * time.Hour), Cameras: cameras, Count: beacon.ReleaseCount{States: map[beacon.State]int{
		beacon.StateConfirmed: works, beacon.StateFailed: fails - fails/2, beacon.StateRolledBack: fails / 2}}}
}

func canaries(seeds ...Evidence) Situation {
	return Situation{Now: now, Since: now.Add(-2 * time.Hour), Head: now, Offered: true, Policy: verify.Rollout{Mode: verify.RolloutCanary, Label: "early", Warm: true}, Seeds: seeds}
}

func at(share uint16, s Situation) Situation {
	s.Policy = Wider(s.Policy, share, uint64(s.Since.Unix()))
	return s
}

func TestTheGuard(t *testing.T) {
	good := []Evidence{seen("eu", 500, 60, 0), seen("us", 500, 60, 1)}
	for name, c := range map[string]struct {
		s    Situation
		want Action
		to   uint16
		says string
	}{
		"good canaries":       {canaries(good...), Widen, 1000, "certainly at most"},
		"at 10 %":             {at(1000, canaries(good...)), Widen, 5000, ""},
		"at 50 %, few tried":  {at(5000, canaries(good...)), Wait, 0, "of about 500"},
		"at 50 %, most tried": {at(5000, canaries(seen("eu", 500, 200, 2), seen("us", 500, 200, 2))), Widen, 10000, ""},
		"at 100 %":            {at(10000, canaries(good...)), Done, 0, "every step"},
		"bad canaries":        {canaries(seen("eu", 500, 15, 5), seen("us", 500, 15, 5)), Halt, 0, "10 of 40"},
		"bad at 100 %":        {at(10000, canaries(seen("eu", 500, 300, 100), seen("us", 500, 300, 100))), Halt, 0, ""},
		"bad in one region":   {canaries(seen("eu", 5000, 1000, 0), seen("us", 500, 20, 10)), Halt, 0, "seed us"},
		"the seeds disagree":  {canaries(seen("eu", 5000, 1000, 0), seen("us", 500, 20, 2)), Wait, 0, "disagree"},
		"too few":             {canaries(seen("eu", 500, 5, 0), seen("us", 500, 5, 5)), Wait, 0, "only 15"},
		"not sure":            {canaries(seen("eu", 500, 15, 1), seen("us", 500, 15, 0)), Wait, 0, "not certainly"},
		"one seed is silent":  {canaries(good[0], Evidence{Seed: "us"}), Wait, 0, "1 of 2 seeds"},
		"no seed at all":      {canaries(), Wait, 0, "0 of 0 seeds"},
	} {
		if d := Decide(plan(), c.s); d.Action != c.want || d.To != c.to || !strings.Contains(d.Reason, c.says) {
			t.Errorf("%s: %+v, want %s to %d, saying %q", name, d, c.want, c.to, c.says)
		}
	}
	lost := canaries(seen("eu", 500, 10, 0), seen("us", 500, 10, 0))
	lost.Seeds[0].Count.Overdue = 8
	if d := Decide(plan(), lost); d.Action != Halt || d.Failed != 8 {
		t.Errorf("cameras that installed and are not heard of: %+v", d)
	}
}

// What stands in the way of each widening, alone.
func TestNothingIsWidenedUnlessEverythingHolds(t *testing.T) {
	good := func() Situation { return canaries(seen("eu", 500, 60, 0), seen("us", 500, 60, 0)) }
	if d := Decide(plan(), good()); d.Action != Widen {
		t.Fatalf("%+v", d)
	}
	for name, spoil := range map[string]func(*Situation){
		"halted":          func(s *Situation) { s.Policy.Halted = true },
		"revoked":         func(s *Situation) { s.Offered = false },
		"registry paused": func(s *Situation) { s.Paused = true },
		"rollout paused":  func(s *Situation) { s.Policy = verify.Rollout{} },
		"another's ramp": func(s *Situation) {
			s.Policy = verify.Rollout{Mode: verify.RolloutPercent, Start: uint64(now.Unix()) - 10, Duration: 3600, EndBps: 500}
		},
		"a future ramp": func(s *Situation) {
			s.Policy = verify.Rollout{Mode: verify.RolloutPercent, Start: uint64(now.Unix()) + 10, EndBps: 500}
		},
		"held too short":        func(s *Situation) { s.Since = now.Add(-59 * time.Minute) },
		"stale report":          func(s *Situation) { s.Seeds[1].At = now.Add(-6 * time.Minute) },
		"report of future":      func(s *Situation) { s.Seeds[1].At = now.Add(6 * time.Minute) },
		"silent seed":           func(s *Situation) { s.Seeds[1].At = time.Time{} },
		"restarted seed":        func(s *Situation) { s.Seeds[1].Since = now.Add(-6*time.Hour + time.Second) },
		"a seed of unknown age": func(s *Situation) { s.Seeds[1].Since = time.Time{} },
		"chain behind":          func(s *Situation) { s.Head = now.Add(-6 * time.Minute) },
		"clock behind":          func(s *Situation) { s.Head = now.Add(6 * time.Minute) },
	} {
		s := good()
		spoil(&s)
		if d := Decide(plan(), s); d.Action != Wait && d.Action != Done {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for name, spoil := range map[string]func(*Situation){
		"a clock behind":  func(s *Situation) { s.Now = s.Now.Add(-24 * time.Hour) },
		"a clock ahead":   func(s *Situation) { s.Now = s.Now.Add(24 * time.Hour) },
		"a seed's behind": func(s *Situation) { s.Seeds[0].At = now.Add(-24 * time.Hour) },
		"a seed's ahead":  func(s *Situation) { s.Seeds[0].At = now.Add(24 * time.Hour) },
	} {
		s := at(1000, canaries(seen("eu", 500, 100, 100)))
		spoil(&s)
		if d := Decide(plan(), s); d.Action != Halt {
			t.Errorf("%s must not keep it from halting: %+v", name, d)
		}
	}
	behind := at(1000, canaries(seen("eu", 500, 100, 100)))
	behind.Head = time.Time{}
	if d := Decide(plan(), behind); d.Action != Halt {
		t.Errorf("a wrong clock must not keep it from halting: %+v", d)
	}
}

// Who installed a release and says no more may have been lost to it: until it speaks, or
// counts as failed for being overdue, it stands in the way.
func TestNothingIsWidenedOverCamerasThatFellSilent(t *testing.T) {
	for _, dead := range []int{0, 8} {
		s := canaries(seen("eu", 500, 92, 0))
		s.Seeds[0].Count.States[beacon.StateInstalled] = dead
		p := plan()
		p.Seeds = 1
		want := map[int]Action{0: Widen, 8: Wait}[dead]
		if d := Decide(p, s); d.Action != want || d.Pending != dead || d.Failed != 0 {
			t.Errorf("%d of %d canaries are silent since they installed it: %+v", dead, 92+dead, d)
		}
	}
	few := canaries(seen("eu", 5000, 1000, 0), seen("us", 500, 20, 0))
	few.Seeds[1].Count.States[beacon.StateInstalled] = 8
	if d := Decide(plan(), few); d.Action != Wait || !strings.Contains(d.Reason, "8 of 28 cameras of seed us") {
		t.Errorf("all silent ones are in one region: %+v", d)
	}
}

// Random situations: what holds of all of them.
func TestPropertiesOfTheGuard(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	acted := map[Action]int{}
	for range 20_000 {
		p := plan()
		p.Bound, p.Confidence, p.MinSample = 0.01+0.4*rng.Float64(), 0.8+0.19*rng.Float64(), 1+rng.IntN(40)
		p.Settled, p.Seeds = rng.Float64(), 1+rng.IntN(2)
		var seeds []Evidence
		for i := range 1 + rng.IntN(3) {
			rate := []float64{0, 0.02, 0.5}[rng.IntN(3)]
			n := rng.IntN(200)
			fails := int(float64(n) * rate)
			e := seen(fmt.Sprint(i), n+rng.IntN(400), n-fails, fails)
			e.At = now.Add(-time.Duration(rng.IntN(400)) * time.Second)
			if rng.IntN(8) == 0 {
				e.Since = now.Add(-time.Hour)
			}
			seeds = append(seeds, e)
		}
		s := canaries(seeds...)
		if share := min(rng.IntN(12001), verify.MaxBps); share > 0 && rng.IntN(2) == 0 {
			s = at(uint16(share), s)
		}
		d := Decide(p, s)
		acted[d.Action]++
		share, _ := shareOf(s.Policy, s.Now)
		if d.Action == Widen && (d.To <= share || d.High > p.Bound || d.Tried < p.MinSample || d.Seeds < p.Seeds || p.Seeds == len(s.Seeds) && slices.ContainsFunc(s.Seeds, func(e Evidence) bool { return e.Since.Equal(now.Add(-time.Hour)) })) {
			t.Fatalf("widened from %d: %+v by %+v", share, d, p)
		}
		if d.Action != Widen && d.To != 0 {
			t.Fatalf("%+v", d)
		}
		// One more failure never widens what was not, and never saves what was halted.
		worse := s
		worse.Seeds = append([]Evidence{}, s.Seeds...)
		i := rng.IntN(len(worse.Seeds))
		e := worse.Seeds[i]
		e.Count = seen("", 0, e.Count.States[beacon.StateConfirmed]-min(1, e.Count.States[beacon.StateConfirmed]), e.Count.Failed()+1).Count
		worse.Seeds[i] = e
		if w := Decide(p, worse); w.Action == Widen && d.Action != Widen && d.Tried == w.Tried || d.Action == Halt && w.Action != Halt {
			t.Fatalf("%+v, and with one more failure %+v", d, w)
		}
		// A seed less never widens what was not.
		fewer := s
		fewer.Seeds = append([]Evidence{}, s.Seeds...)
		fewer.Seeds[i].At = time.Time{}
		q := p
		q.Seeds = len(s.Seeds)
		if Decide(q, fewer).Action == Widen {
			t.Fatalf("widened without seed %d of %d", i, q.Seeds)
		}
	}
	for _, a := range []Action{Wait, Halt, Widen, Done} {
		if acted[a] < 100 {
			t.Errorf("only %d of 20,000 situations lead to %s: the test shows nothing of it", acted[a], a)
		}
	}
}

// The bounds are what they say: at a rate that is just outside of them, what was seen
// or more (less) has a chance of 1 - confidence.
func TestBoundsAreExact(t *testing.T) {
	tail := func(from, to, n int, p float64) (sum float64) {
		for k := from; k <= to; k++ {
			a, _ := math.Lgamma(float64(n + 1))
			b, _ := math.Lgamma(float64(k + 1))
			c, _ := math.Lgamma(float64(n - k + 1))
			sum += math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
		}
		return sum
	}
	for _, n := range []int{1, 2, 10, 59, 300} {
		for _, x := range []int{0, 1, n / 3, n - 1, n} {
			for _, c := range []float64{0.5, 0.9, 0.99} {
				low, high := Lower(x, n, c), Upper(x, n, c)
				if x > 0 && math.Abs(tail(x, n, n, low)-(1-c)) > 1e-6 || x == 0 && low != 0 {
					t.Errorf("Lower(%d, %d, %v) = %v", x, n, c, low)
				}
				if x < n && math.Abs(tail(0, x, n, high)-(1-c)) > 1e-6 || x == n && high != 1 {
					t.Errorf("Upper(%d, %d, %v) = %v", x, n, c, high)
				}
			}
		}
	}
	if n := 59; Upper(0, n, 0.95) > 0.05 || Upper(0, n-1, 0.95) < 0.05 {
		t.Error("59 cameras without a failure must be the fewest that show a rate below 5 % by 95 %")
	}
}

// How often a guard that looks after each camera errs over a whole rollout: docs/FLEET.md
// quotes it.
func TestHowOftenTheGuardErrs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	p := plan()
	p.Confidence, p.Seeds, p.Hold, p.Settled = 0.99, 1, 0, 0
	const runs, cameras = 1000, 500
	play := func(rate float64) (halted, widened int, reached float64) {
		for range runs {
			works, fails := 0, 0
			for range cameras {
				if rng.Float64() < rate {
					fails++
				} else {
					works++
				}
				d := Decide(p, canaries(seen("eu", 10_000, works, fails)))
				if d.Action == Halt {
					halted++
				}
				if d.Action == Widen {
					widened++
				}
				if d.Action == Halt || d.Action == Widen {
					break
				}
			}
			reached += float64(works+fails) / runs
		}
		return halted, widened, reached
	}
	for _, c := range []struct {
		rate                   float64
		halts, widens, atLeast int
	}{{0.01, 10, runs, 950}, {0.15, runs, 10, 950}, {0.5, runs, 1, runs}} {
		h, w, n := play(c.rate)
		t.Logf("of %d rollouts with %.0f %% failures, bound 5 %%, 99 %% sure: %d halted, %d widened, after %.0f cameras on average", runs, 100*c.rate, h, w, n)
		if h > c.halts || w > c.widens || h+w < c.atLeast {
			t.Errorf("rate %v: %d halted, %d widened", c.rate, h, w)
		}
	}
}
