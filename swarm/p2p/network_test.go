package p2p

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"camswarm/swarm/p2p/book"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
)

// patience ends a wait that will not be fulfilled. Nothing is measured by it.
const patience = 30 * time.Second

// await polls until cond holds. Real sockets know no virtual time.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !cond() {
		select {
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

func testKey(t *testing.T) crypto.PrivKey {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// netConfig listens on loopback and discovers nothing by itself.
func netConfig(role string, listen ...string) Config {
	c := DefaultConfig()
	c.Role, c.DHT, c.MDNS, c.DialRate = role, false, false, 100
	c.Listen = listen
	if len(listen) == 0 {
		c.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	}
	return c
}

// apart is where a node listens whose port must be free again when it comes back: an
// address of loopback that no other test listens on, where there is one.
func apart() string {
	if runtime.GOOS == "linux" {
		return "/ip4/127.0.0.2/tcp/0"
	}
	return "/ip4/127.0.0.1/tcp/0"
}

func newNet(t *testing.T, cfg Config, opts ...Options) *Network {
	t.Helper()
	return newNetWithKey(t, cfg, testKey(t), opts...)
}

func newNetWithKey(t *testing.T, cfg Config, key crypto.PrivKey, opts ...Options) *Network {
	t.Helper()
	n, err := New(cfg, key, append(opts, Options{})[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return n
}

// runNet runs a network until the returned function or the test's end.
func runNet(t *testing.T, n *Network) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func fullAddrs(n *Network) []string { return n.Status().Addrs }

func connectNets(t *testing.T, from, to *Network) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return from.Host().Connect(ctx, peer.AddrInfo{ID: to.Host().ID(), Addrs: to.Host().Addrs()})
}

func linked(a, b *Network) bool {
	return a.Host().Network().Connectedness(b.Host().ID()) == network.Connected
}

func TestTransports(t *testing.T) {
	for name, c := range map[string]struct{ listen, transport, security string }{
		"tcp":  {"/ip4/127.0.0.1/tcp/0", "tcp", "/noise"},
		"quic": {"/ip4/127.0.0.1/udp/0/quic-v1", "quic", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := newNet(t, netConfig(RoleSeed, c.listen))
			client := newNet(t, netConfig(RoleCamera, "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"))
			if err := connectNets(t, client, server); err != nil {
				t.Fatal(err)
			}
			s := client.Status()
			if len(s.Connections) != 1 {
				t.Fatalf("%d connections", len(s.Connections))
			}
			got := s.Connections[0]
			if got.Transport != c.transport || got.Direction != "out" || got.Via != ViaLAN || got.Tier != TierLAN || got.Agent != "camswarm/1 seed" {
				t.Errorf("connection is %+v", got)
			}
			conn := client.Host().Network().Conns()[0].ConnState()
			if string(conn.Security) != c.security {
				t.Errorf("security is %q, want %q", conn.Security, c.security)
			}
		})
	}
}

// clock_at_1970: a camera that starts without a clock joins over TCP, and gets
// QUIC when its clock is set.
func TestThreatClockAt1970(t *testing.T) {
	var set atomic.Bool
	clock := func() time.Time {
		if set.Load() {
			return time.Now()
		}
		return time.Unix(77, 0)
	}
	both := []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	camera := newNet(t, netConfig(RoleCamera, both...), Options{Now: clock})
	seed := newNet(t, netConfig(RoleSeed, both...))
	if s := camera.Status(); s.QUIC || slices.ContainsFunc(s.Addrs, func(a string) bool { return strings.Contains(a, "quic") }) {
		t.Errorf("QUIC is offered in 1970: %v", s.Addrs)
	}
	if err := connectNets(t, camera, seed); err != nil {
		t.Fatalf("the camera cannot join: %v", err)
	}
	if tr := camera.Status().Connections[0].Transport; tr != "tcp" {
		t.Errorf("connected by %s", tr)
	}
	camera.clockCheck = time.Millisecond
	runNet(t, camera)
	set.Store(true)
	await(t, "QUIC after the clock was set", func() bool { return camera.Status().QUIC })
	other := newNet(t, netConfig(RoleCamera, "/ip4/127.0.0.1/udp/0/quic-v1"))
	if err := connectNets(t, camera, other); err != nil {
		t.Errorf("QUIC does not work: %v", err)
	}
}

func TestStaticPeerIsFoundAgainAfterItsRestart(t *testing.T) {
	key := testKey(t)
	seed, err := New(netConfig(RoleSeed, apart()), key, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(seed)
	camera := newNet(t, cfg)
	runNet(t, camera)
	await(t, "the first connection", func() bool { return linked(camera, seed) })
	port := seed.Status().Listen[0]
	if err := seed.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of the connection", func() bool { return len(camera.Status().Connections) == 0 })
	again := newNetWithKey(t, netConfig(RoleSeed, port), key)
	await(t, "the connection after the restart", func() bool { return linked(camera, again) })
	if !camera.Host().ConnManager().IsProtected(again.Host().ID(), "") {
		t.Error("a static peer can be trimmed")
	}
}

func TestDeadPeersStallNobody(t *testing.T) {
	// These accept connections and never say a word, which holds a dial longest.
	var peers []string
	for range 10 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		id, err := peer.IDFromPrivateKey(testKey(t))
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", l.Addr().(*net.TCPAddr).Port, id))
	}
	seed := newNet(t, netConfig(RoleSeed))
	cfg := netConfig(RoleCamera)
	cfg.Peers = append(peers, fullAddrs(seed)...)
	cfg.DialTimeout = 200 * time.Millisecond
	camera := newNet(t, cfg)
	runNet(t, camera)
	await(t, "the one live peer among ten dead ones", func() bool { return linked(camera, seed) })
}

func TestThreatDenialOfService_Connections(t *testing.T) {
	cfg := netConfig(RoleCamera)
	cfg.MaxConnections = 8
	camera := newNet(t, cfg)
	limits := camera.Limits()
	inbound := limits.Inbound
	refused := 0
	for range limits.Connections + 4 {
		d := newNet(t, netConfig(RoleCamera))
		// TCP tells a refused dialer of its refusal only after the handshake, or
		// when identify finds the connection closed.
		if err := connectNets(t, d, camera); err != nil {
			refused++
		}
		if open := len(camera.Host().Network().Conns()); open > inbound {
			t.Fatalf("%d connections from strangers, %d allowed", open, inbound)
		}
	}
	if refused == 0 {
		t.Error("nobody was refused")
	}
	await(t, "all slots of strangers to be taken", func() bool { return len(camera.Host().Network().Conns()) == inbound })
	// A full node still reaches a seed of its own choice.
	seed := newNet(t, netConfig(RoleSeed))
	if err := connectNets(t, camera, seed); err != nil {
		t.Errorf("strangers took every slot: %v", err)
	}
	if open := len(camera.Host().Network().Conns()); open > limits.Connections {
		t.Errorf("%d connections, at most %d", open, limits.Connections)
	}
}

func TestTakenPortIsSaid(t *testing.T) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		first := newNet(t, netConfig(RoleCamera, listen))
		_, err := New(netConfig(RoleCamera, first.Status().Listen...), testKey(t), Options{})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "the port is taken") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestRunLeavesNoGoroutine(t *testing.T) {
	// goroutines returns the stacks of those that belong to a network.
	goroutines := func() (stacks []string) {
		var b bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
			t.Fatal(err)
		}
		for g := range strings.SplitSeq(b.String(), "\n\n") {
			if strings.Contains(g, "libp2p") || strings.Contains(g, "quic-go") || strings.Contains(g, "camswarm/swarm.(*") {
				stacks = append(stacks, g)
			}
		}
		return stacks
	}
	settle := func(most int) []string {
		for limit := time.Now().Add(patience); ; runtime.Gosched() {
			if left := goroutines(); len(left) <= most || time.Now().After(limit) {
				return left
			}
		}
	}
	once := func() {
		seed, err := New(dhtConfig(RoleSeed), testKey(t), Options{})
		if err != nil {
			t.Fatal(err)
		}
		cfg := dhtConfig(RoleCamera)
		cfg.MDNS, cfg.Peers = true, fullAddrs(seed)
		camera, err := New(cfg, testKey(t), Options{Bans: &memoryBlob{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := camera.Join("leak"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		for _, n := range []*Network{seed, camera} {
			runs.Go(func() {
				if err := n.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		await(t, "a connection", func() bool { return linked(camera, seed) && camera.Status().DHTServers == 1 })
		cancel()
		runs.Wait()
		for _, n := range []*Network{camera, seed} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if left := settle(0); len(left) > 0 {
		t.Skipf("%d goroutines of other tests are in the way", len(left))
	}
	for range 3 {
		once()
	}
	if left := settle(0); len(left) > 0 {
		t.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
	}
}

func TestRunsOnce(t *testing.T) {
	n := newNet(t, netConfig(RoleCamera))
	stop := runNet(t, n)
	stop()
	if err := n.Run(t.Context()); !errors.Is(err, ErrRunning) {
		t.Errorf("got %v", err)
	}
}

func TestMetricsGoToTheRegistererAlone(t *testing.T) {
	global := func() (names []string) {
		families, err := prometheus.DefaultGatherer.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			names = append(names, f.GetName())
		}
		return names
	}
	before := global()
	reg := prometheus.NewPedanticRegistry()
	a := newNet(t, netConfig(RoleSeed), Options{Registerer: reg})
	b := newNet(t, netConfig(RoleCamera))
	if err := connectNets(t, b, a); err != nil {
		t.Fatal(err)
	}
	b.Ban(a.Host().ID(), time.Hour, "test")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	if !slices.Contains(names, "camswarm_network_bans") {
		t.Errorf("metrics are %v", names)
	}
	if _, err := New(netConfig(RoleCamera), testKey(t), Options{Registerer: reg}); err == nil {
		t.Error("two networks share a registerer without labels")
	}
	for _, name := range global() {
		if !slices.Contains(before, name) {
			t.Errorf("%s came onto the process's registerer", name)
		}
	}
}

// The root and config packages of go-libp2p link every transport it has.
func TestOnlyWhatACameraNeedsIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("no go command to list dependencies with: %v", err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, heavy := range []string{
			"github.com/libp2p/go-libp2p", "github.com/libp2p/go-libp2p/config",
			"github.com/libp2p/go-libp2p/p2p/transport/websocket", "github.com/libp2p/go-libp2p/p2p/transport/webtransport",
			"github.com/libp2p/go-libp2p/p2p/transport/webrtc", "github.com/libp2p/go-libp2p/p2p/discovery/mdns",
		} {
			if dep == heavy {
				t.Errorf("%s is linked", dep)
			}
		}
	}
}

func TestTierIsHowNearAPeerIs(t *testing.T) {
	cfg := netConfig(RoleCamera)
	cfg.Region = "eu"
	n := newNet(t, cfg)
	// The interfaces of this machine are somewhere else for the moment.
	n.links = &links{now: time.Now, get: func() ([]net.Addr, error) { return nil, nil }}
	static := newID(t)
	n.book.Add(peer.AddrInfo{ID: static, Addrs: []ma.Multiaddr{ma.StringCast("/ip4/198.51.100.9/tcp/1")}}, book.Static, time.Now())
	for agent, want := range map[string]Tier{
		"camswarm/1 camera eu": TierRegion,
		"camswarm/1 seed eu":   TierRegion,
		"camswarm/1 seed us":   TierSeed,
		"camswarm/1 seed":      TierSeed,
		"camswarm/1 camera":    TierOther,
		"camswarm/1 camera us": TierOther,
		"kubo/0.40":            TierOther,
		"":                     TierOther,
		"camswarm/1 a eu b":    TierOther,
	} {
		p := newID(t)
		if err := n.Host().Peerstore().Put(p, "AgentVersion", agent); err != nil {
			t.Fatal(err)
		}
		if got := n.Tier(p); got != want {
			t.Errorf("%q: %s, want %s", agent, got, want)
		}
	}
	if got := n.Tier(static); got != TierSeed {
		t.Errorf("static peer: %s", got)
	}
	if !(TierLAN.Rank() < TierRegion.Rank() && TierRegion.Rank() < TierSeed.Rank() && TierSeed.Rank() < TierOther.Rank()) {
		t.Error("tiers are out of order")
	}
	evil := newID(t)
	if err := n.Host().Peerstore().Put(evil, "AgentVersion", "\x1b[31m"+strings.Repeat("x", 1000)); err != nil {
		t.Fatal(err)
	}
	if got := n.agent(evil); len(got) > maxAgentBytes || strings.Contains(got, "\x1b") {
		t.Errorf("a stranger's agent string is passed on: %q", got)
	}
	agent := UserAgent(cfg)
	if role, region := parseAgent(agent); role != RoleCamera || region != "eu" {
		t.Errorf("%q is read as %q, %q", agent, role, region)
	}
}

func newID(t *testing.T) peer.ID {
	t.Helper()
	id, err := peer.IDFromPrivateKey(testKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAdvertisedAddressesReplaceBoundOnes(t *testing.T) {
	cfg := netConfig(RoleSeed)
	cfg.Advertise = []string{"/dns4/seed.example/tcp/4417"}
	n := newNet(t, cfg)
	if got := n.Host().Addrs(); len(got) != 1 || got[0].String() != cfg.Advertise[0] {
		t.Errorf("addresses are %v", got)
	}
}

func TestLoopbackIsNotToldIfThereIsMore(t *testing.T) {
	lo, lan := ma.StringCast("/ip4/127.0.0.1/tcp/1"), ma.StringCast("/ip4/192.168.0.7/tcp/1")
	if got := withoutLoopback([]ma.Multiaddr{lo, lan}); len(got) != 1 || !got[0].Equal(lan) {
		t.Errorf("got %v", got)
	}
	if got := withoutLoopback([]ma.Multiaddr{lo}); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestOwnAddressInPeersIsSkipped(t *testing.T) {
	key := testKey(t)
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cfg := netConfig(RoleSeed)
	cfg.Peers = []string{"/ip4/127.0.0.1/tcp/4417/p2p/" + id.String()}
	n := newNetWithKey(t, cfg, key)
	if len(n.statics()) != 0 || len(n.Host().Peerstore().Addrs(newID(t))) != 0 {
		t.Error("a node is its own static peer")
	}
}

func testPeer(i int) peer.ID { return peer.ID(fmt.Sprintf("\x00\x08%08d", i)) }
