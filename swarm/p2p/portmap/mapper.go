package portmap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Mapper asks the router to forward this node's ports: by UPnP (IGD 1 and 2), and if
// it does not answer that by PCP, and then by NAT-PMP; and by PCP to let in by IPv6 what
// is for them. It asks again, since a camera is often started before its router, and a
// router replaced. A nil Mapper maps nothing.
type Mapper struct {
	upnp    func() basichost.NATManager // looks for a router in the background
	routers func() []router             // to be asked one after the other
	router6 func() router               // nil: there is no way to the Internet by IPv6
	own6    func() []netip.Addr         // this machine's addresses there
	bound   func() []ma.Multiaddr
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu       sync.Mutex
	at       basichost.NATManager
	pinholes *keeper // nil: no router has answered
	by6      bool    // there is a way to the Internet by IPv6, and something is bound to it
}

var _ basichost.NATManager = (*Mapper)(nil)

// New starts to look for a router that forwards ports to what nw listens on.
func New(nw network.Network) *Mapper {
	m := &Mapper{upnp: func() basichost.NATManager { return basichost.NewNATManager(nw) }, routers: routers, router6: router6, own6: own6, bound: nw.ListenAddresses}
	m.start()
	return m
}

// routers returns the router on the way to the Internet, by each protocol.
func routers() []router {
	at, _, _, err := gateway(internet4)
	if err != nil {
		return nil
	}
	return []router{newPCP(netip.AddrPortFrom(at, pcpPort)), newNATPMP(at)}
}

// router6 returns the router on the way to the Internet by IPv6, or nil.
func router6() router {
	at, _, _, err := gateway(internet6)
	if err != nil {
		return nil
	}
	return newPCP(netip.AddrPortFrom(at, pcpPort))
}

// own6 returns this machine's public addresses on the way to the Internet by IPv6, at
// most maxPinholes: first the one that calls leave from.
func own6() (own []netip.Addr) {
	_, self, out, err := gateway(internet6)
	if err != nil {
		return nil
	}
	all, err := out.Addrs()
	if err != nil {
		return nil
	}
	own = append(own, self)
	for _, a := range all {
		if at, err := netip.ParsePrefix(a.String()); err == nil && !slices.Contains(own, at.Addr()) {
			own = append(own, at.Addr())
		}
	}
	own = slices.DeleteFunc(own, func(a netip.Addr) bool { return !a.Is6() || !a.IsGlobalUnicast() || a.IsPrivate() })
	return own[:min(len(own), maxPinholes)]
}

func (m *Mapper) start() {
	ctx, stop := context.WithCancel(context.Background())
	m.stop, m.at = stop, m.upnp()
	m.work.Go(func() { retry(ctx, mapRetry, m.find) })
	m.work.Go(func() { retry(ctx, pinholeFirst, m.find6) })
}

// retry calls look after first, and then until ctx ends, ever more rarely.
func retry(ctx context.Context, first time.Duration, look func(context.Context)) {
	for pause, next := first, mapRetry; ; pause, next = next, min(2*next, mapRetryMax) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
			look(ctx)
		}
	}
}

// find looks for a router, unless there is one.
func (m *Mapper) find(ctx context.Context) {
	if m.HasDiscoveredNAT() {
		return
	}
	_ = m.current().Close()
	found := m.look(ctx)
	m.mu.Lock()
	m.at = found
	m.mu.Unlock()
}

func (m *Mapper) look(ctx context.Context) basichost.NATManager {
	for _, r := range m.routers() {
		if k := keep(ctx, r, func() []boundPort { return forwardable(m.bound()) }); k != nil {
			return k
		}
	}
	return m.upnp()
}

// find6 looks for a router that opens pinholes, unless there is one.
func (m *Mapper) find6(ctx context.Context) {
	old, _ := m.current6()
	if old != nil {
		if old.HasDiscoveredNAT() {
			return
		}
		_ = old.Close()
	}
	var found *keeper
	ports := func() []boundPort { return pierceable(m.bound(), m.own6()) }
	r := m.router6()
	by6 := r != nil && len(ports()) > 0
	if by6 {
		found = keep(ctx, r, ports)
	}
	m.mu.Lock()
	m.pinholes, m.by6 = found, by6
	m.mu.Unlock()
}

