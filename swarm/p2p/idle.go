package p2p

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/p2p/book"
)

// A release comes once in weeks, and each connection that is kept until then costs a
// keep-alive every 25 s and a wake-up for each. So a camera has the neighbours that a
// fetch wants only around fetches: it gathers them when one begins, and some time after
// the last one has ended, or the node has started, it hangs up on all but a few.

// Fetching tells that a fetch begins or has ended. While one runs, for longestFetch at
// most, and for activeFor after it, the node seeks as many neighbours as MeshLow says.
func (n *Network) Fetching(begins bool) {
	n.mu.Lock()
	if begins {
		n.fetches++
		n.began = n.now()
	} else {
		n.fetches--
	}
	n.active = n.now().Add(activeFor)
	n.mu.Unlock()
	if begins && n.neighbours().Small(n.bounds()) {
		n.askSoon(0)
		nudge(n.woken)
	}
}

// idleIn returns how long the node is not idle yet; 0: it is.
func (n *Network) idleIn() time.Duration {
	if n.cfg.seed() || n.limits.MeshIdle >= n.limits.MeshLow {
		return activeFor
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fetches > 0 && n.now().Sub(n.began) < longestFetch {
		return activeFor
	}
	return max(n.active.Sub(n.now()), 0)
}

// bounds are those that the choice of peers to dial keeps to now.
func (n *Network) bounds() book.Bounds {
	l := n.limits
	b := book.Bounds{Connections: l.Connections, MeshLow: l.MeshLow, MeshHigh: l.MeshHigh, Chosen: l.Chosen, Static: l.Static}
	if n.idleIn() == 0 {
		b.MeshLow, b.MeshHigh = l.MeshIdle, l.MeshIdle+idleSlack
		b.Chosen, b.Static = 1, idleSeeds
	}
	return b
}

// keepFew hangs up, while the node is idle, on neighbours beyond those that it keeps
// then: on one at a time, with pauses, so that whoever loses one finds another before
// the next goes.
func (n *Network) keepFew(ctx context.Context) {
	repeatedly(ctx, activeFor, nil, func(context.Context) time.Duration {
		if wait := n.idleIn(); wait > 0 {
			return wait
		}
		p, ok := n.spare()
		if !ok {
			return n.spread(idleLook)
		}
		n.hangUp(func() error { return n.host.Network().ClosePeer(p) })
		return n.spread(idlePause)
	})
}

// spare selects the neighbour that an idle node can best do without, if it has more
// than it wants: of those that have been connected for a while, and with whom no blocks
// were exchanged meanwhile, one whom the connection manager values least. But if those
// beyond the number wanted who are valued least have all just come, they are waited for:
// who dials again and again ousts nobody of more worth.
func (n *Network) spare() (peer.ID, bool) {
	nw, b := n.host.Network(), n.bounds()
	m := n.neighbours()
	if m.Peers <= b.MeshHigh {
		return "", false
	}
	worth := func(p peer.ID) int {
		if t := n.host.ConnManager().GetTagInfo(p); t != nil {
			return t.Value
		}
		return 0
	}
	now := time.Now()
	able := slices.DeleteFunc(directPeers(nw), func(p peer.ID) bool {
		if n.isStatic(p) && (m.Static <= b.Static || n.host.reach.relayed(p)) || connectedBy(nw, p, network.DirOutbound) && !n.isStatic(p) && m.Own <= b.Chosen {
			return true
		}
		return n.opts.Busy != nil && n.opts.Busy(p)
	})
	rand.Shuffle(len(able), func(i, j int) { able[i], able[j] = able[j], able[i] })
	slices.SortStableFunc(able, func(a, b peer.ID) int { return cmp.Compare(worth(a), worth(b)) })
	settled := slices.IndexFunc(able, func(p peer.ID) bool {
		return !slices.ContainsFunc(nw.ConnsToPeer(p), func(c network.Conn) bool { return now.Sub(c.Stat().Opened) < activeFor })
	})
	if beyond := min(len(able), m.Peers-b.MeshHigh); settled < 0 || worth(able[settled]) > worth(able[beyond-1]) {
		return "", false
	}
	return able[settled], true
}
