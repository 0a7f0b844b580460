package chainwatch

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"camswarm/chainwatch/internal/abi"
	"camswarm/verify"
)

// checkSelector is the first four bytes of keccak256("check(bytes32,bytes32)").
// A test compares it with the committed artefact.
const checkSelector = "\x25\x7d\x67\xaa"

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
	b := make([]byte, 0, 4+2*abi.Word)
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
	if len(data)%abi.Word != 0 {
		return v, fmt.Errorf("%d bytes are not a whole number of words", len(data))
	}
	outer := abi.New(data, 1)
	t := outer.Tuple(0, viewWords)
	v.Registry.ChainID = t.Uint(0, 64)
	v.Block = t.Uint(viewBlockNumber, 64)
	v.Time = t.Uint(viewBlockTime, 64)
	v.Rev = t.Uint(3, 64)
	v.RevBlock = t.Uint(4, 64)
	v.Digest = t.Bytes32(5)
	v.Paused = t.Bool(6)
	v.Latest = t.Uint(7, 64)
	v.MinSequence = t.Uint(8, 64)
	v.Barrier = t.Uint(9, 64)
	did := t.Bytes(10, verify.MaxText)
	threshold := t.Uint(11, 8)
	keys := t.Array(12, verify.MaxSigners)
	raw := make([][]byte, keys.Len())
	for i := range raw {
		raw[i] = keys.Bytes(i, maxKey)
	}
	t.End(keys)
	list := t.Array(13, verify.MaxCandidates)
	for i := range list.Len() {
		v.Candidates = append(v.Candidates, decodeCandidate(list, i))
	}
	t.End(list)
	outer.End(t)
	if err := outer.Done(); err != nil {
		return verify.View{}, err
	}
	v.Manufacturer, _ = verify.ParseDID(string(did)) // "" when unusable
	v.Keys = keySet(int(threshold), raw)
	return v, checkView(&v)
}

func decodeCandidate(list *abi.Tuple, i int) (c verify.Candidate) {
	t := list.Tuple(i, candidateWords)
	r := t.Tuple(0, releaseWords)
	c.Sequence = r.Uint(0, 64)
	c.PublishedAt = r.Uint(1, 64)
	c.ImageSize = r.Uint(2, 64)
	c.ImageSHA256 = r.Bytes32(3)
	c.Envelope = r.Bytes32(4)
	c.Revoked = r.Bool(5)
	c.Version = string(r.Bytes(6, verify.MaxText))
	t.End(r)
	c.Rollout.Halted = t.Bool(1)
	p := t.Tuple(2, policyWords)
	c.Rollout.Mode = verify.RolloutMode(p.Uint(0, 8))
	c.Rollout.Warm = p.Bool(1)
	c.Rollout.NotBefore = p.Uint(2, 64)
	c.Rollout.Start = p.Uint(3, 64)
	c.Rollout.Duration = uint32(p.Uint(4, 32))
	c.Rollout.StartBps = uint16(p.Uint(5, 16))
	c.Rollout.EndBps = uint16(p.Uint(6, 16))
	c.Rollout.Label = string(p.Bytes(7, verify.MaxText))
	canaries := p.Array(8, verify.MaxCanaries)
	for j := range canaries.Len() {
		c.Rollout.Canaries = append(c.Rollout.Canaries, canaries.Bytes32(j))
	}
	p.End(canaries)
	t.End(p)
	list.End(t)
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
	head := abi.Word * (1 + viewBlockNumber) // after the outer offset
	h := sha256.New()
	h.Write(data[:head])
	h.Write(data[head+2*abi.Word:])
	return [32]byte(h.Sum(nil))
}
