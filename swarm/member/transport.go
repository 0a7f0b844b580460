package member

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
)

// Wrap puts the gate before a transport: connections that it returns are to
// members (or, where the gate allows, strangers that came by themselves).
func (g *Gate) Wrap(t transport.Transport) transport.Transport {
	gated := &gatedTransport{Transport: t, gate: g}
	if u, ok := t.(transport.DialUpdater); ok {
		return &gatedUpdater{gated, u}
	}
	if r, ok := t.(transport.SkipResolver); ok {
		return &gatedRelay{gated, r}
	}
	return gated
}

type gatedTransport struct {
	transport.Transport
	gate *Gate
}

// gatedUpdater is a gatedTransport over one that reports the progress of a dial,
// by which the host ranks dials.
type gatedUpdater struct {
	*gatedTransport
	inner transport.DialUpdater
}

// gatedRelay is a gatedTransport over one that resolves names itself: the name in a
// relayed address is the relay's.
type gatedRelay struct {
	*gatedTransport
	transport.SkipResolver
}

func (t *gatedTransport) Dial(ctx context.Context, addr ma.Multiaddr, p peer.ID) (transport.CapableConn, error) {
	c, err := t.Transport.Dial(ctx, addr, p)
	if err != nil {
		return nil, err
	}
	return t.shake(ctx, c)
}

func (t *gatedUpdater) DialWithUpdates(ctx context.Context, addr ma.Multiaddr, p peer.ID, updates chan<- transport.DialUpdate) (transport.CapableConn, error) {
	c, err := t.inner.DialWithUpdates(ctx, addr, p, updates)
	if err != nil {
		return nil, err
	}
	return t.shake(ctx, c)
}

func (t *gatedTransport) shake(ctx context.Context, c transport.CapableConn) (transport.CapableConn, error) {
	// Of two that punch a hole both dial; the one that is the server of the
	// security handshake waits for the other's certificate.
	show := t.gate.dial
	if simultaneous, client, _ := network.GetSimultaneousConnect(ctx); simultaneous && !client {
		show = t.gate.await
	}
	epoch, err := show(ctx, c)
	if err != nil {
		_ = c.CloseWithError(network.ConnGated)
		err = fmt.Errorf("%w: %s: %w", ErrNotMember, c.RemotePeer(), err)
		t.gate.opts.Refused(c.RemotePeer(), err)
		return nil, err
	}
	return &memberConn{CapableConn: c, transport: t, epoch: epoch}, nil
}

// Close closes the transport under the gate if it can be.
func (t *gatedTransport) Close() error {
	if c, ok := t.Transport.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// ListenOrder keeps the order in which the host starts its listeners.
func (t *gatedTransport) ListenOrder() int {
	if o, ok := t.Transport.(interface{ ListenOrder() int }); ok {
		return o.ListenOrder()
	}
	return 0
}

func (t *gatedTransport) Listen(addr ma.Multiaddr) (transport.Listener, error) {
	inner, err := t.Transport.Listen(addr)
	if err != nil {
		return nil, err
	}
	l := &gatedListener{Listener: inner, transport: t, accepted: make(chan transport.CapableConn, acceptQueue), ended: make(chan struct{})}
	go l.run()
	return l, nil
}

// A gatedListener accepts connections in a goroutine of its own, so that one peer
// that is slow to show its certificate does not hold up the others.
type gatedListener struct {
	transport.Listener
	transport *gatedTransport
	accepted  chan transport.CapableConn
	ended     chan struct{} // closed when the listener under it has ended, with err set
	err       error
	pending   sync.WaitGroup
}

func (l *gatedListener) run() {
	ctx, cancel := context.WithCancel(context.Background())
	places := make(chan struct{}, mostPending)
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.err = err
			break
		}
		select {
		case places <- struct{}{}:
		default:
			_ = c.CloseWithError(network.ConnResourceLimitExceeded)
			continue
		}
		l.pending.Go(func() {
			defer func() { <-places }()
			if gated := l.transport.admit(ctx, c); gated != nil {
				select {
				case l.accepted <- gated:
				case <-ctx.Done():
					_ = gated.Close()
				}
			}
		})
	}
	cancel()
	l.pending.Wait()
	close(l.ended)
	for { // those whom nobody will take any more
		select {
		case c := <-l.accepted:
			_ = c.Close()
		default:
			return
		}
	}
}

