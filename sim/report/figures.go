package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figures draws what one run showed, or several that differ in their seed only.
// Those that would be empty are left out.
func Figures(runs []*Report) []Figure {
	var out []Figure
	for _, f := range []Figure{cdfFigure(runs), progressFigure(runs), tierFigure(runs), announceFigure(runs), siteFigure(runs)} {
		if f.draw != nil {
			out = append(out, f)
		}
	}
	return out
}

// over says in a caption what a band means.
func over(runs []*Report) string {
	if len(runs) < 2 {
		return ""
	}
	return fmt.Sprintf(" Lines are medians over %d seeds, bands their range.", len(runs))
}

// sample is the times of one kind in one run: ascending, of all that there were.
type sample struct {
	times []float64
	all   int
}

// cdf turns samples, one for each run, into a curve. One run is drawn exactly,
// as steps; several as the median and the range of their quantiles.
func cdf(samples []sample, style draw.LineStyle, end float64) (c curve, ok bool) {
	c.style = style
	var kept []sample
	for _, s := range samples {
		if len(s.times) > 0 {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return c, false
	}
	if len(kept) == 1 {
		s := kept[0]
		stride := max(1, len(s.times)/500) // more cannot be seen
		last := 0.0
		for i := 0; i < len(s.times); i++ {
			if i%stride != 0 && i != len(s.times)-1 {
				continue
			}
			y := float64(i+1) / float64(s.all)
			c.line = append(c.line, point{s.times[i], last}, point{s.times[i], y})
			last = y
		}
		if last < 1 {
			c.line = append(c.line, point{end, last}) // the others never came
		}
		return c, true
	}
	const steps = 200
	for i := 1; i <= steps; i++ {
		q := float64(i) / steps
		var at []float64
		for _, s := range kept {
			if k := int(math.Ceil(q*float64(s.all) - 1e-9)); k <= len(s.times) {
				at = append(at, s.times[max(k, 1)-1])
			}
		}
		if len(at) < len(kept) {
			break // a run in which fewer finished
		}
		c.line = append(c.line, point{Median(at), q})
		c.low = append(c.low, point{slices.Min(at), q})
		c.high = append(c.high, point{slices.Max(at), q})
	}
	if n := len(c.line); n > 0 {
		last := c.line[n-1]
		c.line = slices.Concat([]point{{c.line[0].x, 0}}, c.line)
		if last.y < 1 {
			c.line = append(c.line, point{end, last.y})
		}
	}
	return c, len(c.line) > 0
}

// timeAxis sets up an axis for times from lo to hi, logarithmic where they
// differ more than tenfold, and returns the factor by which data are divided.
func timeAxis(a *plot.Axis, what string, lo, hi float64, fromZero bool) {
	if lo > 0 && hi/lo > 10 && !fromZero {
		a.Min, a.Max = lo/1.15, hi*1.15
		a.Scale = plot.LogScale{}
		a.Tick.Marker = logTimeTicks{}
		a.Label.Text = what + " (logarithmic)"
		return
	}
	a.Min, a.Max = lo, hi
	if fromZero {
		a.Min = 0
	}
	unit, div := "s", 1.0
	switch {
	case hi < 0.5:
		unit, div = "ms", 1e-3
	case hi > 172800:
		unit, div = "days", 86400
	case hi > 7200:
		unit, div = "h", 3600
	case hi > 600:
		unit, div = "min", 60
	}
	a.Tick.Marker = scaledTicks{div}
	a.Label.Text = what + ", " + unit
}

// scaledTicks are round numbers of a unit that is div seconds.
type scaledTicks struct{ div float64 }

func (s scaledTicks) Ticks(lo, hi float64) []plot.Tick {
	out := numberTicks{}.Ticks(lo/s.div, hi/s.div)
	for i := range out {
		out[i].Value *= s.div
	}
	return out
}

// kind is one way of bringing the image to the cameras.
type kind struct {
	key, name string
	style     draw.LineStyle
	samples   []sample // of each run
}

// quantile is the median over the runs of a quantile of those that finished.
func (k kind) quantile(q float64) float64 {
	var at []float64
	for _, s := range k.samples {
		if len(s.times) > 0 {
			at = append(at, rank(s.times, q))
		}
	}
	if len(at) == 0 {
		return 0
	}
	return Median(at)
}

func (k kind) p95() float64 { return k.quantile(0.95) }

// cdfFigure shows how long the swarm and every baseline took.
func cdfFigure(runs []*Report) Figure {
	kinds := []kind{{name: "swarm", style: series[0]}}
	for _, r := range runs {
		times, all := r.completions()
		kinds[0].samples = append(kinds[0].samples, sample{times, all})
	}
	var keys []string
	for _, r := range runs {
		for _, k := range r.baselineKeys() {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	for _, key := range keys {
		k := kind{key: key, name: BaselineLabel(key), style: baselineStyle(key)}
		for _, r := range runs {
			s := sample{all: len(r.Baselines[key].Seconds)}
			for _, t := range r.Baselines[key].Seconds {
				if t >= 0 {
					s.times = append(s.times, t)
				}
			}
			slices.Sort(s.times)
			k.samples = append(k.samples, s)
		}
		kinds = append(kinds, k)
	}

	// A baseline that takes thousands of times as long, as a daily poll does, would
	// squeeze all others into one line. It stands in the legend only.
	usual := 0.0
	for _, k := range kinds {
		if t := k.p95(); BaselineKey(k.key) != "poll" {
			usual = max(usual, t)
		}
	}
	var beyond []kind
	kinds = slices.DeleteFunc(kinds, func(k kind) bool {
		if BaselineKey(k.key) == "poll" && usual > 0 && k.p95() > 30*usual {
			beyond = append(beyond, k)
			return true
		}
		return false
	})

	lo, hi := math.Inf(1), 0.0
	for _, k := range kinds {
		for _, s := range k.samples {
			if len(s.times) > 0 {
				lo, hi = min(lo, s.times[0]), max(hi, s.times[len(s.times)-1])
			}
		}
	}
	if hi <= 0 {
		return Figure{}
	}
	bound := medianOf(runs, func(r *Report) float64 { return r.FluidBoundSeconds })
	if bound > 0 {
		lo, hi = min(lo, bound), max(hi, bound)
	}
	lo = max(lo, hi/1e7)
	caption := "Share of the cameras that hold the verified image, by the time since the announcement, for the swarm and for other ways over the same lines." + over(runs)
	if slices.ContainsFunc(kinds[1:], func(k kind) bool { return k.p95() > 0 && k.p95() < bound }) {
		caption += " The fluid bound is that of the seeds and cameras; a source with more to send than the seeds can be faster."
	}

	return Figure{
		Name: "completion-cdf", Title: "Time to completion",
		Caption: caption,
		width:   figureWidth, height: figureHeight,
		draw: func(c draw.Canvas) {
			p := newPlot("", "cameras with the verified image")
			timeAxis(&p.X, "time since the announcement", lo, hi*1.02, lo > 0 && hi/lo <= 10)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			type entry struct {
				legendEntry
				p50 float64
			}
			var entries []entry
			curves := make([]plot.Plotter, 0, len(kinds))
			for _, k := range kinds {
				line, ok := cdf(k.samples, k.style, p.X.Max)
				if !ok {
					continue
				}
				curves = append(curves, line)
				entries = append(entries, entry{legendEntry{line: k.style, band: len(line.low) > 0, name: k.name, value: formatSeconds(k.p95())}, k.quantile(0.5)})
			}
			slices.Reverse(curves) // the swarm on top
			p.Add(curves...)
			if bound > 0 {
				p.Add(marks{{x: bound, name: "fluid bound " + formatSeconds(bound), style: boundStyle}})
			}
			slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.p50, b.p50) })
			legend := make([]legendEntry, len(entries))
			for i, e := range entries {
				legend[i] = e.legendEntry
			}
			for _, k := range beyond {
				legend = append(legend, legendEntry{name: k.name, value: formatSeconds(k.p95())}, legendEntry{name: "(beyond the axis)"})
			}
			drawPlot(c, p, bound > 0, "p95", legend)
		},
	}
}

