package sim

import (
	"context"
	"testing"
	"time"
)

// With an origin as one more source everyone finishes sooner, it gives its share and
// little more, and everyone finishes when it dies in the middle.
func TestOriginBesideTheSwarm(t *testing.T) {
	if testing.Short() {
		t.Skip("compares speeds; node's TestOriginFillsTheSwarm runs the same code")
	}
	play := func(change func(*Scenario)) (p95 float64, share float64) {
		s, err := Load("origin")
		if err != nil {
			t.Fatal(err)
		}
		s.Nodes, s.Links = 12, "fast"
		change(s)
		rep, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Unfinished > 0 || len(rep.Violations) > 0 {
			t.Errorf("%d unfinished, %+v", rep.Unfinished, rep.Violations)
		}
		all := int64(0)
		for _, n := range rep.BytesByTier {
			all += n
		}
		return rep.CompletionSeconds.P95, float64(rep.BytesByTier["origin"]) / float64(all)
	}
	without, none := play(func(s *Scenario) { s.Origin = Origin{} })
	with, some := play(func(*Scenario) {})
	_, died := play(func(s *Scenario) { s.Origin.Policy, s.Origin.Dies = "fastest", 1200*time.Millisecond })
	if none != 0 || some < 0.15 || some > 0.4 || died == 0 || with > without {
		t.Errorf("p95 %.2f s without and %.2f s with; shares of the origin %.2f, %.2f, %.2f", without, with, none, some, died)
	}
}
