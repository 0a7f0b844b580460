package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"camswarm/sim/links"
)

// lateHole is for how long the NATs of a pair whose first attempt fails let one
// another's packets in no more than not at all: until libp2p's attempt is over.
const lateHole = 5 * time.Second

// nat is what a camera is behind, by x, which is drawn from 0 to 1 and decides whether
// it is behind anything.
func (s *Scenario) nat(x float64, rng *rand.Rand) links.NAT {
	if x >= s.NAT.Share {
		return links.NoNAT
	}
	parts := []float64{s.NAT.FullCone, s.NAT.PortRestricted, s.NAT.Symmetric, s.NAT.NoUDP}
	left := rng.Float64() * (parts[0] + parts[1] + parts[2] + parts[3])
	for i, part := range parts {
		if left -= part; left < 0 {
			return links.FullCone + links.NAT(i)
		}
	}
	return links.NoUDP
}

// apart is the share of the cameras that do not reach one another.
func (n NAT) apart() float64 {
	if n.Share == 0 {
		return 0
	}
	return n.Share * (n.Symmetric + n.NoUDP) / (n.FullCone + n.PortRestricted + n.Symmetric + n.NoUDP)
}

// lateHoles says of which pairs the first attempt fails.
func (s *Scenario) lateHoles() func(a, b int) time.Duration {
	if s.NAT.Share == 0 || s.NAT.Late == 0 {
		return nil
	}
	return func(a, b int) time.Duration {
		if rand.New(rand.NewPCG(s.Seed, 1<<63|uint64(min(a, b))<<32|uint64(max(a, b)))).Float64() < s.NAT.Late {
			return lateHole
		}
		return 0
	}
}

// natNote says in words how many cameras are behind which NATs, "" if none is.
func (s *Scenario) natNote(c *cast) string {
	counts := map[links.NAT]int{}
	behind, pairs, open := 0, 0, 0
	for i, a := range c.cameras {
		if a.line.NAT == links.NoNAT {
			continue
		}
		behind++
		counts[a.line.NAT]++
		for _, b := range c.cameras[:i] {
			if b.line.NAT == links.NoNAT {
				continue
			}
			pairs++
			if c.topo.Connects(a.index, b.index) {
				open++
			}
		}
	}
	if behind == 0 {
		return ""
	}
	var kinds []string
	for kind := links.FullCone; kind <= links.NoUDP; kind++ {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	note := fmt.Sprintf("%d of %d cameras are behind NATs: %s", behind, len(c.cameras), strings.Join(kinds, ", "))
	if pairs > 0 {
		note += fmt.Sprintf("; holes can be punched between %.0f %% of their pairs", 100*float64(open)/float64(pairs))
	}
	return note
}
