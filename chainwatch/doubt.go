package chainwatch

import (
	"time"

	"camswarm/verify"
)

// sustained measures for how long start quorums have said something, over
// restarts: the sum of the times between looks that heard it, each of them
// measured by the device's own clock.
//
// Heads must go on in step with that clock. Endpoints that are frozen agree with
// one another for ever without knowing anything, and those that catch up after
// a restore from a backup pass through the past faster than it went by.
type sustained struct {
	Since uint64        // chain time when it was heard first
	For   time.Duration // how long it was heard since

	// Of this run; zero after a restart.
	first     time.Time // when it was heard first
	firstHead uint64    // and the chain time then
	last      time.Time // when it was heard last
	opposed   bool      // somebody contradicted it then
}

// observe takes note of what a quorum said in a look with the head at chain time
// head; same: it is what was heard before. It reports whether the look counts.
//
// A look that does not fit is passed over: a few operators can spoil single
// looks, when honest ones lag or are down. When nothing fits for a while, it
// begins anew with what is said then.
func (s *sustained) observe(head uint64, same, opposed bool, now time.Time, maxStale time.Duration) bool {
	switch {
	case s.Since == 0:
		*s = sustained{Since: head}
	case same && s.inStep(head, now, maxStale):
		if !s.first.IsZero() {
			s.For += credit(min(now.Sub(s.last), maxCredit), opposed)
		}
	case s.last.IsZero():
		s.last = now
		return false
	case now.Sub(s.last) > 2*maxCredit:
		*s = sustained{Since: head}
	default:
		return false
	}
	if s.first.IsZero() {
		s.first, s.firstHead = now, head
	}
	s.last, s.opposed = now, opposed
	return true
}

// credit is what counts of a time in which something was heard.
func credit(d time.Duration, opposed bool) time.Duration {
	if opposed {
		d /= opposedFactor
	}
	return d
}

func (s *sustained) inStep(head uint64, now time.Time, maxStale time.Duration) bool {
	slack := seconds(maxStale)
	if slack == 0 {
		return true
	}
	if head+slack < s.Since+seconds(s.For) {
		return false
	}
	return s.first.IsZero() ||
		head+slack >= s.firstHead+seconds(now.Sub(s.first)) &&
			head <= s.firstHead+seconds(awake(s.first, now))+slack
}

// A doubt is the evidence against what was accepted before: that start quorums
// keep saying something else. Whatever was accepted is protected only as long as
// it can still be true; a lie must not outlive its liars.
type doubt struct {
	sustained
	Rev     uint64   // that they said last
	Digest  [32]byte // of the chain at Rev
	content [32]byte // of the answer; zero after a restart
}

// observe takes note of what a start quorum says instead. Claims must follow
// from one another as views of one chain do.
func (d *doubt) observe(claim *verify.View, content [32]byte, opposed bool, now time.Time, maxStale time.Duration) {
	if d.settled() {
		return
	}
	same := claim.Rev > d.Rev ||
		claim.Rev == d.Rev && claim.Digest == d.Digest && (content == d.content || d.content == [32]byte{})
	if d.sustained.observe(claim.Time, same, opposed, now, maxStale) {
		d.Rev, d.Digest, d.content = claim.Rev, claim.Digest, content
	}
}

// settled reports that what was accepted is refuted.
func (d *doubt) settled() bool { return d.For >= refuteFor }

// left is how long quorums must go on, if nobody contradicts them.
func (d *doubt) left() time.Duration { return max(refuteFor-d.For, 0).Round(time.Minute) }
