package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipfs/go-cid"
)

// encMode writes the core deterministic encoding of RFC 8949 section 4.2.1.
// decMode refuses duplicate keys, unknown fields, tags, indefinite lengths and
// floats for integers; whatever else is not deterministic (long forms of
// numbers, unsorted keys, null for a value) shows when the decoded value is
// encoded again, so every decoder here compares the two.
var encMode, decMode = func() (cbor.EncMode, cbor.DecMode) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   4,
		MaxArrayElements:  MaxHardware,
		MaxMapPairs:       32,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return enc, dec
}()

var errNotDeterministic = errors.New("not in the deterministic encoding of RFC 8949 section 4.2.1")

// manifestFormat is the version of the manifest's encoding.
const manifestFormat = 1

// manifestCBOR is the wire form of a Manifest, a map with these keys.
type manifestCBOR struct {
	Format      uint64   `cbor:"1,keyasint"`
	Vendor      string   `cbor:"2,keyasint"`
	Name        string   `cbor:"3,keyasint"`
	Hardware    []string `cbor:"4,keyasint,omitempty"`
	Sequence    uint64   `cbor:"5,keyasint"`
	Version     string   `cbor:"6,keyasint"`
	MinSequence uint64   `cbor:"7,keyasint,omitempty"`
	Size        uint64   `cbor:"8,keyasint"`
	SHA256      []byte   `cbor:"9,keyasint"`
	BlockSize   uint32   `cbor:"10,keyasint"`
	Blocks      []byte   `cbor:"11,keyasint"`
	Root        []byte   `cbor:"12,keyasint"`
	Component   string   `cbor:"13,keyasint"`
	Expires     uint64   `cbor:"14,keyasint,omitempty"`
	ChainID     uint64   `cbor:"15,keyasint"`
	Registry    []byte   `cbor:"16,keyasint"`
	IPNSName    string   `cbor:"17,keyasint,omitempty"`

	Origins []originCBOR `cbor:"18,keyasint,omitempty"`
	Seeds   []seedCBOR   `cbor:"19,keyasint,omitempty"`
}

// originCBOR is the wire form of an Origin, an array.
type originCBOR struct {
	_      struct{} `cbor:",toarray"`
	Region string
	URL    string
}

// seedCBOR is the wire form of a Seed, an array.
type seedCBOR struct {
	_      struct{} `cbor:",toarray"`
	Region string
	Addr   string
}

// DecodeManifest decodes strictly and checks every field on its own and
// against the others (block count, root CID). Its errors are hard [Error]s.
func DecodeManifest(b []byte) (*Manifest, error) {
	if len(b) > MaxManifestSize {
		return nil, Hard(AttackEndlessData, "manifest is %d bytes long, at most %d are allowed", len(b), MaxManifestSize)
	}
	var w manifestCBOR
	if err := decMode.Unmarshal(b, &w); err != nil {
		return nil, Hard(AttackMalformed, "manifest: %w", err)
	}
	if w.Format != manifestFormat {
		return nil, Hard(AttackMalformed, "manifest has format %d, this software reads %d", w.Format, manifestFormat)
	}
	if len(w.SHA256) != 32 || len(w.Blocks)%32 != 0 || len(w.Registry) != len(Address{}) {
		return nil, Hard(AttackMalformed, "manifest has a digest or address of the wrong length")
	}
	root, err := cid.Cast(w.Root)
	if err != nil {
		return nil, Hard(AttackMalformed, "manifest root: %w", err)
	}
	m := &Manifest{
		Product:     Product{Vendor: w.Vendor, Name: w.Name},
		Hardware:    w.Hardware,
		Sequence:    w.Sequence,
		Version:     w.Version,
		MinSequence: w.MinSequence,
		Image: ImageInfo{
			Size:      w.Size,
			SHA256:    [32]byte(w.SHA256),
			BlockSize: w.BlockSize,
			Blocks:    make([][32]byte, len(w.Blocks)/32),
			Root:      root,
		},
		Component: w.Component,
		Expires:   w.Expires,
		Registry:  RegistryRef{ChainID: w.ChainID, Address: Address(w.Registry)},
		IPNSName:  w.IPNSName,
	}
	for i := range m.Image.Blocks {
		m.Image.Blocks[i] = [32]byte(w.Blocks[32*i:])
	}
	for _, o := range w.Origins {
		m.Origins = append(m.Origins, Origin{Region: Region(o.Region), URL: o.URL})
	}
	for _, s := range w.Seeds {
		m.Seeds = append(m.Seeds, Seed{Region: Region(s.Region), Addr: s.Addr})
	}
	again, err := m.Encode()
	var attack *Error
	switch {
	case errors.As(err, &attack):
		return nil, err
	case err != nil:
		return nil, Hard(AttackMalformed, "%w", err)
	case !bytes.Equal(again, b):
		return nil, Hard(AttackMalformed, "manifest: %w", errNotDeterministic)
	}
	return m, nil
}

