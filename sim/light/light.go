package light

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/swarm/p2p"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Config is one crowd.
type Config struct {
	Cameras int // 1 to 10,000
	Seeds   int // all cameras know all of them, and they know one another; 1 and up
	Room    int // connections of a seed; 0: as the node decides

	// Arrive is the time over which the cameras start, evenly; Watch is how long
	// they are looked at from then on, in two windows: bytes are counted from the
	// first start to Arrive plus half of Watch, and in the other half.
	Arrive, Watch time.Duration

	Seed uint64 // of the random numbers: delays, when each starts
}

// Window is what moved in a stretch of time.
type Window struct {
	Seconds     float64 `json:"seconds"`
	SeedSent    float64 `json:"seedSentPerCamera"`   // bytes that all seeds sent, headers included, for each camera
	CameraSent  float64 `json:"cameraSentPerCamera"` // bytes that a camera sent on average
	Arrivals    float64 `json:"arrivalsPerCamera"`   // connections that cameras opened to seeds, for each camera
	SeedArrival float64 `json:"arrivalsPerSecond"`   // the same for each seed and second
}

// Result is what came of a crowd.
type Result struct {
	Cameras  int     `json:"cameras"`
	Seeds    int     `json:"seeds"`
	Meeting  Window  `json:"meeting"` // while they start and find one another
	Settled  Window  `json:"settled"` // afterwards
	Alone    int     `json:"alone"`   // cameras without any neighbour at the end
	Few      int     `json:"few"`     // with one to three
	P5       int     `json:"p5"`      // neighbours of a camera: quantiles
	P50      int     `json:"p50"`
	P95      int     `json:"p95"`
	AtSeeds  int     `json:"atSeeds"`  // connections of all seeds
	Seedless int     `json:"seedless"` // cameras that have no seed
	Islands  int     `json:"islands"`  // parts of the mesh that nothing connects, seeds left out
	Largest  float64 `json:"largest"`  // share of the cameras in the largest
}

const namespace = "light/1"

// Run plays a crowd in virtual time. The error is about the run.
func Run(ctx context.Context, cfg Config) (out Result, err error) {
	if cfg.Cameras < 1 || cfg.Cameras > 10_000 || cfg.Seeds < 1 || cfg.Seeds > 256 || cfg.Arrive <= 0 || cfg.Watch <= 0 {
		return out, fmt.Errorf("light: %d cameras, %d seeds, %v and %v: out of range", cfg.Cameras, cfg.Seeds, cfg.Arrive, cfg.Watch)
	}
	err = bubble.Run(ctx, func(ctx context.Context) (err error) {
		c := &crowd{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1))}
		if err := c.open(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.close()) }()
		out, err = c.play(ctx)
		return err
	})
	return out, err
}

// crowd is a run.
type crowd struct {
	cfg   Config
	rng   *rand.Rand
	lines links.Network
	keys  []crypto.PrivKey
	ids   []peer.ID

	running sync.WaitGroup
	stop    context.CancelFunc

	mu       sync.Mutex
	nodes    []*p2p.Network // seeds first; nil: not started
	arrivals int            // of cameras at seeds
	errs     []error
}

func (c *crowd) open() (err error) {
	all := c.cfg.Seeds + c.cfg.Cameras
	topo := &links.Topology{Seed: c.cfg.Seed, Delay: func(a, b int) time.Duration {
		r := rand.New(rand.NewPCG(c.cfg.Seed, uint64(min(a, b))<<32|uint64(max(a, b))))
		return (10*time.Millisecond + time.Duration(r.Int64N(int64(140*time.Millisecond)))) / 2
	}}
	c.nodes = make([]*p2p.Network, all)
	for i := range all {
		line := links.Node{Up: 20e6, Down: 50e6}
		if i < c.cfg.Seeds {
			line = links.Node{Up: 1e9, Down: 1e9}
		}
		topo.Nodes = append(topo.Nodes, line)
		key, _, err := crypto.GenerateEd25519Key(nil)
		if err != nil {
			return err
		}
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			return err
		}
		c.keys, c.ids = append(c.keys, key), append(c.ids, id)
	}
	c.lines, err = links.NewFast(topo)
	return err
}

