package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
	"camswarm/sim/fleet"
	"camswarm/sim/report"
	"camswarm/sim/report/figure"
	"camswarm/sim/report/format"
)

// flowFile is what flow --out writes beside its figure.
const flowFile = "flow.json"

// flowFlags are the flags that make a fleet.
type flowFlags struct {
	scenario, cameras, rtt string
	seeds, connections     int
	seedsPer100k           float64
	up, down, seedUp       float64
	nat                    float64
	imageBytes, blockBytes int64
	capped                 float64
	sets                   []string
}

func (f *flowFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	d := baseline.DefaultConfig()
	flags.StringVar(&f.cameras, "cameras", "10000,100000,1000000", "numbers of cameras, with commas between them")
	flags.StringVar(&f.scenario, "scenario", "flash-crowd", "name of a built-in scenario (camsim list) or a TOML file: lines, latencies, seeds, image")
	flags.IntVar(&f.seeds, "seeds", 0, "seeds in all, in the regions in turn (default: the scenario's)")
	flags.Float64Var(&f.seedsPer100k, "seeds-per-100k", 0, "seeds for each 100000 cameras, at least one in each region (default: the scenario's number)")
	flags.IntVar(&f.connections, "seed-connections", 0, "cameras that a seed serves at a time (default: what package swarm allows)")
	flags.Float64Var(&f.up, "up", 0, "Mbit/s of every camera's uplink (default: the scenario's)")
	flags.Float64Var(&f.down, "down", 0, "Mbit/s of every camera's downlink (default: the scenario's)")
	flags.Float64Var(&f.seedUp, "seed-up", 0, "Mbit/s of every seed's uplink (default: the scenario's)")
	flags.Float64Var(&f.nat, "nat", 0, "share of the cameras behind symmetric NATs, which do not reach one another (default: the scenario's)")
	flags.StringVar(&f.rtt, "rtt", "", "round trips between nodes, such as 10ms-150ms (default: the scenario's)")
	flags.Int64Var(&f.imageBytes, "image-bytes", 0, "size of the image (default: the scenario's)")
	flags.Int64Var(&f.blockBytes, "block-bytes", 0, "size of its blocks, a power of two (default: the scenario's)")
	flags.Float64Var(&f.capped, "s3-egress", d.CappedEgress/1e6, "Mbit/s of the capped S3 origin")
	flags.StringArrayVar(&f.sets, "set", nil, "change a value of the scenario, as in camsim run; may be repeated")
}

