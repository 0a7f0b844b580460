package swarm

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"camswarm/swarm/origin"
	"camswarm/swarm/plan"
)

// stalledOrigin breaks off its first request after a second, in which others are
// under way to it.
type stalledOrigin struct {
	memOrigin
	broken, again time.Time // then, and when it was asked after that
}

func (o *stalledOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	o.mu.Lock()
	first := off == 0 && o.broken.IsZero()
	if first {
		o.broken = time.Now().Add(time.Second)
	} else if o.again.IsZero() && !o.broken.IsZero() && time.Now().After(o.broken) {
		o.again = time.Now()
	}
	failed := o.broken
	o.mu.Unlock()
	if first {
		time.Sleep(time.Until(failed))
		return &origin.Error{Reason: "broken off"}
	}
	return o.memOrigin.Read(ctx, off, n, take)
}

// An origin that breaks off one of several requests has failed once: the others, which
// are given up with it, do not lengthen the wait.
func TestOriginFailsOneOfSeveral(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 11)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &stalledOrigin{memOrigin: memOrigin{name: "a", data: data, rate: 1e4}}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = s.nodes[0].x.Fetch(ctx, f.Root, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}})
		if wait := o.again.Sub(o.broken); wait < originRetry || wait > 2*originRetry {
			t.Errorf("it was asked again after %v", wait)
		}
	})
}

// A server without ranges is not asked for the whole file where the budget allows a
// part of it.
func TestOriginWithoutRangesKeepsToBudget(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 12)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &wholeOrigin{memOrigin{name: "a", data: data, rate: 1e6}}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.nodes[0].x.Fetch(ctx, f.Root, Origins{Budget: plan.OriginConfig{Share: 0.3}, Sources: []Origin{o}})
		if o.sent > 0 {
			t.Errorf("%d bytes were asked for of %d, the budget is 30 %%", o.sent, f.Size)
		}
	})
}

// A server without ranges that breaks off is asked again, however often.
func TestOriginWithoutRangesBreaksOff(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 13)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &brokenOrigin{wholeOrigin: wholeOrigin{memOrigin{name: "a", data: data, rate: 1e6}}, left: 6}
		budget := plan.OriginConfig{Share: 1, After: 5 * time.Second, Below: 250_000, Spread: 20 * time.Second}
		if _, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: budget, Sources: []Origin{o}}); err != nil {
			t.Fatal(err)
		}
		s.nodes[0].holds(f, data)
	})
}

// brokenOrigin breaks off after a quarter of the file, left times.
type brokenOrigin struct {
	wholeOrigin
	left int
}

func (o *brokenOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	sent := 0
	return o.wholeOrigin.Read(ctx, off, n, func(b []byte) error {
		if sent += len(b); o.left > 0 && sent > len(o.data)/4 {
			o.left--
			return &origin.Error{Reason: "the answer broke off"}
		}
		return take(b)
	})
}

// ModeOff ends what is under way at an origin; the fetch goes on afterwards.
func TestOriginModeOff(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 14)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		x := s.nodes[0].x
		o := &memOrigin{name: "a", data: data, rate: 5e4}
		done := make(chan error, 1)
		go func() {
			_, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}})
			done <- err
		}()
		time.Sleep(3 * time.Second)
		if err := x.SetMode(ModeOff); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		o.mu.Lock()
		sent := o.sent
		o.mu.Unlock()
		time.Sleep(time.Minute)
		o.mu.Lock()
		if sent == 0 || o.sent != sent {
			t.Errorf("%d bytes came before and %d after the mode was set to off", sent, o.sent-sent)
		}
		o.mu.Unlock()
		if err := x.SetMode(ModeShare); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		s.nodes[0].holds(f, data)
	})
}

// The download limit holds for an origin that sends all of the file at once.
func TestOriginDownloadLimit(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 15)
	for name, o := range map[string]Origin{
		"ranges": &memOrigin{name: "a", data: data, rate: 1e7},
		"whole":  &wholeOrigin{memOrigin{name: "a", data: data, rate: 1e7}},
	} {
		t.Run(name, func(t *testing.T) {
			runSim(t, []link{fast}, flat(0), func(s *testSim) {
				s.nodes[0].start(ExchangeOptions{})
				s.nodes[0].add(f, nil)
				if err := s.nodes[0].x.SetLimits(0, 100_000); err != nil {
					t.Fatal(err)
				}
				took, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}})
				if least := time.Duration(float64(f.Size-1<<20) / 100_000 * float64(time.Second)); err != nil || took < least {
					t.Errorf("%v after %v, the limit allows %v at least", err, took, least)
				}
			})
		})
	}
}

// An origin that was silent for long is not spent: when it answers again it is asked
// for all that is missing.
func TestOriginSilentForLong(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 16)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &silentOrigin{memOrigin: memOrigin{name: "a", data: data, rate: 1e6}, until: time.Now().Add(time.Hour)}
		budget := plan.OriginConfig{Share: 1, After: 5 * time.Second, Below: 250_000, Spread: 20 * time.Second}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Hour)
		defer cancel()
		if err := s.nodes[0].x.Fetch(ctx, f.Root, Origins{Budget: budget, Sources: []Origin{o}}); err != nil {
			t.Fatal(err)
		}
		s.nodes[0].holds(f, data)
	})
}

