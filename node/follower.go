package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/announce"
	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/metastore"
	"camswarm/swarm"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// A follower carries the releases of one product through the pipeline. One
// goroutine, run, has the machine that knows and decides everything; all else
// sends it mail and reads what it published last. So nobody waits for anybody:
// the owner for no disk, network or installer, since that is the work of jobs;
// readers for no owner, since a snapshot is never changed; and senders for
// nothing at all.
type follower struct {
	parts
	cfg     ProductConfig
	rules   rules
	watcher *chain
	catalog catalog
	trust   metastore.Value // the rotations and moves that were adopted
	signer  *signer         // nil: the node is no witness
	log     *slog.Logger

	left    map[uint64]record // what a former run left; not changed
	adopted verify.KeySet     // the same of the rotations

	consent *consent // nil: nobody is asked

	patience  atomic.Pointer[patience] // of the install that waits to ask the chain
	mail      *mailbox
	published atomic.Pointer[snapshot]
	// slotTrouble is why the slot that was named last cannot be used; nil: it can.
	slotTrouble atomic.Pointer[trouble]
	work        sync.WaitGroup // jobs
	began       chan struct{}  // closed when run begins
	over        chan struct{}  // closed when run has ended and its jobs too
}

// parts are what the followers of a node share.
type parts struct {
	stateDir  string
	exchange  exchange
	ask       func(context.Context, verify.ProductID) error // peers for their latest announcement
	origins   *origins
	collector *gc.Collector
	installer install.Installer // nil on a seed
	turn      turn
	gate      func() (reason string, next time.Time) // why no install may begin now, and when to ask again; "": one may
	metrics   *metrics
	observe   func(Event) // nil: nobody
	events    *control.Events
	counts    *installCounts

	learn func(context.Context, verify.Region, *verify.Manifest) error // what an approved release says of seeds

	verified func() // an image was: others may be told
	risen    func() // the chain's view is at another revision: the same
	changed  func() // a step was made: there may be something to collect or to look up
}

// exchange is what a follower needs of the swarm.
type exchange interface {
	Add(filestore.File) error
	Remove(root cid.Cid, path string) error
	Seal(root cid.Cid, path string) error
	Recheck(root cid.Cid) error
	Fetch(ctx context.Context, root cid.Cid, origins swarm.Origins) error
	FetchBlock(ctx context.Context, c cid.Cid, maxBytes int) ([]byte, error)
	Complete(root cid.Cid) bool
	Progress(root cid.Cid) (swarm.Progress, bool)
}

// errNotRunning answers those who ask a follower that does not run.
var errNotRunning = errors.New("the node does not run")

// newFollower returns a follower of what the catalog holds; adopted are the keys to
// which the kept rotations lead.
func newFollower(ctx context.Context, p parts, cfg ProductConfig, r rules, w *chain, c catalog, adopted verify.KeySet, log *slog.Logger) (*follower, error) {
	f := &follower{
		parts: p, cfg: cfg, rules: r, watcher: w, catalog: c, trust: w.trust, adopted: adopted, log: log,
		mail: newMailbox(), began: make(chan struct{}), over: make(chan struct{}),
	}
	f.rules.refused = f.refused
	var err error
	if f.left, err = c.load(ctx, log); err != nil {
		return nil, err
	}
	f.published.Store(newMachine(f.rules, slog.New(slog.DiscardHandler), f.left, f.adopted).snapshot())
	return f, nil
}

// product is the id of the product that is followed.
func (f *follower) product() verify.ProductID { return f.rules.verifier.Product.ID() }

