package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/mr-tron/base58"
)

// Algorithm is a COSE algorithm identifier (RFC 9053; ES256K: RFC 8812).
type Algorithm int

// The algorithms that sign releases.
const (
	EdDSA  Algorithm = -8  // Ed25519
	ES256  Algorithm = -7  // ECDSA P-256, SHA-256
	ES256K Algorithm = -47 // ECDSA secp256k1, SHA-256
)

// String returns the COSE name: EdDSA, ES256 or ES256K.
func (a Algorithm) String() string {
	switch a {
	case EdDSA:
		return "EdDSA"
	case ES256:
		return "ES256"
	case ES256K:
		return "ES256K"
	}
	return fmt.Sprintf("unknown algorithm (COSE %d)", int(a))
}

// Multicodec prefixes of public keys (multicodec table), as unsigned varints.
const (
	prefixEd25519   = "\xed\x01" // ed25519-pub 0xed, 32 bytes
	prefixSecp256k1 = "\xe7\x01" // secp256k1-pub 0xe7, 33 bytes, compressed
	prefixP256      = "\x80\x24" // p256-pub 0x1200, 33 bytes, compressed
)

// maxKeyText bounds the text form of a Multikey: base58btc of 35 bytes is at
// most 48 digits, and 'z'.
const maxKeyText = 64

// PublicKey is a code-signing public key in binary Multikey form: a multicodec
// prefix (ed25519-pub 0xed, secp256k1-pub 0xe7, p256-pub 0x1200; unsigned
// varint) and the key, the elliptic ones compressed. It is comparable; two
// equal keys are the same key. The zero value is no key.
type PublicKey struct{ multikey string }

// ParsePublicKey reads the text form of a Multikey: 'z' and base58btc.
func ParsePublicKey(s string) (PublicKey, error) {
	if len(s) > maxKeyText {
		return PublicKey{}, fmt.Errorf("public key is %d characters long, at most %d are possible", len(s), maxKeyText)
	}
	if !strings.HasPrefix(s, "z") {
		return PublicKey{}, errors.New("public key must be a Multikey that starts with 'z' (base58btc)")
	}
	b, err := base58.Decode(s[1:])
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key is not base58btc: %w", err)
	}
	return PublicKeyFromBytes(b)
}

// PublicKeyFromBytes reads the binary Multikey form and checks that the point
// is on its curve. Ed25519 points of small order, for which anybody can make
// signatures, are refused.
func PublicKeyFromBytes(b []byte) (PublicKey, error) {
	var err error
	switch {
	case hasPrefix(b, prefixEd25519):
		err = checkEd25519(b[2:])
	case hasPrefix(b, prefixSecp256k1):
		_, err = parseSecp256k1(b[2:])
	case hasPrefix(b, prefixP256):
		_, err = parseP256(b[2:])
	default:
		err = errors.New("not a Multikey of an Ed25519, secp256k1 or P-256 public key")
	}
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey{multikey: string(b)}, nil
}

// NewPublicKey reads a key of an algorithm without the Multikey prefix: 32 bytes
// for Ed25519, a compressed point of 33 bytes for the others. It checks what
// [PublicKeyFromBytes] checks.
func NewPublicKey(alg Algorithm, raw []byte) (PublicKey, error) {
	prefix, ok := map[Algorithm]string{EdDSA: prefixEd25519, ES256: prefixP256, ES256K: prefixSecp256k1}[alg]
	if !ok {
		return PublicKey{}, fmt.Errorf("%s signs no releases; use EdDSA, ES256 or ES256K", alg)
	}
	return PublicKeyFromBytes(append([]byte(prefix), raw...))
}

func hasPrefix(b []byte, prefix string) bool { return bytes.HasPrefix(b, []byte(prefix)) }

// Bytes returns the binary Multikey form.
func (k PublicKey) Bytes() []byte { return []byte(k.multikey) }

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k.multikey == "" }

// String returns the text form of the Multikey, "" for no key.
func (k PublicKey) String() string {
	if k.IsZero() {
		return ""
	}
	return "z" + base58.Encode([]byte(k.multikey))
}

// MarshalText returns the text form of the Multikey, empty for no key.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is [ParsePublicKey].
func (k *PublicKey) UnmarshalText(b []byte) (err error) {
	*k, err = ParsePublicKey(string(b))
	return err
}

// Algorithm returns the key's signature algorithm, 0 for no key.
func (k PublicKey) Algorithm() Algorithm {
	switch {
	case strings.HasPrefix(k.multikey, prefixEd25519):
		return EdDSA
	case strings.HasPrefix(k.multikey, prefixSecp256k1):
		return ES256K
	case strings.HasPrefix(k.multikey, prefixP256):
		return ES256
	}
	return 0
}

// Verify reports whether sig is the key's signature over message, in COSE form
// (Ed25519 64 bytes; ECDSA r and s, 32 bytes each; high-s is refused).
func (k PublicKey) Verify(message, sig []byte) bool {
	if len(sig) != 64 {
		return false
	}
	switch k.Algorithm() {
	case EdDSA:
		return ed25519.Verify(ed25519.PublicKey(k.multikey[2:]), message, sig)
	case ES256K:
		pub, err := parseSecp256k1([]byte(k.multikey[2:]))
		if err != nil {
			return false
		}
		var r, s secp256k1.ModNScalar
		if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
			return false
		}
		hash := sha256.Sum256(message)
		return secpecdsa.NewSignature(&r, &s).Verify(hash[:], pub)
	case ES256:
		pub, err := parseP256([]byte(k.multikey[2:]))
		if err != nil {
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
		if s.Cmp(half) > 0 {
			return false
		}
		hash := sha256.Sum256(message)
		return ecdsa.Verify(pub, hash[:], r, s)
	}
	return false
}

