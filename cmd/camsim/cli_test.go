package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/report"
	"camswarm/sim/report/page"
)

// ended is how a child ended.
type ended int

func (e ended) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
func (e ended) ExitCode() int { return int(e) }

// lab is a program whose runs are made up, and whose children run in this process.
type lab struct {
	*program
	t     *testing.T
	mu    sync.Mutex
	ran   []sim.Scenario // in the order in which they ended
	last  sim.Options
	fails func(s *sim.Scenario) error // of the run itself
	spoil func(r *report.Report)      // before it is returned
	full  func(dir string) bool       // whether the disk under a directory is full
	leave func(s *sim.Scenario) bool  // whether a run is interrupted, with a part of its result
	env   map[string]string
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, env: map[string]string{}}
	l.program = &program{
		simulate:  l.simulate,
		need:      func(s *sim.Scenario) (int64, time.Duration) { return int64(s.Nodes) * 10e6, time.Second },
		available: func() int64 { return 8e9 },
		self:      []string{"camsim"},
		getenv:    func(name string) string { return l.env[name] },
		write: func(dir string, runs []*report.Report, figures bool) error {
			if l.full != nil && l.full(dir) {
				return &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
			}
			return page.WriteRuns(dir, runs, figures)
		},
		writeSweep: page.WriteSweep,
		probe: func(dir string) error {
			if l.full != nil && l.full(dir) {
				return &fs.PathError{Op: "write", Path: dir, Err: syscall.ENOSPC}
			}
			return nil
		},
		commit: "0123456789012345678901234567890123456789",
	}
	l.child = func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
		if code := cli.Run(ctx, newRootCommand(l.program), args, strings.NewReader(""), stdout, stderr); code != exitOK {
			return ended(code)
		}
		return nil
	}
	return l
}

