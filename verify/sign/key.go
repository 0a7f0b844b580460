package sign

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/mr-tron/base58"
	"golang.org/x/crypto/sha3"

	"camswarm/verify"
)

// Key is a secret signing key.
type Key struct {
	alg    verify.Algorithm
	secret []byte // Ed25519 seed or ECDSA scalar, 32 bytes
	public verify.PublicKey
	remote func([]byte) ([]byte, error) // signs in the place of secret; see Remote
}

// Generate makes a new key.
func Generate(alg verify.Algorithm) (*Key, error) {
	switch alg {
	case verify.EdDSA:
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		return New(alg, seed)
	case verify.ES256K:
		k, err := secp256k1.GeneratePrivateKey()
		if err != nil {
			return nil, err
		}
		return New(alg, k.Serialize())
	case verify.ES256:
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		secret, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		return New(alg, secret)
	}
	return nil, fmt.Errorf("no signing keys of %v: use EdDSA, ES256 or ES256K", alg)
}

// New makes a key from its raw secret: an Ed25519 seed or an ECDSA scalar,
// big-endian, 32 bytes, not zero and below the order of the curve.
func New(alg verify.Algorithm, secret []byte) (*Key, error) {
	if len(secret) != 32 {
		return nil, fmt.Errorf("secret key is %d bytes long, it must have 32", len(secret))
	}
	k := &Key{alg: alg, secret: append([]byte(nil), secret...)}
	var multikey []byte
	switch alg {
	case verify.EdDSA:
		pub := ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey)
		multikey = append([]byte{0xed, 0x01}, pub...)
	case verify.ES256K:
		var s secp256k1.ModNScalar
		if s.SetByteSlice(secret) || s.IsZero() {
			return nil, errors.New("secret key is not a secp256k1 scalar")
		}
		multikey = append([]byte{0xe7, 0x01}, secp256k1.NewPrivateKey(&s).PubKey().SerializeCompressed()...)
	case verify.ES256:
		p, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
		if err != nil {
			return nil, fmt.Errorf("secret key is not a P-256 scalar: %w", err)
		}
		point, err := p.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return nil, err
		}
		multikey = append([]byte{0x80, 0x24, 2 + point[64]&1}, point[1:33]...)
	default:
		return nil, fmt.Errorf("no signing keys of %v: use EdDSA, ES256 or ES256K", alg)
	}
	var err error
	k.public, err = verify.PublicKeyFromBytes(multikey)
	return k, err
}

// Public returns the public half.
func (k *Key) Public() verify.PublicKey { return k.public }

// Algorithm returns the key's signature algorithm.
func (k *Key) Algorithm() verify.Algorithm { return k.alg }

// Bytes returns the raw secret: an Ed25519 seed or an ECDSA scalar, 32 bytes; nil
// if the key is a Remote one.
func (k *Key) Bytes() []byte { return append([]byte(nil), k.secret...) }

// String names the key by its public half.
func (k Key) String() string { return "secret key of " + k.public.String() }

// Format writes String for every verb, so that no log prints the secret.
func (k Key) Format(w fmt.State, _ rune) { io.WriteString(w, k.String()) }

// Address returns the account on EVM chains that a secp256k1 key controls: the
// last 20 bytes of the Keccak-256 of the uncompressed point. ok is false for
// keys of other kinds, which control none.
func (k *Key) Address() (a verify.Address, ok bool) {
	if k.alg != verify.ES256K {
		return a, false
	}
	point, err := k.point()
	if err != nil {
		return a, false
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(point.SerializeUncompressed()[1:])
	copy(a[:], h.Sum(nil)[12:])
	return a, true
}

// Multicodec prefixes of secret keys, as unsigned varints.
var secretPrefix = map[verify.Algorithm]string{
	verify.EdDSA:  "\x80\x26", // ed25519-priv 0x1300
	verify.ES256K: "\x81\x26", // secp256k1-priv 0x1301
	verify.ES256:  "\x86\x26", // p256-priv 0x1306
}

// secretText returns the secret Multikey, 'z' and base58btc.
func (k *Key) secretText() string {
	return "z" + base58.Encode(append([]byte(secretPrefix[k.alg]), k.secret...))
}

// parseSecret reads a secret Multikey. Its errors do not hold the text.
func parseSecret(s string) (*Key, error) {
	if len(s) > 64 || len(s) == 0 || s[0] != 'z' {
		return nil, errors.New("not a secret Multikey, which starts with 'z'")
	}
	b, err := base58.Decode(s[1:])
	if err != nil || len(b) < 2 {
		return nil, errors.New("not a secret Multikey in base58btc")
	}
	for alg, prefix := range secretPrefix {
		if string(b[:2]) == prefix {
			return New(alg, b[2:])
		}
	}
	return nil, errors.New("not a secret key of Ed25519, secp256k1 or P-256")
}
