package plan

import (
	"math/bits"
	"time"
)

// Disclose returns everything that a peer may know now, and records that it was
// told: all units that are held or, where the file is rationed, what was named to
// it so far. With all, the list is empty and means every unit; with lends, more
// is held than told.
func (l *Lender) Disclose(now time.Duration, key PeerKey) (told []int, all, lends bool) {
	q := l.peer(key)
	l.look()
	if l.lend && !q.toldAll {
		if !q.hinted && !q.interested && len(q.offers) == 0 && l.counted(now) < l.uplink.window/2 {
			q.hinted = true
			if u := l.rarest(q); u >= 0 {
				l.disclose(now, q, u)
			}
		}
		return q.told.members(), false, true
	}
	copy(q.told, l.have)
	if q.toldAll = l.held == len(l.sizes); q.toldAll {
		return nil, true, false
	}
	return q.told.members(), false, false
}

// counted returns the bytes that are offered, not there yet, and worth waiting
// for. Offers that nobody takes up count for a short time, or as long as there
// is enough else to send.
func (l *Lender) counted(now time.Duration) int64 {
	patience := forever
	if l.uplink.rate > 0 {
		// Requests of peers that are slower than the rest do not count for ever.
		wait := float64(l.uplink.pending) * float64(l.sizes[0]) / l.uplink.rate
		patience = max(time.Second, 3*l.uplink.queue, time.Duration(3*wait*float64(time.Second)))
	}
	var asked, young, old int64
	for _, q := range l.peers {
		for _, o := range q.offers {
			n := int64(l.sizes[o.unit])
			switch age := now - o.since; {
			case o.asked && age < patience:
				asked += n
			case o.asked:
			case age < l.cfg.Stale:
				young += n
			default:
				old += n
			}
		}
	}
	if 2*asked < l.uplink.window {
		old = 0
	}
	return asked + young + old
}

// look decides whether to ration, when peers have changed.
func (l *Lender) look() {
	if !l.stale {
		return
	}
	l.stale = false
	potential := 0
	for _, q := range l.peers {
		if q.held < len(l.sizes) && !q.barred {
			potential++
		}
	}
	l.lend = l.held == len(l.sizes) && potential > l.cfg.Open
	// Peers that came, and units that are news to those who had everything.
	l.fresh = l.fresh[:0]
	if l.lend {
		return
	}
	for _, q := range l.peers {
		if !q.interested || q.barred || q.toldAll {
			continue
		}
		if l.held == len(l.sizes) {
			q.toldAll = true
			copy(q.told, l.have)
			if q.held < len(l.sizes) || q.reports {
				l.out = append(l.out, Offer{Peer: q.key, All: true})
			}
			continue
		}
		for w := range l.have {
			for x := l.news(q, w); x != 0; x &= x - 1 {
				l.tell(q, w<<6+bits.TrailingZeros64(x))
			}
		}
	}
}

// news returns word w of the units that q is to be told.
func (l *Lender) news(q *borrower, w int) uint64 {
	x := l.have[w] &^ q.told[w]
	if !q.reports {
		x &^= q.has[w]
	}
	return x
}

// tell tells q of a unit.
func (l *Lender) tell(q *borrower, unit int) {
	q.told.Set(unit)
	l.out = append(l.out, Offer{Peer: q.key, Unit: unit})
}

// disclose tells q of a unit and counts it as an open offer.
func (l *Lender) disclose(now time.Duration, q *borrower, unit int) {
	q.told.Set(unit)
	q.offers = append(q.offers, openOffer{unit: unit, since: now})
	l.copies[unit]++
}

// Offers returns what is to be told to whom now.
func (l *Lender) Offers(now time.Duration) []Offer {
	l.out = nil
	l.look()
	if l.lend {
		l.ration(now)
	} else {
		l.tellAll()
	}
	l.fresh = l.fresh[:0]
	return l.out
}

// tellAll tells everybody of the units that have come.
func (l *Lender) tellAll() {
	for _, u := range l.fresh {
		for _, q := range l.peers {
			if q.interested && !q.barred && l.news(q, u>>6)&(1<<(u&63)) != 0 {
				l.tell(q, u)
			}
		}
	}
	if l.held == len(l.sizes) {
		l.finish()
	}
}

// ration names units to those who need them most, as many as the uplink can send
// soon.
func (l *Lender) ration(now time.Duration) {
	open := l.counted(now)
	lack := 0
	for _, q := range l.peers {
		if q.interested && q.held < len(l.sizes) {
			lack++
		}
	}
	if lack == 0 {
		return
	}
	share := max(int(l.uplink.window/int64(l.sizes[0]))/lack, l.cfg.PerPeer)
	for open < l.uplink.window {
		q := l.neediest(share)
		if q == nil {
			break
		}
		u := l.rarest(q)
		if u < 0 {
			q.toldAll = true
			continue
		}
		l.disclose(now, q, u)
		l.out = append(l.out, Offer{Peer: q.key, Unit: u})
		open += int64(l.sizes[u])
	}
}

// finish tells those who still fetch that everything is here.
func (l *Lender) finish() {
	for _, q := range l.peers {
		if q.interested && !q.barred && !q.toldAll {
			q.toldAll = true
			copy(q.told, l.have)
			l.out = append(l.out, Offer{Peer: q.key, All: true})
		}
	}
}

// neediest returns the peer that holds least among those that may be offered
// more.
func (l *Lender) neediest(share int) *borrower {
	var best *borrower
	least, ties := 0, uint64(0)
	for _, q := range l.peers {
		if !q.interested || q.barred || q.toldAll {
			continue
		}
		if q.limit == 0 {
			q.limit = max(l.cfg.PerPeer, share/4)
		} else if q.taken >= q.limit {
			q.limit, q.taken = 2*q.limit, 0
		}
		q.limit = min(q.limit, share)
		if len(q.offers) >= q.limit {
			continue
		}
		switch n := q.held + len(q.offers); {
		case best == nil || n < least:
			best, least, ties = q, n, 1
		case n == least:
			if ties++; l.rng.Uint64N(ties) == 0 {
				best = q
			}
		}
	}
	return best
}

// rarest returns the unit of which there are the fewest copies among those that
// q was not told of and does not hold, -1 if there is none.
func (l *Lender) rarest(q *borrower) int {
	return fewest(l.rng, len(l.have), func(w int) uint64 { return l.have[w] &^ q.has[w] &^ q.told[w] }, l.copies)
}

// Next returns how long after now Offers has to be called if nothing happens
// before, and false if it need not be.
func (l *Lender) Next(now time.Duration) (time.Duration, bool) {
	if !l.lend {
		return 0, false
	}
	for _, q := range l.peers {
		if q.interested && !q.barred && !q.toldAll && len(q.offers) < max(q.limit, 1) {
			return LenderTick, true
		}
	}
	return 0, false
}
