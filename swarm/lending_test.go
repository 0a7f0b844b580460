package swarm

import (
	"testing"
	"time"

	"camswarm/swarm/plan"
)

// A seed in a crowd: cameras that have each other, one that has only the seed,
// and many that are connected, take part, and fetch nothing for now.
func TestCrowdAtASeedStarvesNobody(t *testing.T) {
	data, f := testImage(1<<20, 32<<10, 50)
	links := []link{{20, 100}}
	for range 24 {
		links = append(links, link{20, 50})
	}
	runSim(t, links, rtt(10*time.Millisecond, 100*time.Millisecond, 50), func(s *testSim) {
		lender := plan.DefaultLenderConfig()
		lender.Open = 16
		for _, n := range s.nodes {
			n.start(ExchangeOptions{Lender: lender})
		}
		for i := 1; i < len(s.nodes); i++ {
			s.connect(0, i)
		}
		for i := 1; i < 7; i++ { // 1 to 7 know each other, 8 has only the seed
			s.connect(i, i+1)
			s.connect(i, 1+(i+2)%7)
		}
		s.nodes[0].add(f, data)
		time.Sleep(time.Second)
		for i, n := range s.nodes[1:] {
			if !s.nodes[0].x.Named(n.h.ID()) || n.x.Named(s.nodes[0].h.ID()) {
				t.Errorf("camera %d cannot ask the seed at once", i+1)
			}
		}
		for _, n := range s.nodes[1:] {
			n.add(f, nil)
		}
		time.Sleep(time.Second)
		took := fetchAll(t, f.Root, time.Minute, s.nodes[1:9]...)
		for _, n := range s.nodes[1:9] {
			n.holds(f, data)
		}
		t.Logf("with neighbours %.2f s, with the seed alone %.2f s", took[:7], took[7])
		for i, s := range took {
			if s > 4 { // the seed could send three copies in 1.3 s
				t.Errorf("camera %d took %.1f s", i+1, s)
			}
		}
		if sent := s.nodes[0].x.Stats().Total.Sent; sent > 6*f.Size {
			t.Errorf("the seed sent %.1f copies to eight cameras, seven of which have each other", float64(sent)/float64(f.Size))
		}
		// Those who waited get it too.
		fetchAll(t, f.Root, time.Minute, s.nodes[9:]...)
		for _, n := range s.nodes[9:] {
			n.holds(f, data)
		}
	})
}
