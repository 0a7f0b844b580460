package sign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/veraison/go-cose"

	"camswarm/verify"
	"camswarm/verify/sign"
)

var algorithms = []verify.Algorithm{verify.EdDSA, verify.ES256, verify.ES256K}

func testManifest(t testing.TB) *verify.Manifest {
	t.Helper()
	info, err := verify.DescribeImage(strings.NewReader("a small image"), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &verify.Manifest{
		Product:   verify.Product{Vendor: "tenvis.com", Name: "ucam-2"},
		Sequence:  1,
		Version:   "1.0",
		Image:     info,
		Component: "firmware",
		Registry:  verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}},
	}
}

func newEnvelope(t testing.TB) *verify.Envelope {
	t.Helper()
	e, err := sign.NewEnvelope(testManifest(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func generate(t testing.TB, alg verify.Algorithm) *sign.Key {
	t.Helper()
	k, err := sign.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// es256k verifies what go-cose has no verifier for.
type es256k struct{ pub *secp256k1.PublicKey }

func (es256k) Algorithm() cose.Algorithm { return -47 }
func (v es256k) Verify(content, sig []byte) error {
	var r, s secp256k1.ModNScalar
	r.SetByteSlice(sig[:32])
	s.SetByteSlice(sig[32:])
	hash := sha256.Sum256(content)
	if !secpecdsa.NewSignature(&r, &s).Verify(hash[:], v.pub) {
		return errors.New("wrong signature")
	}
	return nil
}

func coseVerifier(t *testing.T, k verify.PublicKey) cose.Verifier {
	t.Helper()
	var pub crypto.PublicKey
	switch raw := k.Bytes()[2:]; k.Algorithm() {
	case verify.EdDSA:
		pub = ed25519.PublicKey(raw)
	case verify.ES256:
		x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw)
		pub = &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}
	case verify.ES256K:
		p, err := secp256k1.ParsePubKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		return es256k{p}
	}
	v, err := cose.NewVerifier(cose.Algorithm(k.Algorithm()), pub)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A second, independent reader of COSE accepts the signatures made here.
func TestGoCOSEVerifiesWhatIsSignedHere(t *testing.T) {
	for _, alg := range algorithms {
		t.Run(alg.String(), func(t *testing.T) {
			k, e := generate(t, alg), newEnvelope(t)
			if err := k.Sign(e); err != nil {
				t.Fatal(err)
			}
			var msg cose.UntaggedSign1Message
			if err := msg.UnmarshalCBOR(e.Signatures[0].Raw); err != nil {
				t.Fatal(err)
			}
			if msg.Payload != nil {
				t.Error("the payload is not detached")
			}
			if kid, _ := msg.Headers.Protected[cose.HeaderLabelKeyID].([]byte); !bytes.Equal(kid, k.Public().Bytes()) {
				t.Errorf("key id is %x", kid)
			}
			if got, err := msg.Headers.Protected.Algorithm(); err != nil || got != cose.Algorithm(alg) {
				t.Errorf("algorithm is %v, %v", got, err)
			}
			msg.Payload = e.Manifest
			v := coseVerifier(t, k.Public())
			if err := msg.Verify([]byte(verify.SignatureContext), v); err != nil {
				t.Error(err)
			}
			if msg.Verify([]byte("camswarm/other/v1"), v) == nil {
				t.Error("the signature is good in another context too")
			}
		})
	}
}

// A rotation's signature is a COSE_Sign1 over the statement, in its own context.
func TestGoCOSEVerifiesRotations(t *testing.T) {
	for _, alg := range algorithms {
		k, next := generate(t, alg), generate(t, alg)
		r := &verify.Rotation{
			Registry: testManifest(t).Registry, Epoch: 2,
			From: verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{k.Public()}},
			To:   verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{next.Public()}},
		}
		if err := errors.Join(k.SignRotation(r), next.SignRotation(r)); err != nil {
			t.Fatal(err)
		}
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		var msg cose.UntaggedSign1Message
		if err := msg.UnmarshalCBOR(r.Signatures[0].Raw); err != nil {
			t.Fatal(err)
		}
		payload, err := r.Payload()
		if err != nil {
			t.Fatal(err)
		}
		msg.Payload = payload
		v := coseVerifier(t, k.Public())
		if err := msg.Verify([]byte(verify.RotationContext), v); err != nil {
			t.Errorf("%v: %v", alg, err)
		}
		if msg.Verify([]byte(verify.SignatureContext), v) == nil {
			t.Errorf("%v: the signature is good on a manifest too", alg)
		}
	}
}

// A signature that go-cose makes with its own signers is one for a camera.
func TestCameraVerifiesWhatGoCOSESigns(t *testing.T) {
	ed := generate(t, verify.EdDSA)
	p256 := generate(t, verify.ES256)
	p256Key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), p256.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    *sign.Key
		signer crypto.Signer
	}{
		{ed, ed25519.NewKeyFromSeed(ed.Bytes())},
		{p256, p256Key},
	} {
		t.Run(c.key.Algorithm().String(), func(t *testing.T) {
			e := newEnvelope(t)
			signer, err := cose.NewSigner(cose.Algorithm(c.key.Algorithm()), c.signer)
			if err != nil {
				t.Fatal(err)
			}
			half := new(big.Int).Rsh(elliptic.P256().Params().N, 1)
			for try := 0; ; try++ {
				msg := cose.UntaggedSign1Message{Payload: e.Manifest, Headers: cose.Headers{Protected: cose.ProtectedHeader{
					cose.HeaderLabelAlgorithm: cose.Algorithm(c.key.Algorithm()),
					cose.HeaderLabelKeyID:     c.key.Public().Bytes(),
				}}}
				if err := msg.Sign(rand.Reader, []byte(verify.SignatureContext), signer); err != nil {
					t.Fatal(err)
				}
				// Half of go-cose's ECDSA signatures are in the high-s form.
				if c.key.Algorithm() == verify.ES256 && new(big.Int).SetBytes(msg.Signature[32:]).Cmp(half) > 0 {
					if try == 100 {
						t.Fatal("no low-s signature in 100")
					}
					continue
				}
				msg.Payload = nil
				raw, err := msg.MarshalCBOR()
				if err != nil {
					t.Fatal(err)
				}
				e.Signatures = []verify.Signature{{Key: c.key.Public(), Raw: raw}}
				break
			}
			b, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			m := testManifest(t)
			v := verify.Verifier{Product: m.Product, Registry: m.Registry, Pinned: verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{c.key.Public()}}}
			if _, err := v.CheckSigned(b); err != nil {
				t.Error(err)
			}
		})
	}
}

