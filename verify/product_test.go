package verify_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
	"github.com/pelletier/go-toml/v2"

	"camswarm/verify"
)

func TestProductsAreVendorAndName(t *testing.T) {
	for _, s := range []string{"tenvis.com/ucam-2", "a.b/c", "xn--bcher-kva.example/x1", "3com.com/3", "az.09/z9",
		strings.Repeat("a", 63) + "." + strings.Repeat("b", verify.MaxText-63-3) + "/c"} {
		p, err := verify.ParseProduct(s)
		if err != nil || p.String() != s {
			t.Errorf("%q: %v, %v", s, p, err)
		}
	}
	long := strings.Repeat("a", 63)
	for _, s := range []string{
		"", "/", "tenvis.com", "tenvis.com/", "/ucam", "tenvis/ucam", "Tenvis.com/ucam", "tenvis.com/Ucam", "tenvis.com/u cam",
		"tenvis.com/ucam/2", "tenvis..com/ucam", ".tenvis.com/ucam", "tenvis.com./ucam", "-tenvis.com/ucam", "tenvis.com/-ucam",
		"tenvis.com/ucam-", "tenvis.com/ucam\x00", "ténvis.com/ucam", "tenvis.com/" + long + "a", long + "." + long + "/a", "tenvis.com/u\u200bcam",
		"tenvis.com/u`", "tenvis.com/u{", "tenvis.com/u:", "tenvis.com/u.", // beside a, z, 9 and 0
		long + "." + strings.Repeat("b", verify.MaxText-63-2) + "/c",
	} {
		if p, err := verify.ParseProduct(s); err == nil {
			t.Errorf("%q is read as %v", s, p)
		}
	}
	// printf 'tenvis.com/ucam-2' | sha256sum
	p := verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}
	if got := p.ID().String(); got != "b127b76bec502862f1143e84a4f8fff832bcd7e489921d8501682dfa3cb7a8e6" {
		t.Errorf("id is %s", got)
	}
}

// Pairs from IoTeX's public documents: an account and the staking contract.
func TestAddressFormsNameTheSameBytes(t *testing.T) {
	for io, hex := range map[string]string{
		"io1mflp9m6hcgm2qcghchsdqj3z3eccrnekx9p0ms": "0xda7e12ef57c236a06117c5e0d04a228e7181cf36",
		"io1qnpz47hx5q6r3w876axtrn6yz95d70cjl35r53": "0x04c22afae6a03438b8fed74cb1cf441168df3f12",
	} {
		for _, s := range []string{io, hex, "0x" + strings.ToUpper(hex[2:])} {
			a, err := verify.ParseAddress(s)
			if err != nil || a.String() != hex {
				t.Errorf("%s is read as %s, %v, want %s", s, a, err, hex)
			}
		}
		for i := 3; i < len(io); i++ {
			for _, c := range []byte("q1bZp") {
				if io[i] == c {
					continue
				}
				if a, err := verify.ParseAddress(io[:i] + string(c) + io[i+1:]); err == nil {
					t.Errorf("mistyped %s at %d is read as %s", io, i, a)
				}
			}
		}
		if _, err := verify.ParseAddress(strings.ToUpper(io)); err == nil {
			t.Error("upper-case io1 form is read")
		}
	}
	for _, s := range []string{"", "0x", "io1", "0xda7e12ef57c236a06117c5e0d04a228e7181cf3", "0xda7e12ef57c236a06117c5e0d04a228e7181cf3600",
		"0xga7e12ef57c236a06117c5e0d04a228e7181cf36", "da7e12ef57c236a06117c5e0d04a228e7181cf36", "0Xda7e12ef57c236a06117c5e0d04a228e7181cf36",
		"io1" + strings.Repeat("q", 1000), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"} {
		if a, err := verify.ParseAddress(s); err == nil {
			t.Errorf("%q is read as %s", s, a)
		}
	}
}

func TestRegistryRefs(t *testing.T) {
	r, err := verify.ParseRegistryRef("4690:io1mflp9m6hcgm2qcghchsdqj3z3eccrnekx9p0ms")
	if err != nil || r.String() != "4690:0xda7e12ef57c236a06117c5e0d04a228e7181cf36" {
		t.Errorf("%v, %v", r, err)
	}
	for _, s := range []string{"", "4690", "4690:", ":0xda7e12ef57c236a06117c5e0d04a228e7181cf36", "0:0xda7e12ef57c236a06117c5e0d04a228e7181cf36",
		"-1:0xda7e12ef57c236a06117c5e0d04a228e7181cf36", "4690:0x0000000000000000000000000000000000000000", "99999999999999999999:0xda7e12ef57c236a06117c5e0d04a228e7181cf36"} {
		if r, err := verify.ParseRegistryRef(s); err == nil {
			t.Errorf("%q is read as %s", s, r)
		}
	}
}

func TestDIDCaseAlias(t *testing.T) {
	lower, err := verify.ParseDID("did:io:0xabcdef0123456789abcdef0123456789abcdef01")
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := verify.ParseDID("did:io:0xABcdEF0123456789abcDEF0123456789abcdef01")
	if err != nil || mixed != lower {
		t.Errorf("%s and %s are two identities, %v", lower, mixed, err)
	}
	if mixed.Hash() != lower.Hash() {
		t.Error("canary lists name the two forms apart")
	}
}

