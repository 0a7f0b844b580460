package abi

import (
	"encoding/binary"
	"fmt"
)

// Word is the size in bytes of an ABI word.
const Word = 32

// A Tuple reads one ABI tuple: a head of words followed by the tails of its
// dynamic members, in order. The first error sticks to it and to its parent
// (see End) and turns later reads into zero values.
type Tuple struct {
	b     []byte // from the start of the head; may go on behind the tuple
	words int    // words in the head
	next  int    // where the next tail must begin
	err   error
}

// New reads a tuple with that many words in its head from the start of b.
func New(b []byte, words int) *Tuple {
	t := &Tuple{b: b, words: words, next: words * Word}
	if len(b) < t.next {
		t.fail("cut short")
		t.words = 0
	}
	return t
}

// Len is the number of words in the head.
func (t *Tuple) Len() int { return t.words }

// Done returns the first error; bytes that follow the tuple are one.
func (t *Tuple) Done() error {
	if t.next != len(t.b) {
		t.fail("%d bytes follow", len(t.b)-t.next)
	}
	return t.err
}

func (t *Tuple) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

// Bytes32 returns word i.
func (t *Tuple) Bytes32(i int) (w [32]byte) {
	if t.err == nil {
		copy(w[:], t.b[i*Word:])
	}
	return w
}

// Uint reads word i as a number of at most that many bits.
func (t *Tuple) Uint(i, bits int) uint64 {
	w := t.Bytes32(i)
	for _, b := range w[:Word-bits/8] {
		if b != 0 {
			t.fail("a number has more than %d bits", bits)
			return 0
		}
	}
	return binary.BigEndian.Uint64(w[Word-8:])
}

// Bool reads word i as a truth value.
func (t *Tuple) Bool(i int) bool {
	n := t.Uint(i, 8)
	if n > 1 {
		t.fail("a truth value is %d", n)
	}
	return n == 1
}

// tail checks that word i points at the next tail and returns what starts there.
func (t *Tuple) tail(i int) []byte {
	offset := t.Uint(i, 64)
	if t.err == nil && (offset != uint64(t.next) || t.next > len(t.b)) {
		t.fail("a member begins at %d instead of %d", offset, t.next)
	}
	if t.err != nil {
		return nil
	}
	return t.b[t.next:]
}

// Tuple reads the dynamic tuple at word i; the caller ends it.
func (t *Tuple) Tuple(i, words int) *Tuple {
	child := New(t.tail(i), words)
	if t.err != nil {
		child.err, child.words = t.err, 0
	}
	return child
}

// Array reads the dynamic array at word i: a count, then a tuple of its
// elements. The caller ends it.
func (t *Tuple) Array(i, most int) *Tuple {
	head := t.Tuple(i, 1)
	n := head.Uint(0, 64)
	if n > uint64(most) {
		head.fail("a list has %d elements, over the limit of %d", n, most)
	}
	if head.err != nil {
		return &Tuple{err: head.err}
	}
	t.next += Word
	return New(head.b[Word:], int(n))
}

// End closes a child that Tuple or Array opened.
func (t *Tuple) End(child *Tuple) {
	if t.err == nil {
		t.err = child.err
	}
	t.next += child.next
}

// Bytes reads the byte string at word i, of at most that many bytes.
func (t *Tuple) Bytes(i, most int) []byte {
	head := t.Tuple(i, 1)
	n := head.Uint(0, 64)
	if n > uint64(most) {
		head.fail("a text has %d bytes, over the limit of %d", n, most)
	}
	if head.err != nil {
		t.fail("%w", head.err)
		return nil
	}
	padded := (int(n) + Word - 1) / Word * Word
	body := head.b[Word:]
	if len(body) < padded {
		t.fail("cut short")
		return nil
	}
	for _, b := range body[n:padded] {
		if b != 0 {
			t.fail("padding is not zero")
			return nil
		}
	}
	t.next += Word + padded
	return body[:n]
}
