package hostile

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multihash"
)

// ask is an entry of a victim's wantlist.
type ask struct {
	cid    cid.Cid
	have   bool // only asks whether
	cancel bool
}

// readBitswap takes the messages of a victim.
func (p *Peer) readBitswap(s network.Stream) {
	id := s.Conn().RemotePeer()
	for {
		m, _, err := message.FromNet(s)
		if err != nil {
			return
		}
		for _, b := range m.Blocks() {
			p.n.taken.Add(int64(len(b.RawData())))
		}
		p.mu.Lock()
		l := p.lines[id]
		p.mu.Unlock()
		for _, e := range m.Wantlist() {
			if !e.Cancel && e.WantType == pb.Message_Wantlist_Block {
				p.n.wants.Add(1)
			}
			if l != nil {
				select {
				case l.asks <- ask{e.Cid, e.WantType == pb.Message_Wantlist_Have, e.Cancel}:
				default: // nobody answers
				}
			}
		}
	}
}

// sender writes bitswap messages to one peer. It belongs to one goroutine.
type sender struct {
	p  *Peer
	id peer.ID
	s  network.Stream
}

func (o *sender) close() {
	if o.s != nil {
		o.s.Reset()
	}
}

func (o *sender) stream(ctx context.Context) (network.Stream, error) {
	if o.s == nil {
		s, err := o.p.open(ctx, o.id, bsnet.ProtocolBitswap)
		if err != nil {
			return nil, err
		}
		o.s = s
	}
	return o.s, nil
}

func (o *sender) write(ctx context.Context, b []byte) error {
	s, err := o.stream(ctx)
	if err != nil {
		return err
	}
	if err := o.p.write(ctx, s, b); err != nil {
		o.s = nil
		return err
	}
	return nil
}

func (o *sender) send(ctx context.Context, m message.BitSwapMessage) error {
	b, err := encode(m)
	if err != nil {
		return err
	}
	return o.write(ctx, b)
}

func encode(m message.BitSwapMessage) ([]byte, error) {
	var b bytes.Buffer
	err := m.ToNetV1(&b)
	return b.Bytes(), err
}

// asked waits for wants of the victim and returns all there are.
func (l *line) asked(ctx context.Context) []ask {
	var out []ask
	select {
	case <-ctx.Done():
		return nil
	case a := <-l.asks:
		out = append(out, a)
	}
	for {
		select {
		case a := <-l.asks:
			out = append(out, a)
		default:
			return out
		}
	}
}

// genuine returns the bytes of a block, if they are public.
func (p *Peer) genuine(c cid.Cid) []byte {
	if b, ok := p.find(c); ok {
		return b.file.read(b.index)
	}
	return nil
}

// poison answers wants with wrong bytes.
func (p *Peer) poison(ctx context.Context, l *line) {
	p.answer(ctx, l, &p.n.wrong, func(m message.BitSwapMessage, c cid.Cid) bool {
		b := p.wrong(c)
		if b != nil {
			m.AddBlock(b)
		}
		return b != nil
	})
}

// lie says DONT_HAVE.
func (p *Peer) lie(ctx context.Context, l *line) {
	p.answer(ctx, l, &p.n.refusals, func(m message.BitSwapMessage, c cid.Cid) bool {
		m.AddDontHave(c)
		return true
	})
}

// answer says that it has what it is asked for, puts into the message what reply
// finds for a wanted block, and counts the blocks for which it found something.
func (p *Peer) answer(ctx context.Context, l *line, sent *atomic.Int64, reply func(message.BitSwapMessage, cid.Cid) bool) {
	out := &sender{p: p, id: l.id}
	defer out.close()
	for {
		asks := l.asked(ctx)
		if asks == nil {
			return
		}
		m := message.New(false)
		n := int64(0)
		for _, a := range asks {
			switch {
			case a.cancel:
			case a.have:
				m.AddHave(a.cid)
			case reply(m, a.cid):
				n++
			}
		}
		if !m.Empty() && out.send(ctx, m) == nil {
			sent.Add(n)
		}
	}
}

