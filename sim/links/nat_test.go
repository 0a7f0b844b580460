package links

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// pairs has two nodes of each kind of NAT after a node that has none.
func pairs() *Topology {
	t := &Topology{Nodes: []Node{{}}, Delay: delay(20 * time.Millisecond)}
	for kind := range NoUDP + 1 {
		t.Nodes = append(t.Nodes, Node{Up: 20e6, Down: 20e6, NAT: kind}, Node{Up: 20e6, Down: 20e6, NAT: kind})
	}
	return t
}

// Two nodes that know by which address a third sees them dial one another, and if
// neither gets through send at the same moment, as DCUtR has them do. The packets
// that their NATs let in decide, and they decide as Connects says.
func TestHolesOpenBetweenTheKindsThatConnect(t *testing.T) {
	bubble(t, pairs, func(t *testing.T, n Network, hosts []host.Host) {
		topo := pairs()
		seen := make([]ma.Multiaddr, len(hosts))
		for i, h := range hosts[1:] {
			if err := connect(h, hosts[0]); err != nil {
				t.Fatal(err)
			}
			seen[i+1] = hosts[0].Network().ConnsToPeer(h.ID())[0].RemoteMultiaddr()
		}
		for a := 1; a < len(hosts); a += 2 {
			for b := 2; b < len(hosts); b += 2 {
				err := dial(hosts[a], hosts[b], seen[b])
				if err != nil {
					err = dial(hosts[b], hosts[a], seen[a])
				}
				if err != nil {
					err = punch(hosts[a], hosts[b], seen[a], seen[b])
				}
				if (err == nil) != topo.Connects(a, b) {
					t.Errorf("%v with %v: %v", topo.Nodes[a].NAT, topo.Nodes[b].NAT, err)
				}
			}
		}
	})
}

func dial(a, b host.Host, at ma.Multiaddr) error {
	time.Sleep(10 * time.Second) // libp2p's pause after a failure
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	return a.Connect(ctx, peer.AddrInfo{ID: b.ID(), Addrs: []ma.Multiaddr{at}})
}

// punch has two hosts dial each other at once; a is the client.
func punch(a, b host.Host, seenA, seenB ma.Multiaddr) error {
	time.Sleep(10 * time.Second)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	done := make(chan error, 2)
	go func() {
		done <- a.Connect(network.WithSimultaneousConnect(ctx, true, "test"), peer.AddrInfo{ID: b.ID(), Addrs: []ma.Multiaddr{seenB}})
	}()
	go func() {
		done <- b.Connect(network.WithSimultaneousConnect(ctx, false, "test"), peer.AddrInfo{ID: a.ID(), Addrs: []ma.Multiaddr{seenA}})
	}()
	first, second := <-done, <-done
	if a.Network().Connectedness(b.ID()) == network.Connected {
		return nil
	}
	return fmt.Errorf("%v; %v", first, second)
}

// A pair that is late needs a second attempt.
func TestLateHolesNeedASecondAttempt(t *testing.T) {
	topo := func() *Topology {
		t := pairs()
		t.Late = func(a, b int) time.Duration { return 5 * time.Second }
		return t
	}
	bubble(t, topo, func(t *testing.T, n Network, hosts []host.Host) {
		const a, b = 5, 6
		for _, h := range hosts[a : b+1] {
			if err := connect(h, hosts[0]); err != nil {
				t.Fatal(err)
			}
		}
		if err := punch(hosts[a], hosts[b], topo().Outside(a), topo().Outside(b)); err == nil {
			t.Error("the first attempt succeeded")
		}
		if err := punch(hosts[a], hosts[b], topo().Outside(a), topo().Outside(b)); err != nil {
			t.Error("the second attempt failed:", err)
		}
	})
}

// A symmetric NAT shows each peer another port, the others their own to all.
func TestNATsMapPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topo := pairs()
		inBubble(t, kinds[1], topo, func(t *testing.T, n Network, hosts []host.Host) {
			for kind := range NoUDP + 1 {
				h := hosts[1+2*kind]
				var ports []string
				for _, peer := range []int{0, 1 + int(kind+1)%2} { // two that have none
					if peer == 1+2*int(kind) {
						peer = 2
					}
					if err := connect(h, hosts[peer]); err != nil {
						t.Fatal(err)
					}
					at := hosts[peer].Network().ConnsToPeer(h.ID())[0].RemoteMultiaddr()
					port, _ := at.ValueForProtocol(ma.P_UDP)
					ports = append(ports, port)
					if own := n.Addr(1 + 2*int(kind)); (kind == NoNAT) != at.Equal(own) {
						t.Errorf("%v: seen at %v, its own address is %v", kind, at, own)
					}
				}
				if kept := ports[0] == "8000" && ports[1] == "8000"; kept != (kind < Symmetric) {
					t.Errorf("%v: ports %v", kind, ports)
				}
				if ports[0] == ports[1] && kind >= Symmetric {
					t.Errorf("%v: port %s for both", kind, ports[0])
				}
			}
		})
	})
}
