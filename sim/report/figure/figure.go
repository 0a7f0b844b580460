package figure

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"path/filepath"
	"regexp"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"camswarm/sim/report"
)

// Figure is one drawing.
type Figure struct {
	Name    string // of its files, without extension
	Title   string // what it shows, for headings
	Caption string // one or two sentences that a reader needs beside it

	height vg.Length // of the plot on a page; 0: usual
	rows   float64   // of bars, instead of a height
	build  func(l *layout) *chart
}

// layout is a size in which figures are drawn.
type layout struct {
	width       vg.Length
	height      vg.Length // of the plot with the labels of its axes
	font, small float64   // points
	thin        float64   // factor of the widths of lines and the sizes of marks
	row         vg.Length // of a legend
	below       bool      // the legend stands under the plot, not beside it
	ticks       int       // at most, on a linear axis
	bar, axis   vg.Length // heights of a row of bars and of what stands under them
}

var (
	// page is for screens and documents over the whole width of a sheet.
	page = &layout{width: 17 * vg.Centimeter, height: 8.6 * vg.Centimeter, font: 9, small: 8, thin: 1, row: 15, ticks: 7,
		bar: 0.85 * vg.Centimeter, axis: 1.9 * vg.Centimeter}
	// column is for papers in two columns: 3.3 inch, letters of 8 and 7 points.
	column = &layout{width: 3.3 * vg.Inch, height: 2.05 * vg.Inch, font: 8, small: 7, thin: 0.75, row: 10.5, below: true, ticks: 6,
		bar: 0.6 * vg.Centimeter, axis: 1.2 * vg.Centimeter}
)

const pngDPI = 200

// SVG draws the figure for a page as a document of its own. Letters are text in a
// font that has the metrics of the one that the figure was laid out with.
func (f Figure) SVG() ([]byte, error) {
	data, _, _, err := f.svg()
	return data, err
}

// Inline returns the drawing for a page without the prologue of a document, and
// its size in points.
func (f Figure) Inline() (svg []byte, width, height float64, err error) {
	data, w, h, err := f.svg()
	if err != nil {
		return nil, 0, 0, err
	}
	start := bytes.Index(data, []byte("<svg"))
	if start < 0 {
		return nil, 0, 0, fmt.Errorf("figure %s: not an SVG document", f.Name)
	}
	return data[start:], w.Points(), h.Points(), nil
}

func (f Figure) svg() (data []byte, width, height vg.Length, err error) {
	ch, err := f.chart(page)
	if err != nil {
		return nil, 0, 0, err
	}
	width, height = ch.size()
	c := vgsvg.NewWith(vgsvg.UseWH(width, height))
	if err := f.on(ch, draw.New(c)); err != nil {
		return nil, 0, 0, err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, 0, 0, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return fitText(b.Bytes()), width, height, nil
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
		width := textStyle(size, ink).Width(html.UnescapeString(string(p[5]))).Points()
		return fmt.Appendf(nil, `<text %stextLength="%.5g" lengthAdjust="spacingAndGlyphs" style="font-family:'Liberation Sans',Arimo,Arial,Helvetica,sans-serif;%sfont-size:%spx%s">%s</text>`,
			p[1], width, p[2], p[3], p[4], p[5])
	})
}

// PNG draws the figure for a page on white.
func (f Figure) PNG() ([]byte, error) {
	ch, err := f.chart(page)
	if err != nil {
		return nil, err
	}
	width, height := ch.size()
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI), vgimg.UseBackgroundColor(color.White))
	if err := f.on(ch, draw.New(c)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return b.Bytes(), nil
}

// chart lays the figure out. The library panics on numbers that it cannot place;
// a figure is not worth a crash.
func (f Figure) chart(l *layout) (ch *chart, err error) {
	defer f.rescue(&err)
	ch = f.build(l)
	ch.layout, ch.height = l, l.height
	switch {
	case f.rows > 0:
		ch.height = vg.Length(f.rows)*l.bar + l.axis
	case f.height > 0 && l == page:
		ch.height = f.height
	}
	return ch, nil
}

func (f Figure) on(ch *chart, c draw.Canvas) (err error) {
	defer f.rescue(&err)
	ch.draw(c)
	return nil
}

func (f Figure) rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("figure %s cannot be drawn: %v", f.Name, p)
	}
}

// WriteFiles writes each figure as NAME.svg, NAME.png and NAME.pdf.
func WriteFiles(dir string, figures []Figure) error {
	for _, f := range figures {
		for _, form := range []struct {
			ext  string
			draw func() ([]byte, error)
		}{{".svg", f.SVG}, {".png", f.PNG}, {".pdf", f.PDF}} {
			data, err := form.draw()
			if err != nil {
				return err
			}
			err = report.WriteFile(filepath.Join(dir, f.Name+form.ext), func(w io.Writer) error {
				_, err := w.Write(data)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
