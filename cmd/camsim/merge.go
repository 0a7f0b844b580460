package main

import (
	"errors"

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

func newMergeCommand() *cobra.Command {
	var (
		out    string
		draw   drawFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Merge runs, of one sweep or of several machines, and draw them",
		Long: `Reads every report.json in or below the given directories, groups runs that
differ in their seed only, and writes sweep.json, sweep.csv, report.html and the
figures into --out, by default the first directory. Lines are medians over seeds,
bands their range.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = args[0]
			}
			return merge(cmd, args, out, draw, asJSON, false)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to write into (default: the first one given)")
	draw.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func merge(cmd *cobra.Command, dirs []string, out string, draw drawFlags, asJSON, quiet bool) error {
	files, err := report.Find(dirs)
	if err != nil {
		return cli.Usage(err)
	}
	var runs []*report.Report
	for _, f := range files {
		r, err := report.ReadFile(f)
		if err != nil {
			return err
		}
		r.Slim() // thousands of runs must fit
		runs = append(runs, r)
	}
	s, err := report.NewSweep(runs)
	if err != nil {
		return err
	}
	if err := s.WriteDir(out, draw.x, draw.metrics); err != nil {
		return err
	}
	if asJSON {
		err = s.Encode(cmd.OutOrStdout())
	} else if !quiet {
		err = s.Table(cmd.OutOrStdout())
	}
	if err != nil {
		return err
	}
	if !quiet {
		cli.Note(cmd, "written to %s", out)
	}
	if s.Failed() {
		return errors.New("some runs failed: cameras without the image or broken promises; the table marks them with !!")
	}
	return nil
}
