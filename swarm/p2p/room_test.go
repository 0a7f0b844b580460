package p2p_test

import (
	"testing"
	"time"

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
