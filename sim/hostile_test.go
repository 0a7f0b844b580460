package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"camswarm/sim/report"
)

// A third of the network is hostile in every way there is. Every honest camera
// gets the release, nothing else is installed, no honest peer is accused, and
// the report says what was tried.
func TestHostileNodesStopNobody(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	s, err := Load("hostile")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Links, s.ImageBytes, s.WarmUp = 14, "fast", 3_000_000, 30*time.Second
	s.Hostile = Hostile{Poisoners: 2, Stallers: 1, Tricklers: 1, Liars: 1, Flooders: 1, Replayers: 1, Eclipse: 10, Connections: 2}
	rep, err := Run(context.Background(), s, Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("completion %+v, announcement %+v, %v CPU seconds", rep.CompletionSeconds, rep.AnnounceSeconds, rep.CPUSeconds)
	if rep.Unfinished > 0 || len(rep.Violations) > 0 {
		t.Errorf("%d unfinished, %+v", rep.Unfinished, rep.Violations)
	}
	tried := map[string]report.Fault{}
	for _, f := range rep.Faults {
		t.Logf("%+v", f)
		tried[f.Kind] = f
	}
	for role, evidence := range map[string]string{
		"poisoner": "wrong blocks sent", "staller": "wants received", "trickler": "claims", "liar": "DONT_HAVEs",
		"flooder": "wants sent", "replayer": "announcements sent",
	} {
		if f := tried[role]; f.Nodes == 0 || !strings.Contains(f.Note, evidence) {
			t.Errorf("the report says of %s: %+v", role, f)
		}
	}
	// A made-up hint must not hold the genuine announcement up.
	if rep.AnnounceSeconds.Max > 5 {
		t.Errorf("an announcement took %v s", rep.AnnounceSeconds.Max)
	}
}
