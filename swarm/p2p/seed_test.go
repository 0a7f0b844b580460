package p2p

import (
	"context"
	"crypto/ed25519"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	pbv2 "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/pb"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

func TestSeedRelaysForNodesBehindNAT(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seed := newNet(t, netConfig(RoleSeed))
	seedInfo := peer.AddrInfo{ID: seed.Host().ID(), Addrs: seed.Host().Addrs()}
	hidden := netConfig(RoleCamera)
	hidden.Listen = nil // nobody can dial it
	a, b := newNet(t, netConfig(RoleCamera)), newNet(t, hidden)
	if _, err := client.Reserve(ctx, b.Host(), seedInfo); err != nil {
		t.Fatalf("the seed reserves nothing: %v", err)
	}
	circuit := ma.StringCast(seedInfo.Addrs[0].String() + "/p2p/" + seedInfo.ID.String() + "/p2p-circuit")
	if err := a.Host().Connect(network.WithAllowLimitedConn(ctx, "test"), peer.AddrInfo{ID: b.Host().ID(), Addrs: []ma.Multiaddr{circuit}}); err != nil {
		t.Fatalf("no way through the relay: %v", err)
	}
	await(t, "the seed's status of its relay", func() bool {
		got := seed.Status().Relay
		return got != nil && got.Places == 1 && got.Appointments == 1
	})
	c := a.Host().Network().ConnsToPeer(b.Host().ID())
	if len(c) != 1 || !c[0].Stat().Limited {
		t.Fatalf("connections are %v", c)
	}
	s := a.Status()
	for _, conn := range s.Connections {
		if conn.Peer == b.Host().ID() && (conn.Transport != "relay" || conn.Via == ViaLAN || conn.Tier == TierLAN) {
			t.Errorf("a relayed connection is %+v", conn)
		}
	}

	// Whoever is banned is relayed neither to nor from.
	seed.Ban(b.Host().ID(), time.Hour, "test")
	acl := relayACL{seed.gater, seed.host.relays}
	addr := a.Host().Addrs()[0]
	if acl.AllowReserve(b.Host().ID(), addr) || acl.AllowConnect(b.Host().ID(), addr, a.Host().ID()) || acl.AllowConnect(a.Host().ID(), addr, b.Host().ID()) {
		t.Error("a banned peer is relayed")
	}
	if !acl.AllowReserve(a.Host().ID(), addr) {
		t.Error("an honest peer is not relayed")
	}
}

// probing has a seed dial back who asks, and returns a camera's prober. Outside tests no
// private address is dialled.
func probing(t *testing.T, cfg Config, seed, camera *Network) *prober {
	t.Helper()
	limits, err := LimitsFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := seed.host.serveProbes(cfg, limits, nil, autonatv2.AllowPrivateAddrs); err != nil {
		t.Fatal(err)
	}
	p, err := newProber(camera.host, autonatv2.AllowPrivateAddrs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// askingSeed is a seed that dials back, a camera that is connected with it, and the
// camera's prober.
func askingSeed(t *testing.T) (seed, camera *Network, p *prober) {
	t.Helper()
	cfg := netConfig(RoleSeed)
	seed, camera = newNet(t, cfg), newNet(t, netConfig(RoleCamera))
	p = probing(t, cfg, seed, camera)
	if err := connectNets(t, camera, seed); err != nil {
		t.Fatal(err)
	}
	return seed, camera, p
}

// answered asks until a seed has said whether at can be dialled.
func answered(ctx context.Context, t *testing.T, p *prober, at ma.Multiaddr) (r Reach) {
	t.Helper()
	await(t, "an answer", func() bool {
		p.probe(ctx, []ma.Multiaddr{at}, nil)
		r = Reach{}
		p.describe(&r)
		return r.Reachable != ReachableUnknown
	})
	return r
}

// A seed dials a camera back where it says it may be dialled, in an open swarm and
// in a private one, and the camera says what came of it.
func TestSeedDialsBack(t *testing.T) {
	for name, fleet := range map[string]ed25519.PrivateKey{"open": nil, "private": testFleet(t)} {
		for transport, listen := range map[string]string{"tcp": "/ip4/127.0.0.1/tcp/0", "quic": "/ip4/127.0.0.1/udp/0/quic-v1"} {
			t.Run(name+" "+transport, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				cfg := netConfig(RoleSeed)
				seed, camera := newNetOf(t, cfg, fleet), newNetOf(t, netConfig(RoleCamera, listen), fleet)
				for _, p := range camera.Host().Mux().Protocols() {
					if p == autonatv2.DialProtocol || strings.HasSuffix(string(p), "/hop") {
						t.Errorf("a camera serves %s", p)
					}
				}
				p := probing(t, cfg, seed, camera)
				if err := connectNets(t, camera, seed); err != nil {
					t.Fatal(err)
				}
				ours := camera.Host().Network().ConnsToPeer(seed.Host().ID())
				var r Reach
				p.describe(&r)
				if r.Reachable != ReachableUnknown {
					t.Errorf("before anybody was asked: %s", r.Reachable)
				}
				at := camera.Host().Addrs()[0]
				r = answered(ctx, t, p, at)
				if r.Reachable != ReachableYes || !slices.Equal(r.Dialable, []string{at.String()}) {
					t.Errorf("%+v", r)
				}
				if got := camera.Host().Network().Connectedness(seed.Host().ID()); got != network.Connected {
					t.Errorf("the seed is %v afterwards", got)
				}
				await(t, "the end of the dial, and not of the connection from before", func() bool {
					return slices.Equal(camera.Host().Network().ConnsToPeer(seed.Host().ID()), ours)
				})
				role, _ := parseAgent(camera.agent(seed.Host().ID()))
				speaks, err := camera.Host().Peerstore().SupportsProtocols(seed.Host().ID(), autonatv2.DialProtocol)
				if role != RoleSeed || err != nil || len(speaks) != 1 {
					t.Errorf("the dialer was taken for the seed: role %q, speaks %v, %v", role, speaks, err)
				}
			})
		}
	}
}

// A seed that has dialled a camera itself stays connected when it dials it back.
func TestSeedDialsBackBesideItsOwnDial(t *testing.T) {
	cfg := netConfig(RoleSeed)
	seed, camera := newNet(t, cfg), newNet(t, netConfig(RoleCamera))
	camera.host.prober = probing(t, cfg, seed, camera)
	if err := connectNets(t, seed, camera); err != nil {
		t.Fatal(err)
	}
	conns := func() []network.Conn { return camera.Host().Network().ConnsToPeer(seed.Host().ID()) }
	await(t, "the seed's dial", func() bool {
		return len(conns()) == 1 && camera.speaks(seed.Host().ID(), autonatv2.DialProtocol)
	})
	ours := conns()
	if r := answered(t.Context(), t, camera.host.prober, camera.Host().Addrs()[0]); r.Reachable != ReachableYes {
		t.Errorf("%+v", r)
	}
	await(t, "the end of the dial, and not of the connection from before", func() bool { return slices.Equal(conns(), ours) })
}

// An address at which nobody answers is found to be none, and what is no address of
// the node's any more is forgotten.
func TestSeedCannotDialBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, _, p := askingSeed(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := manet.FromNetAddr(l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	r := answered(ctx, t, p, closed)
	if r.Reachable != ReachableNo || len(r.Dialable) != 0 || !strings.Contains(r.Words, "could not") {
		t.Errorf("%+v", r)
	}
	r = Reach{}
	p.probe(ctx, nil, nil)
	if p.describe(&r); r.Reachable != ReachableUnknown {
		t.Errorf("without an address: %s", r.Reachable)
	}
}

// An address that nobody could dial is tried again when the router lets calls to it in.
func TestSeedDialsBackThroughANewPinhole(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seed, camera, p := askingSeed(t)
	at := camera.Host().Addrs()[:1]
	p.found[at[0].String()] = probed{at: time.Now()}
	await(t, "the seed", func() bool { return camera.speaks(seed.Host().ID(), autonatv2.DialProtocol) })
	if p.probe(ctx, at, nil); p.dialled() {
		t.Error("it was asked about again though the answer is fresh")
	}
	await(t, "an answer", func() bool {
		p.probe(ctx, at, at)
		return p.dialled()
	})
}

// A relay carries as many appointments as it may and no more, and says so.
func TestRelayIsBounded(t *testing.T) {
	r := newRelays(Limits{Connections: 4, ConnectionsPerIP: 4})
	acl := relayACL{&gater{now: time.Now, refused: func(string) {}}, r}
	addr := ma.StringCast("/ip4/45.83.1.1/tcp/1")
	for range 2 {
		if !acl.AllowConnect("a", addr, "b") {
			t.Fatal("there is room")
		}
		r.ConnectionOpened()
	}
	if acl.AllowConnect("a", addr, "b") {
		t.Error("a third appointment of two")
	}
	r.ConnectionRequestHandled(pbv2.Status_PERMISSION_DENIED)
	r.ConnectionClosed(time.Second)
	if !acl.AllowConnect("a", addr, "b") {
		t.Error("one has ended")
	}
	r.ReservationAllowed(false)
	r.ReservationAllowed(true)
	r.ReservationAllowed(false)
	r.ReservationClosed(1)
	r.BytesTransferred(100)
	if got, want := *r.Status(), (RelayStatus{Places: 1, MaxPlaces: 4, Appointments: 1, MaxAppointments: 2, Kept: 2, Refused: 1, Bytes: 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
