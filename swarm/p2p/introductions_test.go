package p2p

import (
	"context"
	"fmt"
	"testing"
	"time"

	"camswarm/swarm/p2p/book"
	"camswarm/swarm/p2p/introduce"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Cameras find one another through a seed without the DHT, those of other products
// do not, and who holds an image is found when it is sought.
func TestSeedsIntroduceCameras(t *testing.T) {
	for name, listen := range map[string]string{"tcp": "/ip4/127.0.0.1/tcp/0", "quic": "/ip4/127.0.0.1/udp/0/quic-v1"} {
		t.Run(name, func(t *testing.T) { introduceCameras(t, listen) })
	}
}

func introduceCameras(t *testing.T, listen string) {
	seed := newNet(t, netConfig(RoleSeed, listen))
	runNet(t, seed)
	cfg := netConfig(RoleCamera, listen)
	cfg.Peers = fullAddrs(seed)
	a, b, other := newNet(t, cfg), newNet(t, cfg), newNet(t, cfg)
	image := testCID("an image")
	a.Hold([]cid.Cid{image})
	for n, namespace := range map[*Network]string{a: "cam-1", b: "cam-1", other: "cam-2"} {
		if err := n.Join(namespace); err != nil {
			t.Fatal(err)
		}
		runNet(t, n)
	}
	await(t, "the two members to meet", func() bool { return linked(a, b) })
	if linked(a, other) || linked(b, other) {
		t.Error("a node of another namespace was connected")
	}
	await(t, "the holder to be found", func() bool {
		if err := other.Seek(t.Context(), image); err != nil && !linked(other, a) {
			time.Sleep(200 * time.Millisecond) // the seed names nobody twice at once
		}
		return linked(other, a)
	})
	if linked(other, b) {
		t.Error("who holds nothing was dialled for it")
	}
}

// refusing makes a host that tells a camera whatever its test wants when it is
// connected.
func refusing(t *testing.T, say func(camera peer.ID) []byte) *Network {
	seed := newNet(t, netConfig(RoleSeed))
	seed.Host().Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			for { // until the camera serves it
				s, err := seed.Host().NewStream(network.WithNoDial(ctx, "test"), c.RemotePeer(), FullProtocol)
				if err == nil {
					_, _ = s.Write(say(c.RemotePeer()))
					_ = s.CloseWrite()
					_, _ = s.Read(make([]byte, 1))
					_ = s.Reset()
				}
				if ctx.Err() != nil || c.IsClosed() || seed.Host().Network().Connectedness(c.RemotePeer()) != network.Connected {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
	}})
	return seed
}

// A hostile refusal, huge, endless or of a year, is a hint of bounded size: the
// camera keeps its other seed and its book, and bans who goes on and on.
func TestThreatDenialOfService_HostileRefusals(t *testing.T) {
	lies := introduce.Answer{Full: true, After: 365 * 24 * time.Hour}
	for i := range introduce.MaxPeers {
		lies.Peers = append(lies.Peers, peer.AddrInfo{
			ID:    testID(t),
			Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/203.0.113.9/tcp/%d", i+1)), ma.StringCast("/ip4/203.0.113.8/tcp/1/p2p/" + testID(t).String() + "/p2p-circuit")},
		})
	}
	for what, say := range map[string][]byte{
		"huge": make([]byte, 1<<20), "garbage": []byte("full"), "no refusal": introduce.Answer{Peers: lies.Peers}.Encode(), "lies": lies.Encode(),
	} {
		t.Run(what, func(t *testing.T) {
			honest := newNet(t, netConfig(RoleSeed))
			runNet(t, honest)
			liar := refusing(t, func(peer.ID) []byte { return say })
			cfg := netConfig(RoleCamera)
			cfg.Peers = append(fullAddrs(honest), fullAddrs(liar)...)
			camera := newNet(t, cfg)
			if err := camera.Join("cam"); err != nil {
				t.Fatal(err)
			}
			runNet(t, camera)
			await(t, "the liar to be banned for going on and on", func() bool { return len(camera.Bans()) == 1 && camera.Bans()[0].Peer == liar.Host().ID() })
			await(t, "the honest seed", func() bool { return linked(camera, honest) })
			if known := camera.Status().Candidates; known > 2+introduce.MaxPeers {
				t.Errorf("%d peers are known", known)
			}
			if _, known := camera.source(lies.Peers[0].ID); known != (what == "lies") {
				t.Errorf("named peers are known: %v", known)
			}
		})
	}
}

// Who dials a camera cannot send it anywhere.
func TestThreatEclipse_RefusedByAStranger(t *testing.T) {
	camera := newNet(t, netConfig(RoleCamera))
	runNet(t, camera)
	named := peer.AddrInfo{ID: testID(t), Addrs: []ma.Multiaddr{ma.StringCast("/ip4/203.0.113.9/tcp/1")}}
	said := make(chan struct{}, 1)
	stranger := refusing(t, func(peer.ID) []byte {
		select {
		case said <- struct{}{}:
		default:
		}
		return introduce.Answer{Full: true, Peers: []peer.AddrInfo{named}}.Encode()
	})
	if err := connectNets(t, stranger, camera); err != nil {
		t.Fatal(err)
	}
	<-said
	for range 5 { // each waits for the end of the one before
		<-said
		if _, known := camera.source(named.ID); known {
			t.Fatal("a stranger's word was heeded")
		}
	}
}

