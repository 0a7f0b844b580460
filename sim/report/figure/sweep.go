package figure

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"

	"camswarm/sim/report"
	"camswarm/sim/report/format"
)

// SweepMetrics are drawn unless others are asked for: the median beside p95.
var SweepMetrics = []string{"completionSeconds.p50", "completionSeconds.p95", "ratioToBound.p50", "ratioToBound.p95"}

// OfSweep draws metrics over the parameter x, one line for each combination of
// the others, with the range over the seeds as a band. Where x is the only
// parameter, the baselines and the bounds are drawn beside the swarm's times. An
// empty x and no metrics stand for the usual ones.
func OfSweep(s *report.Sweep, x string, metrics []string) ([]Figure, error) {
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
		f, err := sweepFigure(s, x, m)
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
	look  look
	bound bool // of the least time: no marks, no range
	at    []sweepAt
}

type sweepAt struct {
	x    float64
	band report.Band
}

// sweepLines are lines by their names, in the order in which they were added.
type sweepLines []*sweepLine

func (ls *sweepLines) add(name string, k look, bound bool, at sweepAt) {
	i := slices.IndexFunc(*ls, func(l *sweepLine) bool { return l.name == name })
	if i < 0 {
		i = len(*ls)
		*ls = append(*ls, &sweepLine{name: name, look: k, bound: bound})
	}
	(*ls)[i].at = append((*ls)[i].at, at)
}

// places are the values of a parameter along an axis: numbers where they stand,
// words side by side.
type places struct {
	values  []string // in order
	at      map[string]float64
	numeric bool
}

func placesOf(s *report.Sweep, x string) places {
	p := places{at: map[string]float64{}, numeric: true}
	for _, pt := range s.Points {
		if v := pt.Values[x]; !slices.Contains(p.values, v) {
			p.values = append(p.values, v)
			n, err := strconv.ParseFloat(v, 64)
			p.numeric = p.numeric && err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
		}
	}
	slices.SortFunc(p.values, report.CompareValues)
	for i, v := range p.values {
		p.at[v] = float64(i)
		if p.numeric {
			p.at[v], _ = strconv.ParseFloat(v, 64)
		}
	}
	return p
}

// linesOf are the lines of a metric over x, and its unit.
func linesOf(s *report.Sweep, x, metric string, at places) (lines sweepLines, unit string, err error) {
	for _, p := range s.Points {
		b, ok := p.Bands[metric]
		if !ok {
			continue
		}
		unit = b.Unit
		k := series[len(lines)%len(series)]
		k.shape = series[(len(lines)+len(lines)/len(series))%len(series)].shape // another one each time round
		lines.add(s.Name(p, x), k, false, sweepAt{at.at[p.Values[x]], b})
	}
	if len(lines) == 0 {
		return nil, "", fmt.Errorf("no run has the metric %q; there are: %s", metric, strings.Join(slices.Sorted(maps.Keys(s.Points[0].Bands)), ", "))
	}
	quantile, ok := strings.CutPrefix(metric, "completionSeconds.")
	if !ok || len(s.Params) != 1 {
		return lines, unit, nil
	}
	for _, p := range s.Points {
		for _, key := range p.BaselineKeys() {
			if b, ok := p.Bands["baselines."+key+"."+quantile]; ok && report.BaselineKey(key) != "poll" {
				lines.add(report.BaselineLabel(key), baselineLook(key), false, sweepAt{at.at[p.Values[x]], b})
			}
		}
		all := p.Bands["fluidBoundSeconds"]
		if all.Median > 0 {
			lines.add("fluid bound", boundLook, true, sweepAt{at.at[p.Values[x]], all})
		}
		if most := p.Bands["fluidBound95Seconds"]; quantile == "p95" && most.Median > 0 && most.Median != all.Median {
			soft := boundLook
			soft.Color = softInk
			lines.add("bound for 95 % of them", soft, true, sweepAt{at.at[p.Values[x]], most})
		}
	}
	return lines, unit, nil
}

