package links

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	ma "github.com/multiformats/go-multiaddr"
	mafmt "github.com/multiformats/go-multiaddr-fmt"
	"github.com/quic-go/quic-go"
)

// What QUIC with quic-go does is done with the same numbers; they are those of
// quic-go v0.64 as go-libp2p configures it.
const (
	datagram      = 1280                                    // bytes of a full packet's UDP payload at first
	datagramMost  = 1452                                    // and at most
	datagramLine  = datagram + overhead                     // bytes of the first on the line
	headers       = 31                                      // bytes of a packet's payload that are no stream's data
	seekRounds    = 5                                       // round trips before a larger packet is tried
	seekLeast     = 22                                      // bytes that make it worth trying
	segmentMost   = 4                                       // packets in a segment
	segmentLine   = segmentMost * (datagramMost + overhead) // bytes of the largest segment on the line
	segmentTime   = 3 * time.Millisecond                    // that a segment takes on the slower line, if it is not one packet
	ackLine       = 61                                      // bytes of an acknowledgement, one for two packets
	handshakeData = 1000                                    // bytes with which a client ends the handshake: certificate and signature
	punchLine     = 64 + overhead                           // bytes of a packet that punches a hole
	serverHello   = 2 * datagramLine                        // bytes with which a server answers
	firstWindow   = 32 * datagram                           // of congestion control
	leastWindow   = 2                                       // packets, after losses
	mostWindow    = 10000 * datagram                        // ever
	firstRTT      = 100 * time.Millisecond                  // before it is measured
	handshakeIdle = 5 * time.Second                         // after which a dial fails
	keepAlive     = 15 * time.Second                        // after silence, a ping
	idleTimeout   = 30 * time.Second                        // of silence end a connection
	ackDelay      = 25 * time.Millisecond                   // that the peer may take to acknowledge
	acceptQueue   = 48                                      // connections that wait for Accept
	mostStreams   = 256                                     // that a peer has open
	streamWindow  = 512 << 10                               // of flow control at first
	streamWindowM = 10 << 20                                // at most
	connWindow    = 768 << 10                               // the same for all streams together
	connWindowM   = 15 << 20                                // at most
	initialTries  = 5                                       // of a client's first packet, within handshakeIdle
)

type fastNetwork struct {
	*core
	work sync.WaitGroup
}

// NewFast starts a network over the same lines whose nodes speak a model of
// QUIC that costs about a third of the CPU of a run: segments of up to four
// packets instead of packets, no encryption, no goroutines of its own but one.
//
// The model keeps what decides how long things take: the bytes and round trips
// of the handshake, quic-go's Reno with its initial window, hybrid slow start
// and pacing, losses by CoDel and by Loss with their retransmission, the search
// for larger packets (RFC 8899), windows of streams and connections, 256 streams,
// keep-alives and timeouts, and refusals by gater and resource manager. It leaves
// out: authentication (a node is who it says), address validation by Retry,
// migration to another address, delayed acknowledgements, and the order of
// packets within a segment: all its bytes are there when its last packet is.
func NewFast(t *Topology) (Network, error) {
	c, err := newCore(t, segmentLine)
	if err != nil {
		return nil, err
	}
	return &fastNetwork{core: c}, nil
}

func (n *fastNetwork) Close() {
	n.core.Close()
	n.work.Wait()
}

func (n *fastNetwork) Transport(i int) func(crypto.PrivKey, connmgr.ConnectionGater, network.ResourceManager) (transport.Transport, error) {
	return func(key crypto.PrivKey, gater connmgr.ConnectionGater, resources network.ResourceManager) (transport.Transport, error) {
		if resources == nil {
			resources = &network.NullResourceManager{}
		}
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			return nil, err
		}
		return &fastTransport{net: n, node: i, id: id, key: key.GetPublic(), gater: gater, resources: resources, sockets: map[uint16]*fastSocket{}, punching: map[punching]chan *fastConn{}}, nil
	}
}

type fastTransport struct {
	net       *fastNetwork
	node      int
	id        peer.ID
	key       crypto.PubKey
	gater     connmgr.ConnectionGater
	resources network.ResourceManager

	// With the core locked:
	sockets  map[uint16]*fastSocket
	punching map[punching]chan *fastConn
	closed   bool
}

var (
	_ transport.Transport = (*fastTransport)(nil)
	_ io.Closer           = (*fastTransport)(nil)
)

var fastAddrs = mafmt.And(mafmt.IP, mafmt.Base(ma.P_UDP), mafmt.Base(ma.P_QUIC_V1))

func (t *fastTransport) CanDial(a ma.Multiaddr) bool { return fastAddrs.Matches(a) }
func (t *fastTransport) Protocols() []int            { return []int{ma.P_QUIC_V1} }
func (t *fastTransport) Proxy() bool                 { return false }
func (t *fastTransport) String() string              { return "fast" }

