package p2p

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/ipv4"
)

// start2027 is when the clocks of tests begin.
var start2027 = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

func TestLinksTellTheLANFromOtherPrivateNetworks(t *testing.T) {
	reads := 0
	now := start2027
	l := &links{now: func() time.Time { return now }, get: func() ([]net.Addr, error) {
		reads++
		return []net.Addr{
			&net.IPNet{IP: net.IPv4(192, 168, 7, 20), Mask: net.CIDRMask(24, 32)},
			&net.IPNet{IP: net.ParseIP("2001:db8:7::20"), Mask: net.CIDRMask(64, 128)},
			&net.IPNet{IP: net.IPv4(10, 9, 8, 7), Mask: net.CIDRMask(32, 32)}, // a tunnel's own end
		}, nil
	}}
	for addr, want := range map[string]bool{
		"/ip4/192.168.7.99/tcp/1":             true,
		"/ip4/192.168.8.99/tcp/1":             false,
		"/ip4/10.9.8.7/tcp/1":                 false,
		"/ip4/10.9.8.6/tcp/1":                 false,
		"/ip6/2001:db8:7::99/udp/1/quic-v1":   true,
		"/ip6/2001:db8:8::99/udp/1/quic-v1":   false,
		"/ip6/fe80::1/tcp/1":                  true,
		"/ip4/127.0.0.1/tcp/1":                true,
		"/ip4/198.51.100.1/tcp/1":             false,
		"/ip4/192.168.7.99/tcp/1/p2p-circuit": false,
		"/dns4/seed.example/tcp/1":            false,
	} {
		if got := l.on(ma.StringCast(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if reads != 1 {
		t.Errorf("the interfaces were read %d times", reads)
	}
	now = now.Add(2 * linksAge)
	l.on(ma.StringCast("/ip4/192.168.7.99/tcp/1"))
	if reads != 2 {
		t.Error("the interfaces are never read again")
	}

	public, foreign, own := ma.StringCast("/ip4/198.51.100.1/tcp/1"), ma.StringCast("/ip4/192.168.1.5/tcp/1"), ma.StringCast("/ip4/192.168.7.5/tcp/1")
	ws := ma.StringCast("/ip4/198.51.100.1/tcp/1/ws")
	for _, c := range []struct{ in, want []ma.Multiaddr }{
		{[]ma.Multiaddr{public, foreign, own, ws}, []ma.Multiaddr{public, own}},
		{[]ma.Multiaddr{foreign}, []ma.Multiaddr{foreign}},
	} {
		got := l.dialable(c.in)
		if !slices.EqualFunc(got, c.want, func(a, b ma.Multiaddr) bool { return a.Equal(b) }) {
			t.Errorf("of %v dialable %v", c.in, got)
		}
	}
}

// multicastWorks reports whether a socket of this machine hears another on its
// loopback interface.
func multicastWorks(t *testing.T) bool {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return false
	}
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	conn, err := net.ListenMulticastUDP("udp4", lo, group)
	if err != nil {
		t.Logf("no multicast socket: %v", err)
		return false
	}
	defer func() { _ = conn.Close() }()
	p := ipv4.NewPacketConn(conn)
	if err := errors.Join(p.SetMulticastInterface(lo), p.SetMulticastLoopback(true)); err != nil {
		return false
	}
	if _, err := p.WriteTo([]byte("camswarm test"), nil, group); err != nil {
		t.Logf("no multicast on loopback: %v", err)
		return false
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return false
	}
	for buf := make([]byte, 9000); ; {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Logf("own multicast is not heard: %v", err)
			return false
		}
		if string(buf[:n]) == "camswarm test" {
			return true
		}
	}
}

func TestMDNSFindsPeersOnTheNamedInterface(t *testing.T) {
	if !multicastWorks(t) {
		t.Skip("multicast does not work on this machine's loopback interface")
	}
	cfg := netConfig(RoleCamera)
	cfg.MDNS, cfg.MDNSInterfaces = true, []string{"lo"}
	elsewhere := cfg
	elsewhere.MDNSInterfaces = []string{"no-such-interface"}
	a, b, deaf := newNet(t, cfg), newNet(t, cfg), newNet(t, elsewhere)
	for _, n := range []*Network{deaf, a, b} {
		runNet(t, n)
	}
	await(t, "the two on one interface to meet", func() bool { return linked(a, b) })
	if known := deaf.Status().Candidates; known != 0 || linked(a, deaf) || linked(b, deaf) {
		t.Error("a node on another interface was found")
	}
	if tier := a.Tier(b.Host().ID()); tier != TierLAN {
		t.Errorf("tier is %s", tier)
	}
}