func (m *Mapper) current6() (pinholes *keeper, by6 bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pinholes, m.by6
}

func (m *Mapper) current() basichost.NATManager {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// GetMapping implements basichost.NATManager.
func (m *Mapper) GetMapping(addr ma.Multiaddr) ma.Multiaddr {
	if k, _ := m.current6(); k != nil && len(addr) > 0 && addr[0].Protocol().Code == ma.P_IP6 {
		return k.GetMapping(addr)
	}
	return m.current().GetMapping(addr)
}

// HasDiscoveredNAT implements basichost.NATManager.
func (m *Mapper) HasDiscoveredNAT() bool { return m.current().HasDiscoveredNAT() }

// Close implements basichost.NATManager.
func (m *Mapper) Close() error {
	m.stop()
	m.work.Wait()
	var err error
	if k, _ := m.current6(); k != nil {
		err = k.Close()
	}
	return errors.Join(m.current().Close(), err)
}

// Describe returns what the router lets in of what is for those bound, and says it in words.
func (m *Mapper) Describe(bound []ma.Multiaddr) (mapped []ma.Multiaddr, words string) {
	forwarded, pierced := m.forwarded(bound), m.pierced(bound)
	return append(forwarded, pierced...), m.say(forwarded) + m.say6(pierced)
}

// say says what the router forwards by IPv4.
func (m *Mapper) say(mapped []ma.Multiaddr) string {
	by, why := "UPnP", ""
	if k, ok := m.current().(*keeper); ok {
		by, why = k.router.String(), k.why()
	}
	switch {
	case !m.HasDiscoveredNAT():
		return "no router has answered by UPnP, PCP or NAT-PMP so far"
	case len(mapped) == 0 && why != "":
		return fmt.Sprintf("the router answers by %s, but forwards no port: %s", by, why)
	case len(mapped) == 0:
		return fmt.Sprintf("the router answers by %s, but forwards no port", by)
	case slices.ContainsFunc(mapped, manet.IsPublicAddr):
		return fmt.Sprintf("the router forwards a port to this node, asked by %s, so that others can dial it", by)
	}
	return fmt.Sprintf("the router forwards a port, asked by %s, but its own address is private: another NAT stands before it", by)
}

// say6 says what the router lets in by IPv6, after a semicolon; nothing without IPv6.
func (m *Mapper) say6(mapped []ma.Multiaddr) string {
	pinholes, by6 := m.current6()
	switch {
	case !by6:
		return ""
	case pinholes == nil || !pinholes.HasDiscoveredNAT():
		return "; no router has answered for pinholes of IPv6 so far"
	case len(mapped) == 0 && pinholes.why() != "":
		return "; the router opens no pinhole for IPv6: " + pinholes.why()
	case len(mapped) == 0:
		return "; the router opens no pinhole for IPv6"
	}
	return fmt.Sprintf("; the router opens a pinhole for IPv6, asked by %s, so that others can dial this node", pinholes.router)
}

// Mapped returns the addresses outside at which the router lets in what is for those
// bound: first those of IPv4, which it forwards.
func (m *Mapper) Mapped(bound []ma.Multiaddr) (out []ma.Multiaddr) {
	if m == nil {
		return nil
	}
	return append(m.forwarded(bound), m.pierced(bound)...)
}

func (m *Mapper) forwarded(bound []ma.Multiaddr) (out []ma.Multiaddr) {
	for _, a := range bound {
		if at := m.current().GetMapping(a); at != nil && !ma.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}

func (m *Mapper) pierced(bound []ma.Multiaddr) (out []ma.Multiaddr) {
	k, _ := m.current6()
	if k == nil {
		return nil
	}
	for _, a := range bound {
		for _, at := range k.mapped(a) {
			if !ma.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	return out
}
