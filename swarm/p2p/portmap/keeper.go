package portmap

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-netroute"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
)

// A router forwards ports to this machine.
type router interface {
	// forward has it forward b for d, or no longer if that is 0: from want, if it can.
	// An error that is no *refusal means that the router has not answered; of a
	// refusal's grant only lost is set.
	forward(ctx context.Context, b boundPort, want netip.AddrPort, d time.Duration) (grant, error)
	String() string // the protocol
}

// A grant is what a router gave.
type grant struct {
	outside netip.AddrPort
	lasts   time.Duration
	lost    bool // it has forgotten what it gave before
}

// A refusal is a router's no.
type refusal struct {
	words string
	lasts time.Duration // asking earlier is in vain
}

func (r *refusal) Error() string { return r.words }

// An epoch tells whether a router has lost its state, by the seconds that it counts.
type epoch struct {
	at     time.Time
	router int64
}

// lost takes the count of an answer (RFC 6887, section 8.5).
func (e *epoch) lost(count uint32) bool {
	last := *e
	*e = epoch{time.Now(), int64(count)}
	if last.at.IsZero() {
		return false
	}
	ours, its := int64(e.at.Sub(last.at)/time.Second), e.router-last.router
	return its < -1 || ours+2 < its-its/16 || its+2 < ours-ours/16
}

// keeper keeps ports mapped at a router.
type keeper struct {
	router router
	ports  func() []boundPort // to be mapped now
	stop   context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	leases  map[boundPort]lease
	silent  bool   // the router did not answer when it was asked last
	refused string // its reason, if it refused then
}

type boundPort struct {
	protocol string // "udp" or "tcp"
	port     uint16
	self     netip.Addr // IPv6: this machine's address; invalid: IPv4
}

type lease struct {
	outside netip.AddrPort
	ends    time.Time
	again   time.Time // when the router is asked for it again
}

var _ basichost.NATManager = (*keeper)(nil)

// Documentation addresses that stand for the Internet; nothing is sent to them.
var (
	internet4 = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	internet6 = netip.MustParseAddr("2001:db8::1")
)

// gateway returns the router on the way to an address, and the address and interface
// that packets leave from.
func gateway(to netip.Addr) (at, self netip.Addr, out *net.Interface, err error) {
	routes, err := netroute.New()
	if err != nil {
		return at, self, nil, err
	}
	out, via, from, err := routes.Route(to.AsSlice())
	if err != nil {
		return at, self, nil, err
	}
	at, ok := netip.AddrFromSlice(via)
	self, ok2 := netip.AddrFromSlice(from)
	at, self = at.Unmap(), self.Unmap()
	if !ok || !ok2 || at.Is4() != to.Is4() {
		return at, self, nil, errors.New("the Internet is on the local network")
	}
	if at.IsLinkLocalUnicast() && at.Is6() {
		at = at.WithZone(out.Name)
	}
	return at, self, out, nil
}

// keep maps ports, and keeps them mapped until Close. It returns nil when the router
// does not answer.
func keep(ctx context.Context, r router, ports func() []boundPort) *keeper {
	k := &keeper{router: r, ports: ports, leases: map[boundPort]lease{}}
	pause, answered := k.renew(ctx)
	if !answered {
		return nil
	}
	ctx, k.stop = context.WithCancel(ctx)
	k.work.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
				pause, _ = k.renew(ctx)
			}
		}
	})
	return k
}

// renew asks for what is due of the ports that are bound now, until the router is
// silent, and says when to do so again.
func (k *keeper) renew(ctx context.Context) (pause time.Duration, answered bool) {
	ports := k.ports()
	k.forget(ports)
	for _, b := range ports {
		if l := k.lease(b); !time.Now().Before(l.again) {
			if !k.ask(ctx, b, l) {
				break
			}
			answered = true
		}
	}
	pause = mapLifetime / 2
	for _, b := range ports {
		pause = min(pause, time.Until(k.lease(b).again))
	}
	return max(pause, mapRenewMin), answered
}

// forget drops what has ended of ports that are bound no more.
func (k *keeper) forget(bound []boundPort) {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.leases, func(b boundPort, l lease) bool {
		return !slices.Contains(bound, b) && !time.Now().Before(l.ends)
	})
}

func (k *keeper) lease(b boundPort) lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.leases[b]
}

