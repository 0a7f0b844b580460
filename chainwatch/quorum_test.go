package chainwatch

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch/internal/web"
	"camswarm/verify"
)

// said builds an answer; content follows from the view as it would on the wire.
func said(endpoint int, operator string, v verify.View) Answer {
	return Answer{Endpoint: endpoint, Operator: operator, View: v, Content: contentDigest(encodeView(v))}
}

func viewAt(rev, time uint64, candidates ...verify.Candidate) verify.View {
	v := verify.View{Registry: testRegistry, Product: testProduct, Region: testRegion, Rev: rev, RevBlock: 1, Block: time, Time: time, Digest: [32]byte{byte(rev)}, Candidates: candidates}
	for _, c := range candidates {
		v.Latest = max(v.Latest, c.Sequence)
	}
	return v
}

func paused(v verify.View) verify.View { v.Paused = true; return v }

func revoked(c verify.Candidate) verify.Candidate { c.Revoked = true; return c }

func halted(c verify.Candidate) verify.Candidate { c.Rollout.Halted = true; return c }

func TestDefaultThresholds(t *testing.T) {
	want := []Thresholds{1: {1, 1}, 2: {2, 2}, 3: {2, 2}, 4: {3, 2}, 5: {4, 2}, 6: {5, 2}, 7: {6, 2}, 8: {6, 2}, 12: {9, 2}, 16: {12, 2}}
	for n, w := range want {
		if w == (Thresholds{}) {
			continue
		}
		if got := DefaultThresholds(n); got != w {
			t.Errorf("%d operators: %+v, want %+v", n, got, w)
		}
	}
}