// progressFigure shows how the image spread: what share of it the cameras held,
// and how many had all of it.
func progressFigure(runs []*Report) Figure {
	var curves [][]point // of each camera: share held by time
	var finished, installed []sample
	end := 0.0
	staged := len(runs[0].Stages) > 0 // installs are steered apart from fetching
	for _, r := range runs {
		done, runs := sample{}, sample{}
		for _, n := range r.cameras() {
			if n.Gone && n.Verified < 0 {
				continue
			}
			done.all++
			runs.all++
			if n.Verified >= 0 {
				done.times = append(done.times, n.Verified)
				end = max(end, n.Verified)
			}
			if n.Installed >= 0 && staged {
				runs.times = append(runs.times, n.Installed)
				end = max(end, n.Installed)
			}
			if len(n.Progress) == 0 {
				continue
			}
			var line []point
			for i, t := range n.Progress {
				if t < 0 {
					break
				}
				line = append(line, point{t, float64(i+1) / float64(len(n.Progress))})
				end = max(end, t)
			}
			curves = append(curves, line)
		}
		slices.Sort(done.times)
		slices.Sort(runs.times)
		finished, installed = append(finished, done), append(installed, runs)
	}
	if end <= 0 {
		return Figure{}
	}
	caption := "Share of the image that the cameras held, in the mean and from the 10th to the 90th percentile of the cameras, and share of the cameras that had verified all of it"
	if staged {
		caption += " and that ran it, with the steps of the rollout"
	}
	return Figure{
		Name: "progress", Title: "Completion over time",
		Caption: caption + "." + over(runs),
		width:   figureWidth, height: figureHeight,
		draw: func(c draw.Canvas) {
			p := newPlot("", "share of image, of cameras")
			timeAxis(&p.X, "time since the announcement", 0, end*1.04, true)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			var legend []legendEntry
			if len(curves) > 0 {
				const steps = 240
				held := curve{style: series[0]}
				for i := 0; i <= steps; i++ {
					t := p.X.Max * float64(i) / steps
					shares := make([]float64, len(curves))
					sum := 0.0
					for j, line := range curves {
						shares[j] = shareAt(line, t)
						sum += shares[j]
					}
					slices.Sort(shares)
					held.line = append(held.line, point{t, sum / float64(len(shares))})
					held.low = append(held.low, point{t, rank(shares, 0.1)})
					held.high = append(held.high, point{t, rank(shares, 0.9)})
				}
				p.Add(held)
				legend = append(legend, legendEntry{line: held.style, band: true, name: "image held"},
					legendEntry{name: "(mean, 10–90 %)"})
			}
			if done, ok := cdf(finished, series[1], p.X.Max); ok {
				p.Add(done)
				legend = append(legend, legendEntry{line: done.style, band: len(done.low) > 0, name: "cameras that verified"})
			}
			if done, ok := cdf(installed, series[2], p.X.Max); ok {
				p.Add(done)
				legend = append(legend, legendEntry{line: done.style, band: len(done.low) > 0, name: "cameras that run it"})
			}
			events := len(runs[0].Stages) + len(runs[0].Faults)
			if b := runs[0].FluidBoundSeconds; b > 0 && b < p.X.Max {
				m := mark{x: b, name: "fluid bound " + formatSeconds(b), style: boundStyle}
				if events > 0 {
					m.name = "" // the room above is theirs
					legend = append(legend, legendEntry{line: boundStyle, name: "fluid bound"})
				}
				p.Add(marks{m})
			}
			var happened marks
			for _, s := range runs[0].Stages {
				happened = append(happened, mark{x: s.AtSeconds, name: clip(plain(s.Name), 18), style: eventStyle})
			}
			if len(happened) == 0 {
				for _, f := range runs[0].Faults {
					if f.AtSeconds >= 0 {
						happened = append(happened, mark{x: f.AtSeconds, name: clip(plain(f.Kind), 18), style: eventStyle})
					}
				}
			}
			slices.SortStableFunc(happened, func(a, b mark) int { return cmp.Compare(a.x, b.x) })
			p.Add(happened)
			drawPlot(c, p, true, "", legend)
		},
	}
}

