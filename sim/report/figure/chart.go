package figure

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// chart is a figure laid out: a plot and its legend.
type chart struct {
	plot    *plot.Plot
	named   bool     // marks have names above the plot
	heading []string // of the values in the legend
	legend  []legendEntry

	*layout
	height vg.Length // of the plot with the labels of its axes
}

// legendEntry is a line of a legend: a sample, a name and values.
type legendEntry struct {
	look   look
	line   bool        // the sample is a line
	band   bool        // with a band around it
	mark   bool        // with a mark, or a mark alone
	ranged bool        // the mark has the bars of a range
	fill   color.Color // the sample is a patch
	name   string
	values []string
}

// Distances in points, before a layout's factor.
const (
	marginX    = 4
	marginY    = 6
	sampleWide = 24
	gapWide    = 6
)

// size is that of the whole drawing.
func (ch *chart) size() (width, height vg.Length) {
	width, height = ch.width, ch.height
	if ch.below && len(ch.legend) > 0 {
		height += vg.Length(ch.legendRows())*ch.row + ch.points(gapWide)
	}
	return width, height
}

// draw draws the chart on a canvas of its size.
func (ch *chart) draw(c draw.Canvas) {
	c = draw.Crop(c, ch.points(marginX), -ch.points(marginX), ch.points(marginY), -ch.points(marginY))
	top := ch.points(2)
	if ch.named {
		top = vg.Points(ch.small) + ch.points(6)
	}
	area := draw.Crop(c, 0, 0, 0, -top)
	switch {
	case len(ch.legend) == 0:
	case ch.below:
		high := vg.Length(ch.legendRows()) * ch.row
		ch.drawLegend(draw.Crop(c, 0, 0, 0, high-c.Size().Y))
		area = draw.Crop(area, 0, 0, high+ch.points(gapWide), 0)
	default:
		wide := ch.legendWidth()
		ch.drawLegend(draw.Crop(c, c.Size().X-wide, 0, 0, -top))
		area = draw.Crop(area, 0, -wide-ch.points(12), 0, 0)
	}
	ch.drawPlot(area)
}

// drawPlot draws the plot. The library places the label of a logarithmic axis by
// the arithmetic middle and makes room for it there, so labels are drawn here.
func (ch *chart) drawPlot(c draw.Canvas) {
	p := ch.plot
	x, y := p.X.Label.Text, p.Y.Label.Text
	p.X.Label.Text, p.Y.Label.Text = "", ""
	room := func(text string) vg.Length {
		if text == "" {
			return 0
		}
		return vg.Points(ch.font + 6*ch.thin)
	}
	area := draw.Crop(c, room(y), 0, room(x), 0)
	p.Y.Tick.Marker = visible{p.Y.Tick.Marker}
	ch.spread(&p.X, area.Size().X)
	data := p.DataCanvas(area)
	p.Draw(area)
	s := textStyle(ch.font, ink)
	s.XAlign = draw.XCenter
	if x != "" {
		c.FillText(s, vg.Point{X: data.Center().X, Y: c.Min.Y}, x)
	}
	if s.Width(y) > c.Size().Y { // the ticks show it as well
		y = strings.TrimSuffix(y, " (logarithmic)")
	}
	if y != "" {
		s.Rotation, s.YAlign = math.Pi/2, draw.YTop
		c.FillText(s, vg.Point{X: c.Min.X, Y: data.Center().Y}, y)
	}
}

// spread leaves out labels of a horizontal axis that would touch others, those of
// powers of ten last, and turns words that need more room than there is.
func (ch *chart) spread(a *plot.Axis, wide vg.Length) {
	ticks := visible{a.Tick.Marker}.Ticks(a.Min, a.Max)
	wide *= 0.9 // the labels of the other axis take some
	style := textStyle(ch.small, ink)
	if w, ok := a.Tick.Marker.(words); ok {
		sum := vg.Length(0)
		for _, t := range ticks {
			sum += style.Width(t.Label) + ch.points(gapWide)
		}
		if sum > wide {
			a.Tick.Label.Rotation, a.Tick.Label.XAlign, a.Tick.Label.YAlign = math.Pi/5, draw.XRight, draw.YTop
		}
		a.Tick.Marker = plot.ConstantTicks(w)
		return
	}
	type span struct{ from, to vg.Length }
	var taken []span
	_, log := a.Scale.(plot.LogScale)
	order := make([]int, len(ticks))
	for i := range order {
		order[i] = i
	}
	major := func(v float64) bool {
		e := math.Log10(v)
		return log && math.Abs(e-math.Round(e)) < 1e-9
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch a, b := major(ticks[i].Value), major(ticks[j].Value); {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	})
	for _, i := range order {
		t := &ticks[i]
		if t.Label == "" {
			continue
		}
		at, half := vg.Length(a.Norm(t.Value))*wide, style.Width(t.Label)/2+ch.points(3)
		if slices.ContainsFunc(taken, func(s span) bool { return at-half < s.to && at+half > s.from }) {
			t.Label = ""
			continue
		}
		taken = append(taken, span{at - half, at + half})
	}
	a.Tick.Marker = plot.ConstantTicks(ticks)
}

