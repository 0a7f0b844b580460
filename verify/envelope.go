package verify

import (
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

// Verify reports whether the signature is its key's over the encoded manifest.
func (s Signature) Verify(manifest []byte) bool {
	parsed, sig, err := decodeSign1(s.Raw)
	if err != nil || parsed.Key != s.Key {
		return false
	}
	message, err := toBeSigned(s.Key, manifest)
	return err == nil && s.Key.Verify(message, sig)
}

// Envelope is a manifest and its detached signatures. It proves nothing until
// [Verifier.CheckSigned] has looked at it.
type Envelope struct {
	Manifest   []byte // the encoded manifest, exactly as signed
	Signatures []Signature
}

// Encode returns the deterministic encoding; signatures are ordered by key.
// It refuses what [DecodeEnvelope] would refuse.
func (e *Envelope) Encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	for _, s := range e.Signatures {
		parsed, _, err := decodeSign1(s.Raw)
		if err != nil {
			return nil, fmt.Errorf("signature of key %s: %w", s.Key, err)
		}
		if parsed.Key != s.Key {
			return nil, fmt.Errorf("signature of key %s names key %s", s.Key, parsed.Key)
		}
	}
	return e.encode()
}

// check checks the limits and that no key signed twice.
func (e *Envelope) check() error {
	if len(e.Manifest) == 0 || len(e.Manifest) > MaxManifestSize {
		return fmt.Errorf("envelope has a manifest of %d bytes, it must have 1 to %d", len(e.Manifest), MaxManifestSize)
	}
	if len(e.Signatures) > MaxSigners {
		return fmt.Errorf("envelope has %d signatures, at most %d are allowed", len(e.Signatures), MaxSigners)
	}
	seen := make(map[PublicKey]bool, len(e.Signatures))
	for _, s := range e.Signatures {
		if seen[s.Key] {
			return fmt.Errorf("envelope has two signatures by key %s", s.Key)
		}
		seen[s.Key] = true
	}
	return nil
}

// encode encodes signatures that are known to be well formed.
func (e *Envelope) encode() ([]byte, error) {
	sorted := slices.SortedFunc(slices.Values(e.Signatures), func(a, b Signature) int {
		return strings.Compare(a.Key.multikey, b.Key.multikey)
	})
	w := envelopeCBOR{Manifest: e.Manifest, Signatures: make([]cbor.RawMessage, len(sorted))}
	for i, s := range sorted {
		w.Signatures[i] = s.Raw
	}
	return encMode.Marshal(w)
}
