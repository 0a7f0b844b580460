package verify

// Algorithm is a COSE algorithm identifier (RFC 9053; ES256K: RFC 8812).
type Algorithm int

// The algorithms that sign releases.
const (
	EdDSA  Algorithm = -8  // Ed25519
	ES256  Algorithm = -7  // ECDSA P-256, SHA-256
	ES256K Algorithm = -47 // ECDSA secp256k1, SHA-256
)

// PublicKey is a code-signing public key in binary Multikey form: a multicodec
// prefix (ed25519-pub 0xed, secp256k1-pub 0xe7, p256-pub 0x1200; unsigned
// varint) and the key, the elliptic ones compressed. It is comparable; two
// equal keys are the same key. The zero value is no key.
type PublicKey struct{ multikey string }

// ParsePublicKey reads the text form of a Multikey: 'z' and base58btc.
func ParsePublicKey(s string) (PublicKey, error) { panic("TODO") }

// PublicKeyFromBytes reads the binary Multikey form and checks that the point
// is on its curve.
func PublicKeyFromBytes(b []byte) (PublicKey, error) { panic("TODO") }

// Bytes returns the binary Multikey form.
func (k PublicKey) Bytes() []byte { return []byte(k.multikey) }

// String returns the text form of the Multikey.
func (k PublicKey) String() string { panic("TODO") }

// Algorithm returns the key's signature algorithm.
func (k PublicKey) Algorithm() Algorithm { panic("TODO") }

// Verify reports whether sig is the key's signature over message, in COSE form
// (Ed25519 64 bytes; ECDSA r and s, 32 bytes each; high-s is refused).
func (k PublicKey) Verify(message, sig []byte) bool { panic("TODO") }

// KeySet is a manufacturer's code-signing keys: Threshold of them must sign.
type KeySet struct {
	Threshold int
	Keys      []PublicKey
}

// Validate checks 1 <= Threshold <= len(Keys) <= MaxSigners and that no key
// stands twice.
func (s KeySet) Validate() error { panic("TODO") }

// Equal reports whether both sets have the same threshold and the same keys,
// in any order.
func (s KeySet) Equal(o KeySet) bool { panic("TODO") }
