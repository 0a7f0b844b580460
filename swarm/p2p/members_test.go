package p2p

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"

	"camswarm/swarm/member"
)

func testFleet(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// blobs is a store in memory, like the node's.
type blobs struct {
	mu   sync.Mutex
	data []byte
}

func (b *blobs) Load(context.Context) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data, nil
}

func (b *blobs) Save(_ context.Context, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = data
	return nil
}

// newMember is a network whose fleet, if it has one, made it a member.
func newMember(t *testing.T, cfg Config, fleet ed25519.PrivateKey, m Membership) *Network {
	t.Helper()
	key := testKey(t)
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if m.Credential, err = member.Issue(fleet, id, 0); err != nil {
		t.Fatal(err)
	}
	return newNetWithKey(t, cfg, key, Options{Membership: &m})
}

// A stranger with a seed's address and the product's public name asks everything
// that there is to ask, of the seed and of each camera, and gets a transport's
// handshake.
func TestThreatFleetListing(t *testing.T) {
	fleet := testFleet(t)
	seed := newMember(t, dhtConfig(RoleSeed), fleet, Membership{})
	nodes := []*Network{seed}
	cfg := dhtConfig(RoleCamera)
	cfg.Peers, cfg.MeshLow, cfg.MeshHigh = fullAddrs(seed), 2, 4
	for range 4 {
		nodes = append(nodes, newMember(t, cfg, fleet, Membership{}))
	}
	for _, n := range nodes {
		if err := n.Join("acme.example/cam-1"); err != nil {
			t.Fatal(err)
		}
		runNet(t, n)
	}
	// The members find one another, through the DHT, as in an open swarm.
	await(t, "cameras that found each other", func() bool {
		return linked(nodes[1], nodes[2]) || linked(nodes[1], nodes[3]) || linked(nodes[1], nodes[4])
	})

	prober := newNet(t, dhtConfig(RoleCamera))
	prober.cfg.Peers = fullAddrs(seed)
	runNet(t, prober)
	asked := 0
	for _, n := range nodes {
		for _, id := range append(n.Host().Mux().Protocols(), identify.ID, bsnet.ProtocolBitswap) {
			asked++
			if got := probe(t, prober, n, id); got != "" {
				t.Errorf("%s answered %q with %q", n.Host().ID(), id, got)
			}
		}
		if linked(n, prober) {
			t.Errorf("%s is connected to the prober", n.Host().ID())
		}
		if agent, err := prober.Host().Peerstore().Get(n.Host().ID(), "AgentVersion"); err == nil {
			t.Errorf("the prober knows the agent %q", agent)
		}
		if protocols, err := prober.Host().Peerstore().GetProtocols(n.Host().ID()); err != nil || len(protocols) > 0 {
			t.Errorf("the prober knows the protocols %v, %v", protocols, err)
		}
	}
	if asked < 20 {
		t.Fatalf("only %d questions were asked", asked)
	}
	// Nor does it find out where the members meet: with the public name it looks
	// under another key, and asks for another service on the LAN.
	if rendezvousCID("acme.example/cam-1").Equals(seed.namespaces["acme.example/cam-1"].key) {
		t.Error("the rendezvous can be computed from the product's public name")
	}
	if s := seed.members.mdnsService(); s == mdnsService || s != nodes[1].members.mdnsService() || len(strings.Split(s, ".")[0]) > 16 {
		t.Errorf("members look for the service %q", s)
	}
}

// probe opens a stream for a protocol on a connection and returns what is said
// there, "" if nothing.
func probe(t *testing.T, from, to *Network, id protocol.ID) string {
	t.Helper()
	if err := connectNets(t, from, to); err != nil {
		return ""
	}
	s, err := from.Host().NewStream(t.Context(), to.Host().ID(), id)
	if err != nil {
		return ""
	}
	defer func() { _ = s.Reset() }()
	_ = s.CloseWrite()
	b, _ := io.ReadAll(io.LimitReader(s, 1000))
	return string(b)
}