// Encode validates the manifest and returns its deterministic CBOR encoding
// (RFC 8949 section 4.2).
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	w := manifestCBOR{
		Format:      manifestFormat,
		Vendor:      m.Product.Vendor,
		Name:        m.Product.Name,
		Hardware:    m.Hardware,
		Sequence:    m.Sequence,
		Version:     m.Version,
		MinSequence: m.MinSequence,
		Size:        m.Image.Size,
		SHA256:      m.Image.SHA256[:],
		BlockSize:   m.Image.BlockSize,
		Blocks:      make([]byte, 0, 32*len(m.Image.Blocks)),
		Root:        m.Image.Root.Bytes(),
		Component:   m.Component,
		Expires:     m.Expires,
		ChainID:     m.Registry.ChainID,
		Registry:    m.Registry.Address[:],
		IPNSName:    m.IPNSName,
	}
	for i := range m.Image.Blocks {
		w.Blocks = append(w.Blocks, m.Image.Blocks[i][:]...)
	}
	for _, o := range m.Origins {
		w.Origins = append(w.Origins, originCBOR{Region: string(o.Region), URL: o.URL})
	}
	for _, s := range m.Seeds {
		w.Seeds = append(w.Seeds, seedCBOR{Region: string(s.Region), Addr: s.Addr})
	}
	b, err := encMode.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if len(b) > MaxManifestSize {
		return nil, fmt.Errorf("manifest is %d bytes long, at most %d are allowed: use a larger block size", len(b), MaxManifestSize)
	}
	return b, nil
}

// envelopeCBOR is the wire form of an Envelope without rotations, and of a
// Rotation: what is signed, and the signatures.
type envelopeCBOR struct {
	_          struct{} `cbor:",toarray"`
	Manifest   []byte
	Signatures []cbor.RawMessage
}

// sign1CBOR is COSE_Sign1 (RFC 9052 section 4.2), untagged, payload detached.
type sign1CBOR struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected struct{}
	Payload     *struct{}
	Signature   []byte
}

// protectedCBOR is the protected header (RFC 9052 section 3.1).
type protectedCBOR struct {
	Algorithm int64  `cbor:"1,keyasint"`
	KeyID     []byte `cbor:"4,keyasint"`
}

// sigStructure is what is signed (RFC 9052 section 4.4).
type sigStructure struct {
	_         struct{} `cbor:",toarray"`
	Context   string
	Protected []byte
	External  []byte
	Payload   []byte
}

// rotatedCBOR is the wire form of an Envelope with rotations.
type rotatedCBOR struct {
	_          struct{} `cbor:",toarray"`
	Manifest   []byte
	Signatures []cbor.RawMessage
	Rotations  cbor.RawMessage
}

// movedCBOR is the wire form of an Envelope with moves.
type movedCBOR struct {
	_          struct{} `cbor:",toarray"`
	Manifest   []byte
	Signatures []cbor.RawMessage
	Rotations  [][]byte
	Moves      [][]byte
}

// CarriesMoves reports whether an encoded envelope says that it carries moves. It
// looks at one byte and proves nothing.
func CarriesMoves(envelope []byte) bool {
	return len(envelope) > 0 && envelope[0] == 0x84 // an array of four
}

// DecodeEnvelope decodes strictly: trailing bytes, duplicate map keys, unknown
// fields, non-deterministic encodings, duplicate signers and anything over a
// limit are refused. Its errors are hard [Error]s.
func DecodeEnvelope(b []byte) (*Envelope, error) {
	if len(b) > MaxEnvelopeSize {
		return nil, Hard(AttackEndlessData, "envelope is %d bytes long, at most %d are allowed", len(b), MaxEnvelopeSize)
	}
	var w rotatedCBOR
	var moved movedCBOR
	var err error
	switch {
	case CarriesMoves(b):
		err = decMode.Unmarshal(b, &moved)
		w.Manifest, w.Signatures = moved.Manifest, moved.Signatures
	case len(b) > 0 && b[0] == 0x83: // an array of three
		err = decMode.Unmarshal(b, &w)
	default:
		var plain envelopeCBOR
		err = decMode.Unmarshal(b, &plain)
		w.Manifest, w.Signatures = plain.Manifest, plain.Signatures
	}
	if err != nil {
		return nil, Hard(AttackMalformed, "envelope: %w", err)
	}
	e := &Envelope{Manifest: w.Manifest}
	if e.Signatures, err = decodeSignatures("envelope", w.Signatures, MaxSigners); err != nil {
		return nil, err
	}
	if w.Rotations != nil {
		if e.Rotations, err = DecodeRotations(w.Rotations); err != nil {
			return nil, fmt.Errorf("envelope: %w", err)
		}
	}
	if CarriesMoves(b) {
		h, err := decodeLists(moved.Rotations, moved.Moves)
		if err != nil {
			return nil, fmt.Errorf("envelope: %w", err)
		}
		e.Rotations, e.Moves = h.Rotations, h.Moves
	}
	if err := e.check(); err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	again, err := e.encode()
	if err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, Hard(AttackMalformed, "envelope: %w, or its signatures are not ordered by key", errNotDeterministic)
	}
	return e, nil
}

