package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/chainwatch"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/swarm"
	"camswarm/verify"
)

// never is the time of what did not happen.
const never time.Duration = -1

// timeline is when a camera came how far with the release that is being
// measured, since its announcement.
type timeline struct {
	announced, first, fetched, verified, installed time.Duration
	progress                                       []time.Duration // when 10 %, 20 % … were there
}

func newTimeline() timeline {
	return timeline{announced: never, first: never, fetched: never, verified: never, installed: never}
}

// member is an actor on stage.
type member struct {
	run   *run
	actor *actor
	dial  func(chainwatch.Endpoint) (chainwatch.Caller, error)
	heard *heard             // from the operators, in this life
	meta  datastore.Batching // survives a restart, as flash would

	installer install.Installer // the member itself but in tests
	trusts    int               // operators that it is provisioned with; 0: all

	node     *node.Node // nil while it is off, and for the hostile; written under mu, by whoever starts and stops it
	registry *prometheus.Registry
	cancel   context.CancelFunc
	done     chan error
	stop     func()        // of the hostile
	web      *originClient // nil: no origin
	peers    int           // at the announcement

	mu       sync.Mutex
	target   uint64
	start    time.Time
	waited   bool // the run waits for it
	line     timeline
	lowest   uint64        // sequence that was installed last
	reached  bool          // the last release was handed to its installer
	lookAge  time.Duration // of the last install: since when a quorum had confirmed it
	stopRev  uint64        // of the stop; 0: none yet
	stopAt   time.Time
	stopped  time.Duration // from its block to the view that has it
	traffic  map[peer.ID]swarm.PeerStats
	origin   swarm.PeerStats
	messages float64
	sentLine int64
	recvLine int64

	idleSent, idleReceived, idleShort int64 // on the line, in the scenario's idle time
	idlePeers                         int
	protocols                         *protocols
}

// begin starts the actor's node, or what stands for it if it is hostile.
func (m *member) begin(ctx context.Context) error {
	if !m.actor.honest() {
		stop, err := m.run.startHostile(ctx, m.actor)
		m.stop = stop
		return err
	}
	cfg := m.run.nodeConfig(m)
	if m.meta == nil {
		m.meta = keptDatastore{dssync.MutexWrap(datastore.NewMapDatastore())}
	}
	m.registry = prometheus.NewRegistry()
	web, err := m.run.openOrigin(m)
	if err != nil {
		return err
	}
	m.web = web
	n, err := node.New(cfg,
		node.WithOriginClient(web.client()),
		node.WithBandwidth(m.protocols),
		node.WithTransport(m.run.net.Transport(m.actor.index), m.interfaces),
		node.WithIdentity(m.actor.key),
		node.WithDatastore(m.meta),
		node.WithChainDialer(m.dial),
		node.WithInstaller(m.installer),
		node.WithObserver(m.observe),
		node.WithRegistry(m.registry),
		node.WithLogger(m.run.o.NodeLogger.With("node", m.actor.name)),
		node.WithoutControl())
	if err != nil {
		return fmt.Errorf("%s: %w", m.actor.name, err)
	}
	nctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- n.Run(nctx) }()
	m.cancel, m.done = cancel, done
	m.mu.Lock()
	m.node = n
	m.mu.Unlock()
	return nil
}

// interfaces are the local networks that the node is on.
func (m *member) interfaces() ([]net.Addr, error) {
	return m.run.cast.topo.Interfaces(m.actor.index), nil
}

// keptDatastore outlives the node that uses it.
type keptDatastore struct{ *dssync.MutexDatastore }

// Close does nothing.
func (keptDatastore) Close() error { return nil }

// end stops the node and adds up what it moved.
func (m *member) end() error {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
	if m.node == nil {
		return nil
	}
	m.account()
	m.cancel()
	err := <-m.done
	m.web.close()
	m.mu.Lock()
	m.node = nil
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", m.actor.name, err)
	}
	return nil
}