// shareAt interpolates a camera's progress. Before its first mark it rises from
// the time that it would have begun at the same pace.
func shareAt(line []point, t float64) float64 {
	if len(line) == 0 {
		return 0
	}
	prev := point{line[0].x, 0}
	if len(line) > 1 {
		prev.x = max(0, line[0].x-(line[1].x-line[0].x))
	}
	if t <= prev.x {
		return 0
	}
	for _, q := range line {
		if t < q.x {
			if q.x == prev.x {
				return q.y
			}
			return prev.y + (q.y-prev.y)*(t-prev.x)/(q.x-prev.x)
		}
		prev = q
	}
	return line[len(line)-1].y
}

// tierFigure maps where the cameras of each region got their bytes from.
func tierFigure(runs []*Report) Figure {
	type region struct {
		name    string
		cameras int
		bytes   map[string]int64
		total   int64
	}
	var regions []*region
	all := &region{name: "all", bytes: map[string]int64{}}
	find := func(name string) *region {
		for _, r := range regions {
			if r.name == name {
				return r
			}
		}
		r := &region{name: name, bytes: map[string]int64{}}
		regions = append(regions, r)
		return r
	}
	for _, r := range runs {
		for _, n := range r.cameras() {
			g := find(n.Region)
			for _, g := range []*region{g, all} {
				g.cameras++
				for tier, b := range n.ByTier {
					g.bytes[tier] += b
					g.total += b
				}
			}
		}
	}
	if all.total == 0 {
		return Figure{}
	}
	slices.SortFunc(regions, func(a, b *region) int { return strings.Compare(a.name, b.name) })
	if len(regions) == 1 {
		regions[0].name = "all"
	} else {
		if len(regions) > 16 {
			regions = regions[:16]
		}
		regions = append(regions, all)
	}
	colors := map[string]struct {
		name string
		style
	}{
		"lan": {"same LAN", style{green}}, "region": {"same region", style{sky}}, "seed": {"a seed", style{orange}}, "other": {"farther cameras", style{purple}},
	}
	rows := len(regions)
	return Figure{
		Name: "bytes-by-tier", Title: "Where the bytes came from",
		Caption: "Block bytes that the cameras of each region received, by how near the sender was.",
		width:   figureWidth, height: vg.Length(float64(rows)*0.85+1.9) * vg.Centimeter,
		draw: func(c draw.Canvas) {
			p := newPlot("share of the block bytes received", "")
			p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 1, percentTicks{}
			p.Y.Min, p.Y.Max = 0, float64(rows)
			p.Y.Width, p.Y.Tick.Length = 0, 0
			var ticks plot.ConstantTicks
			bars := stackedBars{}
			tiers := tierKeys(all.bytes)
			for i, g := range regions {
				y := float64(rows-i) - 0.5
				n := g.cameras / len(runs)
				ticks = append(ticks, plot.Tick{Value: y, Label: fmt.Sprintf("%s (%s)", clip(plain(g.name), 20), plural(n, "camera"))})
				x := 0.0
				for _, tier := range tiers {
					if g.total == 0 || g.bytes[tier] == 0 {
						continue
					}
					share := float64(g.bytes[tier]) / float64(g.total)
					fill := grey
					if k, ok := colors[tier]; ok {
						fill = k.fill
					}
					label := ""
					if share >= 0.06 {
						label = fmt.Sprintf("%.0f %%", 100*share)
					}
					bars = append(bars, bar{x, x + share, y, 0.68, fill, label})
					x += share
				}
			}
			p.Y.Tick.Marker = ticks
			p.Add(grid{x: true}, bars)
			var legend []legendEntry
			for _, tier := range tiers {
				if all.bytes[tier] == 0 {
					continue
				}
				e := legendEntry{fill: grey, name: plain(tier), value: formatPercent(float64(all.bytes[tier]) / float64(all.total))}
				if k, ok := colors[tier]; ok {
					e.fill, e.name = k.fill, k.name
				}
				legend = append(legend, e)
			}
			drawPlot(c, p, false, "", legend)
		},
	}
}

