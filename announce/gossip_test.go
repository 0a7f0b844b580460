package announce

import (
	"context"
	"errors"
	"fmt"

	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"

	"camswarm/sim/links"
	"camswarm/verify"
)

func TestAnnouncementTravelsTheWholeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(1, 0), 5)
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		settle()
		for i, node := range nodes[1:] {
			got := node.got()
			if len(got) != 1 || got[0].Approved == nil || got[0].Sequence != 1 || got[0].View.Rev != 2 {
				t.Fatalf("node %d accepted %+v, want release 1 once", i+1, got)
			}
			if got[0].From != nodes[i].h.ID() {
				t.Errorf("node %d: From is not its neighbour", i+1)
			}
			if looks := node.chain.count(); looks != 1 {
				t.Errorf("node %d looked at the chain %d times for one announcement", i+1, looks)
			}
		}
		if got := nodes[0].got(); len(got) != 0 {
			t.Errorf("a node's own announcement was handed to it: %+v", got)
		}
	})
}

func TestPublishWaitsForTheFirstPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		seed := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), SeedConfig())
		camera := newNode(t, n.host(), m, newChain(m.view(1, 0)), DefaultConfig())
		camera.chain.mine(m.view(2, 1, one))
		published := make(chan error, 1)
		go func() { published <- seed.Publish(t.Context(), m.news(one, 2)) }()
		time.Sleep(time.Hour)
		select {
		case err := <-published:
			t.Fatalf("Publish did not wait: %v", err)
		default:
		}
		n.connect(seed.h, camera.h)
		settle()
		if err := <-published; err != nil {
			t.Fatal(err)
		}
		if got := camera.releases(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("accepted %v, want release 1", got)
		}
	})
}

// What is revoked while nobody is there to hear of it is not announced.
func TestPublishJudgesAgainAfterItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		seed := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), SeedConfig())
		published := make(chan error, 1)
		go func() { published <- seed.Publish(t.Context(), m.news(one, 2)) }()
		time.Sleep(time.Hour)
		seed.chain.mine(m.view(3, 1)) // revoked
		seed.chain.poll()
		n.connect(seed.h, newNode(t, n.host(), m, newChain(m.view(2, 1, one)), DefaultConfig()).h)
		settle()
		if err := <-published; !errors.Is(err, ErrNotApproved) {
			t.Errorf("got %v, want ErrNotApproved", err)
		}
	})
}

// Only the one protocol is spoken, with all that its version has but extensions, which
// nothing here needs.
func TestMeshFeatures(t *testing.T) {
	for _, c := range []struct {
		feature pubsub.GossipSubFeature
		of      protocol.ID
		want    bool
	}{
		{pubsub.GossipSubFeatureMesh, MeshProtocol, true}, {pubsub.GossipSubFeaturePX, MeshProtocol, true},
		{pubsub.GossipSubFeatureIdontwant, MeshProtocol, true}, {pubsub.GossipSubFeatureExtensions, MeshProtocol, false},
		{pubsub.GossipSubFeatureMesh, pubsub.GossipSubID_v11, false},
	} {
		if got := meshFeatures(c.feature, c.of); got != c.want {
			t.Errorf("feature %d of %s: %v", c.feature, c.of, got)
		}
	}
}

