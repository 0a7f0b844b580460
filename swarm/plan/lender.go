package plan

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"
)

// LenderConfig tunes a Lender. Measured with one seed at 100 Mbit/s that is
// connected to 20 to 500 cameras at 20 up and 50 down; see sim/flow.
type LenderConfig struct {
	// Open is the number of connected peers that may still need the file, up
	// to which nothing is rationed. A camera, which has 16 connections at
	// most, never rations; a seed does in a crowd. In the model a seed at 100
	// Mbit/s gains nothing from it with 50 cameras, 1 % with 70, 8 % with 100;
	// one at 1 Gbit/s loses 7, 4 and 2 %.
	Open int

	// Ahead is how much may be disclosed and not sent yet, as time of the
	// uplink. More is a longer queue for everyone; less lets the uplink idle
	// while the answers to offers travel.
	Ahead time.Duration

	// StartWindow, MinWindow and MaxWindow bound the same in bytes, before and
	// after the speed of the uplink is known.
	StartWindow, MinWindow, MaxWindow int64

	// PerPeer is how many blocks a peer is offered at first. The number
	// doubles as it takes them, up to its share of the window.
	PerPeer int

	// Stale is how long an offer that nobody takes up counts.
	Stale time.Duration
}

// DefaultLenderConfig returns the measured defaults.
func DefaultLenderConfig() LenderConfig {
	return LenderConfig{
		Open:        48,
		Ahead:       450 * time.Millisecond,
		StartWindow: 3 << 20,
		MinWindow:   256 << 10,
		MaxWindow:   32 << 20,
		PerPeer:     8,
		Stale:       400 * time.Millisecond,
	}
}

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

	peers  []*borrower // in the order of their arrival, for repeatable choices
	byKey  map[PeerKey]*borrower
	lend   bool // rationing
	fresh  []int
	greets bool // a peer came, took interest or changed otherwise: look at all

	window  int64
	rate    float64       // bytes per second of the uplink when it was busy
	queue   time.Duration // smoothed time from a request to the report of its arrival
	waits   time.Duration // smoothed part of it that was spent waiting
	waited  int           // samples of that since the window was doubled
	timing  bool          // since busyAt
	busyAt  time.Duration // the measurement in progress began
	busy    int64         // bytes that arrived since
	pending int           // requests that were not answered yet

	out []Offer
}

type borrower struct {
	key        PeerKey
	interested bool
	barred     bool
	reports    bool // wants to hear of everything we get, because it lends
	toldAll    bool
	hinted     bool
	told       Bitset // disclosed to it
	has        Bitset // it has said so
	held       int
	offers     []openOffer   // told and not known to be there, oldest first
	limit      int           // of offers
	quickest   time.Duration // from a request to the report of its arrival
	taken      int           // since the limit was raised
}

type openOffer struct {
	unit  int
	since time.Duration
	asked bool
}

// NewLender returns a Lender for units of the given sizes, none of which is
// held.
func NewLender(cfg LenderConfig, sizes []int32, rng *rand.Rand) *Lender {
	return &Lender{
		cfg: cfg, rng: rng, sizes: sizes, window: cfg.StartWindow,
		have: NewBitset(len(sizes)), copies: make([]uint16, len(sizes)),
		byKey: make(map[PeerKey]*borrower),
	}
}

// Has tells that a unit is held.
func (l *Lender) Has(unit int) {
	if !l.have.Has(unit) {
		l.have.Set(unit)
		l.held++
		l.fresh = append(l.fresh, unit)
	}
}

// Lost tells that a unit is not held any more. Everything that was told has to
// be withdrawn first.
func (l *Lender) Lost(unit int) {
	if l.have.Has(unit) {
		l.have.Clear(unit)
		l.held--
	}
	l.Withdrawn()
}

// Withdrawn tells that all peers were told that nothing is held.
func (l *Lender) Withdrawn() {
	for _, q := range l.peers {
		l.forget(q)
	}
	l.greets = true
}

