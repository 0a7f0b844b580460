package baseline

import (
	"os"
	"strconv"
	"testing"
	"time"
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

func TestAgreesWithAServerOnShapedLines(t *testing.T) {
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
