package car

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipfs/go-cid"
	"google.golang.org/protobuf/encoding/protowire"
)

// ErrSpan means that what is given as a span of bytes is none.
var ErrSpan = errors.New("a span is from:to, two offsets in bytes, of which negative ones count from the end, or * as its end")

// A Span is a part of a file, as entity-bytes of trustless gateways gives it: the bytes
// First to Last, both of them within. What is negative counts from the file's end.
type Span struct {
	First, Last int64
	ToEnd       bool // whatever Last is
}

// ParseSpan reads from:to.
func ParseSpan(s string) (out Span, err error) {
	first, last, ok := strings.Cut(s, ":")
	if !ok {
		return Span{}, ErrSpan
	}
	if out.First, err = strconv.ParseInt(first, 10, 64); err != nil {
		return Span{}, ErrSpan
	}
	if out.ToEnd = last == "*"; !out.ToEnd {
		if out.Last, err = strconv.ParseInt(last, 10, 64); err != nil {
			return Span{}, ErrSpan
		}
	}
	return out, nil
}

// of returns the bytes from begin up to end, end excluded, that are meant of a file of a
// size; none if end is not larger.
func (s Span) of(size int64) (begin, end int64) {
	begin, end = s.First, size
	if begin < 0 {
		begin = max(0, size+begin)
	}
	switch {
	case s.ToEnd:
	case s.Last < 0:
		end = size + s.Last + 1
	case s.Last < size: // and what lies beyond the end is not missed
		end = s.Last + 1
	}
	return begin, end
}

// WalkSpan lists the blocks along a path and those that hold a part of the file there, as
// Walk does; of what is no file its own block, and so if nothing of the file is meant.
func WalkSpan(root cid.Cid, path []string, span Span, dups bool, get func(cid.Cid) ([]byte, error)) ([]cid.Cid, error) {
	w := &walk{scope: ScopeEntity, dups: dups, get: get, seen: map[cid.Cid]bool{}}
	at, err := w.along(root, path)
	if err == nil {
		err = w.emit(at)
	}
	if err != nil || at.Prefix().Codec != cid.DagProtobuf {
		return w.out, err
	}
	f, err := w.file(at)
	if err != nil || isDirectory(f.below) {
		return w.out, err
	}
	begin, end := span.of(f.size)
	err = w.span(f, begin, end, 0)
	return w.out, err
}

// span lists the blocks below a file's node that hold its bytes from begin up to end.
func (w *walk) span(f fileNode, begin, end int64, depth int) error {
	if depth > maxDepth {
		return ErrSize
	}
	at := f.own
	for i, l := range f.below {
		from := at
		at += f.sizes[i]
		if begin >= end || from >= end || at <= begin {
			continue
		}
		if w.steps++; w.steps > maxDAG {
			return ErrSize
		}
		if err := w.emit(l.To); err != nil {
			return err
		}
		if l.To.Prefix().Codec != cid.DagProtobuf {
			continue
		}
		below, err := w.file(l.To)
		if err == nil {
			err = w.span(below, begin-from, end-from, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fileNode is a UnixFS node with the bytes of the file below each link.
type fileNode struct {
	below []Link
	sizes []int64
	own   int64 // bytes that the node itself holds, before the others
	size  int64
}

// maxFile bounds a file whose parts are asked for, in bytes.
const maxFile = 1 << 50

func (w *walk) file(c cid.Cid) (f fileNode, err error) {
	data, err := w.get(c)
	if err != nil {
		return f, err
	}
	if f.below, err = Links(data); err != nil || isDirectory(f.below) {
		return f, err
	}
	err = fields(data, func(number protowire.Number, value []byte) error {
		if number != 1 { // Data
			return nil
		}
		return f.unixfs(value)
	})
	if err == nil && len(f.sizes) != len(f.below) {
		err = errors.New("not as many sizes as links")
	}
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrNode, err)
	}
	return f, nil
}

// unixfs reads what the node says of the file's bytes.
func (f *fileNode) unixfs(message []byte) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return ErrNode
		}
		message = message[n:]
		size := uint64(0)
		switch {
		case number == 2 && kind == protowire.BytesType: // Data
			var own []byte
			own, n = protowire.ConsumeBytes(message)
			f.own, size = int64(len(own)), uint64(len(own))
		case number == 4 && kind == protowire.VarintType: // blocksizes
			size, n = protowire.ConsumeVarint(message)
			f.sizes = append(f.sizes, int64(min(size, maxFile)))
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 || size > maxFile || f.size > maxFile {
			return ErrNode
		}
		message, f.size = message[n:], f.size+int64(size)
	}
	return nil
}
