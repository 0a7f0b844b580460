package p2p

import (
	"cmp"
	"context"
	"slices"
	"time"

	"camswarm/swarm/p2p/introduce"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// keepRoom sees to it until ctx ends that a camera that can be dialled has a place for
// those who can dial and not be punched: they reach nobody else, and are slower to find
// it than those who reach many. Whoever takes the last place and is not one of them is
// let go of, and rests, or somebody in its stead who was less useful.
func (n *Network) keepRoom(ctx context.Context) {
	tick := time.NewTicker(roomCheck)
	defer tick.Stop()
	hidden := false // somebody was behind a NAT
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-n.called:
		}
		c := n.callers()
		hidden = hidden || c.hidden
		if !hidden || n.natKind() != introduce.NATNone {
			continue
		}
		if p, ok := c.spare(n.limits.Inbound); ok {
			n.log.Debug("a place is kept for those who reach few others", "instead", p.String())
			n.gater.rests.add(p, n.now(), restTime, "")
			n.hangUp(func() error { return n.host.Network().ClosePeer(p) })
		}
	}
}

// callers are the strangers that dialled a node.
type callers struct {
	all    int       // places taken, as the resource manager counts: some of a punched hole too
	easy   []peer.ID // whom others reach too, the least useful first
	hidden bool      // some are not known to be
}

// spare is who has to go so that one of some places is free.
func (c callers) spare(places int) (peer.ID, bool) {
	if c.all < places || len(c.easy) <= easyKept {
		return "", false
	}
	return c.easy[0], true
}

func (n *Network) callers() (out callers) {
	_ = n.host.rcmgr.ViewSystem(func(s network.ResourceScope) error {
		out.all = s.Stat().NumConnsInbound
		return nil
	})
	opened := map[peer.ID]time.Time{}
	for _, c := range n.host.Network().Conns() {
		p, from := c.RemotePeer(), c.RemoteMultiaddr()
		if c.Stat().Direction != network.DirInbound || c.Stat().Limited || n.isStatic(p) {
			continue
		}
		if n.links.on(from) {
			continue
		}
		if !claims(n.host.Peerstore().Addrs(p), from) {
			out.hidden = true
			continue
		}
		out.easy = append(out.easy, p)
		opened[p] = c.Stat().Opened
	}
	slices.SortFunc(out.easy, func(a, b peer.ID) int {
		return cmp.Or(cmp.Compare(n.reputations.Score(a), n.reputations.Score(b)), opened[b].Compare(opened[a]))
	})
	return out
}

// claims tells whether a peer says that it can be reached where it calls from: that is
// a public address of its own, or one at which four others see it too, whom its NAT
// shows one port (go-libp2p's observed addresses).
func claims(addrs []ma.Multiaddr, from ma.Multiaddr) bool {
	ip, err := manet.ToIP(from)
	if err != nil {
		return false
	}
	port, err := from.ValueForProtocol(ma.P_UDP)
	udp := err == nil // TCP dials from any port
	return slices.ContainsFunc(addrs, func(a ma.Multiaddr) bool {
		at, err := manet.ToIP(a)
		if err != nil || !at.Equal(ip) || !direct(a) {
			return false
		}
		claimed, err := a.ValueForProtocol(ma.P_UDP)
		return !udp || err == nil && claimed == port
	})
}
