package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"camswarm/node/control"
)

// TestPeersStatusAndFindingsFit80Columns: nothing of their words is lost, and a word
// longer than a line stays whole.
func TestPeersStatusAndFindingsFit80Columns(t *testing.T) {
	const id = "12D3KooWSSNfgtLj5ceVPnkyRgbzsvzcFLCVUnQoNNVcRfJ7N4De"
	const many = 999_900_000
	var out bytes.Buffer
	printPeers(&out, "peer", []control.PeerStatus{{ID: id, Role: "camera", Tier: "region", Via: "punched", LatencyMS: 1234,
		SentBytes: many, ReceivedBytes: many, WrongBytes: 65_536, Score: -200, Addrs: []string{"/ip4/192.0.2.1/udp/4417/quic-v1"}}})
	printStatus(&out, control.Status{Role: "camera", PeerID: id, Version: "v1.2.3", Build: "camera",
		Traffic: control.TrafficStatus{SentBytes: many, ReceivedBytes: many, FromSeeds: many, FromPeers: many, FromOrigins: many, DuplicateBytes: many, WrongBytes: many},
		Alarms:  []control.Alarm{{Name: "slot_unusable", Message: strings.Repeat("it cannot take the image ", 8) + "at all"}}})
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	url := "https://" + strings.Repeat("long.", 10) + "example"
	if err := printFindings(cmd, false, []finding{{"endpoint", levelOK, url + " (a)"},
		{"quorum", levelWarn, "2 endpoints of 2 operators; with fewer than 3 independent operators one that lies or is down can delay every update"}}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 && !strings.Contains(line, url) {
			t.Errorf("80 columns are less than %q", line)
		}
	}
	words := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{id[len(id)-12:] + " camera region punched 1234 999.9 MB", "camera " + id + ", up 0s, version v1.2.3 (camera build)",
		"999.9 MB twice, 999.9 MB wrong)", "the image at all", url, "can delay every update"} {
		if !strings.Contains(words, want) {
			t.Errorf("it lacks %q:\n%s", want, &out)
		}
	}
}

// TestWaitSaysAtOnceWhatLacks: once, not each time it looks.
func TestWaitSaysAtOnceWhatLacks(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var said []string
		_, err := waitForStatus(ctx, absent, []condition{{text: "ready"}}, func(lack string) {
			if time.Since(start) > 0 {
				t.Errorf("it says %q after %v", lack, time.Since(start))
			}
			said = append(said, lack)
		})
		if !errors.Is(err, control.ErrNotRunning) || !slices.Equal(said, []string{"no node answers at " + absent}) {
			t.Errorf("it said %q and ended with %v", said, err)
		}
	})
}
