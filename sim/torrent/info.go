package torrent

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"math"
)

// RequestBytes is how much one request asks for: "all current implementations use
// 2^14" (BEP 3).
const RequestBytes = 16 << 10

// ErrInfo is wrapped by the error of a file or piece length that no torrent has.
var ErrInfo = errors.New("torrent: bad metainfo")

// maxPieces bounds what a torrent of this package may have.
const maxPieces = 1 << 20

// Info is what the metainfo of a torrent of one file says.
type Info struct {
	Length     int
	PieceBytes int
	Hashes     [][20]byte // SHA-1 of every piece
	Name       string
}

// Describe makes the metainfo of a file. pieceBytes is a power of two from 16 KiB up;
// 0 takes that of libtorrent's make_torrent, see [PieceBytes].
func Describe(name string, file []byte, pieceBytes int) (*Info, error) {
	if pieceBytes == 0 {
		pieceBytes = PieceBytes(len(file))
	}
	if pieceBytes < RequestBytes || pieceBytes&(pieceBytes-1) != 0 || len(file) == 0 || len(file)/pieceBytes >= maxPieces {
		return nil, fmt.Errorf("%w: %d bytes in pieces of %d; a piece is a power of two from %d up", ErrInfo, len(file), pieceBytes, RequestBytes)
	}
	i := &Info{Length: len(file), PieceBytes: pieceBytes, Name: name}
	for off := 0; off < len(file); off += pieceBytes {
		i.Hashes = append(i.Hashes, sha1.Sum(file[off:min(off+pieceBytes, len(file))]))
	}
	return i, nil
}

// PieceBytes is the piece length that intermodal and libtorrent choose for a file: 16
// times the square root of its length, rounded down to a power of two, from 16 KiB to
// 16 MiB (intermodal's book, "BitTorrent Piece Length Selection"). mktorrent 1.1 takes
// 256 KiB whatever the file.
func PieceBytes(length int) int {
	p := 1 << int(math.Log2(float64(max(length, 1)))/2+4)
	return min(max(p, RequestBytes), 16<<20)
}

// Bytes is the info dictionary as it is hashed and kept in metainfo files.
func (i *Info) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "d6:lengthi%de4:name%d:%s12:piece lengthi%de6:pieces%d:", i.Length, len(i.Name), i.Name, i.PieceBytes, 20*len(i.Hashes))
	for _, h := range i.Hashes {
		b.Write(h[:])
	}
	b.WriteByte('e')
	return b.Bytes()
}

// Hash is the info hash, by which peers know the torrent.
func (i *Info) Hash() [20]byte { return sha1.Sum(i.Bytes()) }

func (i *Info) pieceLen(n int) int { return min(i.PieceBytes, i.Length-n*i.PieceBytes) }

func (i *Info) blocks(n int) int { return (i.pieceLen(n) + RequestBytes - 1) / RequestBytes }

func (i *Info) blockLen(n, block int) int {
	return min(RequestBytes, i.pieceLen(n)-block*RequestBytes)
}
