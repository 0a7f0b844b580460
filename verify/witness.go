package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/fxamacker/cbor/v2"
)

// WitnessContext is the external_aad of every signature over a witness statement.
const WitnessContext = "camswarm/witness/v1"

// WitnessStatement is a view of the registry as one witness's own quorum of chain
// endpoints accepted it, and the witness's signature. It is a claim by that
// witness; what k of n of them together are good for is for package chainwatch.
type WitnessStatement struct {
	// View is what was accepted. It is signed but for Manufacturer, which is for
	// people and left out; that Candidates are of View.Product is understood.
	View View
	// Signature is by the witness's Ed25519 key.
	Signature Signature
}

// Witness is the key that signed, or is said to have.
func (s *WitnessStatement) Witness() PublicKey { return s.Signature.Key }

// Content is the digest of all that the statement says but the head's block and
// time: witnesses agree when it is the same.
func (s *WitnessStatement) Content() ([32]byte, error) {
	w := witnessWire(&s.View)
	w.Block, w.Time = 0, 0
	b, err := encMode.Marshal(w)
	return sha256.Sum256(b), err
}

// Contradicts reports whether two statements cannot both be honest: one witness
// says two things of one revision of one registry, product and region. The two
// together prove it to anybody once both are verified.
func (s *WitnessStatement) Contradicts(o *WitnessStatement) bool {
	if s.Witness() != o.Witness() || s.View.Registry != o.View.Registry || s.View.Product != o.View.Product ||
		s.View.Region != o.View.Region || s.View.Rev != o.View.Rev {
		return false
	}
	a, errA := s.Content()
	b, errB := o.Content()
	return errA == nil && errB == nil && a != b
}

// Verify reports whether the signature is the witness's over the view.
func (s *WitnessStatement) Verify() bool {
	payload, err := s.Payload()
	return err == nil && s.Witness().Algorithm() == EdDSA && s.Signature.verify(payload, []byte(WitnessContext))
}

// ToBeSigned returns the bytes that a witness signs, see [Envelope.ToBeSigned].
func (s *WitnessStatement) ToBeSigned(k PublicKey) ([]byte, error) {
	payload, err := s.Payload()
	if err != nil {
		return nil, err
	}
	return toBeSigned(k, payload, []byte(WitnessContext))
}

// witnessFormat is the version of the statement's encoding.
const witnessFormat = 1

// maxCount bounds revisions and blocks, maxTime times in seconds since 1970, of a
// statement: a block a second for 34 thousand years, and the year 9999.
const (
	maxCount = 1 << 40
	maxTime  = 253402300799
)

// Validate checks every field of the view; not the signature, for which there is
// [WitnessStatement.Verify].
func (s *WitnessStatement) Validate() error {
	v := &s.View
	if err := v.Registry.Validate(); err != nil {
		return fmt.Errorf("witness statement: %w", err)
	}
	if _, err := ParseRegion(string(v.Region)); err != nil {
		return fmt.Errorf("witness statement: %w", err)
	}
	if v.Rev == 0 || v.Rev > maxCount || v.Block > maxCount || v.RevBlock > v.Block || v.Time == 0 || v.Time > maxTime {
		return fmt.Errorf("witness statement: no chain is at revision %d of block %d, block %d and time %d", v.Rev, v.RevBlock, v.Block, v.Time)
	}
	if err := v.Keys.Validate(); err != nil {
		return fmt.Errorf("witness statement: %w", err)
	}
	if len(v.Candidates) > MaxCandidates {
		return fmt.Errorf("witness statement lists %d releases, at most %d are possible", len(v.Candidates), MaxCandidates)
	}
	before := v.Latest
	for i, c := range v.Candidates {
		r := c.Rollout
		switch {
		case c.Product != v.Product, c.Revoked:
			return fmt.Errorf("witness statement: release %d is of another product, or revoked: it is not on offer", c.Sequence)
		case c.Sequence == 0 || i > 0 && c.Sequence >= before || c.Sequence > before:
			return fmt.Errorf("witness statement: releases are not in order, or beyond %d, the latest", v.Latest)
		case c.ImageSize == 0 || c.ImageSize > MaxImageSize || len(c.Version) > MaxText || c.PublishedAt > maxTime:
			return fmt.Errorf("witness statement: release %d has a size, version or time out of its limits", c.Sequence)
		case int(r.Mode) >= len(rolloutModes) || r.StartBps > MaxBps || r.EndBps > MaxBps || len(r.Canaries) > MaxCanaries || len(r.Label) > MaxText:
			return fmt.Errorf("witness statement: release %d has a policy out of its limits", c.Sequence)
		}
		before = c.Sequence
	}
	return nil
}

