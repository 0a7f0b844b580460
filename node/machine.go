package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/gc"
	"camswarm/node/control"
	"camswarm/node/install"
	"camswarm/swarm"
	"camswarm/verify"
)

// A machine is what a follower knows of one product, and how it decides. It does
// nothing itself: events change it, and step names the work that is to begin or
// to end, as the core of etcd's raft does. It reads no clock, no disk and no
// network, starts no goroutine and holds no lock; the one goroutine that has it
// is follower.run. testdata/follower holds scripts of events and what came out.
//
// Three rules order the work. A release has at most one job at a time, and that
// job alone writes the release's record. Nothing is asked of anybody and nothing
// is installed for a release that the view in force does not offer. And of one
// product one job at a time uses the installer, and no install begins while an
// installed release waits for its confirmation: what is confirmed is what was
// written last, by an install that nothing came between.
type machine struct {
	rules
	log *slog.Logger

	records map[uint64]record
	signed  map[uint64]*verify.Signed // envelopes with good signatures
	served  map[uint64]*verify.Signed // releases whose file the exchange has
	jobs    map[uint64]*job
	lastJob uint64

	retries  map[attempt]retry
	refusals map[uint64]error     // why the manifest of a release was turned down
	damaged  map[uint64]bool      // blocks of its image went bad on disk
	since    map[uint64]time.Time // when this run first saw it installed and not confirmed
	mute     map[uint64]bool      // its kept envelope is unusable, so its image cannot be served
	again    map[uint64]bool      // it failed, and a person wants it tried again
	requests []*request
	replies  []action
	adopted  verify.KeySet // what the kept rotations lead to

	view   *verify.View // the last one stepped on; nil: none yet
	seenAt time.Time    // when its block was first seen, for a clock that never runs backwards
	choice verify.Choice
	wanted []uint64 // sequences whose images this node should hold beyond what it runs
}

// rules are what a machine decides by.
type rules struct {
	verifier   *verify.Verifier
	device     verify.Device // as provisioned
	retryAfter time.Duration // after the first failure; doubled with each further one
	confirmIn  time.Duration // an installed release that is not confirmed blocks others so long
	slots      bool          // images go straight into slots, see install.Slotter
	policy
	refused func(seq uint64, s stage, err error) // counts refusals and failures
}

// policy says what becomes of a record.
type policy struct {
	attempts int    // failed installs before a release is given up
	keep     int    // releases that a seed holds at least
	section  string // a digest of the configuration that installs
}

// stage is one kind of work for a release, by the word of logs and metrics.
type stage string

const (
	stageManifest stage = "manifest" // ask peers for the envelope
	stageAdopt    stage = "adopt"    // keep the rotations that the envelope carries
	stagePrepare  stage = "prepare"  // make room and keep the envelope
	stageServe    stage = "serve"    // give the file to the exchange, which hashes what is there
	stageFetch    stage = "fetch"    // get the blocks that are missing
	stageVerify   stage = "verify"   // hash the image
	stageInstall  stage = "install"  // hand the image to the installer
	stageConfirm  stage = "confirm"  // ask the installer whether it runs, and roll back if not
	stageProvide  stage = "provide"  // take the image from a local program
	stageRepair   stage = "repair"   // get what went bad of an image in use
	stageDemote   stage = "demote"   // record that blocks are missing
	stageWithdraw stage = "withdraw" // take the file from the exchange
	stageRemove   stage = "remove"   // free the bytes
	stageReset    stage = "reset"    // start over with what failed
	stageForget   stage = "forget"   // drop the record
)

// usesInstaller reports whether the stage needs the node's install turn.
func (s stage) usesInstaller() bool { return s == stageInstall || s == stageConfirm }

// job is the work that goes on for a release.
type job struct {
	id      uint64
	stage   stage
	waiting bool // for the node's install turn: it may still be cancelled
	queued  bool // somebody else has the turn
	ending  bool // it was cancelled
}

// task is what a job is told.
type task struct {
	id       uint64
	stage    stage
	release  verify.Release   // as the chain offers it, else as it was recorded
	record   record           // as it stands; its State is 0 if there is none
	signed   *verify.Signed   // nil: serve reads it from disk
	approved *verify.Approved // of adopt, prepare, fetch, verify, install and provide
	request  *request         // of provide, remove and reset
	overdue  bool             // of confirm: roll it back unless it is confirmed now
	over     int64            // it found no space when so many bytes were free: it begins with more
}

