package portmap

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	natpmp "github.com/jackpal/go-nat-pmp"
	"github.com/libp2p/go-netroute"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
)

// natPMP keeps mappings at a router that speaks NAT-PMP (RFC 6886), as those that
// speak PCP (RFC 6887) mostly do beside it. go-libp2p has a client too, but looks for
// the router by the route to 0.0.0.0, which go-netroute v0.4.0 refuses.
type natPMP struct {
	router pmpRouter
	bound  func() []ma.Multiaddr
	done   chan struct{}
	work   sync.WaitGroup

	mu      sync.Mutex
	outside netip.Addr
	ports   map[boundPort]uint16
}

type boundPort struct {
	protocol string // "udp" or "tcp"
	port     uint16
}

// pmpRouter is natpmp.Client.
type pmpRouter interface {
	GetExternalAddress() (*natpmp.GetExternalAddressResult, error)
	AddPortMapping(protocol string, internal, external, seconds int) (*natpmp.AddPortMappingResult, error)
}

var (
	_ pmpRouter            = (*natpmp.Client)(nil)
	_ basichost.NATManager = (*natPMP)(nil)
)

// defaultRouter returns the router on the way to the Internet: to a documentation
// address, to which nothing is sent.
func defaultRouter() (pmpRouter, error) {
	routes, err := netroute.New()
	if err != nil {
		return nil, err
	}
	_, at, _, err := routes.Route(net.IPv4(192, 0, 2, 1))
	if err != nil {
		return nil, err
	}
	if at == nil {
		return nil, errors.New("the Internet is on the local network")
	}
	return natpmp.NewClientWithTimeout(at, pmpTimeout), nil
}

// newNATPMP maps the ports that are bound, and keeps them mapped until Close. It
// fails when the router does not answer.
func newNATPMP(router pmpRouter, bound func() []ma.Multiaddr) (*natPMP, error) {
	m := &natPMP{router: router, bound: bound, done: make(chan struct{}), ports: map[boundPort]uint16{}}
	if err := m.renew(); err != nil {
		return nil, err
	}
	m.work.Go(func() {
		tick := time.NewTicker(pmpLifetime / 2)
		defer tick.Stop()
		for {
			select {
			case <-m.done:
				return
			case <-tick.C:
				_ = m.renew() // what was mapped is told until the router says otherwise
			}
		}
	})
	return m, nil
}

// renew asks for what is bound now.
func (m *natPMP) renew() error {
	got, err := m.router.GetExternalAddress()
	if err != nil {
		return err
	}
	ports := map[boundPort]uint16{}
	for _, a := range m.bound() {
		b, ok := portOf(a)
		if !ok || ports[b] != 0 {
			continue
		}
		m.mu.Lock()
		want := m.ports[b]
		m.mu.Unlock()
		if want == 0 {
			want = b.port
		}
		if at, err := m.router.AddPortMapping(b.protocol, int(b.port), int(want), int(pmpLifetime/time.Second)); err == nil {
			ports[b] = at.MappedExternalPort
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outside, m.ports = netip.AddrFrom4(got.ExternalIPAddress), ports
	return nil
}

// portOf returns the port that an IPv4 address is bound to, unless it is loopback's.
func portOf(a ma.Multiaddr) (boundPort, bool) {
	if len(a) < 2 || a[0].Protocol().Code != ma.P_IP4 || manet.IsIPLoopback(a) {
		return boundPort{}, false
	}
	na, err := manet.ToNetAddr(a[:2])
	if err != nil {
		return boundPort{}, false
	}
	at, err := netip.ParseAddrPort(na.String())
	return boundPort{na.Network()[:3], at.Port()}, err == nil
}

// GetMapping implements basichost.NATManager.
func (m *natPMP) GetMapping(a ma.Multiaddr) ma.Multiaddr {
	b, ok := portOf(a)
	if !ok {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	port := m.ports[b]
	if port == 0 {
		return nil
	}
	at := netip.AddrPortFrom(m.outside, port)
	var outside net.Addr = net.TCPAddrFromAddrPort(at)
	if b.protocol == "udp" {
		outside = net.UDPAddrFromAddrPort(at)
	}
	mapped, err := manet.FromNetAddr(outside)
	if err != nil {
		return nil
	}
	return mapped.Encapsulate(a[2:])
}

// HasDiscoveredNAT implements basichost.NATManager.
func (m *natPMP) HasDiscoveredNAT() bool { return true }

// Close implements basichost.NATManager. It has the router forget.
func (m *natPMP) Close() error {
	close(m.done)
	m.work.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for b := range m.ports {
		if _, err := m.router.AddPortMapping(b.protocol, int(b.port), 0, 0); err != nil {
			return err // it forgets by itself soon
		}
	}
	return nil
}
