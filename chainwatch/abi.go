package chainwatch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"camswarm/verify"
)

// The subset of the contract ABI (Solidity, "Contract ABI Specification") that
// check(bytes32,bytes32) needs, by hand. The decoder takes only the canonical
// encoding, the one that solc produces: every dynamic member directly behind the
// one before, padding zero, nothing left over. So equal values have equal bytes,
// no two offsets can share data, and memory is bounded by the input.

// checkSelector is the first four bytes of keccak256("check(bytes32,bytes32)").
// A test compares it with the committed artefact.
const checkSelector = "\x25\x7d\x67\xaa"

const word = 32

// Words in the heads of the contract's structs, and the members used by name.
const (
	viewWords      = 14
	candidateWords = 3
	releaseWords   = 7
	policyWords    = 9

	viewBlockNumber = 1
	viewBlockTime   = 2
)

// maxKey bounds one key of the chain's list in bytes (contract: MAX_KEY 40).
const maxKey = 40

// ErrABI is wrapped by every error of [DecodeView].
var ErrABI = errors.New("not an answer of the registry's check()")

// EncodeCheck returns the call data of check(product, region).
func EncodeCheck(product verify.ProductID, region verify.Region) []byte {
	r := region.Bytes32()
	b := make([]byte, 0, 4+2*word)
	b = append(b, checkSelector...)
	b = append(b, product[:]...)
	return append(b, r[:]...)
}

// ErrWrongChain says that an answer was computed on another chain.
var ErrWrongChain = errors.New("the answer comes from another chain")

// DecodeView decodes the return data of check(product, region) of a registry.
// The answer repeats only the chain id of what was asked; another one is
// [ErrWrongChain]. Everything else that is wrong with it is an [ErrABI].
//
// The bounds of verify's limits hold, and so do the contract's own rules on
// numbers and order, so that what passes here needs no second look. Two things
// the contract cannot check are let through in a harmless form, because a pause
// or halt must reach devices that do not know the newest kind of key: a key set
// with an unknown or unusable key becomes the empty one, which approves nothing,
// and an unusable DID becomes "".
func DecodeView(data []byte, registry verify.RegistryRef, product verify.ProductID, region verify.Region) (verify.View, error) {
	v, err := decodeView(data)
	if err != nil {
		return verify.View{}, fmt.Errorf("%w: %w", ErrABI, err)
	}
	if v.Registry.ChainID != registry.ChainID {
		return verify.View{}, fmt.Errorf("%w: %d instead of %d", ErrWrongChain, v.Registry.ChainID, registry.ChainID)
	}
	v.Registry, v.Product, v.Region = registry, product, region
	for i := range v.Candidates {
		v.Candidates[i].Product = product
	}
	return v, nil
}

func decodeView(data []byte) (v verify.View, err error) {
	if len(data)%word != 0 {
		return v, fmt.Errorf("%d bytes are not a whole number of words", len(data))
	}
	outer := newTuple(data, 1)
	t := outer.tuple(0, viewWords)
	v.Registry.ChainID = t.uint(0, 64)
	v.Block = t.uint(viewBlockNumber, 64)
	v.Time = t.uint(viewBlockTime, 64)
	v.Rev = t.uint(3, 64)
	v.RevBlock = t.uint(4, 64)
	v.Digest = t.bytes32(5)
	v.Paused = t.bool(6)
	v.Latest = t.uint(7, 64)
	v.MinSequence = t.uint(8, 64)
	v.Barrier = t.uint(9, 64)
	did := t.bytes(10, verify.MaxText)
	threshold := t.uint(11, 8)
	keys := t.array(12, verify.MaxSigners)
	raw := make([][]byte, keys.words)
	for i := range raw {
		raw[i] = keys.bytes(i, maxKey)
	}
	t.end(keys)
	list := t.array(13, verify.MaxCandidates)
	for i := range list.words {
		v.Candidates = append(v.Candidates, decodeCandidate(list, i))
	}
	t.end(list)
	outer.end(t)
	if outer.err == nil && outer.next != len(data) {
		outer.fail("%d bytes follow", len(data)-outer.next)
	}
	if outer.err != nil {
		return verify.View{}, outer.err
	}
	v.Manufacturer, _ = verify.ParseDID(string(did)) // "" when unusable
	v.Keys = keySet(int(threshold), raw)
	return v, checkView(&v)
}

func decodeCandidate(list *tuple, i int) (c verify.Candidate) {
	t := list.tuple(i, candidateWords)
	r := t.tuple(0, releaseWords)
	c.Sequence = r.uint(0, 64)
	c.PublishedAt = r.uint(1, 64)
	c.ImageSize = r.uint(2, 64)
	c.ImageSHA256 = r.bytes32(3)
	c.Envelope = r.bytes32(4)
	c.Revoked = r.bool(5)
	c.Version = string(r.bytes(6, verify.MaxText))
	t.end(r)
	c.Rollout.Halted = t.bool(1)
	p := t.tuple(2, policyWords)
	c.Rollout.Mode = verify.RolloutMode(p.uint(0, 8))
	c.Rollout.Warm = p.bool(1)
	c.Rollout.NotBefore = p.uint(2, 64)
	c.Rollout.Start = p.uint(3, 64)
	c.Rollout.Duration = uint32(p.uint(4, 32))
	c.Rollout.StartBps = uint16(p.uint(5, 16))
	c.Rollout.EndBps = uint16(p.uint(6, 16))
	c.Rollout.Label = string(p.bytes(7, verify.MaxText))
	canaries := p.array(8, verify.MaxCanaries)
	for j := range canaries.words {
		c.Rollout.Canaries = append(c.Rollout.Canaries, canaries.bytes32(j))
	}
	p.end(canaries)
	t.end(p)
	list.end(t)
	return c
}

