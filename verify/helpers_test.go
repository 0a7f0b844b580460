package verify_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// fixedKey returns the key whose secret is 32 times the same byte.
func fixedKey(t testing.TB, alg verify.Algorithm, b byte) *sign.Key {
	t.Helper()
	k, err := sign.New(alg, bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// testImage returns size bytes that hold runs of 0xff, as firmware does.
func testImage(size int) []byte {
	b := bytes.Repeat([]byte{0xff}, size)
	for i := 0; i < size; i += 3 * 16384 {
		b[i] = byte(i / 16384)
	}
	return b
}

// maker makes genuine releases of one manufacturer: three signers, of which
// two must sign.
type maker struct {
	keys     []*sign.Key
	verifier verify.Verifier
}

func newMaker(t testing.TB) *maker {
	m := &maker{
		keys: []*sign.Key{
			fixedKey(t, verify.EdDSA, 1),
			fixedKey(t, verify.ES256, 2),
			fixedKey(t, verify.ES256K, 3),
		},
		verifier: verify.Verifier{
			Product:  verify.Product{Vendor: "tenvis.com", Name: "ucam-2"},
			Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{0xab, 19: 0xcd}},
			Pinned:   verify.KeySet{Threshold: 2},
		},
	}
	for _, k := range m.keys {
		m.verifier.Pinned.Keys = append(m.verifier.Pinned.Keys, k.Public())
	}
	return m
}

// manifest describes image as release sequence.
func (m *maker) manifest(t testing.TB, sequence uint64, image []byte) *verify.Manifest {
	t.Helper()
	info, err := verify.DescribeImage(bytes.NewReader(image), verify.MinBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	return &verify.Manifest{
		Product:   m.verifier.Product,
		Sequence:  sequence,
		Version:   "1.2.3",
		Image:     info,
		Component: "firmware",
		Registry:  m.verifier.Registry,
	}
}

// envelope signs a manifest with keys and encodes it.
func envelope(t testing.TB, man *verify.Manifest, keys ...*sign.Key) []byte {
	t.Helper()
	e, err := sign.NewEnvelope(man)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := k.Sign(e); err != nil {
			t.Fatal(err)
		}
	}
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// release is the chain's record of a manifest and its envelope.
func release(man *verify.Manifest, env []byte) verify.Release {
	return verify.Release{
		Product:     man.Product.ID(),
		Sequence:    man.Sequence,
		Version:     man.Version,
		ImageSize:   man.Image.Size,
		ImageSHA256: man.Image.SHA256,
		Envelope:    sha256.Sum256(env),
		PublishedAt: 1_790_000_000,
	}
}

// view is what the chain answers when it offers the given releases to all.
func (m *maker) view(releases ...verify.Release) *verify.View {
	v := &verify.View{
		Registry: m.verifier.Registry,
		Product:  m.verifier.Product.ID(),
		Rev:      1,
		Block:    100,
		Time:     1_790_000_100,
		Keys:     m.verifier.Pinned,
	}
	slices.SortFunc(releases, func(a, b verify.Release) int { return int(b.Sequence) - int(a.Sequence) })
	for _, r := range releases {
		v.Latest = max(v.Latest, r.Sequence)
		v.Candidates = append(v.Candidates, verify.Candidate{Release: r, Rollout: verify.Rollout{Mode: verify.RolloutAll}})
	}
	return v
}

// approved makes a genuine release of image and takes it to Approved.
func (m *maker) approved(t testing.TB, man *verify.Manifest) (*verify.Approved, *verify.View) {
	t.Helper()
	env := envelope(t, man, m.keys[0], m.keys[1])
	view := m.view(release(man, env))
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.verifier.Approve(s, view, view.Time)
	if err != nil {
		t.Fatal(err)
	}
	return a, view
}

// wantRefusal checks that err is a refusal with this name and hardness.
func wantRefusal(t *testing.T, err error, attack string, hard bool) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want it refused as %s", attack)
	}
	if got := verify.AttackName(err); got != attack {
		t.Errorf("refused as %q (%v), want %s", got, err, attack)
	}
	if verify.IsHard(err) != hard {
		t.Errorf("hard is %v for %v, want %v", !hard, err, hard)
	}
}

// signedFile is an encoded statement, such as a rotation, taken apart.
type signedFile struct {
	_          struct{} `cbor:",toarray"`
	Payload    []byte
	Signatures []cbor.RawMessage
}

func readSigned(t *testing.T, statement []byte) (f signedFile) {
	t.Helper()
	if err := cbor.Unmarshal(statement, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// with returns the statement with one field of its payload replaced; nil leaves it out.
func (f signedFile) with(t *testing.T, key int, value any) []byte {
	t.Helper()
	b, err := sorted.Marshal([]any{withField(t, f.Payload, key, value), f.Signatures})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
