package links

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/transport"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"

	"camswarm/swarm/p2p"
)

// receiveBuffer is how much a socket holds that the host has not read yet: what
// quic-go asks the kernel for.
const receiveBuffer = 7 << 20

type quicNetwork struct{ *core }

// NewQUIC starts a network whose nodes speak QUIC: go-libp2p's own transport
// and quic-go, over lines that carry every packet of theirs. It must be called
// in the bubble that its nodes live in, and when the bubble's clock is past
// 2026, or certificates are not valid.
func NewQUIC(t *Topology) (Network, error) {
	c, err := newCore(t, mtu)
	if err != nil {
		return nil, err
	}
	// The buffers that quic-go would ask the kernel for are receiveBuffer here.
	if err := os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true"); err != nil {
		return nil, err
	}
	return &quicNetwork{c}, nil
}

func (c *core) Addr(i int) ma.Multiaddr { return addrOf(c.nodes[i].ip) }

func (n *quicNetwork) Transport(i int) func(crypto.PrivKey, connmgr.ConnectionGater, network.ResourceManager) (transport.Transport, error) {
	return func(key crypto.PrivKey, gater connmgr.ConnectionGater, resources network.ResourceManager) (transport.Transport, error) {
		if resources == nil {
			resources = &network.NullResourceManager{}
		}
		reset, token, err := quicKeys(key)
		if err != nil {
			return nil, err
		}
		manager, err := quicreuse.NewConnManager(reset, token,
			quicreuse.OverrideListenUDP(func(_ string, a *net.UDPAddr) (net.PacketConn, error) { return n.listen(i, a) }),
			quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) {
				return sourceIP(n.nodes[i].ip.AsSlice()), nil
			}),
			quicreuse.ConnContext(func(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
				addr, err := quicreuse.ToQuicMultiaddr(info.RemoteAddr, quic.Version1)
				if err != nil {
					return ctx, err
				}
				scope, err := resources.OpenConnection(network.DirInbound, false, addr)
				if err != nil {
					return ctx, err
				}
				ctx = network.WithConnManagementScope(ctx, scope)
				context.AfterFunc(ctx, scope.Done)
				return ctx, nil
			}),
			quicreuse.VerifySourceAddress(func(a net.Addr) bool { return resources.VerifySourceAddress(a) }))
		if err != nil {
			return nil, err
		}
		p2p.TuneQUIC(manager)
		t, err := libp2pquic.NewTransport(key, manager, nil, gater, resources)
		if err != nil {
			return nil, errors.Join(err, manager.Close())
		}
		return &quicTransport{Transport: t, manager: manager}, nil
	}
}

// quicTransport closes its sockets with it: the swarm closes transports after
// their listeners and connections.
type quicTransport struct {
	transport.Transport
	manager *quicreuse.ConnManager
	once    sync.Once
}

var _ io.Closer = (*quicTransport)(nil)

func (t *quicTransport) Close() (err error) {
	t.once.Do(func() { err = t.manager.Close() })
	return err
}

type sourceIP net.IP

func (s sourceIP) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return net.IP(s), nil
}

// quicKeys derives QUIC's keys from the identity as go-libp2p does, so that a
// node that comes back ends its old connections at once.
func quicKeys(key crypto.PrivKey) (reset quic.StatelessResetKey, token quic.TokenGeneratorKey, err error) {
	secret, err := key.Raw()
	if err != nil {
		return reset, token, err
	}
	for label, out := range map[string][]byte{"libp2p quic stateless reset key": reset[:], "libp2p quic token generator key": token[:]} {
		derived, err := hkdf.Key(sha256.New, secret, nil, label, len(out))
		if err != nil {
			return reset, token, err
		}
		copy(out, derived)
	}
	return reset, token, nil
}

