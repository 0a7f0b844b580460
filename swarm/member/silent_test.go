package member

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	ma "github.com/multiformats/go-multiaddr"
)

// pipeTransport is a fake at the edge: connections over net.Pipe with yamux, so
// that a peer which says nothing can be watched in virtual time.
type pipeTransport struct {
	transport.Transport
	conns chan transport.CapableConn
}

type pipeConn struct {
	network.MuxedConn
	transport.CapableConn
	remote peer.ID
}

func (c *pipeConn) RemotePeer() peer.ID { return c.remote }
func (c *pipeConn) Close() error        { return c.MuxedConn.Close() }
func (c *pipeConn) CloseWithError(code network.ConnErrorCode) error {
	return c.MuxedConn.CloseWithError(code)
}
func (c *pipeConn) IsClosed() bool                             { return c.MuxedConn.IsClosed() }
func (c *pipeConn) As(target any) bool                         { return c.MuxedConn.As(target) }
func (c *pipeConn) AcceptStream() (network.MuxedStream, error) { return c.MuxedConn.AcceptStream() }
func (c *pipeConn) OpenStream(x context.Context) (network.MuxedStream, error) {
	return c.MuxedConn.OpenStream(x)
}

func (t *pipeTransport) Listen(ma.Multiaddr) (transport.Listener, error) { return t, nil }
func (t *pipeTransport) Addr() net.Addr                                  { return nil }
func (t *pipeTransport) Multiaddr() ma.Multiaddr                         { return nil }
func (t *pipeTransport) Close() error                                    { close(t.conns); return nil }

func (t *pipeTransport) Accept() (transport.CapableConn, error) {
	c, ok := <-t.conns
	if !ok {
		return nil, transport.ErrListenerClosed
	}
	return c, nil
}

// Peers that connect and say nothing, or too little, hold a place for
// handshakeTimeout and no longer, and members get in meanwhile until all places
// are taken.
func TestThreatDenialOfService_SilentConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, self := identity(t, 1)
		_, other := identity(t, 2)
		refused := 0
		done := make(chan struct{}, 1000)
		g := gate(t, fleetKey(1), self, 0, Options{Refused: func(peer.ID, error) { done <- struct{}{} }})
		inner := &pipeTransport{conns: make(chan transport.CapableConn)}
		l, err := g.Wrap(inner).Listen(nil)
		if err != nil {
			t.Fatal(err)
		}
		var remotes []network.MuxedConn
		connect := func() (ours *pipeConn, theirs network.MuxedConn) {
			a, b := net.Pipe()
			server, err := yamux.DefaultTransport.NewConn(a, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			client, err := yamux.DefaultTransport.NewConn(b, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			remotes = append(remotes, client)
			ours = &pipeConn{MuxedConn: server, remote: other}
			inner.conns <- ours
			return ours, client
		}
		var silent []*pipeConn
		for i := range mostPending {
			c, remote := connect()
			silent = append(silent, c)
			if i%2 == 0 { // some open a stream and stop in the middle of the magic
				s, err := remote.OpenStream(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Write([]byte(magic[:3])); err != nil {
					t.Fatal(err)
				}
			}
		}
		late, _ := connect()
		synctest.Wait()
		if !late.IsClosed() {
			t.Error("there is a place beyond the limit")
		}
		time.Sleep(handshakeTimeout - time.Millisecond)
		for i, c := range silent {
			if c.IsClosed() {
				t.Errorf("connection %d was closed early", i)
			}
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		for i, c := range silent {
			if !c.IsClosed() {
				t.Errorf("connection %d is still there after %v", i, handshakeTimeout)
			}
		}
		for range mostPending {
			<-done
			refused++
		}
		// Now a member comes in.
		member := gate(t, fleetKey(1), other, 0, Options{})
		_, theirs := connect()
		go func() { _, _ = member.dial(context.Background(), &pipeConn{MuxedConn: theirs, remote: self}) }()
		c, err := l.Accept()
		if err != nil || c.RemotePeer() != other {
			t.Fatalf("%v, %v", c, err)
		}
		_ = c.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, r := range remotes {
			_ = r.Close()
		}
	})
}