// Co-signers work one after the other, offline, on the encoded envelope.
func TestCoSignersAddTheirOwn(t *testing.T) {
	m := testManifest(t)
	v := verify.Verifier{Product: m.Product, Registry: m.Registry, Pinned: verify.KeySet{Threshold: 3}}
	b, err := newEnvelope(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range algorithms {
		k := generate(t, alg)
		v.Pinned.Keys = append(v.Pinned.Keys, k.Public())
		e, err := verify.DecodeEnvelope(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Sign(e); err != nil {
			t.Fatal(err)
		}
		if err := k.Sign(e); err == nil {
			t.Errorf("%v: signed twice", alg)
		}
		if b, err = e.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.CheckSigned(b); err != nil {
		t.Error(err)
	}
}

func TestSigningIsDeterministicAndLowS(t *testing.T) {
	for _, alg := range algorithms {
		for i := range 20 { // half of all ECDSA signatures would be high-s
			k, err := sign.New(alg, bytes.Repeat([]byte{byte(i + 1)}, 32))
			if err != nil {
				t.Fatal(err)
			}
			a, b := newEnvelope(t), newEnvelope(t)
			if err := errors.Join(k.Sign(a), k.Sign(b)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Signatures[0].Raw, b.Signatures[0].Raw) {
				t.Errorf("%v: two signatures over one manifest differ", alg)
			}
		}
	}
}

func TestNothingElseIsSigned(t *testing.T) {
	k := generate(t, verify.EdDSA)
	for name, e := range map[string]*verify.Envelope{
		"empty":         {},
		"arbitrary":     {Manifest: []byte("pay the bearer")},
		"trailing byte": {Manifest: append(newEnvelope(t).Manifest, 0)},
	} {
		if err := k.Sign(e); err == nil || len(e.Signatures) != 0 {
			t.Errorf("%s: signed", name)
		}
	}
	m := testManifest(t)
	m.Sequence = 0
	if _, err := sign.NewEnvelope(m); err == nil {
		t.Error("a manifest that every device refuses is put into an envelope")
	}
	full := newEnvelope(t)
	for range verify.MaxSigners {
		if err := generate(t, verify.EdDSA).Sign(full); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Sign(full); err == nil {
		t.Error("signed beyond the limit")
	}
}

func TestSecretsThatAreNoKeysAreRefused(t *testing.T) {
	order := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	for name, c := range map[string]struct {
		alg    verify.Algorithm
		secret []byte
	}{
		"no algorithm":       {0, make([]byte, 32)},
		"unknown algorithm":  {-35, make([]byte, 32)},
		"ed25519 short":      {verify.EdDSA, make([]byte, 31)},
		"secp256k1 zero":     {verify.ES256K, make([]byte, 32)},
		"secp256k1 order":    {verify.ES256K, order(secp256k1.S256().N)},
		"secp256k1 all ones": {verify.ES256K, bytes.Repeat([]byte{0xff}, 32)},
		"P-256 zero":         {verify.ES256, make([]byte, 32)},
		"P-256 order":        {verify.ES256, order(elliptic.P256().Params().N)},
		"P-256 short":        {verify.ES256, make([]byte, 16)},
	} {
		if _, err := sign.New(c.alg, c.secret); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := sign.Generate(-35); err == nil {
		t.Error("a key of an unknown algorithm is generated")
	}
}

// The first account of the test mnemonic that Ethereum's tools print at start.
func TestAddressIsTheChainAccount(t *testing.T) {
	secret, _ := new(big.Int).SetString("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", 16)
	k, err := sign.New(verify.ES256K, secret.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	a, ok := k.Address()
	if !ok || a.String() != "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" {
		t.Errorf("account is %s, %v", a, ok)
	}
	if _, ok := generate(t, verify.ES256).Address(); ok {
		t.Error("a P-256 key has an account")
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	k, err := sign.New(verify.EdDSA, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%s", k), fmt.Sprintf("%x", k), fmt.Sprintf("%d", k), fmt.Sprintf("%v", *k)} {
		if strings.Contains(s, "0123456789abcdef") || strings.Contains(s, "3031323334") || strings.Contains(s, "48 49 50") {
			t.Errorf("the secret is printed: %s", s)
		}
	}
}
