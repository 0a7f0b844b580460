package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figure is one drawing, made as SVG for documents and as PNG for screens.
type Figure struct {
	Name    string // of its files, without extension
	Title   string // what it shows, for headings
	Caption string // one or two sentences that a reader needs beside it
	width   vg.Length
	height  vg.Length
	draw    func(c draw.Canvas)
}

// Sizes of figures: the width of a text column, and letters that stay readable
// when printed in it.
const (
	figureWidth  = 17 * vg.Centimeter
	figureHeight = 8.6 * vg.Centimeter
	fontSize     = 9
	smallSize    = 8
	pngDPI       = 200
	legendWidth  = 4.6 * vg.Centimeter
)

// The palette is that of Okabe and Ito ("Color Universal Design", 2008), which
// stays apart under the common kinds of colour blindness. Lines differ in their
// dashes as well, for print without colours. The page replaces ink and grid by
// the colours of its theme.
var (
	ink       = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	softInk   = color.NRGBA{0x66, 0x66, 0x66, 0xff}
	gridColor = color.NRGBA{0xdd, 0xdd, 0xdd, 0xff}

	blue       = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	green      = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	orange     = color.NRGBA{0xe6, 0x9f, 0x00, 0xff}
	sky        = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	purple     = color.NRGBA{0xcc, 0x79, 0xa7, 0xff}
	yellow     = color.NRGBA{0xd9, 0xc9, 0x00, 0xff} // a darker yellow, to be seen on white
	grey       = color.NRGBA{0x99, 0x99, 0x99, 0xff}
)

// series are the styles of lines in turn; the swarm is always the first.
var series = []draw.LineStyle{
	{Color: blue, Width: vg.Points(2.2)},
	{Color: vermillion, Width: vg.Points(1.5), Dashes: dash(5, 2)},
	{Color: green, Width: vg.Points(1.5), Dashes: dash(7, 2, 1.5, 2)},
	{Color: orange, Width: vg.Points(1.5), Dashes: dash(2.5, 1.8)},
	{Color: purple, Width: vg.Points(1.5)},
	{Color: sky, Width: vg.Points(1.5), Dashes: dash(9, 3)},
	{Color: grey, Width: vg.Points(1.5), Dashes: dash(4, 1.5, 1, 1.5, 1, 1.5)},
	{Color: yellow, Width: vg.Points(1.5)},
	{Color: purple, Width: vg.Points(1.5), Dashes: dash(6, 1.5, 1.5, 1.5)},
	{Color: vermillion, Width: vg.Points(1.2), Dashes: dash(1.5, 1.5)},
}

func dash(points ...float64) []vg.Length {
	out := make([]vg.Length, len(points))
	for i, p := range points {
		out[i] = vg.Points(p)
	}
	return out
}

// baselineStyle gives a baseline the same line in every figure.
func baselineStyle(key string) draw.LineStyle {
	place := map[string]int{"s3": 1, "s3capped": 3, "s3parallel": 9, "cdn": 2, "cdncold": 5, "bitswapall": 4, "bitswap": 8, "poll": 6, "seedonly": 6}
	if i, ok := place[BaselineKey(key)]; ok {
		return series[i]
	}
	h := 0
	for _, r := range key {
		h = (h*31 + int(r)) % (len(series) - 1)
	}
	return series[1+h]
}

func tint(c color.Color, alpha uint8) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = alpha
	return n
}

var fonts = font.NewCache(liberation.Collection())

func textStyle(size float64, c color.Color, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	if bold {
		f.Weight = 2 // font.WeightBold of golang.org/x/image/font
	}
	return text.Style{Color: c, Font: f, Handler: text.Plain{Fonts: fonts}, XAlign: draw.XLeft, YAlign: draw.YBottom}
}

// newPlot makes an empty plot in the style of all figures: no box, light grid,
// the labels of the axes with their units.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the page's
	p.TextHandler = text.Plain{Fonts: fonts}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: ink, Width: vg.Points(0.6)}
		a.Padding = 0
		a.Tick.LineStyle = draw.LineStyle{Color: ink, Width: vg.Points(0.6)}
		a.Tick.Length = vg.Points(3)
		xAlign, yAlign := a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = textStyle(smallSize, ink, false)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = xAlign, yAlign
		a.Label.TextStyle = textStyle(fontSize, ink, false)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = vg.Points(4)
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	return p
}