func TestDIDs(t *testing.T) {
	for alg, k := range multikeys {
		d, err := verify.ParseDID("did:key:" + k)
		if err != nil || string(d) != "did:key:"+k {
			t.Errorf("%v: %v, %v", alg, d, err)
		}
		key, _ := verify.ParsePublicKey(k)
		if verify.DIDKey(key) != d {
			t.Errorf("DIDKey gives %s, want %s", verify.DIDKey(key), d)
		}
	}
	const v2 = "did:io:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi" // 32 bytes
	if d, err := verify.ParseDID(v2); err != nil || string(d) != v2 {
		t.Errorf("base58 form: %v, %v", d, err)
	}
	for _, s := range []string{
		"", "did:", "did:key:", "did:io:", "did:web:example.com", "did:io:0x", "did:io:0xabc",
		"did:io:0xabcdef0123456789abcdef0123456789abcdef0g", "did:io:0xabcdef0123456789abcdef0123456789abcdef0123",
		"did:io:0xabcdef0123456789abcdef0123456789abcdef01#key-1", "did:io:0xabcdef0123456789abcdef0123456789abcdef01/path",
		"did:io:abcdef0123456789abcdef0123456789abcdef01", "did:key:" + multikeys[verify.EdDSA] + "#" + multikeys[verify.EdDSA],
		"DID:key:" + multikeys[verify.EdDSA], "did:io:" + strings.Repeat("1", 1_000_000), "did:io:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLK0",
		" did:key:" + multikeys[verify.EdDSA],
		"did:io:" + base58.Encode(bytes.Repeat([]byte{9}, 31)), "did:io:" + base58.Encode(bytes.Repeat([]byte{9}, 33)),
	} {
		if d, err := verify.ParseDID(s); err == nil {
			t.Errorf("%.60q is read as %s", s, d)
		}
	}
}

func TestRegions(t *testing.T) {
	for _, s := range []string{"", "eu", "eu-west", "1", strings.Repeat("a", verify.MaxRegion)} {
		r, err := verify.ParseRegion(s)
		if err != nil || string(r) != s {
			t.Errorf("%q: %v", s, err)
		}
		b := r.Bytes32()
		if strings.TrimRight(string(b[:]), "\x00") != s {
			t.Errorf("%q is %x on chain", s, b)
		}
	}
	for _, s := range []string{"EU", "eu west", "eu_west", "é", "eu\n", "-eu", strings.Repeat("a", verify.MaxRegion+1)} {
		if _, err := verify.ParseRegion(s); err == nil {
			t.Errorf("%q is read", s)
		}
	}
}

// Everything that stands in a configuration file or in --json output is a text
// there, and comes back as the same value.
func TestTextForms(t *testing.T) {
	type all struct {
		Product  verify.Product
		ID       verify.ProductID
		Address  verify.Address
		Registry verify.RegistryRef
		Key      verify.PublicKey
		DID      verify.DID
		NoDID    verify.DID
		Region   verify.Region
		Mode     verify.RolloutMode
	}
	m := newMaker(t)
	want := all{
		Product:  m.verifier.Product,
		ID:       m.verifier.Product.ID(),
		Address:  m.verifier.Registry.Address,
		Registry: m.verifier.Registry,
		Key:      m.keys[0].Public(),
		DID:      verify.DIDKey(m.keys[0].Public()),
		Region:   "eu-west",
		Mode:     verify.RolloutPercent,
	}
	j, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"tenvis.com/ucam-2"`, `"0xab0000`, `"4690:0xab`, `"z6Mk`, `"did:key:z6Mk`, `"eu-west"`, `"percent"`} {
		if !strings.Contains(string(j), part) {
			t.Errorf("JSON has no %s: %s", part, j)
		}
	}
	var got all
	if err := json.Unmarshal(j, &got); err != nil || got != want {
		t.Errorf("JSON comes back as %+v, %v", got, err)
	}
	b, err := toml.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got = all{}
	if err := toml.Unmarshal(b, &got); err != nil || got != want {
		t.Errorf("TOML comes back as %+v, %v", got, err)
	}
	for _, bad := range []string{`{"Product":"x"}`, `{"ID":"00"}`, `{"ID":"` + strings.Repeat("zz", 32) + `"}`, `{"Address":"x"}`, `{"Registry":"x"}`,
		`{"Key":""}`, `{"DID":"did:x"}`, `{"Region":"EU"}`, `{"Mode":"most"}`} {
		if err := json.Unmarshal([]byte(bad), new(all)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	for mode := verify.RolloutPaused; mode <= verify.RolloutAll; mode++ {
		if again, err := verify.ParseRolloutMode(mode.String()); err != nil || again != mode {
			t.Errorf("%v is read as %v, %v", mode, again, err)
		}
	}
	const nameless = verify.RolloutAll + 1
	if _, err := json.Marshal(nameless); err == nil {
		t.Error("a mode without a name is written")
	}
	if s := nameless.String(); !strings.Contains(s, "4") {
		t.Errorf("a mode without a name is %q", s)
	}
}
