package announce

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

// The attacks that only this package names, beside those of verify; the names
// are those of the project's threat list.
const (
	attackReplay = "gossip_replay" // seen before, or nothing new
	attackFlood  = "gossip_flood"  // over a budget
)

// errOverBudget is for pubsub, which drops the message.
var errOverBudget = errors.New("peer is over its budget")

// decision is the outcome of judging an announcement.
type decision uint8

const (
	accept decision = iota // hand it over and forward it
	ignore                 // drop it, penalise nobody
	reject                 // drop it, penalise the sender
	hold                   // keep it until the chain gets there, penalise nobody
)

func (d decision) String() string {
	return [...]string{"accept", "ignore", "reject", "hold"}[d]
}

// source is the way an announcement came.
type source string

const (
	viaGossip source = "gossip" // the topic
	viaLatest source = "latest" // a peer's answer on connect
	viaAsk    source = "ask"    // a peer's answer to Ask: news or not, it is wanted
	viaHeld   source = "held"   // held before
	viaSelf   source = "self"   // Publish
)

// vouched marks a message that Publish or a second judgement let through. It
// travels as pubsub's validator data, which never comes from the network.
type vouched struct{}

// validator returns the pubsub validator of a topic.
func (g *Gossip) validator(s *subject) pubsub.ValidatorEx {
	return func(ctx context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if !g.gate.enter() {
			return pubsub.ValidationIgnore
		}
		defer g.gate.leave()
		if _, ok := m.ValidatorData.(vouched); ok && from == g.host.ID() {
			return pubsub.ValidationAccept
		}
		var d decision
		if len(m.ProtoReflect().GetUnknown()) > 0 {
			d = g.report(s, from, viaGossip, reject, verify.Hard(verify.AttackMalformed, "unknown fields around an announcement"))
		} else {
			d, _ = g.judge(ctx, s, from, m.GetData(), viaGossip)
		}
		switch d {
		case accept:
			g.awaitTurn(ctx, m.GetData())
			return pubsub.ValidationAccept
		case reject:
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
}

// awaitTurn waits for as long as an envelope that was handed over is not to be passed on.
func (g *Gossip) awaitTurn(ctx context.Context, raw []byte) {
	if g.yield == nil {
		return
	}
	wait := g.yield()
	if wait <= 0 {
		return
	}
	if a, err := Decode(raw); err != nil || a.Bare() {
		return
	}
	select {
	case <-time.After(wait):
	case <-g.stopped:
	case <-ctx.Done():
	}
}

// judge decides about one encoded announcement, cheapest checks first, and
// hands an accepted one over. The error says why it was not accepted.
func (g *Gossip) judge(ctx context.Context, s *subject, from peer.ID, raw []byte, src source) (decision, error) {
	// What this node says or asked for itself is not held against what it
	// knows already.
	unasked := src == viaGossip || src == viaLatest

	// The bytes alone.
	a, err := Decode(raw) // looks at the size first
	if err != nil {
		return g.report(s, from, src, reject, err), err
	}
	if a.Product != s.id {
		err := verify.Hard(verify.AttackWrongSoftware, "announcement of product %s in the topic of %s", a.Product, s.id)
		return g.report(s, from, src, reject, err), err
	}

	// What is known.
	key := sha256.Sum256(raw)
	if before, ok := s.recall(key); ok && unasked {
		d, err := ignore, verify.Soft(attackReplay, "announcement seen before: %s", before)
		if before == reject {
			d, err = reject, verify.Hard(attackReplay, "announcement rejected before")
		}
		return g.report(s, from, src, d, err), err
	}
	current, _ := s.Chain.Current() // none: the zero view, older than everything
	var digest [32]byte
	if !a.Bare() {
		digest = sha256.Sum256(a.Envelope)
	}
	if unasked {
		if err := s.stale(a, digest, &current); err != nil {
			attack := attackReplay
			if !a.Bare() && a.Sequence < current.Latest {
				attack = verify.AttackRollback
			}
			err = verify.Soft(attack, "%w", err)
			return g.report(s, from, src, ignore, err), err
		}
	}

	d, err := g.weigh(ctx, s, &held{
		announcement: a, raw: raw, key: key, digest: digest, from: from, before: current.Rev,
	}, current, src)
	if d != hold {
		s.remember(key, d)
	}
	if d == accept && src == viaLatest && current.Rev > 0 && a.Rev > current.Rev {
		// An answer taught a running node something new: the neighbours on
		// this side of a healed partition may not know it either.
		g.forward(ctx, s, raw, a.Bare())
	}
	return g.report(s, from, src, d, err), err
}

// weigh does the dear checks: signatures once per envelope, then one shared
// look at the chain where the view is older than the announcement.
func (g *Gossip) weigh(ctx context.Context, s *subject, h *held, view verify.View, src source) (decision, error) {
	a := h.announcement
	if !a.Bare() {
		signed, err := s.checkSigned(a.Envelope, h.digest)
		if err != nil {
			return refusal(err), err
		}
		if m := signed.Manifest(); m.Sequence != a.Sequence {
			return reject, verify.Hard(verify.AttackMixAndMatch, "announced as release %d, signed as %d", a.Sequence, m.Sequence)
		}
		h.signed = signed
		if route := s.Verifier.Route(signed); len(route) > 0 {
			err := verify.Soft(verify.AttackWrongChain, "release %d belongs to registry %s, to which this node has still to follow its manufacturer", a.Sequence, route[len(route)-1].To)
			if src == viaSelf {
				return ignore, err
			}
			s.Moved(signed)
			return g.hold(s, h), err
		}
	}
	cause := ""
	now := time.Now()
	if a.Rev > view.Rev {
		switch {
		case src == viaSelf:
			cause = "self"
		case h.signed != nil && a.Sequence > view.Latest && s.firstLook(h.digest, now):
			cause = "release"
		case g.spendCredit(h.from):
			cause = "credit"
		case g.hintLook(s, h.from, now):
			cause = "hint"
		default:
			err := verify.Soft(attackFlood, "rev %d is ahead of the view (%d) and too many such claims came: held", a.Rev, view.Rev)
			return g.hold(s, h), err
		}
		var err error
		see := s.Chain.ViewProven
		if cause == "hint" { // what is proven does not wait behind it
			see = s.Chain.View
		}
		if view, err = g.look(ctx, s, a.Rev, cause, see); err != nil {
			if src == viaSelf {
				return ignore, err
			}
			return g.hold(s, h), err
		}
		switch cause { // it was true
		case "hint":
			g.peers.with(h.from, func(p *peerState) { p.looks.give(); p.credit = true })
			s.giveHint()
		case "credit":
			g.peers.with(h.from, func(p *peerState) { p.credit = true })
		}
	}
	if !s.agrees(h.signed, &view) {
		if src != viaSelf && cause != "release" && !s.firstLook(h.digest, now) {
			return g.hold(s, h), verify.Soft(attackFlood, "witnesses do not know release %d, and too many such claims came: held", a.Sequence)
		}
		var err error
		if view, err = g.look(ctx, s, a.Rev, "doubt", s.Chain.ViewOwn); err != nil {
			if src == viaSelf {
				return ignore, err
			}
			return g.hold(s, h), err
		}
	}
	return g.settle(s, h, view, src)
}

// look waits with see for a view of at least the given rev, for a bounded time. Its
// error is soft and names what stands in the way.
func (g *Gossip) look(ctx context.Context, s *subject, rev uint64, cause string, see func(context.Context, uint64) (verify.View, error)) (verify.View, error) {
	g.metrics.looks.WithLabelValues(cause).Inc()
	ctx, cancel := context.WithTimeout(ctx, g.cfg.LookTimeout)
	defer cancel()
	view, err := see(ctx, rev)
	if err == nil && view.Rev < rev {
		err = fmt.Errorf("the chain is at rev %d", view.Rev)
	}
	if err != nil {
		attack := verify.AttackName(err)
		if attack == "" {
			attack = verify.AttackBeforeChain
		}
		return verify.View{}, verify.Soft(attack, "waiting for rev %d: %w", rev, err)
	}
	return view, nil
}

// settle holds an announcement against a view that is not older than it.
func (g *Gossip) settle(s *subject, h *held, view verify.View, src source) (decision, error) {
	var approved *verify.Approved
	if h.signed != nil {
		now := verify.Now(uint64(max(0, g.now().Unix())), view.Time)
		var err error
		if approved, err = s.Verifier.Approve(h.signed, &view, now); err != nil {
			// Penalise only where the sender saw the very same state of the
			// chain: with a newer view an honest relay may have been right
			// when it sent this.
			if view.Rev != h.announcement.Rev || view.Witnessed {
				return ignore, err
			}
			return refusal(err), err
		}
	}
	news := s.admit(h.announcement, h.digest, h.before, &view)
	if src == viaSelf {
		return accept, nil
	}
	if !news && src != viaAsk {
		return ignore, verify.Soft(attackReplay, "the same news came another way meanwhile")
	}
	s.Accepted(Accepted{Announcement: *h.announcement, Approved: approved, View: view, From: h.from})
	return accept, nil
}

// refusal is the decision that an error of verify asks for.
func refusal(err error) decision {
	if verify.IsHard(err) {
		return reject
	}
	return ignore
}

// spendCredit takes a peer's credit for one unproven claim. A claim that brought
// news earns it, and one that is not true loses it, until the sender brings news
// again. So whoever floods with made-up revisions delays no hint of those who
// were right before, and each revision of the chain gives each liar one look.
func (g *Gossip) spendCredit(from peer.ID) (had bool) {
	g.peers.with(from, func(p *peerState) { had, p.credit = p.credit, false })
	return had
}

// hintLook takes a look at the chain for a claim that proves nothing out of the
// sender's budget and the product's.
func (g *Gossip) hintLook(s *subject, from peer.ID, now time.Time) (ok bool) {
	g.peers.with(from, func(p *peerState) {
		if ok = p.looks.take(now, 1, peerLooks, peerLookEvery); !ok {
			return
		}
		if ok = s.takeHint(now, g.cfg); !ok {
			p.looks.give()
		}
	})
	return ok
}

func (s *subject) takeHint(now time.Time, cfg Config) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hints.take(now, 1, cfg.HintBurst, cfg.HintEvery)
}

func (s *subject) giveHint() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hints.give()
}