// legendEntry is a line of a legend: a sample, a name and a value.
type legendEntry struct {
	line  draw.LineStyle
	band  bool // the sample has a band around the line
	dot   bool // the sample is a point with its range
	fill  color.Color
	name  string
	value string
}

// drawLegend writes entries from the top of a column beside the plot.
func drawLegend(c draw.Canvas, heading string, entries []legendEntry) {
	const row = 15 // points
	y := c.Max.Y - vg.Points(8)
	if heading != "" {
		s := textStyle(smallSize, softInk, false)
		s.XAlign = draw.XRight
		c.FillText(s, vg.Point{X: c.Max.X, Y: y - vg.Points(3)}, heading)
		y -= vg.Points(row)
	}
	for _, e := range entries {
		x0, x1 := c.Min.X, c.Min.X+vg.Points(22)
		switch {
		case e.fill != nil:
			c.FillPolygon(e.fill, box(x0, y-vg.Points(4), x1-vg.Points(6), y+vg.Points(4)))
		case e.dot:
			x := (x0 + x1) / 2
			errorBars(c, e.line, []vg.Point{{X: x, Y: y - vg.Points(4)}}, []vg.Point{{X: x, Y: y + vg.Points(4)}})
			c.DrawGlyph(draw.GlyphStyle{Color: e.line.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
		case e.band:
			c.FillPolygon(tint(e.line.Color, 0x38), box(x0, y-vg.Points(4), x1, y+vg.Points(4)))
			fallthrough
		default:
			c.StrokeLine2(e.line, x0, y, x1, y)
		}
		s := textStyle(fontSize, ink, false)
		c.FillText(s, vg.Point{X: x1 + vg.Points(5), Y: y - vg.Points(3)}, e.name)
		if e.value != "" {
			s.XAlign = draw.XRight
			c.FillText(s, vg.Point{X: c.Max.X, Y: y - vg.Points(3)}, e.value)
		}
		y -= vg.Points(row)
	}
}

func box(x0, y0, x1, y1 vg.Length) []vg.Point {
	return []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
}

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

// point is in the units of the axes.
type point struct{ x, y float64 }

// curve is a line, with a band around it if there is one.
type curve struct {
	style    draw.LineStyle
	line     []point
	low      []point // both or none
	high     []point
	dots     bool
	dotShape draw.GlyphDrawer
	bars     bool // the range as error bars; no line and no band
}

func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	at := func(q point) vg.Point { return vg.Point{X: tx(onAxis(&p.X, q.x)), Y: ty(onAxis(&p.Y, q.y))} }
	switch {
	case l.bars:
		var low, high []vg.Point
		for i := range l.low {
			low, high = append(low, at(l.low[i])), append(high, at(l.high[i]))
		}
		errorBars(c, l.style, low, high)
	case len(l.low) > 0 && len(l.high) > 0:
		var poly []vg.Point
		for _, q := range l.low {
			poly = append(poly, at(q))
		}
		for i := len(l.high) - 1; i >= 0; i-- {
			poly = append(poly, at(l.high[i]))
		}
		if poly = c.ClipPolygonXY(poly); len(poly) > 2 {
			c.FillPolygon(tint(l.style.Color, 0x38), poly)
		}
	}
	pts := make([]vg.Point, len(l.line))
	for i, q := range l.line {
		pts[i] = at(q)
	}
	if !l.bars {
		c.StrokeLines(l.style, c.ClipLinesXY(pts)...)
	}
	if l.dots {
		shape := l.dotShape
		if shape == nil {
			shape = draw.CircleGlyph{}
		}
		for _, pt := range pts {
			c.DrawGlyph(draw.GlyphStyle{Color: l.style.Color, Radius: vg.Points(2.6), Shape: shape}, pt)
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
	x     float64
	name  string
	style draw.LineStyle
}

var (
	boundStyle = draw.LineStyle{Color: ink, Width: vg.Points(1), Dashes: dash(1.5, 2)}
	eventStyle = draw.LineStyle{Color: softInk, Width: vg.Points(0.8), Dashes: dash(4, 2)}
)

// marks are in the order of x. A name that would run into the one before is
// left out, its line is not.
type marks []mark

func (ms marks) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	taken := c.Min.X - vg.Points(100)
	for _, m := range ms {
		x := tx(onAxis(&p.X, m.x))
		if !c.ContainsX(x) {
			continue
		}
		c.StrokeLine2(m.style, x, c.Min.Y, x, c.Max.Y+vg.Points(3))
		s := textStyle(smallSize, m.style.Color, false)
		w := s.Width(m.name)
		left := max(min(x-w/2, c.Max.X-w), c.Min.X)
		if m.name == "" || left < taken+vg.Points(4) {
			continue
		}
		c.FillText(s, vg.Point{X: left, Y: c.Max.Y + vg.Points(5)}, m.name)
		taken = left + w
	}
}

// percentTicks are 0 to 100 %.
type percentTicks struct{}

func (percentTicks) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	for v := 0; v <= 100; v += 25 {
		out = append(out, plot.Tick{Value: float64(v) / 100, Label: fmt.Sprintf("%d %%", v)})
	}
	return out
}

// numberTicks are round numbers on a linear axis, at most seven.
type numberTicks struct{ integers bool }

func (n numberTicks) Ticks(lo, hi float64) []plot.Tick {
	step := niceStep((hi - lo) / 6)
	if n.integers {
		step = max(1, math.Ceil(step))
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return []plot.Tick{{Value: lo, Label: digits(lo)}}
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if m := step / math.Pow(10, math.Floor(math.Log10(step))); math.Abs(m-2.5) < 1e-6 {
		decimals++
	}
	var out []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-9) && len(out) < 20; i++ {
		v := i*step + 0 // not -0
		out = append(out, plot.Tick{Value: v, Label: groupThousands(fmt.Sprintf("%.*f", decimals, v))})
	}
	return out
}

// groupThousands writes 1000000 as 1 000 000, with thin gaps.
func groupThousands(s string) string {
	whole, frac, _ := strings.Cut(s, ".")
	if len(whole) > 4 && !strings.HasPrefix(whole, "-") {
		var b strings.Builder
		for i, r := range whole {
			if i > 0 && (len(whole)-i)%3 == 0 {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
		}
		whole = b.String()
	}
	if frac != "" {
		return whole + "." + frac
	}
	return whole
}

func niceStep(x float64) float64 {
	if !(x > 0) {
		return 1
	}
	base := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 2.5, 5, 10} {
		if base*m >= x*(1-1e-9) {
			return base * m
		}
	}
	return base * 10
}

// logTimeTicks label a logarithmic axis in the units that people use for times.
type logTimeTicks struct{}

var logTimes = []struct {
	at    float64
	label string
}{
	{1e-4, "0.1 ms"}, {1e-3, "1 ms"}, {1e-2, "10 ms"}, {0.1, "100 ms"}, {1, "1 s"}, {10, "10 s"}, {60, "1 min"}, {600, "10 min"},
	{3600, "1 h"}, {6 * 3600, "6 h"}, {86400, "1 d"}, {7 * 86400, "1 wk"}, {30 * 86400, "30 d"}, {365 * 86400, "1 yr"},
}

func (logTimeTicks) Ticks(lo, hi float64) []plot.Tick {
	fine := math.Log10(hi/lo) < 3 // also 2 and 5 of each decade
	var out []plot.Tick
	for _, t := range logTimes {
		if fine && t.at <= 60 {
			break
		}
		out = append(out, plot.Tick{Value: t.at, Label: t.label})
	}
	if fine {
		out = nil
		for e := -4; e <= 10; e++ {
			for _, m := range []float64{1, 2, 5} {
				v := m * math.Pow(10, float64(e))
				out = append(out, plot.Tick{Value: v, Label: formatTick(v)})
			}
		}
	}
	for e := -4; e <= 9; e++ { // small ticks, as on logarithmic paper
		for m := 2; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v > 60 && !fine {
				break
			}
			out = append(out, plot.Tick{Value: v})
		}
	}
	return out
}

