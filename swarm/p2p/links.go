package p2p

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"camswarm/swarm/p2p/book"
	"camswarm/swarm/p2p/mdns"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// links knows the networks that this machine is directly attached to.
type links struct {
	now func() time.Time
	get func() ([]net.Addr, error) // net.InterfaceAddrs

	mu    sync.Mutex
	read  time.Time
	known []netip.Prefix
	addrs []netip.Addr
}

// linksAge is how long the interfaces' addresses are believed.
const linksAge = 30 * time.Second

// on reports whether an address is on a directly attached network: loopback,
// link-local, or inside the prefix of one of the interfaces. A private address
// alone says little; a VPN of many sites is private too.
func (l *links) on(a ma.Multiaddr) bool {
	if !direct(a) {
		return false
	}
	ip, err := manet.ToIP(a)
	if err != nil {
		return false
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	return l.onIP(addr.Unmap())
}

func (l *links) onIP(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(l.prefixes(), func(p netip.Prefix) bool { return p.Contains(addr) })
}

// own tells whether an address is one of this machine's.
func (l *links) own(addr netip.Addr) bool {
	l.prefixes()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.addrs, addr)
}

func (l *links) prefixes() []netip.Prefix {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if age := now.Sub(l.read); !l.read.IsZero() && age >= 0 && age < linksAge {
		return l.known
	}
	l.read = now
	addrs, err := l.get()
	if err != nil {
		return l.known
	}
	l.known, l.addrs = nil, nil
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		ones, _ := n.Mask.Size()
		if addr = addr.Unmap(); ok {
			l.addrs = append(l.addrs, addr)
		}
		if ok && ones > 0 && ones < addr.BitLen() {
			l.known = append(l.known, netip.PrefixFrom(addr, ones).Masked())
		}
	}
	return l.known
}

// dialable drops, from the addresses a distant peer claims, those that cannot
// be meant for us: private addresses of other people's networks. If nothing
// else is left they are kept, for sites that are joined by a VPN.
func (l *links) dialable(addrs []ma.Multiaddr) []ma.Multiaddr {
	var out []ma.Multiaddr
	for _, a := range addrs {
		if transportOf(a) != transportOther && (!manet.IsPrivateAddr(a) || l.on(a)) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return addrs
	}
	return out
}

func direct(a ma.Multiaddr) bool {
	if len(a) == 0 {
		return false
	}
	_, err := a.ValueForProtocol(ma.P_CIRCUIT)
	return err != nil
}

// mdnsService is the name that is asked for on the local network in an open swarm.
const mdnsService = "_camswarm._udp.local."

// runMDNS looks for peers on the local network and answers until ctx ends.
func (n *Network) runMDNS(ctx context.Context) {
	service := mdns.Service{
		Name: n.members.mdnsService(), ID: n.host.ID(), Addrs: n.addrsOn, Interfaces: n.cfg.MDNSInterfaces,
		Near:   n.links.onIP,
		Usable: func(a ma.Multiaddr) bool { return direct(a) && transportOf(a) != transportOther },
		Found: func(info peer.AddrInfo) {
			info.Addrs = slices.DeleteFunc(info.Addrs, func(a ma.Multiaddr) bool { return !n.links.on(a) })
			n.discovered(info, book.LAN)
		},
		Fed:    func() bool { return !n.neighbours().Small(n.bounds()) },
		Logger: n.log,
	}
	service.Run(ctx)
}

// addrsOn returns the listen addresses that can be reached through an
// interface: a camera with a cable and Wi-Fi says on each only what is there.
func (n *Network) addrsOn(ifi net.Interface) []ma.Multiaddr {
	own, err := ifi.Addrs()
	if err != nil {
		return nil
	}
	all, err := n.host.Network().InterfaceListenAddresses()
	if err != nil {
		return nil
	}
	var out []ma.Multiaddr
	for _, a := range all {
		ip, err := manet.ToIP(a)
		if err != nil || ip.IsLinkLocalUnicast() && ip.To4() == nil { // means nothing without a zone
			continue
		}
		if slices.ContainsFunc(own, func(o net.Addr) bool { p, ok := o.(*net.IPNet); return ok && p.IP.Equal(ip) }) {
			out = append(out, a)
		}
	}
	return out
}
