package links

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ttransport "github.com/libp2p/go-libp2p/p2p/transport/testsuite"
	ma "github.com/multiformats/go-multiaddr"
)

type testTransport struct {
	transport.Transport
	id peer.ID
}

func newTransport(t *testing.T, n Network, i int, gater connmgr.ConnectionGater, resources network.ResourceManager) testTransport {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := n.Transport(i)(key, gater, resources)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return testTransport{tr, id}
}

func (t testTransport) close() { _ = t.Transport.(io.Closer).Close() }

func pairTopology() *Topology {
	return &Topology{Nodes: []Node{{Up: 100e6, Down: 100e6}, {Up: 100e6, Down: 100e6}}, Delay: func(a, b int) time.Duration { return 10 * time.Millisecond }}
}

// transports runs f with a transport on each of two nodes, in both networks.
func transports(t *testing.T, f func(t *testing.T, n Network, a, b testTransport)) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
				n, err := k.make(pairTopology())
				if err != nil {
					t.Fatal(err)
				}
				defer n.Close()
				a, b := newTransport(t, n, 0, nil, nil), newTransport(t, n, 1, nil, nil)
				defer a.close()
				defer b.close()
				f(t, n, a, b)
			})
		})
	}
}

// conns runs f with a connection that x dialled and y accepted.
func conns(t *testing.T, f func(t *testing.T, x, y transport.CapableConn)) {
	t.Helper()
	transports(t, func(t *testing.T, n Network, a, b testTransport) {
		l, err := b.Listen(n.Addr(1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		x, err := a.Dial(context.Background(), n.Addr(1), b.id)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		y, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer y.Close()
		f(t, x, y)
	})
}

// streams runs f with the two sides of a stream over which a byte has come.
func streams(t *testing.T, f func(t *testing.T, a, b network.MuxedStream)) {
	t.Helper()
	conns(t, func(t *testing.T, x, y transport.CapableConn) {
		a, err := x.OpenStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("!")); err != nil {
			t.Fatal(err)
		}
		b, err := y.AcceptStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		f(t, a, b)
	})
}

func TestLibp2psTransportSuite(t *testing.T) {
	for _, k := range kinds {
		for _, sub := range ttransport.Subtests {
			name := runtime.FuncForPC(reflect.ValueOf(sub).Pointer()).Name()
			name = name[strings.LastIndex(name, ".")+1:]
			if k.name == "quic" && strings.Contains(name, "Stress") {
				continue // quic-go's own affair, and slow
			}
			t.Run(k.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
					n, err := k.make(&Topology{Nodes: []Node{{}, {}}}) // no time passes on these lines
					if err != nil {
						t.Fatal(err)
					}
					defer n.Close()
					a, b := newTransport(t, n, 0, nil, nil), newTransport(t, n, 1, nil, nil)
					defer a.close()
					defer b.close()
					sub(t, a, b, ma.StringCast(strings.Replace(n.Addr(0).String(), "8000", "0", 1)), a.id)
					time.Sleep(time.Minute) // timeouts of the suite's
				})
			})
		}
	}
}

