package plan

import (
	"slices"
	"time"
)

// OriginConfig says how much of a file may be asked of an origin: a server that has
// all of it, answers for adjacent blocks at once, and costs somebody money. Each
// node decides alone, so that a crowd of any size spends on average what one node
// was given.
type OriginConfig struct {
	// Share of the file may be asked for at once, 0 to 1. 1: all of it.
	Share float64

	// The rest may be asked for when the fetch is older than After, of a crowd 0.5 to
	// 1.5 times by each one's own salt, and its peers together bring less than Below
	// bytes per second: then it grows by the whole file in each Spread. A Spread of 0
	// never lets it grow.
	After  time.Duration
	Below  int64
	Spread time.Duration
}

// origin is what a Planner knows of a source that is an origin.
type origin struct {
	cfg   OriginConfig
	salt  float64 // 0.5 to 1.5
	size  float64 // bytes of all units
	whole bool    // it answers with all of the file or nothing

	first time.Duration // smoothed wait for the first byte of a range, 0: not known

	may   float64       // bytes that it may be asked for in all, by age
	asked float64       // bytes that it was asked for
	aged  time.Duration // when may was looked at last

	// zone is a stretch of the file that is left to the origin while there is
	// anything else to ask of peers: otherwise they would take blocks out of every
	// range that it could answer.
	zone Bitset
	from int // where that begins, and what it is asked for is looked for
}

// lane is one range that an origin was asked for: its blocks come in order, one after
// another, and those of several lanes side by side. The requests of a lane stand beside
// each other in source.reqs.
type lane struct {
	mark     time.Duration // when its last block came, or when it was asked for
	got      int           // blocks that came
	began    time.Duration // how long the first one took
	interval time.Duration // smoothed time between two; 0: not known
}

// arrived records a block of lane l of an origin.
func (q *source) arrived(now time.Duration, l *lane) {
	dt := now - l.mark
	switch {
	case l.got == 0:
		l.began = dt
	case l.interval == 0:
		l.interval = max(dt, time.Microsecond)
		first := max(l.began-l.interval, 0) // the first block waited for that
		if q.origin.first > 0 {
			first = (q.origin.first + first) / 2
		}
		q.origin.first = first
	default:
		l.interval = max(l.interval+(dt-l.interval)*3/10, time.Microsecond)
	}
	l.mark = now
	l.got++
}

// lanes is how many ranges are under way at an origin.
func (q *source) lanes() (n int) {
	for i, r := range q.reqs {
		if i == 0 || r.lane != q.reqs[i-1].lane {
			n++
		}
	}
	return n
}

// streams reports whether a range of an origin is on its way, beyond its first byte.
func (q *source) streams() bool {
	return slices.ContainsFunc(q.reqs, func(r request) bool { return r.lane.got > 0 })
}

// tail reports whether request i of an origin can be withdrawn without loss: it is the
// last of its lane, and not what comes next there.
func (q *source) tail(i int) bool {
	l := q.reqs[i].lane
	return i > 0 && q.reqs[i-1].lane == l && (i+1 == len(q.reqs) || q.reqs[i+1].lane != l)
}

// inLane is how long request i of an origin still takes if its lane goes on as before,
// for ever if that is not known, or if its first byte is late.
func (q *source) inLane(now time.Duration, i int) time.Duration {
	l := q.reqs[i].lane
	e, waited := l.interval, now-l.mark
	if l.got == 0 {
		waited -= q.origin.first
	}
	if e == 0 && (l.got > 0 || waited < 0) {
		e = q.interval * time.Duration(q.lanes())
	}
	if e == 0 {
		return forever
	}
	before := 0
	for i-before > 0 && q.reqs[i-before-1].lane == l {
		before++
	}
	return max(time.Duration(before+1)*max(e, waited)-waited, 0)
}

// takeOver finds what an origin would bring last and a peer sooner, for when nothing
// else can be asked of peers: the ends of lanes, so that all of them, and the peers, are
// done at the same time. It withdraws that from the origin and returns the peer and the
// block.
func (p *Planner) takeOver(o *outlook) (*source, int) {
	var from, to *source
	at, latest := 0, time.Duration(0)
	for _, q := range p.origins {
		if q.origin.whole {
			continue // it sends everything anyway
		}
		for i, r := range q.reqs {
			if !q.tail(i) {
				continue
			}
			left := q.inLane(o.now, i)
			if left <= latest {
				continue
			}
			other := p.quickest(o, r.unit, func(s *source) bool { return s.tier == prompt })
			if other != nil && left > takeOverTimes*p.queued(o.now, other) {
				from, to, at, latest = q, other, i, left
			}
		}
	}
	if from == nil {
		return nil, 0
	}
	unit := from.reqs[at].unit
	p.takeBack(from, at)
	o.flight -= int64(p.sizes[unit]) // it had a window of its own there
	return to, unit
}