// formatTick is formatSeconds without trailing zeros.
func formatTick(s float64) string {
	unit, v := "s", s
	switch {
	case s < 0.0995:
		unit, v = "ms", s*1e3
	case s >= 7200:
		unit, v = "h", s/3600
	case s >= 1000:
		unit, v = "min", s/60
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// logNumberTicks are decades with 2 and 5.
type logNumberTicks struct{}

func (logNumberTicks) Ticks(lo, hi float64) []plot.Tick {
	fine := math.Log10(hi/lo) < 2.5
	var out []plot.Tick
	for e := -6; e <= 12; e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			label := ""
			if m == 1 || fine && (m == 2 || m == 5) {
				label = groupThousands(fmt.Sprintf("%.10g", v))
			}
			out = append(out, plot.Tick{Value: v, Label: label})
		}
	}
	return out
}

// SVG draws the figure as a document of its own. Letters are text in a font that
// has the metrics of the one that the figure was laid out with.
func (f Figure) SVG() (data []byte, err error) {
	c := vgsvg.NewWith(vgsvg.UseWH(f.width, f.height))
	if err := f.on(draw.New(c)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return fitText(b.Bytes()), nil
}

var svgText = regexp.MustCompile(`(?s)<text ([^>]*?)style="font-family:Liberation Sans;font-variant:normal;([^"]*?)font-size:([0-9.]+)px([^"]*)">([^<]*)</text>`)

// fitText names fonts with the same metrics for readers that lack the one that
// the figure was laid out with, and fixes the width of each text for those that
// have none of them.
func fitText(svg []byte) []byte {
	return svgText.ReplaceAllFunc(svg, func(m []byte) []byte {
		p := svgText.FindSubmatch(m)
		size, err := strconv.ParseFloat(string(p[3]), 64)
		if err != nil {
			return m
		}
		bold := bytes.Contains(p[2], []byte("bold"))
		width := textStyle(size, ink, bold).Width(html.UnescapeString(string(p[5]))).Points()
		return fmt.Appendf(nil, `<text %stextLength="%.5g" lengthAdjust="spacingAndGlyphs" style="font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;%sfont-size:%spx%s">%s</text>`,
			p[1], width, p[2], p[3], p[4], p[5])
	})
}

// PNG draws the figure on white.
func (f Figure) PNG() ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(color.White))
	if err := f.on(draw.New(c)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// on draws on a canvas. The library panics on numbers that it cannot place; a
// figure is not worth a crash.
func (f Figure) on(c draw.Canvas) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("figure %s cannot be drawn: %v", f.Name, p)
		}
	}()
	f.draw(draw.Crop(c, vg.Points(4), -vg.Points(6), vg.Points(4), -vg.Points(6)))
	return nil
}