func TestDecide(t *testing.T) {
	const now = 1_800_000_000
	one, two := viewAt(10, now, release(1)), viewAt(11, now, release(2), release(1))
	known := func(v verify.View) Known {
		return Known{
			Checkpoint: Checkpoint{Registry: v.Registry, Product: v.Product, Rev: v.Rev, Digest: v.Digest, Block: v.Block, Time: v.Time},
			View:       &v, Content: contentDigest(encodeView(v)), Least: v.Time, MaxStale: 10 * time.Minute,
		}
	}
	onlyCheckpoint := func(v verify.View) Known { k := known(v); k.View, k.Content = nil, [32]byte{}; return k }
	fresh := Known{MaxStale: 10 * time.Minute}
	forged := one
	forged.Candidates = []verify.Candidate{rogue(1)}
	otherDigest := one
	otherDigest.Digest = [32]byte{0xff}
	old := func(v verify.View) verify.View { v.Time -= 3600; return v }
	ahead := func(v verify.View, s uint64) verify.View { v.Time += s; return v }

	tests := []struct {
		name      string
		need      Thresholds
		known     Known
		answers   []Answer
		accepted  uint64 // revision, 0: none
		err       string // attack name
		stopped   bool
		effective []string // sequences with "h" for halted, nil: no effective view
		flags     map[int]string
		higher    []int
	}{
		{name: "nobody answers", need: Thresholds{3, 2}, known: fresh, err: "rpc_down_all"},
		{name: "too few answer", need: Thresholds{3, 2}, known: fresh, answers: []Answer{said(0, "a", one), said(1, "b", one)}, err: "rpc_down_all"},
		{name: "three of four agree", need: Thresholds{3, 2}, known: fresh,
			answers:  []Answer{said(0, "a", one), said(1, "b", ahead(one, 2)), said(2, "c", ahead(one, 5))},
			accepted: 10, effective: []string{"1"}},
		{name: "endpoints of one operator are one vote", need: Thresholds{3, 2}, known: fresh,
			answers: []Answer{said(0, "a", one), said(1, "a", one), said(2, "a", one), said(3, "b", one)}, err: "rpc_down_all"},
		{name: "an operator that contradicts itself has no vote", need: Thresholds{2, 2}, known: fresh,
			answers: []Answer{said(0, "a", one), said(1, "a", forged), said(2, "b", one)}, err: "rpc_no_quorum",
			flags: map[int]string{0: "rpc_single_liar", 1: "rpc_single_liar"}},
		{name: "an operator with a lagging second server votes for both", need: Thresholds{2, 2}, known: fresh,
			answers:  []Answer{said(0, "a", one), said(1, "a", two), said(2, "b", two)},
			accepted: 11, effective: []string{"2", "1"}, flags: map[int]string{0: "rpc_stale_head"}},
		{name: "a forged content at the same revision", need: Thresholds{3, 2}, known: fresh,
			answers:  []Answer{said(0, "a", one), said(1, "b", forged), said(2, "c", one), said(3, "d", one)},
			accepted: 10, effective: []string{"1"}, flags: map[int]string{1: "rpc_single_liar"}},
		{name: "a lone higher revision", need: Thresholds{3, 2}, known: fresh,
			answers:  []Answer{said(0, "a", one), said(1, "b", two), said(2, "c", one), said(3, "d", one)},
			accepted: 10, effective: []string{"1"}, higher: []int{1}},
		{name: "a new release half way", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", two), said(1, "b", two), said(2, "c", one), said(3, "d", one)}, err: "rpc_no_quorum"},
		{name: "laggards are no votes against", need: Thresholds{3, 2}, known: known(one),
			answers:  []Answer{said(0, "a", two), said(1, "b", two), said(2, "c", one), said(3, "d", two)},
			accepted: 11, effective: []string{"2", "1"}, flags: map[int]string{2: "rpc_stale_head"}},
		{name: "a quorum below the checkpoint", need: Thresholds{2, 2}, known: onlyCheckpoint(two),
			answers: []Answer{said(0, "a", one), said(1, "b", one), said(2, "c", one)}, err: "rollback",
			flags: map[int]string{0: "rpc_stale_head", 1: "rpc_stale_head", 2: "rpc_stale_head"}},
		{name: "another digest at the checkpoint's revision", need: Thresholds{2, 2}, known: onlyCheckpoint(one),
			answers: []Answer{said(0, "a", otherDigest), said(1, "b", otherDigest)}, err: "rpc_fork",
			flags: map[int]string{0: "rpc_single_liar", 1: "rpc_single_liar"}},
		{name: "another content at the accepted revision", need: Thresholds{2, 2}, known: known(one),
			answers: []Answer{said(0, "a", forged), said(1, "b", forged)}, err: "rpc_fork",
			flags: map[int]string{0: "rpc_single_liar", 1: "rpc_single_liar"}},
		{name: "a stale endpoint has no vote", need: Thresholds{2, 2}, known: fresh,
			answers: []Answer{said(0, "a", old(two)), said(1, "b", two), said(2, "c", one)}, err: "indefinite_freeze",
			flags: map[int]string{0: "rpc_stale_head"}},
		{name: "frozen together, against the time that must have passed", need: Thresholds{2, 2},
			known:   Known{Checkpoint: known(one).Checkpoint, View: known(one).View, Content: known(one).Content, Least: now + 3600, MaxStale: 10 * time.Minute},
			answers: []Answer{said(0, "a", one), said(1, "b", one)}, err: "indefinite_freeze",
			flags: map[int]string{0: "rpc_stale_head", 1: "rpc_stale_head"}},
		{name: "staleness switched off", need: Thresholds{2, 2}, known: Known{Least: now + 3600},
			answers: []Answer{said(0, "a", one), said(1, "b", old(one))}, accepted: 10, effective: []string{"1"}},
		{name: "a head in the far future takes nobody's vote", need: Thresholds{3, 2}, known: fresh,
			answers:  []Answer{said(0, "a", ahead(one, math.MaxInt64)), said(1, "b", one), said(2, "c", one), said(3, "d", one)},
			accepted: 10, effective: []string{"1"}, flags: map[int]string{0: "rpc_single_liar"}},
		{name: "two stop a release before three know", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", viewAt(11, now, halted(release(1)))), said(1, "b", viewAt(11, now, halted(release(1)))), said(2, "c", one), said(3, "d", one)},
			err:     "rpc_no_quorum", stopped: true, effective: []string{"1h"}},
		{name: "one alone stops nothing", need: Thresholds{3, 2}, known: known(one),
			answers:  []Answer{said(0, "a", paused(viewAt(11, now, halted(release(1))))), said(1, "b", one), said(2, "c", one), said(3, "d", one)},
			accepted: 10, effective: []string{"1"}, higher: []int{0}},
		{name: "a stop is counted across revisions", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", viewAt(11, now, halted(release(1)))), said(1, "b", viewAt(12, now, release(2), halted(release(1)))), said(2, "c", one)},
			err:     "rpc_no_quorum", stopped: true, effective: []string{"1h"}},
		{name: "a stop brings nothing new with it", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", viewAt(11, now, rogue(2))), said(1, "b", viewAt(11, now, rogue(2))), said(2, "c", one), said(3, "d", one)},
			err:     "rpc_no_quorum", stopped: true, effective: []string{"1h"}},
		{name: "two revoke", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", viewAt(11, now, revoked(release(1)))), said(1, "b", viewAt(11, now, revoked(release(1)))), said(2, "c", one), said(3, "d", one)},
			err:     "rpc_no_quorum", stopped: true, effective: []string{"1h"}},
		{name: "a stop at the revision in force contradicts it", need: Thresholds{2, 2}, known: known(one),
			answers: []Answer{said(0, "a", paused(one)), said(1, "b", paused(one)), said(2, "c", one), said(3, "d", one)},
			err:     "rpc_no_quorum", flags: map[int]string{0: "rpc_single_liar", 1: "rpc_single_liar"}},
		{name: "two pause", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", paused(viewAt(11, now, release(1)))), said(1, "b", paused(viewAt(11, now, release(1))))},
			err:     "rpc_down_all", stopped: true, effective: []string{"paused", "1"}},
		{name: "a stop of more operators than disagree", need: Thresholds{6, 2}, known: known(one),
			answers: []Answer{said(0, "a", one), said(1, "b", one), said(2, "c", one), said(3, "d", one), said(4, "e", one), said(5, "f", one),
				said(6, "g", paused(viewAt(11, now, release(1)))), said(7, "h", paused(viewAt(11, now, release(1))))},
			accepted: 10, stopped: true, effective: []string{"paused", "1"}, higher: []int{6, 7}},
		{name: "a stop vote below the revision in force is old news", need: Thresholds{2, 2}, known: known(two),
			answers:  []Answer{said(0, "a", paused(one)), said(1, "b", paused(one)), said(2, "c", two), said(3, "d", two)},
			accepted: 11, effective: []string{"2", "1"}, flags: map[int]string{0: "rpc_stale_head", 1: "rpc_stale_head"}},
		{name: "contradicting operators have no stop vote", need: Thresholds{3, 2}, known: known(one),
			answers: []Answer{said(0, "a", paused(viewAt(11, now))), said(1, "a", viewAt(11, now)), said(2, "b", paused(viewAt(11, now))), said(3, "c", one)},
			err:     "rpc_no_quorum", flags: map[int]string{0: "rpc_single_liar", 1: "rpc_single_liar"}},
		{name: "two contents with a quorum each decide nothing", need: Thresholds{1, 1}, known: fresh,
			answers: []Answer{said(0, "a", one), said(1, "b", forged)}, err: "rpc_no_quorum"},
		{name: "one trusted endpoint suffices", need: Thresholds{1, 1}, known: known(one),
			answers: []Answer{said(0, "a", two)}, accepted: 11, effective: []string{"2", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 4 { // maps must not decide
				out := Decide(tt.answers, tt.need, tt.known)
				var accepted uint64
				if out.Accepted != nil {
					accepted = out.Accepted.Rev
				}
				if accepted != tt.accepted {
					t.Errorf("accepted revision %d, want %d (%v)", accepted, tt.accepted, out.Err)
				}
				var attack string
				if out.Err != nil {
					attack = out.Err.Attack
				}
				if attack != tt.err {
					t.Errorf("reason %q (%v), want %q", attack, out.Err, tt.err)
				}
				if got := describe(out.Effective); !slices.Equal(got, tt.effective) || out.Stopped != tt.stopped {
					t.Errorf("effective %v stopped %v, want %v %v", got, out.Stopped, tt.effective, tt.stopped)
				}
				flags := map[int]string{}
				for i, e := range out.Flags {
					flags[i] = e.Attack
				}
				if len(flags)+len(tt.flags) > 0 && !reflect.DeepEqual(flags, tt.flags) {
					t.Errorf("flags %v, want %v", flags, tt.flags)
				}
				if !slices.Equal(out.Higher, tt.higher) {
					t.Errorf("higher %v, want %v", out.Higher, tt.higher)
				}
			}
		})
	}
}

// What no chain can be at has no vote; what stands at a limit has one.
func TestThreatFastForward_Answers(t *testing.T) {
	at := func(change func(v *verify.View)) verify.View {
		v := viewAt(10, worldEpoch)
		change(&v)
		return v
	}
	for name, c := range map[string]struct {
		v  verify.View
		ok bool
	}{
		"revision at its limit": {at(func(v *verify.View) { v.Rev = maxCount }), true},
		"revision beyond":       {at(func(v *verify.View) { v.Rev = maxCount + 1 }), false},
		"block at its limit":    {at(func(v *verify.View) { v.Block = maxCount }), true},
		"block beyond":          {at(func(v *verify.View) { v.Block = maxCount + 1 }), false},
		"time at its limit":     {at(func(v *verify.View) { v.Time = web.ClockCeil }), true},
		"time beyond":           {at(func(v *verify.View) { v.Time = web.ClockCeil + 1 }), false},
	} {
		out := Decide([]Answer{said(0, "a", c.v), said(1, "b", c.v)}, Thresholds{2, 2}, Known{})
		if (out.Accepted != nil) != c.ok {
			t.Errorf("%s: accepted %v, %v", name, out.Accepted, out.Err)
		}
	}
}

// A head may be as old as MaxStale and no second older. Of an operator's endpoints
// the newest head counts, whichever answers first.
func TestHeadsThatCount(t *testing.T) {
	const now = worldEpoch
	older := func(s uint64) verify.View { return viewAt(10, now-s, release(1)) }
	known := Known{MaxStale: 10 * time.Minute}
	for _, c := range []struct{ behind, want uint64 }{{600, now - 600}, {601, 0}} {
		out := Decide([]Answer{said(0, "a", older(c.behind)), said(1, "b", older(0)), said(2, "c", older(0))}, Thresholds{3, 2}, known)
		if got := out.Head; got != c.want {
			t.Errorf("%d s behind: head %d, want %d", c.behind, got, c.want)
		}
	}
	for _, first := range []uint64{0, 300} {
		out := Decide([]Answer{said(0, "a", older(first)), said(1, "a", older(300-first)), said(2, "b", older(0))}, Thresholds{2, 2}, known)
		if out.Head != now {
			t.Errorf("head %d", out.Head)
		}
	}
}

// Who contradicts a claim against what was accepted slows it down: one who says what
// was accepted or more, has a fresh head and does not contradict himself.
func TestClaimsAreOpposed(t *testing.T) {
	const now = worldEpoch
	before := viewAt(11, now, release(2), release(1))
	claim := viewAt(10, now, release(1))
	fork := before
	fork.Digest = [32]byte{0xff}
	known := Known{
		Checkpoint: Checkpoint{Registry: before.Registry, Product: before.Product, Rev: before.Rev, Digest: before.Digest},
		View:       &before, Content: contentDigest(encodeView(before)), MaxStale: 10 * time.Minute,
	}
	for name, c := range map[string]struct {
		others  []Answer
		opposed bool
	}{
		"nobody":                  {nil, false},
		"who was accepted":        {[]Answer{said(3, "d", before)}, true},
		"who knows more":          {[]Answer{said(3, "d", viewAt(12, now))}, true},
		"who lags":                {[]Answer{said(3, "d", viewAt(9, now))}, false},
		"another history":         {[]Answer{said(3, "d", fork)}, false},
		"a stale head":            {[]Answer{said(3, "d", viewAt(12, now-3600))}, false},
		"who contradicts himself": {[]Answer{said(3, "d", before), said(4, "d", fork)}, false},
	} {
		out := Decide(append([]Answer{said(0, "a", claim), said(1, "b", claim), said(2, "c", claim)}, c.others...), Thresholds{3, 2}, known)
		if out.Claim == nil || out.Claim.Rev != 10 || out.Accepted != nil {
			t.Fatalf("%s: claim %+v, accepted %+v", name, out.Claim, out.Accepted)
		}
		if out.Opposed != c.opposed {
			t.Errorf("%s: opposed %v", name, out.Opposed)
		}
	}
}

func describe(v *verify.View) (s []string) {
	if v == nil {
		return nil
	}
	if v.Paused {
		s = append(s, "paused")
	}
	for _, c := range v.Candidates {
		d := fmt.Sprint(c.Sequence)
		if c.Rollout.Halted {
			d += "h"
		}
		s = append(s, d)
	}
	return s
}

// A known view and the answers belong to the caller.
func TestDecideChangesNoInput(t *testing.T) {
	one := viewAt(10, 1_800_000_000, release(1))
	stop := paused(viewAt(11, 1_800_000_000, halted(release(1))))
	answers := []Answer{said(0, "a", stop), said(1, "b", stop)}
	before, _ := json.Marshal([]any{one, answers})
	out := Decide(answers, Thresholds{3, 2}, Known{View: &one, Content: contentDigest(encodeView(one))})
	if !out.Stopped {
		t.Fatal("not stopped")
	}
	if after, _ := json.Marshal([]any{one, answers}); string(after) != string(before) {
		t.Error("Decide changed its input")
	}
}

// TestThreatRPCSingleLiar_CanAtMostDelay draws liars of every kind: while fewer than
// QuorumStart operators lie and enough honest ones answer, what is accepted is
// always the honest view, and what is in force never offers more than it.
func TestThreatRPCSingleLiar_CanAtMostDelay(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 7))
		n := 1 + r.IntN(10)
		need := DefaultThresholds(n)
		f := r.IntN(n - need.Start + 1) // n-f >= need.Start
		if f >= need.Start {
			t.Fatalf("seed %d: %d liars of %d", seed, f, n)
		}
		now := uint64(1_800_000_000 + r.IntN(1000))
		before := viewAt(10, now-uint64(r.IntN(500)), release(2), release(1))
		honest := viewAt(10+uint64(r.IntN(3)), now, release(2), release(1))
		if honest.Rev > 10 {
			honest.Candidates = append([]verify.Candidate{release(3)}, honest.Candidates...)
			honest.Latest = 3
		} else {
			honest.Digest = before.Digest
		}
		known := Known{MaxStale: 10 * time.Minute}
		if r.IntN(2) == 0 {
			known.Checkpoint = Checkpoint{Rev: before.Rev, Digest: before.Digest, Time: before.Time}
			known.Least = before.Time
			if r.IntN(2) == 0 {
				known.View, known.Content = &before, contentDigest(encodeView(before))
				known.Least = before.Time + uint64(r.IntN(int(now-before.Time)+60))
			}
		}
		var answers []Answer
		for i := range n {
			op := fmt.Sprint("op", i)
			same := lie(r, honest, before) // of an operator whose endpoints agree
			agree := r.IntN(2) == 0
			for range 1 + r.IntN(4) { // endpoints of the operator
				v := honest
				v.Time, v.Block = v.Time-uint64(r.IntN(20)), v.Block-uint64(r.IntN(8))
				switch {
				case i < f && agree:
					v = same
				case i < f:
					v = lie(r, v, before)
				}
				answers = append(answers, said(len(answers), op, v))
			}
		}
		r.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
		out := Decide(answers, need, known)
		if out.Accepted == nil {
			t.Fatalf("seed %d: %d liars of %d prevented the honest view: %v", seed, f, n, out.Err)
		}
		got, want := *out.Accepted, honest
		if got.Time < now-600 || got.Time > now {
			t.Fatalf("seed %d: time %d is not an honest one (%d)", seed, got.Time, now)
		}
		got.Time, got.Block, want.Time, want.Block = 0, 0, 0, 0
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: accepted %+v, honest is %+v", seed, got, want)
		}
		for _, c := range out.Effective.Candidates {
			h, ok := honest.Candidate(c.Sequence)
			if !ok || c.Envelope != h.Envelope || h.Rollout.Halted && !c.Rollout.Halted {
				t.Fatalf("seed %d: the view in force offers %d more than the honest one", seed, c.Sequence)
			}
		}
		// Liars alone, the honest being unreachable.
		var alone []Answer
		for _, a := range answers {
			var i int
			fmt.Sscanf(strings.TrimPrefix(a.Operator, "op"), "%d", &i)
			if i < f {
				alone = append(alone, a)
			}
		}
		if out := Decide(alone, need, known); out.Accepted != nil {
			t.Fatalf("seed %d: %d liars of %d made a quorum", seed, f, n)
		} else if e := out.Effective; e != nil && known.View != nil {
			for _, c := range e.Candidates {
				if k, ok := known.View.Candidate(c.Sequence); !ok || k.Envelope != c.Envelope {
					t.Fatalf("seed %d: liars brought release %d into force", seed, c.Sequence)
				}
			}
		}
	}
}

// lie changes an answer in one of the ways a liar may try.
func lie(r *rand.Rand, v, before verify.View) verify.View {
	v.Candidates = slices.Clone(v.Candidates)
	switch r.IntN(8) {
	case 0: // a release of its own, at the same revision
		v.Candidates[0] = rogue(v.Candidates[0].Sequence)
	case 1: // at a higher one
		v.Rev++
		v.Latest++
		v.Candidates = append([]verify.Candidate{rogue(v.Latest)}, v.Candidates...)
	case 2: // as high as it goes
		v.Rev, v.Latest = math.MaxUint64, math.MaxUint64
		v.Candidates = []verify.Candidate{rogue(math.MaxUint64)}
	case 3: // the past
		t := v.Time
		v = before
		v.Time = t
	case 4: // frozen in the past
		v = before
		v.Time -= uint64(r.IntN(100_000))
	case 5: // a head in the future
		v.Time += uint64(r.IntN(1 << 40))
	case 6: // stops everything
		v.Rev++
		v.Paused, v.Candidates = true, nil
	case 7: // the truth with a head at 1970
		v.Time = 0
	}
	return v
}
