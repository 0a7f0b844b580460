package p2p_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"camswarm/sim/links"
	"camswarm/swarm/p2p"
)

// eclipse: nobody is alone because its seed is full. Eighty cameras know one seed
// that has room for eighteen of them, all start at once, and whoever the seed
// hangs up on has found others by then.
func TestThreatEclipse_ASeedBeyondItsRoom(t *testing.T) {
	if testing.Short() {
		t.Skip("eighty hosts")
	}
	const cameras = 80
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
		topo := &links.Topology{Delay: func(int, int) time.Duration { return 20 * time.Millisecond }}
		for range cameras + 1 {
			topo.Nodes = append(topo.Nodes, links.Node{Up: 20e6, Down: 50e6})
		}
		lines, err := links.NewFast(topo)
		if err != nil {
			t.Fatal(err)
		}
		defer lines.Close()
		var all []*p2p.Network
		var running sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		defer func() {
			cancel()
			running.Wait()
			for _, n := range all {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
		start := func(i int, cfg p2p.Config) {
			key, _, err := crypto.GenerateEd25519Key(nil)
			if err != nil {
				t.Fatal(err)
			}
			cfg.MDNS = false
			cfg.Listen = []string{lines.Addr(i).String()}
			n, err := p2p.New(cfg, key, p2p.Options{Transport: lines.Transport(i), Interfaces: func() ([]net.Addr, error) { return nil, nil }})
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Join("product"); err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
			running.Go(func() {
				if err := n.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		cfg := p2p.DefaultConfig()
		cfg.Role, cfg.MaxConnections = p2p.RoleSeed, 24
		start(0, cfg)
		cfg = p2p.DefaultConfig()
		cfg.Peers = []string{fmt.Sprintf("%s/p2p/%s", lines.Addr(0), all[0].Host().ID())}
		for i := range cameras {
			start(i+1, cfg)
		}
		lonely := func() (alone, few int) {
			for _, n := range all[1:] {
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
			t.Logf("%v later: %d cameras have nobody, %d have one to three neighbours, the seed has %d", at, alone, few, len(all[0].Host().Network().Peers()))
		}
		if alone, few := lonely(); alone > 0 || few > cameras/20 {
			t.Errorf("%d of %d cameras have nobody, %d have one to three neighbours", alone, cameras, few)
		}
		if n := len(all[0].Host().Network().Peers()); n > 18 {
			t.Errorf("the seed has %d neighbours", n)
		}
	})
}
