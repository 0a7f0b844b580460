package p2p

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/observedaddrs"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// errNotPunched: the peer was met at a relay, and no direct connection came of it.
var errNotPunched = errors.New("met at a relay, but no hole could be punched")

// reach is how a camera behind a NAT gets neighbours: it keeps a reservation at a
// few seeds, so that others can call it there, and then both punch a hole (DCUtR,
// arXiv 2212.03388). A relayed connection carries the appointment alone: nothing
// else is spoken over it, and it is closed when no direct one comes of it. Its
// methods take nil, for a node that asks for none of this.
type reach struct {
	observed *observedaddrs.Manager
	patience time.Duration           // punchTimeout but in tests
	near     func(ma.Multiaddr) bool // a seed that needs no appointments: it is on the same network

	mu     sync.Mutex
	relays map[peer.ID]reservation
	seen   map[peer.ID]netip.AddrPort // by which UDP address each seed sees this node
	others map[peer.ID]netip.AddrPort // the same of neighbours that were dialled
	holes  map[peer.ID]bool           // peers whose direct connection was punched
	dates  map[peer.ID]*date          // peers met at a relay, and not directly yet
	tried  int                        // relayed connections
	opened int                        // of which a direct one came
}

// date is an appointment at a relay.
type date struct {
	called   bool // by the other
	punching bool // a hole is being punched
}

type reservation struct {
	addr ma.Multiaddr // of this node at the relay
	ends time.Time
}

// newReach adds what a host needs to be reached to its options.
func newReach(bus event.Bus, sw *libp2pswarm.Swarm, opts *basichost.HostOpts, dial time.Duration) (*reach, error) {
	observed, err := observedaddrs.NewManager(bus, sw)
	if err != nil {
		return nil, err
	}
	r := &reach{observed: observed, patience: punchTimeout, relays: map[peer.ID]reservation{}, holes: map[peer.ID]bool{}, dates: map[peer.ID]*date{}, seen: map[peer.ID]netip.AddrPort{}, others: map[peer.ID]netip.AddrPort{}}
	opts.ObservedAddrsManager = observed
	opts.EnableHolePunching = true
	opts.HolePunchingOptions = []holepunch.Option{holepunch.DirectDialTimeout(dial), holepunch.WithMetricsAndEventTracer(r, r)}
	return r, nil
}

// start lets the host dial and be dialled at relays.
func (r *reach) start(h *cameraHost, up transport.Upgrader, m *members) error {
	r.observed.Start(h.swarm)
	c, err := circuit.New(h, up)
	if err != nil {
		return err
	}
	if err := h.swarm.AddTransport(m.wrap(c)); err != nil {
		return err
	}
	if err := h.swarm.Listen(ma.StringCast("/p2p-circuit")); err != nil {
		return err
	}
	c.Start()
	return nil
}

// Close ends the observation of addresses.
func (r *reach) Close() error {
	if r == nil {
		return nil
	}
	return r.observed.Close()
}

// addrs are where this node can be called, at relays.
func (r *reach) addrs() (out []ma.Multiaddr) {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.relays {
		out = append(out, at.addr)
	}
	return out
}

// HolePunchFinished implements holepunch.MetricsTracer.
func (r *reach) HolePunchFinished(_ string, _ int, _, _ []ma.Multiaddr, direct network.ConnMultiaddrs) {
	if c, ok := direct.(network.Conn); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.holes[c.RemotePeer()] = true
	}
}

// DirectDialFinished implements holepunch.MetricsTracer.
func (r *reach) DirectDialFinished(bool) {}

// Trace implements holepunch.EventTracer.
func (r *reach) Trace(e *holepunch.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.dates[e.Remote]; d != nil && e.Type == holepunch.StartHolePunchEvtT {
		d.punching = true
	}
}

// early tells whether a direct dial of a peer would come too early. Whoever is called
// at a relay dials the caller first where that says it is, and punches when that has
// timed out, as the caller has nearly by then; behind a NAT that shows every peer one
// port the hole comes first. Behind others the caller, if it can be dialled, is reached
// by dialling alone.
func (r *reach) early(p peer.ID, kind func() string) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	d := r.dates[p]
	early := d != nil && d.called && !d.punching
	r.mu.Unlock()
	if !early {
		return false
	}
	k := kind()
	return k == NATNone || k == NATKeepsPort || k == NATMapped
}

// met notes an appointment, arrived that a direct connection came of it, if there
// was one, and parted that none did.
func (r *reach) met(p peer.ID, called bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried++
	r.dates[p] = &date{called: called}
}

func (r *reach) arrived(p peer.ID) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dates[p] != nil {
		r.opened++
		delete(r.dates, p)
	}
}

func (r *reach) parted(p peer.ID) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.dates, p)
}

// saw notes by which address a seed, or a neighbour that was dialled, sees this node.
func (r *reach) saw(p peer.ID, addr ma.Multiaddr, seed bool) {
	if r == nil || addr == nil || !manet.IsPublicAddr(addr) {
		return
	}
	at, ok := udpOf(addr)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if seed {
		r.seen[p] = at
	} else {
		r.others[p] = at
	}
}

