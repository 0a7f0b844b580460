package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// maxBan bounds the length of a ban.
const maxBan = 30 * 24 * time.Hour

// Admitter decides who may connect: the membership of a private swarm. It is
// asked before every dial and after every handshake, when the peer's identity
// is proven, with the remote address. It is called from many goroutines and
// must answer at once.
type Admitter interface {
	Admit(p peer.ID, addr ma.Multiaddr) bool
}

// gater decides, for the host, about each connection.
type gater struct {
	self     peer.ID
	bans     refusals
	rests    refusals // strangers that gave up their slot to others, refused when they dial
	admitter Admitter
	lanOnly  bool
	met      func(peer.ID, ma.Multiaddr) // of each connection, when the peer is proven
	early    func(peer.ID) bool          // a direct dial at a public address would only delay a hole; nil: never
	now      func() time.Time
	refused  func(why string) // counts
}

var _ connmgr.ConnectionGater = (*gater)(nil)

// refusal tells why a connection with p at addr is refused; "" when it is not.
func (g *gater) refusal(p peer.ID, addr ma.Multiaddr) string {
	switch {
	case g.bans.holds(p, g.now()):
		return "banned"
	case g.lanOnly && !private(addr):
		return "not-lan"
	case g.admitter != nil && p != g.self && !g.admitter.Admit(p, addr):
		return "not-admitted"
	}
	return ""
}

func (g *gater) allow(p peer.ID, addr ma.Multiaddr) bool {
	why := g.refusal(p, addr)
	if why != "" {
		g.refused(why)
	}
	return why == ""
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gater) InterceptPeerDial(p peer.ID) bool {
	if g.bans.holds(p, g.now()) {
		g.refused("banned")
		return false
	}
	return true
}

// InterceptAddrDial implements connmgr.ConnectionGater. Names are resolved by now.
func (g *gater) InterceptAddrDial(p peer.ID, addr ma.Multiaddr) bool {
	if g.early != nil && direct(addr) && manet.IsPublicAddr(addr) && g.early(p) {
		return false
	}
	return g.allow(p, addr)
}

// InterceptAccept implements connmgr.ConnectionGater. The peer is not known yet.
func (g *gater) InterceptAccept(c network.ConnMultiaddrs) bool {
	if g.lanOnly && !private(c.RemoteMultiaddr()) {
		g.refused("not-lan")
		return false
	}
	return true
}

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gater) InterceptSecured(dir network.Direction, p peer.ID, c network.ConnMultiaddrs) bool {
	if dir == network.DirInbound && g.rests.holds(p, g.now()) {
		g.refused("useless")
		return false
	}
	if !g.allow(p, c.RemoteMultiaddr()) {
		return false
	}
	g.met(p, c.RemoteMultiaddr())
	return true
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// private tells whether an address is of a private, link-local or loopback
// range and direct: a relayed address may lead anywhere.
func private(a ma.Multiaddr) bool {
	if len(a) == 0 {
		return false
	}
	if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err == nil {
		return false
	}
	return manet.IsPrivateAddr(a)
}