func sweepFigure(s *report.Sweep, x, metric string) (Figure, error) {
	at := placesOf(s, x)
	lines, unit, err := linesOf(s, x, metric, at)
	if err != nil {
		return Figure{}, err
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		slices.SortFunc(l.at, func(a, b sweepAt) int { return cmp.Compare(a.x, b.x) })
		for _, a := range l.at {
			lo, hi = min(lo, a.band.Min), max(hi, a.band.Max)
		}
	}
	seeds := 1
	for _, p := range s.Points {
		seeds = max(seeds, p.Runs)
	}
	title := metricLabel(metric)
	title = strings.ToUpper(title[:1]) + title[1:] + " over " + paramLabel(x)
	caption := ""
	if seeds > 1 {
		caption = fmt.Sprintf("Lines are medians over up to %d seeds, bands their range.", seeds)
	}
	if slices.ContainsFunc(lines, func(l *sweepLine) bool { return l.bound }) || strings.HasPrefix(metric, "ratioToBound") {
		caption = strings.TrimSpace(caption + " The fluid bound is the least time in which any scheme fed by these seeds could serve all cameras.")
	}
	return Figure{
		Name: "sweep-" + strings.ReplaceAll(metric, ".", "-"), Title: title, Caption: caption,
		build: func(l *layout) *chart {
			p := l.newPlot(paramLabel(x), metricLabel(metric))
			l.sweepAxis(&p.X, at)
			switch {
			case unit == "s" && lo > 0 && hi/lo > 30:
				l.timeAxis(&p.Y, metricLabel(metric), lo, hi, false)
			case unit == "s":
				l.timeAxis(&p.Y, metricLabel(metric), 0, hi*1.08, true)
			case strings.HasPrefix(metric, "ratioToBound"):
				// At 1 stands the bound for all cameras, which some of them can be below.
				p.Y.Min, p.Y.Max, p.Y.Tick.Marker = min(1, lo), max(hi*1.05, 1.1), numberTicks{l.ticks}
			default:
				p.Y.Min, p.Y.Max, p.Y.Tick.Marker = min(0, lo), hi*1.08, numberTicks{l.ticks}
			}
			if !(p.Y.Max > p.Y.Min) {
				p.Y.Max = p.Y.Min + 1
			}
			p.Add(grid{x: true, y: true})
			for i := len(lines) - 1; i >= 0; i-- { // the first on top
				p.Add(lines[i].curve(l, p, at.numeric, seeds > 1))
			}
			ch := &chart{plot: p}
			for _, x := range lines {
				ch.legend = append(ch.legend, legendEntry{look: x.look, line: at.numeric || x.bound, band: at.numeric && seeds > 1 && !x.bound,
					mark: !x.bound, ranged: !at.numeric && !x.bound, name: format.Clip(x.name, 40)})
			}
			return ch
		},
	}, nil
}

// curve draws the line. Over words it is marks with the bars of their ranges,
// since a line would claim something in between; a bound crosses the whole plot.
func (x *sweepLine) curve(l *layout, p *plot.Plot, numeric, ranges bool) curve {
	c := curve{layout: l, look: x.look}
	for _, a := range x.at {
		c.line = append(c.line, point{a.x, a.band.Median})
		if ranges && !x.bound {
			c.low = append(c.low, point{a.x, a.band.Min})
			c.high = append(c.high, point{a.x, a.band.Max})
		}
	}
	switch {
	case !x.bound:
		c.marks = c.line
		c.withBars = !numeric
	case !numeric:
		c.line = slices.Concat([]point{{p.X.Min, c.line[0].y}}, c.line, []point{{p.X.Max, c.line[len(c.line)-1].y}})
	}
	return c
}

// sweepAxis has a tick at every value of the parameter, or round ones if those
// are many.
func (l *layout) sweepAxis(a *plot.Axis, at places) {
	var ticks plot.ConstantTicks
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range at.values {
		label := v
		if label == "" {
			label = "unset"
		}
		if at.numeric {
			label = groupThousands(strings.TrimPrefix(v, "+"))
		}
		ticks = append(ticks, plot.Tick{Value: at.at[v], Label: format.Clip(format.Plain(label), 14)})
		lo, hi = min(lo, at.at[v]), max(hi, at.at[v])
	}
	a.Tick.Marker = ticks
	switch {
	case !at.numeric:
		a.Tick.Marker = words(ticks)
		a.Min, a.Max = lo-0.5, hi+0.5
	case lo > 0 && hi/lo >= 8:
		a.Scale = plot.LogScale{}
		room := math.Pow(hi/lo, 0.03)
		a.Min, a.Max = lo/room, hi*room
		if len(at.values) > 9 {
			a.Tick.Marker = logNumberTicks{}
		}
		a.Label.Text += " (logarithmic)"
	default:
		room := (hi - lo) * 0.04
		if room == 0 {
			room = 0.5
		}
		a.Min, a.Max = lo-room, hi+room
		if len(at.values) > 9 {
			a.Tick.Marker = numberTicks{l.ticks}
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
	return format.Plain(p)
}

// metricLabel is what a metric is called on an axis.
func metricLabel(m string) string {
	name, quantile, ok := strings.Cut(m, ".")
	at := ""
	if ok && (quantile == "p50" || quantile == "p95" || quantile == "p99" || quantile == "max") {
		at = " at " + quantile
	}
	if at == "" && ok {
		return format.Plain(m)
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
	return format.Plain(m + at)
}
