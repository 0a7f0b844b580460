package announce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/verify"
)

// Errors of this package. A refused announcement is a *verify.Error.
var (
	ErrNotFollowed = errors.New("announce: product is not followed")
	ErrFollowed    = errors.New("announce: product is followed already")
	ErrTooMany     = errors.New("announce: too many products")
	ErrRunning     = errors.New("announce: Run was called before")
	ErrStopped     = errors.New("announce: stopped")
	ErrNoPeers     = errors.New("announce: no peer follows the product")
	ErrNotApproved = errors.New("announce: not announced, the node's own checks refuse it")
	ErrNoAnswer    = errors.New("announce: no connected peer has an approved announcement")
)

// Options is what a program injects. Every field may be left out.
type Options struct {
	Logger     *slog.Logger          // nil: nothing is logged
	Registerer prometheus.Registerer // nil: metrics are not registered

	// Now is the device's clock, for the expiry of manifests; rates and
	// time-outs do not use it. nil: time.Now.
	Now func() time.Time

	// AppScore is what the node knows of a peer from elsewhere, in points from
	// MinAppScore to MaxAppScore (values outside are clamped); below -10 a peer
	// gets no gossip, below -60 nothing it sends is read. It is called under
	// pubsub's lock and must answer at once. nil: 0 for everyone.
	AppScore func(peer.ID) float64

	// Yield is for how long an envelope that came is kept before it is passed on: where
	// the uplink is slow, envelopes to neighbours, who mostly have them by then and say
	// so, would stand before the first acknowledgements of a fetch. Hints are passed on
	// at once. nil: 0.
	Yield func() time.Duration

	// Budget counts work for a peer, in units of about 0.1 ms of a desktop's core, and
	// reports whether it may be done; who is over its budget is cut off by whoever
	// gave this. Questions cost the stream that brings them, which is not counted
	// here. It must answer at once. nil: no bound.
	Budget func(p peer.ID, cost float64) bool

	// First reports whether a peer should be among the first to get an envelope that
	// does not go to all at once, because it can do most with it. nil: nobody.
	First func(peer.ID) bool
}

// Gossip spreads and judges announcements of the products it follows.
type Gossip struct {
	host    host.Host
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	now     func() time.Time
	app     func(peer.ID) float64
	budget  func(peer.ID, float64) bool
	yield   func() time.Duration
	first   func(peer.ID) bool
	warned  tallies

	peers    *peerTable
	filter   *topicFilter
	scores   atomic.Pointer[map[peer.ID]float64]
	offences chan peer.ID  // peers far over their rate
	holding  chan struct{} // something new is held
	greet    chan struct{} // a product was followed while running
	rises    chan struct{} // a view may have risen
	serving  chan struct{} // places for answers

	running chan struct{} // closed when Run is ready
	stopped chan struct{} // closed when Run has ended
	gate    gate

	// followed is the number of topics. pubsub's loop reads it where it must
	// not wait for mu: joining a topic waits for the loop under mu.
	followed atomic.Int32

	mu       sync.Mutex
	products map[verify.ProductID]*subject
	started  bool
	ps       *pubsub.PubSub // nil until Run made it
}

// New makes a Gossip on a host; it starts nothing.
func New(h host.Host, cfg Config, opts Options) (*Gossip, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("announce: register metrics (one registerer serves one Gossip): %w", err)
	}
	g := &Gossip{
		host: h, cfg: cfg, log: opts.Logger, metrics: m, now: opts.Now, app: opts.AppScore, budget: opts.Budget, yield: opts.Yield, first: opts.First,
		peers:    newPeerTable(),
		filter:   newTopicFilter(),
		offences: make(chan peer.ID, 16),
		holding:  make(chan struct{}, 1),
		greet:    make(chan struct{}, 1),
		rises:    make(chan struct{}, 1),
		serving:  make(chan struct{}, servings),
		running:  make(chan struct{}),
		stopped:  make(chan struct{}),
		products: map[verify.ProductID]*subject{},
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

// Follow joins the topic of a product, before or during Run. A product is
// followed once (ErrFollowed), at most MaxProducts in all (ErrTooMany).
func (g *Gossip) Follow(s Subject) error {
	sub, err := newSubject(s)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.products[sub.id] != nil:
		return fmt.Errorf("%w: %s", ErrFollowed, s.Product)
	case len(g.products) >= MaxProducts:
		return fmt.Errorf("%w: at most %d", ErrTooMany, MaxProducts)
	}
	if g.ps != nil {
		if err := g.join(sub); err != nil {
			return err
		}
	}
	g.products[sub.id] = sub
	g.followed.Add(1)
	if sub.Witnesses != nil {
		g.followed.Add(1)
	}
	if g.ps != nil {
		select {
		case g.greet <- struct{}{}:
		default:
		}
	}
	return nil
}

