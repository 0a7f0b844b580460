package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// IPNSConfig says what a node does about IPNS records.
type IPNSConfig struct {
	// Check has the node look up, on the DHT, the IPNS record that an approved
	// release names, and compare it with the release: at most three lookups for a
	// release and run, of a few kB each. What it finds is shown, counted and, when
	// it contradicts the chain, an alarm; it changes nothing else. Default true.
	Check bool `toml:"check"`
}

const (
	ipnsLookups   = 3                // for one release in one run
	ipnsRetry     = 15 * time.Minute // after the first lookup that did not settle it; doubled twice for the next
	ipnsWait      = time.Minute      // while there is no DHT server to ask
	ipnsPutEvery  = 12 * time.Hour   // servers keep a value for 48 h
	ipnsRenewSoon = 48 * time.Hour   // before its end, a record that a publisher left is an alarm
)

// ipnsDesk looks up the IPNS records that approved releases name, and on seeds
// keeps those that publishers hand over on the DHT. It stands beside the
// pipeline and never in it: nothing waits for it.
type ipnsDesk struct {
	n      *Node
	wake   chan struct{} // capacity 1
	checks *prometheus.CounterVec

	mu    sync.Mutex
	lines map[*line]*ipnsLine
}

// ipnsLine is what the desk knows for one product; ipnsDesk.mu guards it.
type ipnsLine struct {
	status control.IPNSStatus // of the newest release; its zero value before there is one
	tries  int
	next   time.Time // of the next lookup
	kept   []byte    // the record that a publisher left; nil: none
	putAt  time.Time // when to put it again
}

func newIPNSDesk(n *Node) (*ipnsDesk, error) {
	d := &ipnsDesk{n: n, wake: make(chan struct{}, 1), lines: map[*line]*ipnsLine{}, checks: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "camswarm", Subsystem: "ipns", Name: "checks_total",
		Help: "Looks at the IPNS records of approved releases, by what came out.",
	}, []string{"state"})}
	for _, l := range n.lines {
		kept, err := d.store(l).Load(context.Background())
		if err != nil {
			return nil, fmt.Errorf("read the IPNS record of %s: %w", l.verifier.Product, err)
		}
		d.lines[l] = &ipnsLine{kept: kept} // judged before each use
	}
	return d, n.registry.Register(d.checks)
}

func (d *ipnsDesk) store(l *line) metastore.Value {
	return metastore.ValueAt(d.n.store.Namespace("ipns"), l.verifier.Product.ID().String())
}

// soon wakes the desk.
func (d *ipnsDesk) soon() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run looks after every product until ctx ends.
func (d *ipnsDesk) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-timer.C:
		}
		d.setNames()
		wait := time.Hour
		for _, l := range d.n.lines {
			wait = min(wait, d.step(ctx, l))
		}
		timer.Reset(max(wait, time.Second))
	}
}

