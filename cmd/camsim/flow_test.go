package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"camswarm/sim"
)

func TestFlowPrintsWhatIsExtrapolatedAndHowFarOffItIs(t *testing.T) {
	l := newLab(t)
	out := l.must("flow", "--cameras", "100,1000000").stdout
	for _, words := range []string{"1000000*", "extrapolated beyond N=", "node-level runs", "the model errs by", "The swarm is faster than S3, capped egress at p95 from"} {
		if !strings.Contains(out, words) {
			t.Errorf("no %q in:\n%s", words, out)
		}
	}
	if strings.Contains(out, " 100*") {
		t.Errorf("100 cameras are marked as extrapolated:\n%s", out)
	}
	if out := l.must("flow", "--scenario", "global", "--cameras", "1000").stdout; !strings.Contains(out, "leaves out: loss of packets") {
		t.Errorf("nothing is said of loss:\n%s", out)
	}
}

func TestFlowPrintsOneDocumentAndDraws(t *testing.T) {
	l := newLab(t)
	dir := filepath.Join(t.TempDir(), "out")
	d := document[flowDocument](t, l.must("flow", "--cameras", "10_000", "--seeds-per-100k", "50", "--up", "5", "--seed-up", "1000", "--rtt", "5ms-40ms",
		"--s3-egress", "10000", "--image-bytes", "1000000", "--block-bytes", "65536", "--out", dir, "--json").stdout)
	r := d.Results[0]
	if d.Model != "flow" || len(d.Results) != 1 || r.Cameras != 10_000 || r.Seeds != 5 || d.ImageBytes != 1_000_000 || len(d.Crossings) != 3 || d.Calibration.LargestNodes == 0 {
		t.Errorf("%+v", d)
	}
	if want := 1e4 * 8e6 / (5*1e9 + 1e4*5e6); r.BoundSeconds < want*0.99 || r.BoundSeconds > want*1.01 || r.ExtrapolatedBeyond != d.Calibration.LargestNodes {
		t.Errorf("bound %.3f s, expected %.3f; %+v", r.BoundSeconds, want, r)
	}
	if want := "camsim flow --cameras 10_000 --seeds-per-100k 50 --up 5"; !strings.HasPrefix(d.Command, want) {
		t.Errorf("command %q", d.Command)
	}
	for _, name := range []string{flowFile, "flow-completion.svg", "flow-completion.png", "flow-completion.pdf", "flow-completion-p50.pdf"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlowRefusesWhatItCannotCompute(t *testing.T) {
	l := newLab(t)
	for words, args := range map[string][]string{
		"--cameras":             {"--cameras", "many"},
		"1 to 100000000":        {"--cameras", "0"},
		"--seeds must be":       {"--seeds", "0"},
		"exclude each other":    {"--seeds", "2", "--seeds-per-100k", "3"},
		"--rtt":                 {"--rtt", "fast"},
		"must not decrease":     {"--rtt", "150ms-10ms"},
		"world's measured":      {"--scenario", "global", "--rtt", "1ms-2ms"},
		"would change none":     {"--scenario", "global", "--up", "5"},
		"no built-in":           {"--scenario", "nowhere"},
		"--cameras (see":        {"--set", "nodes=5"},
		"KEY=VALUE":             {"--set", "loss"},
		"power of two":          {"--block-bytes", "1000"},
		"capped origin":         {"--s3-egress", "0"},
		"cannot be dialled":     {"--nat", "1", "--cameras", "100000"},
		"--out is missing":      {"measure"},
		"no such file":          {"fit", "nowhere.json"},
		"--seed-connections":    {"--seed-connections", "-1"},
		"--seeds-per-100k must": {"--seeds-per-100k", "-1"},
	} {
		l.refused(exitUsage, words, append([]string{"flow"}, args...)...)
	}
}

// TestMeasureGoesOnWhereItStopped measures with made-up runs, twice.
func TestMeasureGoesOnWhereItStopped(t *testing.T) {
	l := newLab(t)
	path := filepath.Join(t.TempDir(), "table.json")
	l.must("flow", "measure", "--out", path, "--largest", "64", "--planner", "30")
	first := len(l.ran)
	table, err := readTable(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Points) != first+1 || first < 8 || table.Commit != l.commit {
		t.Fatalf("%d points of %d runs at commit %s", len(table.Points), first, table.Commit)
	}
	if i := slices.IndexFunc(l.ran, func(s sim.Scenario) bool { return s.Classes[0].Up == 5 }); i < 0 || l.ran[i].Classes[0].Down != 50 || l.ran[i].Links != "fast" {
		t.Error("no run had 5 Mbit/s up and 50 down over fast links")
	}
	l.must("flow", "measure", "--out", path, "--largest", "64", "--planner", "30")
	if len(l.ran) != first {
		t.Errorf("%d runs were repeated", len(l.ran)-first)
	}
	if out := l.must("flow", "fit", path, "--keep").stdout; !strings.Contains(out, "scheduler alone: 1 points, up to 30 cameras") {
		t.Errorf("no errors were printed:\n%s", out)
	}
	l.commit = "another"
	l.refused(exitUsage, "delete it", "flow", "measure", "--out", path)
}