// All that a peer sends is counted as it is read, whatever is in it, and who is over
// its budget is not read on. What a node does for itself costs nothing.
func TestThreatGossipFlood_Budget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		var mu sync.Mutex
		costs, spent := map[peer.ID][]float64{}, false
		g, err := New(n.host(), DefaultConfig(), Options{Budget: func(p peer.ID, cost float64) bool {
			mu.Lock()
			defer mu.Unlock()
			costs[p] = append(costs[p], cost)
			return !spent
		}})
		if err != nil {
			t.Fatal(err)
		}
		v := m.verifier
		if err := g.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(5, 0)), Accepted: func(Accepted) {}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		<-g.running
		victim := &testNode{Gossip: g, h: g.host}
		r := n.rogue(true, victim)
		mu.Lock()
		clear(costs)
		mu.Unlock()
		sum := func() (sum, least float64) {
			mu.Lock()
			defer mu.Unlock()
			least = 1e9
			for _, c := range costs[r.h.ID()] {
				sum, least = sum+c, min(least, c)
			}
			return sum, least
		}
		r.announce(m.hint(5))
		settle()
		if total, least := sum(); total < rpcTokens+1./tokenReads || total > rpcTokens+1 || least < 1./tokenReads {
			t.Errorf("a hint of 100 bytes costs %v, its cheapest read %v", total, least)
		}
		before, _ := sum()
		r.send(&pb.Message{Topic: new(string), Data: make([]byte, 10*tokenBytes)})
		settle()
		if total, _ := sum(); total-before < 10+rpcTokens || total-before > 12+rpcTokens {
			t.Errorf("%d bytes cost %v", 10*tokenBytes, total-before)
		}
		before, _ = sum()
		r.announce(Announcement{Product: v.Product.ID(), Sequence: 1, Rev: 5, Envelope: []byte{1}})
		settle()
		if total, _ := sum(); total-before < rejectTokens {
			t.Errorf("what is rejected costs %v", total-before)
		}
		g.report(g.subject(v.Product.ID()), g.host.ID(), viaSelf, reject, errOverBudget)
		mu.Lock()
		if len(costs[g.host.ID()]) > 0 {
			t.Errorf("the node pays for itself: %v", costs[g.host.ID()])
		}
		spent = true
		mu.Unlock()
		if err := g.inspect(r.h.ID(), &pubsub.RPC{}); err == nil || !g.spend(g.host.ID(), 1) {
			t.Errorf("who is over his budget is heard, or the node itself is over it: %v", err)
		}
		r.announce(m.hint(5))
		settle()
		for _, c := range g.host.Network().ConnsToPeer(r.h.ID()) {
			for _, s := range c.GetStreams() {
				if s.Protocol() == MeshProtocol && s.Stat().Direction == network.DirInbound {
					t.Error("the stream of a peer that is over its budget is read on")
				}
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestPublishEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		node := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), DefaultConfig())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := node.Publish(ctx, m.news(one, 2))
		if !errors.Is(err, ErrNoPeers) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want ErrNoPeers and the context's error", err)
		}

		idle, err := New(n.host(), DefaultConfig(), Options{}) // never run
		if err != nil {
			t.Fatal(err)
		}
		v := m.verifier
		if err := idle.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(2, 1, one)), Accepted: func(Accepted) {}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := idle.Publish(ctx, m.news(one, 2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("not running: got %v", err)
		}
	})
}

// A node never announces what it would refuse from others.
func TestPublishRefusesWhatIsNotApproved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		nodes := n.line(m, m.view(3, 2, two), 2) // release 1 is revoked
		unsigned := m.release(t, 2, 40<<10, verify.MinBlockSize)
		for _, c := range []struct {
			name   string
			a      Announcement
			attack string
		}{
			{"unsigned", m.news(unsigned, 3), verify.AttackArbitrary},
			{"revoked", m.news(one, 3), verify.AttackRevoked},
			{"not on chain yet", m.news(m.genuine(t, 3), 4), verify.AttackBeforeChain},
			{"hint that is not true yet", m.hint(4), verify.AttackBeforeChain},
		} {
			err := nodes[0].Publish(t.Context(), c.a)
			if !errors.Is(err, ErrNotApproved) {
				t.Errorf("%s: %v, want ErrNotApproved", c.name, err)
			}
			if c.name == "revoked" { // verify tells a revoked release from one that aged
				if got := verify.AttackName(err); got != verify.AttackRevoked && got != verify.AttackRollback {
					t.Errorf("%s: named %s", c.name, got)
				}
			} else if got := verify.AttackName(err); got != c.attack {
				t.Errorf("%s: named %q, want %s: %v", c.name, got, c.attack, err)
			}
		}
		if err := nodes[0].Publish(t.Context(), Announcement{Product: verify.ProductID{1}, Rev: 1}); !errors.Is(err, ErrNotFollowed) {
			t.Errorf("unknown product: %v, want ErrNotFollowed", err)
		}
		if err := nodes[0].Publish(t.Context(), m.hint(0)); err == nil {
			t.Error("rev 0 was announced")
		}
		settle()
		if got := nodes[1].counter(t, "judged_total"); got != 0 {
			t.Errorf("%v of them went out", got)
		}
	})
}

