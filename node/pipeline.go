package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"camswarm/announce"
	"camswarm/chainwatch"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/verify"
)

// A line carries the releases of one product through the pipeline. It reads
// top to bottom: hints arrive (accepted), the chain's view decides (step), and
// each release moves one stage at a time (advance): manifest, blocks, image,
// install, confirmation; what is stale is collected. Stages that take time run
// as jobs, one per release; everything else happens in the line's own loop.
//
// Nothing is dialled, wanted or installed for a release before the quorum view
// offers it: advance is only called with sequences that [verify.Choose] (or a
// seed's wanted list) took from an accepted view.
type line struct {
	node     *Node
	cfg      ProductConfig
	verifier *verify.Verifier
	watcher  *chainwatch.Watcher
	trust    trust
	catalog  *Catalog
	log      *slog.Logger
	observe  func(Event) // nil: nobody

	wake chan struct{}  // capacity 1: something changed, step again
	work sync.WaitGroup // running jobs

	mu      sync.Mutex
	signed  map[uint64]*verify.Signed          // envelopes with good signatures, by sequence
	learned map[*func(*verify.Signed)]struct{} // told of each envelope that is learnt
	serving map[uint64]*verify.Signed          // what the exchange serves, by sequence
	jobs    map[uint64]*job
	retries map[uint64]retry
	view    verify.View   // last view stepped on
	viewAt  time.Time     // when its block was first seen, for a clock that never runs backwards
	choice  verify.Choice // last decision

	collectErr string // of the last collection; owned by run
}

// Before an install the chain's view must have been confirmed by a quorum
// within confirmAge; confirmWait bounds the wait for a look that does.
const (
	confirmAge  = 2 * time.Minute
	confirmWait = time.Minute
)

// idle is how long a line sleeps when nothing but a change can give it work. It
// is bounded so that a missed signal costs minutes, not for ever.
const idle = 5 * time.Minute

// manifestGrace is how long a release that the chain offers waits for its
// announcement before peers are asked for the envelope: a seed needs a quarter of
// a second to send it to 500 neighbours at 100 Mbit/s.
const manifestGrace = 500 * time.Millisecond

// run steps whenever the chain's view, an announcement, a finished job or the
// time may have changed the decision. It returns when ctx ends and its jobs
// have stopped.
func (l *line) run(ctx context.Context) error {
	defer l.work.Wait()
	if err := l.resume(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.watcher.Changes():
		case <-l.wake:
		case <-timer.C:
		}
		timer.Reset(max(l.step(ctx), 10*time.Millisecond))
	}
}

// resume serves what a former run fetched, before the chain has been asked:
// a node whose endpoints are down keeps serving what was approved.
func (l *line) resume(ctx context.Context) error {
	for _, rec := range l.catalog.All() {
		if !rec.hasBytes() {
			continue
		}
		seq := rec.Release.Sequence
		_ = os.Remove(filepath.Join(l.node.releaseDir(rec.Release), incomingFile))
		signed, err := l.loadEnvelope(rec.Release)
		if err != nil {
			l.log.Warn("the kept envelope is unusable; the release will be fetched again", "sequence", seq, "err", err)
			if rec.State < control.StateInstalled {
				if err := l.catalog.advance(ctx, rec.Release, control.StateKnown); err != nil {
					return err
				}
			}
			continue
		}
		l.learn(signed)
		if err := l.serve(signed, rec.Release); err != nil {
			l.log.Warn("cannot serve a kept release", "sequence", seq, "err", err)
		}
	}
	return nil
}

// accepted takes an announcement that the gossip validator has matched with
// the chain. It is a hint: it carries the manifest and makes the line look.
func (l *line) accepted(a announce.Accepted) {
	if a.Approved != nil {
		l.learn(a.Approved.Signed)
		l.tell(a.Approved.Manifest().Sequence, 0)
	}
	l.poke()
}

// latest answers a peer that asks for the newest announcement.
func (l *line) latest() *announce.Announcement {
	view, ok := l.watcher.Current()
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range view.Candidates {
		if s := l.signed[c.Sequence]; s != nil && s.Digest() == c.Envelope {
			return &announce.Announcement{
				Product: view.Product, Sequence: c.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: s.Envelope(),
			}
		}
	}
	return nil
}

