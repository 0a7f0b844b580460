package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// ErrRunning is returned by Run when the network runs already or has run.
var ErrRunning = errors.New("swarm: a network can be run once")

// Network is the libp2p host of a node with what keeps it connected: static
// peers, mDNS, the DHT, a gater with bans, and a gentle mesh.
type Network struct {
	cfg      Config
	limits   Limits
	log      *slog.Logger
	now      func() time.Time
	host     *cameraHost
	gater    *gater
	store    BlobStore
	links    *links
	repute   *Reputations
	reputes  BlobStore // where they are kept
	members  *members  // nil: the swarm is open
	static   []peer.AddrInfo
	metrics  *metrics
	notifiee *network.NotifyBundle
	closing  sync.WaitGroup // connections that are one too many
	// clockCheck is clockCheckEvery but in tests.
	clockCheck time.Duration

	dht     atomic.Pointer[dht.IpfsDHT]
	running atomic.Bool
	closed  sync.Once
	banned  chan struct{} // capacity 1: the ban list changed
	woken   chan struct{} // capacity 1: somebody may be dialled
	joined  chan struct{} // capacity 1: a namespace was joined

	mu         sync.Mutex
	ended      bool // Close was called
	book       *book
	namespaces map[string]*membership

	ipns ipnsNames
}

// Option injects what a program, rather than an operator, decides.
type Option func(*options)

type options struct {
	log        *slog.Logger
	registerer prometheus.Registerer
	transport  TransportConstructor
	interfaces func() ([]net.Addr, error)
	bans       BlobStore
	reputes    BlobStore
	admitter   Admitter
	members    *Membership
	now        func() time.Time
}

// WithLogger sets the logger; the default discards.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithRegisterer registers the network's metrics; the default keeps them private.
func WithRegisterer(r prometheus.Registerer) Option {
	return func(o *options) { o.registerer = r }
}

// WithTransport replaces TCP and QUIC by another transport, which must take the
// addresses of Config.Listen: for simulated networks. All else of the host stays
// as it is on a device, except that a seed offers no AutoNAT and no relay.
func WithTransport(t TransportConstructor) Option {
	return func(o *options) { o.transport = t }
}

// WithInterfaces replaces net.InterfaceAddrs, which tells whether a peer is on
// the same local network, for simulated networks.
func WithInterfaces(get func() ([]net.Addr, error)) Option {
	return func(o *options) { o.interfaces = get }
}

// WithBanStore keeps bans over restarts; the default forgets them.
func WithBanStore(s BlobStore) Option { return func(o *options) { o.bans = s } }

// WithReputationStore keeps reputations over restarts; the default forgets them.
func WithReputationStore(s BlobStore) Option {
	return func(o *options) { o.reputes = s }
}

// WithAdmitter restricts the swarm to members; the default admits everybody.
func WithAdmitter(a Admitter) Option { return func(o *options) { o.admitter = a } }

// WithMembership makes the swarm private; by default everybody is admitted.
func WithMembership(m Membership) Option { return func(o *options) { o.members = &m } }

