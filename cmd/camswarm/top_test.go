package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

func seen(sent int64, at time.Time) topView {
	id := verify.Product{Vendor: "acme.example", Name: "cam-1"}.ID()
	return topView{
		at: at,
		status: control.Status{PeerID: "12D3KooWAbc", Role: "seed", Peers: 1, Products: []control.ProductStatus{{ID: id, Name: "acme.example/cam-1", Region: "eu"}},
			Alarms:  []control.Alarm{{Name: "disk_full", Message: "a\x1b[2Jb\nc"}},
			Traffic: control.TrafficStatus{Tiers: []control.TierTraffic{{Tier: "region", SentBytes: sent}}}},
		peers: []control.PeerStatus{{ID: "12D3KooWQuiet", Tier: "other"}, {ID: "12D3KooWBusyBusyBusy", Role: "camera", Tier: "region", Via: "direct", SentBytes: sent}},
		fleet: beacon.Fleet{Reports: []beacon.Report{{Product: id, Cameras: 7, Rows: []beacon.Row{{Region: "eu", Release: 2, Running: 1, State: beacon.StateFailed, Cameras: 7}}}}},
	}
}

func TestTopShowsWhatANodeDoes(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	text := topText(seen(5_000_000, start.Add(2*time.Second)), seen(1_000_000, start))
	for _, want := range []string{"  seed  up", "\n12D3KooWAbc\n", "ALARM disk_full", "7 cameras tell", "2.0 MB", "5.0 MB"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	view := seen(1, start)
	view.status.PeerID = "12D3KooWSSNfgtLj5ceVPnkyRgbzsvzcFLCVUnQoNNVcRfJ7N4De"
	view.status.Products[0].Target = &control.TargetStatus{Sequence: 2, LastError: "the hook ends with 1"}
	view.fleet.Reports[0].Rows = append(view.fleet.Reports[0].Rows, beacon.Row{Region: "eu-west", Label: "early", Release: 2, Running: 1, State: beacon.StateRolledBack, Cameras: 1234})
	for line := range strings.Lines(topText(view, view)) {
		if line = strings.TrimSpace(line); len(line) > 80 {
			t.Errorf("80 columns are less than %q", line)
		}
	}
	if text := topText(view, view); !strings.Contains(text, "last error: the hook ends with 1") {
		t.Errorf("it lacks the last error:\n%s", text)
	}
	view.status.Polite = control.PoliteStatus{Serves: "nobody", Fetches: "all", DownloadLimit: 8000, Reasons: []string{"busy"}, Busy: []control.Lease{{Holder: "rtsp"}}}
	if text, want := topText(view, view), "polite     serves nobody, fetches from all, down at most 8kB/s, because of busy (rtsp)\n"; !strings.Contains(text, want) {
		t.Errorf("it lacks %q:\n%s", want, text)
	}
	if busy, quiet := strings.Index(text, "usyBusyBusy"), strings.Index(text, "KooWQuiet"); busy < 0 || quiet < busy {
		t.Errorf("the busiest peer is not first:\n%s", text)
	}
}

func TestTopDrawsWithinTheScreenAndWithoutWhatNodesSay(t *testing.T) {
	text := topText(seen(1, time.Unix(1_800_000_000, 0)), seen(1, time.Unix(1_800_000_000, 0)))
	for _, colour := range []bool{true, false} {
		frame := topFrame(text, 40, 6, colour)
		lines := strings.Split(frame, "\r\n")
		if len(lines) != 6 || !strings.HasPrefix(lines[5], "…") {
			t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
		}
		if strings.Contains(frame, "\x1b[2J") {
			t.Error("an alarm's message clears the screen")
		}
		if strings.Contains(frame, "\x1b[31m") != colour {
			t.Errorf("colour %v: %q", colour, frame)
		}
	}
}

// A terminal gets its own screen back, and a node that ends meanwhile is told of.
func TestTopLeavesTheTerminalAsItWas(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	looks := 0
	go func() {
		done <- watchTop(ctx, w, seen(1, time.Now()), time.Millisecond, func() topView {
			if looks++; looks == 3 {
				cancel()
			}
			return topView{at: time.Now(), err: errors.New("nobody answers")}
		})
		_ = w.Close()
	}()
	data, err := io.ReadAll(r)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	out := string(data)
	if !strings.HasPrefix(out, topEnter) || !strings.HasSuffix(out, topLeave) || !strings.Contains(out, "ALARM nobody answers") || !strings.Contains(out, "12D3KooWAbc") {
		t.Errorf("%q", out)
	}
}
