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
	const month, most = 30 * 24, 12.8e6 * 1.05 // bytes a month for each connection
	for _, n := range r.PerNode {
		if n.Role != roleCamera {
			continue
		}
		if n.IdlePeers != 5 {
			t.Errorf("%s has %d connections, the seed and four cameras are there", n.Name, n.IdlePeers)
			continue
		}
		if each := float64(n.IdleSent+n.IdleRecv) * month / float64(n.IdlePeers); each > most {
			t.Errorf("%s: %.1f MB a month for each connection, at most %.1f are wanted", n.Name, each/1e6, most/1e6)
		}
	}
}
