package verify_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"camswarm/verify"
	"camswarm/verify/sign"
)

func TestEveryPairOfSignersSuffices(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 3, testImage(100_000))
	for _, pair := range [][2]int{{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}} {
		env := envelope(t, man, m.keys[pair[0]], m.keys[pair[1]])
		s, err := m.verifier.CheckSigned(env)
		if err != nil {
			t.Fatalf("signers %v: %v", pair, err)
		}
		if s.Manifest().Sequence != 3 || !bytes.Equal(s.Envelope(), env) {
			t.Errorf("signers %v: another manifest or envelope comes out", pair)
		}
	}
	if !bytes.Equal(envelope(t, man, m.keys[0], m.keys[1]), envelope(t, man, m.keys[1], m.keys[0])) {
		t.Error("the order of signing shows in the envelope")
	}
}

// wantRefusedUnasked checks that each envelope is refused before anybody is
// asked, and that the genuine one passes afterwards.
func wantRefusedUnasked(t *testing.T, attack string, envelopes map[string][]byte) {
	t.Helper()
	m := newMaker(t)
	for name, b := range envelopes {
		t.Run(name, func(t *testing.T) {
			s, err := m.verifier.CheckSigned(b)
			wantRefusal(t, err, attack, true)
			if s != nil {
				t.Error("a refused envelope was returned")
			}
		})
	}
	if _, err := m.verifier.CheckSigned(envelope(t, m.manifest(t, 1, testImage(100_000)), m.keys[:2]...)); err != nil {
		t.Errorf("the genuine release afterwards: %v", err)
	}
}

// Images that nobody entitled has signed for: IMG.NON_AUTH.
func TestThreatImgNonAuth(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100_000))
	stranger := fixedKey(t, verify.EdDSA, 99)
	wantRefusedUnasked(t, verify.AttackArbitrary, map[string][]byte{
		"unsigned":               envelope(t, man),
		"stranger":               envelope(t, man, stranger),
		"stranger beside enough": envelope(t, man, append([]*sign.Key{stranger}, m.keys...)...),
	})
}

func TestThreatVulnerabilityToKeyCompromises_OneStolenKey(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100_000))
	stolen := map[string][]byte{}
	for _, k := range m.keys {
		stolen[k.Algorithm().String()] = envelope(t, man, k)
	}
	wantRefusedUnasked(t, verify.AttackKeyCompromise, stolen)
}

func TestThreatMfstModification(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100_000))
	changed := func(change func(e *verify.Envelope)) []byte {
		e, err := verify.DecodeEnvelope(envelope(t, man, m.keys...))
		if err != nil {
			t.Fatal(err)
		}
		change(e)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wantRefusedUnasked(t, verify.AttackArbitrary, map[string][]byte{
		"signatures moved to another manifest": changed(func(e *verify.Envelope) {
			next := *man
			next.Sequence = 2
			b, err := next.Encode()
			if err != nil {
				t.Fatal(err)
			}
			e.Manifest = b
		}),
		"junk signature beside enough genuine ones": changed(func(e *verify.Envelope) {
			raw := e.Signatures[2].Raw
			raw[len(raw)-1] ^= 1
		}),
	})
}

func TestThreatWrongSoftwareInstallation(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100_000))
	man.Product.Name = "ucam-3"
	wantRefusedUnasked(t, verify.AttackWrongSoftware, map[string][]byte{"another product": envelope(t, man, m.keys...)})
}

func TestThreatUpdUnapproved(t *testing.T) {
	m := newMaker(t)
	chain, contract := m.manifest(t, 1, testImage(100_000)), m.manifest(t, 1, testImage(100_000))
	chain.Registry.ChainID = 4689
	contract.Registry.Address[5]++
	wantRefusedUnasked(t, verify.AttackUnapproved, map[string][]byte{
		"another chain":    envelope(t, chain, m.keys...),
		"another contract": envelope(t, contract, m.keys...),
	})
}

func TestThreatEndlessData_Envelope(t *testing.T) {
	m := newMaker(t)
	genuine := envelope(t, m.manifest(t, 1, testImage(100_000)), m.keys...)
	wantRefusedUnasked(t, verify.AttackEndlessData, map[string][]byte{
		"padded": append(bytes.Clone(genuine), make([]byte, verify.MaxEnvelopeSize)...),
	})
}

