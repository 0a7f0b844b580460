package swarm

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/libp2p/go-libp2p/core/peer"
)

// PeerStats counts the bytes of blocks exchanged with one peer since the
// exchange was made, and its failures.
type PeerStats struct {
	Sent      int64 // bytes of blocks sent to it
	Received  int64 // bytes of blocks that came from it: the sum of the next three
	Useful    int64 // were missing here and are stored now
	Duplicate int64 // are genuine, but had arrived meanwhile or are not wanted any more
	Wrong     int64 // were never asked for and belong to nothing

	// Failures are the times that it was silent for too long, or claimed falsely.
	Failures int64 `json:"-"`
}

func (s *PeerStats) add(o PeerStats) {
	s.Sent += o.Sent
	s.Received += o.Received
	s.Useful += o.Useful
	s.Duplicate += o.Duplicate
	s.Wrong += o.Wrong
	s.Failures += o.Failures
}

// Stats is a snapshot of what the exchange has moved.
type Stats struct {
	Total  PeerStats             // with peers
	Origin PeerStats             // from origins
	Peers  map[peer.ID]PeerStats // the MaxLedgerPeers peers of the latest exchange of bytes

	Classes map[string]PeerStats // with peers, by ExchangeOptions.Class at that moment
}

// ledger counts bytes per peer. It forgets the peer that was idle longest when
// there are too many; the totals stay.
type ledger struct {
	mu    sync.Mutex
	total PeerStats
	http  PeerStats // from origins
	peers recentPeers[PeerStats]

	class   func(peer.ID) string // nil: not told apart
	classes map[string]*PeerStats
}

func newLedger(class func(peer.ID) string) *ledger {
	return &ledger{peers: newRecentPeers[PeerStats](MaxLedgerPeers), class: class, classes: make(map[string]*PeerStats)}
}

func (l *ledger) add(p peer.ID, s PeerStats) {
	class := ""
	if l.class != nil {
		class = l.class(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.class != nil {
		if l.classes[class] == nil {
			l.classes[class] = new(PeerStats)
		}
		l.classes[class].add(s)
	}
	l.total.add(s)
	l.peers.of(p).add(s)
}

// origin adds what came from an origin.
func (l *ledger) origin(s PeerStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.http.add(s)
}

func (l *ledger) snapshot() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Total: l.total, Origin: l.http, Peers: make(map[peer.ID]PeerStats, l.peers.Len())}
	if l.class != nil {
		s.Classes = make(map[string]PeerStats, len(l.classes))
		for class, c := range l.classes {
			s.Classes[class] = *c
		}
	}
	for _, id := range l.peers.Keys() {
		e, _ := l.peers.Peek(id)
		s.Peers[id] = *e
	}
	return s
}

// recentPeers keeps a value for each of the MaxLedgerPeers peers that it was asked
// for last. It has no lock of its own.
type recentPeers[V any] struct{ *simplelru.LRU[peer.ID, *V] }

func newRecentPeers[V any](size int) recentPeers[V] {
	l, err := simplelru.NewLRU[peer.ID, *V](size, nil)
	if err != nil {
		panic(err) // only for a size below 1
	}
	return recentPeers[V]{l}
}

// of returns the value of a peer, a new one if there is none.
func (r recentPeers[V]) of(p peer.ID) *V {
	v, ok := r.Get(p)
	if !ok {
		v = new(V)
		r.Add(p, v)
	}
	return v
}
