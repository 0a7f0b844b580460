package p2p

import (
	"fmt"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
)

// A list adds seeds to those of the configuration, another takes its place, and
// what it names no more is no longer kept.
func TestListedSeedsAreDialled(t *testing.T) {
	own, one, two := newNet(t, netConfig(RoleSeed)), newNet(t, netConfig(RoleSeed)), newNet(t, netConfig(RoleSeed))
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(own)
	n := newNet(t, cfg)
	n.SetListed(fullAddrs(one)) // before it runs, as a list that was kept is
	for _, x := range []*Network{own, one, two, n} {
		runNet(t, x)
	}
	kept := func(x *Network) bool {
		return linked(n, x) && n.Host().ConnManager().IsProtected(x.Host().ID(), protection)
	}
	await(t, "both seeds", func() bool { return kept(own) && kept(one) })
	n.SetListed(append(fullAddrs(two), "/ip4/192.0.2.1/tcp/4417", "nonsense"))
	await(t, "the seed of the next list", func() bool { return kept(own) && kept(two) })
	if kept(one) || n.isStatic(one.Host().ID()) {
		t.Error("the seed of the list before is still kept")
	}
	n.SetListed(nil)
	if !kept(own) || n.isStatic(two.Host().ID()) {
		t.Error("without a list there are others than those of the configuration")
	}
}

// A list that leads nowhere, or is longer than a camera's connections, leaves the
// seeds of the configuration.
func TestThreatSeedListDead(t *testing.T) {
	own := newNet(t, netConfig(RoleSeed))
	runNet(t, own)
	cfg := netConfig(RoleCamera)
	cfg.Peers = fullAddrs(own)
	n := newNet(t, cfg)
	var dead []string
	for i := range 4 * maxListed {
		dead = append(dead, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", 1+i%2, newID(t)))
	}
	n.SetListed(dead)
	runNet(t, n)
	await(t, "the configured seed", func() bool { return linked(n, own) })
	if got := len(n.statics()); got != 1+maxListed {
		t.Errorf("%d static peers", got)
	}
	if err := n.Host().Network().ClosePeer(own.Host().ID()); err != nil {
		t.Fatal(err)
	}
	await(t, "the configured seed once more", func() bool {
		return n.Host().Network().Connectedness(own.Host().ID()) == network.Connected
	})
}