// Policy, halt and revocation travel as bare hints, once per rev and node.
func TestBareHintTravelsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 3)
		for _, node := range nodes {
			node.chain.mine(m.view(3, 1, one))
		}
		nodes[1].chain.poll() // knows it already and must pass it on all the same
		if err := nodes[0].Publish(t.Context(), m.hint(3)); err != nil {
			t.Fatal(err)
		}
		settle()
		same := m.hint(3)
		same.Block++
		if err := nodes[0].Publish(t.Context(), same); err != nil {
			t.Fatal(err)
		}
		settle()
		for i, node := range nodes[1:] {
			if got := node.got(); len(got) != 1 || !got[0].Bare() || got[0].Approved != nil || got[0].View.Rev != 3 {
				t.Errorf("node %d accepted %+v, want the hint of rev 3 once", i+1, got)
			}
		}
		if got := nodes[1].judged(t, "ignore", attackReplay); got != 1 {
			t.Errorf("%v named gossip_replay, want 1", got)
		}
	})
}

// The chain has moved on when the announcement comes: as long as the release is
// offered, it is as good as ever.
func TestAnnouncementOfAnOlderRevOfAnOfferedRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		nodes := n.line(m, m.view(9, 2, two, one), 2)
		for _, p := range []pack{one, two} {
			if err := nodes[0].Publish(t.Context(), m.news(p, p.release.Sequence+1)); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		got := nodes[1].releases()
		slices.Sort(got)
		if !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("accepted %v, want releases 1 and 2", got)
		}
		if looks := nodes[1].chain.count(); looks != 0 {
			t.Errorf("%d looks for what the view shows already", looks)
		}
	})
}

func TestFollowRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		g, err := New(n.host(), DefaultConfig(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := m.verifier
		good := Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(1, 0)), Accepted: func(Accepted) {}}
		for name, change := range map[string]func(*Subject){
			"no verifier":    func(s *Subject) { s.Verifier = nil },
			"no chain":       func(s *Subject) { s.Chain = nil },
			"no Accepted":    func(s *Subject) { s.Accepted = nil },
			"other verifier": func(s *Subject) { s.Product.Name = "doorbell" },
		} {
			s := good
			change(&s)
			if err := g.Follow(s); err == nil {
				t.Errorf("%s: followed", name)
			}
		}
		if err := g.Follow(good); err != nil {
			t.Fatal(err)
		}
		if err := g.Follow(good); !errors.Is(err, ErrFollowed) {
			t.Errorf("twice: %v, want ErrFollowed", err)
		}
		for i := 1; i < MaxProducts; i++ {
			other := newMaker(t, "p"+string(rune('a'+i%26))+string(rune('a'+i/26))).verifier
			if err := g.Follow(Subject{Product: other.Product, Verifier: &other, Chain: good.Chain, Accepted: good.Accepted}); err != nil {
				t.Fatal(err)
			}
		}
		other := newMaker(t, "last").verifier
		if err := g.Follow(Subject{Product: other.Product, Verifier: &other, Chain: good.Chain, Accepted: good.Accepted}); !errors.Is(err, ErrTooMany) {
			t.Errorf("one over MaxProducts: %v, want ErrTooMany", err)
		}
	})
}

