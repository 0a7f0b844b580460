package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/swarm"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// The work that a release goes through, from top to bottom: manifest, blocks,
// image, install, confirmation; what is stale is withdrawn and removed. Each
// stage runs in a job of its own, does one thing, and leaves every decision to the
// machine, which begins it with a task and takes its result. Nothing is dialled,
// wanted or installed for a release before the quorum's view offers it: the
// machine approves a release by the view in force each time before it begins
// anything for it.

// carryOut does a task and writes down what it has made of the release, before
// anybody else hears of it. life ends with the node, ctx with the job.
func (f *follower) carryOut(life, ctx context.Context, t task) (r result) {
	if t.over > 0 {
		if free, err := gc.Free(f.stateDir); err == nil && free <= t.over {
			return result{err: errNoMoreSpace}
		}
	}
	r = f.stage(life, ctx, t)
	r.cancelled = r.err != nil && ctx.Err() != nil
	if r.err == nil && t.approved != nil {
		if err := f.learn(context.WithoutCancel(life), f.cfg.Region, t.approved.Manifest()); err != nil {
			f.log.Warn("the seeds that a release names are not used yet", "sequence", t.release.Sequence, "err", err)
		}
	}
	if rec, changed := f.rules.after(t, r); changed {
		rec.UpdatedAt = time.Now().UTC().Truncate(time.Second)
		if err := f.catalog.save(context.WithoutCancel(life), rec); err != nil {
			r.err = errors.Join(r.err, err)
		} else {
			r.record = &rec
			f.came(t, rec)
			if rec.State != t.record.State {
				f.tell(rec.Release.Sequence, rec.State)
			}
		}
	}
	if noSpace(r.err) {
		if t.stage != stageRemove { // a collection waits for that one
			_, err := f.collector.Relieve(ctx)
			r.err = errors.Join(r.err, err)
		}
		// A slot may be on another file system, and looks for room before it writes.
		if free, err := gc.Free(f.stateDir); err == nil && !errors.Is(r.err, gc.ErrQuota) && t.stage != stageInstall {
			r.free = max(free, 1)
		}
	}
	return r
}

// noSpace reports whether something failed for want of disk space, which it is no
// use to try again before there is more.
func noSpace(err error) bool {
	return gc.IsFull(err) || errors.Is(err, gc.ErrNoSpace) || errors.Is(err, filestore.ErrNoSpace)
}

// Errors of stages that decide what comes next.
var (
	errNoMoreSpace = errors.New("no more space than when it failed")
	errEnvelope    = errors.New("the kept envelope is unusable")
)

// imageError says that an image on disk is not the manifest's.
type imageError struct{ err error }

func (e *imageError) Error() string { return e.err.Error() }
func (e *imageError) Unwrap() error { return e.err }

// stage does the work of a task.
func (f *follower) stage(life, ctx context.Context, t task) result {
	switch t.stage {
	case stageManifest:
		return f.findManifest(ctx, t.release)
	case stageAdopt:
		return f.adopt(life, t)
	case stagePrepare:
		return result{err: f.prepare(ctx, t)}
	case stageServe:
		return f.serve(ctx, t)
	case stageFetch, stageRepair:
		return f.fetch(ctx, t)
	case stageVerify:
		return f.check(t)
	case stageInstall:
		return f.install(life, ctx, t)
	case stageConfirm:
		return f.confirm(life, ctx, t)
	case stageProvide:
		return t.request.work(ctx, t)
	case stageWithdraw:
		return f.withdraw(t)
	case stageRemove:
		return f.remove(t)
	case stageForget:
		return result{err: f.catalog.forget(ctx, t.release.Sequence)}
	default: // demote and reset change the record alone
		return result{}
	}
}

// manifestGrace is how long a release that the chain offers waits for its
// announcement before peers are asked for the envelope: in a crowd it comes by two or
// three hops of 20 to 80 ms each.
const manifestGrace = 500 * time.Millisecond

