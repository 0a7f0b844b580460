package p2p

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"camswarm/swarm/p2p/book"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
)

// Whoever dials a camera first could be all its neighbours. It dials some of its
// own choice all the same, and nobody is trimmed for them.
func TestThreatEclipse_StrangersWhoDialFirst(t *testing.T) {
	static := newNet(t, netConfig(RoleSeed))
	cfg := netConfig(RoleCamera)
	cfg.MaxConnections = 12 // six of a mesh of nine from strangers, one static, two chosen
	cfg.Peers = fullAddrs(static)
	camera := newNet(t, cfg)
	l := camera.limits
	if l.Inbound+l.Connections/4 > l.MeshHigh {
		t.Fatalf("a full node is trimmed: %+v", l)
	}
	for range l.Inbound {
		if err := connectNets(t, newNet(t, netConfig(RoleCamera)), camera); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the mesh to be theirs", func() bool { return camera.neighbours().Peers == l.Inbound })
	runNet(t, camera)
	var honest []*Network
	for range 4 {
		other := newNet(t, netConfig(RoleCamera))
		honest = append(honest, other)
		camera.discovered(peer.AddrInfo{ID: other.host.ID(), Addrs: other.host.Addrs()}, book.DHT)
	}
	dialled := func() (n int) {
		for _, o := range honest {
			if linked(camera, o) {
				n++
			}
		}
		return n
	}
	await(t, "dials of its own and the seed", func() bool { return dialled() == l.Chosen && linked(camera, static) })
	if m := camera.neighbours(); m.Peers != l.Inbound+l.Chosen+1 || m.Own != l.Chosen || m.Small(camera.bounds()) {
		t.Errorf("%+v with limits %+v", m, l)
	}
}

func TestThreatEclipse_OnePeerHoldsOneInboundSlot(t *testing.T) {
	camera, stranger := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, stranger, camera); err != nil {
		t.Fatal(err)
	}
	conns := func() []network.Conn { return camera.host.Network().ConnsToPeer(stranger.host.ID()) }
	await(t, "the first connection", func() bool { return len(conns()) == 1 })
	addr := camera.host.Addrs()[0]
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 3 {
		if c, err := stranger.host.swarm.TransportForDialing(addr).Dial(ctx, addr, camera.host.ID()); err == nil {
			defer c.Close()
		}
	}
	await(t, "the end of the others", func() bool { return len(conns()) == 1 })
}

// Two that dial each other at one moment keep one connection between them: the other
// would cost its keep-alives for as long as they are neighbours.
func TestWhoDialEachOtherKeepOneConnection(t *testing.T) {
	for range 8 {
		a, b := newNet(t, netConfig(RoleCamera)), newNet(t, netConfig(RoleCamera))
		var dials sync.WaitGroup
		dials.Go(func() { _ = connectNets(t, a, b) }) // one of them may be refused by the other's end
		dials.Go(func() { _ = connectNets(t, b, a) })
		dials.Wait()
		conns := func(n, o *Network) int { return len(n.host.Network().ConnsToPeer(o.host.ID())) }
		await(t, "one connection", func() bool { return conns(a, b) == 1 && conns(b, a) == 1 })
	}
}

