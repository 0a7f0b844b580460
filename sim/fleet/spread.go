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
	f, p := m.f, m.f.Params
	wire := f.wire()
	block := float64(min(f.BlockBytes, f.ImageBytes))
	image := float64(f.ImageBytes)
	k := float64(f.Connections())

	// Everything below counts useful bytes: lines are narrower by what headers
	// and messages take.
	regions := len(f.Regions)
	type regionState struct {
		lines    float64
		direct   float64 // share of the cameras that are neighbours of a seed
		seeds    float64
		up       float64 // of all seeds
		sent     float64
		offered  float64 // what could have been sent
		eligible masses
		lags     []float64 // from a first block to what it is good for
		left     float64   // supply in this step
	}
	states := make([]*regionState, regions)
	lines, uplinks := make([]float64, regions), 0.0
	for _, c := range m.cohorts {
		lines[c.region] += c.mass
		uplinks += c.mass * c.up
	}
	total := 0.0
	for _, n := range lines {
		total += n
	}
	meanUp := uplinks / total

	first, longest := 0.0, 0.0
	for r := range states {
		lo, hi := m.rtt(r, r)
		s := &regionState{lines: lines[r], seeds: float64(f.Regions[r].Seeds)}
		s.up = s.seeds * min(f.Regions[r].SeedUp/8*p.SeedShare/wire, p.SeedLent/max(1.5*(lo+hi)/2, 0.001))
		if s.lines > 0 && s.seeds > 0 {
			s.direct = min(1, s.seeds*k/s.lines)
		}
		for _, rtt := range m.rttParts(r) {
			s.lags = append(s.lags, f.hop(meanUp, rtt))
		}
		cold := f.cold(block, (lo+hi)/2)
		s.eligible = m.heard[r].resample(m.heard[r].dt, lo+cold, hi+cold)
		first = max(first, s.eligible.end())
		longest = max(longest, slices.Max(s.lags))
		states[r] = s
	}
	if total > 0 && !slices.ContainsFunc(states, func(s *regionState) bool { return s.direct > 0 }) {
		return fmt.Errorf("%w: no region with seeds has cameras; put seeds where cameras are", ErrModel)
	}

	// Growth of the copies of one block while uplinks are idle.
	rtt := 0.0
	for r, n := range lines {
		rtt += n / total * m.meanRTT(r)
	}
	lag := 0.0
	if growth := growthRate(meanUp*p.CameraShare/wire/block, f.hop(meanUp, rtt)); growth > 0 {
		lag = math.Log(max(1, total/2)) / growth
	}

	bound := f.Bound() * wire
	expected := first + 4*longest + lag + 1.5*bound
	dt := max(expected/2000, 0.001)
	for _, s := range states {
		s.eligible = s.eligible.resample(dt, 0, 0)
	}

	// Order for divide, and pools by who may serve them.
	slices.SortStableFunc(m.cohorts, func(a, b *cohort) int { return cmp.Compare(a.down/a.weight, b.down/b.weight) })
	var pools [2][]*cohort // can be dialled, cannot
	for _, c := range m.cohorts {
		if c.nat {
			pools[1] = append(pools[1], c)
		} else {
			pools[0] = append(pools[0], c)
		}
	}
	serving := make([][2]history, regions) // uplinks, by region and NAT, by the time of the first block
	for r := range serving {
		serving[r][0].dt, serving[r][1].dt = dt, dt
	}
	distinct := history{dt: dt}
	unsent, finished := 1.0, 0.0
	m.done = nil

	for step := 0; ; step++ {
		now := float64(step+1) * dt
		if step >= maxSteps {
			return fmt.Errorf("%w: %.0f %% of the cameras had the image after %.0f s, and the rest cannot get it: do those who cannot be dialled have anybody to fetch from?", ErrModel, 100*finished/total, now)
		}
		// Who wants something.
		waiting, wantDirect := [2]float64{}, make([]float64, regions)
		active := [2]float64{}
		for i, pool := range pools {
			for _, c := range pool {
				s := states[c.region]
				if step < len(s.eligible.m) {
					x := s.eligible.m[step] * c.mass
					c.waiting += x * s.direct
					c.others += x * (1 - s.direct)
				}
				waiting[i] += c.waiting + c.others
				active[i] += c.active
				wantDirect[c.region] += c.waiting + c.active*s.direct
			}
		}

		// Seeds: first blocks first.
		firstBySeed := make([]float64, regions) // share of those who wait for a seed
		supply := 0.0
		for r, s := range states {
			s.left = 0
			if wantDirect[r] <= 0 || s.up == 0 {
				continue
			}
			// No more than its neighbours can take.
			most := 0.0
			wait := 0.0
			for _, c := range m.cohorts {
				if c.region == r {
					most += (c.waiting + c.active*s.direct) * c.down * p.DownShare / wire
					wait += c.waiting
				}
			}
			s.left = min(s.up, most)
			if wait > 0 {
				blocks := min(wait, s.left*dt/block)
				firstBySeed[r] = blocks / wait
				s.left = max(0, s.left-blocks*block/dt)
				s.sent += blocks * block
				s.offered += blocks * block
			}
			supply += s.left
		}

		// Cameras.
		var peers [2]float64
		for r := range states {
			for i := range peers {
				at := 0.0
				for _, l := range states[r].lags {
					at += serving[r][i].at(now - l)
				}
				peers[i] += at / float64(len(states[r].lags)) * p.CameraShare / wire * max(0, 1-1/total) // nobody serves itself
			}
		}

		// What those behind NAT send, those behind NAT cannot get.
		demand := [2]float64{waiting[0] + active[0], waiting[1] + active[1]}
		all := supply + peers[0] + peers[1]
		parts := [2]float64{all, 0}
		if demand[1] > 0 {
			parts[1] = min(all*demand[1]/(demand[0]+demand[1]), supply+peers[0])
			parts[0] = min(all-parts[1], all)
			if demand[0] == 0 {
				parts[1] = supply + peers[0]
			}
		}
		limit := distinct.at(now-lag) / image // of what one can hold
		spent, capacity := 0.0, 0.0
		moved := make([][2]float64, regions)
		for i, pool := range pools {
			fromPeers := 0.0 // share of those who still wait
			rest := parts[i]
			still := 0.0
			for _, c := range pool {
				still += c.waiting*(1-firstBySeed[c.region]) + c.others
			}
			if still > 0 && parts[i] > 0 {
				blocks := min(still, parts[i]*still/(still+active[i])*dt/block)
				fromPeers = blocks / still
				rest -= blocks * block / dt
				spent += blocks * block / dt
			}
			capacity += parts[i]
			for _, c := range pool {
				c.rate = 0
			}
			divide(pool, rest, p.DownShare/wire)
			for _, c := range pool {
				held := 0.0
				if step > 0 {
					held = c.got[step-1]
				}
				gain := c.rate * dt
				if c.first < len(c.begun) { // the oldest holds most
					base := 0.0
					if c.first > 0 {
						base = c.got[c.first-1]
					}
					gain = max(0, min(gain, limit*(c.need+block)-block-(held-base)))
				} else {
					gain = 0
				}
				spent += gain / dt * c.active
				c.got = append(c.got, held+gain)

				seeded := firstBySeed[c.region]
				a, b := c.waiting*(seeded+(1-seeded)*fromPeers), c.others*fromPeers
				c.waiting -= a
				c.others -= b
				c.begun = append(c.begun, a+b)
				c.active += a + b
				moved[c.region][i] += (a + b) * c.up
				for c.first <= step && c.got[step]-sumBefore(c.got, c.first) >= c.need-1e-6 {
					x := c.begun[c.first]
					if x > 0 {
						c.active = max(0, c.active-x)
						finished += x
						at := now + c.after
						m.done = append(m.done, timed{at, x * c.per})
						m.byClass[c.class] = append(m.byClass[c.class], timed{at, x * c.per})
					}
					c.first++
				}
			}
		}
		for r := range serving {
			for i := range moved[r] {
				serving[r][i].add(moved[r][i])
			}
		}
		// Seeds are asked for all of what nobody else has, and then for as much as
		// anybody.
		used := 0.0
		switch {
		case unsent > 0 && supply > 0:
			used = min(1, spent/supply)
		case capacity > 0:
			used = min(1, spent/capacity)
		}
		unsent = 1
		for _, s := range states {
			s.sent += s.left * used * dt
			s.offered += s.left * dt
			if s.seeds > 0 {
				unsent *= math.Pow(1-min(1, s.offered/s.seeds/image/(1+p.SeedRepeat)), s.seeds)
			}
		}
		have := image * (1 - unsent)
		prev := 0.0
		if n := len(distinct.cum); n > 0 {
			prev = distinct.cum[n-1]
		}
		distinct.add(max(0, have-prev))
		if total-finished < max(1e-9*total, 1e-6) || total-finished < 0.02 && total-finished < 1e-4*total {
			break
		}
	}
	for _, s := range states {
		m.seedSent += s.sent
	}
	return nil
}

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