// findManifest asks peers for a release's envelope: first for their latest
// announcement, then for the block that the chain named by digest.
//
// An announcement often brings it at the same moment: the look at the chain that
// confirms the one starts the other. The machine ends the job then.
func (f *follower) findManifest(ctx context.Context, rel verify.Release) result {
	select { // an envelope follows its hint
	case <-ctx.Done():
		return result{err: ctx.Err()}
	case <-time.After(manifestGrace):
	}
	if err := f.ask(ctx, rel.Product); err == nil {
		select { // what came by the question is in the mail
		case <-f.mail.barrier():
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return result{err: ctx.Err()}
		}
	}
	data, err := f.exchange.FetchBlock(ctx, rel.EnvelopeCID(), verify.MaxEnvelopeSize)
	if err != nil {
		return result{err: fmt.Errorf("no peer has the manifest of release %d yet: %w", rel.Sequence, err)}
	}
	signed, err := f.rules.verifier.CheckSigned(data)
	return result{signed: signed, err: err}
}

// prepare makes a place for an approved release: in a slot, where the installer lets it
// have one and nothing is in a file already, else on disk.
func (f *follower) prepare(ctx context.Context, t task) error {
	if _, err := os.Lstat(f.imagePath(t.release)); errors.Is(err, fs.ErrNotExist) {
		if done, err := f.prepareSlot(ctx, t); err != nil || done {
			return err
		}
	}
	return f.prepareFile(ctx, t)
}

func (f *follower) prepareFile(ctx context.Context, t task) error {
	if err := f.makeRoom(ctx, t.signed, t.release); err != nil {
		return err
	}
	return f.saveEnvelope(t.signed, t.release)
}

// serve hands a release's file to the exchange, which hashes what is there and
// serves that. What the record says is there and is not, since it went bad while
// the node was off, is fetched again.
func (f *follower) serve(ctx context.Context, t task) result {
	_ = os.Remove(filepath.Join(f.dir(t.release), incomingFile)) // left by a provide that was cut off
	signed := t.signed
	if signed == nil {
		var err error
		if signed, err = f.loadEnvelope(t.release); err != nil {
			return result{err: fmt.Errorf("%w: %w", errEnvelope, err)}
		}
	}
	var err error
	if path, slot := f.place(t.release); slot {
		err = f.handSlot(ctx, t, signed, path)
	} else {
		err = f.hand(signed, t.release)
	}
	if err != nil {
		return result{err: err}
	}
	missing := !f.exchange.Complete(signed.Manifest().Image.Root)
	if missing && t.record.State >= control.StateFetched {
		f.log.Warn("an image is not whole any more; what is missing is fetched again", "sequence", t.release.Sequence, "state", t.record.State.String())
	}
	return result{signed: signed, custody: handedOver, missing: missing}
}

// fetch brings every block that is missing to disk. Where another file stands under
// the image's name by now, or the release has lost its slot, the exchange gets what
// there is.
func (f *follower) fetch(ctx context.Context, t task) (r result) {
	if err := f.makeRoom(ctx, t.signed, t.release); err != nil {
		return result{err: err}
	}
	began := time.Now()
	m := t.signed.Manifest()
	err := f.exchange.Fetch(ctx, m.Image.Root, f.origins.of(m, f.cfg.Region))
	if errors.Is(err, filestore.ErrReplaced) || errors.Is(err, filestore.ErrNotAdded) || t.stage == stageFetch && errors.Is(err, swarm.ErrReadOnly) {
		r = f.withdraw(t)
	}
	if r.err = err; err == nil {
		f.log.Info("fetched", "sequence", t.release.Sequence, "bytes", t.release.ImageSize, "took", time.Since(began).Round(time.Millisecond))
	}
	return r
}

// check hashes the whole image. An image whose blocks are right and whose digest
// is wrong can never become right: the release is given up. Blocks that went bad
// on disk are fetched again.
func (f *follower) check(t task) result {
	_, file, err := f.openImage(t.approved, t.approved.CheckImage)
	if err != nil {
		return f.badImage(t, err)
	}
	_ = file.Close()
	f.log.Info("verified", "sequence", t.release.Sequence, "sha256", fmt.Sprintf("%x", t.release.ImageSHA256))
	f.verified()
	return result{}
}