// result is how a job ended. The zero value is a success.
type result struct {
	err       error
	cancelled bool
	record    *record         // as it was written; nil: it stayed as it was
	signed    *verify.Signed  // of manifest and serve: the envelope
	custody   custody         // of the file
	kept      verify.KeySet   // of adopt
	called    bool            // of install: the installer was, and err is its
	at        uint64          // of install: when the installer ended, in the chain's seconds since 1970
	missing   bool            // of serve: not all of the image is there
	outcome   install.Outcome // of confirm
	overdue   bool            // of confirm: it was rolled back because nothing confirmed it
	notBefore time.Time       // the stage may not begin yet,
	reason    string          // and why
	free      int64           // for want of space: what is free
}

// custody is what a job changed about who has a file.
type custody uint8

const (
	asBefore custody = iota
	handedOver
	takenBack
)

// action is one thing that step wants done.
type action struct {
	begin  *task
	cancel uint64   // the id of a job
	answer *request // with reply
	reply  reply
}

// request is something that another goroutine waits for.
type request struct {
	stage    stage // stageProvide, stageRemove or stageReset
	sequence uint64
	signed   *verify.Signed                     // of provide
	work     func(context.Context, task) result // of provide
	reply    chan reply                         // has room for the one reply
}

type reply struct {
	record  record   // of provide and remove
	started []uint64 // of reset: the releases that start over
	err     error
}

// attempt names what a retry is for.
type attempt struct {
	sequence uint64
	stage    stage
}

// retry is when a stage that failed may be tried again.
type retry struct {
	failures int
	at       time.Time
	err      error
	reason   string // it did not fail but may not begin yet
	free     int64  // for want of space: what was free then
}

// idle is how long a follower sleeps when nothing but a change can give it work.
// It is bounded so that a missed signal costs minutes, not for ever.
const idle = 5 * time.Minute

// errPending makes a stage come back without counting as a failure.
var errPending = errors.New("pending")

// newMachine returns a machine that knows what a former run left. A release that
// failed under another configuration of the installer starts over.
func newMachine(r rules, log *slog.Logger, records map[uint64]record, adopted verify.KeySet) *machine {
	m := &machine{
		rules: r, log: log, records: map[uint64]record{}, adopted: adopted,
		signed: map[uint64]*verify.Signed{}, served: map[uint64]*verify.Signed{}, jobs: map[uint64]*job{},
		retries: map[attempt]retry{}, refusals: map[uint64]error{}, damaged: map[uint64]bool{}, mute: map[uint64]bool{},
		again: map[uint64]bool{}, since: map[uint64]time.Time{},
	}
	for seq, rec := range records {
		m.records[seq] = rec
		if rec.State == control.StateFailed && rec.FailedWith != "" && rec.FailedWith != r.section {
			log.Info("the installer was configured anew: a release that failed is tried again", "sequence", seq, "failed", rec.LastError)
			m.records[seq] = startOver(rec)
		}
	}
	return m
}

// startOver is the record of a failed release before its first attempt.
func startOver(rec record) record {
	if rec.State != control.StateFailed {
		return rec
	}
	if rec.State = control.StateVerified; rec.Gone {
		rec.State = control.StateRetired
	}
	rec.Attempts, rec.LastError, rec.FailedWith, rec.Gone = 0, "", "", false
	return rec
}

// addEnvelope takes an envelope whose signatures are good.
func (m *machine) addEnvelope(s *verify.Signed) {
	seq := s.Manifest().Sequence
	if m.signed[seq] == nil && len(m.signed) >= maxEnvelopes { // decide prunes; this bounds what comes between two views
		return
	}
	m.signed[seq] = s
	delete(m.mute, seq)
}

// damage notes that blocks of an image went bad on disk. It concerns every
// release with that image.
func (m *machine) damage(root cid.Cid) {
	for seq, s := range m.served {
		if s.Manifest().Image.Root.Equals(root) {
			m.log.Warn("blocks of an image went bad on disk", "sequence", seq, "state", m.records[seq].State.String())
			m.damaged[seq] = true
		}
	}
}

// request takes what somebody waits for; step answers it.
func (m *machine) request(r *request) { m.requests = append(m.requests, r) }

// abandon gives a request up, unless its job has begun: that one ends by itself.
func (m *machine) abandon(r *request) {
	if i := slices.Index(m.requests, r); i >= 0 {
		m.requests = slices.Delete(m.requests, i, i+1)
		m.replies = append(m.replies, action{answer: r, reply: reply{err: context.Canceled}})
	}
}

// turn notes that a job queues for the node's install turn, or has it and must not
// be cancelled any more.
func (m *machine) turn(t turnNews) {
	if j := m.jobs[t.sequence]; j != nil && j.id == t.job {
		j.queued, j.waiting = !t.taken, !t.taken
	}
}

