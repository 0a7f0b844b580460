package swarm

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A node that is stopped sends what peers wait for, and denies what they want then.
func TestDrainFinishesWhatWasAsked(t *testing.T) {
	data, f := testImage(4<<20, 32<<10, 41)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		seed, other := s.nodes[0], s.nodes[1]
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		seed.add(f, data)
		other.add(f, nil)
		if err := seed.x.SetLimits(400_000, 0); err != nil {
			t.Fatal(err)
		}
		s.connect(0, 1)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- other.x.Fetch(ctx, f.Root, Origins{}) }()
		time.Sleep(2 * time.Second)
		sent := func() int64 { return seed.x.Stats().Total.Sent }
		before := sent()
		if before == 0 || !seed.x.server.owes() {
			t.Fatalf("%d bytes were sent: the test proves nothing", before)
		}
		short, end := context.WithTimeout(context.Background(), 10*time.Millisecond)
		if err := seed.x.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in 10 ms: %v", err)
		}
		end()
		if err := seed.x.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		drained := sent()
		if drained == before {
			t.Error("nothing was sent to who waited for it")
		}
		time.Sleep(20 * time.Second)
		if after := sent(); after != drained || after >= int64(len(data)) {
			t.Errorf("%d bytes were sent after the end, of %d in all", after-drained, after)
		}
		cancel()
		<-done
	})
}
