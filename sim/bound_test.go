package sim

import (
	"math"
	"math/rand/v2"
	"testing"

	"camswarm/sim/links"
)

// fleetOf makes one seed of 100 Mbit/s and cameras of 20 up and 50 down.
func fleetOf(kinds ...links.NAT) *cast {
	c := &cast{}
	add := func(role string, line links.Node) *actor {
		a := &actor{index: len(c.actors), role: role, line: line}
		c.actors = append(c.actors, a)
		c.topo.Nodes = append(c.topo.Nodes, line)
		return a
	}
	c.seeds = []*actor{add(roleSeed, links.Node{Up: 100 * mbit, Down: 100 * mbit})}
	for _, k := range kinds {
		c.cameras = append(c.cameras, add(roleCamera, links.Node{Up: 20 * mbit, Down: 50 * mbit, NAT: k}))
	}
	return c
}

// possible are all connections that NATs let come about.
func (c *cast) possible() (mesh [][2]int) {
	for a := range c.actors {
		for b := range a {
			if c.topo.Connects(a, b) {
				mesh = append(mesh, [2]int{b, a})
			}
		}
	}
	return mesh
}

func TestBoundsBehindNATs(t *testing.T) {
	const image = 12_500_000 // 100 Mbit
	same := func(kind links.NAT, n int) (out []links.NAT) {
		for range n {
			out = append(out, kind)
		}
		return out
	}
	for name, x := range map[string]struct {
		cast      *cast
		nat, mesh float64
	}{
		// Ten copies over the seed's line alone.
		"all symmetric": {fleetOf(same(links.Symmetric, 10)...), 10, 10},
		// Eleven copies over 100 and eleven times 20.
		"none": {fleetOf(same(links.NoNAT, 11)...), 11.0 / 3.2, 11.0 / 3.2},
		// The ten that are symmetric: over the seed's line and the one of the full cone.
		"one full cone": {fleetOf(append(same(links.Symmetric, 10), links.FullCone)...), 10.0 / 1.2, 10.0 / 1.2},
	} {
		if got := x.cast.natBound(image, 1); math.Abs(got-x.nat) > 0.01*x.nat {
			t.Errorf("%s: %.3f s behind NATs, not %.3f", name, got, x.nat)
		}
		if got := x.cast.meshBound(x.cast.possible(), image, 1); math.Abs(got-x.mesh) > 0.01*x.mesh {
			t.Errorf("%s: %.3f s over the mesh, not %.3f", name, got, x.mesh)
		}
	}
	star := fleetOf(same(links.NoNAT, 4)...)
	if got := star.meshBound([][2]int{{0, 1}, {0, 2}, {0, 3}, {0, 4}}, image, 1); math.Abs(got-4) > 0.01 {
		t.Errorf("four neighbours of the seed alone: %.3f s, not 4", got)
	}
	if got := star.meshBound([][2]int{{0, 1}, {0, 2}, {0, 3}}, image, 1); got != 0 {
		t.Errorf("one without a neighbour: %.3f s", got)
	}
	if got := star.meshBound([][2]int{{0, 1}, {0, 2}, {0, 3}}, image, 0.75); math.Abs(got-3) > 0.01 {
		t.Errorf("three of four: %.3f s, not 3", got)
	}
}

// Over all connections that are possible the flow is at least what the sets of kinds
// say, and hardly more: nobody uploads to itself, which is all that the sets leave out.
func TestBoundsBehindNATsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var kinds []links.NAT
		for range 30 + rng.IntN(30) {
			kinds = append(kinds, links.NAT(rng.IntN(int(links.NoUDP)+1)))
		}
		c := fleetOf(kinds...)
		for _, share := range []float64{1, 0.95} {
			sets, flow := c.natBound(6_200_000, share), c.meshBound(c.possible(), 6_200_000, share)
			if flow < sets*0.995 || flow > sets*1.1 {
				t.Errorf("%v, %g: %.4f s by sets of kinds, %.4f by flow", kinds, share, sets, flow)
			}
			if sets < c.bound(6_200_000, share) {
				t.Errorf("%v: %.4f s, below the bound without NATs", kinds, sets)
			}
		}
	}
}
