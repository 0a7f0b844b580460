package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"camswarm/node/strictjson"
	"camswarm/verify"
)

// A manufacturer leaves a registry with a statement that a threshold of its keys
// signed and that releases of the new registry carry. This file decides when a
// device follows; docs/ARCHITECTURE.md gives the reasons.

// A move is made when a quorum of the new registry lists the release that brought
// the statement, with the keys that signed it, and when the old registry agrees:
// its quorum lists, now, the keys that signed the first move. If it does not (it
// is dead, cannot be reached, is in wrong hands, or its manufacturer has replaced
// keys that were stolen), the statement waits for moveHold, in which a rotation
// away from stolen keys can arrive and makes it void.
type standing struct {
	held      time.Duration // how long this device has known the statement while it ran
	confirmed bool          // by the new registry's quorum
	vouched   bool          // by the old one's
}

// weigh decides. quiet: nothing is installed meanwhile on the old registry's word.
// It ends after moveHold if the new registry does not answer, so that nobody is
// stranded between two.
func (s standing) weigh() (follow, quiet bool) {
	follow = s.confirmed && (s.vouched || s.held >= moveHold)
	return follow, s.confirmed || s.held < moveHold
}

// why says in words what a move waits for.
func (s standing) why() string {
	left := (moveHold - s.held).Round(time.Minute)
	switch {
	case !s.confirmed && s.held < moveHold:
		return "no quorum of the new registry has confirmed it yet"
	case !s.confirmed:
		return "no quorum of the new registry has confirmed it; until one does the old one counts"
	case !s.vouched && left > 0:
		return fmt.Sprintf("the old registry cannot be asked, or does not list the keys that signed the move; it is made in %v unless a rotation makes it void", left)
	}
	return "it is being made"
}

// moving is what others see of a move that is to be made. It is never changed.
type moving struct {
	to      verify.RegistryRef
	number  uint64
	since   time.Time // when this process learnt of it
	quiet   bool
	why     string
	changed chan struct{} // closed when something else is to be seen
}

// proposals holds the releases whose moves were proposed and not looked at yet.
type proposals struct {
	wake signal

	mu       sync.Mutex
	releases []*verify.Signed
}

// propose takes a release whose moves this device has still to make. It never
// waits.
func (c *chain) propose(s *verify.Signed) {
	defer c.box.wake.set()
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	if len(c.box.releases) < maxMoving { // whoever is left out is heard again
		c.box.releases = append(c.box.releases, s)
	}
}

func (c *chain) proposed() (out []*verify.Signed) {
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	out, c.box.releases = c.box.releases, nil
	return out
}

// arrive waits until this node stands in the registry of a release.
func (c *chain) arrive(ctx context.Context, s *verify.Signed) error {
	if len(c.verifier.Route(s)) > 0 {
		c.propose(s)
	}
	for {
		m := c.moving.Load()
		route := c.verifier.Route(s)
		if len(route) == 0 {
			return nil
		}
		var changed <-chan struct{}
		why := "it is not looked at yet"
		if m != nil {
			changed, why = m.changed, m.why
		}
		timer := time.NewTimer(moveTick)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			last := route[len(route)-1]
			return fmt.Errorf("release %d belongs to registry %s; this node has not made move number %d yet: %s (its owner can have it made at once with product.moves): %w",
				s.Manifest().Sequence, last.To, last.Number, why, ctx.Err())
		}
		timer.Stop()
	}
}

// A pending move is one that is to be made.
type pending struct {
	releases []*verify.Signed // that carry it, lowest sequence first; at most maxMoving
	route    []*verify.Move
	id       [32]byte      // of the route
	first    [32]byte      // of its first move
	keys     verify.KeySet // in force when it was checked
	watch    *watch        // of the new registry
	standing
	since, ticked, looked time.Time
	saved                 time.Duration // of held
}

// statementID names statements by what was signed.
func statementID(ms []*verify.Move) [32]byte {
	h := sha256.New()
	for _, m := range ms {
		b, _ := m.Payload() // it was decoded
		sum := sha256.Sum256(b)
		h.Write(sum[:])
	}
	return [32]byte(h.Sum(nil))
}

