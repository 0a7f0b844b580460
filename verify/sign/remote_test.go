package sign_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// A key in a module signs statements as one in a file does, in whatever form the
// module answers; what it answers wrongly is not taken.
func TestRemoteKeysSign(t *testing.T) {
	for _, m := range modules(t) {
		move := func() *verify.Move {
			return &verify.Move{
				Number: 1, From: verify.RegistryRef{ChainID: 1, Address: verify.Address{1}}, To: verify.RegistryRef{ChainID: 1, Address: verify.Address{2}},
				Epoch: 1, Keys: verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{m.public}}, Endpoints: []verify.MoveEndpoint{{URL: "https://chain.example"}},
			}
		}
		message, err := move().ToBeSigned(m.public)
		if err != nil {
			t.Fatal(err)
		}
		for form, made := range m.forms(t, m.sign(message)) {
			key := sign.Remote(m.public, func(got []byte) ([]byte, error) {
				want := message
				if m.order != nil {
					sum := sha256.Sum256(message)
					want = sum[:]
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%s: the module was given %x to sign", m.public.Algorithm(), got)
				}
				return made, nil
			})
			signed := move()
			if err := key.SignMove(signed); err != nil || len(signed.Signatures) != 1 || !signed.Verify(signed.Signatures[0]) {
				t.Errorf("%s: %v", form, err)
			}
		}
		other := m.sign([]byte("something else"))
		broken := errors.New("the module was pulled out")
		for name, answer := range map[string]func([]byte) ([]byte, error){
			"another message's": func([]byte) ([]byte, error) { return other, nil },
			"nothing":           func([]byte) ([]byte, error) { return nil, nil },
			"an error":          func([]byte) ([]byte, error) { return nil, broken },
		} {
			signed := move()
			err := sign.Remote(m.public, answer).SignMove(signed)
			if err == nil || len(signed.Signatures) > 0 || name == "an error" && !errors.Is(err, broken) {
				t.Errorf("%s of a %s module: %v", name, m.public.Algorithm(), err)
			}
		}
	}
}

// SignHash gives one answer wherever the secret is, and none that leads to another
// account.
func TestRemoteKeysSignHashes(t *testing.T) {
	key, err := sign.Generate(verify.ES256K)
	if err != nil {
		t.Fatal(err)
	}
	secret := secp256k1.PrivKeyFromBytes(key.Bytes())
	remote := sign.Remote(key.Public(), func(b []byte) ([]byte, error) { return secpecdsa.Sign(secret, b).Serialize(), nil })
	for i := range 16 {
		hash := sha256.Sum256([]byte{byte(i)})
		one, err := key.SignHash(hash)
		if err != nil {
			t.Fatal(err)
		}
		two, err := remote.SignHash(hash)
		if err != nil || !bytes.Equal(one, two) || len(one) != 65 {
			t.Fatalf("%x and %x, %v", one, two, err)
		}
	}
	if a, ok := remote.Address(); !ok || a != account(t, key) {
		t.Errorf("the account is %v, %v", a, ok)
	}
	stranger, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	lying := sign.Remote(key.Public(), func(b []byte) ([]byte, error) { return secpecdsa.Sign(stranger, b).Serialize(), nil })
	if made, err := lying.SignHash([32]byte{1}); !errors.Is(err, sign.ErrOtherSignature) {
		t.Errorf("%x, %v", made, err)
	}
	ed, err := sign.Generate(verify.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ed.SignHash([32]byte{1}); err == nil {
		t.Error("an Ed25519 key signed a transaction")
	}
	path := t.TempDir() + "/key"
	for _, err := range []error{remote.Save(path), remote.SaveProtected(path, []byte("a long passphrase"), sign.MinWorkFactor)} {
		if !errors.Is(err, sign.ErrElsewhere) {
			t.Error(err)
		}
	}
}

func account(t *testing.T, k *sign.Key) verify.Address {
	t.Helper()
	a, ok := k.Address()
	if !ok {
		t.Fatal("no account")
	}
	return a
}
