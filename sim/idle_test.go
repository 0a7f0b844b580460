package sim

import (
	"context"
	"testing"
	"time"
)

// Nothing that a node does by itself may begin to cost more while nothing happens:
// keep-alives, gossip, rendezvous, identify. The bound is 5 % above what came out;
// docs/FOOTPRINT.md has the figures of a larger fleet.
func TestIdleTrafficStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("an hour of real QUIC")
	}
	s, err := Load("idle")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Seeds.Count, s.NAT.Share, s.Idle = 5, 1, 0, time.Hour
	r, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const month, each, most = 30 * 24, 13.5e6 * 1.05, 60e6 // bytes a month, for each connection and for all
	for _, n := range r.PerNode {
		if n.Role != roleCamera {
			continue
		}
		if n.IdlePeers < 3 || n.IdlePeers > 4 {
			t.Errorf("%s has %d connections while it is idle, not 3 or 4", n.Name, n.IdlePeers)
			continue
		}
		all := float64(n.IdleSent+n.IdleRecv) * month
		t.Logf("%s: %d connections, %.1f MB a month", n.Name, n.IdlePeers, all/1e6)
		if all > most || all > each*float64(n.IdlePeers) {
			t.Errorf("%s: %.1f MB a month for %d connections, at most %.1f each and %.1f together are wanted", n.Name, all/1e6, n.IdlePeers, each/1e6, most/1e6)
		}
	}
}
