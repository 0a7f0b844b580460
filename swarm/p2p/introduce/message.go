package introduce

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
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
	addrs := slices.DeleteFunc(slices.Clone(info.Addrs), func(a ma.Multiaddr) bool { n := len(a.Bytes()); return n == 0 || n > MaxAddrBytes })
	if len(id) == 0 || len(id) > maxIDBytes || len(addrs) == 0 {
		return nil
	}
	addrs = addrs[:min(len(addrs), MaxAddrs)]
	b := append([]byte{byte(len(id))}, id...)
	b = append(b, byte(len(addrs)))
	for _, a := range addrs {
		b = append(append(b, byte(len(a.Bytes()))), a.Bytes()...)
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
	addrs := int(r.byte())
	if r.short || len(id) > maxIDBytes || addrs == 0 || addrs > MaxAddrs {
		return info, fmt.Errorf("%w: a peer with %d addresses", ErrMessage, addrs)
	}
	if info.ID, err = peer.IDFromBytes(id); err != nil {
		return info, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	for range addrs {
		raw := r.take(int(r.byte()))
		if r.short || len(raw) == 0 || len(raw) > MaxAddrBytes {
			return info, fmt.Errorf("%w: an address of %d bytes", ErrMessage, len(raw))
		}
		a, err := ma.NewMultiaddrBytes(raw)
		if err != nil {
			return info, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		info.Addrs = append(info.Addrs, a)
	}
	return info, nil
}
