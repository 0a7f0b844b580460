package sign

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"camswarm/verify"
)

// Statement is what signing keys sign: a *verify.Envelope, a *verify.Rotation or
// a *verify.Move.
type Statement interface {
	ToBeSigned(verify.PublicKey) ([]byte, error)
	Verify(verify.Signature) bool
}

// ErrOtherSignature says that a well-formed signature is not the key's over the
// statement.
var ErrOtherSignature = errors.New("not the key's signature over these bytes")

// Attach adds to an envelope a signature that was made elsewhere, by a security
// module, a card or a key service, over [verify.Envelope.ToBeSigned]. It refuses
// what [Key.Sign] refuses and any signature that does not verify. See [Import]
// for the forms.
func Attach(e *verify.Envelope, key verify.PublicKey, made []byte) error {
	if err := admitEnvelope(e, key); err != nil {
		return err
	}
	return attach(&e.Signatures, e, key, made)
}

// AttachRotation is [Attach] for a rotation.
func AttachRotation(r *verify.Rotation, key verify.PublicKey, made []byte) error {
	if err := admitRotation(r, key); err != nil {
		return err
	}
	return attach(&r.Signatures, r, key, made)
}

// AttachMove is [Attach] for a move.
func AttachMove(m *verify.Move, key verify.PublicKey, made []byte) error {
	if err := admitMove(m, key); err != nil {
		return err
	}
	return attach(&m.Signatures, m, key, made)
}

func attach(to *[]verify.Signature, what Statement, key verify.PublicKey, made []byte) error {
	s, err := Import(what, key, made)
	if err != nil {
		return err
	}
	*to = append(*to, s)
	return nil
}

// MaxForeignSignature bounds in bytes what [Import] looks at: a COSE_Sign1 has
// less than 128.
const MaxForeignSignature = 512

// Import brings a key's signature over a statement into the form that devices
// read, and verifies it. It takes the 64 bytes of Ed25519 or of ECDSA's r and s,
// ECDSA in DER, and COSE_Sign1 with detached payload, tagged or not. An s above
// half the order, which modules return as often as not and devices refuse, is
// replaced by its negative, which is as valid. Its error wraps
// [ErrOtherSignature] if the form is right and the signature is not.
func Import(what Statement, key verify.PublicKey, made []byte) (verify.Signature, error) {
	raw, err := compact(key, made)
	if err != nil {
		return verify.Signature{}, fmt.Errorf("signature: %w", err)
	}
	s, err := verify.NewSignature(key, raw)
	if err != nil {
		return verify.Signature{}, err
	}
	if what.Verify(s) {
		return s, nil
	}
	message, err := what.ToBeSigned(key)
	if err != nil {
		return verify.Signature{}, err
	}
	err = fmt.Errorf("%w: key %s", ErrOtherSignature, key)
	if digest := sha256.Sum256(message); key.Verify(digest[:], raw) {
		if key.Algorithm() == verify.EdDSA {
			err = fmt.Errorf("%w: it is over their SHA-256 digest, and Ed25519 signs the bytes themselves", err)
		} else {
			err = fmt.Errorf("%w: they were hashed twice; have the module sign the digest as it is, or the bytes with ECDSA and SHA-256", err)
		}
	}
	return verify.Signature{}, err
}

// compact returns the 64 bytes of a signature in any of the forms of [Import].
func compact(key verify.PublicKey, made []byte) ([]byte, error) {
	alg := key.Algorithm()
	switch {
	case len(made) > MaxForeignSignature:
		return nil, fmt.Errorf("longer than %d bytes", MaxForeignSignature)
	case len(made) == 64:
		if alg == verify.EdDSA {
			return made, nil
		}
		return lowS(alg, new(big.Int).SetBytes(made[:32]), new(big.Int).SetBytes(made[32:]))
	case bytes.HasPrefix(made, []byte{0xd2, 0x84}), bytes.HasPrefix(made, []byte{0x84}):
		return fromSign1(key, bytes.TrimPrefix(made, []byte{0xd2}))
	case alg != verify.EdDSA && bytes.HasPrefix(made, []byte{0x30}):
		var sig struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(made, &sig)
		if err != nil {
			return nil, fmt.Errorf("it begins like DER and is none: %w", err)
		}
		if len(rest) > 0 {
			return nil, fmt.Errorf("%d bytes follow the DER", len(rest))
		}
		return lowS(alg, sig.R, sig.S)
	case printable(made):
		return nil, fmt.Errorf("%d bytes of text; decode it first (base64 -d, xxd -r -p)", len(made))
	case alg == verify.EdDSA:
		return nil, fmt.Errorf("%d bytes; one of Ed25519 has 64, or is a detached COSE_Sign1", len(made))
	}
	return nil, fmt.Errorf("%d bytes; one of ECDSA (%s) is DER, or r and s of 32 bytes each, or a detached COSE_Sign1", len(made), alg)
}

// fromSign1 takes the signature out of a COSE_Sign1 with exactly our headers.
func fromSign1(key verify.PublicKey, made []byte) ([]byte, error) {
	if len(made) < 64 {
		return nil, errors.New("a COSE_Sign1 that is cut off")
	}
	raw := made[len(made)-64:]
	same, err := verify.NewSignature(key, raw)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(same.Raw, made) {
		return nil, fmt.Errorf("a COSE_Sign1 of another key than %s, or with other headers than algorithm and key id, or with its payload", key)
	}
	if key.Algorithm() == verify.EdDSA {
		return raw, nil
	}
	return lowS(key.Algorithm(), new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]))
}

// lowS encodes r and s, with the smaller one of s and its negative.
func lowS(alg verify.Algorithm, r, s *big.Int) ([]byte, error) {
	n := elliptic.P256().Params().N
	if alg == verify.ES256K {
		n = secp256k1.Params().N
	}
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return nil, fmt.Errorf("its r or s is no number between 0 and the order of the curve of %s", alg)
	}
	if other := new(big.Int).Sub(n, s); other.Cmp(s) < 0 {
		s = other
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

// printable reports whether all bytes are printable ASCII or line ends.
func printable(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' {
			return false
		}
	}
	return len(b) > 0
}
