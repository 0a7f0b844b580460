package figure

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot"

	"camswarm/sim/report/format"
)

// percentTicks are 0 to 100 %.
type percentTicks struct{}

func (percentTicks) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	for v := 0; v <= 100; v += 25 {
		out = append(out, plot.Tick{Value: float64(v) / 100, Label: fmt.Sprintf("%d %%", v)})
	}
	return out
}

// numberTicks are round numbers on a linear axis, at most so many.
type numberTicks struct{ most int }

func (n numberTicks) Ticks(lo, hi float64) []plot.Tick {
	step := niceStep((hi - lo) / float64(n.most-1))
	if !(step > 0) || math.IsInf(step, 0) {
		return []plot.Tick{{Value: lo, Label: format.Digits(lo)}}
	}
	decimals := -int(math.Floor(math.Log10(step) + 1e-9))
	if m := step / math.Pow(10, math.Floor(math.Log10(step))); math.Abs(m-2.5) < 1e-6 {
		decimals++
	}
	decimals = max(0, decimals)
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

// words are places of words along an axis.
type words plot.ConstantTicks

func (w words) Ticks(lo, hi float64) []plot.Tick { return w }

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

// timeAxis sets up an axis for times from lo to hi, logarithmic where they differ
// more than tenfold.
func (l *layout) timeAxis(a *plot.Axis, what string, lo, hi float64, fromZero bool) {
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
	a.Tick.Marker = scaledTicks{div, l.ticks}
	a.Label.Text = what + ", " + unit
}

// scaledTicks are round numbers of a unit that is div seconds.
type scaledTicks struct {
	div  float64
	most int
}

func (s scaledTicks) Ticks(lo, hi float64) []plot.Tick {
	out := numberTicks{s.most}.Ticks(lo/s.div, hi/s.div)
	for i := range out {
		out[i].Value *= s.div
	}
	return out
}
