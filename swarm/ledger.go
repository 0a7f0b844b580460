package swarm

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
)

// PeerStats counts the bytes of blocks exchanged with one peer since the
// exchange was made.
type PeerStats struct {
	Sent      int64 // bytes of blocks sent to it
	Received  int64 // bytes of blocks that came from it: the sum of the next three
	Useful    int64 // were missing here and are stored now
	Duplicate int64 // were asked for, but had arrived from elsewhere meanwhile
	Wrong     int64 // were never asked for, or belong to nothing
}

func (s *PeerStats) add(o PeerStats) {
	s.Sent += o.Sent
	s.Received += o.Received
	s.Useful += o.Useful
	s.Duplicate += o.Duplicate
	s.Wrong += o.Wrong
}

// Stats is a snapshot of what the exchange has moved.
type Stats struct {
	Total PeerStats
	Peers map[peer.ID]PeerStats // the MaxLedgerPeers peers of the latest exchange of bytes
}

// ledger counts bytes per peer. It forgets the peer that was idle longest when
// there are too many; the totals stay.
type ledger struct {
	mu    sync.Mutex
	total PeerStats
	peers map[peer.ID]*ledgerEntry
	clock uint64
}

type ledgerEntry struct {
	PeerStats
	used uint64
}

func newLedger() *ledger { return &ledger{peers: make(map[peer.ID]*ledgerEntry)} }

func (l *ledger) add(p peer.ID, s PeerStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.add(s)
	e := l.peers[p]
	if e == nil {
		if len(l.peers) >= MaxLedgerPeers {
			var oldest peer.ID
			least := l.clock + 1
			for id, o := range l.peers {
				if o.used < least {
					oldest, least = id, o.used
				}
			}
			delete(l.peers, oldest)
		}
		e = &ledgerEntry{}
		l.peers[p] = e
	}
	l.clock++
	e.used = l.clock
	e.add(s)
}

func (l *ledger) snapshot() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Stats{Total: l.total, Peers: make(map[peer.ID]PeerStats, len(l.peers))}
	for id, e := range l.peers {
		s.Peers[id] = e.PeerStats
	}
	return s
}
