package baseline

import (
	"math"
	"testing"
	"time"

	"camswarm/sim/links"
)

// One transfer over a round trip of 400 ms that loses one packet in 1000: Reno and
// CUBIC have the windows that their models give, BBR fills most of the line. With a factor
// of 0.7 Reno has sqrt(1.7/0.6/p), 53 packets; CUBIC has 1.054·(RTT/p)^0.75, 94 (RFC 9438,
// section 5.1).
func TestCongestionControlsAreAsFastAsTheirModels(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	env := flash(1, 60_000_000)
	env.Start, env.Open = nil, links.NewFast
	env.Topology.Delay = func(a, b int) time.Duration { return 200 * time.Millisecond }
	env.Topology.Nodes[1] = links.Node{Up: 100 * mbit, Down: 100 * mbit, Loss: 1e-3}
	const packet = 1410 // bytes of data, once packets have grown
	for _, c := range []struct {
		name    string
		packets float64 // under way in the mean
	}{{S3, 53}, {S3Cubic, 94}, {S3BBR, 1500}} { // of 3800 that the line holds
		var rates []float64
		for seed := range uint64(3) {
			env.Topology.Seed = seed + 1
			short := env
			short.Image = env.Image[:15_000_000] // with set-up and slow start
			took := run(t, env, c.name)[c.name].Max - run(t, short, c.name)[c.name].Max
			rates = append(rates, float64(len(env.Image)-len(short.Image))/took/packet*0.4)
		}
		mean := (rates[0] + rates[1] + rates[2]) / 3
		t.Logf("%s: %.0f packets a round trip, the model has %.0f", c.name, mean, c.packets)
		if c.name == S3BBR && mean < c.packets || c.name != S3BBR && math.Abs(mean/c.packets-1) > 0.3 {
			t.Errorf("%s: %.0f packets a round trip, the model has %.0f", c.name, mean, c.packets)
		}
	}
}
