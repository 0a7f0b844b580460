package flow

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"camswarm/swarm/plan"
)

// Node is one host and its access line.
type Node struct {
	Up, Down float64       // bytes per second
	Seed     bool          // holds the image from the start
	Start    time.Duration // when it begins to fetch
	Leave    time.Duration // when it disappears; 0: never
}

// Config describes a run.
type Config struct {
	Nodes []Node                           // with their lines; the first ones may be seeds
	Links [][2]int                         // connections between nodes
	Delay func(a, b int) (d time.Duration) // one way; nil: 40 ms

	ImageBytes int64 // of the file
	BlockBytes int   // of each block but the last

	Planner plan.PlannerConfig // zero: the defaults
	Lender  plan.LenderConfig  // zero: the defaults
	// Workers and SeedWorkers are the blocks that a camera, or a seed, sends side
	// by side; 0: the defaults.
	Workers, SeedWorkers int

	// HaveDelay is the least time between two possession messages to one peer, where
	// less than four blocks wait to be named; 0: 40 ms, negative: none.
	HaveDelay time.Duration

	Segment int           // bytes that the model moves at a time; 0: 4096
	Seed    uint64        // of all random choices
	Limit   time.Duration // of model time; 0: one hour
}

// Result is what a run gave.
type Result struct {
	Done       []time.Duration // from Start to the last block, by node; 0: a seed, unfinished or gone
	Unfinished int             // cameras that stayed and did not finish within Limit
	Sent       []int64         // bytes of blocks, by node
	Received   []int64
	Duplicate  int64 // bytes of blocks that arrived twice
	Wants      int   // requests
	Failures   int   // that planners noted of peers; all are honest here
	Messages   int   // of all kinds
	Events     int

	// Busy is the share of the cameras' uplinks, and SeedBusy that of the
	// seeds', in use in each Step of time.
	Busy, SeedBusy []float64
	Have           []float64 // share of all blocks that have arrived, at the end of each step
}

// Step is the time between two samples of Result.Busy.
const Step = 50 * time.Millisecond

// Quantile returns the time by which a share q of the cameras that finished
// was done; 0.5 is the median.
func (r *Result) Quantile(q float64) time.Duration {
	var d []time.Duration
	for _, t := range r.Done {
		if t > 0 {
			d = append(d, t)
		}
	}
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(int(q*float64(len(d))), len(d)-1)]
}

// Bound is the least time in which all cameras of the configuration can have
// the image if they start together and stay: max(F/u_s, F/d_min, N·F/(u_s+Σu)).
func (c *Config) Bound() time.Duration {
	var seeds, up, down float64
	n := 0
	for _, o := range c.Nodes {
		up += o.Up
		if o.Seed {
			seeds += o.Up
			continue
		}
		n++
		if down == 0 || o.Down < down {
			down = o.Down
		}
	}
	f := float64(c.ImageBytes)
	return time.Duration(max(f/seeds, f/down, float64(n)*f/up) * float64(time.Second))
}

// ErrConfig is wrapped by errors about a Config.
var ErrConfig = errors.New("flow: bad configuration")

func (c *Config) validate() error {
	if len(c.Nodes) == 0 || c.ImageBytes < 1 || c.BlockBytes < 1 {
		return fmt.Errorf("%w: it needs nodes, an image and a block size of a byte or more", ErrConfig)
	}
	if n := (c.ImageBytes + int64(c.BlockBytes) - 1) / int64(c.BlockBytes); n > maxBlocks {
		return fmt.Errorf("%w: %d blocks, at most %d are allowed: take larger blocks", ErrConfig, n, maxBlocks)
	}
	for i, n := range c.Nodes {
		if n.Up <= 0 || n.Down <= 0 {
			return fmt.Errorf("%w: node %d has a rate of 0", ErrConfig, i)
		}
	}
	for _, l := range c.Links {
		if l[0] == l[1] || min(l[0], l[1]) < 0 || max(l[0], l[1]) >= len(c.Nodes) {
			return fmt.Errorf("%w: link %v", ErrConfig, l)
		}
	}
	return nil
}

// Mesh returns links like those of cameras in the field: node 0, the seed of the
// region, is connected to seedDegree others (0: all), and every other node to
// low to high random ones among the rest.
func Mesh(nodes, low, high, seedDegree int, seed uint64) [][2]int {
	r := rand.New(rand.NewPCG(seed, 99))
	var out [][2]int
	seen := map[[2]int]bool{}
	degree := make([]int, nodes)
	link := func(i, j int) {
		k := [2]int{min(i, j), max(i, j)}
		if i == j || seen[k] {
			return
		}
		seen[k] = true
		degree[i]++
		degree[j]++
		out = append(out, k)
	}
	if nodes < 2 {
		return nil
	}
	if seedDegree == 0 {
		seedDegree = nodes - 1
	}
	for _, j := range r.Perm(nodes - 1)[:min(seedDegree, nodes-1)] {
		link(0, j+1)
	}
	clear(degree)
	for _, k := range r.Perm(nodes - 1) {
		i := k + 1
		for tries := 0; degree[i] < low && tries < 20*high; tries++ {
			if j := 1 + r.IntN(nodes-1); degree[j] < high {
				link(i, j)
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return out
}

// RTT returns one-way delays that make round trips of lo to hi, fixed per pair.
func RTT(lo, hi time.Duration, seed uint64) func(a, b int) time.Duration {
	return func(i, j int) time.Duration {
		r := rand.New(rand.NewPCG(seed, uint64(min(i, j))<<32|uint64(max(i, j))))
		return (lo + time.Duration(r.Int64N(int64(hi-lo)+1))) / 2
	}
}
