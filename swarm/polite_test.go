package swarm

import (
	"context"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/quic-go/quic-go"
)

// wire returns the bytes of the packets that a host has sent and received.
func (n *testNode) wire() (sent, received uint64) {
	for _, c := range n.h.Network().Conns() {
		var q *quic.Conn
		if c.As(&q) {
			st := q.ConnectionStats()
			sent, received = sent+st.BytesSent, received+st.BytesReceived
		}
	}
	return sent, received
}

// A camera that begins to stream live leaves its line alone within 100 ms: what it
// was sending ends in the middle of a block, what it had asked for is recalled. What
// it may still fetch comes at its pace, and all goes on afterwards.
func TestCutLeavesTheLineAloneWithin100ms(t *testing.T) {
	data, f := testImage(8<<20, 32<<10, 31)
	camera := link{10, 50}
	runSim(t, []link{{100, 100}, camera, {50, 50}}, flat(20*time.Millisecond), func(s *testSim) {
		seed, busy, other := s.nodes[0], s.nodes[1], s.nodes[2]
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.connect(0, 1)
		s.connect(1, 2)
		seed.add(f, data)
		busy.add(f, nil)
		other.add(f, nil)
		done := make(chan []float64)
		go func() { done <- fetchAll(t, f.Root, 10*time.Minute, busy, other) }()
		time.Sleep(600 * time.Millisecond)
		up0, down0 := busy.wire()
		time.Sleep(200 * time.Millisecond)
		up1, down1 := busy.wire()
		if up1-up0 < 100_000 || down1-down0 < 100_000 {
			t.Fatalf("before: %d bytes up and %d down in 200 ms: the test proves nothing", up1-up0, down1-down0)
		}

		const floor = 8000 // 64 kbit/s
		for _, err := range []error{busy.x.SetMode(ModeShare, ModeLeech), busy.x.SetLimits(0, floor)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		busy.x.Cut()
		time.Sleep(100 * time.Millisecond)
		up0, down0 = busy.wire()
		time.Sleep(20 * time.Second)
		up1, down1 = busy.wire()
		t.Logf("from 100 ms on, in 20 s: %d bytes up, %d down", up1-up0, down1-down0)
		if up := up1 - up0; up > 20_000 {
			t.Errorf("%d bytes went up in 20 s", up)
		}
		// Six blocks, those whose turn it was, and what they cost on the wire.
		if down := down1 - down0; down > 20*floor+2*32<<10+20_000 {
			t.Errorf("%d bytes came down in 20 s, at %d a second", down, floor)
		}
		if st := busy.x.Stats().Total; st.Received > st.Useful+128<<10 {
			t.Errorf("%d bytes came twice", st.Duplicate)
		}

		for _, err := range []error{busy.x.SetMode(ModeShare), busy.x.SetLimits(0, 0)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		<-done
		busy.holds(f, data)
		other.holds(f, data)
		if st := busy.x.Stats().Total; st.Failures > 0 {
			t.Errorf("%d failures were counted against peers that did as they were told", st.Failures)
		}
	})
}

// lan-only exchanges blocks with those who are near, and all goes on when the mode
// ends. Modes given together allow what each of them does.
func TestModeLANOnly(t *testing.T) {
	data, f := testImage(1<<20, 64<<10, 32)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		near := s.nodes[1].h.ID()
		for _, n := range s.nodes {
			n.start(ExchangeOptions{
				Near:  func(p peer.ID) bool { return p == near },
				Class: func(p peer.ID) string { return map[bool]string{true: "near", false: "far"}[p == near] },
			})
		}
		s.connect(0, 1)
		s.connect(0, 2)
		s.nodes[0].add(f, data)
		s.nodes[1].add(f, nil)
		s.nodes[2].add(f, nil)
		x := s.nodes[0].x
		fetches := func(n *testNode) bool {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return n.x.Fetch(ctx, f.Root, Origins{}) == nil
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(x.SetMode(ModeLAN))
		if !fetches(s.nodes[1]) || fetches(s.nodes[2]) {
			t.Error("lan-only served somebody far, or nobody near")
		}
		if c := x.Stats().Classes; c["near"].Sent != 1<<20 || c["far"].Sent != 0 {
			t.Errorf("sent by class: %+v", c)
		}
		must(s.nodes[2].x.SetMode(ModeLAN)) // its seed is far
		must(x.SetMode(ModeShare))
		if fetches(s.nodes[2]) {
			t.Error("lan-only fetched from afar")
		}
		must(s.nodes[2].x.SetMode(ModeShare, ModeLeech))
		if serve, fetch := s.nodes[2].x.Scopes(); serve != ScopeNone || fetch != ScopeAll {
			t.Errorf("share and leech: %v, %v", serve, fetch)
		}
		if !fetches(s.nodes[2]) {
			t.Error("nothing came when lan-only ended")
		}
		must(x.SetMode(ModeLAN, ModeLeech))
		if serve, fetch := x.Scopes(); serve != ScopeNone || fetch != ScopeNear {
			t.Errorf("lan-only and leech: %v, %v", serve, fetch)
		}
	})
}