// Close gives up the transport's ports and connections. Peers learn of it as
// they would from a machine that is gone.
func (t *fastTransport) Close() error {
	c := t.net.core
	c.mu.Lock()
	defer c.mu.Unlock()
	t.closed = true
	for port, s := range t.sockets {
		if c.nodes[t.node].ports[port] == receiver(s) {
			delete(c.nodes[t.node].ports, port)
		}
		s.close()
	}
	clear(t.sockets)
	return nil
}

// dialer returns the socket to dial from: one that listens if there is one. The
// core is locked.
func (t *fastTransport) dialer() (*fastSocket, error) {
	var any *fastSocket
	for _, s := range t.sockets {
		if any == nil || s.listener != nil && any.listener == nil || (s.listener != nil) == (any.listener != nil) && s.port < any.port {
			any = s
		}
	}
	if any != nil {
		return any, nil
	}
	return t.socket(0)
}

// socket returns the socket of a port; 0 is any free one. The core is locked.
func (t *fastTransport) socket(port uint16) (*fastSocket, error) {
	if t.closed || t.net.closed {
		return nil, net.ErrClosed
	}
	if s := t.sockets[port]; s != nil {
		return s, nil
	}
	s := &fastSocket{t: t, conns: map[*fastConn]struct{}{}}
	p, ok := t.net.bindLocked(t.node, port, s)
	if !ok {
		return nil, fmt.Errorf("links: node %d: %w", t.node, syscall.EADDRINUSE)
	}
	s.port = p
	s.addr = ma.StringCast(fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", t.net.nodes[t.node].ip, p))
	t.sockets[p] = s
	return s, nil
}

func (t *fastTransport) Listen(a ma.Multiaddr) (transport.Listener, error) {
	udp, _, err := quicreuse.FromQuicMultiaddr(a)
	if err != nil {
		return nil, err
	}
	if ip, got := t.net.nodes[t.node].ip, udp.AddrPort().Addr().Unmap(); !udp.IP.IsUnspecified() && got != ip {
		return nil, fmt.Errorf("links: node %d cannot listen on %s, its address is %s", t.node, got, ip)
	}
	c := t.net.core
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := t.socket(uint16(udp.Port))
	if err != nil {
		return nil, err
	}
	if s.listener != nil {
		return nil, fmt.Errorf("links: node %d: %w", t.node, syscall.EADDRINUSE)
	}
	l := &fastListener{s: s}
	l.wake.L = &c.mu
	s.listener = l
	return l, nil
}

func (t *fastTransport) Dial(ctx context.Context, a ma.Multiaddr, p peer.ID) (transport.CapableConn, error) {
	if punch, client, _ := network.GetSimultaneousConnect(ctx); punch && !client {
		return t.punch(ctx, a, p)
	}
	scope, err := t.resources.OpenConnection(network.DirOutbound, false, a)
	if err != nil {
		return nil, err
	}
	x, err := t.dial(ctx, a, p, scope)
	if err != nil {
		scope.Done()
		return nil, err
	}
	return x, nil
}

// punch sends packets to an address until the peer, who dials at the same time, is
// let in.
func (t *fastTransport) punch(ctx context.Context, a ma.Multiaddr, p peer.ID) (transport.CapableConn, error) {
	udp, _, err := quicreuse.FromQuicMultiaddr(a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeIdle)
	defer cancel()
	ap := udp.AddrPort()
	dst, known := t.net.find(t.node, ap.Addr())
	key, came := punching{a.String(), p}, make(chan *fastConn, 1)
	c := t.net.core
	c.mu.Lock()
	s, err := t.dialer()
	if err == nil && t.punching[key] != nil {
		err = errors.New("links: a hole is being punched to that peer")
	}
	if err != nil {
		c.mu.Unlock()
		return nil, err
	}
	t.punching[key] = came
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(t.punching, key)
	}()
	for i := 1; ; i++ {
		if known {
			c.mu.Lock()
			c.send(t.node, dst, (&message{kind: punchMessage}).on(s.port, ap.Port(), punchLine, 1, s))
			c.mu.Unlock()
		}
		timer := time.NewTimer(10*time.Millisecond + time.Duration(min(10*(i+1)*(i+1), 200))*time.Millisecond/2)
		select {
		case x := <-came:
			timer.Stop()
			return x, nil
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			select {
			case x := <-came:
				return x, nil
			default:
				return nil, ctx.Err()
			}
		}
	}
}

// punching is whom a hole is punched to, and where.
type punching struct {
	addr string
	peer peer.ID
}

