// Package links makes the network that simulated nodes live on: access lines
// with a rate for each direction, latency between places, loss, NAT, and sites
// whose nodes share one line, with libp2p transports that cross them in virtual
// time. It knows no firmware and no node; it may be used inside a
// testing/synctest bubble only.
//
// Two transports cross the same lines. QUIC is the real one: every packet of
// quic-go, its handshake and its congestion control. Fast is a model of it that
// moves segments without encryption, for sweeps and for large numbers of nodes;
// how far it is from QUIC is held by a test.
package links

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
)

// Topology says who is on the network and what lies between. It is not changed
// while a Network uses it.
type Topology struct {
	Nodes []Node
	Sites []Site

	// Delay is the one-way propagation delay between the access lines of two
	// nodes of different sites. It must be symmetric and may not change.
	Delay func(a, b int) time.Duration

	// Seed makes losses repeatable as far as the order of packets is.
	Seed uint64
}

// Node is one host's access line.
type Node struct {
	Up, Down float64 // bit/s; 0: no limit of its own
	Loss     float64 // share of packets lost on this line, in each direction, 0 to 1; fast links ignore it
	NAT      bool    // packets come in only from addresses that it has sent to (port-preserving, endpoint-dependent filtering)
	Site     int     // 1 and up: number of its site in Sites, whose line it shares; 0: none
}

// Site is a place with one line and a local network behind it. Packets between
// its nodes cross only their own Up and Down and take Delay; all others cross
// the line too.
type Site struct {
	Up, Down float64       // bit/s of the shared line
	Delay    time.Duration // one way between two nodes of the site
}

// Network is a running network over a Topology.
type Network interface {
	// Addr is where node i listens: /ip4/…/udp/…/quic-v1, whichever transport
	// it is. Every node has an address of its own in another /16; nodes of a
	// site have private addresses in one /24, if the topology says so.
	Addr(i int) ma.Multiaddr

	// Transport makes the libp2p transport of node i, once at a time; a node
	// that was closed may be made again. Its signature is that of
	// swarm.TransportConstructor, and fits libp2p.Transport.
	Transport(i int) func(crypto.PrivKey, connmgr.ConnectionGater, network.ResourceManager) (transport.Transport, error)

	// Cut drops all packets from now on between pairs of nodes for which cut
	// returns true; nil heals the network.
	Cut(cut func(a, b int) bool)

	// Traffic returns the bytes that node i has put on its line and got from
	// it, headers included.
	Traffic(i int) (sent, received int64)

	// SiteTraffic returns the bytes that crossed the line of a site (1 and up).
	SiteTraffic(site int) (up, down int64)

	// Close ends all goroutines of the network. Hosts are closed first.
	Close()
}

// IP returns the address of node i of a topology.
func (t *Topology) IP(i int) netip.Addr {
	panic("TODO")
}
