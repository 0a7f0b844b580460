package announce

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/verify"
)

// The question of LatestProtocol is 64 bytes: the product id and the SHA-256
// of the envelope that the asker holds (zero: none). The answer is one
// announcement after its length as an unsigned varint; length 0 means that
// there is nothing to tell. A peer that holds the same envelope answers with a
// bare hint, so that a camera that meets its neighbours again moves a hundred
// bytes and not their envelopes.
const questionSize = 64

// serve returns the handler of LatestProtocol.
func (g *Gossip) serve(ctx context.Context) network.StreamHandler {
	return g.answering(ctx, "question for the latest announcement not answered", func(st network.Stream) error {
		outcome, err := g.answer(st)
		g.metrics.served.WithLabelValues(outcome).Inc()
		return err
	})
}

// answering returns a handler that answers a question until ctx ends, and logs
// unanswered where it does not.
func (g *Gossip) answering(ctx context.Context, unanswered string, answer func(network.Stream) error) network.StreamHandler {
	return func(st network.Stream) {
		if !g.gate.enter() {
			st.Reset()
			return
		}
		defer g.gate.leave()
		defer context.AfterFunc(ctx, func() { st.Reset() })()
		if err := answer(st); err != nil {
			g.log.Debug(unanswered, "peer", st.Conn().RemotePeer(), "err", err)
			st.Reset()
			return
		}
		st.Close()
	}
}

// admitQuestion bounds the questions of one peer and of all at once. done must be
// called in the end.
func (g *Gossip) admitQuestion(st network.Stream) (done func(), err error) {
	now := time.Now()
	var allowed bool
	g.peers.with(st.Conn().RemotePeer(), func(p *peerState) {
		allowed = p.serves.take(now, 1, serveBurst, serveEvery)
	})
	if !allowed {
		return nil, errors.New("asks too often")
	}
	select {
	case g.serving <- struct{}{}:
	default:
		return nil, errors.New("too many questions at once")
	}
	// Streams without deadlines (some in-memory transports) say so; the reset
	// with Run's context still ends them.
	_ = st.SetDeadline(now.Add(askTimeout))
	return func() { <-g.serving }, nil
}

func (g *Gossip) answer(st network.Stream) (outcome string, err error) {
	done, err := g.admitQuestion(st)
	if err != nil {
		return "refused", err
	}
	defer done()
	var question [questionSize]byte
	if _, err := io.ReadFull(st, question[:]); err != nil {
		return "failed", err
	}
	var answer []byte
	outcome = "empty"
	if s := g.subject(verify.ProductID(question[:32])); s != nil {
		if latest := s.Latest(); latest != nil {
			a := *latest
			outcome = "full"
			if a.Bare() || sha256.Sum256(a.Envelope) == [32]byte(question[32:]) {
				a.Envelope, outcome = nil, "hint"
			}
			if answer, err = a.Encode(); err != nil {
				return "failed", err
			}
		}
	}
	if _, err := st.Write(append(binary.AppendUvarint(nil, uint64(len(answer))), answer...)); err != nil {
		return "failed", err
	}
	return outcome, nil
}

// question asks one peer for its latest announcement of a product. (nil, nil):
// the peer has nothing to tell.
func (g *Gossip) question(ctx context.Context, p peer.ID, s *subject, have [32]byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "latest announcement"), askTimeout)
	defer cancel()
	st, err := g.host.NewStream(ctx, p, LatestProtocol)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	defer context.AfterFunc(ctx, func() { st.Reset() })()
	fail := func(err error) ([]byte, error) {
		st.Reset()
		return nil, err
	}
	if _, err := st.Write(append(s.id[:], have[:]...)); err != nil {
		return fail(err)
	}
	r := bufio.NewReader(io.LimitReader(st, MaxAnnouncementSize+binary.MaxVarintLen64))
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return fail(err)
	}
	if size > MaxAnnouncementSize {
		return fail(verify.Hard(verify.AttackEndlessData, "answer of %d bytes, the limit is %d", size, MaxAnnouncementSize))
	}
	if size == 0 {
		return nil, nil
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return fail(err)
	}
	return raw, nil
}

// mayAsk counts a question to a peer, and reports whether it may be asked.
func (g *Gossip) mayAsk(p peer.ID) (allowed bool) {
	now := time.Now()
	g.peers.with(p, func(ps *peerState) { allowed = !ps.muted(now) && ps.asks.take(now, 1, askBurst, askEvery) })
	return allowed
}

// ask puts the question to a peer and judges the answer like any announcement.
// It reports whether an announcement with an envelope was accepted; the error is not nil
// if the peer may answer later.
func (g *Gossip) ask(ctx context.Context, p peer.ID, s *subject, src source) (accepted bool, err error) {
	if !g.mayAsk(p) {
		return false, nil
	}
	var have [32]byte
	if latest := s.Latest(); src == viaLatest && latest != nil && !latest.Bare() {
		have = sha256.Sum256(latest.Envelope)
	}
	raw, err := g.question(ctx, p, s, have)
	switch {
	case err != nil:
		g.metrics.asked.WithLabelValues("failed").Inc()
		if verify.IsHard(err) {
			g.report(s, p, src, reject, err)
			g.penalise(p, s)
			return false, nil
		}
		g.log.Debug("peer did not answer for its latest announcement", "peer", p, "product", s.Product.String(), "err", err)
		return false, err
	case raw == nil:
		g.metrics.asked.WithLabelValues("empty").Inc()
		return false, nil
	}
	g.metrics.asked.WithLabelValues("answer").Inc()
	d, _ := g.judge(ctx, s, p, raw, src)
	if d == reject {
		g.penalise(p, s)
	}
	if d != accept {
		return false, nil
	}
	a, err := Decode(raw)
	return err == nil && !a.Bare(), nil
}

