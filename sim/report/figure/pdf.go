package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
)

// PDF draws the figure in the width of a column, with its fonts in the file. The
// same figure gives the same bytes.
func (f Figure) PDF() ([]byte, error) {
	ch, err := f.chart(column)
	if err != nil {
		return nil, err
	}
	width, height := ch.size()
	c := vgpdf.New(width, height)
	if err := f.on(ch, draw.NewCanvas(pdfCanvas{c}, width, height)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("figure %s: %w", f.Name, err)
	}
	return pdfDate.ReplaceAll(b.Bytes(), []byte("${1}20000101000000)")), nil
}

// pdfDate is when the library says that a document was made.
var pdfDate = regexp.MustCompile(`(/(?:CreationDate|ModDate) \(D:)\d{14}\)`)

// pdfCanvas mends what the library's canvas for PDF makes of text and of colours
// that let others shine through.
type pdfCanvas struct{ *vgpdf.Canvas }

// SetColor hands over the colour as it is: the library takes a colour's
// premultiplied parts for plain ones, which darkens what is translucent.
func (c pdfCanvas) SetColor(clr color.Color) {
	if clr == nil {
		clr = color.Black
	}
	c.Canvas.SetColor(straight(color.NRGBAModel.Convert(clr).(color.NRGBA)))
}

type straight color.NRGBA

func (s straight) RGBA() (r, g, b, a uint32) {
	return uint32(s.R) * 0x101, uint32(s.G) * 0x101, uint32(s.B) * 0x101, uint32(s.A) * 0x101
}

// FillString writes text in the encoding of the fonts, Windows 1252.
func (c pdfCanvas) FillString(f font.Face, p vg.Point, text string) {
	c.Canvas.FillString(f, p, windows1252(text))
}

func windows1252(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80 || r >= 0xa0 && r < 0x100:
			b.WriteByte(byte(r))
		case r == '–' || r == '−': // the dash is as wide as a minus sign
			b.WriteByte(0x96)
		case r == '…':
			b.WriteByte(0x85)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
