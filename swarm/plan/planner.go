package plan

import (
	"math/rand/v2"
	"slices"
	"time"
)

// PeerKey names a peer to a Planner or Lender. Its user chooses the numbers.
type PeerKey int

// Action is what a Planner wants done: ask Peer for Unit or, with Cancel,
// withdraw that request. Joined units of an origin belong to one request with the
// unit before.
type Action struct {
	Cancel bool
	Joined bool
	Peer   PeerKey
	Unit   int
}

// Planner decides which block to ask of which peer, how many at a time, and
// when to ask again elsewhere. It is pure: events go in with a monotonic time
// that its user measures, actions come out. It does no I/O, reads no clock and
// draws random numbers only from the source it was given, so that a test, a
// simulator and a camera run the same decisions.
//
// Its unit of work is a distinct block; a block that repeats in a file is one
// unit. Every event costs at most one pass over the bitmaps of the peers (64
// words each at 4096 blocks) and one over the units that can be asked.
//
// What it knows is in four parts: the requests that are outstanding
// (requests.go), the speed of each peer and how many requests it may have
// (window.go), its failures (failures.go), and, from all of these, the choice of
// the next request (choice.go) and of requests to repeat elsewhere (hedge.go).
//
// A Planner is not safe for concurrent use.
type Planner struct {
	cfg PlannerConfig
	rng *rand.Rand

	requests
	have    Bitset   // units that are held
	missing int      // units that are not
	avail   []uint16 // peers that claim the unit

	peers    []*source // in the order of their arrival, for repeatable choices
	byKey    map[PeerKey]*source
	gone     []*source // left with a penalty
	origins  []*source // those of peers that are none, see origin.go
	failures []PeerKey // struck since Failures was called

	rate   int64         // bytes per second that may be asked for, 0: any
	paceAt time.Duration // with a rate: when the next unit may be asked for
	paused bool
	barred bool // from origins

	arrivals arrivals // from peers, not origins

	wanted, better, spare Bitset // scratch of choose
	kept                  Bitset // scratch of stretch
	out                   []Action
}

// source is what a Planner knows of a peer.
type source struct {
	key        PeerKey
	claims     Bitset
	claimed    int
	interested bool      // has said that it holds or fetches the file
	reqs       []request // in the order in which it was asked
	window
	record
	origin *origin // nil: a peer
	tier   tier    // scratch of choose
}

// NewPlanner returns a Planner for units of the given sizes in bytes, none of
// which is held. rng makes the random choices.
func NewPlanner(cfg PlannerConfig, sizes []int32, rng *rand.Rand) *Planner {
	return &Planner{
		cfg: cfg, rng: rng, requests: newRequests(sizes),
		have: NewBitset(len(sizes)), missing: len(sizes), avail: make([]uint16, len(sizes)),
		byKey:  make(map[PeerKey]*source),
		wanted: NewBitset(len(sizes)), better: NewBitset(len(sizes)), spare: NewBitset(len(sizes)),
		kept: NewBitset(len(sizes)),
	}
}

// Have records that a unit is held already. Call it before the first event.
func (p *Planner) Have(unit int) {
	if !p.have.Has(unit) {
		p.have.Set(unit)
		p.taken.Set(unit)
		p.missing--
	}
}

// Has reports whether a unit is held.
func (p *Planner) Has(unit int) bool { return p.have.Has(unit) }

// Missing returns the number of units that are not held.
func (p *Planner) Missing() int { return p.missing }

// InFlight returns the bytes that have been asked for and not arrived.
func (p *Planner) InFlight() int64 { return p.flight }

// Sources returns the number of peers that claim a missing unit and are
// neither excluded nor suspended.
func (p *Planner) Sources(now time.Duration) int {
	n := 0
	for _, q := range p.peers {
		if q.origin == nil && !q.excluded && now >= q.suspended && q.claims.exceeds(p.have) {
			n++
		}
	}
	return n
}

// SetRate limits the bytes per second that are asked for; 0 means no limit.
func (p *Planner) SetRate(now time.Duration, rate int64) []Action {
	p.rate = rate
	p.paceAt = now
	p.schedule(now)
	return p.drain()
}

// Pause stops new requests until it is called with false. What is in flight
// stays so.
func (p *Planner) Pause(now time.Duration, paused bool) []Action {
	p.paused = paused
	p.schedule(now)
	return p.drain()
}

// Bar stops new requests to origins until it is called with false.
func (p *Planner) Bar(now time.Duration, barred bool) []Action {
	p.barred = barred
	p.schedule(now)
	return p.drain()
}

