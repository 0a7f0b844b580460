package plan

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Offer is news for a peer: that we hold a unit or, with All, whatever is
// held and was not told before.
type Offer struct {
	Peer PeerKey
	Unit int
	All  bool
}

// Lender decides which units of a file are disclosed to which peer, and when.
//
// A node with few neighbours tells all of them everything. If a seed did so in
// a flash crowd, hundreds of cameras would queue for the same few blocks at it,
// and have nothing to give to one another until their turn came. So it lends:
// it names each peer a few units, different ones to each, those of which there
// are the fewest copies first, to those who hold least first, and more as they
// are taken. Its uplink stays busy with a short queue, every block that it
// sends is news to many, and the cameras get the rest from each other.
//
// Nobody is starved: what was named can be asked for at any time, and a peer
// that takes what it was offered is offered more until it has been told
// everything. A peer that takes nothing holds up no other.
//
// Like a Planner it is pure: events go in, offers come out. It is not safe for
// concurrent use.
type Lender struct {
	cfg   LenderConfig
	rng   *rand.Rand
	sizes []int32

	have   Bitset
	held   int
	copies []uint16 // peers that hold the unit or have an open offer of it

	peers []*borrower // in the order of their arrival, for repeatable choices
	byKey map[PeerKey]*borrower
	lend  bool  // rationing
	fresh []int // units that came since peers were told
	stale bool  // a peer came, took interest or changed otherwise: look at all

	uplink uplink
	out    []Offer
}

// borrower is what a Lender knows of a peer.
type borrower struct {
	key        PeerKey
	interested bool
	barred     bool
	reports    bool   // wants to hear of everything we get, because it lends
	toldAll    bool   // knows of everything that is held
	hinted     bool   // was named a unit before it showed interest
	told       Bitset // disclosed to it
	has        Bitset // it has said so
	held       int
	offers     []openOffer   // told and not known to be there, oldest first
	limit      int           // of offers
	quickest   time.Duration // from a request to the report of its arrival
	taken      int           // since the limit was raised
}

// openOffer is a unit that a peer was told of and does not have yet.
type openOffer struct {
	unit  int
	since time.Duration
	asked bool
}

// NewLender returns a Lender for units of the given sizes, none of which is
// held.
func NewLender(cfg LenderConfig, sizes []int32, rng *rand.Rand) *Lender {
	return &Lender{
		cfg: cfg, rng: rng, sizes: sizes, uplink: uplink{window: cfg.StartWindow},
		have: NewBitset(len(sizes)), copies: make([]uint16, len(sizes)),
		byKey: make(map[PeerKey]*borrower),
	}
}

// Has records that a unit is held.
func (l *Lender) Has(unit int) {
	if !l.have.Has(unit) {
		l.have.Set(unit)
		l.held++
		l.fresh = append(l.fresh, unit)
	}
}

// Lost records that a unit is not held any more. Everything that was told has to
// be withdrawn first.
func (l *Lender) Lost(unit int) {
	if l.have.Has(unit) {
		l.have.Clear(unit)
		l.held--
	}
	l.Withdrawn()
}

// Withdrawn records that all peers were told that nothing is held.
func (l *Lender) Withdrawn() {
	for _, q := range l.peers {
		l.dropOffers(q)
		q.offers, q.toldAll, q.limit, q.taken = nil, false, 0, 0
		clear(q.told)
	}
	l.stale = true
}

// dropOffers no longer counts on what was offered to q.
func (l *Lender) dropOffers(q *borrower) {
	for _, o := range q.offers {
		l.copies[o.unit]--
		if o.asked {
			l.uplink.pending--
		}
	}
}

// PeerJoined records that a peer is connected.
func (l *Lender) PeerJoined(key PeerKey) { l.peer(key) }

func (l *Lender) peer(key PeerKey) *borrower {
	q := l.byKey[key]
	if q == nil {
		q = &borrower{key: key, told: NewBitset(len(l.sizes)), has: NewBitset(len(l.sizes))}
		l.byKey[key] = q
		l.peers = append(l.peers, q)
		l.stale = true
	}
	return q
}

