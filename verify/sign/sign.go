// Package sign makes what package verify checks: signing keys, their files and
// envelopes. Tools and tests use it; it is never linked into a camera.
package sign

import "camswarm/verify"

// Key is a secret signing key.
type Key struct {
	// set by H1
}

// Generate makes a new key.
func Generate(alg verify.Algorithm) (*Key, error) { panic("TODO") }

// Load reads a secret key file; it refuses one that others may read.
func Load(path string) (*Key, error) { panic("TODO") }

// Save writes a new secret key file with mode 0600 and its public half beside
// it at path+".pub"; it never overwrites.
func (k *Key) Save(path string) error { panic("TODO") }

// Public returns the public half.
func (k *Key) Public() verify.PublicKey { panic("TODO") }

// Bytes returns the raw secret: an Ed25519 seed or an ECDSA scalar, 32 bytes.
func (k *Key) Bytes() []byte { panic("TODO") }

// Sign adds the key's signature to an envelope. It refuses a second one by the
// same key.
func (k *Key) Sign(e *verify.Envelope) error { panic("TODO") }

// NewEnvelope encodes a manifest into an envelope without signatures.
func NewEnvelope(m *verify.Manifest) (*verify.Envelope, error) { panic("TODO") }
