package announce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

// Chain is the quorum view of the registry for one product, as
// chainwatch.Watcher gives it. Both methods are called concurrently.
type Chain interface {
	// Current returns the last accepted view, and whether there is one, from
	// memory.
	Current() (verify.View, bool)
	// View returns a view whose Rev is at least minRev: at once when the
	// current one is, else after a look at the chain that all who wait share.
	// It fails softly when the chain does not get there before ctx ends.
	View(ctx context.Context, minRev uint64) (verify.View, error)
	// ViewProven is View for what strangers cannot make up: its looks do not wait
	// behind those of View.
	ViewProven(ctx context.Context, minRev uint64) (verify.View, error)
	// ViewOwn is ViewProven for a view to which witnesses add nothing.
	ViewOwn(ctx context.Context, minRev uint64) (verify.View, error)
}

// Subject is one product that a Gossip follows.
type Subject struct {
	Product  verify.Product
	Verifier *verify.Verifier
	Chain    Chain

	// Region is the node's, of which it wants to hear from Witnesses. Witnesses nil:
	// the product has none.
	Region    verify.Region
	Witnesses Witnesses

	// Latest returns what to answer a peer that asks for the latest
	// announcement; nil: nothing yet. It is called from many goroutines and
	// must answer from memory; the result is not changed. A nil func answers
	// nothing.
	Latest func() *Announcement

	// Accepted is told of every announcement that passed, the node's own
	// excepted, before it is forwarded. It is called from many goroutines and
	// must return at once; the same release may come again with a higher rev
	// or after [Gossip.Ask].
	Accepted func(Accepted)

	// Moved is told of every release with good signatures whose moves this device
	// has still to make ([verify.Verifier.Route]). Its announcement is held
	// meanwhile. It is called from many goroutines and must return at once. A nil
	// func ignores them.
	Moved func(*verify.Signed)
}

// Accepted is an announcement that passed every check.
type Accepted struct {
	Announcement
	Approved *verify.Approved // nil for a bare hint
	View     verify.View      // the view it was judged by
	From     peer.ID          // the peer that sent it first
}

// subject is a Subject and what is remembered about its announcements.
type subject struct {
	Subject
	id    verify.ProductID
	topic string

	mu         sync.Mutex
	handle     *pubsub.Topic // nil until Run joined the topic
	statements *pubsub.Topic // likewise, of the witnesses; nil: there are none
	seen       *simplelru.LRU[[32]byte, decision]
	signed     *simplelru.LRU[[32]byte, *verify.Signed] // by envelope digest
	unsigned   *simplelru.LRU[[32]byte, error]
	looked     *simplelru.LRU[[32]byte, struct{}] // envelopes that had their look
	accepted   *simplelru.LRU[[32]byte, struct{}] // envelopes that passed
	rev        uint64                             // highest rev that passed
	registry   verify.RegistryRef                 // that rev is of
	releases   bucket                             // looks for envelopes never seen before
	hints      bucket                             // looks for claims that prove nothing

	told   uint64    // rev of the view that neighbours need not be told any more
	tellAt time.Time // when they are told of a higher one; zero: there is none

	hintRev uint64    // rev of which all neighbours were sent a hint
	hintAt  time.Time // when that was

	held    []*held
	pause   time.Duration // before the next look for what is held
	retryAt time.Time
	looking bool // a retry is in flight
}

// held is an announcement that is ahead of the chain's view.
type held struct {
	announcement *Announcement
	raw          []byte
	key          [32]byte // SHA-256 of raw
	digest       [32]byte // of the envelope; zero for a bare hint
	signed       *verify.Signed
	from         peer.ID
	before       uint64 // rev of the view when it came
	until        time.Time
}

