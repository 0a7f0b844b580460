package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/fxamacker/cbor/v2"

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
	ecdsa := fixedKey(t, verify.ES256K, 9)
	if message, err = s.ToBeSigned(ecdsa.Public()); err != nil {
		t.Fatal(err)
	}
	if s.Signature, err = verify.NewSignature(ecdsa.Public(), signSecp256k1(t, ecdsa, message)); err != nil {
		t.Fatal(err)
	}
	if s.Verify() {
		t.Error("a witness has another kind of key than Ed25519")
	}
	s.View.Rev = 0
	if _, err := s.ToBeSigned(k.Public()); err == nil {
		t.Error("what every device refuses is signed")
	}
}

// signSecp256k1 is a key's signature over the SHA-256 of a message.
func signSecp256k1(t testing.TB, k *sign.Key, message []byte) []byte {
	t.Helper()
	hash := sha256.Sum256(message)
	sig := secpecdsa.SignCompact(secp256k1.PrivKeyFromBytes(k.Bytes()), hash[:], true)[1:]
	if !k.Public().Verify(message, sig) {
		t.Fatal("the test's own signature is wrong")
	}
	return sig
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

// Every field of a statement has its limits; what stands at a limit is honest.
func TestWitnessStatementFieldsAreChecked(t *testing.T) {
	const maxCount, maxTime = 1 << 40, 253402300799
	k := fixedKey(t, verify.EdDSA, 9)
	for name, c := range map[string]struct {
		change func(v *verify.View, c []verify.Candidate)
		ok     bool
	}{
		"revision at its limit":       {func(v *verify.View, _ []verify.Candidate) { v.Rev = maxCount }, true},
		"revision beyond":             {func(v *verify.View, _ []verify.Candidate) { v.Rev = maxCount + 1 }, false},
		"revision 0":                  {func(v *verify.View, _ []verify.Candidate) { v.Rev = 0 }, false},
		"block at its limit":          {func(v *verify.View, _ []verify.Candidate) { v.Block = maxCount }, true},
		"block beyond":                {func(v *verify.View, _ []verify.Candidate) { v.Block = maxCount + 1 }, false},
		"revision of the head":        {func(v *verify.View, _ []verify.Candidate) { v.RevBlock = v.Block }, true},
		"revision after the head":     {func(v *verify.View, _ []verify.Candidate) { v.RevBlock = v.Block + 1 }, false},
		"time at its limit":           {func(v *verify.View, _ []verify.Candidate) { v.Time = maxTime }, true},
		"time beyond":                 {func(v *verify.View, _ []verify.Candidate) { v.Time = maxTime + 1 }, false},
		"time 0":                      {func(v *verify.View, _ []verify.Candidate) { v.Time = 0 }, false},
		"no chain":                    {func(v *verify.View, _ []verify.Candidate) { v.Registry.ChainID = 0 }, false},
		"region that is none":         {func(v *verify.View, _ []verify.Candidate) { v.Region = "EU" }, false},
		"no keys":                     {func(v *verify.View, _ []verify.Candidate) { v.Keys = verify.KeySet{} }, false},
		"nothing on offer":            {func(v *verify.View, _ []verify.Candidate) { v.Candidates = nil }, true},
		"too many releases":           {func(v *verify.View, c []verify.Candidate) { *v = manyReleases(*v, c[0], verify.MaxCandidates+1) }, false},
		"release of another product":  {func(_ *verify.View, c []verify.Candidate) { c[0].Product[0]++ }, false},
		"revoked release":             {func(_ *verify.View, c []verify.Candidate) { c[0].Revoked = true }, false},
		"release 0":                   {func(v *verify.View, c []verify.Candidate) { c[1].Sequence = 0 }, false},
		"latest not on offer":         {func(v *verify.View, c []verify.Candidate) { v.Latest++ }, true},
		"release beyond the latest":   {func(v *verify.View, c []verify.Candidate) { v.Latest-- }, false},
		"release twice":               {func(_ *verify.View, c []verify.Candidate) { c[1].Sequence = c[0].Sequence }, false},
		"releases in the other order": {func(_ *verify.View, c []verify.Candidate) { c[0], c[1] = c[1], c[0] }, false},
		"image at its limit":          {func(_ *verify.View, c []verify.Candidate) { c[0].ImageSize = verify.MaxImageSize }, true},
		"image beyond":                {func(_ *verify.View, c []verify.Candidate) { c[0].ImageSize = verify.MaxImageSize + 1 }, false},
		"image of nothing":            {func(_ *verify.View, c []verify.Candidate) { c[0].ImageSize = 0 }, false},
		"version too long":            {func(_ *verify.View, c []verify.Candidate) { c[0].Version = strings.Repeat("x", verify.MaxText+1) }, false},
		"published at the limit":      {func(_ *verify.View, c []verify.Candidate) { c[0].PublishedAt = maxTime }, true},
		"published beyond":            {func(_ *verify.View, c []verify.Candidate) { c[0].PublishedAt = maxTime + 1 }, false},
		"last mode":                   {func(_ *verify.View, c []verify.Candidate) { c[0].Rollout.Mode = verify.RolloutAll }, true},
		"mode of no name":             {func(_ *verify.View, c []verify.Candidate) { c[0].Rollout.Mode = verify.RolloutAll + 1 }, false},
		"shares at their limits": {func(_ *verify.View, c []verify.Candidate) {
			c[0].Rollout.StartBps, c[0].Rollout.EndBps = verify.MaxBps, verify.MaxBps
		}, true},
		"first share beyond": {func(_ *verify.View, c []verify.Candidate) { c[0].Rollout.StartBps = verify.MaxBps + 1 }, false},
		"last share beyond":  {func(_ *verify.View, c []verify.Candidate) { c[0].Rollout.EndBps = verify.MaxBps + 1 }, false},
		"too many canaries": {func(_ *verify.View, c []verify.Candidate) {
			c[0].Rollout.Canaries = make([][32]byte, verify.MaxCanaries+1)
		}, false},
		"label too long": {func(_ *verify.View, c []verify.Candidate) { c[0].Rollout.Label = strings.Repeat("x", verify.MaxText+1) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := witnessView(t)
			c.change(&v, v.Candidates)
			if err := (&verify.WitnessStatement{View: v}).Validate(); (err == nil) != c.ok {
				t.Fatalf("validates: %v", err)
			}
			if !c.ok {
				return
			}
			b, err := witnessed(t, v, k).Encode()
			if err != nil {
				t.Fatal(err)
			}
			if s, err := verify.DecodeWitnessStatement(b); err != nil || !s.Verify() {
				t.Errorf("comes back: %v", err)
			}
		})
	}
}

// manyReleases offers n copies of a release.
func manyReleases(v verify.View, c verify.Candidate, n int) verify.View {
	v.Candidates, v.Latest = nil, uint64(n)
	for i := range n {
		c.Sequence = uint64(n - i)
		v.Candidates = append(v.Candidates, c)
	}
	return v
}

// Each field of a statement has one form and one length.
func TestWitnessStatementHasOneEncoding(t *testing.T) {
	good := golden(t, "witness.cbor")
	file := readSigned(t, good)
	var fields map[int]cbor.RawMessage
	if err := cbor.Unmarshal(file.Payload, &fields); err != nil {
		t.Fatal(err)
	}
	const releases = 17
	var offered [][]any
	if err := cbor.Unmarshal(fields[releases], &offered); err != nil {
		t.Fatal(err)
	}
	with := func(key int, value any) []byte { return file.with(t, key, value) }
	release := func(at int, value any) []byte {
		changed := slices.Clone(offered[0])
		changed[at] = value
		return with(releases, [][]any{changed, offered[1]})
	}
	for name, b := range map[string][]byte{
		"trailing byte":            append(bytes.Clone(good), 0),
		"format 2":                 with(1, 2),
		"registry short":           with(3, make([]byte, 19)),
		"registry long":            with(3, make([]byte, 21)),
		"product short":            with(4, make([]byte, 31)),
		"product long":             with(4, make([]byte, 33)),
		"digest short":             with(8, make([]byte, 31)),
		"digest long":              with(8, make([]byte, 33)),
		"paused false written":     with(11, false),
		"threshold 0":              with(15, 0),
		"image's digest short":     release(3, make([]byte, 31)),
		"image's digest long":      release(3, make([]byte, 33)),
		"envelope's digest short":  release(4, make([]byte, 31)),
		"envelope's digest long":   release(4, make([]byte, 33)),
		"canaries ragged":          release(15, make([]byte, 33)),
		"mode over 8 bits":         release(7, 1<<8),
		"duration over 32 bits":    release(11, 1<<32),
		"first share over 16 bits": release(12, 1<<16),
		"last share over 16 bits":  release(13, 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.DecodeWitnessStatement(b)
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
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