func (l *lab) simulate(ctx context.Context, s *sim.Scenario, o sim.Options) (*report.Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.fails != nil {
		if err := l.fails(s); err != nil {
			return nil, err
		}
	}
	if o.Progress != nil {
		o.Progress(sim.Progress{Phase: "release 1", Virtual: time.Second, Nodes: s.Nodes, Done: 1})
	}
	r := &report.Report{Schema: report.Schema, Scenario: s.Name, Nodes: s.Nodes, Seeds: 1, Seed: s.Seed, Links: s.Links, Commit: o.Commit,
		ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, FluidBoundSeconds: 2, MessagesPerBlock: 3, CPUSeconds: 1, PeakMemoryBytes: 1e6,
		Baselines: map[string]report.Baseline{}, Violations: []report.Violation{}}
	r.PerNode = append(r.PerNode, report.Node{Name: "seed1", Role: report.RoleSeed, Region: "lab", Sent: s.ImageBytes})
	for i := range s.Nodes {
		at := 2.5 + 0.1*float64(s.Seed) + float64(i)/float64(s.Nodes)
		r.PerNode = append(r.PerNode, report.Node{Name: fmt.Sprintf("cam%d", i+1), Role: report.RoleCamera, Region: "lab", Announced: 0.1, Verified: at,
			Received: s.ImageBytes, Progress: []float64{at / 2, at}, ByTier: map[string]int64{"seed": s.ImageBytes}})
	}
	for _, b := range o.Baselines {
		seconds := make([]float64, s.Nodes)
		for i := range seconds {
			seconds[i] = 5 + float64(i)
		}
		r.Baselines[b] = report.Baseline{Seconds: seconds, Note: "made up"}
	}
	r.Summarize()
	if l.spoil != nil {
		l.spoil(r)
		r.Summarize()
	}
	if l.leave != nil && l.leave(s) {
		r.Interrupted = true
		r.PerNode[len(r.PerNode)-1].Verified = -1
		r.Summarize()
		return r, context.Canceled
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran, l.last = append(l.ran, *s), o
	return r, nil
}

// result is what one command line did.
type result struct {
	code           int
	stdout, stderr string
}

func (l *lab) camsim(args ...string) result {
	l.t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(l.t.Context(), newRootCommand(l.program), args, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func (l *lab) must(args ...string) result {
	l.t.Helper()
	r := l.camsim(args...)
	if r.code != exitOK {
		l.t.Fatalf("camsim %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// refused runs one that has to fail with the code and one line with the words.
func (l *lab) refused(code int, words string, args ...string) {
	l.t.Helper()
	r := l.camsim(args...)
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	last := lines[len(lines)-1]
	if r.code != code || !strings.Contains(last, words) || !strings.HasPrefix(last, "camsim: ") {
		l.t.Errorf("camsim %s: exit code %d and %q, want %d and a line with %q", strings.Join(args, " "), r.code, r.stderr, code, words)
	}
	if code == exitUsage && !strings.Contains(last, "--help") {
		l.t.Errorf("camsim %s: %q does not say where help is", strings.Join(args, " "), last)
	}
}

// document decodes the one document on stdout.
func document[T any](t *testing.T, stdout string) (v T) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(stdout))
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		t.Fatalf("more than one document:\n%s", stdout)
	}
	return v
}

func TestWrongCommandLinesSayWhatToDo(t *testing.T) {
	l := newLab(t)
	flash := func(more ...string) []string { return append([]string{"run", "--scenario", "flash-crowd"}, more...) }
	sweep := func(more ...string) []string {
		return append([]string{"sweep", "--scenario", "flash-crowd", "--out", t.TempDir()}, more...)
	}
	for _, c := range []struct {
		words string
		args  []string
	}{
		{"camsim needs one of: compare, ", nil},
		{`no command "rnu"`, []string{"rnu"}},
		{"did you mean --nodes", []string{"run", "--node", "3"}},
		{"unknown flag --test.v", []string{"run", "--test.v"}}, // the testing package is linked, its flags are not
		{"--scenario is missing", []string{"run"}},
		{"flash-crowd", []string{"run", "--scenario", "nonesuch"}},
		{"no such file", []string{"run", "--scenario", "nonesuch.toml"}},
		{"nodes is 0", flash("--nodes", "0")},
		{"nodes is -4", flash("--nodes", "-4")},
		{"--seed must be 1", flash("--seed", "0")},
		{"write how many", flash("--seeds", "0")},
		{"write how many", flash("--seeds", "3,x")},
		{"has 4 twice", flash("--seeds", "4,1-5")},
		{"exclude each other", flash("--seeds", "4,5", "--seed", "4")},
		{"--scratch", flash("--scratch", "/nonexistent/scratch")},
		{"no plan", []string{"sweep", "--plan", "all", "--out", t.TempDir()}},
		{"exclude each other", []string{"sweep", "--plan", "invariants", "--grid", "nodes=1", "--out", t.TempDir()}},
		{"a whole number, such as 50", flash("--set", "nodes=many")},
		{"goes with --within", []string{"compare", "a", "b", "--metric", "seedCopies"}},
		{"--within is -1", []string{"compare", "a", "b", "--within=-1"}},
		{"links is", flash("--links", "tcp")},
		{"no baseline", flash("--baselines", "s3,ftp")},
		{"KEY=VALUE", flash("--set", "loss")},
		{"unknown key", flash("--set", "no_such_key=1")},
		{"by --seed", flash("--set", "seed=4")},
		{"block_bytes", flash("--block-bytes", "1000")},
		{"unexpected argument", flash("extra")},
		{"--set A=1 --set B=2", flash("--set", "loss=0.005", "burst=8")},
		{"set loss too", flash("--set", "burst=8")},
		{"1 argument must be given", []string{"show"}},
		{"nonesuch", []string{"show", "nonesuch"}},
		{"2 arguments must be given", []string{"compare", "a"}},
		{"no such file", []string{"compare", "/nonexistent/a", "/nonexistent/b"}},
		{"no such file", []string{"report", "/nonexistent"}},
		{"no report.json", []string{"merge", t.TempDir()}},
		{"--grid is missing", sweep()},
		{"--out is missing", []string{"sweep", "--scenario", "flash-crowd", "--grid", "nodes=1"}},
		{"KEY=V1,V2", sweep("--grid", "=1,2")},
		{"empty value", sweep("--grid", "nodes=1,,2")},
		{"empty value", sweep("--grid", "nodes")},
		{"twice", sweep("--grid", "nodes=1", "--grid", "nodes=2")},
		{"nodes is 0", sweep("--grid", "nodes=5,0")},
		{"unknown key", sweep("--grid", "colour=red")},
		{"more than", sweep("--grid", "nodes=1,2,3,4,5,6,7,8,9,10", "--grid", "up=1,2,3,4,5,6,7,8,9,10", "--grid", "down=1,2,3,4,5,6,7,8,9,10", "--grid", "loss=0,0.1,0.2", "--seeds", "1000")},
		{"I from 1 to N", sweep("--grid", "nodes=1", "--shard", "0/3")},
		{"I from 1 to N", sweep("--grid", "nodes=1", "--shard", "4/3")},
		{"I/N", sweep("--grid", "nodes=1", "--shard", "1/x")},
		{"neither SLURM", sweep("--grid", "nodes=1", "--shard", "auto/3")},
		{"--jobs", sweep("--grid", "nodes=1", "--jobs", "0")},
	} {
		l.refused(exitUsage, c.words, c.args...)
	}
	if len(l.ran) > 0 {
		t.Errorf("%d runs came of wrong command lines", len(l.ran))
	}
}

func TestListAndShow(t *testing.T) {
	l := newLab(t)
	list := strings.Join(strings.Fields(l.must("list").stdout), " ") // it is wrapped
	entries := document[[]struct{ Name, Doc string }](t, l.must("list", "--json").stdout)
	if len(entries) == 0 {
		t.Fatal("no scenarios")
	}
	for _, e := range entries {
		if !strings.Contains(list, e.Name+" "+strings.Join(strings.Fields(e.Doc), " ")) {
			t.Errorf("the list has no %s", e.Name)
		}
		// What show prints is a scenario file that runs.
		path := filepath.Join(t.TempDir(), "mine.toml")
		if err := os.WriteFile(path, []byte(l.must("show", e.Name).stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		l.must("run", "--scenario", path, "--quiet", "--nodes", "5")
	}
}

func TestRunPrintsOneDocument(t *testing.T) {
	l := newLab(t)
	r := l.must("run", "--scenario", "flash-crowd", "--nodes", "7", "--seed", "9", "--links", "fast", "--baselines", "s3,cdn", "--set", "loss=0.01",
		"--image-bytes", "100000", "--block-bytes", "16384", "--json")
	got := document[report.Report](t, r.stdout)
	if got.Nodes != 7 || got.Seed != 9 || got.Links != "fast" || got.ImageBytes != 100000 || got.BlockBytes != 16384 || got.Commit != l.commit {
		t.Errorf("got %+v", got)
	}
	if len(got.Baselines) != 2 || got.Settings["loss"] != "0.01" || len(got.Settings) != 1 {
		t.Errorf("baselines %v, settings %v", got.Baselines, got.Settings)
	}
	// The command in the report repeats the run.
	again := l.must(append(strings.Fields(got.Command)[1:], "--json")...)
	if again.stdout != r.stdout {
		t.Errorf("%s does not repeat the run", got.Command)
	}
}

// unwrapped is a text on one line.
func unwrapped(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestRunTellsProgressAndTheVerdict(t *testing.T) {
	l := newLab(t)
	var told atomic.Bool
	inner := l.program.simulate
	l.program.simulate = func(ctx context.Context, s *sim.Scenario, o sim.Options) (*report.Report, error) {
		told.Store(o.Progress != nil)
		return inner(ctx, s, o)
	}
	r := l.must("run", "--scenario", "flash-crowd", "--nodes", "7")
	if !told.Load() || !strings.Contains(unwrapped(r.stdout), "times the fluid bound") {
		t.Errorf("progress asked for: %v, stdout:\n%s", told.Load(), r.stdout)
	}
	r = l.must("run", "--scenario", "flash-crowd", "--nodes", "7", "--quiet")
	if told.Load() || r.stdout != "" || r.stderr != "" {
		t.Errorf("--quiet is not: %v %q %q", told.Load(), r.stdout, r.stderr)
	}

	l.spoil = func(r *report.Report) {
		r.PerNode[2].Verified = -1
		r.Violations = []report.Violation{{Invariant: "nothing unverified is installed", Node: "cam1", Detail: "it was"}}
	}
	r = l.camsim("run", "--scenario", "flash-crowd", "--nodes", "7", "--json")
	if r.code != exitFailed || !strings.Contains(r.stderr, "1 of 7 cameras") || !strings.Contains(r.stderr, "nothing unverified is installed") {
		t.Errorf("a failed run: exit code %d, %q", r.code, r.stderr)
	}
	if got := document[report.Report](t, r.stdout); got.Unfinished != 1 {
		t.Errorf("its document says %d unfinished", got.Unfinished)
	}

	l.fails = func(*sim.Scenario) error { return errors.New("the clock stands still") }
	l.refused(exitFailed, "the clock stands still", "run", "--scenario", "flash-crowd")
}

func TestRunIsRefusedWhenItIsTooLarge(t *testing.T) {
	l := newLab(t)
	l.available = func() int64 { return 1e9 }
	l.refused(exitFailed, "needs about 2.00 GB of memory, and 1.00 GB are available", "run", "--scenario", "flash-crowd", "--nodes", "200")
	l.refused(exitFailed, "fewer --jobs", "sweep", "--scenario", "flash-crowd", "--grid", "nodes=20,60", "--jobs", "2", "--out", t.TempDir())
	if len(l.ran) > 0 {
		t.Error("it ran all the same")
	}
	l.must("run", "--scenario", "flash-crowd", "--nodes", "200", "--force", "--quiet")
	l.available = func() int64 { return 0 } // nothing says how much there is
	l.must("run", "--scenario", "flash-crowd", "--nodes", "200", "--quiet")
}

func TestMemoryIsTheLeastOfMachineAndGroup(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing known", nil, 0},
		{"machine", map[string]string{"/proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    4000 kB\n"}, 4096000},
		{"container", map[string]string{"/proc/meminfo": "MemAvailable: 4000 kB\n", "/sys/fs/cgroup/memory.max": "1000000\n", "/sys/fs/cgroup/memory.current": "400000\n"}, 600000},
		{"no limit", map[string]string{"/proc/meminfo": "MemAvailable: 4000 kB\n", "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/memory.current": "400000\n"}, 4096000},
		{"slice", map[string]string{"/proc/self/cgroup": "0::/user.slice/x\n", "/sys/fs/cgroup/user.slice/x/memory.max": "5000", "/sys/fs/cgroup/user.slice/x/memory.current": "1000"}, 4000},
		{"version 1", map[string]string{"/proc/self/cgroup": "3:memory:/job\n", "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "7000", "/sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1000",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 6000},
	} {
		got := leastMemory(func(path string) ([]byte, error) {
			if s, ok := c.files[path]; ok {
				return []byte(s), nil
			}
			return nil, os.ErrNotExist
		})
		if got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
	if availableMemory() < 0 {
		t.Error("this machine has less than no memory")
	}
}

func TestSeedsRunOneByOneAndAreMerged(t *testing.T) {
	l := newLab(t)
	out := filepath.Join(t.TempDir(), "out")
	r := l.must("run", "--scenario", "flash-crowd", "--nodes", "5", "--seed", "4", "--seeds", "3", "--baselines", "s3", "--json", "--out", out)
	m := document[report.Merged](t, r.stdout)
	if m.Runs != 3 || !slices.Equal(m.RandomSeeds, []uint64{4, 5, 6}) || m.CompletionSeconds.P95 != m.Bands["completionSeconds.p95"].Median {
		t.Errorf("got %+v", m)
	}
	if !strings.HasSuffix(m.Command, "--seed 4 --baselines s3 --seeds 3") {
		t.Errorf("command %s", m.Command)
	}
	for _, name := range []string{"merged.json", "report.html", "completion-cdf.png", "seed-4/report.json", "seed-6/nodes.csv"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	// The directory can be compared and drawn again.
	if r := l.must("compare", out, filepath.Join(out, "seed-4")); !strings.Contains(r.stdout, "completionSeconds.p95") || strings.Contains(r.stdout, "WARNING") {
		t.Errorf("compare:\n%s", r.stdout)
	}
	if err := os.Remove(filepath.Join(out, "report.html")); err != nil {
		t.Fatal(err)
	}
	if r := l.must("report", out); !strings.Contains(r.stdout, "medians of 3 runs") {
		t.Errorf("report:\n%s", r.stdout)
	}
	if _, err := os.Stat(filepath.Join(out, "report.html")); err != nil {
		t.Error(err)
	}

	l.spoil = func(r *report.Report) {
		if r.Seed == 5 {
			r.PerNode[1].Verified = -1
		}
	}
	r = l.camsim("run", "--scenario", "flash-crowd", "--nodes", "5", "--seed", "4", "--seeds", "3", "--json")
	if m := document[report.Merged](t, r.stdout); r.code != exitFailed || m.FailedRuns != 1 || m.Unfinished != 1 {
		t.Errorf("exit code %d, %d failed runs, %d unfinished", r.code, m.FailedRuns, m.Unfinished)
	}
	l.fails = func(s *sim.Scenario) error {
		if s.Seed == 6 {
			return errors.New("out of file descriptors")
		}
		return nil
	}
	r = l.camsim("run", "--scenario", "flash-crowd", "--nodes", "5", "--seed", "4", "--seeds", "3", "--json")
	if m := document[report.Merged](t, r.stdout); r.code != exitFailed || m.Runs != 2 || !strings.Contains(r.stderr, "seed-6  exit status 1: camsim: out of file descriptors") ||
		!strings.Contains(r.stderr, "1 of 3 runs did not end") {
		t.Errorf("exit code %d, %d runs, stderr %q", r.code, m.Runs, r.stderr)
	}
}

func TestReportAndCompareOfSingleRuns(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	l.must("run", "--scenario", "flash-crowd", "--nodes", "5", "--out", a, "--quiet")
	l.must("run", "--scenario", "flash-crowd", "--nodes", "6", "--links", "fast", "--out", b, "--quiet", "--no-figures")
	if _, err := os.Stat(filepath.Join(b, "report.html")); err == nil {
		t.Error("--no-figures made a page")
	}
	r := l.must("compare", a, filepath.Join(b, "report.json"))
	if strings.Count(r.stdout, "WARNING") != 2 {
		t.Errorf("compare:\n%s", r.stdout)
	}
	c := document[report.Comparison](t, l.must("compare", "--json", a, b).stdout)
	if len(c.Warnings) != 2 || len(c.Changes) == 0 {
		t.Errorf("got %+v", c)
	}
	l.must("report", b, "--out", filepath.Join(dir, "drawn"))
	if _, err := os.Stat(filepath.Join(dir, "drawn", "progress.svg")); err != nil {
		t.Error(err)
	}
	l.refused(exitFailed, "camsim merge", "report", dir)
	if err := os.WriteFile(filepath.Join(b, "report.json"), []byte(`{"schema": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	l.refused(exitFailed, "cut off", "report", b)
}

func TestSweepRunsWhatIsMissingAndDraws(t *testing.T) {
	l := newLab(t)
	out := filepath.Join(t.TempDir(), "sweep")
	args := []string{"sweep", "--scenario", "flash-crowd", "--grid", "up=5,20", "--grid", "nodes=4,8", "--links", "fast", "--seeds", "2", "--baselines", "none", "--out", out, "--jobs", "2"}

	// Dry: the commands, one on a line, and nothing runs.
	dry := l.must(append(args, "--dry-run")...).stdout
	lines := strings.Split(strings.TrimSpace(dry), "\n")
	if len(lines) != 8 || len(l.ran) != 0 {
		t.Fatalf("%d commands, %d runs:\n%s", len(lines), len(l.ran), dry)
	}
	// One of them, run by hand, counts.
	l.must(strings.Fields(lines[3])[1:]...)

	// Two runs do not end at first.
	l.fails = func(s *sim.Scenario) error {
		if s.Nodes == 8 && s.Seed == 2 {
			return errors.New("no space left on device")
		}
		return nil
	}
	r := l.camsim(args...)
	if r.code != exitFailed || strings.Count(r.stderr, "no space left on device") != 2 || !strings.Contains(r.stderr, "8 runs, 1 are there") || !strings.Contains(r.stderr, "call the same command again") {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if len(l.ran) != 6 {
		t.Errorf("%d runs ended, want 6", len(l.ran))
	}
	l.fails = nil
	r = l.must(args...)
	if len(l.ran) != 8 || !strings.Contains(r.stderr, "8 runs, 6 are there") || !strings.Contains(r.stdout, "8 runs of 4 points") {
		t.Errorf("%d runs ended\n%s%s", len(l.ran), r.stdout, r.stderr)
	}
	r = l.must(append(args, "--json", "--quiet")...)
	s := document[report.Sweep](t, r.stdout)
	if len(l.ran) != 8 || !slices.Equal(s.Params, []string{"nodes", "up"}) || len(s.Points) != 4 || s.Points[0].Runs != 2 {
		t.Errorf("%d runs ended, got %v with %d points", len(l.ran), s.Params, len(s.Points))
	}
	// Two of its points, each with the seeds that it has, without and with their place.
	for _, under := range []string{out, filepath.Join(out, "runs")} {
		c := l.must("compare", filepath.Join(under, "up=5,nodes=4"), filepath.Join(under, "up=20,nodes=4")).stdout
		if !strings.Contains(c, "1 more, medians") || strings.Count(c, "WARNING") != 1 || !strings.Contains(c, "up 5 and 20") {
			t.Errorf("compare of two points:\n%s", c)
		}
	}
	l.refused(exitFailed, "of a sweep name a point", "compare", out, out)
	for _, name := range []string{"sweep.json", "sweep.csv", "report.html", "sweep-ratioToBound-p95.svg", "sweep-completionSeconds-p95.png"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	// Drawn again otherwise.
	l.must("merge", out, "--x", "nodes", "--metric", "seedCopies", "--out", filepath.Join(out, "drawn"))
	if _, err := os.Stat(filepath.Join(out, "drawn", "sweep-seedCopies.svg")); err != nil {
		t.Error(err)
	}
	l.refused(exitFailed, "does not vary", "merge", out, "--x", "loss")
	l.refused(exitFailed, "no run has the metric", "merge", out, "--metric", "colour")

	// Runs of another sweep in the same place are not taken for ours.
	l.refused(exitUsage, "made by another command", append(args, "--set", "loss=0.1")...)
}

func TestSweepGoesOnAfterFailedRuns(t *testing.T) {
	l := newLab(t)
	l.spoil = func(r *report.Report) {
		if r.Nodes == 4 {
			r.PerNode[1].Verified = -1
		}
	}
	r := l.camsim("sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,8", "--seeds", "1", "--out", t.TempDir())
	if r.code != exitFailed || len(l.ran) != 2 || !strings.Contains(r.stderr, "!! FAILED: 1 of 4 cameras") || !strings.Contains(r.stdout, "!!") || !strings.Contains(r.stderr, "some runs failed") {
		t.Errorf("exit code %d, %d runs\n%s%s", r.code, len(l.ran), r.stdout, r.stderr)
	}
	// Quiet, the error says which.
	r = l.camsim("sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,8", "--seeds", "7,9", "--out", t.TempDir(), "--quiet")
	if want := "some runs failed: nodes 4, seed 7 (1 of 4 cameras did not get the image), nodes 4, seed 9 (1 of 4"; r.code != exitFailed || r.stdout != "" || !strings.Contains(r.stderr, want) {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestShardsCoverASweepOnce(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sweep")
	args := []string{"sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,5,6,7", "--seeds", "2", "--baselines", "none", "--out", out}
	for _, way := range []struct {
		name  string
		env   func(i int) map[string]string
		flags func(i int) []string
	}{
		{"by hand", func(int) map[string]string { return nil }, func(i int) []string { return []string{"--shard", fmt.Sprintf("%d/3", i+1)} }},
		{"Slurm", func(i int) map[string]string {
			return map[string]string{"SLURM_ARRAY_TASK_ID": fmt.Sprint(i + 5), "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "3"}
		}, func(int) []string { return nil }},
		{"Kubernetes", func(i int) map[string]string { return map[string]string{"JOB_COMPLETION_INDEX": fmt.Sprint(i)} }, func(int) []string { return []string{"--shard", "auto/3"} }},
	} {
		t.Run(way.name, func(t *testing.T) {
			seen := map[string]int{}
			for i := range 3 {
				l := newLab(t)
				l.env = way.env(i)
				for line := range strings.Lines(l.must(slices.Concat(args, way.flags(i), []string{"--dry-run"})...).stdout) {
					seen[line]++
				}
			}
			if len(seen) != 8 {
				t.Errorf("%d different runs, want 8", len(seen))
			}
			for line, n := range seen {
				if n != 1 {
					t.Errorf("%d times: %s", n, line)
				}
			}
		})
	}
	l := newLab(t)
	l.env = map[string]string{"JOB_COMPLETION_INDEX": "1"}
	l.refused(exitUsage, "--shard auto/N", args...)
	l.env = map[string]string{"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "3"}
	l.refused(exitUsage, "without gaps", args...)

	// A part that is done says how to go on.
	l.env = nil
	r := l.must(append(args, "--shard", "1/3")...)
	if len(l.ran) != 3 || !strings.Contains(r.stderr, "camsim merge") {
		t.Errorf("%d runs\n%s", len(l.ran), r.stderr)
	}
}

func TestSweepOverScenarios(t *testing.T) {
	l := newLab(t)
	out := t.TempDir()
	r := l.must("sweep", "--grid", "scenario=flash-crowd,churn", "--nodes", "4", "--seeds", "1", "--baselines", "none", "--out", out, "--json")
	if s := document[report.Sweep](t, r.stdout); !slices.Equal(s.Params, []string{"scenario"}) || len(s.Points) != 2 {
		t.Errorf("params %v, %d points", s.Params, len(s.Points))
	}
	l.refused(exitUsage, "nonesuch", "sweep", "--grid", "scenario=flash-crowd,nonesuch", "--out", out)
}

func TestInterruptEndsASweep(t *testing.T) {
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.fails = func(*sim.Scenario) error {
		cancel()
		return ctx.Err()
	}
	var stdout, stderr bytes.Buffer
	code := cli.Run(ctx, newRootCommand(l.program), []string{"sweep", "--scenario", "flash-crowd", "--grid", "nodes=4,5,6", "--out", t.TempDir()}, strings.NewReader(""), &stdout, &stderr)
	if code != cli.ExitInterrupted || !strings.Contains(stderr.String(), "interrupted; call the same command again") || len(l.ran) != 0 {
		t.Errorf("exit code %d, %d runs\n%s", code, len(l.ran), stderr.String())
	}
}

// TestRealRun holds the wiring: a small run of real nodes, told of from inside
// its bubble, with the document that scripts rely on.
func TestRealRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network; left out with -short")
	}
	var stdout, stderr bytes.Buffer
	args := []string{"run", "--scenario", "flash-crowd", "--nodes", "3", "--links", "fast", "--image-bytes", "300000", "--baselines", "s3", "--scratch", t.TempDir(), "--json"}
	if code := cli.Run(t.Context(), newRootCommand(newProgram()), args, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	r := document[report.Report](t, stdout.String())
	if r.Unfinished != 0 || r.Nodes != 3 || len(r.PerNode) != 4 || r.RatioToBound.P95 < 1 || r.Baselines["s3"].P95 <= 0 || r.PeakMemoryBytes == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestNamesOfRunsAreFileNames(t *testing.T) {
	seen := map[string]bool{}
	for _, value := range []string{"1", "a/b", "a_b", "../x", strings.Repeat("long", 100), strings.Repeat("long", 101), "ä"} {
		name := jobName([]setting{{"latency.kind", value}}, 1)
		if seen[name] || strings.ContainsAny(name, "/\\ \x00") || strings.HasPrefix(name, ".") || len(name) > 130 {
			t.Errorf("%q becomes %q", value, name)
		}
		seen[name] = true
	}
}

func TestShellQuotes(t *testing.T) {
	if got, want := shell([]string{"camsim", "--set", "a=b c", "it's", "", "x=1,2"}), `camsim --set 'a=b c' 'it'\''s' '' x=1,2`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
