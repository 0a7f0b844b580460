package p2p_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/sim/links"
	"camswarm/swarm/p2p"
)

// A fleet is networks over simulated lines of 40 ms round trips, in virtual time.
type fleet struct {
	t       *testing.T
	topo    *links.Topology
	lines   links.Network
	ctx     context.Context
	all     []*p2p.Network
	busy    func(node int, p peer.ID) bool // p2p.Options.Busy of each
	running sync.WaitGroup
}

// inFleet runs a test with a fleet of up to size nodes, which ends with it.
func inFleet(t *testing.T, size int, test func(f *fleet)) {
	inFleetBehind(t, make([]links.NAT, size), test)
}

// inFleetBehind does, each node behind a NAT of its own.
func inFleetBehind(t *testing.T, nats []links.NAT, test func(f *fleet)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
		topo := &links.Topology{Delay: func(int, int) time.Duration { return 20 * time.Millisecond }}
		for _, kind := range nats {
			topo.Nodes = append(topo.Nodes, links.Node{Up: 20e6, Down: 50e6, NAT: kind})
		}
		lines, err := links.NewFast(topo)
		if err != nil {
			t.Fatal(err)
		}
		defer lines.Close()
		ctx, cancel := context.WithCancel(context.Background())
		f := &fleet{t: t, topo: topo, lines: lines, ctx: ctx}
		defer func() {
			cancel()
			f.running.Wait()
			for _, n := range f.all {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
		test(f)
	})
}

// start runs one more node, with nodes that it knows.
func (f *fleet) start(cfg p2p.Config, known ...*p2p.Network) *p2p.Network {
	f.t.Helper()
	key, _, err := crypto.GenerateEd25519Key(nil)
	if err != nil {
		f.t.Fatal(err)
	}
	i := len(f.all)
	cfg.MDNS = false
	cfg.Listen = []string{f.lines.Addr(i).String()}
	for _, k := range known {
		cfg.Peers = append(cfg.Peers, fmt.Sprintf("%s/p2p/%s", f.lines.Addr(slices.Index(f.all, k)), k.Host().ID()))
	}
	opts := p2p.Options{Transport: f.lines.Transport(i), Interfaces: func() ([]net.Addr, error) { return f.topo.Interfaces(i), nil }}
	if f.busy != nil {
		opts.Busy = func(p peer.ID) bool { return f.busy(i, p) }
	}
	n, err := p2p.New(cfg, key, opts)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := n.Join("product"); err != nil {
		f.t.Fatal(err)
	}
	f.all = append(f.all, n)
	f.running.Go(func() {
		if err := n.Run(f.ctx); err != nil {
			f.t.Error(err)
		}
	})
	return n
}

// seedFor is the configuration of a seed of some connections.
func seedFor(connections int) p2p.Config {
	cfg := p2p.DefaultConfig()
	cfg.Role, cfg.MaxConnections = p2p.RoleSeed, connections
	return cfg
}

func joined(a, b *p2p.Network) bool {
	return a.Host().Network().Connectedness(b.Host().ID()) == network.Connected
}

// eclipse: nobody is alone because its seed is full. Eighty cameras know one seed
// that has room for eighteen of them, all start at once, and whoever the seed
// hangs up on has found others by then.
func TestThreatEclipse_ASeedBeyondItsRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("eighty hosts")
	}
	const cameras = 80
	inFleet(t, cameras+1, func(f *fleet) {
		seed := f.start(seedFor(24))
		for range cameras {
			f.start(p2p.DefaultConfig(), seed)
		}
		lonely := func() (alone, few int) {
			for _, n := range f.all[1:] {
				switch peers := len(n.Host().Network().Peers()); {
				case peers == 0:
					alone++
				case peers < 4:
					few++
				}
			}
			return alone, few
		}
		for _, at := range []time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute} {
			time.Sleep(at)
			alone, few := lonely()
			f.t.Logf("%v later: %d cameras have nobody, %d have one to three neighbours, the seed has %d", at, alone, few, len(seed.Host().Network().Peers()))
		}
		if alone, few := lonely(); alone > 0 || few > cameras/20 {
			f.t.Errorf("%d of %d cameras have nobody, %d have one to three neighbours", alone, cameras, few)
		}
		if n := len(seed.Host().Network().Peers()); n > 18 {
			f.t.Errorf("the seed has %d neighbours", n)
		}
	})
}

// A seed that has no room says so, names another that has some, and is left alone.
func TestAFullSeedSendsCamerasToAnother(t *testing.T) {
	inFleet(t, 5, func(f *fleet) {
		roomy := f.start(seedFor(24))
		crowded := seedFor(24)
		crowded.MeshLow, crowded.MeshHigh = 1, 2 // one is the other seed
		full := f.start(crowded, roomy)
		time.Sleep(time.Minute)
		if !joined(full, roomy) {
			f.t.Fatal("the seeds have not met")
		}
		var cameras []*p2p.Network
		for range 3 { // they know no other seed
			cameras = append(cameras, f.start(p2p.DefaultConfig(), full))
			time.Sleep(time.Second)
		}
		sent := func() bool {
			return slices.ContainsFunc(cameras, func(n *p2p.Network) bool { return joined(n, roomy) && !joined(n, full) })
		}
		for range 60 {
			if sent() {
				return
			}
			time.Sleep(time.Second)
		}
		f.t.Error("no camera was sent to the other seed")
	})
}
