package figure

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"

	"camswarm/sim/report"
)

// Scaling is how long a release takes over the number of cameras, by a model, and
// what was measured of it.
type Scaling struct {
	Quantile string        // of the cameras, such as "p95"
	Lines    []ScalingLine // the swarm's first
	Measured []ScalingAt   // of swarms of real nodes
	// Beyond is the largest number of cameras that the model was held to; what lies
	// beyond is extrapolated. 0: nothing is.
	Beyond  int
	Caption string
}

// ScalingLine is one way of delivery. An empty Baseline is the swarm.
type ScalingLine struct {
	Baseline string
	At       []ScalingAt // by the number of cameras
}

// ScalingAt is a time for a number of cameras.
type ScalingAt struct {
	Cameras int
	Seconds float64
}

// OfScaling draws it.
func OfScaling(name string, s Scaling) Figure {
	return Figure{
		Name: name, Title: "Time to completion over the number of cameras, " + s.Quantile, Caption: s.Caption,
		build: func(l *layout) *chart {
			p := l.newPlot("cameras (logarithmic)", "")
			lo, hi := math.Inf(1), 0.0
			least, most := math.Inf(1), 0.0
			each := func(list []ScalingAt) {
				for _, a := range list {
					lo, hi = min(lo, float64(a.Cameras)), max(hi, float64(a.Cameras))
					least, most = min(least, a.Seconds), max(most, a.Seconds)
				}
			}
			for _, x := range s.Lines {
				each(x.At)
			}
			each(s.Measured)
			room := math.Pow(hi/lo, 0.02)
			p.X.Scale, p.X.Min, p.X.Max, p.X.Tick.Marker = plot.LogScale{}, lo/room, hi*room, logNumberTicks{}
			l.timeAxis(&p.Y, "time to completion, "+s.Quantile, least, most*1.05, most/least <= 10)
			if s.Beyond > 0 && float64(s.Beyond) < p.X.Max {
				p.Add(shade{l, float64(s.Beyond), fmt.Sprintf("extrapolated, over %d cameras", s.Beyond)})
			}
			p.Add(grid{x: true, y: true})
			ch := &chart{plot: p}
			var curves []plot.Plotter
			for _, x := range s.Lines {
				k, name := swarm, "swarm, by the model"
				if x.Baseline != "" {
					k, name = baselineLook(x.Baseline), report.BaselineLabel(x.Baseline)
				}
				c := curve{layout: l, look: k}
				for i, a := range x.At {
					at := point{float64(a.Cameras), a.Seconds}
					c.line = append(c.line, at)
					if x.Baseline != "" && i%4 == 2 {
						c.marks = append(c.marks, at)
					}
				}
				curves = append(curves, c)
				ch.legend = append(ch.legend, legendEntry{look: k, line: true, mark: x.Baseline != "", name: name})
			}
			if len(s.Measured) > 0 {
				c := curve{layout: l, look: swarm, noLine: true}
				for _, a := range s.Measured {
					c.marks = append(c.marks, point{float64(a.Cameras), a.Seconds})
				}
				curves = slices.Insert(curves, 0, plot.Plotter(c)) // on top of all
				ch.legend = slices.Insert(ch.legend, min(1, len(ch.legend)), legendEntry{look: swarm, mark: true, name: "swarm, real nodes"})
			}
			slices.Reverse(curves)
			p.Add(curves...)
			return ch
		},
	}
}
