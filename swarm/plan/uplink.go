package plan

import "time"

// uplink is what a Lender knows of the line that it lends through: how many bytes
// may be on offer so that it stays busy with a short queue.
type uplink struct {
	window int64         // bytes
	rate   float64       // bytes per second when it was busy
	queue  time.Duration // smoothed time from a request to the report of its arrival
	waits  time.Duration // smoothed part of it that was spent waiting
	waited int           // samples of that since the window was doubled

	pending int           // requests that were not answered yet
	timing  bool          // a measurement is in progress
	busyAt  time.Duration // when it began
	busy    int64         // bytes that arrived since
}

// asked records a request.
func (u *uplink) asked() {
	if u.pending++; u.pending == 1 {
		u.timing = false
	}
}

// arrived records the report that q has what it requested, n bytes, after d. What
// it takes longer than the fastest was spent in a queue.
func (u *uplink) arrived(q *borrower, d time.Duration, n int64) {
	u.busy += n
	u.queue += (d - u.queue) / 8
	if q.quickest > 0 {
		u.waits += (max(d-q.quickest, 0) - u.waits) / 16
		u.waited++
	}
	if q.quickest == 0 || d < q.quickest {
		q.quickest = d
	}
}

// answered records the end of a request and measures the line: bytes that arrived
// while requests were waiting.
func (u *uplink) answered(cfg *LenderConfig, now time.Duration) {
	u.pending--
	if !u.timing { // the time until the first arrival is round trips
		u.timing, u.busyAt, u.busy = true, now, 0
		return
	}
	dt := (now - u.busyAt).Seconds()
	if dt < 0.1 || u.busy == 0 {
		return
	}
	r := float64(u.busy) / dt
	if u.rate == 0 {
		u.rate = r
	} else {
		u.rate += (r - u.rate) / 2
	}
	u.busyAt, u.busy = now, 0
	old := u.window
	u.window = max(int64(u.rate*cfg.Ahead.Seconds()), cfg.MinWindow)
	if u.waited >= idleSamples && u.waits < idleWait {
		// Nothing waits for the uplink: it could send more.
		u.window = max(u.window, 2*old)
		u.waited = 0
	}
	u.window = min(u.window, cfg.MaxWindow)
}
