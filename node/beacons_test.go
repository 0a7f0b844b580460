package node_test

import (
	"encoding/json"
	"testing"

	"camswarm/announce/beacon"
	"camswarm/node"
	"camswarm/node/install"
	"camswarm/verify"
)

// counted is what the seed counts, as those see it who ask for it.
func (s *swarm) counted() beacon.Report {
	s.t.Helper()
	statement, err := s.Seed.Node.Fleet()
	s.must(err)
	data, err := json.Marshal(statement)
	s.must(err)
	f, err := beacon.OpenStatement(data)
	s.must(err)
	if f.Seed != s.Seed.Node.Host().ID().String() || len(f.Reports) != 1 || f.Reports[0].Name != s.Product.String() {
		s.t.Fatalf("the seed's statement is %+v", f)
	}
	return f.Reports[0]
}

// A seed counts what became of a release on the cameras whose owners agreed, and on no
// others; a camera that rolled back says so.
func TestASeedCountsTheCamerasThatTell(t *testing.T) {
	s := startSwarm(t, 4, func(member string, c *node.Config) {
		c.Beacons.Spread, c.Beacons.MinGroup = 0, 2
		c.Beacons.Tell = c.Role == node.RoleCamera && member != "camera-4"
		if member == "camera-1" {
			c.Products[0].Label = "early"
		}
	})
	s.release(s.build(1, 100_000), toAll)
	s.untilAllRun(1)
	s.until("three cameras tell that they run release 1", func() bool {
		c := s.counted().Of(1)
		return c.States[beacon.StateConfirmed] == 3 && c.Running == 3
	})
	for _, m := range s.Cameras[:3] {
		if !node.Keeps(m.Node, s.Seed.Node.Host().ID()) {
			t.Errorf("%s, when idle, would hang up on the seed that it tells, and tell another", m.Name)
		}
	}
	for _, row := range s.counted().Rows {
		if row.Label == "early" || row.Label == "" && row.Cameras < 2 {
			t.Errorf("%+v is named, with two cameras at least", row)
		}
	}
	weak := s.Cameras[0]
	s.mu.Lock()
	s.checks[weak.Name] = func(rel verify.Release) install.Outcome {
		if rel.Sequence == 2 {
			return install.Failed
		}
		return install.Confirmed
	}
	s.mu.Unlock()
	s.release(s.build(2, 100_000), toAll)
	s.until("two run release 2 and one is back on release 1", func() bool {
		r := s.counted()
		c := r.Of(2)
		return r.Cameras == 3 && c.States[beacon.StateConfirmed] == 2 && c.States[beacon.StateRolledBack] == 1 && r.Of(1).Running == 1
	})
	if runs(s.Cameras[3]) == 2 && s.counted().Cameras != 3 {
		t.Errorf("who tells nothing is counted: %+v", s.counted())
	}
}