// makeMoves makes the moves that are proposed, when it is time for them. run runs
// a watcher.
func (c *chain) makeMoves(ctx context.Context, run func(*watch)) error {
	var p *pending
	defer func() {
		if p != nil {
			p.watch.end()
		}
	}()
	timer := time.NewTimer(moveTick)
	timer.Stop()
	defer timer.Stop()
	for {
		var changes <-chan struct{}
		if p != nil {
			changes = p.watch.Changes()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.box.wake:
			if p != nil {
				p.looked = time.Time{} // the chain may have come further
			}
		case <-changes:
		case <-timer.C:
		}
		now := time.Now()
		for _, s := range c.proposed() {
			p = c.take(ctx, p, s, now, run)
		}
		if p != nil {
			p = c.tend(ctx, p, now)
		}
		if p != nil {
			timer.Reset(moveTick)
		}
	}
}

// take takes a proposed release. Of two ways the longer one counts, then the one
// whose registry has confirmed it, then the one that came last.
func (c *chain) take(ctx context.Context, p *pending, s *verify.Signed, now time.Time, run func(*watch)) *pending {
	route := c.verifier.Route(s)
	if len(route) == 0 {
		return p
	}
	id := statementID(route)
	if p != nil && p.id == id {
		if !slices.ContainsFunc(p.releases, func(o *verify.Signed) bool { return o.Digest() == s.Digest() }) {
			p.releases = append(p.releases, s)
			slices.SortStableFunc(p.releases, func(a, b *verify.Signed) int {
				return cmp.Compare(a.Manifest().Sequence, b.Manifest().Sequence)
			})
			p.releases = p.releases[max(len(p.releases)-maxMoving, 0):]
		}
		return p
	}
	last := route[len(route)-1]
	if p != nil {
		if known := p.route[len(p.route)-1]; last.Number < known.Number || last.Number == known.Number && p.confirmed {
			return p
		}
	}
	w, err := c.watch(last.To, s.Moves())
	if err != nil {
		c.wiring.log.Warn("a move is not made: nobody can be asked about the new registry", "number", last.Number, "to", last.To.String(), "err", err)
		return p
	}
	next := &pending{
		releases: []*verify.Signed{s}, route: route, id: id, first: statementID(route[:1]), keys: c.verifier.Keys(),
		watch: w, since: now, ticked: now, looked: now,
	}
	if p != nil && p.first == next.first {
		next.held = p.held
	} else {
		next.held = c.knownFor(ctx, next.first)
	}
	next.saved = next.held
	if p != nil {
		p.watch.end()
	}
	c.wiring.log.Warn("the manufacturer moves to another registry: its quorum is asked", "number", last.Number, "to", last.To.String(),
		"from", c.current.Load().registry.String(), "reason", last.Reason)
	run(w)
	c.current.Load().Look() // does it list the keys that signed?
	return next
}

// tend weighs a pending move and makes it if it is time. It returns nil when there
// is nothing left to do.
func (c *chain) tend(ctx context.Context, p *pending, now time.Time) *pending {
	p.held += now.Sub(p.ticked)
	p.ticked = now
	if !c.stillValid(p) {
		c.drop(ctx, p)
		return nil
	}
	release := c.confirmed(p)
	p.confirmed, p.vouched = release != nil, c.vouched(p)
	follow, quiet := p.weigh()
	if follow {
		c.follow(ctx, p, release)
		return nil
	}
	last := p.route[len(p.route)-1]
	c.show(&moving{to: last.To, number: last.Number, since: p.since, quiet: quiet, why: p.why(), changed: make(chan struct{})})
	if now.Sub(p.looked) >= moveLook {
		p.looked = now
		p.watch.Look()
		c.current.Load().Look()
	}
	if p.held-p.saved >= moveSave {
		p.saved = p.held
		c.saveKnown(ctx, p)
	}
	return p
}

// show lets others see how a move stands; nil: there is none.
func (c *chain) show(m *moving) {
	if old := c.moving.Load(); old != nil && m != nil && old.number == m.number && old.to == m.to && old.quiet == m.quiet && old.why == m.why {
		return
	}
	if before := c.moving.Swap(m); before != nil {
		close(before.changed)
	}
}

