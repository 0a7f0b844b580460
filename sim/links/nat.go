package links

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	ma "github.com/multiformats/go-multiaddr"
)

// NAT is the kind of network address translator that a node stands behind, by how
// it maps and filters (RFC 4787). Two of them in a row, a home's and a provider's,
// do what the stricter one does.
type NAT uint8

const (
	// NoNAT: the node has an address of the Internet.
	NoNAT NAT = iota
	// FullCone uses one port for everybody and lets everybody in, as a port that was
	// forwarded does.
	FullCone
	// PortRestricted uses one port for everybody and lets in who was sent to, from
	// the port that was sent to.
	PortRestricted
	// Symmetric uses another port for each address and port that is sent to, and lets
	// in nobody else there: what one peer sees is of no use to another.
	Symmetric
	// NoUDP is a firewall that lets out TCP alone. Links carry it as they carry UDP,
	// but to nodes without a NAT only, and otherwise as Symmetric does: no hole can be
	// punched.
	NoUDP
)

var natNames = [...]string{"none", "full cone", "port restricted", "symmetric", "no UDP"}

func (n NAT) String() string { return natNames[n] }

// natTimeout is for how long a mapping is kept, and lets in, after the last packet
// that went out.
const natTimeout = 60 * time.Second

// Connects reports whether a connection between two nodes can come about, whoever
// dials: one can dial the other, or both can be told to send at the same moment.
func (t *Topology) Connects(a, b int) bool {
	n, m := t.Nodes[a], t.Nodes[b]
	if n.Site != 0 && n.Site == m.Site {
		return true
	}
	low, high := min(n.NAT, m.NAT), max(n.NAT, m.NAT)
	switch {
	case low == NoNAT:
		return true
	case high == NoUDP:
		return false
	case high == Symmetric:
		return low == FullCone
	}
	return true
}

// Outside returns where others see node i listen: its own address, or the one that
// its NAT has on the Internet, with the port that a NAT with one port for everybody
// preserves.
func (t *Topology) Outside(i int) ma.Multiaddr { return addrOf(t.outsideIPs()[i]) }

// inner is the private address of a node behind a NAT of its own.
func inner(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 2}) }

// nat is the translator of one node.
type nat struct {
	kind    NAT
	ip      netip.Addr // outside
	random  *rand.Rand
	inside  map[natKey]*natMapping
	outside map[uint16]*natMapping
}

// natKey is what has a mapping of its own: a port, and of a symmetric NAT whom it
// sends to.
type natKey struct {
	local  uint16
	remote netip.AddrPort
}

type natMapping struct {
	local uint16
	addr  *net.UDPAddr // outside
	multi ma.Multiaddr // the same
	used  int64        // when a packet last left
	sent  map[netip.AddrPort]*natSent
}

// natSent is when packets were sent to an address: first, since it was last
// forgotten, and last.
type natSent struct{ first, last int64 }

func newNAT(kind NAT, ip netip.Addr, seed, stream uint64) *nat {
	return &nat{kind: kind, ip: ip, random: rand.New(rand.NewPCG(seed^0x6e6174, stream)), inside: map[natKey]*natMapping{}, outside: map[uint16]*natMapping{}}
}

// out maps a packet that leaves.
func (n *nat) out(local uint16, to netip.AddrPort, now int64) *natMapping {
	key := natKey{local: local}
	if n.kind >= Symmetric {
		key.remote = to
	}
	m := n.inside[key]
	if m == nil || now-m.used > int64(natTimeout) {
		if m != nil {
			delete(n.outside, uint16(m.addr.Port))
		}
		port := local
		for n.kind >= Symmetric || n.outside[port] != nil {
			if port = uint16(1024 + n.random.IntN(1<<16-1024)); n.outside[port] == nil {
				break
			}
		}
		m = &natMapping{local: local, addr: &net.UDPAddr{IP: n.ip.AsSlice(), Port: int(port)}, sent: map[netip.AddrPort]*natSent{}}
		m.multi = ma.StringCast(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", n.ip, port))
		n.inside[key], n.outside[port] = m, m
	}
	m.used = now
	if s := m.sent[to]; s == nil || now-s.last > int64(natTimeout) {
		m.sent[to] = &natSent{now, now}
	} else {
		s.last = now
	}
	n.forget(m, now)
	return m
}

// in is the local port of a packet that arrives, if it is let in.
func (n *nat) in(port uint16, from netip.AddrPort, late time.Duration, now int64) (local uint16, ok bool) {
	m := n.outside[port]
	if m == nil || now-m.used > int64(natTimeout) {
		return 0, false
	}
	if n.kind == FullCone {
		return m.local, true
	}
	s := m.sent[from]
	return m.local, s != nil && now-s.last <= int64(natTimeout) && now-s.first >= int64(late)
}

// forget drops what has ended, of all mappings and of the one just used, when there
// is much.
func (n *nat) forget(used *natMapping, now int64) {
	if len(n.inside) > 4096 {
		for k, m := range n.inside {
			if now-m.used > int64(natTimeout) {
				delete(n.inside, k)
				delete(n.outside, uint16(m.addr.Port))
			}
		}
	}
	if len(used.sent) > 4096 {
		for to, s := range used.sent {
			if now-s.last > int64(natTimeout) {
				delete(used.sent, to)
			}
		}
	}
}