// ended takes the end of a job.
func (m *machine) ended(t task, r result, now time.Time) {
	seq := t.release.Sequence
	delete(m.jobs, seq)
	if r.record != nil {
		m.records[seq] = *r.record
	}
	if t.stage == stageForget && r.err == nil {
		delete(m.records, seq)
	}
	switch r.custody {
	case handedOver:
		m.served[seq] = t.signed
		if r.signed != nil {
			m.served[seq] = r.signed
		}
	case takenBack:
		delete(m.served, seq)
	}
	if r.signed != nil {
		m.addEnvelope(r.signed)
	}
	if t.stage == stageAdopt && r.err == nil && !r.cancelled {
		m.adopted = r.kept
		m.recheck()
	}
	if errors.Is(r.err, errEnvelope) && t.record.State >= control.StateInstalled {
		m.mute[seq] = true
	}
	switch {
	case t.stage == stageRepair && errors.Is(r.err, swarm.ErrReadOnly): // a slot that somebody wrote to: what is left of it is served
	case t.stage == stageRepair && (r.err != nil || r.cancelled), r.missing && m.records[seq].State >= control.StateInstalled:
		m.damaged[seq] = true
	case t.stage == stageProvide && r.err == nil:
		delete(m.damaged, seq)
	}
	if t.request != nil {
		m.replies = append(m.replies, action{answer: t.request, reply: reply{record: m.records[seq], err: r.err}})
	}
	m.reckon(attempt{seq, t.stage}, r, now)
}

// reckon says when a stage may be tried again.
func (m *machine) reckon(a attempt, r result, now time.Time) {
	old := m.retries[a]
	switch {
	case r.cancelled, r.err == nil && r.notBefore.IsZero():
		delete(m.retries, a)
		return
	case r.err == nil:
		old.at, old.err, old.reason = r.notBefore, nil, r.reason
		m.retries[a] = old
		return
	case errors.Is(r.err, errNoMoreSpace):
		old.at = now.Add(spaceRecheck)
		m.retries[a] = old
		return
	}
	if !errors.Is(r.err, errPending) && !errors.Is(r.err, install.ErrTryLater) {
		old.failures++
		m.log.Warn("stage failed; it will be tried again", "sequence", a.sequence, "stage", string(a.stage), "failures", old.failures, "err", r.err)
		m.refused(a.sequence, a.stage, r.err)
	}
	wait := m.retryAfter << min(max(old.failures-1, 0), 6)
	switch a.stage {
	case stageManifest, stagePrepare, stageServe, stageFetch, stageRepair:
		wait = min(wait, time.Minute)
	}
	old.at, old.err, old.reason, old.free = now.Add(wait), r.err, "", r.free
	m.retries[a] = old
}

// recheckWaits has what waits for a moment, without having failed, look again.
func (m *machine) recheckWaits() {
	for a, r := range m.retries {
		switch {
		case r.reason == "" || r.err != nil:
		case r.failures == 0:
			delete(m.retries, a)
		default:
			r.at = time.Time{}
			m.retries[a] = r
		}
	}
}

// recheck holds the envelopes that are known against the keys in force.
func (m *machine) recheck() {
	for seq, s := range m.signed {
		if again, err := m.verifier.CheckSigned(s.Envelope()); err != nil {
			delete(m.signed, seq)
		} else {
			m.signed[seq] = again
		}
	}
}

// step decides on a view and names what there is to do. It returns after how long
// time alone may change the decision. A nil view is none.
func (m *machine) step(view *verify.View, now time.Time) (todo []action, wait time.Duration) {
	if view != nil {
		if m.view == nil || m.view.Block != view.Block {
			m.seenAt = now
		}
		m.view = view
	}
	for seq, rec := range m.records {
		if rec.State != control.StateInstalled {
			delete(m.since, seq)
		} else if m.since[seq].IsZero() {
			m.since[seq] = now
		}
	}
	wait = m.decide(now)
	todo, m.replies = m.replies, nil
	todo = append(append(todo, m.cancelStale()...), m.answer(now)...)
	for _, seq := range m.sequences() {
		if m.jobs[seq] != nil {
			continue // its end is an event
		}
		t, again := m.next(seq, now)
		if t != nil {
			todo = append(todo, m.begin(t))
		}
		wait = min(wait, again)
	}
	return todo, max(wait, 0)
}

