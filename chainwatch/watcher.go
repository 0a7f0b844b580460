package chainwatch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"camswarm/verify"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrRunning is returned by Run when the watcher runs already or has run.
var ErrRunning = errors.New("chainwatch: a watcher can be run once")

// Options are what a program injects. The zero value works: nothing is
// persisted, endpoints are dialled with [Dial], nothing is logged or measured.
type Options struct {
	Store      CheckpointStore                // nil: the checkpoint lives in memory only (simulations)
	Dial       func(Endpoint) (Caller, error) // nil: Dial
	Logger     *slog.Logger                   // nil: discards
	Registerer prometheus.Registerer          // nil: no metrics
	Rand       *rand.Rand                     // for jitter, used by Run alone; nil: random
}

// Watcher keeps one product's quorum view of the registry. All methods may be
// called at any time from any goroutine; only Run asks endpoints, one look at a
// time, shared by all who wait.
type Watcher struct {
	cfg       Config
	need      Thresholds
	question  question
	endpoints []*endpoint
	store     CheckpointStore
	log       *slog.Logger
	metrics   *metrics
	rnd       *rand.Rand
	kick      chan struct{}   // capacity 1: the demand changed
	changes   chan struct{}   // capacity 1
	resets    chan chan error // from Reset to Run
	ran       atomic.Bool

	// Owned by Run.
	checkpoint Checkpoint // Doubt is that of the store
	savedTime  uint64     // chain time of the checkpoint in the store
	recoverTil time.Time  // after an unreadable checkpoint: until then all operators must agree
	clock      clock      // what time the chain can have
	doubt      doubt      // what speaks against the checkpoint
	failures   int        // looks without acceptance in a row
	budgets    [2]budget  // for looks on demand: of claims that prove nothing, and of all else

	mu       sync.Mutex
	view     *verify.View // in force, stops included; the value is never changed in place
	content  [32]byte     // of the accepted view, before stops
	plain    *verify.View // the accepted view, before stops
	stopped  bool
	accepted time.Time     // when a start quorum last confirmed the view
	looked   time.Time     // when the last look ended
	hold     error         // why the last look accepted nothing
	doubted  time.Duration // doubt.For, for Status
	hinted   bool          // Look was called since the last look began
	waiters  map[*waiter]struct{}
}

// waiter is one caller of View or Confirm.
type waiter struct {
	rev    uint64        // least revision
	since  time.Time     // least time of acceptance
	proven bool          // not for the mere claim of a stranger
	done   chan struct{} // closed when satisfied
}

// The budgets of looks on demand. What anybody can claim must not use up the
// looks that a signed release or an install needs.
const (
	claimed = iota
	proven
)

// Status is what a person should know about the watcher.
type Status struct {
	Accepted  bool          // some view was accepted since the start
	Rev       uint64        // of the view in force
	Block     uint64        // its head block
	Time      uint64        // that block's time, seconds since 1970
	Confirmed time.Time     // local time at which a quorum last confirmed it
	Stopped   bool          // a stop quorum holds it back
	Looked    time.Time     // local time at which the last look ended; zero: none yet
	Error     string        // why the last look accepted nothing, "" if it did
	Attack    string        // the name of that refusal
	Operators int           // independent operators
	Need      Thresholds    // how many of them must agree
	Doubted   time.Duration // how long quorums have contradicted what was accepted before; after four hours they are believed
	ClockOff  time.Duration // local clock minus chain time at Confirmed; far from 0: set the clock, or the chain stands still
}