// wrong makes an answer to a want that is not the block. The decoder of bitswap
// computes the CID from the bytes, with the hash function that the message
// names, so the CID itself cannot be forged.
func (p *Peer) wrong(c cid.Cid) blocks.Block {
	of, _ := p.find(c)
	genuine := p.genuine(c)
	data := draw(p, func(rng *rand.Rand) []byte {
		switch n := rng.IntN(4); {
		case genuine != nil && n < 2: // one bit is wrong
			data := slices.Clone(genuine)
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
			return data
		case genuine != nil && n == 2: // genuine, but another block
			if other := of.file.read(rng.IntN(len(of.file.blocks))); other != nil && !bytes.Equal(other, genuine) {
				return other
			}
		}
		size := unknownBlock
		if genuine != nil {
			size = len(genuine)
		}
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		return data
	})
	// The block is put into the message under its prefix and its bytes.
	b, err := blocks.NewBlockWithCid(data, c)
	if err != nil {
		return nil
	}
	if draw(p, func(rng *rand.Rand) bool { return rng.IntN(4) == 0 }) {
		// Under another hash function even genuine bytes are another block.
		if mh, err := multihash.Sum(data, multihash.SHA2_512, -1); err == nil {
			if other, err := blocks.NewBlockWithCid(data, cid.NewCidV1(cid.Raw, mh)); err == nil {
				return other
			}
		}
	}
	return b
}

// trickle sends what is asked for, a few bytes at a time.
func (p *Peer) trickle(ctx context.Context, l *line) {
	out := &sender{p: p, id: l.id}
	defer out.close()
	var todo []cid.Cid
	take := func(asks []ask) {
		for _, a := range asks {
			if a.cancel {
				todo = slices.DeleteFunc(todo, func(c cid.Cid) bool { return c == a.cid })
			} else if !a.have && len(todo) < maxAsks {
				todo = append(todo, a.cid)
			}
		}
	}
	piece := max(p.cfg.Trickle*int(trickleEvery)/int(time.Second), 1)
	for {
		for len(todo) == 0 {
			asks := l.asked(ctx)
			if asks == nil {
				return
			}
			take(asks)
		}
		c := todo[0]
		todo = todo[1:]
		data, right := p.genuine(c), true
		if data == nil {
			data, right = make([]byte, unknownBlock), false
		}
		b, err := blocks.NewBlockWithCid(data, c)
		if err != nil {
			continue
		}
		m := message.New(false)
		m.AddBlock(b)
		rest, err := encode(m)
		for err == nil && len(rest) > 0 {
			n := min(piece, len(rest))
			if err = out.write(ctx, rest[:n]); err == nil {
				rest = rest[n:]
				if right {
					p.n.genuine.Add(int64(n))
				}
				err = wait(ctx, trickleEvery)
			}
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil && !right {
			p.n.wrong.Add(1)
		}
		if err != nil && wait(ctx, redial) != nil {
			return
		}
	}
}

// flood wants everything, over and over.
func (p *Peer) flood(ctx context.Context, l *line) {
	out := &sender{p: p, id: l.id}
	defer out.close()
	for round := 0; ; round++ {
		m := message.New(round%8 == 0)
		for _, f := range p.public() {
			for _, c := range f.blocks {
				// Withdrawn and wanted again, so that it is sent once more.
				if round%2 == 1 {
					m.Cancel(c)
				} else {
					m.AddEntry(c, 1<<30, pb.Message_Wantlist_Block, true)
				}
			}
		}
		for range floodWants {
			d := draw(p, func(rng *rand.Rand) (d [32]byte) {
				for i := range d {
					d[i] = byte(rng.Uint32())
				}
				return d
			})
			mh, err := multihash.Encode(d[:], multihash.SHA2_256)
			if err != nil {
				return
			}
			kind := pb.Message_Wantlist_Block
			if round%3 == 0 {
				kind = pb.Message_Wantlist_Have
			}
			m.AddEntry(cid.NewCidV1(cid.Raw, mh), 1, kind, true)
		}
		n := int64(len(m.Wantlist()))
		if out.send(ctx, m) == nil {
			p.n.asked.Add(n)
		}
		if wait(ctx, floodEvery) != nil {
			return
		}
	}
}