// Bytes in another form than the one: IMG.FORMAT.
func TestThreatImgFormat(t *testing.T) {
	m := newMaker(t)
	genuine := envelope(t, m.manifest(t, 1, testImage(100_000)), m.keys...)
	wantRefusedUnasked(t, verify.AttackMalformed, map[string][]byte{
		"trailing byte":                         append(bytes.Clone(genuine), 0),
		"empty":                                 nil,
		"nested without end":                    bytes.Repeat([]byte{0x81}, 10_000),
		"array that claims 2^60 elements":       {0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0},
		"byte string that claims 2^60 elements": {0x82, 0x5b, 0x10, 0, 0, 0, 0, 0, 0, 0},
	})
}

// The digest that names an envelope on chain is also its address in IPFS: the
// block of the envelope's bytes.
func TestEnvelopeIsOneBlockUnderItsDigest(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	env := envelope(t, man, m.keys...)
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	r := release(man, env)
	if s.Digest() != r.Envelope {
		t.Errorf("digest is %x, want %x", s.Digest(), r.Envelope)
	}
	want, err := cid.V1Builder{Codec: cid.Raw, MhType: multihash.SHA2_256}.Sum(env)
	if err != nil {
		t.Fatal(err)
	}
	if !r.EnvelopeCID().Equals(want) {
		t.Errorf("CID is %s, want %s", r.EnvelopeCID(), want)
	}
}

// Whoever holds a genuine envelope cannot make a second one of it: no bit
// flip, no cut and no insertion passes. Its digest names it on chain.
func TestThreatMfstModification_NoEnvelopeIsMadeOfAnother(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for long")
	}
	m := newMaker(t)
	env := envelope(t, m.manifest(t, 1, testImage(100)), m.keys[0], m.keys[2])
	if _, err := m.verifier.CheckSigned(env); err != nil {
		t.Fatal(err)
	}
	for i := range env {
		for bit := range 8 {
			env[i] ^= 1 << bit
			if _, err := m.verifier.CheckSigned(env); err == nil || !verify.IsHard(err) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
			env[i] ^= 1 << bit
		}
		if _, err := m.verifier.CheckSigned(env[:i]); !verify.IsHard(err) {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
		if _, err := m.verifier.CheckSigned(slices.Insert(bytes.Clone(env), i, 0)); !verify.IsHard(err) {
			t.Fatalf("zero inserted at byte %d: %v", i, err)
		}
	}
}

// A verifier that was not provisioned properly trusts nobody.
func TestUnprovisionedVerifierAcceptsNothing(t *testing.T) {
	m := newMaker(t)
	env := envelope(t, m.manifest(t, 1, testImage(100)), m.keys...)
	for name, spoil := range map[string]func(v *verify.Verifier){
		"no keys":       func(v *verify.Verifier) { v.Pinned = verify.KeySet{} },
		"threshold 0":   func(v *verify.Verifier) { v.Pinned.Threshold = 0 },
		"threshold < 0": func(v *verify.Verifier) { v.Pinned.Threshold = -1 },
		"no product":    func(v *verify.Verifier) { v.Product = verify.Product{} },
		"no registry":   func(v *verify.Verifier) { v.Registry = verify.RegistryRef{} },
	} {
		v := m.verifier
		spoil(&v)
		if _, err := v.CheckSigned(env); err == nil || verify.AttackName(err) != "" {
			t.Errorf("%s: %v, want an error of provisioning that blames no peer", name, err)
		}
	}
}

