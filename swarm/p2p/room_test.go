package p2p_test

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/sim/links"
	"camswarm/swarm/p2p"
)

// A camera learns from its seed whether it can be dialled, in a simulated network as on
// a device.
func TestSeedTellsWhoCanBeDialled(t *testing.T) {
	kinds := []links.NAT{links.NoNAT, links.NoNAT, links.FullCone, links.PortRestricted, links.Symmetric}
	inFleetBehind(t, kinds, func(f *fleet) {
		seed := f.start(seedFor(32))
		for range kinds[1:] {
			f.start(p2p.DefaultConfig(), seed)
		}
		time.Sleep(5 * time.Minute)
		for i, want := range []string{p2p.ReachableYes, p2p.ReachableYes, p2p.ReachableNo, p2p.ReachableNo} {
			if got := f.all[i+1].Status().Reach; got.Reachable != want {
				f.t.Errorf("behind %v: %+v", kinds[i+1], got)
			}
		}
	})
}

// A camera that can be dialled has a place for one behind a symmetric NAT, however many
// came before whom others reach too.
func TestAPlaceIsKeptForThoseWhoReachFewOthers(t *testing.T) {
	const easy = 14
	kinds := append([]links.NAT{links.NoNAT, links.NoNAT, links.Symmetric}, slices.Repeat([]links.NAT{links.PortRestricted}, easy)...)
	inFleetBehind(t, append(kinds, links.Symmetric), func(f *fleet) {
		seed := f.start(seedFor(64))
		for range kinds[1:] {
			f.start(p2p.DefaultConfig(), seed)
		}
		dialled, first := f.all[1], f.all[2]
		time.Sleep(5 * time.Minute) // they know what they are, and that they are seen
		to := peer.AddrInfo{ID: dialled.Host().ID(), Addrs: dialled.Host().Addrs()}
		for range 3 {
			for _, n := range f.all[3:] {
				_ = n.Host().Connect(f.ctx, to) // those without a place are refused
			}
			time.Sleep(time.Second)
		}
		without := slices.DeleteFunc(slices.Clone(f.all[3:]), func(n *p2p.Network) bool { return joined(n, dialled) })
		if len(without) == 0 {
			t.Error("there is room for everybody: the test shows nothing")
		}
		late := f.start(p2p.DefaultConfig(), seed)
		err := late.Host().Connect(f.ctx, to)
		time.Sleep(5 * time.Second)
		if err != nil || !joined(late, dialled) || !joined(first, dialled) {
			t.Errorf("behind symmetric NATs the first is connected: %v, the last: %v, %v", joined(first, dialled), joined(late, dialled), err)
		}
	})
}

// Behind NATs cameras that were idle have their neighbours soon after a fetch began: no
// hole waits for a dial that cannot succeed. The seed is left with no appointments.
func TestNeighboursBehindNATsAreGatheredSoon(t *testing.T) {
	const cameras = 18
	kinds := append([]links.NAT{links.NoNAT}, slices.Repeat([]links.NAT{links.PortRestricted}, cameras)...)
	inFleetBehind(t, kinds, func(f *fleet) {
		seed := f.start(seedFor(128))
		for range cameras {
			f.start(p2p.DefaultConfig(), seed)
		}
		time.Sleep(time.Hour)
		for _, n := range f.all[1:] {
			n.Fetching(true)
		}
		time.Sleep(2 * time.Second)
		direct := 0
		for _, n := range f.all[1:] {
			for _, c := range n.Host().Network().Conns() {
				if !c.Stat().Limited {
					direct++
				}
			}
		}
		if direct < cameras*17/2 { // ten are sought
			t.Errorf("two seconds after a fetch began cameras have %.1f neighbours on average", float64(direct)/cameras)
		}
		time.Sleep(10 * time.Second)
		if r := seed.Status().Relay; r == nil || r.Appointments > 0 || r.Kept == 0 {
			t.Errorf("the seed's relay: %+v", r)
		}
	})
}
