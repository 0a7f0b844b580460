package p2p

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// clock is set by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newReputations(t0 time.Time) (*Reputations, *clock) {
	c := &clock{t0}
	return NewReputations(c.now), c
}

func TestScoreOfAPeer(t *testing.T) {
	for _, c := range []struct {
		what     string
		r        Reputation
		min, max float64
	}{
		{"a stranger", Reputation{}, 0, 0},
		{"one image", Reputation{Useful: 6.2e6}, 2, 4},
		{"a hundred images", Reputation{Useful: 620e6}, 9, 10},
		{"more than anybody has", Reputation{Useful: 1e15}, MaxScore, MaxScore},
		{"one time-out", Reputation{Failures: 1}, -1, -1},
		{"one time-out and some blocks", Reputation{Failures: 1, Useful: 2 << 20}, 0, 1},
		{"nothing but time-outs", Reputation{Failures: 1e6}, -maxSlow, -maxSlow},
		{"wrong bytes once", Reputation{Wrong: 1}, -40, -40},
		{"wrong bytes after long service", Reputation{Wrong: 1, Useful: 1e15}, -30, -30},
		{"everything bad", Reputation{Wrong: 1e6, Failures: 1e6}, MinScore, MinScore},
	} {
		if s := c.r.Score(); s < c.min || s > c.max {
			t.Errorf("%s: %v, not %v to %v", c.what, s, c.min, c.max)
		}
	}
	// GossipSub ignores what a peer relays below -10 (see announce): never for
	// slowness alone.
	if maxSlow >= 10 || maxGood >= 25 {
		t.Error("slowness silences, or service pays for an invalid message")
	}
}

// A clock without a battery starts in 1970 and may be set to anything.
func TestReputationsOutliveClocksThatJump(t *testing.T) {
	for _, c := range []struct {
		what        string
		saved, back time.Time
		want        float64 // of what was saved
	}{
		{"no time passed", bookStart, bookStart, 1},
		{"a half-life", bookStart, bookStart.Add(reputationHalfLife), 0.5},
		{"saved in 1970, read today", time.Unix(100, 0), bookStart, 0.5},
		{"saved in 2099, read in 1970", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(5, 0), 1},
	} {
		s, _ := newReputations(c.saved)
		p := bookID(1)
		s.Delivered(p, 1<<20, time.Second)
		s.Wrong(p)
		s.Wrong(p)
		data, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.encode(); again != nil {
			t.Error("what has not changed is written again")
		}
		s, clk := newReputations(c.back)
		if err := s.decode(data); err != nil {
			t.Fatal(err)
		}
		r := s.get(p)
		if math.Abs(r.Useful-c.want*(1<<20)) > 1 || math.Abs(r.Wrong-2*c.want) > 1e-6 || r.Pace != time.Second {
			t.Errorf("%s: %+v", c.what, r)
		}
		// The clock is set while the node runs.
		clk.t = clk.t.Add(100 * 365 * 24 * time.Hour)
		if r := s.get(p); math.Abs(r.Wrong-c.want) > 1e-6 {
			t.Errorf("%s: a jump of a century forgives %v to %v", c.what, 2*c.want, r.Wrong)
		}
		clk.t = time.Unix(0, 0)
		if r := s.get(p); math.Abs(r.Wrong-c.want) > 1e-6 {
			t.Errorf("%s: a clock that goes back makes %v", c.what, r.Wrong)
		}
	}
}

