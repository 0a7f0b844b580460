package report

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sweep is runs over a grid of parameters: for each point the runs that differ
// in their seed only.
type Sweep struct {
	Params []string `json:"params"` // that vary, in the order of their names
	Points []Point  `json:"points"` // ordered by the values of Params
}

// Point is one combination of parameters.
type Point struct {
	Values map[string]string `json:"values"` // of every parameter of the sweep
	*Merged
}

// NewSweep groups runs.
func NewSweep(runs []*Report) (*Sweep, error) {
	if len(runs) == 0 {
		return nil, errors.New("no runs to merge")
	}
	all := make([]map[string]string, len(runs))
	distinct := map[string]map[string]bool{}
	for i, r := range runs {
		all[i] = r.params()
		for k := range all[i] {
			distinct[k] = map[string]bool{}
		}
	}
	for k := range distinct {
		for _, p := range all {
			distinct[k][p[k]] = true // "" where it is not set
		}
	}
	s := &Sweep{Params: []string{}}
	for _, k := range slices.Sorted(maps.Keys(distinct)) {
		if len(distinct[k]) > 1 {
			s.Params = append(s.Params, k)
		}
	}
	groups := map[string][]*Report{}
	values := map[string]map[string]string{}
	for i, r := range runs {
		v := map[string]string{}
		key := ""
		for _, k := range s.Params {
			v[k] = all[i][k]
			key += strconv.Quote(v[k])
		}
		for _, other := range groups[key] {
			if other.Seed == r.Seed {
				return nil, fmt.Errorf("two runs of %s have seed %d and equal parameters: give each run once", r.Scenario, r.Seed)
			}
		}
		groups[key] = append(groups[key], r)
		values[key] = v
	}
	for key, group := range groups {
		slices.SortFunc(group, func(a, b *Report) int { return cmp.Compare(a.Seed, b.Seed) })
		m, err := Merge(group)
		if err != nil {
			return nil, err
		}
		s.Points = append(s.Points, Point{values[key], m})
	}
	slices.SortFunc(s.Points, func(a, b Point) int {
		for _, k := range s.Params {
			if c := compareValues(a.Values[k], b.Values[k]); c != 0 {
				return c
			}
		}
		return 0
	})
	return s, nil
}

// params are the conditions of a run under the names of a scenario's keys.
func (r *Report) params() map[string]string {
	p := maps.Clone(r.Settings)
	if p == nil {
		p = map[string]string{}
	}
	delete(p, "seed")
	p["scenario"], p["links"] = r.Scenario, r.Links
	p["nodes"] = strconv.Itoa(r.Nodes)
	p["image_bytes"], p["block_bytes"] = strconv.FormatInt(r.ImageBytes, 10), strconv.FormatInt(r.BlockBytes, 10)
	return p
}