// account adds the node's counters to those of its former lives. It is called
// once in each life.
func (m *member) account() {
	stats := m.node.Traffic()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.traffic == nil {
		m.traffic = map[peer.ID]swarm.PeerStats{}
	}
	for p, s := range stats.Peers {
		m.traffic[p] = plus(m.traffic[p], s, 1)
	}
	m.origin = plus(m.origin, stats.Origin, 1)
	m.messages += messagesOf(m.registry)
}

func plus(a, b swarm.PeerStats, sign int64) swarm.PeerStats {
	return swarm.PeerStats{
		Sent: a.Sent + sign*b.Sent, Received: a.Received + sign*b.Received, Useful: a.Useful + sign*b.Useful,
		Duplicate: a.Duplicate + sign*b.Duplicate, Wrong: a.Wrong + sign*b.Wrong,
	}
}

// messagesOf sums up the messages that a node's exchange has sent.
func messagesOf(r *prometheus.Registry) float64 {
	families, err := r.Gather()
	if err != nil {
		return 0
	}
	sum := 0.0
	for _, f := range families {
		switch f.GetName() {
		case "camswarm_exchange_messages_sent_total":
			for _, metric := range f.GetMetric() {
				sum += metric.GetCounter().GetValue()
			}
		case "camswarm_exchange_have_messages_total":
			for _, metric := range f.GetMetric() {
				if metric.GetLabel()[0].GetValue() == "out" {
					sum += metric.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// newTarget starts the measurement of the release that is about to be
// announced: counters from here on, a new timeline.
func (m *member) newTarget() {
	r := m.run
	m.mu.Lock()
	defer m.mu.Unlock()
	m.target, m.start, m.line = r.target, r.start, newTimeline()
	m.traffic, m.messages, m.origin = map[peer.ID]swarm.PeerStats{}, 0, swarm.PeerStats{}
	if m.node != nil {
		for p, s := range m.node.Traffic().Peers {
			m.traffic[p] = plus(swarm.PeerStats{}, s, -1)
		}
		m.origin = plus(swarm.PeerStats{}, m.node.Traffic().Origin, -1)
		m.messages = -messagesOf(m.registry)
	}
	m.sentLine, m.recvLine = r.net.Traffic(m.actor.index)
	if m.node != nil {
		// It may have looked at the chain by itself while the seeds took it.
		if p, ok := m.node.Progress(r.script.product.ID(), m.target); ok && p.BytesTotal > 0 && p.Blocks == p.BlocksTotal {
			m.line.announced, m.line.first, m.line.fetched, m.line.verified = 0, 0, 0, 0
			return
		}
	}
	if m.actor.role == roleCamera && (m.actor.leaves < 0 || r.s.Churn.Back > 0) {
		m.waited = true
		r.mu.Lock()
		r.waiting++
		r.mu.Unlock()
	}
}

// observe implements the node's observer.
func (m *member) observe(e node.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopRev > 0 && e.Rev >= m.stopRev && m.stopped == never {
		m.stopped = time.Since(m.stopAt)
	}
	if m.start.IsZero() || e.Sequence != m.target {
		return
	}
	now := time.Since(m.start)
	once := func(t *time.Duration) {
		if *t == never {
			*t = now
		}
	}
	switch e.State {
	case 0:
		once(&m.line.announced)
	case control.StateFetched:
		once(&m.line.fetched)
	case control.StateVerified:
		once(&m.line.verified)
		if m.waited {
			m.waited = false
			m.run.oneDone()
		}
	case control.StateInstalled:
		once(&m.line.installed)
	}
}

// expectStop notes the revision of a stop whose block is made now, and reports
// whether the node runs.
func (m *member) expectStop(rev uint64, block time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopRev, m.stopAt, m.stopped = rev, block, never
	return m.node != nil
}

// stopAfter is how long after its block the node acted on the stop.
func (m *member) stopAfter() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stopped
}

// oneDone counts down the cameras that the run waits for.
func (r *run) oneDone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting--; r.waiting == 0 {
		select {
		case r.allDone <- struct{}{}:
		default:
		}
	}
}

// look samples the progress of a camera and says how far it is.
func (m *member) look() (announced, fetching, done int) {
	m.mu.Lock()
	n, target, start := m.node, m.target, m.start
	line := m.line
	m.mu.Unlock()
	if start.IsZero() {
		return
	}
	if line.announced >= 0 {
		announced = 1
	}
	if line.verified >= 0 {
		done = 1
	}
	if n == nil || len(line.progress) == 10 {
		return
	}
	p, ok := n.Progress(m.run.script.product.ID(), target)
	if !ok || p.BytesTotal == 0 || p.Blocks == 0 {
		return
	}
	if done == 0 {
		fetching = 1
	}
	now := time.Since(start)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.line.first == never {
		m.line.first = now
	}
	for int64(len(m.line.progress)) < 10*p.Bytes/p.BytesTotal {
		m.line.progress = append(m.line.progress, now)
	}
	return
}

// comeAndGo takes a camera away in the middle of things, and brings it back.
func (m *member) comeAndGo(ctx context.Context) {
	if sleep(ctx, m.actor.leaves-time.Since(m.run.start)) != nil {
		return
	}
	if err := m.end(); err != nil {
		m.run.violate(stops, m.actor.name, err.Error())
	}
	if m.run.s.Churn.Back == 0 || sleep(ctx, m.run.s.Churn.Back) != nil {
		return
	}
	if err := m.begin(context.WithoutCancel(ctx)); err != nil {
		m.run.violate(startsAgain, m.actor.name, err.Error())
	}
}

// A member is its node's installer, the one part of a camera that is not real:
// it reads the image as a flash writer would, and keeps no bytes. What is handed
// to it must be one of the scenario's releases, and never an older one.

// Install implements install.Installer.
func (m *member) Install(_ context.Context, img *verify.Image) error {
	if !img.Valid() {
		m.run.violate(onlyVerified, m.actor.name, "an image that nobody checked")
		return install.ErrNoImage
	}
	h := sha256.New()
	if _, err := img.WriteTo(h); err != nil {
		return err
	}
	sum := [32]byte(h.Sum(nil))
	for _, r := range m.run.script.releases {
		if r.Record.ImageSHA256 != sum {
			continue
		}
		m.judgeLook(r.Record.Sequence)
		m.mu.Lock()
		defer m.mu.Unlock()
		if r.Record.Sequence <= m.lowest {
			m.run.violate(neverBack, m.actor.name, fmt.Sprintf("release %d after %d", r.Record.Sequence, m.lowest))
		}
		m.lowest = r.Record.Sequence
		m.reached = m.reached || m.lowest == m.run.script.last()
		return nil
	}
	m.run.violate(onlyPublished, m.actor.name, fmt.Sprintf("sha256 %x", sum))
	return errors.New("not a release of this scenario")
}

// Confirm implements install.Installer: every image boots, but a bad one.
func (m *member) Confirm(_ context.Context, r verify.Release) (install.Outcome, error) {
	if m.bad(r) {
		return install.Failed, nil
	}
	return install.Confirmed, nil
}

// Rollback implements install.Installer. It is called for a release that is bad here,
// and no other.
func (m *member) Rollback(_ context.Context, r verify.Release) error {
	if !m.bad(r) {
		m.run.violate(noRollback, m.actor.name, "")
	}
	return nil
}

// bad reports whether a release is the scenario's bad one, and does not come up here.
func (m *member) bad(r verify.Release) bool {
	return m.actor.fails && r.Sequence == m.run.script.last()
}

// held lists the release directories of a node, as "product/sequence".
func (m *member) held() []string {
	found, err := filepath.Glob(filepath.Join(m.run.dir, m.actor.name, "releases", "*", "*"))
	if err != nil {
		return nil
	}
	var out []string
	for _, d := range found {
		if info, err := os.Stat(d); err == nil && info.IsDir() {
			out = append(out, filepath.Base(d))
		}
	}
	return out
}
