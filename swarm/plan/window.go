package plan

import "time"

// window is the speed of a source, and how many requests it may have for it.
type window struct {
	size     int           // requests that may be outstanding; 0: not known yet
	interval time.Duration // smoothed time between arrivals of full blocks; 0: none yet

	busySince time.Duration // when the first outstanding request was made
	mark      time.Duration // the last arrival, or busySince
	bytes     int64         // counter of bytes read from the peer
	markBytes int64         // its value at mark
	lastByte  time.Duration
	firstByte time.Duration // the first byte since mark

	remembered time.Duration // time per full block in former fetches; 0: unknown
}

// begin records that an idle source is asked.
func (w *window) begin(now time.Duration) {
	w.busySince, w.mark, w.markBytes = now, now, w.bytes
}

// measure updates the speed with the arrival of a unit that was asked for. What
// counts is the time since the previous arrival, or since the request to an idle
// source: with several blocks in flight that is the service time, and with one it
// includes the round trip, as it must.
func (w *window) measure(cfg *PlannerConfig, now time.Duration, ref, size int64) {
	dt := time.Duration(float64(now-w.mark) * float64(ref) / float64(max(size, 1)))
	if w.interval == 0 {
		w.interval = max(dt, time.Microsecond)
	} else {
		w.interval = max(w.interval+(dt-w.interval)*3/10, time.Microsecond)
	}
	w.size = int((cfg.Ahead + w.interval - 1) / w.interval)
	if w.interval < 2*cfg.Ahead {
		// The line must not idle for the round trip between two blocks.
		w.size = max(w.size, 2)
	}
}

// overtaken records that somebody else is, or is thought to be, faster with a
// request: the source takes at least as long as that has waited, unless it has
// delivered something since. A size other than 0 is the window from then on.
func (w *window) overtaken(now time.Duration, r request, size int) {
	if w.mark > r.since {
		return
	}
	w.interval = max(w.interval, now-r.since)
	if size > 0 {
		w.size = size
	}
}

// estimate is the time that q takes for a block, 0 if unknown.
func (p *Planner) estimate(now time.Duration, q *source) time.Duration {
	e := q.interval
	if len(q.reqs) == 0 {
		return e
	}
	waited := now - q.mark
	if q.origin != nil && !q.streams() {
		waited = max(waited-q.origin.first, 0)
	}
	if got := q.bytes - q.markBytes; got > 0 && (e == 0 || waited > e) {
		return max(e, time.Duration(float64(waited)*float64(p.ref)/float64(min(got, p.ref))))
	}
	return max(e, waited)
}

// queued is the time after which q should have delivered all it was asked for and
// one block more.
func (p *Planner) queued(now time.Duration, q *source) time.Duration {
	e := p.estimate(now, q)
	if e == 0 {
		e = q.remembered
	}
	if e == 0 {
		e = guess
	}
	all := time.Duration(len(q.reqs)+1) * e
	if q.origin != nil {
		all += q.origin.first
	}
	return all
}

// full reports whether q has as many requests as it may when n sources share.
func (p *Planner) full(now time.Duration, q *source, n int) bool {
	if q.origin != nil {
		return len(q.reqs) >= p.originWindow(now, q)
	}
	return len(q.reqs) >= p.room(q, n)
}

// room returns how many blocks may be in flight at q when n sources share.
func (p *Planner) room(q *source, n int) int {
	if q.doubted() {
		return 1
	}
	if q.size == 0 {
		return max(p.cfg.StartWindow, p.cfg.Few/n)
	}
	size := q.size
	if q.interval < 2*p.cfg.Ahead {
		// With few sources each must carry more, also one that has been slow: it
		// is asked as soon as those who kept it busy are done.
		size = max(size, 2*p.cfg.Few/n)
	}
	return min(size, max(p.cfg.MaxWindow, 4*p.cfg.Few/n))
}
