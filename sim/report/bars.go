package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

type style struct{ fill color.NRGBA }

// bar is a horizontal bar from x0 to x1 around y, in the units of the axes. One
// without colour is a label beside x1.
type bar struct {
	x0, x1, y, height float64
	fill              color.Color
	label             string
}

type stackedBars []bar

func (bars stackedBars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	for _, b := range bars {
		x0, x1, y0, y1 := tx(b.x0), tx(b.x1), ty(b.y-b.height/2), ty(b.y+b.height/2)
		s := textStyle(smallSize, ink, false)
		s.YAlign = draw.YCenter
		if b.fill == nil {
			c.FillText(s, vg.Point{X: x1 + vg.Points(4), Y: (y0 + y1) / 2}, b.label)
			continue
		}
		c.FillPolygon(b.fill, box(x0, y0, x1, y1))
		if b.label != "" {
			s.Color = onFill // dark letters on every colour of the palette used for bars
			s.XAlign = draw.XCenter
			c.FillText(s, vg.Point{X: (x0 + x1) / 2, Y: (y0 + y1) / 2}, b.label)
		}
	}
}

// onFill stays dark on a dark page, since what lies under it stays light.
var onFill = color.NRGBA{0x1a, 0x1a, 0x1a, 0xff}
