package links

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/multiformats/go-multihash"

	"camswarm/swarm"
	"camswarm/swarm/filestore"
)

// flashCrowd is one seed with 100 Mbit/s and n cameras with 20 up and 50 down,
// 10 to 150 ms of round trip apart.
func flashCrowd(n int, seed uint64, loss float64) *Topology {
	t := &Topology{Seed: seed, Delay: func(a, b int) time.Duration {
		r := rand.New(rand.NewPCG(seed, uint64(min(a, b))<<32|uint64(max(a, b))))
		return (10*time.Millisecond + time.Duration(r.Int64N(int64(140*time.Millisecond)))) / 2
	}}
	t.Nodes = append(t.Nodes, Node{Up: 100e6, Down: 100e6, Loss: loss})
	for range n {
		t.Nodes = append(t.Nodes, Node{Up: 20e6, Down: 50e6, Loss: loss})
	}
	return t
}

type swarmResult struct {
	p50, p95, max float64 // s
	goroutines    int
}

// runSwarm brings an image from the seed to all others with swarm.Exchange on
// plain hosts, in a mesh of degree 10 or so.
func runSwarm(dir string, topo *Topology, build func(*Topology) (Network, error), size int, seed uint64) (r swarmResult, err error) {
	time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
	n, err := build(topo)
	if err != nil {
		return r, err
	}
	defer n.Close()
	const blockSize = 64 << 10
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = random.Read(data)
	file := filestore.File{Size: int64(size), BlockSize: blockSize}
	roots := sha256.New()
	for off := 0; off < size; off += blockSize {
		sum := sha256.Sum256(data[off:min(off+blockSize, size)])
		file.Blocks = append(file.Blocks, sum)
		roots.Write(sum[:])
	}
	hash, err := multihash.Encode(roots.Sum(nil), multihash.SHA2_256)
	if err != nil {
		return r, err
	}
	file.Root = cid.NewCidV1(cid.Raw, hash)

	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	hosts := make([]host.Host, len(topo.Nodes))
	exchanges := make([]*swarm.Exchange, len(hosts))
	defer func() {
		cancel()
		running.Wait()
		var wg sync.WaitGroup
		for _, h := range hosts {
			if h != nil {
				wg.Go(func() { h.Close() })
			}
		}
		wg.Wait()
	}()
	for i := range hosts {
		if hosts[i], err = Host(n, i, nil); err != nil {
			return r, err
		}
		if exchanges[i], err = swarm.NewExchange(hosts[i], swarm.DefaultExchangeConfig(), swarm.ExchangeOptions{}); err != nil {
			return r, err
		}
		running.Go(func() { _ = exchanges[i].Run(ctx) })
	}
	time.Sleep(time.Millisecond)

	pick := rand.New(rand.NewPCG(seed, 99))
	pairs := map[[2]int]bool{}
	link := func(a, b int) {
		if a != b {
			pairs[[2]int{min(a, b), max(a, b)}] = true
		}
	}
	cameras := len(hosts) - 1
	for _, j := range pick.Perm(cameras)[:min(30, cameras)] {
		link(0, j+1)
	}
	for i := 1; i <= cameras; i++ {
		link(i, 1+i%cameras)
		for range 4 {
			link(i, 1+pick.IntN(cameras))
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for p := range pairs {
		wg.Go(func() {
			if e := connect(hosts[p[0]], hosts[p[1]]); e != nil {
				mu.Lock()
				err = errors.Join(err, fmt.Errorf("connect %v: %w", p, e))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err != nil {
		return r, err
	}
	time.Sleep(time.Second)
	for i, x := range exchanges {
		f := file
		f.Path = filepath.Join(dir, strconv.Itoa(i))
		if i == 0 {
			if err := os.WriteFile(f.Path, data, 0o600); err != nil {
				return r, err
			}
		}
		if err := x.Add(f); err != nil {
			return r, err
		}
	}
	took := make([]float64, cameras)
	start := time.Now()
	for i, x := range exchanges[1:] {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
			defer cancel()
			if e := x.Fetch(ctx, file.Root, swarm.Origins{}); e != nil {
				mu.Lock()
				err = errors.Join(err, fmt.Errorf("node %d: %w", i+1, e))
				mu.Unlock()
			}
			took[i] = time.Since(start).Seconds()
		})
	}
	time.Sleep(time.Second)
	r.goroutines = runtime.NumGoroutine()
	wg.Wait()
	slices.Sort(took)
	r.p50, r.p95, r.max = took[len(took)/2], took[len(took)*95/100], took[len(took)-1]
	return r, err
}

// BenchmarkSwarm is what a swarm of 6.2 MB costs on both networks, one run for
// each iteration. LINKS_N (default 20), LINKS_SEED and LINKS_LOSS set the run.
func BenchmarkSwarm(b *testing.B) {
	cameras, seed, loss := 20, uint64(1), 0.0
	if v, err := strconv.Atoi(os.Getenv("LINKS_N")); err == nil {
		cameras = v
	}
	if v, err := strconv.ParseUint(os.Getenv("LINKS_SEED"), 10, 64); err == nil {
		seed = v
	}
	if v, err := strconv.ParseFloat(os.Getenv("LINKS_LOSS"), 64); err == nil {
		loss = v
	}
	for _, k := range kinds {
		b.Run(fmt.Sprintf("links=%s/nodes=%d", k.name, cameras), func(b *testing.B) {
			var sum swarmResult
			before := usage()
			for range b.N {
				dir := b.TempDir()
				synctest.Test(&testing.T{}, func(*testing.T) {
					r, err := runSwarm(dir, flashCrowd(cameras, seed, loss), k.make, 6_200_000, seed)
					if err != nil {
						b.Error(err)
					}
					sum.p50, sum.p95, sum.max = sum.p50+r.p50, sum.p95+r.p95, sum.max+r.max
					sum.goroutines = r.goroutines
				})
			}
			after := usage()
			n := float64(b.N)
			b.ReportMetric(sum.p50/n, "p50-s")
			b.ReportMetric(sum.p95/n, "p95-s")
			b.ReportMetric(sum.max/n, "max-s")
			b.ReportMetric((cpu(after)-cpu(before))/n, "cpu-s/op")
			b.ReportMetric(float64(after.Maxrss)/1024, "peak-MB")
			b.ReportMetric(float64(sum.goroutines)/float64(cameras), "goroutines/node")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func usage() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

func cpu(u syscall.Rusage) float64 {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
