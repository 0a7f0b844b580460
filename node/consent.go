package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/node/strictjson"
)

// Values of install.consent.
const (
	consentNone = "none"
	consentAsk  = "ask"
)

// consent is the owner's word on one product's release. It stands before everything
// else that an install waits for, and takes the place of nothing: whenever it was
// given, the chain is looked at after it.
type consent struct {
	store metastore.Value
	log   *slog.Logger

	giving turn // one answer after the other
	last   atomic.Pointer[answer]
	asked  atomic.Uint64 // the sequence that the owner was told of in this run
}

// answer is what the owner said last.
type answer struct {
	Sequence uint64         `json:"sequence"`
	Answer   control.Answer `json:"answer"`
	Until    uint64         `json:"until,omitempty"` // of later: in the seconds since 1970 that decisions are made by
}

func decodeAnswer(data []byte) (a answer, err error) {
	if err := strictjson.Decode(bytes.NewReader(data), &a); err != nil {
		return answer{}, err
	}
	if err := a.Answer.Validate(); err != nil {
		return answer{}, err
	}
	if a.Sequence == 0 || a.Sequence > maxSequence {
		return answer{}, fmt.Errorf("sequence %d", a.Sequence)
	}
	return a, nil
}

// openConsent reads the last answer. One that is unreadable was never given.
func openConsent(ctx context.Context, store metastore.Value, log *slog.Logger) (*consent, error) {
	c := &consent{store: store, giving: newTurn(), log: log}
	c.last.Store(&answer{})
	data, err := store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the owner's consent: %w", err)
	}
	if data != nil {
		last, err := decodeAnswer(data)
		if err != nil {
			log.Warn("the owner's last answer is unreadable and asked for again", "err", err)
		}
		c.last.Store(&last)
	}
	return c, nil
}

// of returns where a release stands with the owner at that time.
func (c *consent) of(seq, now uint64) control.ConsentStatus {
	last := c.last.Load()
	if last.Sequence != seq || last.Answer == control.AnswerLater && now >= last.Until {
		return control.ConsentStatus{State: consentWanted}
	}
	s := control.ConsentStatus{State: string(last.Answer)}
	if last.Answer == control.AnswerLater {
		s.Until = time.Unix(int64(min(last.Until, 1<<40)), 0).UTC()
	}
	return s
}

// ask is of for an install that is due: news says that the owner is to be told.
func (c *consent) ask(seq, now uint64) (s control.ConsentStatus, news bool) {
	if s = c.of(seq, now); s.State != consentWanted {
		c.asked.Store(0)
		return s, false
	}
	return s, c.asked.Swap(seq) != seq
}

const consentWanted = "wanted"

// give takes an answer, and keeps it before it counts.
func (c *consent) give(ctx context.Context, a answer) error {
	c.giving <- struct{}{}
	defer c.giving.give()
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := c.store.Save(ctx, data); err != nil {
		return fmt.Errorf("keep the owner's answer: %w", err)
	}
	c.last.Store(&a)
	return nil
}

// Consent takes the owner's answer to the release that the node would install next.
func (n *Node) Consent(ctx context.Context, c control.Consent) (control.ConsentStatus, error) {
	f := n.follower(c.Product)
	switch {
	case f == nil:
		return control.ConsentStatus{}, fmt.Errorf("%w: %s; see its [[product]] sections", control.ErrUnknownProduct, c.Product)
	case f.consent == nil:
		return control.ConsentStatus{}, fmt.Errorf("%w: install.consent is not \"ask\"", control.ErrConsent)
	}
	now := f.published.Load()
	if now.view == nil || now.choice.Sequence != c.Sequence || now.running.Release.Sequence == c.Sequence {
		return control.ConsentStatus{}, fmt.Errorf("%w: release %d is not the one that would be installed next, see the status' target", control.ErrConsent, c.Sequence)
	}
	at := f.trustedTime(now.view)
	a := answer{Sequence: c.Sequence, Answer: c.Answer}
	if c.Answer == control.AnswerLater {
		a.Until = at + uint64(c.Seconds)
	}
	if err := f.consent.give(ctx, a); err != nil {
		return control.ConsentStatus{}, err
	}
	f.log.Info("the owner answered", "sequence", c.Sequence, "answer", string(c.Answer), "seconds", c.Seconds)
	f.mail.recheck()
	return f.consent.of(c.Sequence, at), nil
}
