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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
	"camswarm/sim/fleet"
	"camswarm/sim/report"
)

// runArgs are the arguments of camsim that measure a point with real nodes.
func runArgs(x fleet.Measurement, baselines string) []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	ms := func(v float64) string { return time.Duration(v * float64(time.Millisecond)).String() }
	up, down := x.Up, x.Down
	var more []string
	if x.Site > 1 {
		up, down = x.LAN, x.LAN
		more = []string{"--set", "site.count=" + strconv.Itoa(x.Cameras/x.Site), "--set", "site.up=" + number(x.Up), "--set", "site.down=" + number(x.Down),
			"--set", "site.lan=" + number(x.LAN), "--set", "site.delay=500us"}
	}
	if x.NAT > 0 {
		more = append(more, "--set", "nat="+number(x.NAT))
	}
	return append([]string{"run", "--scenario", "flash-crowd", "--nodes", strconv.Itoa(x.Cameras), "--links", x.Links, "--seed", strconv.FormatUint(x.Seed, 10),
		"--image-bytes", strconv.FormatInt(x.ImageBytes, 10), "--block-bytes", strconv.FormatInt(x.BlockBytes, 10),
		"--set", "up=" + number(up), "--set", "down=" + number(down), "--set", "seeds.up=" + number(x.SeedUp),
		"--set", "latency.rtt_min=" + ms(x.RTTMin), "--set", "latency.rtt_max=" + ms(x.RTTMax),
		"--baselines", baselines, "--quiet", "--json"}, more...)
}

// measuredBy takes what a report says into a point.
func measuredBy(x fleet.Measurement, r *report.Report) fleet.Measurement {
	of := func(q report.Quantiles) fleet.Quantiles {
		round := func(v float64) float64 { return float64(int64(v*1e4+0.5)) / 1e4 }
		return fleet.Quantiles{P50: round(q.P50), P95: round(q.P95), P99: round(q.P99), Max: round(q.Max)}
	}
	x.Completion, x.Announce, x.SeedCopies = of(r.CompletionSeconds), of(r.AnnounceSeconds), float64(int64(r.SeedCopies*1e3+0.5))/1e3
	for key, to := range map[string]**fleet.Quantiles{baseline.S3: &x.S3, baseline.S3Capped: &x.S3Capped, baseline.CDN: &x.CDN} {
		if b, ok := r.Baselines[key]; ok {
			q := of(b.Quantiles)
			*to = &q
		}
	}
	return x
}

