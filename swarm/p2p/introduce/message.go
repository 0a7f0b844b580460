package introduce

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// KeyBytes is the size of a Key.
const KeyBytes = 16

// Key names what nodes have in common: the head of a digest.
type Key [KeyBytes]byte

// KeyOf is the key of what a CID names.
func KeyOf(c cid.Cid) Key {
	sum := sha256.Sum256(append([]byte("camswarm/introduce/1/"), c.Hash()...))
	return Key(sum[:KeyBytes])
}

// NAT is what an asker knows of the router in front of it.
type NAT byte

// The kinds of NAT, as far as they decide who can reach whom.
const (
	NATUnknown   NAT = iota
	NATNone          // it can be dialled
	NATPunchable     // one port for everybody: a hole can be punched
	NATSymmetric     // another port for each: only who can be dialled is reached
	natKinds
)

// An Ask tells a seed about the asker, and asks for others.
type Ask struct {
	NAT   NAT
	Seeds int // that it is connected with beside this one, up to 255
	Want  int // peers that it would take, 0 to MaxPeers
	Keys  []Key
	// Of are the keys that those must have whom it asks for, one of them at least;
	// none: one of Keys.
	Of []Key
	// Addrs are where the asker may be called, up to MaxAddrs. The seed believes what
	// Usable leaves of them. identify tells them too, but libp2p takes only one change
	// in five seconds from a whole /24.
	Addrs []ma.Multiaddr
}

// An Answer names peers, or says that there is no room. All of it is a hint.
type Answer struct {
	Full  bool          // the seed that says so has no room
	After time.Duration // when to come back, in whole seconds; 0: it does not say
	Peers []peer.AddrInfo
	Seeds []peer.AddrInfo // other seeds, with room as far as is known
}

// ErrMessage is wrapped by the errors of the decoders.
var ErrMessage = errors.New("introduce: malformed message")

// Encode returns the bytes of an ask. What is over a limit is left out.
func (a Ask) Encode() []byte {
	b := []byte{byte(a.NAT), byte(min(a.Seeds, 255)), byte(min(a.Want, MaxPeers))}
	for _, keys := range [][]Key{a.Keys, a.Of} {
		keys = keys[:min(len(keys), MaxKeys)]
		b = append(b, byte(len(keys)))
		for _, k := range keys {
			b = append(b, k[:]...)
		}
	}
	return appendAddrs(b, a.Addrs)
}

// appendAddrs appends the number of addresses and each with its length. What is over a
// limit is left out.
func appendAddrs(b []byte, addrs []ma.Multiaddr) []byte {
	at, n := len(b), 0
	b = append(b, 0)
	for _, a := range addrs {
		if k := len(a.Bytes()); k > 0 && k <= MaxAddrBytes && n < MaxAddrs {
			b, n = append(append(b, byte(k)), a.Bytes()...), n+1
		}
	}
	b[at] = byte(n)
	return b
}

// DecodeAsk is the inverse of Encode. The error wraps ErrMessage.
func DecodeAsk(b []byte) (a Ask, err error) {
	r := reader{rest: b}
	a.NAT, a.Seeds, a.Want = NAT(r.byte()), int(r.byte()), int(r.byte())
	for _, keys := range []*[]Key{&a.Keys, &a.Of} {
		n := int(r.byte())
		if n > MaxKeys {
			return Ask{}, fmt.Errorf("%w: %d keys", ErrMessage, n)
		}
		for range n {
			*keys = append(*keys, Key(r.take(KeyBytes)))
		}
	}
	if a.Addrs, err = r.addrs(); err != nil {
		return Ask{}, err
	}
	switch {
	case r.short || len(r.rest) > 0:
		return Ask{}, fmt.Errorf("%w: %d bytes", ErrMessage, len(b))
	case a.NAT >= natKinds || a.Want > MaxPeers:
		return Ask{}, fmt.Errorf("%w: NAT %d, %d peers", ErrMessage, a.NAT, a.Want)
	}
	return a, nil
}

