package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/announce"
	"camswarm/node"
	"camswarm/sim/bubble"
	"camswarm/sim/links"
	"camswarm/sim/report"
	"camswarm/sim/web"
	"camswarm/verify"
)

// Options are what a program injects into a run.
type Options struct {
	// Baselines are run after the swarm, see package baseline; nil: none.
	Baselines []string
	// Dir holds the nodes' state directories during the run, about the image's
	// size for each camera; "": a directory of its own under os.TempDir.
	Dir string
	// Logger hears of the run; the nodes' own logs go to NodeLogger. nil discards.
	Logger     *slog.Logger
	NodeLogger *slog.Logger
	// Progress is told a few times a second of virtual time. It must be quick.
	Progress func(Progress)
	// Commit names the code in the report.
	Commit string

	// tamper breaks something of a run that is about to be played, for the tests of
	// the invariants.
	tamper func(*run)
}

// Progress is how far a run is.
type Progress struct {
	Phase     string        // "warming up", "fetching", …, or the name of a baseline
	Virtual   time.Duration // since the announcement; negative before it
	Nodes     int           // honest cameras
	Announced int
	Fetching  int
	Done      int // verified
}

// A run is one scenario being played. Everything in it but the script lives in
// the bubble.
type run struct {
	s      *Scenario
	o      Options
	cast   *cast
	script *script
	dir    string
	log    *slog.Logger

	net    links.Network
	chain  *chain
	bucket *web.Endpoint // the origin; nil: none

	members   []*member // by actor
	witnesses []verify.PublicKey
	byPeer    map[string]*member

	mu         sync.Mutex
	phase      string
	start      time.Time     // of the last announcement; zero before
	target     uint64        // its sequence
	lead       time.Duration // from the block of its rollout to the announcement
	waiting    int           // honest cameras that have not verified it
	allDone    chan struct{}
	stepNow    int           // of the rollout
	halted     *haltedBy     // of a bad release; nil: not halted
	haltedNow  chan struct{} // closed then
	violations []report.Violation
	faults     []report.Fault
	stages     []report.Stage
	stopStage  *report.Stage // of the stop; nil: none
	mesh       [][2]int
	sites      []report.Site
	uploads    links.Uploads // from the announcement until the last camera was done
	siteBase   [][2]int64    // their counters at the announcement
	virtual    time.Duration
	tried      hostileTried
	measuring  bool // the release that is measured has been announced
}

// Run plays a scenario and returns what was measured. The error is about the run
// itself; broken promises of the nodes are in the report's Violations and
// Unfinished. A run that ctx ends after the announcement returns what there was by
// then, marked as interrupted, beside the error. It must not be called from within
// a bubble, and signals must have been asked for before it.
func Run(ctx context.Context, s *Scenario, o Options) (out *report.Report, err error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.NodeLogger == nil {
		o.NodeLogger = slog.New(slog.DiscardHandler)
	}
	began, cpu := time.Now(), cpuTime()
	c, err := assemble(s)
	if err != nil {
		return nil, err
	}
	r := &run{s: s, o: o, cast: c, log: o.Logger, byPeer: map[string]*member{}}
	var canaries []verify.DID
	for _, a := range c.cameras {
		canaries = append(canaries, a.did)
	}
	if r.script, err = writeScript(ctx, s, regionCodes(c.regions), canaries, bubble.Start.Add(s.WarmUp)); err != nil {
		return nil, err
	}
	dir := o.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	if r.dir, err = os.MkdirTemp(dir, "camsim-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if err := r.makeWitnesses(); err != nil {
		return nil, err
	}
	resetPeak()
	played := bubble.Run(ctx, r.play)
	if played != nil && (ctx.Err() == nil || !r.measuring) {
		return nil, played
	}
	out = r.report()
	out.PeakMemoryBytes = peakMemory()
	if played == nil {
		played = r.baselines(ctx, out)
	}
	if played != nil && ctx.Err() == nil {
		return nil, played
	}
	out.Interrupted = played != nil
	out.WallSeconds = time.Since(began).Seconds()
	out.CPUSeconds = (cpuTime() - cpu).Seconds()
	return out, played
}

