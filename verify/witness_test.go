package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// witnessed is a view signed by a witness.
func witnessed(t testing.TB, v verify.View, k *sign.Key) *verify.WitnessStatement {
	t.Helper()
	s := &verify.WitnessStatement{View: v}
	message, err := s.ToBeSigned(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	if s.Signature, err = verify.NewSignature(k.Public(), ed25519.Sign(ed25519.NewKeyFromSeed(k.Bytes()), message)); err != nil {
		t.Fatal(err)
	}
	return s
}

// witnessView is a view in which every field says something.
func witnessView(t testing.TB) verify.View {
	m := newMaker(t)
	first, second := m.manifest(t, 4, []byte{4}), m.manifest(t, 5, []byte{5})
	v := *m.view(release(first, envelope(t, first, m.keys...)), release(second, envelope(t, second, m.keys...)))
	v.Region, v.Rev, v.RevBlock, v.Digest = "eu-north", 7, 90, [32]byte{1, 31: 2}
	v.Paused, v.MinSequence, v.Barrier = true, 2, 3
	v.Candidates[0].Rollout = verify.Rollout{
		Halted: true, Mode: verify.RolloutPercent, NotBefore: 1, Start: 2, Duration: 3, StartBps: 4, EndBps: 5, Warm: true,
		Canaries: [][32]byte{{6}, {7}}, Label: "lab",
	}
	return v
}

// What a witness signed comes back as it was, and is its own.
func TestWitnessStatement(t *testing.T) {
	v, k := witnessView(t), fixedKey(t, verify.EdDSA, 9)
	b, err := witnessed(t, v, k).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if id, err := verify.WitnessOf(b); err != nil || !bytes.Equal(id, k.Public().Bytes()) {
		t.Errorf("signed by %x, %v", id, err)
	}
	s, err := verify.DecodeWitnessStatement(b)
	if err != nil || !s.Verify() {
		t.Fatalf("%v, good signature: %v", err, s != nil && s.Verify())
	}
	if !s.View.Keys.Equal(v.Keys) {
		t.Errorf("keys %v, want %v", s.View.Keys, v.Keys)
	}
	s.View.Keys = v.Keys // in another order
	if !reflect.DeepEqual(s.View, v) {
		t.Errorf("decoded\n%+v\nwant\n%+v", s.View, v)
	}
}

// Whatever is changed in a statement, the signature no longer holds; nor does one
// that was made for anything else.
func TestThreatWitnessForged(t *testing.T) {
	v, k := witnessView(t), fixedKey(t, verify.EdDSA, 9)
	for name, change := range map[string]func(*verify.View){
		"registry": func(v *verify.View) { v.Registry.ChainID++ },
		"product":  func(v *verify.View) { v.Product[0]++; v.Candidates = nil },
		"region":   func(v *verify.View) { v.Region = "us" },
		"rev":      func(v *verify.View) { v.Rev++ },
		"time":     func(v *verify.View) { v.Time++ },
		"pause":    func(v *verify.View) { v.Paused = false },
		"release":  func(v *verify.View) { v.Candidates[0].Envelope[0]++ },
		"halt":     func(v *verify.View) { v.Candidates[0].Rollout.Halted = false },
		"keys":     func(v *verify.View) { v.Keys.Threshold = 1 },
	} {
		s := witnessed(t, v, k)
		s.View.Candidates = append([]verify.Candidate(nil), v.Candidates...)
		change(&s.View)
		if s.Verify() {
			t.Errorf("a statement with another %s is accepted", name)
		}
	}
	s := witnessed(t, v, k)
	payload, err := s.Payload()
	if err != nil {
		t.Fatal(err)
	}
	e := &verify.Envelope{Manifest: payload} // signed as if it were a manifest
	message, err := e.ToBeSigned(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	if s.Signature, err = verify.NewSignature(k.Public(), ed25519.Sign(ed25519.NewKeyFromSeed(k.Bytes()), message)); err != nil {
		t.Fatal(err)
	}
	if s.Verify() {
		t.Error("a signature over a manifest is taken for a witness's")
	}
}

// Two statements contradict each other if one witness says two things of one
// revision; the head's block and time are no part of that.
func TestWitnessContradicts(t *testing.T) {
	v, k := witnessView(t), fixedKey(t, verify.EdDSA, 9)
	for name, c := range map[string]struct {
		change func(*verify.View)
		want   bool
	}{
		"nothing": {func(*verify.View) {}, false},
		"renewed": {func(v *verify.View) { v.Time++; v.Block++ }, false},
		"content": {func(v *verify.View) { v.Paused = false }, true},
		"chain":   {func(v *verify.View) { v.Digest[5]++ }, true},
		"rev":     {func(v *verify.View) { v.Rev++; v.Paused = false }, false},
		"region":  {func(v *verify.View) { v.Region = "us"; v.Paused = false }, false},
	} {
		other := v
		c.change(&other)
		if got := witnessed(t, v, k).Contradicts(witnessed(t, other, k)); got != c.want {
			t.Errorf("%s: contradicts %v", name, got)
		}
	}
	other := v
	other.Paused = false
	if witnessed(t, v, k).Contradicts(witnessed(t, other, fixedKey(t, verify.EdDSA, 8))) {
		t.Error("two witnesses contradict each other: that convicts neither")
	}
}

// The largest view that the limits allow fits.
func TestWitnessStatementSize(t *testing.T) {
	v := witnessView(t)
	v.Keys = verify.KeySet{Threshold: 1}
	for i := range verify.MaxSigners {
		v.Keys.Keys = append(v.Keys.Keys, fixedKey(t, verify.ES256, byte(i+1)).Public())
	}
	full := v.Candidates[0]
	full.Version, full.Rollout.Label = strings.Repeat("x", verify.MaxText), strings.Repeat("y", verify.MaxText)
	full.Rollout.Canaries = make([][32]byte, verify.MaxCanaries)
	v.Candidates = nil
	for i := range verify.MaxCandidates {
		full.Sequence = 1<<40 - uint64(i)
		v.Candidates = append(v.Candidates, full)
	}
	v.Latest = 1 << 40
	b, err := witnessed(t, v, fixedKey(t, verify.EdDSA, 9)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.DecodeWitnessStatement(b); err != nil || len(b) > verify.MaxWitnessStatement {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func FuzzDecodeWitnessStatement(f *testing.F) {
	f.Add(golden(f, "witness.cbor"))
	f.Add([]byte{0x82, 0x41, 0x01, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := verify.DecodeWitnessStatement(b)
		id, idErr := verify.WitnessOf(b)
		if err != nil {
			if !verify.IsHard(err) || idErr != nil && !verify.IsHard(idErr) {
				t.Fatalf("soft refusal: %v, %v", err, idErr)
			}
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("decoded, but cannot be encoded: %v", err)
		}
		if !bytes.Equal(again, b) || !bytes.Equal(id, s.Witness().Bytes()) {
			t.Fatalf("decoded from %x by %x, encoded to %x", b, id, again)
		}
		if s.Verify() && !bytes.Equal(b, golden(t, "witness.cbor")) {
			t.Fatal("a statement that nobody signed is accepted")
		}
	})
}

// The wire form of a statement is promised.
func TestGoldenWitness(t *testing.T) {
	got, err := witnessed(t, witnessView(t), fixedKey(t, verify.EdDSA, 9)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", "witness.cbor"), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := golden(t, "witness.cbor"); !bytes.Equal(got, want) {
		t.Errorf("witness.cbor has changed: %x, want %x", got, want)
	}
}
