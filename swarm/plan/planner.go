package plan

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"
)

// PeerKey names a peer to a Planner. Its user chooses the numbers.
type PeerKey int

// Action is what a Planner wants done: ask Peer for Unit or, with Cancel,
// withdraw that request.
type Action struct {
	Cancel bool
	Peer   PeerKey
	Unit   int
}

// PlannerConfig tunes a Planner. The defaults come from the measurements that
// are named at each field; 6.2 MB, one seed at 100 Mbit/s, cameras at 20 up and
// 50 down, 10-150 ms of round trip, ten neighbours each.
type PlannerConfig struct {
	// Ahead is how much work is kept at a peer: as many blocks as arrive from
	// it in that time, and two if one takes less than twice of it. More hides
	// longer round trips; less leaves more blocks to be asked of a peer that
	// turns out to be faster: 100, 150, 200, 300 and 400 ms took 1.35, 1.27,
	// 1.25, 1.27 and 1.33 times the bound at p95.
	Ahead time.Duration

	// StartWindow and MaxWindow bound the blocks in flight per peer before
	// and after its speed is known. A larger start makes every neighbour of
	// the seed queue more blocks there, where copies are dearest. Both grow
	// when there are few sources, see Few.
	StartWindow, MaxWindow int

	// Few is the number of blocks in flight that the sources share when they
	// are too few to reach it with StartWindow each: a single source starts
	// with Few blocks and may have 4×Few, so that one long fat link is filled.
	Few int

	// MinInFlight and MaxInFlight bound the bytes in flight in all: half a
	// second of what arrives, clamped to these. At least two blocks are
	// always allowed. What was asked of peers that have fallen silent is not
	// counted, up to MaxInFlight once more.
	MinInFlight, MaxInFlight int64

	// Stall is how long a peer that was asked may send nothing at all before
	// its blocks are asked of others.
	Stall time.Duration

	// EndgameHedge is the age at which a request may be repeated at a second
	// peer when no other block is left to ask for.
	EndgameHedge time.Duration

	// SlowFactor is how many times longer than a second peer would need a
	// request must have waited, and will still take, before it is repeated there.
	SlowFactor float64

	// MaxHedges bounds the blocks that are asked of two peers at once. Each
	// may arrive twice.
	MaxHedges int

	// JoinGrace is how long peers that may have blocks, but have not said so,
	// count as sources when Few is shared out. In a flash crowd every
	// neighbour of the seed would otherwise believe itself alone with it.
	JoinGrace time.Duration
}

// DefaultPlannerConfig returns the measured defaults.
func DefaultPlannerConfig() PlannerConfig {
	return PlannerConfig{
		Ahead:        200 * time.Millisecond,
		StartWindow:  2,
		MaxWindow:    32,
		Few:          16,
		MinInFlight:  1 << 20,
		MaxInFlight:  4 << 20,
		Stall:        4 * time.Second,
		EndgameHedge: 250 * time.Millisecond,
		SlowFactor:   3,
		MaxHedges:    16,
		JoinGrace:    2 * time.Second,
	}
}

