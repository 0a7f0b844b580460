package sim

import (
	"context"
	"strings"
	"testing"
	"time"

	"camswarm/sim/baseline"
)

func played(t *testing.T, baselines []string, settings ...string) (p95 float64, install float64, out map[string]float64, notes string) {
	t.Helper()
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Links, s.ImageBytes, s.WarmUp = 4, "fast", 2_000_000, 20*time.Second
	for _, set := range settings {
		key, value, _ := strings.Cut(set, "=")
		if err := s.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(context.Background(), s, Options{Dir: t.TempDir(), Baselines: baselines})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed() {
		t.Errorf("%v: %d unfinished, %v", settings, r.Unfinished, r.Violations)
	}
	out = map[string]float64{}
	for k, b := range r.Baselines {
		out[k] = b.P95
	}
	for _, n := range r.Cameras() {
		install = max(install, n.Installed-n.Verified)
	}
	for _, f := range r.Faults {
		notes += f.Kind + ": " + f.Note + "\n"
	}
	return r.CompletionSeconds.P95, install, out, notes + strings.Join(r.LinkModel.Notes, "\n")
}

// A camera's processor and flash take their time, from everybody alike.
func TestACameraTakesItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip("whole runs")
	}
	fast, _, s3, _ := played(t, []string{baseline.S3})
	slow, install, slowS3, notes := played(t, []string{baseline.S3}, "camera.hash=100", "camera.byte=400", "camera.flash=1", "camera.signature=50ms")
	// 2 MB: 0.8 s for the bytes on the line, 0.2 to hash, and flash needs 2 s.
	if slow < 2.2 || slow > 4 || slow < fast+1 {
		t.Errorf("p95 %.2f s, %.2f without", slow, fast)
	}
	if slowS3[baseline.S3] < 2.2 || slowS3[baseline.S3] < s3[baseline.S3]+0.4 {
		t.Errorf("S3 takes %.2f s, %.2f without", slowS3[baseline.S3], s3[baseline.S3])
	}
	if install < 2.3 || !strings.Contains(notes, "400 ns for a byte on the line") {
		t.Errorf("installed %.2f s after; %s", install, notes)
	}
	if c := (Camera{Class: "armv7", Flash: 20}).resolved(); c.Hash != 20 || c.Flash != 20 || c.Signature == 0 {
		t.Errorf("%+v", c)
	}
}

// Runs keep their promises on lines as bad as there are, and say what they were.
func TestHarshLines(t *testing.T) {
	if testing.Short() {
		t.Skip("whole runs")
	}
	good, _, _, _ := played(t, nil)
	bad, _, _, notes := played(t, nil, "loss=0.01", "burst=6", "buffer=200ms", "jitter=5ms", "video=4")
	if bad < good {
		t.Errorf("p95 %.2f s, %.2f on good lines", bad, good)
	}
	for _, want := range []string{"one queue of 200ms", "5ms of jitter", "6 packets lost in a row", "a video of 4 Mbit/s", "video uploads: until the last camera"} {
		if !strings.Contains(notes, want) {
			t.Errorf("nothing says %q: %s", want, notes)
		}
	}
	s := Default()
	for _, set := range []string{"burst=-1", "burst=8", "buffer=11s", "jitter=2s", "video=11", "camera=z80", "camera.byte=-1"} {
		x := s
		x.Classes = []Class{{Name: "home", Share: 1, Up: 20, Down: 50}}
		key, value, _ := strings.Cut(set, "=")
		if err := x.Set(key, value); err != nil {
			t.Error(err)
		} else if x.Validate() == nil {
			t.Errorf("%s is valid", set)
		}
	}
}
