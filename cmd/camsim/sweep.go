package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// axis is a parameter of a sweep and its values.
type axis struct {
	key    string
	values []string
}

// Limits of a grid, against slips of the keyboard.
const maxJobs = 100_000

func newSweepCommand(p *program) *cobra.Command {
	var (
		f              specFlags
		grid           []string
		named          string
		seeds, shardOf string
		b              = &batch{p: p}
		draw           drawFlags
		dry, force, js bool
	)
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Run a grid of parameters, one process for each run",
		Long: `Runs every combination of the --grid values over several seeds, each run in a
process of its own, and draws what came out. Parameters are those of --set, nodes,
links, image_bytes, block_bytes and scenario. Runs that are there already are not
repeated, so a sweep that was stopped goes on where it was; what is there is never
replaced without --overwrite. An interrupt, or a disk that fills up, loses no run
that was measured: they are kept or at least printed.

--plan NAME runs a list of points instead of a grid:
` + planHelp() + `
To spread a sweep over machines that share --out, or whose directories are merged
afterwards, give each its part by --shard I/N, from 1/N to N/N. The default, auto,
takes the part from a Slurm array (SLURM_ARRAY_TASK_ID and _COUNT); in a
Kubernetes indexed Job say --shard auto/N (JOB_COMPLETION_INDEX). --dry-run
prints the commands instead, one on each line, for GNU parallel and its like.
'camsim merge' draws the result when all parts are done.`,
		Example: `  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --grid up=5,10,20 --links fast --seeds 3 --out sweep
  camsim sweep --grid scenario=flash-crowd,churn,nat,hostile,partition --nodes 50 --out robust
  camsim sweep --plan invariants --out invariants
  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --seeds 3 --out sweep --dry-run | parallel -j 8
  sbatch --array=0-15 --wrap 'camsim sweep --scenario global --grid nodes=100,200 --seeds 8 --out sweep'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b.cmd = cmd
			var points [][]setting
			if named != "" {
				plan, err := planNamed(named)
				if err != nil {
					return err
				}
				if len(grid) > 0 {
					return cli.Usagef("--plan and --grid exclude each other")
				}
				points = plan.points
				for flag, value := range map[string]string{"scenario": plan.scenario, "baselines": "none", "seeds": "1"} {
					if !cmd.Flags().Changed(flag) {
						if err := cmd.Flags().Set(flag, value); err != nil {
							return err
						}
					}
				}
			}
			base, err := f.spec(cmd)
			if err != nil {
				return err
			}
			if b.out.dir == "" {
				return cli.Usagef("--out is missing: the directory for the runs of the sweep")
			}
			if b.jobs < 1 || b.jobs > 1024 {
				return cli.Usagef("--jobs must be 1 to 1024")
			}
			if points == nil {
				if points, err = gridPoints(grid); err != nil {
					return err
				}
			}
			all, err := plan(base, points, seeds, b.out.dir)
			if err != nil {
				return err
			}
			index, count, err := shard(shardOf, p.getenv)
			if err != nil {
				return err
			}
			if err := b.open(all, report.ReportFile, report.MergedFile, flowFile); err != nil {
				return err
			}
			done := len(all) - len(b.todo)
			mine := 0
			inPart := map[string]bool{}
			for i, j := range all {
				if i%count == index {
					mine++
					inPart[j.name] = true
				}
			}
			b.todo = slices.DeleteFunc(b.todo, func(j job) bool { return !inPart[j.name] })
			if dry {
				for _, j := range b.todo {
					fmt.Fprintln(cmd.OutOrStdout(), shell(slices.Concat(p.self, j.args)))
				}
				return nil
			}
			for i, j := range b.todo {
				sc, err := j.spec.load()
				if err != nil {
					return err
				}
				if err := p.fits(sc, min(b.jobs, len(b.todo)), force); err != nil {
					return err
				}
				if force {
					b.todo[i].args = append(slices.Clip(j.args), "--force")
				}
			}
			if !b.quiet {
				part := ""
				if count > 1 {
					part = fmt.Sprintf("; part %d of %d has %d", index+1, count, mine)
				}
				cli.Note(cmd, "%d runs, %d are there%s", len(all), done, part)
			}
			ended := b.run()
			runs, err := b.reports()
			if err != nil {
				return errors.Join(ended, err)
			}
			missing := len(all) - len(runs)
			if missing > 0 && ended == nil {
				cli.Note(cmd, "%d of %d runs are there; when the other parts are done: camsim merge %s", len(runs), len(all), shell([]string{b.out.dir}))
				return nil
			}
			if len(runs) == 0 {
				return ended
			}
			if missing > 0 && !b.quiet {
				cli.Note(cmd, "%d of %d runs are done:", len(runs), len(all))
			}
			return errors.Join(ended, p.drawSweep(cmd, runs, b.out.dir, draw, js, b.quiet))
		},
	}
	f.add(cmd)
	cmd.Flags().StringArrayVar(&grid, "grid", nil, "a parameter and its values, KEY=V1,V2,…; may be repeated: every combination is run")
	cmd.Flags().StringVar(&named, "plan", "", "a list of points instead of --grid: "+strings.Join(planNames(), ", "))
	cmd.Flags().StringVar(&seeds, "seeds", "3", "runs of each combination: how many seeds, from --seed up, or which: 71,72,73 or 71-80")
	cmd.Flags().StringVar(&b.out.dir, "out", "", "directory for runs and figures")
	cmd.Flags().BoolVar(&b.out.overwrite, "overwrite", false, "run again and replace what is in --out")
	cmd.Flags().BoolVar(&b.anyCommit, "any-commit", false, "take runs that are in --out although another commit made them")
	cmd.Flags().IntVar(&b.jobs, "jobs", 1, "runs side by side; each takes one core and its memory")
	cmd.Flags().StringVar(&shardOf, "shard", "auto", "which part of the runs: I/N, auto, or auto/N")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print the commands and run nothing")
	cmd.Flags().BoolVar(&b.quiet, "quiet", false, "no progress and no table")
	cmd.Flags().BoolVar(&force, "force", false, "run although the memory may not suffice")
	draw.add(cmd)
	cli.AddJSON(cmd, &js)
	return cmd
}

// gridPoints lists every combination of the values of a grid.
func gridPoints(grid []string) ([][]setting, error) {
	if len(grid) == 0 {
		return nil, cli.Usagef("--grid is missing: a parameter and its values, such as --grid nodes=20,50,100")
	}
	var axes []axis
	total := 1
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
	return points, nil
}

// plan lists the runs of a sweep. Seeds change slowest, so that a sweep that is
// stopped early has a whole grid, and neighbours in the list, which shards deal
// out in turn, cost alike.
func plan(base *spec, points [][]setting, seeds, out string) ([]job, error) {
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
	which, err := parseSeeds(seeds, first)
	if err != nil {
		return nil, err
	}
	if len(which)*len(points) > maxJobs {
		return nil, cli.Usagef("the grid has more than %d runs", maxJobs)
	}
	var all []job
	names := map[string]bool{}
	for _, seed := range which {
		for _, point := range points {
			s := base.with(point, seed)
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
