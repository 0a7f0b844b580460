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
	if err := admitEnvelope(e, k.public); err != nil {
		return err
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
	if err := admitRotation(r, k.public); err != nil {
		return err
	}
	payload, err := r.Payload()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return k.add(&r.Signatures, payload, []byte(verify.RotationContext), r.Verify)
}

// SignMove adds the key's signature to a move. It refuses a second one by the
// same key, a statement that is not valid, and a key that is not in its set.
func (k *Key) SignMove(m *verify.Move) error {
	if err := admitMove(m, k.public); err != nil {
		return err
	}
	payload, err := m.Payload()
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return k.add(&m.Signatures, payload, []byte(verify.MoveContext), m.Verify)
}

// admitEnvelope refuses what a signature of a key must not be added to.
func admitEnvelope(e *verify.Envelope, key verify.PublicKey) error {
	if _, err := verify.DecodeManifest(e.Manifest); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if len(e.Signatures) >= verify.MaxSigners {
		return fmt.Errorf("sign: the envelope has %d signatures already, more are not allowed", len(e.Signatures))
	}
	return once(e.Signatures, key)
}

func admitRotation(r *verify.Rotation, key verify.PublicKey) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if !r.From.Has(key) && !r.To.Has(key) {
		return fmt.Errorf("sign: key %s is in neither key set of the rotation: its signature would make every device refuse it", key)
	}
	return once(r.Signatures, key)
}

func admitMove(m *verify.Move, key verify.PublicKey) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	if !m.Keys.Has(key) {
		return fmt.Errorf("sign: key %s is not in the key set of the move: its signature would make every device refuse it", key)
	}
	return once(m.Signatures, key)
}

func once(signatures []verify.Signature, key verify.PublicKey) error {
	for _, s := range signatures {
		if s.Key == key {
			return fmt.Errorf("sign: already signed by key %s", key)
		}
	}
	return nil
}

// add appends the key's signature over payload and external data, after
// checking it.
func (k *Key) add(to *[]verify.Signature, payload, external []byte, check func(verify.Signature) bool) error {
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
	if s.k.remote != nil {
		if s.k.alg == verify.EdDSA {
			return s.k.ask(content)
		}
		return s.k.ask(hash[:])
	}
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
	return lowS(verify.ES256, sig.R, sig.S)
}
