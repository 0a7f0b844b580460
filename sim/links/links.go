package links

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
)

// ErrTopology is returned for a topology that cannot be built.
var ErrTopology = errors.New("links: bad topology")

// Topology says who is on the network and what lies between. It is not changed
// while a Network uses it.
type Topology struct {
	Nodes []Node
	Sites []Site

	// Delay is the one-way propagation delay between the access lines of two
	// nodes of different sites. It must be symmetric and may not change: it is
	// asked once for each pair. nil: no delay.
	Delay func(a, b int) time.Duration

	// Late is for how long, after the first packet to one another, two NATs let none
	// in of a pair of nodes that are both behind one, so that the first attempt to
	// punch a hole fails. nil: no pair has that.
	Late func(a, b int) time.Duration

	// Seed makes losses repeatable as far as the order of packets is.
	Seed uint64
}

// Node is one host's access line.
type Node struct {
	Up, Down float64 // bit/s; 0: no limit of its own
	Loss     float64 // share of packets lost on this line, in each direction, 0 to 1
	// Burst is how many packets are lost in a row in the mean, if it is above 1: packets
	// are lost by a two-state chain (Gilbert's), Loss of them in the long run.
	Burst float64
	// Buffer, if not 0, gives both directions one queue that drops at its end what it
	// has no room for, so long that its last packet waits for that time, as many modems
	// have. 0: fair queues kept short by CoDel.
	Buffer time.Duration
	// Jitter is the mean of a random time, exponentially distributed, that each packet
	// from and to the node takes longer, as over Wi-Fi; packets between two nodes stay
	// in order.
	Jitter time.Duration
	// Video is at how many bit/s the node uploads a video beside all else: 15 frames a
	// second, the packets of each at once, by UDP, which does not slow down.
	Video float64
	// PerByte and PerPacket are the time that the node's processor needs for what it
	// sends and receives, in ns for each byte and in all for each packet, one after
	// another: decryption, hashing, writing, system calls. 0: none.
	PerByte   float64
	PerPacket time.Duration
	// Congestion is how its connections control congestion, over fast links alone.
	Congestion Congestion
	// NAT stands between the node and everything outside its site, at the node's end
	// of the line: packets that are not let in have crossed it. The node has a private
	// address then, unless it is in a site, where it keeps the one it has there.
	NAT  NAT
	Site int // 1 and up: number of its site in Sites, whose line it shares; 0: none
}

// Site is a place with one line and a local network behind it. Packets between
// its nodes cross only their own Up and Down and take Delay; all others cross
// the line too.
type Site struct {
	Up, Down float64       // bit/s of the shared line; 0: no limit
	Delay    time.Duration // one way between two nodes of the site
}

// Network is a running network over a Topology. Packets to addresses that no
// node has, or to a node that is closed, vanish.
type Network interface {
	// Addr is where node i listens: /ip4/…/udp/…/quic-v1, whichever transport
	// it is.
	Addr(i int) ma.Multiaddr

	// Transport makes a libp2p transport of node i, with ports of its own; a node
	// that was closed may be made again. Its signature is that of
	// p2p.TransportConstructor, and fits libp2p.Transport. A nil resource
	// manager counts nothing. The host's swarm closes the transport.
	Transport(i int) func(crypto.PrivKey, connmgr.ConnectionGater, network.ResourceManager) (transport.Transport, error)

	// Cut drops all packets from now on between pairs of nodes for which cut
	// returns true in either order, also those on their way; nil heals the
	// network. Cut may not call the network.
	Cut(cut func(a, b int) bool)

	// Traffic returns the bytes that node i has put on its line and got from
	// it, headers included: what was dropped in its own queue, lost on its line
	// or arrived while it was off is not in them.
	Traffic(i int) (sent, received int64)

	// ShortPackets returns those bytes of both that were in packets of at most 64
	// bytes on the line: keep-alives and acknowledgements.
	ShortPackets(i int) int64

	// SiteTraffic returns the bytes that crossed the line of a site (1 and up).
	SiteTraffic(site int) (up, down int64)

	// Uploads returns what became of the nodes' videos since it was called last.
	Uploads() Uploads

	// Close ends all goroutines of the network. Hosts are closed first.
	Close()
}

// shortLine is the length of the longest short packet: QUIC's bare PING takes 53
// bytes, an acknowledgement 61 to 63.
const shortLine = 64

// port is where all nodes listen.
const port = 8000

// prefixes are the /16 networks that nodes and sites get: routable ones (RFC
// 6890), none of which go-libp2p-kad-dht counts as one network with others.
// Neighbours in the list differ in the first byte.
var prefixes = sync.OnceValue(func() [][2]byte {
	var out [][2]byte
	for b := range 256 {
		for a := 1; a < 224; a++ {
			switch a {
			case 10, 127: // private, loopback
			case 12, 17, 19, 38, 48, 53, 56, 73: // kad-dht takes each for one network
			case 100:
				if b >= 64 && b < 128 {
					continue
				}
				out = append(out, [2]byte{byte(a), byte(b)})
			default:
				switch [2]byte{byte(a), byte(b)} {
				case [2]byte{169, 254}, [2]byte{192, 0}, [2]byte{192, 88}, [2]byte{192, 168}, [2]byte{198, 18}, [2]byte{198, 19}, [2]byte{198, 51}, [2]byte{203, 0}:
					continue
				}
				if a == 172 && b >= 16 && b < 32 {
					continue
				}
				out = append(out, [2]byte{byte(a), byte(b)})
			}
		}
	}
	return out
})