// compareValues orders numbers as numbers and everything else as text.
func compareValues(a, b string) int {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// name says what sets a point apart.
func (s *Sweep) name(p Point, except string) string {
	var parts []string
	for _, k := range s.Params {
		if k == except {
			continue
		}
		v := p.Values[k]
		switch {
		case v == "":
			v = k + " unset"
		case k == "scenario" || k == "links":
		default:
			v = k + " " + v
		}
		parts = append(parts, plain(v))
	}
	if len(parts) == 0 {
		return "swarm"
	}
	return strings.Join(parts, ", ")
}

// Failed says whether any run of the sweep broke a promise.
func (s *Sweep) Failed() bool {
	return slices.ContainsFunc(s.Points, func(p Point) bool { return p.Merged.Failed() })
}

// Encode writes the sweep as one JSON document.
func (s *Sweep) Encode(w io.Writer) error { return encode(w, s) }

// Table writes one line for each point.
func (s *Sweep) Table(w io.Writer) error {
	rows := make([]Row, len(s.Points))
	runs := 0
	for i, p := range s.Points {
		rows[i] = Row{Name: s.name(p, ""), Report: &p.Report, Runs: p.Runs}
		if len(s.Params) == 0 {
			rows[i].Name = plain(p.Scenario)
		}
		runs += p.Runs
	}
	if err := Rows(w, rows); err != nil {
		return err
	}
	p := &printer{w: w}
	p.linef("%s of %s; medians over seeds.", plural(runs, "run"), plural(len(s.Points), "point"))
	p.linef("%s", Repeatable)
	return p.err
}

// CSV writes one row for each point: parameters, runs, and for each metric the
// median, least and greatest value over the seeds. An empty cell means that the
// metric was not measured there.
func (s *Sweep) CSV(w io.Writer) error {
	var names []string
	for _, p := range s.Points {
		for name := range p.Bands {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	header := slices.Concat(s.Params, []string{"runs", "failed_runs"})
	for _, n := range names {
		header = append(header, n, n+".min", n+".max")
	}
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
	for _, p := range s.Points {
		var row []string
		for _, k := range s.Params {
			row = append(row, p.Values[k])
		}
		row = append(row, strconv.Itoa(p.Runs), strconv.Itoa(p.FailedRuns))
		for _, n := range names {
			if b, ok := p.Bands[n]; ok {
				row = append(row, number(b.Median), number(b.Min), number(b.Max))
			} else {
				row = append(row, "", "", "")
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// SweepMetrics are drawn unless others are asked for.
var SweepMetrics = []string{"completionSeconds.p95", "ratioToBound.p95"}

// Axis returns the parameter that is drawn along the axis unless another is
// asked for: the one with most values, numbers before words.
func (s *Sweep) Axis() string {
	best, score := "", 0
	for _, k := range s.Params {
		values := map[string]bool{}
		numeric := true
		for _, p := range s.Points {
			v := p.Values[k]
			values[v] = true
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				numeric = false
			}
		}
		n := len(values)
		if numeric {
			n += 1000
		}
		if n > score {
			best, score = k, n
		}
	}
	return best
}

// Figures draws metrics over the parameter x, one line for each combination of
// the others, with the range over the seeds as a band. Where x is the only
// parameter, the baselines are drawn beside the swarm's times.
func (s *Sweep) Figures(x string, metrics []string) ([]Figure, error) {
	if x == "" {
		x = s.Axis()
	}
	if x == "" {
		return nil, nil // nothing varies
	}
	if !slices.Contains(s.Params, x) {
		return nil, fmt.Errorf("%q does not vary in these runs; what varies: %s", x, strings.Join(s.Params, ", "))
	}
	if len(metrics) == 0 {
		metrics = SweepMetrics
	}
	var out []Figure
	for _, m := range metrics {
		f, err := s.figure(x, m)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// sweepLine is a line of a figure of a sweep.
type sweepLine struct {
	name  string
	style draw.LineStyle
	at    []sweepAt
}

type sweepAt struct {
	x    float64
	band Band
}

func (s *Sweep) figure(x, metric string) (Figure, error) {
	// Places along the axis: numbers where they stand, words side by side.
	var values []string
	numeric := true
	for _, p := range s.Points {
		if v := p.Values[x]; !slices.Contains(values, v) {
			values = append(values, v)
			n, err := strconv.ParseFloat(v, 64)
			numeric = numeric && err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
		}
	}
	slices.SortFunc(values, compareValues)
	place := map[string]float64{}
	for i, v := range values {
		place[v] = float64(i)
		if numeric {
			place[v], _ = strconv.ParseFloat(v, 64)
		}
	}

	var lines []*sweepLine
	line := func(name string, style draw.LineStyle) *sweepLine {
		for _, l := range lines {
			if l.name == name {
				return l
			}
		}
		l := &sweepLine{name: name, style: style}
		lines = append(lines, l)
		return l
	}
	unit := ""
	for _, p := range s.Points {
		b, ok := p.Bands[metric]
		if !ok {
			continue
		}
		unit = b.Unit
		name := s.name(p, x)
		style := series[len(lines)%len(series)]
		l := line(name, style)
		l.at = append(l.at, sweepAt{place[p.Values[x]], b})
	}
	if len(lines) == 0 {
		var known []string
		for name := range s.Points[0].Bands {
			known = append(known, name)
		}
		slices.Sort(known)
		return Figure{}, fmt.Errorf("no run has the metric %q; there are: %s", metric, strings.Join(known, ", "))
	}
	if quantile, ok := strings.CutPrefix(metric, "completionSeconds."); ok && len(s.Params) == 1 {
		for _, p := range s.Points {
			for _, key := range p.baselineKeys() {
				if b, ok := p.Bands["baselines."+key+"."+quantile]; ok && BaselineKey(key) != "poll" {
					l := line(BaselineLabel(key), baselineStyle(key))
					l.at = append(l.at, sweepAt{place[p.Values[x]], b})
				}
			}
			if b := p.Bands["fluidBoundSeconds"]; b.Median > 0 {
				l := line("fluid bound", boundStyle)
				l.at = append(l.at, sweepAt{place[p.Values[x]], b})
			}
		}
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	seeds := 1
	for _, l := range lines {
		slices.SortFunc(l.at, func(a, b sweepAt) int { return cmp.Compare(a.x, b.x) })
		for _, a := range l.at {
			lo, hi = min(lo, a.band.Min), max(hi, a.band.Max)
		}
	}
	for _, p := range s.Points {
		seeds = max(seeds, p.Runs)
	}
	title := metricLabel(metric)
	title = strings.ToUpper(title[:1]) + title[1:] + " over " + paramLabel(x)
	caption := ""
	if seeds > 1 {
		caption = fmt.Sprintf("Lines are medians over up to %d seeds, bands their range.", seeds)
	}
	return Figure{
		Name: "sweep-" + strings.ReplaceAll(metric, ".", "-"), Title: title, Caption: caption,
		width: figureWidth, height: figureHeight,
		draw: func(c draw.Canvas) {
			p := newPlot(paramLabel(x), metricLabel(metric))
			sweepAxis(&p.X, values, place, numeric)
			switch {
			case unit == "s" && lo > 0 && hi/lo > 30:
				timeAxis(&p.Y, metricLabel(metric), lo, hi, false)
			case unit == "s":
				timeAxis(&p.Y, metricLabel(metric), 0, hi*1.08, true)
			case strings.HasPrefix(metric, "ratioToBound"):
				// At 1 stands the bound, below which nothing can come.
				p.Y.Min, p.Y.Max, p.Y.Tick.Marker = min(1, lo), max(hi*1.05, 1.1), numberTicks{}
			default:
				p.Y.Min, p.Y.Max, p.Y.Tick.Marker = min(0, lo), hi*1.08, numberTicks{}
			}
			if !(p.Y.Max > p.Y.Min) {
				p.Y.Max = p.Y.Min + 1
			}
			p.Add(grid{x: true, y: true})
			var legend []legendEntry
			for i := len(lines) - 1; i >= 0; i-- { // the first on top
				l := lines[i]
				cv := curve{style: l.style, dots: l.name != "fluid bound", dotShape: shapes[(i/len(series))%len(shapes)]}
				for _, a := range l.at {
					cv.line = append(cv.line, point{a.x, a.band.Median})
					if seeds > 1 {
						cv.low = append(cv.low, point{a.x, a.band.Min})
						cv.high = append(cv.high, point{a.x, a.band.Max})
					}
				}
				cv.bars = !numeric && cv.dots
				if !numeric && !cv.dots { // the bound crosses the whole axis
					cv.line = slices.Concat([]point{{p.X.Min, cv.line[0].y}}, cv.line, []point{{p.X.Max, cv.line[len(cv.line)-1].y}})
					cv.low, cv.high = nil, nil
				}
				p.Add(cv)
			}
			for _, l := range lines {
				isBound := l.name == "fluid bound"
				legend = append(legend, legendEntry{line: l.style, band: seeds > 1 && !isBound, dot: !numeric && !isBound, name: clip(l.name, 24)})
			}
			drawPlot(c, p, false, "", legend)
		},
	}, nil
}

var shapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}

// sweepAxis has a tick at every value of the parameter, or round ones if those
// are many.
func sweepAxis(a *plot.Axis, values []string, place map[string]float64, numeric bool) {
	var ticks plot.ConstantTicks
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		label := v
		if label == "" {
			label = "unset"
		}
		if numeric {
			label = groupThousands(strings.TrimPrefix(v, "+"))
		}
		ticks = append(ticks, plot.Tick{Value: place[v], Label: clip(plain(label), 14)})
		lo, hi = min(lo, place[v]), max(hi, place[v])
	}
	a.Tick.Marker = ticks
	switch {
	case numeric && lo > 0 && hi/lo >= 8:
		a.Scale = plot.LogScale{}
		room := math.Pow(hi/lo, 0.03)
		a.Min, a.Max = lo/room, hi*room
		if len(values) > 9 {
			a.Tick.Marker = logNumberTicks{}
		}
		a.Label.Text += " (logarithmic)"
	default:
		room := (hi - lo) * 0.04
		if room == 0 || !numeric {
			room = 0.5
		}
		a.Min, a.Max = lo-room, hi+room
		if numeric && len(values) > 9 {
			a.Tick.Marker = numberTicks{}
		}
	}
}

// paramLabel is what a parameter is called on an axis.
func paramLabel(p string) string {
	switch p {
	case "nodes":
		return "cameras"
	case "image_bytes":
		return "image size, bytes"
	case "block_bytes":
		return "block size, bytes"
	case "links":
		return "links"
	}
	return plain(p)
}

// metricLabel is what a metric is called on an axis.
func metricLabel(m string) string {
	name, quantile, ok := strings.Cut(m, ".")
	at := ""
	if ok && (quantile == "p50" || quantile == "p95" || quantile == "p99" || quantile == "max") {
		at = " at " + quantile
	}
	if at == "" && ok {
		return plain(m)
	}
	switch name {
	case "completionSeconds":
		return "time to completion" + at
	case "ratioToBound":
		return "time / fluid bound" + at
	case "announceSeconds":
		return "time to the announcement" + at
	case "duplicateRatio":
		return "duplicate bytes / bytes needed"
	case "seedCopies":
		return "copies out of seeds"
	case "messagesPerBlock":
		return "messages per block"
	case "cpuSeconds":
		return "CPU of the run"
	case "peakMemoryBytes":
		return "peak memory, bytes"
	}
	return plain(m + at)
}

// errorBars draws the range at each point, where a band between words would
// claim something in between.
func errorBars(c draw.Canvas, style draw.LineStyle, low, high []vg.Point) {
	solid := draw.LineStyle{Color: style.Color, Width: vg.Points(1)}
	for i := range low {
		c.StrokeLine2(solid, low[i].X, low[i].Y, high[i].X, high[i].Y)
		for _, p := range []vg.Point{low[i], high[i]} {
			c.StrokeLine2(solid, p.X-vg.Points(3), p.Y, p.X+vg.Points(3), p.Y)
		}
	}
}