// PeerJoined records that a peer is connected and may have units. Events of a
// peer that has not joined join it.
func (p *Planner) PeerJoined(_ time.Duration, key PeerKey) { p.peer(key) }

// PeerKnown records what is remembered of a peer from former fetches. A bad one
// failed more than it delivered: it is asked like one that has just failed, a
// block at a time, for what nobody else has or while there is plenty to do. A
// good one delivered, and took pace for a MiB, 0 if that is not known. Call it
// before the peer's first claim.
func (p *Planner) PeerKnown(_ time.Duration, key PeerKey, good, bad bool, pace time.Duration) {
	q := p.peer(key)
	q.trusted, q.remembered = good, pace*time.Duration(p.ref)/(1<<20)
	if bad {
		q.strikes = max(q.strikes, 1)
	}
}

// Interval returns the smoothed time between the arrivals of two full blocks of
// a peer, 0 if it is not known.
func (p *Planner) Interval(key PeerKey) time.Duration {
	if q := p.byKey[key]; q != nil {
		return q.interval
	}
	return 0
}

// Failures returns the peers that have stalled or claimed falsely since it was
// called last, one entry for each time.
func (p *Planner) Failures() []PeerKey {
	out := p.failures
	p.failures = nil
	return out
}

// PeerInterested records that a peer fetches the file, or holds it.
func (p *Planner) PeerInterested(_ time.Duration, key PeerKey) { p.peer(key).interested = true }

// PeerHas records that a peer claims units.
func (p *Planner) PeerHas(now time.Duration, key PeerKey, units ...int) []Action {
	q := p.peer(key)
	q.interested = true
	fresh := false
	for _, u := range units {
		fresh = p.claim(q, u) || fresh
	}
	if fresh {
		p.schedule(now)
	}
	return p.drain()
}

// PeerHasAll records that a peer claims every unit.
func (p *Planner) PeerHasAll(now time.Duration, key PeerKey) []Action {
	q := p.peer(key)
	q.interested = true
	for u := range p.sizes {
		p.claim(q, u)
	}
	p.schedule(now)
	return p.drain()
}

// PeerHasNone records that a peer has withdrawn its claims: it deleted the file.
func (p *Planner) PeerHasNone(now time.Duration, key PeerKey) []Action {
	q := p.peer(key)
	p.release(q, anyUnit)
	p.unclaimAll(q)
	p.schedule(now)
	return p.drain()
}

// PeerGone records that a peer disconnected. What was asked of it is asked of
// others. Its penalties are kept, so that it cannot shed them by reconnecting.
func (p *Planner) PeerGone(now time.Duration, key PeerKey) []Action {
	q := p.byKey[key]
	if q == nil {
		return nil
	}
	for _, r := range q.reqs {
		p.forget(r.unit, p.have) // no Cancel: there is nobody to send it to
	}
	q.reqs = nil
	p.unclaimAll(q)
	q.claims = nil
	q.interested, q.size = false, 0
	delete(p.byKey, key)
	p.peers = slices.DeleteFunc(p.peers, func(x *source) bool { return x == q })
	if q.excluded || q.doubted() {
		if len(p.gone) == maxGone {
			p.gone = slices.Delete(p.gone, 0, 1)
		}
		p.gone = append(p.gone, q)
	}
	p.schedule(now)
	return p.drain()
}

// Progress records how many bytes have been read from a peer so far. It tells a
// slow peer from a silent one long before a block is complete.
func (p *Planner) Progress(now time.Duration, key PeerKey, total int64) {
	if q := p.byKey[key]; q != nil && total > q.bytes {
		if q.bytes == q.markBytes {
			q.firstByte = now
		}
		q.bytes, q.lastByte, q.owed = total, now, 0
	}
}

// Received records that a unit has arrived from a peer and is stored. A negative
// key means that it came from elsewhere.
func (p *Planner) Received(now time.Duration, key PeerKey, unit int) []Action {
	q := p.byKey[key]
	if (q == nil || q.origin == nil) && !p.have.Has(unit) {
		p.arrivals.add(now, int64(p.sizes[unit]))
	}
	if q != nil {
		q.forgive()
		q.lastByte = now
		if i := q.find(unit); i >= 0 {
			l := q.reqs[i].lane
			if l == nil || q.streams() { // else that was the first byte of a range, mostly
				q.measure(&p.cfg, now, p.ref, int64(p.sizes[unit]))
			}
			if l != nil {
				q.arrived(now, l)
			}
			p.forget(unit, p.have)
			q.reqs = slices.Delete(q.reqs, i, i+1)
			q.mark, q.markBytes = now, q.bytes
		}
	}
	if !p.have.Has(unit) {
		p.have.Set(unit)
		p.missing--
	}
	p.taken.Set(unit)
	if p.asked[unit] > 0 {
		for _, q := range p.peers { // a hedge was lost, or an unasked peer was first
			if i := q.find(unit); i >= 0 {
				q.overtaken(now, q.reqs[i], 1)
				p.cancel(q, i)
			}
		}
		p.taken.Set(unit)
	}
	p.schedule(now)
	return p.drain()
}

