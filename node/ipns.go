//go:build !camera

package node

import (
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

const (
	ipnsLookups   = 3                // for one release in one run
	ipnsRetry     = 15 * time.Minute // after the first lookup that did not settle it; doubled twice for the next
	ipnsWait      = time.Minute      // while there is no DHT server to ask
	ipnsPutEvery  = 12 * time.Hour   // servers keep a value for 48 h
	ipnsRenewSoon = 48 * time.Hour   // before its end, a record that a publisher left is an alarm
)

// ipnsKeeper looks up the IPNS records that approved releases name, and on seeds
// keeps those that publishers hand over on the DHT. It stands beside the
// pipeline and never in it: nothing waits for it.
type ipnsKeeper struct {
	n      *Node
	soon   signal
	checks *prometheus.CounterVec

	mu       sync.Mutex
	products map[*follower]*ipnsFollowed
}

// ipnsFollowed is what the keeper knows of one product; ipnsKeeper.mu guards it.
type ipnsFollowed struct {
	status control.IPNSStatus // of the newest release; its zero value before there is one
	tries  int
	next   time.Time // of the next lookup
	kept   []byte    // the record that a publisher left; nil: none
	putAt  time.Time // when to put it again
	given  int       // records that publishers left; a look from before the last says nothing
}

func newIPNSKeeper(n *Node) (*ipnsKeeper, error) {
	k := &ipnsKeeper{n: n, soon: newSignal(), products: map[*follower]*ipnsFollowed{}, checks: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "camswarm", Subsystem: "ipns", Name: "checks_total",
		Help: "Looks at the IPNS records of approved releases, by what came out.",
	}, []string{"state"})}
	for _, f := range n.followers {
		kept, err := k.store(f).Load(context.Background())
		if err != nil {
			return nil, fmt.Errorf("read the IPNS record of %s: %w", f.rules.verifier.Product, err)
		}
		k.products[f] = &ipnsFollowed{kept: kept} // judged before each use
	}
	return k, n.registry.Register(k.checks)
}

func (k *ipnsKeeper) store(f *follower) metastore.Value {
	return metastore.ValueAt(k.n.store.Namespace("ipns"), f.product().String())
}

// run looks after every product until ctx ends.
func (k *ipnsKeeper) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.soon:
		case <-timer.C:
		}
		k.setNames()
		wait := time.Hour
		for _, f := range k.n.followers {
			wait = min(wait, k.step(ctx, f))
		}
		timer.Reset(max(wait, time.Second))
	}
}

