package hostile

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"camswarm/announce"
	"camswarm/verify"
)

// joinGossip takes a place in the mesh of the product's topic and passes nothing
// on. Who attacks the gossip speaks the wire protocol itself: pubsub would not
// send one message twice.
func (p *Peer) joinGossip() error {
	if p.cfg.Behaviour.gossips() {
		p.handle(announce.MeshProtocol, p.readGossip)
		return nil
	}
	ps, err := pubsub.NewGossipSub(p.ctx, p.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(func(m *pubsubpb.Message) string {
			sum := sha256.Sum256(m.GetData())
			return string(sum[:])
		}),
		pubsub.WithMaxMessageSize(announce.MaxAnnouncementSize+4<<10),
		pubsub.WithGossipSubProtocols([]protocol.ID{announce.MeshProtocol}, func(f pubsub.GossipSubFeature, _ protocol.ID) bool {
			return f != pubsub.GossipSubFeatureExtensions
		}))
	if err != nil {
		return fmt.Errorf("hostile: start gossipsub: %w", err)
	}
	topic := announce.Topic(p.cfg.Product)
	if err := ps.RegisterTopicValidator(topic, func(_ context.Context, _ peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		p.n.swallows.Add(1)
		p.keep(m.GetData())
		return pubsub.ValidationIgnore
	}); err != nil {
		return fmt.Errorf("hostile: join %s: %w", topic, err)
	}
	t, err := ps.Join(topic)
	if err == nil {
		_, err = t.Relay()
	}
	if err != nil {
		return fmt.Errorf("hostile: join %s: %w", topic, err)
	}
	return nil
}

