package node

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"camswarm/chainwatch"
	"camswarm/node/metastore"
	"camswarm/verify"
)

// A chain is what a follower asks about the registry in force: one watcher, until
// the manufacturer moves and another takes its place. While a move is not made
// yet, a second watcher looks at the new registry beside the first (move.go).
type chain struct {
	product  ProductConfig
	verifier *verify.Verifier
	wiring   wiring
	trust    metastore.Value // the history that was adopted
	known    metastore.Value // for how long a move has been known that is not made yet

	current atomic.Pointer[watch]
	moving  atomic.Pointer[moving] // nil: no move is to be made
	moved   func(*verify.Signed)   // one was, as this release said
	box     proposals

	panel     *chainwatch.Panel         // nil: no witnesses are named
	spread    time.Duration             // install.confirm_spread
	salt      string                    // of this device's moment in it
	confirmAt atomic.Pointer[time.Time] // when the own quorum is asked about what they say; zero: not
	news      func()                    // what they say changed
}

// wiring is what the watchers of one product share.
type wiring struct {
	store    *metastore.Store
	dial     func(chainwatch.Endpoint) (chainwatch.Caller, error)
	registry *prometheus.Registry
	log      *slog.Logger
}

// A watch is a watcher of one registry.
type watch struct {
	*chainwatch.Watcher
	registry verify.RegistryRef
	metrics  *shelf
	over     context.Context // ends when the watch is no longer wanted
	end      context.CancelFunc
}

// newChain returns the chain of a product in the registry in force. accept: the
// configuration may name another one than this node has followed.
func newChain(ctx context.Context, p ProductConfig, v *verify.Verifier, trust, known metastore.Value, w wiring, accept bool) (*chain, error) {
	c := &chain{product: p, verifier: v, wiring: w, trust: trust, known: known, moved: func(*verify.Signed) {}, news: func() {}, box: proposals{wake: newSignal()}}
	id, moves := v.Product.ID(), v.Moves()
	if slices.ContainsFunc(moves, func(m *verify.Move) bool { return m.To == v.Registry }) {
		accept = true // the manufacturer's word is enough
	}
	if err := keepCheckpoint(ctx, w.store, id, v.Registry, accept); err != nil {
		return nil, err
	}
	first, err := c.watch(v.CurrentRegistry(), moves)
	if err != nil {
		return nil, err
	}
	if err := first.metrics.show(); err != nil {
		return nil, err
	}
	c.current.Store(first)
	return c, nil
}

// watch returns a watcher of the registry to which moves led. Its metrics are not
// shown yet.
func (c *chain) watch(registry verify.RegistryRef, moves []*verify.Move) (*watch, error) {
	id := c.verifier.Product.ID()
	w := &watch{registry: registry, metrics: &shelf{to: c.wiring.registry}}
	var err error
	w.Watcher, err = chainwatch.New(chainConfig(c.product.Chain, c.verifier, registry, moves), id, c.product.Region, chainwatch.Options{
		Store: metastore.ValueAt(c.wiring.store.Namespace("chain"), checkpointKey(id, registry, c.verifier.Registry, moves)),
		Dial:  c.wiring.dial, Logger: c.wiring.log, Registerer: w.metrics,
	})
	w.over, w.end = context.WithCancel(context.Background())
	return w, err
}

// chainConfig says whom to ask about the registry to which moves led: as the
// owner provisioned it, or as the moves say.
func chainConfig(c chainwatch.Config, v *verify.Verifier, registry verify.RegistryRef, moves []*verify.Move) chainwatch.Config {
	if registry == v.Registry {
		return c
	}
	c.ChainID, c.Registry = registry.ChainID, registry.Address.String()
	if m := v.AskAbout(moves); m != nil {
		c.Endpoints = nil
		for _, e := range m.Endpoints {
			c.Endpoints = append(c.Endpoints, chainwatch.Endpoint{URL: e.URL, Operator: e.Operator})
		}
		c.QuorumStart, c.QuorumStop = int(m.StartOf), int(m.StopOf)
		if m.Finality != "" {
			c.Finality = m.Finality
		}
	}
	return c
}

// checkpointKey says where the checkpoint of a registry is kept. Each has one of
// its own, so that what was accepted of one binds in no other; and a reset begins
// a new one.
func checkpointKey(product verify.ProductID, registry, provisioned verify.RegistryRef, moves []*verify.Move) string {
	for _, m := range slices.Backward(moves) {
		if m.Reset() && m.To == registry {
			return product.String() + "/" + registry.String() + "/" + strconv.FormatUint(m.Number, 10)
		}
	}
	if registry == provisioned {
		return product.String()
	}
	return product.String() + "/" + registry.String()
}

// keepCheckpoint makes sure that the checkpoint of the provisioned registry is of
// that registry: another one is an edit gone wrong until the operator says that it
// is meant (accept), and then kept beside, so that going back loses nothing.
func keepCheckpoint(ctx context.Context, store *metastore.Store, product verify.ProductID, registry verify.RegistryRef, accept bool) error {
	at := func(key string) metastore.Value { return metastore.ValueAt(store.Namespace("chain"), key) }
	current := at(product.String())
	data, err := current.Load(ctx)
	if err != nil {
		return err
	}
	c, err := chainwatch.DecodeCheckpoint(data)
	if err != nil || c.Registry == registry {
		return nil // none, damaged (which the watcher deals with), or the same
	}
	if !accept {
		return fmt.Errorf("%w: this node has followed registry %s (revision %d), and chain_id and registry now name %s: put them back, or run camswarmd once with --accept-registry",
			ErrConfig, c.Registry, c.Rev, registry)
	}
	aside := func(r verify.RegistryRef) metastore.Value { return at(product.String() + "/" + r.String()) }
	if err := aside(c.Registry).Save(ctx, data); err != nil {
		return err
	}
	former, err := aside(registry).Load(ctx)
	if err != nil {
		return err
	}
	if len(former) == 0 {
		return current.Delete(ctx)
	}
	return current.Save(ctx, former)
}