// decide renews the choice by the view.
func (m *machine) decide(now time.Time) time.Duration {
	if m.view == nil {
		return idle
	}
	seconds := m.trustedTime(now)
	choice, unfit := choose(m.verifier, m.view, m.running(), seconds, m.signed)
	for seq, err := range unfit {
		m.refuse(seq, err)
	}
	if choice != m.choice {
		m.log.Info("decided", "sequence", choice.Sequence, "fetch", choice.Fetch, "install", choice.Install,
			"reason", choice.Reason, "rev", m.view.Rev)
	}
	m.choice = choice
	m.wanted = m.wants()
	gone := func(seq uint64) bool { _, ok := m.view.Candidate(seq); return !ok }
	maps.DeleteFunc(m.signed, func(seq uint64, _ *verify.Signed) bool { return gone(seq) })
	maps.DeleteFunc(m.refusals, func(seq uint64, _ error) bool { return gone(seq) })
	maps.DeleteFunc(m.retries, func(a attempt, _ retry) bool { return gone(a.sequence) && m.records[a.sequence].State == 0 })
	if choice.NextAt > seconds {
		return min(idle, time.Duration(choice.NextAt-seconds)*time.Second)
	}
	return idle
}

// choose decides, and passes over a release whose manifest says that it does not
// fit this device (hardware, precursor): an older one that fits, such as the
// precursor itself, may be on offer. unfit says why, by sequence.
func choose(v *verify.Verifier, view *verify.View, device verify.Device, now uint64, signed map[uint64]*verify.Signed) (choice verify.Choice, unfit map[uint64]error) {
	offered := *view
	for {
		choice := verify.Choose(&offered, device, now)
		err := fits(v, view, device, choice.Sequence, signed)
		if err == nil {
			return choice, unfit
		}
		if unfit == nil {
			unfit = map[uint64]error{}
		}
		unfit[choice.Sequence] = err
		offered.Candidates = slices.DeleteFunc(slices.Clone(offered.Candidates), func(c verify.Candidate) bool {
			return c.Sequence == choice.Sequence
		})
	}
}

// fits says why a release, whose manifest is known, cannot be installed on this
// camera whatever its rollout; nil if it can or the manifest is not known.
func fits(v *verify.Verifier, view *verify.View, device verify.Device, seq uint64, signed map[uint64]*verify.Signed) error {
	c, ok := view.Candidate(seq)
	s := signed[seq]
	if !ok || device.Seed || s == nil || s.Digest() != c.Envelope {
		return nil
	}
	approved, err := v.Approve(s, view, 0)
	if err != nil {
		return err
	}
	switch err := approved.CheckInstall(view, device); verify.AttackName(err) {
	case verify.AttackPrecursor, verify.AttackWrongSoftware, verify.AttackExpired:
		return err
	}
	return nil
}

// wants lists what this node should hold beyond what it runs: on a camera the
// chosen release; on a seed what some camera of the region may still need: the
// newest releases down to the first that is rolled out to all and replaces any
// other, and the barrier; and as many of the newest as it is told to keep.
func (m *machine) wants() []uint64 {
	if !m.device.Seed {
		if m.choice.Fetch {
			return []uint64{m.choice.Sequence}
		}
		return nil
	}
	var out []uint64
	complete, unsure := false, false
	for _, seq := range verify.Warmable(m.view) {
		if !complete || len(out) < m.keep || seq == m.view.Barrier || unsure && m.records[seq].whole() {
			out = append(out, seq)
		}
		if c, _ := m.view.Candidate(seq); !complete && c.Rollout.Mode == verify.RolloutAll {
			s := m.envelope(c.Release)
			unsure = s == nil // it may need a precursor that is held
			complete = unsure || s.Manifest().MinSequence == 0
		}
	}
	return out
}

// cancelStale ends the jobs whose work nobody needs any more. A job that uses the
// installer is never ended: half a slot is worse than an old one.
func (m *machine) cancelStale() (todo []action) {
	for _, seq := range slices.Sorted(maps.Keys(m.jobs)) {
		j, stale := m.jobs[seq], false
		switch j.stage {
		case stageManifest:
			c, ok := m.candidate(seq)
			stale = !m.isWanted(seq) || ok && m.envelope(c.Release) != nil // it has come by itself
		case stagePrepare, stageFetch, stageVerify:
			stale = !m.isWanted(seq)
		case stageRepair:
			stale = !m.offers(seq)
		case stageInstall:
			stale = j.waiting && !(m.choice.Install && m.choice.Sequence == seq)
		}
		if stale {
			todo = append(todo, m.end(j)...)
		}
	}
	return todo
}

func (m *machine) end(j *job) []action {
	if j.ending {
		return nil
	}
	j.ending = true
	return []action{{cancel: j.id}}
}

// answer deals with what others wait for, oldest first.
func (m *machine) answer(now time.Time) (todo []action) {
	m.requests = slices.DeleteFunc(m.requests, func(r *request) bool {
		actions, done := m.grant(r, now)
		todo = append(todo, actions...)
		return done
	})
	return todo
}

