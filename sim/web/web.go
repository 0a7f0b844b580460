package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/sim/links"
)

// Endpoint is a node that speaks HTTP.
type Endpoint struct {
	net  links.Network
	node int
	id   peer.ID
	t    transport.Transport
}

// New returns an endpoint on the line of a node, beside what else is there. It must be
// closed.
func New(n links.Network, node int) (*Endpoint, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, err
	}
	t, err := n.Transport(node)(key, nil, &network.NullResourceManager{})
	if err != nil {
		return nil, err
	}
	return &Endpoint{net: n, node: node, id: id, t: t}, nil
}

// Node is the number of the node.
func (p *Endpoint) Node() int { return p.node }

// Close ends every connection of the endpoint.
func (p *Endpoint) Close() {
	if c, ok := p.t.(io.Closer); ok {
		_ = c.Close()
	}
}

// Dial opens a connection to another endpoint.
func (p *Endpoint) Dial(ctx context.Context, to *Endpoint) (transport.CapableConn, error) {
	return p.t.Dial(ctx, to.net.Addr(to.node), to.id)
}

// stream is a stream as a net.Conn. An owner closes its connection too.
type stream struct {
	network.MuxedStream
	conn  transport.CapableConn
	owner bool
}

func (s *stream) Close() error {
	err := s.MuxedStream.Close()
	if s.owner {
		err = errors.Join(err, s.conn.Close())
	}
	return err
}

func (s *stream) LocalAddr() net.Addr  { return addr{s.conn.LocalMultiaddr()} }
func (s *stream) RemoteAddr() net.Addr { return addr{s.conn.RemoteMultiaddr()} }

// addr is a multiaddr where net/http wants to print one.
type addr struct{ ma.Multiaddr }

func (addr) Network() string { return "libp2p" }

// Connect opens a connection to another endpoint, with one stream on it, as a
// net.Conn. Closing that closes the connection.
func (p *Endpoint) Connect(ctx context.Context, to *Endpoint) (net.Conn, error) {
	c, err := p.Dial(ctx, to)
	if err != nil {
		return nil, err
	}
	st, err := c.OpenStream(ctx)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &stream{MuxedStream: st, conn: c, owner: true}, nil
}

// Conn is a stream of a connection as a net.Conn. Closing it leaves the connection.
func Conn(st network.MuxedStream, c transport.CapableConn) net.Conn {
	return &stream{MuxedStream: st, conn: c}
}

// listener hands every stream of every connection to an HTTP server.
type listener struct {
	l       transport.Listener
	streams chan net.Conn
	closed  chan struct{}
	once    sync.Once
	wg      sync.WaitGroup

	mu    sync.Mutex
	conns []transport.CapableConn
}

func (p *Endpoint) listen() (*listener, error) {
	l, err := p.t.Listen(p.net.Addr(p.node))
	if err != nil {
		return nil, err
	}
	s := &listener{l: l, streams: make(chan net.Conn), closed: make(chan struct{})}
	s.wg.Go(s.accept)
	return s, nil
}

func (s *listener) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.wg.Go(func() {
			for {
				st, err := c.AcceptStream()
				if err != nil {
					return
				}
				select {
				case s.streams <- &stream{MuxedStream: st, conn: c}:
				case <-s.closed:
					_ = st.Reset()
					return
				}
			}
		})
	}
}

func (s *listener) Accept() (net.Conn, error) {
	select {
	case c := <-s.streams:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *listener) Close() error {
	s.once.Do(func() {
		close(s.closed)
		_ = s.l.Close()
		s.mu.Lock()
		conns := s.conns
		s.mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
		s.wg.Wait()
	})
	return nil
}

func (s *listener) Addr() net.Addr { return s.l.Addr() }

// Serve answers requests in the way of h until stop is called.
func (p *Endpoint) Serve(h http.Handler) (stop func(), err error) {
	l, err := p.listen()
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return func() {
		_ = srv.Close()
		_ = l.Close()
		<-done
	}, nil
}

// Object answers requests for content, or a range of it, after wait.
func Object(wait time.Duration, content func() io.ReadSeeker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, content())
	})
}
