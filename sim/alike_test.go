package sim

import (
	"math"
	"testing"

	"camswarm/sim/links"
)

func TestUplinksSharedAlike(t *testing.T) {
	const image = 12_500_000 // 100 Mbit
	for name, x := range map[string]struct {
		mesh [][2]int // the seed of 100 Mbit/s is 0, cameras have 20 up and 50 down
		want []float64
	}{
		"the seed's downlink is the camera's":      {[][2]int{{0, 1}}, []float64{2, math.Inf(1), math.Inf(1)}},
		"one has the seed, one that one":           {[][2]int{{0, 1}, {1, 2}}, []float64{2, 5, math.Inf(1)}},
		"two of the seed, the third of one's rest": {[][2]int{{0, 1}, {0, 2}, {1, 3}}, []float64{2, 2, 5}},
		// 33.3 and 10 and 10 each, all three.
		"all of all":           {[][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}, []float64{2, 2, 2}},
		"one's uplink for two": {[][2]int{{0, 1}, {1, 2}, {1, 3}}, []float64{2, 10, 10}},
		// Cameras 1 and 2 are full with 33.3 of the seed and 20 of each other. One takes
		// 33.3·50/53.3 of the seed, the other 34.4·50/54.4 of what is left; the third
		// gets the rest, 37.1, for 2 s, and then all that it can take.
		"full downlinks": {[][2]int{{0, 1}, {0, 2}, {0, 3}, {1, 2}}, []float64{2, 2, 2 + (100-2*37.1408)/50}},
	} {
		got := fleetOf(links.NoNAT, links.NoNAT, links.NoNAT).alike(x.mesh, image)
		for i, want := range x.want {
			if got[i] != want && math.Abs(got[i]-want) > 1e-4 {
				t.Errorf("%s: %v, not %v", name, got, x.want)
				break
			}
		}
	}
	c := fleetOf(links.NoNAT)
	c.origin = 1
	if got := c.alike(nil, image); got != nil {
		t.Errorf("with an origin %v", got)
	}
}

// No scheme that shares alike beats the flow over the same connections.
func TestSharedAlikeIsNoFasterThanTheFlow(t *testing.T) {
	kinds := []links.NAT{links.NoNAT, links.Symmetric, links.Symmetric, links.PortRestricted, links.FullCone, links.Symmetric, links.PortRestricted}
	c := fleetOf(kinds...)
	last := 0.0
	for _, at := range c.alike(c.possible(), 6_200_000) {
		last = max(last, at)
	}
	if flow := c.meshBound(c.possible(), 6_200_000, 1); last < flow*0.998 {
		t.Errorf("%.3f s alike, %.3f by flow", last, flow)
	}
}