// WithClock replaces time.Now, which decides whether QUIC can work and when
// bans end.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// New assembles the host of the identity key and binds its sockets, so
// that a taken port is reported here and the ports that the kernel chose are
// known; it dials nobody before Run. A network that is never run must be
// closed.
//
// TCP with Noise is always there. QUIC is there when the clock is sane (2026 or
// later): its TLS certificates are dated, and a camera that starts in 1970 would
// refuse every peer. While the clock is not sane Run looks every 10 s and turns
// QUIC on when it has been set.
//
// The error wraps ErrConfig when the operator can mend it.
func New(cfg Config, key crypto.PrivKey, opts ...Option) (_ *Network, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	o := options{log: slog.New(slog.DiscardHandler), now: time.Now, interfaces: net.InterfaceAddrs}
	for _, opt := range opts {
		opt(&o)
	}
	n := &Network{
		cfg: cfg, log: o.log, now: o.now, store: o.bans,
		links:  &links{now: o.now, get: o.interfaces},
		banned: make(chan struct{}, 1), woken: make(chan struct{}, 1), joined: make(chan struct{}, 1),
		book: newBook(), namespaces: map[string]*membership{}, clockCheck: clockCheckEvery,
	}
	if n.limits, err = LimitsFor(cfg); err != nil {
		return nil, err
	}
	n.metrics = newMetrics(n)
	n.gater = &gater{admitter: o.admitter, lanOnly: cfg.LANOnly, now: o.now, refused: func(why string) { n.metrics.refused.WithLabelValues(why).Inc() }}
	if n.store != nil {
		data, err := n.store.Load(context.Background())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBanStore, err)
		}
		if err := n.gater.bans.decode(data, n.now()); err != nil {
			n.log.Warn("the ban list starts empty", "err", err)
		}
	}
	n.repute, n.reputes = NewReputations(n.now), o.reputes
	if n.reputes != nil {
		data, err := n.reputes.Load(context.Background())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errReputations, err)
		}
		if err := n.repute.decode(data); err != nil {
			n.log.Warn("every peer starts as a stranger", "err", err)
		}
	}
	n.book.worth = func(p peer.ID) int { return cmp.Compare(n.repute.Score(p), 0) }
	if key == nil {
		return nil, errors.New("swarm: a network needs an identity key")
	}
	if n.gater.self, err = peer.IDFromPrivateKey(key); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if o.members != nil {
		if n.members, err = n.newMembers(*o.members); err != nil {
			return nil, err
		}
	}
	if n.host, err = newHost(cfg, key, n.gater, n.members, o.transport, n.log); err != nil {
		return nil, err
	}

	all, err := parsePeers(cfg.Peers)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	for _, info := range all {
		if info.ID == n.host.ID() {
			continue // one list serves every seed of a region
		}
		n.static = append(n.static, info)
		n.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
		n.host.ConnManager().Protect(info.ID, "camswarm-static")
		n.book.add(info, sourceStatic, n.now())
	}
	n.repute.changed = n.reputed
	n.notifiee = &network.NotifyBundle{ConnectedF: n.connected, DisconnectedF: n.disconnected}
	n.host.Network().Notify(n.notifiee)
	if err := n.metrics.register(o.registerer); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Host returns the libp2p host.
func (n *Network) Host() host.Host { return n.host }

// Reputations returns what is known of peers; the exchange adds to it.
func (n *Network) Reputations() *Reputations { return n.repute }

// Limits returns the limits that the configuration came to.
func (n *Network) Limits() Limits { return n.limits }

// Run keeps the node connected until ctx ends, waits for every goroutine it
// started and returns nil. It can be called once and leaves the host open, for
// Close.
func (n *Network) Run(ctx context.Context) error {
	if n.running.Swap(true) {
		return ErrRunning
	}
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	sub, err := n.host.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	work.Go(func() {
		defer func() { _ = sub.Close() }()
		n.identified(ctx, sub)
	})
	if n.cfg.DHT {
		d, err := n.startDHT()
		if err != nil {
			return fmt.Errorf("swarm: cannot start the DHT: %w", err)
		}
		n.dht.Store(d)
		defer func() {
			n.dht.Store(nil)
			if err := d.Close(); err != nil {
				n.log.Warn("the DHT did not close cleanly", "err", err)
			}
		}()
		defer work.Wait() // rendezvous uses it
		defer cancel()
		work.Go(func() { n.rendezvous(ctx) })
	}
	if n.cfg.MDNS {
		work.Go(func() { n.runMDNS(ctx) })
	}
	if n.store != nil {
		work.Go(func() { n.keepBans(ctx) })
	}
	if n.reputes != nil {
		work.Go(func() { n.keepReputations(ctx) })
	}
	if n.members != nil {
		n.members.serve(ctx, n)
		defer n.host.RemoveStreamHandler(RevocationsProtocol)
		work.Go(func() { n.spreadRevocations(ctx) })
	}
	if n.cfg.seed() {
		work.Go(func() { n.endVisits(ctx) })
	}
	work.Go(func() { n.awaitClock(ctx) })
	work.Go(func() { n.dialLoop(ctx) })
	<-ctx.Done()
	return nil
}