// witnessCBOR is the wire form of the view, a map with these keys.
type witnessCBOR struct {
	Format      uint64                 `cbor:"1,keyasint"`
	ChainID     uint64                 `cbor:"2,keyasint"`
	Registry    []byte                 `cbor:"3,keyasint"`
	Product     []byte                 `cbor:"4,keyasint"`
	Region      string                 `cbor:"5,keyasint,omitempty"`
	Rev         uint64                 `cbor:"6,keyasint"`
	RevBlock    uint64                 `cbor:"7,keyasint"`
	Digest      []byte                 `cbor:"8,keyasint"`
	Block       uint64                 `cbor:"9,keyasint"`
	Time        uint64                 `cbor:"10,keyasint"`
	Paused      bool                   `cbor:"11,keyasint,omitempty"`
	Latest      uint64                 `cbor:"12,keyasint,omitempty"`
	MinSequence uint64                 `cbor:"13,keyasint,omitempty"`
	Barrier     uint64                 `cbor:"14,keyasint,omitempty"`
	Threshold   uint64                 `cbor:"15,keyasint"`
	Keys        [][]byte               `cbor:"16,keyasint"`
	Candidates  []witnessCandidateCBOR `cbor:"17,keyasint,omitempty"`
}

// witnessCandidateCBOR is the wire form of a Candidate, an array.
type witnessCandidateCBOR struct {
	_           struct{} `cbor:",toarray"`
	Sequence    uint64
	Version     []byte
	ImageSize   uint64
	ImageSHA256 []byte
	Envelope    []byte
	PublishedAt uint64
	Halted      bool
	Mode        uint64
	Warm        bool
	NotBefore   uint64
	Start       uint64
	Duration    uint64
	StartBps    uint64
	EndBps      uint64
	Label       []byte
	Canaries    []byte // 32 bytes each, nothing between
}

func witnessWire(v *View) witnessCBOR {
	w := witnessCBOR{
		Format: witnessFormat, ChainID: v.Registry.ChainID, Registry: v.Registry.Address[:], Product: v.Product[:], Region: string(v.Region),
		Rev: v.Rev, RevBlock: v.RevBlock, Digest: v.Digest[:], Block: v.Block, Time: v.Time,
		Paused: v.Paused, Latest: v.Latest, MinSequence: v.MinSequence, Barrier: v.Barrier,
		Threshold: uint64(v.Keys.Threshold), Keys: v.Keys.encoded(),
	}
	for _, c := range v.Candidates {
		r := c.Rollout
		w.Candidates = append(w.Candidates, witnessCandidateCBOR{
			Sequence: c.Sequence, Version: []byte(c.Version), ImageSize: c.ImageSize, ImageSHA256: c.ImageSHA256[:], Envelope: c.Envelope[:], PublishedAt: c.PublishedAt,
			Halted: r.Halted, Mode: uint64(r.Mode), Warm: r.Warm, NotBefore: r.NotBefore, Start: r.Start, Duration: uint64(r.Duration),
			StartBps: uint64(r.StartBps), EndBps: uint64(r.EndBps), Label: []byte(r.Label), Canaries: joined(r.Canaries),
		})
	}
	return w
}

func joined(digests [][32]byte) []byte {
	b := make([]byte, 0, 32*len(digests))
	for i := range digests {
		b = append(b, digests[i][:]...)
	}
	return b
}

// Payload validates the view and returns the bytes that are signed.
func (s *WitnessStatement) Payload() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return encMode.Marshal(witnessWire(&s.View))
}

// Encode validates the statement and returns its encoding. It refuses what
// [DecodeWitnessStatement] would refuse.
func (s *WitnessStatement) Encode() ([]byte, error) {
	if err := checkRaw([]Signature{s.Signature}); err != nil {
		return nil, err
	}
	return s.encode()
}

func (s *WitnessStatement) encode() ([]byte, error) {
	payload, err := s.Payload()
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(envelopeCBOR{Manifest: payload, Signatures: []cbor.RawMessage{s.Signature.Raw}})
}

