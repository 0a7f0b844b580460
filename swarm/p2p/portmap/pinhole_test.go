package portmap

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	ma "github.com/multiformats/go-multiaddr"
)

var own = []netip.Addr{netip.MustParseAddr("2a0f:83:1::2"), netip.MustParseAddr("2a0f:83:1::9abc")}

// startPinholes starts a mapper whose router answers nothing by IPv4.
func startPinholes(s *pcpServer, bound []ma.Multiaddr, own6 func() []netip.Addr) *Mapper {
	m := &Mapper{
		upnp: func() basichost.NATManager { return silent{} }, routers: func() []router { return nil },
		router6: func() router { return s.piped() }, own6: own6, bound: func() []ma.Multiaddr { return bound },
	}
	m.start()
	return m
}

// Pinholes are opened for each address of this machine, kept open, follow a new prefix,
// and are closed at the end.
func TestPinholes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, at, mu := newPCPServer(), own, sync.Mutex{}
		m := startPinholes(s, bound, func() []netip.Addr {
			mu.Lock()
			defer mu.Unlock()
			return at
		})
		move := func(to ...netip.Addr) {
			mu.Lock()
			defer mu.Unlock()
			at = to
		}
		time.Sleep(pinholeFirst + time.Second)
		want := []string{"/ip6/2a0f:83:1::2/udp/4417/quic-v1", "/ip6/2a0f:83:1::9abc/udp/4417/quic-v1"}
		for range 60 {
			r := describe(m)
			if !slices.Equal(r.Mapped, want) || !strings.HasSuffix(r.Words, "; the router opens a pinhole for IPv6, asked by PCP, so that others can dial this node") {
				t.Fatalf("%+v", r)
			}
			if n := s.mappings(); n != 2 {
				t.Fatalf("the router holds %d pinholes", n)
			}
			time.Sleep(time.Minute)
		}
		if n := s.requests(); n != 2*6 && n != 2*7 {
			t.Errorf("%d requests in an hour; there should be two every 10 minutes", n)
		}
		if first := s.suggest[0].String(); first != "[::]:4417" {
			t.Errorf("it asked for %s first", first)
		}
		if got := m.GetMapping(bound[3]); got == nil || got.String() != want[0] {
			t.Errorf("%v is told to others", got)
		}
		if got := m.GetMapping(bound[1]); got != nil {
			t.Errorf("%v is told to others for IPv4", got)
		}
		move(netip.MustParseAddr("2a0f:83:2::2"))
		time.Sleep(2 * mapLifetime)
		if r := describe(m); !slices.Equal(r.Mapped, []string{"/ip6/2a0f:83:2::2/udp/4417/quic-v1"}) {
			t.Errorf("with another prefix: %+v", r)
		}
		m.pinholes.mu.Lock()
		if n := len(m.pinholes.leases); n != 1 {
			t.Errorf("%d leases are remembered", n)
		}
		m.pinholes.mu.Unlock()
		move()
		time.Sleep(2 * mapLifetime)
		if r := describe(m); len(r.Mapped) != 0 || !strings.HasSuffix(r.Words, "; the router opens no pinhole for IPv6") {
			t.Errorf("without an address: %+v", r)
		}
		move(own...)
		time.Sleep(mapLifetime)
		if r := describe(m); !slices.Equal(r.Mapped, want) {
			t.Errorf("with the first addresses again: %+v", r)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := s.mappings(); n != 0 {
			t.Errorf("%d pinholes are left behind", n)
		}
	})
}

// Without a way to the Internet by IPv6 nothing is asked or said; a router that refuses
// or is silent is named, and asked again.
func TestPinholesThatAreNotOpened(t *testing.T) {
	for name, c := range map[string]struct {
		own   []netip.Addr
		bound []ma.Multiaddr
		set   func(*pcpServer)
		words string
		later bool // it opens one in the end
	}{
		"no IPv6":             {nil, bound, func(*pcpServer) {}, "", false},
		"nothing bound to it": {own, bound[:3], func(*pcpServer) {}, "", false},
		"refused":             {own, bound, func(s *pcpServer) { s.refuses, s.refusal = 2, 60 }, "; the router opens no pinhole for IPv6: not authorized", true},
		"silent":              {own, bound, func(s *pcpServer) { s.setDeaf(true) }, "; no router has answered for pinholes of IPv6 so far", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newPCPServer()
				c.set(s)
				m := startPinholes(s, c.bound, func() []netip.Addr { return c.own })
				time.Sleep(time.Minute)
				if r := describe(m); len(r.Mapped) != 0 || r.Words != "no router has answered by UPnP, PCP or NAT-PMP so far"+c.words {
					t.Errorf("%+v", r)
				}
				s.setDeaf(false)
				s.mu.Lock()
				s.refuses = 0
				s.mu.Unlock()
				time.Sleep(mapRetryMax)
				if r := describe(m); c.later != (len(r.Mapped) == 2) || !c.later && s.requests() > 0 {
					t.Errorf("later: %+v after %d requests", r, s.requests())
				}
				_ = m.Close()
			})
		})
	}
}

// What is bound to one address has no pinhole at others, and what is bound to loopback
// or to another machine's address none.
func TestPinholesOfWhatIsBound(t *testing.T) {
	got := pierceable([]ma.Multiaddr{
		ma.StringCast("/ip6/2a0f:83:1::2/tcp/4417"), ma.StringCast("/ip6/::/udp/4417/quic-v1"), ma.StringCast("/ip6/::/udp/4417/quic-v1/webtransport"),
		ma.StringCast("/ip6/::1/tcp/4418"), ma.StringCast("/ip6/2a0f:83:1::3/tcp/4419"), ma.StringCast("/ip4/0.0.0.0/tcp/4420"),
	}, own)
	want := []boundPort{{"tcp", 4417, own[0]}, {"udp", 4417, own[0]}, {"udp", 4417, own[1]}}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant\n%v", got, want)
	}
}

// The router hears from the address that the pinhole is for, not from the one that the
// system would choose.
func TestPinholeIsAskedForFromItsAddress(t *testing.T) {
	at, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = at.Close() }()
	self := netip.MustParseAddr("127.0.0.2") // of IPv6 there is one loopback address alone
	conn, err := newPCP(at.LocalAddr().(*net.UDPAddr).AddrPort()).dial(t.Context(), self)
	if err != nil {
		t.Skip("no second loopback address here")
	}
	defer func() { _ = conn.Close() }()
	if got := netip.MustParseAddrPort(conn.LocalAddr().String()); got.Addr() != self {
		t.Errorf("it asks from %v", got)
	}
}