// hold keeps an announcement for later, if there is room for it.
func (g *Gossip) hold(s *subject, h *held) decision {
	h.until = time.Now().Add(g.cfg.HoldFor)
	if !s.hold(h) {
		return ignore
	}
	g.metrics.held.Set(float64(g.waiting()))
	select {
	case g.holding <- struct{}{}:
	default:
	}
	return hold
}

// waiting returns how many announcements are held over all products.
func (g *Gossip) waiting() (n int) {
	for _, s := range g.subjects() {
		n += s.waiting()
	}
	return n
}

// rejudge judges held announcements again when the view advanced, and looks at
// the chain for them now and then, until ctx ends. While nothing is held it
// sleeps.
func (g *Gossip) rejudge(ctx context.Context) {
	looks := make(chan struct{}, MaxProducts) // ended
	inFlight := 0
	defer func() {
		for ; inFlight > 0; inFlight-- {
			<-looks
		}
	}()
	for {
		var wake <-chan time.Time
		if g.waiting() > 0 {
			wake = time.After(holdTick)
		}
		select {
		case <-ctx.Done():
			return
		case <-looks:
			inFlight--
		case <-g.holding:
		case <-wake:
		}
		for _, s := range g.subjects() {
			now := time.Now()
			view, _ := s.Chain.Current()
			ready, expired, retry, proven := s.due(now, &view)
			for _, h := range expired {
				g.report(s, h.from, viaHeld, ignore, verify.Soft(verify.AttackFastForward,
					"the chain did not reach rev %d in %v", h.announcement.Rev, g.cfg.HoldFor))
			}
			for _, h := range ready {
				g.second(ctx, s, h, view)
			}
			if retry > 0 {
				inFlight++
				go func() {
					defer func() { looks <- struct{}{} }()
					// The view itself is read from Current, so that one look
					// serves all that is held, whatever rev each one waits for.
					see := s.Chain.View
					switch {
					case view.Witnessed:
						see = s.Chain.ViewOwn
					case proven:
						see = s.Chain.ViewProven
					}
					if _, err := g.look(ctx, s, retry, "retry", see); err != nil {
						g.log.Debug("chain has not reached a held announcement", "product", s.Product.String(), "rev", retry, "err", err)
					}
					s.retried(time.Now())
				}()
			}
		}
		g.metrics.held.Set(float64(g.waiting()))
	}
}

