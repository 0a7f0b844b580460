package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/chainwatch"
	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// A job is the one stage of a release that runs now.
type job struct {
	stage  string
	cancel context.CancelFunc
	done   chan struct{}
}

// retry is when a failed stage may be tried again.
type retry struct {
	failures int
	at       time.Time
	err      error
	free     int64 // for want of space: what was free then; tried again only when it has grown
}

func newLine(n *Node, cfg ProductConfig, w *chainwatch.Watcher, v *verify.Verifier, c *Catalog) *line {
	return &line{
		node: n, cfg: cfg, verifier: v, watcher: w, catalog: c,
		log:  n.log.With("product", v.Product.String()),
		wake: make(chan struct{}, 1), signed: map[uint64]*verify.Signed{}, serving: map[uint64]*verify.Signed{},
		learned: map[*func(*verify.Signed)]struct{}{}, jobs: map[uint64]*job{}, retries: map[uint64]retry{},
	}
}

// poke makes the line step again soon.
func (l *line) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// tell tells the observer, if there is one.
func (l *line) tell(seq uint64, state control.State) {
	if l.observe != nil {
		l.observe(Event{Product: l.verifier.Product.ID(), Sequence: seq, State: state})
	}
}

// errPending makes a stage come back without counting as a failure.
var errPending = errors.New("pending")

// begin starts a stage of a release as a job, unless one runs or the last one
// failed too recently. It returns after how long to look again.
func (l *line) begin(ctx context.Context, seq uint64, stage string, work func(context.Context) error) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.jobs[seq] != nil {
		return idle // its end pokes the line
	}
	r := l.retries[seq]
	if time.Until(r.at) > 0 {
		return time.Until(r.at)
	}
	if r.free > 0 {
		if free, err := gc.Free(l.node.cfg.StateDir); err == nil && free <= r.free {
			return time.Minute
		}
	}
	jctx, cancel := context.WithCancel(ctx)
	j := &job{stage: stage, cancel: cancel, done: make(chan struct{})}
	l.jobs[seq] = j
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		defer l.poke()
		defer close(j.done)
		defer cancel()
		err := work(jctx)
		if gc.IsFull(err) || errors.Is(err, filestore.ErrNoSpace) {
			_, rerr := l.node.collector.Relieve(ctx)
			err = errors.Join(err, rerr)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.jobs, seq)
		l.settle(seq, stage, err, jctx.Err() != nil)
	}()
	return idle
}

// settle notes how a job ended. l.mu is held.
func (l *line) settle(seq uint64, stage string, err error, cancelled bool) {
	if err == nil || cancelled {
		delete(l.retries, seq)
		return
	}
	r := l.retries[seq]
	if !errors.Is(err, errPending) && !errors.Is(err, install.ErrTryLater) {
		r.failures++
		l.log.Warn("stage failed; it will be tried again", "sequence", seq, "stage", stage, "failures", r.failures, "err", err)
		l.node.metrics.refused(stage, err)
	}
	wait := l.node.cfg.Install.RetryAfter << min(max(r.failures-1, 0), 6)
	if stage == "manifest" || stage == "fetch" {
		wait = min(wait, time.Minute)
	}
	r.at, r.err, r.free = time.Now().Add(wait), err, 0
	if gc.IsFull(err) || errors.Is(err, gc.ErrNoSpace) || errors.Is(err, filestore.ErrNoSpace) {
		if free, ferr := gc.Free(l.node.cfg.StateDir); ferr == nil {
			r.free = max(free, 1)
		}
	}
	l.retries[seq] = r
}

// refuse records that a release was turned down for good or for now.
func (l *line) refuse(seq uint64, stage string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.retries[seq]; r.err == nil || r.err.Error() != err.Error() {
		l.log.Warn("refused", "sequence", seq, "stage", stage, "attack", verify.AttackName(err), "err", err)
		l.node.metrics.refused(stage, err)
		l.retries[seq] = retry{err: err}
	}
}

// holds reports whether the release's image is here and was checked.
func (l *line) holds(seq uint64) (Record, bool) {
	rec, ok := l.catalog.Get(seq)
	return rec, ok && rec.State >= control.StateVerified && rec.State <= control.StateConfirmed
}

// claim takes a release's one place for work: a job that runs is cancelled, and
// none begins until release is called.
func (l *line) claim(ctx context.Context, seq uint64) (release func(), err error) {
	for {
		release, running := l.tryClaim(seq)
		if running == nil {
			return release, nil
		}
		running.cancel()
		select {
		case <-running.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryClaim is claim for those who do not wait: it returns the job that runs.
func (l *line) tryClaim(seq uint64) (release func(), running *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[seq]; j != nil {
		return nil, j
	}
	mine := &job{stage: "claimed", cancel: func() {}, done: make(chan struct{})}
	l.jobs[seq] = mine
	return func() {
		l.mu.Lock()
		delete(l.jobs, seq)
		l.mu.Unlock()
		close(mine.done)
		l.poke()
	}, nil
}

// receive writes an incoming image to a private file and checks it there.
func (l *line) receive(approved *verify.Approved, path string, image io.Reader) error {
	if err := statedir.Reclaim(l.log, path, false); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size := int64(approved.Manifest().Image.Size)
	n, err := io.Copy(f, io.LimitReader(image, size+1))
	if err != nil {
		return fmt.Errorf("receive the image: %w", err)
	}
	if _, err := approved.CheckImage(f, n); err != nil {
		return err
	}
	return f.Sync()
}

// viewWith returns a view that offers the sequence, waiting for the chain to
// get there within ctx.
func (l *line) viewWith(ctx context.Context, seq uint64) (verify.View, error) {
	view, _ := l.watcher.Current()
	for {
		if _, ok := view.Candidate(seq); ok {
			return view, nil
		}
		next, err := l.watcher.ViewProven(ctx, view.Rev+1)
		if err != nil {
			return verify.View{}, fmt.Errorf("release %d of %s is not on chain (revision %d): %w", seq, l.verifier.Product, view.Rev, err)
		}
		view = next
	}
}

// learn keeps an envelope whose signatures are good.
func (l *line) learn(s *verify.Signed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.signed) >= 2*verify.MaxCandidates { // withdraw prunes; this bounds what comes between two views
		return
	}
	l.signed[s.Manifest().Sequence] = s
	for f := range l.learned {
		(*f)(s)
	}
}

// onLearn has f called, under mu, with every envelope that is learnt until stop.
func (l *line) onLearn(f func(*verify.Signed)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.learned[&f] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.learned, &f)
	}
}