// stillValid checks the releases again when other keys have come into force.
func (c *chain) stillValid(p *pending) bool {
	if len(c.verifier.Route(p.releases[0])) == 0 {
		return false
	}
	keys := c.verifier.Keys()
	if keys.Equal(p.keys) {
		return true
	}
	p.keys = keys
	p.releases = slices.DeleteFunc(p.releases, func(s *verify.Signed) bool {
		_, err := c.verifier.CheckSigned(s.Envelope())
		if err != nil {
			c.wiring.log.Warn("a move is not made: other keys are in force meanwhile", "attack", verify.AttackName(err), "err", err)
		}
		return err != nil
	})
	return len(p.releases) > 0
}

// confirmed returns the release of a move that the new registry's quorum lists,
// with the keys that signed it; nil: none yet.
func (c *chain) confirmed(p *pending) *verify.Signed {
	view, ok := p.watch.Current()
	if !ok {
		return nil
	}
	for _, s := range slices.Backward(p.releases) {
		if _, err := c.verifier.Approve(s, &view, 0); err == nil {
			return s
		}
	}
	return nil
}

// vouched reports whether the old registry's quorum lists the keys that signed the
// first move, in a look since the statement came. In a reset the two are one.
func (c *chain) vouched(p *pending) bool {
	w := c.current.Load()
	if p.watch.registry == w.registry {
		return p.confirmed
	}
	view, ok := w.Current()
	now := w.Status()
	return ok && now.Error == "" && !now.Confirmed.Before(p.since.Add(-confirmAge)) && view.Keys.Equal(p.route[0].Keys)
}

// follow makes a move: from now on the new registry alone counts, and its
// watcher has the view that confirmed the release.
func (c *chain) follow(ctx context.Context, p *pending, release *verify.Signed) {
	history := release.History()
	if err := c.verifier.AdoptHistory(history); err != nil {
		c.wiring.log.Warn("a move cannot be made", "attack", verify.AttackName(err), "err", err)
		c.drop(ctx, p)
		return
	}
	if err := keepHistory(ctx, c.trust, c.verifier, history); err != nil {
		c.wiring.log.Error("the move is made and cannot be kept: after a restart it is made once more", "err", err)
	}
	before := c.current.Load()
	before.metrics.hide()
	if err := p.watch.metrics.show(); err != nil {
		c.wiring.log.Warn("no metrics of the new registry", "err", err)
	}
	c.current.Store(p.watch)
	before.end()
	c.forgetKnown(ctx)
	last := p.route[len(p.route)-1]
	c.wiring.log.Warn("moved: the new registry alone counts from now on", "number", last.Number, "from", before.registry.String(), "to", last.To.String(), "reason", last.Reason)
	c.show(nil)
	c.moved(release)
}

// drop gives a pending move up.
func (c *chain) drop(ctx context.Context, p *pending) {
	p.watch.end()
	c.forgetKnown(ctx)
	c.show(nil)
}

// knownRecord is how long a move has been known, as it is kept over restarts.
type knownRecord struct {
	Move string `json:"move"` // the first one's digest, hexadecimal
	Held int64  `json:"held"` // seconds while the node ran
}

// knownFor returns how long a move has been known in former runs. A record that
// makes no sense counts as none: the move waits longer.
func (c *chain) knownFor(ctx context.Context, first [32]byte) time.Duration {
	data, err := c.known.Load(ctx)
	var r knownRecord
	if err != nil || len(data) > maxKnownBytes || strictjson.Decode(bytes.NewReader(data), &r) != nil ||
		r.Move != hex.EncodeToString(first[:]) || r.Held < 0 || r.Held > int64(moveHold/time.Second) {
		return 0
	}
	return time.Duration(r.Held) * time.Second
}

func (c *chain) saveKnown(ctx context.Context, p *pending) {
	data, err := json.Marshal(knownRecord{hex.EncodeToString(p.first[:]), int64(min(p.held, moveHold) / time.Second)})
	if err == nil {
		err = c.known.Save(ctx, data)
	}
	if err != nil {
		c.wiring.log.Warn("how long a move has been known is not kept", "err", err)
	}
}

func (c *chain) forgetKnown(ctx context.Context) {
	if err := c.known.Delete(ctx); err != nil && !errors.Is(err, context.Canceled) {
		c.wiring.log.Warn("a move's record is not removed", "err", err)
	}
}