// drawPlot draws a plot with a legend in a column at its right. Plots whose
// marks have names leave room for them above.
func drawPlot(c draw.Canvas, p *plot.Plot, named bool, heading string, entries []legendEntry) {
	top := vg.Points(2)
	if named {
		top = vg.Points(14)
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Tick.Marker = visible{a.Tick.Marker}
	}
	// The library places the label of a logarithmic axis by the arithmetic middle
	// and makes room for it there, so labels are drawn here.
	x, y := p.X.Label.Text, p.Y.Label.Text
	p.X.Label.Text, p.Y.Label.Text = "", ""
	room := func(text string) vg.Length {
		if text == "" {
			return 0
		}
		return vg.Points(fontSize + 6)
	}
	area := draw.Crop(c, room(y), -legendWidth-vg.Points(10), room(x), -top)
	data := p.DataCanvas(area)
	p.Draw(area)
	s := textStyle(fontSize, ink, false)
	s.XAlign = draw.XCenter
	if x != "" {
		c.FillText(s, vg.Point{X: data.Center().X, Y: c.Min.Y}, x)
	}
	if y != "" {
		s.Rotation, s.YAlign = math.Pi/2, draw.YTop
		c.FillText(s, vg.Point{X: c.Min.X, Y: data.Center().Y}, y)
	}
	drawLegend(draw.Crop(c, c.Size().X-legendWidth, 0, 0, -top), heading, entries)
}

// visible leaves out ticks beyond the axis, for which the library makes room.
type visible struct{ plot.Ticker }

func (v visible) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	for _, t := range v.Ticker.Ticks(lo, hi) {
		if t.Value >= lo*(1-1e-9) && t.Value <= hi*(1+1e-9) {
			out = append(out, t)
		}
	}
	return out
}
