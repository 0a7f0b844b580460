package portmap

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	natpmp "github.com/jackpal/go-nat-pmp"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	ma "github.com/multiformats/go-multiaddr"
)

// fakeRouter is a router of NAT-PMP that gives out other ports than it is asked for.
type fakeRouter struct {
	mu      sync.Mutex
	started time.Time
	out     [4]byte
	ends    map[boundPort]time.Time
	asked   []int // external ports
	dead    bool
}

var errNoAnswer = errors.New("no answer")

func (r *fakeRouter) GetExternalAddress() (*natpmp.GetExternalAddressResult, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return nil, errNoAnswer
	}
	return &natpmp.GetExternalAddressResult{ExternalIPAddress: r.out}, nil
}

func (r *fakeRouter) AddPortMapping(protocol string, internal, external, seconds int) (*natpmp.AddPortMappingResult, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return nil, errNoAnswer
	}
	r.asked = append(r.asked, external)
	b := boundPort{protocol: protocol, port: uint16(internal)}
	delete(r.ends, b)
	if seconds > 0 {
		r.ends[b] = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	return &natpmp.AddPortMappingResult{
		SecondsSinceStartOfEpoc: uint32(time.Since(r.started) / time.Second),
		InternalPort:            uint16(internal), MappedExternalPort: uint16(internal) + 1000, PortMappingLifetimeInSeconds: uint32(seconds),
	}, nil
}

func (r *fakeRouter) mappings() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, end := range r.ends {
		if time.Now().Before(end) {
			n++
		}
	}
	return n
}

var (
	bound = []ma.Multiaddr{
		ma.StringCast("/ip4/0.0.0.0/tcp/4417"), ma.StringCast("/ip4/0.0.0.0/udp/4417/quic-v1"),
		ma.StringCast("/ip4/127.0.0.1/tcp/9"), ma.StringCast("/ip6/::/udp/4417/quic-v1"), ma.StringCast("/p2p-circuit"),
	}
	mapped = []string{"/ip4/45.83.1.1/tcp/5417", "/ip4/45.83.1.1/udp/5417/quic-v1"}
)

// startMapper starts a mapper whose router does not answer UPnP, where there is no IPv6.
func startMapper(by ...router) *Mapper {
	m := &Mapper{
		upnp: func() basichost.NATManager { return silent{} }, routers: func() []router { return by },
		router6: func() router { return nil },
		bound:   func() []ma.Multiaddr { return bound },
	}
	m.start()
	return m
}

type reach struct {
	Mapped []string
	Words  string
}

func describe(m *Mapper) (r reach) {
	at, words := m.Describe(bound)
	for _, a := range at {
		r.Mapped = append(r.Mapped, a.String())
	}
	r.Words = words
	return r
}

// silent is a router that answers nothing.
type silent struct{ basichost.NATManager }

func (silent) HasDiscoveredNAT() bool               { return false }
func (silent) GetMapping(ma.Multiaddr) ma.Multiaddr { return nil }
func (silent) Close() error                         { return nil }

// A router that comes up after the camera is still asked, its mappings are renewed
// before they end, follow its address, and are given back.
func TestPortMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		router := &fakeRouter{started: time.Now(), out: [4]byte{45, 83, 1, 1}, ends: map[boundPort]time.Time{}, dead: true}
		m := startMapper(&natPMP{client: router})
		words := func() reach { return describe(m) }
		time.Sleep(10 * time.Minute)
		if r := words(); len(r.Mapped) != 0 || !strings.Contains(r.Words, "no router has answered") {
			t.Errorf("without a router: %+v", r)
		}
		router.mu.Lock()
		router.dead = false
		router.mu.Unlock()
		time.Sleep(mapRetryMax)
		if r := words(); !slices.Equal(r.Mapped, mapped) || !strings.Contains(r.Words, "forwards a port to this node, asked by NAT-PMP") {
			t.Errorf("mapped: %+v", r)
		}
		for range 20 {
			time.Sleep(mapLifetime / 5)
			if n := router.mappings(); n != 2 {
				t.Fatalf("the router holds %d mappings", n)
			}
		}
		router.mu.Lock()
		asked := router.asked
		router.out = [4]byte{10, 0, 0, 2}
		router.mu.Unlock()
		if asked[0] != 4417 || asked[len(asked)-1] != 5417 {
			t.Errorf("it asked for %v: first the port it has, then the one it got", asked)
		}
		time.Sleep(mapLifetime)
		if r := words(); len(r.Mapped) != 2 || !strings.Contains(r.Words, "another NAT") {
			t.Errorf("a router whose address is private: %+v", r)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := router.mappings(); n != 0 {
			t.Errorf("%d mappings are left behind", n)
		}
	})
}
