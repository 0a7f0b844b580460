package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// load reads a run, or several that a directory holds.
func load(path string) ([]*report.Report, error) {
	files, err := report.Find([]string{path})
	if err != nil {
		return nil, cli.Usage(err)
	}
	var runs []*report.Report
	for _, f := range files {
		r, err := report.ReadFile(f)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

func newReportCommand() *cobra.Command {
	var (
		out    string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "report DIR|FILE",
		Short: "Draw the figures and the page of a run again",
		Long: `Reads a report.json, or the seeds that 'camsim run --seeds' left in a directory,
writes figures and page again, beside it unless --out says where, and prints the
table.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			runs, err := load(args[0])
			if err != nil {
				return err
			}
			m, err := report.Merge(runs)
			if err != nil {
				return fmt.Errorf("%s holds runs that are no repetitions; use 'camsim merge': %w", args[0], err)
			}
			if out == "" {
				out = args[0]
				if filepath.Ext(out) == ".json" {
					out = filepath.Dir(out)
				}
			}
			if err := report.WriteDir(out, runs, true); err != nil {
				return err
			}
			switch {
			case asJSON && len(runs) == 1:
				return runs[0].Encode(cmd.OutOrStdout())
			case asJSON:
				return m.Encode(cmd.OutOrStdout())
			case len(runs) == 1:
				err = runs[0].Table(cmd.OutOrStdout())
			default:
				err = m.Table(cmd.OutOrStdout())
			}
			cli.Note(cmd, "written to %s", out)
			return err
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to write into (default: where the report is)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newCompareCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Put two results side by side",
		Long: `Compares two reports, files or directories, metric by metric. A directory that
holds several seeds stands for their medians. Differing conditions are named.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var sides [2]*report.Report
			var seeds [2]string
			for i, path := range args {
				runs, err := load(path)
				if err != nil {
					return err
				}
				m, err := report.Merge(runs)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				sides[i] = &m.Report
				if len(runs) > 1 {
					seeds[i] = fmt.Sprintf(" and up, medians of %d", len(runs))
				}
			}
			c := report.Compare(sides[0], sides[1])
			c.A, c.B = c.A+seeds[0], c.B+seeds[1]
			if asJSON {
				return c.Encode(cmd.OutOrStdout())
			}
			return c.Table(cmd.OutOrStdout())
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
