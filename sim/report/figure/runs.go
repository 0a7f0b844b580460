package figure

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"camswarm/sim/report"
	"camswarm/sim/report/format"
)

// OfRuns draws what one run showed, or several that differ in their seed only.
// Figures that would be empty are left out.
func OfRuns(runs []*report.Report) []Figure {
	var out []Figure
	for _, f := range []Figure{cdfFigure(runs), progressFigure(runs), tierFigure(runs), announceFigure(runs), siteFigure(runs)} {
		if f.build != nil {
			out = append(out, f)
		}
	}
	return out
}

// over says in a caption what a band means.
func over(runs []*report.Report) string {
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
func (l *layout) cdf(samples []sample, k look, end float64) (c curve, ok bool) {
	c.layout, c.look = l, k
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
		c.line = append(c.line, point{report.Median(at), q})
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

// kind is one way of bringing the image to the cameras.
type kind struct {
	key, name string
	look      look
	samples   []sample // of each run
}

// quantile is the median over the runs of a quantile of those that finished.
func (k kind) quantile(q float64) float64 {
	var at []float64
	for _, s := range k.samples {
		if len(s.times) > 0 {
			at = append(at, report.Rank(s.times, q))
		}
	}
	if len(at) == 0 {
		return 0
	}
	return report.Median(at)
}

func (k kind) p95() float64 { return k.quantile(0.95) }

// values are what the legend says of it.
func (k kind) values() []string {
	return []string{format.Seconds(k.quantile(0.5)), format.Seconds(k.p95())}
}

// quantileHeading is over values.
var quantileHeading = []string{"p50", "p95"}

// reached is where a curve first has a height.
func reached(line []point, y float64) (at point, ok bool) {
	for _, q := range line {
		if q.y >= y-1e-9 {
			return point{q.x, y}, true
		}
	}
	return point{}, false
}

// cdfFigure shows how long the swarm and every baseline took.
func cdfFigure(runs []*report.Report) Figure {
	kinds := []kind{{name: "swarm", look: swarm}}
	for _, r := range runs {
		times, all := r.Completions()
		kinds[0].samples = append(kinds[0].samples, sample{times, all})
	}
	var keys []string
	for _, r := range runs {
		for _, k := range r.BaselineKeys() {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	for _, key := range keys {
		k := kind{key: key, name: report.BaselineLabel(key), look: baselineLook(key)}
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
		if t := k.p95(); report.BaselineKey(k.key) != "poll" {
			usual = max(usual, t)
		}
	}
	var beyond []kind
	kinds = slices.DeleteFunc(kinds, func(k kind) bool {
		if report.BaselineKey(k.key) == "poll" && usual > 0 && k.p95() > 30*usual {
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
	bound := report.MedianOf(runs, func(r *report.Report) float64 { return r.FluidBoundSeconds })
	if bound > 0 {
		lo, hi = min(lo, bound), max(hi, bound)
	}
	lo = max(lo, hi/1e7)
	bound95 := report.MedianOf(runs, func(r *report.Report) float64 { return r.FluidBound95Seconds })
	caption := "Share of the cameras that hold the verified image, by the time since the announcement, for the swarm and for other ways over the same lines. Marks are at p50 and p95." + over(runs)
	if bound > 0 {
		caption += " The fluid bound is the least time in which any scheme fed by these seeds could serve all cameras"
		if bound95 > 0 && bound95 < bound {
			caption += fmt.Sprintf(", %s for 95 %% of them", format.Seconds(bound95))
		}
		caption += "; a source with more to send than these seeds can be faster."
	}

	return Figure{
		Name: "completion-cdf", Title: "Time to completion", Caption: caption,
		build: func(l *layout) *chart {
			p := l.newPlot("", "cameras with the verified image")
			l.timeAxis(&p.X, "time since the announcement", lo, hi*1.02, lo > 0 && hi/lo <= 10)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			type entry struct {
				legendEntry
				p50 float64
			}
			var entries []entry
			curves := make([]plot.Plotter, 0, len(kinds))
			for _, k := range kinds {
				line, ok := l.cdf(k.samples, k.look, p.X.Max)
				if !ok {
					continue
				}
				for _, q := range []float64{0.5, 0.95} {
					if at, ok := reached(line.line, q); ok {
						line.marks = append(line.marks, at)
					}
				}
				curves = append(curves, line)
				entries = append(entries, entry{legendEntry{look: k.look, line: true, mark: true, band: len(line.low) > 0, name: k.name, values: k.values()}, k.quantile(0.5)})
			}
			slices.Reverse(curves) // the swarm on top
			p.Add(curves...)
			if bound > 0 {
				p.Add(marks{l, []mark{{x: bound, name: "fluid bound " + format.Seconds(bound), look: boundLook}}})
			}
			slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.p50, b.p50) })
			ch := &chart{plot: p, named: bound > 0, heading: quantileHeading}
			for _, e := range entries {
				ch.legend = append(ch.legend, e.legendEntry)
			}
			for _, k := range beyond {
				ch.legend = append(ch.legend, legendEntry{name: k.name + ", beyond", values: k.values()})
			}
			return ch
		},
	}
}

// progressFigure shows how the image spread: what share of it the cameras held,
// and how many had all of it.
func progressFigure(runs []*report.Report) Figure {
	var curves [][]point // of each camera: share held by time
	var finished, installed []sample
	end := 0.0
	staged := len(runs[0].Stages) > 0 // installs are steered apart from fetching
	for _, r := range runs {
		done, runs := sample{}, sample{}
		for _, n := range r.Cameras() {
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
		build: func(l *layout) *chart {
			p := l.newPlot("", "share of image, of cameras")
			l.timeAxis(&p.X, "time since the announcement", 0, end*1.04, true)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			var legend []legendEntry
			if len(curves) > 0 {
				const steps = 240
				held := curve{layout: l, look: swarm}
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
					held.low = append(held.low, point{t, report.Rank(shares, 0.1)})
					held.high = append(held.high, point{t, report.Rank(shares, 0.9)})
				}
				p.Add(held)
				legend = append(legend, legendEntry{look: held.look, line: true, band: true, name: "image held (mean, 10–90 %)"})
			}
			if done, ok := l.cdf(finished, series[1], p.X.Max); ok {
				p.Add(done)
				legend = append(legend, legendEntry{look: done.look, line: true, band: len(done.low) > 0, name: "cameras that verified"})
			}
			if done, ok := l.cdf(installed, series[2], p.X.Max); ok {
				p.Add(done)
				legend = append(legend, legendEntry{look: done.look, line: true, band: len(done.low) > 0, name: "cameras that run it"})
			}
			events := len(runs[0].Stages) + len(runs[0].Faults)
			if b := runs[0].FluidBoundSeconds; b > 0 && b < p.X.Max {
				m := mark{x: b, name: "fluid bound " + format.Seconds(b), look: boundLook}
				if events > 0 {
					m.name = "" // the room above is theirs
					legend = append(legend, legendEntry{look: boundLook, line: true, name: "fluid bound"})
				}
				p.Add(marks{l, []mark{m}})
			}
			var happened []mark
			for _, s := range runs[0].Stages {
				happened = append(happened, mark{x: s.AtSeconds, name: format.Clip(format.Plain(s.Name), 18), look: eventLook})
			}
			if len(happened) == 0 {
				for _, f := range runs[0].Faults {
					if f.AtSeconds >= 0 {
						happened = append(happened, mark{x: f.AtSeconds, name: format.Clip(format.Plain(f.Kind), 18), look: eventLook})
					}
				}
			}
			slices.SortStableFunc(happened, func(a, b mark) int { return cmp.Compare(a.x, b.x) })
			p.Add(marks{l, happened})
			return &chart{plot: p, named: true, legend: legend}
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

// tierFigure shows where the cameras of each region got their bytes from.
func tierFigure(runs []*report.Report) Figure {
	regions, all := bytesByRegion(runs)
	if all.total == 0 {
		return Figure{}
	}
	return Figure{
		Name: "bytes-by-tier", Title: "Where the bytes came from",
		Caption: "Block bytes that the cameras of each region received, by how near the sender was.",
		rows:    float64(len(regions)),
		build: func(l *layout) *chart {
			p := l.newPlot("share of the block bytes received", "")
			p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 1, percentTicks{}
			rowAxis(&p.Y, len(regions))
			var ticks plot.ConstantTicks
			bars := stackedBars{layout: l}
			tiers := report.TierKeys(all.bytes)
			for i, g := range regions {
				y := float64(len(regions)-i) - 0.5
				ticks = append(ticks, plot.Tick{Value: y, Label: fmt.Sprintf("%s (%s)", format.Clip(format.Plain(g.name), 20), format.Plural(g.cameras/len(runs), "camera"))})
				x := 0.0
				for _, tier := range tiers {
					if g.total == 0 || g.bytes[tier] == 0 {
						continue
					}
					share := float64(g.bytes[tier]) / float64(g.total)
					label := ""
					if share >= 0.06 {
						label = fmt.Sprintf("%.0f %%", 100*share)
					}
					_, fill := tierLook(tier)
					bars.list = append(bars.list, bar{x, x + share, y, 0.68, fill, label})
					x += share
				}
			}
			p.Y.Tick.Marker = ticks
			p.Add(grid{x: true}, bars)
			ch := &chart{plot: p}
			for _, tier := range tiers {
				if all.bytes[tier] > 0 {
					name, fill := tierLook(tier)
					ch.legend = append(ch.legend, legendEntry{fill: fill, name: name, values: []string{format.Percent(float64(all.bytes[tier]) / float64(all.total))}})
				}
			}
			return ch
		},
	}
}

// tierLook is what a tier is called and how it is filled.
func tierLook(tier string) (name string, fill color.Color) {
	switch tier {
	case "lan":
		return "same LAN", green
	case "region":
		return "same region", sky
	case "seed":
		return "a seed", orange
	case "other":
		return "farther cameras", purple
	case "origin":
		return "the origin", blue
	}
	return format.Plain(tier), grey
}

// regionBytes are the bytes that the cameras of a region received, by tier.
type regionBytes struct {
	name    string
	cameras int
	bytes   map[string]int64
	total   int64
}

// bytesByRegion adds up over runs: the regions by name, all of them together last,
// at most 17.
func bytesByRegion(runs []*report.Report) (regions []*regionBytes, all *regionBytes) {
	all = &regionBytes{name: "all", bytes: map[string]int64{}}
	find := func(name string) *regionBytes {
		for _, r := range regions {
			if r.name == name {
				return r
			}
		}
		r := &regionBytes{name: name, bytes: map[string]int64{}}
		regions = append(regions, r)
		return r
	}
	for _, r := range runs {
		for _, n := range r.Cameras() {
			for _, g := range []*regionBytes{find(n.Region), all} {
				g.cameras++
				for tier, b := range n.ByTier {
					g.bytes[tier] += b
					g.total += b
				}
			}
		}
	}
	slices.SortFunc(regions, func(a, b *regionBytes) int { return strings.Compare(a.name, b.name) })
	if len(regions) == 1 {
		regions[0].name = "all"
		return regions, all
	}
	return append(regions[:min(len(regions), 16)], all), all
}

// announceFigure shows how fast the news spread.
func announceFigure(runs []*report.Report) Figure {
	var samples []sample
	hi := 0.0
	for _, r := range runs {
		s := sample{}
		for _, n := range r.Cameras() {
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
		height:  7.2 * vg.Centimeter,
		build: func(l *layout) *chart {
			p := l.newPlot("", "cameras that accepted it")
			// A few cameras that were away must not squeeze the others.
			p50 := report.MedianOf(runs, func(r *report.Report) float64 { return r.AnnounceSeconds.P50 })
			lo := hi
			for _, s := range samples {
				if len(s.times) > 0 {
					lo = min(lo, s.times[0])
				}
			}
			l.timeAxis(&p.X, "time since the announcement", max(lo, hi/1e5), hi*1.02, p50 <= 0 || hi/p50 <= 10)
			p.Y.Min, p.Y.Max, p.Y.Tick.Marker = 0, 1, percentTicks{}
			p.Add(grid{x: true, y: true})
			entry := legendEntry{look: swarm, line: true, name: "cameras"}
			if line, ok := l.cdf(samples, swarm, p.X.Max); ok {
				p.Add(line)
				entry.band = len(line.low) > 0
			}
			for _, of := range []func(report.Quantiles) float64{
				func(q report.Quantiles) float64 { return q.P50 }, func(q report.Quantiles) float64 { return q.P95 }, func(q report.Quantiles) float64 { return q.Max },
			} {
				entry.values = append(entry.values, format.Seconds(report.MedianOf(runs, func(r *report.Report) float64 { return of(r.AnnounceSeconds) })))
			}
			return &chart{plot: p, heading: []string{"p50", "p95", "max"}, legend: []legendEntry{entry}}
		},
	}
}

// siteFigure shows how many images crossed the shared line of each site, against
// one for each of its cameras.
func siteFigure(runs []*report.Report) Figure {
	sites := slices.Clone(runs[0].Sites)
	if len(sites) == 0 || runs[0].ImageBytes <= 0 {
		return Figure{}
	}
	sites = sites[:min(len(sites), 16)]
	most := 0.0
	for i := range sites {
		sites[i].Copies = report.MedianOf(runs, func(r *report.Report) float64 {
			if i < len(r.Sites) {
				return r.Sites[i].Copies
			}
			return 0
		})
		most = max(most, float64(sites[i].Nodes), sites[i].Copies)
	}
	return Figure{
		Name: "line-use", Title: "Use of the shared line",
		Caption: "Traffic that came in through the line that the cameras of a site share, headers included, in images; every camera for itself would bring in one each.",
		rows:    1.3 * float64(len(sites)),
		build: func(l *layout) *chart {
			p := l.newPlot("images through the line", "")
			p.X.Min, p.X.Max, p.X.Tick.Marker = 0, most*1.08, numberTicks{l.ticks}
			rowAxis(&p.Y, len(sites))
			var ticks plot.ConstantTicks
			bars := stackedBars{layout: l}
			for i, s := range sites {
				y := float64(len(sites)-i) - 0.5
				ticks = append(ticks, plot.Tick{Value: y, Label: fmt.Sprintf("%s (%s)", format.Clip(format.Plain(s.Name), 20), format.Plural(s.Nodes, "camera"))})
				bars.list = append(bars.list,
					bar{0, s.Copies, y + 0.19, 0.34, blue, ""},
					bar{0, float64(s.Nodes), y - 0.19, 0.34, gridColor, ""},
					bar{s.Copies, s.Copies, y + 0.19, 0.34, nil, format.Digits(s.Copies)},
					bar{float64(s.Nodes), float64(s.Nodes), y - 0.19, 0.34, nil, strconv.Itoa(s.Nodes)})
			}
			p.Y.Tick.Marker = ticks
			p.Add(grid{x: true}, bars)
			return &chart{plot: p, legend: []legendEntry{{fill: blue, name: "with the swarm"}, {fill: gridColor, name: "each for itself"}}}
		},
	}
}

// rowAxis makes room for rows of bars, the first at the top.
func rowAxis(a *plot.Axis, rows int) {
	a.Min, a.Max = 0, float64(rows)
	a.Width, a.Tick.Length = 0, 0
}
