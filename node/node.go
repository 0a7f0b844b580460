package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"camswarm/announce"
	"camswarm/announce/beacon"
	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/metastore"
	"camswarm/swarm"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// Node is one camera or seed. New wires it and starts nothing, Run runs it.
type Node struct {
	cfg       Config
	log       *slog.Logger
	did       verify.DID
	lock      *os.File
	store     *metastore.Store
	rebuilt   error // what was wrong with the metadata store that was set aside
	network   *p2p.Network
	exchange  *swarm.Exchange
	gossip    *announce.Gossip
	window    install.Window
	keeper    *keeper
	seeds     *seedLists
	origins   *origins
	providers signal // there is something new to tell the DHT
	followers []*follower
	traffic   *traffic
	ipns      *ipnsKeeper
	metrics   *metrics
	witness   *witnessKey // nil: the node is none
	registry  *prometheus.Registry
	teller    *beacon.Teller // nil: nothing is told
	told      signal         // there may be something new to tell
	fleet     *fleet         // nil: nothing is counted
	control   *control.Server
	http      monitoring
	started   atomic.Pointer[time.Time]
	ran       atomic.Bool
	draining  atomic.Bool
	polite    *polite
	raised    atomic.Pointer[[]string] // see RaiseLimits
	events    *control.Events
	counts    installCounts
	zone      *time.Location

	closeOnce sync.Once
	closeErr  error
}

// ErrLocked means that another process runs on the same state directory.
var ErrLocked = errors.New("the state directory is in use")

// ErrRunning is returned by Run when the node runs already or has run.
var ErrRunning = errors.New("a node can be run once")

// New opens the state directory and wires the parts. Nothing runs and nothing
// listens on the control socket until Run; a node that is never run must be
// closed.
func New(cfg Config, opts ...Option) (n *Node, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Network.Region == "" {
		cfg.Network.Region = string(cfg.Products[0].Region)
	}
	o := injected{log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		opt(&o)
	}
	if o.registry == nil {
		o.registry = prometheus.NewRegistry()
	}
	n = &Node{cfg: cfg, log: o.log, registry: o.registry, metrics: newMetrics(o.registry), providers: newSignal(), told: newSignal(), events: control.NewEvents(), counts: installCounts{news: newSignal()}}
	n.raiseLimits(&n.cfg)
	if n.zone, err = loadZone(cfg.TimeZone); err != nil {
		return nil, fmt.Errorf("%w: time_zone: %w", ErrConfig, err)
	}
	opened := n
	defer func() {
		if err != nil {
			_ = opened.Close()
		}
	}()
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("state_dir: %w", err)
	}
	if n.lock, err = lockDir(cfg.StateDir); err != nil {
		return nil, err
	}
	if free, err := gc.Free(cfg.StateDir); err == nil && free < metastore.Room {
		// The reserve is for this: without metadata nothing can be collected.
		if err := gc.NewReserve(filepath.Join(cfg.StateDir, reserveFile), int64(cfg.Storage.ReserveBytes)).Release(); err != nil {
			return nil, err
		}
	}
	if o.data != nil {
		n.store = metastore.Wrap(o.data)
	} else if n.store, n.rebuilt, err = metastore.OpenOrRebuild(filepath.Join(cfg.StateDir, "meta"), o.log); err != nil {
		return nil, err
	}
	key := o.key
	if key == nil {
		if key, err = LoadOrCreateIdentity(filepath.Join(cfg.StateDir, identityFile)); err != nil {
			return nil, err
		}
	}
	if n.did, err = DIDOf(key); err != nil {
		return nil, err
	}
	if cfg.Witness.Key != "" {
		if n.witness, err = loadWitnessKey(cfg.Witness.Key); err != nil {
			return nil, err
		}
	}
	if err := n.wireSwarm(key, o); err != nil {
		return nil, err
	}
	if n.traffic, err = openTraffic(context.Background(), metastore.ValueAt(n.store.Namespace("traffic"), "total"), n.trafficNow, n.counts.news, n.log); err != nil {
		return nil, err
	}
	n.seeds = &seedLists{store: n.store.Namespace("swarm"), learning: newTurn(), use: n.network.SetListed, log: n.log, lists: map[verify.ProductID]seedList{}}
	n.keeper = newKeeper(n)
	parts, err := n.parts(o)
	if err != nil {
		return nil, err
	}
	n.keeper.hook, _ = parts.installer.(*install.ExecInstaller)
	for _, p := range cfg.Products {
		if err := n.wireProduct(p, parts, o); err != nil {
			return nil, fmt.Errorf("product %s: %w", p.Name, err)
		}
	}
	if err := n.wireBeacons(key); err != nil {
		return nil, err
	}
	if n.ipns, err = newIPNSKeeper(n); err != nil {
		return nil, err
	}
	if err := n.keeper.sweep(); err != nil {
		return nil, fmt.Errorf("clean up the state directory: %w", err)
	}
	n.keeper.measure(false)
	n.wireHTTP()
	if err := n.wireGateway(); err != nil {
		return nil, err
	}
	if n.cfg.HTTP.Pages {
		n.showPage()
		n.serveFleet()
	}
	if !o.noControl {
		n.control = control.NewServer(filepath.Join(cfg.StateDir, control.SocketName), n, n.registry, n.log)
	}
	return n, nil
}