// badImage deals with an image on disk that failed its check. The exchange finds
// out what went bad of what it holds, and gets the file anew: what stands under the
// image's name may be something else by now.
func (f *follower) badImage(t task, err error) result {
	if verify.AttackName(err) != verify.AttackImageSHA {
		err = fmt.Errorf("the image on disk changed and is fetched again where it differs: %w", err)
	}
	_ = f.exchange.Recheck(t.approved.Manifest().Image.Root)
	r := f.withdraw(task{release: t.release, signed: t.approved.Signed})
	r.err = &imageError{err}
	return r
}

// Before an install the chain's view must have been confirmed by a quorum within
// confirmAge; confirmWait bounds the wait for a look that does.
const (
	confirmAge  = 2 * time.Minute
	confirmWait = time.Minute
)

// install hands a verified image to the installer. What cannot be taken back is
// not done on an old view, nor on a decision from before the wait for the turn:
// both are renewed once it has come. An image that was checked in this run is hashed
// only as it is read, block by block (IMG.REPLACE, MFST.TOCTOU).
func (f *follower) install(life, ctx context.Context, t task) result {
	var view verify.View
	for {
		if reason, next := f.permit(t.release); reason != "" {
			return result{notBefore: later(next), reason: reason}
		}
		if at := f.spreadConfirm(t.release.Sequence); !at.IsZero() {
			return result{notBefore: later(at), reason: reasonSpread}
		}
		fresh, cancel := context.WithTimeout(ctx, confirmWait)
		_, err := f.watcher.Confirm(fresh, confirmAge)
		cancel()
		if err != nil {
			return result{err: err}
		}
		if err := f.takeTurn(ctx, t); err != nil {
			return result{err: err}
		}
		if view, err = f.watcher.Confirm(fresh, confirmAge); err == nil { // at once, or not: fresh is over
			break
		}
		f.turn.give() // it was long in coming
	}
	defer f.turn.give()
	if ctx.Err() != nil { // the last moment: from here on the job ends only with the node
		return result{err: ctx.Err()}
	}
	if reason, next := f.permit(t.release); reason != "" {
		return result{notBefore: later(next), reason: reason}
	}
	if r, ok := f.allowed(t, &view); !ok {
		return r
	}
	if err := f.seal(t); err != nil {
		return result{err: err}
	}
	img, file, err := f.openImage(t.approved, t.approved.OpenImage)
	if err != nil {
		return f.badImage(t, err)
	}
	defer func() { _ = file.Close() }()
	if view, ok := f.watcher.Current(); ok { // a stop may have come while the image was hashed
		if r, ok := f.allowed(t, &view); !ok {
			return r
		}
	}
	f.log.Info("installing", "sequence", t.release.Sequence, "version", t.release.Version)
	f.publish(control.Event{Kind: control.EventInstalling, Sequence: t.release.Sequence, Version: t.release.Version})
	began := time.Now()
	if err := f.installer.Install(life, img); err != nil {
		err = fmt.Errorf("install release %d: %w", t.release.Sequence, err)
		if name := verify.AttackName(err); name == verify.AttackImageReplaced || name == verify.AttackImagePartial {
			r := f.badImage(t, err)
			r.called = true
			return r
		}
		return result{called: true, err: err}
	}
	return result{called: true, at: chainTime(&view, began, time.Now())}
}

// permit says why a release may not be installed now, and when to ask again: first
// its owner, so that it can be answered before the window opens.
func (f *follower) permit(rel verify.Release) (reason string, next time.Time) {
	if view, ok := f.watcher.Current(); ok && f.consent != nil {
		now := f.trustedTime(&view)
		s, news := f.consent.ask(rel.Sequence, now)
		if news {
			f.log.Info("the owner's consent is wanted", "sequence", rel.Sequence, "version", rel.Version)
			f.publish(control.Event{Kind: control.EventConsent, Sequence: rel.Sequence, Version: rel.Version})
		}
		switch s.State {
		case consentWanted:
			return reasonConsent, time.Now().Add(consentRecheck)
		case string(control.AnswerLater):
			return reasonLater, time.Now().Add(min(time.Duration(max(s.Until.Unix()-int64(now), 1))*time.Second, consentRecheck))
		case string(control.AnswerNever):
			return reasonNever, time.Now().Add(consentRecheck)
		}
	}
	return f.gate()
}