// Close closes the host. It is called after Run has returned, or instead of it.
func (n *Network) Close() (err error) {
	n.closed.Do(func() {
		if n.notifiee != nil {
			n.host.Network().StopNotify(n.notifiee)
		}
		n.mu.Lock()
		n.ended = true
		n.mu.Unlock()
		n.closing.Wait()
		err = n.host.Close()
		n.metrics.unregister()
	})
	return err
}

// dialLoop dials whom the book chooses: a few at a time, a few a second.
func (n *Network) dialLoop(ctx context.Context) {
	var dials sync.WaitGroup
	defer dials.Wait()
	slots := make(chan struct{}, dialParallel)
	limiter := rate.NewLimiter(rate.Limit(n.cfg.DialRate), max(1, int(n.cfg.DialRate)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.woken:
		case <-timer.C:
		}
		for {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			m := n.mesh()
			n.mu.Lock()
			info, src, ok := n.book.next(n.now(), m, n.limits)
			wait := n.book.wait(n.now(), m, n.limits)
			n.mu.Unlock()
			if !ok {
				<-slots
				timer.Reset(max(wait, 50*time.Millisecond))
				break
			}
			if err := limiter.Wait(ctx); err != nil {
				return
			}
			dials.Go(func() {
				defer func() { <-slots; nudge(n.woken) }()
				n.dial(ctx, info, src)
			})
		}
	}
}

func (n *Network) dial(ctx context.Context, info peer.AddrInfo, src source) {
	if sw, ok := n.host.Network().(interface {
		Backoff() *libp2pswarm.DialBackoff
	}); ok {
		sw.Backoff().Clear(info.ID) // the book backs off; two would add up
	}
	// One dial may try several addresses with some delay between them.
	ctx, cancel := context.WithTimeout(ctx, 2*n.cfg.DialTimeout)
	defer cancel()
	err := n.host.Connect(ctx, info)
	n.mu.Lock()
	n.book.dialled(info.ID, err, n.now())
	n.mu.Unlock()
	result := "ok"
	if err != nil {
		result = "failed"
		n.log.Debug("dial failed", "peer", info.ID.String(), "source", src.String(), "err", err)
	}
	n.metrics.dials.WithLabelValues(src.String(), result).Inc()
}

// discovered hands a peer to the dial loop and tells whether it is news.
func (n *Network) discovered(info peer.AddrInfo, src source) bool {
	if info.ID == n.host.ID() || n.gater.bans.banned(info.ID, n.now()) {
		return false
	}
	connected := n.host.Network().Connectedness(info.ID) == network.Connected
	n.mu.Lock()
	isNew := n.book.add(info, src, n.now())
	if connected {
		n.book.connectedTo(info.ID, n.now())
	}
	n.mu.Unlock()
	if isNew {
		n.metrics.discovered.WithLabelValues(src.String()).Inc()
	}
	nudge(n.woken)
	return isNew
}

// mesh counts the connected peers.
func (n *Network) mesh() (m mesh) {
	nw := n.host.Network()
	for _, p := range nw.Peers() {
		m.peers++
		if connectedBy(nw, p, network.DirOutbound) {
			m.own++
		}
	}
	for _, p := range n.static {
		if connectedBy(nw, p.ID, network.DirOutbound) {
			m.own--
		}
	}
	m.away = n.away()
	return m
}

// away counts the static peers that are not connected.
func (n *Network) away() (count int) {
	for _, p := range n.static {
		if n.host.Network().Connectedness(p.ID) != network.Connected {
			count++
		}
	}
	return count
}

// connectedBy tells whether a connection with p was opened by us (outbound) or by
// it (inbound).
func connectedBy(nw network.Network, p peer.ID, dir network.Direction) bool {
	return slices.ContainsFunc(nw.ConnsToPeer(p), func(c network.Conn) bool { return c.Stat().Direction == dir })
}

// connected and disconnected are called by the host for every connection.
func (n *Network) connected(nw network.Network, c network.Conn) {
	n.mu.Lock()
	n.book.connectedTo(c.RemotePeer(), n.now())
	n.mu.Unlock()
	if score := n.repute.Score(c.RemotePeer()); score != 0 {
		n.host.ConnManager().TagPeer(c.RemotePeer(), reputationTag, int(pointsPerScore*score)) // it keeps tags of connected peers only
	}
	if c.Stat().Direction == network.DirInbound {
		if extra := surplus(nw.ConnsToPeer(c.RemotePeer())); extra != nil {
			n.hangUp(extra.Close)
		} else if len(nw.Conns()) > n.limits.Connections-n.away() && !n.isStatic(c.RemotePeer()) {
			n.hangUp(c.Close) // the slot of a static peer that is away
		}
		n.makeRoom()
	}
}

