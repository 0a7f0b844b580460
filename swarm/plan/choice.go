package plan

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// outlook is what the sources together promise at some time.
type outlook struct {
	now     time.Duration
	sharers int // sources among which the blocks in flight are shared out

	flight    int64         // bytes that may be in flight in all
	slow      time.Duration // time per block beyond which a source counts as slow
	perSecond float64       // bytes that the healthy sources have shown to deliver

	// horizon is when all that is missing should be here if the sources go on as
	// they do, with some slack. A source that would deliver a block later than
	// that is asked for it only if no other has it: the others are done before.
	horizon time.Duration

	// plenty: there is so much to do that a failure costs nothing.
	plenty bool
}

func (p *Planner) outlook(now time.Duration) outlook {
	o := outlook{now: now, slow: forever, horizon: forever}
	best, dead, apart, origins, idle := time.Duration(0), int64(0), int64(0), 0.0, false
	for _, q := range p.peers {
		if q.origin == nil && (q.silent(now) > p.cfg.EndgameHedge || q.unproven() && now-q.busySince > unprovenFlight) {
			dead += int64(len(q.reqs)) * p.ref
		}
		if q.origin != nil {
			apart += int64(len(q.reqs)) * p.ref // it has a window of its own
			if q.interval > 0 && !q.excluded && !q.doubted() && len(q.reqs) > 0 {
				origins += float64(p.ref) / q.interval.Seconds()
			}
			idle = idle || len(q.reqs) == 0 && p.usable(now, q)
			continue
		}
		if q.excluded || q.doubted() {
			continue
		}
		if q.interested || now < p.cfg.JoinGrace {
			o.sharers++
		}
		if q.interval == 0 {
			continue
		}
		if e := p.estimate(now, q); best == 0 || e < best {
			best = e
		}
		o.perSecond += float64(p.ref) / q.interval.Seconds()
	}
	o.sharers = max(o.sharers, 1)
	o.flight = max(p.cfg.MinInFlight, min(int64(o.perSecond/2), p.cfg.MaxInFlight), 2*p.ref)
	// What lies at silent peers must not keep others from being asked.
	o.flight += min(dead, p.cfg.MaxInFlight) + apart
	missing := float64(p.missing) * float64(p.ref)
	if best > 0 {
		o.slow = max(slowMin, slowTimes*best)
		o.horizon = time.Duration(missing/(o.perSecond+origins)*1.25*float64(time.Second)) + 50*time.Millisecond
	} else {
		o.perSecond = 0
	}
	o.plenty = missing > o.perSecond*2*p.cfg.Stall.Seconds() && !idle // an origin would be asked instead
	return o
}

// schedule asks for as many units as the windows allow.
func (p *Planner) schedule(now time.Duration) {
	if p.missing == 0 || p.paused {
		return
	}
	p.scheduleOrigins(now)
	o := p.outlook(now)
	p.schedulePeers(now, &o)
}

// schedulePeers asks peers.
func (p *Planner) schedulePeers(now time.Duration, o *outlook) {
	for p.flight == 0 || p.flight+p.ref <= o.flight {
		// With a rate limit, a block may be asked for when the blocks before
		// it have been paid for: an idle link is not saved up.
		if p.rate > 0 && p.paceAt > now {
			return
		}
		q, unit := p.choose(o)
		if q == nil {
			q, unit = p.takeOver(o)
		}
		if q == nil {
			return
		}
		p.ask(now, q, unit)
	}
}

// tier is how good a source is for the next request. A unit is asked of the best
// tier in which somebody claims it.
type tier int

const (
	unusable   tier = iota
	prompt          // healthy, and would deliver before the horizon
	late            // healthy, and would deliver when the others are done
	lastResort      // slow or failed before: one block at a time
)

// tierOf says how good q is.
func (p *Planner) tierOf(o *outlook, q *source) tier {
	switch {
	case q.origin != nil: // asked by scheduleOrigins
	case p.healthy(o, q) && p.queued(o.now, q) <= o.horizon:
		return prompt
	case p.healthy(o, q):
		return late
	case q.origin == nil && !q.excluded && q.claimed > 0 && len(q.reqs) == 0 && o.now >= q.suspended:
		return lastResort
	}
	return unusable
}

// healthy reports whether q delivers as it should, as far as is known.
func (p *Planner) healthy(o *outlook, q *source) bool {
	return !q.excluded && !q.doubted() && q.claimed > 0 && p.estimate(o.now, q) <= o.slow
}

// choose picks the rarest unit that a source of the best tier with room claims,
// and among those sources the one that should deliver it first. A source gets
// what a better tier has only for a second chance while there is plenty to do.
func (p *Planner) choose(o *outlook) (*source, int) {
	for _, q := range p.peers {
		q.tier = p.tierOf(o, q)
	}
	clear(p.better)
	for t := prompt; t <= lastResort; t++ {
		clear(p.wanted)
		for _, q := range p.peers {
			switch {
			case q.tier != t || p.full(o.now, q, o.sharers):
			case t == lastResort && q.doubted() && o.plenty:
				p.wanted.add(q.claims)
			default:
				p.wanted.addBut(q.claims, p.better)
			}
		}
		p.spareOrigins(p.wanted)
		unit := p.rarest(p.wanted)
		if unit >= 0 {
			return p.quickest(o, unit, func(q *source) bool { return q.tier == t }), unit
		}
		for _, q := range p.peers {
			if q.tier == t || t == late && q.origin != nil && p.usable(o.now, q) { // better than a last resort
				p.better.add(q.claims)
			}
		}
	}
	return nil, 0
}

// rarest returns the unit of m, among those not taken, that the fewest peers
// claim, -1 if there is none.
func (p *Planner) rarest(m Bitset) int {
	return fewest(p.rng, len(m), func(w int) uint64 { return m[w] &^ p.taken[w] }, p.avail)
}

// fewest returns the candidate with the lowest count, -1 if there is none; ties
// are broken at random, so that neighbours ask a seed for different blocks.
// candidates are n words of a Bitset.
func fewest(rng *rand.Rand, n int, candidates func(word int) uint64, counts []uint16) int {
	best, few, ties := -1, uint16(0), uint64(0)
	for w := range n {
		for word := candidates(w); word != 0; word &= word - 1 {
			u := w<<6 + bits.TrailingZeros64(word)
			switch c := counts[u]; {
			case best < 0 || c < few:
				best, few, ties = u, c, 1
			case c == few:
				if ties++; rng.Uint64N(ties) == 0 {
					best = u
				}
			}
		}
	}
	return best
}

// quickest returns the source that claims unit, passes, has room, and should
// deliver first what it was asked for and this.
func (p *Planner) quickest(o *outlook, unit int, passes func(*source) bool) *source {
	var best *source
	var least time.Duration
	for _, q := range p.peers {
		if !q.claims.Has(unit) || q.origin != nil && !p.usable(o.now, q) || p.full(o.now, q, o.sharers) || !passes(q) {
			continue
		}
		if cost := p.queued(o.now, q); best == nil || cost < least {
			best, least = q, cost
		}
	}
	return best
}