// WitnessOf returns the binary Multikey that an encoded statement says signed it,
// so that one of a stranger costs no arithmetic. It checks nothing else; its errors
// are hard [Error]s.
func WitnessOf(b []byte) ([]byte, error) {
	if len(b) > MaxWitnessStatement {
		return nil, Hard(AttackEndlessData, "witness statement is %d bytes long, at most %d are allowed", len(b), MaxWitnessStatement)
	}
	var file envelopeCBOR
	var sign1 sign1CBOR
	var header protectedCBOR
	err := decMode.Unmarshal(b, &file)
	if err == nil && len(file.Signatures) != 1 {
		err = fmt.Errorf("%d signatures instead of one", len(file.Signatures))
	}
	if err == nil {
		err = decMode.Unmarshal(file.Signatures[0], &sign1)
	}
	if err == nil {
		err = decMode.Unmarshal(sign1.Protected, &header)
	}
	if err != nil {
		return nil, Hard(AttackMalformed, "witness statement: %w", err)
	}
	return header.KeyID, nil
}

// decodeWitnessed decodes what is around the payload.
func decodeWitnessed(b []byte) (Signature, []byte, error) {
	if len(b) > MaxWitnessStatement {
		return Signature{}, nil, Hard(AttackEndlessData, "witness statement is %d bytes long, at most %d are allowed", len(b), MaxWitnessStatement)
	}
	var file envelopeCBOR // a statement has the form of an envelope
	if err := decMode.Unmarshal(b, &file); err != nil {
		return Signature{}, nil, Hard(AttackMalformed, "witness statement: %w", err)
	}
	signatures, err := decodeSignatures("witness statement", file.Signatures, 1)
	if err != nil {
		return Signature{}, nil, err
	}
	if len(signatures) != 1 {
		return Signature{}, nil, Hard(AttackMalformed, "witness statement has no signature")
	}
	return signatures[0], file.Manifest, nil
}

// DecodeWitnessStatement decodes as strictly as [DecodeEnvelope] does, and
// validates. Its errors are hard [Error]s. What it returns proves nothing yet: see
// [WitnessStatement.Verify].
func DecodeWitnessStatement(b []byte) (*WitnessStatement, error) {
	signature, payload, err := decodeWitnessed(b)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) (*WitnessStatement, error) {
		return nil, Hard(AttackMalformed, "witness statement: "+format, args...)
	}
	var w witnessCBOR
	if err := decMode.Unmarshal(payload, &w); err != nil {
		return bad("%w", err)
	}
	if w.Format != witnessFormat {
		return bad("format %d, this software reads %d", w.Format, witnessFormat)
	}
	if len(w.Registry) != len(Address{}) || len(w.Product) != len(ProductID{}) || len(w.Digest) != 32 {
		return bad("an address or digest has the wrong length")
	}
	v := View{
		Registry: RegistryRef{ChainID: w.ChainID, Address: Address(w.Registry)}, Product: ProductID(w.Product), Region: Region(w.Region),
		Rev: w.Rev, RevBlock: w.RevBlock, Digest: [32]byte(w.Digest), Block: w.Block, Time: w.Time,
		Paused: w.Paused, Latest: w.Latest, MinSequence: w.MinSequence, Barrier: w.Barrier,
	}
	if v.Keys, err = decodeKeySet(w.Threshold, w.Keys); err != nil {
		return bad("%w", err)
	}
	for _, c := range w.Candidates {
		candidate, err := c.candidate(v.Product)
		if err != nil {
			return bad("release %d: %w", c.Sequence, err)
		}
		v.Candidates = append(v.Candidates, candidate)
	}
	s := &WitnessStatement{View: v, Signature: signature}
	again, err := s.encode()
	if err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return bad("%w", errNotDeterministic)
	}
	return s, nil
}

// candidate leaves limits to [WitnessStatement.Validate]; of a number too large for
// its type the rest is refused, since it encodes to other bytes.
func (w *witnessCandidateCBOR) candidate(product ProductID) (c Candidate, err error) {
	if len(w.ImageSHA256) != 32 || len(w.Envelope) != 32 || len(w.Canaries)%32 != 0 {
		return c, errors.New("a digest has the wrong length")
	}
	c = Candidate{
		Release: Release{
			Product: product, Sequence: w.Sequence, Version: string(w.Version), ImageSize: w.ImageSize,
			ImageSHA256: [32]byte(w.ImageSHA256), Envelope: [32]byte(w.Envelope), PublishedAt: w.PublishedAt,
		},
		Rollout: Rollout{
			Halted: w.Halted, Mode: RolloutMode(w.Mode), Warm: w.Warm, NotBefore: w.NotBefore, Start: w.Start,
			Duration: uint32(w.Duration), StartBps: uint16(w.StartBps), EndBps: uint16(w.EndBps), Label: string(w.Label),
		},
	}
	for digest := range slices.Chunk(w.Canaries, 32) {
		c.Rollout.Canaries = append(c.Rollout.Canaries, [32]byte(digest))
	}
	return c, nil
}
