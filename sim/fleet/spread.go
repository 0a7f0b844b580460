package fleet

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// maxSteps bounds an integration. Steps are about a thousandth of what is
// expected.
const maxSteps = 60_000

// resample gives a distribution over other steps, delayed by a time uniformly
// between lo and hi.
func (d masses) resample(dt, lo, hi float64) masses {
	h := history{dt: d.dt}
	for _, x := range d.m {
		h.add(x)
	}
	out := masses{dt: dt}
	last := 0.0
	for k := 0; last < 1-1e-9 && k < maxSteps; k++ {
		t := float64(k+1) * dt
		at := h.at(t - lo)
		if hi-lo > dt/100 {
			at = (h.area(t-lo) - h.area(t-hi)) / (hi - lo)
		}
		out.m = append(out.m, max(0, at-last))
		last = max(last, at)
	}
	return out
}

// end is when all of a distribution is there.
func (d masses) end() float64 { return float64(len(d.m)) * d.dt }

// divide shares a supply out among cohorts equally, but for their weights and as
// far as their downlinks allow: it sets rate, bytes per second of one camera.
// The cohorts are in the order of down/weight.
func divide(cohorts []*cohort, supply, downShare float64) {
	weight := 0.0
	for _, c := range cohorts {
		weight += c.active * c.weight
	}
	for _, c := range cohorts {
		c.rate = 0
		if c.active <= 0 {
			continue
		}
		down := c.down * downShare
		c.rate = down
		if weight > 0 {
			c.rate = max(0, min(down, supply/weight*c.weight))
		}
		supply -= c.rate * c.active
		weight -= c.active * c.weight
	}
}

// spread integrates how the image spreads over the cohorts.
func (m *model) spread() error {
	s, err := m.newSpreading()
	if err != nil {
		return err
	}
	m.done = nil
	for step := 0; ; step++ {
		if step >= maxSteps {
			return fmt.Errorf("%w: %.0f %% of the cameras had the image after %.0f s, and the rest cannot get it: do those who cannot be dialled have anybody to fetch from?",
				ErrModel, 100*s.finished/s.total, s.after(step))
		}
		if s.step(step) {
			break
		}
	}
	for _, r := range s.regions {
		m.seedSent += r.sent
	}
	return nil
}

// Cameras that can be dialled and those that cannot are served apart: what the
// latter send, others of them cannot get.
const (
	dialled = iota
	behindNAT
	pools
)

// spreading is the integration of the bulk in progress. All bytes in it are
// useful ones: lines are narrower by what headers and messages take.
type spreading struct {
	m                  *model
	p                  Params
	wire, block, image float64
	total              float64 // lines
	dt                 float64
	lag                float64 // s that a new block takes until it has spread
	regions            []*source
	pools              [pools][]*cohort // in the order for divide
	serving            [][pools]history // uplinks, by region, by the time of the first block
	distinct           history          // bytes of the image that have left the seeds
	unsent             float64          // share of the image that has not
	finished           float64          // lines
}

// source is a region: its seeds, and when its cameras may begin.
type source struct {
	lines    float64
	direct   float64 // share of the cameras that are neighbours of a seed
	seeds    float64
	up       float64 // of all seeds
	sent     float64
	offered  float64 // what could have been sent
	eligible masses
	lags     []float64 // from a first block to what it is good for
	left     float64   // supply in this step, after first blocks
}

// wants is who wants something in a step.
type wants struct {
	waiting, active [pools]float64
	direct          []float64 // of the neighbours of seeds, by region
}

// of is how many cameras of a pool want something.
func (w wants) of(pool int) float64 { return w.waiting[pool] + w.active[pool] }

func (m *model) newSpreading() (*spreading, error) {
	f, p := m.f, m.f.Params
	s := &spreading{
		m: m, p: p, wire: f.wire(), block: float64(min(f.BlockBytes, f.ImageBytes)), image: float64(f.ImageBytes), unsent: 1,
		regions: make([]*source, len(f.Regions)), serving: make([][pools]history, len(f.Regions)),
	}
	lines, uplinks := make([]float64, len(f.Regions)), 0.0
	for _, c := range m.cohorts {
		lines[c.region] += c.mass
		uplinks += c.mass * c.up
	}
	for _, n := range lines {
		s.total += n
	}
	meanUp := uplinks / s.total
	first, longest := 0.0, 0.0
	for i := range s.regions {
		r := s.newSource(i, lines[i], meanUp)
		first = max(first, r.eligible.end())
		longest = max(longest, slices.Max(r.lags))
		s.regions[i] = r
	}
	if s.total > 0 && !slices.ContainsFunc(s.regions, func(r *source) bool { return r.direct > 0 }) {
		return nil, fmt.Errorf("%w: no region with seeds has cameras; put seeds where cameras are", ErrModel)
	}

	// Growth of the copies of one block while uplinks are idle.
	rtt := 0.0
	for r, n := range lines {
		rtt += n / s.total * m.meanRTT(r)
	}
	if growth := growthRate(meanUp*p.CameraShare/s.wire/s.block, f.hop(meanUp, rtt)); growth > 0 {
		s.lag = math.Log(max(1, s.total/2)) / growth
	}

	expected := first + 4*longest + s.lag + 1.5*f.Bound()*s.wire
	s.dt = max(expected/2000, 0.001)
	s.distinct.dt = s.dt
	for i, r := range s.regions {
		r.eligible = r.eligible.resample(s.dt, 0, 0)
		for pool := range pools {
			s.serving[i][pool].dt = s.dt
		}
	}
	slices.SortStableFunc(m.cohorts, func(a, b *cohort) int { return cmp.Compare(a.down/a.weight, b.down/b.weight) })
	for _, c := range m.cohorts {
		pool := dialled
		if c.nat {
			pool = behindNAT
		}
		s.pools[pool] = append(s.pools[pool], c)
	}
	return s, nil
}

