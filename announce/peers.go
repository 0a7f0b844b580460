package announce

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/libp2p/go-libp2p/core/peer"
)

// bucket is a token bucket; the zero value is full.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes n tokens of a bucket that holds burst and regains one every
// every, and reports whether they were there. n may be 0, to fill it only.
func (b *bucket) take(now time.Time, n, burst int, every time.Duration) bool {
	if b.at.IsZero() {
		b.tokens = float64(burst)
	} else if d := now.Sub(b.at); d > 0 {
		b.tokens = min(float64(burst), b.tokens+float64(d)/float64(every))
	}
	b.at = now
	if b.tokens < float64(n) {
		return false
	}
	b.tokens -= float64(n)
	return true
}

// give puts one token back; the next take caps it at the burst.
func (b *bucket) give() { b.tokens++ }

// peerState is what is remembered of one peer's rates.
type peerState struct {
	messages bucket // messages it sends
	looks    bucket // looks at the chain that its unproven claims cause
	credit   bool   // its last unproven claim brought news: the next one is looked after at once
	asks     bucket // questions put to it
	serves   bucket // questions it puts to us
	strikes  bucket // invalid announcements it may still send before it is muted
	drops    int    // messages dropped since the last penalty
	heard    bool   // it spoke the mesh protocol to us
}

// muted reports whether the peer sent so many invalid announcements that
// nothing it sends is judged for now. pubsub's score does the same, but only
// for a peer that accepts our stream to it, which an attacker need not do.
func (p *peerState) muted(now time.Time) bool {
	p.strikes.take(now, 0, maxStrikes, strikeEvery)
	return p.strikes.tokens < 1
}

// peerTable remembers the maxPeers peers last heard of.
type peerTable struct {
	mu    sync.Mutex
	peers *simplelru.LRU[peer.ID, *peerState]
}

func newPeerTable() *peerTable {
	return &peerTable{peers: newLRU[peer.ID, *peerState](maxPeers)}
}

// with runs f on the peer's state under the table's lock.
func (t *peerTable) with(p peer.ID, f func(*peerState)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.peers.Get(p)
	if !ok {
		s = new(peerState)
		t.peers.Add(p, s)
	}
	f(s)
}

func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	return must(simplelru.NewLRU[K, V](size, nil))
}