// step decides on the newest view and starts what there is to do. It returns
// after how long time alone may change the decision.
func (l *line) step(ctx context.Context) time.Duration {
	view, ok := l.watcher.Current()
	if !ok {
		return idle
	}
	now := l.trustedTime(&view)
	device := l.device()
	choice := l.choose(&view, device, now)
	wanted := l.wanted(&view, choice)

	l.mu.Lock()
	if choice != l.choice {
		l.log.Info("decided", "sequence", choice.Sequence, "fetch", choice.Fetch, "install", choice.Install,
			"reason", choice.Reason, "rev", view.Rev)
	}
	l.view, l.choice = view, choice
	l.mu.Unlock()
	l.node.metrics.keysDisagreeNow(l.verifier.Product, l.keysDisagree(&view) != "")

	l.withdraw(&view, wanted)
	l.node.ipns.soon()
	wait := idle
	if choice.NextAt > now {
		wait = min(wait, time.Duration(choice.NextAt-now)*time.Second)
	}
	running, _ := l.catalog.Installed()
	if running != nil && running.State == control.StateInstalled {
		wait = min(wait, l.begin(ctx, running.Release.Sequence, "confirm", func(ctx context.Context) error {
			return l.confirm(ctx, running.Release)
		}))
		choice.Install = false // one unconfirmed image at a time
	}
	for _, seq := range wanted {
		wait = min(wait, l.advance(ctx, &view, now, device, seq, choice.Install && seq == choice.Sequence))
	}
	l.collect(ctx)
	return wait
}

// choose decides, and passes over a release whose manifest says that it does
// not fit this device (hardware, precursor): an older one that fits, such as
// the precursor itself, may be on offer.
func (l *line) choose(view *verify.View, device verify.Device, now uint64) verify.Choice {
	offered := *view
	for {
		choice := verify.Choose(&offered, device, now)
		err := l.unfit(view, device, choice.Sequence)
		if err == nil {
			return choice
		}
		l.refuse(choice.Sequence, "manifest", err)
		offered.Candidates = slices.DeleteFunc(slices.Clone(offered.Candidates), func(c verify.Candidate) bool {
			return c.Sequence == choice.Sequence
		})
	}
}

// unfit says why a release, whose manifest is known, cannot be installed on
// this camera whatever its rollout; nil if it can or the manifest is not known.
func (l *line) unfit(view *verify.View, device verify.Device, seq uint64) error {
	candidate, ok := view.Candidate(seq)
	if !ok || l.node.cfg.Role != RoleCamera {
		return nil
	}
	signed := l.manifest(candidate.Release)
	if signed == nil {
		return nil
	}
	approved, err := l.approve(signed, view, 0)
	if err != nil {
		return err
	}
	switch err := approved.CheckInstall(view, device); verify.AttackName(err) {
	case verify.AttackPrecursor, verify.AttackWrongSoftware, verify.AttackExpired:
		return err
	}
	return nil
}

// wanted lists the sequences whose images this node should hold beyond what it
// runs: on a camera the chosen one; on a seed what some camera of the region may
// still need: the newest releases down to the first that is rolled out to all
// and replaces any other, and the barrier.
func (l *line) wanted(view *verify.View, choice verify.Choice) []uint64 {
	if l.node.cfg.Role == RoleCamera {
		if choice.Fetch {
			return []uint64{choice.Sequence}
		}
		return nil
	}
	var out []uint64
	complete, unsure := false, false
	for _, seq := range verify.Warmable(view) {
		if _, held := l.holds(seq); !complete || seq == view.Barrier || unsure && held {
			out = append(out, seq)
		}
		if c, _ := view.Candidate(seq); !complete && c.Rollout.Mode == verify.RolloutAll {
			s := l.manifest(c.Release)
			unsure = s == nil // it may need a precursor that is held
			complete = unsure || s.Manifest().MinSequence == 0
		}
	}
	return out
}

// withdraw stops the jobs of releases that are no longer wanted, and the
// serving of those that the chain no longer offers, even of the one that runs.
func (l *line) withdraw(view *verify.View, wanted []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, j := range l.jobs {
		if j.stage != "install" && j.stage != "confirm" && !slices.Contains(wanted, seq) {
			j.cancel()
		}
	}
	for seq, s := range l.serving {
		if c, ok := view.Candidate(seq); ok && c.Envelope == s.Digest() {
			continue
		}
		l.log.Info("no longer offered by the chain: stop serving", "sequence", seq)
		l.unserve(s)
		delete(l.serving, seq)
	}
	for seq := range l.signed {
		if _, ok := view.Candidate(seq); !ok {
			delete(l.signed, seq)
		}
	}
}

