package flow

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/swarm"
	"camswarm/swarm/filestore"
)

const mbit = 1e6 / 8

// crowd is one seed at 100 Mbit/s that n cameras at 20 up and 50 down are
// connected to, which start together a second later; round trips of 10 to 150 ms.
func crowd(n int, seed uint64) Config {
	c := Config{ImageBytes: 6_200_000, BlockBytes: 32 << 10, Seed: seed, Limit: 10 * time.Minute,
		Delay: RTT(10*time.Millisecond, 150*time.Millisecond, seed),
		Nodes: []Node{{Up: 100 * mbit, Down: 100 * mbit, Seed: true}},
		Links: Mesh(n+1, 8, 12, 0, seed),
	}
	for range n {
		c.Nodes = append(c.Nodes, Node{Up: 20 * mbit, Down: 50 * mbit, Start: time.Second})
	}
	return c
}

// The model plays with the numbers of the nodes that it models.
func TestNumbersAreThoseOfTheSwarm(t *testing.T) {
	if workers != swarm.DefaultExchangeConfig().Workers || seedWorkers != swarm.SeedWorkers || maxBlocks != filestore.MaxBlocks {
		t.Error("package swarm has other numbers of workers or blocks")
	}
}

func run(t *testing.T, c Config) *Result {
	t.Helper()
	r, err := Run(c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Unfinished > 0 {
		t.Errorf("%d cameras did not finish", r.Unfinished)
	}
	return r
}

func bars(v []float64) string {
	var b strings.Builder
	for i, x := range v {
		if i%2 == 0 {
			fmt.Fprintf(&b, "%3.0f", 100*x)
		}
	}
	return b.String()
}

var (
	tryNodes = flag.Int("nodes", 100, "cameras of TestTry")
	tryBlock = flag.Int("block", 32<<10, "block size of TestTry")
	trySeeds = flag.Int("seeds", 0, "runs of TestTry; 0: skip it")
)

// TestTry prints runs, for trying out rules:
//
//	go test ./sim/flow -run TestTry -v -seeds 5 -nodes 200
func TestTry(t *testing.T) {
	if *trySeeds == 0 {
		t.Skip("-seeds is 0")
	}
	var sum50, sum95 float64
	for s := range *trySeeds {
		c := crowd(*tryNodes, uint64(s+1))
		c.BlockBytes = *tryBlock
		start := time.Now()
		r := run(t, c)
		b := c.Bound().Seconds()
		p50, p95 := r.Quantile(.5).Seconds()/b, r.Quantile(.95).Seconds()/b
		sum50, sum95 = sum50+p50, sum95+p95
		t.Logf("rng %d: bound %.2f s, p50 %.3f p95 %.3f max %.3f of it; seed sent %.2f copies, %d messages per node, %.1f s of work", s+1,
			b, p50, p95, r.Quantile(1).Seconds()/b, float64(r.Sent[0])/float64(c.ImageBytes), r.Messages / *tryNodes, time.Since(start).Seconds())
		if s == 0 {
			t.Log("cameras' uplinks in use, % ", bars(r.Busy))
			t.Log("seed's uplink in use, %    ", bars(r.SeedBusy))
		}
	}
	t.Logf("N=%d: mean p50 %.3f p95 %.3f", *tryNodes, sum50/float64(*trySeeds), sum95/float64(*trySeeds))
}

func TestRunsAreRepeatable(t *testing.T) {
	a, b := run(t, crowd(30, 4)), run(t, crowd(30, 4))
	if !slices.Equal(a.Done, b.Done) || a.Events != b.Events {
		t.Error("two runs of one configuration differ")
	}
}

func TestFlashCrowdNearsTheBoundAtEverySize(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	ratio := map[int]float64{}
	for _, n := range []int{20, 50, 100, 500} {
		runs := uint64(2)
		if n == 500 {
			runs = 1
		}
		for seed := range runs {
			c := crowd(n, 100+seed)
			r := run(t, c)
			ratio[n] += r.Quantile(0.95).Seconds() / c.Bound().Seconds() / float64(runs)
			if r.Duplicate*100 > c.ImageBytes*int64(n) {
				t.Errorf("N=%d: %d duplicate bytes", n, r.Duplicate)
			}
		}
		t.Logf("N=%d: p95 is %.3f of the bound", n, ratio[n])
		if ratio[n] > 1.4 {
			t.Errorf("N=%d: p95 is %.2f times the bound", n, ratio[n])
		}
	}
	if ratio[500] > 1.15*ratio[50] {
		t.Errorf("from 50 to 500 cameras the ratio grows from %.2f to %.2f", ratio[50], ratio[500])
	}
}

func TestEveryoneFinishes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	for _, c := range []struct {
		name  string
		limit float64 // of p95 over the bound
		edit  func(*Config)

		// The model has queues without end where a line would drop packets,
		// and asks again what waits there.
		repeats bool
	}{
		{"round trips twice as long", 1.7, func(c *Config) {
			c.Delay = RTT(20*time.Millisecond, 300*time.Millisecond, 1)
		}, false},
		{"uplinks of 5 to 45 Mbit/s", 1.7, func(c *Config) {
			for i := range c.Nodes[1:] {
				c.Nodes[i+1].Up = 20 * mbit * (0.25 + 2*float64(i%11)/10)
			}
		}, false},
		{"a fifth leaves", 1.9, func(c *Config) {
			for i := 1; i < len(c.Nodes); i += 5 {
				c.Nodes[i].Leave = c.Nodes[i].Start + time.Duration(i)*40*time.Millisecond
			}
		}, false},
		{"late joiners", 1.7, func(c *Config) {
			for i := 1; i < len(c.Nodes); i += 3 {
				c.Nodes[i].Start += time.Duration(i) * 100 * time.Millisecond
			}
		}, false},
		{"nobody joins together", 1.7, func(c *Config) {
			for i := range c.Nodes[1:] {
				c.Nodes[i+1].Start += time.Duration(i) * 30 * time.Millisecond
			}
		}, false},
		{"a camera that has only the seed", 1.7, func(c *Config) {
			c.Links = slices.DeleteFunc(c.Links, func(l [2]int) bool { return l[0] != 0 && (l[0] == 7 || l[1] == 7) })
		}, false},
		{"nobody has anyone but the seed", 1.6, func(c *Config) {
			c.Links = slices.DeleteFunc(c.Links, func(l [2]int) bool { return l[0] != 0 })
			for i := range c.Nodes[1:] {
				c.Nodes[i+1].Up = 1 // for the bound: of no use
			}
		}, false},
		{"a slow seed", 1.5, func(c *Config) { c.Nodes[0].Up = 5 * mbit }, false},
		{"a fast seed", 2.5, func(c *Config) { c.Nodes[0].Up = 1000 * mbit }, false},
		{"two seeds", 1.5, func(c *Config) {
			c.Nodes[1].Seed, c.Nodes[1].Start = true, 0
			for i := 2; i < len(c.Nodes); i++ {
				if !slices.Contains(c.Links, [2]int{1, i}) {
					c.Links = append(c.Links, [2]int{1, i})
				}
			}
		}, false},
		{"a tenth on 64 kbit/s", 0, func(c *Config) {
			for i := 1; i < len(c.Nodes); i += 10 {
				c.Nodes[i].Up, c.Nodes[i].Down = 8000, 8000
			}
			c.Limit = time.Hour
		}, true},
		{"one block", 0, func(c *Config) { c.ImageBytes = 1000 }, false},
		{"large blocks", 0, func(c *Config) { c.BlockBytes = 1 << 20 }, true},
	} {
		cfg := crowd(50, 7)
		c.edit(&cfg)
		r := run(t, cfg)
		p95 := r.Quantile(0.95).Seconds()
		t.Logf("%s: p50 %.2f, p95 %.2f, max %.2f s; %.2f times the bound; seed sent %.1f copies", c.name,
			r.Quantile(0.5).Seconds(), p95, r.Quantile(1).Seconds(), p95/cfg.Bound().Seconds(), float64(r.Sent[0])/float64(cfg.ImageBytes))
		if c.limit > 0 && p95 > c.limit*cfg.Bound().Seconds() {
			t.Errorf("%s: p95 is %.2f times the bound", c.name, p95/cfg.Bound().Seconds())
		}
		if !c.repeats && r.Duplicate*50 > cfg.ImageBytes*50 {
			t.Errorf("%s: %d duplicate bytes", c.name, r.Duplicate)
		}
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"no nodes":         func(c *Config) { c.Nodes = nil },
		"no image":         func(c *Config) { c.ImageBytes = 0 },
		"no block size":    func(c *Config) { c.BlockBytes = 0 },
		"too many blocks":  func(c *Config) { c.BlockBytes = 100 },
		"no uplink":        func(c *Config) { c.Nodes[3].Up = 0 },
		"a link to itself": func(c *Config) { c.Links[0] = [2]int{2, 2} },
		"a link to nobody": func(c *Config) { c.Links[0] = [2]int{2, 99} },
	} {
		c := crowd(10, 1)
		edit(&c)
		if _, err := Run(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkFlashCrowd(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Run(crowd(n, 1)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// However slow their uplinks, and however many wait for them: honest peers that serve
// are not accused of stalling.
func TestSlowPeersAreNotAccused(t *testing.T) {
	for _, uplinks := range [][]float64{{1}, {1, 100}, {1, 2, 5, 20, 100}, {100}} {
		for _, seedUp := range []float64{1, 100} {
			for seed := range uint64(3) {
				c := crowd(20, seed+1)
				c.Nodes[0].Up = seedUp * mbit
				for i := range c.Nodes[1:] {
					c.Nodes[i+1].Up = uplinks[i%len(uplinks)] * mbit
				}
				if r := run(t, c); r.Failures > 0 {
					t.Errorf("uplinks of %v Mbit/s and a seed of %v: %d failures, p95 %v", uplinks, seedUp, r.Failures, r.Quantile(0.95))
				}
			}
		}
	}
}