// sizes reads --cameras.
func (f *flowFlags) sizes() ([]int, error) {
	var out []int
	for word := range strings.SplitSeq(f.cameras, ",") {
		n, err := strconv.Atoi(strings.ReplaceAll(strings.TrimSpace(word), "_", ""))
		if err != nil || n < 1 || n > maxFlowCameras {
			return nil, cli.Usagef("--cameras %q: write numbers of 1 to %d with commas between them, such as 10000,1000000", word, maxFlowCameras)
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) > maxFlowSizes {
		return nil, cli.Usagef("--cameras has %d numbers; at most %d", len(out), maxFlowSizes)
	}
	slices.Sort(out)
	return out, nil
}

const (
	maxFlowCameras = 100_000_000
	maxFlowSizes   = 100
)

// load reads the scenario with what the flags change in it.
func (f *flowFlags) load(cmd *cobra.Command) (*sim.Scenario, error) {
	s, err := sim.Load(f.scenario)
	if err != nil {
		return nil, cli.Usage(err)
	}
	set := func(key, value string) error {
		if err := s.Set(key, value); err != nil {
			return cli.Usage(err)
		}
		return nil
	}
	for _, x := range f.sets {
		key, value, ok := strings.Cut(x, "=")
		if !ok || key == "" {
			return nil, cli.Usagef("--set %q: write KEY=VALUE, such as --set seeds.up=1000", x)
		}
		if key == "nodes" {
			return nil, cli.Usagef("set the number of cameras by --cameras")
		}
		if err := set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	if s.Latency.Kind == "world" && len(s.Classes) == 0 && (cmd.Flags().Changed("up") || cmd.Flags().Changed("down")) {
		return nil, cli.Usagef("scenario %s has the lines of the world's regions: --up and --down would change none; write a scenario with a [[class]] (camsim show %s > mine.toml)", s.Name, s.Name)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, x := range []struct{ flag, key, value string }{
		{"up", "up", number(f.up)}, {"down", "down", number(f.down)}, {"nat", "nat.share", number(f.nat)},
		{"nat", "nat.symmetric", "1"}, {"nat", "nat.full_cone", "0"}, {"nat", "nat.port_restricted", "0"}, {"nat", "nat.no_udp", "0"},
		{"seed-up", "seeds.up", number(f.seedUp)},
		{"seeds", "seeds.count", strconv.Itoa(f.seeds)},
		{"image-bytes", "image_bytes", strconv.FormatInt(f.imageBytes, 10)}, {"block-bytes", "block_bytes", strconv.FormatInt(f.blockBytes, 10)},
	} {
		if !cmd.Flags().Changed(x.flag) {
			continue
		}
		if x.flag == "seeds" && f.seeds < 1 {
			return nil, cli.Usagef("--seeds must be 1 or more")
		}
		if err := set(x.key, x.value); err != nil {
			return nil, err
		}
	}
	if f.rtt != "" {
		lo, hi, ok := strings.Cut(f.rtt, "-")
		if !ok {
			hi = lo
		}
		for _, v := range []string{lo, hi} {
			if d, err := time.ParseDuration(v); err != nil || d < 0 || d > 10*time.Second {
				return nil, cli.Usagef("--rtt %q: write a range such as 10ms-150ms, up to 10s", f.rtt)
			}
		}
		if s.Latency.Kind == "world" {
			return nil, cli.Usagef("scenario %s has the world's measured round trips; --rtt goes with latency.kind = \"uniform\"", s.Name)
		}
		if err := set("latency.rtt_min", lo); err != nil {
			return nil, err
		}
		if err := set("latency.rtt_max", hi); err != nil {
			return nil, err
		}
	}
	if err := s.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	if cmd.Flags().Changed("seeds") && cmd.Flags().Changed("seeds-per-100k") {
		return nil, cli.Usagef("--seeds and --seeds-per-100k exclude each other")
	}
	if f.seedsPer100k < 0 || f.seedsPer100k > 1e5 || math.IsNaN(f.seedsPer100k) {
		return nil, cli.Usagef("--seeds-per-100k must be 0 to 100000")
	}
	if f.capped < 0.001 || f.capped > 1e9 || math.IsNaN(f.capped) {
		return nil, cli.Usagef("--s3-egress is %v; a capped origin sends 0.001 to 1e9 Mbit/s", f.capped)
	}
	if f.connections < 0 {
		return nil, cli.Usagef("--seed-connections must be 1 or more")
	}
	return s, nil
}

// options are what the flags add to the scenario's fleet.
func (f *flowFlags) options() sim.FleetOptions {
	return sim.FleetOptions{SeedsPer100k: f.seedsPer100k, SeedConnections: f.connections, S3Egress: f.capped * 1e6}
}

// flowDocument is what flow --json prints.
type flowDocument struct {
	Schema     int    `json:"schema"`
	Model      string `json:"model"` // "flow"
	Scenario   string `json:"scenario"`
	Commit     string `json:"commit"`
	Command    string `json:"command"`
	ImageBytes int64  `json:"imageBytes"`
	BlockBytes int64  `json:"blockBytes"`

	Results    []*fleet.Result  `json:"results"`
	Crossings  []fleet.Crossing `json:"crossings"`
	NotInModel []string         `json:"notInModel"` // of the scenario

	Params      fleet.Params    `json:"params"`
	Calibration flowCalibration `json:"calibration"`
}

// flowCalibration is how far the model was from runs.
type flowCalibration struct {
	Commit       string         `json:"commit"`
	LargestNodes int            `json:"largestNodes"`
	Nodes        fleet.Accuracy `json:"nodes"`
	Planner      fleet.Accuracy `json:"planner"`
	Note         string         `json:"note"`
}

func newFlowCommand(p *program) *cobra.Command {
	var (
		f      flowFlags
		out    place
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "flow",
		Short: "Compute how a release spreads over 1,000 to 1,000,000 cameras, by a calibrated model",
		Long: `Computes, in seconds, how a release would spread over fleets that no machine can
run as nodes: a flow model of classes of cameras with the lines, latencies and seeds
of a scenario, beside S3, capped S3 and a CDN for the same fleet. Its equations and
assumptions are in the documentation of package sim/fleet (type Fleet).

Its parameters are fitted to runs of real nodes; the error is printed, and whatever
lies beyond the largest of those runs is marked as extrapolated. Loss, churn and
hostile nodes are not in the model.

'camsim flow measure' makes the table of measurements anew, 'camsim flow fit' fits
the parameters to one and prints the errors point by point.`,
		Example: `  camsim flow
  camsim flow --cameras 1000,10000,100000,1000000 --seeds-per-100k 10 --seed-up 1000 --json
  camsim flow --scenario global --s3-egress 10000 --out results/flow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sizes, err := f.sizes()
			if err != nil {
				return err
			}
			s, err := f.load(cmd)
			if err != nil {
				return err
			}
			if err := out.ready(); err != nil {
				return err
			}
			doc, err := f.document(s, sizes)
			if err != nil {
				return cli.Usage(err)
			}
			doc.Commit, doc.Command = p.commit, shell(append([]string{"camsim", "flow"}, f.args(cmd)...))
			if asJSON {
				err = cli.PrintJSON(cmd, doc)
			} else {
				err = doc.table(cmd.OutOrStdout(), s)
			}
			if out.dir == "" {
				return err
			}
			if werr := f.writeDir(out.dir, s, doc); werr != nil {
				return errors.Join(err, fmt.Errorf("not all of the result is in %s, but it is printed: %w", out.dir, plainFile(werr)))
			}
			p.noteWritten(cmd, out.dir)
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&out.dir, "out", "", "write flow.json and the figures into this directory")
	cmd.Flags().BoolVar(&out.overwrite, "overwrite", false, "replace a result that is in --out")
	cli.AddJSON(cmd, &asJSON)
	cmd.AddCommand(newFlowMeasureCommand(p), newFlowFitCommand())
	return cmd
}

// args are the flags that were given, in a fixed order.
func (f *flowFlags) args(cmd *cobra.Command) (out []string) {
	for _, name := range []string{"cameras", "scenario", "seeds", "seeds-per-100k", "seed-connections", "up", "down", "seed-up", "nat", "rtt", "image-bytes", "block-bytes", "s3-egress"} {
		if cmd.Flags().Changed(name) {
			out = append(out, "--"+name, cmd.Flags().Lookup(name).Value.String())
		}
	}
	for _, x := range f.sets {
		out = append(out, "--set", x)
	}
	return out
}

func (f *flowFlags) document(s *sim.Scenario, sizes []int) (*flowDocument, error) {
	c := fleet.Calibrated()
	doc := &flowDocument{
		Schema: 1, Model: "flow", Scenario: s.Name, ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes,
		NotInModel: s.NotInFleet(), Params: fleet.DefaultParams(),
		Calibration: flowCalibration{Commit: c.Commit, LargestNodes: c.LargestNodes, Nodes: c.Nodes, Planner: c.Planner,
			Note: "errors are model/measured-1 of completion times; results for more cameras than largestNodes are extrapolated"},
	}
	for _, n := range sizes {
		model := s.Fleet(n, f.options())
		r, err := model.Run()
		if err != nil {
			return nil, err
		}
		doc.Results = append(doc.Results, r)
	}
	var err error
	doc.Crossings, err = fleet.Crossings(func(n int) fleet.Fleet { return s.Fleet(n, f.options()) })
	return doc, err
}

func (d *flowDocument) table(w io.Writer, s *sim.Scenario) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("Flow model after scenario %s: image of %s in blocks of %d KiB, seeds at %g Mbit/s.", d.Scenario, format.Bytes(d.ImageBytes), d.BlockBytes>>10, s.Seeds.Up)
	line("")
	line("%12s%7s%11s%11s%11s%11s%8s%9s%11s%11s%11s", "cameras", "seeds", "announced", "p50", "p95", "p99", "×bound", "copies", "S3 p95", "capped p95", "CDN p95")
	marked := false
	for _, r := range d.Results {
		mark := " "
		if r.ExtrapolatedBeyond > 0 {
			mark, marked = "*", true
		}
		line("%11d%s%7d%11s%11s%11s%11s%8.2f%9.1f%11s%11s%11s", r.Cameras, mark, r.Seeds, format.Seconds(r.Announce.P95), format.Seconds(r.Completion.P50), format.Seconds(r.Completion.P95),
			format.Seconds(r.Completion.P99), r.Ratio.P95, r.SeedCopies, format.Seconds(r.S3.P95), format.Seconds(r.S3Capped.P95), format.Seconds(r.CDN.P95))
	}
	for _, r := range d.Results {
		if r.LooksSeconds > 0 {
			line("%11d  95 %% of the looks at the chain take at least %s, which is not in the times above: %d operators with %d slots each.",
				r.Cameras, format.Seconds(r.LooksSeconds), s.Chain.Operators, s.Chain.Slots)
		}
	}
	line("")
	for _, c := range d.Crossings {
		switch c.Cameras {
		case 0:
			line("%s is faster than the swarm at p95 at every size up to %d cameras.", report.BaselineLabel(c.Baseline), c.Searched)
		case 1:
			line("The swarm is faster than %s at p95 at every size.", report.BaselineLabel(c.Baseline))
		default:
			line("The swarm is faster than %s at p95 from %d cameras on.", report.BaselineLabel(c.Baseline), c.Cameras)
		}
	}
	line("")
	c := d.Calibration
	if marked {
		line("* extrapolated beyond N=%d node-level runs.", c.LargestNodes)
	}
	if c.Nodes.Points > 0 {
		line("Against %d node-level runs of up to %d cameras the model errs by %.1f %% at p50 and %.1f %% at p95 (root mean square; worst %+.0f %% at p95).",
			c.Nodes.Points, c.LargestNodes, 100*c.Nodes.RMS50, 100*c.Nodes.RMS95, 100*c.Nodes.Worst95)
	}
	if c.Planner.Points > 0 {
		line("Against %d runs of the scheduler alone with up to %d cameras, which it was not fitted to, by %.1f %% and %.1f %%.",
			c.Planner.Points, c.Planner.LargestAt, 100*c.Planner.RMS50, 100*c.Planner.RMS95)
	}
	if len(d.NotInModel) > 0 {
		line("Of the scenario, the model leaves out: %s.", strings.Join(d.NotInModel, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// figures draw the median and p95 over the number of cameras.
func (f *flowFlags) figures(s *sim.Scenario, doc *flowDocument) ([]figure.Figure, error) {
	c := fleet.Calibrated()
	sizes := fleet.Sizes(10, max(doc.Results[len(doc.Results)-1].Cameras, 1000), 4)
	var results []*fleet.Result
	for _, n := range sizes {
		model := s.Fleet(n, f.options())
		r, err := model.Run()
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	var measured []fleet.Measurement
	for _, x := range c.Points {
		if m := x.Measured; m.Model != "planner" && m.IsOf(s.Fleet(m.Cameras, f.options())) {
			measured = append(measured, m)
		}
	}
	var out []figure.Figure
	for _, q := range []struct {
		file, name, words string
		of                func(fleet.Quantiles) float64
	}{
		{"flow-completion-p50", "p50", "The median of the cameras", func(q fleet.Quantiles) float64 { return q.P50 }},
		{"flow-completion", "p95", "The 95th percentile of the cameras", func(q fleet.Quantiles) float64 { return q.P95 }},
	} {
		x := figure.Scaling{Quantile: q.name, Beyond: c.LargestNodes}
		line := func(name string, of func(*fleet.Result) fleet.Quantiles) {
			l := figure.ScalingLine{Baseline: name}
			for _, r := range results {
				l.At = append(l.At, figure.ScalingAt{Cameras: r.Cameras, Seconds: q.of(of(r))})
			}
			x.Lines = append(x.Lines, l)
		}
		line("", func(r *fleet.Result) fleet.Quantiles { return r.Completion })
		for _, r := range fleet.Rivals {
			line(r.Name, r.Of)
		}
		for _, m := range measured {
			x.Measured = append(x.Measured, figure.ScalingAt{Cameras: m.Cameras, Seconds: q.of(m.Completion)})
		}
		x.Caption = fmt.Sprintf("%s, by the flow model: extrapolated beyond N=%d node-level runs, where the ground is shaded. The capped origin sends %g Mbit/s in all.", q.words, c.LargestNodes, f.capped)
		if len(measured) > 0 {
			x.Caption += " Marks are runs of real nodes under the same conditions."
		}
		out = append(out, figure.OfScaling(q.file, x))
	}
	return out, nil
}

func (f *flowFlags) writeDir(dir string, s *sim.Scenario, doc *flowDocument) error {
	if err := report.WriteFile(filepath.Join(dir, flowFile), func(w io.Writer) error { return encodeJSON(w, doc) }); err != nil {
		return err
	}
	figures, err := f.figures(s, doc)
	if err != nil {
		return err
	}
	return figure.WriteFiles(dir, figures)
}