// What the node knows of a peer counts in its score, within bounds.
func TestAppScoreSilencesAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		bad := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), DefaultConfig())
		h := n.host()
		g, err := New(h, DefaultConfig(), Options{AppScore: func(p peer.ID) float64 {
			if p == bad.h.ID() {
				return math.Inf(-1)
			}
			return math.NaN() // counts as 0
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		v := m.verifier
		var got []Accepted
		if err := g.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(2, 1, one)), Accepted: func(a Accepted) { got = append(got, a) }}); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		n.connect(h, bad.h)
		settle()
		if err := bad.Publish(ctx, m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * scoreEvery)
		if len(got) != 0 {
			t.Errorf("a message of a silenced peer was read: %+v", got)
		}
		if s := g.Scores()[bad.h.ID()]; s != MinAppScore {
			t.Errorf("score %v, want %v", s, MinAppScore)
		}
		if s := g.appScore("stranger"); s != 0 {
			t.Errorf("not a number became %v", s)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// Peers cannot make pubsub track topics without end.
func TestForeignTopicsAreBounded(t *testing.T) {
	f := newTopicFilter()
	yes := true
	sub := func(topic string) []*pb.RPC_SubOpts {
		return []*pb.RPC_SubOpts{{Topicid: &topic, Subscribe: &yes}}
	}
	tracked := 0
	for i := range 4 * maxForeignTopics {
		kept, err := f.FilterIncomingSubscriptions("p", sub(Topic(verify.ProductID{byte(i), byte(i >> 8)})))
		if err != nil {
			t.Fatal(err)
		}
		tracked += len(kept)
	}
	if tracked != maxForeignTopics {
		t.Errorf("tracks %d topics, the limit is %d", tracked, maxForeignTopics)
	}
	mine := Topic(verify.ProductID{0xff, 0xff})
	f.follow(mine)
	if kept, _ := f.FilterIncomingSubscriptions("p", sub(mine)); len(kept) != 1 {
		t.Error("a followed topic is not tracked")
	}
	for _, topic := range []string{"", "news", topicPrefix, topicPrefix + "00", Topic(verify.ProductID{}) + "0", topicPrefix + "/" + mine[len(topicPrefix)+1:]} {
		if isTopic(topic) {
			t.Errorf("%q counts as a topic", topic)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []Config{DefaultConfig(), SeedConfig()} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	for field, change := range map[string]func(*Config){
		"degree":       func(c *Config) { c.Degree = 1 },
		"look_timeout": func(c *Config) { c.LookTimeout = time.Hour },
		"hold_for":     func(c *Config) { c.HoldFor = 0 },
		"hint_burst":   func(c *Config) { c.HintBurst = 0 },
		"hint_every":   func(c *Config) { c.HintEvery = 0 },
		"peer_burst":   func(c *Config) { c.PeerBurst = 1e6 },
		"peer_every":   func(c *Config) { c.PeerEvery = -1 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !contains(err, field) {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := New(nil, c, Options{}); err == nil {
			t.Errorf("%s: New took it", field)
		}
	}
	// Every degree makes parameters that pubsub accepts.
	synctest.Test(t, func(t *testing.T) {
		n := newNet(t)
		m := newMaker(t, "ucam-2")
		for d := 2; d <= 32; d++ {
			c := DefaultConfig()
			c.Degree = d
			newNode(t, n.host(), m, newChain(m.view(1, 0)), c)
		}
		synctest.Wait()
	})
}

// Over real sockets: TCP, Noise, and an envelope of the largest size.
func TestLargestEnvelopeTravelsOverTCP(t *testing.T) {
	m := newMaker(t, "ucam-2")
	big := m.release(t, 1, verify.MaxBlocks*verify.MinBlockSize, verify.MinBlockSize, m.keys...)
	if len(big.envelope) < 256<<10 {
		t.Fatalf("the envelope has only %d bytes", len(big.envelope))
	}
	cfg := DefaultConfig()
	cfg.Heartbeat = time.Second // the last is no neighbour in the mesh yet, and asks in time
	nodes := make([]*testNode, 3)
	for i := range nodes {
		h, err := libp2p.New(
			libp2p.NoTransports, libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(noise.ID, noise.New),
			libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(),
		)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		nodes[i] = newNode(t, h, m, newChain(m.view(1, 0)), cfg)
		nodes[i].chain.mine(m.view(2, 1, big))
	}
	dial := func(a, b host.Host) {
		if err := a.Connect(t.Context(), peer.AddrInfo{ID: b.ID(), Addrs: b.Addrs()}); err != nil {
			t.Fatal(err)
		}
	}
	dial(nodes[1].h, nodes[2].h)
	published := make(chan error, 1)
	go func() { published <- nodes[0].Publish(t.Context(), m.news(big, 2)) }()
	dial(nodes[0].h, nodes[1].h)
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return len(nodes[1].releases()) == 1 && len(nodes[2].releases()) == 1 })

	// And as an answer.
	nodes[2].tell(m.news(big, 2))
	if err := nodes[1].Ask(t.Context(), m.verifier.Product.ID()); err != nil {
		t.Fatal(err)
	}
}

// await waits for what other goroutines bring about over real sockets.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within a minute")
		}
	}
}

