package chainwatch

import (
	"crypto/tls"
	"time"

	"camswarm/chainwatch/internal/web"
)

// TLSConfig returns how certificates of a host are checked on a device that may have
// no clock: as usual, but for their dates where the clock is certainly wrong.
func TLSConfig(host string) *tls.Config { return web.TLSConfig(host, nil, time.Now) }

// A clock bounds the time that the chain can have by now, from what quorums said
// earlier and the device's monotonic clock since. The wall clock has next to no
// part in it: a camera's may be wrong by decades in either direction.
//
// Both rest on the first head of this run, since a device may have been off for
// years: with every later head they would creep on, by a little for each lie.
// Heads are the oldest of their quorums, which fewer liars than a start quorum
// cannot put ahead.
type clock struct {
	floor   uint64 // the chain's time was at least this at floorAt
	floorAt time.Time

	ceiling   uint64 // the chain's time was about this at ceilingAt; 0: not known in this run
	ceilingAt time.Time

	beyond sustained // heads that a start quorum reports above the upper bound
}

// drift is the largest error of an oscillator that the bounds allow for: one
// part of this many. Cheap quartz is off by a tenth of it.
const drift = 1000

// started takes over what is known from before a restart.
func (c *clock) started(floor uint64, now time.Time) {
	*c = clock{floor: floor, floorAt: now}
}

// least returns the earliest time that the chain can have; 0: unknown.
func (c *clock) least(now time.Time) uint64 {
	if c.floor == 0 {
		return 0
	}
	d := now.Sub(c.floorAt)
	return c.floor + seconds(d-d/drift)
}

// most returns the latest time that the chain can have; 0: unknown. Heads may
// lag by maxStale where the ceiling was read, and by as much where the next one
// is; a chain that makes blocks on demand only (maxStale 0) has no bound.
func (c *clock) most(now time.Time, maxStale time.Duration) uint64 {
	if c.ceiling == 0 || maxStale == 0 {
		return 0
	}
	d := awake(c.ceilingAt, now)
	return c.ceiling + seconds(d+d/drift+2*maxStale)
}

// accepted takes note of the head that a start quorum has at least. One above
// the upper bound counts only once quorums have reported it, in step with the
// device's own clock, for refuteFor.
func (c *clock) accepted(head uint64, now time.Time, maxStale time.Duration) {
	most := c.most(now, maxStale)
	switch {
	case c.ceiling == 0:
		c.ceiling, c.ceilingAt = head, now
	case most != 0 && head > most:
		c.beyond.observe(head, true, false, now, maxStale)
		if c.beyond.For >= refuteFor {
			c.ceiling, c.ceilingAt = head, now
		}
	default:
		c.beyond = sustained{}
	}
	expected := c.ceiling + seconds(awake(c.ceilingAt, now))
	c.floor, c.floorAt = max(c.least(now), min(head, expected)), now
}

// ahead reports whether the last quorum's heads were above the upper bound, so
// that the next look tells more.
func (c *clock) ahead() bool { return !c.beyond.last.IsZero() }

// awake returns the time between two readings of a clock, with the time that
// the device was suspended, which the monotonic clock leaves out.
func awake(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// seconds rounds down; a negative duration counts as none.
func seconds(d time.Duration) uint64 { return uint64(max(d, 0) / time.Second) }