func (n *quicNetwork) listen(node int, a *net.UDPAddr) (*socket, error) {
	ip := n.nodes[node].ip
	if got := a.AddrPort().Addr().Unmap(); !a.IP.IsUnspecified() && got != ip {
		return nil, fmt.Errorf("links: node %d cannot listen on %s, its address is %s", node, got, ip)
	}
	s := &socket{core: n.core, node: node}
	s.wake.L = &s.mu
	p, ok := n.bind(node, uint16(a.Port), s)
	if !ok {
		return nil, fmt.Errorf("links: node %d: %w", node, syscall.EADDRINUSE)
	}
	s.addr = &net.UDPAddr{IP: ip.AsSlice(), Port: int(p)}
	return s, nil
}

// socket is a UDP socket of a node. One that is not read drops what does not
// fit its buffer and holds up nobody else.
type socket struct {
	core *core
	node int
	addr *net.UDPAddr

	mu         sync.Mutex
	wake       sync.Cond
	head, tail *packet
	bytes      int
	closed     bool
	deadline   time.Time
	timer      *time.Timer
}

var _ net.PacketConn = (*socket)(nil)

var packets = sync.Pool{New: func() any { return &packet{data: make([]byte, 0, mtu)} }}

func free(p *packet) {
	*p = packet{data: p.data[:0]}
	packets.Put(p)
}

func (s *socket) receive(p *packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.bytes+p.size > receiveBuffer {
		free(p)
		return
	}
	if s.tail == nil {
		s.head = p
		s.wake.Broadcast()
	} else {
		s.tail.next = p
	}
	s.tail = p
	s.bytes += p.size
}

func (s *socket) dropped(p *packet) { free(p) }

func (s *socket) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	for s.head != nil {
		p := s.head
		s.head = p.next
		free(p)
	}
	s.tail = nil
	s.wake.Broadcast()
}

func (s *socket) Close() error {
	s.core.unbind(s.node, uint16(s.addr.Port), s)
	s.close()
	return nil
}

func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.head == nil || s.closed {
		if s.closed {
			return 0, nil, net.ErrClosed
		}
		if !s.deadline.IsZero() && !time.Now().Before(s.deadline) {
			return 0, nil, os.ErrDeadlineExceeded
		}
		s.wake.Wait()
	}
	p := s.head
	if s.head = p.next; s.head == nil {
		s.tail = nil
	}
	s.bytes -= p.size
	n, from := copy(b, p.data), p.addr
	free(p)
	return n, from, nil
}

func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("links: cannot send to a %s address", to.Network())
	}
	if len(b)+overhead > mtu {
		return 0, fmt.Errorf("links: a packet of %d bytes: %w", len(b), syscall.EMSGSIZE)
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	dst, ok := s.core.find(s.node, a.AddrPort().Addr())
	if !ok {
		return len(b), nil
	}
	p := packets.Get().(*packet)
	p.data = append(p.data, b...)
	p.size, p.from, p.to, p.addr, p.src = len(b)+overhead, uint16(s.addr.Port), uint16(a.Port), s.addr, s
	s.core.mu.Lock()
	s.core.send(s.node, dst, p)
	s.core.mu.Unlock()
	return len(b), nil
}

func (s *socket) LocalAddr() net.Addr { return s.addr }

func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if wait := time.Until(t); !t.IsZero() && wait > 0 && !s.closed {
		s.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wake.Broadcast()
		})
	}
	s.wake.Broadcast()
	return nil
}

// SetDeadline sets the deadline of reads; writes never wait.
func (s *socket) SetDeadline(t time.Time) error { return s.SetReadDeadline(t) }

func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// The sizes of buffers are fixed; quic-go warns of sockets that cannot set them.
func (s *socket) SetReadBuffer(int) error  { return nil }
func (s *socket) SetWriteBuffer(int) error { return nil }

// SyscallConn lets quic-go look for packets larger than 1280 bytes, as on a kernel's
// socket: it does where it may forbid fragmentation, by an option of a descriptor. These
// lines never fragment.
func (s *socket) SyscallConn() (syscall.RawConn, error) { return descriptor{}, nil }

// descriptor stands in for a socket's: a real one, for as long as the question takes.
type descriptor struct{}

func (descriptor) Control(f func(uintptr)) error {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("links: a socket whose options can be set: %w", err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(f)
}

func (descriptor) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (descriptor) Write(func(uintptr) bool) error { return errors.ErrUnsupported }
