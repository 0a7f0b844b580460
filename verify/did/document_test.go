package did_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"camswarm/verify"
	"camswarm/verify/did"
)

const testDID = "did:io:0xabcdef0123456789abcdef0123456789abcdef01"

// multikeys are the test vectors of the did:key specification.
var multikeys = map[verify.Algorithm]string{
	verify.EdDSA:  "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
	verify.ES256K: "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
	verify.ES256:  "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The keys of the document of golden forms, as Multikeys. The values of the
// forms are those of the did:key test vectors where these have them.
func publicKey(t testing.TB, alg verify.Algorithm) verify.PublicKey {
	t.Helper()
	k, err := verify.ParsePublicKey(multikeys[alg])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A document as IoTeX's own tools make it, with every form of a key beside it.
func TestDocumentKeyForms(t *testing.T) {
	doc, err := did.ParseDocument(golden(t, "did-forms.json"))
	if err != nil {
		t.Fatal(err)
	}
	if doc.ID != testDID {
		t.Errorf("id %s", doc.ID)
	}
	want := map[did.Relationship][]string{
		did.AssertionMethod: {
			// Ed25519: Multikey, 2018, 2020 and OKP; the last three are one key, listed once.
			multikeys[verify.EdDSA],
			"z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
			"zDnaekw6iisW1j4ronMuZagbvVehJK4unit6kvZ8UqJ2LSG1j", // P-256 as JWK
			"zQ3shVJyxx7B5pYPA1X21esQALt4Zes1rJd6xQnZB8VCPd5iw", // secp256k1 as JWK
		},
		did.CapabilityInvocation: {"zQ3shkNTAja7Gvz9afcgcHyHf8tswYugRZV6LP4sQbzEfZLZB"}, // publicKeyHex, held in place
		did.Authentication:       {multikeys[verify.EdDSA]},
	}
	for r, keys := range want {
		var got []string
		for _, k := range doc.Keys(r) {
			got = append(got, k.String())
		}
		if !slices.Equal(got, keys) {
			t.Errorf("%s: %q, want %q", r, got, keys)
		}
	}
}

// ioctl's template of 2020 is a document, and its one key signs nothing.
func TestThreatDIDKeyWrongRelationship(t *testing.T) {
	doc, err := did.ParseDocument(golden(t, "did-ioctl.json"))
	if err != nil {
		t.Fatal(err)
	}
	if doc.ID != "did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a" {
		t.Errorf("id %s", doc.ID)
	}
	auth := doc.Keys(did.Authentication)
	if len(auth) != 1 || len(doc.Keys(did.AssertionMethod)) != 0 || len(doc.Keys(did.CapabilityInvocation)) != 0 {
		t.Fatalf("keys %v", auth)
	}
	for _, r := range []did.Relationship{did.AssertionMethod, did.CapabilityInvocation} {
		if err := doc.Allows(auth[0], r); verify.AttackName(err) != verify.AttackDIDRelationship || !strings.Contains(err.Error(), "only under authentication") {
			t.Errorf("%s: %v", r, err)
		}
	}
	if err := doc.Allows(publicKey(t, verify.EdDSA), did.AssertionMethod); verify.AttackName(err) != verify.AttackDIDRelationship || !strings.Contains(err.Error(), "does not list") {
		t.Errorf("unlisted key: %v", err)
	}
	if err := doc.Allows(auth[0], did.Authentication); err != nil {
		t.Error(err)
	}
	// The honest document beside it: each key for its own purpose only.
	signer, operator := publicKey(t, verify.EdDSA), publicKey(t, verify.ES256K)
	good, err := did.NewDocument(testDID, map[did.Relationship][]verify.PublicKey{
		did.AssertionMethod: {signer}, did.CapabilityInvocation: {operator},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key verify.PublicKey
		r   did.Relationship
		ok  bool
	}{
		{signer, did.AssertionMethod, true}, {signer, did.CapabilityInvocation, false},
		{operator, did.CapabilityInvocation, true}, {operator, did.AssertionMethod, false},
	} {
		if err := good.Allows(tt.key, tt.r); (err == nil) != tt.ok {
			t.Errorf("%s under %s: %v", tt.key, tt.r, err)
		}
	}
}

// A subject cannot vouch with a key of somebody else's, nor somebody else with
// the subject's id.
func TestThreatDIDKeyWrongRelationship_KeysOfOthers(t *testing.T) {
	const other = "did:io:0x00000000000000000000000000000000000000ff"
	key := multikeys[verify.EdDSA]
	for name, tt := range map[string]struct {
		methods, relation, attack string
	}{
		"reference to another DID":       {``, `"assertionMethod":["` + other + `#k"]`, verify.AttackDIDRelationship},
		"reference to a did:web":         {``, `"capabilityInvocation":["did:web:evil.example#k"]`, verify.AttackDIDRelationship},
		"controlled by another":          {`{"id":"#k","type":"Multikey","controller":"` + other + `","publicKeyMultibase":"` + key + `"}`, `"assertionMethod":["#k"]`, verify.AttackDIDRelationship},
		"controlled by a did:web":        {`{"id":"#k","type":"Multikey","controller":"did:web:evil.example","publicKeyMultibase":"` + key + `"}`, `"assertionMethod":["#k"]`, verify.AttackDIDRelationship},
		"held, of another":               {``, `"assertionMethod":[{"id":"` + other + `#k","type":"Multikey","controller":"` + testDID + `","publicKeyMultibase":"` + key + `"}]`, verify.AttackDIDRelationship},
		"two controllers":                {`{"id":"#k","type":"Multikey","controller":["` + testDID + `","` + other + `"],"publicKeyMultibase":"` + key + `"}`, `"assertionMethod":["#k"]`, verify.AttackMalformed},
		"only authenticates":             {`{"id":"#k","type":"Multikey","controller":"` + other + `","publicKeyMultibase":"` + key + `"}`, `"authentication":["#k"]`, ""},
		"agrees keys with another":       {``, `"keyAgreement":["` + other + `#k"]`, ""},
		"its own, relative and absolute": {`{"id":"` + mixed(testDID) + `#k","type":"Multikey","controller":"` + mixed(testDID) + `","publicKeyMultibase":"` + key + `"}`, `"assertionMethod":["#k"]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := did.ParseDocument([]byte(fmt.Sprintf(`{"id":%q,"verificationMethod":[%s],%s}`, testDID, tt.methods, tt.relation)))
			if got := verify.AttackName(err); got != tt.attack || (err == nil) != (tt.attack == "") {
				t.Fatalf("error %v, want %q", err, tt.attack)
			}
			if name == "only authenticates" && len(doc.Keys(did.Authentication)) != 0 {
				t.Error("a foreign key counts")
			}
		})
	}
}

// mixed writes the hexadecimal digits of a did:io in upper case.
func mixed(id string) string { return id[:9] + strings.ToUpper(id[9:]) }

// Two spellings of a method's id are one method.
func TestThreatDIDCaseAlias(t *testing.T) {
	key := multikeys[verify.EdDSA]
	doc, err := did.ParseDocument([]byte(fmt.Sprintf(`{"id":%q,"verificationMethod":[{"id":"%s#k","type":"Multikey","controller":%q,"publicKeyMultibase":%q}],"assertionMethod":["%s#k"]}`,
		mixed(testDID), mixed(testDID), testDID, key, testDID)))
	if err != nil || doc.ID != testDID || len(doc.Keys(did.AssertionMethod)) != 1 {
		t.Fatalf("%+v, %v", doc, err)
	}
	_, err = did.ParseDocument([]byte(fmt.Sprintf(`{"id":%q,"verificationMethod":[{"id":"%s#k","type":"Multikey","publicKeyMultibase":%q},{"id":"%s#k","type":"Multikey","publicKeyMultibase":%q}],"assertionMethod":["#k"]}`,
		testDID, mixed(testDID), key, testDID, multikeys[verify.ES256])))
	if verify.AttackName(err) != verify.AttackDIDCaseAlias {
		t.Errorf("error %v", err)
	}
}

func TestDocumentRefuses(t *testing.T) {
	method := func(members string) string {
		return `{"id":"` + testDID + `","assertionMethod":[{"id":"#k",` + members + `}]}`
	}
	many := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	numbered := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `{"id":"#%d","type":"X"},`, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for name, tt := range map[string]struct{ attack, doc string }{
		"nothing":              {"malformed", ``},
		"no object":            {"malformed", `[]`},
		"no id":                {"malformed", `{}`},
		"id of another method": {"malformed", `{"id":"did:web:example.com"}`},
		"name twice":           {"malformed", `{"id":"` + testDID + `","id":"` + testDID + `"}`},
		"name twice, inside":   {"malformed", `{"id":"` + testDID + `","x":{"a":1,"a":2}}`},
		"name twice, escaped":  {"malformed", `{"id":"` + testDID + `","x":{"a":1,"\u0061":2}}`},
		"something follows":    {"malformed", `{"id":"` + testDID + `"}{}`},
		"cut":                  {"malformed", `{"id":"` + testDID + `"`},
		"not UTF-8":            {"malformed", "{\"id\":\"" + testDID + "\",\"x\":\"\xff\"}"},
		"deep":                 {"malformed", `{"id":"` + testDID + `","x":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + `}`},
		"too long":             {"endless_data", `{"id":"` + testDID + `"}` + strings.Repeat(" ", verify.MaxDocumentSize)},
		"deactivated":          {"did_deactivated", `{"id":"` + testDID + `","deactivated":true}`},
		"deactivated in words": {"did_deactivated", `{"id":"` + testDID + `","deactivated":"true"}`},
		"no list":              {"malformed", `{"id":"` + testDID + `","assertionMethod":"#k"}`},
		"neither":              {"malformed", `{"id":"` + testDID + `","assertionMethod":[1]}`},
		"dangling":             {"malformed", `{"id":"` + testDID + `","assertionMethod":["#k"]}`},
		"no fragment":          {"malformed", `{"id":"` + testDID + `","assertionMethod":["` + testDID + `"]}`},
		"empty fragment":       {"malformed", `{"id":"` + testDID + `","assertionMethod":["` + testDID + `#"]}`},
		"long reference":       {"malformed", `{"id":"` + testDID + `","assertionMethod":["#` + strings.Repeat("k", 300) + `"]}`},
		"many entries":         {"endless_data", `{"id":"` + testDID + `","assertionMethod":[` + many(65, `"#k"`) + `]}`},
		"many methods":         {"endless_data", `{"id":"` + testDID + `","verificationMethod":[` + numbered(64) + `],"publicKey":[{"id":"#more","type":"X"}]}`},
		"method twice":         {"malformed", `{"id":"` + testDID + `","verificationMethod":[` + many(2, `{"id":"#k","type":"X"}`) + `]}`},
		"no key":               {"malformed", method(`"type":"Multikey"`)},
		"key no text":          {"malformed", method(`"type":"Multikey","publicKeyMultibase":1`)},
		"long key":             {"malformed", method(`"type":"Multikey","publicKeyMultibase":"z` + strings.Repeat("1", 1000) + `"`)},
		"two forms":            {"malformed", method(`"type":"Multikey","publicKeyMultibase":"` + multikeys[verify.EdDSA] + `","publicKeyHex":"00"`)},
		"other form":           {"malformed", method(`"type":"Ed25519VerificationKey2018","publicKeyMultibase":"` + multikeys[verify.EdDSA] + `"`)},
		"secret":               {"malformed", method(`"type":"Multikey","publicKeyMultibase":"` + multikeys[verify.EdDSA] + `","secretKeyMultibase":"z"`)},
		"wrong curve":          {"malformed", method(`"type":"Ed25519VerificationKey2020","publicKeyMultibase":"` + multikeys[verify.ES256] + `"`)},
		"hex of 32":            {"malformed", method(`"type":"EcdsaSecp256k1VerificationKey2019","publicKeyHex":"` + strings.Repeat("02", 32) + `"`)},
		"no hex":               {"malformed", method(`"type":"EcdsaSecp256k1VerificationKey2019","publicKeyHex":"zz"`)},
		"off the curve":        {"malformed", method(`"type":"EcdsaSecp256k1VerificationKey2019","publicKeyHex":"02` + strings.Repeat("ff", 32) + `"`)},
		"small order":          {"malformed", method(`"type":"Ed25519VerificationKey2018","publicKeyBase58":"11111111111111111111111111111111"`)},
		"no JWK":               {"malformed", method(`"type":"JsonWebKey2020"`)},
		"JWK with secret":      {"malformed", method(`"type":"JsonWebKey2020","publicKeyJwk":{"kty":"OKP","crv":"Ed25519","d":"AA","x":"AA"}`)},
		"JWK padded":           {"malformed", method(`"type":"JsonWebKey2020","publicKeyJwk":{"kty":"OKP","crv":"Ed25519","x":"gA=="}`)},
		"JWK off the curve":    {"malformed", method(`"type":"JsonWebKey2020","publicKeyJwk":{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 42) + `E","y":"` + strings.Repeat("A", 42) + `E"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := did.ParseDocument([]byte(tt.doc))
			if verify.AttackName(err) != tt.attack || verify.IsHard(err) || doc != nil {
				t.Errorf("%+v, error %v, want %s", doc, err, tt.attack)
			}
			if err != nil && len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
	// What is newer than this program is passed over.
	doc, err := did.ParseDocument([]byte(method(`"type":"MLDSAKey2027","publicKeyMultibase":"u7"`)))
	if err != nil || len(doc.Keys(did.AssertionMethod)) != 0 {
		t.Errorf("%+v, %v", doc, err)
	}
}

// What stands at a limit is read.
func TestDocumentAtItsLimits(t *testing.T) {
	var keys []verify.PublicKey
	for i := range did.MaxMethods + 1 {
		public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, 32)).Public().(ed25519.PublicKey)
		k, err := verify.NewPublicKey(verify.EdDSA, public)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	if _, err := did.NewDocument(testDID, map[did.Relationship][]verify.PublicKey{did.AssertionMethod: keys}); err == nil {
		t.Errorf("made with %d keys", len(keys))
	}
	doc, err := did.NewDocument(testDID, map[did.Relationship][]verify.PublicKey{did.AssertionMethod: keys[1:]})
	if err != nil {
		t.Fatal(err)
	}
	b, err := doc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, bytes.Repeat([]byte{' '}, verify.MaxDocumentSize-len(b))...)
	if again, err := did.ParseDocument(b); err != nil || len(again.Keys(did.AssertionMethod)) != did.MaxMethods {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := did.ParseDocument(append(b, ' ')); verify.AttackName(err) != verify.AttackEndlessData {
		t.Errorf("one byte more: %v", err)
	}
}

// Each number of a JWK has one form.
func TestJWKs(t *testing.T) {
	jwk := func(members string) string {
		return `{"id":"` + testDID + `","assertionMethod":[{"id":"#k","type":"JsonWebKey2020","publicKeyJwk":{` + members + `}}]}`
	}
	ed := base64.RawURLEncoding.EncodeToString(publicKey(t, verify.EdDSA).Bytes()[2:])
	curve := elliptic.P256().Params()
	point := slices.Concat(curve.Gx.Bytes(), curve.Gy.Bytes())
	ec := func(cut int) string {
		return `"kty":"EC","crv":"P-256","x":"` + base64.RawURLEncoding.EncodeToString(point[:cut]) + `","y":"` + base64.RawURLEncoding.EncodeToString(point[cut:]) + `"`
	}
	for name, c := range map[string]struct {
		doc string
		ok  bool
	}{
		"Ed25519":                 {jwk(`"kty":"OKP","crv":"Ed25519","x":"` + ed + `"`), true},
		"Ed25519, padded":         {jwk(`"kty":"OKP","crv":"Ed25519","x":"` + ed + `="`), false},
		"P-256":                   {jwk(ec(32)), true},
		"P-256, x longer than y":  {jwk(ec(33)), false},
		"P-256, x shorter than y": {jwk(ec(31)), false},
	} {
		doc, err := did.ParseDocument([]byte(c.doc))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		} else if c.ok && (len(doc.Keys(did.AssertionMethod)) != 1 || doc.Keys(did.AssertionMethod)[0].IsZero()) {
			t.Errorf("%s: keys %v", name, doc.Keys(did.AssertionMethod))
		}
	}
}

// What is made is read again, and made the same way always.
func TestDocumentComesBackWhole(t *testing.T) {
	keys := map[did.Relationship][]verify.PublicKey{
		did.AssertionMethod:      {publicKey(t, verify.ES256), publicKey(t, verify.EdDSA)},
		did.CapabilityInvocation: {publicKey(t, verify.ES256K)},
		did.Authentication:       {publicKey(t, verify.EdDSA)},
	}
	doc, err := did.NewDocument(verify.DID(mixed(testDID)), keys)
	if err != nil {
		t.Fatal(err)
	}
	b, err := doc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if want := golden(t, "did-made.json"); !bytes.Equal(b, want) {
		t.Errorf("encoded to\n%s\nwant\n%s", b, want)
	}
	again, err := did.ParseDocument(b)
	if err != nil || !reflect.DeepEqual(again, doc) {
		t.Errorf("%+v became %+v, %v", doc, again, err)
	}
	for name, bad := range map[string]map[did.Relationship][]verify.PublicKey{
		"no key":       nil,
		"zero key":     {did.AssertionMethod: {{}}},
		"twice":        {did.AssertionMethod: {publicKey(t, verify.EdDSA), publicKey(t, verify.EdDSA)}},
		"relationship": {"keyAgreement": {publicKey(t, verify.EdDSA)}},
	} {
		if _, err := did.NewDocument(testDID, bad); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// A did:key is its own document.
func TestKeyDocument(t *testing.T) {
	for _, k := range multikeys {
		doc, err := did.KeyDocument(verify.DID("did:key:" + k))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []did.Relationship{did.AssertionMethod, did.CapabilityInvocation, did.Authentication} {
			if keys := doc.Keys(r); len(keys) != 1 || keys[0].String() != k {
				t.Errorf("%s of %s: %v", r, k, keys)
			}
		}
	}
	if _, err := did.KeyDocument(testDID); err == nil {
		t.Error("a did:io has a document of its own")
	}
}

// Whatever passes is small, in normal form, and can be written and read again.
func FuzzParseDocument(f *testing.F) {
	for _, name := range []string{"did-forms.json", "did-ioctl.json", "did-made.json"} {
		f.Add(golden(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := did.ParseDocument(b)
		if err != nil {
			if verify.AttackName(err) == "" || verify.IsHard(err) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if id, err := verify.ParseDID(string(doc.ID)); err != nil || id != doc.ID {
			t.Fatalf("id %q is not in normal form", doc.ID)
		}
		if !json.Valid(b) {
			t.Fatal("invalid JSON passes")
		}
		keys := map[did.Relationship][]verify.PublicKey{}
		for _, r := range []did.Relationship{did.AssertionMethod, did.CapabilityInvocation, did.Authentication} {
			keys[r] = doc.Keys(r)
		}
		made, err := did.NewDocument(doc.ID, keys)
		if err != nil {
			return // no key at all
		}
		text, err := made.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := did.ParseDocument(text)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		for r, want := range keys {
			if !slices.Equal(again.Keys(r), want) {
				t.Fatalf("%s: %v became %v", r, want, again.Keys(r))
			}
		}
	})
}