// columns are the widths of a legend's names and of each of its values.
func (ch *chart) columns() (name vg.Length, values []vg.Length) {
	s := textStyle(ch.font, ink)
	soft := textStyle(ch.small, softInk)
	widen := func(i int, w vg.Length) {
		for len(values) <= i {
			values = append(values, 0)
		}
		values[i] = max(values[i], w)
	}
	for i, h := range ch.heading {
		widen(i, soft.Width(h))
	}
	for _, e := range ch.legend {
		name = max(name, s.Width(e.name))
		for i, v := range e.values {
			widen(i, s.Width(v))
		}
	}
	return name, values
}

func (ch *chart) legendWidth() vg.Length {
	w, values := ch.columns()
	for _, v := range values {
		w += v + ch.points(gapWide)
	}
	return w + ch.points(sampleWide+gapWide)
}

// side is how many entries stand side by side: several below a plot, if they have
// no values.
func (ch *chart) side() int {
	if _, values := ch.columns(); !ch.below || len(values) > 0 {
		return 1
	}
	return max(1, int((ch.width-2*ch.points(marginX))/(ch.legendWidth()+ch.points(gapWide))))
}

func (ch *chart) legendRows() int {
	rows := (len(ch.legend) + ch.side() - 1) / ch.side()
	if len(ch.heading) > 0 {
		rows++
	}
	return rows
}

// drawLegend writes the entries from the top of an area.
func (ch *chart) drawLegend(c draw.Canvas) {
	name, values := ch.columns()
	side := ch.side()
	wide := ch.legendWidth() + ch.points(gapWide)
	y := c.Max.Y - ch.row/2
	base := vg.Points(ch.font) * 0.34 // from the middle of letters down
	right := func(s string, size float64, clr color.Color, i int, x, y vg.Length) {
		at := x + ch.points(sampleWide+gapWide) + name
		for j := range i + 1 {
			at += values[j] + ch.points(gapWide)
		}
		st := textStyle(size, clr)
		st.XAlign = draw.XRight
		c.FillText(st, vg.Point{X: at, Y: y - base}, s)
	}
	if len(ch.heading) > 0 {
		for i, h := range ch.heading {
			right(h, ch.small, softInk, i, c.Min.X, y)
		}
		y -= ch.row
	}
	for i, e := range ch.legend {
		x := c.Min.X + vg.Length(i%side)*wide
		ch.sample(c, e, x, y)
		c.FillText(textStyle(ch.font, ink), vg.Point{X: x + ch.points(sampleWide+gapWide), Y: y - base}, e.name)
		for k, v := range e.values {
			right(v, ch.font, ink, k, x, y)
		}
		if i%side == side-1 {
			y -= ch.row
		}
	}
}

// sample draws what an entry of the legend looks like in the plot.
func (ch *chart) sample(c draw.Canvas, e legendEntry, x, y vg.Length) {
	x0, x1, half := x, x+ch.points(sampleWide), ch.points(4)
	if e.fill != nil {
		c.FillPolygon(e.fill, box(x0, y-half, x1-ch.points(6), y+half))
		return
	}
	if e.band {
		c.FillPolygon(tint(e.look.Color, bandAlpha), box(x0, y-half, x1, y+half))
	}
	if e.line {
		c.StrokeLine2(ch.layout.line(e.look), x0, y, x1, y)
	}
	middle := vg.Point{X: (x0 + x1) / 2, Y: y}
	if e.ranged {
		ch.errorBars(c, e.look, []vg.Point{{X: middle.X, Y: y - half}}, []vg.Point{{X: middle.X, Y: y + half}})
	}
	if e.mark {
		c.DrawGlyph(ch.glyph(e.look), middle)
	}
}

func box(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}
