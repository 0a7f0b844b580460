package reputation

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

var start = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func testPeer(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }

// clock is set by hand.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newReputations(t0 time.Time) (*Peers, *clock) {
	c := &clock{t0}
	return New(c.now), c
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
		{"no time passed", start, start, 1},
		{"a half-life", start, start.Add(halfLife), 0.5},
		{"saved in 1970, read today", time.Unix(100, 0), start, 0.5},
		{"saved in 2099, read in 1970", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(5, 0), 1},
	} {
		s, _ := newReputations(c.saved)
		p := testPeer(1)
		s.Delivered(p, 1<<20, time.Second)
		s.Wrong(p)
		s.Wrong(p)
		data, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.Encode(); again != nil {
			t.Error("what has not changed is written again")
		}
		s, clk := newReputations(c.back)
		if err := s.Decode(data); err != nil {
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
	s, _ := newReputations(start)
	s.Delivered(testPeer(1), 100<<20, 0)
	s.Wrong(testPeer(2))
	for i := range 3 * maxPeers {
		s.Failed(testPeer(1000 + i))
	}
	for i := range maxPeers {
		s.Delivered(testPeer(100_000+i), 100, 0)
	}
	if n := len(s.All()); n != maxPeers {
		t.Errorf("%d peers are remembered", n)
	}
	if s.Score(testPeer(1)) < 5 || s.Score(testPeer(2)) > -40 {
		t.Errorf("forgotten: %v, %v", s.get(testPeer(1)), s.get(testPeer(2)))
	}
	data, err := s.Encode()
	if err != nil || len(data) > MaxBytes {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func FuzzReputations(f *testing.F) {
	s, _ := newReputations(start)
	s.Delivered(testPeer(1), 1<<20, time.Second)
	s.Wrong(testPeer(2))
	data, err := s.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"saved":-9223372036854775808,"peers":[]}`))
	f.Add([]byte(`{"saved":1,"peers":[{"peer":"12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5","useful":1e300,"failures":-1,"wrong":0,"paceMs":0}]}`))
	f.Add(bytes.Repeat([]byte("["), 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _ := newReputations(start)
		if s.Decode(data) != nil {
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
		s.Delivered(testPeer(7), 1, 0)
		again, err := s.Encode()
		if err != nil || len(again) > MaxBytes {
			t.Fatalf("%d bytes, %v", len(again), err)
		}
		if err := s.Decode(again); err != nil {
			t.Error(err)
		}
	})
}
