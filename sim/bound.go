package sim

import (
	"math"
	"slices"

	"camswarm/sim/links"
)

// bound is the least time in seconds in which any scheme fed by these seeds could
// bring the image to a share of the cameras, those with the fastest downlinks: the
// image in bits over the seeds' uplink, the slowest downlink among them, and their
// copies over all uplinks together, those of the other cameras too. Cameras of a
// site get the image through its line once at least, and upload to others through
// it.
func (c *cast) bound(imageBytes int64, share float64) float64 {
	bits := float64(imageBytes) * 8
	seedUp := c.given()
	up := seedUp
	var downs []float64
	for _, a := range c.cameras {
		up += a.line.Up
		downs = append(downs, c.down(a))
	}
	slices.Sort(downs)
	served := c.served(share)
	slowest := downs[len(downs)-served]
	return max(bits/seedUp, bits/slowest, float64(served)*bits/up)
}

// given is at how many bits a second those who have the image from the start can send
// it: the seeds, and an origin.
func (c *cast) given() (up float64) {
	for _, a := range c.seeds {
		up += a.line.Up
	}
	if c.origin > 0 {
		if egress := c.topo.Nodes[c.origin].Up; egress > 0 {
			return up + egress
		}
		return math.Inf(1)
	}
	return up
}

// served is how many cameras are a share of them.
func (c *cast) served(share float64) int {
	n := len(c.cameras)
	return min(int(math.Ceil(share*float64(n)-1e-9)), n)
}

// down is at how many bits a second a camera can receive.
func (c *cast) down(a *actor) float64 {
	if n := a.line.Site; n > 0 {
		return min(a.line.Down, c.topo.Sites[n-1].Down)
	}
	return a.line.Down
}

// natBound is bound with regard to who can be connected with whom: for each set of
// kinds of NAT, the copies that cameras behind them need at least, over the uplinks
// of all who can be connected with one of them. 0 with sites, whose cameras reach one
// another whatever they are behind.
func (c *cast) natBound(imageBytes int64, share float64) float64 {
	if len(c.topo.Sites) > 0 {
		return 0
	}
	const kinds = int(links.NoUDP) + 1
	var count [kinds]int
	var up [kinds]float64
	seedUp := c.given()
	for _, a := range c.cameras {
		count[a.line.NAT]++
		up[a.line.NAT] += a.line.Up
	}
	least := c.bound(imageBytes, share)
	pair := links.Topology{Nodes: make([]links.Node, 2)}
	for set := 1; set < 1<<kinds; set++ {
		copies, from := c.served(share), seedUp
		for k := range kinds {
			if set>>k&1 == 0 {
				copies -= count[k]
			}
			for o := range kinds {
				pair.Nodes[0].NAT, pair.Nodes[1].NAT = links.NAT(k), links.NAT(o)
				if set>>o&1 == 1 && pair.Connects(0, 1) {
					from += up[k]
					break
				}
			}
		}
		least = max(least, float64(copies)*float64(imageBytes)*8/from)
	}
	return least
}

// meshBound is the least time in seconds in which the connections of a mesh could
// carry the image to a share of the cameras, if they were all there is: the time in
// which the uplinks of their neighbours amount to their copies. It is found by maximum
// flow, from uplinks over connections to cameras. 0 with an origin, which everybody
// reaches.
func (c *cast) meshBound(mesh [][2]int, imageBytes int64, share float64) float64 {
	if c.origin > 0 {
		return 0
	}
	bits, served := float64(imageBytes)*8, float64(c.served(share))
	n := len(c.actors)
	source, sink := 2*n, 2*n+1
	uplink := func(a *actor) float64 {
		if a.honest() {
			return a.line.Up
		}
		return 0
	}
	carried := func(t float64) float64 {
		g := newGraph(2*n + 2)
		for _, a := range c.actors {
			g.edge(source, a.index, uplink(a)*t/bits)
		}
		for _, a := range c.cameras {
			g.edge(n+a.index, sink, min(1, c.down(a)*t/bits))
		}
		for _, pair := range mesh {
			g.edge(pair[0], n+pair[1], math.Inf(1))
			g.edge(pair[1], n+pair[0], math.Inf(1))
		}
		return g.maxFlow(source, sink)
	}
	low, high := 0.0, day
	if carried(high) < served-1e-6 {
		return 0 // some have no neighbour
	}
	for high-low > 1e-3*high {
		if mid := (low + high) / 2; carried(mid) < served-1e-6 {
			low = mid
		} else {
			high = mid
		}
	}
	return max(high, c.bound(imageBytes, share))
}

// day bounds what is looked for, in seconds.
const day = 86400.0

// graph is a flow network, for Dinic's algorithm.
type graph struct {
	to    []int
	left  []float64 // capacity that is left; the edge back is at the index with the last bit turned
	edges [][]int   // by node: indices
	level []int
	next  []int
}

func newGraph(nodes int) *graph {
	return &graph{edges: make([][]int, nodes), level: make([]int, nodes), next: make([]int, nodes)}
}

func (g *graph) edge(from, to int, capacity float64) {
	g.edges[from] = append(g.edges[from], len(g.to))
	g.edges[to] = append(g.edges[to], len(g.to)+1)
	g.to, g.left = append(g.to, to, from), append(g.left, capacity, 0)
}

// epsilon is a flow that is none.
const epsilon = 1e-9

func (g *graph) maxFlow(source, sink int) (sum float64) {
	for g.layers(source, sink) {
		clear(g.next)
		for {
			f := g.push(source, sink, math.Inf(1))
			if f < epsilon {
				break
			}
			sum += f
		}
	}
	return sum
}

// layers finds how far each node is from the source.
func (g *graph) layers(source, sink int) bool {
	for i := range g.level {
		g.level[i] = -1
	}
	g.level[source] = 0
	queue := []int{source}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, e := range g.edges[u] {
			if v := g.to[e]; g.left[e] > epsilon && g.level[v] < 0 {
				g.level[v] = g.level[u] + 1
				queue = append(queue, v)
			}
		}
	}
	return g.level[sink] >= 0
}

func (g *graph) push(u, sink int, most float64) float64 {
	if u == sink {
		return most
	}
	for ; g.next[u] < len(g.edges[u]); g.next[u]++ {
		e := g.edges[u][g.next[u]]
		if v := g.to[e]; g.left[e] > epsilon && g.level[v] == g.level[u]+1 {
			if f := g.push(v, sink, min(most, g.left[e])); f > epsilon {
				g.left[e] -= f
				g.left[e^1] += f
				return f
			}
		}
	}
	return 0
}