// Origin adds a source that has all units and is asked for adjacent ones. salt is 0
// to 1, drawn once by each node.
func (p *Planner) Origin(now time.Duration, key PeerKey, cfg OriginConfig, salt float64) []Action {
	q := p.peer(key)
	size := float64(len(p.sizes)) * float64(p.ref)
	q.origin = &origin{cfg: cfg, salt: 0.5 + salt, size: size, aged: now, zone: NewBitset(len(p.sizes))}
	q.origin.may = size * min(cfg.Share, 1)
	p.origins = append(p.origins, q)
	for u := range p.sizes {
		p.claim(q, u)
	}
	p.reserve(q)
	p.schedule(now)
	return p.drain()
}

// OriginFailed records that an origin did not answer as it should. What was asked
// of it is asked of others, and nothing of it until wait has passed. One that is
// whole can only send the file from its beginning: it is asked for everything at
// once, when it may be asked for as much as that.
func (p *Planner) OriginFailed(now time.Duration, key PeerKey, wait time.Duration, whole bool) []Action {
	if q := p.byKey[key]; q != nil && q.origin != nil {
		q.origin.whole = whole
		p.release(q, anyUnit)
		clear(q.origin.zone) // peers are as good, meanwhile
		q.suspended = max(q.suspended, now+wait)
		p.schedule(now)
	}
	return p.drain()
}

// grow looks at the age of a fetch: how much of it the origin may be asked for.
func (p *Planner) grow(now time.Duration, g *origin) {
	since := now - g.aged
	g.aged = now
	if g.cfg.Spread <= 0 || float64(now) < float64(g.cfg.After)*g.salt || p.arrivals.rate(now) >= float64(g.cfg.Below) {
		return
	}
	most := 2 * g.size // some come twice
	if g.whole {
		most = g.asked + g.size // after one that broke off the next begins anew
	}
	g.may = max(g.may, min(g.may+g.size*float64(since)/float64(g.cfg.Spread), most))
}

// left is how many bytes more an origin may be asked for.
func (g *origin) left() float64 { return g.may - g.asked }

// reserve lays the zone of an origin: as much as it may be asked for, beginning
// anywhere, so that those of a crowd differ, but for what peers are asked for at first.
func (p *Planner) reserve(q *source) {
	g := q.origin
	clear(g.zone)
	g.from = p.rng.IntN(len(p.sizes))
	n := min(int(g.left()/float64(p.ref)), len(p.sizes)-2*p.cfg.Few)
	if n <= 0 || g.whole {
		return
	}
	for i := range n {
		g.zone.Set((g.from + i) % len(p.sizes))
	}
}

// scheduleOrigins asks the origins for as much as their windows and budgets allow.
func (p *Planner) scheduleOrigins(now time.Duration) {
	for _, q := range p.origins {
		p.grow(now, q.origin)
		if q.excluded || now < q.suspended || p.barred {
			continue
		}
		for p.rate == 0 || p.paceAt <= now {
			units := p.stretch(now, q)
			if len(units) == 0 {
				break
			}
			for i, u := range units {
				p.relieve(now, u)
				p.ask(now, q, u)
				if i > 0 {
					p.out[len(p.out)-1].Joined = true
					q.reqs[len(q.reqs)-1].lane = q.reqs[len(q.reqs)-2].lane
				}
			}
		}
	}
}

// stretch returns the units to ask of an origin next, none if it may not be asked
// for them or its window is full.
func (p *Planner) stretch(now time.Duration, q *source) []int {
	g := q.origin
	if g.whole {
		return p.allLeft(q)
	}
	ways := originWays
	if q.mute(now) || p.waiting(q) >= originRun {
		ways *= 2
	}
	if q.lanes() >= ways {
		return nil
	}
	window := p.originWindow(now, q)
	allowed := min(window, int(g.may/float64(p.ref)))
	run := min(max((allowed+originWays-1)/originWays, originRun/originWays), originRun+p.waiting(q)/originWays)
	left, most := int(g.left()/float64(p.ref)), min(window-len(q.reqs), run)
	if len(q.reqs) > 0 && (most < run/2 || left < run/2 && g.may < g.size) {
		return nil // a request costs a round trip: rather a long one soon
	}
	if most = min(most, left); most < 1 {
		return nil
	}
	p.keepAsked(now, q)
	first, n := p.longest(g.zone, g.from, most)
	if n == 0 {
		first, n = p.longest(nil, g.from, most)
	}
	units := make([]int, n)
	for i := range units {
		units[i] = first + i
	}
	return units
}