// sorted encodes maps in one order; the plain encoder follows Go's random one.
var sorted = func() cbor.EncMode {
	m, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// rawSign1 builds a COSE_Sign1 with any header, to prove what is refused.
func rawSign1(t *testing.T, protected, unprotected, payload any, sig []byte) cbor.RawMessage {
	t.Helper()
	p, ok := protected.([]byte)
	if !ok {
		var err error
		if p, err = sorted.Marshal(protected); err != nil {
			t.Fatal(err)
		}
	}
	b, err := cbor.Marshal([]any{p, unprotected, payload, sig})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A signature has one form only: what go-cose and others would also read is
// refused, because it would give one release several envelopes.
func TestThreatImgFormat_MalleableForms(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	good, err := verify.DecodeEnvelope(envelope(t, man, m.keys[0]))
	if err != nil {
		t.Fatal(err)
	}
	key := m.keys[0].Public().Bytes()
	sig := good.Signatures[0].Raw[len(good.Signatures[0].Raw)-64:]
	header := map[int]any{1: -8, 4: key}
	none := map[int]any{}
	protected, _ := sorted.Marshal(header)

	build := func(sigs ...cbor.RawMessage) []byte {
		b, err := cbor.Marshal([]any{good.Manifest, sigs})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	ok := rawSign1(t, protected, none, nil, sig)
	if _, err := verify.DecodeEnvelope(build(ok)); err != nil {
		t.Fatalf("the builder of this test is wrong: %v", err)
	}
	second := rawSign1(t, map[int]any{1: -7, 4: m.keys[1].Public().Bytes()}, none, nil, sig)
	third := rawSign1(t, map[int]any{1: -47, 4: m.keys[2].Public().Bytes()}, none, nil, sig)

	manifestAttached, _ := cbor.Marshal([]any{good.Manifest})
	for name, b := range map[string][]byte{
		"signer twice":              build(ok, ok),
		"signatures out of order":   build(ok, second, third),
		"payload attached":          build(rawSign1(t, protected, none, good.Manifest, sig)),
		"payload empty":             build(rawSign1(t, protected, none, []byte{}, sig)),
		"unprotected header":        build(rawSign1(t, protected, map[int]any{5: []byte{1}}, nil, sig)),
		"key id unprotected too":    build(rawSign1(t, protected, map[int]any{4: key}, nil, sig)),
		"unprotected null":          build(rawSign1(t, protected, nil, nil, sig)),
		"further protected header":  build(rawSign1(t, map[int]any{1: -8, 4: key, 3: "x"}, none, nil, sig)),
		"no key id":                 build(rawSign1(t, map[int]any{1: -8}, none, nil, sig)),
		"no algorithm":              build(rawSign1(t, map[int]any{4: key}, none, nil, sig)),
		"algorithm of another key":  build(rawSign1(t, map[int]any{1: -7, 4: key}, none, nil, sig)),
		"algorithm in long form":    build(rawSign1(t, slices.Concat([]byte{0xa2, 0x01, 0x38, 0x07}, protected[3:]), none, nil, sig)),
		"algorithm twice":           build(rawSign1(t, slices.Concat([]byte{0xa3, 0x01, 0x27}, protected[1:]), none, nil, sig)),
		"protected byte after":      build(rawSign1(t, append(bytes.Clone(protected), 0), none, nil, sig)),
		"protected empty":           build(rawSign1(t, []byte{}, none, nil, sig)),
		"tagged COSE_Sign1":         build(append(cbor.RawMessage{0xd2}, ok...)),
		"signature short":           build(rawSign1(t, protected, none, nil, sig[:63])),
		"signature empty":           build(rawSign1(t, protected, none, nil, []byte{})),
		"indefinite outer array":    slices.Concat([]byte{0x9f}, build(ok)[1:], []byte{0xff}),
		"long form of outer array":  slices.Concat([]byte{0x98, 0x02}, build(ok)[1:]),
		"tagged envelope":           append([]byte{0xd9, 0xd9, 0xf7}, build(ok)...),
		"three elements":            slices.Concat([]byte{0x83}, build(ok)[1:], []byte{0xf6}),
		"one element":               manifestAttached,
		"signatures null":           slices.Concat([]byte{0x82}, build()[1:len(build())-1], []byte{0xf6}),
		"manifest null":             {0x82, 0xf6, 0x80},
		"manifest empty":            {0x82, 0x40, 0x80},
		"manifest as array of ints": {0x82, 0x82, 0x01, 0x02, 0x80},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.DecodeEnvelope(b)
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
}

// Bytes over a limit are refused as that, unread; those at the limit are read.
func TestThreatEndlessData_Decoders(t *testing.T) {
	for name, c := range map[string]struct {
		limit  int
		decode func([]byte) error
	}{
		"manifest":          {verify.MaxManifestSize, func(b []byte) error { _, err := verify.DecodeManifest(b); return err }},
		"envelope":          {verify.MaxEnvelopeSize, func(b []byte) error { _, err := verify.DecodeEnvelope(b); return err }},
		"rotation":          {verify.MaxRotationSize, func(b []byte) error { _, err := verify.DecodeRotation(b); return err }},
		"rotations":         {verify.MaxRotationsSize, func(b []byte) error { _, err := verify.DecodeRotations(b); return err }},
		"move":              {verify.MaxMoveSize, func(b []byte) error { _, err := verify.DecodeMove(b); return err }},
		"history":           {verify.MaxRotationsSize + verify.MaxMovesSize, func(b []byte) error { _, err := verify.DecodeHistory(b); return err }},
		"witness statement": {verify.MaxWitnessStatement, func(b []byte) error { _, err := verify.DecodeWitnessStatement(b); return err }},
		"witness's key":     {verify.MaxWitnessStatement, func(b []byte) error { _, err := verify.WitnessOf(b); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			at, over := verify.AttackMalformed, verify.AttackEndlessData
			if name == "history" {
				at = over // as a chain of rotations, which is what other bytes may be, it is too long
			}
			wantRefusal(t, c.decode(make([]byte, c.limit)), at, true)
			wantRefusal(t, c.decode(make([]byte, c.limit+1)), over, true)
		})
	}
}

// What a key signs anywhere is what is verified; what every device would refuse is
// not signed.
func TestToBeSignedIsWhatIsVerified(t *testing.T) {
	one, two, _ := crews(t)
	man, err := boundTo(t, at(0), 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	type signable interface {
		ToBeSigned(verify.PublicKey) ([]byte, error)
		Verify(verify.Signature) bool
	}
	rotation, move := turn(t, at(0), 2, one, two), move(t, 1, at(0), at(1), 1, one)
	e := &verify.Envelope{Manifest: man}
	for name, c := range map[string]struct {
		what  signable
		spoil func()
	}{
		"envelope": {e, func() { e.Rotations = []*verify.Rotation{{}} }},
		"rotation": {rotation, func() { rotation.Epoch = 0 }},
		"move":     {move, func() { move.Number = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			message, err := c.what.ToBeSigned(one[2].Public())
			if err != nil {
				t.Fatal(err)
			}
			sig := signSecp256k1(t, one[2], message)
			s, err := verify.NewSignature(one[2].Public(), sig)
			if err != nil || !c.what.Verify(s) {
				t.Errorf("refused: %v", err)
			}
			stolen := s
			stolen.Key = one[0].Public()
			if c.what.Verify(stolen) {
				t.Error("one key's signature is taken for another's")
			}
			other, err := verify.NewSignature(one[2].Public(), signSecp256k1(t, one[2], append(message, 0)))
			if err != nil || c.what.Verify(other) {
				t.Errorf("a signature over something else is taken: %v", err)
			}
			c.spoil()
			if _, err := c.what.ToBeSigned(one[2].Public()); err == nil {
				t.Error("signable")
			}
			if c.what.Verify(s) {
				t.Error("verified")
			}
		})
	}
}

func TestEnvelopeLimits(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	e, err := sign.NewEnvelope(man)
	if err != nil {
		t.Fatal(err)
	}
	for i := range verify.MaxSigners {
		if err := fixedKey(t, verify.EdDSA, byte(100+i)).Sign(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Encode(); err != nil {
		t.Errorf("%d signatures: %v", verify.MaxSigners, err)
	}
	extra, err := verify.DecodeEnvelope(envelope(t, man, fixedKey(t, verify.EdDSA, 200)))
	if err != nil {
		t.Fatal(err)
	}
	var sigs []cbor.RawMessage
	for _, s := range append(e.Signatures, extra.Signatures...) {
		sigs = append(sigs, s.Raw)
	}
	b, err := cbor.Marshal([]any{e.Manifest, sigs})
	if err != nil {
		t.Fatal(err)
	}
	_, err = verify.DecodeEnvelope(b)
	wantRefusal(t, err, verify.AttackEndlessData, true)

	if _, err := (&verify.Envelope{Manifest: make([]byte, verify.MaxManifestSize)}).Encode(); err != nil {
		t.Errorf("the largest manifest: %v", err)
	}
	e.Signatures = append(e.Signatures, extra.Signatures...)
	if _, err := e.Encode(); err == nil {
		t.Errorf("%d signatures are encoded", len(e.Signatures))
	}
	for name, e := range map[string]*verify.Envelope{
		"no manifest":      {},
		"manifest too big": {Manifest: make([]byte, verify.MaxManifestSize+1)},
		"key and raw form differ": {Manifest: extra.Manifest, Signatures: []verify.Signature{
			{Key: m.keys[0].Public(), Raw: extra.Signatures[0].Raw}}},
		"raw form is none": {Manifest: extra.Manifest, Signatures: []verify.Signature{{Key: m.keys[0].Public(), Raw: []byte{1}}}},
		"raw form is tagged": {Manifest: extra.Manifest, Signatures: []verify.Signature{
			{Key: extra.Signatures[0].Key, Raw: append([]byte{0xd2}, extra.Signatures[0].Raw...)}}},
		"raw form has an unprotected header": {Manifest: extra.Manifest, Signatures: []verify.Signature{
			{Key: extra.Signatures[0].Key, Raw: bytes.Replace(extra.Signatures[0].Raw, []byte{0xa0, 0xf6}, []byte{0xa1, 0x05, 0x41, 0x01, 0xf6}, 1)}}},
		"raw form has a longer length": {Manifest: extra.Manifest, Signatures: []verify.Signature{
			{Key: extra.Signatures[0].Key, Raw: bytes.Replace(extra.Signatures[0].Raw, []byte{0xa0, 0xf6, 0x58, 64}, []byte{0xa0, 0xf6, 0x59, 0, 64}, 1)}}},
		"signer twice": {Manifest: extra.Manifest, Signatures: []verify.Signature{extra.Signatures[0], extra.Signatures[0]}},
	} {
		if _, err := e.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

// The largest legal release fits the limits of manifest and envelope.
func TestLargestReleaseFits(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	man.Image = verify.ImageInfo{Size: verify.MaxBlocks * 32 << 10, BlockSize: 32 << 10, Blocks: make([][32]byte, verify.MaxBlocks)}
	for i := range man.Image.Blocks {
		man.Image.Blocks[i] = [32]byte{byte(i), byte(i >> 8)}
	}
	if man.Image.Size != verify.MaxImageSize {
		t.Fatal("the test is not at the limit")
	}
	man.Image.Root = man.Image.Nodes()[0].CID
	man.Version = strings.Repeat("v", verify.MaxText)
	man.IPNSName = strings.Repeat("k", verify.MaxText)
	man.Product = verify.Product{Vendor: strings.Repeat("a", 62) + "." + strings.Repeat("b", 60), Name: "cam"}
	m.verifier.Product = man.Product
	man.MinSequence, man.Sequence, man.Expires = 1<<64-2, 1<<64-1, 1<<64-1
	for i := range verify.MaxHardware {
		man.Hardware = append(man.Hardware, strings.Repeat("h", verify.MaxText-3)+fmt.Sprintf("%03d", i))
	}
	m.verifier.Pinned = verify.KeySet{Threshold: verify.MaxSigners}
	m.keys = nil
	for i := range verify.MaxSigners {
		k := fixedKey(t, verify.ES256K, byte(1+i))
		m.keys = append(m.keys, k)
		m.verifier.Pinned.Keys = append(m.verifier.Pinned.Keys, k.Public())
	}
	env := envelope(t, man, m.keys...)
	if _, err := m.verifier.CheckSigned(env); err != nil {
		t.Fatal(err)
	}
	t.Logf("largest manifest and envelope seen: %d bytes", len(env))
}

func BenchmarkCheckSigned(b *testing.B) {
	m := newMaker(b)
	env := envelope(b, m.manifest(b, 1, testImage(6_200_000)), m.keys...)
	b.SetBytes(int64(len(env)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.verifier.CheckSigned(env); err != nil {
			b.Fatal(err)
		}
	}
}
