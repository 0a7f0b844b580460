package verify_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// crew is the keys of which two must sign.
type crew []*sign.Key

func (c crew) set() verify.KeySet {
	s := verify.KeySet{Threshold: 2}
	for _, k := range c {
		s.Keys = append(s.Keys, k.Public())
	}
	return s
}

// crews are three generations: the third key is lost and replaced, then the
// second one.
func crews(t testing.TB) (one, two, three crew) {
	m := newMaker(t)
	one = m.keys
	two = crew{one[0], one[1], fixedKey(t, verify.EdDSA, 14)}
	three = crew{one[0], fixedKey(t, verify.ES256K, 15), two[2]}
	return one, two, three
}

// statement makes a rotation, signed by signers.
func statement(t testing.TB, epoch uint64, from, to crew, signers ...*sign.Key) *verify.Rotation {
	t.Helper()
	r := &verify.Rotation{Registry: newMaker(t).verifier.Registry, Epoch: epoch, From: from.set(), To: to.set()}
	for _, k := range signers {
		if err := k.SignRotation(r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// rotated signs a manifest that carries rotations and encodes it.
func rotated(t testing.TB, man *verify.Manifest, rs []*verify.Rotation, signers ...*sign.Key) []byte {
	t.Helper()
	e, err := sign.NewEnvelope(man)
	if err != nil {
		t.Fatal(err)
	}
	e.Rotations = rs
	for _, k := range signers {
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

// device is a camera provisioned with a crew's keys.
func device(t testing.TB, pinned crew) *verify.Verifier {
	v := newMaker(t).verifier
	v.Pinned, v.Trust = pinned.set(), new(verify.Trust)
	return &v
}

// offer is a view that offers the envelope and lists the crew's keys.
func offer(t testing.TB, man *verify.Manifest, env []byte, listed crew) *verify.View {
	view := newMaker(t).view(release(man, env))
	view.Keys = listed.set()
	return view
}

// approve takes an envelope through both checks.
func approve(v *verify.Verifier, env []byte, view *verify.View) (*verify.Approved, error) {
	s, err := v.CheckSigned(env)
	if err != nil {
		return nil, err
	}
	return v.Approve(s, view, 0)
}

// A device of any age follows the rotations from what it was provisioned with.
func TestRotationsLeadToTheKeysThatSign(t *testing.T) {
	one, two, three := crews(t)
	man := newMaker(t).manifest(t, 3, testImage(100))
	chain := []*verify.Rotation{
		statement(t, 2, one, two, one[0], one[1], two[2]),
		statement(t, 3, two, three, two[0], two[2], three[1]),
	}
	env := rotated(t, man, chain, three[1], three[2])
	for name, pinned := range map[string]crew{"first keys": one, "second keys": two, "third keys": three} {
		v := device(t, pinned)
		a, err := approve(v, env, offer(t, man, env, three))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !a.Keys().Equal(three.set()) || len(a.Rotations()) != 2 || !v.Keys().Equal(pinned.set()) {
			t.Errorf("%s: signed with %v; approving changed the keys in force", name, a.Keys())
		}
		if err := v.Adopt(a.Rotations()); err != nil {
			t.Error(err)
		}
		if !v.Keys().Equal(three.set()) {
			t.Errorf("%s: %v in force after the rotation", name, v.Keys())
		}
		// What was approved before stays right, and the next one needs no chain.
		if _, err := v.Approve(a.Signed, offer(t, man, env, three), 0); err != nil {
			t.Errorf("%s: approved before: %v", name, err)
		}
		plain := envelope(t, man, three[0], three[1])
		if _, err := approve(v, plain, offer(t, man, plain, three)); err != nil {
			t.Errorf("%s: without rotations: %v", name, err)
		}
	}
}

// The old keys alone, the new ones alone, and one of each are not enough to put
// one set in the place of another.
func TestThreatVulnerabilityToKeyCompromises(t *testing.T) {
	one, two, _ := crews(t)
	thief := crew{fixedKey(t, verify.EdDSA, 66), fixedKey(t, verify.EdDSA, 67), fixedKey(t, verify.EdDSA, 68)}
	man := newMaker(t).manifest(t, 1, testImage(100))
	junk := statement(t, 2, one, thief, one[2], thief[0], thief[1])
	forged := statement(t, 2, one, thief, one[0]).Signatures[0]
	forged.Raw = bytes.Clone(forged.Raw)
	forged.Raw[len(forged.Raw)-1] ^= 1
	junk.Signatures = append(junk.Signatures, forged)

	for name, c := range map[string]struct {
		rotation *verify.Rotation
		attack   string
	}{
		"nobody of the old":              {statement(t, 2, one, thief, thief...), verify.AttackKeyCompromise},
		"one stolen key of the old":      {statement(t, 2, one, thief, one[2], thief[0], thief[1]), verify.AttackKeyCompromise},
		"one stolen and a forged one":    {junk, verify.AttackArbitrary},
		"nobody of the new":              {statement(t, 2, one, thief, one[0], one[1]), verify.AttackKeyCompromise},
		"one of the new":                 {statement(t, 2, one, thief, one[0], one[1], thief[0]), verify.AttackKeyCompromise},
		"from keys of the thief's own":   {statement(t, 2, thief, crew{thief[0], thief[1]}, thief...), verify.AttackArbitrary},
		"threshold lowered by one of it": {statement(t, 2, one, crew{one[2], thief[0]}, one[2], thief[0]), verify.AttackKeyCompromise},
	} {
		t.Run(name, func(t *testing.T) {
			v := device(t, one)
			to := c.rotation.To
			var signers []*sign.Key
			for _, k := range append(slices.Clone(thief), one[2]) {
				if to.Has(k.Public()) {
					signers = append(signers, k)
				}
			}
			env := rotated(t, man, []*verify.Rotation{c.rotation}, signers...)
			_, err := v.CheckSigned(env)
			wantRefusal(t, err, c.attack, true)
			wantRefusal(t, v.Adopt([]*verify.Rotation{c.rotation}), c.attack, true)
			if !v.Keys().Equal(one.set()) {
				t.Fatal("the keys in force have changed")
			}
			// The manufacturer's own rotation gets through.
			honest := rotated(t, man, []*verify.Rotation{statement(t, 2, one, two, one[0], one[1], two[2])}, two[0], two[2])
			if _, err := approve(v, honest, offer(t, man, honest, two)); err != nil {
				t.Errorf("the honest rotation: %v", err)
			}
		})
	}
}

// Two statements by a threshold of the old keys: of them only the one that the
// registry sides with is ever approved, and after that the other one counts for
// nothing, whatever the registry says.
func TestThreatVulnerabilityToKeyCompromises_ForkOfRotations(t *testing.T) {
	one, two, _ := crews(t)
	thief := crew{fixedKey(t, verify.EdDSA, 66), fixedKey(t, verify.EdDSA, 67)}
	man := newMaker(t).manifest(t, 1, testImage(100))
	rogue := []*verify.Rotation{statement(t, 2, one, thief, one[1], one[2], thief[0], thief[1])} // two old keys were stolen
	honest := []*verify.Rotation{statement(t, 2, one, two, one[0], one[1], two[2])}
	rogueEnv, honestEnv := rotated(t, man, rogue, thief...), rotated(t, man, honest, two[0], two[2])

	v := device(t, one)
	_, err := approve(v, rogueEnv, offer(t, man, rogueEnv, two))
	wantRefusal(t, err, verify.AttackKeyCompromise, false)
	early, err := v.CheckSigned(rogueEnv)
	if err != nil {
		t.Fatal(err)
	}
	a, err := approve(v, honestEnv, offer(t, man, honestEnv, two))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Adopt(a.Rotations()); err != nil {
		t.Fatal(err)
	}
	// The chain falls into the thief's hands too.
	sides := offer(t, man, rogueEnv, thief)
	_, err = approve(v, rogueEnv, sides)
	wantRefusal(t, err, verify.AttackKeyCompromise, false)
	_, err = v.Approve(early, sides, 0)
	wantRefusal(t, err, verify.AttackKeyCompromise, false)
	wantRefusal(t, v.Adopt(rogue), verify.AttackKeyCompromise, false)
	if _, err := approve(v, honestEnv, offer(t, man, honestEnv, two)); err != nil {
		t.Errorf("the honest release afterwards: %v", err)
	}
}

// A key that leaked is rotated out by the two others: what it signs afterwards
// is refused, whoever else signs.
func TestThreatKeyExposure(t *testing.T) {
	one, two, _ := crews(t)
	exposed := one[2]
	man := newMaker(t).manifest(t, 2, testImage(100))
	chain := []*verify.Rotation{statement(t, 2, one, two, one[0], one[1], two[2])}
	v := device(t, one)
	if err := v.Adopt(chain); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env    []byte
		attack string
		hard   bool
	}{
		"alone":                   {envelope(t, man, exposed), verify.AttackKeyCompromise, true},
		"with a stranger":         {envelope(t, man, exposed, fixedKey(t, verify.EdDSA, 70)), verify.AttackArbitrary, true},
		"with a key still in use": {envelope(t, man, exposed, one[0]), verify.AttackKeyCompromise, false}, // what the retired set allowed
		"after the rotation":      {rotated(t, man, chain, exposed, two[0], two[1]), verify.AttackArbitrary, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.CheckSigned(c.env)
			wantRefusal(t, err, c.attack, c.hard)
		})
	}
	env := rotated(t, man, chain, two[1], two[2])
	if _, err := approve(v, env, offer(t, man, env, two)); err != nil {
		t.Errorf("the honest release: %v", err)
	}
}

// Whoever holds the retired keys, and the chain, cannot bring them back.
func TestThreatRollback_RetiredKeys(t *testing.T) {
	one, two, three := crews(t)
	man := newMaker(t).manifest(t, 9, testImage(100))
	first := statement(t, 2, one, two, one[0], one[1], two[2])
	chain := []*verify.Rotation{first, statement(t, 3, two, three, two[0], two[2], three[1])}
	v := device(t, one)
	s, err := v.CheckSigned(envelope(t, man, one...)) // while it was in force
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Adopt(chain); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env    []byte
		listed crew
	}{
		"signed by the first keys":              {envelope(t, man, one[1], one[2]), one},
		"signed by the second keys":             {envelope(t, man, two[1], two[2]), two},
		"signed by the second keys, with proof": {rotated(t, man, chain[:1], two...), two},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := approve(v, c.env, offer(t, man, c.env, c.listed))
			wantRefusal(t, err, verify.AttackKeyCompromise, false) // an honest relay may be behind
		})
	}
	_, err = v.Approve(s, offer(t, man, s.Envelope(), one), 0)
	wantRefusal(t, err, verify.AttackKeyCompromise, false)
	wantRefusal(t, v.Adopt(chain[:1]), verify.AttackKeyCompromise, false)

	back := statement(t, 3, two, one, two[0], two[1], one[2])
	wantRefusal(t, v.Adopt([]*verify.Rotation{first, back}), verify.AttackMalformed, true)
	if _, err := verify.EncodeRotations([]*verify.Rotation{first, back}); err == nil {
		t.Error("a chain that brings back the first keys is encoded")
	}
	env := rotated(t, man, chain, three[0], three[1])
	if _, err := approve(v, env, offer(t, man, env, three)); err != nil {
		t.Errorf("the honest release: %v", err)
	}
}

