package swarm

import (
	"slices"
	"sync"
	"time"

	"camswarm/swarm/tokens"
)

// asked remembers which blocks a peer was asked for of late, to tell genuine blocks
// that come late, or twice, from bytes that nobody wants. It outlives a fetch, an
// added file and a connection: what lies in a slow line's queue does too.
type asked struct {
	mu      sync.Mutex
	blocks  map[[32]byte]int // by digest: answers that are still due
	order   [][32]byte       // of the last request, oldest first
	unasked tokens.Bucket    // genuine blocks beyond the answers that were due
}

func newAsked() *asked { return &asked{blocks: make(map[[32]byte]int)} }

// ask notes a request: one more answer is due.
func (a *asked) ask(d [32]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, again := a.blocks[d]; again {
		a.order = slices.DeleteFunc(a.order, func(o [32]byte) bool { return o == d })
	} else if len(a.order) >= maxAsked {
		delete(a.blocks, a.order[0])
		a.order = a.order[1:]
	}
	a.blocks[d]++
	a.order = append(a.order, d)
}

// unask notes that a request was never sent.
func (a *asked) unask(d [32]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch n := a.blocks[d]; n {
	case 0:
	case 1:
		delete(a.blocks, d)
		a.order = slices.DeleteFunc(a.order, func(o [32]byte) bool { return o == d })
	default:
		a.blocks[d] = n - 1
	}
}

// answered takes a block that came into account: whether the peer was ever asked
// for it, as far as is remembered, and whether an answer was due.
func (a *asked) answered(d [32]byte) (ever, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, ever := a.blocks[d]
	if n > 0 {
		a.blocks[d]--
	}
	return ever, n > 0
}

// tooMany takes a genuine block that was not due into account, and tells whether
// the peer floods with them. A few come from honest peers: a message is sent again
// when its stream breaks, and a request twice may find both answers under way.
func (a *asked) tooMany(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.unasked.Spend(now, 1, tokens.Limit{Burst: unaskedBurst, PerSecond: 1 / unaskedEvery.Seconds()})
}
