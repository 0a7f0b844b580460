package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
	"camswarm/sim/report"
)

// spec is what runs: a scenario, what is changed in it, and what runs beside it.
type spec struct {
	scenario  string
	settings  []setting // in the order of the command line; a later one wins
	seed      uint64    // 0: the scenario's
	baselines string
}

type setting struct{ key, value string }

// own are the keys of a scenario that have flags of their own.
var own = map[string]string{"nodes": "nodes", "links": "links", "image_bytes": "image-bytes", "block_bytes": "block-bytes"}

// args are the command line of `camsim` that runs the spec, the same for the
// same run: reports keep it.
func (s *spec) args() []string {
	out := []string{"run", "--scenario", s.scenario}
	for _, x := range s.settings {
		if flag, ok := own[x.key]; ok {
			out = append(out, "--"+flag, x.value)
		} else {
			out = append(out, "--set", x.key+"="+x.value)
		}
	}
	if s.seed != 0 {
		out = append(out, "--seed", strconv.FormatUint(s.seed, 10))
	}
	return append(out, "--baselines", s.baselines)
}

// with returns the spec with more settings. Keys with flags of their own come
// first and in one order, so that a run has one command line however it was
// asked for.
func (s *spec) with(more []setting, seed uint64) *spec {
	next := *s
	next.settings = nil
	for _, x := range slices.Concat(s.settings, more) {
		if x.key == "scenario" { // of a grid: no key of a scenario, but what varies
			next.scenario = x.value
			continue
		}
		next.settings = slices.DeleteFunc(next.settings, func(o setting) bool { return o.key == x.key })
		next.settings = append(next.settings, x)
	}
	slices.SortStableFunc(next.settings, func(a, b setting) int { return ownPlace(a.key) - ownPlace(b.key) })
	next.seed = seed
	return &next
}

