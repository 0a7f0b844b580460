package plan

import (
	"slices"
	"time"
)

// record is how a source has kept its word.
type record struct {
	delivered int
	refused   int           // DONT_HAVE to what it had claimed
	strikes   int           // failures in a row
	doubts    int           // times in a row that it had nothing to show when others had
	owed      time.Duration // silence of former requests since its last byte
	suspended time.Duration // not asked before
	excluded  bool          // has sent wrong bytes: never asked again
	trusted   bool          // has delivered in former fetches
}

// forgive records a delivery: what failed before is forgotten.
func (r *record) forgive() {
	r.delivered++
	r.strikes, r.doubts, r.owed, r.suspended = 0, 0, 0, 0
}

// doubted reports whether a source comes last: it has failed, or may have.
func (r *record) doubted() bool { return r.strikes+r.doubts > 0 }

// doubt takes from q what others will deliver sooner: it has sent nothing for a while.
// It may be slow and serve others first, which is no failure, so that nothing is
// remembered of it but how long it was silent. It is not asked for a while.
func (p *Planner) doubt(now time.Duration, q *source, silent time.Duration) {
	q.owed += silent
	q.suspended = now + p.cfg.Stall
	q.doubts++
	q.size = 1
	p.release(q, anyUnit)
}

// strike records that q has stalled or claimed falsely. It is not asked for a
// time that doubles with each strike.
func (p *Planner) strike(now time.Duration, q *source) {
	q.suspended = now + min(p.cfg.Stall<<min(q.strikes, 16), maxSuspend)
	q.strikes++
	q.size, q.owed = 1, 0
	p.failures = append(p.failures, q.key)
	p.release(q, anyUnit)
}

// silent is how long q has owed something and sent nothing. Who reads an origin says
// when it has failed.
func (q *source) silent(now time.Duration) time.Duration {
	if len(q.reqs) == 0 || q.origin != nil {
		return 0
	}
	return now - max(q.lastByte, q.busySince)
}

// unproven reports whether q was asked and has delivered nothing yet.
func (q *source) unproven() bool {
	return q.delivered == 0 && !q.trusted && len(q.reqs) > 0 && q.origin == nil
}

// fastest is the least time per block of a peer that delivers, 0 if none does.
func (p *Planner) fastest(now time.Duration) (best time.Duration) {
	for _, q := range p.peers {
		if q.excluded || q.doubted() || q.interval == 0 || q.delivered == 0 || now-q.lastByte >= p.cfg.Stall {
			continue
		}
		if best == 0 || q.interval < best {
			best = q.interval
		}
	}
	return best
}

// failed reports whether q has owed something for too long. best is what fastest
// returns.
func (p *Planner) failed(now time.Duration, q *source, best time.Duration) bool {
	if q.silent(now) >= p.cfg.Stall {
		return true
	}
	if !q.unproven() || best == 0 {
		return false
	}
	if now-q.mark < max(unprovenStall, slowTimes*best) {
		return false
	}
	// If it trickles, what it has sent of its first block says when that ends.
	return q.bytes == q.markBytes || p.estimate(now, q) > 2*max(slowMin, slowTimes*best)
}

// trickles reports whether an unproven source sends, but less than a slow line
// that serves everybody at once would.
func (p *Planner) trickles(now time.Duration, q *source) bool {
	since := now - q.firstByte
	return q.unproven() && q.bytes != q.markBytes && since >= unprovenStall/2 &&
		float64(q.bytes-q.markBytes) < trickle*since.Seconds()
}

// patience is how long a peer may owe something and send nothing before it has failed:
// Stall, or longer when the peers that deliver take long, each serving many.
func (p *Planner) patience() time.Duration {
	var all []time.Duration
	for _, q := range p.peers {
		if q.delivered > 0 && q.interval > 0 {
			all = append(all, q.interval)
		}
	}
	if len(all) == 0 {
		return p.cfg.Stall
	}
	slices.Sort(all)
	return max(p.cfg.Stall, patientTimes*all[len(all)/2])
}

// reap takes the requests away from peers that have been silent too long, where
// others have the blocks or hardStall has passed.
func (p *Planner) reap(now time.Duration) {
	others := false // does anybody send?
	for _, q := range p.peers {
		others = others || q.lastByte > 0 && now-q.lastByte < p.cfg.Stall
	}
	best := p.fastest(now)
	hard := hardStall + time.Duration(p.ref)*time.Second/hardRate
	shorter := p.patience()
	patient := max(shorter, provenTimes*p.cfg.Stall)
	elsewhere := p.better
	for _, q := range p.peers {
		if !p.failed(now, q, best) {
			continue
		}
		silent, trickles := q.silent(now), p.trickles(now, q)
		clear(elsewhere)
		for _, o := range p.peers {
			if o == q || o.excluded || o.doubted() || o.origin != nil && !p.usable(now, o) || p.failed(now, o, best) {
				continue
			}
			elsewhere.add(o.claims)
		}
		if !p.release(q, func(u int) bool { return silent >= hard || elsewhere.Has(u) }) {
			continue
		}
		// Its time per block is at least this long; others go first.
		q.interval = max(q.interval, now-q.mark)
		q.size = 1
		switch {
		case !others && q.delivered > 0 && silent < hard:
		case trickles, q.owed+silent >= patient, q.delivered == 0 && q.owed+silent >= shorter:
			p.strike(now, q)
		default:
			p.doubt(now, q, silent)
		}
	}
}
