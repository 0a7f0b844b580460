package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/swarm/p2p/book"
)

func TestKindOfNAT(t *testing.T) {
	own := func(a netip.Addr) bool { return a == netip.MustParseAddr("198.51.100.7") }
	for _, c := range []struct {
		seen string
		want string
	}{
		{"", NATUnknown},
		{"198.51.100.7:4417", NATNone},
		{"203.0.113.1:4417", NATKeepsPort},
		{"203.0.113.1:4417 203.0.113.1:4417", NATKeepsPort},
		{"203.0.113.1:30000", NATOne},
		{"203.0.113.1:30000 203.0.113.1:30000", NATMapped},
		{"203.0.113.1:30000 203.0.113.1:30001", NATSymmetric},
		{"203.0.113.1:4417 203.0.113.1:30001", NATSymmetric},
		{"203.0.113.1:30000 203.0.113.2:30001", NATMapped}, // two ways out say nothing of how either maps
	} {
		var seen []netip.AddrPort
		for _, s := range strings.Fields(c.seen) {
			seen = append(seen, netip.MustParseAddrPort(s))
		}
		if got := kindOfNAT(seen, own, []uint16{4417}); got != c.want {
			t.Errorf("seen at %q: %s, want %s", c.seen, got, c.want)
		}
		if (Reach{NAT: c.want}).explain() == "" {
			t.Errorf("%s: no words", c.want)
		}
	}
}

// Where one seed cannot tell the kind, neighbours that were dialled can; against what
// two seeds see they have no say.
func TestNeighboursTellTheKindOfNAT(t *testing.T) {
	at := func(text string) ma.Multiaddr { return ma.StringCast("/ip4/192.0.9.1/udp/" + text + "/quic-v1") }
	for _, c := range []struct{ seeds, neighbours, want string }{
		{"30000", "", NATOne},
		{"30000", "30000", NATMapped},
		{"30000", "30001 30002", NATSymmetric},
		{"30000 30000", "30001", NATMapped},
		{"4417", "30001", NATKeepsPort},
		{"", "30001", NATUnknown},
	} {
		r := &reach{seen: map[peer.ID]netip.AddrPort{}, others: map[peer.ID]netip.AddrPort{}}
		for _, s := range strings.Fields(c.seeds) {
			r.saw(testID(t), at(s), true)
		}
		var last peer.ID
		for _, s := range strings.Fields(c.neighbours) {
			last = testID(t)
			r.saw(last, at(s), false)
		}
		l := &links{now: time.Now, get: func() ([]net.Addr, error) { return nil, nil }}
		if got := r.status(l, []uint16{4417}); got.NAT != c.want || len(got.Seen) > 1 {
			t.Errorf("%+v: %s, seen at %v", c, got.NAT, got.Seen)
		}
		if r.forget(last); len(r.others) != max(len(strings.Fields(c.neighbours))-1, 0) {
			t.Errorf("%d neighbours are remembered", len(r.others))
		}
	}
}

// behindNAT is a camera that nobody can dial, and that takes no seed for near.
func behindNAT(t *testing.T, seed *Network, fleet ed25519.PrivateKey) *Network {
	t.Helper()
	cfg := netConfig(RoleCamera)
	cfg.Listen, cfg.Peers = nil, fullAddrs(seed)
	var n *Network
	if fleet == nil {
		n = newNet(t, cfg)
	} else {
		n = newMember(t, cfg, fleet, Membership{})
	}
	n.host.reach.near = func(ma.Multiaddr) bool { return false }
	runNet(t, n)
	await(t, "a place at the relay", func() bool { return len(n.Status().Reach.Relays) == 1 })
	return n
}

// An appointment at a relay of which no direct connection comes is ended: a relay
// carries no blocks and keeps nobody's slot. Loopback has no public address, so no
// hole can be punched here; the bench in .ci/reach punches real ones.
func TestAppointmentWithoutAHoleIsEnded(t *testing.T) {
	for name, fleet := range map[string]ed25519.PrivateKey{"open": nil, "private": testFleet(t)} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			seed := newNetOf(t, netConfig(RoleSeed, "/ip4/127.0.0.1/udp/0/quic-v1"), fleet)
			b := behindNAT(t, seed, fleet)
			at, err := peer.AddrInfoFromString(b.Status().Reach.Relays[0] + "/p2p/" + b.Host().ID().String())
			if err != nil {
				t.Fatal(err)
			}
			a := newNetOf(t, netConfig(RoleCamera), fleet)
			if err := a.Host().Connect(network.WithAllowLimitedConn(ctx, "test"), *at); err != nil {
				t.Fatalf("no appointment: %v", err)
			}
			if got := a.Host().Network().Connectedness(b.Host().ID()); got != network.Limited {
				t.Errorf("the relayed connection is %v", got)
			}
			if m := a.neighbours(); m.Peers != 1 { // the relay itself
				t.Errorf("%d neighbours", m.Peers)
			}
			a.host.reach.patience = 20 * time.Millisecond
			a.book.Add(*at, book.DHT, a.now())
			a.dial(ctx, *at, book.DHT)
			if got := a.Host().Network().Connectedness(b.Host().ID()); got != network.NotConnected {
				t.Errorf("after it failed: %v", got)
			}
			if err := a.awaitDirect(ctx, b.Host().ID()); err != nil {
				t.Errorf("a peer that is not connected at all is not waited for: %v", err)
			}

			// With the relay's connection the place is gone, and nobody is told of it.
			_ = b.Host().Network().ClosePeer(seed.Host().ID())
			await(t, "a new place after the old one", func() bool { return len(b.Status().Reach.Relays) == 1 })
			_ = seed.Close()
			await(t, "no place without the relay", func() bool { return len(b.Status().Reach.Relays) == 0 })
		})
	}
}