// ask renews a lease, and says whether the router has answered.
func (k *keeper) ask(ctx context.Context, b boundPort, l lease) bool {
	want := l.outside
	if !want.IsValid() {
		want = netip.AddrPortFrom(b.nowhere(), b.port)
	}
	got, err := k.router.forward(ctx, b, want, mapLifetime)
	if err == nil && (got.outside.Addr().Is4() == b.self.IsValid() || !got.outside.Addr().IsGlobalUnicast() || got.outside.Port() == 0) {
		err = &refusal{"it has no address outside", mapLifetime / 2}
	}
	var no *refusal
	now, pause := time.Now(), mapLifetime/2
	k.mu.Lock()
	defer k.mu.Unlock()
	k.silent, k.refused = false, ""
	switch {
	case err == nil:
		l.outside, l.ends = got.outside, now.Add(got.lasts)
		pause = min(pause, got.lasts/2)
	case errors.As(err, &no):
		k.refused = no.words
		pause = min(no.lasts, mapRetryMax)
	default:
		k.silent = true
		if left := l.ends.Sub(now); left > 0 {
			pause = left / 2
		}
	}
	if got.lost {
		for other, was := range k.leases {
			was.again = now
			k.leases[other] = was
		}
	}
	l.again = now.Add(max(pause, mapRenewMin))
	k.leases[b] = l
	return !k.silent
}

// nowhere is what stands for no address in its requests.
func (b boundPort) nowhere() netip.Addr {
	if b.self.IsValid() {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// portOf returns what an address is bound to, unless it is loopback's: its port, and of
// IPv6 its address too.
func portOf(a ma.Multiaddr) (boundPort, bool) {
	if len(a) < 2 || manet.IsIPLoopback(a) {
		return boundPort{}, false
	}
	na, err := manet.ToNetAddr(a[:2])
	if err != nil {
		return boundPort{}, false
	}
	at, err := netip.ParseAddrPort(na.String())
	b := boundPort{protocol: na.Network()[:3], port: at.Port()}
	if at.Addr().Is6() {
		b.self = at.Addr()
	}
	return b, err == nil
}

// forwardable returns the ports of IPv4.
func forwardable(bound []ma.Multiaddr) (ports []boundPort) {
	for _, a := range bound {
		if b, ok := portOf(a); ok && !b.self.IsValid() && !slices.Contains(ports, b) {
			ports = append(ports, b)
		}
	}
	return ports
}

// pierceable returns the ports of IPv6 at those of this machine's addresses that they
// are bound to.
func pierceable(bound []ma.Multiaddr, own []netip.Addr) (ports []boundPort) {
	for _, self := range own {
		for _, a := range bound {
			b, ok := portOf(a)
			if !ok || b.self != self && b.self != netip.IPv6Unspecified() {
				continue
			}
			if b.self = self; !slices.Contains(ports, b) {
				ports = append(ports, b)
			}
		}
	}
	return ports
}

// GetMapping implements basichost.NATManager.
func (k *keeper) GetMapping(a ma.Multiaddr) ma.Multiaddr {
	if all := k.mapped(a); len(all) > 0 {
		return all[0]
	}
	return nil
}

// mapped returns where the router lets in what is for a bound address. An IPv6 address
// that is none stands for several.
func (k *keeper) mapped(a ma.Multiaddr) (out []ma.Multiaddr) {
	of, ok := portOf(a)
	if !ok {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for b, l := range k.leases {
		anywhere := of.self == netip.IPv6Unspecified() && b.self.IsValid()
		if b.protocol != of.protocol || b.port != of.port || b.self != of.self && !anywhere || !time.Now().Before(l.ends) {
			continue
		}
		var outside net.Addr = net.TCPAddrFromAddrPort(l.outside)
		if b.protocol == "udp" {
			outside = net.UDPAddrFromAddrPort(l.outside)
		}
		if mapped, err := manet.FromNetAddr(outside); err == nil {
			out = append(out, mapped.Encapsulate(a[2:]))
		}
	}
	slices.SortFunc(out, ma.Multiaddr.Compare)
	return out
}

// HasDiscoveredNAT implements basichost.NATManager. A router that is silent until all
// it gave has ended is gone.
func (k *keeper) HasDiscoveredNAT() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.silent {
		return true
	}
	for _, l := range k.leases {
		if time.Now().Before(l.ends) {
			return true
		}
	}
	return false
}

// why says why the router has refused, or "".
func (k *keeper) why() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.refused
}

// Close implements basichost.NATManager. It has the router forget.
func (k *keeper) Close() error {
	k.stop()
	k.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), pmpTimeout)
	defer cancel()
	for b, l := range k.leases {
		if time.Now().Before(l.ends) {
			if _, err := k.router.forward(ctx, b, netip.AddrPort{}, 0); err != nil {
				return err // it forgets by itself soon
			}
		}
	}
	return nil
}
