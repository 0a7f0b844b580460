package tokens

import (
	"net/netip"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// NetworkOf returns the network that an address counts for, IPv4 /24 or IPv6 /56; the
// zero one of an invalid address.
func NetworkOf(addr netip.Addr) netip.Prefix {
	bits := 24
	if addr = addr.Unmap(); addr.Is6() {
		bits = 56
	}
	network, _ := addr.WithZone("").Prefix(bits)
	return network
}

// Local reports whether an address is private, link-local, loopback or unspecified, which
// a dial takes for loopback: on a network of this node's own.
func Local(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}

// AddrOf returns the IP address of a peer at a, the invalid one behind a relay.
func AddrOf(a ma.Multiaddr) netip.Addr {
	if len(a) == 0 {
		return netip.Addr{}
	}
	if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err == nil {
		return netip.Addr{}
	}
	ip, err := manet.ToIP(a)
	if err != nil {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}