// grant answers a request or begins its job; it is not done while a job of the
// release stands in the way.
func (m *machine) grant(r *request, now time.Time) (todo []action, done bool) {
	answer := func(err error) ([]action, bool) {
		return []action{{answer: r, reply: reply{record: m.records[r.sequence], err: err}}}, true
	}
	rec, j := m.records[r.sequence], m.jobs[r.sequence]
	t := task{stage: r.stage, release: rec.Release, record: rec, signed: r.signed, request: r}
	switch r.stage {
	case stageReset:
		clear(m.retries)
		var started []uint64
		for seq, rec := range m.records {
			if rec.State == control.StateFailed {
				m.again[seq] = true
				started = append(started, seq)
			}
		}
		slices.Sort(started)
		return []action{{answer: r, reply: reply{started: started}}}, true

	case stageRemove:
		running, fallback := installed(m.records)
		switch {
		case j != nil || slices.ContainsFunc(m.requests, func(o *request) bool { return o.stage == stageProvide && o.sequence == r.sequence }):
			return answer(gc.ErrInUse)
		case running.State != 0 && running.Release.Sequence == r.sequence, fallback.State != 0 && fallback.Release.Sequence == r.sequence:
			return answer(gc.ErrProtected)
		case !rec.hasBytes():
			return answer(nil)
		}
		t.signed = m.served[r.sequence]
		return []action{m.begin(&t)}, true
	}

	switch { // stageProvide
	case rec.whole() && m.served[r.sequence] != nil && !m.damaged[r.sequence] && (j == nil || j.stage != stageRepair):
		return answer(nil) // reading the image again would gain nothing
	case j != nil && (j.stage == stageProvide || j.stage == stageRemove || j.stage == stageAdopt):
		return nil, false
	case j != nil:
		return m.end(j), false
	case m.view == nil:
		return answer(errors.New("the chain has not been seen yet; try again"))
	}
	approved, err := m.verifier.Approve(r.signed, m.view, m.trustedTime(now))
	if err != nil {
		return answer(err)
	}
	t.approved, t.release = approved, approved.Candidate().Release
	if m.mustAdopt(approved) {
		t.stage, t.request = stageAdopt, nil
		if adopt, _ := m.try(t, now); adopt != nil && !m.busyWith(stageAdopt) {
			return []action{m.begin(adopt)}, false
		}
		return nil, false
	}
	return []action{m.begin(&t)}, true
}

// begin makes a job of a task.
func (m *machine) begin(t *task) action {
	m.lastJob++
	t.id = m.lastJob
	m.jobs[t.release.Sequence] = &job{id: t.id, stage: t.stage, waiting: t.stage.usesInstaller()}
	return action{begin: t}
}

// try returns the task unless it failed too recently, and how long to wait.
func (m *machine) try(t task, now time.Time) (*task, time.Duration) {
	r := m.retries[attempt{t.release.Sequence, t.stage}]
	if wait := r.at.Sub(now); wait > 0 {
		return nil, wait
	}
	t.over = r.free
	return &t, idle
}

// next names the one thing to do next for a release that no job works on; nil:
// nothing now. The wait says when time alone may change that.
func (m *machine) next(seq uint64, now time.Time) (next *task, wait time.Duration) {
	rec := m.records[seq]
	t := task{release: rec.Release, record: rec, signed: m.served[seq]}
	wait = idle
	attempt := func(s stage) bool {
		t.stage = s
		n, again := m.try(t, now)
		next, wait = n, min(wait, again)
		return n != nil
	}

	if m.again[seq] {
		if rec.State == control.StateFailed {
			attempt(stageReset)
			return next, wait
		}
		delete(m.again, seq)
	}
	if rec.State == control.StateInstalled && !m.installerBusy() && attempt(stageConfirm) {
		next.overdue = m.overdue(seq, now)
		return next, wait
	}
	if m.damaged[seq] {
		switch {
		case rec.State == control.StateFetched || rec.State == control.StateVerified:
			if attempt(stageDemote) {
				delete(m.damaged, seq)
			}
			return next, wait
		case rec.State >= control.StateInstalled && m.served[seq] != nil && m.offers(seq):
			if m.view != nil && attempt(stageRepair) {
				delete(m.damaged, seq)
				return next, wait
			}
		default: // a fetch gets it
			delete(m.damaged, seq)
		}
	}
	if m.served[seq] != nil && !m.offers(seq) {
		if attempt(stageWithdraw) {
			m.log.Info("no longer offered by the chain: stop serving", "sequence", seq)
		}
		return next, wait
	}
	if m.served[seq] == nil && rec.hasBytes() && !rec.hopeless() && m.offers(seq) && !m.mute[seq] {
		t.signed = m.envelope(rec.Release)
		if attempt(stageServe) || rec.State < control.StateFetched {
			return next, wait
		}
	}
	if m.isWanted(seq) || seq == m.choice.Sequence && seq != 0 {
		n, again := m.advance(seq, now)
		return n, min(wait, again)
	}
	if m.surplus(seq) {
		attempt(stageForget)
	}
	return next, wait
}

