package fleet

import (
	"cmp"
	"fmt"
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
			times[i] = 2.5*rtt + c.Server.Seconds() // TCP, TLS 1.3 and the call on an idle connection; the news arrives half a round trip early
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

// announce integrates the spread of the announcement.
func (m *model) announce() error {
	f := m.f
	regions := len(f.Regions)
	total := float64(f.Cameras())
	if f.instant {
		for range regions {
			m.heard = append(m.heard, masses{dt: 0.001, m: []float64{1}})
		}
		return nil
	}
	widest := 0.0
	for a := range regions {
		for b := range regions {
			_, hi := m.rtt(a, b)
			widest = max(widest, hi)
		}
	}
	dt := min(max(widest/50, 0.001), 0.01)
	look := m.look(dt)
	k := f.Connections()
	envelope := float64(envelopeBytes + 32*((f.ImageBytes+f.BlockBytes-1)/f.BlockBytes))

	type regionState struct {
		n          float64
		untouched  float64
		told       float64   // by the publisher's seed
		pending    []float64 // acceptances to come, a ring as long as look
		accepted   history   // cameras
		fanout     history   // messages that accepted cameras send
		gossip     history   // and names of messages
		seeds      history   // seeds that accepted it, but the publisher's
		seedsSoon  []float64
		seedFan    float64
		seedGossip float64
	}
	states := make([]*regionState, regions)
	for r := range states {
		n := m.share[r] * total
		s := &regionState{n: n, untouched: n, pending: make([]float64, len(look)), seedsSoon: make([]float64, len(look))}
		for _, h := range []*history{&s.accepted, &s.fanout, &s.gossip, &s.seeds} {
			h.dt = dt
		}
		s.seedFan = min(float64(f.SeedAnnounceDegree), n)
		s.seedGossip = min(max(float64(f.SeedAnnounceDegree), 0.25*float64(k)), n)
		states[r] = s
	}
	// The publisher's seed floods its neighbours: messages of equal length side by
	// side, of which the first is through after about half the time that all take.
	home := states[0]
	flood := min(float64(k), home.n)
	serial := flood * envelope * (1 + f.Params.Header) / (f.Regions[0].SeedUp / 8)
	up, cams := 0.0, 0.0
	for _, c := range m.cohorts {
		up, cams = up+c.mass*c.up, cams+c.mass
	}
	relay := float64(f.AnnounceDegree-1) * envelope * cams / up

	m.heard = make([]masses, regions)
	limit, news := int((600+serial)/dt), serial
	for step := 0; ; step++ {
		t := float64(step+1) * dt
		left := 0.0
		for b, s := range states {
			i := step % len(look)
			now := s.pending[i]
			if now > 1e-9*total && t > news {
				news = t
			}
			s.pending[i] = 0
			s.accepted.add(now)
			s.fanout.add(now * float64(f.AnnounceDegree-1))
			s.gossip.add(now * float64(f.AnnounceDegree))
			soon := s.seedsSoon[i]
			s.seedsSoon[i] = 0
			s.seeds.add(soon)
			m.heard[b].m = append(m.heard[b].m, now)
			left += s.n - s.accepted.cum[step]
		}
		for b, s := range states {
			lo0, hi0 := m.rtt(0, b)
			// Seeds hear of it from the publisher.
			count := float64(f.Regions[b].Seeds)
			if b == 0 {
				count--
			}
			if count > 0 {
				if x := count * (uniform(t, lo0/2, hi0/2) - uniform(t-dt, lo0/2, hi0/2)); x > 0 {
					for d, p := range look {
						s.seedsSoon[(step+1+d)%len(look)] += x * p
					}
				}
			}
			if s.n == 0 {
				continue
			}
			offers := 0.0 // to cameras at random
			own0, own1 := m.rtt(b, b)
			offers += s.seeds.window(t, own0/2, own1/2) * s.seedFan
			for beat := range 3 {
				at := heartbeat * float64(beat)
				offers += s.seeds.window(t, at+1.5*own0, at+heartbeat+1.5*own1) * s.seedGossip
			}
			for a, o := range states {
				if o.n == 0 {
					continue
				}
				lo, hi := m.rtt(a, b)
				offers += o.fanout.window(t, relay+lo/2, relay+hi/2) * m.share[b]
				for beat := range 3 {
					at := heartbeat * float64(beat)
					offers += o.gossip.window(t, at+1.5*lo, at+heartbeat+1.5*hi) * m.share[b]
				}
			}
			// The publisher's seed tells each neighbour once.
			direct := 0.0
			if b == 0 {
				direct = flood * (uniform(t, lo0/2+serial/2, hi0/2+serial) - uniform(t-dt, lo0/2+serial/2, hi0/2+serial))
			}
			if s.untouched <= 0 || offers+direct <= 0 {
				continue
			}
			fresh := s.untouched * (1 - math.Exp(-offers/s.n))
			if rest := s.n - s.told; direct > 0 && rest > 0 {
				fresh += (s.untouched - fresh) * min(1, direct/rest)
				s.told += direct
			}
			s.untouched -= fresh
			for d, p := range look {
				s.pending[(step+1+d)%len(look)] += fresh * p
			}
		}
		if left < 1e-6*total && left < 0.01 {
			break
		}
		// Whom neither messages nor names of them reached hears at the daily look:
		// there the model ends.
		if step >= limit || t-news > 4*heartbeat+2*widest+float64(len(look))*dt {
			if left > 0.01*total {
				return fmt.Errorf("%w: the announcement reached only %.0f of %.0f cameras; give seeds more connections or cameras a larger announcement degree", ErrModel, total-left, total)
			}
			break
		}
	}
	for b := range m.heard {
		h := &m.heard[b]
		h.dt = dt
		sum := 0.0
		for _, x := range h.m {
			sum += x
		}
		for i := range h.m {
			if sum > 0 {
				h.m[i] /= sum
			}
		}
	}
	return nil
}
