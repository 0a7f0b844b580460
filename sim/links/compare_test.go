package links

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
)

// coldPush is how many seconds a transfer of 6.2 MB takes with the connection
// that it needs: the median of five seeds.
func coldPush(t *testing.T, k kind, up, loss float64, oneWay time.Duration) float64 {
	t.Helper()
	seeds := uint64(1)
	if loss > 0 {
		seeds = 5
	}
	var took []float64
	for seed := range seeds {
		topo := &Topology{Seed: seed, Delay: delay(oneWay), Nodes: []Node{{Up: up, Down: up, Loss: loss}, {Up: 20e6, Down: 50e6}}}
		synctest.Test(t, func(t *testing.T) {
			inBubble(t, k, topo, func(t *testing.T, n Network, hosts []host.Host) {
				start := time.Now()
				if err := connect(hosts[0], hosts[1]); err != nil {
					t.Fatal(err)
				}
				if _, err := push(hosts[0], hosts[1], 6_200_000); err != nil {
					t.Fatal(err)
				}
				took = append(took, time.Since(start).Seconds())
			})
		})
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// Measured when written, over 5 to 1000 Mbit/s and 2 to 350 ms, 32 kB to 6.2 MB:
// without loss within 4 %, mostly 1 %; with loss the medians of five within 11 %
// and means of twelve within 17 %, where those of other seeds differ by as much.
func TestFastLinksTakeAsLongAsQUICOneToOne(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds; takes long under the race detector")
	}
	for _, c := range []struct {
		up, loss float64
		rtt      time.Duration
		band     float64
	}{
		{5e6, 0, 40 * time.Millisecond, 0.06},
		{20e6, 0, 10 * time.Millisecond, 0.04},
		{20e6, 0, 150 * time.Millisecond, 0.06},
		{100e6, 0, 40 * time.Millisecond, 0.1},
		{100e6, 0, 150 * time.Millisecond, 0.1},
		{100e6, 0, 200 * time.Millisecond, 0.1}, // as long as the handshake's first timeout
		{20e6, 0, 350 * time.Millisecond, 0.1},
		{20e6, 0.001, 40 * time.Millisecond, 0.15},
		{20e6, 0.01, 40 * time.Millisecond, 0.2},
		{100e6, 0.01, 150 * time.Millisecond, 0.2},
	} {
		t.Run(fmt.Sprintf("%gMbps/%v/loss=%g", c.up/1e6, c.rtt, c.loss), func(t *testing.T) {
			quic := coldPush(t, kind{"quic", NewQUIC}, c.up, c.loss, c.rtt/2)
			fast := coldPush(t, kind{"fast", NewFast}, c.up, c.loss, c.rtt/2)
			t.Logf("quic %.2f s, fast %.2f s", quic, fast)
			if off := fast/quic - 1; math.Abs(off) > c.band {
				t.Errorf("fast links take %.2f s, QUIC %.2f s: %+.0f %%", fast, quic, 100*off)
			}
		})
	}
}

// Measured when written, single runs of the same seed: p50 within 4 %, p95
// within 9 % of QUIC's at 12 cameras; 3 and 5 % at 30; QUIC against itself 3
// and 7 %. With 1 % loss on every line the means of eight seeds are 8 % (p50) and
// 6 % (p95) above QUIC's at 12, those of three up to 22 %. The bands here are for the
// means of the seeds. Where those of the first few are outside, how goroutines took turns
// may have decided: then the means of eight are judged.
func TestFastLinksTakeAsLongAsQUICForASwarm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 40 s of CPU")
	}
	for _, c := range []struct {
		cameras  int
		loss     float64
		seeds    uint64
		p50, p95 float64
	}{{12, 0, 3, 0.08, 0.15}, {12, 0.01, 3, 0.25, 0.25}, {30, 0, 2, 0.08, 0.12}} {
		t.Run(fmt.Sprintf("cameras=%d/loss=%g", c.cameras, c.loss), func(t *testing.T) {
			var sums [2]swarmResult
			outside := func(from, to uint64) bool {
				for i, k := range kinds {
					for seed := from; seed < to; seed++ {
						dir := t.TempDir()
						synctest.Test(t, func(t *testing.T) {
							r, err := runSwarm(dir, flashCrowd(c.cameras, seed, c.loss), k.make, 6_200_000, seed)
							if err != nil {
								t.Fatal(err)
							}
							t.Logf("%s, seed %d: p50 %.2f p95 %.2f max %.2f", k.name, seed, r.p50, r.p95, r.max)
							sums[i].p50 += r.p50
							sums[i].p95 += r.p95
						})
					}
				}
				p50, p95 := sums[1].p50/sums[0].p50-1, sums[1].p95/sums[0].p95-1
				t.Logf("%d seeds: fast links against QUIC: p50 %+.1f %%, p95 %+.1f %%", to, 100*p50, 100*p95)
				return math.Abs(p50) > c.p50 || math.Abs(p95) > c.p95
			}
			if outside(0, c.seeds) && outside(c.seeds, 8) {
				t.Error("that is outside the band")
			}
		})
	}
}