// advance moves a release that the node wants, or would want if the policy let
// it, by one stage.
func (m *machine) advance(seq uint64, now time.Time) (*task, time.Duration) {
	rec := m.records[seq]
	candidate, ok := m.candidate(seq)
	if !ok || rec.State == control.StateConfirmed || rec.State == control.StateFailed && rec.Attempts >= m.attempts {
		return nil, idle
	}
	t := task{release: candidate.Release, record: rec}
	attempt := func(s stage) (*task, time.Duration) {
		if s == stagePrepare && m.slots && m.installReason() != "" {
			return nil, idle // no slot is free: what ran before may be needed again
		}
		t.stage = s
		return m.try(t, now)
	}

	// The manifest: from an announcement, or by its CID, which the chain gave.
	if t.signed = m.envelope(candidate.Release); t.signed == nil {
		if !m.isWanted(seq) {
			return nil, idle
		}
		return attempt(stageManifest)
	}
	approved, err := m.verifier.Approve(t.signed, m.view, m.trustedTime(now))
	if err != nil {
		m.refuse(seq, err)
		return nil, idle
	}
	t.approved = approved
	if m.mustAdopt(approved) {
		if m.busyWith(stageAdopt) {
			return nil, idle
		}
		return attempt(stageAdopt)
	}
	if !m.isWanted(seq) {
		return nil, idle
	}
	if !m.device.Seed {
		if err := approved.CheckInstall(m.view, m.running()); err != nil {
			m.refuse(seq, err)
			return nil, idle
		}
	}
	delete(m.refusals, seq)

	switch rec.State {
	case 0, control.StateKnown, control.StateRetired:
		return attempt(stagePrepare)
	case control.StateFetching:
		if m.served[seq] != nil {
			return attempt(stageFetch)
		}
	case control.StateFetched:
		return attempt(stageVerify)
	case control.StateVerified, control.StateFailed:
		switch {
		case rec.Gone:
			return attempt(stagePrepare)
		case m.choice.Install && seq == m.choice.Sequence && m.installReason() == "":
			return attempt(stageInstall)
		}
	}
	return nil, idle
}

// Why an install waits although the rollout allows it.
const (
	reasonInstall = "another install runs"
	reasonConfirm = "the installed release is not confirmed yet"
	reasonSpread  = "waiting for this device's moment to ask the chain (install.confirm_spread)"
	reasonWindow  = "outside the maintenance window (install.window)"
	reasonClock   = "the time is not known yet, and install.window is set"
	reasonInhibit = "inhibited (install.inhibit_file)"
	reasonBusy    = "inhibited by a program that streams"
	reasonConsent = "waiting for the owner's consent (install.consent)"
	reasonLater   = "the owner wants it later"
	reasonNever   = "the owner does not want this release"
)

// installReason says why no install of this product may begin now; "" if one may.
func (m *machine) installReason() string {
	if m.installerBusy() {
		return reasonInstall
	}
	for _, rec := range m.records {
		if rec.State == control.StateInstalled {
			return reasonConfirm
		}
	}
	return ""
}

// overdue reports whether an installed release is rolled back if the installer
// does not confirm it now: it had its time, and either the chain no longer offers
// it, or a newer one is here and would be installed if this one were not; with slots,
// one that could only then be fetched.
func (m *machine) overdue(seq uint64, now time.Time) bool {
	if m.view == nil || m.unconfirmed(seq, now) < m.confirmIn {
		return false
	}
	if !m.offers(seq) {
		return true
	}
	before := m.device // as it is after the roll-back
	_, fallback := installed(m.records)
	before.Installed = max(before.Installed, fallback.Release.Sequence)
	choice, _ := choose(m.verifier, m.view, before, m.trustedTime(now), m.signed)
	newer := m.records[choice.Sequence]
	return choice.Install && choice.Sequence > seq &&
		(newer.State == control.StateVerified || m.slots && newer.State < control.StateVerified && m.signed[choice.Sequence] != nil || newer.State == control.StateFailed && newer.Attempts < m.attempts && !newer.Gone)
}

