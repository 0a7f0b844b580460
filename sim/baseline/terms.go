package baseline

import (
	"fmt"
	"math"
	"math/rand/v2"

	"camswarm/sim/report"
)

// poll is s3 for cameras that ask once a day: each is at a random point of its
// interval when the announcement is made, and then takes what it took in s3.
func (e *Env) poll(s3 report.Baseline, cfg Config) report.Baseline {
	r := rand.New(rand.NewPCG(e.Seed, 0x706f6c6c))
	seconds := make([]float64, len(s3.Seconds))
	for k, s := range s3.Seconds {
		asks := r.Float64() * cfg.PollInterval.Seconds()
		if seconds[k] = -1; s >= 0 {
			seconds[k] = asks + s - e.waits(k).Seconds()
		}
	}
	b := summary(seconds, fmt.Sprintf("Computed, not simulated: each camera asks every %v, from a uniformly random moment on (by the run's seed), and then takes its own time of s3, in which all fetch at once.", cfg.PollInterval), nil)
	b.ServedBy = s3.ServedBy
	return b
}

// Fluid are times of ideal transfers: at the rates of the lines from the first
// moment on, with no round trips, no headers and no losses. Each camera's counts
// from the announcement and starts when that camera does; the value is a quantile
// over cameras, nearest rank, in seconds.
//
//	S3       F/d                                  an origin without limit
//	SeedOnly max(F/d, N·F/u)                      the seeds alone send every copy
//	Swarm    max(F/e, F/u, N·F/(u+Σc))            Kumar and Ross's bound, with the camera's own d
//
// F is the image, N the number of cameras, u the uplinks of all seeds together,
// Σc those of the cameras. d is the camera's downlink, or its part of its
// site's line if that is less; e is its downlink or its site's whole line, since
// one copy is enough for a site.
type Fluid struct{ S3, SeedOnly, Swarm float64 }

// Quantile is which of a distribution's quantiles is meant.
type Quantile func(report.Quantiles) float64

// P50 is the median.
func P50(q report.Quantiles) float64 { return q.P50 }

// P95 is the 95th percentile.
func P95(q report.Quantiles) float64 { return q.P95 }

// Fluid computes the ideal times of env at a quantile.
func (e *Env) Fluid(at Quantile) Fluid {
	s3, seeds, swarm := e.fluid()
	of := func(seconds []float64) float64 { return at(report.QuantilesOf(seconds)) }
	return Fluid{S3: of(s3), SeedOnly: of(seeds), Swarm: of(swarm)}
}

// unlimited reads a rate of 0 as none.
func unlimited(rate float64) float64 {
	if rate == 0 {
		return math.Inf(1)
	}
	return rate
}

func (e *Env) fluid() (s3, seeds, swarm []float64) {
	bits := 8 * float64(len(e.Image))
	n := float64(len(e.Cameras))
	var u, c float64
	for _, i := range e.Seeds {
		u += unlimited(e.Topology.Nodes[i].Up)
	}
	atSite := map[int]float64{}
	for _, i := range e.Cameras {
		c += unlimited(e.Topology.Nodes[i].Up)
		atSite[e.Topology.Nodes[i].Site]++
	}
	for k, i := range e.Cameras {
		node := e.Topology.Nodes[i]
		line, part := unlimited(node.Down), unlimited(node.Down)
		if node.Site > 0 {
			down := unlimited(e.Topology.Sites[node.Site-1].Down)
			line, part = min(line, down), min(part, down/atSite[node.Site])
		}
		start := e.waits(k).Seconds()
		s3 = append(s3, start+bits/part)
		seeds = append(seeds, start+max(bits/part, n*bits/u))
		swarm = append(swarm, start+max(bits/line, bits/u, n*bits/(u+c)))
	}
	return s3, seeds, swarm
}

// seedOnly is the ideal time without peers.
func (e *Env) seedOnly() report.Baseline {
	_, seconds, _ := e.fluid()
	b := summary(seconds, "Computed, not simulated: the seeds alone send every copy at the full rate of the lines, max(F/d, N·F/u); no protocol can be faster without the cameras' uplinks.", nil)
	b.ServedBy = fmt.Sprintf("%d seeds", len(e.Seeds))
	return b
}

// Terms splits the gain of the swarm over a daily poll of S3 at a quantile into
// four terms that add up to it exactly; f is at the same quantile:
//
//	Push       poll - s3
//	RoundTrip  (s3 - Fluid.S3) - (swarm - Fluid.Swarm)
//	Bandwidth  Fluid.S3 - Fluid.SeedOnly
//	Peers      Fluid.SeedOnly - Fluid.Swarm
//
// RoundTrip is what each way loses to being a protocol rather than a fluid
// (set-up, slow start, losses, headers; for the swarm its ramp-up and scheduling
// as well), S3's less the swarm's. Bandwidth and Peers are physics of the lines:
// the price of our seeds' uplinks instead of an origin without limit, negative
// unless the seeds are as good, and what the cameras' uplinks give. It returns
// nil without poll or s3, or if the four are not finite.
func Terms(at Quantile, swarm report.Quantiles, f Fluid, poll, s3, capped *report.Baseline) *report.S3Terms {
	if poll == nil || s3 == nil {
		return nil
	}
	t := &report.S3Terms{
		PushSeconds:      at(poll.Quantiles) - at(s3.Quantiles),
		RoundTripSeconds: (at(s3.Quantiles) - f.S3) - (at(swarm) - f.Swarm),
		BandwidthSeconds: f.S3 - f.SeedOnly,
		PeersSeconds:     f.SeedOnly - f.Swarm,
	}
	t.TotalSeconds = t.PushSeconds + t.RoundTripSeconds + t.BandwidthSeconds + t.PeersSeconds
	if math.IsNaN(t.TotalSeconds) || math.IsInf(t.TotalSeconds, 0) {
		return nil
	}
	if own := at(swarm); own > 0 {
		t.Speedup = at(s3.Quantiles) / own
		if capped != nil {
			t.SpeedupOverCapped = at(capped.Quantiles) / own
		}
	}
	return t
}
