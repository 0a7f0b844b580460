package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// drawFlags say what is drawn of a sweep.
type drawFlags struct {
	x       string
	metrics []string
}

func (d *drawFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.x, "x", "", "parameter along the axis of the figures (default: the one with most values)")
	cmd.Flags().StringArrayVar(&d.metrics, "metric", nil, "what to draw, such as ratioToBound.p95 or seedCopies; may be repeated")
}

func newMergeCommand(p *program) *cobra.Command {
	var (
		out    place
		draw   drawFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Merge runs, of one sweep or of several machines, and draw them",
		Long: `Reads every report.json in or below the given directories, groups runs that
differ in their seed only, and writes sweep.json, sweep.csv, report.html and the
figures into --out, by default the first directory. Lines are medians over seeds,
bands their range. Runs that were interrupted are left out.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := report.Find(args)
			if err != nil {
				return cli.Usage(err)
			}
			if out.dir == "" {
				out.dir = args[0]
			}
			if err := out.readyBeside(args); err != nil {
				return err
			}
			var runs []*report.Report
			for _, f := range files {
				r, err := report.ReadFile(f)
				if err != nil {
					return err
				}
				if !r.Interrupted {
					runs = append(runs, r)
				}
			}
			return p.drawSweep(cmd, runs, out.dir, draw, asJSON, false)
		},
	}
	cmd.Flags().StringVar(&out.dir, "out", "", "directory to write into (default: the first one given)")
	cmd.Flags().BoolVar(&out.overwrite, "overwrite", false, "replace a result that is in --out")
	draw.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// readyBeside is ready for results that are made of those in other directories:
// one of these may be the place itself, since what was measured stays.
func (p place) readyBeside(sources []string) error {
	same := func(other string) bool {
		a, errA := filepath.Abs(p.dir)
		b, errB := filepath.Abs(other)
		return errA == nil && errB == nil && a == b
	}
	if slices.ContainsFunc(sources, same) {
		return p.make()
	}
	return p.ready()
}

// drawSweep prints a sweep and then writes it.
func (p *program) drawSweep(cmd *cobra.Command, runs []*report.Report, out string, draw drawFlags, asJSON, quiet bool) error {
	names := map[*report.Report]string{}
	for _, r := range runs {
		r.Slim() // thousands of runs must fit
	}
	s, err := report.NewSweep(runs)
	if err != nil {
		return err
	}
	for _, pt := range s.Points {
		for _, r := range pt.Single {
			names[r] = fmt.Sprintf("%s, seed %d", s.Name(pt, ""), r.Seed)
		}
	}
	switch {
	case asJSON:
		err = s.Encode(cmd.OutOrStdout())
	case !quiet:
		err = s.Table(cmd.OutOrStdout())
	}
	switch werr := p.writeSweep(out, s, draw.x, draw.metrics); {
	case werr != nil && quiet && !asJSON:
		err = errors.Join(err, s.Table(cmd.OutOrStdout()))
		fallthrough
	case werr != nil:
		err = errors.Join(err, fmt.Errorf("not all of the result is in %s, but it is printed: %w", out, plainFile(werr)))
	case !quiet:
		cli.Note(cmd, "written to %s", out)
	}
	if err == nil && s.Failed() {
		err = fmt.Errorf("some runs failed: %s", failedRuns(runs, func(r *report.Report) string { return names[r] }))
	}
	return err
}