// origins computes what S3, capped S3 and a CDN take.
func (m *model) origins() error {
	f := m.f
	o := f.Origin
	block := float64(quicWindow)
	edge := o.EdgeRTT.Seconds()
	// Set-up and slow start, beyond the time of the bytes at the full rate.
	lead := func(rtt, firstByte, rate float64) float64 {
		t := edge + 3*rtt + firstByte
		w := block
		sent := 0.0
		for w < rate*rtt && sent+w < float64(f.ImageBytes) {
			t += rtt - w/rate
			sent += w
			w *= 2
		}
		return t
	}
	type client struct {
		enter     masses
		rate      float64 // its line
		mass      float64
		region    int
		toOrigin  float64 // lead
		toEdge    float64
		entered   []float64
		got       []float64
		first     int
		active    float64
		cum       history
		entryLast float64
	}
	var clients []*client
	need := float64(f.ImageBytes) * wireHTTP
	for _, c := range f.Classes {
		lo, hi := m.rtt(0, c.Region)
		parts := factors(c.Spread)
		for _, factor := range parts {
			rate := c.Down * factor / 8
			if c.Site > 1 {
				rate = min(rate/min(float64(c.Site), float64(c.Cameras)), c.LAN/8)
			}
			rtts := middles(lo, hi, 7)
			for _, rtt := range rtts {
				clients = append(clients, &client{
					enter: m.heard[c.Region], rate: rate, mass: float64(c.Cameras) / float64(len(parts)*len(rtts)), region: c.Region,
					toOrigin: lead(rtt, o.FirstByte.Seconds(), rate) + rtt/2, toEdge: lead(edge, o.EdgeFirstByte.Seconds(), rate) + edge/2,
				})
			}
		}
	}
	sum, slowest := 0.0, 0.0
	for _, c := range clients {
		sum += c.mass * c.rate
		for k, x := range c.enter.m {
			if x == 0 {
				continue
			}
			t := float64(k+1) * c.enter.dt
			m.s3 = append(m.s3, timed{t + c.toOrigin + need/c.rate, x * c.mass})
			m.cdn = append(m.cdn, timed{t + c.toEdge + need/c.rate, x * c.mass})
		}
		slowest = max(slowest, c.enter.end()+c.toOrigin+need/c.rate)
	}
	limit := o.Capped / 8
	if sum <= limit {
		m.capped = m.s3
		return nil
	}
	slices.SortStableFunc(clients, func(a, b *client) int { return cmp.Compare(a.rate, b.rate) })
	total := float64(f.Cameras())
	dt := (slowest + total*need/limit) / 4000
	for _, c := range clients {
		c.cum = history{dt: c.enter.dt}
		for _, x := range c.enter.m {
			c.cum.add(x)
		}
	}
	finished := 0.0
	for step := 0; total-finished > 1e-6*total; step++ {
		if step > maxSteps {
			return fmt.Errorf("%w: the capped origin does not finish", ErrModel)
		}
		now := float64(step+1) * dt
		active := 0.0
		for _, c := range clients {
			e := c.cum.at(now - c.toOrigin)
			x := (e - c.entryLast) * c.mass
			c.entryLast = e
			c.entered = append(c.entered, x)
			c.active += x
			active += c.active
		}
		left := limit
		for _, c := range clients {
			held := sumBefore(c.got, step)
			if c.active <= 0 {
				c.got = append(c.got, held)
				continue
			}
			rate := min(c.rate, left/active)
			left -= rate * c.active
			active -= c.active
			c.got = append(c.got, held+rate*dt)
			for c.first <= step && c.got[step]-sumBefore(c.got, c.first) >= need-1e-6 {
				if x := c.entered[c.first]; x > 0 {
					c.active = max(0, c.active-x)
					finished += x
					m.capped = append(m.capped, timed{now, x})
				}
				c.first++
			}
		}
	}
	return nil
}
