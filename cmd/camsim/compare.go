package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// comparedMetrics are held to --within unless others are named.
var comparedMetrics = []string{"completionSeconds.p50", "completionSeconds.p95"}

func newCompareCommand() *cobra.Command {
	var (
		asJSON  bool
		within  float64
		metrics []string
	)
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Put two results side by side, and hold one to the other",
		Long: `Compares two reports, files or directories, metric by metric. A directory that
holds several seeds stands for their medians, as does a point of a sweep, SWEEP/POINT.
Differing conditions are named.

--within P fails (exit code 1) if a metric of B is more than P percent from that
of A, if conditions differ in more than the seed, or if either result failed: to show
that a change of the code left the figures where they were, compare medians over at
least three seeds. Runs of one commit differ by 2 to 5 percent themselves.`,
		Example: `  camsim run --scenario flash-crowd --nodes 50 --seeds 71-80 --baselines none --out before
  camsim compare before after --within 3
  camsim sweep --scenario flash-crowd --grid up=5,20 --nodes 30 --links fast --seeds 3 --out sweep
  camsim compare sweep/up=5 sweep/up=20`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if within < 0 || math.IsNaN(within) {
				return cli.Usagef("--within is %v; write a number of percent, 0 or more", within)
			}
			held := cmd.Flags().Changed("within")
			if !held && len(metrics) > 0 {
				return cli.Usagef("--metric goes with --within: which metrics are held to it")
			}
			var sides [2]*report.Merged
			var seeds [2]string
			for i, path := range args {
				runs, err := load(path)
				if err != nil {
					return err
				}
				if sides[i], err = report.Merge(runs); err != nil {
					return fmt.Errorf("%s: %w; of a sweep name a point, such as %s/up=5", path, err, path)
				}
				if len(runs) > 1 {
					seeds[i] = fmt.Sprintf(" and %d more, medians", len(runs)-1)
				}
			}
			c := report.Compare(&sides[0].Report, &sides[1].Report)
			c.A, c.B = c.A+seeds[0], c.B+seeds[1]
			var err error
			if asJSON {
				err = c.Encode(cmd.OutOrStdout())
			} else {
				err = c.Table(cmd.OutOrStdout())
			}
			if err != nil || !held {
				return err
			}
			if len(metrics) == 0 {
				metrics = comparedMetrics
			}
			return hold(c, sides, within, metrics)
		},
	}
	cmd.Flags().Float64Var(&within, "within", 0, "fail if B is more than so many percent from A")
	cmd.Flags().StringArrayVar(&metrics, "metric", nil, "with --within: what is held to it; may be repeated (default: completionSeconds.p50 and .p95)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// hold fails if B is too far from A.
func hold(c *report.Comparison, sides [2]*report.Merged, within float64, metrics []string) error {
	var wrong []string
	wrong = append(wrong, c.Warnings...)
	for i, name := range []string{"A", "B"} {
		if sides[i].Failed() {
			wrong = append(wrong, name+" failed")
		}
	}
	for _, m := range metrics {
		change, ok := c.Change(m)
		switch {
		case !ok:
			return cli.Usagef("there is no metric %q in both; the table has their names", m)
		case change.A == change.B:
		case change.A == 0 || math.Abs(change.Ratio-1) > within/100:
			wrong = append(wrong, fmt.Sprintf("%s went from %s to %s (%+.1f %%)", m, report.Metric{Unit: change.Unit, Value: change.A}, report.Metric{Unit: change.Unit, Value: change.B}, 100*(change.Ratio-1)))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("not within %g %%: %s", within, strings.Join(wrong, "; "))
	}
	return nil
}
