package flow

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"camswarm/swarm"
)

func crowd(n int, seed uint64, seedDegree int) Config {
	c := Config{ImageBytes: 6_200_000, BlockBytes: 64 << 10, Seed: seed, Delay: RTT(10*time.Millisecond, 150*time.Millisecond, seed)}
	c.Nodes = append(c.Nodes, Node{Up: 12.5e6, Down: 12.5e6, Seed: true})
	for range n {
		c.Nodes = append(c.Nodes, Node{Up: 2.5e6, Down: 6.25e6, Start: time.Second})
	}
	c.Links = Mesh(n+1, 10, seedDegree, seed)
	return c
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

// TestTry prints one run; for trying things out.
func TestTry(t *testing.T) {
	geti := func(k string, d int) int {
		if s := os.Getenv(k); s != "" {
			v, _ := strconv.Atoi(s)
			return v
		}
		return d
	}
	n := geti("N", 50)
	var sum50, sum95 float64
	seeds := geti("SEEDS", 3)
	for s := range seeds {
		c := crowd(n, uint64(s+geti("SEED", 1)), geti("SD", 0))
		c.Planner = swarm.DefaultPlannerConfig()
		c.Lender = swarm.DefaultLenderConfig()
		c.BlockBytes = geti("BLOCK", 64) << 10
		c.Workers = geti("WORKERS", 8)
		c.Order = geti("ORDER", 0)
		c.LineQueue = geti("LQ", 0)
		c.SeedWorkers = geti("SWORKERS", 0)
		c.HaveDelay = time.Duration(geti("HAVE", 10)) * time.Millisecond
		c.Lender.PerPeer = geti("PER", c.Lender.PerPeer)
		c.Lender.StartWindow = int64(geti("WINDOW", 3072)) << 10
		c.Lender.Ahead = time.Duration(geti("LAHEAD", 300)) * time.Millisecond
		c.Lender.Open = geti("OPEN", c.Lender.Open)
		c.Planner.Ahead = time.Duration(geti("AHEAD", 300)) * time.Millisecond
		c.Planner.StartWindow = geti("SW", c.Planner.StartWindow)
		c.Planner.MaxWindow = geti("MW", c.Planner.MaxWindow)
		c.Planner.Few = geti("FEW", c.Planner.Few)
		c.Planner.MinInFlight = int64(geti("MIF", 1024)) << 10
		c.Planner.EndgameHedge = time.Duration(geti("EH", 1200)) * time.Millisecond
		start := time.Now()
		r, err := Run(c)
		if err != nil {
			t.Fatal(err)
		}
		b := c.Bound().Seconds()
		p50, p95, max := r.Quantile(.5).Seconds(), r.Quantile(.95).Seconds(), r.Quantile(1).Seconds()
		sum50 += p50 / b
		sum95 += p95 / b
		t.Logf("N=%d seed %d: p50 %.2f p95 %.2f max %.2f bound %.2f: %.3f %.3f %.3f; dup %.2f %%, seed %.2f copies, %d wants %d msgs/node, %d events %v, unfinished %d", n, s+1, p50, p95, max, b, p50/b, p95/b, max/b,
			100*float64(r.Duplicate)/float64(n)/6.2e6, float64(r.Sent[0])/6.2e6, r.Wants/n, r.Messages/n, r.Events, time.Since(start).Round(time.Millisecond), r.Unfinished)
		if os.Getenv("DBG") != "" {
			type key struct{ n, p, u int32 }
			asked := map[key][3]time.Duration{}
			ord := []int{}
			for i := range r.Done {
				ord = append(ord, i)
			}
			slices.SortFunc(ord, func(a, b int) int { return int(r.Done[a] - r.Done[b]) })
			pick := int32(ord[len(ord)*geti("PCT", 95)/100])
			nb := 0
			for _, l := range c.Links {
				if l[0] == int(pick) || l[1] == int(pick) {
					nb++
				}
			}
			t.Logf("node %d done %v, %d neighbours", pick, r.Done[pick], nb)
			for _, e := range Dbg {
				k := key{e.Node, e.Peer, e.Unit}
				v := asked[k]
				if e.Kind < 3 {
					v[e.Kind] = e.At
				}
				asked[k] = v
				if e.Kind == 3 && e.Node == pick {
					t.Logf("%6d ms: unit %d from %d: rtt %d, to server +%d, queued %d, sending %d; missing %d", e.At.Milliseconds()-1000, e.Unit, e.Peer, 2*c.Delay(int(e.Node), int(e.Peer)).Milliseconds(), (v[1] - v[0]).Milliseconds(), (v[2] - v[1]).Milliseconds(), (e.At - v[2]).Milliseconds(), e.Missing)
				}
			}
		}
		Dbg = nil
		if s == 0 {
			t.Log("cameras", bars(r.Busy))
			t.Log("seed   ", bars(r.SeedBusy))
			t.Log("have   ", bars(r.Have))
		}
	}
	t.Logf("MEAN N=%d p50 %.3f p95 %.3f", n, sum50/float64(seeds), sum95/float64(seeds))
}
