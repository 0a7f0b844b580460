package figure

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"camswarm/sim/report"
)

// The palette is that of Okabe and Ito ("Color Universal Design", 2008), which
// stays apart under the common kinds of colour blindness. The page replaces ink,
// grid and shade by the colours of its theme.
var (
	ink       = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	softInk   = color.NRGBA{0x66, 0x66, 0x66, 0xff}
	gridColor = color.NRGBA{0xdd, 0xdd, 0xdd, 0xff}
	shadeGrey = color.NRGBA{0xee, 0xee, 0xee, 0xff}

	blue       = color.NRGBA{0x00, 0x72, 0xb2, 0xff}
	vermillion = color.NRGBA{0xd5, 0x5e, 0x00, 0xff}
	green      = color.NRGBA{0x00, 0x9e, 0x73, 0xff}
	orange     = color.NRGBA{0xe6, 0x9f, 0x00, 0xff}
	sky        = color.NRGBA{0x56, 0xb4, 0xe9, 0xff}
	purple     = color.NRGBA{0xcc, 0x79, 0xa7, 0xff}
	yellow     = color.NRGBA{0xd9, 0xc9, 0x00, 0xff} // a darker yellow, to be seen on white
	grey       = color.NRGBA{0x99, 0x99, 0x99, 0xff}
)

// look is how a line and its marks are drawn.
type look struct {
	draw.LineStyle
	shape draw.GlyphDrawer
}

// series are the looks of lines in turn; the swarm is always the first.
var series = []look{
	{draw.LineStyle{Color: blue, Width: vg.Points(2.2)}, draw.CircleGlyph{}},
	{draw.LineStyle{Color: vermillion, Width: vg.Points(1.5), Dashes: dash(5, 2)}, draw.PyramidGlyph{}},
	{draw.LineStyle{Color: green, Width: vg.Points(1.5), Dashes: dash(7, 2, 1.5, 2)}, draw.BoxGlyph{}},
	{draw.LineStyle{Color: orange, Width: vg.Points(1.5), Dashes: dash(2.5, 1.8)}, draw.CrossGlyph{}},
	{draw.LineStyle{Color: purple, Width: vg.Points(1.5)}, draw.TriangleGlyph{}},
	{draw.LineStyle{Color: sky, Width: vg.Points(1.5), Dashes: dash(9, 3)}, draw.SquareGlyph{}},
	{draw.LineStyle{Color: grey, Width: vg.Points(1.5), Dashes: dash(4, 1.5, 1, 1.5, 1, 1.5)}, draw.PlusGlyph{}},
	{draw.LineStyle{Color: yellow, Width: vg.Points(1.5)}, draw.RingGlyph{}},
	{draw.LineStyle{Color: purple, Width: vg.Points(1.5), Dashes: dash(6, 1.5, 1.5, 1.5)}, draw.PlusGlyph{}},
	{draw.LineStyle{Color: vermillion, Width: vg.Points(1.2), Dashes: dash(1.5, 1.5)}, draw.RingGlyph{}},
	{draw.LineStyle{Color: green, Width: vg.Points(1.2), Dashes: dash(1.5, 2.5)}, draw.TriangleGlyph{}},
	{draw.LineStyle{Color: orange, Width: vg.Points(1.2)}, draw.PyramidGlyph{}},
	{draw.LineStyle{Color: sky, Width: vg.Points(1.2), Dashes: dash(1.5, 1.5)}, draw.CrossGlyph{}},
}

// swarm is the look of what was measured of the swarm, in every figure.
var swarm = series[0]

var (
	boundLook = look{LineStyle: draw.LineStyle{Color: ink, Width: vg.Points(1), Dashes: dash(1.5, 2)}}
	eventLook = look{LineStyle: draw.LineStyle{Color: softInk, Width: vg.Points(0.8), Dashes: dash(4, 2)}}
)

func dash(points ...float64) []vg.Length {
	out := make([]vg.Length, len(points))
	for i, p := range points {
		out[i] = vg.Points(p)
	}
	return out
}

// baselineLook gives a baseline the same line in every figure.
func baselineLook(key string) look {
	place := map[string]int{"s3": 1, "s3capped": 3, "s3parallel": 9, "s3cubic": 12, "s3bbr": 11, "cdn": 2, "cdncold": 5, "bitswapall": 4, "bitswap": 8, "poll": 6, "seedonly": 6, "bittorrent": 7, "bittorrentbest": 10}
	if i, ok := place[report.BaselineKey(key)]; ok {
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

func textStyle(size float64, c color.Color) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
	return text.Style{Color: c, Font: f, Handler: text.Plain{Fonts: fonts}, XAlign: draw.XLeft, YAlign: draw.YBottom}
}

// points is a length that shrinks with lines and marks.
func (l *layout) points(v float64) vg.Length { return vg.Points(v * l.thin) }

// line is a look's line in the widths of a layout.
func (l *layout) line(k look) draw.LineStyle {
	s := k.LineStyle
	s.Width *= vg.Length(l.thin)
	s.Dashes = append([]vg.Length(nil), s.Dashes...)
	for i := range s.Dashes {
		s.Dashes[i] *= vg.Length(l.thin)
	}
	return s
}

// glyph is a look's mark; every look of series has one.
func (l *layout) glyph(k look) draw.GlyphStyle {
	shape := k.shape
	if shape == nil {
		shape = draw.CircleGlyph{}
	}
	return draw.GlyphStyle{Color: k.Color, Radius: l.points(2.8), Shape: shape}
}

// newPlot makes an empty plot in the style of all figures: no box, light grid,
// the labels of the axes with their units.
func (l *layout) newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil // the page's
	p.TextHandler = text.Plain{Fonts: fonts}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle = draw.LineStyle{Color: ink, Width: l.points(0.6)}
		a.Padding = 0
		a.Tick.LineStyle = draw.LineStyle{Color: ink, Width: l.points(0.6)}
		a.Tick.Length = l.points(3)
		xAlign, yAlign := a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = textStyle(l.small, ink)
		a.Tick.Label.XAlign, a.Tick.Label.YAlign = xAlign, yAlign
		a.Label.TextStyle = textStyle(l.font, ink)
		a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		a.Label.Padding = l.points(4)
	}
	p.X.Label.Text, p.Y.Label.Text = x, y
	return p
}