// DontHave records that a peer answered a request with DONT_HAVE. It loses the
// claim; one that does so again and again is suspended.
func (p *Planner) DontHave(now time.Duration, key PeerKey, unit int) []Action {
	q := p.byKey[key]
	if q == nil {
		return nil
	}
	if q.claims.Has(unit) {
		q.claims.Clear(unit)
		q.claimed--
		p.avail[unit]--
	}
	i := q.find(unit)
	if i < 0 {
		return nil
	}
	q.refused++
	// The Cancel matters: bitswap keeps a want that it answered with DONT_HAVE
	// and sends the block when it gets it, which is most of the duplicates of
	// a stock session.
	p.cancel(q, i)
	if q.refused >= refusals && q.refused > q.delivered {
		p.strike(now, q)
	}
	p.schedule(now)
	return p.drain()
}

// Wrong records that a peer sent wrong bytes. It is not asked again.
func (p *Planner) Wrong(now time.Duration, key PeerKey) []Action {
	q := p.peer(key)
	q.excluded = true
	p.release(q, anyUnit)
	p.unclaimAll(q)
	p.schedule(now)
	return p.drain()
}

// Lost records that a unit that was held is not held any more: it was found
// damaged on disk.
func (p *Planner) Lost(now time.Duration, unit int) []Action {
	if p.have.Has(unit) {
		p.have.Clear(unit)
		p.missing++
		if p.asked[unit] == 0 {
			p.taken.Clear(unit)
		}
		p.schedule(now)
	}
	return p.drain()
}

// Tick looks for silent and slow peers. Call it when Next says so.
func (p *Planner) Tick(now time.Duration) []Action {
	p.reap(now)
	p.schedule(now)
	p.hedge(now)
	return p.drain()
}

// Next returns how long after now Tick has to be called, and false if it need
// not be called before the next event.
func (p *Planner) Next(now time.Duration) (time.Duration, bool) {
	if p.missing == 0 {
		return 0, false
	}
	next, ok := PlannerTick, p.flight > 0
	for _, q := range p.peers {
		if q.suspended > now && q.claimed > 0 && (!ok || q.suspended-now < next) {
			next, ok = q.suspended-now, true
		}
	}
	if !ok && p.originGrows() {
		next, ok = PlannerTick, true
	}
	if p.rate > 0 && p.paceAt > now && !p.paused && (!ok || p.paceAt-now < next) {
		next, ok = p.paceAt-now, true
	}
	return max(next, time.Millisecond), ok
}

// Cancel withdraws everything that is in flight: the fetch ends.
func (p *Planner) Cancel() []Action {
	for _, q := range p.peers {
		p.release(q, anyUnit)
	}
	return p.drain()
}

// peer returns the source with a key, a new one if it has not joined.
func (p *Planner) peer(key PeerKey) *source {
	if q := p.byKey[key]; q != nil {
		return q
	}
	var q *source
	if i := slices.IndexFunc(p.gone, func(g *source) bool { return g.key == key }); i >= 0 {
		q = p.gone[i]
		p.gone = slices.Delete(p.gone, i, i+1)
	} else {
		q = &source{key: key}
	}
	q.claims = NewBitset(len(p.sizes))
	p.byKey[key] = q
	p.peers = append(p.peers, q)
	return q
}

// claim records that q claims a unit and reports whether that could be asked for.
func (p *Planner) claim(q *source, unit int) bool {
	if q.excluded || unit < 0 || unit >= len(p.sizes) || q.claims.Has(unit) {
		return false
	}
	q.claims.Set(unit)
	q.claimed++
	p.avail[unit]++
	return !p.taken.Has(unit)
}

func (p *Planner) unclaimAll(q *source) {
	q.claims.Each(func(u int) { p.avail[u]-- })
	clear(q.claims)
	q.claimed = 0
}

func (p *Planner) drain() []Action {
	out := p.out
	p.out = nil
	return out
}