// run steps whenever the chain's view, an announcement, a finished job or the
// time may have changed the decision. It returns when ctx ends and its jobs have
// stopped.
func (f *follower) run(ctx context.Context) error {
	close(f.began)
	defer close(f.over)
	defer f.work.Wait()
	m := newMachine(f.rules, f.log, f.left, f.adopted)
	cancels := map[uint64]context.CancelFunc{} // of jobs, by id
	var seen verify.View                       // when it was last told of
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.watcher.Changes():
		case <-f.mail.wake:
		case <-timer.C:
		}
		now, mail := time.Now(), f.mail.take()
		mail.tell(m, now)
		for _, e := range mail.ends {
			delete(cancels, e.task.id)
		}
		var view *verify.View
		if v, ok := f.watcher.Current(); ok {
			view = &v
		}
		todo, wait := m.step(view, now)
		f.published.Store(m.snapshot())
		for _, a := range todo {
			switch {
			case a.begin != nil:
				cancels[a.begin.id] = f.begin(ctx, *a.begin)
			case a.answer != nil:
				a.answer.reply <- a.reply
			default:
				cancels[a.cancel]()
			}
		}
		if view != nil && (view.Rev != seen.Rev || view.Registry != seen.Registry) {
			seen = *view
			f.risen()
			f.note(Event{Product: f.product(), Rev: view.Rev})
		}
		for _, done := range mail.barriers {
			close(done)
		}
		if view != nil {
			f.metrics.keysDisagreeNow(f.rules.verifier.Product, f.keysDisagree(view) != "")
		}
		if f.signer != nil {
			f.signer.wake.set()
		}
		f.changed()
		timer.Reset(max(wait, 10*time.Millisecond))
	}
}

// begin starts a job.
func (f *follower) begin(ctx context.Context, t task) context.CancelFunc {
	job, cancel := context.WithCancel(ctx)
	f.work.Go(func() {
		defer cancel()
		f.mail.end(end{t, f.carryOut(ctx, job, t)})
	})
	return cancel
}

// await sends a request, once the follower runs, and waits for its answer. When
// ctx ends first a request that has not begun is given up; the job of one that has
// is waited for, since it may use what belongs to the caller.
func (f *follower) await(ctx context.Context, r *request) (reply, error) {
	select {
	case <-f.began:
	case <-ctx.Done():
		return reply{}, fmt.Errorf("%w: %w", errNotRunning, ctx.Err())
	}
	r.reply = make(chan reply, 1)
	if err := f.mail.request(r); err != nil {
		return reply{}, err
	}
	select {
	case a := <-r.reply:
		return a, a.err
	case <-f.over:
	case <-ctx.Done():
		f.mail.abandon(r)
		select {
		case a := <-r.reply:
			return a, cmp.Or(a.err, ctx.Err())
		case <-f.over:
		}
	}
	select { // it may have been answered at the last moment
	case a := <-r.reply:
		return a, a.err
	default:
		return reply{}, errNotRunning
	}
}

// running reports whether the follower has begun.
func (f *follower) running() bool {
	select {
	case <-f.began:
		return true
	default:
		return false
	}
}

// accepted takes an announcement that the gossip validator has matched with the
// chain. It is a hint: it carries the manifest and makes the follower look.
func (f *follower) accepted(a announce.Accepted) {
	by := "quorum"
	if a.View.Witnessed {
		by = "witnesses"
	}
	f.metrics.verdicts.WithLabelValues(by).Inc()
	if a.Approved != nil {
		f.mail.envelope(a.Approved.Signed)
		f.tell(a.Approved.Manifest().Sequence, 0)
		f.publish(control.Event{Kind: control.EventAnnounced, Sequence: a.Approved.Manifest().Sequence, Version: a.Approved.Manifest().Version})
	}
	f.mail.hint()
}

// latest answers a peer that asks for the newest announcement.
func (f *follower) latest() *announce.Announcement {
	view, ok := f.watcher.Current()
	if !ok {
		return nil
	}
	s := f.published.Load()
	a := &announce.Announcement{Product: view.Product, Rev: view.Rev, Block: view.RevBlock}
	for _, c := range view.Candidates {
		if signed := s.envelope(c.Release); signed != nil {
			a.Sequence, a.Envelope = c.Sequence, signed.Envelope()
			break
		}
	}
	if a.Bare() && view.Witnessed {
		return nil // what the own quorum has not confirmed is no reason to have others ask it
	}
	return a // a bare hint when everything was revoked: who asks may not know yet
}