func (r *reach) forget(p peer.ID) (changed bool) {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.seen, p)
	delete(r.others, p)
	delete(r.holes, p)
	_, changed = r.relays[p]
	delete(r.relays, p)
	return changed
}

// keepReservations keeps a place at up to maxRelays of the static peers that relay.
func (n *Network) keepReservations(ctx context.Context) {
	tick := time.NewTicker(reserveCheck)
	defer tick.Stop()
	for {
		if n.reserve(ctx) {
			n.announceAgain()
		}
		select {
		case <-ctx.Done():
			return
		case <-n.relayMet:
		case <-tick.C:
		}
	}
}

// reserve renews what is about to end and adds what is missing. It reports whether
// this node's addresses are others now.
func (n *Network) reserve(ctx context.Context) (changed bool) {
	r, nw := n.host.reach, n.host.Network()
	for _, p := range n.statics() {
		// Holes are punched over QUIC: where that does not get out, nobody need call.
		c := quicTo(nw, p.ID)
		if c == nil || r.near(c.RemoteMultiaddr()) {
			changed = r.forget(p.ID) || changed
			continue
		}
		if !n.speaks(p.ID, proto.ProtoIDv2Hop) {
			continue
		}
		r.mu.Lock()
		held, ok := r.relays[p.ID]
		full := len(r.relays) >= maxRelays
		r.mu.Unlock()
		if ok && time.Until(held.ends) > reserveAhead || !ok && full {
			continue
		}
		got, err := circuit.Reserve(network.WithNoDial(ctx, "a relay"), n.host, peer.AddrInfo{ID: p.ID})
		if err != nil {
			n.log.Debug("no place at a relay", "peer", p.ID.String(), "err", err)
			continue
		}
		at := c.RemoteMultiaddr().Encapsulate(ma.StringCast("/p2p/" + p.ID.String() + "/p2p-circuit"))
		r.mu.Lock()
		changed = changed || !ok || !held.addr.Equal(at)
		r.relays[p.ID] = reservation{addr: at, ends: got.Expiration}
		r.mu.Unlock()
	}
	return changed
}

// announceAgain has the namespaces provided with this node's new addresses, once
// the host has told its neighbours of them.
func (n *Network) announceAgain() {
	n.mu.Lock()
	for _, m := range n.namespaces {
		if soon := n.now().Add(n.spread(addrsSettle)); soon.Before(m.provide) {
			m.provide = soon
		}
	}
	n.mu.Unlock()
	nudge(n.joined)
	n.askSoon(addrsSettle)
}

// awaitDirect waits, for a peer that was met at a relay, until a hole is punched. Then,
// or if that fails, it hangs up at the relay, which keeps few appointments at a time.
func (n *Network) awaitDirect(ctx context.Context, p peer.ID) error {
	nw := n.host.Network()
	defer func() {
		for _, c := range nw.ConnsToPeer(p) {
			if c.Stat().Limited {
				n.hangUp(c.Close)
			}
		}
	}()
	if nw.Connectedness(p) != network.Limited {
		return nil
	}
	if n.host.reach == nil { // a seed, which can be dialled and makes no appointments
		_ = nw.ClosePeer(p)
		return errNotPunched
	}
	ctx, cancel := context.WithTimeout(ctx, n.host.reach.patience)
	defer cancel()
	tick := time.NewTicker(punchLook)
	defer tick.Stop()
	for {
		switch nw.Connectedness(p) {
		case network.Connected:
			return nil
		case network.NotConnected:
			return errNotPunched
		}
		select {
		case <-ctx.Done():
			_ = nw.ClosePeer(p)
			return errNotPunched
		case <-tick.C:
		}
	}
}

// quicTo returns a connection to the peer over QUIC, or nil.
func quicTo(nw network.Network, p peer.ID) network.Conn {
	for _, c := range nw.ConnsToPeer(p) {
		if transportOf(c.RemoteMultiaddr()) == transportQUIC && !c.IsClosed() {
			return c
		}
	}
	return nil
}

// relayed tells whether others can call this node at a seed.
func (r *reach) relayed(p peer.ID) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.relays[p]
	return ok
}

// punched tells whether the direct connection with a peer came of an appointment.
func (r *reach) punched(p peer.ID) bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.holes[p]
}

// directPeers returns the peers with a connection that is no relay's.
func directPeers(nw network.Network) []peer.ID {
	return slices.DeleteFunc(nw.Peers(), func(p peer.ID) bool { return nw.Connectedness(p) != network.Connected })
}

// The kinds of NAT that Reach.NAT names, by RFC 4787's terms for how a NAT maps.
const (
	NATUnknown   = "unknown" // no seed has said over QUIC where it sees this node
	NATNone      = "none"    // seeds see an address of this machine; a firewall may stand before it
	NATKeepsPort = "preserves-port"
	NATMapped    = "endpoint-independent"
	NATSymmetric = "endpoint-dependent" // each seed sees another port: no hole can be punched
	NATOne       = "mapped"             // one seed alone sees it, and no neighbour was dialled: the kind cannot be told
)

