package announce

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"camswarm/sim/links"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// chainTime is the block time of every view. A bubble's clock starts in 2000.
const chainTime = 1_790_000_100

// maker is a manufacturer with three signing keys, of which two must sign.
type maker struct {
	keys     []*sign.Key
	verifier verify.Verifier
	moves    []*verify.Move // that its envelopes carry
}

func newMaker(t testing.TB, name string) *maker {
	t.Helper()
	m := &maker{verifier: verify.Verifier{
		Product:  verify.Product{Vendor: "tenvis.com", Name: name},
		Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{0xab, 19: 0xcd}},
		Pinned:   verify.KeySet{Threshold: 2},
	}}
	for i, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K} {
		k, err := sign.New(alg, bytes.Repeat([]byte{byte(i + 1)}, 32))
		if err != nil {
			t.Fatal(err)
		}
		m.keys = append(m.keys, k)
		m.verifier.Pinned.Keys = append(m.verifier.Pinned.Keys, k.Public())
	}
	return m
}

// pack is one signed release and the chain's record of it.
type pack struct {
	envelope []byte
	release  verify.Release
}

// release makes and signs a release whose image has the given size.
func (m *maker) release(t testing.TB, sequence uint64, size int, blockSize uint32, keys ...*sign.Key) pack {
	t.Helper()
	image := make([]byte, size)
	for i := 0; i < size; i += int(blockSize) {
		binary.BigEndian.PutUint64(image[i:], sequence<<32|uint64(i/int(blockSize)))
	}
	info, err := verify.DescribeImage(bytes.NewReader(image), blockSize)
	if err != nil {
		t.Fatal(err)
	}
	man := &verify.Manifest{
		Product: m.verifier.Product, Sequence: sequence, Version: "1.2.3", Image: info,
		Component: "firmware", Registry: m.verifier.Registry,
	}
	e, err := sign.NewEnvelope(man)
	if err != nil {
		t.Fatal(err)
	}
	e.Moves = m.moves
	for _, k := range keys {
		if err := k.Sign(e); err != nil {
			t.Fatal(err)
		}
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return pack{b, verify.Release{
		Product: man.Product.ID(), Sequence: sequence, Version: man.Version, ImageSize: info.Size,
		ImageSHA256: info.SHA256, Envelope: sha256.Sum256(b), PublishedAt: chainTime,
	}}
}

// genuine is a release signed by two of the keys.
func (m *maker) genuine(t testing.TB, sequence uint64) pack {
	return m.release(t, sequence, 40<<10, verify.MinBlockSize, m.keys[0], m.keys[1])
}

// movedTo is a genuine release of the registry to which its manufacturer moved.
func (m *maker) movedTo(t testing.TB, sequence uint64, to verify.RegistryRef) pack {
	t.Helper()
	move := &verify.Move{Number: 1, From: m.verifier.Registry, To: to, Epoch: 1, Keys: m.verifier.Pinned}
	for _, k := range m.keys[:2] {
		if err := k.SignMove(move); err != nil {
			t.Fatal(err)
		}
	}
	there := *m
	there.verifier.Registry, there.moves = to, []*verify.Move{move}
	return there.genuine(t, sequence)
}

// view offers releases, newest first.
func (m *maker) view(rev, latest uint64, packs ...pack) verify.View {
	v := verify.View{
		Registry: m.verifier.Registry, Product: m.verifier.Product.ID(), Rev: rev, RevBlock: 100 + rev,
		Block: 200 + rev, Time: chainTime, Keys: m.verifier.Pinned, Latest: latest,
	}
	for _, p := range packs {
		v.Candidates = append(v.Candidates, verify.Candidate{Release: p.release, Rollout: verify.Rollout{Mode: verify.RolloutAll}})
	}
	return v
}

// news announces a release at a rev.
func (m *maker) news(p pack, rev uint64) Announcement {
	return Announcement{
		Product: m.verifier.Product.ID(), Sequence: p.release.Sequence, Rev: rev, Block: 100 + rev, Envelope: p.envelope,
	}
}

// hint is a bare announcement.
func (m *maker) hint(rev uint64) Announcement {
	return Announcement{Product: m.verifier.Product.ID(), Rev: rev, Block: 100 + rev}
}

// memChain is the registry at the edge of these tests: a head that the test
// moves, and per node a view that follows only when somebody looks and the
// endpoint is up. It counts the looks.
type memChain struct {
	mu    sync.Mutex
	head  *verify.View
	view  *verify.View
	down  bool
	looks []time.Time
	moved chan struct{} // closed and replaced when head or down changes
}

func newChain(v verify.View) *memChain {
	return &memChain{head: &v, view: &v, moved: make(chan struct{})}
}

func (c *memChain) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.moved)
	c.moved = make(chan struct{})
}

