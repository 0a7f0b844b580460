package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/veraison/go-cose"

	"camswarm/verify"
)

// NewEnvelope encodes a manifest into an envelope without signatures.
func NewEnvelope(m *verify.Manifest) (*verify.Envelope, error) {
	b, err := m.Encode()
	if err != nil {
		return nil, err
	}
	return &verify.Envelope{Manifest: b}, nil
}

// Sign adds the key's signature to an envelope. It refuses a second one by the
// same key, a manifest that [verify.DecodeManifest] refuses, and more than
// verify.MaxSigners signatures. The same key and content always give the same
// signature.
func (k *Key) Sign(e *verify.Envelope) error {
	if _, err := verify.DecodeManifest(e.Manifest); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if len(e.Signatures) >= verify.MaxSigners {
		return fmt.Errorf("sign: the envelope has %d signatures already, more are not allowed", len(e.Signatures))
	}
	external, err := e.External()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return k.add(&e.Signatures, e.Manifest, external, e.Verify)
}

// SignRotation adds the key's signature to a rotation. It refuses a second one
// by the same key, a statement that is not valid, and a key of neither set.
func (k *Key) SignRotation(r *verify.Rotation) error {
	payload, err := r.Payload()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if !r.From.Has(k.public) && !r.To.Has(k.public) {
		return fmt.Errorf("sign: key %s is in neither key set of the rotation: its signature would make every device refuse it", k.public)
	}
	return k.add(&r.Signatures, payload, []byte(verify.RotationContext), r.Verify)
}

// SignMove adds the key's signature to a move. It refuses a second one by the
// same key, a statement that is not valid, and a key that is not in its set.
func (k *Key) SignMove(m *verify.Move) error {
	payload, err := m.Payload()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if !m.Keys.Has(k.public) {
		return fmt.Errorf("sign: key %s is not in the key set of the move: its signature would make every device refuse it", k.public)
	}
	return k.add(&m.Signatures, payload, []byte(verify.MoveContext), m.Verify)
}

// add appends the key's signature over payload and external data, after
// checking it.
func (k *Key) add(to *[]verify.Signature, payload, external []byte, check func(verify.Signature) bool) error {
	for _, s := range *to {
		if s.Key == k.public {
			return fmt.Errorf("sign: already signed by key %s", k.public)
		}
	}
	msg := cose.UntaggedSign1Message{
		Headers: cose.Headers{
			Protected: cose.ProtectedHeader{
				cose.HeaderLabelAlgorithm: cose.Algorithm(k.alg),
				cose.HeaderLabelKeyID:     k.public.Bytes(),
			},
		},
		Payload: payload,
	}
	if err := msg.Sign(nil, external, signer{k}); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	msg.Payload = nil // detached
	raw, err := msg.MarshalCBOR()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	s := verify.Signature{Key: k.public, Raw: raw}
	if !check(s) {
		return errors.New("sign: the new signature does not verify: the key or the computer is damaged")
	}
	*to = append(*to, s)
	return nil
}

// signer is a cose.Signer for all three algorithms: go-cose has no ES256K, and
// its ES256 is neither deterministic nor low-s.
type signer struct{ k *Key }

func (s signer) Algorithm() cose.Algorithm { return cose.Algorithm(s.k.alg) }

func (s signer) Sign(_ io.Reader, content []byte) ([]byte, error) {
	hash := sha256.Sum256(content)
	switch s.k.alg {
	case verify.EdDSA:
		return ed25519.Sign(ed25519.NewKeyFromSeed(s.k.secret), content), nil
	case verify.ES256K:
		// RFC 6979 and low-s; the first byte is a recovery code.
		return secpecdsa.SignCompact(secp256k1.PrivKeyFromBytes(s.k.secret), hash[:], true)[1:], nil
	case verify.ES256:
		return signP256(s.k.secret, hash[:])
	}
	return nil, fmt.Errorf("no signatures of %v", s.k.alg)
}

// signP256 makes the deterministic signature of RFC 6979 and takes the smaller
// of the two values of s that it allows.
func signP256(secret, hash []byte) ([]byte, error) {
	priv, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	if err != nil {
		return nil, err
	}
	der, err := priv.Sign(nil, hash, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, err
	}
	n := elliptic.P256().Params().N
	if other := new(big.Int).Sub(n, sig.S); other.Cmp(sig.S) < 0 {
		sig.S = other
	}
	out := make([]byte, 64)
	sig.R.FillBytes(out[:32])
	sig.S.FillBytes(out[32:])
	return out, nil
}
