package sim

import (
	"context"
	"testing"
	"time"
)

// A witness has a node in every region, so that no camera anywhere has to look at the
// chain before it fetches.
func TestWitnessesSpeakForEveryRegion(t *testing.T) {
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Witnesses, s.Links, s.ImageBytes, s.WarmUp, s.Limit = 4, 3, "fast", 64<<10, 30*time.Second, time.Minute
	s.Latency.Regions, s.Seeds.Count = []string{"far", "near"}, 2
	s.Chain.RTTMin, s.Chain.RTTMax = time.Second, time.Second
	rep, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	regions := map[string]bool{}
	for _, n := range rep.PerNode {
		if n.Role != roleCamera {
			continue
		}
		regions[n.Region] = true
		if n.Announced < 0 || n.Announced >= 1 {
			t.Errorf("%s in %s accepted the announcement after %.2f s; a look takes three", n.Name, n.Region, n.Announced)
		}
	}
	if len(regions) != 2 || rep.Unfinished > 0 {
		t.Errorf("cameras of %v, %d of them unfinished", regions, rep.Unfinished)
	}
}