// mine moves the head; the node's view stays behind until it looks.
func (c *memChain) mine(v verify.View) { c.change(func() { c.head = &v }) }

// poll makes the node's view follow the head without anybody asking.
func (c *memChain) poll() { c.change(func() { c.view = c.head }) }

func (c *memChain) setDown(down bool) { c.change(func() { c.down = down }) }

func (c *memChain) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.looks)
}

// lookedAt returns when somebody looked.
func (c *memChain) lookedAt() []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.looks)
}

func (c *memChain) Current() (verify.View, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == nil {
		return verify.View{}, false
	}
	return *c.view, true
}

func (c *memChain) ViewOwn(ctx context.Context, minRev uint64) (verify.View, error) {
	return c.View(ctx, minRev)
}

func (c *memChain) ViewProven(ctx context.Context, minRev uint64) (verify.View, error) {
	return c.View(ctx, minRev)
}

func (c *memChain) View(ctx context.Context, minRev uint64) (verify.View, error) {
	looked := false
	for {
		c.mu.Lock()
		if c.view != nil && c.view.Rev >= minRev {
			defer c.mu.Unlock()
			return *c.view, nil
		}
		if !looked {
			c.looks = append(c.looks, time.Now())
			looked = true
		}
		if !c.down {
			c.view = c.head
		}
		satisfied, moved := c.view != nil && c.view.Rev >= minRev, c.moved
		c.mu.Unlock()
		if satisfied {
			continue
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return verify.View{}, &verify.Error{Attack: verify.AttackBeforeChain, Err: errors.New("not there yet")}
		}
	}
}

// testNode is a host with a Gossip that follows one product.
type testNode struct {
	*Gossip
	h     host.Host
	chain *memChain
	reg   *prometheus.Registry
	stop  func()

	mu       sync.Mutex
	accepted []Accepted
	last     time.Time // something was accepted
	latest   *Announcement
}

// tell sets what the node answers those who ask.
func (n *testNode) tell(a Announcement) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latest = &a
}

func (n *testNode) got() []Accepted {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Accepted(nil), n.accepted...)
}

// acceptedAt returns when the node last accepted something.
func (n *testNode) acceptedAt() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// close ends the node and its host.
func (n *testNode) close() {
	n.stop()
	n.h.Close()
}

// releases returns the sequences accepted with an envelope.
func (n *testNode) releases() (all []uint64) {
	for _, a := range n.got() {
		if a.Approved != nil {
			all = append(all, a.Sequence)
		}
	}
	return all
}

func newNode(t testing.TB, h host.Host, m *maker, chain *memChain, cfg Config, change ...func(*Subject)) *testNode {
	t.Helper()
	n := &testNode{h: h, chain: chain, reg: prometheus.NewRegistry()}
	var err error
	if n.Gossip, err = New(h, cfg, Options{Registerer: n.reg}); err != nil {
		t.Fatal(err)
	}
	v := m.verifier
	subject := Subject{
		Product: v.Product, Verifier: &v, Chain: chain,
		Latest: func() *Announcement {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.latest
		},
		Accepted: func(a Accepted) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.accepted = append(n.accepted, a)
			n.last = time.Now()
			if a.Approved != nil {
				n.latest = &a.Announcement
			}
		},
	}
	for _, f := range change {
		f(&subject)
	}
	err = n.Follow(subject)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(n.stop)
	select {
	case <-n.running: // who connects to it finds its protocols
	case <-n.stopped:
	}
	return n
}

// counter sums the samples of a counter or gauge that carry all the labels,
// given as name, value pairs.
func (n *testNode) counter(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := n.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "camswarm_announce_"+name {
			continue
		}
	samples:
		for _, s := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range s.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue samples
				}
			}
			sum += s.GetCounter().GetValue() + s.GetGauge().GetValue()
		}
	}
	return sum
}

// judged returns how often a verdict named an attack.
func (n *testNode) judged(t *testing.T, verdict, attack string) float64 {
	t.Helper()
	return n.counter(t, "judged_total", "verdict", verdict, "attack", attack)
}