// setNames tells the network whose records it may keep: those that the signed
// releases on offer name.
func (k *ipnsKeeper) setNames() {
	var names []string
	for _, f := range k.n.followers {
		for _, s := range slices.Backward(f.published.Load().served) {
			name, err := p2p.ParseIPNSName(s.Manifest().IPNSName)
			if err == nil && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if err := k.n.network.SetIPNSNames(names[:min(len(names), p2p.MaxIPNSNames)]); err != nil {
		k.n.log.Warn("IPNS records are not exchanged", "err", err)
	}
}

// step does what is due for one product and returns the time until more is.
func (k *ipnsKeeper) step(ctx context.Context, f *follower) time.Duration {
	s := f.newestHeld()
	view, ok := f.watcher.Current()
	if s == nil || !ok || s.Manifest().IPNSName == "" {
		return time.Hour
	}
	k.setNames() // again: s may have come to be held since, and the DHT refuses other names
	now, m := f.trustedTime(&view), s.Manifest()
	k.mu.Lock()
	state := k.products[f]
	if state.status.Release != m.Sequence || state.status.Name != m.IPNSName {
		state.status = control.IPNSStatus{Name: m.IPNSName, Release: m.Sequence, State: control.IPNSPending}
		state.tries, state.next, state.putAt = 0, time.Time{}, time.Time{}
	}
	kept, putAt, tries, next, settled := state.kept, state.putAt, state.tries, state.next, state.status.State == control.IPNSOK
	k.mu.Unlock()

	wait := time.Hour
	if kept != nil {
		wait = min(wait, k.keep(ctx, f, s, kept, putAt, now))
	}
	if !k.n.cfg.IPNS.Check || settled || tries >= ipnsLookups {
		return wait
	}
	if left := time.Until(next); left > 0 {
		return min(wait, left)
	}
	return min(wait, k.look(ctx, f, s, now))
}

// look asks the DHT once.
func (k *ipnsKeeper) look(ctx context.Context, f *follower, s *verify.Signed, now uint64) time.Duration {
	m := s.Manifest()
	k.mu.Lock()
	given := k.products[f].given
	k.mu.Unlock()
	r, err := k.n.network.FindIPNS(ctx, m.IPNSName)
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
	k.checks.WithLabelValues(string(status.State)).Inc()
	if status.State == control.IPNSMismatch {
		f.log.Error("the IPNS record contradicts the approved release, which stands", "sequence", m.Sequence,
			"name", m.IPNSName, "attack", verify.AttackName(err), "err", err)
		k.n.metrics.refused("ipns", err)
	} else {
		f.log.Info("IPNS record", "sequence", m.Sequence, "state", string(status.State), "detail", status.Detail)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	state := k.products[f]
	if state.status.Release != m.Sequence || state.given != given {
		return 0 // a newer release or record came meanwhile
	}
	wait := ipnsRetry << (2 * state.tries)
	status.KeptUntil = state.status.KeptUntil
	state.status, state.next = status, time.Now().Add(wait)
	state.tries++
	return wait
}

// keep puts a record that a publisher left on the DHT again, as long as it is
// right for the newest release.
func (k *ipnsKeeper) keep(ctx context.Context, f *follower, s *verify.Signed, record []byte, putAt time.Time, now uint64) time.Duration {
	r, err := p2p.OpenIPNS(s.Manifest().IPNSName, record)
	if err == nil {
		_, err = CheckIPNS(s.Manifest(), s.Envelope(), r, now)
	}
	if err != nil {
		f.log.Info("the IPNS record that was left here is no longer put on the DHT", "err", err)
		k.mu.Lock()
		k.products[f].kept, k.products[f].status.KeptUntil = nil, time.Time{}
		k.mu.Unlock()
		return time.Hour
	}
	k.mu.Lock()
	k.products[f].status.KeptUntil = r.Validity
	k.mu.Unlock()
	if left := time.Until(putAt); left > 0 {
		return left
	}
	wait, err := k.put(ctx, s.Manifest().IPNSName, record)
	if err != nil && ctx.Err() == nil {
		f.log.Debug("the IPNS record was not put on other DHT servers", "err", err)
	}
	k.mu.Lock()
	k.products[f].putAt = time.Now().Add(wait)
	k.mu.Unlock()
	return wait
}

// put puts a record on the DHT and returns after how long to do so again.
func (k *ipnsKeeper) put(ctx context.Context, name string, record []byte) (time.Duration, error) {
	err := k.n.network.PutIPNS(ctx, name, record)
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
	for _, f := range n.followers {
		s := f.newestHeld()
		if s == nil {
			continue
		}
		if own, err := p2p.ParseIPNSName(s.Manifest().IPNSName); err != nil || own != name {
			continue
		}
		return n.ipns.take(ctx, f, s, name, record)
	}
	return control.IPNSPublished{}, fmt.Errorf("%w: publish the release that names %s first, and hand it to this node", control.ErrUnknownName, name)
}

func (k *ipnsKeeper) take(ctx context.Context, f *follower, s *verify.Signed, name string, record []byte) (control.IPNSPublished, error) {
	view, ok := f.watcher.Current()
	if !ok {
		return control.IPNSPublished{}, errors.New("the chain has not been seen yet; try again")
	}
	r, err := p2p.OpenIPNS(name, record)
	if err != nil {
		return control.IPNSPublished{}, err
	}
	m := s.Manifest()
	if state, err := CheckIPNS(m, s.Envelope(), r, f.trustedTime(&view)); err != nil {
		return control.IPNSPublished{}, fmt.Errorf("the record is not that of release %d (%s): %w", m.Sequence, state, err)
	}
	k.setNames()
	if err := k.store(f).Save(ctx, record); err != nil {
		return control.IPNSPublished{}, err
	}
	out := control.IPNSPublished{Name: name, Release: m.Sequence, Sequence: r.Sequence, Validity: r.Validity, OnDHT: true}
	wait, err := k.put(ctx, name, record)
	if err != nil {
		out.OnDHT, out.Note = false, err.Error()
	}
	k.mu.Lock()
	state := k.products[f]
	state.kept, state.putAt = record, time.Now().Add(wait)
	state.given++
	state.tries, state.next = 0, time.Time{} // look again, as others will
	if state.status.Release == m.Sequence {
		state.status.State, state.status.KeptUntil = control.IPNSPending, r.Validity
	}
	k.mu.Unlock()
	k.soon.set()
	return out, nil
}

// statusOf returns the outcome for a product; nil while its releases name no
// record.
func (k *ipnsKeeper) statusOf(f *follower) *control.IPNSStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.products[f].status; s.Release != 0 {
		return &s
	}
	return nil
}

// ipnsAlarms are what a person should look at.
func ipnsAlarms(f *follower, s *control.IPNSStatus) (out []control.Alarm) {
	if s == nil {
		return nil
	}
	if s.State == control.IPNSMismatch {
		out = append(out, control.Alarm{Name: attackIPNSMismatch, Since: s.CheckedAt, Message: fmt.Sprintf(
			"%s: the IPNS record %s contradicts release %d, which the chain approved and which stands: %s. Its key may be in other hands", f.rules.verifier.Product, s.Name, s.Release, s.Detail)})
	}
	if view, ok := f.watcher.Current(); ok && !s.KeptUntil.IsZero() {
		if left := s.KeptUntil.Sub(time.Unix(int64(f.trustedTime(&view)), 0)); left < ipnsRenewSoon {
			out = append(out, control.Alarm{Name: "ipns_ends_soon", Message: fmt.Sprintf(
				"%s: the IPNS record %s ends at %s; renew it with 'camswarm ipns publish'", f.rules.verifier.Product, s.Name, s.KeptUntil.Format(time.RFC3339))})
		}
	}
	return out
}