// lateHost is a host whose first stream of the mesh protocol fails after a
// second, as it does when the other side was not ready when it was asked for.
type lateHost struct {
	host.Host
	failed atomic.Bool
}

func (h *lateHost) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	if slices.Contains(ids, MeshProtocol) && h.failed.CompareAndSwap(false, true) {
		time.Sleep(time.Second)
		return nil, errors.New("protocol not supported")
	}
	return h.Host.NewStream(ctx, p, ids...)
}

// pubsub never tries again to speak to a peer whose word of speaking the
// protocol came while the first attempt was failing; here it does.
func TestLostLinkIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		a, b := n.host(), n.host()
		n.connect(a, b)
		first := newNode(t, &lateHost{Host: a}, m, newChain(m.view(2, 1, one)), DefaultConfig())
		second := newNode(t, b, m, newChain(m.view(2, 1, one)), DefaultConfig())
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := first.Publish(ctx, m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := second.releases(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("accepted %v, want release 1", got)
		}
	})
}

// A crowd looks at the chain while the envelopes are still on the publisher's line;
// for a few peers a hint would only be one more message. On a slow line the two
// arrive apart, so that the order in which they are judged is no accident.
func TestCrowdHearsAHintBeforeTheEnvelope(t *testing.T) {
	for _, crowd := range []int{hintFirst - 1, hintFirst} {
		synctest.Test(t, func(t *testing.T) {
			topo := &links.Topology{
				Nodes: []links.Node{{Up: 1e6, Down: 1e6}},
				Delay: func(int, int) time.Duration { return 20 * time.Millisecond },
			}
			for range crowd {
				topo.Nodes = append(topo.Nodes, links.Node{Up: 1e6, Down: 10e6})
			}
			lines, err := links.NewFast(topo)
			if err != nil {
				t.Fatal(err)
			}
			defer lines.Close()
			host := func(i int) host.Host {
				h, err := links.Host(lines, i, nil)
				if err != nil {
					t.Fatal(err)
				}
				return h
			}
			m := newMaker(t, "ucam-2")
			one := m.release(t, 1, 1<<20, verify.MinBlockSize, m.keys[0], m.keys[1])
			seed := newNode(t, host(0), m, newChain(m.view(1, 0)), DefaultConfig())
			defer seed.close()
			var nodes []*testNode
			for i := range crowd {
				node := newNode(t, host(i+1), m, newChain(m.view(1, 0)), DefaultConfig())
				defer node.close()
				if err := node.h.Connect(t.Context(), peer.AddrInfo{ID: seed.h.ID(), Addrs: seed.h.Addrs()}); err != nil {
					t.Fatal(err)
				}
				nodes = append(nodes, node)
			}
			time.Sleep(5 * time.Minute) // until nobody tries larger packets any more
			for _, node := range append(nodes, seed) {
				node.chain.mine(m.view(2, 1, one))
			}
			start := time.Now()
			if err := seed.Publish(t.Context(), m.news(one, 2)); err != nil {
				t.Fatal(err)
			}
			settle()
			// All envelopes need this long on the seed's line.
			line := time.Duration(float64(crowd*len(one.envelope)*8) / 1e6 * float64(time.Second))
			for i, node := range nodes {
				got := node.got()
				if len(got) == 0 || got[len(got)-1].Approved == nil {
					t.Fatalf("%d peers: node %d accepted %d announcements, the last without an envelope", crowd, i, len(got))
				}
				looked, had := node.chain.lookedAt(), node.acceptedAt()
				if len(looked) != 1 {
					t.Fatalf("%d peers: node %d looked %d times at the chain", crowd, i, len(looked))
				}
				early := looked[0].Before(had) && looked[0].Sub(start) < line/4
				if late := looked[0].Equal(had); crowd >= hintFirst && !early || crowd < hintFirst && !late {
					t.Errorf("%d peers: node %d looked at the chain after %v and had the envelope after %v, all of them need %v",
						crowd, i, looked[0].Sub(start), had.Sub(start), line)
				}
			}
		})
	}
}

