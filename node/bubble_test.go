package node_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	tptu "github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/announce"
	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// The tests of this file run whole nodes whose clock is what the test wants: in
// a bubble of virtual time, over pipes with Noise and yamux, against what the
// real contract answered before the bubble was entered.

// A recording is what the registry answered after each transaction.
type recording struct {
	*localnet.Authority
	answers [][]byte
}

// newRecording deploys the real contract, lets do send transactions, and calls
// keep after each that the bubble should see.
func newRecording(t *testing.T, do func(a *localnet.Authority, keep func())) *recording {
	t.Helper()
	return newRecordingOf(t, verify.Product{}, do)
}

// newRecordingOf is newRecording for a product with a registry of its own.
func newRecordingOf(t *testing.T, product verify.Product, do func(a *localnet.Authority, keep func())) *recording {
	t.Helper()
	return newRecordingAs(t, localnet.Config{Product: product}, do)
}

// newRecordingAs is newRecording of a registry as the configuration says.
func newRecordingAs(t *testing.T, cfg localnet.Config, do func(a *localnet.Authority, keep func())) *recording {
	t.Helper()
	ctx := t.Context()
	a, err := localnet.Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	endpoint, err := chainwatch.Dial(chainwatch.Endpoint{URL: a.Chain.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := endpoint.(interface{ CloseIdleConnections() }); ok {
		defer c.CloseIdleConnections()
	}
	r := &recording{Authority: a}
	do(a, func() {
		data := "0x" + hex.EncodeToString(chainwatch.EncodeCheck(a.Product.ID(), "lab"))
		raw, err := endpoint.Call(ctx, "eth_call", map[string]string{"to": a.Registry.Address().String(), "data": data}, "latest")
		var result string
		if err == nil {
			err = json.Unmarshal(raw, &result)
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(result[2:])
		if err != nil {
			t.Fatal(err)
		}
		r.answers = append(r.answers, b)
	})
	return r
}

// A replay answers as the recorded chain did.
type replay struct {
	*recording
	base time.Time // the chain's time when the bubble's clock showed start
	from time.Time

	mu    sync.Mutex
	state int
	calls int    // of eth_call
	dead  bool   // nobody answers
	ahead uint64 // by which the revision is a lie
}

// kill has nobody answer any more.
func (w *replay) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

// revive has everybody answer again.
func (w *replay) revive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = false
}

// A world is a chain and its nodes in a bubble.
type world struct {
	*replay
	t   *testing.T
	ctx context.Context
	dir string

	also  map[string]*replay                // of other products, by the URL of their endpoint
	alter func(name string, c *node.Config) // nil: configurations stay as they are
	peers map[string]chan manet.Conn        // listeners by address
	nodes []*citizen
	ends  []func() error // of others
}

// A citizen is a node of a world.
type citizen struct {
	*node.Node
	name   string
	slot   string
	cfg    node.Config
	opts   []node.Option
	cancel context.CancelFunc
	done   chan error
}

// inBubble runs f when the bubble's clock shows clock, and the chain's chainTime.
func (r *recording) inBubble(t *testing.T, clock, chainTime time.Time, f func(w *world)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(clock))
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{replay: &replay{recording: r, base: chainTime, from: time.Now()}, t: t, ctx: ctx, dir: dir, also: map[string]*replay{}, peers: map[string]chan manet.Conn{}}
		defer func() {
			for _, n := range w.nodes {
				if err := n.stop(); err != nil {
					t.Errorf("%s: %v", n.name, err)
				}
			}
			for _, end := range w.ends {
				if err := end(); err != nil {
					t.Error(err)
				}
			}
			cancel()
		}()
		f(w)
	})
}

// set makes the chain answer as after transaction n.
func (w *replay) set(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = n
}

// Call implements chainwatch.Caller.
func (w *replay) Call(_ context.Context, method string, _ ...any) (json.RawMessage, error) {
	w.mu.Lock()
	dead := w.dead
	w.mu.Unlock()
	if dead {
		return nil, errors.New("no route to host")
	}
	if method == "eth_chainId" {
		return json.Marshal(fmt.Sprintf("0x%x", w.Registry.Ref().ChainID))
	}
	if method != "eth_call" {
		return nil, errors.New("no such method")
	}
	w.mu.Lock()
	w.calls++
	b := append([]byte(nil), w.answers[w.state]...)
	rev := b[32*5-8 : 32*5]
	binary.BigEndian.PutUint64(rev, binary.BigEndian.Uint64(rev)+w.ahead)
	w.mu.Unlock()
	since := time.Since(w.from)
	binary.BigEndian.PutUint64(b[32*3-8:], 1_000_000+uint64(since/time.Second))
	binary.BigEndian.PutUint64(b[32*4-8:], uint64(w.base.Add(since).Unix()))
	return json.Marshal("0x" + hex.EncodeToString(b))
}

