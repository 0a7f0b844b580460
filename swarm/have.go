package swarm

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

// HaveProtocol is the libp2p protocol on which peers announce the blocks that
// they hold. Stock bitswap can only be asked, block by block and by everyone:
// announcing possession took 280 messages per node in trials where want-haves
// took 1220.
//
// Each side opens one stream to the other and writes messages to it for as long
// as they are connected; nothing is sent back. A message is a uvarint length
// and so many bytes:
//
//	kind   1 byte
//	root   32 bytes, the SHA-256 digest in the root CID of the file
//	body   by kind:
//	  1 all      empty: holds every block, whatever their number
//	  2 bitmap   uvarint n, then ceil(n/8) bytes; bit i%8 of byte i/8 is block i
//	  3 indexes  uvarint count, the first index, then the gaps: index - previous - 1
//	  4 none     empty: holds nothing any more, what was announced is withdrawn
//	  5 ask      empty: what do you hold?
//	  6 lend     empty: holds more than it says, and wants to hear of all you get
//
// Block numbers are positions in the file's list of blocks. To announce one
// place of a repeated block is to announce the block. Kinds 1 to 3 add to what
// was announced before. A bitmap may be empty: it says that the sender takes
// part in the exchange of that file and wants to hear what others get.
//
// A sender need not name to everyone all that it holds. One that rations says so
// with kind 6 and names blocks with 2 and 3 as it can serve them; to it, peers
// announce all that they get, also what it named itself. Kind 1 ends this.
//
// There is one encoding of each message: integers are minimal, unused bits of a
// bitmap zero, and nothing follows the body.
const HaveProtocol protocol.ID = "/camswarm/have/1"

type haveKind byte

const (
	haveAll     haveKind = 1
	haveBitmap  haveKind = 2
	haveIndexes haveKind = 3
	haveNone    haveKind = 4
	haveAsk     haveKind = 5
	haveLend    haveKind = 6
)

// haveMessage is one message of HaveProtocol.
type haveMessage struct {
	kind    haveKind
	root    [32]byte
	n       int         // bits of the bitmap, 1 to MaxBlocks
	bitmap  plan.Bitset // of at least n bits
	indexes []int       // ascending, 1 to MaxBlocks of them, each below MaxBlocks
}

// append appends the message with its length.
func (m *haveMessage) append(b []byte) []byte {
	body := make([]byte, 0, 64)
	body = append(body, byte(m.kind))
	body = append(body, m.root[:]...)
	switch m.kind {
	case haveBitmap:
		body = binary.AppendUvarint(body, uint64(m.n))
		for i := 0; i < m.n; i += 8 {
			x := byte(m.bitmap[i>>6] >> (i & 63))
			if left := m.n - i; left < 8 {
				x &= 1<<left - 1
			}
			body = append(body, x)
		}
	case haveIndexes:
		body = binary.AppendUvarint(body, uint64(len(m.indexes)))
		next := 0
		for _, i := range m.indexes {
			body = binary.AppendUvarint(body, uint64(i-next))
			next = i + 1
		}
	}
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

// readHave reads one message. io.EOF means that the stream ended between
// messages.
func readHave(r *bufio.Reader) (haveMessage, error) {
	n, err := readMinimalUvarint(r)
	if err != nil {
		return haveMessage{}, err
	}
	if n > MaxHaveMessage {
		return haveMessage{}, fmt.Errorf("%w: %d bytes", ErrBadMessage, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return haveMessage{}, fmt.Errorf("swarm: possession message ends early: %w", err)
	}
	return decodeHave(b)
}

func readMinimalUvarint(r *bufio.Reader) (uint64, error) {
	var x uint64
	for i := 0; i < 3; i++ { // 21 bits, more than MaxHaveMessage
		c, err := r.ReadByte()
		if err != nil {
			if i > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		x |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 && i > 0 {
				break
			}
			return x, nil
		}
	}
	return 0, fmt.Errorf("%w: length", ErrBadMessage)
}

// decodeHave decodes the bytes after the length. It accepts only what append
// makes.
func decodeHave(b []byte) (m haveMessage, err error) {
	bad := func(what string) (haveMessage, error) {
		return haveMessage{}, fmt.Errorf("%w: %s", ErrBadMessage, what)
	}
	if len(b) < 33 {
		return bad("too short")
	}
	m.kind, m.root, b = haveKind(b[0]), [32]byte(b[1:33]), b[33:]
	number := func() (int, bool) {
		x, n := binary.Uvarint(b)
		if n <= 0 || x > filestore.MaxBlocks || n > 1 && b[n-1] == 0 {
			return 0, false
		}
		b = b[n:]
		return int(x), true
	}
	switch m.kind {
	case haveAll, haveNone, haveAsk, haveLend:
	case haveBitmap:
		var ok bool
		if m.n, ok = number(); !ok || m.n < 1 {
			return bad("bitmap length")
		}
		if len(b) < (m.n+7)/8 {
			return bad("bitmap ends early")
		}
		m.bitmap = plan.NewBitset(m.n)
		for i := range (m.n + 7) / 8 {
			if left := m.n - 8*i; left < 8 && bits.Len8(b[i]) > left {
				return bad("bits beyond the bitmap")
			}
			m.bitmap[i>>3] |= uint64(b[i]) << (8 * (i & 7))
		}
		b = b[(m.n+7)/8:]
	case haveIndexes:
		count, ok := number()
		if !ok || count < 1 || count > len(b) {
			return bad("number of indexes")
		}
		m.indexes = make([]int, count)
		next := 0
		for i := range m.indexes {
			gap, ok := number()
			if !ok || next+gap >= filestore.MaxBlocks {
				return bad("index")
			}
			m.indexes[i] = next + gap
			next += gap + 1
		}
	default:
		return bad("unknown kind")
	}
	if len(b) > 0 {
		return bad("trailing bytes")
	}
	return m, nil
}
