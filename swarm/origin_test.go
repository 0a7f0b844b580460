package swarm

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"camswarm/swarm/filestore"
	"camswarm/swarm/origin"
	"camswarm/swarm/plan"
)

// memOrigin stands for a server outside of the swarm: some bytes at some speed, 100 ms
// away. It counts what it sends.
type memOrigin struct {
	name  string
	data  []byte
	rate  float64       // bytes per second of each answer
	first time.Duration // before each answer, beyond the 100 ms

	mu    sync.Mutex
	fails int // the next so many requests, with err
	err   error
	dead  time.Time // from then on every request fails
	asked int
	sent  int64
}

func (o *memOrigin) String() string { return o.name }

func (o *memOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	select {
	case <-time.After(100*time.Millisecond + o.first):
	case <-ctx.Done():
		return ctx.Err()
	}
	o.mu.Lock()
	o.asked++
	err := o.err
	if o.fails > 0 {
		o.fails--
	} else if !o.dead.IsZero() && time.Now().After(o.dead) {
		err = &origin.Error{Reason: "dead"}
	} else {
		err = nil
	}
	o.mu.Unlock()
	if err != nil {
		return err
	}
	for n > 0 {
		k := min(n, 10_000)
		select {
		case <-time.After(time.Duration(float64(k) / o.rate * float64(time.Second))):
		case <-ctx.Done():
			return ctx.Err()
		}
		o.mu.Lock()
		o.sent += k
		o.mu.Unlock()
		if err := take(o.data[off : off+k]); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}

// fetchFrom has a node fetch with origins.
func fetchFrom(t *testing.T, n *testNode, f filestore.File, o Origins) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	began := time.Now()
	err := n.x.Fetch(ctx, f.Root, o)
	return time.Since(began), err
}

// Without any peer an image comes from an origin alone, is served from then on, and
// is counted apart.
func TestOriginAlone(t *testing.T) {
	data, f := testImage(3<<20, 32<<10, 5)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, nil)
		s.nodes[1].add(f, nil)
		o := &memOrigin{name: "o", data: data, rate: 2e6}
		if _, err := fetchFrom(t, s.nodes[0], f, Origins{Sources: []Origin{o}, Budget: plan.OriginConfig{Share: 1}}); err != nil {
			t.Fatal(err)
		}
		s.nodes[0].holds(f, data)
		st := s.nodes[0].x.Stats()
		if st.Origin.Useful != f.Size || st.Total.Received != 0 || o.sent > f.Size*105/100 {
			t.Errorf("from the origin %+v, from peers %+v, sent %d", st.Origin, st.Total, o.sent)
		}
		if _, err := fetchFrom(t, s.nodes[1], f, Origins{}); err != nil {
			t.Fatal(err)
		}
		s.nodes[1].holds(f, data)
	})
}

// poisoned_origin: one that sends wrong bytes, at once or in the middle, has no part in
// what is stored, and the next one, or the peers, bring the rest.
func TestThreatPoisonedOrigin(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 6)
	for _, c := range []struct {
		name  string
		peers bool
		good  bool
		from  int // where its bytes become wrong
	}{{"a good one next", false, true, 1 << 20}, {"peers", true, false, 0}} {
		t.Run(c.name, func(t *testing.T) {
			bad := bytes.Clone(data)
			for i := c.from; i < len(bad); i += 4096 {
				bad[i] ^= 1
			}
			runSim(t, []link{{5, 100}, fast}, flat(20*time.Millisecond), func(s *testSim) {
				s.nodes[0].start(ExchangeOptions{})
				s.nodes[1].start(ExchangeOptions{})
				s.nodes[1].add(f, nil)
				if c.peers {
					s.connect(0, 1)
					s.nodes[0].add(f, data)
				}
				liar := &memOrigin{name: "liar", data: bad, rate: 5e6}
				o := Origins{Sources: []Origin{liar}, Budget: plan.OriginConfig{Share: 1}}
				if c.good {
					o.Sources = append(o.Sources, &memOrigin{name: "good", data: data, rate: 1e6})
				}
				if _, err := fetchFrom(t, s.nodes[1], f, o); err != nil {
					t.Fatal(err)
				}
				s.nodes[1].holds(f, data)
				// Four ranges are under way at first, each with one wrong block at most.
				if st := s.nodes[1].x.Stats(); st.Origin.Wrong == 0 || st.Origin.Wrong > 4*32<<10 {
					t.Errorf("%d wrong bytes of the liar: it was asked again, or never", st.Origin.Wrong)
				}
			})
		})
	}
}