// forget takes back what q was told.
func (l *Lender) forget(q *borrower) {
	for _, o := range q.offers {
		l.copies[o.unit]--
		if o.asked {
			l.pending--
		}
	}
	q.offers, q.toldAll, q.limit, q.taken = nil, false, 0, 0
	clear(q.told)
}

// PeerJoined tells that a peer is connected.
func (l *Lender) PeerJoined(key PeerKey) { l.peer(key) }

func (l *Lender) peer(key PeerKey) *borrower {
	q := l.byKey[key]
	if q == nil {
		q = &borrower{key: key, told: NewBitset(len(l.sizes)), has: NewBitset(len(l.sizes))}
		l.byKey[key] = q
		l.peers = append(l.peers, q)
		l.greets = true
	}
	return q
}

// PeerGone tells that a peer disconnected.
func (l *Lender) PeerGone(key PeerKey) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	for _, o := range q.offers {
		l.copies[o.unit]--
		if o.asked {
			l.pending--
		}
	}
	q.has.Each(func(u int) { l.copies[u]-- })
	delete(l.byKey, key)
	l.peers = slices.DeleteFunc(l.peers, func(o *borrower) bool { return o == q })
	l.greets = true
}

// PeerInterested tells that a peer fetches the file, or holds it.
func (l *Lender) PeerInterested(key PeerKey) {
	if q := l.peer(key); !q.interested {
		q.interested = true
		l.greets = true
	}
}

// PeerLends tells whether a peer rations what it discloses. Such a peer is told
// everything that is held, also what came from it.
func (l *Lender) PeerLends(key PeerKey, lends bool) {
	if q := l.peer(key); q.reports != lends {
		q.reports = lends
		l.greets = true
	}
}

// PeerBarred tells whether a peer may not be served. It is told nothing.
func (l *Lender) PeerBarred(key PeerKey, barred bool) {
	if q := l.peer(key); q.barred != barred {
		q.barred = barred
		l.greets = true
	}
}

// PeerHas tells that a peer claims units.
func (l *Lender) PeerHas(now time.Duration, key PeerKey, units ...int) {
	q := l.peer(key)
	for _, u := range units {
		if u >= 0 && u < len(l.sizes) {
			l.owns(now, q, u)
		}
	}
	l.PeerInterested(key)
}

// PeerHasAll tells that a peer claims every unit.
func (l *Lender) PeerHasAll(now time.Duration, key PeerKey) {
	q := l.peer(key)
	for u := range l.sizes {
		l.owns(now, q, u)
	}
	l.PeerInterested(key)
}

// PeerHasNone tells that a peer has withdrawn its claims.
func (l *Lender) PeerHasNone(key PeerKey) {
	q := l.peer(key)
	q.has.Each(func(u int) { l.copies[u]-- })
	clear(q.has)
	q.held, q.interested = 0, false
	l.greets = true
}

// owns notes that q holds a unit and closes the offer of it.
func (l *Lender) owns(now time.Duration, q *borrower, unit int) {
	if !q.has.Has(unit) {
		q.has.Set(unit)
		q.held++
		l.copies[unit]++
		if q.held == len(l.sizes) {
			l.greets = true
		}
	}
	if i := q.offer(unit); i >= 0 {
		l.copies[unit]--
		if o := q.offers[i]; o.asked {
			l.busy += int64(l.sizes[unit])
			l.time(q, now-o.since)
			l.answered(now)
		}
		q.offers = slices.Delete(q.offers, i, i+1)
		q.taken++
	}
}

// time takes the time from a request of q to the report of its arrival into
// account. What it takes longer than the fastest was spent in a queue.
func (l *Lender) time(q *borrower, d time.Duration) {
	l.queue += (d - l.queue) / 8
	if q.quickest > 0 {
		l.waits += (max(d-q.quickest, 0) - l.waits) / 16
		l.waited++
	}
	if q.quickest == 0 || d < q.quickest {
		q.quickest = d
	}
}

func (q *borrower) offer(unit int) int {
	return slices.IndexFunc(q.offers, func(o openOffer) bool { return o.unit == unit })
}

