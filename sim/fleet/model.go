package fleet

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// model is an integration in progress. Rates are in bytes per second, times
// in seconds, masses in cameras (of a site: in lines).
type model struct {
	f     *Fleet
	share []float64 // of the cameras, by region
	heard []masses  // of the cameras of a region, by the time of acceptance; sums to 1

	cohorts  []*cohort
	done     []timed   // completions of all cameras
	byClass  [][]timed // and of each class
	seedSent float64
	s3       []timed
	capped   []timed
	cdn      []timed
}

// masses is a distribution over steps of dt: m[k] lies at the end of step k.
type masses struct {
	dt float64
	m  []float64
}

// timed is a mass at a time.
type timed struct{ at, mass float64 }

// cohort is the cameras of one class, rate and luck.
type cohort struct {
	class  int
	region int
	nat    bool
	mass   float64 // lines
	per    float64 // cameras behind each line
	up     float64
	down   float64
	weight float64 // its part, relative to the mean
	need   float64 // bytes after the first block
	after  float64 // s that the last block and the local network take beyond

	waiting float64 // without a block, neighbours of a seed
	others  float64 // without a block
	begun   []float64
	got     []float64 // bytes that one of them had got by the end of a step, had it been there
	first   int       // oldest step of begun that is not done
	active  float64   // hold something and not all
	rate    float64
}

// luck divides a cohort: the part of each piece and its mean deviation in units
// of the standard deviation, with thin pieces at the ends for late quantiles.
var luck = func() (out [][2]float64) {
	edges := []float64{0, 0.0005, 0.005, 0.02, 0.06, 0.15, 0.3, 0.5, 0.7, 0.85, 0.94, 0.98, 0.995, 0.9995, 1}
	density := func(q float64) float64 {
		if q <= 0 || q >= 1 {
			return 0
		}
		z := normalQuantile(q)
		return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
	}
	for i := range len(edges) - 1 {
		p := edges[i+1] - edges[i]
		out = append(out, [2]float64{p, (density(edges[i]) - density(edges[i+1])) / p})
	}
	return out
}()

func normalQuantile(q float64) float64 { return math.Sqrt2 * math.Erfinv(2*q-1) }

// factors are the middles of equal parts of a uniform spread.
func factors(spread float64) []float64 {
	if spread == 0 {
		return []float64{1}
	}
	const parts = 7
	var out []float64
	for i := range parts {
		out = append(out, 1+spread*(2*(float64(i)+0.5)/parts-1))
	}
	return out
}

// middles are the middles of equal parts between lo and hi.
func middles(lo, hi float64, parts int) []float64 {
	if hi <= lo {
		return []float64{lo}
	}
	var out []float64
	for i := range parts {
		out = append(out, lo+(hi-lo)*(float64(i)+0.5)/float64(parts))
	}
	return out
}

func newModel(f *Fleet) *model {
	m := &model{f: f, share: make([]float64, len(f.Regions)), byClass: make([][]timed, len(f.Classes))}
	total := float64(f.Cameras())
	block := float64(min(f.BlockBytes, f.ImageBytes))
	for _, c := range f.Classes {
		m.share[c.Region] += float64(c.Cameras) / total
	}
	for i, c := range f.Classes {
		lines, per := float64(c.Cameras), 1.0
		need, inside := float64(f.ImageBytes)-block, 0.0
		if c.Site > 1 {
			per = min(float64(c.Site), lines)
			lines /= per
			need = float64(f.ImageBytes)*f.Params.SiteCopies - block
			inside = float64(f.ImageBytes) * 8 * f.wire() / c.LAN
		}
		parts := factors(c.Spread)
		for _, factor := range parts {
			for _, l := range luck {
				for _, nat := range []bool{false, true} {
					part := 1 - c.NAT
					if nat {
						part = c.NAT
					}
					if part == 0 {
						continue
					}
					m.cohorts = append(m.cohorts, &cohort{
						class: i, region: c.Region, nat: nat, mass: lines * l[0] * part / float64(len(parts)), per: per,
						up: c.Up * factor / 8, down: c.Down * factor / 8,
						weight: max(0.1, 1+f.Params.Spread*l[1]), need: need, after: inside + (0.5-f.Params.Tail*l[1])*m.meanRTT(c.Region),
					})
				}
			}
		}
	}
	return m
}

// rtt are the bounds of round trips between regions, s.
func (m *model) rtt(a, b int) (lo, hi float64) {
	l, h := m.f.RTT(a, b)
	return l.Seconds(), h.Seconds()
}