func parseSecp256k1(b []byte) (*secp256k1.PublicKey, error) {
	if len(b) != secp256k1.PubKeyBytesLenCompressed {
		return nil, fmt.Errorf("secp256k1 public key is %d bytes long, a compressed one has 33", len(b))
	}
	pub, err := secp256k1.ParsePubKey(b)
	if err != nil {
		return nil, fmt.Errorf("secp256k1 public key: %w", err)
	}
	return pub, nil
}

func parseP256(b []byte) (*ecdsa.PublicKey, error) {
	if len(b) != 33 {
		return nil, fmt.Errorf("P-256 public key is %d bytes long, a compressed one has 33", len(b))
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), b)
	if x == nil {
		return nil, errors.New("P-256 public key is not a point on the curve")
	}
	point := make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// Field and curve constant of Ed25519 (RFC 8032 section 5.1).
var (
	ed25519P = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	ed25519D = func() *big.Int {
		d := new(big.Int).ModInverse(big.NewInt(121666), ed25519P)
		d.Mul(d, big.NewInt(-121665))
		return d.Mod(d, ed25519P)
	}()
	// y coordinates of the eight points of small order, little-endian.
	ed25519SmallOrder = []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	}
)

// checkEd25519 decodes the point as RFC 8032 section 5.1.3 says, which the
// standard library does only while it verifies a signature.
func checkEd25519(b []byte) error {
	if len(b) != ed25519.PublicKeySize {
		return fmt.Errorf("Ed25519 public key is %d bytes long, it must have 32", len(b))
	}
	le := bytes.Clone(b)
	le[31] &= 0x7f
	if slices.Contains(ed25519SmallOrder, hex.EncodeToString(le)) {
		return errors.New("Ed25519 public key is a point of small order")
	}
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	if y.Cmp(ed25519P) >= 0 {
		return errors.New("Ed25519 public key is not in canonical form")
	}
	// x² = (y² - 1) / (d y² + 1) must have a root.
	y2 := y.Mul(y, y)
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := new(big.Int).Mul(y2, ed25519D)
	v.Add(v, big.NewInt(1))
	u.Mul(u, v) // u/v and u·v are squares or not alike
	if big.Jacobi(u.Mod(u, ed25519P), ed25519P) != 1 {
		return errors.New("Ed25519 public key is not a point on the curve")
	}
	return nil
}

// KeySet is a manufacturer's code-signing keys: Threshold of them must sign.
type KeySet struct {
	Threshold int         `json:"threshold" toml:"threshold"`
	Keys      []PublicKey `json:"keys" toml:"keys"`
}

// Validate checks 1 <= Threshold <= len(Keys) <= MaxSigners and that no key
// stands twice, nor beside its negative.
func (s KeySet) Validate() error {
	if len(s.Keys) == 0 || len(s.Keys) > MaxSigners {
		return fmt.Errorf("key set has %d keys, it must have 1 to %d", len(s.Keys), MaxSigners)
	}
	if s.Threshold < 1 || s.Threshold > len(s.Keys) {
		return fmt.Errorf("key set has threshold %d, it must be 1 to %d, the number of its keys", s.Threshold, len(s.Keys))
	}
	for i, k := range s.Keys {
		if k.IsZero() {
			return fmt.Errorf("key %d of the key set is empty", i+1)
		}
		if slices.Contains(s.Keys[:i], k) {
			return fmt.Errorf("key %s stands twice in the key set", k)
		}
		if slices.ContainsFunc(s.Keys[:i], k.sameSecret) {
			return fmt.Errorf("key %s is the negative of another in the key set: one secret would count twice; replace one of them", k)
		}
	}
	return nil
}

// sameSecret reports whether two keys are the same but for the sign of their
// point: who has the secret n of one has that of the other, -n. The registry
// contract compares keys likewise.
func (k PublicKey) sameSecret(o PublicKey) bool { return k.unsigned() == o.unsigned() }

// unsigned returns the key without the sign of its point, which compressed ECDSA
// keys have in the byte behind the prefix (SEC 1 section 2.3.3) and Ed25519 keys
// in the highest bit of the last byte (RFC 8032 section 5.1.2).
func (k PublicKey) unsigned() string {
	b := k.Bytes()
	switch k.Algorithm() {
	case ES256, ES256K:
		b[2] = 0
	case EdDSA:
		b[len(b)-1] &= 0x7f
	}
	return string(b)
}

// Equal reports whether both sets have the same threshold and the same keys,
// in any order.
func (s KeySet) Equal(o KeySet) bool {
	return s.Threshold == o.Threshold && slices.Equal(s.sorted(), o.sorted())
}

// Has reports whether k is one of the keys.
func (s KeySet) Has(k PublicKey) bool { return slices.Contains(s.Keys, k) }

// sorted returns the keys in the order of their bytes.
func (s KeySet) sorted() []PublicKey {
	return slices.SortedFunc(slices.Values(s.Keys), func(a, b PublicKey) int { return strings.Compare(a.multikey, b.multikey) })
}
