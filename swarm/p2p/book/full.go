package book

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// Full records that a peer has no room for us and asks us to come back after some
// time. That is honoured up to fullMax, and by a node without any connection up to
// fullAloneMax, and lengthened by up to a half. While the mesh is large enough, no
// other static peer is visited for a while either, longer with each that has no
// room: a fleet is larger than its seeds, and nobody needs all of them. Whoever
// lies can so keep us from itself, and others only as long as we have neighbours.
func (b *Book) Full(id peer.ID, after time.Duration, now time.Time) {
	c := b.peers[id]
	if c == nil {
		return
	}
	after = max(after, 0)
	jitter := 1 + b.random()/2
	c.until = now.Add(time.Duration(jitter * float64(min(after, fullMax))))
	c.untilAlone = now.Add(time.Duration(jitter * float64(min(after, fullAloneMax))))
	if c.source == Static {
		wait := fullMax
		if b.full < 10 {
			wait = min(fullBase<<b.full, fullMax)
		}
		b.full++
		b.again = now.Add(time.Duration(jitter * float64(wait)))
	}
}

// Room records that a static peer is said to have room, so that it can be visited
// at once, unless it said itself when to come.
func (b *Book) Room(id peer.ID) {
	if c := b.peers[id]; c != nil && c.source == Static {
		b.again = time.Time{}
	}
}