const (
	// guess is the assumed time per block of a peer that has delivered
	// nothing yet: faster than most, so that new peers are tried.
	guess = 100 * time.Millisecond

	// hardStall ends a request at a silent peer when nobody else has the
	// block, on top of the time that the block takes at hardRate.
	hardStall = 30 * time.Second
	hardRate  = 4096 // bytes per second: half of a 64 kbit/s link

	// A peer is slow, and asked only for what no other has, when a block takes
	// it over slowMin and slowTimes the time of the fastest.
	slowMin   = 2 * time.Second
	slowTimes = 10

	// A peer is unproven until it has delivered a block of this fetch: its claims
	// are words. What was asked of one longer than unprovenFlight ago does not
	// count as in flight, so that words cannot hold back real sources; and one
	// that sends nothing for unprovenStall, or slowTimes what the fastest takes
	// for a block if that is more, while others deliver, loses its requests
	// without the benefit of Stall. 30 cameras, 8 of them stallers: see
	// docs/SWARM.md.
	unprovenFlight = 600 * time.Millisecond
	unprovenStall  = time.Second

	// refusals is the number of DONT_HAVE answers to claimed blocks, more
	// than blocks delivered, that make a peer a false claimer.
	refusals = 4

	// maxSuspend is the longest time for which a peer that stalled or lied is
	// not asked; it starts at Stall and doubles.
	maxSuspend = 2 * time.Minute

	// paceSlack is how much unused time a download limit lets catch up, so that
	// late ticks do not lower the rate.
	paceSlack = 250 * time.Millisecond

	// ahead is the place in a peer's queue from which a request can still be
	// withdrawn without loss: bitswap's server has the blocks before it in its
	// hands already (MaxOutstandingBytesPerPeer).
	ahead = 2

	// maxGone bounds the remembered penalties of peers that left.
	maxGone = 256
)

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
// A Planner is not safe for concurrent use.
type Planner struct {
	cfg   PlannerConfig
	rng   *rand.Rand
	sizes []int32 // bytes of each unit
	ref   int64   // bytes of the largest unit; times per block are for this size

	have    Bitset   // units that are held
	taken   Bitset   // units that are held or asked of at least one peer
	avail   []uint16 // peers that claim the unit
	asked   []uint8  // requests outstanding for the unit: 0, 1 or, hedged, 2
	missing int      // units that are not held
	flight  int64    // bytes in flight
	hedged  int      // units asked of two peers

	peers  []*source // in the order of their arrival, for repeatable choices
	byKey  map[PeerKey]*source
	gone   []*source // left with a penalty
	rate   int64     // bytes per second that may be asked for, 0: any
	paceAt time.Duration
	paused bool

	mask, rest Bitset // scratch
	out        []Action
	failures   []PeerKey // struck since Failures was called
}

type source struct {
	key        PeerKey
	claims     Bitset
	claimed    int
	interested bool // has said that it holds or fetches the file
	reqs       []planRequest
	window     int
	interval   time.Duration // smoothed time between arrivals of full blocks; 0: none yet
	busySince  time.Duration // when the first of reqs was asked
	mark       time.Duration // last arrival, or busySince
	bytes      int64         // counter of bytes read from the peer
	markBytes  int64         // its value at mark
	lastByte   time.Duration
	delivered  int
	refused    int
	strikes    int
	until      time.Duration // suspended until then
	banned     bool
	trusted    bool          // has delivered in former fetches
	pace       time.Duration // per full block, then; 0: unknown
}

type planRequest struct {
	unit  int
	since time.Duration
}

// NewPlanner returns a Planner for units of the given sizes in bytes, none of
// which is held. rng makes the random choices.
func NewPlanner(cfg PlannerConfig, sizes []int32, rng *rand.Rand) *Planner {
	p := &Planner{
		cfg: cfg, rng: rng, sizes: sizes, ref: 1, missing: len(sizes),
		have: NewBitset(len(sizes)), taken: NewBitset(len(sizes)),
		mask: NewBitset(len(sizes)), rest: NewBitset(len(sizes)),
		avail: make([]uint16, len(sizes)), asked: make([]uint8, len(sizes)),
		byKey: make(map[PeerKey]*source),
	}
	for _, s := range sizes {
		p.ref = max(p.ref, int64(s))
	}
	return p
}

