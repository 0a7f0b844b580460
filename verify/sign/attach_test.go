package sign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// module is a key that this package knows the public half of alone.
type module struct {
	public verify.PublicKey
	order  *big.Int                    // of the curve; nil: Ed25519
	sign   func(message []byte) []byte // DER of ECDSA with SHA-256, or Ed25519
}

func modules(t *testing.T) []module {
	t.Helper()
	public := func(alg verify.Algorithm, raw []byte) verify.PublicKey {
		k, err := verify.NewPublicKey(alg, raw)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	edPublic, edSecret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secp, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	point, err := p256.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return []module{
		{public(verify.EdDSA, edPublic), nil, func(m []byte) []byte { return ed25519.Sign(edSecret, m) }},
		{public(verify.ES256, append([]byte{2 + point[64]&1}, point[1:33]...)), elliptic.P256().Params().N, func(m []byte) []byte {
			digest := sha256.Sum256(m)
			der, err := p256.Sign(rand.Reader, digest[:], crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			return der
		}},
		{public(verify.ES256K, secp.PubKey().SerializeCompressed()), secp256k1.Params().N, func(m []byte) []byte {
			digest := sha256.Sum256(m)
			return secpecdsa.Sign(secp, digest[:]).Serialize()
		}},
	}
}

// forms returns a signature in every form that modules and tools give it.
func (m module) forms(t *testing.T, made []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	raw := made
	if m.order != nil {
		var sig struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(made, &sig); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*big.Int{sig.S, new(big.Int).Sub(m.order, sig.S)} {
			der, err := asn1.Marshal(struct{ R, S *big.Int }{sig.R, s})
			if err != nil {
				t.Fatal(err)
			}
			raw = make([]byte, 64)
			sig.R.FillBytes(raw[:32])
			s.FillBytes(raw[32:])
			name := " of a low s"
			if s.Cmp(new(big.Int).Rsh(m.order, 1)) > 0 {
				name = " of a high s"
			}
			out["DER"+name], out["r and s"+name] = der, raw
		}
	}
	out["64 bytes"] = raw
	s, err := verify.NewSignature(m.public, raw)
	if err != nil {
		t.Fatal(err)
	}
	out["COSE_Sign1"], out["tagged COSE_Sign1"] = s.Raw, append([]byte{0xd2}, s.Raw...)
	return out
}

// A release signed by modules alone is genuine, whatever form their signatures
// come in.
func TestSignaturesOfModulesAreAttached(t *testing.T) {
	keys := modules(t)
	set := verify.KeySet{Threshold: len(keys)}
	for _, m := range keys {
		set.Keys = append(set.Keys, m.public)
	}
	man := testManifest(t)
	verifier := verify.Verifier{Product: man.Product, Registry: man.Registry, Pinned: set}
	for _, form := range []string{"DER of a low s", "DER of a high s", "r and s of a low s", "r and s of a high s", "64 bytes", "COSE_Sign1", "tagged COSE_Sign1"} {
		e := newEnvelope(t)
		for _, m := range keys {
			message, err := e.ToBeSigned(m.public)
			if err != nil {
				t.Fatal(err)
			}
			forms := m.forms(t, m.sign(message))
			made := forms[form]
			if made == nil {
				made = forms["64 bytes"]
			}
			if err := sign.Attach(e, m.public, made); err != nil {
				t.Fatalf("%s by %s: %v", form, m.public.Algorithm(), err)
			}
			if err := sign.Attach(e, m.public, made); err == nil || !strings.Contains(err.Error(), "already signed") {
				t.Errorf("%s by %s twice: %v", form, m.public.Algorithm(), err)
			}
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.CheckSigned(b); err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}

func TestThreatArbitraryInstallation_OnlyGenuineSignaturesAreAttached(t *testing.T) {
	for _, m := range modules(t) {
		e := newEnvelope(t)
		changed := testManifest(t)
		changed.Sequence = 2
		other, err := sign.NewEnvelope(changed)
		if err != nil {
			t.Fatal(err)
		}
		message, _ := e.ToBeSigned(m.public)
		elsewhere, _ := other.ToBeSigned(m.public)
		digest := sha256.Sum256(message)
		good := m.sign(message)
		raw := m.forms(t, good)["64 bytes"]
		flipped := slices.Clone(raw)
		flipped[40] ^= 1
		stranger, err := verify.NewSignature(generate(t, m.public.Algorithm()).Public(), raw)
		if err != nil {
			t.Fatal(err)
		}
		own, err := verify.NewSignature(m.public, raw)
		if err != nil {
			t.Fatal(err)
		}
		hashed := "hashed twice"
		if m.order == nil {
			hashed = "signs the bytes themselves"
		}
		zero, one, order := new(big.Int), big.NewInt(1), m.order
		if order == nil {
			order = one
		}
		numbers := func(r, s *big.Int) []byte {
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
		for name, c := range map[string]struct {
			made  []byte
			other bool // the form is right
			says  string
		}{
			"of another release":        {m.sign(elsewhere), true, m.public.String()},
			"of the manifest alone":     {m.sign(e.Manifest), true, "not the key's signature"},
			"of the digest":             {m.sign(digest[:]), true, hashed},
			"a bit flipped":             {flipped, true, "not the key's signature"},
			"nothing":                   {nil, false, "0 bytes; one of"},
			"base64":                    {[]byte(base64.StdEncoding.EncodeToString(good) + "\n"), false, "decode it first"},
			"hexadecimal":               {[]byte(hex.EncodeToString(good)), false, "decode it first"},
			"cut":                       {raw[:63], false, "63 bytes"},
			"with a recovery code":      {append(slices.Clone(raw), 1), false, "65 bytes"},
			"endless":                   {make([]byte, 1<<20), false, "longer than"},
			"COSE of another key":       {stranger.Raw, false, "another key"},
			"COSE with its payload":     {bytes.Replace(own.Raw, []byte{0xa0, 0xf6}, []byte{0xa0, 0x41, 0}, 1), false, "payload"},
			"COSE cut":                  {own.Raw[:20], false, "cut off"},
			"DER of nothing":            {[]byte{0x30, 0}, false, ""},
			"DER followed by something": {append(slices.Clone(good), 0), false, ""},
			"DER of negative numbers":   {[]byte{0x30, 6, 2, 1, 0x80, 2, 1, 0x80}, false, ""},
			"r zero":                    {numbers(zero, one), m.order == nil, ""},
			"s zero":                    {numbers(one, zero), m.order == nil, ""},
			"r of the order":            {numbers(order, one), m.order == nil, ""},
			"s of the order":            {numbers(one, order), m.order == nil, ""},
			"zeros":                     {make([]byte, 64), m.order == nil, ""},
			"all ones":                  {bytes.Repeat([]byte{0xff}, 64), m.order == nil, ""},
		} {
			err := sign.Attach(e, m.public, c.made)
			if err == nil || len(e.Signatures) > 0 {
				t.Fatalf("%s %s: attached", m.public.Algorithm(), name)
			}
			if errors.Is(err, sign.ErrOtherSignature) != c.other || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s %s: %v, want it to say %q", m.public.Algorithm(), name, err, c.says)
			}
		}
	}
}

// Rotations and moves are signed by modules too, and not by keys that are in none
// of their sets.
func TestStatementsAreSignedByModules(t *testing.T) {
	keys := modules(t)
	old, fresh := keys[1], keys[2]
	here, there := verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}}, verify.RegistryRef{ChainID: 4690, Address: verify.Address{2}}
	from, to := verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{old.public}}, verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{fresh.public}}
	rotation := &verify.Rotation{Registry: here, Epoch: 2, From: from, To: to}
	move := &verify.Move{Number: 1, From: here, To: there, Epoch: 1, Keys: from}
	made := func(what sign.Statement, m module) []byte {
		message, err := what.ToBeSigned(m.public)
		if err != nil {
			t.Fatal(err)
		}
		return m.sign(message)
	}
	for _, m := range []module{old, fresh} {
		if err := sign.AttachRotation(rotation, m.public, made(rotation, m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := rotation.Check(); err != nil {
		t.Error(err)
	}
	if err := sign.AttachRotation(rotation, keys[0].public, made(rotation, keys[0])); err == nil || !strings.Contains(err.Error(), "neither key set") {
		t.Errorf("a stranger signs a rotation: %v", err)
	}
	if err := sign.AttachMove(move, fresh.public, made(move, fresh)); err == nil || !strings.Contains(err.Error(), "not in the key set") {
		t.Errorf("a stranger signs a move: %v", err)
	}
	if err := sign.AttachMove(move, old.public, made(rotation, old)); !errors.Is(err, sign.ErrOtherSignature) {
		t.Errorf("the signature of a rotation on a move: %v", err)
	}
	if err := sign.AttachMove(move, old.public, made(move, old)); err != nil {
		t.Fatal(err)
	}
	if err := move.Check(); err != nil {
		t.Error(err)
	}
}

// pemOf encodes a public key as modules export it; compressed or not.
func pemOf(t *testing.T, k verify.PublicKey, compressed bool) []byte {
	t.Helper()
	raw := k.Bytes()[2:]
	algorithm := []any{asn1.ObjectIdentifier{1, 3, 101, 112}}
	if k.Algorithm() != verify.EdDSA {
		curve := asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
		var x, y *big.Int
		if k.Algorithm() == verify.ES256K {
			curve = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
			p, err := secp256k1.ParsePubKey(raw)
			if err != nil {
				t.Fatal(err)
			}
			x, y = p.X(), p.Y()
		} else {
			x, y = elliptic.UnmarshalCompressed(elliptic.P256(), raw)
		}
		algorithm = []any{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, curve}
		if !compressed {
			raw = append([]byte{4}, append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)...)
		}
	}
	var identifier []byte
	for _, oid := range algorithm {
		b, err := asn1.Marshal(oid)
		if err != nil {
			t.Fatal(err)
		}
		identifier = append(identifier, b...)
	}
	der, err := asn1.Marshal(struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}{asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: identifier}, asn1.BitString{Bytes: raw, BitLength: 8 * len(raw)}})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPublicKeysComeAsPEM(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k.pem")
	write := func(b []byte) string {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, m := range modules(t) {
		for _, compressed := range []bool{false, true} {
			if k, err := sign.LoadPublic(write(pemOf(t, m.public, compressed))); err != nil || k != m.public {
				t.Errorf("%s, compressed %v: %v, %v", m.public.Algorithm(), compressed, k, err)
			}
		}
		// The standard library reads what it knows of it alike.
		if m.public.Algorithm() != verify.ES256K {
			block, _ := pem.Decode(pemOf(t, m.public, false))
			pub, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Fatal(err)
			}
			der, err := x509.MarshalPKIXPublicKey(pub)
			if err != nil || !bytes.Equal(der, block.Bytes) {
				t.Errorf("%s: the standard library writes it otherwise: %v", m.public.Algorithm(), err)
			}
		}
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, modules(t)[1].public, false)
	block, _ := pem.Decode(good)
	off := slices.Clone(block.Bytes)
	off[len(off)-3] ^= 1
	point := func(curve asn1.ObjectIdentifier, b []byte) []byte {
		t.Helper()
		der, err := asn1.Marshal(struct {
			Algorithm []asn1.ObjectIdentifier
			Key       asn1.BitString
		}{[]asn1.ObjectIdentifier{{1, 2, 840, 10045, 2, 1}, curve}, asn1.BitString{Bytes: b, BitLength: 8 * len(b)}})
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	hybrid := secp256k1.NewPrivateKey(new(secp256k1.ModNScalar).SetInt(5)).PubKey().SerializeUncompressed()
	hybrid[0] = 6 | hybrid[64]&1
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"another curve":      {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "curve"},
		"a secret key":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "public key alone"},
		"two":                {append(slices.Clone(good), good...), "follows"},
		"not on the curve":   {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: off}), "not a point"},
		"point cut off":      {point(asn1.ObjectIdentifier{1, 3, 132, 0, 10}, hybrid[:40]), "secp256k1"},
		"uncompressed, cut":  {point(asn1.ObjectIdentifier{1, 3, 132, 0, 10}, []byte{4, 1, 2}), "secp256k1"},
		"hybrid form":        {point(asn1.ObjectIdentifier{1, 3, 132, 0, 10}, hybrid), "secp256k1"},
		"no DER":             {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "SubjectPublicKeyInfo"},
		"bytes after":        {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: append(slices.Clone(block.Bytes), 0)}), "SubjectPublicKeyInfo"},
		"begun and no more":  {[]byte("-----BEGIN PUBLIC KEY-----\n"), "not PEM"},
		"longer than it may": {append([]byte("-----BEGIN PUBLIC KEY-----\n"), bytes.Repeat([]byte("A"), 4<<10)...), "longer than"},
	} {
		if _, err := sign.LoadPublic(write(c.content)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
}