// second judges a held announcement that the chain caught up with. Accepted,
// it is published again: pubsub forwarded nothing when it was held, and lets a
// message that it saw but never delivered pass once.
func (g *Gossip) second(ctx context.Context, s *subject, h *held, view verify.View) {
	d, err := g.settle(s, h, view, viaHeld)
	s.remember(h.key, d)
	switch g.report(s, h.from, viaHeld, d, err) {
	case accept:
		g.forward(ctx, s, h.raw, h.announcement.Bare())
	case reject:
		g.penalise(h.from, s)
	}
}

// forward publishes an accepted announcement that did not come through the
// topic, or that pubsub dropped while it was held.
func (g *Gossip) forward(ctx context.Context, s *subject, raw []byte, bare bool) {
	t := s.joined()
	if t == nil {
		return
	}
	if err := g.spread(ctx, t, raw, bare, passOnTo); err != nil {
		g.log.Debug("announcement not forwarded", "product", s.Product.String(), "err", err)
	}
}

// report counts and logs a decision and returns it.
func (g *Gossip) report(s *subject, from peer.ID, src source, d decision, err error) decision {
	attack := verify.AttackName(err)
	if d == reject && from != g.host.ID() {
		g.peers.with(from, func(p *peerState) { p.strikes.take(time.Now(), 1, maxStrikes, strikeEvery) })
		g.spend(from, rejectTokens)
	}
	g.metrics.judged.WithLabelValues(string(src), d.String(), attack).Inc()
	level, before := slog.LevelDebug, 0
	if d == reject {
		var tell bool
		if before, tell = g.warned.count(attack, time.Now()); tell {
			level = slog.LevelWarn
		}
	}
	g.log.Log(context.Background(), level, "announcement judged", "product", s.Product.String(), "peer", from,
		"source", string(src), "verdict", d.String(), "attack", attack, "err", err, "before", before)
	return d
}