// Whoever calls at a relay a peer that it has a direct connection with leaves nothing
// behind: a note of it would keep that peer from being dialled, and such notes would pile
// up.
func TestAppointmentBesideADirectConnectionLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seed := newNet(t, netConfig(RoleSeed, "/ip4/127.0.0.1/udp/0/quic-v1"))
	b := behindNAT(t, seed, nil)
	a := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, b, a); err != nil {
		t.Fatal(err)
	}
	limited := func() (n int) {
		for _, c := range b.Host().Network().ConnsToPeer(a.Host().ID()) {
			if c.Stat().Limited {
				n++
			}
		}
		return n
	}
	at := ma.StringCast(b.Status().Reach.Relays[0])
	call, err := a.host.swarm.TransportForDialing(at).Dial(ctx, at, b.Host().ID())
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the appointment", func() bool { return limited() == 1 })
	if err := call.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "its end", func() bool { return limited() == 0 })
	await(t, "nothing of it", func() bool {
		b.host.reach.mu.Lock()
		defer b.host.reach.mu.Unlock()
		return len(b.host.reach.dates) == 0
	})
}

// A stranger that finds a member's address at a relay gets no further than one that
// dials it.
func TestThreatRelayedStranger(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	fleet := testFleet(t)
	key := testKey(t)
	seed := newMember(t, netConfig(RoleSeed, "/ip4/127.0.0.1/udp/0/quic-v1"), fleet, Membership{Strangers: true})
	b := behindNAT(t, seed, fleet)
	at, err := peer.AddrInfoFromString(b.Status().Reach.Relays[0] + "/p2p/" + b.Host().ID().String())
	if err != nil {
		t.Fatal(err)
	}
	stranger := newNetWithKey(t, netConfig(RoleCamera), key)
	err = stranger.Host().Connect(network.WithAllowLimitedConn(ctx, "test"), *at)
	if err == nil {
		await(t, "the end of the stranger's connection", func() bool {
			return stranger.Host().Network().Connectedness(b.Host().ID()) == network.NotConnected
		})
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the stranger was left waiting: %v", err)
	}
	if c := b.Host().Network().ConnsToPeer(stranger.Host().ID()); len(c) != 0 {
		t.Errorf("the member holds %v", c)
	}
}

func newNetOf(t *testing.T, cfg Config, fleet ed25519.PrivateKey) *Network {
	t.Helper()
	if fleet == nil {
		return newNet(t, cfg)
	}
	return newMember(t, cfg, fleet, Membership{})
}

// Each appointment counts once, whichever end made it and however often both dial,
// and a direct connection without one is none.
func TestAppointmentsAreCounted(t *testing.T) {
	r := &reach{dates: map[peer.ID]*date{}, holes: map[peer.ID]bool{}}
	met := func(p peer.ID) { r.met(p, true) }
	for _, step := range []struct {
		do             func(peer.ID)
		peer           peer.ID
		tried, punched int
	}{
		{r.arrived, "a", 0, 0},
		{met, "b", 1, 0},
		{r.arrived, "b", 1, 1},
		{r.arrived, "b", 1, 1},
		{met, "c", 2, 1},
		{r.parted, "c", 2, 1},
		{r.arrived, "c", 2, 1},
	} {
		step.do(step.peer)
		if got := r.status(&links{}, nil); got.Tried != step.tried || got.Punched != step.punched {
			t.Fatalf("%d of %d appointments, want %d of %d", got.Punched, got.Tried, step.punched, step.tried)
		}
	}
}

// Who is called at a relay punches first and dials the caller then, behind a NAT whose
// kind says that a hole opens; whoever calls dials as it likes.
func TestHolesComeBeforeDials(t *testing.T) {
	for _, c := range []struct {
		kind   string
		called bool
		early  bool
	}{
		{NATKeepsPort, true, true}, {NATMapped, true, true}, {NATNone, true, true},
		{NATSymmetric, true, false}, {NATOne, true, false}, {NATUnknown, true, false},
		{NATKeepsPort, false, false},
	} {
		r := &reach{dates: map[peer.ID]*date{}, holes: map[peer.ID]bool{}}
		early := func() bool { return r.early("a", func() string { return c.kind }) }
		if early() {
			t.Errorf("%+v: a dial without an appointment comes too early", c)
		}
		if r.met("a", c.called); early() != c.early {
			t.Errorf("%+v: %v", c, early())
		}
		if r.Trace(&holepunch.Event{Remote: "a", Type: holepunch.StartHolePunchEvtT}); early() {
			t.Errorf("%+v: the hole itself comes too early", c)
		}
		if r.met("a", c.called); early() != c.early {
			t.Errorf("%+v: a second appointment: %v", c, early())
		}
		if r.arrived("a"); early() {
			t.Errorf("%+v: a dial of a neighbour comes too early", c)
		}
	}
}

// A camera whose seed is reached over TCP alone asks for no place: no hole would be
// punched for those who called it.
func TestNoPlaceWithoutQUIC(t *testing.T) {
	seed := newNet(t, netConfig(RoleSeed))
	cfg := netConfig(RoleCamera)
	cfg.Listen, cfg.Peers = nil, fullAddrs(seed)
	n := newNet(t, cfg)
	n.host.reach.near = func(ma.Multiaddr) bool { return false }
	if err := connectNets(t, n, seed); err != nil {
		t.Fatal(err)
	}
	await(t, "what the seed speaks", func() bool {
		speaks, err := n.Host().Peerstore().SupportsProtocols(seed.Host().ID(), proto.ProtoIDv2Hop)
		return err == nil && len(speaks) == 1
	})
	n.reserve(t.Context())
	if got := n.Status().Reach.Relays; len(got) != 0 {
		t.Errorf("it has a place at %v", got)
	}
}