// PeerGone records that a peer disconnected.
func (l *Lender) PeerGone(key PeerKey) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	l.dropOffers(q)
	q.has.Each(func(u int) { l.copies[u]-- })
	delete(l.byKey, key)
	l.peers = slices.DeleteFunc(l.peers, func(o *borrower) bool { return o == q })
	l.stale = true
}

// PeerInterested records that a peer fetches the file, or holds it.
func (l *Lender) PeerInterested(key PeerKey) {
	if q := l.peer(key); !q.interested {
		q.interested = true
		l.stale = true
	}
}

// PeerLends records whether a peer rations what it discloses. Such a peer is told
// everything that is held, also what came from it.
func (l *Lender) PeerLends(key PeerKey, lends bool) {
	if q := l.peer(key); q.reports != lends {
		q.reports = lends
		l.stale = true
	}
}

// PeerBarred records whether a peer may not be served. It is told nothing.
func (l *Lender) PeerBarred(key PeerKey, barred bool) {
	if q := l.peer(key); q.barred != barred {
		q.barred = barred
		l.stale = true
	}
}

// PeerHas records that a peer claims units.
func (l *Lender) PeerHas(now time.Duration, key PeerKey, units ...int) {
	q := l.peer(key)
	for _, u := range units {
		if u >= 0 && u < len(l.sizes) {
			l.owns(now, q, u)
		}
	}
	l.PeerInterested(key)
}

// PeerHasAll records that a peer claims every unit.
func (l *Lender) PeerHasAll(now time.Duration, key PeerKey) {
	q := l.peer(key)
	for u := range l.sizes {
		l.owns(now, q, u)
	}
	l.PeerInterested(key)
}

// PeerHasNone records that a peer has withdrawn its claims.
func (l *Lender) PeerHasNone(key PeerKey) {
	q := l.peer(key)
	q.has.Each(func(u int) { l.copies[u]-- })
	clear(q.has)
	q.held, q.interested = 0, false
	l.stale = true
}

// owns records that q holds a unit and closes the offer of it.
func (l *Lender) owns(now time.Duration, q *borrower, unit int) {
	if !q.has.Has(unit) {
		q.has.Set(unit)
		q.held++
		l.copies[unit]++
		if q.held == len(l.sizes) {
			l.stale = true
		}
	}
	if i := q.offer(unit); i >= 0 {
		l.copies[unit]--
		if o := q.offers[i]; o.asked {
			l.uplink.arrived(q, now-o.since, int64(l.sizes[unit]))
			l.uplink.answered(&l.cfg, now)
		}
		q.offers = slices.Delete(q.offers, i, i+1)
		q.taken++
	}
}

// offer returns the place of the open offer of a unit, -1 if there is none.
func (q *borrower) offer(unit int) int {
	return slices.IndexFunc(q.offers, func(o openOffer) bool { return o.unit == unit })
}

// Asked records that a peer has requested a unit.
func (l *Lender) Asked(now time.Duration, key PeerKey, unit int) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	if i := q.offer(unit); i >= 0 && !q.offers[i].asked {
		q.offers[i].asked, q.offers[i].since = true, now
		l.uplink.asked()
	}
}

// Cancelled records that a peer has withdrawn a request.
func (l *Lender) Cancelled(now time.Duration, key PeerKey, unit int) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	if i := q.offer(unit); i >= 0 && q.offers[i].asked {
		q.offers[i].asked = false
		l.uplink.answered(&l.cfg, now)
	}
}

// Named reports whether a peer was named a unit before it showed interest, so that it can
// ask as soon as it wants the file.
func (l *Lender) Named(key PeerKey) bool {
	q := l.byKey[key]
	return q != nil && q.hinted
}

// Lends reports whether the file is rationed now.
func (l *Lender) Lends() bool { return l.lend }