func newSubject(s Subject) (*subject, error) {
	switch {
	case s.Verifier == nil || s.Chain == nil || s.Accepted == nil:
		return nil, errors.New("announce: Subject needs a Verifier, a Chain and Accepted")
	case s.Verifier.Product != s.Product:
		return nil, fmt.Errorf("announce: Subject follows %s with a Verifier for %s", s.Product, s.Verifier.Product)
	}
	if s.Latest == nil {
		s.Latest = func() *Announcement { return nil }
	}
	if s.Moved == nil {
		s.Moved = func(*verify.Signed) {}
	}
	id := s.Product.ID()
	return &subject{
		Subject:  s,
		id:       id,
		topic:    Topic(id),
		seen:     newLRU[[32]byte, decision](maxSeen),
		signed:   newLRU[[32]byte, *verify.Signed](maxEnvelopes),
		unsigned: newLRU[[32]byte, error](16 * maxEnvelopes),
		looked:   newLRU[[32]byte, struct{}](16 * maxEnvelopes),
		accepted: newLRU[[32]byte, struct{}](maxEnvelopes),
	}, nil
}

// joined returns the topic's handle, nil before Run.
func (s *subject) joined() *pubsub.Topic {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handle
}

// recall returns what was decided about the same bytes before.
func (s *subject) recall(key [32]byte) (decision, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Get(key)
}

// remember keeps the decisions that stay right, and what is held. What was
// ignored may become right later and is cheap to judge again.
func (s *subject) remember(key [32]byte, d decision) {
	if d == ignore {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Add(key, d)
}

// stale says why an announcement has nothing new to tell a node with this
// view, or nil. It asks nobody.
func (s *subject) stale(a *Announcement, digest [32]byte, view *verify.View) error {
	s.mu.Lock()
	s.countIn(view)
	news := a.Rev > min(s.rev, view.Rev) && a.Rev >= view.Rev
	known := s.accepted.Contains(digest)
	s.mu.Unlock()
	switch _, offered := view.Candidate(a.Sequence); {
	case a.Bare() && !news:
		return fmt.Errorf("hint of rev %d, the view is at rev %d", a.Rev, view.Rev)
	case a.Bare():
		return nil
	case known && !news:
		return fmt.Errorf("release %d at rev %d was accepted before", a.Sequence, a.Rev)
	case a.Rev < view.Rev && !view.Witnessed && a.Sequence <= view.Latest && !offered && !verify.CarriesMoves(a.Envelope): // another registry counts anew
		return fmt.Errorf("release %d is no longer offered at rev %d, the newest is %d", a.Sequence, view.Rev, view.Latest)
	}
	return nil
}

// countIn begins the count of revs anew with the view of another registry. The
// caller holds the lock.
func (s *subject) countIn(view *verify.View) {
	if view.Registry != s.registry && view.Registry != (verify.RegistryRef{}) {
		s.registry, s.rev, s.told, s.tellAt, s.hintRev = view.Registry, 0, 0, time.Time{}, 0
	}
}

// elsewhere reports whether a release waits until this device has followed its
// manufacturer to another registry, and has a view of it.
func (s *subject) elsewhere(signed *verify.Signed, view *verify.View) bool {
	return signed != nil && (len(s.Verifier.Route(signed)) > 0 ||
		view.Registry != (verify.RegistryRef{}) && view.Registry != signed.Manifest().Registry)
}

// agrees reports whether a view is one to judge a signed release by: what witnesses
// add may confirm one, and refuses none.
func (s *subject) agrees(signed *verify.Signed, view *verify.View) bool {
	if signed == nil || !view.Witnessed {
		return true
	}
	_, err := s.Verifier.Approve(signed, view, 0)
	return err == nil
}

// checkSigned is Verifier.CheckSigned, once per envelope.
func (s *subject) checkSigned(envelope []byte, digest [32]byte) (*verify.Signed, error) {
	s.mu.Lock()
	signed, ok := s.signed.Get(digest)
	err, bad := s.unsigned.Get(digest)
	s.mu.Unlock()
	if ok || bad {
		return signed, err
	}
	signed, err = s.Verifier.CheckSigned(envelope)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.unsigned.Add(digest, err)
		return nil, err
	}
	s.signed.Add(digest, signed)
	return signed, nil
}