// surplus returns the connection to close if a peer holds two inbound slots of
// a kind, nil if it does not. Relayed connections are for hole punching and end
// by themselves.
func surplus(conns []network.Conn) network.Conn {
	var first, last network.Conn
	for _, c := range conns {
		if c.Stat().Direction != network.DirInbound || c.Stat().Limited || c.IsClosed() {
			continue
		}
		if first == nil || c.Stat().Opened.Before(first.Stat().Opened) {
			first = c
		}
		if last == nil || !c.Stat().Opened.Before(last.Stat().Opened) {
			last = c
		}
	}
	switch {
	case first == last:
		return nil
	case last.Stat().Opened.Sub(first.Stat().Opened) < doubleDial:
		return last
	}
	return first
}

func (n *Network) disconnected(nw network.Network, c network.Conn) {
	p := c.RemotePeer()
	if nw.Connectedness(p) == network.Connected {
		return
	}
	n.mu.Lock()
	n.book.disconnected(p, n.now())
	n.mu.Unlock()
	nudge(n.woken)
	if n.mesh().small(n.limits) {
		n.hurry()
	}
}

// identified tags peers once they have said what they are, so that the
// connection manager keeps near ones, and hurries when one serves the DHT.
func (n *Network) identified(ctx context.Context, sub event.Subscription) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-sub.Out():
			if !ok {
				return
			}
			done := e.(event.EvtPeerIdentificationCompleted)
			if worth := map[Tier]int{TierLAN: 50, TierRegion: 20, TierSeed: 20}[n.Tier(done.Peer)]; worth > 0 {
				n.host.ConnManager().TagPeer(done.Peer, "camswarm-tier", worth)
			}
			if slices.Contains(done.Protocols, DHTProtocolPrefix+"/kad/1.0.0") {
				n.hurry()
			}
		}
	}
}

// keepBans writes the ban list a moment after it changes, and at the end.
func (n *Network) keepBans(ctx context.Context) {
	save := func() {
		data, err := n.gater.bans.encode(n.now())
		if err == nil {
			err = n.store.Save(context.WithoutCancel(ctx), data)
		}
		if err != nil {
			n.log.Warn("bans were not saved; they end with this run", "err", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			select {
			case <-n.banned:
				save()
			default:
			}
			return
		case <-n.banned:
		}
		select {
		case <-ctx.Done():
		case <-time.After(banSaveDelay):
		}
		save()
	}
}

// reputed is called when a peer's score has changed: the connection manager is
// told, and a stranger that failed us gives up its slot if others may want it.
func (n *Network) reputed(p peer.ID, score float64) {
	n.host.ConnManager().TagPeer(p, reputationTag, int(pointsPerScore*score))
	if score < 0 {
		n.makeRoom()
	}
}

// makeRoom closes the connections of the worst strangers below a score of 0 while
// strangers have more than half of the slots that they may have, and refuses them
// for restTime. Others may have room now for the same reason, so those who had
// none are dialled again.
func (n *Network) makeRoom() {
	nw, now := n.host.Network(), n.now()
	inbound := slices.DeleteFunc(nw.Peers(), func(p peer.ID) bool {
		return n.isStatic(p) || n.gater.rests.banned(p, now) ||
			!connectedBy(nw, p, network.DirInbound)
	})
	scores := map[peer.ID]float64{}
	for _, p := range inbound {
		scores[p] = n.repute.Score(p)
	}
	slices.SortFunc(inbound, func(a, b peer.ID) int { return cmp.Compare(scores[a], scores[b]) })
	for _, p := range inbound[:max(len(inbound)-n.limits.Inbound/2, 0)] {
		if scores[p] >= 0 {
			break
		}
		n.mu.Lock()
		n.book.again(now)
		n.mu.Unlock()
		n.gater.rests.add(p, now, restTime, "")
		n.hangUp(func() error { return nw.ClosePeer(p) })
	}
}

// endVisits keeps some room at a full seed for those who know nobody else yet:
// it hangs up on the latest arrivals that have been here for visitTime, so that
// the others are stable neighbours. The connection manager alone would take
// minutes for a crowd, since it spares newcomers and looks rarely.
func (n *Network) endVisits(ctx context.Context) {
	tick := time.NewTicker(visitEvery)
	defer tick.Stop()
	nw := n.host.Network()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var inbound []network.Conn
		for _, c := range nw.Conns() {
			if c.Stat().Direction == network.DirInbound && !c.Stat().Limited {
				inbound = append(inbound, c)
			}
		}
		over := len(inbound) + max(n.limits.Inbound/8, 1) - n.limits.Inbound
		if over <= 0 {
			continue
		}
		now := time.Now()
		visitors := slices.DeleteFunc(inbound, func(c network.Conn) bool {
			return now.Sub(c.Stat().Opened) < visitTime || n.isStatic(c.RemotePeer())
		})
		slices.SortFunc(visitors, func(a, b network.Conn) int { return b.Stat().Opened.Compare(a.Stat().Opened) })
		for _, c := range visitors[:min(over, len(visitors))] {
			_ = c.Close()
		}
	}
}