// keySet returns the key set, or the empty one if a key is unknown.
func keySet(threshold int, raw [][]byte) verify.KeySet {
	s := verify.KeySet{Threshold: threshold}
	for _, b := range raw {
		k, err := verify.PublicKeyFromBytes(b)
		if err != nil {
			return verify.KeySet{}
		}
		s.Keys = append(s.Keys, k)
	}
	if s.Validate() != nil {
		return verify.KeySet{}
	}
	return s
}

// checkView holds what the contract guarantees.
func checkView(v *verify.View) error {
	if v.Rev == 0 {
		return errors.New("revision 0: the product has no history")
	}
	if v.RevBlock > v.Block {
		return fmt.Errorf("last change in block %d, after the head %d", v.RevBlock, v.Block)
	}
	if v.MinSequence > v.Latest || v.Barrier > v.Latest {
		return fmt.Errorf("minimum sequence %d or barrier %d above the latest %d", v.MinSequence, v.Barrier, v.Latest)
	}
	above := v.Latest
	for _, c := range v.Candidates {
		if c.Sequence == 0 || c.Sequence > above {
			return fmt.Errorf("release %d is out of order", c.Sequence)
		}
		above = c.Sequence - 1
		if c.ImageSize == 0 || c.ImageSize > verify.MaxImageSize {
			return fmt.Errorf("release %d has an image of %d bytes, over the limit of %d", c.Sequence, c.ImageSize, verify.MaxImageSize)
		}
		if p := c.Rollout; p.Mode > verify.RolloutAll || p.StartBps > p.EndBps || p.EndBps > 10000 {
			return fmt.Errorf("release %d has an impossible policy", c.Sequence)
		}
	}
	return nil
}

// contentDigest identifies everything an answer says except the head block and
// its time, which differ between endpoints that agree. data must have passed
// DecodeView.
func contentDigest(data []byte) [32]byte {
	head := word * (1 + viewBlockNumber) // after the outer offset
	h := sha256.New()
	h.Write(data[:head])
	h.Write(data[head+2*word:])
	return [32]byte(h.Sum(nil))
}

// A tuple reads one ABI tuple: a head of words followed by the tails of its
// dynamic members, in order. The first error sticks to it and to its parent
// (see end) and turns later reads into zero values.
type tuple struct {
	b     []byte // from the start of the head; may go on behind the tuple
	words int    // words in the head
	next  int    // where the next tail must begin
	err   error
}

func newTuple(b []byte, words int) *tuple {
	t := &tuple{b: b, words: words, next: words * word}
	if len(b) < t.next {
		t.fail("cut short")
		t.words = 0
	}
	return t
}

func (t *tuple) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

func (t *tuple) bytes32(i int) (w [32]byte) {
	if t.err == nil {
		copy(w[:], t.b[i*word:])
	}
	return w
}

func (t *tuple) uint(i, bits int) uint64 {
	w := t.bytes32(i)
	for _, b := range w[:word-bits/8] {
		if b != 0 {
			t.fail("a number has more than %d bits", bits)
			return 0
		}
	}
	return binary.BigEndian.Uint64(w[word-8:])
}

func (t *tuple) bool(i int) bool {
	n := t.uint(i, 8)
	if n > 1 {
		t.fail("a truth value is %d", n)
	}
	return n == 1
}

// tail checks that word i points at the next tail and returns what starts there.
func (t *tuple) tail(i int) []byte {
	offset := t.uint(i, 64)
	if t.err == nil && (offset != uint64(t.next) || t.next > len(t.b)) {
		t.fail("a member begins at %d instead of %d", offset, t.next)
	}
	if t.err != nil {
		return nil
	}
	return t.b[t.next:]
}

// tuple reads the dynamic tuple at word i; the caller ends it.
func (t *tuple) tuple(i, words int) *tuple {
	child := newTuple(t.tail(i), words)
	if t.err != nil {
		child.err, child.words = t.err, 0
	}
	return child
}

// array reads the dynamic array at word i: a count, then a tuple of its
// elements. The caller ends it.
func (t *tuple) array(i, most int) *tuple {
	head := t.tuple(i, 1)
	n := head.uint(0, 64)
	if n > uint64(most) {
		head.fail("a list has %d elements, over the limit of %d", n, most)
	}
	if head.err != nil {
		return &tuple{err: head.err}
	}
	t.next += word
	return newTuple(head.b[word:], int(n))
}

// end closes a child that tuple or array opened.
func (t *tuple) end(child *tuple) {
	if t.err == nil {
		t.err = child.err
	}
	t.next += child.next
}

// bytes reads the byte string at word i.
func (t *tuple) bytes(i, most int) []byte {
	head := t.tuple(i, 1)
	n := head.uint(0, 64)
	if n > uint64(most) {
		head.fail("a text has %d bytes, over the limit of %d", n, most)
	}
	if head.err != nil {
		t.fail("%w", head.err)
		return nil
	}
	padded := (int(n) + word - 1) / word * word
	body := head.b[word:]
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
	t.next += word + padded
	return body[:n]
}