// A list that one member gets reaches all that are connected; who is on it is hung
// up on everywhere, stays out, and the list outlives a restart.
func TestRevocationSpreads(t *testing.T) {
	fleet := testFleet(t)
	kept := &blobs{}
	seed := newMember(t, netConfig(RoleSeed), fleet, Membership{Store: kept})
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	a, b := newMember(t, cfg, fleet, Membership{}), newMember(t, cfg, fleet, Membership{})
	for _, n := range []*Network{seed, a, b} {
		runNet(t, n)
	}
	await(t, "both at the seed", func() bool { return linked(a, seed) && linked(b, seed) })
	name, err := member.NameOf(b.Host().ID())
	if err != nil {
		t.Fatal(err)
	}
	list, err := member.Revoke(fleet, nil, 0, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Revoke(list.Bytes()); err != nil { // at a camera: anywhere will do
		t.Fatal(err)
	}
	await(t, "the seed to hang up", func() bool { return seed.Revocations() != nil && !linked(seed, b) })
	await(t, "the other end to notice", func() bool { return !linked(b, seed) })
	if err := connectNets(t, b, seed); err == nil {
		t.Error("a revoked member came back")
	}
	if !linked(a, seed) {
		t.Error("a good member was hung up on")
	}
	await(t, "the list to be kept", func() bool { data, _ := kept.Load(t.Context()); return bytes.Equal(data, list.Bytes()) })
	again := newMember(t, netConfig(RoleSeed), fleet, Membership{Store: kept})
	if r := again.Revocations(); r == nil || r.Number != 1 {
		t.Error("a restart forgot the list")
	}
	if err := newNet(t, netConfig(RoleSeed)).Revoke(list.Bytes()); err == nil {
		t.Error("an open swarm took a revocation list")
	}
}

// A list that comes between the check of a certificate and the report of its
// connection puts the member out too.
func TestThreatFleetListing_RevokedMeanwhile(t *testing.T) {
	fleet := testFleet(t)
	seed, b := newMember(t, netConfig(RoleSeed), fleet, Membership{}), newMember(t, netConfig(RoleCamera), fleet, Membership{})
	if err := connectNets(t, b, seed); err != nil {
		t.Fatal(err)
	}
	await(t, "the seed's end", func() bool { return linked(seed, b) })
	name, err := member.NameOf(b.Host().ID())
	if err != nil {
		t.Fatal(err)
	}
	list, err := member.Revoke(fleet, nil, 0, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := seed.Revoke(list.Bytes()); err != nil { // the seed does not run: nobody looks through its connections
		t.Fatal(err)
	}
	nw := seed.Host().Network()
	seed.connected(nw, nw.ConnsToPeer(b.Host().ID())[0])
	await(t, "the seed to hang up", func() bool { return !linked(seed, b) })
}

// At a seed with the option a stock peer may ask for blocks and for nothing else.
func TestStrangersGetBlocksOnly(t *testing.T) {
	fleet := testFleet(t)
	seed := newMember(t, dhtConfig(RoleSeed), fleet, Membership{Strangers: true})
	runNet(t, seed)
	served := make(chan protocol.ID, 100)
	for _, id := range []protocol.ID{bsnet.ProtocolBitswap, "/camswarm/latest/1", "/meshsub/1.1.0"} {
		seed.Host().SetStreamHandler(id, func(s network.Stream) {
			served <- id
			_, _ = s.Write([]byte("served"))
			_ = s.Close()
		})
	}
	stock := newNet(t, netConfig(RoleCamera))
	runNet(t, stock)
	if err := connectNets(t, stock, seed); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[protocol.ID]string{
		bsnet.ProtocolBitswap: "served", "/camswarm/latest/1": "", "/meshsub/1.1.0": "", RevocationsProtocol: "", "/camswarm/kad/1.0.0": "",
	} {
		if got := probe(t, stock, seed, id); got != want {
			t.Errorf("%s answered %q, want %q", id, got, want)
		}
	}
	if _, err := seed.Host().NewStream(t.Context(), stock.Host().ID(), "/meshsub/1.1.0"); err == nil {
		t.Error("the seed gossips with a stranger")
	}
	if slices.Contains(seed.Host().Mux().Protocols(), RevocationsProtocol) == false {
		t.Error("the seed does not speak the protocol that the test asks for")
	}
	member := newMember(t, netConfig(RoleCamera), fleet, Membership{})
	runNet(t, member)
	if got := probe(t, member, seed, "/camswarm/latest/1"); got != "served" {
		t.Errorf("a member got %q", got)
	}
}
