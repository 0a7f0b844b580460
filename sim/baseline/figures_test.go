package baseline

import (
	"os"
	"strconv"
	"testing"
	"time"

	"camswarm/sim/links"
)

// TestFigures prints the baselines of the flash crowd for as many cameras as
// BASELINE_FIGURES says, and what each costs to compute.
func TestFigures(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("BASELINE_FIGURES"))
	if err != nil {
		t.Skip("set BASELINE_FIGURES to a number of cameras")
	}
	env := flash(n, 6_200_000)
	env.Start = func(int) time.Duration { return 0 }
	for _, name := range Names() {
		begin := time.Now()
		b := run(t, env, name)[name]
		if b.Unfinished > 0 {
			t.Errorf("%s: %d unfinished", name, b.Unfinished)
		}
		t.Logf("%s took %.1f s to compute", name, time.Since(begin).Seconds())
	}
}

// TestTorrentSettings prints what BitTorrent's settings do to the flash crowd over fast
// links, for as many cameras.
func TestTorrentSettings(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("BASELINE_FIGURES"))
	if err != nil {
		t.Skip("set BASELINE_FIGURES to a number of cameras")
	}
	env := flash(n, 6_200_000)
	env.Open = links.NewFast
	for _, name := range []string{Torrent, TorrentBest} {
		for _, neighbours := range []int{8, 12, 20, 50} {
			for _, requests := range []int{3, 5, 8, 16, 32} {
				for _, piece := range []int{16 << 10, 32 << 10, 64 << 10, 256 << 10} {
					cfg := DefaultConfig()
					cfg.TorrentPeers, cfg.TorrentRequests, cfg.TorrentPieceBytes = neighbours, requests, piece
					cfg.TorrentBestPeers, cfg.TorrentBestRequests, cfg.TorrentBestPieceBytes = neighbours, requests, piece
					out, err := Run(t.Context(), []string{name}, cfg, env)
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%s, %d neighbours, %d requests, pieces of %d: %.2f / %.2f", name, neighbours, requests, piece, out[name].P50, out[name].P95)
				}
			}
		}
	}
}

func TestAgreesWithAServerOnShapedLines(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds")
	}
	// Real processes, an HTTP server behind 100 Mbit/s and 20 clients with 50 Mbit/s
	// on lines that the kernel shaped: 11.0 s at p95.
	env := flash(20, 6_200_000)
	env.Start = nil
	cfg := DefaultConfig()
	cfg.CappedEgress = 100 * mbit
	out, err := Run(t.Context(), []string{S3Capped}, cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	if p95 := out[S3Capped].P95; p95 < 9.9 || p95 > 12.1 {
		t.Errorf("p95 %.2f s", p95)
	}
}