// A crowd of strangers pushes out neither those who served nor those who sent
// wrong bytes.
func TestReputationsAreBounded(t *testing.T) {
	s, _ := newReputations(bookStart)
	s.Delivered(bookID(1), 100<<20, 0)
	s.Wrong(bookID(2))
	for i := range 3 * maxReputations {
		s.Failed(bookID(1000 + i))
	}
	for i := range maxReputations {
		s.Delivered(bookID(100_000+i), 100, 0)
	}
	if n := len(s.All()); n != maxReputations {
		t.Errorf("%d peers are remembered", n)
	}
	if s.Score(bookID(1)) < 5 || s.Score(bookID(2)) > -40 {
		t.Errorf("forgotten: %v, %v", s.get(bookID(1)), s.get(bookID(2)))
	}
	data, err := s.encode()
	if err != nil || len(data) > maxReputationStore {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestUnreadableReputationsStartAgain(t *testing.T) {
	store := &memoryBlob{data: []byte(`{"saved":1,"peers":[{"peer":"x"}]}`)}
	if n := newNet(t, netConfig(RoleCamera), WithReputationStore(store)); len(n.Reputations().All()) != 0 {
		t.Error("something was read")
	}
	store.err = context.DeadlineExceeded
	if _, err := New(netConfig(RoleCamera), testKey(t), WithReputationStore(store)); err == nil {
		t.Error("a store that fails goes unnoticed")
	}
}

func TestReputationsSurviveARestart(t *testing.T) {
	store := &memoryBlob{}
	n := newNet(t, netConfig(RoleCamera), WithReputationStore(store))
	stop := runNet(t, n)
	n.Reputations().Delivered(bookID(1), 8<<20, time.Second)
	n.Reputations().Failed(bookID(2))
	stop()
	n = newNet(t, netConfig(RoleCamera), WithReputationStore(store))
	if a, b := n.Reputations().Score(bookID(1)), n.Reputations().Score(bookID(2)); a < 3 || b > -0.9 {
		t.Errorf("scores of %v and %v", a, b)
	}
}

func TestConnectionManagerKnowsReputations(t *testing.T) {
	n, good, bad := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
	n.Reputations().Delivered(good.host.ID(), 100<<20, time.Second)
	tag := func(o *Network) int {
		if i := n.host.ConnManager().GetTagInfo(o.host.ID()); i != nil {
			return i.Tags[reputationTag]
		}
		return 0
	}
	for _, o := range []*Network{good, bad} {
		if err := connectNets(t, n, o); err != nil {
			t.Fatal(err)
		}
	}
	n.Reputations().Failed(bad.host.ID())
	if tag(good) < 15 || tag(bad) != -pointsPerScore {
		t.Errorf("tagged with %d and %d", tag(good), tag(bad))
	}
	if err := n.host.Network().ClosePeer(good.host.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, "the connection to close", func() bool { return !linked(n, good) && tag(good) == 0 })
	if err := connectNets(t, n, good); err != nil {
		t.Fatal(err)
	}
	if tag(good) < 15 {
		t.Errorf("tagged with %d after it came back", tag(good))
	}
}

func TestBookDialsTheBestOfASourceFirst(t *testing.T) {
	b := testBook()
	scores := map[peer.ID]int{bookID(1): -1, bookID(2): 0, bookID(3): 1}
	b.worth = func(p peer.ID) int { return scores[p] }
	for i := range 3 {
		b.add(bookInfo(i+1), sourceDHT, bookStart)
	}
	b.add(bookInfo(9), sourceLAN, bookStart)
	for _, want := range []int{9, 3, 2, 1} {
		if info, _, _ := b.next(bookStart, neighbours(0), bookLimits()); info.ID != bookID(want) {
			t.Fatalf("dials %s instead of %d", info.ID, want)
		}
	}
}

func FuzzReputations(f *testing.F) {
	s, _ := newReputations(bookStart)
	s.Delivered(bookID(1), 1<<20, time.Second)
	s.Wrong(bookID(2))
	data, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"saved":-9223372036854775808,"peers":[]}`))
	f.Add([]byte(`{"saved":1,"peers":[{"peer":"12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5","useful":1e300,"failures":-1,"wrong":0,"paceMs":0}]}`))
	f.Add(bytes.Repeat([]byte("["), 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _ := newReputations(bookStart)
		if s.decode(data) != nil {
			if len(s.All()) != 0 {
				t.Error("a part was taken")
			}
			return
		}
		for _, r := range s.All() {
			if score := r.Score(); !(score >= MinScore && score <= MaxScore) {
				t.Errorf("%+v scores %v", r, score)
			}
		}
		s.Delivered(bookID(7), 1, 0)
		again, err := s.encode()
		if err != nil || len(again) > maxReputationStore {
			t.Fatalf("%d bytes, %v", len(again), err)
		}
		if err := s.decode(again); err != nil {
			t.Error(err)
		}
	})
}

func FuzzBans(f *testing.F) {
	var l banList
	l.add(bookID(1), bookStart, time.Hour, "wrong bytes")
	data, err := l.encode(bookStart)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`[{"peer":"","until":9223372036854775807,"span":9223372036854775807}]`))
	f.Add([]byte(fmt.Sprintf(`[{"peer":%q,"until":9223372036854775807,"span":-9223372036854775808}]`, bookID(1))))
	f.Fuzz(func(t *testing.T, data []byte) {
		var l banList
		if l.decode(data, bookStart) != nil {
			return
		}
		for _, b := range l.list(bookStart) {
			if d := b.Until.Sub(bookStart); d <= 0 || d > maxBan || len(b.Reason) > maxBanReason {
				t.Errorf("%+v", b)
			}
		}
		again, err := l.encode(bookStart)
		if err != nil || !json.Valid(again) || len(again) > maxBanStore {
			t.Fatalf("%d bytes, %v", len(again), err)
		}
	})
}
