package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"camswarm/swarm/p2p/book"
	"camswarm/swarm/p2p/reputation"
	"camswarm/swarm/tokens"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	libp2pmetrics "github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
)

// ErrRunning is returned by Run when the network runs already or has run.
var ErrRunning = errors.New("swarm: a network can be run once")

// Network is the libp2p host of a node with what keeps it connected: static
// peers, mDNS, the DHT, a gater with bans, and a gentle mesh.
type Network struct {
	cfg         Config
	opts        Options
	limits      Limits
	log         *slog.Logger
	now         func() time.Time
	host        *cameraHost
	gater       *gater
	budget      *Budget
	floods      tally
	links       *links
	reputations *reputation.Peers
	members     *members                        // nil: the swarm is open
	configured  []peer.AddrInfo                 // static peers of the configuration
	static      atomic.Pointer[[]peer.AddrInfo] // and of the list, see statics
	metrics     *metrics
	notifiee    *network.NotifyBundle
	closing     sync.WaitGroup // connections that are one too many
	// clockCheck is clockCheckEvery but in tests.
	clockCheck time.Duration

	kademlia

	running atomic.Bool
	closed  sync.Once
	banned  chan struct{} // capacity 1: the ban list changed
	woken   chan struct{} // capacity 1: somebody may be dialled
	joined  chan struct{} // capacity 1: a namespace was joined
	// relayMet (capacity 1): a static peer came or went, which may be a relay.
	relayMet chan struct{}
	asks     chan struct{} // capacity 1: a seed may be asked for others
	called   chan struct{} // capacity 1: a stranger that dialled has said what it is

	mu         sync.Mutex
	fetches    int       // running, see Fetching
	began      time.Time // the last of them
	active     time.Time // the node is not idle before
	ended      bool      // Close was called
	book       *book.Book
	namespaces map[string]*membership
	intro      introductions
}

// Options are what a program, rather than an operator, decides about a network.
// Every field may be zero.
type Options struct {
	Logger     *slog.Logger          // nil: discard
	Registerer prometheus.Registerer // of the network's metrics; nil: they are private

	// Transport replaces TCP and QUIC by another transport, which must take the
	// addresses of Config.Listen: for simulated networks. All else of the host
	// stays as it is on a device. A seed makes two: it dials from other ports for
	// those who ask whether they can be dialled.
	Transport TransportConstructor

	// Interfaces replaces net.InterfaceAddrs, from which it is known whether a peer
	// is on the same local network: for simulated networks.
	Interfaces func() ([]net.Addr, error)

	// Bandwidth is told what streams carry, for simulated networks; nil: nobody is.
	Bandwidth libp2pmetrics.Reporter

	// Bans and Reputations keep those over restarts; nil: they are forgotten.
	Bans, Reputations BlobStore

	// Admitter restricts who may connect; nil: everybody.
	Admitter Admitter

	// Membership makes the swarm private; nil: everybody is admitted.
	Membership *Membership

	// Busy tells whether blocks were exchanged with a peer since it was asked last, or
	// the peer is needed otherwise: an idle node does not hang up on those. Nil: on none.
	Busy func(peer.ID) bool

	// Now replaces time.Now, by which it is decided whether QUIC can work and when
	// bans end.
	Now func() time.Time
}

// BlobStore keeps a few bytes over restarts. Load returns (nil, nil) when nothing
// was saved. The bytes of bans are at most maxBanBytes long, those of reputations
// reputation.MaxBytes.
type BlobStore interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, data []byte) error
}