// errMoved ends the wait for a view when another registry comes into force.
var errMoved = verify.Soft(verify.AttackWrongChain, "the manufacturer moved to another registry meanwhile")

// ask asks the watcher in force for a view, until it no longer is.
func (c *chain) ask(ctx context.Context, question func(context.Context, *chainwatch.Watcher) (verify.View, error)) (verify.View, error) {
	w := c.current.Load()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.over, cancel)()
	view, err := question(ctx, w.Watcher)
	if err != nil && w.over.Err() != nil {
		return view, errMoved
	}
	return view, err
}

// View is that of the watcher in force. It ends with errMoved when another one
// comes into force.
func (c *chain) View(ctx context.Context, rev uint64) (verify.View, error) {
	return c.see(ctx, rev, func(ctx context.Context, w *chainwatch.Watcher) (verify.View, error) { return w.View(ctx, rev) })
}

// ViewProven likewise.
func (c *chain) ViewProven(ctx context.Context, rev uint64) (verify.View, error) {
	return c.see(ctx, rev, func(ctx context.Context, w *chainwatch.Watcher) (verify.View, error) { return w.ViewProven(ctx, rev) })
}

// ViewOwn is the own quorum's, whatever witnesses say.
func (c *chain) ViewOwn(ctx context.Context, rev uint64) (verify.View, error) {
	return c.ask(ctx, func(ctx context.Context, w *chainwatch.Watcher) (verify.View, error) { return w.ViewProven(ctx, rev) })
}

// Confirm returns a view of the registry in force for an install. While a move is
// to be made it waits: the old registry may be in wrong hands.
func (c *chain) Confirm(ctx context.Context, age time.Duration) (verify.View, error) {
	for {
		if m := c.moving.Load(); m != nil && m.quiet {
			select {
			case <-m.changed:
				continue
			case <-ctx.Done():
				return verify.View{}, verify.Soft(verify.AttackWrongChain, "nothing is installed on the word of registry %s, which the manufacturer leaves for %s: %s",
					c.current.Load().registry, m.to, m.why)
			}
		}
		view, err := c.confirm(ctx, age)
		if err != errMoved || ctx.Err() != nil {
			return view, err
		}
	}
}

// confirm is the own quorum's word, or where the owner allows it and that cannot be
// had, the witnesses'.
func (c *chain) confirm(ctx context.Context, age time.Duration) (verify.View, error) {
	own := func(ctx context.Context, w *chainwatch.Watcher) (verify.View, error) { return w.Confirm(ctx, age) }
	if c.panel == nil || !c.product.Witnesses.Install {
		return c.ask(ctx, own)
	}
	first, cancel := context.WithTimeout(ctx, c.product.Chain.Timeout+time.Second)
	view, err := c.ask(first, own)
	cancel()
	if err == nil {
		return view, nil
	}
	if view, ok := c.Current(); ok && view.Witnessed {
		return view, nil
	}
	return c.ask(ctx, own)
}

// Current is the view in force of the registry in force, with what witnesses add.
func (c *chain) Current() (verify.View, bool) { return c.widened() }

// Changes is signalled when that view changed. It is another channel after a move.
func (c *chain) Changes() <-chan struct{} { return c.current.Load().Changes() }

// Look has the watchers look soon.
func (c *chain) Look() {
	c.current.Load().Look()
	c.box.wake.set()
}

// Reset is that of the watcher in force.
func (c *chain) Reset(ctx context.Context) error { return c.current.Load().Reset(ctx) }

// Status is that of the watcher in force.
func (c *chain) Status() chainwatch.Status { return c.current.Load().Status() }

// Endpoints are those of the watcher in force.
func (c *chain) Endpoints() []chainwatch.EndpointStatus { return c.current.Load().Endpoints() }

// Run runs the watchers and makes moves until ctx ends.
func (c *chain) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	run := func(w *watch) {
		g.Go(func() error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(w.over, cancel)()
			return w.Run(ctx)
		})
	}
	run(c.current.Load())
	if c.panel != nil {
		g.Go(func() error { return c.heed(ctx) })
	}
	g.Go(func() error { return c.makeMoves(ctx, run) })
	return g.Wait()
}

// A shelf holds the metrics of a watcher and shows them while it is in force: two
// watchers of one product would have the same names.
type shelf struct {
	to         *prometheus.Registry
	collectors []prometheus.Collector
}

// Register implements prometheus.Registerer.
func (s *shelf) Register(c prometheus.Collector) error {
	s.collectors = append(s.collectors, c)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (s *shelf) MustRegister(cs ...prometheus.Collector) { s.collectors = append(s.collectors, cs...) }

// Unregister implements prometheus.Registerer.
func (s *shelf) Unregister(prometheus.Collector) bool { return false }

func (s *shelf) show() error {
	for _, c := range s.collectors {
		if err := s.to.Register(c); err != nil {
			return fmt.Errorf("register chain metrics: %w", err)
		}
	}
	return nil
}

func (s *shelf) hide() {
	for _, c := range s.collectors {
		s.to.Unregister(c)
	}
}
