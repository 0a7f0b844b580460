package sim

import (
	"math"
	"slices"
	"time"

	"camswarm/sim/baseline"
	"camswarm/sim/fleet"
	"camswarm/sim/world"
)

// FleetOptions are what a fleet has beside its scenario.
type FleetOptions struct {
	// SeedsPer100k is how many seeds there are for each 100,000 cameras, at least
	// one in each region; 0: as many as in the scenario.
	SeedsPer100k float64
	// SeedConnections is how many cameras a seed serves at a time; 0: what package
	// swarm allows.
	SeedConnections int
	// S3Egress is what the capped origin sends in all, bit/s; 0: as the baseline.
	S3Egress float64
}

// Fleet makes a fleet of so many cameras after the scenario: the same shares of
// regions and classes, the same lines. Sites keep their size. NotInFleet names what
// is left out.
func (s *Scenario) Fleet(cameras int, o FleetOptions) fleet.Fleet {
	regions, err := s.regions()
	if err != nil {
		return fleet.Fleet{} // a scenario that Validate refuses
	}
	f := fleet.Fleet{
		ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, SeedConnections: o.SeedConnections,
		Chain:  fleet.Chain{Operators: s.Chain.Operators, RTTMin: s.Chain.RTTMin, RTTMax: s.Chain.RTTMax, Server: s.Chain.Server, Handshake: s.Chain.Handshake, Slots: s.Chain.Slots},
		Params: fleet.DefaultParams(), Origin: fleet.DefaultOrigin(),
	}
	d := baseline.DefaultConfig()
	f.Origin.FirstByte, f.Origin.EdgeFirstByte, f.Origin.Capped = d.FirstByte, d.EdgeFirstByte, d.CappedEgress
	if o.S3Egress > 0 {
		f.Origin.Capped = o.S3Egress
	}
	seeds := s.Seeds.Count
	if seeds == 0 {
		seeds = len(regions)
	}
	if o.SeedsPer100k > 0 {
		seeds = max(len(regions), int(math.Round(o.SeedsPer100k*float64(cameras)/1e5)))
	}
	for i, r := range regions {
		f.Regions = append(f.Regions, fleet.Region{Name: r, Seeds: inTurn(seeds, len(regions), i), SeedUp: s.Seeds.Up * mbit})
		f.Classes = append(f.Classes, s.fleetClasses(i, r, inTurn(cameras, len(regions), i))...)
	}
	f.RTT, f.Origin.EdgeRTT = s.fleetRTT(regions)
	return f
}

// inTurn is how many of n things, dealt out to so many in turn, the i-th gets.
func inTurn(n, to, i int) int {
	if i < n%to {
		return n/to + 1
	}
	return n / to
}

// fleetClasses are the cameras of one region by their lines.
func (s *Scenario) fleetClasses(index int, region string, cameras int) (out []fleet.Class) {
	classes := s.classes(region)
	sum := 0.0
	for _, c := range classes {
		sum += c.Share
	}
	ofWorld := !slices.ContainsFunc(s.Classes, func(c Class) bool { return c.Region == "" || c.Region == region })
	given, upTo := 0, 0.0
	for _, c := range classes {
		x := fleet.Class{Name: c.Name, Region: index, Up: c.Up * mbit, Down: c.Down * mbit, Spread: c.Spread, NAT: s.NAT.apart()}
		if ofWorld {
			x.Spread = 0 // the medians of the world's lines stand for all
		}
		upTo += c.Share
		x.Cameras = int(math.Round(upTo/sum*float64(cameras))) - given
		given += x.Cameras
		if s.Site.Count > 0 {
			x.Site = max(1, int(math.Round(float64(s.Nodes)/float64(s.Site.Count))))
			x.Up, x.Down, x.LAN, x.Spread = s.Site.Up*mbit, s.Site.Down*mbit, s.Site.LAN*mbit, 0
		}
		out = append(out, x)
	}
	return out
}

// fleetRTT are the bounds of the round trips between lines of two regions, and
// the round trip from a line to its nearest edge.
func (s *Scenario) fleetRTT(regions []string) (between func(a, b int) (lo, hi time.Duration), edge time.Duration) {
	if s.Latency.Kind != "world" {
		return func(a, b int) (lo, hi time.Duration) { return s.rttBounds(a == b) }, s.Latency.RTTMin
	}
	// Access lines add half their round trip at each end; between two lines of
	// anywhere that is between the least and the most of all classes.
	lo := time.Duration(math.MaxInt64)
	var mean, count float64
	for _, r := range world.Regions() {
		for _, c := range world.Classes(r) {
			lo = min(lo, c.RTT*7/10)
			mean += c.RTT.Seconds() * c.Share
			count += c.Share
		}
	}
	typical := time.Duration(mean / count * float64(time.Second))
	return func(a, b int) (time.Duration, time.Duration) {
		path := world.RTT(world.Region(regions[a]), world.Region(regions[b]))
		return path + lo, path + 3*typical // fixed wireless is rare; a uniform range up to it would be too wide
	}, typical
}

// NotInFleet names what of the scenario the model of fleets leaves out.
func (s *Scenario) NotInFleet() []string {
	out := []string{}
	loss := slices.ContainsFunc(s.Classes, func(c Class) bool { return c.Loss > 0 }) || s.Latency.Kind == "world" && len(s.Classes) == 0
	for _, x := range []struct {
		there bool
		what  string
	}{
		{loss, "loss of packets"},
		{s.Churn.Leave > 0, "cameras that leave"},
		{s.Late.Share > 0, "late starters"},
		{s.Hostile.Count() > 0, "hostile nodes"},
		{s.Stop.Kind != "", "a stop"},
		{s.Bad.Share > 0, "that the release is bad (camsim guard has it)"},
		{s.Partition.Share > 0, "the partition"},
		{len(s.Rollout) > 0, "the steps of the rollout"},
		{s.Releases > 1, "earlier releases"},
		{!s.Seeds.Warm, "seeds that fetch the image first"},
	} {
		if x.there {
			out = append(out, x.what)
		}
	}
	return out
}