// An origin that dies in the middle costs a moment where there is another, or peers;
// alone it is asked again, not all the time.
func TestOriginDies(t *testing.T) {
	data, f := testImage(3<<20, 32<<10, 7)
	for name, with := range map[string]string{"another": "origin", "peers": "peers"} {
		t.Run(name, func(t *testing.T) {
			runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
				s.nodes[0].start(ExchangeOptions{})
				s.nodes[1].start(ExchangeOptions{})
				s.nodes[1].add(f, nil)
				o := Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{&memOrigin{name: "a", data: data, rate: 1e6, dead: time.Now().Add(500 * time.Millisecond)}}}
				if with == "origin" {
					o.Sources = append(o.Sources, &memOrigin{name: "b", data: data, rate: 1e6})
				} else {
					s.connect(0, 1)
					s.nodes[0].add(f, data)
				}
				if took, err := fetchFrom(t, s.nodes[1], f, o); err != nil || took > 8*time.Second {
					t.Errorf("%v after %v", err, took)
				}
				s.nodes[1].holds(f, data)
			})
		})
	}
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &memOrigin{name: "a", data: data, rate: 1e6, fails: 1 << 20, err: errors.New("away")}
		time.AfterFunc(50*time.Second, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.fails = 0
		})
		time.AfterFunc(5*time.Second, func() {
			if all := s.nodes[0].x.OriginTroubles(); len(all) != 1 || all[0].Origin != "a" || all[0].Error != "away" || time.Since(all[0].Since) < 4*time.Second {
				t.Errorf("while it is away: %+v", all)
			}
		})
		defer func() {
			if all := s.nodes[0].x.OriginTroubles(); len(all) != 0 {
				t.Errorf("when it delivers again: %+v", all)
			}
		}()
		if took, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}}); err != nil || took < 50*time.Second || took > 100*time.Second || o.asked > 40 {
			t.Errorf("%v after %v and %d requests", err, took, o.asked)
		}
	})
}

// One that answers with 429 is left alone as long as it says, within reason.
func TestOriginRetryAfter(t *testing.T) {
	data, f := testImage(1<<20, 32<<10, 8)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &memOrigin{name: "a", data: data, rate: 1e6, fails: 1, err: &origin.Error{Reason: "busy", Wait: 90 * time.Second}}
		took, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}})
		if err != nil || took < 90*time.Second || took > 120*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A server without ranges serves whole files.
func TestOriginWithoutRanges(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 9)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &wholeOrigin{memOrigin{name: "a", data: data, rate: 1e6}}
		if _, err := fetchFrom(t, s.nodes[0], f, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}}); err != nil {
			t.Fatal(err)
		}
		s.nodes[0].holds(f, data)
		if o.sent != f.Size {
			t.Errorf("sent %d of %d bytes", o.sent, f.Size)
		}
	})
}

// wholeOrigin answers for all of its file only.
type wholeOrigin struct{ memOrigin }

func (o *wholeOrigin) Read(ctx context.Context, off, n int64, take func([]byte) error) error {
	if off != 0 || n != int64(len(o.data)) {
		return origin.ErrWhole
	}
	return o.memOrigin.Read(ctx, off, n, take)
}

// A fetch that ends leaves no request behind.
func TestOriginEndsWithItsFetch(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 10)
	runSim(t, []link{fast}, flat(0), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, nil)
		o := &memOrigin{name: "a", data: data, rate: 1e4}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := s.nodes[0].x.Fetch(ctx, f.Root, Origins{Budget: plan.OriginConfig{Share: 1}, Sources: []Origin{o}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		sent := o.sent
		time.Sleep(time.Minute)
		if o.sent != sent {
			t.Error("it goes on")
		}
	})
}