func (n *Node) wireSwarm(key crypto.PrivKey, o injected) (err error) {
	private, err := n.membership(key.GetPublic())
	if err != nil {
		return err
	}
	n.network, err = p2p.New(n.cfg.Network, key, p2p.Options{
		Logger: n.log, Registerer: n.registry, Membership: private,
		Bans:        metastore.ValueAt(n.store.Namespace("swarm"), "bans"),
		Reputations: metastore.ValueAt(n.store.Namespace("swarm"), "reputations"),
		Transport:   o.network.Transport, Interfaces: o.network.Interfaces, Bandwidth: o.network.Bandwidth,
		Busy: n.exchanged(),
	})
	if err != nil {
		return err
	}
	n.exchange, err = swarm.NewExchange(n.network.Host(), n.cfg.Exchange, swarm.ExchangeOptions{
		Logger: n.log, Registerer: n.registry, Reputations: n.network.Reputations(), Budget: n.network.Budget(),
		Fetching:    n.network.Fetching,
		MeasureLine: n.cfg.Role == RoleCamera,
		FindPeers: func(ctx context.Context, root cid.Cid) {
			if err := n.network.Seek(ctx, root); err != nil && ctx.Err() == nil {
				n.log.Debug("no providers sought", "root", root.String(), "err", err)
			}
		},
		Near:       func(p peer.ID) bool { return n.network.Tier(p) == p2p.TierLAN },
		Class:      func(p peer.ID) string { return string(n.network.Tier(p)) },
		Misbehaved: func(p peer.ID, err error) { n.network.Ban(p, misbehaviourBan, err.Error()) },
		Damaged: func(root cid.Cid) {
			for _, f := range n.followers {
				f.mail.damage(root)
			}
		},
	})
	if err != nil {
		return err
	}
	n.polite = newPolite(&n.cfg)
	n.polite.exchange, n.polite.clock, n.polite.log = n.exchange, n.localTime, n.log
	n.polite.kept = metastore.ValueAt(n.store.Namespace("limits"), "kept")
	n.polite.changed = func(s control.PoliteStatus) {
		n.events.Publish(control.Event{Kind: control.EventLimits, Limits: &s})
		for _, f := range n.followers {
			f.mail.recheck()
		}
	}
	if err := n.polite.load(context.Background()); err != nil {
		return err
	}
	if _, _, err := n.polite.act(func(*courtesy) error { return nil }); err != nil { // before anybody is served
		return err
	}
	n.gossip, err = announce.New(n.network.Host(), n.cfg.Announce, announce.Options{
		Logger: n.log, Registerer: n.registry, AppScore: n.network.Reputations().Score, Budget: n.network.Budget().Allow,
		Yield: func() time.Duration {
			if n.exchange.SlowLine() > 0 {
				return envelopeYield
			}
			return 0
		},
		First: n.exchange.Named, // they fill the seed's line while the others hear of the release
	})
	return err
}

// envelopeYield is for how long an envelope is kept before it is passed on over a slow
// uplink: by then the neighbours that have it said so, and the fetch has begun.
const envelopeYield = 500 * time.Millisecond

// exchanged returns a function that tells whether blocks went to or came from a peer
// since it was asked last, or it is the seed that this camera tells.
func (n *Node) exchanged() func(peer.ID) bool {
	last := map[peer.ID]int64{}
	return func(p peer.ID) bool {
		if n.teller != nil && n.teller.Tells(p) {
			return true
		}
		s, ok := n.exchange.Stats().Peers[p]
		was, seen := last[p]
		delete(last, p)
		if !ok {
			return false
		}
		if len(last) > swarm.MaxLedgerPeers {
			clear(last)
		}
		last[p] = s.Sent + s.Received
		return !seen || was != last[p]
	}
}

