package announce

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	mrand "math/rand/v2"
	"time"

	"camswarm/verify"
)

// Risen says that a view may show a higher revision than before. The neighbours
// are then told by a bare hint, so that a pause, a revocation or a raised floor
// reaches everybody whoever sent the transaction: at once if Config.TellWithin is
// 0, and otherwise at a random moment within it, unless somebody said so before.
// It never blocks; calls that bring nothing new cost nothing.
func (g *Gossip) Risen() {
	select {
	case g.rises <- struct{}{}:
	default:
	}
}

// tellRises publishes a hint of each revision that a view rose to, until ctx ends.
func (g *Gossip) tellRises(ctx context.Context) {
	var due <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.rises:
		case <-due:
		}
		due = nil
		now, next := time.Now(), time.Time{}
		for _, s := range g.subjects() {
			view, ok := s.Chain.Current()
			if !ok {
				continue
			}
			tell, at := s.toTell(&view, now, g.cfg.TellWithin)
			if tell {
				g.metrics.told.Inc()
				g.log.Debug("neighbours are told of a revision", "product", s.Product.String(), "rev", view.Rev)
				g.forward(ctx, s, hintOf(s.id, view.Rev, view.RevBlock), true)
				s.hinted(view.Rev, now)
			}
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if !next.IsZero() {
			due = time.After(next.Sub(now))
		}
	}
}

// toTell reports whether neighbours are to be told of a view's revision now, or
// else when to ask again; zero: there is nothing to tell.
func (s *subject) toTell(view *verify.View, now time.Time, within time.Duration) (tell bool, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countIn(view)
	rev := view.Rev
	switch {
	case view.Witnessed:
		return false, time.Time{} // whoever asks the chain is not sent there on the word of others
	case rev <= s.told:
		s.told, s.tellAt, s.rev = rev, time.Time{}, min(s.rev, rev) // lower: what it showed before was refuted
		return false, time.Time{}
	case within > 0 && s.rev >= rev: // it was heard, and so passed on
		s.told, s.tellAt = rev, time.Time{}
		return false, time.Time{}
	case within > 0 && s.tellAt.IsZero():
		s.tellAt = now.Add(mrand.N(within))
	}
	if now.Before(s.tellAt) {
		return false, s.tellAt
	}
	s.told, s.tellAt, s.rev = rev, time.Time{}, rev
	return true, time.Time{}
}

// hinted notes that all neighbours were sent a hint of a revision.
func (s *subject) hinted(rev uint64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hintRev, s.hintAt = rev, now
}

// lead returns whether all neighbours were sent a hint of a revision, and how long its
// envelope has to wait for one to leave.
func (s *subject) lead(rev uint64, now time.Time) (wait time.Duration, hinted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hintRev != rev {
		return hintLead, false
	}
	return max(0, hintLead-now.Sub(s.hintAt)), true
}

// hintOf encodes a bare hint of a revision. Its sequence is a random number, so
// that nobody can say it first: pubsub drops for two minutes whatever it has seen,
// and a hint that was sent before its time is held and not forwarded.
func hintOf(product verify.ProductID, rev, block uint64) []byte {
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails
	b, err := (&Announcement{Product: product, Sequence: binary.BigEndian.Uint64(nonce[:]), Rev: max(rev, 1), Block: block}).Encode()
	return must(b, err) // no field can be out of range
}