// consentRecheck is how often an install that the owner holds up is thought of again,
// beside his answers.
const consentRecheck = time.Hour

// came counts and tells what a job has made of a release.
func (f *follower) came(t task, rec record) {
	e := control.Event{Sequence: rec.Release.Sequence, Version: rec.Release.Version, Message: rec.LastError}
	switch {
	case rec.State == control.StateVerified && t.stage == stageVerify:
		e.Kind = control.EventVerified
	case rec.State == control.StateInstalled && t.stage == stageInstall:
		e.Kind = control.EventInstalled
		f.counts.installed.Add(1)
	case rec.State == control.StateConfirmed && t.stage == stageConfirm:
		e.Kind = control.EventConfirmed
		f.counts.confirmed.Add(1)
	case rec.State == control.StateFailed && t.stage == stageInstall:
		e.Kind = control.EventFailed
		f.counts.failed.Add(1)
	case rec.State == control.StateFailed && t.stage == stageConfirm:
		e.Kind = control.EventRolledBack
		f.counts.rolledBack.Add(1)
	default:
		return
	}
	if e.Kind != control.EventVerified {
		f.counts.news.set()
	}
	f.publish(e)
}

// allowed decides again, on the view in force, whether a release may be installed;
// if not, the result says what becomes of the job.
func (f *follower) allowed(t task, view *verify.View) (r result, ok bool) {
	now := f.published.Load()
	choice, _ := choose(f.rules.verifier, view, now.device, now.trustedTime(view, time.Now()), now.signed)
	if !choice.Install || choice.Sequence != t.release.Sequence {
		return result{notBefore: later(time.Now())}, false // the machine acts on the newer view
	}
	if err := t.approved.CheckInstall(view, now.device); err != nil {
		return result{err: err}, false
	}
	return result{}, true
}

// takeTurn waits for the node's install turn.
func (f *follower) takeTurn(ctx context.Context, t task) error {
	news := turnNews{sequence: t.release.Sequence, job: t.id}
	if err := f.turn.take(ctx, func() { f.mail.turn(news) }); err != nil {
		return err
	}
	news.taken = true
	f.mail.turn(news)
	return nil
}

// later is a moment that is not now.
func later(at time.Time) time.Time {
	return time.Now().Add(max(time.Until(at), time.Second))
}

// confirm asks the installer whether the installed image runs, and has it go back
// to what ran before if not, or if nothing but a confirmation could keep it. Going
// back then is no less of an interruption than an install, and waits for the same
// window.
func (f *follower) confirm(life, ctx context.Context, t task) result {
	if err := f.takeTurn(ctx, t); err != nil {
		return result{err: err}
	}
	defer f.turn.give()
	outcome, err := f.installer.Confirm(life, t.release)
	overdue := t.overdue && (err != nil || outcome == install.Pending) && life.Err() == nil
	if overdue {
		reason, _ := f.gate()
		overdue = reason == ""
	}
	switch {
	case overdue:
		f.log.Error("the installed release was not confirmed in time and makes way; rolling back",
			"sequence", t.release.Sequence, "within", f.rules.confirmIn, "err", err)
		if err := f.installer.Rollback(life, t.release); err != nil {
			return result{err: fmt.Errorf("roll back release %d: %w", t.release.Sequence, err)}
		}
		return result{outcome: install.Failed, overdue: true}
	case err != nil:
		return result{err: fmt.Errorf("confirm release %d: %w", t.release.Sequence, err)}
	case outcome == install.Confirmed:
		f.metrics.installed.WithLabelValues(f.rules.verifier.Product.String()).Set(float64(t.release.Sequence))
		f.log.Info("confirmed", "sequence", t.release.Sequence, "version", t.release.Version)
	case outcome == install.Failed:
		if err := f.installer.Rollback(life, t.release); err != nil {
			return result{err: fmt.Errorf("roll back release %d: %w", t.release.Sequence, err)}
		}
		f.log.Error("the installed release did not come up; rolled back", "sequence", t.release.Sequence)
	default:
		return result{err: errPending}
	}
	return result{outcome: outcome}
}