// misbehaviourBan is how long a peer that sent wrong bytes is not talked to:
// long enough to end an attack's effect on a release, short enough that a peer
// with bad memory that was mended comes back.
const misbehaviourBan = time.Hour

// trafficNow sums up the exchange's counters of this run.
func (n *Node) trafficNow() lifeTraffic {
	stats := n.exchange.Stats()
	t := lifeTraffic{PeerStats: stats.Total, FromOrigins: stats.Origin.Received}
	t.Received += stats.Origin.Received
	t.Useful += stats.Origin.Useful
	t.Duplicate += stats.Origin.Duplicate
	t.Wrong += stats.Origin.Wrong
	t.Installs = n.counts.now()
	for i, tier := range p2p.Tiers {
		c := stats.Classes[string(tier)]
		t.Tiers[i] = tierBytes{c.Sent, c.Received}
	}
	for p, s := range stats.Peers {
		if n.network.Role(p) == p2p.RoleSeed {
			t.FromSeeds += s.Received
		}
	}
	return t
}

// parts wires what all followers share.
func (n *Node) parts(o injected) (p parts, err error) {
	if n.window, err = install.ParseWindow(n.cfg.Install.Window); err != nil {
		return p, err
	}
	n.origins = &origins{cfg: n.cfg.Origin, client: o.origins, local: n.cfg.Network.LANOnly, log: n.log}
	p = parts{
		stateDir: n.cfg.StateDir, exchange: n.exchange, ask: n.gossip.Ask, collector: n.keeper.collector, turn: newTurn(),
		origins: n.origins,
		gate:    n.mayInstall, metrics: n.metrics, observe: o.observe, events: n.events, counts: &n.counts,
		learn: n.seeds.learn, verified: n.providers.set, risen: n.gossip.Risen, changed: func() { n.keeper.stale.set(); n.ipns.soon.set(); n.told.set() },
	}
	if o.exchange != nil {
		p.exchange = o.exchange(p.exchange)
	}
	switch c := n.cfg.Install; {
	case n.cfg.Role == RoleSeed:
	case o.installer != nil:
		p.installer = o.installer
	case len(c.Command) > 0:
		p.installer = &install.ExecInstaller{Command: c.Command, Feed: c.Feed, Timeout: c.Timeout, StateDir: n.cfg.StateDir, Logger: n.log}
	default:
		dir := c.SlotDir
		if dir == "" {
			dir = filepath.Join(n.cfg.StateDir, "slot")
		}
		p.installer = &install.FileInstaller{Dir: dir}
	}
	return p, nil
}

func (n *Node) wireProduct(cfg ProductConfig, p parts, o injected) error {
	v, err := cfg.Verifier()
	if err != nil {
		return err
	}
	id := v.Product.ID()
	log := n.log.With("product", v.Product.String())
	ctx, trust := context.Background(), n.store.Namespace("trust")
	history := metastore.ValueAt(trust, id.String())
	adopted, err := restoreTrust(ctx, v, history, log)
	if err != nil {
		return err
	}
	watcher, err := newChain(ctx, cfg, v, history, metastore.ValueAt(trust, id.String()+"/move"),
		wiring{store: n.store, dial: o.dial, registry: n.registry, log: log}, o.acceptRegistry)
	if err != nil {
		return err
	}
	signer, err := n.wireWitness(ctx, cfg, watcher, log)
	if err != nil {
		return err
	}
	f, err := newFollower(ctx, p, cfg, rules{
		verifier: v, retryAfter: n.cfg.Install.RetryAfter, confirmIn: n.cfg.Install.ConfirmWithin, slots: install.HasSlots(p.installer),
		policy: policy{attempts: n.cfg.Install.Attempts, keep: n.cfg.Storage.Keep, section: n.cfg.Install.digest()},
		device: verify.Device{
			DID: string(n.did), Label: cfg.Label, Hardware: cfg.Hardware, Installed: cfg.FactorySequence, Seed: n.cfg.Role == RoleSeed,
		},
	}, watcher, catalog{n.store.Namespace("catalog-" + id.String())}, adopted, log)
	if err != nil {
		return err
	}
	if n.cfg.Install.Consent == consentAsk {
		if f.consent, err = openConsent(ctx, metastore.ValueAt(trust, id.String()+"/consent"), log); err != nil {
			return err
		}
	}
	watcher.moved = func(s *verify.Signed) {
		f.mail.envelope(s)
		f.mail.hint()
	}
	watcher.news, f.signer = f.mail.hint, signer
	n.followers = append(n.followers, f)
	if err := n.seeds.restore(ctx, id); err != nil {
		return err
	}
	if err := n.network.Join(announce.Topic(id)); err != nil {
		return err
	}
	subject := announce.Subject{
		Product: v.Product, Verifier: v, Chain: watcher, Region: cfg.Region, Latest: f.latest, Accepted: f.accepted, Moved: watcher.propose,
	}
	if watcher.panel != nil {
		subject.Witnesses = listener{watcher}
	}
	return n.gossip.Follow(subject)
}

