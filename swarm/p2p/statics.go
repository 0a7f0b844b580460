package p2p

import (
	"slices"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/swarm/p2p/book"
)

// protection keeps static peers from being trimmed.
const protection = "camswarm-static"

// statics are the peers of the configuration and of [Network.SetListed], to some of
// which the node stays connected ([Limits].Static). The caller must not change them.
func (n *Network) statics() []peer.AddrInfo {
	if l := n.static.Load(); l != nil {
		return *l
	}
	return nil
}

// SetListed makes peers, /…/p2p/ID, static besides those of the configuration, which
// stay whatever is listed, and lets go of those of the list before. At most maxListed
// peers of a list are used, the first; addresses that cannot be are left out and
// named in the log. It may be called at any time.
func (n *Network) SetListed(addrs []string) {
	var listed []peer.AddrInfo
	for _, a := range addrs {
		one, err := parsePeers([]string{a})
		if err != nil {
			n.log.Warn("a listed seed has an unusable address", "addr", a, "err", err)
			continue
		}
		at := slices.IndexFunc(listed, func(i peer.AddrInfo) bool { return i.ID == one[0].ID })
		switch {
		case at >= 0:
			listed[at].Addrs = append(listed[at].Addrs, one[0].Addrs...)
		case len(listed) < maxListed && one[0].ID != n.host.ID():
			listed = append(listed, one[0])
		}
	}
	all := slices.Clone(n.configured)
	for _, info := range listed {
		if at := slices.IndexFunc(all, func(i peer.AddrInfo) bool { return i.ID == info.ID }); at >= 0 {
			all[at].Addrs = slices.Concat(all[at].Addrs, info.Addrs)
			continue
		}
		all = append(all, info)
	}
	n.setStatics(all)
	nudge(n.woken)
}

// ConnectedStatics are the static peers that the node is connected with and that speak
// a protocol.
func (n *Network) ConnectedStatics(id protocol.ID) (out []peer.ID) {
	for _, info := range n.statics() {
		if n.host.Network().Connectedness(info.ID) == network.Connected && n.speaks(info.ID, id) {
			out = append(out, info.ID)
		}
	}
	return out
}

// speaks reports whether a peer has said that it speaks a protocol.
func (n *Network) speaks(p peer.ID, id protocol.ID) bool {
	known, err := n.host.Peerstore().SupportsProtocols(p, id)
	return err == nil && len(known) > 0
}

// setStatics replaces the static peers.
func (n *Network) setStatics(all []peer.AddrInfo) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, old := range n.statics() {
		if !slices.ContainsFunc(all, func(i peer.AddrInfo) bool { return i.ID == old.ID }) {
			n.host.ConnManager().Unprotect(old.ID, protection)
			n.book.Release(old.ID)
		}
	}
	for _, info := range all {
		n.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
		n.host.ConnManager().Protect(info.ID, protection)
		n.book.Add(info, book.Static, n.now())
	}
	n.static.Store(&all)
}