// net is a network of real libp2p hosts on lines without delay.
type net struct {
	t     testing.TB
	lines links.Network
	hosts []host.Host
}

func newNet(t testing.TB) *net {
	t.Helper()
	lines, err := links.NewFast(&links.Topology{Nodes: make([]links.Node, 100)})
	if err != nil {
		t.Fatal(err)
	}
	n := &net{t: t, lines: lines}
	t.Cleanup(func() {
		for _, h := range n.hosts {
			h.Close()
		}
		lines.Close()
	})
	return n
}

func (n *net) host() host.Host {
	n.t.Helper()
	h, err := links.Host(n.lines, len(n.hosts), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	n.hosts = append(n.hosts, h)
	return h
}

func (n *net) connect(a, b host.Host) {
	n.t.Helper()
	if err := a.Connect(n.t.Context(), peer.AddrInfo{ID: b.ID(), Addrs: b.Addrs()}); err != nil {
		n.t.Fatal(err)
	}
}

// line makes nodes that are connected one after the other, each with a view
// and a chain of its own.
func (n *net) line(m *maker, view verify.View, count int) []*testNode {
	n.t.Helper()
	nodes := make([]*testNode, count)
	for i := range nodes {
		nodes[i] = newNode(n.t, n.host(), m, newChain(view), DefaultConfig())
		if i > 0 {
			n.connect(nodes[i-1].h, nodes[i].h)
		}
	}
	settle()
	return nodes
}

// answer has a host answer each question of a protocol with the same bytes.
func answer(h host.Host, id protocol.ID, with []byte) {
	h.SetStreamHandler(id, func(s network.Stream) {
		if _, err := io.ReadFull(s, make([]byte, questionSize)); err != nil {
			s.Reset()
			return
		}
		s.Write(with)
		s.Close()
	})
}

// settle lets streams open and meshes form.
func settle() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

// rogue is a peer that speaks the mesh protocol and obeys no rule: it writes
// what it likes and reads nothing.
type rogue struct {
	t testing.TB
	h host.Host
	s map[peer.ID]network.Stream
}

// rogue connects a hostile peer to the nodes. A deaf one refuses the stream on
// which a node would speak to it, so that pubsub keeps no score of it.
func (n *net) rogue(deaf bool, victims ...*testNode) *rogue {
	n.t.Helper()
	r := &rogue{n.t, n.host(), map[peer.ID]network.Stream{}}
	if !deaf {
		r.h.SetStreamHandler(MeshProtocol, func(s network.Stream) {
			for b := make([]byte, 4096); ; {
				if _, err := s.Read(b); err != nil {
					return
				}
			}
		})
	}
	for _, v := range victims {
		n.connect(r.h, v.h)
		s, err := r.h.NewStream(n.t.Context(), v.h.ID(), MeshProtocol)
		if err != nil {
			n.t.Fatal(err)
		}
		r.s[v.h.ID()] = s
	}
	if !deaf { // subscribes like an honest peer, so that the nodes speak to it
		topic, yes := Topic(verify.ProductID{}), true
		r.write(&pb.RPC{Subscriptions: []*pb.RPC_SubOpts{{Topicid: &topic, Subscribe: &yes}}})
	}
	settle()
	return r
}

// send sends messages to every victim, as one RPC.
func (r *rogue) send(messages ...*pb.Message) {
	r.t.Helper()
	r.write(&pb.RPC{Publish: messages})
}

func (r *rogue) write(rpc *pb.RPC) {
	r.t.Helper()
	b, err := proto.Marshal(rpc)
	if err != nil {
		r.t.Fatal(err)
	}
	b = append(binary.AppendUvarint(nil, uint64(len(b))), b...)
	for _, s := range r.s {
		if _, err := s.Write(b); err != nil {
			r.t.Fatal(err)
		}
	}
}

// announce sends announcements in their products' topics.
func (r *rogue) announce(all ...Announcement) {
	r.t.Helper()
	var messages []*pb.Message
	for _, a := range all {
		messages = append(messages, message(r.t, Topic(a.Product), a))
	}
	r.send(messages...)
}

func message(t testing.TB, topic string, a Announcement) *pb.Message {
	return &pb.Message{Topic: &topic, Data: encode(t, a)}
}

func encode(t testing.TB, a Announcement) []byte {
	t.Helper()
	b, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func contains(err error, words string) bool {
	return err != nil && strings.Contains(err.Error(), words)
}