// hangUp calls end in a goroutine that Close waits for: what closes a connection
// must not be called from where connections are reported.
func (n *Network) hangUp(end func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ended {
		n.closing.Go(func() { _ = end() })
	}
}

func (n *Network) isStatic(p peer.ID) bool {
	return slices.ContainsFunc(n.static, func(i peer.AddrInfo) bool { return i.ID == p })
}

// keepReputations writes the reputations now and then, and at the end.
func (n *Network) keepReputations(ctx context.Context) {
	tick := time.NewTicker(reputationSaveEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		data, err := n.repute.encode()
		if err == nil && data != nil {
			err = n.reputes.Save(context.WithoutCancel(ctx), data)
		}
		if err != nil {
			n.log.Warn("reputations were not saved", "err", err)
		}
	}
}

// awaitClock turns QUIC on when the clock has been set.
func (n *Network) awaitClock(ctx context.Context) {
	tick := time.NewTicker(n.clockCheck)
	defer tick.Stop()
	for !n.host.quicOn() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !clockSane(n.now()) {
			continue
		}
		if err := n.host.enableQUIC(); err != nil {
			n.log.Warn("the clock is set but QUIC cannot start; TCP works", "err", err)
			return
		}
		n.log.Info("the clock is set; QUIC is on")
	}
}

// Ban closes every connection with a peer and refuses new ones for d, at most
// 30 days. A longer ban that holds already stays. The reason is for Bans, in up
// to 120 bytes.
func (n *Network) Ban(p peer.ID, d time.Duration, reason string) {
	if p == n.host.ID() || d <= 0 {
		return
	}
	n.gater.bans.add(p, n.now(), min(d, maxBan), reason)
	nudge(n.banned)
	n.log.Warn("peer banned", "peer", p.String(), "for", d, "reason", reason)
	if err := n.host.Network().ClosePeer(p); err != nil {
		n.log.Debug("closing a banned peer", "peer", p.String(), "err", err)
	}
}

// Unban ends a ban.
func (n *Network) Unban(p peer.ID) {
	n.gater.bans.remove(p)
	nudge(n.banned)
}

// Bans lists the bans that hold, the longest first.
func (n *Network) Bans() []Ban { return n.gater.bans.list(n.now()) }

// Tier is how near a peer is.
type Tier string

// The tiers, nearest first.
const (
	TierLAN    Tier = "lan"    // on a network that this machine is attached to
	TierRegion Tier = "region" // says that it is in our Config.Region
	TierSeed   Tier = "seed"   // a static peer, or says that it is a seed
	TierOther  Tier = "other"
)

// Rank orders tiers, nearest first, from 0.
func (t Tier) Rank() int {
	return max(0, slices.Index([]Tier{TierLAN, TierRegion, TierSeed, TierOther}, t))
}