// advance moves one release that the view offers by one stage. It returns
// after how long it wants to be called again without a change.
func (l *line) advance(ctx context.Context, view *verify.View, now uint64, device verify.Device, seq uint64, mayInstall bool) time.Duration {
	candidate, ok := view.Candidate(seq)
	if !ok {
		return idle
	}
	rec, _ := l.catalog.Get(seq)
	if rec.State == control.StateInstalled || rec.State == control.StateConfirmed ||
		rec.State == control.StateFailed && rec.Attempts >= l.node.cfg.Install.Attempts {
		return idle
	}

	// The manifest: from an announcement, or by its CID, which the chain gave.
	signed := l.manifest(candidate.Release)
	if signed == nil {
		return l.begin(ctx, seq, "manifest", func(ctx context.Context) error {
			return l.findManifest(ctx, candidate.Release)
		})
	}
	approved, err := l.approve(signed, view, now)
	if err == nil && l.node.cfg.Role == RoleCamera {
		err = approved.CheckInstall(view, device)
	}
	if err != nil {
		l.refuse(seq, "manifest", err)
		return idle
	}

	switch rec.State {
	case 0, control.StateKnown, control.StateFetching, control.StateRetired:
		return l.begin(ctx, seq, "fetch", func(ctx context.Context) error { return l.fetch(ctx, approved) })
	case control.StateFetched:
		return l.begin(ctx, seq, "verify", func(ctx context.Context) error { return l.check(ctx, approved) })
	case control.StateVerified, control.StateFailed:
		if err := l.serve(approved.Signed, candidate.Release); err != nil {
			l.log.Warn("cannot serve", "sequence", seq, "err", err)
		}
		if !mayInstall {
			return idle
		}
		if ok, next := l.node.mayInstall(); !ok {
			return max(time.Until(next), time.Second)
		}
		return l.begin(ctx, seq, "install", func(ctx context.Context) error { return l.install(ctx, approved) })
	}
	return idle
}

// findManifest asks peers for a release's envelope: first for their latest
// announcement, then for the block that the chain named by digest.
//
// An announcement often brings it at the same moment: the look at the chain that
// confirms the one starts the other. Then the questions end.
func (l *line) findManifest(ctx context.Context, rel verify.Release) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer l.onLearn(func(s *verify.Signed) {
		if s.Digest() == rel.Envelope {
			cancel()
		}
	})()
	if l.manifest(rel) != nil {
		return nil
	}
	select { // an envelope follows its hint
	case <-ctx.Done():
		return nil
	case <-time.After(manifestGrace):
	}
	if err := l.node.gossip.Ask(ctx, rel.Product); err == nil && l.manifest(rel) != nil {
		return nil
	}
	data, err := l.node.exchange.FetchBlock(ctx, rel.EnvelopeCID(), verify.MaxEnvelopeSize)
	if l.manifest(rel) != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("no peer has the manifest of release %d yet: %w", rel.Sequence, err)
	}
	signed, err := l.verifier.CheckSigned(data)
	if err != nil {
		return err
	}
	l.learn(signed)
	return nil
}

// fetch brings every block of an approved release to disk.
func (l *line) fetch(ctx context.Context, approved *verify.Approved) error {
	rel := approved.Candidate().Release
	if err := l.node.makeRoom(ctx, rel); err != nil {
		return err
	}
	if err := l.saveEnvelope(approved.Signed, rel); err != nil {
		return err
	}
	if err := l.catalog.advance(ctx, rel, control.StateFetching); err != nil {
		return err
	}
	if err := l.serve(approved.Signed, rel); err != nil {
		return err
	}
	began := time.Now()
	root := approved.Manifest().Image.Root
	if err := l.node.exchange.Fetch(ctx, root); err != nil {
		return err
	}
	if err := l.catalog.advance(ctx, rel, control.StateFetched); err != nil {
		return err
	}
	l.log.Info("fetched", "sequence", rel.Sequence, "bytes", rel.ImageSize, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// check hashes the whole image. An image whose blocks are right and whose
// digest is wrong can never become right: the release is given up. Blocks that
// went bad on disk are fetched again.
func (l *line) check(ctx context.Context, approved *verify.Approved) error {
	rel := approved.Candidate().Release
	_, file, err := l.openImage(approved)
	if err == nil {
		_ = file.Close()
		if err := l.catalog.advance(ctx, rel, control.StateVerified); err != nil {
			return err
		}
		l.log.Info("verified", "sequence", rel.Sequence, "sha256", fmt.Sprintf("%x", rel.ImageSHA256))
		l.node.provideSoon()
		return nil
	}
	return l.mend(ctx, approved, err)
}

// mend deals with an image on disk that failed its check.
func (l *line) mend(ctx context.Context, approved *verify.Approved, err error) error {
	rel := approved.Candidate().Release
	l.stopServing(rel.Sequence)
	if verify.AttackName(err) == verify.AttackImageSHA {
		_, uerr := l.catalog.Update(ctx, rel, func(r *Record) {
			r.State, r.Attempts, r.LastError = control.StateFailed, l.node.cfg.Install.Attempts, err.Error()
		})
		l.refuse(rel.Sequence, "verify", err)
		return uerr
	}
	if uerr := l.catalog.advance(ctx, rel, control.StateFetching); uerr != nil {
		return uerr
	}
	return fmt.Errorf("the image on disk changed and is fetched again where it differs: %w", err)
}

// install hands a verified image to the installer. The image is hashed again
// here and once more block by block while it is read (IMG.REPLACE, MFST.TOCTOU).
func (l *line) install(ctx context.Context, approved *verify.Approved) error {
	rel := approved.Candidate().Release
	// What cannot be taken back is not done on an old view.
	fresh, cancel := context.WithTimeout(ctx, confirmWait)
	defer cancel()
	view, err := l.watcher.Confirm(fresh, confirmAge)
	if err != nil {
		return err
	}
	if choice := l.choose(&view, l.device(), l.trustedTime(&view)); !choice.Install || choice.Sequence != rel.Sequence {
		return nil // the next step acts on the newer view
	}
	if err := approved.CheckInstall(&view, l.device()); err != nil {
		return err
	}
	img, file, err := l.openImage(approved)
	if err != nil {
		return l.mend(ctx, approved, err)
	}
	defer func() { _ = file.Close() }()
	l.log.Info("installing", "sequence", rel.Sequence, "version", rel.Version)
	if err := l.node.installer.Install(ctx, img); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, install.ErrTryLater) {
			return err
		}
		_, uerr := l.catalog.Update(ctx, rel, func(r *Record) {
			r.State, r.LastError = control.StateFailed, err.Error()
			r.Attempts++
		})
		return errors.Join(fmt.Errorf("install release %d: %w", rel.Sequence, err), uerr)
	}
	return l.catalog.advance(ctx, rel, control.StateInstalled)
}