// roots lists the complete images that are served.
func (f *follower) roots() []cid.Cid {
	var out []cid.Cid
	for _, s := range f.published.Load().served {
		if root := s.Manifest().Image.Root; f.exchange.Complete(root) {
			out = append(out, root)
		}
	}
	return out
}

// newestHeld is the newest release whose image is here, whole; nil: none.
func (f *follower) newestHeld() *verify.Signed {
	for _, s := range slices.Backward(f.published.Load().served) {
		if f.exchange.Complete(s.Manifest().Image.Root) {
			return s
		}
	}
	return nil
}

// trustedTime is the time that decisions about a view are made at, in seconds
// since 1970.
func (f *follower) trustedTime(view *verify.View) uint64 {
	return f.published.Load().trustedTime(view, time.Now())
}

// tell tells the observer, if there is one, of a release.
func (f *follower) tell(seq uint64, state control.State) {
	f.note(Event{Product: f.product(), Sequence: seq, State: state})
}

// publish tells those who listen on the control socket.
func (f *follower) publish(e control.Event) {
	e.Product = f.product()
	f.events.Publish(e)
}

// refused counts a refusal or failure, and tells of it.
func (f *follower) refused(seq uint64, s stage, err error) {
	f.metrics.refused(s, err)
	f.publish(control.Event{Kind: control.EventRefused, Sequence: seq, Name: verify.AttackName(err), Message: string(s) + ": " + err.Error()})
}

func (f *follower) note(e Event) {
	if f.observe != nil {
		f.observe(e)
	}
}

// snapshot is what a machine knows at one moment. It is never changed.
type snapshot struct {
	records           []record // oldest release first
	running, fallback record   // see installed
	device            verify.Device
	view              *verify.View // nil: none yet
	seenAt            time.Time    // when its block was first seen
	choice            verify.Choice
	reason            string // why the choice's install waits although the rollout allows it
	last              retry  // what last went wrong with it
	signed            map[uint64]*verify.Signed
	served            []*verify.Signed // oldest release first
	busy, keeps       map[uint64]bool  // releases that a job works on; whose bytes are wanted
}

func (m *machine) snapshot() *snapshot {
	s := &snapshot{
		records: sorted(m.records), device: m.running(), view: m.view, seenAt: m.seenAt, choice: m.choice,
		signed: maps.Clone(m.signed), busy: map[uint64]bool{}, keeps: map[uint64]bool{},
	}
	s.running, s.fallback = installed(m.records)
	for _, seq := range slices.Sorted(maps.Keys(m.served)) {
		s.served = append(s.served, m.served[seq])
	}
	for seq := range m.jobs {
		s.busy[seq] = true
	}
	for seq := range m.records {
		s.keeps[seq] = m.keeps(seq)
	}
	s.reason, s.last = m.trouble()
	return s
}

func (s *snapshot) record(seq uint64) (record, bool) {
	i, ok := slices.BinarySearchFunc(s.records, seq, func(r record, seq uint64) int {
		switch {
		case r.Release.Sequence < seq:
			return -1
		case r.Release.Sequence > seq:
			return 1
		}
		return 0
	})
	if !ok {
		return record{}, false
	}
	return s.records[i], true
}

// envelope returns the envelope that the chain's record names, if it is known.
func (s *snapshot) envelope(rel verify.Release) *verify.Signed {
	if e := s.signed[rel.Sequence]; e != nil && e.Digest() == rel.Envelope {
		return e
	}
	return nil
}

// serves returns the release that is served under a sequence; nil: none.
func (s *snapshot) serves(seq uint64) *verify.Signed {
	for _, e := range s.served {
		if e.Manifest().Sequence == seq {
			return e
		}
	}
	return nil
}

// trustedTime is machine.trustedTime for a view that may be newer.
func (s *snapshot) trustedTime(view *verify.View, now time.Time) uint64 {
	seen := now
	if s.view != nil && s.view.Block == view.Block {
		seen = s.seenAt
	}
	return trustedTime(view, seen, now)
}
