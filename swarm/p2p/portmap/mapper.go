package portmap

import (
	"context"
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
// it does not answer that by PCP, and then by NAT-PMP. It asks again, since a camera is
// often started before its router, and a router replaced. A nil Mapper maps nothing.
type Mapper struct {
	upnp    func() basichost.NATManager // looks for a router in the background
	routers func() []router             // to be asked one after the other
	bound   func() []ma.Multiaddr
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu sync.Mutex
	at basichost.NATManager
}

var _ basichost.NATManager = (*Mapper)(nil)

// New starts to look for a router that forwards ports to what nw listens on.
func New(nw network.Network) *Mapper {
	m := &Mapper{upnp: func() basichost.NATManager { return basichost.NewNATManager(nw) }, routers: routers, bound: nw.ListenAddresses}
	m.start()
	return m
}

// routers returns the router on the way to the Internet, by each protocol.
func routers() []router {
	at, err := gateway()
	if err != nil {
		return nil
	}
	return []router{newPCP(netip.AddrPortFrom(at, pcpPort)), newNATPMP(at)}
}

func (m *Mapper) start() {
	ctx, stop := context.WithCancel(context.Background())
	m.stop, m.at = stop, m.upnp()
	m.work.Go(func() { m.run(ctx) })
}

func (m *Mapper) run(ctx context.Context) {
	for pause := mapRetry; ; pause = min(2*pause, mapRetryMax) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if m.HasDiscoveredNAT() {
			continue
		}
		_ = m.current().Close()
		found := m.look(ctx)
		m.mu.Lock()
		m.at = found
		m.mu.Unlock()
	}
}

func (m *Mapper) look(ctx context.Context) basichost.NATManager {
	for _, r := range m.routers() {
		if k := keep(ctx, r, m.bound); k != nil {
			return k
		}
	}
	return m.upnp()
}

func (m *Mapper) current() basichost.NATManager {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// GetMapping implements basichost.NATManager.
func (m *Mapper) GetMapping(addr ma.Multiaddr) ma.Multiaddr { return m.current().GetMapping(addr) }

// HasDiscoveredNAT implements basichost.NATManager.
func (m *Mapper) HasDiscoveredNAT() bool { return m.current().HasDiscoveredNAT() }

// Close implements basichost.NATManager.
func (m *Mapper) Close() error {
	m.stop()
	m.work.Wait()
	return m.current().Close()
}

// Describe returns what the router forwards to those bound, and says it in words.
func (m *Mapper) Describe(bound []ma.Multiaddr) (mapped []ma.Multiaddr, words string) {
	mapped = m.Mapped(bound)
	by, why := "UPnP", ""
	if k, ok := m.current().(*keeper); ok {
		by, why = k.router.String(), k.why()
	}
	switch {
	case !m.HasDiscoveredNAT():
		return mapped, "no router has answered by UPnP, PCP or NAT-PMP so far"
	case len(mapped) == 0 && why != "":
		return nil, fmt.Sprintf("the router answers by %s, but forwards no port: %s", by, why)
	case len(mapped) == 0:
		return nil, fmt.Sprintf("the router answers by %s, but forwards no port", by)
	case slices.ContainsFunc(mapped, manet.IsPublicAddr):
		return mapped, fmt.Sprintf("the router forwards a port to this node, asked by %s, so that others can dial it", by)
	}
	return mapped, fmt.Sprintf("the router forwards a port, asked by %s, but its own address is private: another NAT stands before it", by)
}

// Mapped returns the addresses outside that the router forwards to those bound.
func (m *Mapper) Mapped(bound []ma.Multiaddr) (out []ma.Multiaddr) {
	if m == nil {
		return nil
	}
	for _, a := range bound {
		if at := m.GetMapping(a); at != nil && !ma.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}