// add starts a node that knows those before it which are seeds.
func (w *world) add(role node.Role, more ...node.Option) *citizen {
	w.t.Helper()
	i := len(w.nodes) + 1
	c := &citizen{name: fmt.Sprintf("%s-%d", role, i)}
	c.slot = filepath.Join(w.dir, c.name, "slot")
	cfg := node.DefaultConfig(role)
	cfg.StateDir = filepath.Join(w.dir, c.name, "state")
	cfg.Storage.ReserveBytes = 4 << 10
	cfg.Network.Listen = []string{fmt.Sprintf("/ip4/203.0.113.%d/tcp/4417", i)}
	cfg.Network.MDNS = false
	for _, n := range w.nodes {
		if n.cfg.Role == node.RoleSeed {
			cfg.Network.Peers = append(cfg.Network.Peers, n.cfg.Network.Listen[0]+"/p2p/"+n.Host().ID().String())
		}
	}
	cfg.Products = []node.ProductConfig{w.product(role, "https://rpc.example")}
	if w.alter != nil {
		w.alter(c.name, &cfg)
	}
	c.cfg = cfg
	if err := os.MkdirAll(filepath.Dir(cfg.StateDir), 0o700); err != nil {
		w.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CAMSWARM_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", c.name)
	}
	c.opts = []node.Option{
		node.WithTransport(w.transport, func() ([]net.Addr, error) { return nil, nil }),
		node.WithDatastore(dssync.MutexWrap(datastore.NewMapDatastore())), node.WithLogger(log),
		node.WithChainDialer(func(e chainwatch.Endpoint) (chainwatch.Caller, error) {
			if other := w.also[e.URL]; other != nil {
				return other, nil
			}
			return w.replay, nil
		}),
		node.WithoutControl(),
	}
	if role == node.RoleCamera {
		c.opts = append(c.opts, node.WithInstaller(&install.FileInstaller{Dir: c.slot}))
	}
	c.opts = append(c.opts, more...)
	w.start(c)
	w.nodes = append(w.nodes, c)
	return c
}

// product is how a node of a role follows the recorded product.
func (w *replay) product(role node.Role, url string) node.ProductConfig {
	p := node.DefaultProduct(role)
	p.Name, p.Keys, p.Threshold, p.Region = w.Product.String(), w.Keys.Keys, w.Keys.Threshold, "lab"
	p.Chain.ChainID, p.Chain.Registry = w.Registry.Ref().ChainID, w.Registry.Address().String()
	p.Chain.Endpoints = []chainwatch.Endpoint{{URL: url, Operator: "replay"}}
	return p
}