// unconfirmed is for how long an installed release has waited for its
// confirmation. The device's clock plays no part, since it may stand at 1970 and
// leap: it is what passed in the chain's time since the install, restarts
// included, and at least how long this run has seen the release so.
func (m *machine) unconfirmed(seq uint64, now time.Time) time.Duration {
	d := now.Sub(m.since[seq])
	if at, chain := m.records[seq].Installed, m.chainTime(now); at > 0 && chain > at {
		d = max(d, time.Duration(min(chain-at, maxUnconfirmed))*time.Second)
	}
	return d
}

// trouble says why the choice's install waits although the rollout allows it, and
// what its last failure was.
func (m *machine) trouble() (reason string, last retry) {
	seq := m.choice.Sequence
	rec := m.records[seq]
	last.err = m.refusals[seq]
	for a, r := range m.retries {
		if a.sequence == seq && r.err != nil && r.at.After(last.at) {
			last = r
		}
	}
	if !m.choice.Install || rec.State != control.StateVerified && rec.State != control.StateFailed || rec.Attempts >= m.attempts {
		return "", last
	}
	if j := m.jobs[seq]; j != nil && j.stage == stageInstall {
		if j.queued {
			reason = reasonInstall
		}
		return reason, last
	}
	if reason = m.installReason(); reason == "" {
		if r := m.retries[attempt{seq, stageInstall}]; r.reason != "" {
			return r.reason, r
		}
	}
	return reason, last
}

// installerBusy reports whether a job uses the installer or waits for its turn.
func (m *machine) installerBusy() bool {
	for _, j := range m.jobs {
		if j.stage.usesInstaller() {
			return true
		}
	}
	return false
}

func (m *machine) busyWith(s stage) bool {
	for _, j := range m.jobs {
		if j.stage == s {
			return true
		}
	}
	return false
}

// mustAdopt reports whether a release brings rotations that are not kept yet:
// they are kept before anything else is done for it.
func (m *machine) mustAdopt(a *verify.Approved) bool {
	return len(a.Rotations()) > 0 && !m.adopted.Equal(a.Keys())
}

// refuse notes that a release was turned down, and says so once.
func (m *machine) refuse(seq uint64, err error) {
	if before := m.refusals[seq]; before != nil && before.Error() == err.Error() {
		return
	}
	m.refusals[seq] = err
	m.log.Warn("refused", "sequence", seq, "stage", string(stageManifest), "attack", verify.AttackName(err), "err", err)
	m.refused(seq, stageManifest, err)
}

// sequences lists every release that there may be something to do for, newest
// first.
func (m *machine) sequences() []uint64 {
	set := map[uint64]bool{}
	for seq := range m.records {
		set[seq] = true
	}
	for seq := range m.served {
		set[seq] = true
	}
	for _, seq := range m.wanted {
		set[seq] = true
	}
	if m.choice.Sequence != 0 {
		set[m.choice.Sequence] = true
	}
	all := slices.Sorted(maps.Keys(set))
	slices.Reverse(all)
	return all
}

// candidate is the chain's record of a release in the view in force.
func (m *machine) candidate(seq uint64) (verify.Candidate, bool) {
	if m.view == nil {
		return verify.Candidate{}, false
	}
	return m.view.Candidate(seq)
}

// envelope returns the envelope that the chain's record names, if it is known.
func (m *machine) envelope(rel verify.Release) *verify.Signed {
	if s := m.signed[rel.Sequence]; s != nil && s.Digest() == rel.Envelope {
		return s
	}
	return nil
}

// offers reports whether the chain offers what was recorded of a release. Before
// the chain has spoken, what was approved in a former run counts as offered: a
// node whose endpoints are down keeps serving.
func (m *machine) offers(seq uint64) bool {
	if m.view == nil {
		return true
	}
	c, ok := m.view.Candidate(seq)
	return ok && c.Envelope == m.records[seq].Release.Envelope
}

func (m *machine) isWanted(seq uint64) bool { return slices.Contains(m.wanted, seq) }

// keeps reports whether a release's bytes are held on to: it is wanted, or the
// last decision named it without allowing the fetch to go on (halted, waiting), in
// which case what has arrived is not thrown away; nor is anything that is offered
// while the registry is paused, nor on a seed what is halted: a stop that ends must
// not find every copy gone. Nothing is before the chain has spoken.
func (m *machine) keeps(seq uint64) bool {
	if m.view == nil {
		return true
	}
	c, offered := m.view.Candidate(seq)
	return offered && (seq == m.choice.Sequence || m.isWanted(seq) || m.view.Paused || m.device.Seed && c.Rollout.Halted)
}

