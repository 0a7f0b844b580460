package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/mr-tron/base58"
	"github.com/pelletier/go-toml/v2"

	"camswarm/verify"
)

// Vectors of the did:key method specification, sections "Ed25519", "Secp256k1"
// and "P-256".
var multikeys = map[verify.Algorithm]string{
	verify.EdDSA:  "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
	verify.ES256K: "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
	verify.ES256:  "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
}

func TestMultikeysOfTheDIDKeySpecificationAreRead(t *testing.T) {
	for alg, text := range multikeys {
		k, err := verify.ParsePublicKey(text)
		if err != nil {
			t.Errorf("%v: %v", alg, err)
			continue
		}
		if k.Algorithm() != alg {
			t.Errorf("%s is read as %v, want %v", text, k.Algorithm(), alg)
		}
		if k.String() != text {
			t.Errorf("%s is written as %s", text, k)
		}
		if again, err := verify.PublicKeyFromBytes(k.Bytes()); err != nil || again != k {
			t.Errorf("%s: binary form does not come back: %v", text, err)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublicKeysThatAreNoneAreRefused(t *testing.T) {
	ed := func(tail string) []byte { return append([]byte{0xed, 0x01}, unhex(t, tail)...) }
	zeros := strings.Repeat("00", 31)
	binary := map[string][]byte{
		"empty":                         {},
		"prefix alone":                  {0xed, 0x01},
		"ed25519 short":                 ed(zeros),
		"ed25519 long":                  ed(zeros + "000000"),
		"ed25519 small order 0":         ed("00" + zeros),
		"ed25519 small order 0, signed": ed(zeros + "80"),
		"ed25519 identity":              ed("01" + zeros),
		"ed25519 order 2":               ed("ec" + strings.Repeat("ff", 30) + "7f"),
		"ed25519 order 8":               ed("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
		"ed25519 order 8, signed":       ed("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
		"ed25519 y = p, non-canonical":  ed("ed" + strings.Repeat("ff", 30) + "7f"),
		"ed25519 y = p+1, identity":     ed("ee" + strings.Repeat("ff", 30) + "7f"),
		"ed25519 y = 2, off the curve":  ed("02" + zeros),
		"x25519 prefix":                 append([]byte{0xec, 0x01}, bytes.Repeat([]byte{9}, 32)...),
		"secp256k1 x = 0":               append([]byte{0xe7, 0x01, 2}, make([]byte, 32)...),
		"secp256k1 uncompressed":        append([]byte{0xe7, 0x01}, secp256k1.NewPrivateKey(new(secp256k1.ModNScalar).SetInt(5)).PubKey().SerializeUncompressed()...),
		"secp256k1 x over the field":    append([]byte{0xe7, 0x01, 2}, bytes.Repeat([]byte{0xff}, 32)...),
		"P-256 x over the field":        append([]byte{0x80, 0x24, 2}, bytes.Repeat([]byte{0xff}, 32)...),
		"P-256 off the curve":           append([]byte{0x80, 0x24, 2}, append(make([]byte, 31), 7)...),
		"P-256 wrong sign byte":         append([]byte{0x80, 0x24, 4}, append(make([]byte, 31), 5)...),
	}
	for name, b := range binary {
		if k, err := verify.PublicKeyFromBytes(b); err == nil {
			t.Errorf("%s: read as %s", name, k)
		}
		if _, err := verify.ParsePublicKey("z" + base58.Encode(b)); err == nil {
			t.Errorf("%s: read from text", name)
		}
	}
	for _, s := range []string{"", "z", "6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "Z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
		"z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do0", " " + multikeys[verify.EdDSA], multikeys[verify.EdDSA] + "\n",
		"z1" + multikeys[verify.EdDSA][1:], "z" + strings.Repeat("2", 100_000)} {
		if _, err := verify.ParsePublicKey(s); err == nil {
			t.Errorf("%.60q: read as a key", s)
		}
	}
}

// The curve check agrees with the curve's equation for arbitrary bytes.
func TestEd25519CurveCheckIsTheCurvesEquation(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d, _ := new(big.Int).SetString("37095705934669439343138083508754565189542113879843219016388785533085940283555", 10)
	rnd := rand.NewChaCha8([32]byte{1})
	accepted := 0
	for range 500 {
		b := append([]byte{0xed, 0x01}, make([]byte, 32)...)
		rnd.Read(b[2:])
		le := bytes.Clone(b[2:])
		le[31] &= 0x7f
		for i, j := 0, 31; i < j; i, j = i+1, j-1 {
			le[i], le[j] = le[j], le[i]
		}
		y2 := new(big.Int).SetBytes(le)
		y2.Mul(y2, y2)
		u := new(big.Int).Sub(y2, big.NewInt(1))
		v := new(big.Int).Add(new(big.Int).Mul(y2, d), big.NewInt(1))
		x2 := u.Mul(u, new(big.Int).ModInverse(v.Mod(v, p), p))
		onCurve := new(big.Int).ModSqrt(x2.Mod(x2, p), p) != nil
		_, err := verify.PublicKeyFromBytes(b)
		if (err == nil) != onCurve {
			t.Fatalf("%x: on the curve %v, check says %v", b[2:], onCurve, err)
		}
		if onCurve {
			accepted++
		}
	}
	if accepted < 200 || accepted > 300 {
		t.Errorf("%d of 500 random points accepted, about half are on the curve", accepted)
	}
	for range 200 {
		seed := make([]byte, 32)
		rnd.Read(seed)
		pub := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
		if _, err := verify.PublicKeyFromBytes(append([]byte{0xed, 0x01}, pub...)); err != nil {
			t.Fatalf("genuine key %x: %v", pub, err)
		}
	}
}

// RFC 8032 section 7.1, test 2.
func TestEd25519SignatureOfRFC8032Verifies(t *testing.T) {
	k, err := verify.PublicKeyFromBytes(append([]byte{0xed, 0x01}, unhex(t, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")...))
	if err != nil {
		t.Fatal(err)
	}
	sig := unhex(t, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
	if !k.Verify([]byte{0x72}, sig) {
		t.Error("genuine signature refused")
	}
	if k.Verify([]byte{0x73}, sig) {
		t.Error("signature accepted for another message")
	}
}

// RFC 6979 appendix A.2.5, P-256 with SHA-256, message "sample": its s is in
// the upper half of the order.
func TestHighSSignaturesAreRefused(t *testing.T) {
	x := unhex(t, "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6")
	k, err := verify.PublicKeyFromBytes(append([]byte{0x80, 0x24, 3}, x...)) // y is odd
	if err != nil {
		t.Fatal(err)
	}
	r := unhex(t, "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716")
	s := unhex(t, "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
	low := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(s)).FillBytes(make([]byte, 32))
	if k.Verify([]byte("sample"), append(bytes.Clone(r), s...)) {
		t.Error("P-256: high-s form accepted: one signature would have two forms")
	}
	if !k.Verify([]byte("sample"), append(bytes.Clone(r), low...)) {
		t.Error("P-256: low-s form refused")
	}

	// The same for signatures of this module's signer, both curves.
	for alg, n := range map[verify.Algorithm]*big.Int{verify.ES256: elliptic.P256().Params().N, verify.ES256K: secp256k1.S256().N} {
		m := newMaker(t)
		key := fixedKey(t, alg, 7)
		m.verifier.Pinned = verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{key.Public()}}
		env := envelope(t, m.manifest(t, 1, testImage(100)), key)
		if _, err := m.verifier.CheckSigned(env); err != nil {
			t.Fatal(err)
		}
		tail := env[len(env)-32:]
		new(big.Int).Sub(n, new(big.Int).SetBytes(tail)).FillBytes(tail)
		_, err := m.verifier.CheckSigned(env)
		wantRefusal(t, err, verify.AttackArbitrary, true)
	}
}

// r and s beyond the curve's order are not reduced: each signature has one form. The
// key is made to fit a signature whose numbers are small enough to be written with the
// order added.
func TestSignaturesBeyondTheOrderAreRefused(t *testing.T) {
	message := []byte("x")
	hash := sha256.Sum256(message)
	one, over := make([]byte, 32), make([]byte, 32)
	one[31] = 1 // as r: the curve has a point at x = 1
	new(big.Int).Add(secp256k1.Params().N, big.NewInt(1)).FillBytes(over)
	pub, _, err := secpecdsa.RecoverCompact(slices.Concat([]byte{31}, one, one), hash[:])
	if err != nil {
		t.Fatal(err)
	}
	k, err := verify.NewPublicKey(verify.ES256K, pub.SerializeCompressed())
	if err != nil {
		t.Fatal(err)
	}
	if !k.Verify(message, slices.Concat(one, one)) {
		t.Fatal("the test's own signature is wrong")
	}
	if k.Verify(message, slices.Concat(over, one)) || k.Verify(message, slices.Concat(one, over)) {
		t.Error("a second form of a signature is accepted")
	}
}

func TestKeysOfOtherAlgorithmsSignNothing(t *testing.T) {
	for _, alg := range []verify.Algorithm{0, -37} {
		if k, err := verify.NewPublicKey(alg, make([]byte, 32)); err == nil {
			t.Errorf("%v: key %s", alg, k)
		}
	}
	k := newMaker(t).keys[0].Public()
	for _, size := range []int{0, 63, 65} {
		if s, err := verify.NewSignature(k, make([]byte, size)); err == nil {
			t.Errorf("%d bytes are a signature: %x", size, s.Raw)
		}
	}
	if s, err := verify.NewSignature(verify.PublicKey{}, make([]byte, 64)); err == nil {
		t.Errorf("a signature of no key: %x", s.Raw)
	}
}

func TestSignaturesOfWrongSizeOrRangeAreRefused(t *testing.T) {
	for alg, text := range multikeys {
		k, err := verify.ParsePublicKey(text)
		if err != nil {
			t.Fatal(err)
		}
		for name, sig := range map[string][]byte{
			"empty":   {},
			"short":   make([]byte, 63),
			"long":    make([]byte, 65),
			"zero":    make([]byte, 64),
			"all one": bytes.Repeat([]byte{0xff}, 64),
			"r zero":  append(make([]byte, 32), bytes.Repeat([]byte{1}, 32)...),
			"s zero":  append(bytes.Repeat([]byte{1}, 32), make([]byte, 32)...),
		} {
			if k.Verify([]byte("x"), sig) {
				t.Errorf("%v: %s signature accepted", alg, name)
			}
		}
	}
	if (verify.PublicKey{}).Verify(nil, make([]byte, 64)) {
		t.Error("the zero key verifies")
	}
}

// negative returns the key whose secret is the negative of another's.
func negative(t *testing.T, k verify.PublicKey) verify.PublicKey {
	t.Helper()
	b := k.Bytes()
	if k.Algorithm() == verify.EdDSA {
		b[len(b)-1] ^= 0x80
	} else {
		b[2] ^= 1
	}
	n, err := verify.PublicKeyFromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// one_secret_twice: a key and its negative, for which one secret signs, are no two
// keys.
func TestThreatOneSecretTwice(t *testing.T) {
	keys := newMaker(t).verifier.Pinned.Keys
	for name, c := range map[string]struct {
		set verify.KeySet
		ok  bool
	}{
		"Ed25519, and its negative":   {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[0], negative(t, keys[0])}}, false},
		"P-256, and its negative":     {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{negative(t, keys[1]), keys[1]}}, false},
		"secp256k1, and its negative": {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[2], keys[0], negative(t, keys[2])}}, false},
		"negatives of others":         {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[0], negative(t, keys[1]), negative(t, keys[2])}}, true},
	} {
		if err := c.set.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeySetRules(t *testing.T) {
	m := newMaker(t)
	keys := m.verifier.Pinned.Keys
	many := make([]verify.PublicKey, verify.MaxSigners+1)
	for i := range many {
		many[i] = fixedKey(t, verify.EdDSA, byte(i+10)).Public()
	}
	for name, c := range map[string]struct {
		set verify.KeySet
		ok  bool
	}{
		"2 of 3":        {verify.KeySet{Threshold: 2, Keys: keys}, true},
		"3 of 3":        {verify.KeySet{Threshold: 3, Keys: keys}, true},
		"16 of 16":      {verify.KeySet{Threshold: 16, Keys: many[:16]}, true},
		"17 keys":       {verify.KeySet{Threshold: 1, Keys: many}, false},
		"no keys":       {verify.KeySet{}, false},
		"threshold 0":   {verify.KeySet{Threshold: 0, Keys: keys}, false},
		"threshold -1":  {verify.KeySet{Threshold: -1, Keys: keys}, false},
		"threshold 4":   {verify.KeySet{Threshold: 4, Keys: keys}, false},
		"key twice":     {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[0], keys[0]}}, false},
		"the empty key": {verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{keys[0], {}}}, false},
	} {
		if err := c.set.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}

	set := verify.KeySet{Threshold: 2, Keys: keys}
	for name, c := range map[string]struct {
		other verify.KeySet
		equal bool
	}{
		"other order":     {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[2], keys[0], keys[1]}}, true},
		"other threshold": {verify.KeySet{Threshold: 1, Keys: keys}, false},
		"one less":        {verify.KeySet{Threshold: 2, Keys: keys[:2]}, false},
		"one twice":       {verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{keys[0], keys[1], keys[1]}}, false},
	} {
		if set.Equal(c.other) != c.equal || c.other.Equal(set) != c.equal {
			t.Errorf("%s: Equal is %v", name, !c.equal)
		}
	}
	if keys[0] != m.keys[0].Public() {
		t.Error("Equal changed the order of its operands")
	}
}

func TestKeySetInConfigAndJSON(t *testing.T) {
	set := newMaker(t).verifier.Pinned
	j, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(j), `{"threshold":2,"keys":["z6Mk`) {
		t.Errorf("JSON is %s", j)
	}
	var fromJSON, fromTOML verify.KeySet
	if err := json.Unmarshal(j, &fromJSON); err != nil || !fromJSON.Equal(set) {
		t.Errorf("JSON does not come back: %v", err)
	}
	b, err := toml.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal(b, &fromTOML); err != nil || !fromTOML.Equal(set) {
		t.Errorf("TOML does not come back: %v\n%s", err, b)
	}
	if err := json.Unmarshal([]byte(`{"threshold":1,"keys":["zzz"]}`), &fromJSON); err == nil {
		t.Error("a key that is none was read")
	}
}
