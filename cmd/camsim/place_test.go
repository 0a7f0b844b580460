package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/report"
	"camswarm/sim/report/page"
)

// interruptedRun gives a command line a context that is over when it returns to it.
func (l *lab) interrupted(args ...string) result {
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	inner := l.leave
	l.leave = func(s *sim.Scenario) bool {
		if inner == nil || inner(s) {
			cancel()
			return true
		}
		return false
	}
	defer func() { l.leave = inner }()
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, newRootCommand(l.program), args, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// plainly writes documents alone: drawing takes long, and other tests hold it.
func (l *lab) plainly() *lab {
	l.write = func(dir string, runs []*report.Report, _ bool) error {
		if l.full != nil && l.full(dir) {
			return &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
		}
		return page.WriteRuns(dir, runs, false)
	}
	l.writeSweep = func(dir string, s *report.Sweep, _ string, _ []string) error {
		return report.WriteFile(filepath.Join(dir, report.SweepFile), s.Encode)
	}
	return l
}

func file(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("what somebody wrote"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPlacesAreLookedAtBeforeAnythingRuns tries every command that writes.
func TestPlacesAreLookedAtBeforeAnythingRuns(t *testing.T) {
	l := newLab(t).plainly()
	dir := t.TempDir()
	file(t, filepath.Join(dir, "file"))
	done := filepath.Join(dir, "done")
	l.must("run", "--scenario", "flash-crowd", "--nodes", "5", "--quiet", "--out", done)
	l.ran = nil
	flash := []string{"--scenario", "flash-crowd", "--nodes", "5", "--quiet"}
	for name, command := range map[string][]string{
		"run":       append([]string{"run"}, flash...),
		"run seeds": append([]string{"run", "--seeds", "2"}, flash...),
		"sweep":     append([]string{"sweep", "--grid", "up=5,20"}, flash...),
		"flow":      {"flow", "--cameras", "1000"},
		"merge":     {"merge", filepath.Join(dir, "done")},
		"report":    {"report", filepath.Join(dir, "done")},
	} {
		for words, out := range map[string]string{
			"it is a file, not a directory": filepath.Join(dir, "file"),
			"a part of the path is a file":  filepath.Join(dir, "file", "below"),
		} {
			r := l.camsim(append(slices.Clone(command), "--out", out)...)
			if r.code != exitUsage || !strings.Contains(r.stderr, words) || strings.Contains(r.stderr, "open ") {
				t.Errorf("%s --out %s: exit code %d, %s", name, out, r.code, r.stderr)
			}
		}
		if name == "merge" || name == "report" { // in place they draw again
			continue
		}
		r := l.camsim(append(slices.Clone(command), "--out", done)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, "there is a result already, "+filepath.Join(done, report.ReportFile)) || !strings.Contains(r.stderr, "--overwrite") {
			t.Errorf("%s: exit code %d, %s", name, r.code, r.stderr)
		}
	}
	other := filepath.Join(dir, "other")
	l.must("flow", "--cameras", "1000", "--out", other)
	for _, command := range [][]string{{"merge", done}, {"report", done}, {"flow", "--cameras", "1000"}} {
		l.refused(exitUsage, "there is a result already", append(command, "--out", other)...)
	}
	l.refused(exitUsage, "cannot be written", "flow", "measure", "--out", filepath.Join(dir, "nowhere", "table.json"))
	if len(l.ran) > 0 {
		t.Errorf("%d runs were made for places that take nothing", len(l.ran))
	}

	// --overwrite replaces, and what is beside the result stays.
	before, err := report.ReadFile(done)
	if err != nil {
		t.Fatal(err)
	}
	file(t, filepath.Join(done, "notes.txt"))
	l.must("run", "--scenario", "flash-crowd", "--nodes", "6", "--quiet", "--out", done, "--overwrite")
	after, err := report.ReadFile(done)
	if err != nil || before.Nodes != 5 || after.Nodes != 6 {
		t.Errorf("%d cameras became %d (%v)", before.Nodes, after.Nodes, err)
	}
	if _, err := os.Stat(filepath.Join(done, "notes.txt")); err != nil {
		t.Error(err)
	}
	l.must("flow", "--cameras", "1000", "--out", other, "--overwrite")
	l.must("merge", done)
	l.must("report", done)
}

func TestResultIsPrintedWhateverHappensToItsFiles(t *testing.T) {
	l := newLab(t).plainly()
	l.full = func(string) bool { return true }
	for _, quiet := range []bool{false, true} {
		args := []string{"run", "--scenario", "flash-crowd", "--nodes", "5", "--out", t.TempDir()}
		if quiet {
			args = append(args, "--quiet")
		}
		r := l.camsim(args...)
		if r.code != exitFailed || strings.Count(unwrapped(r.stdout), "times the fluid bound") != 1 || !strings.Contains(r.stderr, "it is printed: the disk is full; free some space") {
			t.Errorf("quiet %v: exit code %d\n%s%s", quiet, r.code, r.stdout, r.stderr)
		}
	}
	r := l.camsim("run", "--scenario", "flash-crowd", "--nodes", "5", "--out", t.TempDir(), "--json")
	if got := document[report.Report](t, r.stdout); r.code != exitFailed || got.Nodes != 5 {
		t.Errorf("exit code %d, %d cameras", r.code, got.Nodes)
	}
	r = l.camsim("run", "--scenario", "flash-crowd", "--nodes", "5", "--out", t.TempDir(), "--seeds", "3", "--json")
	if m := document[report.Merged](t, r.stdout); r.code != exitFailed || m.Runs != 1 || !strings.Contains(r.stderr, "stopped after 1 of 3 runs: the disk is full") {
		t.Errorf("exit code %d, %d runs\n%s", r.code, m.Runs, r.stderr)
	}
}

// TestFullDiskLosesNoRunOfASweep fills the disk under the third of six runs.
func TestFullDiskLosesNoRunOfASweep(t *testing.T) {
	l := newLab(t).plainly()
	out := t.TempDir()
	l.full = func(string) bool { return len(l.ran) >= 3 }
	args := []string{"sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,5,6,7,8,9", "--seeds", "1", "--baselines", "none", "--out", out}
	r := l.camsim(args...)
	if r.code != exitFailed || !strings.Contains(r.stderr, "stopped after 3 of 6 runs: the disk is full; free some space") || !strings.Contains(r.stderr, "!! not written") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	for _, row := range []string{"nodes 4", "nodes 5", "nodes 6"} {
		if !strings.Contains(r.stdout, row) {
			t.Errorf("no row %q of a run that was measured:\n%s", row, r.stdout)
		}
	}
	l.full = nil
	r = l.must(args...)
	if len(l.ran) != 7 || !strings.Contains(r.stderr, "6 runs, 2 are there") { // the third, measured again, and three more
		t.Errorf("%d runs\n%s", len(l.ran), r.stderr)
	}
}

func TestInterruptKeepsWhatIsDone(t *testing.T) {
	l := newLab(t).plainly()
	out := filepath.Join(t.TempDir(), "out")
	run := []string{"run", "--scenario", "flash-crowd", "--nodes", "5", "--out", out}
	r := l.interrupted(run...)
	if r.code != cli.ExitInterrupted || !strings.Contains(r.stdout, "!! INTERRUPTED") || !strings.Contains(r.stdout, "1 of 5 cameras") ||
		!strings.Contains(r.stderr, "camsim: interrupted; what there was by then is printed and kept in "+out) {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got, err := report.ReadFile(out); err != nil || !got.Interrupted {
		t.Errorf("%+v, %v", got, err)
	}
	l.must(run...) // what is there is no result
	if got, err := report.ReadFile(out); err != nil || got.Interrupted {
		t.Errorf("%+v, %v", got, err)
	}

	out = filepath.Join(t.TempDir(), "seeds")
	run = []string{"run", "--scenario", "flash-crowd", "--nodes", "5", "--seeds", "71,73,75", "--out", out}
	l.leave = func(s *sim.Scenario) bool { return s.Seed == 75 }
	r = l.interrupted(run...)
	if r.code != cli.ExitInterrupted || !strings.Contains(r.stdout, "medians of 2 runs") || !strings.Contains(r.stdout, "71, 73 ·") || !strings.Contains(r.stderr, "2 of 3 seeds are done; they are printed and kept in "+out) {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	l.leave, l.ran = nil, nil
	if r = l.must(run...); len(l.ran) != 1 || !strings.Contains(r.stdout, "71, 73, 75 ·") || !strings.Contains(r.stderr, "2 of 3 seeds are there") {
		t.Errorf("%d runs\n%s%s", len(l.ran), r.stdout, r.stderr)
	}
	// Another scenario, or another commit, is not mixed in.
	l.refused(exitUsage, "there is a result already", "run", "--scenario", "flash-crowd", "--nodes", "6", "--seeds", "81,82", "--out", out)
	l.refused(exitUsage, "made by another command", "run", "--scenario", "flash-crowd", "--nodes", "6", "--seeds", "71,82", "--out", out)
	l.commit = "another"
	l.refused(exitUsage, "--any-commit", run...)
	l.must(append(run, "--any-commit")...)

	out = filepath.Join(t.TempDir(), "sweep")
	sweep := []string{"sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,5,6", "--seeds", "1", "--out", out}
	l.leave = func(s *sim.Scenario) bool { return s.Nodes == 6 }
	r = l.interrupted(sweep...)
	if r.code != cli.ExitInterrupted || !strings.Contains(r.stdout, "nodes 5") || !strings.Contains(r.stderr, "2 of 3 runs are done:") || !strings.Contains(r.stderr, "interrupted; call the same command again to go on") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	l.leave, l.ran = nil, nil
	if l.must(sweep...); len(l.ran) != 1 {
		t.Errorf("%d runs", len(l.ran))
	}
}

func TestSeedsAreHowManyOrWhich(t *testing.T) {
	for text, want := range map[string][]uint64{"1": {7}, "3": {7, 8, 9}, "71,73": {71, 73}, "5-7,2": {5, 6, 7, 2}} {
		if got, err := parseSeeds(text, 7); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "1001", "0,1", "5-4", "1-2000", "1,1", "1.5", "18446744073709551615-1"} {
		if got, err := parseSeeds(text, 7); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	if _, err := parseSeeds("18446744073709551614-18446744073709551615", 1); err != nil {
		t.Error(err)
	}
}

func TestCompareHoldsOneResultToAnother(t *testing.T) {
	l := newLab(t).plainly()
	dir := t.TempDir()
	run := func(name string, more ...string) string {
		out := filepath.Join(dir, name)
		l.must(append([]string{"run", "--scenario", "flash-crowd", "--nodes", "20", "--seeds", "71,72,73", "--quiet", "--out", out}, more...)...)
		return out
	}
	a := run("a")
	l.commit = "the next"
	b := run("b")
	l.must("compare", a, b, "--within", "3")
	l.spoil = func(r *report.Report) {
		for i := range r.PerNode {
			r.PerNode[i].Verified *= 1.05
		}
	}
	slow := run("slow")
	r := l.camsim("compare", a, slow, "--within", "3")
	if r.code != exitFailed || !strings.Contains(r.stderr, "not within 3 %: completionSeconds.p50 went from ") || !strings.Contains(r.stderr, "(+5.0 %)") || !strings.Contains(r.stderr, "completionSeconds.p95") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
	l.must("compare", a, slow, "--within", "6")
	l.must("compare", a, slow, "--within", "3", "--metric", "seedCopies")
	l.refused(exitUsage, "no metric", "compare", a, slow, "--within", "3", "--metric", "speed")
	l.spoil = nil
	l.refused(exitFailed, "up unset and 5", "compare", a, run("other", "--set", "up=5"), "--within", "3")
}

// TestPlansAreSweeps holds the built-in lists of points.
func TestPlansAreSweeps(t *testing.T) {
	for _, p := range plans() {
		l := newLab(t).plainly()
		lines := strings.Split(strings.TrimSpace(l.must("sweep", "--plan", p.name, "--out", t.TempDir(), "--dry-run").stdout), "\n")
		if len(lines) != len(p.points) || !strings.Contains(lines[0], "--baselines none") {
			t.Errorf("%s: %d commands for %d points, %s", p.name, len(lines), len(p.points), lines[0])
		}
		if !strings.Contains(l.must("sweep", "--help").stdout, p.name) {
			t.Errorf("--help does not name %s", p.name)
		}
	}
	l := newLab(t).plainly()
	l.spoil = func(r *report.Report) {
		if r.Nodes == 40 {
			r.Violations = []report.Violation{{Invariant: "honest peers are not accused", Node: "camera-3", Detail: "9 wrong bytes"}}
		}
	}
	r := l.camsim("sweep", "--plan", "invariants-small", "--out", t.TempDir(), "--quiet")
	if r.code != exitFailed || !strings.Contains(r.stderr, "nodes 40") || !strings.Contains(r.stderr, "honest peers are not accused") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
}