// join enters the topic; the caller holds the lock and Run made g.ps.
func (g *Gossip) join(s *subject) error {
	g.filter.follow(s.topic)
	if err := g.ps.RegisterTopicValidator(s.topic, g.validator(s),
		pubsub.WithValidatorConcurrency(validations),
		// A validator ends by itself with the look; this only backs it up.
		pubsub.WithValidatorTimeout(g.cfg.LookTimeout+time.Second),
	); err != nil {
		return fmt.Errorf("announce: join %s: %w", s.topic, err)
	}
	t, err := g.ps.Join(s.topic)
	if err != nil {
		return fmt.Errorf("announce: join %s: %w", s.topic, err)
	}
	if err := t.SetScoreParams(topicScoreParams()); err != nil {
		return fmt.Errorf("announce: join %s: %w", s.topic, err)
	}
	// Relay takes part in the mesh without a subscription's queue, which drops
	// messages when full: the validator hands accepted announcements over.
	if _, err := t.Relay(); err != nil {
		return fmt.Errorf("announce: join %s: %w", s.topic, err)
	}
	s.mu.Lock()
	s.handle = t
	s.mu.Unlock()
	if s.Witnesses == nil {
		return nil
	}
	return g.joinWitnesses(s)
}

// subject returns a followed product, or nil.
func (g *Gossip) subject(id verify.ProductID) *subject {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.products[id]
}

// subjects returns all followed products.
func (g *Gossip) subjects() []*subject {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.products))
}

// Run gossips until ctx ends, then returns nil; it runs once (ErrRunning). When
// it has returned, no Accepted or Latest of a Subject runs any more. pubsub gives no way
// to wait for its goroutines; they end with ctx and with their streams, which
// are reset here.
func (g *Gossip) Run(ctx context.Context) error {
	g.mu.Lock()
	again := g.started
	g.started = true
	g.mu.Unlock()
	if again {
		return ErrRunning
	}
	defer close(g.stopped)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	err := g.start(ctx)
	if err == nil {
		g.host.SetStreamHandler(WitnessProtocol, g.serveStatements(ctx))
		g.host.SetStreamHandler(LatestProtocol, g.serve(ctx)) // last: who sees it asks for both
		wg.Go(func() { g.greetPeers(ctx) })
		wg.Go(func() { g.rejudge(ctx) })
		wg.Go(func() { g.punish(ctx) })
		wg.Go(func() { g.relink(ctx) })
		wg.Go(func() { g.tellRises(ctx) })
		close(g.running)
		<-ctx.Done()
	} else if ctx.Err() != nil {
		err = nil // it ended while all was being made
	}

	cancel()
	g.host.RemoveStreamHandler(LatestProtocol)
	g.host.RemoveStreamHandler(WitnessProtocol)
	g.host.RemoveStreamHandler(MeshProtocol)
	wg.Wait()
	g.gate.close()
	for _, c := range g.host.Network().Conns() {
		for _, s := range c.GetStreams() {
			if p := s.Protocol(); p == MeshProtocol || p == LatestProtocol || p == WitnessProtocol {
				s.Reset()
			}
		}
	}
	return err
}

// start makes the pubsub instance and joins every topic.
func (g *Gossip) start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := meteredHost{g.host, g}
	router := pubsub.DefaultGossipSubRouter(h)
	ps, err := pubsub.NewGossipSubWithRouter(ctx, h, router, g.pubsubOptions(router)...)
	if err != nil {
		return fmt.Errorf("announce: start gossipsub: %w", err)
	}
	g.ps = ps
	for _, s := range g.products {
		if err := g.join(s); err != nil {
			return err
		}
	}
	return nil
}

// meshFeatures says what is used of the one protocol that is spoken.
func meshFeatures(f pubsub.GossipSubFeature, p protocol.ID) bool {
	return p == MeshProtocol && f != pubsub.GossipSubFeatureExtensions
}

