package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// load reads a run, or several that a directory holds.
func load(path string) ([]*report.Report, error) {
	files, err := report.Find(pointOf(path))
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

// pointOf returns the runs of a point of a sweep that SWEEP/POINT names, such as
// sweep/up=5, one for each seed; what is there by its own name is that.
func pointOf(path string) []string {
	if _, err := os.Stat(path); err == nil {
		return []string{path}
	}
	dir, point := filepath.Split(filepath.Clean(path))
	var out []string
	for _, d := range []string{dir, filepath.Join(dir, "runs")} {
		entries, _ := os.ReadDir(cmp.Or(d, ".")) // none: there is nothing of that name
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), point+",seed=") {
				out = append(out, filepath.Join(d, e.Name()))
			}
		}
	}
	if out == nil {
		return []string{path}
	}
	return out
}

func newReportCommand(p *program) *cobra.Command {
	var (
		out    place
		asJSON bool
		table  bool
	)
	cmd := &cobra.Command{
		Use:   "report DIR|FILE",
		Short: "Draw the figures and the page of a run again",
		Long: `Reads a report.json, or the seeds that 'camsim run --seeds' left in a directory,
writes figures and page again, beside it unless --out says where, and prints the
table.

--markdown prints a table to publish instead, medians with their intervals, and
writes nothing.`,
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
			from := args[0]
			if filepath.Ext(from) == ".json" {
				from = filepath.Dir(from)
			}
			if out.dir == "" {
				out.dir = from
			}
			if table {
				return m.Markdown(cmd.OutOrStdout())
			}
			if err := out.readyBeside([]string{from}); err != nil {
				return err
			}
			var r shown = m
			if len(runs) == 1 {
				r = runs[0]
			}
			o := runOptions{asJSON: asJSON}
			err = o.show(cmd, r)
			if werr := p.write(out.dir, runs, true); werr != nil {
				return errors.Join(err, fmt.Errorf("%s: %w", out.dir, plainFile(werr)))
			}
			cli.Note(cmd, "written to %s", out.dir)
			return err
		},
	}
	cmd.Flags().BoolVar(&out.overwrite, "overwrite", false, "replace a result that is in --out")
	cmd.Flags().BoolVar(&table, "markdown", false, "print medians and intervals as Markdown, and write nothing")
	cmd.Flags().StringVar(&out.dir, "out", "", "directory to write into (default: where the report is)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