// firstLook grants an envelope that the manufacturer signed its one look.
func (s *subject) firstLook(digest [32]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked.Contains(digest) || !s.releases.take(now, 1, releaseLooks, releaseEvery) {
		return false
	}
	s.looked.Add(digest, struct{}{})
	return true
}

// admit records an announcement that passed and reports whether it was news:
// an envelope that had not passed, or a rev above all that had. Without the
// second condition anyone could have one true rev accepted again and again;
// with it each rev of the chain is forwarded once. A view that went back (what it
// showed before was a lie, and is refuted) takes back what passed by it.
func (s *subject) admit(a *Announcement, digest [32]byte, before uint64, view *verify.View) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countIn(view)
	s.rev = min(s.rev, view.Rev)
	news := a.Rev > s.rev && (a.Rev > before || a.Rev == view.Rev)
	if !a.Bare() && !s.accepted.Contains(digest) {
		s.accepted.Add(digest, struct{}{})
		news = true
	}
	s.rev = max(s.rev, a.Rev)
	return news
}

// hold keeps an announcement until the chain gets there and reports whether it
// was kept. There is one place for bare hints and MaxHeld for envelopes. Two
// claims about the same thing compete by the smaller rev: it is the one that
// the chain reaches first, and a claim pushed far ahead never displaces it.
// Among envelopes the highest sequence wins: those are what the manufacturer
// signed last.
func (s *subject) hold(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.held, func(o *held) bool { return o.digest == h.digest }); i >= 0 {
		if s.held[i].announcement.Rev <= h.announcement.Rev {
			return false
		}
		s.release(i)
	} else if h.signed != nil {
		lowest, envelopes := -1, 0
		for i, o := range s.held {
			if o.signed == nil {
				continue
			}
			envelopes++
			if lowest < 0 || o.announcement.Sequence < s.held[lowest].announcement.Sequence {
				lowest = i
			}
		}
		if envelopes >= MaxHeld {
			if s.held[lowest].announcement.Sequence >= h.announcement.Sequence {
				return false
			}
			s.release(lowest)
		}
	}
	if len(s.held) == 0 {
		s.pause = firstRetry
		s.retryAt = time.Now().Add(s.pause)
	}
	s.held = append(s.held, h)
	s.seen.Add(h.key, hold)
	return true
}

// release drops the i-th held announcement; the caller holds the lock.
func (s *subject) release(i int) *held {
	h := s.held[i]
	s.held = slices.Delete(s.held, i, i+1)
	s.seen.Remove(h.key)
	return h
}

// waiting returns how many announcements are held.
func (s *subject) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// due takes out what can be judged at the current rev and what waited too
// long. retry is the rev to look for now, 0: not now. The pauses between these
// looks bound them; they have no part in the budget of hints, or one liar whose
// claim is held would use up what the honest need.
//
// A look for a release that is signed and newer than all that the view knows is
// proven.
func (s *subject) due(now time.Time, view *verify.View) (ready, expired []*held, retry uint64, proven bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i < len(s.held); {
		h := s.held[i]
		elsewhere := s.elsewhere(h.signed, view)
		switch {
		case h.announcement.Rev <= view.Rev && !elsewhere && s.agrees(h.signed, view):
			ready = append(ready, s.release(i))
		case now.After(h.until):
			expired = append(expired, s.release(i))
		case elsewhere:
			i++ // no look at the old registry tells anything of it
		default:
			if retry == 0 || h.announcement.Rev < retry {
				retry = h.announcement.Rev
			}
			proven = proven || h.signed != nil && h.announcement.Sequence > view.Latest
			i++
		}
	}
	if retry == 0 || s.looking || now.Before(s.retryAt) {
		return ready, expired, 0, false
	}
	s.looking = true
	return ready, expired, retry, proven
}

// retried notes the end of a look for what is held.
func (s *subject) retried(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking = false
	s.pause = min(2*s.pause, lastRetry)
	s.retryAt = now.Add(s.pause)
}