func (g *Gossip) pubsubOptions(router *pubsub.GossipSubRouter) []pubsub.Option {
	t, mesh := thresholds, meshParams(g.cfg.Degree, g.cfg.Heartbeat)
	return []pubsub.Option{
		pubsub.WithLogger(g.log.With("system", "pubsub")),
		// Announcements authenticate themselves by the manufacturer's
		// signatures. An author's signature would say who started a message,
		// which proves nothing about firmware, costs a verification per hop,
		// tells everyone which node published, and gives one announcement many
		// ids. Messages that carry an author, number or signature are refused.
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(maxRPC),
		pubsub.WithMaxControlMessageSize(maxControl),
		pubsub.WithGossipSubProtocols([]protocol.ID{MeshProtocol}, meshFeatures),
		pubsub.WithGossipSubParams(mesh),
		pubsub.WithPeerScore(scoreParams(g.appScore), &t),
		pubsub.WithPeerScoreInspect(func(s map[peer.ID]float64) { g.scores.Store(&s) }, scoreEvery),
		// A publisher sends to subscribed neighbours that it draws, and hints to all,
		// not to its mesh alone: the first hop is the one that an eclipse must cut.
		// Whom an envelope does not reach, because no mesh has formed yet, has the
		// hint and asks.
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerExchange(false), // peers are found by the swarm, not through strangers
		pubsub.WithSubscriptionFilter(g.filter),
		pubsub.WithAppSpecificRpcInspector(g.inspect),
		pubsub.WithValidateThrottle(allValidations),
		router.WithDefaultTagTracer(),
		pubsub.WithRawTracer(&grafts{send: router.SendControl, keep: time.Duration(mesh.HistoryLength-1) * mesh.HeartbeatInterval}),
	}
}

func (g *Gossip) appScore(p peer.ID) float64 {
	if g.app == nil {
		return 0
	}
	score := g.app(p)
	if math.IsNaN(score) {
		return 0
	}
	return min(max(score, MinAppScore), MaxAppScore)
}

// inspect drops the messages of a peer that is muted or over its rate. It runs in
// pubsub's loop before a message is marked as seen. In the validator it would
// be too late: a message ignored there is dropped for two minutes whoever
// sends it, so a flooder could smother an announcement by being the first to
// send it.
func (g *Gossip) inspect(from peer.ID, rpc *pubsub.RPC) error {
	if !g.spend(from, rpcTokens) {
		return errOverBudget // nothing in it is looked at
	}
	now := time.Now()
	topics := max(1, int(g.followed.Load()))
	taken, punish := 0, false
	g.peers.with(from, func(p *peerState) {
		p.heard = true
		for taken < len(rpc.Publish) && !p.muted(now) && p.messages.take(now, 1, g.cfg.PeerBurst*topics, g.cfg.PeerEvery/time.Duration(topics)) {
			taken++
		}
		p.drops += len(rpc.Publish) - taken
		if p.drops >= floodDrops {
			p.drops, punish = 0, true
		}
	})
	if over := len(rpc.Publish) - taken; over > 0 {
		g.metrics.dropped.Add(float64(over))
		g.log.Debug("messages of a peer that is muted or over its rate dropped", "peer", from, "count", over, "attack", attackFlood)
		rpc.Publish = rpc.Publish[:taken]
	}
	if punish {
		select {
		case g.offences <- from:
		default:
		}
	}
	return nil
}

// punish lowers the scores of peers that flood, until ctx ends.
func (g *Gossip) punish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-g.offences:
			if all := g.subjects(); len(all) > 0 {
				if before, tell := g.warned.count(attackFlood, time.Now()); tell {
					g.log.Warn("peer sends far over its rate", "peer", p, "attack", attackFlood, "before", before)
				}
				g.penalise(p, all[0])
			}
		}
	}
}

// relink makes pubsub speak to neighbours that it lost, until ctx ends. pubsub
// opens its stream to a peer once, when the peer is identified as speaking the
// protocol. Two nodes that start and meet at the same moment miss that: word of
// it that comes while an earlier attempt is about to fail is dropped, and a
// late first identification can overwrite a newer one. After four lost streams
// pubsub gives up as well. It would then hear the peer and never speak to it;
// telling it again is all that it takes.
func (g *Gossip) relink(ctx context.Context) {
	spoken, err := g.host.EventBus().Emitter(new(event.EvtPeerProtocolsUpdated))
	if err != nil {
		g.log.Error("lost links to neighbours are not restored", "err", err)
		return
	}
	defer spoken.Close()
	events, err := g.host.EventBus().Subscribe([]any{
		new(event.EvtPeerConnectednessChanged), new(event.EvtPeerIdentificationCompleted),
	})
	if err != nil {
		g.log.Error("lost links to neighbours are not restored", "err", err)
		return
	}
	defer events.Close()
	g.mu.Lock()
	ps := g.ps
	g.mu.Unlock()
	pause := relinkEvery
	tick := time.NewTimer(pause)
	defer tick.Stop()
	tried := map[peer.ID]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events.Out():
			if !ok {
				return
			}
			if pause > relinkEvery { // somebody came or went: soon
				pause = relinkEvery
				tick.Reset(pause)
			}
			continue
		case <-tick.C:
		}
		pause = min(2*pause, relinkIdle)
		tick.Reset(pause)
		linked := map[peer.ID]bool{}
		for _, p := range ps.ListPeers("") {
			linked[p] = true
		}
		now := time.Now()
		maps.DeleteFunc(tried, func(_ peer.ID, at time.Time) bool { return now.Sub(at) >= relinkAgain })
		for _, p := range g.speakers(MeshProtocol) {
			if _, ok := tried[p]; ok || linked[p] {
				continue
			}
			tried[p] = now
			if err := spoken.Emit(event.EvtPeerProtocolsUpdated{Peer: p, Added: []protocol.ID{MeshProtocol, LatestProtocol}}); err != nil {
				g.log.Debug("link not restored", "peer", p, "err", err)
			}
		}
	}
}

