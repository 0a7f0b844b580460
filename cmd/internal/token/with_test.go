//go:build pkcs11 && cgo

package token_test

import (
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"camswarm/cmd/internal/token"
	"camswarm/cmd/internal/token/tokentest"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newKey(t *testing.T, alg verify.Algorithm) *sign.Key {
	t.Helper()
	k, err := sign.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func move(keys ...verify.PublicKey) *verify.Move {
	from := verify.RegistryRef{ChainID: 1, Address: verify.Address{1}}
	to := verify.RegistryRef{ChainID: 1, Address: verify.Address{2}}
	return &verify.Move{Number: 1, From: from, To: to, Epoch: 1, Keys: verify.KeySet{Threshold: 1, Keys: keys},
		Endpoints: []verify.MoveEndpoint{{URL: "https://chain.example"}}}
}

func neverAsk(t *testing.T) func(string) ([]byte, error) {
	return func(string) ([]byte, error) {
		t.Error("the PIN was asked for, though a file holds it")
		return nil, errors.New("no")
	}
}

// Keys of every kind sign on the token what devices verify; half of a token's ECDSA
// signatures have the upper s, which devices refuse, so that each signs often.
func TestTokenSigns(t *testing.T) {
	k := tokentest.New(t, "release keys")
	for i, alg := range []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K} {
		for _, always := range []bool{false, true} {
			name := alg.String() + map[bool]string{true: " with a PIN each time"}[always]
			t.Run(name, func(t *testing.T) {
				file := newKey(t, alg)
				k.Put(name, byte(2*i+1)+map[bool]byte{true: 1}[always], file, always)
				if public, err := token.Public(k.Ask(name)); err != nil || public != file.Public() {
					t.Fatalf("without a PIN: %v, %v", public, err)
				}
				key, err := token.Load(k.URI(name), neverAsk(t))
				if err != nil {
					t.Fatal(err)
				}
				if key.Public() != file.Public() || key.Bytes() != nil {
					t.Fatalf("the key is %v, its secret %x", key.Public(), key.Bytes())
				}
				for range 8 {
					m := move(key.Public())
					if err := key.SignMove(m); err != nil || len(m.Signatures) != 1 {
						t.Fatal(err)
					}
				}
				if err := key.Save(t.TempDir() + "/key"); !errors.Is(err, sign.ErrElsewhere) {
					t.Errorf("it was saved: %v", err)
				}
			})
		}
	}
}

// A secp256k1 key on a token signs transactions' hashes, with the recovery code.
func TestTokenSignsTransactions(t *testing.T) {
	k := tokentest.New(t, "accounts")
	file := newKey(t, verify.ES256K)
	k.Put("operator", 1, file, false)
	key, err := token.Load(k.URI("operator"), neverAsk(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		hash := sha256.Sum256([]byte{byte(i)})
		made, err := key.SignHash(hash)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := secpecdsa.RecoverCompact(slices.Concat([]byte{27 + made[64]}, made[:64]), hash[:])
		if err != nil || string(got.SerializeCompressed()) != string(file.Public().Bytes()[2:]) {
			t.Fatalf("%x does not lead back to the key: %v", made, err)
		}
	}
}

// What the URI leaves open, and what it names wrongly, is said; a wrong PIN is
// tried once.
func TestTokenErrors(t *testing.T) {
	k := tokentest.New(t, "one")
	other := tokentest.New(t, "two")
	k.Put("twice", 1, newKey(t, verify.EdDSA), false)
	k.Put("twice", 2, newKey(t, verify.EdDSA), false)
	other.Put("alone", 1, newKey(t, verify.EdDSA), false)
	asked := 0
	wrong := func(string) ([]byte, error) { asked++; return []byte("000000"), nil }
	for uri, words := range map[string]string{
		k.Ask("twice"):  "the PIN is wrong",
		k.URI("twice"):  "fits more than one key",
		k.URI("nobody"): "no such key",
		strings.Replace(k.URI("twice"), "token=one", "token=nine", 1): "no such token",
		strings.Replace(k.URI("twice"), "token=one;", "", 1):          "fits more than one token",
		strings.Replace(k.URI("twice"), k.Module, "/nowhere.so", 1):   "cannot be loaded",
		strings.Replace(k.URI("twice"), k.PINFile, k.PINFile+"x", 1):  "no such file",
		strings.Replace(k.URI("twice"), "object=twice", "id=%02", 1):  "",
		other.URI("alone"): "",
	} {
		_, err := token.Load(uri, wrong)
		if (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", uri, err, words)
		}
	}
	if asked != 1 {
		t.Errorf("the PIN was asked for %d times", asked)
	}
	if err := os.Chmod(k.PINFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := token.Load(strings.Replace(k.URI("twice"), "object=twice", "id=%02", 1), wrong); err == nil {
		t.Error("a PIN that everybody can read was used")
	}
}
