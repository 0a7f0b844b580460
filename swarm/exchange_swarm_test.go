package swarm

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestSwarmNearsTheFluidBoundWithoutDuplicates(t *testing.T) {
	n := 12
	if s := os.Getenv("SWARM_N"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	seed := uint64(1)
	if s := os.Getenv("SWARM_SEED"); s != "" {
		v, _ := strconv.Atoi(s)
		seed = uint64(v)
	}
	const size = 6_200_000
	links := []link{{100, 100}}
	for range n {
		links = append(links, link{20, 50})
	}
	data, f := testImage(size, 64<<10, seed)
	runSim(t, links, rtt(10*time.Millisecond, 150*time.Millisecond, seed), func(s *testSim) {
		for _, n := range s.nodes {
			n.start(ExchangeOptions{})
		}
		s.mesh(10, 30, seed)
		time.Sleep(time.Second)
		s.nodes[0].add(f, data)
		for _, n := range s.nodes[1:] {
			n.add(f, nil)
		}
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1:]...)
		for _, n := range s.nodes[1:] {
			n.holds(f, data)
		}
		time.Sleep(time.Second)
		var useful, dup, wrong, peers int64
		for _, n := range s.nodes[1:] {
			st := n.x.Stats().Total
			useful, dup, wrong, peers = useful+st.Useful, dup+st.Duplicate, wrong+st.Wrong, peers+st.Sent
		}
		fromSeed := s.nodes[0].x.Stats().Total.Sent
		slices.Sort(took)
		bound := fluidBound(size, links[0], links[1:])
		p95 := took[len(took)*95/100]
		t.Logf("N=%d: p50 %.2f p95 %.2f max %.2f s; bound %.2f s, ratio at p95 %.2f; duplicates %.2f %%, seed sent %.2f copies, peers %.2f",
			n, took[len(took)/2], p95, took[len(took)-1], bound, p95/bound, 100*float64(dup)/float64(useful),
			float64(fromSeed)/size, float64(peers)/size)
		if p95 > 2.2*bound {
			t.Errorf("95 %% were done after %.2f s, over 2.2 times the bound of %.2f s", p95, bound)
		}
		if dup*100 > useful || wrong > 0 {
			t.Errorf("%d duplicate and %d wrong bytes for %d useful ones", dup, wrong, useful)
		}
		if peers < fromSeed {
			t.Errorf("peers sent %d bytes, the seed %d", peers, fromSeed)
		}
	})
}