func TestDialingTakesARoundTripAndTellsWhoIsThere(t *testing.T) {
	transports(t, func(t *testing.T, n Network, a, b testTransport) {
		l, err := b.Listen(n.Addr(1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		start := time.Now()
		x, err := a.Dial(context.Background(), n.Addr(1), b.id)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		if took := time.Since(start); took < 20*time.Millisecond || took > 24*time.Millisecond {
			t.Errorf("dialing over a round trip of 20 ms took %v", took)
		}
		y, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer y.Close()
		if took := time.Since(start); took < 30*time.Millisecond || took > 36*time.Millisecond {
			t.Errorf("accepting took %v", took)
		}
		for _, c := range []struct {
			conn          transport.CapableConn
			local, remote peer.ID
			to            ma.Multiaddr
		}{{x, a.id, b.id, n.Addr(1)}, {y, b.id, a.id, y.RemoteMultiaddr()}} {
			id, err := peer.IDFromPublicKey(c.conn.RemotePublicKey())
			if err != nil || id != c.remote || c.conn.RemotePeer() != c.remote || c.conn.LocalPeer() != c.local || !c.conn.RemoteMultiaddr().Equal(c.to) {
				t.Errorf("connection to %v, %v at %v", c.conn.RemotePeer(), id, c.conn.RemoteMultiaddr())
			}
			if c.conn.ConnState().Transport != "quic-v1" {
				t.Error(c.conn.ConnState())
			}
		}
		if !y.LocalMultiaddr().Equal(n.Addr(1)) || !strings.HasPrefix(y.RemoteMultiaddr().String(), strings.TrimSuffix(n.Addr(0).String(), "/udp/8000/quic-v1")) {
			t.Error(y.LocalMultiaddr(), y.RemoteMultiaddr())
		}
		start = time.Now()
		s, err := x.OpenStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if s, err := y.AcceptStream(); err == nil {
				_, _ = io.Copy(s, s)
				_ = s.Close()
			}
		}()
		if _, err := s.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(s, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 20*time.Millisecond || took > 22*time.Millisecond {
			t.Errorf("a ping over a round trip of 20 ms took %v", took)
		}
		_ = s.Close()
	})
}

func TestDialingFails(t *testing.T) {
	transports(t, func(t *testing.T, n Network, a, b testTransport) {
		// Nobody listens, and nobody is there at all.
		for _, to := range []ma.Multiaddr{n.Addr(1), ma.StringCast("/ip4/9.9.9.9/udp/1/quic-v1")} {
			start := time.Now()
			if c, err := a.Dial(context.Background(), to, b.id); err == nil {
				c.Close()
				t.Error("dialled", to)
			}
			if took := time.Since(start); took < 4*time.Second || took > 11*time.Second {
				t.Errorf("dialing %v failed after %v", to, took)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			start = time.Now()
			if c, err := a.Dial(ctx, to, b.id); err == nil {
				c.Close()
				t.Error("dialled", to)
			} else if took := time.Since(start); took != time.Second {
				t.Errorf("dialing with 1 s took %v", took)
			}
			cancel()
		}
		// Another peer is there.
		l, err := b.Listen(n.Addr(1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if c, err := a.Dial(context.Background(), n.Addr(1), a.id); err == nil {
			c.Close()
			t.Error("dialled another peer than the one asked for")
		}
		// The address is another node's, or taken.
		if l, err := a.Listen(n.Addr(1)); err == nil {
			l.Close()
			t.Error("listens on another node's address")
		}
		twin := newTransport(t, n, 1, nil, nil)
		defer twin.close()
		if l, err := twin.Listen(n.Addr(1)); err == nil {
			l.Close()
			t.Error("two listen on one address")
		}
	})
}

func TestHalfClose(t *testing.T) {
	streams(t, func(t *testing.T, a, b network.MuxedStream) {
		defer a.Close()
		defer b.Close()
		if err := a.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write([]byte("x")); err == nil {
			t.Error("wrote after CloseWrite")
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Error("the second time:", err)
		}
		if _, err := b.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		if err := b.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(a); err != nil || string(got) != "late" {
			t.Error(string(got), err)
		}
	})
}

func TestCloseDeliversWhatWasWritten(t *testing.T) {
	streams(t, func(t *testing.T, a, b network.MuxedStream) {
		defer b.Close()
		const size = 3_000_000
		go func() {
			if _, err := a.Write(make([]byte, size)); err != nil {
				t.Error(err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}()
		if n, err := io.Copy(io.Discard, b); err != nil || n != size {
			t.Error(n, err)
		}
	})
}

func TestResets(t *testing.T) {
	wants := func(t *testing.T, err error, code network.StreamErrorCode, remote bool) {
		t.Helper()
		if !errors.Is(err, &network.StreamError{ErrorCode: code, Remote: remote}) || !errors.Is(err, network.ErrReset) {
			t.Errorf("want code %d, remote %v, got %v", code, remote, err)
		}
	}
	t.Run("by the writer", func(t *testing.T) {
		streams(t, func(t *testing.T, a, b network.MuxedStream) {
			if _, err := a.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if err := a.ResetWithError(7); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			_, err := a.Write([]byte("x"))
			wants(t, err, 7, false)
			_, err = a.Read(make([]byte, 1))
			wants(t, err, 7, false)
			_, err = b.Read(make([]byte, 1))
			wants(t, err, 7, true)
			_, err = b.Write([]byte("x"))
			wants(t, err, 7, true)
			_ = b.Reset()
		})
	})
	t.Run("while the other side waits", func(t *testing.T) {
		streams(t, func(t *testing.T, a, b network.MuxedStream) {
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := b.Read(make([]byte, 1))
				wants(t, err, 0, true)
			})
			wg.Go(func() {
				_, err := b.Write(make([]byte, 50<<20)) // more than any window
				wants(t, err, 0, true)
			})
			time.Sleep(time.Second)
			_ = a.Reset()
			wg.Wait()
			_ = b.Reset()
		})
	})
	t.Run("of reading only", func(t *testing.T) {
		streams(t, func(t *testing.T, a, b network.MuxedStream) {
			if err := b.CloseRead(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
			_, err := a.Write([]byte("x"))
			wants(t, err, 0, true)
			if _, err := b.Write([]byte("still")); err != nil {
				t.Error(err)
			}
			_ = b.CloseWrite()
			if got, err := io.ReadAll(a); err != nil || string(got) != "still" {
				t.Error(string(got), err)
			}
			_ = a.Close()
			_ = b.Close()
		})
	})
}

func TestDeadlines(t *testing.T) {
	streams(t, func(t *testing.T, a, b network.MuxedStream) {
		defer a.Reset()
		defer b.Reset()
		start := time.Now()
		_ = a.SetReadDeadline(start.Add(time.Second))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took < time.Second || took > time.Second+time.Millisecond {
			t.Error("reading took", took)
		}
		start = time.Now()
		_ = a.SetWriteDeadline(start.Add(2 * time.Second))
		n, err := a.Write(make([]byte, 50<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 50<<20 {
			t.Error(n, err)
		}
		if took := time.Since(start); took < 2*time.Second || took > 2*time.Second+time.Millisecond {
			t.Error("writing took", took)
		}
		// One that is set while a reader waits, and one that is taken away.
		_ = a.SetDeadline(time.Time{})
		time.AfterFunc(time.Second, func() { _ = a.SetReadDeadline(time.Now()) })
		start = time.Now()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) > 1100*time.Millisecond {
			t.Error(time.Since(start), err)
		}
		_ = a.SetReadDeadline(time.Now().Add(time.Second))
		_ = a.SetReadDeadline(time.Time{})
		time.AfterFunc(3*time.Second, func() { _, _ = b.Write([]byte("x")) })
		if _, err := a.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestAReaderThatDoesNotReadHoldsUpItsStreamOnly(t *testing.T) {
	conns(t, func(t *testing.T, x, y transport.CapableConn) {
		stuck, err := x.OpenStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan int)
		_ = stuck.SetWriteDeadline(time.Now().Add(10 * time.Second))
		go func() {
			n, _ := stuck.Write(make([]byte, 50<<20))
			wrote <- n
		}()
		if _, err := y.AcceptStream(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		s, err := x.OpenStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = s.Write(make([]byte, 1<<20))
			_ = s.CloseWrite()
		}()
		r, err := y.AcceptStream()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); n != 1<<20 || err != nil {
			t.Error(n, err)
		}
		if n := <-wrote; n < 256<<10 || n > 2<<20 {
			t.Errorf("%d bytes were taken with nobody reading", n)
		}
	})
}

func TestClosingAConnection(t *testing.T) {
	conns(t, func(t *testing.T, x, y transport.CapableConn) {
		s, err := x.OpenStream(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, c := range []struct {
			conn   transport.CapableConn
			remote bool
		}{{x, false}, {y, true}} {
			wg.Go(func() {
				_, err := c.conn.AcceptStream()
				if !errors.Is(err, &network.ConnError{ErrorCode: network.ConnShutdown, Remote: c.remote}) {
					t.Errorf("remote %v: %v", c.remote, err)
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		if err := x.CloseWithError(network.ConnShutdown); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if !x.IsClosed() || !y.IsClosed() {
			t.Error("open")
		}
		if _, err := s.Write([]byte("x")); err == nil {
			t.Error("wrote")
		}
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("read")
		}
		for _, c := range []transport.CapableConn{x, y} {
			if _, err := c.OpenStream(context.Background()); err == nil {
				t.Error("opened a stream")
			}
		}
	})
}

func TestAPeerMayHave256StreamsOpen(t *testing.T) {
	conns(t, func(t *testing.T, x, y transport.CapableConn) {
		var open []network.MuxedStream
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			s, err := x.OpenStream(ctx)
			cancel()
			if err != nil {
				break
			}
			if _, err := s.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			open = append(open, s)
		}
		if len(open) != 256 {
			t.Errorf("%d streams", len(open))
		}
		accepted := make([]network.MuxedStream, len(open))
		for i := range accepted {
			s, err := y.AcceptStream()
			if err != nil {
				t.Fatal(err)
			}
			accepted[i] = s
		}
		opened := make(chan error)
		go func() {
			_, err := x.OpenStream(context.Background())
			opened <- err
		}()
		time.Sleep(time.Second)
		_ = open[0].Reset()
		_ = accepted[0].Reset()
		if err := <-opened; err != nil {
			t.Error(err)
		}
	})
}

// testGater says no to a direction at one of its calls.
type testGater struct {
	refuse string
	mu     sync.Mutex
	asked  []string
}

func (g *testGater) ask(what string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, what)
	return what != g.refuse
}

func (g *testGater) InterceptPeerDial(peer.ID) bool               { return true }
func (g *testGater) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (g *testGater) InterceptAccept(network.ConnMultiaddrs) bool  { return g.ask("accept") }
func (g *testGater) InterceptSecured(d network.Direction, _ peer.ID, _ network.ConnMultiaddrs) bool {
	return g.ask("secured " + d.String())
}
func (g *testGater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// testResources counts open connections and refuses a direction.
type testResources struct {
	network.NullResourceManager
	refuse network.Direction
	mu     sync.Mutex
	open   int
}

type testScope struct {
	network.NullScope
	r    *testResources
	once sync.Once
}

func (r *testResources) OpenConnection(d network.Direction, _ bool, _ ma.Multiaddr) (network.ConnManagementScope, error) {
	if d == r.refuse {
		return nil, network.ErrResourceLimitExceeded
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open++
	return &testScope{r: r}, nil
}

func (s *testScope) Done() {
	s.once.Do(func() {
		s.r.mu.Lock()
		defer s.r.mu.Unlock()
		s.r.open--
	})
}

func TestGatersAndResourceManagersAreAsked(t *testing.T) {
	for _, c := range []struct {
		name      string
		refuse    string
		direction network.Direction
		asked     [2]string // of the dialer and the listener
		dials     bool      // the dial itself succeeds
	}{
		{"nothing", "", 0, [2]string{"[secured Outbound]", "[accept secured Inbound]"}, true},
		{"the dialer's gater", "secured Outbound", 0, [2]string{"[secured Outbound]", "[accept secured Inbound]"}, false},
		{"the listener's gater", "secured Inbound", 0, [2]string{"[secured Outbound]", "[accept secured Inbound]"}, true},
		{"the listener's gater, at once", "accept", 0, [2]string{"[secured Outbound]", "[accept]"}, true},
		{"the dialer's resources", "", network.DirOutbound, [2]string{"[]", "[]"}, false},
		{"the listener's resources", "", network.DirInbound, [2]string{"[]", "[]"}, false},
	} {
		for _, k := range kinds {
			t.Run(c.name+"/"+k.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)))
					n, err := k.make(pairTopology())
					if err != nil {
						t.Fatal(err)
					}
					defer n.Close()
					gaters := [2]*testGater{{refuse: c.refuse}, {refuse: c.refuse}}
					resources := [2]*testResources{{refuse: c.direction}, {refuse: c.direction}}
					a, b := newTransport(t, n, 0, gaters[0], resources[0]), newTransport(t, n, 1, gaters[1], resources[1])
					l, err := b.Listen(n.Addr(1))
					if err != nil {
						t.Fatal(err)
					}
					accepted := make(chan transport.CapableConn, 1)
					go func() {
						if y, err := l.Accept(); err == nil {
							accepted <- y
						}
					}()
					x, err := a.Dial(context.Background(), n.Addr(1), b.id)
					if (err == nil) != c.dials {
						t.Errorf("dial: %v", err)
					}
					time.Sleep(time.Second)
					if x != nil && c.refuse != "" != x.IsClosed() {
						t.Error("open or closed, against what was said")
					}
					for i, g := range gaters {
						g.mu.Lock()
						got := fmt.Sprint(g.asked)
						g.mu.Unlock()
						if got != c.asked[i] && c.refuse != "secured Outbound" {
							t.Errorf("side %d was asked %s, not %s", i, got, c.asked[i])
						}
					}
					if x != nil {
						_ = x.Close()
					}
					time.Sleep(time.Second)
					select {
					case y := <-accepted:
						_ = y.Close()
					default:
					}
					_ = l.Close()
					a.close()
					b.close()
					time.Sleep(time.Second)
					for i, r := range resources {
						r.mu.Lock()
						if r.open != 0 {
							t.Errorf("side %d has %d connections open", i, r.open)
						}
						r.mu.Unlock()
					}
				})
			})
		}
	}
}