// setNames tells the network whose records it may keep: those that the signed
// releases on offer name.
func (d *ipnsDesk) setNames() {
	var names []string
	for _, l := range d.n.lines {
		for _, s := range l.offered() {
			name, err := p2p.ParseIPNSName(s.Manifest().IPNSName)
			if err == nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if err := d.n.network.SetIPNSNames(names[:min(len(names), p2p.MaxIPNSNames)]); err != nil {
		d.n.log.Warn("IPNS records are not exchanged", "err", err)
	}
}

// step does what is due for one product and returns the time until more is.
func (d *ipnsDesk) step(ctx context.Context, l *line) time.Duration {
	s := l.newestHeld()
	view, ok := l.watcher.Current()
	if s == nil || !ok || s.Manifest().IPNSName == "" {
		return time.Hour
	}
	d.setNames() // again: s may have come to be held since, and the DHT refuses other names
	now := l.trustedTime(&view)
	d.mu.Lock()
	state := d.lines[l]
	if m := s.Manifest(); state.status.Release != m.Sequence || state.status.Name != m.IPNSName {
		state.status = control.IPNSStatus{Name: m.IPNSName, Release: m.Sequence, State: control.IPNSPending}
		state.tries, state.next, state.putAt = 0, time.Time{}, time.Time{}
	}
	kept, putAt, tries, next, settled := state.kept, state.putAt, state.tries, state.next, state.status.State == control.IPNSOK
	d.mu.Unlock()

	wait := time.Hour
	if kept != nil {
		wait = min(wait, d.keep(ctx, l, s, kept, putAt, now))
	}
	if !d.n.cfg.IPNS.Check || settled || tries >= ipnsLookups {
		return wait
	}
	if left := time.Until(next); left > 0 {
		return min(wait, left)
	}
	return min(wait, d.look(ctx, l, s, now))
}

// look asks the DHT once.
func (d *ipnsDesk) look(ctx context.Context, l *line, s *verify.Signed, now uint64) time.Duration {
	m := s.Manifest()
	r, err := d.n.network.FindIPNS(ctx, m.IPNSName)
	if ctx.Err() != nil {
		return 0
	}
	if errors.Is(err, p2p.ErrNoDHT) { // nobody was asked
		return ipnsWait
	}
	status := control.IPNSStatus{Name: m.IPNSName, Release: m.Sequence, State: control.IPNSAbsent, CheckedAt: time.Unix(int64(now), 0).UTC()}
	if r != nil {
		status.Sequence, status.Value, status.Validity = r.Sequence, r.Value, r.Validity
		status.State, err = CheckIPNS(m, s.Envelope(), r, now)
	}
	if err != nil {
		status.Detail = err.Error()
	}
	d.checks.WithLabelValues(string(status.State)).Inc()
	if status.State == control.IPNSMismatch {
		l.log.Error("the IPNS record contradicts the approved release, which stands", "sequence", m.Sequence,
			"name", m.IPNSName, "attack", verify.AttackName(err), "err", err)
		d.n.metrics.refused("ipns", err)
	} else {
		l.log.Info("IPNS record", "sequence", m.Sequence, "state", string(status.State), "detail", status.Detail)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	state := d.lines[l]
	if state.status.Release != m.Sequence {
		return 0 // a newer release came meanwhile
	}
	wait := ipnsRetry << (2 * state.tries)
	status.KeptUntil = state.status.KeptUntil
	state.status, state.next = status, time.Now().Add(wait)
	state.tries++
	return wait
}

// keep puts a record that a publisher left on the DHT again, as long as it is
// right for the newest release.
func (d *ipnsDesk) keep(ctx context.Context, l *line, s *verify.Signed, record []byte, putAt time.Time, now uint64) time.Duration {
	r, err := p2p.OpenIPNS(s.Manifest().IPNSName, record)
	if err == nil {
		_, err = CheckIPNS(s.Manifest(), s.Envelope(), r, now)
	}
	if err != nil {
		l.log.Info("the IPNS record that was left here is no longer put on the DHT", "err", err)
		d.mu.Lock()
		d.lines[l].kept, d.lines[l].status.KeptUntil = nil, time.Time{}
		d.mu.Unlock()
		return time.Hour
	}
	d.mu.Lock()
	d.lines[l].status.KeptUntil = r.Validity
	d.mu.Unlock()
	if left := time.Until(putAt); left > 0 {
		return left
	}
	wait, err := d.put(ctx, s.Manifest().IPNSName, record)
	if err != nil && ctx.Err() == nil {
		l.log.Debug("the IPNS record was not put on other DHT servers", "err", err)
	}
	d.mu.Lock()
	d.lines[l].putAt = time.Now().Add(wait)
	d.mu.Unlock()
	return wait
}

// put puts a record on the DHT and returns after how long to do so again.
func (d *ipnsDesk) put(ctx context.Context, name string, record []byte) (time.Duration, error) {
	err := d.n.network.PutIPNS(ctx, name, record)
	switch {
	case err == nil:
		return ipnsPutEvery, nil
	case errors.Is(err, p2p.ErrNoDHT):
		return ipnsWait, err
	}
	return ipnsRetry, err
}

// PublishIPNS takes an IPNS record from a publisher, checks it against the newest
// release that this node holds, and keeps it on the DHT until it ends. A record
// that is not wholly right is refused, as is a name that the release has not.
func (n *Node) PublishIPNS(ctx context.Context, name string, record []byte) (control.IPNSPublished, error) {
	name, err := p2p.ParseIPNSName(name)
	if err != nil {
		return control.IPNSPublished{}, err
	}
	for _, l := range n.lines {
		s := l.newestHeld()
		if s == nil {
			continue
		}
		if own, err := p2p.ParseIPNSName(s.Manifest().IPNSName); err != nil || own != name {
			continue
		}
		return n.ipns.take(ctx, l, s, name, record)
	}
	return control.IPNSPublished{}, fmt.Errorf("%w: publish the release that names %s first, and hand it to this node", control.ErrUnknownName, name)
}

func (d *ipnsDesk) take(ctx context.Context, l *line, s *verify.Signed, name string, record []byte) (control.IPNSPublished, error) {
	view, ok := l.watcher.Current()
	if !ok {
		return control.IPNSPublished{}, errors.New("the chain has not been seen yet; try again")
	}
	r, err := p2p.OpenIPNS(name, record)
	if err != nil {
		return control.IPNSPublished{}, err
	}
	m := s.Manifest()
	if state, err := CheckIPNS(m, s.Envelope(), r, l.trustedTime(&view)); err != nil {
		return control.IPNSPublished{}, fmt.Errorf("the record is not that of release %d (%s): %w", m.Sequence, state, err)
	}
	d.setNames()
	if err := d.store(l).Save(ctx, record); err != nil {
		return control.IPNSPublished{}, err
	}
	out := control.IPNSPublished{Name: name, Release: m.Sequence, Sequence: r.Sequence, Validity: r.Validity, OnDHT: true}
	wait, err := d.put(ctx, name, record)
	if err != nil {
		out.OnDHT, out.Note = false, err.Error()
	}
	d.mu.Lock()
	state := d.lines[l]
	state.kept, state.putAt = record, time.Now().Add(wait)
	state.tries, state.next = 0, time.Time{} // look again, as others will
	if state.status.Release == m.Sequence {
		state.status.State, state.status.KeptUntil = control.IPNSPending, r.Validity
	}
	d.mu.Unlock()
	d.soon()
	return out, nil
}

// statusOf returns the outcome for a product; nil while its releases name no
// record.
func (d *ipnsDesk) statusOf(l *line) *control.IPNSStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.lines[l].status; s.Release != 0 {
		return &s
	}
	return nil
}

// alarmsOf are what a person should look at.
func (d *ipnsDesk) alarmsOf(l *line) (out []control.Alarm) {
	s := d.statusOf(l)
	if s == nil {
		return nil
	}
	if s.State == control.IPNSMismatch {
		out = append(out, control.Alarm{Name: attackIPNSMismatch, Since: s.CheckedAt, Message: fmt.Sprintf(
			"%s: the IPNS record %s contradicts release %d, which the chain approved and which stands: %s. Its key may be in other hands", l.verifier.Product, s.Name, s.Release, s.Detail)})
	}
	if view, ok := l.watcher.Current(); ok && !s.KeptUntil.IsZero() {
		if left := s.KeptUntil.Sub(time.Unix(int64(l.trustedTime(&view)), 0)); left < ipnsRenewSoon {
			out = append(out, control.Alarm{Name: "ipns_ends_soon", Message: fmt.Sprintf(
				"%s: the IPNS record %s ends at %s; renew it with 'camswarm ipns publish'", l.verifier.Product, s.Name, s.KeptUntil.Format(time.RFC3339))})
		}
	}
	return out
}

// offered lists the signed releases that are served here.
func (l *line) offered() []*verify.Signed {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*verify.Signed
	for _, s := range l.serving {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *verify.Signed) int { return cmp.Compare(b.Manifest().Sequence, a.Manifest().Sequence) })
	return out
}

// newestHeld is the newest release whose image is here, whole; nil: none.
func (l *line) newestHeld() *verify.Signed {
	for _, s := range l.offered() {
		if l.node.exchange.Complete(s.Manifest().Image.Root) {
			return s
		}
	}
	return nil
}
