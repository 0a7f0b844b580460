package member

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"
)

func seeded(seed uint64) io.Reader {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(key)
}

func fleetKey(seed uint64) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(seeded(seed + 1000))
	if err != nil {
		panic(err)
	}
	return key
}

// identity returns the libp2p key and the peer id of a test's node.
func identity(t testing.TB, seed uint64) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(seeded(seed))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

// startNode is a libp2p swarm on loopback over TCP and QUIC, behind a gate if there
// is one.
func startNode(t *testing.T, key crypto.PrivKey, gate *Gate) *libp2pswarm.Swarm {
	t.Helper()
	if gate == nil {
		return startNodeOver(t, key, func(tr transport.Transport) transport.Transport { return tr })
	}
	return startNodeOver(t, key, gate.Wrap)
}

func startNodeOver(t *testing.T, key crypto.PrivKey, wrap func(transport.Transport) transport.Transport) *libp2pswarm.Swarm {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	id, err := peer.IDFromPrivateKey(key)
	must(err)
	store, err := pstoremem.NewPeerstore()
	must(err)
	must(store.AddPrivKey(id, key))
	must(store.AddPubKey(id, key.GetPublic()))
	manager, err := quicreuse.NewConnManager(quic.StatelessResetKey{}, quic.TokenGeneratorKey{})
	must(err)
	t.Cleanup(func() { _ = manager.Close() }) // after the swarm, which uses its sockets
	sw, err := libp2pswarm.NewSwarm(id, store, eventbus.NewBus())
	must(err)
	t.Cleanup(func() { _ = sw.Close(); _ = store.Close() })
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: yamux.DefaultTransport}}
	security, err := noise.New(noise.ID, key, muxers)
	must(err)
	up, err := upgrader.New([]sec.SecureTransport{security}, muxers, nil, nil, nil)
	must(err)
	overTCP, err := tcp.NewTCPTransport(up, nil, nil, tcp.DisableReuseport())
	must(err)
	overQUIC, err := libp2pquic.NewTransport(key, manager, nil, nil, nil)
	must(err)
	for _, tr := range []transport.Transport{overTCP, overQUIC} {
		must(sw.AddTransport(wrap(tr)))
	}
	must(sw.Listen(ma.StringCast("/ip4/127.0.0.1/tcp/0"), ma.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")))
	// Whoever gets a stream through hears this.
	sw.SetStreamHandler(func(s network.Stream) {
		_, _ = s.Write([]byte("firmware camera"))
		_ = s.Close()
	})
	return sw
}

func gate(t *testing.T, fleet ed25519.PrivateKey, self peer.ID, epoch uint32, opts Options) *Gate {
	t.Helper()
	cred, err := Issue(fleet, self, epoch)
	if err != nil {
		t.Fatal(err)
	}
	opts.Self = self
	g, err := NewGate(cred, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// hear connects by one transport and returns what a stream brings.
func hear(t *testing.T, from, to *libp2pswarm.Swarm, code int) (string, network.Conn, error) {
	t.Helper()
	for _, a := range to.ListenAddresses() {
		if _, err := a.ValueForProtocol(code); err != nil {
			continue
		}
		from.Peerstore().ClearAddrs(to.LocalPeer())
		from.Peerstore().AddAddr(to.LocalPeer(), a, time.Hour)
	}
	from.Backoff().Clear(to.LocalPeer())
	c, err := from.DialPeer(context.Background(), to.LocalPeer())
	if err != nil {
		return "", nil, err
	}
	s, err := c.NewStream(context.Background())
	if err != nil {
		return "", c, err
	}
	if _, err := s.Write([]byte("\x13/multistream/1.0.0\n")); err != nil {
		return "", c, err
	}
	b, err := io.ReadAll(s)
	return string(b), c, err
}

var transports = map[string]int{"tcp": ma.P_TCP, "quic": ma.P_QUIC_V1}

func TestMembersTalk(t *testing.T) {
	for name, code := range transports {
		t.Run(name, func(t *testing.T) {
			fleet := fleetKey(1)
			k1, id1 := identity(t, 1)
			k2, id2 := identity(t, 2)
			a := startNode(t, k1, gate(t, fleet, id1, 0, Options{}))
			b := startNode(t, k2, gate(t, fleet, id2, 3, Options{}))
			got, c, err := hear(t, a, b, code)
			if err != nil || got != "firmware camera" {
				t.Fatalf("heard %q, %v", got, err)
			}
			var m Member
			if !c.As(&m) || m.Epoch != 3 || IsStranger(c) {
				t.Fatalf("the connection says %+v, stranger %v", m, IsStranger(c))
			}
		})
	}
}

// A dialer has done with the stream of the handshake when it has read the last byte,
// and may have reset it before the listener closes it: that is no refusal.
func TestMembersTalk_DialerIsFaster(t *testing.T) {
	for name, code := range transports {
		t.Run(name, func(t *testing.T) {
			fleet := fleetKey(1)
			k1, id1 := identity(t, 1)
			k2, id2 := identity(t, 2)
			a := startNode(t, k1, gate(t, fleet, id1, 0, Options{}))
			g := gate(t, fleet, id2, 0, Options{Refused: func(_ peer.ID, err error) { t.Error(err) }})
			b := startNodeOver(t, k2, func(tr transport.Transport) transport.Transport { return g.Wrap(&lateTransport{tr}) })
			if got, _, err := hear(t, a, b, code); err != nil || got != "firmware camera" {
				t.Fatalf("heard %q, %v", got, err)
			}
		})
	}
}

// lateTransport is one that listens for others; the end of the first stream of a
// connection is late: the writer of its last byte goes on when the peer has reset it.
type lateTransport struct{ transport.Transport }

type lateListener struct{ transport.Listener }

type lateConn struct {
	transport.CapableConn
	first sync.Once
}

type lateStream struct{ network.MuxedStream }

func (l *lateTransport) Listen(a ma.Multiaddr) (transport.Listener, error) {
	inner, err := l.Transport.Listen(a)
	return &lateListener{inner}, err
}

func (l *lateListener) Accept() (transport.CapableConn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lateConn{CapableConn: c}, nil
}

func (c *lateConn) AcceptStream() (s network.MuxedStream, err error) {
	s, err = c.CapableConn.AcceptStream()
	if err == nil {
		c.first.Do(func() { s = &lateStream{s} })
	}
	return s, err
}

func (s *lateStream) Write(b []byte) (int, error) {
	n, err := s.MuxedStream.Write(b)
	if len(b) == 1 {
		_, _ = s.MuxedStream.Read(make([]byte, 1)) // fails with the reset
	}
	return n, err
}

// An outsider completes the transport's handshake and learns nothing beyond it: no
// byte of any stream.
func TestThreatFleetListing_OutsiderHearsNothing(t *testing.T) {
	fleet := fleetKey(1)
	outsiders := map[string]func(id peer.ID) *Gate{
		"no gate":       func(peer.ID) *Gate { return nil },
		"another fleet": func(id peer.ID) *Gate { return gate(t, fleetKey(2), id, 0, Options{}) },
		"another's credential": func(id peer.ID) *Gate {
			_, other := identity(t, 77)
			g := gate(t, fleet, other, 0, Options{})
			g.opts.Self = id
			return g
		},
		"the secret alone": func(id peer.ID) *Gate {
			_, member := identity(t, 77)
			g := gate(t, fleet, member, 0, Options{}) // out of which camera it was read
			own := gate(t, fleetKey(2), id, 0, Options{})
			own.cred.Secret = g.cred.Secret
			return own
		},
	}
	for kind, make := range outsiders {
		for name, code := range transports {
			t.Run(kind+"/"+name, func(t *testing.T) {
				k1, id1 := identity(t, 1)
				k2, id2 := identity(t, 2)
				refused := newRefusals()
				member := startNode(t, k1, gate(t, fleet, id1, 0, Options{Refused: refused.add}))
				outsider := startNode(t, k2, make(id2))
				got, _, err := hear(t, outsider, member, code)
				if err == nil || got != "" {
					t.Fatalf("the outsider heard %q, %v", got, err)
				}
				if p := <-refused; p != id2 {
					t.Fatalf("refused %s", p)
				}
				if n := len(member.Conns()); n != 0 {
					t.Fatalf("%d connections at the member", n)
				}
				if got, _, err := hear(t, member, outsider, code); err == nil {
					t.Fatalf("the member dialled the outsider and heard %q", got)
				}
			})
		}
	}
}

type refusals chan peer.ID

func newRefusals() refusals { return make(refusals, 100) }

func (r refusals) add(p peer.ID, err error) {
	if !errors.Is(err, ErrNotMember) {
		panic(err)
	}
	r <- p
}

// What a member shows to whoever it dials can be read by members only.
func TestThreatFleetListing_HelloIsSealed(t *testing.T) {
	fleet := fleetKey(1)
	_, a := identity(t, 1)
	_, b := identity(t, 2)
	g := gate(t, fleet, a, 0, Options{})
	one, two := g.hello(nil, b), g.hello(nil, b)
	for _, secret := range [][]byte{g.Fleet(), g.cred.Certificate.Member, g.cred.Certificate.signature, g.cred.Secret[:]} {
		if bytes.Contains(one, secret[:8]) {
			t.Fatal("the hello shows what it should seal")
		}
	}
	if bytes.Equal(one[nonceLen:], two[nonceLen:]) {
		t.Fatal("two hellos are alike, so that a member can be recognised")
	}
	// Not for another peer, and not back to its sender.
	for _, pair := range [][2]peer.ID{{a, a}, {b, a}, {b, b}} {
		if _, _, err := g.readHello(bytes.NewReader(one), pair[0], pair[1]); err == nil {
			t.Fatalf("read as a hello from %s to %s", pair[0], pair[1])
		}
	}
	if _, _, err := g.readHello(bytes.NewReader(one), a, b); err != nil {
		t.Fatal(err)
	}
}

// A list travels from whoever has it to whoever has not, in both directions, and
// puts a member out that it names, or whose epoch is over.
func TestThreatFleetListing_Revoked(t *testing.T) {
	fleet := fleetKey(1)
	k1, id1 := identity(t, 1)
	k2, id2 := identity(t, 2)
	k3, id3 := identity(t, 3)
	gone, err := NameOf(id3)
	if err != nil {
		t.Fatal(err)
	}
	first, err := Revoke(fleet, nil, 0, gone)
	if err != nil {
		t.Fatal(err)
	}
	for name, code := range transports {
		t.Run(name, func(t *testing.T) {
			g1, g2, g3 := gate(t, fleet, id1, 1, Options{}), gate(t, fleet, id2, 1, Options{}), gate(t, fleet, id3, 0, Options{})
			if err := g1.Update(first.Bytes()); err != nil {
				t.Fatal(err)
			}
			a, b, c := startNode(t, k1, g1), startNode(t, k2, g2), startNode(t, k3, g3)
			if _, _, err := hear(t, c, a, code); err == nil {
				t.Fatal("a revoked member got in")
			}
			if _, _, err := hear(t, a, c, code); err == nil {
				t.Fatal("a member talks to a revoked one that it dialled")
			}
			if _, _, err := hear(t, a, b, code); err != nil { // the dialer hands it over
				t.Fatal(err)
			}
			if n := g2.Revocations().number(); n != 1 {
				t.Fatalf("the listener has list %d", n)
			}
			second, err := Revoke(fleet, first, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := g2.Update(second.Bytes()); err != nil {
				t.Fatal(err)
			}
			_ = a.ClosePeer(id2)
			if _, _, err := hear(t, a, b, code); err != nil { // the listener hands it over
				t.Fatal(err)
			}
			if n := g1.Revocations().number(); n != 2 {
				t.Fatalf("the dialer has list %d", n)
			}
			if why := g1.Out(id3, 0); why == "" {
				t.Fatal("a certificate of epoch 0 is good in epoch 1")
			}
			if err := g1.Update(first.Bytes()); !errors.Is(err, ErrOlderList) {
				t.Fatalf("an older list: %v", err)
			}
			foreign, err := Revoke(fleetKey(2), nil, 9)
			if err != nil {
				t.Fatal(err)
			}
			if err := g1.Update(foreign.Bytes()); !errors.Is(err, ErrFleet) {
				t.Fatalf("another fleet's list: %v", err)
			}
		})
	}
}

// With the option a stock peer gets in and is told from members; it never does
// without.
func TestStrangersAtASeed(t *testing.T) {
	for name, code := range transports {
		t.Run(name, func(t *testing.T) {
			fleet := fleetKey(1)
			k1, id1 := identity(t, 1)
			k2, _ := identity(t, 2)
			seed := startNode(t, k1, gate(t, fleet, id1, 0, Options{Strangers: true}))
			stock := startNode(t, k2, nil)
			heard := make(chan string, 1)
			seed.SetStreamHandler(func(s network.Stream) {
				b := make([]byte, 20)
				_, err := io.ReadFull(s, b)
				if err == nil && IsStranger(s.Conn()) {
					heard <- string(b)
				} else {
					heard <- "not a stranger"
				}
				_ = s.Close()
			})
			if _, _, err := hear(t, stock, seed, code); err != nil {
				t.Fatal(err)
			}
			if got := <-heard; got != "\x13/multistream/1.0.0\n" {
				t.Fatalf("the seed read %q: the bytes that told it a stranger are lost", got)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	fleet := fleetKey(1)
	_, id := identity(t, 1)
	cred, err := Issue(fleet, id, 7)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseCredential(cred.Text() + "\n")
	if err != nil || again.Text() != cred.Text() || again.Certificate.Epoch != 7 {
		t.Fatalf("%v", err)
	}
	for i := range len(cred.Text()) {
		b := []byte(cred.Text())
		b[i] ^= 1
		// The last bytes are the secret, which nothing can check.
		if c, err := ParseCredential(string(b)); err == nil && !bytes.Equal(c.Certificate.encode(), cred.Certificate.encode()) {
			t.Fatalf("a credential with another byte %d parses", i)
		}
	}
	var names []Name
	for i := range MaxRevoked {
		names = append(names, Name{byte(i), byte(i >> 8)})
	}
	list, err := Revoke(fleet, nil, 1, append(slices.Clone(names), names[:5]...)...)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Bytes()) != MaxRevocationsSize {
		t.Fatalf("a full list has %d bytes, not %d", len(list.Bytes()), MaxRevocationsSize)
	}
	parsed, err := ParseRevocations(list.Bytes())
	if err != nil || !slices.Equal(parsed.Revoked, list.Revoked) || parsed.Number != 1 || parsed.Epoch != 1 {
		t.Fatalf("%v", err)
	}
	if _, err := Revoke(fleet, list, 1, Name{0xff, 0xff}); err == nil {
		t.Fatal("a list over its limit was made")
	}
	next, err := Revoke(fleet, list, 2)
	if err != nil || next.Number != 2 || len(next.Revoked) != 0 {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := Revoke(fleet, next, 1); err == nil {
		t.Fatal("the epoch went back")
	}
	if _, err := NewGate(cred, Options{Self: func() peer.ID { _, p := identity(t, 2); return p }()}); err == nil {
		t.Fatal("a gate with another node's credential")
	}
	if a, b := cred.Derive("one"), cred.Derive("two"); a == b {
		t.Fatal("two purposes have one key")
	}
}

func FuzzParseCredential(f *testing.F) {
	_, id := identity(f, 1)
	cred, err := Issue(fleetKey(1), id, 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(cred.Text())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCredential(text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrFleet) {
				t.Fatal(err)
			}
			return
		}
		if again := c.Text(); again != text && again+"\n" != text {
			t.Fatalf("%q has a second form", again)
		}
	})
}

func FuzzParseRevocations(f *testing.F) {
	list, err := Revoke(fleetKey(1), nil, 2, Name{1}, Name{2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(list.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRevocations(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Bytes(), b) || len(r.Revoked) > MaxRevoked {
			t.Fatal("a list with a second form")
		}
	})
}

func FuzzHello(f *testing.F) {
	_, a := identity(f, 1)
	_, b := identity(f, 2)
	cred, err := Issue(fleetKey(1), a, 0)
	if err != nil {
		f.Fatal(err)
	}
	g, err := NewGate(cred, Options{Self: a})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(g.hello(nil, b))
	f.Fuzz(func(t *testing.T, data []byte) {
		cert, _, err := g.readHello(bytes.NewReader(data), a, b)
		if err == nil && !cert.Fleet.Equal(g.Fleet()) {
			t.Fatal("another fleet's certificate was taken")
		}
	})
}