func testID(t *testing.T) peer.ID {
	id, err := peer.IDFromPrivateKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (n *Network) source(p peer.ID) (book.Source, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.book.SourceOf(p)
}

// What identify did not tell, since a whole /24 may change its addresses once in five
// seconds only, comes with the ask; an address elsewhere is not believed.
func TestAnAskTellsAddresses(t *testing.T) {
	seed := newNet(t, netConfig(RoleSeed))
	runNet(t, seed)
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	a, b := newNet(t, cfg), newNet(t, cfg)
	runNet(t, a)
	runNet(t, b)
	ask := func(n *Network, addrs ...ma.Multiaddr) introduce.Answer {
		id := n.Host().ID()
		await(t, "a connection with the seed", func() bool { return len(seed.Host().Network().ConnsToPeer(id)) > 0 })
		c := seed.Host().Network().ConnsToPeer(id)[0]
		<-seed.host.IDService().IdentifyWait(c)
		seed.Host().Peerstore().ClearAddrs(id)
		return seed.introduceTo(c, introduce.Ask{Want: introduce.MaxPeers, Keys: []introduce.Key{{1}}, Addrs: addrs})
	}
	here, elsewhere := a.Host().Addrs()[0], ma.StringCast("/ip6/2001:db8::1/tcp/4417/p2p/"+b.Host().ID().String()+"/p2p-circuit")
	ask(a, elsewhere, here)
	named := ask(b).Peers
	if len(named) != 1 || named[0].ID != a.Host().ID() || len(named[0].Addrs) != 1 || !named[0].Addrs[0].Equal(here) {
		t.Errorf("named %v; want %s at %s", named, a.Host().ID(), here)
	}
}

// Whoever asks and leaves at once is known as gone, so that it makes room.
func TestThreatDenialOfService_AskAndLeave(t *testing.T) {
	seed := newNet(t, netConfig(RoleSeed))
	runNet(t, seed)
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	a, b := newNet(t, cfg), newNet(t, cfg)
	runNet(t, a)
	runNet(t, b)
	ask := introduce.Ask{Want: introduce.MaxPeers, Keys: []introduce.Key{{1}}}
	connOf := func(n *Network) (c network.Conn) {
		await(t, "a connection with the seed", func() bool {
			conns := seed.Host().Network().ConnsToPeer(n.Host().ID())
			if len(conns) > 0 {
				c = conns[0]
			}
			return c != nil
		})
		<-seed.host.IDService().IdentifyWait(c)
		return c
	}
	at := time.Now()
	named := func() bool { // an hour after it was looked at last
		at = at.Add(time.Hour)
		seed.mu.Lock()
		defer seed.mu.Unlock()
		return len(seed.intro.table.Name(b.Host().ID(), at)) > 0
	}
	c := connOf(a)
	ask.Addrs = []ma.Multiaddr{ma.StringCast("/ip4/127.0.0.1/tcp/4417")}
	seed.introduceTo(c, ask)
	seed.introduceTo(connOf(b), ask)
	if !named() {
		t.Fatal("who asked is not named")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the seed to notice", func() bool { return !named() })
	seed.introduceTo(c, ask) // a question that was read before
	if named() {
		t.Error("who has left is named for hours")
	}
}

// Seeds are told the worst of a NAT whose kind is not known yet, better as neighbours
// tell it, and of whoever was dialled from outside that it can be.
func TestSeedsAreToldTheKindOfNAT(t *testing.T) {
	n := newNet(t, netConfig(RoleCamera))
	at := ma.StringCast("/ip4/192.0.9.1/udp/30000/quic-v1")
	says := func(want introduce.NAT) {
		t.Helper()
		if got := n.natKind(); got != want {
			t.Errorf("says %d, want %d", got, want)
		}
	}
	says(introduce.NATUnknown)
	n.host.reach.saw(testID(t), at, true)
	says(introduce.NATSymmetric)
	seed := testID(t)
	n.intro.asked[seed] = &asking{next: time.Now().Add(time.Hour)}
	n.intro.told = introduce.NATSymmetric
	n.tellKind()
	if until := time.Until(n.intro.asked[seed].next); until < time.Minute {
		t.Errorf("what is known is told again in %v", until)
	}
	n.host.reach.saw(testID(t), at, false)
	says(introduce.NATPunchable)
	n.tellKind()
	if until := time.Until(n.intro.asked[seed].next); until > time.Second {
		t.Errorf("the news is told in %v", until)
	}
	n.host.prober.found[at.String()] = probed{yes: true, at: time.Now()}
	says(introduce.NATNone)
}
