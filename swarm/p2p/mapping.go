package p2p

import (
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// The values of Config.PortMapping.
const (
	PortMappingOff  = "off"
	PortMappingAuto = "auto"
)

// mapper asks the router to forward this node's ports: by UPnP (IGD 1 and 2), and by
// NAT-PMP if it does not answer that. It asks again, since a camera is often started
// before its router. A nil mapper maps nothing.
type mapper struct {
	upnp func() basichost.NATManager // looks for a router in the background
	pmp  func() (basichost.NATManager, error)
	done chan struct{}
	work sync.WaitGroup

	mu sync.Mutex
	at basichost.NATManager
}

var _ basichost.NATManager = (*mapper)(nil)

// newMapper starts to look for a router.
func newMapper(nw network.Network) *mapper {
	return startMapper(func() basichost.NATManager { return basichost.NewNATManager(nw) }, func() (basichost.NATManager, error) {
		r, err := defaultRouter()
		if err != nil {
			return nil, err
		}
		return newNATPMP(r, nw.ListenAddresses)
	})
}

func startMapper(upnp func() basichost.NATManager, pmp func() (basichost.NATManager, error)) *mapper {
	m := &mapper{upnp: upnp, pmp: pmp, done: make(chan struct{}), at: upnp()}
	m.work.Go(m.run)
	return m
}

// run ends when a router was found.
func (m *mapper) run() {
	for pause := mapRetry; ; pause = min(2*pause, mapRetryMax) {
		select {
		case <-m.done:
			return
		case <-time.After(pause):
		}
		if m.HasDiscoveredNAT() {
			return
		}
		_ = m.current().Close()
		found, err := m.pmp()
		if err != nil {
			found = m.upnp()
		}
		m.mu.Lock()
		m.at = found
		m.mu.Unlock()
	}
}

func (m *mapper) current() basichost.NATManager {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// GetMapping implements basichost.NATManager.
func (m *mapper) GetMapping(addr ma.Multiaddr) ma.Multiaddr { return m.current().GetMapping(addr) }

// HasDiscoveredNAT implements basichost.NATManager.
func (m *mapper) HasDiscoveredNAT() bool { return m.current().HasDiscoveredNAT() }

// Close implements basichost.NATManager.
func (m *mapper) Close() error {
	close(m.done)
	m.work.Wait()
	return m.current().Close()
}

// describe adds what the router forwards to what is known of a node's reach.
func (m *mapper) describe(r *Reach, bound []ma.Multiaddr) {
	if m == nil {
		return
	}
	at, router := m.mapped(bound), m.HasDiscoveredNAT()
	for _, a := range at {
		r.Mapped = append(r.Mapped, a.String())
	}
	switch {
	case !router:
		r.Words += "; no router answers UPnP or NAT-PMP"
	case len(at) == 0:
		r.Words += "; the router answers UPnP or NAT-PMP, but forwards no port"
	case slices.ContainsFunc(at, manet.IsPublicAddr):
		r.Words += "; the router forwards a port to this node, so that others can dial it"
	default:
		r.Words += "; the router forwards a port, but its own address is private: another NAT stands before it"
	}
}

// mapped returns the addresses outside that the router forwards to those bound.
func (m *mapper) mapped(bound []ma.Multiaddr) (out []ma.Multiaddr) {
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
