package p2p

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
)

// connected and disconnected are called by the host for every connection.
func (n *Network) connected(nw network.Network, c network.Conn) {
	if why := n.members.out(c); why != "" { // a list that came after the handshake had checked
		n.log.Warn("hanging up on a member that was put out", "peer", c.RemotePeer().String(), "reason", why)
		n.hangUp(c.Close)
		return
	}
	if c.Stat().Limited {
		if nw.Connectedness(c.RemotePeer()) == network.Limited {
			n.host.reach.met(c.RemotePeer(), c.Stat().Direction == network.DirInbound)
		}
		return // an appointment at a relay: the direct connection is what counts
	}
	n.host.reach.arrived(c.RemotePeer())
	n.mu.Lock()
	n.book.Connected(c.RemotePeer(), n.now())
	n.mu.Unlock()
	if score := n.reputations.Score(c.RemotePeer()); score != 0 {
		n.host.ConnManager().TagPeer(c.RemotePeer(), reputationTag, int(pointsPerScore*score)) // it keeps tags of connected peers only
	}
	extra := n.surplus(c.RemotePeer())
	for _, e := range extra {
		n.hangUp(e.Close)
	}
	if c.Stat().Direction == network.DirInbound {
		if len(extra) == 0 && len(nw.Conns()) > n.limits.Connections-n.away() && !n.isStatic(c.RemotePeer()) {
			n.hangUp(c.Close) // the slot of a static peer that is away
		}
		n.makeRoom()
	}
}

// surplus returns the connections to p to close. A seed dials us over connections of its
// own to see whether it can (serveProbes): beside them ours stays, and while one is asked
// to that by which it came.
func (n *Network) surplus(p peer.ID) []network.Conn {
	conns := n.host.Network().ConnsToPeer(p)
	if n.speaks(p, autonatv2.DialProtocol) {
		conns = slices.DeleteFunc(conns, func(c network.Conn) bool { return c.Stat().Direction != network.DirInbound })
		if n.host.prober.asks() && len(conns) > 0 {
			oldest := slices.MinFunc(conns, func(a, b network.Conn) int { return a.Stat().Opened.Compare(b.Stat().Opened) })
			conns = slices.DeleteFunc(conns, func(c network.Conn) bool { return c == oldest })
		}
	}
	return surplus(n.host.ID() < p, conns)
}

// surplus returns the connections to close if there is more than one to a peer: all but
// one, which is the same whoever looks, since several may come at once, and at both ends.
// Whoever dials again later has lost the one before. Of two ends that dial each other at
// one moment the smaller identity's dial counts, which is ours if first says so. Relayed
// connections are for hole punching and end by themselves.
func surplus(first bool, conns []network.Conn) (extra []network.Conn) {
	conns = slices.DeleteFunc(slices.Clone(conns), func(c network.Conn) bool { return c.Stat().Limited || c.IsClosed() })
	slices.SortStableFunc(conns, func(a, b network.Conn) int { return a.Stat().Opened.Compare(b.Stat().Opened) })
	counts := func(c network.Conn) bool { return first == (c.Stat().Direction == network.DirOutbound) }
	keep := 0
	for i, c := range conns {
		if c.Stat().Opened.Sub(conns[keep].Stat().Opened) >= doubleDial || counts(c) && !counts(conns[keep]) {
			keep = i
		}
	}
	for i, c := range conns {
		if i != keep {
			extra = append(extra, c)
		}
	}
	return extra
}

func (n *Network) disconnected(nw network.Network, c network.Conn) {
	p := c.RemotePeer()
	if c.Stat().Limited {
		if !slices.ContainsFunc(nw.ConnsToPeer(p), func(c network.Conn) bool { return c.Stat().Limited }) {
			n.host.reach.parted(p)
		}
		return
	}
	if nw.Connectedness(p) == network.Connected {
		return
	}
	if n.host.reach.forget(p) {
		nudge(n.relayMet)
	}
	n.mu.Lock()
	n.book.Disconnected(p, n.now())
	n.mu.Unlock()
	n.left(p)
	nudge(n.woken)
	if n.neighbours().Small(n.bounds()) {
		n.hurry()
	}
}

// identified tags peers once they have said what they are, so that the
// connection manager keeps near ones, and hurries when one serves the DHT.
func (n *Network) identified(ctx context.Context, sub event.Subscription) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-sub.Out():
			if !ok {
				return
			}
			done := e.(event.EvtPeerIdentificationCompleted)
			if worth := map[Tier]int{TierLAN: 50, TierRegion: 20, TierSeed: 20}[n.Tier(done.Peer)]; worth > 0 {
				n.host.ConnManager().TagPeer(done.Peer, "camswarm-tier", worth)
			}
			if static := n.isStatic(done.Peer); static {
				n.host.reach.saw(done.Peer, done.ObservedAddr, true)
				nudge(n.relayMet)
			} else if direct(done.Conn.RemoteMultiaddr()) && done.Conn.Stat().Direction == network.DirOutbound {
				n.host.reach.saw(done.Peer, done.ObservedAddr, false)
				n.tellKind()
			}
			if done.Conn.Stat().Direction == network.DirInbound {
				nudge(n.called)
			}
			if slices.Contains(done.Protocols, DHTProtocolPrefix+"/kad/1.0.0") {
				n.hurry()
			}
			if slices.Contains(done.Protocols, PeersProtocol) {
				n.met(done.Peer)
			}
		}
	}
}