// A static peer that was away finds a slot when it comes back, whoever has come
// meanwhile.
func TestThreatEclipse_StaticPeersKeepASlot(t *testing.T) {
	key := testKey(t)
	seed, err := New(netConfig(RoleSeed, apart()), key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := netConfig(RoleCamera)
	cfg.MaxConnections, cfg.Peers = 8, fullAddrs(seed)
	port := seed.Status().Listen[0]
	if err := seed.Close(); err != nil {
		t.Fatal(err)
	}
	camera := newNet(t, cfg)
	runNet(t, camera)
	for range camera.limits.Connections - camera.limits.Inbound { // of its own choice, in quieter times
		if err := connectNets(t, camera, newNet(t, netConfig(RoleCamera))); err != nil {
			t.Fatal(err)
		}
	}
	for range camera.limits.Inbound + 4 {
		_ = connectNets(t, newNet(t, netConfig(RoleCamera)), camera)
	}
	await(t, "a slot that nobody has", func() bool { return len(camera.host.Network().Conns()) == camera.limits.Connections-1 })
	again := newNetWithKey(t, netConfig(RoleSeed, port), key)
	await(t, "the static peer", func() bool { return linked(camera, again) })
}

// Strangers that were asked and delivered nothing do not keep more than half of
// the slots of strangers, and are refused for a while. Those who delivered, and
// those who were never asked, stay.
func TestThreatEclipse_WhoDeliversNothingLosesItsSlot(t *testing.T) {
	reg := prometheus.NewRegistry()
	camera := newNet(t, netConfig(RoleCamera), Options{Registerer: reg})
	l := camera.limits
	var strangers []*Network
	for range l.Inbound {
		n := newNet(t, netConfig(RoleCamera))
		strangers = append(strangers, n)
		if err := connectNets(t, n, camera); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "every slot to be taken", func() bool { return camera.neighbours().Peers == l.Inbound })
	good, bad := strangers[:2], strangers[2:]
	for _, n := range good {
		camera.Reputations().Delivered(n.host.ID(), 2<<20, time.Second)
		camera.Reputations().Failed(n.host.ID()) // a bad line
	}
	for _, n := range bad {
		camera.Reputations().Failed(n.host.ID())
	}
	await(t, "room", func() bool { return camera.neighbours().Peers == l.Inbound/2 })
	for _, n := range good {
		if !linked(camera, n) {
			t.Error("a peer that delivered was hung up on")
		}
	}
	for _, n := range bad {
		if !linked(camera, n) {
			await(t, "the other end to notice", func() bool { return !linked(n, camera) })
			_ = connectNets(t, n, camera)
			await(t, "the refusal", func() bool { return !linked(camera, n) && counted(t, reg, "useless") > 0 })
			break
		}
	}
	honest := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, honest, camera); err != nil {
		t.Error(err)
	}
}

// slot is a connection as surplus sees it.
type slot struct {
	network.Conn
	stats network.ConnStats
}

func (s *slot) Stat() network.ConnStats { return s.stats }
func (s *slot) IsClosed() bool          { return false }

func TestSurplusConnections(t *testing.T) {
	at := func(d time.Duration, dir network.Direction, relayed bool) *slot {
		return &slot{stats: network.ConnStats{Stats: network.Stats{Direction: dir, Opened: time.Unix(0, 0).Add(d), Limited: relayed}}}
	}
	in, out := network.DirInbound, network.DirOutbound
	first, second, third, later := at(0, in, false), at(1, in, false), at(doubleDial-1, in, false), at(time.Minute, in, false)
	ours, again := at(2, out, false), at(time.Minute, out, false)
	for _, c := range []struct {
		what  string
		conns []network.Conn
		want  []network.Conn
	}{
		{"one", []network.Conn{first}, nil},
		{"one, ours", []network.Conn{ours}, nil},
		{"we dial again", []network.Conn{first, again}, []network.Conn{first}},
		{"it came back to our dial", []network.Conn{ours, later}, []network.Conn{ours}},
		{"relayed beside direct", []network.Conn{at(0, in, true), later}, nil},
		{"it came back", []network.Conn{later, first}, []network.Conn{first}},
		{"one dial, two transports", []network.Conn{first, third}, []network.Conn{third}},
		{"many at once", []network.Conn{third, first, second}, []network.Conn{second, third}},
		{"many, and it came back", []network.Conn{third, later, first}, []network.Conn{first, third}},
	} {
		for _, first := range []bool{true, false} {
			if got := surplus(first, c.conns); !slices.Equal(got, c.want) {
				t.Errorf("%s: closes %v", c.what, got)
			}
		}
	}
	// Two ends that dial each other: each has the other's dial as inbound, in any order.
	for _, early := range []bool{true, false} {
		out := ours
		if early {
			out = at(-1, network.DirOutbound, false)
		}
		got := surplus(true, []network.Conn{out, first, second})
		if len(got) != 2 || slices.Contains(got, network.Conn(out)) {
			t.Errorf("the dial of the smaller identity, ours: closes %v", got)
		}
		if got := surplus(false, []network.Conn{out, first, second}); len(got) != 2 || slices.Contains(got, network.Conn(first)) {
			t.Errorf("the dial of the smaller identity, theirs: closes %v", got)
		}
	}
}