// silentOrigin says nothing until a time, and is given up after 10 s.
type silentOrigin struct {
	memOrigin
	until time.Time
}

func (o *silentOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	if time.Now().After(o.until) {
		return o.memOrigin.Read(ctx, off, n, take)
	}
	select {
	case <-time.After(10 * time.Second):
		return &origin.Error{Reason: "silent"}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// An origin that sends what is right as slowly as it may keeps nobody: peers bring
// what was left to it.
func TestOriginSlowBesidePeers(t *testing.T) {
	data, f := testImage(4<<20, 32<<10, 17)
	times := map[float64]time.Duration{}
	for _, share := range []float64{0, 0.3, 1} {
		runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
			s.nodes[0].start(ExchangeOptions{})
			s.nodes[1].start(ExchangeOptions{})
			s.connect(0, 1)
			s.nodes[0].add(f, data)
			s.nodes[1].add(f, nil)
			o := &memOrigin{name: "a", data: data, rate: 1000}
			budget := plan.OriginConfig{Share: share, After: 5 * time.Second, Below: 250_000, Spread: 20 * time.Second}
			took, err := fetchFrom(t, s.nodes[1], f, Origins{Budget: budget, Sources: []Origin{o}})
			if err != nil {
				t.Fatal(err)
			}
			times[share] = took
			s.nodes[1].holds(f, data)
		})
	}
	for share, took := range times {
		if took > times[0]+5*time.Second {
			t.Errorf("with a share of %v it took %v, without %v", share, took, times[0])
		}
	}
}

// An origin that thinks for seconds before each answer is waited for once, also beside
// neighbours that claim all of the image and send 2 kB/s.
func TestThreatSlowRetrieval_NeighboursOfASlowOrigin(t *testing.T) {
	data, f := testImage(6_200_000, 32<<10, 18)
	for _, c := range []struct {
		neighbours int
		first      time.Duration
	}{{0, 4 * time.Second}, {1, 4 * time.Second}, {3, time.Second}, {3, 4 * time.Second}, {3, 9 * time.Second}, {12, 4 * time.Second}} {
		t.Run(fmt.Sprintf("%d,%v", c.neighbours, c.first), func(t *testing.T) {
			runSim(t, slices.Repeat([]link{fast}, 1+c.neighbours), flat(20*time.Millisecond), func(s *testSim) {
				for i, n := range s.nodes {
					n.start(ExchangeOptions{})
					if i == 0 {
						n.add(f, nil)
						continue
					}
					n.add(f, data)
					if err := n.x.SetLimits(2000, 0); err != nil {
						t.Fatal(err)
					}
					s.connect(0, i)
				}
				time.Sleep(time.Second)
				o := &memOrigin{name: "a", data: data, rate: 150e3, first: c.first}
				took, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}})
				if err != nil {
					t.Fatal(err)
				}
				s.nodes[0].holds(f, data)
				// A range of 32 blocks takes 7 s.
				if took > c.first+9*time.Second || o.sent > f.Size*11/10 {
					t.Errorf("%v, %d requests, %d bytes", took, o.asked, o.sent)
				}
			})
		})
	}
}

// heldOrigin sends what begins a file after a minute.
type heldOrigin struct{ memOrigin }

func (o *heldOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	if off == 0 {
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return o.memOrigin.Read(ctx, off, n, take)
}

// A range ends when peers have brought the rest of it: here they have all but the
// block for which the fetch waits.
func TestOriginRangeEndsWhenNoneOfItIsDue(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 15)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.nodes[1].add(f, append(make([]byte, 32<<10), data[32<<10:]...))
		s.nodes[0].add(f, nil)
		o := &heldOrigin{memOrigin{name: "a", data: data, rate: 2e4}}
		late := time.AfterFunc(time.Second, func() { s.connect(0, 1) })
		defer late.Stop()
		if _, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}}); err != nil {
			t.Fatal(err)
		}
		if o.sent > f.Size/4 {
			t.Errorf("%d bytes were sent of %d, of which a peer had nearly all", o.sent, f.Size)
		}
	})
}

// What Cut recalls of an origin is not spent: a camera that streams live now and then
// while it fetches, with no peer to help, has its image in the end.
func TestCutSpendsNothingOfAnOrigin(t *testing.T) {
	data, f := testImage(3<<20, 32<<10, 17)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &memOrigin{name: "a", data: data, rate: 1e5}
		for i := range 40 {
			time.AfterFunc(time.Duration(i+1)*time.Second, s.nodes[0].x.Cut)
		}
		budget := plan.OriginConfig{Share: 0.4, After: 5 * time.Second, Below: 250_000, Spread: 20 * time.Second}
		if took, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: budget, Sources: []Origin{o}}); err != nil {
			t.Errorf("%v after %v", err, took)
		}
	})
}
