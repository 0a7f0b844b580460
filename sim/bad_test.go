package sim

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A release that comes up nowhere is told of by the canaries, counted by the seeds and
// halted by the guard before anybody else may install it; without one it reaches all.
func TestABadReleaseReachesTheCanariesAloneIfItIsHalted(t *testing.T) {
	for watched, want := range map[bool]string{
		true:  "It reached 2 of 6 cameras and did not come up on 2; the guard halted it",
		false: "It reached 6 of 6 cameras and did not come up on 6; nobody halted it",
	} {
		s, err := Load("flash-crowd")
		if err != nil {
			t.Fatal(err)
		}
		s.Nodes, s.Links, s.ImageBytes, s.WarmUp = 6, "fast", 200_000, 20*time.Second
		s.Rollout = []Step{{Mode: "canary", Canaries: 2, Warm: true}, {At: 90 * time.Second, Mode: "all"}}
		if s.Bad.Share = 1; !watched {
			s.Bad.Guard = 0
		}
		rep, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Unfinished > 0 || len(rep.Violations) > 0 {
			t.Errorf("%d unfinished, %+v", rep.Unfinished, rep.Violations)
		}
		if len(rep.Faults) != 1 || !strings.HasPrefix(rep.Faults[0].Note, want) {
			t.Errorf("%+v, want %q", rep.Faults, want)
		}
	}
}