// A statement for another registry of the same manufacturer is replayed here.
func TestThreatUpdUnapproved_RotationOfAnotherRegistry(t *testing.T) {
	one, two, _ := crews(t)
	man := newMaker(t).manifest(t, 1, testImage(100))
	for name, change := range map[string]func(*verify.RegistryRef){
		"chain":    func(r *verify.RegistryRef) { r.ChainID++ },
		"contract": func(r *verify.RegistryRef) { r.Address[3]++ },
	} {
		t.Run(name, func(t *testing.T) {
			r := statement(t, 2, one, two)
			change(&r.Registry)
			for _, k := range []*sign.Key{one[0], one[1], two[2]} {
				if err := k.SignRotation(r); err != nil {
					t.Fatal(err)
				}
			}
			v := device(t, one)
			_, err := v.CheckSigned(rotated(t, man, []*verify.Rotation{r}, two...))
			wantRefusal(t, err, verify.AttackUnapproved, true)
			wantRefusal(t, v.Adopt([]*verify.Rotation{r}), verify.AttackUnapproved, true)
		})
	}
}

// Epochs are counted one by one: a number pushed ahead makes no honest
// statement look old, and none is left out.
func TestThreatFastForward_Epochs(t *testing.T) {
	one, two, three := crews(t)
	man := newMaker(t).manifest(t, 1, testImage(100))
	second := func(epoch uint64) *verify.Rotation {
		return statement(t, epoch, two, three, two[0], two[2], three[1])
	}
	first := func(epoch uint64) *verify.Rotation { return statement(t, epoch, one, two, one[0], one[1], two[2]) }
	v := device(t, one)
	for name, chain := range map[string][]*verify.Rotation{
		"first far ahead":  {first(1 << 40)},
		"first is not 2":   {first(3), second(4)},
		"second far ahead": {first(2), second(1<<64 - 1)},
		"second again 2":   {first(2), second(2)},
		"one left out":     {second(3)},
		"out of order":     {second(3), first(4)},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := sign.NewEnvelope(man)
			if err != nil {
				t.Fatal(err)
			}
			e.Rotations = chain
			if _, err := e.Encode(); err == nil {
				t.Error("encoded")
			}
			_, err = v.CheckSigned(rawRotated(t, e, chain, three))
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
	env := rotated(t, man, []*verify.Rotation{first(2), second(3)}, three...)
	if _, err := approve(v, env, offer(t, man, env, three)); err != nil {
		t.Errorf("the honest rotations: %v", err)
	}
}

// rawRotated encodes what Encode refuses.
func rawRotated(t *testing.T, e *verify.Envelope, chain []*verify.Rotation, signers crew) []byte {
	t.Helper()
	var list [][]byte
	for _, r := range chain {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	plain := &verify.Envelope{Manifest: e.Manifest}
	var sigs []cbor.RawMessage
	for _, k := range signers {
		if err := k.Sign(plain); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(plain.Signatures, func(a, b verify.Signature) int { return bytes.Compare(a.Key.Bytes(), b.Key.Bytes()) })
	for _, s := range plain.Signatures {
		sigs = append(sigs, s.Raw)
	}
	b, err := sorted.Marshal([]any{e.Manifest, sigs, list})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Nobody adds, drops or changes a statement of a genuine envelope.
func TestThreatMfstModification_Rotations(t *testing.T) {
	one, two, three := crews(t)
	man := newMaker(t).manifest(t, 1, testImage(100))
	chain := []*verify.Rotation{
		statement(t, 2, one, two, one[0], one[1], two[2]),
		statement(t, 3, two, three, two[0], two[2], three[1]),
	}
	env := rotated(t, man, chain, three[0], three[1])
	change := func(f func(e *verify.Envelope)) []byte {
		e, err := verify.DecodeEnvelope(env)
		if err != nil {
			t.Fatal(err)
		}
		f(e)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, b := range map[string][]byte{
		"stripped":           change(func(e *verify.Envelope) { e.Rotations = nil }),
		"more signatures":    change(func(e *verify.Envelope) { e.Rotations[0] = statement(t, 2, one, two, append(one[:3:3], two[2])...) }),
		"fewer signatures":   change(func(e *verify.Envelope) { e.Rotations[0].Signatures = e.Rotations[0].Signatures[1:] }),
		"another reason":     change(func(e *verify.Envelope) { e.Rotations[0].Reason = "because" }),
		"put on another one": rawRotated(t, &verify.Envelope{Manifest: man2(t)}, chain, three),
	} {
		t.Run(name, func(t *testing.T) {
			for _, pinned := range []crew{one, two, three} {
				_, err := device(t, pinned).CheckSigned(b)
				wantRefusal(t, err, verify.AttackArbitrary, true)
			}
		})
	}
	v := device(t, three) // which would not look at the statements
	for i := range env {
		env[i] ^= 1
		if _, err := v.CheckSigned(env); err == nil || !verify.IsHard(err) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		env[i] ^= 1
	}
	if _, err := v.CheckSigned(env); err != nil {
		t.Errorf("the genuine envelope: %v", err)
	}
}

func man2(t *testing.T) []byte {
	b, err := newMaker(t).manifest(t, 2, testImage(100)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A signature for one purpose counts for no other.
func TestThreatMfstModification_SignaturesOfAnotherContext(t *testing.T) {
	one, two, _ := crews(t)
	r := statement(t, 2, one, two, one[0], one[1], two[2])
	payload, err := r.Payload()
	if err != nil {
		t.Fatal(err)
	}
	e := &verify.Envelope{Manifest: payload, Signatures: r.Signatures}
	for _, s := range r.Signatures {
		if !r.Verify(s) {
			t.Error("a genuine signature is wrong")
		}
		if e.Verify(s) {
			t.Error("a rotation's signature is good on a manifest")
		}
	}
}

func TestRotationsAreAdoptedInStepsAndAtOnce(t *testing.T) {
	one, two, three := crews(t)
	first := statement(t, 2, one, two, one[0], one[1], two[2])
	second := statement(t, 3, two, three, two[0], two[2], three[1])
	v := device(t, one)
	var wait sync.WaitGroup
	for range 4 {
		for _, chain := range [][]*verify.Rotation{nil, {first}, {first, second}, {second}} {
			wait.Go(func() {
				_ = v.Adopt(chain) // {second} or {first} may come too early or too late
				_ = v.Keys()
			})
		}
	}
	wait.Wait()
	if !v.Keys().Equal(three.set()) {
		t.Errorf("%v in force", v.Keys())
	}
	untrusting := *v
	untrusting.Trust = nil
	if err := untrusting.Adopt([]*verify.Rotation{first}); err == nil {
		t.Error("adopted without a Trust")
	}
}

func TestRotationNamesWhoHasNotSigned(t *testing.T) {
	one, two, _ := crews(t)
	err := statement(t, 2, one, two, one[0], two[2]).Check()
	if err == nil || !strings.Contains(err.Error(), one[1].Public().String()) || !strings.Contains(err.Error(), one[2].Public().String()) ||
		strings.Contains(err.Error(), one[0].Public().String()) {
		t.Errorf("%v", err)
	}
	r := statement(t, 2, one, two)
	if err := fixedKey(t, verify.EdDSA, 90).SignRotation(r); err == nil {
		t.Error("a stranger signs")
	}
	if err := one[0].SignRotation(r); err != nil {
		t.Fatal(err)
	}
	if err := one[0].SignRotation(r); err == nil {
		t.Error("a key signs twice")
	}
}

func TestRotationHasOneEncoding(t *testing.T) {
	one, two, _ := crews(t)
	r := statement(t, 2, one, two, one[0], one[1], two[2])
	good, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// Neither the order of keys nor that of signing shows.
	other := statement(t, 2, crew{one[2], one[0], one[1]}, crew{two[1], two[2], two[0]}, two[2], one[1], one[0])
	if b, err := other.Encode(); err != nil || !bytes.Equal(b, good) {
		t.Errorf("another encoding of the same: %x, %v", b, err)
	}
	file := readSigned(t, good)
	with := func(key int, value any) []byte { return file.with(t, key, value) }
	keys := func(c ...*sign.Key) (out [][]byte) {
		for _, k := range c {
			out = append(out, k.Public().Bytes())
		}
		slices.SortFunc(out, bytes.Compare)
		return out
	}
	swapped := keys(one...)
	slices.Reverse(swapped)
	for name, b := range map[string][]byte{
		"empty":                  nil,
		"trailing byte":          append(bytes.Clone(good), 0),
		"format 2":               with(1, 2),
		"no chain":               with(2, 0),
		"no registry":            with(3, make([]byte, 20)),
		"registry short":         with(3, make([]byte, 19)),
		"epoch 0":                with(4, 0),
		"epoch 1":                with(4, 1),
		"old threshold 0":        with(5, 0),
		"old threshold too high": with(5, 4),
		"old threshold huge":     with(5, uint64(1<<63)),
		"old keys absent":        with(6, nil),
		"old keys out of order":  with(6, swapped),
		"old key twice":          with(6, keys(one[0], one[0], one[1])),
		"old key is none":        with(6, [][]byte{{1, 2, 3}}),
		"new threshold 0":        with(7, 0),
		"new keys are the old":   with(8, keys(one...)),
		"new keys too many":      with(8, [][]byte{17: nil}),
		"reason empty":           with(9, ""),
		"reason unprintable":     with(9, "a\x1b[2J"),
		"reason too long":        with(9, strings.Repeat("a", verify.MaxText+1)),
		"unknown field":          with(10, 1),
		"three elements":         slices.Concat([]byte{0x83}, good[1:], []byte{0x80}),
		"signature twice": func() []byte {
			b, _ := sorted.Marshal([]any{file.Payload, []cbor.RawMessage{file.Signatures[0], file.Signatures[0]}})
			return b
		}(),
		"signatures out of order": func() []byte {
			b, _ := sorted.Marshal([]any{file.Payload, []cbor.RawMessage{file.Signatures[1], file.Signatures[0]}})
			return b
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify.DecodeRotation(b)
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
	_, err = verify.DecodeRotation(append(bytes.Clone(good), make([]byte, verify.MaxRotationSize)...))
	wantRefusal(t, err, verify.AttackEndlessData, true)
	for name, b := range map[string][]byte{"none": {0x80}, "null": {0xf6}, "not statements": {0x81, 0x41, 1}} {
		if _, err := verify.DecodeRotations(b); !verify.IsHard(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// largestRotations is as many rotations as are allowed, of sets as large as
// allowed, all signed by everybody, and the last set.
func largestRotations(t testing.TB) (first crew, chain []*verify.Rotation, last crew) {
	t.Helper()
	set := func(generation int) crew {
		var c crew
		for i := range verify.MaxSigners {
			secret := sha256.Sum256([]byte{byte(generation), byte(i)})
			k, err := sign.New(verify.ES256K, secret[:])
			if err != nil {
				t.Fatal(err)
			}
			c = append(c, k)
		}
		return c
	}
	first = set(0)
	before := first
	for g := range verify.MaxRotations {
		next := set(g + 1)
		r := statement(t, uint64(g+2), before, next)
		r.Reason = strings.Repeat("r", verify.MaxText)
		for _, k := range append(before[:len(before):len(before)], next...) {
			if err := k.SignRotation(r); err != nil {
				t.Fatal(err)
			}
		}
		chain, before = append(chain, r), next
	}
	return first, chain, before
}

// What the largest envelope costs a device: at most 3 of them by one peer before
// the peer is muted, if they are forged.
func BenchmarkCheckSignedRotated(b *testing.B) {
	first, chain, last := largestRotations(b)
	man := newMaker(b).manifest(b, 1, testImage(100))
	v := device(b, first)
	genuine := rotated(b, man, chain, last...)
	forged := bytes.Clone(genuine)
	forged[len(forged)-20] ^= 1 // in the last statement's last signature
	for name, env := range map[string][]byte{"genuine": genuine, "forged": forged} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(env)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.CheckSigned(env); (err == nil) != (name == "genuine") {
					b.Fatal(err)
				}
			}
		})
	}
}

// The largest chain fits its limits and an envelope.
func TestLargestRotationsFit(t *testing.T) {
	first, chain, before := largestRotations(t)
	man := newMaker(t).manifest(t, 1, testImage(100))
	env := rotated(t, man, chain, before...)
	if _, err := device(t, first).CheckSigned(env); err != nil {
		t.Fatal(err)
	}
	b, err := chain[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	all, err := verify.EncodeRotations(chain)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("largest rotation %d bytes, largest chain %d", len(b), len(all))
	if spare := verify.MaxEnvelopeSize - verify.MaxManifestSize - len(all); spare < verify.MaxSigners*120+16 {
		t.Errorf("%d bytes are left of an envelope for its signatures", spare)
	}
	extra := statement(t, verify.MaxRotations+2, before, newMaker(t).keys)
	if _, err := verify.EncodeRotations(append(chain, extra)); err == nil {
		t.Error("one rotation too many is encoded")
	}
}

// Whatever is decoded is encoded to the same bytes, and counts only with the
// signatures of the genuine statement.
func FuzzDecodeRotation(f *testing.F) {
	f.Add(golden(f, "rotation.cbor"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := verify.DecodeRotation(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft refusal: %v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x, %v", b, again, err)
		}
		one, _, _ := crews(t)
		if v := device(t, one); v.Adopt([]*verify.Rotation{r}) == nil && !bytes.Equal(b, golden(t, "rotation.cbor")) {
			t.Fatal("a rotation nobody signed is adopted")
		}
	})
}

func FuzzDecodeRotations(f *testing.F) {
	one, two, three := crews(f)
	b, err := verify.EncodeRotations([]*verify.Rotation{
		statement(f, 2, one, two, one[0], one[1], two[2]),
		statement(f, 3, two, three, two[0], two[2], three[1]),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := verify.DecodeRotations(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft refusal: %v", err)
			}
			return
		}
		again, err := verify.EncodeRotations(rs)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x, %v", b, again, err)
		}
	})
}
