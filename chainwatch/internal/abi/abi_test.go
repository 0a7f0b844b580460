package abi

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// words encodes each number as one word.
func words(ns ...uint64) (b []byte) {
	for _, n := range ns {
		b = append(b, make([]byte, Word-8)...)
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// text is one word with that text from its left.
func text(s string) []byte { return append([]byte(s), make([]byte, Word-len(s))...) }

// All kinds of members, in the one encoding that solc makes.
func TestCanonicalEncodingIsRead(t *testing.T) {
	b := words(255, 1, 5*Word, 7*Word, 10*Word)
	b = append(append(b, words(3)...), text("abc")...)
	b = append(b, words(2, 7, 8)...)
	b = append(b, words(9)...)
	top := New(b, 5)
	if n, yes, s := top.Uint(0, 8), top.Bool(1), top.Bytes(2, 3); n != 255 || !yes || string(s) != "abc" {
		t.Errorf("%d %v %q", n, yes, s)
	}
	list := top.Array(3, 2)
	if list.Len() != 2 || list.Uint(0, 64) != 7 || list.Uint(1, 64) != 8 {
		t.Errorf("a list of %d", list.Len())
	}
	top.End(list)
	inner := top.Tuple(4, 1)
	if w := inner.Bytes32(0); !bytes.Equal(w[:], words(9)) {
		t.Errorf("%x", w)
	}
	top.End(inner)
	if err := top.Done(); err != nil {
		t.Error(err)
	}
}

// A limit holds exactly, and whatever is not the one encoding is refused.
func TestOtherEncodingsAreRefused(t *testing.T) {
	number := func(bits int) func(*Tuple) { return func(t *Tuple) { t.Uint(0, bits) } }
	truth := func(t *Tuple) { t.Bool(0) }
	short := func(t *Tuple) { t.Bytes(0, 3) }
	list := func(t *Tuple) { t.End(t.Array(0, 2)) }
	for name, c := range map[string]struct {
		b    []byte
		read func(*Tuple)
		want string // "": it is read
	}{
		"8 bits":           {words(255), number(8), ""},
		"9 bits":           {words(256), number(8), "more than 8 bits"},
		"65 bits":          {append(append(make([]byte, 23), 1), make([]byte, 8)...), number(64), "more than 64 bits"},
		"true":             {words(1), truth, ""},
		"neither":          {words(2), truth, "truth value is 2"},
		"no word":          {words(1)[1:], truth, "cut short"},
		"a word too many":  {words(1, 1), truth, "32 bytes follow"},
		"a text":           {append(words(Word, 3), text("abc")...), short, ""},
		"empty":            {words(Word, 0), short, ""},
		"too long":         {append(words(Word, 4), text("abcd")...), short, "over the limit of 3"},
		"padded otherwise": {append(words(Word, 2), text("abc")...), short, "padding is not zero"},
		"not padded":       {append(words(Word, 3), "abc"...), short, "cut short"},
		"text cut":         {words(Word, 3), short, "cut short"},
		"a gap":            {append(words(2*Word, 0, 3), text("abc")...), short, "begins at 64 instead of 32"},
		"into the head":    {words(0), short, "begins at 0 instead of 32"},
		"no length":        {words(Word), short, "cut short"},
		"a list":           {words(Word, 2, 7, 8), list, ""},
		"no elements":      {words(Word, 0), list, ""},
		"too many":         {words(Word, 3, 7, 8, 9), list, "over the limit of 2"},
		"list cut":         {words(Word, 2, 7), list, "cut short"},
	} {
		top := New(c.b, 1)
		c.read(top)
		err := top.Done()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// The first error stays, and later reads give nothing.
func TestTheFirstErrorSticks(t *testing.T) {
	top := New(words(256, 7), 2)
	if top.Uint(0, 8) != 0 || top.Uint(1, 64) != 0 || top.Bytes32(1) != [Word]byte{} || top.Tuple(1, 1).Len() != 0 {
		t.Error("it reads on after an error")
	}
	if err := top.Done(); err == nil || !strings.Contains(err.Error(), "more than 8 bits") {
		t.Error(err)
	}
}