// start starts a node that is not running, on what it left.
func (w *world) start(c *citizen) {
	w.t.Helper()
	n, err := node.New(c.cfg, append(c.opts, node.WithRegistry(prometheus.NewRegistry()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	c.Node = n
	ctx, cancel := context.WithCancel(w.ctx)
	c.cancel, c.done = cancel, make(chan error, 1)
	go func() { c.done <- n.Run(ctx) }()
}

// stranger is a network of nobody's node, connected to a seed.
func (w *world) stranger(seed *citizen) *p2p.Network {
	w.t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := p2p.DefaultConfig()
	cfg.Listen, cfg.MDNS = []string{"/ip4/203.0.113.200/tcp/4417"}, false
	cfg.Peers = []string{seed.cfg.Network.Listen[0] + "/p2p/" + seed.Host().ID().String()}
	n, err := p2p.New(cfg, key, p2p.Options{Transport: w.transport, Interfaces: func() ([]net.Addr, error) { return nil, nil }})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	w.ends = append(w.ends, func() error {
		cancel()
		return errors.Join(<-done, n.Close())
	})
	w.until("the stranger knows the seed", func() bool { return n.Status().DHTServers > 0 })
	return n
}

// stop stops a node; one that has stopped stays so.
func (c *citizen) stop() error {
	if c.done == nil {
		return nil
	}
	c.cancel()
	err := <-c.done
	c.done = nil
	return err
}

// until lets virtual time pass until a condition holds.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for range 600 {
		if ok() {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	for _, n := range w.nodes {
		s := n.Status()
		w.t.Logf("%s: %d peers, %+v, alarms %+v", n.name, s.Peers, s.Products[0], s.Alarms)
		if s.Products[0].IPNS != nil {
			w.t.Logf("ipns %+v", *s.Products[0].IPNS)
		}
	}
	w.t.Fatalf("never came: %s", what)
}

// release hands a release to the seed, once the chain offers it, and announces it.
func (w *world) release(seed *citizen, r *localnet.Release, state int) {
	w.t.Helper()
	w.hand(seed, r, state)
	w.announce(seed, r)
}

// hand lets the chain offer a release and hands it to the seed.
func (w *world) hand(seed *citizen, r *localnet.Release, state int) {
	w.t.Helper()
	w.set(state)
	seed.Look()
	f, err := os.Open(r.Path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	ctx, cancel := context.WithTimeout(w.ctx, time.Hour)
	defer cancel()
	if _, err := seed.Provide(ctx, r.Envelope, io.Reader(f)); err != nil {
		w.t.Fatal(err)
	}
}

// announce has the seed tell everybody what the chain says now of a release.
func (w *world) announce(seed *citizen, r *localnet.Release) {
	w.t.Helper()
	seed.Look()
	time.Sleep(5 * time.Second)
	ctx, cancel := context.WithTimeout(w.ctx, time.Hour)
	defer cancel()
	chain := seed.Status().Products[0].Chain
	if err := seed.Announce(ctx, announce.Announcement{
		Product: w.Product.ID(), Sequence: r.Record.Sequence, Rev: chain.Rev, Block: chain.Block, Envelope: r.Envelope,
	}); err != nil {
		w.t.Fatal(err)
	}
}

// slotHolds fails unless the camera's slot holds exactly the release's image.
func (w *world) slotHolds(c *citizen, r *localnet.Release) {
	w.t.Helper()
	slot := install.FileInstaller{Dir: c.slot}
	f, err := os.Open(slot.Path(w.Product.ID()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if info, err := verify.DescribeImage(f, 0); err != nil || info.SHA256 != r.Record.ImageSHA256 {
		w.t.Errorf("%s: the slot does not hold release %d: %v", c.name, r.Record.Sequence, err)
	}
}

func (c *citizen) runs() uint64 {
	if i := c.Status().Products[0].Installed; i != nil && i.Confirmed {
		return i.Sequence
	}
	return 0
}

// transport is TCP in all but the sockets: pipes, upgraded with Noise and yamux.
func (w *world) transport(key crypto.PrivKey, gater connmgr.ConnectionGater, rcmgr network.ResourceManager) (transport.Transport, error) {
	muxers := []tptu.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	n, err := noise.New(noise.ID, key, muxers)
	if err != nil {
		return nil, err
	}
	up, err := tptu.New([]sec.SecureTransport{n}, muxers, nil, rcmgr, gater)
	if err != nil {
		return nil, err
	}
	return &pipes{world: w, upgrader: up, rcmgr: rcmgr}, nil
}

type pipes struct {
	world    *world
	upgrader transport.Upgrader
	rcmgr    network.ResourceManager

	mu   sync.Mutex
	from ma.Multiaddr
}

func (p *pipes) CanDial(ma.Multiaddr) bool { return true }
func (p *pipes) Protocols() []int          { return []int{ma.P_TCP} }
func (p *pipes) Proxy() bool               { return false }

// Dial implements transport.Transport.
func (p *pipes) Dial(ctx context.Context, to ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	scope, err := p.rcmgr.OpenConnection(network.DirOutbound, true, to)
	if err != nil {
		return nil, err
	}
	p.world.mu.Lock()
	accept := p.world.peers[to.String()]
	p.world.mu.Unlock()
	p.mu.Lock()
	from := p.from
	p.mu.Unlock()
	if accept == nil {
		scope.Done()
		return nil, errors.New("nobody listens there")
	}
	mine, theirs := net.Pipe()
	select {
	case accept <- &pipeConn{Conn: theirs, local: to, remote: from}:
	case <-ctx.Done():
		scope.Done()
		return nil, ctx.Err()
	}
	c, err := p.upgrader.Upgrade(ctx, p, &pipeConn{Conn: mine, local: from, remote: to}, network.DirOutbound, id, scope)
	if err != nil {
		scope.Done()
	}
	return c, err
}

// Listen implements transport.Transport.
func (p *pipes) Listen(at ma.Multiaddr) (transport.Listener, error) {
	p.mu.Lock()
	p.from = at
	p.mu.Unlock()
	l := &pipeListener{at: at, conns: make(chan manet.Conn, 8), closed: make(chan struct{}), world: p.world}
	p.world.mu.Lock()
	p.world.peers[at.String()] = l.conns
	p.world.mu.Unlock()
	return p.upgrader.UpgradeGatedMaListener(p, p.upgrader.GateMaListener(l)), nil
}

type pipeConn struct {
	net.Conn
	local, remote ma.Multiaddr
}

func (c *pipeConn) LocalMultiaddr() ma.Multiaddr  { return c.local }
func (c *pipeConn) RemoteMultiaddr() ma.Multiaddr { return c.remote }

type pipeListener struct {
	at     ma.Multiaddr
	conns  chan manet.Conn
	closed chan struct{}
	once   sync.Once
	world  *world
}

func (l *pipeListener) Accept() (manet.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.world.mu.Lock()
		delete(l.world.peers, l.at.String())
		l.world.mu.Unlock()
	})
	return nil
}

func (l *pipeListener) Multiaddr() ma.Multiaddr { return l.at }
func (l *pipeListener) Addr() net.Addr          { return &net.TCPAddr{} }

var (
	chainNow = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	toAllNow = verify.Rollout{Mode: verify.RolloutAll}
)

// badClocks are what a device without a battery or with a wrong one shows. A
// bubble begins in 2000; to the code, all before 2026 is one (swarm.clockSane,
// verify.Now).
var badClocks = map[string]time.Time{
	"2000": time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC),
	"2099": time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
}
