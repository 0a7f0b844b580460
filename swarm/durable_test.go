package swarm

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/filestore"
)

func TestWhenAFetchIsSynced(t *testing.T) {
	for _, c := range []struct {
		d    durable
		now  time.Duration
		held int64
		wait time.Duration // -1: nothing to sync
	}{
		{durable{}, 0, 0, -1},
		{durable{}, 0, 1, 250 * time.Millisecond},
		{durable{bytes: 9}, time.Second, 9, -1},
		{durable{running: true}, time.Second, 9, -1},
		{durable{at: time.Second}, 2 * time.Second, 1, 0},
		{durable{at: 8 * time.Second}, 8 * time.Second, syncBytes, time.Second},         // fast: the last second's
		{durable{at: 8 * time.Second}, 8 * time.Second, syncBytes - 1, 2 * time.Second}, // slow: a quarter of the time
		{durable{at: 80 * time.Second}, 90 * time.Second, 32 << 10, 12500 * time.Millisecond},
	} {
		wait, ok := c.d.next(c.now, c.held)
		if !ok {
			wait = -1
		}
		if wait != c.wait {
			t.Errorf("%+v at %v with %d bytes: in %v, want %v", c.d, c.now, c.held, wait, c.wait)
		}
	}
}

// On the slowest line that counts, 64 kbit/s, keeping 6.2 MB costs a tenth of the
// image in a file system's own writes at the most.
func TestSlowFetchIsSyncedSeldom(t *testing.T) {
	const block, size, perSync = 32 << 10, 6_200_000, 7 << 10
	var d durable
	syncs := int64(0)
	held := int64(0)
	for now := time.Duration(0); held < size; now += 250 * time.Millisecond {
		held = int64(now.Seconds()*8000) / block * block
		if wait, ok := d.next(now, held); ok && wait == 0 {
			d.at, d.bytes = now, held
			syncs++
		}
	}
	if cost := syncs * perSync; cost > size/10 || syncs < 40 {
		t.Errorf("%d syncs cost %d bytes", syncs, cost)
	}
}

// forgetful is a disk that loses what was not synced when its power is cut.
type forgetful struct {
	filestore.Handle
	mu    *sync.Mutex
	fresh map[int64]int // bytes by offset, since the last sync
	syncs *int
}

func (f forgetful) WriteAt(b []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh[off] = len(b)
	return f.Handle.WriteAt(b, off)
}

func (f forgetful) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.fresh)
	*f.syncs++
	return nil
}

// Power that lasts for seconds: a fetch gets on from cut to cut, and what is fetched
// twice came in the last second of each.
func TestFetchGetsOnFromCutToCut(t *testing.T) {
	data, f := testImage(6<<20, 32<<10, 40)
	runSim(t, []link{fast, {1, 2}}, flat(20*time.Millisecond), func(s *testSim) { // 250 kB/s down
		var mu sync.Mutex
		fresh, syncs := map[int64]int{}, 0
		open := func(path string, flag int, perm fs.FileMode) (filestore.Handle, error) {
			h, err := os.OpenFile(path, flag, perm)
			return forgetful{h, &mu, fresh, &syncs}, err
		}
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[0].add(f, data)
		n := s.nodes[1]
		const second = 250_000 * 5 / 4
		cuts, before, received := 0, int64(0), int64(0)
		for done := false; !done && cuts < 60; {
			n.start(ExchangeOptions{OpenFile: open})
			n.add(f, nil)
			s.connect(0, 1)
			p, _ := n.x.Progress(f.Root)
			if lost := before - p.Bytes; lost > second {
				t.Errorf("cut %d took %d bytes", cuts, lost)
			}
			ended := make(chan error, 1)
			go func() { ended <- n.x.Fetch(context.Background(), f.Root, Origins{}) }()
			select {
			case err := <-ended:
				done = err == nil
			case <-time.After(time.Duration(1000+cuts*371%2000) * time.Millisecond):
				n.stop() // nobody is told what is not wanted any more
				<-ended
			}
			p, _ = n.x.Progress(f.Root)
			before = p.Bytes
			received += n.x.Stats().Total.Received
			n.stop()
			if done {
				break
			}
			cuts++
			file, err := os.OpenFile(filepath.Join(n.dir, f.Root.String()), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			for off, k := range fresh {
				if _, err := file.WriteAt(make([]byte, k), off); err != nil {
					t.Fatal(err)
				}
			}
			clear(fresh)
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
		n.holds(f, data)
		if cuts < 10 {
			t.Errorf("%d cuts prove little", cuts)
		}
		if received > f.Size*7/4 {
			t.Errorf("%d bytes were received for %d", received, f.Size)
		}
		t.Logf("%d cuts, %d syncs, %.2f images", cuts, syncs, float64(received)/float64(f.Size))
	})
}

// A camera whose power fails before anything of a fetch is synced, nine times of ten,
// over a line that has brought much until then: long after it has had its copies it
// gets on with every connection that lasts. Who only asks again gets no more.
func TestFetchGetsOnAfterItsCopies(t *testing.T) {
	data, f := testImage(2<<20, 32<<10, 46)
	runSim(t, []link{fast, fast}, flat(5*time.Millisecond), func(s *testSim) {
		reg := prometheus.NewRegistry()
		s.nodes[0].start(ExchangeOptions{Registerer: reg})
		s.nodes[0].add(f, data)
		n := s.nodes[1]
		path := filepath.Join(n.dir, f.Root.String())
		kept := make([]byte, len(data))
		const most = 14 // eight welcomes are the image
		lasted := 0
		for cut := 0; lasted < most; cut++ {
			if err := os.WriteFile(path, kept, 0o600); err != nil {
				t.Fatal(err)
			}
			n.start(ExchangeOptions{})
			n.add(f, nil)
			s.connect(0, 1)
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			_ = n.x.Fetch(ctx, f.Root, Origins{}) // cut off; the file says what was got
			cancel()
			if cut%10 == 9 {
				lasted++
				var err error
				if kept, err = os.ReadFile(path); err != nil {
					t.Fatal(err)
				}
			}
			n.stop()
			if err := n.h.Network().ClosePeer(s.nodes[0].h.ID()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if bytes.Equal(kept, data) {
				break
			}
		}
		if !bytes.Equal(kept, data) {
			t.Errorf("nothing is whole after %d connections that lasted", lasted)
		}
		if counted(t, reg, "enough") == 0 {
			t.Error("it never had its copies")
		}
		t.Logf("%d connections that lasted, %.2f images", lasted, float64(s.nodes[0].x.Stats().Total.Sent)/float64(f.Size))
	})
}
