package main

import (
	"fmt"
	"strings"
	"testing"

	"camswarm/node/control"
)

// A fetch that cannot go on says what it lacks; one that goes on, or is not allowed,
// says nothing.
func TestStatusSaysWhatAFetchLacks(t *testing.T) {
	progress := func(bytes, rate int64) *control.Progress {
		return &control.Progress{Bytes: bytes, TotalBytes: 100, BytesPerSecond: rate}
	}
	for _, c := range []struct {
		peers  int
		target control.TargetStatus
		want   string
	}{
		{0, control.TargetStatus{State: control.StateKnown, Fetch: true}, "no peer to get it from"},
		{0, control.TargetStatus{State: control.StateFetching, Fetch: true, Progress: progress(50, 0)}, "no peer to get it from"},
		{2, control.TargetStatus{State: control.StateKnown, Fetch: true}, "none of 2 peers has sent anything"},
		{0, control.TargetStatus{State: control.StateFetching, Fetch: true, Progress: progress(50, 10)}, ""}, // from an origin
		{2, control.TargetStatus{State: control.StateFetching, Fetch: true, Progress: progress(50, 0)}, ""},
		{0, control.TargetStatus{State: control.StateFetching, Fetch: true, Progress: progress(100, 0)}, ""},
		{0, control.TargetStatus{State: control.StateVerified, Fetch: true}, ""},
		{0, control.TargetStatus{State: control.StateKnown}, ""},
	} {
		s := control.Status{Peers: c.peers, Products: []control.ProductStatus{{Target: &c.target}}}
		got := lacks(s, &c.target)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%d peers, %+v: %q, not %q", c.peers, c.target, got, c.want)
		}
		var out strings.Builder
		printStatus(&out, s)
		if !strings.Contains(out.String(), got) {
			t.Errorf("the status does not say %q:\n%s", got, &out)
		}
		examineProduct(func(topic, level, format string, args ...any) {
			if text := fmt.Sprintf(format, args...); topic == "release" && (level == levelWarn) != (got != "") || !strings.Contains(text, got) && topic == "release" {
				t.Errorf("the doctor says %s, %q of %q", level, text, got)
			}
		}, s, s.Products[0])
	}
}