// New checks the configuration and wires a watcher; Run starts it.
func New(cfg Config, product verify.ProductID, region verify.Region, opts Options) (*Watcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	registry, err := cfg.registry()
	if err != nil {
		return nil, err
	}
	w := &Watcher{
		cfg:  cfg,
		need: cfg.Thresholds(),
		question: question{
			registry: registry,
			product:  product, region: region, finality: cfg.Finality,
			data: "0x" + hex.EncodeToString(EncodeCheck(product, region)),
		},
		store:   opts.Store,
		log:     opts.Logger,
		rnd:     opts.Rand,
		kick:    make(chan struct{}, 1),
		changes: make(chan struct{}, 1),
		resets:  make(chan chan error),
		waiters: map[*waiter]struct{}{},
	}
	if w.log == nil {
		w.log = slog.New(slog.DiscardHandler)
	}
	if w.rnd == nil {
		w.rnd = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	dial := opts.Dial
	if dial == nil {
		dial = Dial
	}
	for i, e := range cfg.Endpoints {
		ep, err := newEndpoint(i, e, dial)
		if err != nil {
			return nil, err
		}
		w.endpoints = append(w.endpoints, ep)
	}
	if w.metrics, err = newMetrics(opts.Registerer, product); err != nil {
		return nil, err
	}
	return w, nil
}

// Current returns the view in force: the last one that a start quorum accepted,
// held back by what a stop quorum said since. It is false until a quorum has
// answered for the first time since the start; the persisted checkpoint alone
// never makes a view. The caller must not change what the view points to.
func (w *Watcher) Current() (verify.View, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.view == nil {
		return verify.View{}, false
	}
	return *w.view, true
}

// View returns the view in force if its revision is at least minRev, and
// otherwise waits for one, joining the looks that are shared by all who wait.
// Those that bring no news are limited for all together (six in a row, then two
// a minute), so a made-up minRev costs the waiter its time and endpoints almost
// nothing. It is for claims that anybody can make; see ViewProven.
//
// When ctx ends first the error is a soft [*verify.Error]: gossip_before_chain,
// since the announcement may be right and the endpoints late, or rpc_down_all
// while there is no quorum to be late.
func (w *Watcher) View(ctx context.Context, minRev uint64) (verify.View, error) {
	return w.await(ctx, &waiter{rev: minRev})
}

// ViewProven is View for a claim that the manufacturer has signed or that this
// node makes itself. Its looks are limited like those of View, but by a budget
// that they share with Confirm only, so that made-up claims cannot delay them.
// The caller must see to it that a signed claim counts once.
func (w *Watcher) ViewProven(ctx context.Context, minRev uint64) (verify.View, error) {
	return w.await(ctx, &waiter{rev: minRev, proven: true})
}

func (w *Watcher) await(ctx context.Context, want *waiter) (verify.View, error) {
	return w.wait(ctx, want, func(hold error) error {
		attack := verify.AttackBeforeChain
		if verify.AttackName(hold) == "rpc_down_all" {
			attack = "rpc_down_all"
		}
		return verify.Soft(attack, "the chain has not confirmed revision %d yet; it will be looked for again: %w", want.rev, because(ctx, hold))
	})
}

// Confirm returns the view in force if a start quorum confirmed it within
// maxAge, and otherwise waits for a look that does. Ask it before doing what
// cannot be taken back: a device whose endpoints are down must not install on
// the strength of yesterday's view. Its looks are limited like those of
// ViewProven, so ctx should last a minute. When ctx ends first the error is a soft
// [*verify.Error] with the attack name of what prevents a quorum.
func (w *Watcher) Confirm(ctx context.Context, maxAge time.Duration) (verify.View, error) {
	return w.wait(ctx, &waiter{since: time.Now().Add(-maxAge), proven: true}, func(hold error) error {
		attack := verify.AttackName(hold)
		if hold == nil {
			attack = "rpc_down_all"
		}
		return verify.Soft(attack, "no quorum confirmed the chain's view lately: %w", because(ctx, hold))
	})
}

// because joins why a wait ended with why the last look accepted nothing.
func because(ctx context.Context, hold error) error {
	if hold == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w (%w)", ctx.Err(), hold)
}

func (w *Watcher) wait(ctx context.Context, want *waiter, failure func(hold error) error) (verify.View, error) {
	want.done = make(chan struct{})
	w.mu.Lock()
	if w.satisfies(want) {
		defer w.mu.Unlock()
		return *w.view, nil
	}
	w.waiters[want] = struct{}{}
	w.mu.Unlock()
	w.poke()
	select {
	case <-want.done:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiters, want)
	if w.satisfies(want) {
		return *w.view, nil
	}
	return verify.View{}, failure(w.hold)
}

// satisfies must be called with w.mu held.
func (w *Watcher) satisfies(want *waiter) bool {
	return w.view != nil && w.view.Rev >= want.rev && !w.accepted.Before(want.since)
}

// Look is a hint that there is news: a look begins soon, within the limits that
// all hints and waiters share. It never blocks.
func (w *Watcher) Look() {
	w.mu.Lock()
	w.hinted = true
	w.mu.Unlock()
	w.poke()
}

// Accepted returns what a start quorum accepted last, without what a stop quorum
// said since, and the local time at which it was confirmed last.
func (w *Watcher) Accepted() (view verify.View, at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.plain == nil {
		return verify.View{}, time.Time{}, false
	}
	return *w.plain, w.accepted, true
}

// Reset is for the owner of the device: what a start quorum says next is believed
// even if it contradicts what was accepted before, as it would be after four
// hours. It is kept over restarts and ends with the next view that is accepted.
// What is installed, and what must be signed, stays as it is. It returns once the
// decision is saved, and needs Run to be running.
func (w *Watcher) Reset(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case w.resets <- done:
		return <-done
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Watcher) reset(ctx context.Context) error {
	w.recoverTil = time.Time{}
	w.doubt = doubt{sustained: sustained{For: refuteFor}}
	w.log.Warn("the chain checkpoint is given up at its owner's word; the next quorum is believed", "rev", w.checkpoint.Rev)
	return w.saveDoubt(ctx)
}

// Changes is signalled after every look that changed the view in force: a new
// revision, a stop, or the end of a stop. It has capacity 1; read Current after
// receiving.
func (w *Watcher) Changes() <-chan struct{} { return w.changes }

// Endpoints returns the state of each endpoint, in the configuration's order.
func (w *Watcher) Endpoints() []EndpointStatus {
	all := make([]EndpointStatus, len(w.endpoints))
	for i, e := range w.endpoints {
		all[i] = e.snapshot()
	}
	return all
}

// Status returns the watcher's own state.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Status{Confirmed: w.accepted, Stopped: w.stopped, Looked: w.looked, Operators: w.cfg.Operators(), Need: w.need, Doubted: w.doubted, Attack: verify.AttackName(w.hold)}
	if w.hold != nil {
		s.Error = w.hold.Error()
	}
	if v := w.view; v != nil {
		s.Accepted, s.Rev, s.Block, s.Time = true, v.Rev, v.Block, v.Time
		s.ClockOff = time.Duration(w.accepted.Unix()-int64(v.Time)) * time.Second
	}
	return s
}

