package baseline_test

import (
	"fmt"

	"camswarm/sim/baseline"
	"camswarm/sim/report"
)

// 50 cameras with 20 Mbit/s up and 50 down, a seed with 100 up, an image of 6.2
// MB: what became of a daily poll of S3 that took 22 hours at p95.
func ExampleTerms() {
	p95 := func(s float64) *report.Baseline { return &report.Baseline{Quantiles: report.Quantiles{P95: s}} }
	ideal := baseline.Fluid{S3: 0.99, SeedOnly: 24.8, Swarm: 2.25}
	t := baseline.Terms(baseline.P95, report.Quantiles{P95: 3.2}, ideal, p95(79_200), p95(2.3), p95(3.6))
	fmt.Printf("push instead of poll %8.2f s\n", t.PushSeconds)
	fmt.Printf("round trips          %8.2f s\n", t.RoundTripSeconds)
	fmt.Printf("bandwidth            %8.2f s\n", t.BandwidthSeconds)
	fmt.Printf("peers                %8.2f s\n", t.PeersSeconds)
	fmt.Printf("total                %8.2f s\n", t.TotalSeconds)
	fmt.Printf("against S3 %.2fx, with its egress capped %.2fx\n", t.Speedup, t.SpeedupOverCapped)
	// Output:
	// push instead of poll 79197.70 s
	// round trips              0.36 s
	// bandwidth              -23.81 s
	// peers                   22.55 s
	// total                79196.80 s
	// against S3 0.72x, with its egress capped 1.12x
}
