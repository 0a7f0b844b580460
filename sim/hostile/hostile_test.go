package hostile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/announce"
	"camswarm/sim/links"
	"camswarm/swarm"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// A stage has a seed (node 0), two cameras and two hostile peers (3 and 4), with
// the real exchange on the honest ones, which know each other.
type stage struct {
	*testing.T
	net      links.Network
	manifest *verify.Manifest
	image    []byte
	dir      string
	hosts    []host.Host
	topics   []*pubsub.Topic
	ex       []*swarm.Exchange
	mu       sync.Mutex
	accused  []peer.ID
	heard    atomic.Int64
}

func onStage(t *testing.T, f func(s *stage)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		// QUIC's certificates want a clock of today.
		time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
		topo := &links.Topology{Delay: func(int, int) time.Duration { return 20 * time.Millisecond }}
		for range 5 {
			topo.Nodes = append(topo.Nodes, links.Node{Up: 20e6, Down: 50e6})
		}
		net, err := links.NewFast(topo)
		if err != nil {
			t.Fatal(err)
		}
		defer net.Close()
		s := &stage{T: t, net: net, dir: dir, image: make([]byte, 1_000_000)}
		rng := rand.NewChaCha8([32]byte{1})
		_, _ = rng.Read(s.image)
		info, err := verify.DescribeImage(bytes.NewReader(s.image), verify.DefaultBlockSize)
		if err != nil {
			t.Fatal(err)
		}
		s.manifest = &verify.Manifest{Image: info}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		for i := range 3 {
			s.honest(ctx, &running, i)
		}
		defer func() {
			cancel()
			running.Wait()
			for _, h := range s.hosts {
				_ = h.Close()
			}
		}()
		for i := 1; i < 3; i++ {
			if err := s.hosts[i].Connect(ctx, peer.AddrInfo{ID: s.hosts[0].ID(), Addrs: s.hosts[0].Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
		f(s)
	})
}

func (s *stage) honest(ctx context.Context, running *sync.WaitGroup, i int) {
	h, err := links.Host(s.net, i, nil)
	if err != nil {
		s.Fatal(err)
	}
	x, err := swarm.NewExchange(h, swarm.DefaultExchangeConfig(), swarm.ExchangeOptions{Misbehaved: func(p peer.ID, err error) {
		if !errors.Is(err, swarm.ErrWrongBytes) && !errors.Is(err, swarm.ErrWantFlood) {
			s.Errorf("accused of %v", err)
		}
		s.mu.Lock()
		s.accused = append(s.accused, p)
		s.mu.Unlock()
		go func() { _ = h.Network().ClosePeer(p) }()
	}})
	if err != nil {
		s.Fatal(err)
	}
	running.Go(func() {
		if err := x.Run(ctx); err != nil {
			s.Error(err)
		}
	})
	s.hosts, s.ex = append(s.hosts, h), append(s.ex, x)

	ps, err := pubsub.NewGossipSub(ctx, h, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(func(m *pubsubpb.Message) string { return string(m.GetData()) }),
		pubsub.WithGossipSubProtocols([]protocol.ID{announce.MeshProtocol}, pubsub.GossipSubDefaultFeatures))
	if err != nil {
		s.Fatal(err)
	}
	topic := announce.Topic(s.product())
	if err := ps.RegisterTopicValidator(topic, func(context.Context, peer.ID, *pubsub.Message) bool { s.heard.Add(1); return true }); err != nil {
		s.Fatal(err)
	}
	joined, err := ps.Join(topic)
	if err == nil {
		_, err = joined.Relay()
	}
	s.topics = append(s.topics, joined)
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) product() verify.ProductID { return verify.ProductID{1} }

// hostile starts both hostile peers and returns them; they know the release.
func (s *stage) hostile(b Behaviour, configure func(*Config)) (out []*Peer) {
	for i := 3; i < 5; i++ {
		cfg := Config{
			Behaviour: b, Product: s.product(), Eclipse: 2,
			Host:      func(opts ...libp2p.Option) (host.Host, error) { return links.Host(s.net, i, nil, opts...) },
			Manifests: []*verify.Manifest{s.manifest},
			Rand:      rand.New(rand.NewPCG(1, uint64(i))),
		}
		for _, h := range s.hosts[1:] {
			cfg.Victims = append(cfg.Victims, peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()})
		}
		if configure != nil {
			configure(&cfg)
		}
		p, err := Start(context.Background(), cfg)
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func closeAll(t *testing.T, peers []*Peer) (sum Stats) {
	t.Helper()
	for _, p := range peers {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		sum = sum.Plus(p.Stats())
	}
	return sum
}

// fetch has the cameras fetch the image and checks that they got it.
func (s *stage) fetch(limit time.Duration) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var w sync.WaitGroup
	for i, x := range s.ex {
		path := filepath.Join(s.dir, string(rune('a'+i)))
		if i == 0 {
			if err := os.WriteFile(path, s.image, 0o600); err != nil {
				s.Fatal(err)
			}
		}
		info := s.manifest.Image
		if err := x.Add(filestore.File{Root: info.Root, Size: int64(info.Size), BlockSize: int(info.BlockSize), Blocks: info.Blocks, Path: path}); err != nil {
			s.Fatal(err)
		}
		if i > 0 {
			w.Go(func() {
				if err := x.Fetch(ctx, info.Root, swarm.Origins{}); err != nil {
					s.Errorf("camera %d: %v", i, err)
					return
				}
				got, err := os.ReadFile(path)
				if err != nil || sha256.Sum256(got) != info.SHA256 {
					s.Errorf("camera %d has other bytes, %v", i, err)
				}
			})
		}
	}
	w.Wait()
}

func TestHonestCamerasFinishUnderEachBehaviour(t *testing.T) {
	for _, b := range Behaviours() {
		t.Run(string(b), func(t *testing.T) {
			onStage(t, func(s *stage) {
				bad := s.hostile(b, func(c *Config) { c.Image = func(cid.Cid) []byte { return s.image } })
				time.Sleep(10 * time.Second)
				news, err := (&announce.Announcement{Product: s.product(), Rev: 1}).Encode()
				if err == nil {
					err = s.topics[0].Publish(context.Background(), news)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.fetch(2 * time.Minute)
				time.Sleep(10 * time.Second)
				ids := []peer.ID{bad[0].ID(), bad[1].ID()}
				got := closeAll(t, bad)
				t.Log(got)
				tried := map[Behaviour]int64{
					Poisoner: got.Wrong, Staller: got.Wants, Trickler: got.Genuine, Liar: got.Refusals, Flooder: got.Asked, Replayer: got.Gossiped, Parrot: got.Gossiped,
				}
				if tried[b] == 0 {
					t.Errorf("nothing was tried: %v", got)
				}
				guilty := b == Poisoner || b == Flooder
				for _, p := range s.accused {
					if !guilty || !slices.Contains(ids, p) {
						t.Errorf("%s is accused", p)
					}
				}
				if guilty && len(s.accused) == 0 {
					t.Error("nobody noticed the wrong bytes, or the flood")
				}
				if b.gossips() && s.heard.Load() == 0 {
					t.Error("what it replayed reached nobody")
				}
			})
		})
	}
}

// A peer that knows nothing of a release learns of the file from those who
// fetch it, and has only made-up bytes.
func TestAPoisonerLearnsFilesFromPossessionMessages(t *testing.T) {
	onStage(t, func(s *stage) {
		bad := s.hostile(Poisoner, func(c *Config) { c.Manifests = nil })
		time.Sleep(5 * time.Second)
		s.fetch(2 * time.Minute)
		got := closeAll(t, bad)
		if got.Claims == 0 || got.Wrong == 0 || len(s.accused) == 0 {
			t.Errorf("%v; %d accused", got, len(s.accused))
		}
	})
}

func TestASlotIsTakenAgainAfterAHangUpAndHeldSeveralTimes(t *testing.T) {
	onStage(t, func(s *stage) {
		bad := s.hostile(Staller, func(c *Config) { c.Connections = 3 })
		defer closeAll(t, bad)
		time.Sleep(10 * time.Second)
		count := func() int { return len(s.hosts[1].Network().ConnsToPeer(bad[0].ID())) }
		if count() != 3 {
			t.Fatalf("%d connections", count())
		}
		if err := s.hosts[1].Network().ClosePeer(bad[0].ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second / 2)
		if n := s.hosts[1].Network().Connectedness(bad[0].ID()); n == network.Connected {
			t.Fatal("still connected")
		}
		time.Sleep(15 * time.Second)
		if count() != 3 {
			t.Errorf("%d connections after a hang-up", count())
		}
	})
}

func TestConfigsThatCannotWorkAreRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"behaviour": {Behaviour: "kind"},
		"host":      {Behaviour: Liar},
	} {
		if _, err := Start(context.Background(), c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