// manifest returns the envelope that the chain's record names, if known.
func (l *line) manifest(rel verify.Release) *verify.Signed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.signed[rel.Sequence]; s != nil && s.Digest() == rel.Envelope {
		return s
	}
	return nil
}

// serve hands a release's file to the exchange, once.
func (l *line) serve(s *verify.Signed, rel verify.Release) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.serving[rel.Sequence] != nil {
		return nil
	}
	if err := statedir.Reclaim(l.log, l.node.imagePath(rel), false); err != nil {
		return err
	}
	if err := l.node.exchange.Add(l.node.swarmFile(s, rel)); err != nil {
		return err
	}
	l.serving[rel.Sequence] = s
	return nil
}

// roots lists the complete images that are served.
func (l *line) roots() []cid.Cid {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []cid.Cid
	for _, s := range l.serving {
		if root := s.Manifest().Image.Root; l.node.exchange.Complete(root) {
			out = append(out, root)
		}
	}
	return out
}

// stopServing takes a release away from the exchange.
func (l *line) stopServing(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.serving[seq]; s != nil {
		l.unserve(s)
		delete(l.serving, seq)
	}
}

// unserve takes a file away from the exchange.
func (l *line) unserve(s *verify.Signed) {
	if err := l.node.exchange.Remove(s.Manifest().Image.Root); err != nil && !errors.Is(err, filestore.ErrNotAdded) {
		l.log.Warn("closing a served file", "err", err)
	}
}

// damaged is told that blocks of a file that was complete went bad on disk:
// the release is fetched again where it differs.
func (l *line) damaged(root cid.Cid) {
	l.mu.Lock()
	var rel verify.Release
	for _, s := range l.serving {
		if s.Manifest().Image.Root.Equals(root) {
			rel.Sequence = s.Manifest().Sequence
		}
	}
	l.mu.Unlock()
	rec, ok := l.catalog.Get(rel.Sequence)
	if !ok {
		return
	}
	l.log.Warn("blocks of an image went bad on disk", "sequence", rec.Release.Sequence, "state", rec.State.String())
	if rec.State == control.StateFetched || rec.State == control.StateVerified {
		if err := l.catalog.advance(context.Background(), rec.Release, control.StateFetching); err != nil {
			l.log.Error("cannot record it", "err", err)
		}
	}
	l.poke()
}

// openImage opens a fetched image and checks all of it.
func (l *line) openImage(approved *verify.Approved) (*verify.Image, *os.File, error) {
	f, err := statedir.OpenRegular(l.node.imagePath(approved.Candidate().Release))
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var img *verify.Image
		if img, err = approved.CheckImage(f, info.Size()); err == nil {
			return img, f, nil
		}
	}
	_ = f.Close()
	return nil, nil, err
}

func (l *line) saveEnvelope(s *verify.Signed, rel verify.Release) error {
	dir := l.node.releaseDir(rel)
	path := filepath.Join(dir, envelopeFile)
	if err := errors.Join(statedir.Reclaim(l.log, filepath.Dir(dir), true), statedir.Reclaim(l.log, dir, true), os.MkdirAll(dir, 0o700),
		statedir.Reclaim(l.log, path, false), statedir.Reclaim(l.log, path+".tmp", false)); err != nil {
		return err
	}
	return statedir.WriteFile(path, s.Envelope(), 0o600)
}

func (l *line) loadEnvelope(rel verify.Release) (*verify.Signed, error) {
	data, err := statedir.ReadRegular(filepath.Join(l.node.releaseDir(rel), envelopeFile), verify.MaxEnvelopeSize)
	if err != nil {
		return nil, err
	}
	signed, err := l.verifier.CheckSigned(data)
	if err != nil {
		return nil, err
	}
	if signed.Digest() != rel.Envelope {
		return nil, errors.New("the envelope is not the one the chain approved")
	}
	return signed, nil
}

// device is what the rollout decision needs to know of this device.
func (l *line) device() verify.Device {
	d := verify.Device{
		DID: string(l.node.did), Label: l.cfg.Label, Hardware: l.cfg.Hardware,
		Installed: l.cfg.FactorySequence, Warmer: l.node.cfg.Role == RoleSeed,
	}
	if running, _ := l.catalog.Installed(); running != nil {
		d.Installed = max(d.Installed, running.Release.Sequence)
	}
	return d
}

// trustedTime is the time decisions are made at, in seconds since 1970: the
// chain's, carried forward by the monotonic clock since it was seen, unless the
// device's own clock is sane and ahead of it (see verify.Now).
func (l *line) trustedTime(view *verify.View) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.viewAt.IsZero() || view.Block != l.view.Block {
		l.viewAt = time.Now()
	}
	chain := view.Time + uint64(time.Since(l.viewAt)/time.Second)
	return verify.Now(uint64(max(time.Now().Unix(), 0)), chain)
}

const (
	envelopeFile = "envelope.cbor"
	imageFile    = "image"
	incomingFile = "image.incoming"
)
