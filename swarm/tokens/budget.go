package tokens

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/libp2p/go-libp2p/core/peer"
)

// BudgetConfig is what a Budget allows. All fields but Greeting are needed.
type BudgetConfig struct {
	// Peer is the limit of one peer, and Prefix that of all peers of one network
	// together, IPv4 /24 or IPv6 /56: an attacker has as many identities as it
	// likes, but not as many addresses.
	Peer, Prefix Limit

	// Greeting is what a peer gets back of its own bucket with each connection: who
	// comes again and again, as a camera does whose power fails, has to say again
	// what a new neighbour says. What its network may do stays the same.
	Greeting float64

	// Peers bounds how many peers, and how many networks, are remembered; the one
	// that was idle longest is forgotten, and then has a full bucket.
	Peers int

	// Now is the clock.
	Now func() time.Time

	// Over is called, without a lock and from whatever goroutine has asked, when a
	// peer has come over its budget: to hang up on it and to refuse it for a time.
	// It is called once until the peer has been within its budget again.
	Over func(peer.ID)
}

// Budget bounds what each peer, and each network of peers, may make this node do. Its
// unit is the work of one stream that a peer opens, about 0.1 ms of a desktop's core
// and 1 ms of a camera's; other work is counted in parts or multiples of it.
// One Budget is shared by all protocols, so that the sum of them is bounded.
//
// What is asked for, and what brings something new, should not be counted: an honest
// peer may be of much use. Safe for concurrent use.
type Budget struct {
	cfg BudgetConfig

	mu       sync.Mutex
	peers    *simplelru.LRU[peer.ID, *payer]
	networks *simplelru.LRU[netip.Prefix, *Bucket]
}

// payer is what a Budget knows of a peer.
type payer struct {
	Bucket
	network netip.Prefix // zero: not known
	over    bool         // Over has been told
}

// NewBudget returns a Budget in which every bucket is full.
func NewBudget(cfg BudgetConfig) *Budget {
	peers, err := simplelru.NewLRU[peer.ID, *payer](cfg.Peers, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	networks, err := simplelru.NewLRU[netip.Prefix, *Bucket](cfg.Peers, nil)
	if err != nil {
		panic(err)
	}
	return &Budget{cfg: cfg, peers: peers, networks: networks}
}

// From records that a peer has connected, and its address; the invalid one if that is
// not known, as behind a relay. Until then only the peer's own bucket counts.
func (b *Budget) From(p peer.ID, addr netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.payer(p)
	q.network = NetworkOf(addr)
	q.Give(b.cfg.Greeting)
}

// Allow counts work of that cost, at least 0, for a peer, and tells whether it may be
// done. A peer whose own bucket is empty is over its budget: Over is called. When that
// of its network is empty, the work is refused, and Over is called if the peer has
// spent more than a quarter of its own: one that was idle does not answer for its
// neighbours. Refused work is counted too.
func (b *Budget) Allow(p peer.ID, cost float64) bool {
	ok, over := b.allow(p, cost)
	if over {
		b.cfg.Over(p)
	}
	return ok
}

func (b *Budget) allow(p peer.ID, cost float64) (ok, over bool) {
	now := b.cfg.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.payer(p)
	left := q.Take(now, cost, b.cfg.Peer) >= cost
	ok = left
	if ok && q.network.IsValid() {
		ok = b.network(q.network).Spend(now, cost, b.cfg.Prefix)
	}
	if ok {
		q.over = false
		return true, false
	}
	over = !q.over && (!left || q.spent > b.cfg.Peer.Burst/4)
	q.over = q.over || over
	return false, over
}

// Return gives back what was counted for work that turned out to be of use, as far as
// it has not been regained.
func (b *Budget) Return(p peer.ID, cost float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.payer(p)
	q.Give(cost)
	if q.network.IsValid() {
		b.network(q.network).Give(cost)
	}
}

// payer returns what is known of a peer. The caller holds mu.
func (b *Budget) payer(p peer.ID) *payer {
	q, ok := b.peers.Get(p)
	if !ok {
		q = new(payer)
		b.peers.Add(p, q)
	}
	return q
}

// network returns the bucket of a network. The caller holds mu.
func (b *Budget) network(n netip.Prefix) *Bucket {
	q, ok := b.networks.Get(n)
	if !ok {
		q = new(Bucket)
		b.networks.Add(n, q)
	}
	return q
}