// Reach tells how this node can be reached.
type Reach struct {
	NAT  string   `json:"nat"`  // one of the NAT constants
	Seen []string `json:"seen"` // IP:port by which seeds see this node's QUIC
	// Reachable is "yes" when a seed dialled this node at one of Dialable, "no" when
	// none could anywhere, "unknown" before one has tried.
	Reachable string   `json:"reachable"`
	Dialable  []string `json:"dialable"`
	Mapped    []string `json:"mapped"`  // addresses outside that the router forwards to this node, on request
	Relays    []string `json:"relays"`  // addresses at which others make appointments with it
	Tried     int      `json:"tried"`   // appointments at relays, its own and others'
	Punched   int      `json:"punched"` // of these, those that became direct connections
	Words     string   `json:"words"`   // what that means, for people
}

// status tells what was found out. bound are the UDP ports listened on.
func (r *reach) status(l *links, bound []uint16) Reach {
	if r == nil {
		return Reach{NAT: NATUnknown, Words: "this node asks for no way through NATs: it is a seed, or keeps to the local network"}
	}
	r.mu.Lock()
	seen := slices.SortedFunc(maps.Values(r.seen), netip.AddrPort.Compare)
	heard := slices.AppendSeq(slices.Clone(seen), maps.Values(r.others))
	out := Reach{Tried: r.tried, Punched: r.opened}
	for _, at := range r.relays {
		out.Relays = append(out.Relays, at.addr.String())
	}
	r.mu.Unlock()
	slices.Sort(out.Relays)
	if out.NAT = kindOfNAT(seen, l.own, bound); out.NAT == NATOne {
		out.NAT = kindOfNAT(heard, l.own, bound)
	}
	for _, at := range slices.Compact(slices.Clone(seen)) {
		out.Seen = append(out.Seen, at.String())
	}
	out.Words = out.explain()
	if out.NAT == NATUnknown && len(bound) == 0 {
		out.Words = "this node listens nowhere over QUIC (network.listen), so nobody can punch a hole to it"
	}
	return out
}

// kindOfNAT tells, from the addresses by which several peers see one UDP port,
// what stands between.
func kindOfNAT(seen []netip.AddrPort, own func(netip.Addr) bool, bound []uint16) string {
	if len(seen) == 0 {
		return NATUnknown
	}
	if own(seen[0].Addr()) {
		return NATNone
	}
	ports := map[netip.Addr]uint16{}
	for _, at := range seen {
		if known, ok := ports[at.Addr()]; ok && known != at.Port() {
			return NATSymmetric
		}
		ports[at.Addr()] = at.Port()
	}
	if slices.Contains(bound, seen[0].Port()) {
		return NATKeepsPort
	}
	if len(seen) == 1 {
		return NATOne
	}
	return NATMapped
}

func (r Reach) explain() string {
	words := map[string]string{
		NATUnknown:   "no seed has said over QUIC where it sees this node; if none does, UDP is blocked and holes cannot be punched",
		NATNone:      "seeds see this machine's own address: there is no NAT",
		NATKeepsPort: "behind a NAT that keeps the port: holes can be punched to most others",
		NATMapped:    "behind a NAT that uses one port for everybody: holes can be punched to most others",
		NATSymmetric: "behind a NAT that uses another port for each peer (symmetric): only public nodes, the local network and seeds can be reached; firmware still arrives from them",
		NATOne:       "behind a NAT; its kind could be told with a second seed, or with a neighbour that can be dialled",
	}[r.NAT]
	switch {
	case r.Tried == 0 && len(r.Relays) > 0:
		words += "; others can make appointments, nobody has yet"
	case r.Tried > 0 && r.Punched == 0:
		words += "; no hole was punched so far: the NATs of both ends matter"
	}
	return words
}

var _ holepunch.MetricsTracer = (*reach)(nil)

// seenAt returns where seeds see this node over QUIC.
func (r *reach) seenAt() (out []ma.Multiaddr) {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.seen {
		a, err := manet.FromNetAddr(net.UDPAddrFromAddrPort(at))
		if err == nil {
			out = append(out, a.Encapsulate(quicV1))
		}
	}
	return out
}

var quicV1 = ma.StringCast("/quic-v1")

// udpOf returns the IP and UDP port that a QUIC address begins with.
func udpOf(a ma.Multiaddr) (at netip.AddrPort, ok bool) {
	if transportOf(a) != transportQUIC {
		return at, false
	}
	na, err := manet.ToNetAddr(a[:2])
	if err != nil {
		return at, false
	}
	at, err = netip.ParseAddrPort(na.String())
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), err == nil
}

func quicPorts(addrs []ma.Multiaddr) (out []uint16) {
	for _, a := range addrs {
		if at, ok := udpOf(a); ok {
			out = append(out, at.Port())
		}
	}
	return out
}