// Run runs the node until ctx ends, then waits for every goroutine it started
// and releases what New opened. It returns nil when ctx ended it and all that was to
// be kept is on disk. It can be called once (ErrRunning).
func (n *Node) Run(ctx context.Context) (err error) {
	if n.ran.Swap(true) {
		return ErrRunning
	}
	defer func() {
		if cerr := n.Close(); err == nil {
			err = cerr
		}
	}()
	began := time.Now()
	n.started.Store(&began)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.network.Run(ctx) })
	g.Go(func() error { return n.exchange.Run(ctx) })
	g.Go(func() error { return n.gossip.Run(ctx) })
	g.Go(func() error { return n.polite.run(ctx) })
	g.Go(func() error { return n.watchForListeners(ctx) })
	g.Go(func() error { return n.traffic.run(ctx) })
	g.Go(func() error { return n.reprovide(ctx) })
	g.Go(func() error { return n.ipns.run(ctx) })
	if n.teller != nil {
		g.Go(func() error { return n.teller.Run(ctx, n.told) })
	}
	if n.fleet != nil {
		g.Go(func() error { return n.fleet.Run(ctx) })
	}
	g.Go(func() error { return n.keeper.run(ctx) })
	for _, f := range n.followers {
		g.Go(func() error { return f.watcher.Run(ctx) })
		g.Go(func() error { return f.run(ctx) })
		if f.signer != nil {
			g.Go(func() error { return f.signer.run(ctx) })
		}
	}
	if n.control != nil {
		g.Go(func() error { return n.control.Run(ctx) })
	}
	g.Go(func() error { return n.serveHTTP(ctx) })
	g.Go(func() error { return n.serveGateway(ctx) })
	n.log.Info("running", "role", string(n.cfg.Role), "peer", n.network.Host().ID().String(), "did", string(n.did))
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Drain prepares the end of a node that runs: what peers and clients of the gateway
// wait for is sent, what they want from now on is denied, and /readyz says so. It
// returns when that is done, or after exchange.drain. Then end Run's context.
func (n *Node) Drain(ctx context.Context) {
	if n.cfg.Exchange.Drain == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Exchange.Drain)
	defer cancel()
	n.draining.Store(true)
	n.log.Info("stopping; what was asked for is still sent", "within", n.cfg.Exchange.Drain)
	if err := errors.Join(n.exchange.Drain(ctx), n.drainGateway(ctx)); err != nil {
		n.log.Info("not everything that was asked for was sent", "err", err)
	}
}

// Close releases what New opened. Run does it itself.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		var errs []error
		if n.origins != nil {
			n.origins.close()
		}
		if n.network != nil {
			errs = append(errs, n.network.Close())
		}
		if n.store != nil {
			errs = append(errs, n.store.Close())
		}
		if n.lock != nil {
			errs = append(errs, n.lock.Close())
		}
		n.closeErr = errors.Join(errs...)
	})
	return n.closeErr
}

// Host returns the node's libp2p host.
func (n *Node) Host() host.Host { return n.network.Host() }

// DID returns the device's decentralised identifier, see [DIDOf].
func (n *Node) DID() verify.DID { return n.did }