// Have tells the planner that a unit is held already. Call it before the first
// event.
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
// neither banned nor suspended.
func (p *Planner) Sources(now time.Duration) int {
	n := 0
	for _, q := range p.peers {
		if q.banned || now < q.until {
			continue
		}
		for w := range q.claims {
			if q.claims[w]&^p.have[w] != 0 {
				n++
				break
			}
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

// PeerJoined tells that a peer is connected and may have units. Events of a
// peer that has not joined join it.
func (p *Planner) PeerJoined(now time.Duration, key PeerKey) { p.peer(now, key) }

// PeerKnown tells what is remembered of a peer from former fetches: that it
// failed more than it delivered (it is asked like one that has just failed: a
// block at a time, for what nobody else has or while there is plenty to do), or
// that it delivered, in a time for a MiB of pace, 0 if that is not known. Call it
// before the peer's first claim.
func (p *Planner) PeerKnown(now time.Duration, key PeerKey, good, bad bool, pace time.Duration) {
	q := p.peer(now, key)
	q.trusted, q.pace = good, pace*time.Duration(p.ref)/(1<<20)
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

// PeerInterested tells that a peer fetches the file, or holds it.
func (p *Planner) PeerInterested(now time.Duration, key PeerKey) {
	p.peer(now, key).interested = true
}

// PeerHas tells that a peer claims units.
func (p *Planner) PeerHas(now time.Duration, key PeerKey, units ...int) []Action {
	q := p.peer(now, key)
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

// PeerHasAll tells that a peer claims every unit.
func (p *Planner) PeerHasAll(now time.Duration, key PeerKey) []Action {
	q := p.peer(now, key)
	q.interested = true
	for u := range p.sizes {
		p.claim(q, u)
	}
	p.schedule(now)
	return p.drain()
}

// PeerHasNone tells that a peer has withdrawn its claims: it deleted the file.
func (p *Planner) PeerHasNone(now time.Duration, key PeerKey) []Action {
	q := p.peer(now, key)
	p.release(now, q, func(int) bool { return true })
	p.unclaimAll(q)
	p.schedule(now)
	return p.drain()
}

// PeerGone tells that a peer disconnected. What was asked of it is asked of
// others. Its penalties are kept, so that it cannot shed them by reconnecting.
func (p *Planner) PeerGone(now time.Duration, key PeerKey) []Action {
	q := p.byKey[key]
	if q == nil {
		return nil
	}
	for _, r := range q.reqs {
		p.dropRequest(q, r) // no Cancel: there is nobody to send it to
	}
	q.reqs = nil
	p.unclaimAll(q)
	q.claims = nil
	q.interested, q.window = false, 0
	delete(p.byKey, key)
	p.peers = slices.DeleteFunc(p.peers, func(x *source) bool { return x == q })
	if q.banned || q.strikes > 0 {
		if len(p.gone) == maxGone {
			p.gone = slices.Delete(p.gone, 0, 1)
		}
		p.gone = append(p.gone, q)
	}
	p.schedule(now)
	return p.drain()
}

// Progress tells how many bytes have been read from a peer so far. It shows a
// slow peer from a silent one long before a block is complete.
func (p *Planner) Progress(now time.Duration, key PeerKey, total int64) {
	if q := p.byKey[key]; q != nil && total > q.bytes {
		q.bytes, q.lastByte = total, now
	}
}

// Received tells that a unit has arrived from a peer and is stored. A negative
// key means that it came from elsewhere.
func (p *Planner) Received(now time.Duration, key PeerKey, unit int) []Action {
	if q := p.byKey[key]; q != nil {
		q.delivered++
		q.strikes, q.until = 0, 0
		q.lastByte = now
		if i := q.find(unit); i >= 0 {
			p.measure(now, q, unit)
			p.dropRequest(q, q.reqs[i])
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
				r := q.reqs[i]
				if q.mark <= r.since { // it has delivered nothing since
					q.interval = max(q.interval, now-r.since)
					q.window = 1
				}
				p.cancel(q, i)
			}
		}
		p.taken.Set(unit)
	}
	p.schedule(now)
	return p.drain()
}

// DontHave tells that a peer answered a request with DONT_HAVE. It loses the
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

// Wrong tells that a peer sent wrong bytes. It is not asked again.
func (p *Planner) Wrong(now time.Duration, key PeerKey) []Action {
	q := p.peer(now, key)
	q.banned = true
	p.release(now, q, func(int) bool { return true })
	p.unclaimAll(q)
	p.schedule(now)
	return p.drain()
}

// Lost tells that a unit that was held is not held any more: it was found
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
		if q.until > now && q.claimed > 0 && (!ok || q.until-now < next) {
			next, ok = q.until-now, true
		}
	}
	if p.rate > 0 && p.paceAt > now && !p.paused && (!ok || p.paceAt-now < next) {
		next, ok = p.paceAt-now, true
	}
	return max(next, time.Millisecond), ok
}

// Cancel withdraws everything that is in flight: the fetch ends.
func (p *Planner) Cancel() []Action {
	for _, q := range p.peers {
		for len(q.reqs) > 0 {
			p.cancel(q, len(q.reqs)-1)
		}
	}
	return p.drain()
}

func (p *Planner) peer(now time.Duration, key PeerKey) *source {
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

func (p *Planner) claim(q *source, unit int) bool {
	if q.banned || unit < 0 || unit >= len(p.sizes) || q.claims.Has(unit) {
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

func (q *source) find(unit int) int {
	return slices.IndexFunc(q.reqs, func(r planRequest) bool { return r.unit == unit })
}

// dropRequest forgets a request in everything but q.reqs.
func (p *Planner) dropRequest(q *source, r planRequest) {
	p.flight -= int64(p.sizes[r.unit])
	if p.asked[r.unit] == 2 {
		p.hedged--
	}
	p.asked[r.unit]--
	if p.asked[r.unit] == 0 && !p.have.Has(r.unit) {
		p.taken.Clear(r.unit)
	}
}

// cancel withdraws request i of q.
func (p *Planner) cancel(q *source, i int) {
	r := q.reqs[i]
	p.dropRequest(q, r)
	q.reqs = slices.Delete(q.reqs, i, i+1)
	p.out = append(p.out, Action{Cancel: true, Peer: q.key, Unit: r.unit})
}

// release withdraws the requests at q that which selects and reports whether
// there were any.
func (p *Planner) release(now time.Duration, q *source, which func(unit int) bool) bool {
	n := len(q.reqs)
	for i := n - 1; i >= 0; i-- {
		if which(q.reqs[i].unit) {
			p.cancel(q, i)
		}
	}
	return len(q.reqs) < n
}

func (p *Planner) strike(now time.Duration, q *source) {
	q.until = now + min(p.cfg.Stall<<min(q.strikes, 16), maxSuspend)
	q.strikes++
	q.window = 1
	p.failures = append(p.failures, q.key)
	p.release(now, q, func(int) bool { return true })
}

// measure updates the speed of q with the arrival of a unit that it was asked.
// What counts is the time since its previous arrival, or since it was asked
// while idle: with several blocks in flight that is its service time, and with
// one it includes the round trip, as it must.
func (p *Planner) measure(now time.Duration, q *source, unit int) {
	dt := time.Duration(float64(now-q.mark) * float64(p.ref) / float64(max(p.sizes[unit], 1)))
	if q.interval == 0 {
		q.interval = max(dt, time.Microsecond)
	} else {
		q.interval = max(q.interval+(dt-q.interval)*3/10, time.Microsecond)
	}
	q.window = int((p.cfg.Ahead + q.interval - 1) / q.interval)
	if q.interval < 2*p.cfg.Ahead {
		// The line must not idle for the round trip between two blocks.
		q.window = max(q.window, 2)
	}
}

// estimate is the time that q takes for a block, 0 if unknown.
func (p *Planner) estimate(now time.Duration, q *source) time.Duration {
	e := q.interval
	if len(q.reqs) == 0 {
		return e
	}
	waited := now - q.mark
	if got := q.bytes - q.markBytes; got > 0 && (e == 0 || waited > e) {
		return max(e, time.Duration(float64(waited)*float64(p.ref)/float64(min(got, p.ref))))
	}
	return max(e, waited)
}

func (p *Planner) estimateOr(now time.Duration, q *source) time.Duration {
	if e := p.estimate(now, q); e > 0 {
		return e
	}
	if q.pace > 0 {
		return q.pace
	}
	return guess
}

// room returns how many blocks may be in flight at q when n sources share.
func (p *Planner) room(q *source, n int) int {
	if q.strikes > 0 {
		return 1
	}
	if q.window == 0 {
		return max(p.cfg.StartWindow, p.cfg.Few/n)
	}
	window := q.window
	if q.interval < 2*p.cfg.Ahead {
		// With few sources each must carry more, also one that has been slow: it
		// is asked as soon as those who kept it busy are done.
		window = max(window, 2*p.cfg.Few/n)
	}
	return min(window, max(p.cfg.MaxWindow, 4*p.cfg.Few/n))
}

// sources counts the peers among which the blocks in flight are shared out.
func (p *Planner) sources(now time.Duration) int {
	n := 0
	for _, q := range p.peers {
		if !q.banned && q.strikes == 0 && (q.interested || now < p.cfg.JoinGrace) {
			n++
		}
	}
	return max(n, 1)
}

// limits returns the bytes that may be in flight in all, the time per block
// beyond which a peer counts as slow, and the bytes per second that the healthy
// peers have shown to deliver.
func (p *Planner) limits(now time.Duration) (flight int64, slow time.Duration, perSecond float64) {
	best, dead := time.Duration(0), int64(0)
	for _, q := range p.peers {
		if p.silent(now, q) > p.cfg.EndgameHedge || p.unproven(q) && now-q.busySince > unprovenFlight {
			dead += int64(len(q.reqs)) * p.ref
		}
		if q.banned || q.strikes > 0 || q.interval == 0 {
			continue
		}
		if e := p.estimate(now, q); best == 0 || e < best {
			best = e
		}
		perSecond += float64(p.ref) / q.interval.Seconds()
	}
	flight = max(p.cfg.MinInFlight, min(int64(perSecond/2), p.cfg.MaxInFlight), 2*p.ref)
	// What lies at silent peers must not keep others from being asked.
	flight += min(dead, p.cfg.MaxInFlight)
	if best == 0 {
		return flight, 1 << 62, 0
	}
	return flight, max(slowMin, slowTimes*best), perSecond
}

// schedule asks for as many units as the windows allow.
func (p *Planner) schedule(now time.Duration) {
	if p.missing == 0 || p.paused {
		return
	}
	n := p.sources(now)
	limit, slow, perSecond := p.limits(now)
	for p.flight == 0 || p.flight+p.ref <= limit {
		// With a rate limit, a block may be asked for when the blocks before
		// it have been paid for: an idle link is not saved up.
		if p.rate > 0 && p.paceAt > now {
			return
		}
		q, unit := p.choose(now, n, slow, p.horizon(perSecond))
		if q == nil {
			return
		}
		p.ask(now, q, unit)
	}
}

func (p *Planner) ask(now time.Duration, q *source, unit int) {
	if len(q.reqs) == 0 {
		q.busySince, q.mark, q.markBytes = now, now, q.bytes
	}
	q.reqs = append(q.reqs, planRequest{unit, now})
	p.asked[unit]++
	if p.asked[unit] == 2 {
		p.hedged++
	}
	p.taken.Set(unit)
	p.flight += int64(p.sizes[unit])
	if p.rate > 0 {
		p.paceAt = max(p.paceAt, now-paceSlack) + time.Duration(float64(p.sizes[unit])/float64(p.rate)*float64(time.Second))
	}
	p.out = append(p.out, Action{Peer: q.key, Unit: unit})
}

// choose picks the rarest unit that a peer with room claims, and among those
// peers the one that should deliver it first.
func (p *Planner) choose(now time.Duration, n int, slow, horizon time.Duration) (*source, int) {
	clear(p.mask)
	clear(p.rest)
	late := func(q *source) bool {
		return time.Duration(len(q.reqs)+1)*p.estimateOr(now, q) > horizon
	}
	lates := false
	for _, q := range p.peers {
		if !p.healthy(now, q, slow) {
			continue
		}
		if late(q) {
			lates = true
			continue
		}
		open := len(q.reqs) < p.room(q, n)
		for w, c := range q.claims {
			p.rest[w] |= c
			if open {
				p.mask[w] |= c
			}
		}
	}
	if unit := p.rarest(p.mask); unit >= 0 {
		return p.quickest(now, unit, n, func(q *source) bool { return p.healthy(now, q, slow) && !late(q) }), unit
	}
	if lates {
		// What only those have who would be late.
		for _, q := range p.peers {
			if !p.healthy(now, q, slow) || !late(q) || len(q.reqs) >= p.room(q, n) {
				continue
			}
			for w, c := range q.claims {
				p.mask[w] |= c &^ p.rest[w]
			}
		}
		if unit := p.rarest(p.mask); unit >= 0 {
			return p.quickest(now, unit, n, func(q *source) bool { return p.healthy(now, q, slow) }), unit
		}
		for _, q := range p.peers {
			if p.healthy(now, q, slow) && late(q) {
				for w, c := range q.claims {
					p.rest[w] |= c
				}
			}
		}
	}
	// The last resort: slow peers and those that failed before, one block
	// each, for what nobody else has; or to give them another chance while
	// there is so much to do that a failure costs nothing.
	_, _, perSecond := p.limits(now)
	plenty := float64(p.missing)*float64(p.ref) > perSecond*2*p.cfg.Stall.Seconds()
	clear(p.mask)
	for _, q := range p.peers {
		if !p.resort(now, q, slow) {
			continue
		}
		again := q.strikes > 0 && plenty
		for w, c := range q.claims {
			if !again {
				c &^= p.rest[w]
			}
			p.mask[w] |= c
		}
	}
	unit := p.rarest(p.mask)
	if unit < 0 {
		return nil, 0
	}
	return p.quickest(now, unit, n, func(q *source) bool { return p.resort(now, q, slow) }), unit
}

// horizon is when all that is missing should be here if the sources go on as
// they do, with some slack. A source that would deliver a block later than that
// is asked for it only if no other has it: the others are done before.
func (p *Planner) horizon(perSecond float64) time.Duration {
	if perSecond == 0 {
		return 1 << 62
	}
	left := float64(p.missing) * float64(p.ref) / perSecond
	return time.Duration(left*1.25*float64(time.Second)) + 50*time.Millisecond
}

func (p *Planner) healthy(now time.Duration, q *source, slow time.Duration) bool {
	return !q.banned && q.strikes == 0 && q.claimed > 0 && p.estimate(now, q) <= slow
}

func (p *Planner) resort(now time.Duration, q *source, slow time.Duration) bool {
	return !q.banned && q.claimed > 0 && len(q.reqs) == 0 && now >= q.until &&
		(q.strikes > 0 || p.estimate(now, q) > slow)
}

// rarest returns the unit of m, among those not taken, that the fewest peers
// claim; ties are broken at random, so that neighbours ask a seed for
// different blocks. It returns -1 if there is none.
func (p *Planner) rarest(m Bitset) int {
	best, few, ties := -1, uint16(0), uint64(0)
	for w := range m {
		for word := m[w] &^ p.taken[w]; word != 0; word &= word - 1 {
			u := w<<6 + bits.TrailingZeros64(word)
			switch a := p.avail[u]; {
			case best < 0 || a < few:
				best, few, ties = u, a, 1
			case a == few:
				if ties++; p.rng.Uint64N(ties) == 0 {
					best = u
				}
			}
		}
	}
	return best
}

// quickest returns the peer that claims unit, passes ok, has room, and has the
// least time per block times blocks in flight.
func (p *Planner) quickest(now time.Duration, unit, n int, ok func(*source) bool) *source {
	var best *source
	var least time.Duration
	for _, q := range p.peers {
		if !q.claims.Has(unit) || len(q.reqs) >= p.room(q, n) || !ok(q) {
			continue
		}
		if cost := time.Duration(len(q.reqs)+1) * p.estimateOr(now, q); best == nil || cost < least {
			best, least = q, cost
		}
	}
	return best
}

// silent is how long q has owed something and sent nothing.
func (p *Planner) silent(now time.Duration, q *source) time.Duration {
	if len(q.reqs) == 0 {
		return 0
	}
	return now - max(q.lastByte, q.busySince)
}

// unproven tells that q was asked and has delivered nothing yet.
func (p *Planner) unproven(q *source) bool {
	return q.delivered == 0 && !q.trusted && len(q.reqs) > 0
}

// fastest is the least time per block of a peer that delivers, 0 if none does.
func (p *Planner) fastest(now time.Duration) (best time.Duration) {
	for _, q := range p.peers {
		if q.banned || q.strikes > 0 || q.interval == 0 || q.delivered == 0 || now-q.lastByte >= p.cfg.Stall {
			continue
		}
		if best == 0 || q.interval < best {
			best = q.interval
		}
	}
	return best
}

// failed tells whether q has owed something for too long. best is what fastest
// returns.
func (p *Planner) failed(now time.Duration, q *source, best time.Duration) bool {
	if p.silent(now, q) >= p.cfg.Stall {
		return true
	}
	if !p.unproven(q) || best == 0 {
		return false
	}
	if now-q.mark < max(unprovenStall, slowTimes*best) {
		return false
	}
	// If it trickles, what it has sent of its first block says when that ends.
	return q.bytes == q.markBytes || p.estimate(now, q) > 2*max(slowMin, slowTimes*best)
}

// reap takes the requests away from peers that have been silent too long.
func (p *Planner) reap(now time.Duration) {
	others := false // does anybody send?
	for _, q := range p.peers {
		others = others || q.lastByte > 0 && now-q.lastByte < p.cfg.Stall
	}
	best := p.fastest(now)
	hard := hardStall + time.Duration(p.ref)*time.Second/hardRate
	for _, q := range p.peers {
		if !p.failed(now, q, best) {
			continue
		}
		s := p.silent(now, q)
		clear(p.rest)
		for _, o := range p.peers {
			if o == q || o.banned || o.strikes > 0 || p.failed(now, o, best) {
				continue
			}
			for w, c := range o.claims {
				p.rest[w] |= c
			}
		}
		if !p.release(now, q, func(u int) bool { return s >= hard || p.rest.Has(u) }) {
			continue
		}
		// Its time per block is at least this long; others go first.
		q.interval = max(q.interval, now-q.mark)
		q.window = 1
		if others || q.delivered == 0 || s >= hard {
			p.strike(now, q)
		}
	}
}

// hedge looks for requests that wait far longer than another peer would take.
// One that is deep in its peer's queue moves to the other; one that may be on
// its way is asked of both.
func (p *Planner) hedge(now time.Duration) {
	if p.missing == 0 || p.paused {
		return
	}
	n := p.sources(now)
	_, slow, _ := p.limits(now)
	endgame := true // nothing is left to ask of a healthy peer
	for _, q := range p.peers {
		if !p.healthy(now, q, slow) {
			continue
		}
		for w, c := range q.claims {
			if c&^p.taken[w] != 0 {
				endgame = false
			}
		}
	}
	after := p.cfg.Stall
	if endgame {
		after = p.cfg.EndgameHedge
	}
	for _, q := range p.peers {
		for i := len(q.reqs) - 1; i >= 0; i-- {
			r := q.reqs[i]
			age := now - r.since
			if age < after {
				continue
			}
			o := p.quickest(now, r.unit, n, func(o *source) bool { return o.find(r.unit) < 0 && p.healthy(now, o, slow) })
			if o == nil {
				continue
			}
			need := time.Duration(len(o.reqs)+1) * p.estimateOr(now, o)
			// What q still needs if it goes on as before; unknown is for ever.
			left := time.Duration(1 << 62)
			if q.interval > 0 || q.bytes > q.markBytes {
				left = time.Duration(i+1)*p.estimate(now, q) - (now - q.mark)
			}
			if age <= time.Duration(p.cfg.SlowFactor*float64(need)) || left <= time.Duration(p.cfg.SlowFactor*float64(need)) {
				continue
			}
			switch {
			case i >= ahead || p.asked[r.unit] == 2:
				if q.mark <= r.since {
					q.interval = max(q.interval, age)
				}
				p.cancel(q, i)
			case p.hedged == p.cfg.MaxHedges:
				continue
			}
			p.ask(now, o, r.unit)
		}
	}
}

func (p *Planner) drain() []Action {
	out := p.out
	p.out = nil
	return out
}