// newSource is region i with so many lines, whose cameras upload at meanUp.
func (s *spreading) newSource(i int, lines, meanUp float64) *source {
	f, p := s.m.f, s.p
	lo, hi := s.m.rtt(i, i)
	r := &source{lines: lines, seeds: float64(f.Regions[i].Seeds)}
	r.up = r.seeds * min(f.Regions[i].SeedUp/8*p.SeedShare/s.wire, p.SeedLent/max(1.5*(lo+hi)/2, 0.001))
	if r.lines > 0 && r.seeds > 0 {
		r.direct = min(1, r.seeds*float64(f.Connections())/r.lines)
	}
	for _, rtt := range s.m.rttParts(i) {
		r.lags = append(r.lags, f.hop(meanUp, rtt))
	}
	cold := f.cold(s.block, (lo+hi)/2)
	r.eligible = s.m.heard[i].resample(s.m.heard[i].dt, lo+cold, hi+cold)
	return r
}

// after is the time at the end of a step.
func (s *spreading) after(step int) float64 { return float64(step+1) * s.dt }

// step integrates one step and says whether all cameras have the image.
func (s *spreading) step(step int) (done bool) {
	now := s.after(step)
	w := s.demand(step)
	firstBySeed, supply := s.seedsFirst(w)
	peers := s.peers(now)
	parts := shareOut(w, supply, peers)
	limit := s.distinct.at(now-s.lag) / s.image // of what one can hold

	spent, capacity := 0.0, 0.0
	moved := make([][pools]float64, len(s.regions))
	for pool := range pools {
		spent += s.serve(pool, step, w, parts[pool], limit, firstBySeed, moved)
		capacity += parts[pool]
	}
	for r := range s.serving {
		for pool := range pools {
			s.serving[r][pool].add(moved[r][pool])
		}
	}
	s.seedsSent(spent, supply, capacity)
	left := s.total - s.finished
	return left < max(1e-9*s.total, 1e-6) || left < 0.02 && left < 1e-4*s.total
}

// demand lets those begin whose time has come, and counts who wants something.
func (s *spreading) demand(step int) wants {
	w := wants{direct: make([]float64, len(s.regions))}
	for pool := range pools {
		for _, c := range s.pools[pool] {
			r := s.regions[c.region]
			if step < len(r.eligible.m) {
				x := r.eligible.m[step] * c.mass
				c.waiting += x * r.direct
				c.others += x * (1 - r.direct)
			}
			w.waiting[pool] += c.waiting + c.others
			w.active[pool] += c.active
			w.direct[c.region] += c.waiting + c.active*r.direct
		}
	}
	return w
}

// seedsFirst has the seeds send first blocks before anything else. It returns
// which share of those who wait for a seed get one, by region, and what seeds can
// send beyond.
func (s *spreading) seedsFirst(w wants) (firstBySeed []float64, supply float64) {
	firstBySeed = make([]float64, len(s.regions))
	for i, r := range s.regions {
		r.left = 0
		if w.direct[i] <= 0 || r.up == 0 {
			continue
		}
		// No more than its neighbours can take.
		most, wait := 0.0, 0.0
		for _, c := range s.m.cohorts {
			if c.region == i {
				most += (c.waiting + c.active*r.direct) * c.down * s.p.DownShare / s.wire
				wait += c.waiting
			}
		}
		r.left = min(r.up, most)
		if wait > 0 {
			blocks := min(wait, r.left*s.dt/s.block)
			firstBySeed[i] = blocks / wait
			r.left = max(0, r.left-blocks*s.block/s.dt)
			r.sent += blocks * s.block
			r.offered += blocks * s.block
		}
		supply += r.left
	}
	return firstBySeed, supply
}