// Asked tells that a peer has requested a unit.
func (l *Lender) Asked(now time.Duration, key PeerKey, unit int) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	if i := q.offer(unit); i >= 0 && !q.offers[i].asked {
		q.offers[i].asked, q.offers[i].since = true, now
		if l.pending++; l.pending == 1 {
			l.timing = false
		}
	}
}

// Cancelled tells that a peer has withdrawn a request.
func (l *Lender) Cancelled(now time.Duration, key PeerKey, unit int) {
	q := l.byKey[key]
	if q == nil {
		return
	}
	if i := q.offer(unit); i >= 0 && q.offers[i].asked {
		q.offers[i].asked = false
		l.answered(now)
	}
}

// answered measures the uplink: bytes that arrived while requests were waiting.
func (l *Lender) answered(now time.Duration) {
	l.pending--
	if !l.timing { // the time until the first arrival is round trips
		l.timing, l.busyAt, l.busy = true, now, 0
		return
	}
	if dt := (now - l.busyAt).Seconds(); dt >= 0.1 && l.busy > 0 {
		r := float64(l.busy) / dt
		if l.rate == 0 {
			l.rate = r
		} else {
			l.rate += (r - l.rate) / 2
		}
		l.busyAt, l.busy = now, 0
		old := l.window
		l.window = max(int64(l.rate*l.cfg.Ahead.Seconds()), l.cfg.MinWindow)
		if l.waited >= idleSamples && l.waits < idleWait {
			// Nothing waits for the uplink: it could send more.
			l.window = max(l.window, 2*old)
			l.waited = 0
		}
		l.window = min(l.window, l.cfg.MaxWindow)
	}
}

// The window is doubled when, over idleSamples blocks, less than idleWait was
// spent waiting for the uplink.
const (
	idleSamples = 16
	idleWait    = 60 * time.Millisecond
)

// Lends reports whether the file is rationed now.
func (l *Lender) Lends() bool { return l.lend }

// Disclose marks everything that may be disclosed to a peer now as told, and
// returns it: all units that are held, or what it was told while rationed. With
// all, the list is empty and means every unit; with lends, more is held than
// told.
func (l *Lender) Disclose(now time.Duration, key PeerKey) (told []int, all, lends bool) {
	q := l.peer(key)
	l.look(now)
	if l.lend && !q.toldAll {
		if !q.hinted && !q.interested && len(q.offers) == 0 && l.counted(now) < l.window/2 {
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
	patience := time.Duration(1 << 62)
	if l.rate > 0 {
		// Requests of peers that are slower than the rest do not count for ever.
		wait := float64(l.pending) * float64(l.sizes[0]) / l.rate
		patience = max(time.Second, 3*l.queue, time.Duration(3*wait*float64(time.Second)))
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
	if 2*asked < l.window {
		old = 0
	}
	return asked + young + old
}

// look decides whether to ration.
func (l *Lender) look(now time.Duration) {
	if !l.greets {
		return
	}
	l.greets = false
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
	l.look(now)
	if !l.lend {
		for _, u := range l.fresh {
			for _, q := range l.peers {
				if q.interested && !q.barred && l.news(q, u>>6)&(1<<(u&63)) != 0 {
					l.tell(q, u)
				}
			}
		}
		l.fresh = l.fresh[:0]
		if l.held == len(l.sizes) {
			l.finish()
		}
		return l.out
	}
	l.fresh = l.fresh[:0]
	open := l.counted(now)
	lack := 0
	for _, q := range l.peers {
		if q.interested && q.held < len(l.sizes) {
			lack++
		}
	}
	if lack == 0 {
		return l.out
	}
	share := max(int(l.window/int64(l.sizes[0]))/lack, l.cfg.PerPeer)
	for open < l.window {
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
	return l.out
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
	best, few, ties := -1, uint16(0), uint64(0)
	for w := range l.have {
		for x := l.have[w] &^ q.has[w] &^ q.told[w]; x != 0; x &= x - 1 {
			u := w<<6 + bits.TrailingZeros64(x)
			switch c := l.copies[u]; {
			case best < 0 || c < few:
				best, few, ties = u, c, 1
			case c == few:
				if ties++; l.rng.Uint64N(ties) == 0 {
					best = u
				}
			}
		}
	}
	return best
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
