package node_test

import (
	"slices"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/sim/localnet"
	"camswarm/verify"
)

// placed is a host that a list may name.
func (s *swarm) placed() (h host.Host, addr string) {
	s.t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay())
	s.must(err)
	s.t.Cleanup(func() { _ = h.Close() })
	full, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()})
	s.must(err)
	return h, full[0].String()
}

// naming is a release like another that names seeds.
func (s *swarm) naming(r *localnet.Release, seeds ...verify.Seed) *localnet.Release {
	s.t.Helper()
	return s.changed(r, func(m *verify.Manifest) { m.Seeds = seeds })
}

func meets(m *localnet.Member, h host.Host) bool {
	return m.Node.Host().Network().Connectedness(h.ID()) == network.Connected
}

func listOf(m *localnet.Member) uint64 {
	if l := m.Node.Status().Products[0].Seeds; l != nil {
		return l.Release
	}
	return 0
}

// A camera stays connected to the seeds of its region that the newest release
// names, before it may install that release and over restarts; an older release's
// do not come back, and when all of them are dead there are those of the
// configuration.
func TestThreatSeedListReplayed(t *testing.T) {
	s := startSwarm(t, 1, nil)
	cam := s.Cameras[0]
	one, oneAddr := s.placed()
	two, twoAddr := s.placed()
	far, farAddr := s.placed()
	first := s.naming(s.build(1, 100_000), verify.Seed{Region: "lab", Addr: oneAddr}, verify.Seed{Region: "elsewhere", Addr: farAddr})
	s.release(first, warm)
	s.until("the seed that release 1 names", func() bool { return meets(cam, one) && listOf(cam) == 1 })
	if runs(cam) != 0 || meets(cam, far) {
		t.Errorf("the camera runs release %d; is it connected to another region's seed: %v", runs(cam), meets(cam, far))
	}
	s.must(cam.Stop())
	s.must(cam.Start(s.ctx))
	s.until("the same after a restart", func() bool { return meets(cam, one) })

	second := s.naming(s.build(2, 100_000), verify.Seed{Addr: twoAddr})
	s.release(second, warm)
	s.until("the seed that release 2 names", func() bool { return meets(cam, two) && listOf(cam) == 2 })
	// Release 1 is offered again: to install, and by whoever replays it.
	_, err := s.Registry.Revoke(s.ctx, s.Manufacturer, s.Product.ID(), 2)
	s.must(err)
	s.rollout(1, toAll)
	s.shout(first)
	s.until("release 1", func() bool { return runs(cam) == 1 })
	if l := cam.Node.Status().Products[0].Seeds; l.Release != 2 || !slices.Equal(l.Addrs, []string{twoAddr}) {
		t.Errorf("the list is %+v", l)
	}

	// Nobody lives at what release 3 names.
	s.must(two.Close())
	s.must(one.Close())
	third := s.naming(s.build(3, 100_000), verify.Seed{Addr: twoAddr}, verify.Seed{Addr: oneAddr})
	s.release(third, warm)
	s.until("the list of release 3", func() bool { return listOf(cam) == 3 })
	s.must(cam.Stop())
	s.must(cam.Start(s.ctx))
	s.release(s.build(4, 100_000), toAll)
	s.until("release 4, from the configured seed", func() bool { return runs(cam) == 4 })
	if listOf(cam) != 3 {
		t.Errorf("a release that names no seeds has changed the list to that of %d", listOf(cam))
	}
}

// Whatever is signed by fewer than the threshold, or is signed and was never
// published, names no seeds.
func TestThreatSeedListForged(t *testing.T) {
	s := startSwarm(t, 1, nil)
	cam := s.Cameras[0]
	evil, addr := s.placed()
	naming := func(r *localnet.Release) *verify.Manifest {
		m := *r.Manifest
		m.Seeds = []verify.Seed{{Addr: addr}}
		return &m
	}
	s.release(s.build(1, 100_000), toAll)
	s.untilAllRun(1)
	image := s.build(2, 100_000)
	lonely, err := localnet.Sign(naming(image), image.Path, s.Signers[0])
	s.must(err)
	s.untilNamed("camswarm_announce_judged_total", verify.AttackKeyCompromise, func() { s.shout(lonely) })
	leaked, err := localnet.Sign(naming(image), image.Path, s.Signers[:2]...)
	s.must(err)
	s.shout(leaked) // held until the chain lists it, which it never does
	// Listed by a stolen account, it still lacks signatures.
	s.onChain(lonely)
	s.look()
	s.shout(lonely)
	s.release(s.build(3, 100_000), toAll)
	s.untilAllRun(3)
	if listOf(cam) != 0 || meets(cam, evil) {
		t.Errorf("the list of release %d is used, connected: %v", listOf(cam), meets(cam, evil))
	}
}
