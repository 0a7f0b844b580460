package torrent

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ErrProtocol is wrapped by the errors about what a peer sent.
var ErrProtocol = errors.New("torrent: the peer broke the protocol")

// The messages of BEP 3.
const (
	chokeMessage = iota
	unchokeMessage
	interestedMessage
	notInterestedMessage
	haveMessage
	bitfieldMessage
	requestMessage
	pieceMessage
	cancelMessage
)

const protocol = "\x13BitTorrent protocol"

// greeting is the first thing that both sides send: no extensions.
func greeting(hash, id [20]byte) []byte {
	b := append([]byte(protocol), make([]byte, 8)...)
	b = append(b, hash[:]...)
	return append(b, id[:]...)
}

// greeted reads the other side's, which must be of the same torrent.
func greeted(r io.Reader, hash [20]byte) error {
	b := make([]byte, len(protocol)+8+40)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if string(b[:len(protocol)]) != protocol || [20]byte(b[len(protocol)+8:][:20]) != hash {
		return fmt.Errorf("%w: another protocol or torrent", ErrProtocol)
	}
	return nil
}

// block names RequestBytes of a piece.
type block struct{ piece, n int }

func message(kind byte, numbers ...int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+4*len(numbers)))
	b = append(b, kind)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}

func bitfield(have []bool) []byte {
	bits := make([]byte, (len(have)+7)/8)
	for i, h := range have {
		if h {
			bits[i/8] |= 0x80 >> (i % 8)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(bits)))
	return append(append(b, bitfieldMessage), bits...)
}

// pieceHead is what stands before the bytes of a block.
func pieceHead(b block, length int) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(9+length))
	head = append(head, pieceMessage)
	head = binary.BigEndian.AppendUint32(head, uint32(b.piece))
	return binary.BigEndian.AppendUint32(head, uint32(b.n*RequestBytes))
}

// read returns the next message, without its length, into buf, which may grow. A
// keep-alive is empty.
func read(r *bufio.Reader, buf []byte, most int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	if n > most {
		return nil, fmt.Errorf("%w: a message of %d bytes", ErrProtocol, n)
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	_, err := io.ReadFull(r, buf)
	return buf, err
}

// number reads the i-th number of a message.
func number(m []byte, i int) (int, bool) {
	if len(m) < 5+4*i {
		return 0, false
	}
	return int(binary.BigEndian.Uint32(m[1+4*i:])), true
}
