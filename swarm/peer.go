package swarm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	bsnetwork "github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

// remotePeer is a connected peer.
type remotePeer struct {
	x      *Exchange
	id     peer.ID
	key    plan.PeerKey
	cancel context.CancelFunc // ends the goroutines of the peer
	in     atomic.Int64       // bytes read from its bitswap streams
	frames chan struct{}      // one for each message that is being read, up to maxFrames
	talk   *rate.Limiter      // of its possession messages

	control outStream // wants, cancels, presences
	data    outStream // blocks
	have    haveQueue
	asked   *asked

	// Guarded by Exchange.mu.
	speaks  haveSupport
	haves   network.Stream // its announcements
	claims  map[[32]byte]*haveClaim
	unknown [][32]byte // roots in claims that were not added when it was heard of, oldest first
	met     time.Time  // when the newest connection was made over which it has opened a stream

	mu      sync.Mutex
	wants   map[cid.Cid]wantOp // to be sent
	order   []cid.Cid
	denied  []cid.Cid // to be answered with DONT_HAVE
	wake    chan struct{}
	stalled time.Time // not served before then
}

// wantOp is an entry of a wantlist to be sent.
type wantOp byte

const (
	wantBlock wantOp = iota + 1
	wantHave
	wantCancel
)

func newRemotePeer(x *Exchange, id peer.ID, key plan.PeerKey, cancel context.CancelFunc) *remotePeer {
	return &remotePeer{
		x: x, id: id, key: key, cancel: cancel,
		control: newOutStream(), data: newOutStream(), have: newHaveQueue(),
		claims: make(map[[32]byte]*haveClaim),
		frames: make(chan struct{}, maxFrames),
		// Our own peers send a hundred messages per second at most.
		talk:  rate.NewLimiter(500, 1000),
		wants: make(map[cid.Cid]wantOp), wake: make(chan struct{}, 1),
		asked: newAsked(),
	}
}

// want queues an entry of our wantlist. It does not block.
func (p *remotePeer) want(d [32]byte, c cid.Cid, op wantOp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, queued := p.wants[c]
	if queued && old == wantBlock && op != wantBlock {
		p.asked.unask(d)
	}
	if queued && op == wantCancel && old != wantCancel {
		// It was never sent.
		delete(p.wants, c)
		p.order = slices.DeleteFunc(p.order, func(o cid.Cid) bool { return o == c })
		return
	}
	if op == wantBlock && !(queued && old == wantBlock) {
		p.asked.ask(d)
	}
	p.wants[c] = op
	if !queued {
		p.order = append(p.order, c)
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// sendWants sends what is queued, everything that waits in one message.
func (p *remotePeer) sendWants(ctx context.Context) {
	defer p.data.reset()
	defer p.control.reset()
	first := true
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.mu.Lock()
		ops, order, denied := p.wants, p.order, p.denied
		p.wants, p.order, p.denied = make(map[cid.Cid]wantOp), nil, nil
		p.mu.Unlock()
		if len(order)+len(denied) == 0 {
			continue
		}
		msg := message.New(first) // it may remember what was asked of it before this node lost power
		for _, c := range denied {
			msg.AddDontHave(c)
		}
		for _, c := range order {
			switch ops[c] {
			case wantCancel:
				msg.Cancel(c)
			case wantHave:
				msg.AddEntry(c, 1, pb.Message_Wantlist_Have, true)
			case wantBlock:
				msg.AddEntry(c, 1, pb.Message_Wantlist_Block, true)
			}
		}
		if err := p.control.send(ctx, p.openBitswap, writeMessage(msg)); err != nil && ctx.Err() == nil {
			// The planner notices the silence and asks elsewhere.
			p.x.log.Debug("wants not sent", "peer", p.id, "err", err)
		} else {
			first = false
		}
		p.x.m.sent.WithLabelValues("wants").Inc()
	}
}

func (p *remotePeer) openBitswap(ctx context.Context) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "bitswap uses the connections that there are"), openTimeout)
	defer cancel()
	return p.x.h.NewStream(ctx, p.id, bitswapProtocols...)
}

// outStream is a stream that is only written to, opened when it is needed and
// again when it broke. Bitswap's own network opens a stream per message; one
// long-lived stream costs less, and sends block after block, each whole as
// early as can be, where streams side by side would finish together, late.
type outStream struct {
	sem chan struct{} // a mutex whose wait ends with a context
	s   network.Stream
}

func newOutStream() outStream { return outStream{sem: make(chan struct{}, 1)} }

