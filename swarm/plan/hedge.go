package plan

import "time"

// hedge looks for requests that wait far longer than another source would take.
// One that is deep in its source's queue moves to the other; one that may be on
// its way is asked of both.
func (p *Planner) hedge(now time.Duration) {
	if p.missing == 0 || p.paused {
		return
	}
	o := p.outlook(now)
	after := p.cfg.Stall
	if p.endgame(&o) {
		after = p.cfg.EndgameHedge
	}
	for _, q := range p.peers {
		for i := len(q.reqs) - 1; i >= 0; i-- {
			if now-q.reqs[i].since >= after {
				p.hedgeRequest(&o, q, i)
			}
		}
	}
}

// endgame reports whether nothing is left to ask of a healthy source, or to take over.
func (p *Planner) endgame(o *outlook) bool {
	for _, q := range p.peers {
		if q.origin != nil {
			for i := range q.reqs {
				if q.tail(i) && q.inLane(o.now, i) == forever {
					return false
				}
			}
			if !p.usable(o.now, q) {
				continue
			}
		}
		if p.healthy(o, q) && q.claims.exceeds(p.taken) {
			return false
		}
	}
	return true
}

// hedgeRequest asks another source for what stands at place i of q's queue, if that
// is worth it.
func (p *Planner) hedgeRequest(o *outlook, q *source, i int) {
	r := q.reqs[i]
	age := o.now - r.since
	other := p.quickest(o, r.unit, func(s *source) bool { return s.find(r.unit) < 0 && p.healthy(o, s) })
	if other == nil {
		return
	}
	left, deep := p.comes(o.now, q, i)
	worth := time.Duration(p.cfg.SlowFactor * float64(p.queued(o.now, other)))
	if age <= worth || left <= worth {
		return
	}
	switch {
	case deep:
		q.overtaken(o.now, r, 0)
		p.takeBack(q, i)
	case p.asked[r.unit] == 2: // it may come all the same
		q.overtaken(o.now, r, 0)
		p.cancel(q, i)
	case p.hedged == p.cfg.MaxHedges:
		return
	}
	p.ask(o.now, other, r.unit)
}

// comes returns how long request i of q still takes if q goes on as before, for ever
// if that is not known, and whether it can be withdrawn without loss.
func (p *Planner) comes(now time.Duration, q *source, i int) (left time.Duration, deep bool) {
	if q.origin != nil {
		return q.inLane(now, i), q.tail(i)
	}
	left = forever
	if q.interval > 0 || q.bytes > q.markBytes {
		// Silence is no part of the next block, unless it is shorter than the last one
		// took.
		begun := max(min(now-q.mark, q.interval), q.lastByte-q.mark)
		left = time.Duration(i+1)*p.estimate(now, q) - begun
	}
	return left, i >= ahead
}
