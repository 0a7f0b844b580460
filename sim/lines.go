package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"camswarm/sim/report"
	"camswarm/sim/world"
)

// latencies sets the delays between nodes and the typical ones between regions.
func (s *Scenario) latencies(c *cast) {
	if s.Latency.Kind == "world" {
		access := make([]time.Duration, len(c.actors))
		rng := s.rng("access")
		for i, a := range c.actors {
			if a.role != roleSeed {
				access[i] = worldAccess(rng, a)
			}
		}
		c.topo.Delay = func(a, b int) time.Duration {
			return world.RTT(world.Region(c.actors[a].region), world.Region(c.actors[b].region))/2 + access[a] + access[b]
		}
		c.backbone = func(a, b string) time.Duration { return world.RTT(world.Region(a), world.Region(b)) / 2 }
		c.toDataCentre = func(node int, region string) time.Duration {
			return c.backbone(c.actors[node].region, region) + access[node]
		}
		c.edge = func(node int) time.Duration { return max(access[node], time.Millisecond) }
		return
	}
	c.topo.Delay = func(a, b int) time.Duration {
		lo, hi := s.rttBounds(c.actors[a].region == c.actors[b].region)
		r := rand.New(rand.NewPCG(s.Seed, uint64(min(a, b))<<32|uint64(max(a, b))))
		return (lo + time.Duration(r.Int64N(int64(hi-lo)+1))) / 2
	}
	// A data centre is as far from a line as the seed in its place would be, an
	// edge as near as the nearest peer.
	c.toDataCentre = func(node int, region string) time.Duration {
		for _, a := range c.seeds {
			if a.region == region {
				return c.topo.Delay(a.index, node)
			}
		}
		return c.topo.Delay(0, node)
	}
	c.edge = func(int) time.Duration { return s.Latency.RTTMin / 2 }
	c.backbone = func(a, b string) time.Duration {
		if a == b {
			return time.Millisecond / 2
		}
		return (s.Latency.RTTMin + s.Latency.RTTMax) / 4
	}
}

// rttBounds bound the round trip of a pair of nodes where latencies are uniform.
func (s *Scenario) rttBounds(sameRegion bool) (lo, hi time.Duration) {
	lo, hi = s.Latency.RTTMin, s.Latency.RTTMax
	if near := s.Latency.NearRTT; near > 0 && sameRegion {
		hi = max(min(hi, near), lo)
	}
	return lo, hi
}

// worldAccess draws the delay of an actor's line: of its class, if the world has it.
func worldAccess(rng *rand.Rand, a *actor) time.Duration {
	for _, c := range world.Classes(world.Region(a.region)) {
		if c.Name == a.class {
			return c.Access(rng)
		}
	}
	return world.Access(rng)
}

// describe says what the lines are, for the report.
func (s *Scenario) describe(c *cast) {
	classes := map[string]*report.LinkClass{}
	var order []string
	for _, a := range c.actors {
		name := a.class
		if len(c.regions) > 1 && a.role != roleSeed && len(s.Classes) == 0 {
			name += " " + a.region
		}
		l := classes[name]
		if l == nil {
			l = &report.LinkClass{Name: name, Loss: a.line.Loss}
			classes[name] = l
			order = append(order, name)
		}
		l.Nodes++
		l.Up += a.line.Up
		l.Down += a.line.Down
	}
	for _, name := range order {
		l := classes[name]
		l.Up /= float64(l.Nodes)
		l.Down /= float64(l.Nodes)
		c.model.Classes = append(c.model.Classes, *l)
	}
	switch s.Latency.Kind {
	case "world":
		c.model.Latency = world.Source
	default:
		c.model.Latency = fmt.Sprintf("round trips of %v to %v, drawn uniformly for each pair of nodes", s.Latency.RTTMin, s.Latency.RTTMax)
		if s.Latency.NearRTT > 0 {
			c.model.Latency += fmt.Sprintf(", of at most %v inside a region", s.Latency.NearRTT)
		}
	}
	c.model.Chain = fmt.Sprintf("%d operators, round trips of %v to %v, %v in the server; two more round trips on a connection idle for over %v",
		s.Chain.Operators, s.Chain.RTTMin, s.Chain.RTTMax, s.Chain.Server, keepAlive)
	if s.Chain.Slots > 0 {
		c.model.Chain += fmt.Sprintf("; %d connections at a time for each, the others are refused", s.Chain.Slots)
	}
	if s.Site.Count > 0 {
		c.model.Notes = append(c.model.Notes, fmt.Sprintf("%d sites, each behind one line of %g up and %g down Mbit/s, %g Mbit/s and %v inside",
			s.Site.Count, s.Site.Up, s.Site.Down, s.Site.LAN, s.Site.Delay))
	}
	if c.origin > 0 {
		egress := "no limit to its egress"
		if s.Origin.Egress > 0 {
			egress = fmt.Sprintf("%g Mbit/s of egress", s.Origin.Egress)
		}
		c.model.Notes = append(c.model.Notes, fmt.Sprintf("an origin in %s with %s, first byte after %v, asked by policy %q", c.regions[0], egress, s.firstByte(), s.Origin.Policy))
	}
	if s.Links == "fast" {
		c.model.Notes = append(c.model.Notes, "fast links: a model of QUIC without packets")
	}
	for _, class := range s.Classes {
		if note := class.note(); note != "" {
			c.model.Notes = append(c.model.Notes, note)
		}
	}
	if k := s.Camera.resolved(); k != (Camera{}) {
		c.model.Notes = append(c.model.Notes, fmt.Sprintf("a camera's processor takes %v for a packet, %g ns for a byte on the line, %g ns for one of the image, %v for a signature; its flash is written at %g MB/s (0: at once)", k.Packet, k.Byte, k.Hash, k.Signature, k.Flash))
	}
	spreads := slices.ContainsFunc(s.Classes, func(c Class) bool { return c.Spread > 0 })
	if spreads {
		c.model.Notes = append(c.model.Notes, "rates vary inside a class; the means are given")
	}
	if note := s.natNote(c); note != "" {
		c.model.Notes = append(c.model.Notes, note)
	}
}

// note says what else there is on a class's lines.
func (c Class) note() string {
	var parts []string
	if c.Buffer > 0 {
		parts = append(parts, fmt.Sprintf("one queue of %v that drops at its end", c.Buffer))
	}
	if c.Jitter > 0 {
		parts = append(parts, fmt.Sprintf("%v of jitter in the mean", c.Jitter))
	}
	if c.Burst > 1 && c.Loss > 0 {
		parts = append(parts, fmt.Sprintf("%g packets lost in a row", c.Burst))
	}
	if c.Video > 0 {
		parts = append(parts, fmt.Sprintf("a video of %g Mbit/s uploaded", c.Video))
	}
	if len(parts) == 0 {
		return ""
	}
	return "lines of class " + c.Name + ": " + strings.Join(parts, ", ")
}