// awaitRun waits until Run is ready.
func (g *Gossip) awaitRun(ctx context.Context) error {
	select {
	case <-g.running:
		return nil
	case <-g.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("announce: Run has not started: %w", ctx.Err())
	}
}

// penalise counts an invalid message against a peer, for what did not come as
// a message that pubsub could reject. It must not be called from pubsub's loop.
func (g *Gossip) penalise(p peer.ID, s *subject) {
	g.mu.Lock()
	ps := g.ps
	g.mu.Unlock()
	if ps == nil {
		return
	}
	if err := ps.PeerFeedback(s.topic, p, pubsub.PeerFeedbackInvalidMessage); err != nil {
		g.log.Debug("score not lowered", "peer", p, "err", err)
	}
}

// Scores returns pubsub's score of each peer it knows, in points, at most ten
// seconds old. Honest peers are at 0 or above, unless Options.AppScore says
// otherwise.
func (g *Gossip) Scores() map[peer.ID]float64 {
	if s := g.scores.Load(); s != nil {
		return maps.Clone(*s)
	}
	return nil
}

// Publish announces to all neighbours that follow the product. The
// announcement passes the same checks as one from the network, so a node never
// announces what it would refuse: otherwise the error wraps ErrNotApproved and
// the reason. Publish waits until Run is ready and at least one peer follows
// the topic, because pubsub silently drops what nobody is there to hear; when
// ctx ends first, the error wraps ErrNoPeers. When it returns nil the message
// is on its way. The same bytes published again within two
// minutes go nowhere. A crowd is sent a bare hint 25 ms before the envelope, so that
// all of it looks at the chain while the envelopes are still on the line, unless
// witnesses spare it that. The envelope goes to 8 times Config.Degree neighbours, drawn
// by lot, who pass it on.
func (g *Gossip) Publish(ctx context.Context, a Announcement) error {
	s := g.subject(a.Product)
	if s == nil {
		return fmt.Errorf("%w: %s", ErrNotFollowed, a.Product)
	}
	raw, err := a.Encode()
	if err != nil {
		return err
	}
	if err := g.vouch(ctx, s, raw); err != nil {
		return err
	}
	if err := g.awaitRun(ctx); err != nil {
		return err
	}
	topic := s.joined()
	waited := false
	for len(topic.ListPeers()) == 0 {
		waited = true
		select {
		case <-time.After(publishPoll):
		case <-g.stopped:
			return ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("%w: %s: connect to a seed or camera of this product: %w", ErrNoPeers, s.Product, ctx.Err())
		}
	}
	if waited { // it may have been revoked meanwhile
		if err := g.vouch(ctx, s, raw); err != nil {
			return err
		}
	}
	confirmed := s.Witnesses != nil && s.Witnesses.Agree(a.Rev) // nobody has to look at the chain
	if !a.Bare() && !confirmed && len(topic.ListPeers()) >= hintFirst {
		lead, hinted := s.lead(a.Rev, time.Now())
		if !hinted {
			g.forward(ctx, s, hintOf(a.Product, a.Rev, a.Block), true)
		}
		select { // or hint and envelope would leave together, one peer after the other
		case <-time.After(lead):
		case <-g.stopped:
			return ErrStopped
		case <-ctx.Done():
			return fmt.Errorf("announce: publish: %w", ctx.Err())
		}
	}
	if err := g.spread(ctx, topic, raw, a.Bare(), publishTo); err != nil {
		return fmt.Errorf("announce: publish: %w", err)
	}
	return nil
}

// vouch judges an announcement of our own.
func (g *Gossip) vouch(ctx context.Context, s *subject, raw []byte) error {
	if d, err := g.judge(ctx, s, g.host.ID(), raw, viaSelf); d != accept {
		return fmt.Errorf("%w: %w", ErrNotApproved, err)
	}
	return nil
}

// gate lets calls in until it is closed, and close waits for those inside.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside.Add(1)
	return true
}

func (g *gate) leave() { g.inside.Done() }

// run runs f beside the caller, unless the gate is closed.
func (g *gate) run(f func()) bool {
	if !g.enter() {
		return false
	}
	go func() {
		defer g.leave()
		f()
	}()
	return true
}

func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