func (t *fastTransport) dial(ctx context.Context, a ma.Multiaddr, p peer.ID, scope network.ConnManagementScope) (*fastConn, error) {
	if err := scope.SetPeer(p); err != nil {
		return nil, err
	}
	udp, _, err := quicreuse.FromQuicMultiaddr(a)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ap := udp.AddrPort()
	dst, known := t.net.find(t.node, ap.Addr())
	c := t.net.core
	c.mu.Lock()
	s, err := t.dialer()
	if err != nil {
		c.mu.Unlock()
		return nil, err
	}
	c.run()
	x := newFastConn(s, dst, ap.Port(), network.DirOutbound)
	x.scope, x.remoteID, x.remote = scope, p, a
	x.dialed = make(chan error, 1)
	x.hello(known, 0)
	c.arm()
	c.mu.Unlock()

	select {
	case err = <-x.dialed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err == nil && t.gater != nil && !t.gater.InterceptSecured(network.DirOutbound, p, x) {
		_ = x.end(network.ConnGated)
		return nil, errors.New("secured connection gated")
	}
	if err != nil {
		_ = x.end(0)
		return nil, err
	}
	return x, nil
}

// fastSocket is a port of a node.
type fastSocket struct {
	t        *fastTransport
	port     uint16
	addr     ma.Multiaddr
	listener *fastListener
	conns    map[*fastConn]struct{} // open
}

func (s *fastSocket) close() {
	for x := range s.conns {
		x.fail(net.ErrClosed)
	}
	if s.listener != nil {
		s.listener.closed = true
		s.listener.wake.Broadcast()
		s.listener = nil
	}
}

func (s *fastSocket) dropped(*packet) {} // the sender finds out by itself

func (s *fastSocket) receive(p *packet) {
	m := p.body.(*message)
	switch m.kind {
	case punchMessage:
		return
	case helloMessage:
		s.hello(m)
		return
	}
	x := m.to
	if x.socket != s || x.err != nil {
		// What QUIC's stateless reset and repeated close do.
		if m.kind == segmentMessage {
			s.t.net.send(s.t.node, m.from.socket.t.node, (&message{kind: closeMessage, to: m.from, code: x.code, reset: x.socket != s || !x.told}).on(s.port, m.packet.from, ackLine, 1, s))
		}
		return
	}
	x.receive(m)
}

// hello answers a client's first packet. Whether it may connect is asked
// without the lock, since it is foreign code that answers.
func (s *fastSocket) hello(m *message) {
	client := m.from
	if s.listener == nil || client.err != nil {
		return
	}
	if x := client.peer; x != nil {
		if x.socket == s && x.answered && x.err == nil {
			x.answer(m.sent)
		}
		return
	}
	x := newFastConn(s, client.socket.t.node, m.packet.from, network.DirInbound)
	client.peer, x.peer = x, client
	x.remote, x.remoteID, x.remoteKey = client.socket.addr, client.socket.t.id, client.socket.t.key
	if m.via != nil {
		x.remote = m.via.multi
	}
	c := s.t.net.core
	s.t.net.work.Go(func() {
		scope, err := s.t.resources.OpenConnection(network.DirInbound, false, x.remote)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.run()
		switch {
		case err != nil:
			x.close(network.ConnResourceLimitExceeded)
		case x.err != nil:
			scope.Done()
		default:
			x.scope = scope
			x.answered = true
			x.answer(m.sent)
			c.push(event{at: c.now + int64(handshakeIdle), f: func() {
				if !x.ready {
					x.fail(&quic.IdleTimeoutError{})
				}
			}})
		}
		c.arm()
	})
}

type fastListener struct {
	s      *fastSocket
	wake   sync.Cond
	queue  []*fastConn
	closed bool
}

// Accept returns the next connection that gater and resource manager let in.
func (l *fastListener) Accept() (transport.CapableConn, error) {
	c, t := l.s.t.net.core, l.s.t
	for {
		c.mu.Lock()
		for len(l.queue) == 0 && !l.closed {
			l.wake.Wait()
		}
		if l.closed {
			c.mu.Unlock()
			return nil, transport.ErrListenerClosed
		}
		x := l.queue[0]
		l.queue = l.queue[1:]
		x.accepted = true
		c.mu.Unlock()
		if err := x.scope.SetPeer(x.remoteID); err != nil {
			_ = x.CloseWithError(network.ConnResourceLimitExceeded)
			continue
		}
		if t.gater != nil && !(t.gater.InterceptAccept(x) && t.gater.InterceptSecured(network.DirInbound, x.remoteID, x)) {
			_ = x.CloseWithError(network.ConnGated)
			continue
		}
		c.mu.Lock()
		came := t.punching[punching{x.remote.String(), x.remoteID}]
		c.mu.Unlock()
		if came != nil {
			select {
			case came <- x:
				continue
			default:
			}
		}
		return x, nil
	}
}

// Close ends Accept. Connections that it did not return are closed, others
// live on.
func (l *fastListener) Close() error {
	c := l.s.t.net.core
	c.mu.Lock()
	c.run()
	waiting := l.queue
	l.queue, l.closed = nil, true
	if l.s.listener == l {
		l.s.listener = nil
	}
	l.wake.Broadcast()
	for _, x := range waiting {
		x.close(network.ConnShutdown)
	}
	c.arm()
	c.mu.Unlock()
	return nil
}

func (l *fastListener) Multiaddr() ma.Multiaddr { return l.s.addr }

func (l *fastListener) Addr() net.Addr {
	return &net.UDPAddr{IP: l.s.t.net.nodes[l.s.t.node].ip.AsSlice(), Port: int(l.s.port)}
}
