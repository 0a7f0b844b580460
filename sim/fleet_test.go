package sim

import (
	"testing"

	"camswarm/sim/baseline"
	"camswarm/sim/fleet"
)

// TestFleetsFollowTheirScenarios holds a fleet to what a run of the scenario has.
func TestFleetsFollowTheirScenarios(t *testing.T) {
	for _, info := range Scenarios() {
		s, err := Load(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{7, s.Nodes, 100_003} {
			f := s.Fleet(n, FleetOptions{S3Egress: 1e9})
			if err := f.Validate(); err != nil {
				t.Errorf("%s, %d: %v", s.Name, n, err)
			}
			if got := f.Cameras(); got != n {
				t.Errorf("%s: %d cameras of %d", s.Name, got, n)
			}
			if want := s.Seeds.Count; want > 0 && f.Seeds() != want || want == 0 && f.Seeds() != len(f.Regions) {
				t.Errorf("%s: %d seeds", s.Name, f.Seeds())
			}
		}
	}
	d, o := baseline.DefaultConfig(), fleet.DefaultOrigin()
	if o.Capped != d.CappedEgress || o.FirstByte != d.FirstByte || o.EdgeFirstByte != d.EdgeFirstByte {
		t.Errorf("the model's origins are %+v, those of the baselines %+v", o, d)
	}
}
