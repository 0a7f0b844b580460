package figure

import (
	"bytes"
	"image/png"
	"strings"
	"testing"

	"camswarm/sim/report"
	"camswarm/sim/report/format"
	"camswarm/sim/report/reporttest"
)

func TestFiguresAreDrawnWhateverTheNumbers(t *testing.T) {
	for _, r := range append(reporttest.Odd(), reporttest.Made("lan", 5, 1)) {
		t.Run(format.Plain(r.Scenario), func(t *testing.T) {
			for _, f := range OfRuns([]*report.Report{r}) {
				svg, err := f.SVG()
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("<script")) {
					t.Errorf("%s has what it must not have", f.Name)
				}
				doc, err := f.PDF()
				if err != nil || !bytes.HasPrefix(doc, []byte("%PDF-")) {
					t.Errorf("%s as PDF: %v", f.Name, err)
				}
				data, err := f.PNG()
				if err != nil {
					t.Fatal(err)
				}
				if c, err := png.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width < 1200 {
					t.Errorf("%s: %v, %v", f.Name, c, err)
				}
			}
		})
	}
}

func TestSameFigureGivesTheSameBytes(t *testing.T) {
	draw := func() (out [][]byte) {
		for _, f := range OfRuns([]*report.Report{reporttest.Made("global", 12, 1)}) {
			for _, form := range []func() ([]byte, error){f.SVG, f.PNG, f.PDF} {
				data, err := form()
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, data)
			}
		}
		return out
	}
	a, b := draw(), draw()
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Errorf("drawing %d differs when it is made twice", i)
		}
	}
}

func TestSweepsAreDrawnOverWhatVaries(t *testing.T) {
	var runs []*report.Report
	for _, up := range []string{"20", "5", "10"} {
		for seed := range uint64(2) {
			for _, n := range []int{4, 40} {
				r := reporttest.Made("flash-crowd", n, seed)
				r.Settings = map[string]string{"up": up}
				runs = append(runs, r)
			}
		}
	}
	s, err := report.NewSweep(runs)
	if err != nil {
		t.Fatal(err)
	}
	figures, err := OfSweep(s, "", nil)
	if err != nil || len(figures) != len(SweepMetrics) {
		t.Fatalf("%d figures, %v", len(figures), err)
	}
	for _, f := range figures {
		if _, err := f.PDF(); err != nil {
			t.Error(err)
		}
	}
	if _, err := OfSweep(s, "links", nil); err == nil || !strings.Contains(err.Error(), "nodes, up") {
		t.Errorf("an axis that does not vary: %v", err)
	}
	if _, err := OfSweep(s, "", []string{"nonsense"}); err == nil || !strings.Contains(err.Error(), "completionSeconds.p95") {
		t.Errorf("an unknown metric: %v", err)
	}
}

// FuzzDraw draws whatever a decoder of reports lets through.
func FuzzDraw(f *testing.F) {
	for _, r := range append(reporttest.Odd(), reporttest.Made("lan", 2, 1), reporttest.Broken()) {
		var b bytes.Buffer
		if err := r.Encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := report.Decode(bytes.NewReader(data))
		if err != nil || len(r.PerNode) > 20 || len(data) > 20_000 { // drawing is slow
			return
		}
		for _, f := range OfRuns([]*report.Report{r}) {
			if _, err := f.SVG(); err != nil {
				t.Fatal(err)
			}
			if _, err := f.PDF(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
