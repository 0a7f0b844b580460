package plan

import (
	"slices"
	"time"
)

// request is a unit that was asked of a source and has not arrived.
type request struct {
	unit  int
	since time.Duration
	lane  *lane // of an origin; nil: of a peer
}

// requests are what is outstanding, counted by unit.
type requests struct {
	sizes []int32 // bytes of each unit
	ref   int64   // bytes of the largest unit; times per block are for this size

	taken  Bitset  // units that are held or asked of at least one source
	asked  []uint8 // requests outstanding for the unit: 0, 1 or, hedged, 2
	flight int64   // bytes in flight
	hedged int     // units asked of two sources
}

func newRequests(sizes []int32) requests {
	r := requests{sizes: sizes, ref: 1, taken: NewBitset(len(sizes)), asked: make([]uint8, len(sizes))}
	for _, s := range sizes {
		r.ref = max(r.ref, int64(s))
	}
	return r
}

// count adds a request for a unit.
func (r *requests) count(unit int) {
	r.asked[unit]++
	if r.asked[unit] == 2 {
		r.hedged++
	}
	r.taken.Set(unit)
	r.flight += int64(r.sizes[unit])
}

// forget takes a request for a unit away; have are the units that are held.
func (r *requests) forget(unit int, have Bitset) {
	r.flight -= int64(r.sizes[unit])
	if r.asked[unit] == 2 {
		r.hedged--
	}
	r.asked[unit]--
	if r.asked[unit] == 0 && !have.Has(unit) {
		r.taken.Clear(unit)
	}
}

// find returns the place of a unit in q's queue, -1 if it was not asked for it.
func (q *source) find(unit int) int {
	return slices.IndexFunc(q.reqs, func(r request) bool { return r.unit == unit })
}

// Asked reports whether a peer was asked for a unit that has not arrived.
func (p *Planner) Asked(key PeerKey, unit int) bool {
	q := p.byKey[key]
	return q != nil && q.find(unit) >= 0
}

// ask asks q for a unit.
func (p *Planner) ask(now time.Duration, q *source, unit int) {
	if len(q.reqs) == 0 {
		q.begin(now)
	}
	r := request{unit: unit, since: now}
	if q.origin != nil {
		r.lane = &lane{mark: now}
		q.origin.asked += float64(p.ref)
	}
	q.reqs = append(q.reqs, r)
	p.count(unit)
	if p.rate > 0 {
		p.paceAt = max(p.paceAt, now-paceSlack) + time.Duration(float64(p.sizes[unit])/float64(p.rate)*float64(time.Second))
	}
	p.out = append(p.out, Action{Peer: q.key, Unit: unit})
}

// cancel withdraws request i of q.
func (p *Planner) cancel(q *source, i int) {
	unit := q.reqs[i].unit
	p.forget(unit, p.have)
	q.reqs = slices.Delete(q.reqs, i, i+1)
	p.out = append(p.out, Action{Cancel: true, Peer: q.key, Unit: unit})
}

// takeBack withdraws request i of q before it is answered: of an origin, it is not spent.
func (p *Planner) takeBack(q *source, i int) {
	if q.origin != nil {
		q.origin.asked -= float64(p.ref)
	}
	p.cancel(q, i)
}

// release withdraws those requests at q whose unit passes, the last first, and
// reports whether there were any.
func (p *Planner) release(q *source, which func(unit int) bool) bool {
	n := len(q.reqs)
	for i := n - 1; i >= 0; i-- {
		if which(q.reqs[i].unit) {
			p.takeBack(q, i)
		}
	}
	return len(q.reqs) < n
}

func anyUnit(int) bool { return true }