// Ask asks connected peers for the product's latest announcement, a few at a
// time in random order, until one answers with an envelope that is approved;
// Subject.Accepted has then been told. It is for a node whose chain shows a
// release that no announcement brought. The error wraps ErrNoAnswer when no
// peer had one.
func (g *Gossip) Ask(ctx context.Context, product verify.ProductID) error {
	s := g.subject(product)
	if s == nil {
		return fmt.Errorf("%w: %s", ErrNotFollowed, product)
	}
	if err := g.awaitRun(ctx); err != nil {
		return err
	}
	if !g.gate.enter() {
		return ErrStopped
	}
	defer g.gate.leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	peers := g.speakers(LatestProtocol)
	rand.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
	todo := make(chan peer.ID, len(peers))
	for _, p := range peers {
		todo <- p
	}
	close(todo)
	var (
		wg    sync.WaitGroup
		found = make(chan struct{}, asksAtOnce)
	)
	for range asksAtOnce {
		wg.Go(func() {
			for p := range todo {
				if ctx.Err() != nil {
					return
				}
				if accepted, _ := g.ask(ctx, p, s, viaAsk); accepted {
					found <- struct{}{}
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case <-found:
		return nil
	default:
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoAnswer, s.Product, err)
	}
	return fmt.Errorf("%w: %s: asked %d", ErrNoAnswer, s.Product, len(peers))
}

// speakers returns the connected peers that speak a protocol of this package,
// by what they said when they were identified or by having spoken to us.
func (g *Gossip) speakers(id protocol.ID) []peer.ID {
	return slices.DeleteFunc(g.host.Network().Peers(), func(p peer.ID) bool {
		known, err := g.host.Peerstore().SupportsProtocols(p, id)
		heard := err == nil && len(known) > 0
		if !heard {
			g.peers.with(p, func(s *peerState) { heard = s.heard })
		}
		return !heard
	})
}

// greetPeers asks every peer that connects for the latest announcement of each
// product, so that a node that joins late, or was cut off, need not wait for the
// next one. It asks at once, and once more who did not answer. What a neighbour accepts
// after that, before the new link is part of its mesh, [grafts] tells. It returns when
// ctx ends.
func (g *Gossip) greetPeers(ctx context.Context) {
	events, err := g.host.EventBus().Subscribe([]any{
		new(event.EvtPeerIdentificationCompleted), // after every new connection
		new(event.EvtPeerProtocolsUpdated),        // the peer began to speak it later
	})
	if err != nil {
		g.log.Error("newly connected peers are not asked for the latest announcement", "err", err)
		return
	}
	defer events.Close()

	var (
		queue   []greeting               // due now
		later   []greeting               // due again, soonest first
		pending = map[peer.ID]struct{}{} // in either, or being asked
		busy    int
		done    = make(chan greeting, greetings)
	)
	defer func() {
		for ; busy > 0; busy-- {
			<-done
		}
	}()
	greet := func(p peer.ID) {
		if _, ok := pending[p]; ok || len(pending) >= maxGreetings {
			return
		}
		pending[p] = struct{}{}
		queue = append(queue, greeting{peer: p})
	}
	for _, p := range g.speakers(LatestProtocol) {
		greet(p)
	}
	for {
		for ; busy < greetings && len(queue) > 0; busy++ {
			next := queue[0]
			queue = queue[1:]
			go func() {
				defer func() { done <- next }()
				for _, s := range g.subjects() {
					if ctx.Err() != nil {
						return
					}
					if s.Witnesses != nil {
						next.failed = g.askStatements(ctx, next.peer, s) != nil || next.failed
					}
					_, err := g.ask(ctx, next.peer, s, viaLatest)
					next.failed = err != nil || next.failed
				}
			}()
		}
		var again <-chan time.Time
		if len(later) > 0 {
			again = time.After(time.Until(later[0].again))
		}
		select {
		case <-ctx.Done():
			return
		case met := <-done:
			busy--
			if met.failed && met.again.IsZero() {
				later = append(later, greeting{peer: met.peer, again: time.Now().Add(greetAgain)})
			} else {
				delete(pending, met.peer)
			}
		case <-again:
			queue, later = append(queue, later[0]), later[1:]
		case <-g.greet:
			// Everybody is asked for it, also who is being asked for others.
			clear(pending)
			queue, later = nil, nil
			for _, p := range g.speakers(LatestProtocol) {
				greet(p)
			}
		case e, ok := <-events.Out():
			if !ok {
				return
			}
			switch e := e.(type) {
			case event.EvtPeerIdentificationCompleted:
				if slices.Contains(e.Protocols, LatestProtocol) {
					greet(e.Peer)
				}
			case event.EvtPeerProtocolsUpdated:
				if slices.Contains(e.Added, LatestProtocol) {
					if i := slices.IndexFunc(later, func(g greeting) bool { return g.peer == e.Peer }); i >= 0 {
						// It was heard, and asked in vain.
						later = slices.Delete(later, i, i+1)
						delete(pending, e.Peer)
					}
					greet(e.Peer)
				}
			}
		}
	}
}

// greeting is a peer to ask; again is zero the first time.
type greeting struct {
	peer   peer.ID
	again  time.Time
	failed bool // it did not answer
}
