package car

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// ErrBad is wrapped by every error about an archive's bytes.
var ErrBad = errors.New("no CARv1 archive of SHA-256 blocks")

// Header returns the bytes before the first block: DAG-CBOR of {roots, version: 1}.
func Header(roots ...cid.Cid) []byte {
	b := []byte{0xa2, 0x65, 'r', 'o', 'o', 't', 's'}
	b = head(b, 4, len(roots))
	for _, c := range roots {
		b = append(b, 0xd8, 42) // a CID's tag, over a zero byte and its binary form
		b = head(b, 2, 1+c.ByteLen())
		b = append(append(b, 0), c.Bytes()...)
	}
	b = append(b, 0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n', 1)
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// head appends the first bytes of a CBOR value of a major type.
func head(b []byte, major byte, n int) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n < 1<<8:
		return append(b, major<<5|24, byte(n))
	}
	return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
}

// SectionLen is the number of bytes that a block of n takes.
func SectionLen(c cid.Cid, n int) int {
	section := uint64(c.ByteLen() + n)
	return len(binary.AppendUvarint(nil, section)) + int(section)
}

// WriteBlock writes one block. The caller sees to it that data is c's.
func WriteBlock(w io.Writer, c cid.Cid, data []byte) error {
	b := binary.AppendUvarint(nil, uint64(c.ByteLen()+len(data)))
	if _, err := w.Write(append(b, c.Bytes()...)); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// Reader reads an archive, block by block.
type Reader struct {
	Roots []cid.Cid // of the header, at most MaxRoots

	r   *bufio.Reader
	buf []byte
}

// NewReader reads the header, which must be encoded as Header does.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	header, err := in.section(maxHeader)
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrBad, unexpected(err))
	}
	if in.Roots, err = roots(header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrBad, err)
	}
	return in, nil
}

// roots decodes a header. There is one encoding of it, so what was read must be what
// would be written.
func roots(header []byte) (out []cid.Cid, err error) {
	strange := errors.New("it is not {roots, version: 1} in DAG-CBOR")
	rest, ok := bytes.CutPrefix(header, []byte("\xa2\x65roots"))
	if !ok || len(rest) == 0 || rest[0]>>5 != 4 {
		return nil, strange
	}
	n := int(rest[0] & 31)
	if rest = rest[1:]; n < 1 || n > MaxRoots {
		return nil, fmt.Errorf("it names no root, or over %d", MaxRoots)
	}
	for range n {
		if rest, ok = bytes.CutPrefix(rest, []byte{0xd8, 42, 0x58}); !ok || len(rest) < 2 || int(rest[0]) > len(rest)-1 || rest[0] < 2 {
			return nil, strange
		}
		size := int(rest[0])
		c, err := cid.Cast(rest[2 : 1+size])
		if err != nil {
			return nil, err
		}
		out, rest = append(out, c), rest[1+size:]
	}
	whole := Header(out...)
	if _, width := binary.Uvarint(whole); !bytes.Equal(whole[width:], header) {
		return nil, strange
	}
	return out, nil
}

// Next returns the next block, whose bytes hash to its CID and stay as they are until
// the next call. The error is io.EOF at the end of the archive, one that wraps ErrBad,
// or the underlying reader's.
func (in *Reader) Next() (cid.Cid, []byte, error) {
	section, err := in.section(maxCID + MaxBlock)
	if errors.Is(err, io.EOF) {
		return cid.Undef, nil, io.EOF
	}
	if err != nil {
		return cid.Undef, nil, bad(err)
	}
	n, c, err := cid.CidFromBytes(section)
	if err != nil {
		return cid.Undef, nil, fmt.Errorf("%w: %w", ErrBad, err)
	}
	data, prefix := section[n:], c.Prefix()
	if prefix.MhType != mh.SHA2_256 || prefix.MhLength != sha256.Size {
		return cid.Undef, nil, fmt.Errorf("%w: block %s has another hash than SHA-256", ErrBad, c)
	}
	if len(data) > MaxBlock {
		return cid.Undef, nil, fmt.Errorf("%w: block %s has %d bytes, at most %d are allowed", ErrBad, c, len(data), MaxBlock)
	}
	if sum := sha256.Sum256(data); !bytes.Equal(c.Hash()[2:], sum[:]) {
		return cid.Undef, nil, fmt.Errorf("%w: block %s has other bytes than its CID says", ErrBad, c)
	}
	return c, data, nil
}

// section reads what stands behind the next length; io.EOF: nothing does.
func (in *Reader) section(limit uint64) ([]byte, error) {
	first, err := in.r.Peek(1)
	if len(first) == 0 {
		return nil, err
	}
	n, err := in.length()
	switch {
	case err != nil:
		return nil, err
	case n == 0 || n > limit:
		return nil, fmt.Errorf("%w: a part of %d bytes, 1 to %d are allowed", ErrBad, n, limit)
	}
	if uint64(cap(in.buf)) < n {
		in.buf = make([]byte, n)
	}
	in.buf = in.buf[:n]
	_, err = io.ReadFull(in.r, in.buf)
	return in.buf, unexpected(err)
}

// length reads a varint in its shortest form, of at most 28 bits.
func (in *Reader) length() (n uint64, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := in.r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				break
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a length is no short varint", ErrBad)
}

// unexpected is what the end of input means within a part.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func bad(err error) error {
	if errors.Is(err, ErrBad) || !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%w: it breaks off: %w", ErrBad, err)
}