// New assembles the host of the identity key and binds its sockets, so
// that a taken port is reported here and the ports that the kernel chose are
// known; it dials nobody before Run. A network that is never run must be
// closed. An address that this machine does not have yet is no error: Run binds it
// when it is there, see Status.Awaited.
//
// TCP with Noise is always there. QUIC is there when the clock is sane (2026 or
// later): its TLS certificates are dated, and a camera that starts in 1970 would
// refuse every peer. While the clock is not sane Run looks every 10 s and turns
// QUIC on when it has been set.
//
// The error wraps ErrConfig when the operator can mend it.
func New(cfg Config, key crypto.PrivKey, opts Options) (_ *Network, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Interfaces == nil {
		opts.Interfaces = net.InterfaceAddrs
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	n := &Network{
		cfg: cfg, opts: opts, log: opts.Logger, now: opts.Now,
		links:       &links{now: opts.Now, get: opts.Interfaces},
		reputations: reputation.New(opts.Now),
		banned:      make(chan struct{}, 1), woken: make(chan struct{}, 1), joined: make(chan struct{}, 1), relayMet: make(chan struct{}, 1), asks: make(chan struct{}, 1), called: make(chan struct{}, 1),
		book: book.New(), namespaces: map[string]*membership{}, clockCheck: clockCheckEvery,
	}
	if n.limits, err = LimitsFor(cfg); err != nil {
		return nil, err
	}
	n.intro = newIntroductions(n.limits, cfg.seed())
	n.metrics = newMetrics(n)
	n.budget = n.newBudget()
	n.gater = &gater{
		admitter: opts.Admitter, lanOnly: cfg.LANOnly, now: n.now,
		met:     func(p peer.ID, addr ma.Multiaddr) { n.budget.From(p, tokens.AddrOf(addr)) },
		refused: func(why string) { n.metrics.refused.WithLabelValues(why).Inc() },
	}
	if err := n.remember(context.Background()); err != nil {
		return nil, err
	}
	if key == nil {
		return nil, errors.New("swarm: a network needs an identity key")
	}
	if n.gater.self, err = peer.IDFromPrivateKey(key); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if opts.Membership != nil {
		if n.members, err = n.newMembers(*opts.Membership); err != nil {
			return nil, err
		}
	}
	h, err := newHost(cfg, key, n.gater, n.budget, n.members, opts, n.log)
	if err != nil {
		return nil, err
	}
	n.mu.Lock() // for peers that were faster
	n.host = h
	n.mu.Unlock()
	if n.host.reach != nil {
		n.host.reach.near = n.links.on
		n.gater.early = func(p peer.ID) bool {
			return n.host.reach.early(p, func() string {
				return n.host.reach.status(n.links, quicPorts(n.host.Network().ListenAddresses())).NAT
			})
		}
	}
	if err := n.enlist(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.book.Worth = func(p peer.ID) int { return cmp.Compare(n.reputations.Score(p), 0) }
	n.reputations.Changed = n.rated
	n.notifiee = &network.NotifyBundle{ConnectedF: n.connected, DisconnectedF: n.disconnected}
	n.host.Network().Notify(n.notifiee)
	if err := n.metrics.register(opts.Registerer); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// remember loads what was saved of peers. What cannot be read is forgotten; only a
// store that does not answer is an error.
func (n *Network) remember(ctx context.Context) error {
	if n.opts.Bans != nil {
		data, err := n.opts.Bans.Load(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", errSavedBans, err)
		}
		if err := n.gater.bans.decode(data, n.now()); err != nil {
			n.log.Warn("the ban list starts empty", "err", err)
		}
	}
	if n.opts.Reputations != nil {
		data, err := n.opts.Reputations.Load(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", reputation.ErrUnusable, err)
		}
		if err := n.reputations.Decode(data); err != nil {
			n.log.Warn("every peer starts as a stranger", "err", err)
		}
	}
	return nil
}

// enlist enters the static peers of the configuration.
func (n *Network) enlist() error {
	all, err := parsePeers(n.cfg.Peers)
	if err != nil {
		return err
	}
	n.configured = slices.DeleteFunc(all, func(info peer.AddrInfo) bool {
		return info.ID == n.host.ID() // one list serves every seed of a region
	})
	n.setStatics(n.configured)
	return nil
}

// Host returns the libp2p host.
func (n *Network) Host() host.Host { return n.host }

// Reputations returns what is known of peers; the exchange adds to it.
func (n *Network) Reputations() *reputation.Peers { return n.reputations }

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

	n.mu.Lock()
	n.active = n.now().Add(activeFor)
	n.mu.Unlock()
	sub, err := n.host.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	work.Go(func() {
		defer func() { _ = sub.Close() }()
		n.identified(ctx, sub)
	})
	if n.cfg.DHT {
		stop, err := n.startDHT()
		if err != nil {
			return err
		}
		defer stop()
		defer work.Wait() // rendezvous uses it
		defer cancel()
		work.Go(func() { n.rendezvous(ctx) })
	}
	n.serveIntroductions()
	defer n.host.RemoveStreamHandler(FullProtocol)
	defer n.host.RemoveStreamHandler(PeersProtocol)
	work.Go(func() { n.meet(ctx) })
	if n.cfg.MDNS {
		work.Go(func() { n.runMDNS(ctx) })
	}
	if n.opts.Bans != nil {
		work.Go(func() { n.keepBans(ctx) })
	}
	if n.opts.Reputations != nil {
		work.Go(func() { n.keepReputations(ctx) })
	}
	if n.members != nil {
		n.members.serve(ctx, n)
		defer n.host.RemoveStreamHandler(RevocationsProtocol)
		work.Go(func() { n.spreadRevocations(ctx) })
	}
	if n.cfg.seed() {
		work.Go(func() { n.endVisits(ctx) })
	} else if n.limits.MeshIdle < n.limits.MeshLow {
		work.Go(func() { n.keepFew(ctx) })
	}
	if n.host.reach != nil {
		work.Go(func() { n.keepReservations(ctx) })
		work.Go(func() { n.keepProbing(ctx) })
		work.Go(func() { n.keepRoom(ctx) })
	}
	work.Go(func() { n.awaitClock(ctx) })
	work.Go(func() { n.host.listeners.run(ctx) })
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
		if !ClockSane(n.now()) {
			continue
		}
		if err := n.host.enableQUIC(); err != nil {
			n.log.Warn("the clock is set but QUIC cannot start; TCP works", "err", err)
			return
		}
		n.log.Info("the clock is set; QUIC is on")
	}
}