// Accept returns the next member's connection.
func (l *gatedListener) Accept() (transport.CapableConn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.ended:
		return nil, l.err
	}
}

// Close ends the listener; connections that have shown nothing yet are closed.
func (l *gatedListener) Close() error {
	err := l.Listener.Close()
	<-l.ended
	return err
}

// admit returns the connection if its peer is a member, or a stranger that may
// come in, and else closes it and returns nil.
func (t *gatedTransport) admit(ctx context.Context, c transport.CapableConn) transport.CapableConn {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	gated, err := t.identify(ctx, c)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.CloseWithError(network.ConnGated)
		t.gate.opts.Refused(c.RemotePeer(), fmt.Errorf("%w: %s: %w", ErrNotMember, c.RemotePeer(), err))
		return nil
	}
	return gated
}

func (t *gatedTransport) identify(ctx context.Context, c transport.CapableConn) (transport.CapableConn, error) {
	s, head, err := firstBytes(ctx, c)
	if err != nil && (len(head) == 0 || !t.gate.opts.Strangers) {
		return nil, err
	}
	if err != nil {
		return &strangerConn{CapableConn: c, transport: t, first: &unreadStream{MuxedStream: s, head: head}}, nil
	}
	epoch, err := t.gate.listen(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return &memberConn{CapableConn: c, transport: t, epoch: epoch}, nil
}

// memberConn is a connection with a member.
type memberConn struct {
	transport.CapableConn
	transport transport.Transport
	epoch     uint32
}

func (c *memberConn) Transport() transport.Transport { return c.transport }

// Stat tells what the connection under it does: that it is a relay's, with limits.
func (c *memberConn) Stat() network.ConnStats { return statOf(c.CapableConn) }

func statOf(c transport.CapableConn) network.ConnStats {
	if s, ok := c.(network.ConnStat); ok {
		return s.Stat()
	}
	return network.ConnStats{}
}

// As fills in a *Member, or what the connection under it knows.
func (c *memberConn) As(target any) bool {
	if m, ok := target.(*Member); ok {
		*m = Member{Epoch: c.epoch}
		return true
	}
	return c.CapableConn.As(target)
}

// Member is what a connection's As tells about the peer at its other end, if that
// is a member.
type Member struct{ Epoch uint32 }

// IsStranger tells whether a connection was let in without a certificate. The
// connections of a host without a gate are none.
func IsStranger(c interface{ As(any) bool }) bool {
	var s stranger
	return c.As(&s)
}

type stranger struct{}

// strangerConn is a connection with a peer that showed no certificate. Its first
// stream was opened to see that.
type strangerConn struct {
	transport.CapableConn
	transport transport.Transport
	mu        sync.Mutex
	first     network.MuxedStream // nil once it was accepted
}

func (c *strangerConn) Transport() transport.Transport { return c.transport }

// Stat is memberConn's.
func (c *strangerConn) Stat() network.ConnStats { return statOf(c.CapableConn) }

func (c *strangerConn) As(target any) bool {
	if _, ok := target.(*stranger); ok {
		return true
	}
	return c.CapableConn.As(target)
}

func (c *strangerConn) AcceptStream() (network.MuxedStream, error) {
	c.mu.Lock()
	s := c.first
	c.first = nil
	c.mu.Unlock()
	if s != nil {
		return s, nil
	}
	return c.CapableConn.AcceptStream()
}

// unreadStream is a stream some of whose bytes were read and are read again.
type unreadStream struct {
	network.MuxedStream
	mu   sync.Mutex
	head []byte
}

func (s *unreadStream) Read(b []byte) (int, error) {
	s.mu.Lock()
	if len(s.head) > 0 {
		n := copy(b, s.head)
		s.head = s.head[n:]
		s.mu.Unlock()
		return n, nil
	}
	s.mu.Unlock()
	return s.MuxedStream.Read(b)
}
