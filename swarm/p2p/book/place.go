package book

import (
	"net/netip"
	"slices"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// place is what is known of an IP address at which somebody should have been whom
// others named. Names cost nothing: without it, whoever names a victim under many
// peer ids would have us dial it as many times.
type place struct {
	failures int // dials in a row that did not end well, whoever was sought there
	next     time.Time
}

// placesOf returns the IP addresses to which a candidate's addresses lead directly,
// without this machine's.
func placesOf(addrs []ma.Multiaddr) (out []netip.Addr) {
	for _, a := range addrs {
		if ip, ok := placeOf(a); ok && !slices.Contains(out, ip) {
			out = append(out, ip)
		}
	}
	return out
}

// placeOf returns the place of an address; relays, which are known peers, and
// loopback are none.
func placeOf(a ma.Multiaddr) (netip.Addr, bool) {
	if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err == nil {
		return netip.Addr{}, false
	}
	raw, err := manet.ToIP(a)
	if err != nil {
		return netip.Addr{}, false
	}
	ip, ok := netip.AddrFromSlice(raw)
	return ip.Unmap(), ok && !ip.Unmap().IsLoopback()
}

// hearsay tells whether others said where a peer is.
func (s Source) hearsay() bool { return s != Static && s != LAN }

// opens returns when one of a candidate's addresses may be dialled.
func (b *Book) opens(c *candidate) (at time.Time) {
	if !c.source.hearsay() {
		return at
	}
	for i, a := range c.addrs {
		var next time.Time
		if ip, ok := placeOf(a); ok && b.places[ip] != nil {
			next = b.places[ip].next
		}
		if i == 0 || next.Before(at) {
			at = next
		}
	}
	return at
}

// open returns the addresses of a candidate that may be dialled now, and counts the
// dial: until it has ended well, nobody else is sought there for a while.
func (b *Book) open(c *candidate, now time.Time) []ma.Multiaddr {
	if !c.source.hearsay() {
		return c.addrs
	}
	addrs := slices.DeleteFunc(slices.Clone(c.addrs), func(a ma.Multiaddr) bool {
		ip, ok := placeOf(a)
		return ok && b.places[ip] != nil && now.Before(b.places[ip].next)
	})
	for _, ip := range placesOf(addrs) {
		p := b.places[ip]
		if p == nil {
			b.forgetPlace()
			p = &place{}
			b.places[ip] = p
		}
		p.failures++
		p.backOff(now)
	}
	return addrs
}

func (p *place) backOff(now time.Time) {
	p.next = now.Add(min(backoffBase<<min(p.failures-1, 20), placeBackoffMax))
}

// reached records how the dial of a candidate has ended.
func (b *Book) reached(c *candidate, ok bool, now time.Time) {
	if !c.source.hearsay() {
		return
	}
	for _, ip := range placesOf(c.addrs) {
		if p := b.places[ip]; ok {
			delete(b.places, ip)
		} else if p != nil {
			p.backOff(now)
		}
	}
}

// forgetPlace makes room for another place: the one that can be dialled soonest.
func (b *Book) forgetPlace() {
	if len(b.places) < MaxCandidates {
		return
	}
	var oldest netip.Addr
	for ip, p := range b.places {
		if o := b.places[oldest]; o == nil || p.next.Before(o.next) {
			oldest = ip
		}
	}
	delete(b.places, oldest)
}
