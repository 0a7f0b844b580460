package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
	"camswarm/sim/report"
)

// runOptions are how a run is shown and kept.
type runOptions struct {
	out                                    place
	dir                                    string // of the nodes
	asJSON, quiet, figures, verbose, force bool
	anyCommit                              bool
}

func newRunCommand(p *program) *cobra.Command {
	var (
		f     specFlags
		o     runOptions
		seeds string
		bare  bool
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a scenario",
		Long: `Runs a scenario and prints what it showed: a table, or with --json one document.

--out DIR writes report.json, nodes.csv with a row for every node, the figures as
SVG, PNG and PDF (in the width of a column), and report.html. The place is looked at
before the run: a result that is there is kept, unless --overwrite says otherwise.

--seeds K runs K seeds one after another, each in a process of its own, and reports
medians and the interval in which the median of all seeds lies; --seeds 71,72,73 or
71-80 says which. Seeds that are in --out already are not run again. An interrupt
keeps and prints what is done.

The exit code is 0 if every honest camera got the image and no promise was
broken, 1 if not, and 2 if the command line is wrong.`,
		Example: `  camsim run --scenario flash-crowd --nodes 100 --seed 7 --json
  camsim run --scenario flash-crowd --nodes 500 --links fast --baselines s3 --out results
  camsim run --scenario mine.toml --seeds 71-80 --set loss=0.01 --out ten`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := f.spec(cmd)
			if err != nil {
				return err
			}
			sc, err := s.load()
			if err != nil {
				return err
			}
			all, err := parseSeeds(seeds, sc.Seed)
			if err != nil {
				return err
			}
			if strings.ContainsAny(seeds, ",-") && cmd.Flags().Changed("seed") {
				return cli.Usagef("--seed and the seeds of --seeds exclude each other")
			}
			if err := p.fits(sc, 1, o.force); err != nil {
				return err
			}
			if o.dir != "" {
				if err := writable(o.dir); err != nil {
					return cli.Usagef("--scratch %s: nothing can be written there: %w", o.dir, plainFile(err))
				}
			}
			o.figures = !bare
			if len(all) > 1 {
				return p.runSeeds(cmd, s, all, o)
			}
			s.seed, sc.Seed = all[0], all[0]
			return p.runOne(cmd, s, sc, o)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&seeds, "seeds", "1", "how many seeds of the random numbers, from --seed up, or which: 71,72,73 or 71-80")
	cmd.Flags().StringVar(&o.out.dir, "out", "", "write report, figures and page into this directory")
	cmd.Flags().BoolVar(&o.out.overwrite, "overwrite", false, "replace a result that is in --out")
	cmd.Flags().BoolVar(&o.anyCommit, "any-commit", false, "take seeds that are in --out although another commit ran them")
	cmd.Flags().StringVar(&o.dir, "scratch", "", "where nodes keep their state during the run, about one image for each (default: a temporary directory)")
	cmd.Flags().BoolVar(&bare, "no-figures", false, "with --out: write neither figures nor page")
	cmd.Flags().BoolVar(&o.quiet, "quiet", false, "no progress and no table")
	cmd.Flags().BoolVar(&o.verbose, "verbose", false, "log the run on stderr")
	cmd.Flags().BoolVar(&o.force, "force", false, "run although the memory may not suffice")
	cli.AddJSON(cmd, &o.asJSON)
	return cmd
}

// runOne runs in this process, shows the result and writes it, in this order:
// what was measured is seen whatever happens to the files.
func (p *program) runOne(cmd *cobra.Command, s *spec, sc *sim.Scenario, o runOptions) error {
	if err := o.out.ready(); err != nil {
		return err
	}
	r, err := p.measure(cmd, s, sc, o)
	if r == nil {
		return err
	}
	shown := o.show(cmd, r)
	if o.out.dir != "" {
		werr := p.write(o.out.dir, []*report.Report{r}, o.figures)
		switch {
		case werr != nil && !o.asJSON && o.quiet: // else it would be lost
			shown = errors.Join(shown, r.Table(cmd.OutOrStdout()))
			fallthrough
		case werr != nil:
			shown = errors.Join(shown, fmt.Errorf("not all of the result is in %s, but it is printed: %w", o.out.dir, plainFile(werr)))
		case !o.quiet:
			p.noteWritten(cmd, o.out.dir)
		}
	}
	if err != nil {
		return cli.Remains(errors.Join(err, shown), kept("what there was by then is printed", o.out.dir))
	}
	if shown != nil {
		return shown
	}
	return failure(r)
}

// kept adds where a partial result lies.
func kept(text, dir string) string {
	if dir != "" {
		return text + " and kept in " + dir
	}
	return text
}

// shown is a result: a report, or the medians of several.
type shown interface {
	Table(io.Writer) error
	Encode(io.Writer) error
}

// show prints a result on stdout.
func (o runOptions) show(cmd *cobra.Command, r shown) error {
	switch {
	case o.asJSON:
		return r.Encode(cmd.OutOrStdout())
	case o.quiet:
		return nil
	}
	return r.Table(cmd.OutOrStdout())
}