// ips returns the addresses that all nodes have themselves.
func (t *Topology) ips() []netip.Addr {
	out := t.outsideIPs()
	for i, n := range t.Nodes {
		if n.NAT != NoNAT && n.Site == 0 {
			out[i] = inner(i)
		}
	}
	return out
}

// outsideIPs returns the addresses that the Internet has of all nodes.
func (t *Topology) outsideIPs() []netip.Addr {
	out := make([]netip.Addr, len(t.Nodes))
	used := make([]int, len(t.Sites)+1)
	for i, n := range t.Nodes {
		if n.Site == 0 {
			p := prefixes()[i]
			out[i] = netip.AddrFrom4([4]byte{p[0], p[1], 77, 1})
			continue
		}
		p, k := t.sitePrefix(n.Site), used[n.Site]
		used[n.Site]++
		out[i] = netip.AddrFrom4([4]byte{p[0], p[1], byte(k / 250), byte(1 + k%250)})
	}
	return out
}

func (t *Topology) sitePrefix(site int) [2]byte { return prefixes()[len(prefixes())-site] }

// IP returns the address of node i of a topology: each node has one in another
// /16, but for the nodes of a site, which have one /16 together. All are of the
// public range but for those behind a NAT of their own, which have a /24 each.
func (t *Topology) IP(i int) netip.Addr { return t.ips()[i] }

// Interfaces returns what net.InterfaceAddrs would on node i: its address with
// the network that it is attached to, which is the site's /16, or for a node
// without a site a /30 of its own, or a /24 behind a NAT.
func (t *Topology) Interfaces(i int) []net.Addr {
	ones := 30
	switch {
	case t.Nodes[i].Site != 0:
		ones = 16
	case t.Nodes[i].NAT != NoNAT:
		ones = 24
	}
	return []net.Addr{&net.IPNet{IP: t.IP(i).AsSlice(), Mask: net.CIDRMask(ones, 32)}}
}

// Addr returns where node i listens.
func (t *Topology) Addr(i int) ma.Multiaddr { return addrOf(t.IP(i)) }

func addrOf(ip netip.Addr) ma.Multiaddr {
	return ma.StringCast(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", ip, port))
}

// validate returns an error that wraps ErrTopology and names the first fault.
func (t *Topology) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrTopology}, args...)...)
	}
	if n := len(t.Nodes) + len(t.Sites); n > len(prefixes()) {
		return bad("%d nodes and sites, and there are addresses for %d", n, len(prefixes()))
	}
	rate := func(r float64) bool { return r == 0 || r >= 1000 && !math.IsInf(r, 0) } // NaN is not
	members := make([]int, len(t.Sites)+1)
	for i, n := range t.Nodes {
		switch {
		case !rate(n.Up) || !rate(n.Down):
			return bad("node %d has rates of %g up and %g down; a rate is in bit/s, 0 for no limit or at least 1000", i, n.Up, n.Down)
		case !(n.Loss >= 0 && n.Loss <= 1):
			return bad("node %d loses a share of %g; it is between 0 and 1", i, n.Loss)
		case !(n.Burst >= 0 && n.Burst <= 1000) || n.Burst > 1 && n.Loss > 0.5:
			return bad("node %d loses %g packets in a row; it is 0 to 1000, with a loss of 0.5 at most", i, n.Burst)
		case n.Buffer < 0 || n.Jitter < 0 || n.PerPacket < 0 || !(n.PerByte >= 0 && n.PerByte < 1e6):
			return bad("node %d has a negative buffer, jitter or time for a packet or byte", i)
		case n.Video < 0 || n.Up > 0 && n.Video > n.Up/2:
			return bad("node %d uploads a video of %g bit/s over %g; it may take half of the line", i, n.Video, n.Up)
		case n.Congestion > BBR:
			return bad("node %d has congestion control %d", i, n.Congestion)
		case n.NAT > NoUDP:
			return bad("node %d is behind a NAT of kind %d", i, n.NAT)
		case n.Site < 0 || n.Site > len(t.Sites):
			return bad("node %d is in site %d, and there are %d sites, counted from 1", i, n.Site, len(t.Sites))
		}
		members[n.Site]++
	}
	for i, s := range t.Sites {
		switch {
		case !rate(s.Up) || !rate(s.Down):
			return bad("site %d has rates of %g up and %g down; a rate is in bit/s, 0 for no limit or at least 1000", i+1, s.Up, s.Down)
		case s.Delay < 0:
			return bad("site %d has a delay of %v", i+1, s.Delay)
		case members[i+1] > 250*256:
			return bad("site %d has %d nodes, and there are addresses for %d", i+1, members[i+1], 250*256)
		}
	}
	return nil
}