func (w *Watcher) poke() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// demanded reports out of which budgets somebody asks for a look.
func (w *Watcher) demanded() (by [2]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	by[claimed] = w.hinted
	for want := range w.waiters {
		switch {
		case w.satisfies(want):
		case want.proven:
			by[proven] = true
		default:
			by[claimed] = true
		}
	}
	return by
}

// Run looks at once, then every poll interval and when asked, until ctx ends.
// Endpoints that fail, lie or lag are an ordinary state and never an error:
// without a quorum it keeps what it has and tries again for ever. It can be called
// once (ErrRunning).
func (w *Watcher) Run(ctx context.Context) error {
	if w.ran.Swap(true) {
		return ErrRunning
	}
	w.load(ctx, time.Now())
	defer func() {
		for _, e := range w.endpoints {
			e.hangUp()
		}
	}()
	var (
		due     = time.Now() // the next look nobody asked for
		tokens  [2]time.Time // when a look on demand may begin, by budget; zero: none reserved
		earlier time.Time    // no look begins before: MinGap after the last, or all endpoints rest
	)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		at := due
		for i, demanded := range w.demanded() {
			if !demanded {
				continue
			}
			if tokens[i].IsZero() {
				tokens[i] = w.budgets[i].take(time.Now())
			}
			if tokens[i].Before(at) {
				at = tokens[i]
			}
		}
		if at.Before(earlier) {
			at = earlier
		}
		timer.Reset(time.Until(at))
		select {
		case <-ctx.Done():
			return nil
		case <-w.kick:
			continue
		case done := <-w.resets:
			done <- w.reset(ctx)
			due, earlier = time.Now(), time.Time{}
			continue
		case <-timer.C:
		}
		now := time.Now()
		ready := !due.After(now)
		for i, demanded := range w.demanded() {
			ready = ready || demanded && !tokens[i].IsZero() && !tokens[i].After(now)
		}
		if ready {
			if resting, ok := w.allResting(now); ok {
				due, earlier = later(due, resting), resting
				continue
			}
			for i := range tokens {
				if !tokens[i].After(now) {
					tokens[i] = time.Time{} // a look that was due anyway serves the demand too
				}
			}
			next := w.look(ctx)
			if ctx.Err() != nil {
				return nil
			}
			now = time.Now()
			due, earlier = now.Add(next), now.Add(w.cfg.MinGap)
		}
	}
}

// budget limits looks on demand: lookBurst at once, then one per lookRefill. The
// zero value is full.
type budget struct {
	spent float64 // looks, at the time of the last change
	last  time.Time
}

