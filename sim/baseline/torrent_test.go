package baseline

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"camswarm/sim/links"
)

func TestBitTorrentGetsThere(t *testing.T) {
	env := flash(12, 1_500_000)
	env.Open = links.NewFast
	for name, b := range run(t, env, Torrent, TorrentBest) {
		if b.Unfinished > 0 {
			t.Errorf("%s: %d unfinished", name, b.Unfinished)
		}
		linesAllow(t, env, b, func(int) time.Duration { return 0 })
		// All uplinks together must carry twelve copies.
		if least := 12 * 1.5 * 8 / (100 + 12*20); b.Max < least {
			t.Errorf("%s: %.2f s, the uplinks allow %.2f", name, b.Max, least)
		}
	}
}

// Over QUIC's packets and over the model of them BitTorrent takes the same time.
func TestBitTorrentOverQUIC(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	env := flash(12, 3_000_000)
	fast := env
	fast.Open = links.NewFast
	real, model := run(t, env, TorrentBest)[TorrentBest], run(t, fast, TorrentBest)[TorrentBest]
	if r := model.P50 / real.P50; r < 0.8 || r > 1.25 {
		t.Errorf("%.2f s on QUIC, %.2f s on fast links", real.P50, model.P50)
	}
}

func TestATrackerGivesEverybodyAboutAsMany(t *testing.T) {
	env := flash(100, 1)
	degree := make([]int, 101)
	for _, p := range env.tracker(rand.New(rand.NewPCG(1, 1)), 12) {
		degree[p[0]]++
		degree[p[1]]++
	}
	few := 0
	for _, d := range degree {
		if d > 12 {
			t.Errorf("%d neighbours", d)
		}
		if d < 10 {
			few++
		}
	}
	if few > 5 {
		t.Errorf("%d of 101 have fewer than 10 neighbours", few)
	}
	for i := range env.Topology.Nodes[1:] {
		env.Topology.Nodes[i+1].NAT = links.Symmetric
	}
	for _, p := range env.tracker(rand.New(rand.NewPCG(1, 1)), 12) {
		if p[0] != 0 && p[1] != 0 {
			t.Fatal("two symmetric NATs are connected")
		}
	}
}

func TestBitswapIsHeldToItsBestBlockSize(t *testing.T) {
	env := flash(4, 600_000)
	env.Open = links.NewFast
	b := run(t, env, BitswapAll)[BitswapAll]
	for _, size := range []string{"32768: ", "65536: ", "131072: "} {
		if !strings.Contains(b.Note, size) {
			t.Errorf("no time with blocks of %s", size)
		}
	}
}
