package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bandAlpha is how much of what lies under a band is covered.
const bandAlpha = 0x38

// grid draws a light line at each labelled tick of one or both axes.
type grid struct{ x, y bool }

func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	style := draw.LineStyle{Color: gridColor, Width: vg.Points(0.5)}
	tx, ty := p.Transforms(&c)
	if g.x {
		for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
			if x := tx(t.Value); t.Label != "" && c.ContainsX(x) && x > c.Min.X+vg.Points(0.5) {
				c.StrokeLine2(style, x, c.Min.Y, x, c.Max.Y)
			}
		}
	}
	if g.y {
		for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
			if y := ty(t.Value); t.Label != "" && c.ContainsY(y) && y > c.Min.Y+vg.Points(0.5) {
				c.StrokeLine2(style, c.Min.X, y, c.Max.X, y)
			}
		}
	}
}

// shade covers the plot from x on, with its name at the top.
type shade struct {
	*layout
	from float64
	name string
}

func (s shade) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	x := max(tx(onAxis(&p.X, s.from)), c.Min.X)
	if x >= c.Max.X {
		return
	}
	c.FillPolygon(shadeGrey, box(x, c.Min.Y, c.Max.X, c.Max.Y))
	style := textStyle(s.small, softInk)
	if w := style.Width(s.name); w+s.points(8) < c.Max.X-x {
		c.FillText(style, vg.Point{X: x + s.points(4), Y: c.Max.Y - vg.Points(s.small) - s.points(2)}, s.name)
	}
}

// point is in the units of the axes.
type point struct{ x, y float64 }

// curve is a line, with a band around it if there is one, and marks.
type curve struct {
	*layout
	look     look
	line     []point
	low      []point // both or none
	high     []point
	marks    []point
	noLine   bool // marks alone
	withBars bool // the range as error bars; no line and no band
}

func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(q point) vg.Point { return vg.Point{X: tx(onAxis(&p.X, q.x)), Y: ty(onAxis(&p.Y, q.y))} }
	switch {
	case l.withBars:
		var low, high []vg.Point
		for i := range l.low {
			low, high = append(low, at(l.low[i])), append(high, at(l.high[i]))
		}
		l.errorBars(c, l.look, low, high)
	case len(l.low) > 0 && len(l.high) > 0:
		var poly []vg.Point
		for _, q := range l.low {
			poly = append(poly, at(q))
		}
		for i := len(l.high) - 1; i >= 0; i-- {
			poly = append(poly, at(l.high[i]))
		}
		if poly = c.ClipPolygonXY(poly); len(poly) > 2 {
			c.FillPolygon(tint(l.look.Color, bandAlpha), poly)
		}
	}
	if !l.withBars && !l.noLine {
		pts := make([]vg.Point, len(l.line))
		for i, q := range l.line {
			pts[i] = at(q)
		}
		c.StrokeLines(l.layout.line(l.look), c.ClipLinesXY(pts)...)
	}
	for _, q := range l.marks {
		if pt := at(q); c.Contains(pt) {
			c.DrawGlyph(l.glyph(l.look), pt)
		}
	}
}

// errorBars draws the range at each point, where a band between words would
// claim something in between.
func (l *layout) errorBars(c draw.Canvas, k look, low, high []vg.Point) {
	solid := draw.LineStyle{Color: k.Color, Width: l.points(1)}
	for i := range low {
		c.StrokeLine2(solid, low[i].X, low[i].Y, high[i].X, high[i].Y)
		for _, p := range []vg.Point{low[i], high[i]} {
			c.StrokeLine2(solid, p.X-l.points(3), p.Y, p.X+l.points(3), p.Y)
		}
	}
}

// onAxis moves what a logarithmic axis cannot hold out of sight at its low end.
func onAxis(a *plot.Axis, v float64) float64 {
	if _, log := a.Scale.(plot.LogScale); log {
		return max(v, a.Min/2)
	}
	return v
}

// mark is a vertical line with its name above the plot.
type mark struct {
	x    float64
	name string
	look look
}

// marks are in the order of x. A name that would run into the one before is
// left out, its line is not.
type marks struct {
	*layout
	list []mark
}

func (ms marks) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	taken := c.Min.X - vg.Points(100)
	for _, m := range ms.list {
		x := tx(onAxis(&p.X, m.x))
		if !c.ContainsX(x) {
			continue
		}
		c.StrokeLine2(ms.line(m.look), x, c.Min.Y, x, c.Max.Y+ms.points(3))
		s := textStyle(ms.small, m.look.Color)
		w := s.Width(m.name)
		left := max(min(x-w/2, c.Max.X-w), c.Min.X)
		if m.name == "" || left < taken+ms.points(4) {
			continue
		}
		c.FillText(s, vg.Point{X: left, Y: c.Max.Y + ms.points(5)}, m.name)
		taken = left + w
	}
}

// bar is a horizontal bar from x0 to x1 around y, in the units of the axes. One
// without colour is a label beside x1.
type bar struct {
	x0, x1, y, height float64
	fill              color.Color
	label             string
}

type stackedBars struct {
	*layout
	list []bar
}

func (bars stackedBars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, b := range bars.list {
		x0, x1, y0, y1 := tx(b.x0), tx(b.x1), ty(b.y-b.height/2), ty(b.y+b.height/2)
		s := textStyle(bars.small, ink)
		s.YAlign = draw.YCenter
		if b.fill == nil {
			c.FillText(s, vg.Point{X: x1 + bars.points(4), Y: (y0 + y1) / 2}, b.label)
			continue
		}
		c.FillPolygon(b.fill, box(x0, y0, x1, y1))
		if b.label != "" && s.Width(b.label)+bars.points(4) < x1-x0 {
			s.Color = onFill // dark letters on every colour of the palette used for bars
			s.XAlign = draw.XCenter
			c.FillText(s, vg.Point{X: (x0 + x1) / 2, Y: (y0 + y1) / 2}, b.label)
		}
	}
}

// onFill stays dark on a dark page, since what lies under it stays light.
var onFill = color.NRGBA{0x1a, 0x1a, 0x1a, 0xff}