// Encode returns the bytes of an answer, at most MaxAnswerBytes. What is over a
// limit is left out, peers after the first that do not fit.
func (a Answer) Encode() []byte {
	b := []byte{0}
	if a.Full {
		b[0] = 1
	}
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(a.After/time.Second, 0), 1<<32-1)))
	for _, list := range []struct {
		infos []peer.AddrInfo
		most  int
	}{{a.Seeds, MaxSeeds}, {a.Peers, MaxPeers}} {
		at, n := len(b), 0
		b = append(b, 0)
		for _, info := range list.infos {
			one := encodeInfo(info)
			if n == list.most || one == nil || len(b)+len(one)+1 > MaxAnswerBytes {
				continue
			}
			b, n = append(b, one...), n+1
		}
		b[at] = byte(n)
	}
	return b
}

// encodeInfo returns nil for what cannot be dialled or said.
func encodeInfo(info peer.AddrInfo) []byte {
	id := []byte(info.ID)
	head := append([]byte{byte(len(id))}, id...)
	b := appendAddrs(head, info.Addrs)
	if len(id) == 0 || len(id) > maxIDBytes || b[len(head)] == 0 {
		return nil
	}
	return b
}

// DecodeAnswer is the inverse of Encode. The error wraps ErrMessage.
func DecodeAnswer(b []byte) (a Answer, err error) {
	if len(b) > MaxAnswerBytes {
		return a, fmt.Errorf("%w: more than %d bytes", ErrMessage, MaxAnswerBytes)
	}
	r := reader{rest: b}
	flags := r.byte()
	a.Full = flags == 1
	a.After = time.Duration(binary.BigEndian.Uint32(r.take(4))) * time.Second
	for _, list := range []struct {
		infos *[]peer.AddrInfo
		most  int
	}{{&a.Seeds, MaxSeeds}, {&a.Peers, MaxPeers}} {
		n := int(r.byte())
		if n > list.most {
			return Answer{}, fmt.Errorf("%w: %d peers", ErrMessage, n)
		}
		for range n {
			info, err := r.info()
			if err != nil {
				return Answer{}, err
			}
			*list.infos = append(*list.infos, info)
		}
	}
	if r.short || len(r.rest) > 0 || flags > 1 {
		return Answer{}, fmt.Errorf("%w: %d bytes", ErrMessage, len(b))
	}
	return a, nil
}

// reader takes bytes from the head of a message, zeroes after its end.
type reader struct {
	rest  []byte
	short bool // more was taken than there was
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.rest, r.short = nil, true
		return make([]byte, n)
	}
	head := r.rest[:n]
	r.rest = r.rest[n:]
	return head
}

func (r *reader) byte() byte { return r.take(1)[0] }

func (r *reader) info() (info peer.AddrInfo, err error) {
	id := r.take(int(r.byte()))
	if r.short || len(id) > maxIDBytes {
		return info, fmt.Errorf("%w: a peer id of %d bytes", ErrMessage, len(id))
	}
	if info.ID, err = peer.IDFromBytes(id); err != nil {
		return info, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if info.Addrs, err = r.addrs(); err == nil && len(info.Addrs) == 0 {
		err = fmt.Errorf("%w: a peer without addresses", ErrMessage)
	}
	return info, err
}

func (r *reader) addrs() (out []ma.Multiaddr, err error) {
	n := int(r.byte())
	if n > MaxAddrs {
		return nil, fmt.Errorf("%w: %d addresses of one peer", ErrMessage, n)
	}
	for range n {
		raw := r.take(int(r.byte()))
		if r.short || len(raw) == 0 || len(raw) > MaxAddrBytes {
			return nil, fmt.Errorf("%w: an address of %d bytes", ErrMessage, len(raw))
		}
		a, err := ma.NewMultiaddrBytes(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		out = append(out, a)
	}
	return out, nil
}