// decodeSignatures reads at most so many; its errors are hard [Error]s.
func decodeSignatures(what string, raw []cbor.RawMessage, most int) (out []Signature, err error) {
	if len(raw) > most {
		return nil, Hard(AttackEndlessData, "%s has %d signatures, at most %d are allowed", what, len(raw), most)
	}
	for i, b := range raw {
		s, _, err := decodeSign1(b)
		if err != nil {
			return nil, Hard(AttackMalformed, "signature %d of the %s: %w", i+1, what, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// decodeSign1 reads the one accepted form of a signature: everything but the
// key and the 64 bytes of the signature is fixed.
func decodeSign1(raw []byte) (Signature, []byte, error) {
	var w sign1CBOR
	if err := decMode.Unmarshal(raw, &w); err != nil {
		return Signature{}, nil, err
	}
	var p protectedCBOR
	if err := decMode.Unmarshal(w.Protected, &p); err != nil {
		return Signature{}, nil, fmt.Errorf("protected header: %w", err)
	}
	k, err := PublicKeyFromBytes(p.KeyID)
	if err != nil {
		return Signature{}, nil, fmt.Errorf("key id: %w", err)
	}
	if len(w.Signature) != 64 {
		return Signature{}, nil, fmt.Errorf("signature is %d bytes long, it must have 64", len(w.Signature))
	}
	again, err := encodeSign1(k, w.Signature)
	if err != nil {
		return Signature{}, nil, err
	}
	if !bytes.Equal(again, raw) {
		return Signature{}, nil, errors.New("not the COSE_Sign1 of docs/FORMAT.md: algorithm and key differ, or it is " + errNotDeterministic.Error())
	}
	return Signature{Key: k, Raw: again}, w.Signature, nil
}

func encodeProtected(k PublicKey) ([]byte, error) {
	return encMode.Marshal(protectedCBOR{Algorithm: int64(k.Algorithm()), KeyID: k.Bytes()})
}

func encodeSign1(k PublicKey, sig []byte) ([]byte, error) {
	protected, err := encodeProtected(k)
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(sign1CBOR{Protected: protected, Signature: sig})
}

// toBeSigned returns the bytes that a key signs.
func toBeSigned(k PublicKey, payload, external []byte) ([]byte, error) {
	protected, err := encodeProtected(k)
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(sigStructure{
		Context:   "Signature1",
		Protected: protected,
		External:  external,
		Payload:   payload,
	})
}

// rotationFormat is the version of the statement's encoding.
const rotationFormat = 1

// rotationCBOR is what is signed of a Rotation, a map with these keys.
type rotationCBOR struct {
	Format        uint64   `cbor:"1,keyasint"`
	ChainID       uint64   `cbor:"2,keyasint"`
	Registry      []byte   `cbor:"3,keyasint"`
	Epoch         uint64   `cbor:"4,keyasint"`
	FromThreshold uint64   `cbor:"5,keyasint"`
	FromKeys      [][]byte `cbor:"6,keyasint"`
	ToThreshold   uint64   `cbor:"7,keyasint"`
	ToKeys        [][]byte `cbor:"8,keyasint"`
	Reason        string   `cbor:"9,keyasint,omitempty"`
}

// DecodeRotation decodes one statement, as strictly as [DecodeEnvelope] does,
// and validates it. Its errors are hard [Error]s. What it returns proves nothing
// yet: see [Rotation.Check].
func DecodeRotation(b []byte) (*Rotation, error) {
	if len(b) > MaxRotationSize {
		return nil, Hard(AttackEndlessData, "rotation is %d bytes long, at most %d are allowed", len(b), MaxRotationSize)
	}
	var file envelopeCBOR // a statement has the form of an envelope
	if err := decMode.Unmarshal(b, &file); err != nil {
		return nil, Hard(AttackMalformed, "rotation: %w", err)
	}
	var w rotationCBOR
	if err := decMode.Unmarshal(file.Manifest, &w); err != nil {
		return nil, Hard(AttackMalformed, "rotation: %w", err)
	}
	if w.Format != rotationFormat {
		return nil, Hard(AttackMalformed, "rotation has format %d, this software reads %d", w.Format, rotationFormat)
	}
	if len(w.Registry) != len(Address{}) {
		return nil, Hard(AttackMalformed, "rotation has an address of the wrong length")
	}
	r := &Rotation{
		Registry: RegistryRef{ChainID: w.ChainID, Address: Address(w.Registry)},
		Epoch:    w.Epoch, Reason: w.Reason,
	}
	var err error
	if r.From, err = decodeKeySet(w.FromThreshold, w.FromKeys); err != nil {
		return nil, Hard(AttackMalformed, "rotation, old keys: %w", err)
	}
	if r.To, err = decodeKeySet(w.ToThreshold, w.ToKeys); err != nil {
		return nil, Hard(AttackMalformed, "rotation, new keys: %w", err)
	}
	if r.Signatures, err = decodeSignatures("rotation", file.Signatures, maxRotationSigners); err != nil {
		return nil, err
	}
	again, err := r.encode()
	if err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, Hard(AttackMalformed, "rotation: %w, or its keys or signatures are not ordered", errNotDeterministic)
	}
	return r, nil
}

// encoded lists the keys in the order of their bytes.
func (s KeySet) encoded() (out [][]byte) {
	for _, k := range s.sorted() {
		out = append(out, k.Bytes())
	}
	return out
}

func decodeKeySet(threshold uint64, keys [][]byte) (s KeySet, err error) {
	s.Threshold = int(min(threshold, MaxSigners+1)) // which no key set has
	for _, b := range keys {
		k, err := PublicKeyFromBytes(b)
		if err != nil {
			return s, err
		}
		s.Keys = append(s.Keys, k)
	}
	return s, nil
}

// Payload validates the statement and returns the bytes that are signed.
func (r *Rotation) Payload() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return encMode.Marshal(rotationCBOR{
		Format:  rotationFormat,
		ChainID: r.Registry.ChainID, Registry: r.Registry.Address[:],
		Epoch:         r.Epoch,
		FromThreshold: uint64(r.From.Threshold), FromKeys: r.From.encoded(),
		ToThreshold: uint64(r.To.Threshold), ToKeys: r.To.encoded(),
		Reason: r.Reason,
	})
}

// Encode validates the statement and returns its encoding with the signatures
// it has. It refuses what [DecodeRotation] would refuse.
func (r *Rotation) Encode() ([]byte, error) {
	if err := checkRaw(r.Signatures); err != nil {
		return nil, err
	}
	return r.encode()
}

// encode encodes a statement whose signatures are known to be well formed.
func (r *Rotation) encode() ([]byte, error) {
	payload, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(envelopeCBOR{Manifest: payload, Signatures: rawSignatures(r.Signatures)})
}

// EncodeRotations encodes a chain of statements, as an envelope and a device's
// store hold it.
func EncodeRotations(rs []*Rotation) ([]byte, error) {
	for _, r := range rs {
		if err := checkRaw(r.Signatures); err != nil {
			return nil, err
		}
	}
	return encodeRotations(rs)
}

// encodeRotations encodes statements whose signatures are known to be well
// formed.
func encodeRotations(rs []*Rotation) ([]byte, error) {
	w, err := History{Rotations: rs}.lists()
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(w.Rotations)
}

// DecodeRotations decodes a chain of at least one and at most MaxRotations
// statements strictly. Its errors are hard [Error]s.
func DecodeRotations(b []byte) ([]*Rotation, error) {
	if len(b) > maxRotationsSize {
		return nil, Hard(AttackEndlessData, "rotations are %d bytes long, at most %d are allowed", len(b), maxRotationsSize)
	}
	var list [][]byte
	if err := decMode.Unmarshal(b, &list); err != nil {
		return nil, Hard(AttackMalformed, "rotations: %w", err)
	}
	if len(list) == 0 || len(list) > MaxRotations {
		return nil, Hard(AttackMalformed, "%d rotations where 1 to %d are allowed", len(list), MaxRotations)
	}
	rs := make([]*Rotation, len(list))
	for i := range list {
		var err error
		if rs[i], err = DecodeRotation(list[i]); err != nil {
			return nil, err
		}
	}
	again, err := encodeRotations(rs)
	if err != nil {
		return nil, Hard(AttackMalformed, "%w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, Hard(AttackMalformed, "rotations: %w", errNotDeterministic)
	}
	return rs, nil
}