// Tier tells how near a connected peer is. LAN is what the connection's address
// shows; region and seed are what the peer says of itself and good for nothing
// but order.
func (n *Network) Tier(p peer.ID) Tier {
	if slices.ContainsFunc(n.host.Network().ConnsToPeer(p), func(c network.Conn) bool { return n.links.on(c.RemoteMultiaddr()) }) {
		return TierLAN
	}
	role, region := parseAgent(n.agent(p))
	if n.cfg.Region != "" && region == n.cfg.Region {
		return TierRegion
	}
	n.mu.Lock()
	src, known := n.book.is(p)
	n.mu.Unlock()
	if role == RoleSeed || known && src == sourceStatic {
		return TierSeed
	}
	return TierOther
}

func (n *Network) agent(p peer.ID) string {
	v, err := n.host.Peerstore().Get(p, "AgentVersion")
	if err != nil {
		return ""
	}
	s, _ := v.(string)
	// A stranger wrote it and people will read it.
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s[:min(len(s), maxAgentBytes)])
}

// parseAgent reads the role and the region from an agent string of UserAgent's
// form; other software has neither.
func parseAgent(agent string) (role, region string) {
	parts := strings.Split(agent, " ")
	if parts[0] != protocolVersion || len(parts) < 2 || len(parts) > 3 {
		return "", ""
	}
	if len(parts) == 3 {
		region = parts[2]
	}
	return parts[1], region
}

// NetworkStatus is what a node knows about its place in the network.
type NetworkStatus struct {
	Peer   peer.ID  `json:"peer"`
	Addrs  []string `json:"addrs"`  // full addresses, as other nodes' peers setting wants them
	Listen []string `json:"listen"` // what is bound
	QUIC   bool     `json:"quic"`
	// NAT is "unknown": nothing here probes it yet.
	NAT         string             `json:"nat"`
	DHTServers  int                `json:"dhtServers"` // in the routing table
	Candidates  int                `json:"candidates"` // known peers, connected or not
	Connections []ConnectionStatus `json:"connections"`
	Bans        []Ban              `json:"bans"`
}

// ConnectionStatus is one connection.
type ConnectionStatus struct {
	Peer      peer.ID   `json:"peer"`
	Addr      string    `json:"addr"`
	Direction string    `json:"direction"` // "in" or "out"
	Transport string    `json:"transport"` // "tcp", "quic", "relay" or "other"
	LAN       bool      `json:"lan"`
	Tier      Tier      `json:"tier"`
	Agent     string    `json:"agent"` // what the peer calls itself
	Opened    time.Time `json:"opened"`
}

// Status returns a snapshot, connections in order of tier and age.
func (n *Network) Status() NetworkStatus {
	s := NetworkStatus{Peer: n.host.ID(), NAT: "unknown", Bans: n.Bans()}
	for _, a := range n.host.Addrs() {
		s.Addrs = append(s.Addrs, fmt.Sprintf("%s/p2p/%s", a, n.host.ID()))
	}
	for _, a := range n.host.Network().ListenAddresses() {
		s.Listen = append(s.Listen, a.String())
		s.QUIC = s.QUIC || transportOf(a) == transportQUIC
	}
	if d := n.dht.Load(); d != nil {
		s.DHTServers = d.RoutingTable().Size()
	}
	n.mu.Lock()
	s.Candidates = len(n.book.peers)
	n.mu.Unlock()
	for _, c := range n.host.Network().Conns() {
		s.Connections = append(s.Connections, ConnectionStatus{
			Peer: c.RemotePeer(), Addr: c.RemoteMultiaddr().String(), Direction: direction(c),
			Transport: transportOf(c.RemoteMultiaddr()), LAN: n.links.on(c.RemoteMultiaddr()),
			Tier: n.Tier(c.RemotePeer()), Agent: n.agent(c.RemotePeer()), Opened: c.Stat().Opened,
		})
	}
	slices.SortFunc(s.Connections, func(a, b ConnectionStatus) int {
		return cmp.Or(cmp.Compare(a.Tier.Rank(), b.Tier.Rank()), a.Opened.Compare(b.Opened))
	})
	return s
}

func direction(c network.Conn) string {
	if c.Stat().Direction == network.DirInbound {
		return "in"
	}
	return "out"
}
