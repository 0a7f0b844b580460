package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// screen is a terminal as far as the demo uses one: text, newline, cursor up and
// erase below. Lines that are too wide for it go on in the next row.
type screen struct {
	width, height int
	lines         []string // by newlines; the cursor is behind the last one, in column 0
	rest          string   // written, not yet ended by a newline
}

var cursorUp = regexp.MustCompile(`^\x1b\[(\d+)A\x1b\[J`)

func (s *screen) rows(line string) int {
	return max(1, (utf8.RuneCountInString(line)+s.width-1)/s.width)
}

func (s *screen) Write(b []byte) (int, error) {
	text := s.rest + string(b)
	for text != "" {
		if m := cursorUp.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[1])
			n = min(n, s.height-1) // there is no way into what has scrolled away
			for n > 0 && len(s.lines) > 0 {
				last := s.lines[len(s.lines)-1]
				n -= s.rows(last)
				s.lines = s.lines[:len(s.lines)-1]
			}
			if n < 0 {
				s.lines = append(s.lines, "CUT")
			}
			text = text[len(m[0]):]
			continue
		}
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		s.lines = append(s.lines, line)
		text = rest
	}
	s.rest = text
	return len(b), nil
}

// someNodes are a seed and cameras in some state.
func someNodes(n int, r *rand.Rand) []demoRow {
	rows := []demoRow{{name: "seed", runs: "-", doing: "serving 1", upload: 123_456_789}}
	for i := range n {
		row := demoRow{name: fmt.Sprintf("camera-%d", i+1), runs: "-", doing: "idle"}
		if r.IntN(2) == 0 {
			row.busy, row.runs, row.doing = true, "1", "2 [#####.....]  50% 3 peers and a reason that is long"
		}
		rows = append(rows, row)
	}
	return rows
}

// TestDemoFitsTheTerminal: whatever its size, and however it is resized, there is
// one table on it, no line of it is wrapped, and no line above it is lost. Only
// what a terminal that became narrower has wrapped and scrolled away stays where
// nobody can reach it.
func TestDemoFitsTheTerminal(t *testing.T) {
	for _, tc := range []struct{ cameras, width, height int }{
		{30, 80, 24}, {8, 80, 24}, {200, 80, 24}, {30, 40, 10}, {30, 200, 60}, {3, 80, 5}, {30, 80, 3}, {30, 80, 2}, {1, 20, 24},
	} {
		r := rand.New(rand.NewPCG(1, uint64(tc.cameras*tc.width+tc.height)))
		s := &screen{width: tc.width, height: tc.height}
		v := &demoView{w: s, raw: s, live: true, began: time.Now(), rows: func() []demoRow { return someNodes(tc.cameras, r) },
			size: func() (int, int) { return s.width, s.height }}
		said, gone := 0, 0
		for range 300 {
			switch r.IntN(8) {
			case 0:
				said++
				v.say("line %d: %s", said, strings.Repeat("word ", r.IntN(30)))
			case 1:
				// A terminal that grew or shrank; in most it is narrower for a while.
				s.width, s.height = max(20, tc.width-r.IntN(20)), max(2, tc.height+r.IntN(3))
				wrapped := 0
				for _, line := range v.frame {
					wrapped += s.rows(line)
				}
				if wrapped >= s.height {
					gone++
				}
			default:
				v.draw()
				for _, line := range v.frame {
					if utf8.RuneCountInString(line) >= s.width {
						t.Fatalf("%+v: %q does not fit into %d columns", tc, line, s.width)
					}
				}
				if len(v.frame) >= s.height {
					t.Fatalf("%+v: %d lines do not fit into %d", tc, len(v.frame), s.height)
				}
			}
		}
		all := strings.Join(s.lines, "\n")
		if n := strings.Count(all, "CUT"); n > gone {
			t.Errorf("%+v: %d lines were erased by half", tc, n)
		}
		if n := strings.Count(all, "  node "); n > 1+gone {
			t.Errorf("%+v: %d tables on the screen, %d of them scrolled away", tc, n, gone)
		}
		for i := range said {
			if n := strings.Count(all, fmt.Sprintf("line %d:", i+1)); n != 1 {
				t.Errorf("%+v: line %d is there %d times", tc, i+1, n)
			}
		}
	}
}