// surplus reports whether a record without bytes is one of those that are
// forgotten, so that the catalog of a device that lives for years stays small.
func (m *machine) surplus(seq uint64) bool {
	rec := m.records[seq]
	running, _ := installed(m.records)
	switch {
	case rec.State == 0 || rec.hasBytes():
		return false
	case rec.State == control.StateFailed: // remembered so that it is not installed all over again
		return seq < running.Release.Sequence
	}
	newer := 0
	for other, r := range m.records {
		if other > seq && !r.hasBytes() && r.State != control.StateFailed {
			newer++
		}
	}
	return newer >= maxRetiredRecords
}

// running is the device with what it runs.
func (m *machine) running() verify.Device {
	d := m.device
	running, _ := installed(m.records)
	d.Installed = max(d.Installed, running.Release.Sequence)
	return d
}

// trustedTime is the time that decisions are made at, in seconds since 1970: the
// chain's, carried forward by the monotonic clock since it was seen, unless the
// device's own clock is sane and ahead of it (see verify.Now).
func (m *machine) trustedTime(now time.Time) uint64 {
	return trustedTime(m.view, m.seenAt, now)
}

func trustedTime(view *verify.View, seenAt, now time.Time) uint64 {
	return verify.Now(uint64(max(now.Unix(), 0)), chainTime(view, seenAt, now))
}

// chainTime is the chain's time, carried forward by the monotonic clock since it
// was seen.
func (m *machine) chainTime(now time.Time) uint64 { return chainTime(m.view, m.seenAt, now) }

func chainTime(view *verify.View, seenAt, now time.Time) uint64 {
	return view.Time + uint64(max(now.Sub(seenAt), 0)/time.Second)
}

// after says what a job has made of a release's record, and whether that is
// something else than before.
func (p policy) after(t task, r result) (rec record, changed bool) {
	rec = t.record
	rec.Release = t.release
	to := func(s control.State) { rec.State, rec.LastError, rec.Gone = s, "", false }
	var bad *imageError
	switch {
	case r.cancelled || !r.notBefore.IsZero():
		return t.record, false
	case errors.As(r.err, &bad):
		if verify.AttackName(bad) != verify.AttackImageSHA {
			to(control.StateFetching)
			if r.called { // bytes that change under every install must not wear the slot for ever
				rec.Attempts++
				rec.LastError = r.err.Error()
			}
			if rec.Attempts >= p.attempts {
				rec.State, rec.FailedWith = control.StateFailed, p.section
			}
			break
		}
		// Its blocks are right and its digest is wrong: it can never become right.
		rec.State, rec.Attempts, rec.LastError, rec.FailedWith = control.StateFailed, p.attempts, r.err.Error(), ""
	case t.stage == stageInstall && r.called && r.err != nil:
		if errors.Is(r.err, install.ErrTryLater) || errors.Is(r.err, install.ErrNotStarted) {
			return t.record, false
		}
		rec.State, rec.LastError, rec.FailedWith = control.StateFailed, r.err.Error(), p.section
		rec.Attempts++
	case t.stage == stageServe && errors.Is(r.err, errEnvelope) && rec.State < control.StateInstalled:
		to(control.StateKnown)
	case r.err != nil:
		return t.record, false
	case t.stage == stageServe && r.missing && (rec.State == control.StateFetched || rec.State == control.StateVerified):
		to(control.StateFetching)
	case t.stage == stageProvide && rec.whole() && rec.State != control.StateVerified: // what runs was mended
		return t.record, false
	case t.stage == stagePrepare, t.stage == stageDemote:
		to(control.StateFetching)
	case t.stage == stageFetch, t.stage == stageProvide:
		to(control.StateFetched)
	case t.stage == stageVerify:
		to(control.StateVerified)
	case t.stage == stageInstall && r.called:
		to(control.StateInstalled)
		rec.Installed = r.at
	case t.stage == stageConfirm && r.outcome == install.Confirmed:
		to(control.StateConfirmed)
	case t.stage == stageConfirm && r.outcome == install.Failed:
		rec.State, rec.Attempts, rec.FailedWith = control.StateFailed, p.attempts, p.section
		rec.LastError = "did not come up after the install; rolled back"
		if r.overdue {
			rec.LastError = "was not confirmed in time after the install (install.confirm_within); rolled back"
		}
	case t.stage == stageReset:
		rec = startOver(rec)
	case t.stage == stageRemove && rec.State == control.StateFailed:
		rec.Gone = true // it stays failed, so that it is not fetched and installed all over again
	case t.stage == stageRemove:
		to(control.StateRetired)
	default:
		return t.record, false
	}
	return rec, true
}
