package portmap

import (
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Mapper asks the router to forward this node's ports: by UPnP (IGD 1 and 2), and by
// NAT-PMP if it does not answer that. It asks again, since a camera is often started
// before its router. A nil Mapper maps nothing.
type Mapper struct {
	upnp func() basichost.NATManager // looks for a router in the background
	pmp  func() (basichost.NATManager, error)
	done chan struct{}
	work sync.WaitGroup

	mu sync.Mutex
	at basichost.NATManager
}

var _ basichost.NATManager = (*Mapper)(nil)

// New starts to look for a router that forwards ports to what nw listens on.
func New(nw network.Network) *Mapper {
	return start(func() basichost.NATManager { return basichost.NewNATManager(nw) }, func() (basichost.NATManager, error) {
		r, err := defaultRouter()
		if err != nil {
			return nil, err
		}
		return newNATPMP(r, nw.ListenAddresses)
	})
}

func start(upnp func() basichost.NATManager, pmp func() (basichost.NATManager, error)) *Mapper {
	m := &Mapper{upnp: upnp, pmp: pmp, done: make(chan struct{}), at: upnp()}
	m.work.Go(m.run)
	return m
}

// run ends when a router was found.
func (m *Mapper) run() {
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
	close(m.done)
	m.work.Wait()
	return m.current().Close()
}

// Describe returns what the router forwards to those bound, and says it in words.
func (m *Mapper) Describe(bound []ma.Multiaddr) (mapped []ma.Multiaddr, words string) {
	mapped = m.Mapped(bound)
	switch {
	case !m.HasDiscoveredNAT():
		return mapped, "no router has answered by UPnP or NAT-PMP so far"
	case len(mapped) == 0:
		return nil, "the router answers UPnP or NAT-PMP, but forwards no port"
	case slices.ContainsFunc(mapped, manet.IsPublicAddr):
		return mapped, "the router forwards a port to this node, so that others can dial it"
	}
	return mapped, "the router forwards a port, but its own address is private: another NAT stands before it"
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
