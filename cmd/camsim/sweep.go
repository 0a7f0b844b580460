package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// axis is a parameter of a sweep and its values.
type axis struct {
	key    string
	values []string
}

// job is one run of a sweep.
type job struct {
	name string // of its directory
	spec *spec
	args []string // of camsim
	dir  string
}

// Limits of a grid, against slips of the keyboard.
const maxJobs = 100_000

func newSweepCommand(p *program) *cobra.Command {
	var (
		f                     specFlags
		grid                  []string
		seeds, jobs           int
		out, shardFlag        string
		draw                  drawFlags
		dry, quiet, force, js bool
	)
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Run a grid of parameters, one process for each run",
		Long: `Runs every combination of the --grid values over several seeds, each run in a
process of its own, and draws what came out. Parameters are those of --set, nodes,
links, image_bytes, block_bytes and scenario. Runs that are there already are not
repeated, so a sweep that was stopped goes on where it was.

To spread a sweep over machines that share --out, or whose directories are merged
afterwards, give each its part by --shard I/N, from 1/N to N/N. The default, auto,
takes the part from a Slurm array (SLURM_ARRAY_TASK_ID and _COUNT); in a
Kubernetes indexed Job say --shard auto/N (JOB_COMPLETION_INDEX). --dry-run
prints the commands instead, one on each line, for GNU parallel and its like.
'camsim merge' draws the result when all parts are done.`,
		Example: `  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --grid up=5,10,20 --links fast --seeds 3 --out sweep
  camsim sweep --grid scenario=flash-crowd,churn,nat,hostile,partition --nodes 50 --out robust
  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --seeds 3 --out sweep --dry-run | parallel -j 8
  sbatch --array=0-15 --wrap 'camsim sweep --scenario global --grid nodes=100,200 --seeds 8 --out sweep'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := f.spec(cmd)
			if err != nil {
				return err
			}
			if out == "" {
				return cli.Usagef("--out is missing: the directory for the runs of the sweep")
			}
			if jobs < 1 || jobs > 1024 {
				return cli.Usagef("--jobs must be 1 to 1024")
			}
			all, err := plan(base, grid, seeds, out)
			if err != nil {
				return err
			}
			index, count, err := shard(shardFlag, p.getenv)
			if err != nil {
				return err
			}
			var todo []job
			mine, done := 0, 0
			for i, j := range all {
				there, err := finished(j)
				if err != nil {
					return err
				}
				if there {
					done++
				}
				if i%count == index {
					mine++
					if !there {
						todo = append(todo, j)
					}
				}
			}
			if dry {
				for _, j := range todo {
					fmt.Fprintln(cmd.OutOrStdout(), shell(slices.Concat(p.self, j.args)))
				}
				return nil
			}
			for _, j := range todo {
				sc, err := j.spec.load()
				if err != nil {
					return err
				}
				if err := p.fits(sc, min(jobs, len(todo)), force); err != nil {
					return err
				}
			}
			if !quiet {
				part := ""
				if count > 1 {
					part = fmt.Sprintf("; part %d of %d has %d", index+1, count, mine)
				}
				cli.Note(cmd, "%d runs, %d are there%s", len(all), done, part)
			}
			if force {
				for i := range todo {
					todo[i].args = append(todo[i].args, "--force")
				}
			}
			failed, err := p.runJobs(cmd, todo, jobs, quiet)
			if err != nil {
				return err
			}
			missing := 0
			var dirs []string
			for _, j := range all {
				there, err := finished(j)
				if err != nil {
					return err
				}
				if there {
					dirs = append(dirs, j.dir)
				} else {
					missing++
				}
			}
			switch {
			case missing > 0 && failed == 0:
				cli.Note(cmd, "%d of %d runs are there; when the other parts are done: camsim merge %s", len(dirs), len(all), shell([]string{out}))
				return nil
			case missing > 0:
				return fmt.Errorf("%d of %d runs did not end; call the same command again to repeat them", failed, len(todo))
			}
			return merge(cmd, dirs, out, draw, js, quiet)
		},
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&grid, "grid", nil, "a parameter and its values, KEY=V1,V2,…; may be repeated: every combination is run")
	cmd.Flags().IntVar(&seeds, "seeds", 3, "runs of each combination, with seeds from --seed up")
	cmd.Flags().StringVar(&out, "out", "", "directory for runs and figures")
	cmd.Flags().IntVar(&jobs, "jobs", 1, "runs side by side; each takes one core and its memory")
	cmd.Flags().StringVar(&shardFlag, "shard", "auto", "which part of the runs: I/N, auto, or auto/N")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print the commands and run nothing")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "no progress and no table")
	cmd.Flags().BoolVar(&force, "force", false, "run although the memory may not suffice")
	draw.add(cmd)
	cli.AddJSON(cmd, &js)
	return cmd
}

// plan lists the runs of a sweep. Seeds change slowest, so that a sweep that is
// stopped early has a whole grid, and neighbours in the list, which shards deal
// out in turn, cost alike.
func plan(base *spec, grid []string, seeds int, out string) ([]job, error) {
	if len(grid) == 0 {
		return nil, cli.Usagef("--grid is missing: a parameter and its values, such as --grid nodes=20,50,100")
	}
	if seeds < 1 || seeds > 1000 {
		return nil, cli.Usagef("--seeds must be 1 to 1000")
	}
	var axes []axis
	total := seeds
	for _, g := range grid {
		key, list, ok := strings.Cut(g, "=")
		key = strings.TrimSpace(key)
		a := axis{key: key}
		seen := map[string]bool{}
		for v := range strings.SplitSeq(list, ",") {
			v = strings.TrimSpace(v)
			if v == "" || seen[v] {
				return nil, cli.Usagef("--grid %q has an empty value or one twice", g)
			}
			seen[v] = true
			a.values = append(a.values, v)
		}
		if !ok || key == "" || len(a.values) == 0 {
			return nil, cli.Usagef("--grid %q: write KEY=V1,V2,…, such as --grid nodes=20,50,100", g)
		}
		for _, other := range axes {
			if other.key == key {
				return nil, cli.Usagef("--grid has %s twice; write all its values in one", key)
			}
		}
		axes = append(axes, a)
		if total *= len(a.values); total > maxJobs {
			return nil, cli.Usagef("the grid has more than %d runs", maxJobs)
		}
	}
	points := [][]setting{nil}
	for _, a := range axes {
		var next [][]setting
		for _, point := range points {
			for _, v := range a.values {
				next = append(next, append(point[:len(point):len(point)], setting{a.key, v}))
			}
		}
		points = next
	}
	first := base.seed
	// The file is read once for each point: wrong values are refused before
	// anything has run.
	for i, point := range points {
		sc, err := base.with(point, base.seed).load()
		if err != nil {
			return nil, err
		}
		if i == 0 && first == 0 {
			first = max(sc.Seed, 1)
		}
	}
	var all []job
	names := map[string]bool{}
	for k := range seeds {
		for _, point := range points {
			s := base.with(point, first+uint64(k))
			name := jobName(point, s.seed)
			if names[name] {
				return nil, cli.Usagef("two runs of the grid have the name %s", name)
			}
			names[name] = true
			dir := filepath.Join(out, "runs", name)
			all = append(all, job{name: name, spec: s, dir: dir, args: append(s.args(), "--out", dir, "--no-figures", "--quiet")})
		}
	}
	return all, nil
}

// jobName is the directory of a run: its parameters, as far as file names allow.
func jobName(point []setting, seed uint64) string {
	var parts []string
	for _, x := range point {
		parts = append(parts, x.key+"="+x.value)
	}
	parts = append(parts, "seed="+strconv.FormatUint(seed, 10))
	name := strings.Join(parts, ",")
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("=,._+-", r) {
			return r
		}
		return '_'
	}, name)
	if clean != name || len(clean) > 120 {
		clean = fmt.Sprintf("%.100s-%x", clean, sha256.Sum256([]byte(name)))[:min(len(clean), 100)+9]
	}
	return clean
}

// finished says whether a run is there. One that was made by another command
// must not pass for it.
func finished(j job) (bool, error) {
	r, err := report.ReadFile(j.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		if _, missing := os.Stat(filepath.Join(j.dir, report.ReportFile)); errors.Is(missing, fs.ErrNotExist) {
			return false, nil // the directory is there, the run did not end
		}
		return false, fmt.Errorf("%w; remove it to run it again", err)
	}
	if want := shell(append([]string{"camsim"}, j.spec.args()...)); r.Command != want {
		return false, fmt.Errorf("%s was made by another command, %q and not %q; choose another --out or remove it", j.dir, r.Command, want)
	}
	return true, nil
}

// shard reads which part of a sweep is this process's: index of count, from 0.
func shard(flag string, getenv func(string) string) (index, count int, err error) {
	what, total, split := strings.Cut(flag, "/")
	if split {
		if count, err = strconv.Atoi(total); err != nil || count < 1 {
			return 0, 0, cli.Usagef("--shard %q: write I/N with N of 1 or more, or auto/N", flag)
		}
	}
	number := func(name string) (int, bool, error) {
		v := getenv(name)
		if v == "" {
			return 0, false, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return 0, false, fmt.Errorf("%s is %q, not a number", name, v)
		}
		return n, true, nil
	}
	if what != "auto" {
		index, err = strconv.Atoi(what)
		if err != nil || !split || index < 1 || index > count {
			return 0, 0, cli.Usagef("--shard %q: write I/N with I from 1 to N, or auto", flag)
		}
		return index - 1, count, nil
	}
	task, slurm, err := number("SLURM_ARRAY_TASK_ID")
	if err != nil {
		return 0, 0, err
	}
	if slurm {
		least, _, err := number("SLURM_ARRAY_TASK_MIN")
		if err != nil {
			return 0, 0, err
		}
		tasks, ok, err := number("SLURM_ARRAY_TASK_COUNT")
		if err != nil {
			return 0, 0, err
		}
		if !split && !ok {
			return 0, 0, cli.Usagef("SLURM_ARRAY_TASK_ID is set and SLURM_ARRAY_TASK_COUNT is not; say --shard auto/N")
		}
		if !split {
			count = tasks
		}
		if index = task - least; index < 0 || index >= count {
			return 0, 0, cli.Usagef("task %d of an array from %d is not one of %d parts; number the array without gaps", task, least, count)
		}
		return index, count, nil
	}
	at, indexed, err := number("JOB_COMPLETION_INDEX")
	if err != nil {
		return 0, 0, err
	}
	switch {
	case indexed && !split:
		return 0, 0, cli.Usagef("JOB_COMPLETION_INDEX is set, but nothing says how many there are; say --shard auto/N with the Job's completions")
	case indexed && at >= count:
		return 0, 0, cli.Usagef("JOB_COMPLETION_INDEX is %d, not one of %d parts; give --shard auto/N with the Job's completions", at, count)
	case indexed:
		return at, count, nil
	case split:
		return 0, 0, cli.Usagef("--shard %s: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set; write I/N", flag)
	}
	return 0, 1, nil
}

// runJobs runs children side by side and returns how many did not end with a
// report. One that fails does not stop the others.
func (p *program) runJobs(cmd *cobra.Command, todo []job, jobs int, quiet bool) (failed int, err error) {
	var (
		mu    sync.Mutex
		ended int
		group errgroup.Group
	)
	ctx := cmd.Context()
	group.SetLimit(jobs)
	for _, j := range todo {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			line, ok := p.runJob(ctx, j)
			mu.Lock()
			defer mu.Unlock()
			ended++
			if !ok {
				failed++
			}
			if !quiet || !ok {
				cli.Note(cmd, "[%d/%d] %s  %s", ended, len(todo), j.name, line)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil || ctx.Err() != nil {
		return failed, cli.Remains(ctx.Err(), "call the same command again to go on")
	}
	return failed, nil
}

// runJob runs one child and sums it up in a line.
func (p *program) runJob(ctx context.Context, j job) (line string, ok bool) {
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		return err.Error(), false
	}
	var stderr tail
	err := p.child(ctx, j.args, &stderr, &stderr)
	there, ferr := finished(j)
	switch {
	case ferr != nil:
		return ferr.Error(), false
	case !there && err == nil:
		return "ended without a report", false
	case !there:
		return strings.TrimSpace(fmt.Sprintf("%v: %s", err, stderr.last())), false
	}
	r, err := report.ReadFile(j.dir)
	if err != nil {
		return err.Error(), false
	}
	line = fmt.Sprintf("p95 %.2f s, %.2f × bound", r.CompletionSeconds.P95, r.RatioToBound.P95)
	if r.Failed() {
		line += fmt.Sprintf("  !! FAILED: %d unfinished, %d broken promises", r.Unfinished, len(r.Violations))
	}
	return line, true
}

// tail keeps the end of what a child writes.
type tail struct{ data []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.data = append(t.data, b...)
	if n := len(t.data); n > 8192 {
		t.data = append([]byte{}, t.data[n-4096:]...)
	}
	return len(b), nil
}

// last is the last line that has something in it.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.data)), "\n")
	return lines[len(lines)-1]
}