// measure runs in this process. A run that is interrupted returns what there is
// of it beside the error.
func (p *program) measure(cmd *cobra.Command, s *spec, sc *sim.Scenario, o runOptions) (*report.Report, error) {
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
	if r == nil {
		return nil, err
	}
	named := s.with(nil, sc.Seed) // the seed that the scenario chose is part of the run
	r.Settings, r.Command = s.recorded(), shell(append([]string{"camsim"}, named.args()...))
	return r, err
}

// failure is the error of a run that broke a promise. It prints one line beside
// the table.
func failure(r *report.Report) error {
	if text := whatFailed(r); text != "" {
		return errors.New("the run failed: " + text)
	}
	return nil
}

// whatFailed says why a run failed, "" if it did not.
func whatFailed(r *report.Report) string {
	var parts []string
	if r.Unfinished > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d cameras did not get the image", r.Unfinished, r.Nodes))
	}
	if n := len(r.Violations); n > 0 {
		parts = append(parts, fmt.Sprintf("%d broken promises, the first: %s", n, r.Violations[0].Invariant))
	}
	return strings.Join(parts, "; ")
}

// runSeeds runs several seeds, each in a process of its own, since what one run
// leaves in the heap would be counted to the next.
func (p *program) runSeeds(cmd *cobra.Command, s *spec, seeds []uint64, o runOptions) error {
	jobs, err := p.seedJobs(s, seeds, o)
	if err != nil {
		return err
	}
	b := &batch{p: p, cmd: cmd, out: o.out, anyCommit: o.anyCommit, jobs: 1, quiet: o.quiet, stderr: true}
	if err := b.open(jobs, report.ReportFile, report.SweepFile, flowFile); err != nil {
		return err
	}
	merged := filepath.Join(o.out.dir, report.MergedFile)
	if was := commandOf(merged); o.out.dir != "" && !o.out.overwrite && was != "" && was != shell(append([]string{"camsim"}, s.with(nil, 0).args()...)) {
		return o.out.taken(merged)
	}
	if n := len(jobs) - len(b.todo); n > 0 && !o.quiet {
		cli.Note(cmd, "%d of %d seeds are there", n, len(jobs))
	}
	ended := b.run()
	runs, err := b.reports()
	if err != nil || len(runs) == 0 {
		return errors.Join(ended, err)
	}
	m, err := report.Merge(runs)
	if err != nil {
		return errors.Join(ended, err)
	}
	m.Command = shell(append(append([]string{"camsim"}, s.with(nil, seeds[0]).args()...), "--seeds", seedsArg(seeds)))
	err = o.show(cmd, m)
	if o.out.dir != "" {
		switch werr := p.write(o.out.dir, runs, o.figures); {
		case werr != nil && !o.asJSON && o.quiet:
			err = errors.Join(err, m.Table(cmd.OutOrStdout()))
			fallthrough
		case werr != nil:
			err = errors.Join(err, fmt.Errorf("not all of the result is in %s, but it is printed: %w", o.out.dir, plainFile(werr)))
		case !o.quiet:
			p.noteWritten(cmd, o.out.dir)
		}
	}
	switch {
	case cmd.Context().Err() != nil:
		return cli.Remains(errors.Join(ended, err), kept(fmt.Sprintf("%d of %d seeds are done; they are printed", len(runs), len(seeds)), o.out.dir))
	case ended != nil || err != nil:
		return errors.Join(ended, err)
	case m.Failed():
		return fmt.Errorf("%d of %d runs failed: %s", m.FailedRuns, m.Runs, failedRuns(runs, func(r *report.Report) string { return fmt.Sprintf("seed %d", r.Seed) }))
	}
	return nil
}

// seedJobs are the runs of several seeds. Without --out they are written into a
// temporary place by nobody: their documents come on stdout.
func (p *program) seedJobs(s *spec, seeds []uint64, o runOptions) (jobs []job, err error) {
	for _, seed := range seeds {
		one := s.with(nil, seed)
		j := job{name: fmt.Sprintf("seed-%d", seed), spec: one, args: one.args()}
		if o.out.dir != "" {
			j.dir = filepath.Join(o.out.dir, j.name)
			j.args = append(j.args, "--out", j.dir, "--no-figures")
		}
		if o.dir != "" {
			j.args = append(j.args, "--scratch", o.dir)
		}
		for _, x := range []struct {
			flag string
			set  bool
		}{{"--quiet", o.quiet}, {"--verbose", o.verbose}, {"--force", o.force}} {
			if x.set {
				j.args = append(j.args, x.flag)
			}
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// seedsArg writes seeds as --seeds takes them: how many, if they follow on the
// first, or which.
func seedsArg(seeds []uint64) string {
	words := make([]string, len(seeds))
	follow := true
	for i, s := range seeds {
		words[i] = fmt.Sprint(s)
		follow = follow && s == seeds[0]+uint64(i)
	}
	if follow {
		return fmt.Sprint(len(seeds))
	}
	return strings.Join(words, ",")
}

// failedRuns names those that failed, and why.
func failedRuns(runs []*report.Report, name func(*report.Report) string) string {
	var out []string
	for _, r := range runs {
		if r.Failed() {
			out = append(out, fmt.Sprintf("%s (%s)", name(r), whatFailed(r)))
		}
	}
	const most = 10
	if n := len(out); n > most {
		out = append(out[:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(out, ", ")
}
