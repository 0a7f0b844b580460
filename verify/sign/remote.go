package sign

import (
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"camswarm/verify"
)

// ErrElsewhere says that a key's secret is needed and lies in a security module.
var ErrElsewhere = errors.New("in a security module, which does not give it away")

// Remote makes a key whose secret lies elsewhere. made signs the bytes that it is
// given as they are: a message with Ed25519, a digest of 32 bytes with ECDSA. What
// it returns may have any form that [Import] takes, and is verified before it is
// used.
func Remote(public verify.PublicKey, made func([]byte) ([]byte, error)) *Key {
	return &Key{alg: public.Algorithm(), public: public, remote: made}
}

// SignHash signs a hash as EVM chains take it: 32 bytes of r, 32 of the lower s,
// and the recovery code, 0 to 3. Only secp256k1 keys sign hashes.
func (k *Key) SignHash(hash [32]byte) ([]byte, error) {
	if k.alg != verify.ES256K {
		return nil, fmt.Errorf("sign: a key of %v signs no hashes: use a secp256k1 key (%v)", k.alg, verify.ES256K)
	}
	if k.remote == nil {
		made := secpecdsa.SignCompact(secp256k1.PrivKeyFromBytes(k.secret), hash[:], false)
		return append(made[1:], made[0]-compactHead), nil
	}
	rs, err := k.ask(hash[:])
	if err != nil {
		return nil, err
	}
	want, err := k.point()
	if err != nil {
		return nil, err
	}
	for code := range byte(4) {
		if got, _, err := secpecdsa.RecoverCompact(append([]byte{compactHead + code}, rs...), hash[:]); err == nil && got.IsEqual(want) {
			return append(rs, code), nil
		}
	}
	return nil, fmt.Errorf("sign: %w: key %s", ErrOtherSignature, k.public)
}

// compactHead is what precedes r and s in secpecdsa's form, with the recovery code
// added, for a key that is not written compressed.
const compactHead = 27

// ask has the module sign and returns the 64 bytes that devices and chains read.
func (k *Key) ask(b []byte) ([]byte, error) {
	made, err := k.remote(b)
	if err != nil {
		return nil, err
	}
	return compact(k.public, made)
}

// point returns the public half of a secp256k1 key.
func (k *Key) point() (*secp256k1.PublicKey, error) {
	return secp256k1.ParsePubKey(k.public.Bytes()[2:]) // after the multicodec prefix
}