// withdraw takes a release's file from the exchange.
func (f *follower) withdraw(t task) result {
	if t.signed == nil {
		return result{custody: takenBack}
	}
	path, _ := f.place(t.release)
	err := f.exchange.Remove(t.signed.Manifest().Image.Root, path)
	if err != nil && !errors.Is(err, filestore.ErrNotAdded) {
		f.log.Warn("closing a served file", "err", err)
	}
	return result{custody: takenBack}
}

// remove frees the bytes of a release.
func (f *follower) remove(t task) result {
	r := f.withdraw(t)
	r.err = gc.Remove(f.dir(t.release))
	return r
}

// provide takes a release from the operator's tool instead of the swarm: the same
// checks, then the image goes where a fetch would have put it.
func (f *follower) provide(ctx context.Context, signed *verify.Signed, image io.Reader) (record, error) {
	seq := signed.Manifest().Sequence
	if err := f.offered(ctx, seq); err != nil {
		return record{}, err
	}
	a, err := f.await(ctx, &request{stage: stageProvide, sequence: seq, signed: signed, work: func(job context.Context, t task) result {
		job, cancel := context.WithCancel(job)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return f.take(job, t, image)
	}})
	return a.record, err
}

// offered waits for a view that offers the sequence, within ctx.
func (f *follower) offered(ctx context.Context, seq uint64) error {
	view, _ := f.watcher.Current()
	for {
		if _, ok := view.Candidate(seq); ok {
			return nil
		}
		next, err := f.watcher.ViewProven(ctx, view.Rev+1)
		if err == errMoved && ctx.Err() == nil { // the registry that it moved to may offer it
			view, _ = f.watcher.Current()
			continue
		}
		if err != nil {
			return fmt.Errorf("release %d of %s is not on chain (revision %d): %w", seq, f.rules.verifier.Product, view.Rev, err)
		}
		view = next
	}
}

// take receives an image and hands it to the exchange. One that is held already,
// as another release's, is not read from its giver: it is checked, and has one
// more owner.
func (f *follower) take(ctx context.Context, t task, image io.Reader) result {
	if path, slot := f.place(t.release); slot { // it goes on in a file
		if err := f.turn.take(ctx, func() {}); err != nil {
			return result{err: err}
		}
		err := f.void(t.signed, t.release, path)
		f.turn.give()
		if err != nil {
			return result{err: err}
		}
	}
	if err := f.prepareFile(ctx, t); err != nil {
		return result{err: err}
	}
	var r result
	if f.exchange.Complete(t.signed.Manifest().Image.Root) {
		if r = f.share(t); r.err == nil {
			return r
		}
	}
	incoming := filepath.Join(f.dir(t.release), incomingFile)
	if r.err = f.receive(ctx, t.approved, incoming, image); r.err != nil {
		_ = os.Remove(incoming)
		return r
	}
	r = f.withdraw(task{release: t.release, signed: t.signed})
	if r.err = statedir.Rename(incoming, f.imagePath(t.release)); r.err != nil {
		return r
	}
	if r.err = f.hand(t.signed, t.release); r.err == nil {
		r.signed, r.custody = t.signed, handedOver
	}
	return r
}

// share makes a release one more owner of an image that is held, if that is whole.
func (f *follower) share(t task) result {
	if err := f.hand(t.signed, t.release); err != nil {
		return result{err: err}
	}
	_, file, err := f.openImage(t.approved, t.approved.CheckImage)
	if err != nil {
		return f.badImage(t, err)
	}
	_ = file.Close()
	return result{signed: t.signed, custody: handedOver}
}