// play is the run in virtual time.
func (r *run) play(ctx context.Context) (err error) {
	if r.net, err = opener(r.s.Links)(&r.cast.topo); err != nil {
		return err
	}
	defer r.net.Close()
	r.haltedNow = make(chan struct{})
	r.allDone = make(chan struct{}, 1) // of the bubble: a channel from outside would stop its clock
	r.chain = &chain{history: r.script.history, model: r.s.Chain, start: time.Now(), servers: make([]server, r.s.Chain.Operators)}
	for _, a := range r.cast.actors {
		m := &member{run: r, actor: a, lookAge: never, protocols: newProtocols()}
		m.installer = m
		r.members = append(r.members, m)
		r.byPeer[string(a.id)] = m
	}
	if r.o.tamper != nil {
		r.o.tamper(r)
	}
	stopOrigin, err := r.startOrigin()
	if err != nil {
		return err
	}
	defer stopOrigin()
	defer func() { err = errors.Join(err, r.stopAll()) }()
	began := time.Now()
	defer func() { r.virtual = time.Since(began) }()
	r.enter("warming up")
	stopSampling := r.sample(ctx)
	defer stopSampling()

	var starting sync.WaitGroup
	errs := make(chan error, len(r.members))
	for _, m := range r.members {
		if m.actor.late > 0 {
			continue
		}
		starting.Go(func() {
			if sleep(ctx, m.actor.startsIn) == nil {
				errs <- m.begin(ctx)
			}
		})
	}
	starting.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	if err := sleep(ctx, r.s.WarmUp-time.Since(began)); err != nil {
		return err
	}
	for i := range r.script.releases {
		if err := r.release(ctx, i); err != nil {
			return fmt.Errorf("release %d: %w", i+1, err)
		}
	}
	return nil
}

// opener makes the network of a kind of links.
func opener(kind string) func(*links.Topology) (links.Network, error) {
	if kind == "fast" {
		return links.NewFast
	}
	return links.NewQUIC
}

func (r *run) enter(phase string) {
	r.mu.Lock()
	r.phase = phase
	r.mu.Unlock()
	r.log.Info("phase", "phase", phase)
}

// seedMembers and cameraMembers are the honest ones.
func (r *run) seedMembers() []*member   { return r.members[:len(r.cast.seeds)] }
func (r *run) cameraMembers() []*member { return r.members[len(r.cast.seeds):][:len(r.cast.cameras)] }

