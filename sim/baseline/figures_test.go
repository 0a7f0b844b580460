package baseline

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// TestFigures prints the baselines of the flash crowd for as many cameras as
// BASELINE_FIGURES says. It holds them to what was measured before with other
// code: real processes on shaped lines, and hosts over simnet.
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
