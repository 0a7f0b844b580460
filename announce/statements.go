package announce

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/verify"
)

// Witnesses judges and holds what the witnesses of a product say, as
// chainwatch.Panel does. All methods are called concurrently.
type Witnesses interface {
	// Judge takes an encoded statement. nil: it is genuine and new, and told to
	// others; else a *verify.Error, a hard one if no honest peer sends it.
	Judge(raw []byte) error
	// Agree reports whether a quorum of them knows a revision.
	Agree(rev uint64) bool
	// Statements returns what a peer of a region should hear that knows nothing.
	Statements(region verify.Region) [][]byte
}

// Statements travel on a topic of their own beside that of announcements, so that
// nodes which know nothing of witnesses never see one.
const (
	witnessPrefix = "/camswarm/1/witness/"

	// WitnessProtocol asks a peer for the witnesses' statements.
	WitnessProtocol protocol.ID = "/camswarm/witness/1"
)

// WitnessTopic returns the name of the topic of a product's witness statements:
// /camswarm/1/witness/<product id, 64 lower-case hex digits>.
func WitnessTopic(id verify.ProductID) string { return witnessPrefix + id.String() }

const viaWitness source = "witness" // a statement, by topic or question

// joinWitnesses enters the topic of statements; the caller holds the lock and Run
// made g.ps.
func (g *Gossip) joinWitnesses(s *subject) error {
	topic := WitnessTopic(s.id)
	fail := func(err error) error { return fmt.Errorf("announce: join %s: %w", topic, err) }
	g.filter.follow(topic)
	judge := func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if !g.gate.enter() {
			return pubsub.ValidationIgnore
		}
		defer g.gate.leave()
		if _, ok := m.ValidatorData.(vouched); ok && from == g.host.ID() {
			return pubsub.ValidationAccept
		}
		if len(m.ProtoReflect().GetUnknown()) > 0 {
			g.report(s, from, viaWitness, reject, verify.Hard(verify.AttackMalformed, "unknown fields around a witness statement"))
			return pubsub.ValidationReject
		}
		switch g.hear(s, from, m.GetData()) {
		case accept:
			if g.cfg.TellWithin == 0 && g.again(s, m.GetData()) {
				return pubsub.ValidationIgnore
			}
			return pubsub.ValidationAccept
		case reject:
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
	if err := g.ps.RegisterTopicValidator(topic, judge, pubsub.WithValidatorConcurrency(validations)); err != nil {
		return fail(err)
	}
	t, err := g.ps.Join(topic)
	if err != nil {
		return fail(err)
	}
	if err := t.SetScoreParams(topicScoreParams()); err != nil {
		return fail(err)
	}
	if _, err := t.Relay(); err != nil {
		return fail(err)
	}
	s.mu.Lock()
	s.statements = t
	s.mu.Unlock()
	return nil
}

// again publishes a statement of others as if it were this node's own, so that it
// goes to every neighbour that listens and not to the mesh alone: most cameras are a
// seed's neighbours, and what comes by their own mesh would come after the
// announcement that it is to confirm. pubsub lets a message that it saw, but did not
// deliver, pass once.
func (g *Gossip) again(s *subject, raw []byte) bool {
	s.mu.Lock()
	t := s.statements
	s.mu.Unlock()
	select {
	case <-g.running:
	default:
		return false
	}
	raw = slices.Clone(raw)
	return g.gate.run(func() {
		if err := t.Publish(context.Background(), raw, pubsub.WithValidatorData(vouched{})); err != nil {
			g.log.Debug("witness statement not passed on", "product", s.Product.String(), "err", err)
		}
	})
}

// hear judges a statement.
func (g *Gossip) hear(s *subject, from peer.ID, raw []byte) decision {
	d, err := accept, s.Witnesses.Judge(raw)
	if err != nil {
		d = refusal(err)
	}
	return g.report(s, from, viaWitness, d, err)
}

// State publishes a statement that Subject.Witnesses holds, such as the node's own,
// to all neighbours that listen to the product's witnesses.
func (g *Gossip) State(ctx context.Context, product verify.ProductID, raw []byte) error {
	s := g.subject(product)
	if s == nil || s.Witnesses == nil {
		return fmt.Errorf("%w, or it has no witnesses: %s", ErrNotFollowed, product)
	}
	if err := g.awaitRun(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	t := s.statements
	s.mu.Unlock()
	if err := t.Publish(ctx, raw, pubsub.WithValidatorData(vouched{})); err != nil {
		return fmt.Errorf("announce: publish a witness statement: %w", err)
	}
	return nil
}

// The question of WitnessProtocol is 64 bytes: the product id, and the asker's
// region left-aligned and filled with zeros. The answer is any number of statements,
// each after its length as an unsigned varint, and the end of the stream.

// serveStatements is the handler of WitnessProtocol.
func (g *Gossip) serveStatements(ctx context.Context) network.StreamHandler {
	return g.answering(ctx, "question for witness statements not answered", g.answerStatements)
}

func (g *Gossip) answerStatements(st network.Stream) error {
	done, err := g.admitQuestion(st)
	if err != nil {
		return err
	}
	defer done()
	var question [questionSize]byte
	if _, err := io.ReadFull(st, question[:]); err != nil {
		return err
	}
	s := g.subject(verify.ProductID(question[:32]))
	if s == nil || s.Witnesses == nil {
		return nil
	}
	region, err := verify.RegionFromBytes32([32]byte(question[32:]))
	if err != nil {
		return err
	}
	for i, raw := range s.Witnesses.Statements(region) {
		if i == maxStatements {
			break
		}
		if _, err := st.Write(append(binary.AppendUvarint(nil, uint64(len(raw))), raw...)); err != nil {
			return err
		}
	}
	return nil
}

// askStatements asks a peer for the witnesses' statements and judges them. Whether it
// speaks the protocol is not looked up: it may have been heard before it is identified,
// which NewStream waits for.
func (g *Gossip) askStatements(ctx context.Context, p peer.ID, s *subject) error {
	if !g.mayAsk(p) {
		return nil
	}
	err := g.questionStatements(ctx, p, s)
	if err != nil {
		g.log.Debug("peer did not answer for the witnesses' statements", "peer", p, "product", s.Product.String(), "err", err)
	}
	return err
}

func (g *Gossip) questionStatements(ctx context.Context, p peer.ID, s *subject) error {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "witness statements"), askTimeout)
	defer cancel()
	st, err := g.host.NewStream(ctx, p, WitnessProtocol)
	if err != nil {
		return err
	}
	defer st.Close()
	defer context.AfterFunc(ctx, func() { st.Reset() })()
	region := s.Region.Bytes32()
	if _, err := st.Write(append(s.id[:], region[:]...)); err != nil {
		st.Reset()
		return err
	}
	r := bufio.NewReader(st)
	for range maxStatements {
		size, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return nil
		}
		if err == nil && size > verify.MaxWitnessStatement {
			err = verify.Hard(verify.AttackEndlessData, "witness statement of %d bytes, the limit is %d", size, verify.MaxWitnessStatement)
			g.report(s, p, viaWitness, reject, err)
			g.penalise(p, s)
		}
		if err != nil {
			st.Reset()
			return err
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(r, raw); err != nil {
			st.Reset()
			return err
		}
		if g.hear(s, p, raw) == reject {
			g.penalise(p, s)
			st.Reset()
			return errors.New("it sent a statement that no honest peer sends")
		}
	}
	st.Reset() // it goes on
	return nil
}