// announceFigure shows how fast the news spread.
func announceFigure(runs []*Report) Figure {
	var samples []sample
	hi := 0.0
	for _, r := range runs {
		s := sample{}
		for _, n := range r.cameras() {
			if n.Gone && n.Announced < 0 {
				continue
			}
			s.all++
			if n.Announced >= 0 {
				s.times = append(s.times, n.Announced-n.Joined)
				hi = max(hi, n.Announced-n.Joined)
			}
		}
		slices.Sort(s.times)
		samples = append(samples, s)
	}
	if hi <= 0 {
		return Figure{}
	}
	return Figure{
		Name: "announcement-cdf", Title: "Spread of the announcement",
		Caption: "Share of the cameras that had heard of the release and confirmed it with their own look at the chain." + over(runs),
		width:   figureWidth, height: 7.2 * vg.Centimeter,
		draw: func(c draw.Canvas) {
			p := newPlot("", "cameras that accepted it")
			// A few cameras that were away must not squeeze the others.
			p50 := medianOf(runs, func(r *Report) float64 { return r.AnnounceSeconds.P50 })
			lo := hi
			for _, s := range samples {
				if len(s.times) > 0 {
					lo = min(lo, s.times[0])
				}
			}
			timeAxis(&p.X, "time since the announcement", max(lo, hi/1e5), hi*1.02, p50 <= 0 || hi/p50 <= 10)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			line, ok := cdf(samples, series[0], p.X.Max)
			if ok {
				p.Add(line)
			}
			q := func(get func(Quantiles) float64) string {
				return formatSeconds(medianOf(runs, func(r *Report) float64 { return get(r.AnnounceSeconds) }))
			}
			drawPlot(c, p, false, "", []legendEntry{
				{name: "p50", value: q(func(q Quantiles) float64 { return q.P50 })},
				{name: "p95", value: q(func(q Quantiles) float64 { return q.P95 })},
				{name: "max", value: q(func(q Quantiles) float64 { return q.Max })},
			})
		},
	}
}

