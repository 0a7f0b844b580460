package swarm

import (
	"context"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Whoever dials a camera first could fill its mesh. It dials peers of its own
// choice all the same, into the slots that are kept for that.
func TestStrangersWhoDialFirstDoNotMakeTheWholeMesh(t *testing.T) {
	cfg := netConfig(RoleCamera)
	cfg.MaxConnections = 8 // a mesh from 4, two slots for its own dials
	camera := newNet(t, cfg)
	for range camera.limits.MeshLow {
		if err := connectNets(t, newNet(t, netConfig(RoleCamera)), camera); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the mesh", func() bool { return camera.mesh() == camera.limits.MeshLow })
	runNet(t, camera)
	var chosen []*Network
	for range 4 {
		other := newNet(t, netConfig(RoleCamera))
		chosen = append(chosen, other)
		camera.discovered(peer.AddrInfo{ID: other.host.ID(), Addrs: other.host.Addrs()}, sourceDHT)
	}
	dialled := func() (n int) {
		for _, o := range chosen {
			if linked(camera, o) {
				n++
			}
		}
		return n
	}
	await(t, "dials of its own", func() bool { return dialled() == camera.limits.Connections/4 })
	time.Sleep(200 * time.Millisecond)
	if n := dialled(); n != camera.limits.Connections/4 {
		t.Errorf("%d of its own choice, and the mesh was large enough without", n)
	}
}

func TestOnePeerHoldsOneInboundSlot(t *testing.T) {
	camera := newNet(t, netConfig(RoleCamera))
	stranger := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, stranger, camera); err != nil {
		t.Fatal(err)
	}
	conns := func() []network.Conn { return camera.host.Network().ConnsToPeer(stranger.host.ID()) }
	await(t, "the first connection", func() bool { return len(conns()) == 1 })
	first := conns()[0]
	addr := camera.host.Addrs()[0]
	dialler := stranger.host.swarm.TransportForDialing(addr)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second, err := dialler.Dial(ctx, addr, camera.host.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	await(t, "the end of the older connection", func() bool {
		all := conns()
		return len(all) == 1 && all[0].ID() != first.ID()
	})
}