// rated is called when a peer's score has changed: the connection manager is
// told, and a stranger that failed us gives up its slot if others may want it.
func (n *Network) rated(p peer.ID, score float64) {
	n.host.ConnManager().TagPeer(p, reputationTag, int(pointsPerScore*score))
	if score < 0 {
		n.makeRoom()
	}
}

// makeRoom closes the connections of the worst strangers below a score of 0 while
// strangers have more than half of the slots that they may have, and refuses them
// for restTime. Others may have room now for the same reason, so those who had
// none are dialled again.
func (n *Network) makeRoom() {
	nw, now := n.host.Network(), n.now()
	inbound := slices.DeleteFunc(nw.Peers(), func(p peer.ID) bool {
		return n.isStatic(p) || n.gater.rests.holds(p, now) ||
			!connectedBy(nw, p, network.DirInbound)
	})
	scores := map[peer.ID]float64{}
	for _, p := range inbound {
		scores[p] = n.reputations.Score(p)
	}
	slices.SortFunc(inbound, func(a, b peer.ID) int { return cmp.Compare(scores[a], scores[b]) })
	for _, p := range inbound[:max(len(inbound)-n.limits.Inbound/2, 0)] {
		if scores[p] >= 0 {
			break
		}
		n.mu.Lock()
		n.book.Forgive(now)
		n.mu.Unlock()
		n.gater.rests.add(p, now, restTime, "")
		n.hangUp(func() error { return nw.ClosePeer(p) })
	}
}

// endVisits keeps some room at a full seed for those who know nobody else yet: it
// hangs up on the latest arrivals that have been here for visitTime, on those first
// that say they have another seed, so that the others are stable neighbours.
func (n *Network) endVisits(ctx context.Context) {
	nw := n.host.Network()
	room := min(n.limits.MeshHigh, n.limits.Inbound-max(n.limits.Inbound/8, 1))
	tick := time.NewTicker(visitEvery)
	defer tick.Stop()
	leaving := map[network.Conn]bool{}
	refused := 0
	for paced := n.now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n.now().Sub(paced) >= time.Minute {
			n.pace(refused)
			refused, paced = 0, n.now()
		}
		maps.DeleteFunc(leaving, func(c network.Conn, _ bool) bool { return c.IsClosed() })
		var inbound []network.Conn
		for _, c := range nw.Conns() {
			if c.Stat().Direction == network.DirInbound && !c.Stat().Limited && !leaving[c] {
				inbound = append(inbound, c)
			}
		}
		over := len(inbound) - room
		if over <= 0 {
			continue
		}
		now := time.Now()
		visitors := slices.DeleteFunc(inbound, func(c network.Conn) bool {
			return now.Sub(c.Stat().Opened) < visitTime || n.isStatic(c.RemotePeer())
		})
		n.mu.Lock()
		others := map[peer.ID]int{}
		for _, c := range visitors {
			others[c.RemotePeer()] = min(n.intro.table.Seeds(c.RemotePeer()), 1)
		}
		n.mu.Unlock()
		slices.SortFunc(visitors, func(a, b network.Conn) int {
			return cmp.Or(cmp.Compare(others[b.RemotePeer()], others[a.RemotePeer()]), b.Stat().Opened.Compare(a.Stat().Opened))
		})
		for _, c := range visitors[:min(over, len(visitors))] {
			leaving[c] = true
			refused++
			n.hangUp(func() error { return n.refuse(c) })
		}
	}
}

// hangUp calls end in a goroutine that Close waits for: what closes a connection
// must not be called from where connections are reported.
func (n *Network) hangUp(end func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ended {
		n.closing.Go(func() { _ = end() })
	}
}

func (n *Network) isStatic(p peer.ID) bool {
	return slices.ContainsFunc(n.statics(), func(i peer.AddrInfo) bool { return i.ID == p })
}

// keepReputations writes the reputations now and then, and at the end.
func (n *Network) keepReputations(ctx context.Context) {
	tick := time.NewTicker(reputationSaveEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		data, err := n.reputations.Encode()
		if err == nil && data != nil {
			err = n.opts.Reputations.Save(context.WithoutCancel(ctx), data)
		}
		if err != nil {
			n.log.Warn("reputations were not saved", "err", err)
		}
	}
}