// allLeft is what is asked of an origin that sends the file from its beginning:
// everything that nobody was asked for, once it may be asked for all of the file.
func (p *Planner) allLeft(q *source) (units []int) {
	if len(q.reqs) > 0 || q.origin.left() < q.origin.size {
		return nil
	}
	for u := range p.sizes {
		if !p.taken.Has(u) {
			units = append(units, u)
		}
	}
	if len(units) > 0 {
		q.origin.asked = q.origin.may // what lies between comes again
	}
	return units
}

// keepAsked lays kept: what is not to be asked of origin q. That is what is taken, but
// for what peers will bring much later than q.
func (p *Planner) keepAsked(now time.Duration, q *source) {
	copy(p.kept, p.taken)
	patience := max(p.cfg.Stall, takeOverTimes*(q.origin.first+q.interval))
	for _, s := range p.peers {
		if s.origin != nil {
			continue
		}
		for i, r := range s.reqs { // for ever is what nothing is known of yet
			if left, _ := p.comes(now, s, i); left > patience && left < forever && p.asked[r.unit] == 1 {
				p.kept.Clear(r.unit)
			}
		}
	}
}

// relieve withdraws a unit from a peer that was asked for it, before an origin is; it may
// keep what is on its way. Until it has delivered, others go first.
func (p *Planner) relieve(now time.Duration, unit int) {
	for _, s := range p.peers {
		i := s.find(unit)
		if i < 0 {
			continue
		}
		_, deep := p.comes(now, s, i)
		s.doubts++
		if deep || p.hedged == p.cfg.MaxHedges {
			p.takeBack(s, i)
		}
	}
}

// longest returns the first run of most units from one on, else the longest, of those
// that are not kept and, with a zone, in it.
func (p *Planner) longest(zone Bitset, from, most int) (first, n int) {
	run := 0
	for i := range p.sizes {
		u := (from + i) % len(p.sizes)
		if u == 0 {
			run = 0
		}
		if p.kept.Has(u) || zone != nil && !zone.Has(u) {
			run = 0
			continue
		}
		if run++; run > n {
			first, n = u+1-run, run
			if n == most {
				break
			}
		}
	}
	return first, n
}

// originWindow is how many units may be in flight at an origin.
func (p *Planner) originWindow(now time.Duration, q *source) int {
	if q.interval == 0 {
		window := int(originStart/p.ref) + 1
		if q.mute(now) {
			window *= 2
		}
		return window
	}
	window := min(max(int((originAhead+q.interval-1)/q.interval), originRun/originWays), int(originFlight/p.ref)+1)
	return window + p.waiting(q)
}

// mute reports whether an origin has kept all first bytes for longer than originAhead.
func (q *source) mute(now time.Duration) bool {
	return len(q.reqs) > 0 && now-q.reqs[0].since > originAhead && q.bytes == q.markBytes && !q.streams()
}

// waiting is how many units more are in flight at an origin whose first byte takes
// longer than originAhead, so that it is firstTimes as long at sending as at that.
func (p *Planner) waiting(q *source) int {
	if q.interval == 0 || q.origin.first <= originAhead {
		return 0
	}
	return min(int(firstTimes*(q.origin.first-originAhead)/q.interval), len(p.sizes))
}

// originGrows reports whether an origin may be asked for more later.
func (p *Planner) originGrows() bool {
	return slices.ContainsFunc(p.origins, func(q *source) bool {
		return !q.excluded && q.origin.cfg.Spread > 0 && q.origin.may < q.origin.size
	})
}

// usable reports whether an origin may be asked for one unit more.
func (p *Planner) usable(now time.Duration, q *source) bool {
	return !q.excluded && !p.barred && now >= q.suspended && !q.origin.whole && q.origin.left() >= float64(p.ref)
}

// spareOrigins removes from m what is left to origins, unless nothing else is left
// that nobody was asked for.
func (p *Planner) spareOrigins(m Bitset) {
	if len(p.origins) == 0 || p.barred {
		return
	}
	copy(p.spare, m)
	for _, q := range p.origins {
		for w := range p.spare {
			p.spare[w] &^= q.origin.zone[w]
		}
	}
	if p.spare.exceeds(p.taken) {
		copy(m, p.spare)
	}
}

// arrivals measure what peers deliver, over about a second.
type arrivals struct {
	since     time.Duration
	now, last float64 // bytes since then, and bytes per second before
}

func (a *arrivals) add(now time.Duration, n int64) {
	a.turn(now)
	a.now += float64(n)
}

func (a *arrivals) turn(now time.Duration) {
	if d := now - a.since; d >= time.Second {
		a.last, a.now, a.since = a.now/d.Seconds(), 0, now
	}
}

// rate is what arrived per second.
func (a *arrivals) rate(now time.Duration) float64 {
	a.turn(now)
	return max(a.last, a.now)
}
