package node

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"camswarm/verify"
)

// signal wakes one goroutine. Wakes that it has not taken yet are one.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// A mailbox holds what happened until its owner takes it. Everything may be put
// in at any moment from any goroutine, whatever that one holds or waits for: the
// lock guards a few assignments and nobody's code runs under it. What may come
// often is kept once: an envelope by its sequence, damage by its image, a hint as
// the wake alone. The rest is bounded by those who send it: a job ends once, and
// a release has one job.
type mailbox struct {
	wake signal

	mu   sync.Mutex
	mail mail
}

// mail is what came since the owner looked last.
type mail struct {
	envelopes map[uint64]*verify.Signed
	damaged   map[cid.Cid]struct{}
	turns     []turnNews
	ends      []end
	requests  []*request
	abandoned []*request
	barriers  []chan struct{}
	rechecks  bool // what waits for a moment may begin now
}

// turnNews says that a job queues for the node's install turn, or has it.
type turnNews struct {
	sequence, job uint64
	taken         bool
}

// end is the end of a job.
type end struct {
	task   task
	result result
}

// errBusy refuses a request while too many others wait.
var errBusy = errors.New("too many requests wait for this product; try again")

func newMailbox() *mailbox { return &mailbox{wake: newSignal()} }

// hint says that there may be news elsewhere.
func (b *mailbox) hint() { b.wake.set() }

// envelope brings an envelope whose signatures are good.
func (b *mailbox) envelope(s *verify.Signed) {
	defer b.wake.set()
	seq := s.Manifest().Sequence
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mail.envelopes == nil {
		b.mail.envelopes = map[uint64]*verify.Signed{}
	}
	if _, known := b.mail.envelopes[seq]; known || len(b.mail.envelopes) < maxEnvelopes { // whoever wants one more asks for it
		b.mail.envelopes[seq] = s
	}
}

// damage says that blocks of an image went bad on disk.
func (b *mailbox) damage(root cid.Cid) {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mail.damaged == nil {
		b.mail.damaged = map[cid.Cid]struct{}{}
	}
	b.mail.damaged[root] = struct{}{}
}

// turn brings what a job says of the node's install turn.
func (b *mailbox) turn(t turnNews) {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.turns = append(b.mail.turns, t)
}

// end brings the end of a job.
func (b *mailbox) end(e end) {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.ends = append(b.mail.ends, e)
}

// request asks for something; the answer comes on r.reply.
func (b *mailbox) request(r *request) error {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mail.requests) >= maxRequests {
		return errBusy
	}
	b.mail.requests = append(b.mail.requests, r)
	return nil
}

// abandon gives a request up that has not begun; one that has ends by itself.
func (b *mailbox) abandon(r *request) {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.abandoned = append(b.mail.abandoned, r)
}

// recheck says that what an install waited for may have come: consent, or the end of
// what held it up.
func (b *mailbox) recheck() {
	defer b.wake.set()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.rechecks = true
}

// barrier returns a channel that is closed once the owner has dealt with all that
// was put in before.
func (b *mailbox) barrier() <-chan struct{} {
	defer b.wake.set()
	done := make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail.barriers = append(b.mail.barriers, done)
	return done
}

// take empties the box.
func (b *mailbox) take() mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.mail
	b.mail = mail{}
	return out
}

// tell makes the mail known to a machine.
func (m *mail) tell(to *machine, now time.Time) {
	for _, seq := range slices.Sorted(maps.Keys(m.envelopes)) {
		to.addEnvelope(m.envelopes[seq])
	}
	for _, t := range m.turns {
		to.turn(t)
	}
	for _, e := range m.ends {
		to.ended(e.task, e.result, now)
	}
	if m.rechecks {
		to.recheckWaits()
	}
	for root := range m.damaged { // after the ends: one of them may have handed the file over
		to.damage(root)
	}
	for _, r := range m.requests {
		to.request(r)
	}
	for _, r := range m.abandoned {
		to.abandon(r)
	}
}