// begin starts node i.
func (c *crowd) begin(ctx context.Context, i int) error {
	cfg := p2p.DefaultConfig()
	cfg.MDNS = false // no multicast on these lines
	cfg.Listen = []string{c.lines.Addr(i).String()}
	for s := range c.cfg.Seeds {
		cfg.Peers = append(cfg.Peers, fmt.Sprintf("%s/p2p/%s", c.lines.Addr(s), c.ids[s]))
	}
	if i < c.cfg.Seeds {
		cfg.Role, cfg.MaxConnections = p2p.RoleSeed, c.cfg.Room
	}
	n, err := p2p.New(cfg, c.keys[i], p2p.Options{
		Transport: c.lines.Transport(i), Interfaces: func() ([]net.Addr, error) { return nil, nil },
	})
	if err != nil {
		return err
	}
	if i < c.cfg.Seeds {
		n.Host().Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, conn network.Conn) {
			if conn.Stat().Direction == network.DirInbound && !slices.Contains(c.ids[:c.cfg.Seeds], conn.RemotePeer()) {
				c.mu.Lock()
				c.arrivals++
				c.mu.Unlock()
			}
		}})
	}
	if err := n.Join(namespace); err != nil {
		return errors.Join(err, n.Close())
	}
	c.mu.Lock()
	c.nodes[i] = n
	c.mu.Unlock()
	c.running.Go(func() {
		if err := n.Run(ctx); err != nil {
			c.fail(err)
		}
	})
	return nil
}

func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

func (c *crowd) play(ctx context.Context) (out Result, err error) {
	run, cancel := context.WithCancel(ctx)
	c.stop = cancel
	for i := range c.cfg.Seeds {
		if err := c.begin(run, i); err != nil {
			return out, err
		}
	}
	if err := sleep(ctx, 10*time.Second); err != nil { // seeds meet
		return out, err
	}
	before := c.count()
	var starting sync.WaitGroup
	for i := range c.cfg.Cameras {
		after := time.Duration(c.rng.Int64N(int64(c.cfg.Arrive)))
		starting.Go(func() {
			if sleep(run, after) == nil {
				if err := c.begin(run, c.cfg.Seeds+i); err != nil {
					c.fail(err)
				}
			}
		})
	}
	starting.Wait()
	if err := sleep(ctx, c.cfg.Watch/2); err != nil {
		return out, err
	}
	met := c.count()
	if err := sleep(ctx, c.cfg.Watch/2); err != nil {
		return out, err
	}
	end := c.count()
	out = c.mesh()
	out.Meeting, out.Settled = c.window(before, met), c.window(met, end)
	return out, nil
}

func (c *crowd) close() error {
	if c.stop != nil {
		c.stop()
	}
	c.running.Wait()
	errs := make([]error, len(c.nodes))
	var w sync.WaitGroup
	for i, n := range c.nodes {
		if n != nil {
			w.Go(func() { errs[i] = n.Close() })
		}
	}
	w.Wait()
	c.lines.Close()
	return errors.Join(append(c.errs, errs...)...)
}

// counters are the bytes and arrivals so far.
type counters struct {
	at            time.Time
	seeds, camera int64
	arrivals      int
}

func (c *crowd) count() (n counters) {
	n.at = time.Now()
	for i := range c.ids {
		sent, _ := c.lines.Traffic(i)
		if i < c.cfg.Seeds {
			n.seeds += sent
		} else {
			n.camera += sent
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.arrivals = c.arrivals
	return n
}

func (c *crowd) window(from, to counters) Window {
	cameras, seconds := float64(c.cfg.Cameras), to.at.Sub(from.at).Seconds()
	arrivals := float64(to.arrivals - from.arrivals)
	return Window{
		Seconds:  seconds,
		SeedSent: float64(to.seeds-from.seeds) / cameras, CameraSent: float64(to.camera-from.camera) / cameras,
		Arrivals: arrivals / cameras, SeedArrival: arrivals / seconds / float64(c.cfg.Seeds),
	}
}

// mesh looks at who is connected with whom.
func (c *crowd) mesh() (out Result) {
	out.Cameras, out.Seeds = c.cfg.Cameras, c.cfg.Seeds
	index := map[peer.ID]int{}
	for i, id := range c.ids {
		index[id] = i
	}
	parent := make([]int, len(c.ids))
	for i := range parent {
		parent[i] = i
	}
	var root func(int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	var degrees []int
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		peers := n.Host().Network().Peers()
		if i < c.cfg.Seeds {
			out.AtSeeds += len(peers)
			continue
		}
		degrees = append(degrees, len(peers))
		switch {
		case len(peers) == 0:
			out.Alone++
		case len(peers) < 4:
			out.Few++
		}
		seedless := true
		for _, p := range peers {
			if o, ok := index[p]; ok && o < c.cfg.Seeds {
				seedless = false
			} else if ok {
				parent[root(i)] = root(o)
			}
		}
		if seedless {
			out.Seedless++
		}
	}
	slices.Sort(degrees)
	at := func(q float64) int { return degrees[min(int(q*float64(len(degrees))), len(degrees)-1)] }
	out.P5, out.P50, out.P95 = at(0.05), at(0.5), at(0.95)
	parts := map[int]int{}
	for i := c.cfg.Seeds; i < len(c.ids); i++ {
		parts[root(i)]++
	}
	out.Islands = len(parts)
	for _, n := range parts {
		out.Largest = max(out.Largest, float64(n)/float64(c.cfg.Cameras))
	}
	return out
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
