package p2p_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/p2p"
)

// Cameras that have nothing to fetch keep few neighbours, seeds among them and one of
// their own choice, and nobody with whom blocks are exchanged is hung up on. Who
// begins to fetch has as many as before within seconds.
func TestIdleCamerasKeepFewNeighbours(t *testing.T) {
	const cameras = 12
	inFleet(t, cameras+1, func(f *fleet) {
		f.busy = func(camera int, p peer.ID) bool { // the first camera exchanges blocks with all others
			return camera == 1 || p == f.all[1].Host().ID()
		}
		seed := f.start(seedFor(64))
		for range cameras {
			f.start(p2p.DefaultConfig(), seed)
		}
		limits := f.all[1].Limits()
		peers := func(n *p2p.Network) int { return len(n.Host().Network().Peers()) }
		time.Sleep(9 * time.Minute)
		for _, n := range f.all[2:] {
			if err := f.all[1].Host().Connect(f.ctx, peer.AddrInfo{ID: n.Host().ID(), Addrs: n.Host().Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range f.all[1:] {
			if peers(n) < limits.MeshLow {
				t.Errorf("camera %d has %d neighbours soon after its start, fewer than %d", i+1, peers(n), limits.MeshLow)
			}
		}

		time.Sleep(2 * time.Hour)
		sum, young := 0, 0
		for i, n := range f.all[1:] {
			sum += peers(n)
			for _, c := range n.Host().Network().Conns() {
				if time.Since(c.Stat().Opened) < time.Hour {
					young++
				}
			}
			if peers(n) < limits.MeshIdle || peers(n) > limits.MeshIdle+1 && i > 0 {
				t.Errorf("camera %d has %d neighbours while it is idle, not %d to %d", i+1, peers(n), limits.MeshIdle, limits.MeshIdle+1)
			}
			if !joined(n, seed) {
				t.Errorf("camera %d has given up its seed", i+1)
			}
		}
		if young > 0 { // counted at both ends
			t.Errorf("%d of %d connections are new, though nothing happened for two hours", young, sum)
		}
		for i, n := range f.all[2:] {
			if !joined(f.all[1], n) {
				t.Errorf("camera 1 and camera %d hung up, though they exchange blocks", i+2)
			}
		}

		one := f.all[3]
		one.Fetching(true)
		time.Sleep(5 * time.Second)
		if peers(one) < limits.MeshLow {
			t.Errorf("five seconds after a fetch began there are %d neighbours, fewer than %d", peers(one), limits.MeshLow)
		}
		time.Sleep(time.Hour)
		if peers(one) < limits.MeshLow {
			t.Errorf("in a long fetch there are %d neighbours, fewer than %d", peers(one), limits.MeshLow)
		}
		one.Fetching(false)
		if testing.Short() {
			return // without the day that follows: 13 hosts under the race detector
		}
		one.Fetching(true) // and never ends
		time.Sleep(26 * time.Hour)
		if peers(one) > limits.MeshIdle+1 {
			t.Errorf("in a fetch that does not end there are %d neighbours, more than %d", peers(one), limits.MeshIdle+1)
		}
		one.Fetching(false)
		time.Sleep(2 * time.Hour)
		if peers(one) > limits.MeshIdle+1 {
			t.Errorf("long after the fetch there are %d neighbours, more than %d", peers(one), limits.MeshIdle+1)
		}
	})
}

// Strangers who dial an idle camera, deliver something, and dial again whenever it hangs
// up on them take the place of neither its seed nor the neighbour that it chose. Of
// them, those who are worth most stay; the others go in the order of their worth.
func TestThreatEclipse_StrangersWhoDialAnIdleCamera(t *testing.T) {
	const strangers = 6
	inFleet(t, 3+strangers, func(f *fleet) {
		seed := f.start(seedFor(64))
		chosen, camera := f.start(p2p.DefaultConfig()), f.start(p2p.DefaultConfig(), seed)
		time.Sleep(time.Minute)
		if err := camera.Host().Connect(f.ctx, peer.AddrInfo{ID: chosen.Host().ID(), Addrs: chosen.Host().Addrs()}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var left []peer.ID // by when they first did
		camera.Host().Network().Notify(&network.NotifyBundle{DisconnectedF: func(_ network.Network, c network.Conn) {
			mu.Lock()
			defer mu.Unlock()
			if p := c.RemotePeer(); !slices.Contains(left, p) {
				left = append(left, p)
			}
		}})
		for i := range strangers {
			s := f.start(p2p.DefaultConfig(), camera)
			camera.Host().ConnManager().TagPeer(s.Host().ID(), "delivered", 1000*(i+1))
		}
		time.Sleep(3 * time.Hour)
		stayed := map[peer.ID]bool{}
		for _, c := range camera.Host().Network().Conns() {
			if time.Since(c.Stat().Opened) > 3*time.Hour-time.Minute {
				stayed[c.RemotePeer()] = true
			}
		}
		valued := f.all[1+strangers:] // two
		for name, n := range map[string]*p2p.Network{"its seed": seed, "whom it chose": chosen, "a valued stranger": valued[0], "the most valued stranger": valued[1]} {
			if !stayed[n.Host().ID()] {
				t.Errorf("the camera hung up on %s", name)
			}
		}
		if want := camera.Limits().MeshIdle + 1; len(stayed) != want {
			t.Errorf("%d neighbours stayed, want %d", len(stayed), want)
		}
		mu.Lock()
		defer mu.Unlock()
		for i, p := range left {
			if i >= strangers || p != f.all[3+i].Host().ID() {
				t.Errorf("neighbour %d to go was not the least valued", i+1)
			}
		}
	})
}