// readGossip keeps the announcements that it hears.
func (p *Peer) readGossip(s network.Stream) {
	r := bufio.NewReader(s)
	for {
		n, err := binary.ReadUvarint(r)
		if err != nil || n > announce.MaxAnnouncementSize+4<<10 {
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		var rpc pubsubpb.RPC
		if proto.Unmarshal(b, &rpc) != nil {
			return
		}
		for _, m := range rpc.Publish {
			p.n.swallows.Add(1)
			p.keep(m.GetData())
		}
	}
}

// keep remembers an announcement and what it says of a release.
func (p *Peer) keep(data []byte) {
	a, err := announce.Decode(data)
	if err != nil {
		return // another one's
	}
	p.mu.Lock()
	fresh := len(p.heard) < maxHeard && !slices.ContainsFunc(p.heard, func(h []byte) bool { return string(h) == string(data) })
	if fresh {
		p.heard = append(p.heard, slices.Clone(data))
		p.newest = max(p.newest, a.Sequence)
	}
	p.mu.Unlock()
	if !fresh || a.Bare() {
		return
	}
	if e, err := verify.DecodeEnvelope(a.Envelope); err == nil {
		if m, err := verify.DecodeManifest(e.Manifest); err == nil {
			p.study(m)
		}
	}
}

// replay joins the mesh of a victim and sends it old and invalid announcements.
func (p *Peer) replay(ctx context.Context, l *line) {
	topic := announce.Topic(p.cfg.Product)
	var s network.Stream
	defer func() {
		if s != nil {
			s.Reset()
		}
	}()
	send := func(rpc *pubsubpb.RPC) bool {
		b, err := proto.Marshal(rpc)
		if err != nil {
			return false
		}
		if p.write(ctx, s, append(binary.AppendUvarint(nil, uint64(len(b))), b...)) != nil {
			s = nil
			return false
		}
		return true
	}
	next, every := 0, replayEvery // next of what is forged
	if p.cfg.Behaviour == Parrot {
		every = parrotEvery
	}
	for ctx.Err() == nil {
		if s == nil {
			var err error
			if s, err = p.open(ctx, l.id, announce.MeshProtocol); err != nil {
				s = nil
				if wait(ctx, redial) != nil {
					return
				}
				continue
			}
			if !send(&pubsubpb.RPC{
				Subscriptions: []*pubsubpb.RPC_SubOpts{{Topicid: &topic, Subscribe: proto.Bool(true)}},
				Control:       &pubsubpb.ControlMessage{Graft: []*pubsubpb.ControlGraft{{TopicID: &topic}}},
			}) {
				continue
			}
		}
		var f Forgery
		if next < len(p.cfg.Forged) {
			f = p.cfg.Forged[next]
		} else {
			f = p.oldNews()
		}
		if f.Data != nil && send(&pubsubpb.RPC{Publish: []*pubsubpb.Message{{Topic: &topic, Data: f.Data}}}) {
			next++
			p.sent(f)
		}
		_ = wait(ctx, every)
	}
}

// sent counts an announcement.
func (p *Peer) sent(f Forgery) {
	p.n.gossiped.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.announced[f.Attack]++
}

// oldNews is an announcement that is of no use: one that was heard, as it is or
// damaged, a forged one, a hint of a state that the chain does not have, or no
// announcement. Its data are nil if there is none.
func (p *Peer) oldNews() Forgery {
	return draw(p, func(rng *rand.Rand) Forgery {
		var heard []byte
		if len(p.heard) > 0 {
			heard = p.heard[rng.IntN(len(p.heard))]
		}
		a, err := announce.Decode(heard) // of nothing: an error
		if p.cfg.Behaviour == Parrot {
			if err == nil && rng.IntN(2) == 0 {
				a.Block += 1 + rng.Uint64N(1000)
				heard, _ = a.Encode()
			}
			return Forgery{p.replayed(a), heard}
		}
		switch n := rng.IntN(8); {
		case n < 4 && len(p.cfg.Forged) > 0:
			return p.cfg.Forged[rng.IntN(len(p.cfg.Forged))]
		case heard != nil && n < 4:
			return Forgery{"gossip_replay", heard}
		case heard != nil && n == 4: // a bit of the envelope is wrong
			data := slices.Clone(heard)
			data[len(data)-1-rng.IntN(len(data)/2)] ^= 1 << rng.IntN(8)
			return Forgery{verify.AttackArbitrary, data}
		case err == nil && n == 5: // a genuine envelope with a claim of its own
			a.Rev += 1 + rng.Uint64N(1000)
			if data, err := a.Encode(); err == nil {
				return Forgery{"gossip_flood", data}
			}
		case n == 6: // a hint that something will happen
			a := announce.Announcement{Product: p.cfg.Product, Rev: 1000 + rng.Uint64N(1_000_000), Block: rng.Uint64N(1 << 40)}
			if data, err := a.Encode(); err == nil {
				return Forgery{"gossip_flood", data}
			}
		}
		data := make([]byte, 1+rng.IntN(2048))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		return Forgery{verify.AttackMalformed, data}
	})
}

// replayed names the attack of a genuine announcement that comes again: an older
// release than the newest that was heard of is offered as new, or it is no news.
// The caller holds mu.
func (p *Peer) replayed(a *announce.Announcement) string {
	if a != nil && !a.Bare() && a.Sequence < p.newest {
		return verify.AttackRollback
	}
	return "gossip_replay"
}

// answerLatest answers a victim's question for the latest announcement: with
// nothing, with old news, or never.
func (p *Peer) answerLatest(s network.Stream) {
	if _, err := io.ReadFull(s, make([]byte, 64)); err != nil {
		return
	}
	switch p.cfg.Behaviour {
	case Staller:
		<-p.ctx.Done()
		return
	case Replayer, Parrot:
		f := p.oldNews()
		if p.write(p.ctx, s, append(binary.AppendUvarint(nil, uint64(len(f.Data))), f.Data...)) == nil && f.Data != nil {
			p.sent(f)
		}
	default:
		if p.write(p.ctx, s, []byte{0}) != nil {
			return
		}
	}
	_ = s.Close()
	_, _ = io.Copy(io.Discard, s) // until the victim has read it
}