// A publisher sends an envelope to some of its neighbours only, and everybody has it
// one hop later: the direct ones are there first, since every hop takes as long.
func TestEnvelopeGoesToSomeWhoPassItOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		direct := publishTo * cfg.Degree
		crowd := direct + 4
		topo := &links.Topology{Delay: func(int, int) time.Duration { return 20 * time.Millisecond }}
		for range crowd + 1 {
			topo.Nodes = append(topo.Nodes, links.Node{Up: 1e9, Down: 1e9})
		}
		lines, err := links.NewFast(topo)
		if err != nil {
			t.Fatal(err)
		}
		defer lines.Close()
		m := newMaker(t, "ucam-2")
		one := m.genuine(t, 1)
		var nodes []*testNode // the publisher first, the others in a ring around it, with four neighbours each
		dial := func(from, to int) {
			if err := nodes[from].h.Connect(t.Context(), peer.AddrInfo{ID: nodes[to].h.ID(), Addrs: nodes[to].h.Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range crowd + 1 {
			h, err := links.Host(lines, i, nil)
			if err != nil {
				t.Fatal(err)
			}
			node := newNode(t, h, m, newChain(m.view(2, 1, one)), cfg)
			defer node.close()
			nodes = append(nodes, node)
			if i > 0 {
				dial(i, 0)
			}
		}
		for i := range crowd {
			dial(i+1, (i+1)%crowd+1)
			dial(i+1, (i+2)%crowd+1)
		}
		time.Sleep(time.Minute) // meshes have their degree
		settle()
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		settle()
		sent := 0
		for i, node := range nodes[1:] {
			got := node.got()
			if len(got) == 0 || got[len(got)-1].Approved == nil { // after the hint
				t.Fatalf("node %d accepted %d announcements, the last without an envelope", i+1, len(got))
			}
			if got[len(got)-1].From == nodes[0].h.ID() {
				sent++
			}
		}
		if sent != direct {
			t.Errorf("%d of %d have it from the publisher, want %d", sent, crowd, direct)
		}
	})
}

// Behind a slow uplink an envelope waits for its turn; hints do not.
func TestEnvelopeIsKeptBackWhereTheUplinkIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(1, 0), 3)
		const wait = 500 * time.Millisecond
		nodes[1].yield = func() time.Duration { return wait }
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		for i, node := range nodes[1:] {
			if !slices.Equal(node.releases(), []uint64{1}) {
				t.Fatalf("node %d accepted %v, want release 1 once", i+1, node.releases())
			}
		}
		if later := nodes[2].acceptedAt().Sub(nodes[1].acceptedAt()); later < wait || later > 2*wait {
			t.Errorf("the envelope was passed on after %v, want %v", later, wait)
		}
	})
}

// Half of the places of an envelope are of those who can do most with it, if there are so
// many; the others are anybody's, or whoever comes early to a seed could have them all.
func TestHalfOfTheFirstAreDrawnByLot(t *testing.T) {
	const limit, crowd = 8, 40
	for _, early := range []int{0, 2, limit / 2, crowd / 2} {
		drawn := map[peer.ID]int{}
		const rounds = 400
		for range rounds {
			l := &lot{limit: limit, first: map[peer.ID]bool{}}
			for i := range crowd {
				p := peer.ID(fmt.Sprint(i))
				l.first[p] = i < early
				l.AddRPC(p, "", &pubsub.RPC{})
			}
			firsts, all := 0, map[peer.ID]bool{}
			for p := range l.All() {
				all[p] = true
				if l.first[p] {
					firsts++
				}
				drawn[p]++
			}
			if len(all) != limit {
				t.Fatalf("sent to %d, want %d", len(all), limit)
			}
			if want := min(early, limit/2); firsts < want {
				t.Fatalf("%d of %d who are to be first were among the first, want %d", firsts, early, want)
			}
		}
		for i := range crowd {
			// The least of them expects one round of nine: that it is never drawn in 400 has a chance of 1e-20.
			if drawn[peer.ID(fmt.Sprint(i))] == 0 {
				t.Errorf("with %d first, peer %d was never among the first", early, i)
			}
		}
	}
}
