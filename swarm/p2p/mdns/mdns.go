package mdns

import (
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Service is a peer that looks for others on the local network and answers them.
// All its functions are called from Run's goroutine.
type Service struct {
	// Name is what is asked for, such as "_camswarm._udp.local.".
	Name string

	// ID is the peer, and Addrs are its addresses that can be reached through an
	// interface, without /p2p. Nobody is answered where there are none.
	ID    peer.ID
	Addrs func(net.Interface) []ma.Multiaddr

	// Interfaces are the names of the interfaces that are used. Empty: all that
	// are up and can multicast, except loopback. They are looked at every minute.
	Interfaces []string

	// Near reports whether an address is on a network that this machine is attached
	// to; packets from elsewhere are ignored. Usable reports whether a peer can be
	// dialled at an address; peers without such an address are ignored.
	Near   func(netip.Addr) bool
	Usable func(ma.Multiaddr) bool

	// Found is called with every peer that is heard of, again and again.
	Found func(peer.AddrInfo)

	// Fed reports whether there are enough neighbours, so that asking less often
	// will do.
	Fed func() bool

	Logger *slog.Logger
}

// responder is a Service that runs.
type responder struct {
	*Service
	sockets    []*socket
	interfaces []net.Interface
	instance   string
	question   []byte

	answerAt map[int]time.Time // by interface: an answer is due
	answered map[int]time.Time // by interface: the last answer
	pause    time.Duration     // until the next query
	query    *time.Timer
	answer   *time.Timer
}

// Run looks for peers and answers until ctx ends. It returns at once, with a
// warning in the log, where neither IPv4 nor IPv6 can multicast.
func (s *Service) Run(ctx context.Context) {
	r := &responder{
		Service: s, instance: rand.Text() + "." + s.Name, question: query(s.Name),
		answerAt: map[int]time.Time{}, answered: map[int]time.Time{}, pause: queryFirst,
	}
	for _, f := range families {
		socket, err := open(f)
		if err != nil {
			s.Logger.Debug("no mDNS over one family of addresses", "network", f.network, "err", err)
			continue
		}
		r.sockets = append(r.sockets, socket)
	}
	if len(r.sockets) == 0 {
		s.Logger.Warn("mDNS is not possible on this machine; peers on the LAN must be static or found by the DHT")
		return
	}

	packets := make(chan packet)
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, socket := range r.sockets {
		defer func() { _ = socket.udp.Close() }()
		readers.Go(func() { socket.receive(ctx, packets) })
	}

	r.query, r.answer = time.NewTimer(spread(answerSpread)), time.NewTimer(time.Hour)
	scan := time.NewTimer(0)
	defer r.query.Stop()
	defer r.answer.Stop()
	defer scan.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-scan.C:
			scan.Reset(rescan)
			r.scan()
		case <-r.query.C:
			r.ask()
		case p := <-packets:
			r.heard(p)
		case <-r.answer.C:
			r.answer.Reset(r.sendAnswers())
		}
	}
}

// scan looks at the interfaces. When a network came up, it is to be heard on it.
func (r *responder) scan() {
	before := len(r.interfaces)
	r.interfaces = r.usable()
	for _, s := range r.sockets {
		s.join(r.interfaces)
	}
	if len(r.interfaces) <= before {
		return
	}
	r.pause = queryFirst
	r.query.Reset(spread(answerSpread))
	for _, ifi := range r.interfaces {
		r.answerAt[ifi.Index] = time.Now().Add(spread(answerSpread))
	}
	r.answer.Reset(answerSpread)
}

// usable lists the interfaces to use now.
func (r *responder) usable() []net.Interface {
	all, err := net.Interfaces()
	if err != nil {
		r.Logger.Debug("cannot list interfaces", "err", err)
		return nil
	}
	return slices.DeleteFunc(all, func(ifi net.Interface) bool {
		if ifi.Flags&net.FlagUp == 0 {
			return true
		}
		if len(r.Interfaces) > 0 {
			return !slices.Contains(r.Interfaces, ifi.Name)
		}
		return ifi.Flags&net.FlagMulticast == 0 || ifi.Flags&net.FlagLoopback != 0
	})
}

// ask sends the query on every interface.
func (r *responder) ask() {
	for _, ifi := range r.interfaces {
		r.send(r.question, ifi)
	}
	r.query.Reset(spread(r.pause))
	r.pause = min(2*r.pause, queryLonely)
	if r.pause == queryLonely && r.Fed() {
		r.pause = queryFed
	}
}

// heard takes a packet into account.
func (r *responder) heard(p packet) {
	ours := slices.ContainsFunc(r.interfaces, func(ifi net.Interface) bool { return ifi.Index == p.ifIndex })
	if !ours || !r.Near(p.from) {
		return // not an interface of ours, or routed here from elsewhere
	}
	asked, infos, err := parse(r.Name, p.data, r.Usable)
	if err != nil {
		return
	}
	for _, info := range infos {
		r.Found(info)
	}
	if asked && r.answerAt[p.ifIndex].IsZero() {
		at := time.Now().Add(spread(answerSpread / 2))
		if next := r.answered[p.ifIndex].Add(answerGap); next.After(at) {
			at = next
		}
		r.answerAt[p.ifIndex] = at
		r.answer.Reset(0)
	}
}

// sendAnswers sends the answers that are due and returns the time until the next.
func (r *responder) sendAnswers() time.Duration {
	wait := time.Hour
	for _, ifi := range r.interfaces {
		at := r.answerAt[ifi.Index]
		if at.IsZero() {
			continue
		}
		if left := time.Until(at); left > 0 {
			wait = min(wait, left)
			continue
		}
		delete(r.answerAt, ifi.Index)
		r.answered[ifi.Index] = time.Now()
		if b, err := answer(r.Name, r.instance, r.ID, r.Addrs(ifi)); err == nil {
			r.send(b, ifi)
		}
	}
	return wait
}

func (r *responder) send(b []byte, ifi net.Interface) {
	for _, s := range r.sockets {
		if err := s.send(b, ifi); err != nil {
			r.Logger.Debug("mDNS send", "interface", ifi.Name, "err", err)
		}
	}
}

// spread lengthens a wait by up to a quarter, so that nodes that start together
// do not stay in step.
func spread(d time.Duration) time.Duration {
	return d + time.Duration(mathrand.Float64()*float64(d)/4)
}
