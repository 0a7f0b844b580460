package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/announce"
	"camswarm/chainwatch"
	"camswarm/gc"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// The tests of this file run a whole deployment on loopback: real chain,
// contract, gossip, bitswap and LevelDB. They wait for states, not for times.

// swarm is a deployment under test.
type swarm struct {
	*localnet.Network
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	registries map[string]*prometheus.Registry
	checks     map[string]func(verify.Release) install.Outcome
	installs   map[string][]uint64 // sequences that the installer was asked to confirm, in order
}

// patience bounds every wait; a loaded CI machine may be slow, a hang is a bug.
const patience = 2 * time.Minute

func startSwarm(t *testing.T, cameras int, configure func(member string, c *node.Config), change ...func(*localnet.Config)) *swarm {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a whole deployment; left out with -short")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	s := &swarm{t: t, ctx: ctx, registries: map[string]*prometheus.Registry{}, checks: map[string]func(verify.Release) install.Outcome{},
		installs: map[string][]uint64{}}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if os.Getenv("CAMSWARM_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	cfg := localnet.Config{Dir: t.TempDir(), Cameras: cameras, Logger: log, Configure: configure, Options: s.options}
	for _, f := range change {
		f(&cfg)
	}
	n, err := localnet.Start(ctx, cfg)
	t.Cleanup(func() {
		cancel()
		if n != nil {
			if err := n.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Network = n
	return s
}

func (s *swarm) options(m *localnet.Member) []node.Option {
	reg := prometheus.NewRegistry()
	s.mu.Lock()
	s.registries[m.Name] = reg
	s.mu.Unlock()
	opts := []node.Option{node.WithRegistry(reg)}
	if m.Config.Role == node.RoleCamera {
		opts = append(opts, node.WithInstaller(&install.FileInstaller{
			Dir: m.Slot,
			Check: func(_ context.Context, rel verify.Release) (install.Outcome, error) {
				s.mu.Lock()
				check := s.checks[m.Name]
				s.installs[m.Name] = append(s.installs[m.Name], rel.Sequence)
				s.mu.Unlock()
				if check == nil {
					return install.Confirmed, nil
				}
				return check(rel), nil
			},
		}))
	}
	return opts
}

// image writes a pseudo-random image.
func (s *swarm) image(seed uint64, size int) string {
	s.t.Helper()
	var key [32]byte
	key[0] = byte(seed)
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(key).Read(data)
	path := filepath.Join(s.t.TempDir(), fmt.Sprintf("image-%d", seed))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *swarm) build(seq uint64, size int) *localnet.Release {
	s.t.Helper()
	r, err := s.Build(s.image(seq, size), seq, fmt.Sprintf("%d.0", seq))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

var toAll = verify.Rollout{Mode: verify.RolloutAll}

// release publishes and announces a release.
func (s *swarm) release(r *localnet.Release, policy verify.Rollout) {
	s.t.Helper()
	s.must(s.Publish(s.ctx, r, policy))
	s.must(s.Announce(s.ctx, r))
}

// rollout changes a policy and hints at it.
func (s *swarm) rollout(seq uint64, policy verify.Rollout) {
	s.t.Helper()
	s.must(s.SetRollout(s.ctx, seq, policy))
	s.must(s.Announce(s.ctx, nil))
}

func (s *swarm) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// until waits for a condition.
func (s *swarm) until(what string, ok func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) || s.ctx.Err() != nil {
			for _, m := range s.Members() {
				if m.Node != nil {
					st := m.Node.Status()
					s.t.Logf("%s: %+v", m.Name, st.Products[0])
				}
			}
			s.t.Fatalf("never came: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// runs is the confirmed sequence of a camera; 0: none.
func runs(m *localnet.Member) uint64 {
	if i := m.Node.Status().Products[0].Installed; i != nil && i.Confirmed {
		return i.Sequence
	}
	return 0
}

func (s *swarm) untilAllRun(seq uint64) {
	s.t.Helper()
	s.until(fmt.Sprintf("every camera runs release %d", seq), func() bool {
		for _, c := range s.Cameras {
			if runs(c) != seq {
				return false
			}
		}
		return true
	})
}

// slotIs fails unless the slot of a camera holds exactly the release's image.
func (s *swarm) slotIs(m *localnet.Member, r *localnet.Release) {
	s.t.Helper()
	slot := install.FileInstaller{Dir: m.Slot}
	f, err := os.Open(slot.Path(s.Product.ID()))
	s.must(err)
	defer func() { _ = f.Close() }()
	info, err := verify.DescribeImage(f, 0)
	s.must(err)
	if info.SHA256 != r.Record.ImageSHA256 {
		s.t.Errorf("%s: the slot holds sha256 %x, release %d is %x", m.Name, info.SHA256, r.Record.Sequence, r.Record.ImageSHA256)
	}
}

// metric sums a counter over the label values that contain all of the words.
func (s *swarm) metric(member, name string, words ...string) float64 {
	s.t.Helper()
	s.mu.Lock()
	reg := s.registries[member]
	s.mu.Unlock()
	families, err := reg.Gather()
	s.must(err)
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for _, w := range words {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetValue() == w
				}
				if !found {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

func TestReleaseTravelsAndTheOldOneIsCollected(t *testing.T) {
	s := startSwarm(t, 3, nil)
	first, second := s.build(1, 1_000_000), s.build(2, 1_100_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	s.release(second, toAll)
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.slotIs(c, second)
		s.until(c.Name+" holds release 2 only", func() bool {
			held, err := c.Node.Releases()
			s.must(err)
			return len(held) == 1 && held[0].Sequence == 2
		})
		used, err := gc.Usage(filepath.Join(c.Config.StateDir, "releases"))
		s.must(err)
		if limit := int64(second.Record.ImageSize) + 64<<10; used > limit {
			t.Errorf("%s: releases take %d bytes of disk, more than one image and its envelope (%d)", c.Name, used, limit)
		}
	}
}

func TestRolloutGoesCanaryThenHalfThenAll(t *testing.T) {
	s := startSwarm(t, 4, nil)
	s.release(s.build(1, 300_000), toAll)
	s.untilAllRun(1)

	canary := s.Cameras[2]
	second := s.build(2, 300_000)
	s.release(second, verify.Rollout{Mode: verify.RolloutCanary, Warm: true, Canaries: [][32]byte{canary.Node.DID().Hash()}})
	s.until("the canary runs release 2", func() bool { return runs(canary) == 2 })
	s.until("the others are warm", func() bool {
		for _, c := range s.Cameras {
			if t := c.Node.Status().Products[0].Target; c != canary && (t == nil || t.State != control.StateVerified || t.Install) {
				return false
			}
		}
		return true
	})
	half := verify.Rollout{Mode: verify.RolloutPercent, Warm: true, StartBps: 5000, EndBps: 5000}
	s.rollout(2, half)
	view := verify.View{Candidates: []verify.Candidate{{Release: second.Record, Rollout: half}}}
	for _, c := range s.Cameras {
		if verify.Choose(&view, verify.Device{DID: string(c.Node.DID())}, uint64(time.Now().Unix())).Install {
			s.until(c.Name+" is in the half and runs release 2", func() bool { return runs(c) == 2 })
		} else if c != canary && runs(c) != 1 {
			t.Errorf("%s is not in the half and runs release %d", c.Name, runs(c))
		}
	}
	s.rollout(2, toAll)
	s.untilAllRun(2)
}

func TestThreatMfstTOCTOU(t *testing.T) {
	s := startSwarm(t, 2, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)

	// Fetched everywhere, eligible nowhere; then halted, then revoked.
	s.release(s.build(2, 200_000), verify.Rollout{Mode: verify.RolloutPaused, Warm: true})
	s.until("release 2 is fetched", func() bool {
		for _, c := range s.Cameras {
			if tg := c.Node.Status().Products[0].Target; tg == nil || tg.State != control.StateVerified {
				return false
			}
		}
		return true
	})
	_, err := s.Registry.SetHalted(s.ctx, s.Operator, s.Product.ID(), 2, true)
	s.must(err)
	s.rollout(2, toAll) // all, but halted
	s.until("cameras know of the halt", func() bool {
		for _, c := range s.Cameras {
			if tg := c.Node.Status().Products[0].Target; tg == nil || tg.Reason != verify.ReasonHalted {
				return false
			}
		}
		return true
	})
	_, err = s.Registry.Revoke(s.ctx, s.Manufacturer, s.Product.ID(), 2)
	s.must(err)
	_, err = s.Registry.SetHalted(s.ctx, s.Operator, s.Product.ID(), 2, false)
	s.must(err)
	s.must(s.Announce(s.ctx, nil))
	s.until("release 2 is gone everywhere", func() bool {
		for _, m := range s.Members() {
			held, err := m.Node.Releases()
			s.must(err)
			for _, h := range held {
				if h.Sequence == 2 {
					return false
				}
			}
		}
		return true
	})
	// An honest release gets through afterwards, and nobody ever ran 2.
	third := s.build(3, 200_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	for _, c := range s.Cameras {
		s.slotIs(c, third)
		s.mu.Lock()
		installs := s.installs[c.Name]
		s.mu.Unlock()
		if !slices.Equal(installs, []uint64{1, 3}) {
			t.Errorf("%s installed %v", c.Name, installs)
		}
	}
}

// rogue is a hostile peer: stock libp2p and gossipsub, connected to everybody.
func (s *swarm) rogue() (publish func(product verify.ProductID, data []byte)) {
	s.t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	s.must(err)
	s.t.Cleanup(func() { _ = h.Close() })
	for _, m := range s.Members() {
		addrs, err := m.Addrs()
		s.must(err)
		for _, a := range addrs {
			info, err := peer.AddrInfoFromP2pAddr(ma.StringCast(a))
			s.must(err)
			s.must(h.Connect(s.ctx, *info))
		}
	}
	ps, err := pubsub.NewGossipSub(s.ctx, h, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(), pubsub.WithFloodPublish(true),
		pubsub.WithMessageIdFn(func(m *pb.Message) string { return string(m.GetData()) }),
		pubsub.WithMaxMessageSize(announce.MaxAnnouncementSize),
		pubsub.WithGossipSubProtocols([]protocol.ID{announce.MeshProtocol}, func(pubsub.GossipSubFeature, protocol.ID) bool { return true }))
	s.must(err)
	topics := map[verify.ProductID]*pubsub.Topic{}
	return func(product verify.ProductID, data []byte) {
		topic := topics[product]
		if topic == nil {
			topic, err = ps.Join(announce.Topic(product))
			s.must(err)
			topics[product] = topic
			s.until("the rogue sees everybody on the topic", func() bool { return len(topic.ListPeers()) >= len(s.Members()) })
		}
		s.must(topic.Publish(s.ctx, data))
	}
}

func TestThreatArbitraryInstallation(t *testing.T) {
	s := startSwarm(t, 3, nil)
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	s.release(s.build(2, 200_000), verify.Rollout{Mode: verify.RolloutPaused})
	_, err := s.Registry.Revoke(s.ctx, s.Manufacturer, s.Product.ID(), 2)
	s.must(err)
	s.must(s.Announce(s.ctx, nil))
	s.until("everybody knows that release 2 is revoked", func() bool {
		for _, m := range s.Members() {
			st := m.Node.Status().Products[0]
			if st.Chain.Latest != 2 || len(st.Held) > 1 {
				return false
			}
		}
		return true
	})
	view, err := s.Registry.Check(s.ctx, s.Product.ID(), "")
	s.must(err)

	stranger, err := sign.Generate(verify.EdDSA)
	s.must(err)
	manifest := *s.build(3, 150_000).Manifest
	unsigned, err := localnet.Sign(&manifest, "", stranger)
	s.must(err)
	other := manifest
	other.Product.Name = "cam-9"
	wrongProduct, err := localnet.Sign(&other, "", s.Signers[:2]...)
	s.must(err)
	future := manifest
	future.Sequence = 9
	notOnChain, err := localnet.Sign(&future, "", s.Signers[:2]...)
	s.must(err)
	revokedManifest := *s.build(2, 200_000).Manifest
	revoked, err := localnet.Sign(&revokedManifest, "", s.Signers[1:]...) // not the envelope that was announced: that would be a replay
	s.must(err)

	for _, attack := range []struct {
		name    string
		release *localnet.Release
		want    []string // one of these names must be counted
	}{
		{"unsigned", unsigned, []string{verify.AttackArbitrary}},
		{"wrong product", wrongProduct, []string{verify.AttackWrongSoftware, verify.AttackMixAndMatch}},
		{"sequence not on chain", notOnChain, []string{verify.AttackBeforeChain}},
		{"right signature but revoked on chain", revoked, []string{verify.AttackRevoked}},
	} {
		before := map[string]float64{}
		for _, c := range s.Cameras {
			for _, w := range attack.want {
				before[c.Name+w] = s.metric(c.Name, "camswarm_announce_judged_total", w)
			}
		}
		a := announce.Announcement{Product: s.Product.ID(), Sequence: attack.release.Record.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: attack.release.Envelope}
		data, err := a.Encode()
		s.must(err)
		s.rogue()(s.Product.ID(), data) // another one each time: two invalid messages and a peer is not heard any more
		s.until("somebody's metrics name the attack: "+attack.name, func() bool {
			for _, c := range s.Cameras {
				for _, w := range attack.want {
					if s.metric(c.Name, "camswarm_announce_judged_total", w) > before[c.Name+w] {
						return true
					}
				}
			}
			return false
		})
	}
	// Afterwards an honest release gets through, and nothing else ever did.
	third := s.build(3, 180_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	for _, c := range s.Cameras {
		s.slotIs(c, third)
		held, err := c.Node.Releases()
		s.must(err)
		for _, h := range held {
			if h.Sequence != 3 && h.Sequence != 1 {
				t.Errorf("%s holds bytes of release %d", c.Name, h.Sequence)
			}
		}
	}
}

// gate is a chain endpoint that can be cut off.
type gate struct {
	*httptest.Server
	down atomic.Bool
}

func newGate(t *testing.T, to string) *gate {
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	g := &gate{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.down.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	g.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(g.Close)
	return g
}

func TestThreatRPCDownAll(t *testing.T) {
	var g *gate
	s := startSwarm(t, 2, func(member string, c *node.Config) {
		p := &c.Products[0].Chain
		p.Poll, p.PollJitter = 2*time.Second, 0
		if member == "camera-1" {
			g = newGate(t, p.Endpoints[0].URL)
			p.Endpoints = []chainwatch.Endpoint{{URL: g.URL, Operator: "gate"}}
		}
	})
	cut, other := s.Cameras[0], s.Cameras[1]
	first := s.build(1, 400_000)
	s.release(first, toAll)
	s.untilAllRun(1)

	g.down.Store(true)
	// Restarted without a chain, it still serves what it runs.
	s.must(cut.Stop())
	s.must(cut.Start(s.ctx))
	second := s.build(2, 400_000)
	s.release(second, toAll)
	s.until("the other camera runs release 2", func() bool { return runs(other) == 2 })
	if got := runs(cut); got != 1 {
		t.Fatalf("the camera without a chain runs release %d", got)
	}
	st := cut.Node.Status()
	if len(st.Products[0].Held) != 1 || st.Products[0].Held[0].Sequence != 1 {
		t.Errorf("without a chain the camera holds %+v, it should keep release 1 alone", st.Products[0].Held)
	}
	s.until("its status says that there is no quorum", func() bool {
		st := cut.Node.Status()
		return st.Products[0].Chain.Quorum != "ok" && len(st.Alarms) > 0
	})
	if !s.serves(cut, first) {
		t.Error("the camera without a chain does not serve its release")
	}

	g.down.Store(false)
	s.until("the camera catches up", func() bool { return runs(cut) == 2 })
	s.slotIs(cut, second)
}

// serves asks a camera for the first block of a release over stock bitswap.
func (s *swarm) serves(m *localnet.Member, r *localnet.Release) bool {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	_, err := bitswapGet(ctx, s.t, m, verify.RawCID(r.Manifest.Image.Blocks[0]))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.t.Logf("bitswap: %v", err)
	}
	return err == nil
}

func TestRestartMidFetchResumes(t *testing.T) {
	const size = 2 << 20
	s := startSwarm(t, 1, func(member string, c *node.Config) {
		if member == "seed" {
			c.Exchange.UploadLimit = 512 << 10
		}
	})
	camera := s.Cameras[0]
	r := s.build(1, size)
	s.release(r, toAll)
	s.until("a quarter has arrived", func() bool {
		tg := camera.Node.Status().Products[0].Target
		return tg != nil && tg.Progress != nil && tg.Progress.Bytes > size/4
	})
	s.must(camera.Stop())
	s.must(camera.Start(s.ctx))
	s.untilAllRun(1)
	s.slotIs(camera, r)
	if got := camera.Node.Traffic().Total.Received; got > size*4/5 {
		t.Errorf("after the restart the camera received %d bytes of %d; what it had was fetched again", got, size)
	}

	// The seed, restarted, still has the release without being given it again.
	s.must(s.Seed.Stop())
	s.must(s.Seed.Start(s.ctx))
	if held, err := s.Seed.Node.Releases(); err != nil || len(held) != 1 || held[0].State != control.StateVerified {
		t.Errorf("the restarted seed holds %+v, %v", held, err)
	}
}

func TestReleaseThatDoesNotComeUpIsRolledBack(t *testing.T) {
	s := startSwarm(t, 2, nil)
	first := s.build(1, 200_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	weak := s.Cameras[0]
	s.mu.Lock()
	s.checks[weak.Name] = func(rel verify.Release) install.Outcome {
		if rel.Sequence == 2 {
			return install.Failed
		}
		return install.Confirmed
	}
	s.mu.Unlock()
	second := s.build(2, 200_000)
	s.release(second, toAll)
	s.until("the other camera runs release 2", func() bool { return runs(s.Cameras[1]) == 2 })
	s.until("the weak camera is back on release 1", func() bool {
		return runs(weak) == 1 && len(weak.Node.Status().Alarms) > 0
	})
	s.slotIs(weak, first)
	third := s.build(3, 200_000)
	s.release(third, toAll)
	s.untilAllRun(3)
	s.slotIs(weak, third)
}

func TestThreatWrongSoftwareInstallation(t *testing.T) {
	s := startSwarm(t, 2, func(member string, c *node.Config) {
		c.Products[0].Hardware = "rev-a"
		if member == "camera-2" {
			c.Products[0].Hardware = "rev-b"
		}
	})
	s.release(s.build(1, 200_000), toAll)
	s.untilAllRun(1)
	m := *s.build(2, 200_000).Manifest
	m.Hardware = []string{"rev-b"}
	second, err := localnet.Sign(&m, s.image(2, 200_000), s.Signers[:2]...)
	s.must(err)
	s.release(second, toAll)
	s.until("rev-b runs release 2", func() bool { return runs(s.Cameras[1]) == 2 })
	s.until("rev-a refuses it by name", func() bool {
		return s.metric("camera-1", "camswarm_pipeline_refusals_total", verify.AttackWrongSoftware) > 0
	})
	if held, err := s.Cameras[0].Node.Releases(); err != nil || len(held) != 1 || held[0].Sequence != 1 {
		t.Errorf("rev-a holds %+v, %v", held, err)
	}
}

func TestStateDirectoryIsForOneProcess(t *testing.T) {
	s := startSwarm(t, 1, nil)
	_, err := node.New(s.Cameras[0].Config)
	if !errors.Is(err, node.ErrLocked) || !strings.Contains(err.Error(), "state_dir") {
		t.Errorf("a second node on the same state directory: %v", err)
	}
}