// TestDemoShowsWhoIsBusy: where not all cameras fit, those on the way to a release
// do, and the rest is counted.
func TestDemoShowsWhoIsBusy(t *testing.T) {
	rows := someNodes(0, nil)
	for i := range 30 {
		rows = append(rows, demoRow{name: fmt.Sprintf("camera-%d", i+1), runs: "2", busy: i >= 20, doing: "x"})
	}
	rows[15].runs = "-"
	frame := demoFrame(rows, 80, 24)
	if len(frame) != 23 {
		t.Errorf("%d lines, 23 fit", len(frame))
	}
	all := strings.Join(frame, "\n")
	for _, name := range []string{"seed ", "camera-21 ", "camera-30 "} {
		if !strings.Contains(all, name) {
			t.Errorf("%s is missing:\n%s", name, all)
		}
	}
	if want := "… and 10 more: 1 run no release, 9 run release 2"; !strings.Contains(all, want) {
		t.Errorf("no %q in\n%s", want, all)
	}
	if got := demoFrame(rows[:9], 80, 24); len(got) != 10 || strings.Contains(strings.Join(got, ""), "more") {
		t.Errorf("nine nodes: %q", got)
	}
	if !strings.Contains(frame[0], "uploaded") || len(frame[0]) > 79 {
		t.Errorf("the head does not fit into 80 columns: %q", frame[0])
	}
}

// TestDemoReportFitsTheTerminal: its table, too.
func TestDemoReportFitsTheTerminal(t *testing.T) {
	r := demoReport{Cameras: 200, Notes: []string{strings.Repeat("word ", 40)}, Releases: []releaseReport{
		{Sequence: 1, Version: "1.0.0", ImageBytes: 123_400_000, Installed: 200, SeedBytes: 123_400_000_000, PeerBytes: 123_400_000, Seconds: quantiles{123.45, 123.45, 123.45}, Duplicates: 1}}}
	var b strings.Builder
	r.print(&b)
	for line := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(line) > 80 { // with the newline
			t.Errorf("too wide: %q", line)
		}
	}
}

// TestDemoExplainsWhatLooksOdd.
func TestDemoExplainsWhatLooksOdd(t *testing.T) {
	for name, tc := range map[string]struct {
		cameras     int
		seed, peers int64
		eligible    int
		says        []string
	}{
		"one camera":       {1, 12, 0, 0, []string{"nobody to share with"}},
		"little sharing":   {2, 9, 3, 0, []string{"uplink of 100 Mbit/s fills 2 downlinks of 50"}},
		"as in the README": {8, 10, 40, 0, nil},
		"an odd half":      {8, 10, 40, 6, []string{"6 of 8 cameras eligible", "hash of its DID"}},
		"an even half":     {8, 10, 40, 4, nil},
	} {
		r := &demoReport{Cameras: tc.cameras, Releases: []releaseReport{{SeedBytes: tc.seed, PeerBytes: tc.peers}}}
		if tc.eligible > 0 {
			r.Releases[0].Rollout = []stepReport{{"one canary", 1}, {demoHalf, tc.eligible}, {"all cameras", tc.cameras}}
		}
		notes := (&demo{}).notes(r)
		if len(notes) != map[bool]int{true: 1, false: 0}[tc.says != nil] {
			t.Errorf("%s: %q", name, notes)
		}
		for _, s := range tc.says {
			if !strings.Contains(strings.Join(notes, "\n"), s) {
				t.Errorf("%s: %q does not say %q", name, notes, s)
			}
		}
	}
}