// siteFigure shows how many images crossed the shared line of each site, against
// one for each of its cameras.
func siteFigure(runs []*Report) Figure {
	sites := slices.Clone(runs[0].Sites)
	if len(sites) == 0 || runs[0].ImageBytes <= 0 {
		return Figure{}
	}
	if len(sites) > 16 {
		sites = sites[:16]
	}
	most := 0.0
	for i := range sites {
		sites[i].Copies = medianOf(runs, func(r *Report) float64 { return r.site(i).Copies })
		most = max(most, float64(sites[i].Nodes), sites[i].Copies)
	}
	rows := len(sites)
	return Figure{
		Name: "line-use", Title: "Use of the shared line",
		Caption: "Traffic that came in through the line that the cameras of a site share, headers included, in images; every camera for itself would bring in one each.",
		width:   figureWidth, height: vg.Length(float64(rows)*1.1+1.9) * vg.Centimeter,
		draw: func(c draw.Canvas) {
			p := newPlot("images through the line", "")
			p.X.Min, p.X.Max, p.X.Tick.Marker = 0, most*1.08, numberTicks{}
			p.Y.Min, p.Y.Max = 0, float64(rows)
			p.Y.Width, p.Y.Tick.Length = 0, 0
			var ticks plot.ConstantTicks
			var bars stackedBars
			for i, s := range sites {
				y := float64(rows-i) - 0.5
				ticks = append(ticks, plot.Tick{Value: y, Label: fmt.Sprintf("%s (%s)", clip(plain(s.Name), 20), plural(s.Nodes, "camera"))})
				bars = append(bars,
					bar{0, s.Copies, y + 0.19, 0.34, blue, ""},
					bar{0, float64(s.Nodes), y - 0.19, 0.34, gridColor, ""},
					bar{s.Copies, s.Copies, y + 0.19, 0.34, nil, digits(s.Copies)},
					bar{float64(s.Nodes), float64(s.Nodes), y - 0.19, 0.34, nil, strconv.Itoa(s.Nodes)})
			}
			p.Y.Tick.Marker = ticks
			p.Add(grid{x: true}, bars)
			drawPlot(c, p, false, "", []legendEntry{{fill: blue, name: "with the swarm"}, {fill: gridColor, name: "each for itself"}})
		},
	}
}