// confirm asks the installer whether the installed image runs.
func (l *line) confirm(ctx context.Context, rel verify.Release) error {
	outcome, err := l.node.installer.Confirm(ctx, rel)
	if err != nil {
		return fmt.Errorf("confirm release %d: %w", rel.Sequence, err)
	}
	switch outcome {
	case install.Confirmed:
		if err := l.catalog.advance(ctx, rel, control.StateConfirmed); err != nil {
			return err
		}
		l.node.metrics.installed.WithLabelValues(l.verifier.Product.String()).Set(float64(rel.Sequence))
		l.log.Info("confirmed", "sequence", rel.Sequence, "version", rel.Version)
		return nil
	case install.Failed:
		if err := l.node.installer.Rollback(ctx, rel); err != nil {
			return fmt.Errorf("roll back release %d: %w", rel.Sequence, err)
		}
		l.log.Error("the installed release did not come up; rolled back", "sequence", rel.Sequence)
		_, err := l.catalog.Update(ctx, rel, func(r *Record) {
			r.State, r.Attempts = control.StateFailed, l.node.cfg.Install.Attempts
			r.LastError = "did not come up after the install; rolled back"
		})
		return err
	default:
		return errPending
	}
}

// provideLocal takes a release from the operator's tool instead of the swarm:
// the same checks, then the image goes where a fetch would have put it.
func (l *line) provideLocal(ctx context.Context, signed *verify.Signed, image io.Reader) (Record, error) {
	seq := signed.Manifest().Sequence
	view, err := l.viewWith(ctx, seq)
	if err != nil {
		return Record{}, err
	}
	approved, err := l.approve(signed, &view, l.trustedTime(&view))
	if err != nil {
		return Record{}, err
	}
	rel := approved.Candidate().Release
	if rec, ok := l.holds(seq); ok {
		return rec, nil // reading the image again would gain nothing
	}
	release, err := l.claim(ctx, seq)
	if err != nil {
		return Record{}, err
	}
	defer release()
	if rec, ok := l.holds(seq); ok {
		return rec, nil
	}
	if err := l.node.makeRoom(ctx, rel); err != nil {
		return Record{}, err
	}
	if err := l.saveEnvelope(signed, rel); err != nil {
		return Record{}, err
	}
	incoming := filepath.Join(l.node.releaseDir(rel), incomingFile)
	if err := l.receive(approved, incoming, image); err != nil {
		_ = os.Remove(incoming)
		return Record{}, err
	}
	l.stopServing(seq)
	if err := statedir.Rename(incoming, l.node.imagePath(rel)); err != nil {
		return Record{}, err
	}
	l.learn(signed)
	if err := l.catalog.advance(ctx, rel, control.StateFetched); err != nil {
		return Record{}, err
	}
	if err := l.serve(signed, rel); err != nil {
		return Record{}, err
	}
	rec, _ := l.catalog.Get(seq)
	return rec, nil
}