// Provide takes a release from a trusted local program, checks it as any other
// and serves it. The image must hold exactly the bytes that the envelope's
// manifest describes, and the registry must offer the release; Provide waits
// for the chain to get there within ctx.
func (n *Node) Provide(ctx context.Context, envelope []byte, image io.Reader) (control.Provided, error) {
	var err error
	for _, f := range n.followers {
		var signed *verify.Signed
		if signed, err = f.rules.verifier.CheckSigned(envelope); err == nil {
			if err := f.watcher.arrive(ctx, signed); err != nil {
				return control.Provided{}, err
			}
			rec, err := f.provide(ctx, signed, image)
			if err != nil {
				return control.Provided{}, err
			}
			return provided(rec), nil
		}
	}
	return control.Provided{}, err
}

// Block gets one block of at most 64 KiB from the peers, such as a DID document
// by the digest that the chain records. It is not kept.
func (n *Node) Block(ctx context.Context, c cid.Cid) ([]byte, error) {
	return n.exchange.FetchBlock(ctx, c, verify.MaxDocumentSize)
}

// Announce publishes an announcement on its product's topic, after the checks
// that every received announcement passes, and waits within ctx until there is
// a peer to hear it. Where witnesses are named it waits up to 2 s until they know, or
// every node would ask the chain before they have spoken.
func (n *Node) Announce(ctx context.Context, a announce.Announcement) error {
	f := n.follower(a.Product)
	if f == nil {
		return fmt.Errorf("%w: %s; see its [[product]] sections", control.ErrUnknownProduct, a.Product)
	}
	if _, err := f.watcher.ViewProven(ctx, a.Rev); err != nil {
		return err
	}
	f.watcher.witnessed(ctx, a.Rev)
	return n.gossip.Publish(ctx, a)
}

// Progress tells how far the image of a release is, and false when the release is
// not being fetched or held.
func (n *Node) Progress(product verify.ProductID, sequence uint64) (swarm.Progress, bool) {
	f := n.follower(product)
	if f == nil {
		return swarm.Progress{}, false
	}
	s := f.published.Load().serves(sequence)
	if s == nil {
		return swarm.Progress{}, false
	}
	return n.exchange.Progress(s.Manifest().Image.Root)
}

// Look makes every product's watcher look at the chain now.
func (n *Node) Look() {
	for _, f := range n.followers {
		f.watcher.Look()
	}
}

func (n *Node) follower(id verify.ProductID) *follower {
	for _, f := range n.followers {
		if f.product() == id {
			return f
		}
	}
	return nil
}

// mayInstall asks the maintenance window, the inhibit file and the programs that
// stream.
func (n *Node) mayInstall() (reason string, next time.Time) {
	now, known := n.localTime()
	if n.window != (install.Window{}) && !known {
		return reasonClock, time.Now().Add(time.Minute)
	}
	inhibited, err := install.Inhibited(n.cfg.Install.InhibitFile)
	if err != nil {
		n.log.Warn("installs wait", "err", err)
	}
	ok, next := install.MayInstall(now, n.window, inhibited)
	holder, until := n.polite.inhibited()
	switch {
	case ok && holder == "":
		return "", time.Now()
	case ok:
		return reasonBusy + " (" + holder + ")", until
	case inhibited && n.window.Contains(now):
		reason = reasonInhibit
	default:
		reason = reasonWindow
	}
	return reason, time.Now().Add(next.Sub(now))
}

// reprovide tells which images this node holds, after start and after each one that
// was verified: a camera tells seeds, when it asks them for neighbours next; a seed
// tells the DHT, again before the records expire (a day). A failure costs only
// findability, since connected peers are told directly; it is tried again.
func (n *Node) reprovide(ctx context.Context) error {
	timer := time.NewTimer(provideRetry)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.providers:
		case <-timer.C:
		}
		var roots []cid.Cid
		for _, f := range n.followers {
			roots = append(roots, f.roots()...)
		}
		n.network.Hold(roots)
		next := provideEvery
		if n.cfg.Role == RoleSeed {
			for _, root := range roots {
				if err := n.network.Provide(ctx, root); err != nil && ctx.Err() == nil {
					n.log.Debug("not provided on the DHT", "root", root.String(), "err", err)
					next = provideRetry
				}
			}
		}
		timer.Reset(next)
	}
}

const (
	provideEvery = 12 * time.Hour
	provideRetry = time.Minute
)

// lockDir takes the state directory for this process; the lock goes with the
// process however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state_dir: the lock cannot be taken: %w; remove what is not a regular file there, and make the directory writable", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w: another process runs on %s; stop it or choose another state_dir", ErrLocked, dir)
	}
	return f, nil
}
