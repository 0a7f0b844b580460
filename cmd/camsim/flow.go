package main

import (
	"fmt"
	"io"
	"math"
	"os"
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
	"camswarm/sim/world"
)

// FlowFile is what flow --out writes beside its figure.
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
	flags.Float64Var(&f.nat, "nat", 0, "share of the cameras that cannot be dialled (default: the scenario's)")
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
	if s.Latency.Kind == "world" && len(s.Classes) == 0 && (cmd.Flags().Changed("up") || cmd.Flags().Changed("down") || cmd.Flags().Changed("nat")) {
		return nil, cli.Usagef("scenario %s has the lines of the world's regions: --up, --down and --nat would change none; write a scenario with a [[class]] (camsim show %s > mine.toml)", s.Name, s.Name)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, x := range []struct{ flag, key, value string }{
		{"up", "up", number(f.up)}, {"down", "down", number(f.down)}, {"nat", "nat", number(f.nat)}, {"seed-up", "seeds.up", number(f.seedUp)},
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
	if f.connections < 0 {
		return nil, cli.Usagef("--seed-connections must be 1 or more")
	}
	return s, nil
}

// left names what of a scenario the flow model leaves out.
func left(s *sim.Scenario) (out []string) {
	loss := slices.ContainsFunc(s.Classes, func(c sim.Class) bool { return c.Loss > 0 }) || s.Latency.Kind == "world" && len(s.Classes) == 0
	for _, x := range []struct {
		there bool
		what  string
	}{
		{loss, "loss of packets"},
		{s.Churn.Leave > 0, "cameras that leave"},
		{s.Late.Share > 0, "late starters"},
		{s.Hostile.Count() > 0, "hostile nodes"},
		{s.Partition.Share > 0, "the partition"},
		{len(s.Rollout) > 0, "the steps of the rollout"},
		{s.Releases > 1, "earlier releases"},
		{!s.Seeds.Warm, "seeds that fetch the image first"},
	} {
		if x.there {
			out = append(out, x.what)
		}
	}
	return out
}

// fleet makes a fleet of n cameras after a scenario: the same shares of regions
// and classes, the same lines. Sites keep their size.
func (f *flowFlags) fleet(s *sim.Scenario, n int) fleet.Fleet {
	regions := slices.Clone(s.Latency.Regions)
	if len(regions) == 0 {
		regions = []string{"lab"}
		if s.Latency.Kind == "world" {
			regions = nil
			for _, r := range world.Regions() {
				regions = append(regions, string(r))
			}
		}
	}
	out := fleet.Fleet{
		ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, SeedConnections: f.connections,
		Chain:  fleet.Chain{Operators: s.Chain.Operators, RTTMin: s.Chain.RTTMin, RTTMax: s.Chain.RTTMax, Server: s.Chain.Server},
		Params: fleet.DefaultParams(), Origin: fleet.DefaultOrigin(),
	}
	d := baseline.DefaultConfig()
	out.Origin.FirstByte, out.Origin.EdgeFirstByte, out.Origin.Capped = d.FirstByte, d.EdgeFirstByte, f.capped*1e6

	seeds := s.Seeds.Count
	if seeds == 0 {
		seeds = len(regions)
	}
	if f.seedsPer100k > 0 {
		seeds = max(len(regions), int(math.Round(f.seedsPer100k*float64(n)/1e5)))
	}
	for i, r := range regions {
		count := seeds / len(regions)
		if i < seeds%len(regions) {
			count++
		}
		out.Regions = append(out.Regions, fleet.Region{Name: r, Seeds: count, SeedUp: s.Seeds.Up * 1e6})
	}
	for i, r := range regions {
		cameras := n / len(regions)
		if i < n%len(regions) {
			cameras++
		}
		var classes []fleet.Class
		var shares []float64
		sum := 0.0
		add := func(c fleet.Class, share float64) {
			c.Region = i
			classes, shares, sum = append(classes, c), append(shares, share), sum+share
		}
		for _, c := range s.Classes {
			if c.Region == "" || c.Region == r {
				add(fleet.Class{Name: c.Name, Up: c.Up * 1e6, Down: c.Down * 1e6, Spread: c.Spread, NAT: c.NAT}, c.Share)
			}
		}
		if len(classes) == 0 { // as in sim, which takes the medians of the world's lines
			for _, c := range world.Classes(world.Region(r)) {
				add(fleet.Class{Name: c.Name, Up: c.Up, Down: c.Down}, c.Share)
			}
		}
		given, upTo := 0, 0.0
		for j := range classes {
			c := &classes[j]
			upTo += shares[j]
			c.Cameras = int(math.Round(upTo/sum*float64(cameras))) - given
			given += c.Cameras
			if s.Site.Count > 0 {
				c.Site = max(1, int(math.Round(float64(s.Nodes)/float64(s.Site.Count))))
				c.Up, c.Down, c.LAN, c.Spread = s.Site.Up*1e6, s.Site.Down*1e6, s.Site.LAN*1e6, 0
			}
		}
		out.Classes = append(out.Classes, classes...)
	}

	switch s.Latency.Kind {
	case "world":
		// Access lines add half their round trip at each end; between two lines of
		// anywhere that is between the least and the most of all classes.
		lo, hi := time.Duration(math.MaxInt64), time.Duration(0)
		var mean, count float64
		for _, r := range world.Regions() {
			for _, c := range world.Classes(r) {
				lo, hi = min(lo, c.RTT*7/10), max(hi, c.RTT*13/10)
				mean += c.RTT.Seconds() * c.Share
				count += c.Share
			}
		}
		typical := time.Duration(mean / count * float64(time.Second))
		hi = 3 * typical // fixed wireless is rare; a uniform range up to it would be too wide
		out.RTT = func(a, b int) (time.Duration, time.Duration) {
			between := world.RTT(world.Region(regions[a]), world.Region(regions[b]))
			return between + lo, between + hi
		}
		out.Origin.EdgeRTT = typical
	default:
		out.RTT = func(a, b int) (lo, hi time.Duration) {
			lo, hi = s.Latency.RTTMin, s.Latency.RTTMax
			if near := s.Latency.NearRTT; near > 0 && a == b {
				hi = max(min(hi, near), lo)
			}
			return lo, hi
		}
		out.Origin.EdgeRTT = s.Latency.RTTMin
	}
	return out
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

	Results    []*fleet.Result `json:"results"`
	Crossings  []flowCrossing  `json:"crossings"`
	NotInModel []string        `json:"notInModel"` // of the scenario

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

// flowCrossing is from how many cameras on the swarm is faster at p95 than
// another way.
type flowCrossing struct {
	Baseline string `json:"baseline"`
	// Cameras is the number; 0: the swarm is never faster up to Searched; 1: always.
	Cameras  int `json:"cameras"`
	Searched int `json:"searchedTo"`
}

func newFlowCommand(p *program) *cobra.Command {
	var (
		f      flowFlags
		out    string
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
			doc, err := f.document(s, sizes)
			if err != nil {
				return cli.Usage(err)
			}
			doc.Commit, doc.Command = p.commit, shell(append([]string{"camsim", "flow"}, f.args(cmd)...))
			if out != "" {
				if err := f.writeDir(out, s, doc); err != nil {
					return err
				}
			}
			if asJSON {
				err = cli.PrintJSON(cmd, doc)
			} else {
				err = doc.table(cmd.OutOrStdout(), s)
			}
			if err == nil && out != "" {
				cli.Note(cmd, "written to %s", out)
			}
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write flow.json and the figure into this directory")
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
		NotInModel: append([]string{}, left(s)...), Params: fleet.DefaultParams(),
		Calibration: flowCalibration{Commit: c.Commit, LargestNodes: c.LargestNodes, Nodes: c.Nodes, Planner: c.Planner,
			Note: "errors are model/measured-1 of completion times; results for more cameras than largestNodes are extrapolated"},
	}
	for _, n := range sizes {
		fl := f.fleet(s, n)
		r, err := fl.Run()
		if err != nil {
			return nil, err
		}
		doc.Results = append(doc.Results, r)
	}
	var err error
	doc.Crossings, err = f.crossings(s)
	return doc, err
}

// searchTo is how far crossings are looked for.
const searchTo = 10_000_000

// flowBaselines are the other ways that the model has.
var flowBaselines = []struct {
	key string
	of  func(*fleet.Result) fleet.Quantiles
}{
	{baseline.S3, func(r *fleet.Result) fleet.Quantiles { return r.S3 }},
	{baseline.S3Capped, func(r *fleet.Result) fleet.Quantiles { return r.S3Capped }},
	{baseline.CDN, func(r *fleet.Result) fleet.Quantiles { return r.CDN }},
}

// crossings finds from how many cameras on the swarm wins. The advantage of a
// swarm over a server grows with their number; where it does not, the last
// crossing counts.
func (f *flowFlags) crossings(s *sim.Scenario) ([]flowCrossing, error) {
	type at struct {
		n    int
		wins []bool
	}
	try := func(n int) (at, error) {
		fl := f.fleet(s, n)
		r, err := fl.Run()
		if err != nil {
			return at{}, err
		}
		a := at{n: n}
		for _, b := range flowBaselines {
			a.wins = append(a.wins, r.Completion.P95 < b.of(r).P95)
		}
		return a, nil
	}
	var grid []at
	for _, n := range flowGrid(1, searchTo, 2) {
		a, err := try(n)
		if err != nil {
			return nil, err
		}
		grid = append(grid, a)
	}
	var out []flowCrossing
	for i, b := range flowBaselines {
		c := flowCrossing{Baseline: b.key, Searched: searchTo}
		last := -1 // of the sizes at which the swarm loses
		for j, a := range grid {
			if !a.wins[i] {
				last = j
			}
		}
		switch {
		case last < 0:
			c.Cameras = 1
		case last < len(grid)-1:
			lo, hi := grid[last].n, grid[last+1].n
			for hi-lo > max(1, lo/100) {
				mid := int(math.Sqrt(float64(lo) * float64(hi)))
				mid = min(max(mid, lo+1), hi-1)
				a, err := try(mid)
				if err != nil {
					return nil, err
				}
				if a.wins[i] {
					hi = mid
				} else {
					lo = mid
				}
			}
			c.Cameras = hi
		}
		out = append(out, c)
	}
	return out, nil
}

// flowGrid are round numbers from lo to hi, per decade.
func flowGrid(lo, hi, perDecade int) (out []int) {
	for i := 0; ; i++ {
		n := int(math.Round(float64(lo) * math.Pow(10, float64(i)/float64(perDecade))))
		if n >= hi {
			return append(out, hi)
		}
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
	}
}

func flowSeconds(v float64) string {
	switch {
	case v < 100:
		return fmt.Sprintf("%.2f s", v)
	case v < 1000:
		return fmt.Sprintf("%.0f s", v)
	case v < 7200:
		return fmt.Sprintf("%.1f min", v/60)
	}
	return fmt.Sprintf("%.1f h", v/3600)
}

func (d *flowDocument) table(w io.Writer, s *sim.Scenario) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("Flow model after scenario %s: image of %s in blocks of %d KiB, seeds at %g Mbit/s.", d.Scenario, byteCount(d.ImageBytes), d.BlockBytes>>10, s.Seeds.Up)
	line("")
	line("%12s%7s%11s%11s%11s%11s%8s%9s%11s%11s%11s", "cameras", "seeds", "announced", "p50", "p95", "p99", "×bound", "copies", "S3 p95", "capped p95", "CDN p95")
	marked := false
	for _, r := range d.Results {
		mark := " "
		if r.ExtrapolatedBeyond > 0 {
			mark, marked = "*", true
		}
		line("%11d%s%7d%11s%11s%11s%11s%8.2f%9.1f%11s%11s%11s", r.Cameras, mark, r.Seeds, flowSeconds(r.Announce.P95), flowSeconds(r.Completion.P50), flowSeconds(r.Completion.P95),
			flowSeconds(r.Completion.P99), r.Ratio.P95, r.SeedCopies, flowSeconds(r.S3.P95), flowSeconds(r.S3Capped.P95), flowSeconds(r.CDN.P95))
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

// figure draws the times over the number of cameras: a sweep of results.
func (f *flowFlags) figure(s *sim.Scenario, doc *flowDocument) ([]report.Figure, error) {
	largest := doc.Results[len(doc.Results)-1].Cameras
	sizes := flowGrid(10, max(largest, 1000), 4)
	var runs []*report.Report
	measured := false
	c := fleet.Calibrated()
	of := func(q fleet.Quantiles) report.Quantiles { return report.Quantiles(q) }
	for _, x := range c.Points {
		if x.Measured.Model != "planner" && f.same(s, x.Measured) && !slices.Contains(sizes, x.Measured.Cameras) {
			sizes = append(sizes, x.Measured.Cameras)
		}
	}
	slices.Sort(sizes)
	for _, n := range sizes {
		fl := f.fleet(s, n)
		m, err := fl.Run()
		if err != nil {
			return nil, err
		}
		r := &report.Report{Schema: report.Schema, Scenario: s.Name, Nodes: n, Seeds: m.Seeds, Seed: 1, Links: "flow",
			ImageBytes: s.ImageBytes, BlockBytes: s.BlockBytes, FluidBoundSeconds: m.BoundSeconds,
			CompletionSeconds: of(m.Completion), RatioToBound: of(m.Ratio), AnnounceSeconds: of(m.Announce), SeedCopies: m.SeedCopies,
			Baselines: map[string]report.Baseline{}}
		for _, b := range flowBaselines {
			r.Baselines[b.key] = report.Baseline{Quantiles: of(b.of(m))}
		}
		for _, x := range c.Points {
			if x.Measured.Model != "planner" && x.Measured.Cameras == n && f.same(s, x.Measured) {
				measured = true
				r.Baselines["swarm of real nodes"] = report.Baseline{Quantiles: of(x.Measured.Completion)}
			}
		}
		runs = append(runs, r)
	}
	sweep, err := report.NewSweep(runs)
	if err != nil {
		return nil, err
	}
	figures, err := sweep.Figures("nodes", []string{"completionSeconds.p95"})
	if err != nil {
		return nil, err
	}
	for i := range figures {
		figures[i].Name = "flow-completion"
		figures[i].Title = "Time to completion over the number of cameras"
		figures[i].Caption = fmt.Sprintf("The 95th percentile of the cameras, by the flow model: extrapolated beyond N=%d node-level runs. The capped origin sends %g Mbit/s in all.", c.LargestNodes, f.capped)
		if measured {
			figures[i].Caption += " Beside it, runs of real nodes under the same conditions."
		}
	}
	return figures, nil
}

// same says whether a measurement was made under the conditions of the flags.
func (f *flowFlags) same(s *sim.Scenario, x fleet.Measurement) bool {
	a, b := f.fleet(s, x.Cameras), x.Fleet()
	if a.ImageBytes != b.ImageBytes || a.BlockBytes != b.BlockBytes || a.Chain != b.Chain || a.SeedConnections != 0 ||
		len(a.Regions) != 1 || len(a.Classes) != 1 || a.Regions[0].Seeds != b.Regions[0].Seeds || a.Regions[0].SeedUp != b.Regions[0].SeedUp {
		return false
	}
	c, d := a.Classes[0], b.Classes[0]
	c.Name, d.Name = "", ""
	lo, hi := a.RTT(0, 0)
	lo2, hi2 := b.RTT(0, 0)
	return c == d && lo == lo2 && hi == hi2
}

func (f *flowFlags) writeDir(dir string, s *sim.Scenario, doc *flowDocument) error {
	figures, err := f.figure(s, doc)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := report.WriteFigures(dir, figures); err != nil {
		return err
	}
	return report.WriteFile(filepath.Join(dir, flowFile), func(w io.Writer) error { return encodeJSON(w, doc) })
}