// peers is what the cameras that hold something can send.
func (s *spreading) peers(now float64) (out [pools]float64) {
	for i, r := range s.regions {
		for pool := range pools {
			at := 0.0
			for _, l := range r.lags {
				at += s.serving[i][pool].at(now - l)
			}
			out[pool] += at / float64(len(r.lags)) * s.p.CameraShare / s.wire * max(0, 1-1/s.total) // nobody serves itself
		}
	}
	return out
}

// shareOut divides what seeds and peers can send by demand, but that those behind
// NAT get nothing from one another.
func shareOut(w wants, supply float64, peers [pools]float64) (parts [pools]float64) {
	all := supply + peers[dialled] + peers[behindNAT]
	reachable := supply + peers[dialled]
	parts[dialled] = all
	if w.of(behindNAT) > 0 {
		parts[behindNAT] = min(all*w.of(behindNAT)/(w.of(dialled)+w.of(behindNAT)), reachable)
		parts[dialled] = min(all-parts[behindNAT], all)
		if w.of(dialled) == 0 {
			parts[behindNAT] = reachable
		}
	}
	return parts
}

// serve gives a pool its part of the supply, first blocks first, moves those who
// are done, and returns the rate that was used. It adds to moved the uplinks of
// those who now hold a block.
func (s *spreading) serve(pool, step int, w wants, part, limit float64, firstBySeed []float64, moved [][pools]float64) (spent float64) {
	fromPeers := 0.0 // share of those who still wait
	rest := part
	still := 0.0
	for _, c := range s.pools[pool] {
		still += c.waiting*(1-firstBySeed[c.region]) + c.others
	}
	if still > 0 && part > 0 {
		blocks := min(still, part*still/(still+w.active[pool])*s.dt/s.block)
		fromPeers = blocks / still
		rest -= blocks * s.block / s.dt
		spent += blocks * s.block / s.dt
	}
	divide(s.pools[pool], rest, s.p.DownShare/s.wire)
	for _, c := range s.pools[pool] {
		gain := s.gain(c, step, limit)
		spent += gain / s.dt * c.active
		c.got = append(c.got, sumBefore(c.got, step)+gain)

		seeded := firstBySeed[c.region]
		a, b := c.waiting*(seeded+(1-seeded)*fromPeers), c.others*fromPeers
		c.waiting -= a
		c.others -= b
		c.begun = append(c.begun, a+b)
		c.active += a + b
		moved[c.region][pool] += (a + b) * c.up
		s.finish(c, step)
	}
	return spent
}

// gain is the bytes that each camera of a cohort gets in a step at its rate. The
// oldest of them holds most, and nobody can hold more than what has spread.
func (s *spreading) gain(c *cohort, step int, limit float64) float64 {
	if c.first >= len(c.begun) {
		return 0
	}
	held := sumBefore(c.got, step) - sumBefore(c.got, c.first)
	return max(0, min(c.rate*s.dt, limit*(c.need+s.block)-s.block-held))
}

// finish takes those of a cohort that have the whole image out of it.
func (s *spreading) finish(c *cohort, step int) {
	for c.first <= step && c.got[step]-sumBefore(c.got, c.first) >= c.need-1e-6 {
		if x := c.begun[c.first]; x > 0 {
			c.active = max(0, c.active-x)
			s.finished += x
			done := timed{s.after(step) + c.after, x * c.per}
			s.m.done = append(s.m.done, done)
			s.m.byClass[c.class] = append(s.m.byClass[c.class], done)
		}
		c.first++
	}
}

// seedsSent accounts for what the seeds sent beyond first blocks: they are asked
// for all of what nobody else has, and then for as much as anybody.
func (s *spreading) seedsSent(spent, supply, capacity float64) {
	used := 0.0
	switch {
	case s.unsent > 0 && supply > 0:
		used = min(1, spent/supply)
	case capacity > 0:
		used = min(1, spent/capacity)
	}
	s.unsent = 1
	for _, r := range s.regions {
		r.sent += r.left * used * s.dt
		r.offered += r.left * s.dt
		if r.seeds > 0 {
			s.unsent *= math.Pow(1-min(1, r.offered/r.seeds/s.image/(1+s.p.SeedRepeat)), r.seeds)
		}
	}
	have := s.image * (1 - s.unsent)
	s.distinct.add(max(0, have-sumBefore(s.distinct.cum, len(s.distinct.cum))))
}

// sumBefore is a cumulative sum before step k.
func sumBefore(s []float64, k int) float64 {
	if k == 0 {
		return 0
	}
	return s[k-1]
}

// growthRate is the root of λ = c·exp(-λτ).
func growthRate(c, tau float64) float64 {
	lo, hi := 0.0, c
	for range 100 {
		mid := (lo + hi) / 2
		if mid > c*math.Exp(-mid*tau) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}
