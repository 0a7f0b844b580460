package member

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	"golang.org/x/crypto/chacha20poly1305"
)

// The first stream of a connection carries, before anything else,
//
//	dialer → listener   magic, nonce, sealed(certificate, number of its list)
//	listener → dialer   nonce, sealed(certificate, number), the list if its number is higher
//	dialer → listener   the list if its number is higher
//	listener → dialer   1, or the connection's end
//
// The listener says nothing, not even that it understood, before it has seen a
// member's certificate. What is sealed has one key for each direction, nonce and
// pair of peer ids, from the fleet's secret, so that a listener which is no member
// cannot read what a dialer shows. The transport proved both peer ids before.
const (
	magic     = "camsmbr1"
	nonceLen  = 16
	helloSize = certSize + 8
	sealedLen = helloSize + chacha20poly1305.Overhead
)

// errNoHello means that the first bytes of a connection are not a member's.
var errNoHello = errors.New("it shows no certificate")

// dial shows our certificate on a connection that we opened and checks the
// peer's. It returns the peer's epoch.
func (g *Gate) dial(ctx context.Context, c transport.CapableConn) (epoch uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	s, err := c.OpenStream(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Reset() }() // nothing is left to say
	defer closeOnEnd(ctx, s)()

	ours := g.list.Load()
	if _, err := s.Write(append([]byte(magic), g.hello(ours, c.RemotePeer())...)); err != nil {
		return 0, err
	}
	cert, number, err := g.readHello(s, c.RemotePeer(), g.opts.Self)
	if err != nil {
		return 0, err
	}
	if err := g.exchangeLists(s, ours, number); err != nil {
		return 0, err
	}
	if why := g.list.Load().out(cert); why != "" {
		return 0, errors.New(why)
	}
	var done [1]byte
	if _, err := io.ReadFull(s, done[:]); err != nil {
		return 0, errors.New("it does not admit this node: its fleet or its revocation list is another")
	}
	return cert.Epoch, nil
}

// await is listen for a connection that may not be a stranger's.
func (g *Gate) await(ctx context.Context, c transport.CapableConn) (epoch uint32, err error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // AcceptStream knows no context
	defer stop()
	s, _, err := firstBytes(ctx, c)
	if err != nil {
		return 0, err
	}
	return g.listen(ctx, c, s)
}

// firstBytes accepts the first stream of a connection and reads as many bytes as
// the magic has. The error is errNoHello if these are not the magic; what was read
// is returned all the same.
func firstBytes(ctx context.Context, c transport.CapableConn) (s network.MuxedStream, head []byte, err error) {
	if s, err = c.AcceptStream(); err != nil {
		return nil, nil, errNoHello
	}
	defer closeOnEnd(ctx, s)()
	head = make([]byte, len(magic))
	n, _ := io.ReadFull(s, head)
	if string(head[:n]) == magic {
		return s, head, nil
	}
	_ = s.SetDeadline(time.Time{})
	return s, head[:n:n], errNoHello
}

// listen does the same on a connection that the peer opened, whose first stream
// and its first bytes are there.
func (g *Gate) listen(ctx context.Context, c transport.CapableConn, s network.MuxedStream) (epoch uint32, err error) {
	defer func() {
		if err != nil {
			_ = s.Reset()
		}
	}()
	defer closeOnEnd(ctx, s)()
	cert, number, err := g.readHello(s, c.RemotePeer(), g.opts.Self)
	if err != nil {
		return 0, err
	}
	ours := g.list.Load()
	if _, err := s.Write(g.hello(ours, c.RemotePeer())); err != nil {
		return 0, err
	}
	if err := g.exchangeLists(s, ours, number); err != nil {
		return 0, err
	}
	if why := g.list.Load().out(cert); why != "" {
		return 0, errors.New(why)
	}
	if _, err := s.Write([]byte{1}); err != nil {
		return 0, err
	}
	_ = s.CloseWrite() // the dialer has reset the stream if it has read the 1 already
	return cert.Epoch, nil
}

// hello is our certificate and the number of a list of ours, sealed for a peer.
func (g *Gate) hello(list *Revocations, to peer.ID) []byte {
	b := make([]byte, nonceLen, nonceLen+sealedLen)
	_, _ = rand.Read(b) // never fails
	plain := binary.BigEndian.AppendUint64(g.cred.Certificate.encode(), list.number())
	return g.sealer(b, g.opts.Self, to).Seal(b, make([]byte, chacha20poly1305.NonceSize), plain, nil)
}

func (g *Gate) readHello(r io.Reader, from, to peer.ID) (*Certificate, uint64, error) {
	var b [nonceLen + sealedLen]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, 0, errNoHello
	}
	plain, err := g.sealer(b[:nonceLen], from, to).Open(nil, make([]byte, chacha20poly1305.NonceSize), b[nonceLen:], nil)
	if err != nil {
		return nil, 0, errors.New("it does not know this fleet's secret")
	}
	cert, err := g.check(plain[:certSize], from)
	if err != nil {
		return nil, 0, err
	}
	return cert, binary.BigEndian.Uint64(plain[certSize:]), nil
}

// sealer returns the cipher of one message. Its key is used once.
func (g *Gate) sealer(nonce []byte, from, to peer.ID) cipher.AEAD {
	info := "camswarm/member/hello/1\x00" + string(from) + "\x00" + string(to)
	key, err := hkdf.Key(sha256.New, g.cred.Secret[:], nonce[:nonceLen], info, chacha20poly1305.KeySize)
	if err != nil {
		panic(err) // only for a length that HKDF cannot make
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		panic(err) // only for a key of a wrong length
	}
	return aead
}

// exchangeLists hands our list to the peer if its number is higher than the
// peer's, and takes the peer's if that one is. Both numbers are those that the
// hellos said: a list that comes in meanwhile over another connection would make
// the two sides wait for each other.
func (g *Gate) exchangeLists(s network.MuxedStream, ours *Revocations, theirs uint64) error {
	switch {
	case ours.number() > theirs:
		return writeList(s, ours)
	case theirs > ours.number():
		return g.readList(s)
	}
	return nil
}

func writeList(w io.Writer, l *Revocations) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(l.signed)))
	_, err := w.Write(append(b, l.signed...))
	return err
}

func (g *Gate) readList(r io.Reader) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return errors.New("it did not hand over its revocation list")
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxRevocationsSize {
		return fmt.Errorf("%w: a revocation list of %d bytes", ErrMalformed, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return errors.New("it did not hand over its revocation list")
	}
	if err := g.Update(b); err != nil && !errors.Is(err, ErrOlderList) { // another connection may have brought it
		return err
	}
	return nil
}

// closeOnEnd makes reads and writes of s fail when ctx ends; it returns what
// stops that.
func closeOnEnd(ctx context.Context, s network.MuxedStream) func() {
	if at, ok := ctx.Deadline(); ok {
		_ = s.SetDeadline(at)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}