// meanRTT is that of a camera to others, chosen at random from all regions.
func (m *model) meanRTT(a int) float64 {
	sum := 0.0
	for b, p := range m.share {
		lo, hi := m.rtt(a, b)
		sum += p * (lo + hi) / 2
	}
	return sum
}

// rttParts are quantiles of the round trips from a camera of a region to
// others.
func (m *model) rttParts(a int) []float64 {
	var all []timed
	for b, p := range m.share {
		if p == 0 {
			continue
		}
		lo, hi := m.rtt(a, b)
		parts := middles(lo, hi, 5)
		for _, x := range parts {
			all = append(all, timed{x, p / float64(len(parts))})
		}
	}
	slices.SortFunc(all, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	const parts = 5
	var out []float64
	for i := range parts {
		want, sum := (float64(i)+0.5)/parts, 0.0
		for _, x := range all {
			if sum += x.mass; sum >= want-1e-12 {
				out = append(out, x.at)
				break
			}
		}
	}
	return out
}

// look is the distribution of the time for a quorum of the chain's operators,
// from draws that are the same every time.
func (m *model) look(dt float64) []float64 {
	c := m.f.Chain
	if c.Operators == 0 {
		return spike(m.f.Params.LookExtra, dt)
	}
	r := rand.New(rand.NewPCG(1, 0x6c6f6f6b))
	const draws = 4000
	var out []float64
	times := make([]float64, c.Operators)
	for range draws {
		for i := range times {
			rtt := c.RTTMin.Seconds() + r.Float64()*(c.RTTMax-c.RTTMin).Seconds()
			times[i] = 2.5*rtt + (c.Server + c.Handshake).Seconds() // TCP, TLS 1.3 and the call on an idle connection; the news arrives half a round trip early
		}
		slices.Sort(times)
		out = addAt(out, int((times[c.Operators/2]+m.f.Params.LookExtra)/dt), 1.0/draws)
	}
	return out
}

func spike(at, dt float64) []float64 { return addAt(nil, int(at/dt), 1) }

func addAt(s []float64, i int, v float64) []float64 {
	for len(s) <= i {
		s = append(s, 0)
	}
	s[i] += v
	return s
}

// history is a cumulative sum over steps, asked for at any time in the past.
type history struct {
	dt  float64
	cum []float64 // at the end of each step
	sum []float64 // its integral
}

func (h *history) add(v float64) {
	n := len(h.cum)
	last, area := 0.0, 0.0
	if n > 0 {
		last, area = h.cum[n-1], h.sum[n-1]
	}
	h.cum = append(h.cum, last+v)
	h.sum = append(h.sum, area+(last+v/2)*h.dt)
}

// at is the sum up to a time. What is not there yet counts nothing.
func (h *history) at(t float64) float64 {
	x := t / h.dt
	k := int(x)
	switch {
	case x <= 0 || len(h.cum) == 0:
		return 0
	case k >= len(h.cum):
		return h.cum[len(h.cum)-1]
	}
	before := 0.0
	if k > 0 {
		before = h.cum[k-1]
	}
	return before + (h.cum[k]-before)*(x-float64(k))
}

// area is the integral of at up to a time.
func (h *history) area(t float64) float64 {
	x := t / h.dt
	k := int(x)
	switch n := len(h.cum); {
	case x <= 0 || n == 0:
		return 0
	case k >= n:
		return h.sum[n-1] + h.cum[n-1]*(t-float64(n)*h.dt)
	}
	before, cum := 0.0, 0.0
	if k > 0 {
		before, cum = h.sum[k-1], h.cum[k-1]
	}
	part := x - float64(k)
	return before + (cum+(h.cum[k]-cum)*part/2)*part*h.dt
}

// window is what arrives in the step that ends at t, if each thing takes a time
// uniformly between lo and hi.
func (h *history) window(t, lo, hi float64) float64 {
	if hi-lo < h.dt/100 {
		return max(0, h.at(t-lo)-h.at(t-h.dt-lo))
	}
	mean := func(t float64) float64 { return (h.area(t-lo) - h.area(t-hi)) / (hi - lo) }
	return max(0, mean(t)-mean(t-h.dt))
}

// uniform is the share of what lies uniformly between lo and hi that is at or
// before t.
func uniform(t, lo, hi float64) float64 {
	if hi <= lo {
		if t >= lo {
			return 1
		}
		return 0
	}
	return min(max((t-lo)/(hi-lo), 0), 1)
}
