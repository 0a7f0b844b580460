package verify

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// SignatureContext is the external_aad (RFC 9052 section 4.3) of every
// signature over a manifest, so that no signature made for anything else can
// be taken for one, and the other way round.
const SignatureContext = "camswarm/manifest/v1"

// Signature is one manufacturer key's COSE_Sign1 (RFC 9052) with detached
// payload over the manifest bytes.
type Signature struct {
	Key PublicKey // from the protected key id
	Raw []byte    // the encoded COSE_Sign1
}

// verify reports whether the signature is its key's over payload and external
// data.
func (s Signature) verify(payload, external []byte) bool {
	parsed, sig, err := decodeSign1(s.Raw)
	if err != nil || parsed.Key != s.Key {
		return false
	}
	message, err := toBeSigned(s.Key, payload, external)
	return err == nil && s.Key.Verify(message, sig)
}

// NewSignature brings the 64 bytes of a signature, as [PublicKey.Verify] takes
// them, into the one form of COSE_Sign1. It does not verify them.
func NewSignature(k PublicKey, sig []byte) (Signature, error) {
	if k.IsZero() || len(sig) != 64 {
		return Signature{}, fmt.Errorf("signature is %d bytes long, it must have 64 and be of a key", len(sig))
	}
	raw, err := encodeSign1(k, sig)
	return Signature{Key: k, Raw: raw}, err
}

// Envelope is a manifest and its detached signatures. It proves nothing until
// [Verifier.CheckSigned] has looked at it.
type Envelope struct {
	Manifest   []byte // the encoded manifest, exactly as signed
	Signatures []Signature

	// Rotations are all that the manufacturer's key set went through, from the
	// one to epoch 2 on, when it is no longer the first: so a device that slept
	// for years finds what it needs in the one block that the chain names.
	Rotations []*Rotation

	// Moves are all that the manufacturer made from registry to registry, from
	// number 1 on, when it is no longer in the first.
	Moves []*Move
}

// history returns what the envelope carries of its manufacturer's.
func (e *Envelope) history() History { return History{e.Rotations, e.Moves} }

// External returns the external_aad of the signatures: [SignatureContext], and
// behind it the digest of the encoded rotations where there are any; where there
// are moves, the digests of the lists of both. Nobody can add, drop or change one
// without signing anew.
func (e *Envelope) External() ([]byte, error) {
	external := []byte(SignatureContext)
	if len(e.Moves) > 0 {
		w, err := e.history().lists()
		if err != nil {
			return nil, err
		}
		for _, list := range [][][]byte{w.Rotations, w.Moves} {
			b, err := encMode.Marshal(list)
			if err != nil {
				return nil, err
			}
			digest := sha256.Sum256(b)
			external = append(external, digest[:]...)
		}
		return external, nil
	}
	if len(e.Rotations) == 0 {
		return external, nil
	}
	b, err := encodeRotations(e.Rotations)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(b)
	return append(external, digest[:]...), nil
}

// ToBeSigned returns the bytes that a key signs of this envelope: COSE's
// Sig_structure (RFC 9052 section 4.4), which depends on the key. Ed25519 keys
// sign the bytes themselves, ECDSA keys their SHA-256.
func (e *Envelope) ToBeSigned(k PublicKey) ([]byte, error) {
	external, err := e.External()
	if err != nil {
		return nil, err
	}
	return toBeSigned(k, e.Manifest, external)
}

// Verify reports whether s is its key's signature over this envelope's manifest
// and rotations.
func (e *Envelope) Verify(s Signature) bool {
	external, err := e.External()
	return err == nil && s.verify(e.Manifest, external)
}

// Encode returns the deterministic encoding; signatures are ordered by key.
// It refuses what [DecodeEnvelope] would refuse.
func (e *Envelope) Encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if err := checkRaw(e.Signatures); err != nil {
		return nil, err
	}
	if err := e.history().checkRaw(); err != nil {
		return nil, err
	}
	return e.encode()
}

// check checks the limits, that no key signed twice, and that the rotations are
// a chain from the first key set on.
func (e *Envelope) check() error {
	if len(e.Manifest) == 0 || len(e.Manifest) > MaxManifestSize {
		return fmt.Errorf("envelope has a manifest of %d bytes, it must have 1 to %d", len(e.Manifest), MaxManifestSize)
	}
	if len(e.Rotations) > 0 && e.Rotations[0].Epoch != 2 {
		return fmt.Errorf("envelope has rotations from the one to epoch %d on; it must have all, from epoch 2 on", e.Rotations[0].Epoch)
	}
	return checkSigners("envelope", e.Signatures, MaxSigners)
}

// checkSigners checks the number of signatures and that no key signed twice.
func checkSigners(what string, signatures []Signature, most int) error {
	if len(signatures) > most {
		return fmt.Errorf("%s has %d signatures, at most %d are allowed", what, len(signatures), most)
	}
	seen := make(map[PublicKey]bool, len(signatures))
	for _, s := range signatures {
		if seen[s.Key] {
			return fmt.Errorf("%s has two signatures by key %s", what, s.Key)
		}
		seen[s.Key] = true
	}
	return nil
}

// checkRaw checks that each signature is in its one encoding and names its key.
func checkRaw(signatures []Signature) error {
	for _, s := range signatures {
		parsed, _, err := decodeSign1(s.Raw)
		if err != nil {
			return fmt.Errorf("signature of key %s: %w", s.Key, err)
		}
		if parsed.Key != s.Key {
			return fmt.Errorf("signature of key %s names key %s", s.Key, parsed.Key)
		}
	}
	return nil
}

// rawSignatures returns signatures that are known to be well formed as they are
// encoded: in the order of their keys.
func rawSignatures(signatures []Signature) []cbor.RawMessage {
	sorted := slices.SortedFunc(slices.Values(signatures), func(a, b Signature) int {
		return strings.Compare(a.Key.multikey, b.Key.multikey)
	})
	raw := make([]cbor.RawMessage, len(sorted))
	for i, s := range sorted {
		raw[i] = s.Raw
	}
	return raw
}

// encode encodes an envelope whose signatures are known to be well formed.
func (e *Envelope) encode() ([]byte, error) {
	w := envelopeCBOR{Manifest: e.Manifest, Signatures: rawSignatures(e.Signatures)}
	if len(e.Moves) > 0 {
		lists, err := e.history().lists()
		if err != nil {
			return nil, err
		}
		return encMode.Marshal(movedCBOR{Manifest: w.Manifest, Signatures: w.Signatures, Rotations: lists.Rotations, Moves: lists.Moves})
	}
	if len(e.Rotations) == 0 {
		return encMode.Marshal(w)
	}
	rotations, err := encodeRotations(e.Rotations)
	if err != nil {
		return nil, err
	}
	return encMode.Marshal(rotatedCBOR{Manifest: w.Manifest, Signatures: w.Signatures, Rotations: rotations})
}
