package hostile

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// Stats counts what a hostile peer has tried.
type Stats struct {
	Dials    int64 // connections to victims that came about
	Refused  int64 // dials that did not
	Dropped  int64 // connections that ended
	Peak     int64 // most victims connected at one time
	Claims   int64 // possession messages sent
	Wants    int64 // blocks that it was asked for
	Wrong    int64 // blocks with wrong bytes sent
	Genuine  int64 // bytes of genuine blocks sent
	Refusals int64 // DONT_HAVEs sent
	Asked    int64 // wants sent
	Taken    int64 // bytes of blocks received
	Gossiped int64 // announcements sent
	Swallows int64 // announcements heard and not passed on
}

// Plus adds up two counts; peaks are added too.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Dials: s.Dials + o.Dials, Refused: s.Refused + o.Refused, Dropped: s.Dropped + o.Dropped, Peak: s.Peak + o.Peak,
		Claims: s.Claims + o.Claims, Wants: s.Wants + o.Wants, Wrong: s.Wrong + o.Wrong, Genuine: s.Genuine + o.Genuine,
		Refusals: s.Refusals + o.Refusals, Asked: s.Asked + o.Asked, Taken: s.Taken + o.Taken,
		Gossiped: s.Gossiped + o.Gossiped, Swallows: s.Swallows + o.Swallows,
	}
}

// String names what is not zero.
func (s Stats) String() string {
	var out []string
	for _, e := range []struct {
		n    int64
		what string
	}{
		{s.Dials, "connections made"}, {s.Peak, "at one time"}, {s.Refused, "dials refused"}, {s.Dropped, "connections lost"},
		{s.Claims, "claims"}, {s.Wants, "wants received"}, {s.Wrong, "wrong blocks sent"}, {s.Genuine, "genuine bytes sent"},
		{s.Refusals, "DONT_HAVEs"}, {s.Asked, "wants sent"}, {s.Taken, "bytes taken"},
		{s.Gossiped, "announcements sent"}, {s.Swallows, "announcements swallowed"},
	} {
		if e.n != 0 {
			out = append(out, fmt.Sprintf("%d %s", e.n, e.what))
		}
	}
	return strings.Join(out, ", ")
}

type counters struct {
	dials, refused, dropped, peak, claims, wants, wrong, genuine, refusals, asked, taken, gossiped, swallows atomic.Int64
}

func (c *counters) stats() Stats {
	return Stats{
		Dials: c.dials.Load(), Refused: c.refused.Load(), Dropped: c.dropped.Load(), Peak: c.peak.Load(), Claims: c.claims.Load(),
		Wants: c.wants.Load(), Wrong: c.wrong.Load(), Genuine: c.genuine.Load(), Refusals: c.refusals.Load(),
		Asked: c.asked.Load(), Taken: c.taken.Load(), Gossiped: c.gossiped.Load(), Swallows: c.swallows.Load(),
	}
}
