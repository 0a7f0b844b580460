package p2p

import (
	"context"
	"io"
	"net/netip"
	"sync"
	"testing"
	"time"

	"camswarm/swarm/tokens"

	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-msgio"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"
)

// frozen is a clock that stands, so that no bucket fills.
func frozen() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }

// flood calls send until it fails, as it does when the peer is cut, at most limit times.
func flood(limit int, send func() error) (sent int) {
	for ; sent < limit && send() == nil; sent++ {
	}
	return sent
}

// denial_of_service: a peer that opens streams without end is hung up on and banned
// after as many as its budget has, before it costs more; another peer is served.
func TestThreatDenialOfService_StreamFlood(t *testing.T) {
	const proto = "/test/latest"
	logged := &lines{}
	camera := newNet(t, netConfig(RoleCamera), Options{Now: frozen, Logger: logged.logger()})
	var mu sync.Mutex
	served := map[peer.ID]int{}
	camera.host.SetStreamHandler(proto, func(st network.Stream) {
		mu.Lock()
		served[st.Conn().RemotePeer()]++
		mu.Unlock()
		_, _ = io.Copy(st, st)
		st.Close()
	})
	ask := func(n *Network) error {
		ctx, cancel := context.WithTimeout(network.WithNoDial(t.Context(), "test"), patience)
		defer cancel()
		st, err := n.host.NewStream(ctx, camera.host.ID(), protocol.ID(proto))
		if err != nil {
			return err
		}
		defer st.Reset()
		_ = st.SetDeadline(time.Now().Add(patience))
		if _, err := st.Write([]byte("?")); err != nil {
			return err
		}
		_, err = st.Read(make([]byte, 1))
		return err
	}
	honest := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, honest, camera); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		evil := newNet(t, netConfig(RoleCamera))
		if err := connectNets(t, evil, camera); err != nil {
			t.Fatal(err)
		}
		if sent := flood(10*peerBurst, func() error { return ask(evil) }); sent > peerBurst || sent < peerBurst/2 {
			t.Errorf("cut after %d streams, its budget has %d", sent, peerBurst)
		}
		await(t, "the flooder to be gone", func() bool { return !linked(camera, evil) })
		if !camera.gater.bans.holds(evil.host.ID(), frozen().Add(floodBan-time.Second)) {
			t.Error("it may come back at once")
		}
		mu.Lock()
		if n := served[evil.host.ID()]; n > peerBurst {
			t.Errorf("%d of its streams were served", n)
		}
		mu.Unlock()
	}
	for range peerBurst / 2 {
		if err := ask(honest); err != nil {
			t.Fatalf("another peer is not served: %v", err)
		}
	}
	if n := logged.count("peers are banned that flood"); n != 1 {
		t.Errorf("three floods within a minute made %d lines", n)
	}
}

// denial_of_service: requests to the DHT server, and pings, on one stream.
func TestThreatDenialOfService_RequestFlood(t *testing.T) {
	cfg := netConfig(RoleSeed)
	cfg.DHT = true
	seed := newNet(t, cfg, Options{Now: frozen})
	runNet(t, seed)
	await(t, "the DHT", func() bool { return seed.dht.Load() != nil })
	find, err := proto.Marshal(&pb.Message{Type: pb.Message_FIND_NODE, Key: []byte(seed.host.ID())})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		protocol protocol.ID
		limit    int
		ask      func(network.Stream) func() error
	}{
		{DHTProtocolPrefix + "/kad/1.0.0", int(peerBurst / dhtCost), func(st network.Stream) func() error {
			w, r := msgio.NewVarintWriter(st), msgio.NewVarintReaderSize(st, network.MessageSizeMax)
			return func() error {
				if err := w.WriteMsg(find); err != nil {
					return err
				}
				_, err := r.ReadMsg()
				return err
			}
		}},
		{ping.ID, peerBurst * pingBytes / ping.PingSize, func(st network.Stream) func() error {
			b := make([]byte, ping.PingSize)
			return func() error {
				if _, err := st.Write(b); err != nil {
					return err
				}
				_, err := io.ReadFull(st, b)
				return err
			}
		}},
	} {
		evil := newNet(t, netConfig(RoleCamera))
		if err := connectNets(t, evil, seed); err != nil {
			t.Fatal(err)
		}
		st, err := evil.host.NewStream(t.Context(), seed.host.ID(), c.protocol)
		if err != nil {
			t.Fatal(err)
		}
		_ = st.SetDeadline(time.Now().Add(patience))
		if sent := flood(10*c.limit, c.ask(st)); sent > c.limit || sent < c.limit/2 {
			t.Errorf("%s: cut after %d requests, its budget is for %d", c.protocol, sent, c.limit)
		}
		await(t, "the flooder to be gone", func() bool { return !linked(seed, evil) })
	}
}

func TestFloodersAreCountedByTheirNetwork(t *testing.T) {
	for _, c := range []struct{ addr, want string }{
		{"/ip4/192.0.2.7/tcp/4001", "192.0.2.7"},
		{"/ip6/::ffff:192.0.2.7/udp/4001/quic-v1", "192.0.2.7"},
		{"/ip6/2001:db8::1/udp/4001/quic-v1", "2001:db8::1"},
		{"/ip4/192.0.2.7/tcp/4001/p2p/" + newID(t).String() + "/p2p-circuit", ""},
		{"/dns4/example.com/tcp/4001", ""},
	} {
		want, _ := netip.ParseAddr(c.want)
		if got := tokens.AddrOf(ma.StringCast(c.addr)); got != want {
			t.Errorf("%s is at %s, not %s", c.addr, got, want)
		}
	}
}