// release publishes release i, has the seeds take it, announces it, and waits
// until every honest camera that can has verified it.
func (r *run) release(ctx context.Context, i int) error {
	last := i == len(r.script.releases)-1
	rel := r.script.releases[i]
	r.enter(fmt.Sprintf("publishing release %d", i+1))

	// The manufacturer publishes; nobody may install yet, seeds take it.
	r.chain.set(r.script.published[i])
	if err := r.warm(ctx, i); err != nil {
		return err
	}
	// The operator rolls it out. The tool announces when its node's view has it.
	view, err := r.stateView(r.script.steps[i][0])
	if err != nil {
		return err
	}
	r.step(0, r.script.steps[i][0])
	block := time.Now()
	if err := r.seen(ctx, view.Rev); err != nil {
		return err
	}

	r.mu.Lock()
	r.start, r.target = time.Now(), rel.Record.Sequence
	r.lead = r.start.Sub(block)
	r.waiting = 0
	select {
	case <-r.allDone:
	default:
	}
	r.mu.Unlock()
	for _, m := range r.members {
		m.newTarget()
	}
	r.siteBase = nil
	for n := range r.cast.topo.Sites {
		up, down := r.net.SiteTraffic(n + 1)
		r.siteBase = append(r.siteBase, [2]int64{up, down})
	}
	r.recordMesh()
	r.net.Uploads() // counted from here on
	r.enter(fmt.Sprintf("release %d", i+1))
	if err := r.seedMembers()[0].node.Announce(ctx, announce.Announcement{
		Product: r.script.product.ID(), Sequence: rel.Record.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: rel.Envelope,
	}); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	var acts sync.WaitGroup
	actx, cancel := context.WithCancel(ctx)
	defer acts.Wait()
	defer cancel()
	if last {
		r.schedule(actx, &acts)
	}
	acts.Go(func() { r.rollout(actx, i) })
	if last {
		acts.Go(func() { r.watch(actx) })
		r.measuring = true
		defer r.count()
	}

	limit := time.NewTimer(r.s.Limit)
	defer limit.Stop()
	select {
	case <-r.allDone:
	case <-r.haltedNow:
	case <-limit.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.uploads = r.net.Uploads()
	if !last {
		return sleep(ctx, max(r.s.ReleaseEvery-time.Since(r.start), 0))
	}
	// Steps of the rollout that are still to come, installs, collection.
	r.enter("settling")
	if n := len(r.s.Rollout); n > 0 {
		rest := time.NewTimer(r.s.Rollout[n-1].At - time.Since(r.start))
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-r.haltedNow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	r.check()
	if err := r.idle(ctx); err != nil {
		return err
	}
	return r.stop(ctx)
}

// idle counts what nodes send and receive while nothing happens.
func (r *run) idle(ctx context.Context) error {
	if r.s.Idle == 0 {
		return nil
	}
	r.enter(idling)
	sum := map[protocol.ID]int64{}
	count := func(sign int64) {
		for _, m := range r.cameraMembers() {
			m.protocols.add(sum, sign)
		}
		for _, m := range r.members {
			sent, received := r.net.Traffic(m.actor.index)
			m.idleSent += sign * sent
			m.idleReceived += sign * received
			m.idleShort += sign * r.net.ShortPackets(m.actor.index)
			if m.node != nil {
				m.idlePeers = m.node.Status().Peers
			}
		}
	}
	if err := sleep(ctx, calm); err != nil {
		return err
	}
	count(-1)
	if err := sleep(ctx, r.s.Idle); err != nil {
		return err
	}
	count(1)
	each := float64(len(r.cameraMembers())) * r.s.Idle.Hours() / (30 * 24) * 1e6
	for _, s := range shares(sum) {
		r.log.Info("a camera's idle streams carry", "protocol", string(s.protocol), "mbMonth", math.Round(float64(s.bytes)/each*100)/100)
	}
	return nil
}

// idling is the phase in which nothing happens, and idleSample how often it is
// looked then.
// calm is how long the cameras have been idle before that counts: neighbours that they
// gathered for the release have been hung up on by then (p2p.Config.MeshIdle).
const (
	calm       = time.Hour
	idling     = "idle"
	idleSample = time.Minute
)

// settle is the time after the last camera has its image in which installs and
// collections end.
const settle = 10 * time.Second

// warm hands release i to the first seed and, where the scenario wants it, waits
// until the others have it too.
func (r *run) warm(ctx context.Context, i int) error {
	rel := r.script.releases[i]
	first := r.seedMembers()[0]
	wait, cancel := context.WithTimeout(ctx, warmLimit)
	defer cancel()
	if _, err := first.node.Provide(wait, rel.Envelope, bytes.NewReader(r.script.images[i])); err != nil {
		return fmt.Errorf("hand the release to %s: %w", first.actor.name, err)
	}
	if !r.s.Seeds.Warm {
		return nil
	}
	r.enter(fmt.Sprintf("seeds take release %d", i+1))
	for _, m := range r.seedMembers() {
		m.node.Look()
	}
	for {
		cold := ""
		for _, m := range r.seedMembers() {
			if p, ok := m.node.Progress(r.script.product.ID(), rel.Record.Sequence); !ok || p.Blocks < p.BlocksTotal {
				cold = m.actor.name
			}
		}
		if cold == "" {
			return nil
		}
		if err := sleep(wait, time.Second); err != nil {
			return fmt.Errorf("%s did not get the release within %v of virtual time: %w", cold, warmLimit, err)
		}
	}
}

const warmLimit = 30 * time.Minute

// seen waits until the first seed's view has a revision, and where there are witnesses
// until every seed has heard that those of its region agree on it. It looks at once, and
// no longer than it must: cameras that connect meanwhile are told before the
// announcement.
func (r *run) seen(ctx context.Context, rev uint64) error {
	ctx, cancel := context.WithTimeout(ctx, warmLimit)
	defer cancel()
	first := r.seedMembers()[0]
	knows := func() bool {
		return first.node.Status().Products[0].Chain.Rev >= rev && !slices.ContainsFunc(r.seedMembers(), func(m *member) bool {
			w := m.node.Status().Products[0].Chain.Witnesses
			return w != nil && w.Rev < rev
		})
	}
	began := time.Now()
	defer func() { r.log.Info("the publisher's seed has it", "after", time.Since(began)) }()
	for i := 0; !knows(); i++ {
		if i%100 == 0 {
			first.node.Look()
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%s did not see revision %d of the chain: %w", first.actor.name, rev, err)
		}
	}
	return nil
}

// recordMesh notes who is connected with whom at the announcement.
func (r *run) recordMesh() {
	seen := map[[2]int]bool{}
	for _, m := range r.members {
		if m.node == nil {
			continue
		}
		nw := m.node.Host().Network()
		peers := slices.DeleteFunc(nw.Peers(), func(p peer.ID) bool { return nw.Connectedness(p) != network.Connected }) // not those met at a relay
		m.peers = len(peers)
		for _, p := range peers {
			if o := r.byPeer[string(p)]; o != nil {
				seen[[2]int{min(m.actor.index, o.actor.index), max(m.actor.index, o.actor.index)}] = true
			}
		}
	}
	r.mesh = slices.Collect(maps.Keys(seen))
	slices.SortFunc(r.mesh, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
}

// sample looks at every camera's progress until stop is called.
func (r *run) sample(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	every := 20 * time.Millisecond
	if len(r.members) > 200 {
		every = 50 * time.Millisecond
	}
	var w sync.WaitGroup
	w.Go(func() {
		told := time.Time{}
		for sleep(ctx, every) == nil {
			r.mu.Lock()
			start, phase := r.start, r.phase
			r.mu.Unlock()
			p := Progress{Phase: phase, Nodes: len(r.cast.cameras), Virtual: -r.s.WarmUp}
			if !start.IsZero() {
				p.Virtual = time.Since(start)
			}
			for _, m := range r.cameraMembers() {
				announced, fetching, done := m.look()
				p.Announced += announced
				p.Fetching += fetching
				p.Done += done
			}
			if phase == idling && sleep(ctx, idleSample) != nil {
				return
			}
			if r.o.Progress != nil && time.Since(told) >= 250*time.Millisecond {
				told = time.Now()
				r.o.Progress(p)
			}
		}
	})
	return func() {
		cancel()
		w.Wait()
	}
}

// stopAll stops every node, all at once.
func (r *run) stopAll() error {
	r.enter("stopping")
	errs := make([]error, len(r.members))
	var w sync.WaitGroup
	for i, m := range r.members {
		w.Go(func() { errs[i] = m.end() })
	}
	w.Wait()
	return errors.Join(errs...)
}

// nodeConfig is an honest member's configuration: the defaults of its role and
// what provisioning would write.
func (r *run) nodeConfig(m *member) node.Config {
	a := m.actor
	role := node.Role(a.role)
	if a.role == roleWitness {
		role = node.RoleSeed
	}
	c := node.DefaultConfig(role)
	c.StateDir = filepath.Join(r.dir, a.name)
	c.Storage.ReserveBytes = 4 << 10
	c.Network.Listen = []string{r.net.Addr(a.index).String()}
	c.Network.MDNS = false // no multicast on these lines
	c.Network.Memory, c.Network.MaxConnections = a.memory, a.connections
	if a.role == roleSeed {
		c.Network.MaxConnections = r.s.Seeds.Connections
	}
	for _, i := range a.seeds {
		c.Network.Peers = append(c.Network.Peers, r.net.Addr(i).String()+"/p2p/"+r.cast.actors[i].id.String())
	}
	if r.s.Bad.Share > 0 {
		c.Beacons.Tell = a.tells
		c.Beacons.PerNetwork = 1 << 16 // neighbours in the simulator's address space are none
	}
	p := node.DefaultProduct(role)
	p.Name, p.Keys, p.Threshold, p.Region = r.script.product.String(), r.script.keys.Keys, r.script.keys.Threshold, verify.Region(a.region)
	p.Chain.ChainID, p.Chain.Registry = r.script.history.registry.ChainID, r.script.history.registry.Address.String()
	rng := rand.New(rand.NewPCG(r.s.Seed, a.rpcSeed))
	m.heard = &heard{last: map[heardFrom]time.Time{}}
	var asks Camera
	if a.role == roleCamera {
		asks = r.s.Camera.resolved()
	}
	p.Chain.Endpoints, m.dial = r.chain.endpoints(rng, m.heard, asks)
	if m.trusts > 0 {
		p.Chain.Endpoints = p.Chain.Endpoints[:m.trusts]
	}
	r.nameWitnesses(a, &c, &p)
	c.Products = []node.ProductConfig{p}
	c.Origin = r.s.originConfig()
	return c
}