// ownPlace orders the keys of own; all others follow as they stand.
func ownPlace(key string) int {
	order := []string{"nodes", "links", "image_bytes", "block_bytes"}
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

// load reads the scenario and applies the settings.
func (s *spec) load() (*sim.Scenario, error) {
	if s.scenario == "" {
		return nil, cli.Usagef("--scenario is missing: a name that 'camsim list' shows, or a TOML file")
	}
	sc, err := sim.Load(s.scenario)
	if err != nil {
		return nil, cli.Usage(err)
	}
	for _, x := range s.settings {
		if x.key == "seed" {
			return nil, cli.Usagef("set the seed by --seed")
		}
		if err := sc.Set(x.key, x.value); err != nil {
			return nil, cli.Usage(err)
		}
	}
	if s.seed != 0 {
		sc.Seed = s.seed
	}
	if err := sc.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	return sc, nil
}

// recorded are the settings that a report keeps, beyond those that it has fields for.
func (s *spec) recorded() map[string]string {
	out := map[string]string{}
	for _, x := range s.settings {
		if _, ok := own[x.key]; !ok {
			out[x.key] = x.value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// specFlags are the flags that make a spec.
type specFlags struct {
	scenario, links, baselines string
	nodes                      int
	seed                       uint64
	imageBytes, blockBytes     int64
	sets                       []string
}

func (f *specFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "", "name of a built-in scenario (camsim list) or a TOML file")
	flags.IntVar(&f.nodes, "nodes", 0, "number of cameras (default: the scenario's)")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the random numbers, 1 and up (default: the scenario's)")
	flags.StringVar(&f.links, "links", "", `"quic" for figures, "fast" for sweeps (default: the scenario's)`)
	flags.StringVar(&f.baselines, "baselines", "all", "what runs beside the swarm: all, none, or of "+strings.Join(baseline.Names(), ","))
	flags.Int64Var(&f.imageBytes, "image-bytes", 0, "size of the image (default: the scenario's)")
	flags.Int64Var(&f.blockBytes, "block-bytes", 0, "size of its blocks, a power of two (default: the scenario's)")
	flags.StringArrayVar(&f.sets, "set", nil, "change a value of the scenario, such as --set seeds.up=50 or --set loss=0.01; may be repeated")
}

func (f *specFlags) spec(cmd *cobra.Command) (*spec, error) {
	names, err := baseline.ParseNames(f.baselines)
	if err != nil {
		return nil, cli.Usage(err)
	}
	if cmd.Flags().Changed("seed") && f.seed == 0 {
		return nil, cli.Usagef("--seed must be 1 or more")
	}
	s := &spec{scenario: f.scenario, seed: f.seed, baselines: cmp.Or(strings.Join(names, ","), "none")}
	if len(names) == len(baseline.Names()) {
		s.baselines = "all"
	}
	for _, x := range []struct {
		key, value string
	}{
		{"nodes", strconv.Itoa(f.nodes)}, {"links", f.links},
		{"image_bytes", strconv.FormatInt(f.imageBytes, 10)}, {"block_bytes", strconv.FormatInt(f.blockBytes, 10)},
	} {
		if cmd.Flags().Changed(own[x.key]) {
			s.settings = append(s.settings, setting{x.key, x.value})
		}
	}
	var more []setting
	for _, x := range f.sets {
		key, value, ok := strings.Cut(x, "=")
		if !ok || key == "" {
			return nil, cli.Usagef("--set %q: write KEY=VALUE, such as --set churn.leave=0.3", x)
		}
		more = append(more, setting{strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return s.with(more, s.seed), nil
}

func newRunCommand(p *program) *cobra.Command {
	var (
		f                                   specFlags
		seeds                               int
		out, dir                            string
		asJSON, quiet, force, bare, verbose bool
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a scenario",
		Long: `Runs a scenario and prints what it showed: a table, or with --json one document.

--out DIR writes report.json, nodes.csv with a row for every node, the figures as
SVG and PNG, and report.html. --seeds K runs K seeds one after another, each in a
process of its own, and reports medians and their range.

The exit code is 0 if every honest camera got the image and no promise was
broken, 1 if not, and 2 if the command line is wrong.`,
		Example: `  camsim run --scenario flash-crowd --nodes 100 --seed 7 --json
  camsim run --scenario flash-crowd --nodes 500 --links fast --baselines s3 --out results
  camsim run --scenario mine.toml --seeds 5 --set loss=0.01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.spec(cmd)
			if err != nil {
				return err
			}
			if seeds < 1 || seeds > 1000 {
				return cli.Usagef("--seeds must be 1 to 1000")
			}
			sc, err := s.load()
			if err != nil {
				return err
			}
			if err := p.fits(sc, 1, force); err != nil {
				return err
			}
			o := runOptions{out: out, dir: dir, quiet: quiet, figures: !bare, verbose: verbose, force: force}
			if seeds > 1 {
				return p.runSeeds(cmd, s, sc, seeds, asJSON, o)
			}
			r, err := p.runOne(cmd, s, sc, o)
			if err != nil {
				return err
			}
			if out != "" {
				if err := report.WriteDir(out, []*report.Report{r}, o.figures); err != nil {
					return err
				}
			}
			if asJSON {
				err = r.Encode(cmd.OutOrStdout())
			} else if !quiet {
				err = r.Table(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			if out != "" && !quiet {
				cli.Note(cmd, "written to %s", out)
			}
			return failure(r)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&seeds, "seeds", 1, "run this many seeds, from --seed up, and report medians")
	cmd.Flags().StringVar(&out, "out", "", "write report, figures and page into this directory")
	cmd.Flags().StringVar(&dir, "scratch", "", "where nodes keep their state during the run, about one image for each (default: a temporary directory)")
	cmd.Flags().BoolVar(&bare, "no-figures", false, "with --out: write neither figures nor page")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "no progress and no table")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "log the run on stderr")
	cmd.Flags().BoolVar(&force, "force", false, "run although the memory may not suffice")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

type runOptions struct {
	out, dir                       string
	quiet, figures, verbose, force bool
}

// runOne runs in this process.
func (p *program) runOne(cmd *cobra.Command, s *spec, sc *sim.Scenario, o runOptions) (*report.Report, error) {
	names, err := baseline.ParseNames(s.baselines)
	if err != nil {
		return nil, cli.Usage(err)
	}
	so := sim.Options{Baselines: names, Dir: o.dir, Commit: p.commit}
	if o.verbose {
		so.Logger = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	}
	if !o.quiet && !o.verbose {
		view := newProgress(cmd.ErrOrStderr())
		so.Progress = view.tell
		view.start()
		defer view.end()
	}
	r, err := p.simulate(cmd.Context(), sc, so)
	if err != nil {
		return nil, err
	}
	named := s.with(nil, sc.Seed) // the seed that the scenario chose is part of the run
	r.Settings, r.Command = s.recorded(), shell(append([]string{"camsim"}, named.args()...))
	return r, nil
}

// failure is the error of a run that broke a promise. It prints one line beside
// the table.
func failure(r *report.Report) error {
	var parts []string
	if r.Unfinished > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d cameras did not get the image", r.Unfinished, r.Nodes))
	}
	if n := len(r.Violations); n > 0 {
		parts = append(parts, fmt.Sprintf("%d broken promises, the first: %s", n, r.Violations[0].Invariant))
	}
	if len(parts) == 0 {
		return nil
	}
	return errors.New("the run failed: " + strings.Join(parts, "; "))
}

// runSeeds runs K seeds, each in a process of its own, since what one run leaves
// in the heap would be counted to the next.
func (p *program) runSeeds(cmd *cobra.Command, s *spec, sc *sim.Scenario, seeds int, asJSON bool, o runOptions) error {
	var runs []*report.Report
	for i := range seeds {
		one := s.with(nil, sc.Seed+uint64(i))
		args := append(one.args(), "--json")
		if o.out != "" {
			args = append(args, "--out", filepath.Join(o.out, fmt.Sprintf("seed-%d", one.seed)), "--no-figures")
		}
		if o.dir != "" {
			args = append(args, "--scratch", o.dir)
		}
		for flag, set := range map[string]bool{"--quiet": o.quiet, "--verbose": o.verbose, "--force": o.force} {
			if set {
				args = append(args, flag)
			}
		}
		if !o.quiet {
			cli.Note(cmd, "seed %d, %d of %d", one.seed, i+1, seeds)
		}
		r, err := p.runChild(cmd.Context(), args, cmd.ErrOrStderr())
		if err != nil {
			return fmt.Errorf("seed %d: %w", one.seed, err)
		}
		runs = append(runs, r)
	}
	m, err := report.Merge(runs)
	if err != nil {
		return err
	}
	m.Command = shell(append(append([]string{"camsim"}, s.with(nil, sc.Seed).args()...), "--seeds", strconv.Itoa(seeds)))
	if o.out != "" {
		if err := report.WriteDir(o.out, runs, o.figures); err != nil {
			return err
		}
	}
	if asJSON {
		err = m.Encode(cmd.OutOrStdout())
	} else if !o.quiet {
		err = m.Table(cmd.OutOrStdout())
	}
	if err != nil {
		return err
	}
	if o.out != "" && !o.quiet {
		cli.Note(cmd, "written to %s", o.out)
	}
	if m.Failed() {
		return fmt.Errorf("%d of %d runs failed; in the worst, %d of %d cameras did not get the image", m.FailedRuns, m.Runs, m.Unfinished, m.Nodes)
	}
	return nil
}

// runChild runs a child whose stdout is a report. A child that fails after it
// has printed one has run.
func (p *program) runChild(ctx context.Context, args []string, stderr io.Writer) (*report.Report, error) {
	var stdout bytes.Buffer
	err := p.child(ctx, args, &stdout, stderr)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if code := childCode(err); err != nil && (code != exitFailed || stdout.Len() == 0) {
		return nil, fmt.Errorf("%s: %w", shell(append([]string{"camsim"}, args...)), err)
	}
	return report.Decode(&stdout)
}