// take spends one look and returns when it may begin.
func (b *budget) take(now time.Time) time.Time {
	b.spent = max(b.spent-float64(now.Sub(b.last))/float64(lookRefill), 0) + 1
	b.last = now
	return now.Add(time.Duration(max(b.spent-lookBurst, 0) * float64(lookRefill)))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// allResting reports that no endpoint may be asked now, and when the first may.
func (w *Watcher) allResting(now time.Time) (time.Time, bool) {
	var first time.Time
	for _, e := range w.endpoints {
		at, ok := e.ready(now)
		if ok {
			return time.Time{}, false
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first, true
}

// load reads the checkpoint, and with it what speaks against it. One that cannot be read is reported and replaced by
// the next acceptance, for which every operator must agree during the first hour:
// what was accepted before is unknown then, so the device leans on the endpoints
// as hard as it can without hanging for ever on one that is down.
func (w *Watcher) load(ctx context.Context, now time.Time) {
	if w.store == nil {
		return
	}
	b, err := w.store.Load(ctx)
	if err == nil && b == nil {
		return
	}
	var c Checkpoint
	if err == nil {
		c, err = DecodeCheckpoint(b)
	}
	switch {
	case err != nil:
		w.recoverTil = now.Add(recoverFor)
		w.metrics.refused(verify.Soft("checkpoint_unreadable", "%w", err))
		w.log.Error("the chain checkpoint cannot be read; all operators must agree before a view is accepted", "err", err, "until", w.recoverTil)
	case c.Registry != w.question.registry || c.Product != w.question.product:
		w.log.Warn("the chain checkpoint belongs to another registry or product and is replaced", "was", c.Registry.String(), "is", w.question.registry.String())
	default:
		w.checkpoint, w.savedTime = c, c.Time
		w.clock.started(c.Time, now)
		d := c.Doubt
		w.doubt = doubt{sustained: sustained{Since: d.Since, For: time.Duration(d.For) * time.Second}, Rev: d.Rev, Digest: d.Digest}
		w.log.Info("chain checkpoint loaded", "rev", c.Rev, "block", c.Block, "doubted", w.doubt.For)
	}
}

// reply is one endpoint's part of a look.
type reply struct {
	endpoint *endpoint
	answer   Answer
	err      error
	latency  time.Duration
}

// errSlow ends the calls of endpoints that are slower than a quorum.
var errSlow = errors.New("slower than the others, which agreed already")

// look asks every endpoint that is not resting, acts on each answer as it comes
// and returns the time to the next look.
func (w *Watcher) look(ctx context.Context) time.Duration {
	w.mu.Lock()
	w.hinted = false
	w.mu.Unlock()

	calls, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	calls, cut := context.WithCancelCause(calls)
	defer cut(nil)
	replies := make(chan reply, len(w.endpoints))
	begun, pending := time.Now(), 0
	for _, e := range w.endpoints {
		if _, ok := e.ready(begun); !ok {
			continue
		}
		pending++
		go func() {
			answer, err := e.ask(calls, w.question)
			replies <- reply{e, answer, err, time.Since(begun)}
		}()
	}

	var answers []Answer
	var grace <-chan time.Time
	for pending > 0 {
		select {
		case r := <-replies:
			pending--
			if r.err != nil {
				if ctx.Err() == nil {
					w.fail(r, errors.Is(context.Cause(calls), errSlow))
				}
				continue
			}
			r.endpoint.answered(r.answer, time.Now(), r.latency)
			w.metrics.answered(r.endpoint.host, r.answer, r.latency)
			answers = append(answers, r.answer)
			out := w.heed(ctx, answers, false, time.Now())
			if out.Accepted != nil && grace == nil {
				grace = time.After(min(stragglerGrace, w.cfg.Poll/2)) // who polls often must not be slowed down by one that hangs
			}
		case <-grace:
			cut(errSlow)
		}
	}
	if ctx.Err() != nil {
		return 0
	}
	out := w.heed(ctx, answers, true, time.Now())
	return w.conclude(&out, answers)
}

// known returns what this device holds true now.
func (w *Watcher) known(now time.Time) Known {
	return Known{
		Checkpoint: w.checkpoint, View: w.view, Content: w.content, MaxStale: w.cfg.MaxStale,
		Least: w.clock.least(now), Most: w.clock.most(now, w.cfg.MaxStale),
	}
}

// fail records an endpoint's failure. One that was only cut off for being slow
// does not have to rest.
func (w *Watcher) fail(r reply, cut bool) {
	e := r.endpoint
	if cut {
		e.rated(StateSlow, fmt.Errorf("%s: %w", e.host, errSlow))
		return
	}
	w.metrics.refusedFrom(e.host, r.err)
	if e.failed(r.err, time.Now(), w.rnd) {
		w.log.Warn("chain endpoint gave no usable answer", "endpoint", e.host, "operator", e.operator, "attack", verify.AttackName(r.err), "err", r.err)
	}
}

// heed decides on the answers so far and acts on the outcome. Before the last
// answer of a look is in, it acts only on what more answers cannot take back: a
// newer revision, or a first stop. The checkpoint is saved before the view can
// be seen; if that fails, the view is refused and only its stops count.
//
// A look that ends with a quorum against what was accepted before speaks for a
// doubt. When that is settled, the answers are weighed as if nothing were known.
func (w *Watcher) heed(ctx context.Context, answers []Answer, final bool, now time.Time) Outcome {
	need := w.need
	if now.Before(w.recoverTil) {
		need.Start = w.cfg.Operators()
	}
	out := Decide(answers, need, w.known(now))
	refuted := false
	if final && out.Claim != nil {
		w.doubt.observe(out.Claim, out.Content, out.Opposed, now, w.cfg.MaxStale)
		if refuted = w.doubt.settled(); refuted {
			out = Decide(answers, need, Known{MaxStale: w.cfg.MaxStale})
		} else {
			out.Err.Err = fmt.Errorf("%w; if they go on saying so, with heads that move, they are believed after another %v (`camswarm chain reset` believes them at once)", out.Err.Err, w.doubt.left())
			if err := w.saveDoubt(ctx); err != nil {
				w.log.Warn("the doubt about the chain checkpoint cannot be saved", "err", err)
			}
		}
	}
	if a := out.Accepted; a != nil {
		if !final && w.view != nil && a.Rev == w.view.Rev && (w.stopped || !out.Stopped) {
			return out
		}
		was := w.checkpoint.Rev
		if err := w.save(ctx, a); err != nil {
			need.Start = math.MaxInt
			out = Decide(answers, need, w.known(now))
			out.Err = verify.Soft("checkpoint_unsaved", "revision %d was confirmed, but the checkpoint cannot be saved: %w", a.Rev, err)
		} else if refuted {
			w.clock = clock{}
			w.metrics.refuted.Inc()
			w.log.Warn("what was accepted of the chain before is refuted", "was", was, "rev", a.Rev, "votes", out.Votes)
		}
	}
	w.apply(&out, now)
	return out
}

// apply puts an outcome in force and wakes those who wait for it.
func (w *Watcher) apply(out *Outcome, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if out.Accepted != nil {
		w.content, w.plain, w.accepted, w.doubt = out.Content, out.Accepted, now, doubt{}
		w.clock.accepted(out.Head, now, w.cfg.MaxStale)
	}
	w.doubted = w.doubt.For
	if out.Effective == nil {
		return
	}
	if w.view == nil || out.Effective.Rev > w.view.Rev {
		w.budgets = [2]budget{} // news costs somebody a transaction; only looks for nothing are limited
	}
	changed := !sameContent(w.view, out.Effective)
	w.view, w.stopped = out.Effective, out.Stopped
	for want := range w.waiters {
		if w.satisfies(want) {
			close(want.done)
			delete(w.waiters, want)
		}
	}
	if changed {
		select {
		case w.changes <- struct{}{}:
		default:
		}
	}
}

// save persists the checkpoint of an accepted view when it is another one, when
// something spoke against it, or when its time has become old.
func (w *Watcher) save(ctx context.Context, v *verify.View) error {
	c := Checkpoint{Registry: v.Registry, Product: v.Product, Rev: v.Rev, Digest: v.Digest, Block: v.Block, Time: v.Time}
	was := w.checkpoint
	if w.store != nil && (c.Rev != was.Rev || c.Digest != was.Digest || was.Doubt != Doubt{} ||
		c.Time < w.savedTime || c.Time-w.savedTime >= seconds(checkpointAge)) {
		if err := w.store.Save(ctx, c.Encode()); err != nil {
			return err
		}
		w.savedTime = c.Time
	}
	w.checkpoint, w.recoverTil = c, time.Time{}
	return nil
}

// saveDoubt persists what speaks against the checkpoint, when it has grown by
// what doubtAge brings or begun anew.
func (w *Watcher) saveDoubt(ctx context.Context) error {
	d := Doubt{Rev: w.doubt.Rev, Digest: w.doubt.Digest, Since: w.doubt.Since, For: min(seconds(w.doubt.For), seconds(refuteFor))}
	c := w.checkpoint
	if w.store == nil || c.Rev == 0 || d.For >= c.Doubt.For && d.For < c.Doubt.For+seconds(credit(doubtAge, w.doubt.opposed)) {
		return nil
	}
	c.Doubt = d
	if err := w.store.Save(ctx, c.Encode()); err != nil {
		return err
	}
	w.checkpoint, w.savedTime = c, c.Time
	return nil
}

// sameContent compares what devices act on: everything but head block and time.
func sameContent(a, b *verify.View) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Block, x.Time, y.Block, y.Time = 0, 0, 0, 0
	return reflect.DeepEqual(x, y)
}

// conclude rates the endpoints and plans the next look.
func (w *Watcher) conclude(out *Outcome, answers []Answer) time.Duration {
	recheck := w.rate(out, answers)
	result := "accepted"
	if out.Accepted == nil {
		result = "held"
		w.metrics.refused(out.Err)
	}
	w.metrics.looks.WithLabelValues(result).Inc()

	var hold error
	if out.Err != nil {
		hold = w.explain(out.Err)
	}
	w.mu.Lock()
	news := verify.AttackName(hold) != verify.AttackName(w.hold)
	w.hold, w.looked = hold, time.Now()
	if w.view != nil {
		w.metrics.rev.Set(float64(w.view.Rev))
	}
	stopped := 0.0
	if w.stopped {
		stopped = 1
	}
	w.metrics.stopped.Set(stopped)
	w.mu.Unlock()

	if hold != nil {
		if news {
			w.log.Warn("no quorum on the chain's view; keeping the last one", "attack", verify.AttackName(hold), "err", hold)
		}
		wait := backoff(retryMin, retryMax, w.failures, w.rnd)
		w.failures++
		return min(wait, w.cfg.Poll)
	}
	if news || w.failures > 0 {
		w.log.Info("quorum on the chain's view", "rev", out.Accepted.Rev, "block", out.Accepted.Block, "votes", out.Votes)
	}
	w.failures = 0
	wait := w.cfg.Poll
	if w.cfg.PollJitter > 0 {
		wait += time.Duration(w.rnd.Int64N(int64(w.cfg.PollJitter) + 1))
	}
	if w.clock.ahead() { // soon it will be known whether that is true
		wait = min(wait, retryMax)
	}
	if recheck {
		wait = min(wait, recheckAfter)
	}
	return wait
}

// rate records the state of each endpoint that answered. It reports whether a
// lone higher revision deserves another look: once per endpoint until it agrees
// with the quorum again, so that a liar cannot keep the watcher busy.
func (w *Watcher) rate(out *Outcome, answers []Answer) (recheck bool) {
	higher := map[int]bool{}
	for _, i := range out.Higher {
		higher[i] = true
	}
	for _, a := range answers {
		e := w.endpoints[a.Endpoint]
		state, flag := StateOK, out.Flags[a.Endpoint]
		switch {
		case higher[a.Endpoint] && !e.doubted:
			state, recheck, e.doubted = StateAhead, true, true
		case higher[a.Endpoint]:
			flag = verify.Soft("rpc_single_liar", "it still reports revision %d, which the quorum at %d refutes", a.View.Rev, out.Accepted.Rev)
		case flag == nil && out.Accepted != nil:
			e.doubted = false
		}
		if flag == nil {
			e.rated(state, nil)
			continue
		}
		state = StateContradict
		if flag.Attack == "rpc_stale_head" {
			state = StateBehind
		}
		flag = e.refuse(flag.Attack, "%w", flag.Err)
		w.metrics.refusedFrom(e.host, flag)
		if e.rated(state, flag) {
			w.log.Warn("chain endpoint differs from the quorum", "endpoint", e.host, "operator", e.operator, "attack", flag.Attack, "err", flag)
		}
	}
	return recheck
}

// explain adds what the failing endpoints said to the reason for holding.
func (w *Watcher) explain(err *verify.Error) error {
	var failing []string
	for _, e := range w.Endpoints() {
		if e.LastError != "" && len(failing) < 4 {
			failing = append(failing, e.LastError)
		}
	}
	if len(failing) == 0 {
		return err
	}
	return &verify.Error{Attack: err.Attack, Err: fmt.Errorf("%w (%s)", err.Err, strings.Join(failing, "; "))}
}