// send calls write on the stream. If that fails on a stream that was open
// before, it is tried once more on a new one.
func (o *outStream) send(ctx context.Context, open func(context.Context) (network.Stream, error), write func(context.Context, network.Stream) error) error {
	select {
	case o.sem <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-o.sem }()
	for {
		fresh := o.s == nil
		if fresh {
			s, err := open(ctx)
			if err != nil {
				return err
			}
			o.s = s
		}
		s := o.s
		stop := context.AfterFunc(ctx, func() { s.Reset() })
		err := write(ctx, s)
		if stop() && err == nil {
			return nil
		}
		o.s.Reset()
		o.s = nil
		if err == nil {
			return ctx.Err()
		}
		if fresh || ctx.Err() != nil || errors.Is(err, errSendStalled) {
			return err
		}
	}
}

func (o *outStream) reset() {
	o.sem <- struct{}{}
	if o.s != nil {
		o.s.Reset()
		o.s = nil
	}
	<-o.sem
}

var (
	errSendStalled = errors.New("swarm: receiver does not read")
	errNotServed   = errors.New("swarm: peer is not served")
)

// writeMessage writes a bitswap message in the version that the stream speaks,
// paced by gates.
func writeMessage(msg message.BitSwapMessage, gates ...*uploadGate) func(context.Context, network.Stream) error {
	return func(ctx context.Context, s network.Stream) error {
		w := &pacedWriter{ctx: ctx, s: s, gates: gates}
		switch s.Protocol() {
		case bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers:
			return msg.ToNetV0(w)
		}
		return msg.ToNetV1(w)
	}
}

// pacedWriter writes in pieces, each within the upload limit and a deadline of
// its own: what must not stop is progress, however slow the link.
type pacedWriter struct {
	ctx   context.Context
	s     network.Stream
	gates []*uploadGate
}

func (w *pacedWriter) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n := min(len(b)-done, sendPiece)
		for _, g := range w.gates {
			var err error
			if n, err = g.take(w.ctx, n); err != nil {
				return done, err
			}
		}
		if err := w.s.SetWriteDeadline(time.Now().Add(sendStall)); err != nil {
			return done, err
		}
		m, err := w.s.Write(b[done : done+n])
		done += m
		if err != nil {
			var t interface{ Timeout() bool }
			if errors.As(err, &t) && t.Timeout() && w.ctx.Err() == nil {
				return done, errors.Join(errSendStalled, err)
			}
			return done, err
		}
	}
	return done, nil
}

// sendNetwork is the network that the server engine sends through: stock
// bitswap's, but for sending.
type sendNetwork struct {
	bsnetwork.BitSwapNetwork
	x *Exchange
}

// SendMessage sends a message of the server engine to a peer.
func (n *sendNetwork) SendMessage(ctx context.Context, id peer.ID, msg message.BitSwapMessage) error {
	x := n.x
	x.mu.Lock()
	p := x.peers[id]
	x.mu.Unlock()
	if p == nil {
		return network.ErrNoConn
	}
	p.mu.Lock()
	stalled := time.Now().Before(p.stalled)
	p.mu.Unlock()
	if stalled {
		return errSendStalled
	}
	err := p.serve(ctx, msg)
	if errors.Is(err, errSendStalled) {
		x.m.stalls.Inc()
		p.mu.Lock()
		p.stalled = time.Now().Add(stallPenalty)
		p.mu.Unlock()
	}
	return err
}

// serve sends a message of the server engine.
func (p *remotePeer) serve(ctx context.Context, msg message.BitSwapMessage) error {
	size := int64(0)
	for _, b := range msg.Blocks() {
		size += int64(len(b.RawData()))
	}
	if size == 0 {
		p.x.m.sent.WithLabelValues("answers").Inc()
		return p.control.send(ctx, p.openBitswap, writeMessage(msg))
	}
	x := p.x
	ctx, end := x.cuttable(ctx)
	defer end()
	if !x.mayServe(p.id) { // the mode has changed since the block was queued
		return errNotServed
	}
	gates := x.gates(p.id)
	for _, g := range gates {
		if err := g.enter(ctx); err != nil {
			return err
		}
		defer g.leave()
	}
	x.accounts.with(p.id, func(a *account) {
		for _, b := range msg.Blocks() {
			if d, ok := filestore.Digest(b.Cid()); ok {
				delete(a.due, d)
			}
		}
	})
	if err := p.data.send(ctx, p.openBitswap, writeMessage(msg, gates...)); err != nil {
		return err
	}
	x.books.add(p.id, PeerStats{Sent: size})
	x.m.sent.WithLabelValues("blocks").Inc()
	x.m.bytes.WithLabelValues("sent").Add(float64(size))
	return nil
}
