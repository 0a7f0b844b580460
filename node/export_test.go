package node

import (
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/announce"
	"camswarm/node/monitor"
)

// Exchange is what followers need of the swarm, for tests that stand in its way.
type Exchange = exchange

// WithExchange lets f wrap what followers use.
func WithExchange(f func(Exchange) Exchange) Option { return func(o *injected) { o.exchange = f } }

// Latest is what a node answers a peer that asks for its newest announcement.
func Latest(n *Node) *announce.Announcement { return n.followers[0].latest() }

// Readiness is what /readyz says.
func (n *Node) Readiness() []monitor.Missing { return n.readiness().Missing }

// Keeps reports whether the node keeps a peer, when idle, with which no blocks are
// exchanged.
func Keeps(n *Node, p peer.ID) bool {
	keeps := n.exchanged()
	keeps(p) // what was exchanged so far
	return keeps(p)
}