func newFlowMeasureCommand(p *program) *cobra.Command {
	var (
		out, links, planner string
		largest             int
		seeds               int
		force               bool
	)
	cmd := &cobra.Command{
		Use:   "measure",
		Short: "Measure, with real nodes, what the flow model is fitted to",
		Long: `Runs flash-crowd with real nodes, by size and with one condition at a time
changed, and writes what came out as a table, after each run. Points that the table
has already are not run again, so it goes on where it was stopped; delete the file
to measure another commit. --planner adds runs of the scheduler alone, without
nodes, for sizes beyond.

The committed table is sim/fleet/testdata/fleet.json.`,
		Example: `  camsim flow measure --out sim/fleet/testdata/fleet.json --largest 500 --planner 1000,3000`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return cli.Usagef("--out is missing: the file for the table")
			}
			if links != "fast" && links != "quic" {
				return cli.Usagef(`--links is %q; write "fast" or "quic"`, links)
			}
			if seeds < 1 || seeds > 100 || largest < 25 {
				return cli.Usagef("--seeds must be 1 to 100, --largest 25 or more")
			}
			t, err := readTable(out)
			if errors.Is(err, fs.ErrNotExist) {
				t, err = &fleet.Table{}, nil
			}
			if err != nil {
				return err
			}
			if err := writable(filepath.Dir(out)); err != nil {
				return cli.Usagef("--out %s: its directory cannot be written: %w", out, plainFile(err))
			}
			if len(t.Points) > 0 && t.Commit != p.commit && !force {
				return cli.Usagef("%s was measured at commit %s and this is %s: delete it to measure anew, or --force to mix", out, t.Commit, p.commit)
			}
			if len(t.Points) == 0 {
				t.Commit = p.commit
			}
			s, err := sim.Load("flash-crowd")
			if err != nil {
				return err
			}
			add := func(x fleet.Measurement) error {
				t.Points = append(t.Points, x)
				err := report.WriteFile(out, func(w io.Writer) error { return encodeJSON(w, t) })
				if err == nil {
					return nil
				}
				line, _ := json.Marshal(x) // what took minutes must not be lost
				return fmt.Errorf("%s: %w; add this to its points: %s", out, plainFile(err), line)
			}
			for _, x := range fleet.Conditions(s.BlockBytes) {
				if x.Cameras > largest {
					continue
				}
				x.Links = links
				plain := x.Up == 20 && x.SeedUp == 100 && x.RTTMax == 150 && x.NAT == 0 && x.Site == 0 && x.Down == 50 && x.Cameras == 25
				for seed := range seeds {
					x.Seed = uint64(seed + 1)
					if t.Has(x) {
						continue
					}
					with := "none"
					if plain && seed == 0 {
						with = strings.Join([]string{baseline.S3, baseline.S3Capped, baseline.CDN}, ",")
					}
					began := time.Now()
					r, err := p.runChild(cmd.Context(), runArgs(x, with), cmd.ErrOrStderr())
					if err != nil {
						return err
					}
					if r.Unfinished > 0 {
						return fmt.Errorf("%s: %d cameras did not finish; a table of such runs would mislead", x, r.Unfinished)
					}
					m := measuredBy(x, r)
					cli.Note(cmd, "%s, seed %d: p50 %.2f s, p95 %.2f s; took %v", m, m.Seed, m.Completion.P50, m.Completion.P95, time.Since(began).Round(time.Second))
					if err := add(m); err != nil {
						return err
					}
				}
			}
			for word := range strings.SplitSeq(planner, ",") {
				if planner == "" {
					break
				}
				n, err := strconv.Atoi(strings.TrimSpace(word))
				if err != nil || n < 10 || n > 20_000 {
					return cli.Usagef("--planner %q: write numbers of 10 to 20000 with commas between them", word)
				}
				if t.Has(fleet.Schedulable(n, s.BlockBytes, 1)) {
					continue
				}
				began := time.Now()
				m, err := fleet.Schedule(n, s.BlockBytes, 1)
				if err != nil {
					return err
				}
				cli.Note(cmd, "%s: p50 %.2f s, p95 %.2f s; took %v", m, m.Completion.P50, m.Completion.P95, time.Since(began).Round(time.Second))
				if err := add(m); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the file for the table")
	cmd.Flags().StringVar(&links, "links", "fast", `"fast" or "quic"`)
	cmd.Flags().IntVar(&largest, "largest", 200, "leave out runs with more cameras")
	cmd.Flags().IntVar(&seeds, "seeds", 1, "seeds of the random numbers for each point")
	cmd.Flags().StringVar(&planner, "planner", "", "numbers of cameras for runs of the scheduler alone")
	cmd.Flags().BoolVar(&force, "force", false, "add to a table of another commit")
	return cmd
}

func readTable(path string) (*fleet.Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	t, err := fleet.ReadTable(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func newFlowFitCommand() *cobra.Command {
	var (
		asJSON bool
		keep   bool
	)
	cmd := &cobra.Command{
		Use:   "fit [TABLE]",
		Short: "Fit the flow model to a table of measurements and print its errors",
		Long: `Fits the parameters of the flow model to a table that 'camsim flow measure' wrote,
by least squares, and prints model and measurement of every point. Without a table
it takes the committed one. --keep leaves the parameters as they are compiled in and
only prints the errors.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t := fleet.CommittedTable()
			if len(args) > 0 {
				var err error
				if t, err = readTable(args[0]); err != nil {
					return cli.Usage(err)
				}
			}
			params := fleet.DefaultParams()
			if !keep {
				var err error
				if params, err = t.Fit(); err != nil {
					return err
				}
			}
			c, err := t.Compare(params)
			if err != nil {
				return err
			}
			if asJSON {
				return cli.PrintJSON(cmd, c)
			}
			return fitTable(cmd.OutOrStdout(), c)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "do not fit")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func fitTable(w io.Writer, c *fleet.Calibration) error {
	var b strings.Builder
	p := c.Params
	fmt.Fprintf(&b, "Ramp %.2f, SeedShare %.3f, CameraShare %.3f, DownShare %.3f, Spread %.3f, Tail %.2f, SeedRepeat %.2f, SeedLent %.2f MB, LookExtra %.3f\n\n", p.Ramp, p.SeedShare, p.CameraShare, p.DownShare, p.Spread, p.Tail, p.SeedRepeat, p.SeedLent/1e6, p.LookExtra)
	fmt.Fprintf(&b, "%-56s%16s%16s%8s%8s%14s%14s\n", "", "p50 run/model", "p95 run/model", "error", "error", "copies", "announced")
	for _, x := range c.Points {
		m := x.Measured
		fmt.Fprintf(&b, "%-56s%8.2f/%7.2f%8.2f/%7.2f%+7.1f%%%+7.1f%%%7.1f/%6.1f%8.3f/%5.3f\n", m, m.Completion.P50, x.Model.P50, m.Completion.P95, x.Model.P95,
			100*x.ErrorP50, 100*x.ErrorP95, m.SeedCopies, x.Copies, m.Announce.P50, x.Announce.P50)
		for _, o := range []struct {
			name     string
			measured *fleet.Quantiles
			model    fleet.Quantiles
		}{{baseline.S3, m.S3, x.S3}, {baseline.S3Capped, m.S3Capped, x.S3Capped}, {baseline.CDN, m.CDN, x.CDN}} {
			if o.measured != nil {
				fmt.Fprintf(&b, "%-56s%8.2f/%7.2f%8.2f/%7.2f%+7.1f%%%+7.1f%%\n", "  "+report.BaselineLabel(o.name), o.measured.P50, o.model.P50, o.measured.P95, o.model.P95,
					100*(o.model.P50/o.measured.P50-1), 100*(o.model.P95/o.measured.P95-1))
			}
		}
	}
	fmt.Fprintf(&b, "\nreal nodes: %d points, up to %d cameras: %.1f %% at p50, %.1f %% at p95 (root mean square), worst %+.1f %% (%s)\n",
		c.Nodes.Points, c.LargestNodes, 100*c.Nodes.RMS50, 100*c.Nodes.RMS95, 100*c.Nodes.Worst95, c.Nodes.WorstAt)
	if c.Planner.Points > 0 {
		fmt.Fprintf(&b, "scheduler alone: %d points, up to %d cameras: %.1f %% at p50, %.1f %% at p95, worst %+.1f %%\n",
			c.Planner.Points, c.Planner.LargestAt, 100*c.Planner.RMS50, 100*c.Planner.RMS95, 100*c.Planner.Worst95)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// encodeJSON writes one indented document.
func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// runChild runs a child whose stdout is a report. A child that fails after it
// has printed one has run.
func (p *program) runChild(ctx context.Context, args []string, stderr io.Writer) (*report.Report, error) {
	var stdout bytes.Buffer
	err := p.child(ctx, args, &stdout, stderr)
	if ctx.Err() != nil {
		return nil, cli.Remains(ctx.Err(), "call the same command again to go on")
	}
	if code := childCode(err); err != nil && (code != exitFailed || stdout.Len() == 0) {
		return nil, fmt.Errorf("%s: %w", shell(append([]string{"camsim"}, args...)), err)
	}
	return report.Decode(&stdout)
}
