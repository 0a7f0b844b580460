package main

import (
	"strings"
	"testing"

	"camswarm/node/control"
)

// An event is one line, whatever stands in it.
func TestEventLine(t *testing.T) {
	for want, e := range map[string]control.Event{
		"fetching release 7 (1.2): 1.0 MB of 2.0 MB at 500": {Kind: control.EventFetching, Sequence: 7, Version: "1.2", Progress: &control.Progress{Bytes: 1e6, TotalBytes: 2e6, BytesPerSecond: 500e3}},
		`refused release 7 image_sha: a\nb`:                 {Kind: control.EventRefused, Sequence: 7, Name: "image_sha", Message: "a\nb"},
		"limits: serves nobody, fetches from all, up none":  {Kind: control.EventLimits, Limits: &control.PoliteStatus{Serves: "nobody", Fetches: "all"}},
	} {
		if got := eventLine(e); !strings.Contains(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}

// A kind that is none is the command line's fault, whether or not a node runs.
func TestEventsOfNoKind(t *testing.T) {
	refused(t, exitUsage, []string{"--kind", `"bogus"`, "alarm, alarm_over, limits"}, "events", "--socket", "nowhere", "--kind", "alarm", "--kind", "bogus")
}
