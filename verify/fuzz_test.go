package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"camswarm/verify"
)

// golden reads a committed file of testdata.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever is decoded is encoded to the same bytes: one value, one form.
func FuzzDecodeEnvelope(f *testing.F) {
	f.Add(golden(f, "envelope.cbor"))
	f.Add(golden(f, "envelope-rotated.cbor"))
	f.Add(golden(f, "envelope-moved.cbor"))
	f.Add([]byte{0x82, 0x41, 0x01, 0x80})
	m := newMaker(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := m.verifier.CheckSigned(b); err == nil && !bytes.Equal(b, golden(t, "envelope.cbor")) && !bytes.Equal(b, golden(t, "envelope-rotated.cbor")) && !bytes.Equal(b, golden(t, "envelope-moved.cbor")) {
			t.Fatal("an envelope nobody signed is accepted")
		} else if err != nil && !verify.IsHard(err) {
			t.Fatalf("soft refusal: %v", err)
		}
		e, err := verify.DecodeEnvelope(b)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("decoded, but cannot be encoded: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x", b, again)
		}
	})
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add(golden(f, "manifest.cbor"))
	f.Add(golden(f, "manifest-least.cbor"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := verify.DecodeManifest(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft refusal: %v", err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil {
			t.Fatalf("decoded, but cannot be encoded: %v", err)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x", b, again)
		}
	})
}

func FuzzParsePublicKey(f *testing.F) {
	for _, k := range multikeys {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := verify.ParsePublicKey(s)
		if err != nil {
			return
		}
		if k.String() != s {
			t.Fatalf("read from %q, written as %q", s, k)
		}
		if k.Algorithm() == 0 {
			t.Fatalf("%q has no algorithm", s)
		}
		k.Verify([]byte("message"), make([]byte, 64))
	})
}

// A DID in normal form is its own normal form; only the case of hexadecimal
// digits is ever changed.
func FuzzParseDID(f *testing.F) {
	f.Add("did:io:0xABCDEF0123456789abcdef0123456789abcdef01")
	f.Add("did:io:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi")
	f.Add("did:key:" + multikeys[verify.EdDSA])
	f.Fuzz(func(t *testing.T, s string) {
		d, err := verify.ParseDID(s)
		if err != nil {
			return
		}
		again, err := verify.ParseDID(string(d))
		if err != nil || again != d {
			t.Fatalf("%q is normalised to %q and then to %q, %v", s, d, again, err)
		}
		if !bytes.EqualFold([]byte(s), []byte(d)) {
			t.Fatalf("%q is normalised to another text, %q", s, d)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("io1mflp9m6hcgm2qcghchsdqj3z3eccrnekx9p0ms")
	f.Add("0xDA7e12ef57c236a06117c5e0d04a228e7181cf36")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := verify.ParseAddress(s)
		if err != nil {
			return
		}
		again, err := verify.ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q is %s and then %s, %v", s, a, again, err)
		}
	})
}
