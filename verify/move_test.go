package verify_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// at is the manufacturer's registry after so many moves; 0 is where the maker is.
func at(n byte) verify.RegistryRef {
	r := verify.RegistryRef{ChainID: 4690, Address: verify.Address{0xab, 19: 0xcd}}
	if n > 0 {
		r = verify.RegistryRef{ChainID: 1000 + uint64(n), Address: verify.Address{n}}
	}
	return r
}

// move makes a move signed by signers.
func move(t testing.TB, number uint64, from, to verify.RegistryRef, epoch uint64, keys crew, signers ...*sign.Key) *verify.Move {
	t.Helper()
	m := &verify.Move{Number: number, From: from, To: to, Epoch: epoch, Keys: keys.set()}
	if from.ChainID != to.ChainID {
		m.Endpoints = []verify.MoveEndpoint{{Operator: "one", URL: "https://one.example"}, {Operator: "two", URL: "https://two.example"}}
	}
	for _, k := range signers {
		if err := k.SignMove(m); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// turn is statement for a rotation in a registry.
func turn(t testing.TB, where verify.RegistryRef, epoch uint64, from, to crew, signers ...*sign.Key) *verify.Rotation {
	t.Helper()
	r := &verify.Rotation{Registry: where, Epoch: epoch, From: from.set(), To: to.set()}
	for _, k := range signers {
		if err := k.SignRotation(r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// carry signs a manifest that carries a history and encodes it.
func carry(t testing.TB, man *verify.Manifest, h verify.History, signers ...*sign.Key) []byte {
	t.Helper()
	e, err := sign.NewEnvelope(man)
	if err != nil {
		t.Fatal(err)
	}
	e.Rotations, e.Moves = h.Rotations, h.Moves
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

// boundTo is a manifest of a registry.
func boundTo(t testing.TB, where verify.RegistryRef, sequence uint64) *verify.Manifest {
	m := newMaker(t).manifest(t, sequence, testImage(100))
	m.Registry = where
	return m
}

// offerAt is offer by the registry that the manifest is bound to.
func offerAt(t testing.TB, man *verify.Manifest, env []byte, listed crew) *verify.View {
	view := offer(t, man, env, listed)
	view.Registry = man.Registry
	return view
}

// deviceAt is a camera provisioned with a crew's keys in a registry.
func deviceAt(t testing.TB, where verify.RegistryRef, pinned crew) *verify.Verifier {
	v := device(t, pinned)
	v.Registry = where
	return v
}

// life is a manufacturer's history with everything in it: a move, a rotation in
// the new registry, another move, another rotation.
func life(t testing.TB) verify.History {
	one, two, three := crews(t)
	return verify.History{
		Moves: []*verify.Move{
			move(t, 1, at(0), at(1), 1, one, one[0], one[2]),
			move(t, 2, at(1), at(2), 2, two, two[1], two[2]),
		},
		Rotations: []*verify.Rotation{
			turn(t, at(1), 2, one, two, one[0], one[1], two[2]),
			turn(t, at(2), 3, two, three, two[0], two[2], three[1]),
		},
	}
}

// A device of any age, in any of the registries, follows to the last one, and
// only its quorum's view approves; then the old registry has lost its authority.
func TestMovesLeadToTheRegistryThatCounts(t *testing.T) {
	one, two, three := crews(t)
	h := life(t)
	man := boundTo(t, at(2), 9)
	env := carry(t, man, h, three[0], three[1])
	for name, v := range map[string]*verify.Verifier{
		"first registry, first keys":   deviceAt(t, at(0), one),
		"second registry, first keys":  deviceAt(t, at(1), one),
		"second registry, second keys": deviceAt(t, at(1), two),
		"third registry, second keys":  deviceAt(t, at(2), two),
		"third registry, third keys":   deviceAt(t, at(2), three),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := v.CheckSigned(env)
			if err != nil {
				t.Fatal(err)
			}
			if last := s.Move(); (last == nil) != (v.Registry == at(2)) || last != nil && last.To != at(2) {
				t.Errorf("it has to move to %+v", last)
			}
			old := offerAt(t, man, env, three)
			old.Registry = v.Registry
			if v.Registry != at(2) {
				_, err = v.Approve(s, old, 0)
				wantRefusal(t, err, verify.AttackWrongChain, false)
			}
			_, err = v.Approve(s, offerAt(t, man, env, two), 0)
			wantRefusal(t, err, verify.AttackKeyCompromise, false)
			before := v.CurrentRegistry()
			a, err := v.Approve(s, offerAt(t, man, env, three), 0)
			if err != nil {
				t.Fatal(err)
			}
			if v.CurrentRegistry() != before {
				t.Error("approving changed the registry in force")
			}
			if err := v.AdoptHistory(a.History()); err != nil {
				t.Fatal(err)
			}
			if v.CurrentRegistry() != at(2) || !v.Keys().Equal(three.set()) || len(v.Moves()) != 2 {
				t.Errorf("afterwards: %s with %v", v.CurrentRegistry(), v.Keys())
			}
			if err := v.AdoptHistory(a.History()); err != nil {
				t.Errorf("once more: %v", err)
			}
			// What is signed for the old registries counts no more; what is
			// signed for the new one needs no history.
			for n := range byte(2) {
				left := boundTo(t, at(n), 10)
				_, err := v.CheckSigned(carry(t, left, verify.History{}, three[0], three[1]))
				wantRefusal(t, err, verify.AttackUnapproved, false)
			}
			next := boundTo(t, at(2), 10)
			plain := carry(t, next, verify.History{}, three[0], three[2])
			if _, err := approve(v, plain, offerAt(t, next, plain, three)); err != nil {
				t.Errorf("the next release: %v", err)
			}
			if a, err := v.Approve(a.Signed, offerAt(t, man, env, three), 0); err != nil {
				t.Errorf("what was approved before: %v", err)
			} else if err := a.CheckInstall(offerAt(t, man, env, three), verify.Device{}); err != nil {
				t.Errorf("what was approved before: %v", err)
			}
		})
	}
}

// A move wants a threshold of the keys in force: no stranger, no single key, no
// retired set can take a device anywhere.
func TestThreatRegistryMoveForged(t *testing.T) {
	one, two, _ := crews(t)
	thief := crew{fixedKey(t, verify.EdDSA, 66), fixedKey(t, verify.EdDSA, 67), fixedKey(t, verify.EdDSA, 68)}
	evil := verify.RegistryRef{ChainID: 666, Address: verify.Address{6}}
	forged := move(t, 1, at(0), evil, 1, one, one[2], one[0])
	forged.Signatures[1].Raw = bytes.Clone(forged.Signatures[1].Raw)
	forged.Signatures[1].Raw[len(forged.Signatures[1].Raw)-1] ^= 1
	for name, c := range map[string]struct {
		move   *verify.Move
		attack string
	}{
		"nobody":                     {move(t, 1, at(0), evil, 1, one), verify.AttackKeyCompromise},
		"one stolen key":             {move(t, 1, at(0), evil, 1, one, one[2]), verify.AttackKeyCompromise},
		"one stolen and a forged":    {forged, verify.AttackArbitrary},
		"threshold lowered":          {lowered(t, evil, one), verify.AttackArbitrary},
		"keys of the thief's own":    {move(t, 1, at(0), evil, 1, thief, thief...), verify.AttackArbitrary},
		"one stolen and the thief's": {move(t, 1, at(0), evil, 1, crew{one[2], thief[0], thief[1]}, thief[0], thief[1]), verify.AttackArbitrary},
	} {
		t.Run(name, func(t *testing.T) {
			h := verify.History{Moves: []*verify.Move{c.move}}
			v := deviceAt(t, at(0), one)
			err := v.AdoptHistory(h)
			if name == "keys of the thief's own" || name == "one stolen and the thief's" || name == "threshold lowered" {
				wantRefusal(t, err, verify.AttackKeyCompromise, false) // not the keys in force
			} else {
				wantRefusal(t, err, c.attack, true)
			}
			// The best that a thief could do: a release that the manufacturer
			// signed without looking at what it carries.
			man := boundTo(t, evil, 1)
			_, err = v.CheckSigned(carry(t, man, h, one[0], one[1]))
			wantRefusal(t, err, c.attack, true)
			if v.CurrentRegistry() != at(0) {
				t.Fatal("the registry in force has changed")
			}
			honest := verify.History{Moves: []*verify.Move{move(t, 1, at(0), at(1), 1, one, one[0], one[1])}}
			man = boundTo(t, at(1), 1)
			env := carry(t, man, honest, one[0], one[1])
			if _, err := approve(v, env, offerAt(t, man, env, one)); err != nil {
				t.Errorf("the honest move: %v", err)
			}
		})
	}

	// Two of the first keys were stolen, after they had been rotated out.
	v := deviceAt(t, at(0), one)
	if err := v.Adopt([]*verify.Rotation{turn(t, at(0), 2, one, two, one[0], one[1], two[2])}); err != nil {
		t.Fatal(err)
	}
	late := verify.History{
		Moves:     []*verify.Move{move(t, 1, at(0), evil, 1, one, one[1], one[2])},
		Rotations: []*verify.Rotation{turn(t, evil, 2, one, two, one[0], one[1], two[2])},
	}
	wantRefusal(t, v.AdoptHistory(late), verify.AttackKeyCompromise, false)
	alone := verify.History{Moves: late.Moves}
	wantRefusal(t, v.AdoptHistory(alone), verify.AttackKeyCompromise, false)
	man := boundTo(t, evil, 1)
	_, err := v.CheckSigned(carry(t, man, alone, one[1], one[2]))
	wantRefusal(t, err, verify.AttackKeyCompromise, false)
	if v.CurrentRegistry() != at(0) {
		t.Fatal("retired keys moved a device")
	}
}

// lowered is a move by one stolen key that claims to be enough.
func lowered(t *testing.T, to verify.RegistryRef, keys crew) *verify.Move {
	m := move(t, 1, at(0), to, 1, keys)
	m.Keys.Threshold = 1
	if err := keys[2].SignMove(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// A chain of moves, a move back among them: what was followed once, or made
// before a device's time, leads nowhere again.
func TestThreatRegistryMoveReplayed(t *testing.T) {
	one, _, _ := crews(t)
	first := move(t, 1, at(0), at(1), 1, one, one[0], one[1])
	back := move(t, 2, at(1), at(0), 1, one, one[1], one[2])
	again := move(t, 3, at(0), at(1), 1, one, one[0], one[2])
	on := move(t, 4, at(1), at(3), 1, one, one[0], one[1])
	moves := []*verify.Move{first, back, again, on}
	history := func(n int) verify.History { return verify.History{Moves: moves[:n]} }
	check := func(v *verify.Verifier, n int) error {
		where := v.Registry
		if n > 0 {
			where = moves[n-1].To
		}
		_, err := v.CheckSigned(carry(t, boundTo(t, where, 5), history(n), one[0], one[1]))
		return err
	}
	v := deviceAt(t, at(0), one)
	early, err := v.CheckSigned(carry(t, boundTo(t, at(1), 5), history(1), one[0], one[1]))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		if n == 3 {
			// Back in the first registry: the first move is no way out of it.
			wantRefusal(t, check(v, 1), verify.AttackUnapproved, false)
			_, err := v.Approve(early, offerAt(t, early.Manifest(), early.Envelope(), one), 0)
			wantRefusal(t, err, verify.AttackUnapproved, false)
			wantRefusal(t, v.AdoptHistory(history(1)), verify.AttackUnapproved, false)
			if err := check(v, 0); err != nil {
				t.Errorf("a release of the first registry: %v", err)
			}
		}
		if err := v.AdoptHistory(history(n)); err != nil {
			t.Fatalf("move %d: %v", n, err)
		}
		if v.CurrentRegistry() != moves[n-1].To {
			t.Fatalf("after move %d: %s", n, v.CurrentRegistry())
		}
		// A device remembers it over a restart.
		b, err := verify.History{Moves: v.Moves()}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		h, err := verify.DecodeHistory(b)
		if err != nil {
			t.Fatal(err)
		}
		v = deviceAt(t, at(0), one)
		if err := v.AdoptHistory(h); err != nil {
			t.Fatal(err)
		}
		if v.CurrentRegistry() != moves[n-1].To || len(v.Moves()) != n {
			t.Fatalf("restarted after move %d: %s, %d moves", n, v.CurrentRegistry(), len(v.Moves()))
		}
		for older := range n {
			err := check(v, older)
			if older > 0 && moves[older-1].To == v.CurrentRegistry() || older == 0 && at(0) == v.CurrentRegistry() {
				if err != nil { // bound to the registry that is in force
					t.Errorf("after move %d, a release of the time after %d: %v", n, older, err)
				}
				continue
			}
			wantRefusal(t, err, verify.AttackUnapproved, false)
		}
	}
	// A device that was made in the second time of the first registry knows the
	// moves before it from its provisioning.
	v = deviceAt(t, at(0), one)
	if err := v.AdoptHistory(history(2)); err != nil || v.CurrentRegistry() != at(0) {
		t.Fatal(err, v.CurrentRegistry())
	}
	wantRefusal(t, check(v, 1), verify.AttackUnapproved, false)
	if err := check(v, 4); err != nil {
		t.Errorf("all moves: %v", err)
	}
	// Without them it still takes only the last way out.
	v = deviceAt(t, at(0), one)
	if s, err := v.CheckSigned(carry(t, boundTo(t, at(3), 5), history(4), one[0], one[1])); err != nil || s.Move() != s.Moves()[3] {
		t.Errorf("%+v, %v", s, err)
	}
}

// A move from a registry to itself is made once by each device that stands there,
// and never again; what retired keys signed before a device's time is none of its
// business.
func TestResetIsMadeOnce(t *testing.T) {
	one, two, _ := crews(t)
	reset := move(t, 1, at(0), at(0), 1, one, one[0], one[1])
	if !reset.Reset() || move(t, 1, at(0), at(1), 1, one).Reset() {
		t.Error("what is a reset?")
	}
	h := verify.History{Moves: []*verify.Move{reset}}
	env := carry(t, boundTo(t, at(0), 5), h, one[0], one[2])
	if !verify.CarriesMoves(env) || verify.CarriesMoves(carry(t, boundTo(t, at(0), 5), verify.History{}, one[0])) || verify.CarriesMoves(nil) {
		t.Error("which envelopes carry moves?")
	}
	v := deviceAt(t, at(0), one)
	s, err := v.CheckSigned(env)
	if err != nil || s.Move() != s.Moves()[0] || len(v.Route(s)) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := v.AdoptHistory(s.History()); err != nil || len(v.Moves()) != 1 || len(v.Route(s)) != 0 {
		t.Fatalf("%v, %d moves, to make: %d", err, len(v.Moves()), len(v.Route(s)))
	}
	if again, err := v.CheckSigned(env); err != nil || again.Move() != nil {
		t.Errorf("the reset that was made: %v", err)
	}
	forged := carry(t, boundTo(t, at(0), 5), verify.History{Moves: []*verify.Move{move(t, 1, at(0), at(0), 1, one, one[0])}}, one[0], one[2])
	_, err = deviceAt(t, at(0), one).CheckSigned(forged)
	wantRefusal(t, err, verify.AttackKeyCompromise, true)

	// Two on the way behind a move: both are made with it.
	h.Moves = []*verify.Move{move(t, 1, at(1), at(0), 1, one, one[0], one[1]), move(t, 2, at(0), at(0), 1, one, one[0], one[1]), move(t, 3, at(0), at(0), 1, one, one[0], one[1])}
	env = carry(t, boundTo(t, at(0), 5), h, one[0], one[2])
	for n, v := range []*verify.Verifier{deviceAt(t, at(1), one), deviceAt(t, at(0), one)} {
		if s, err := v.CheckSigned(env); err != nil || len(v.Route(s)) != 3-n {
			t.Errorf("from %s: %d to make, %v", v.Registry, len(v.Route(s)), err)
		}
	}
	// Provisioned after a rotation.
	h = verify.History{Moves: []*verify.Move{reset}, Rotations: []*verify.Rotation{turn(t, at(0), 2, one, two, one[0], one[1], two[2])}}
	late := deviceAt(t, at(0), two)
	if s, err := late.CheckSigned(carry(t, boundTo(t, at(0), 5), h, two[0], two[1])); err != nil || s.Move() != nil {
		t.Errorf("a reset from before a device's time: %v", err)
	}
	// Before its time is also what the keys signed that a device has seen replaced.
	v = deviceAt(t, at(0), one)
	if err := v.Adopt(h.Rotations); err != nil {
		t.Fatal(err)
	}
	if s, err := v.CheckSigned(carry(t, boundTo(t, at(0), 5), h, two[0], two[1])); err != nil || s.Move() != nil {
		t.Errorf("a reset by retired keys: %v", err)
	}
	// What was checked before another move was made.
	v = deviceAt(t, at(0), one)
	h = verify.History{Moves: []*verify.Move{move(t, 1, at(0), at(1), 1, one, one[0], one[1]), move(t, 2, at(1), at(2), 1, one, one[0], one[1])}}
	if s, err = v.CheckSigned(carry(t, boundTo(t, at(2), 5), h, one[0], one[1])); err != nil || len(v.Route(s)) != 2 {
		t.Fatal(err)
	}
	if err := v.AdoptHistory(verify.History{Moves: h.Moves[:1]}); err != nil || len(v.Route(s)) != 1 || v.Route(s)[0].Number != 2 {
		t.Errorf("%v, to make: %v", err, v.Route(s))
	}
}

// A threshold signed two different first moves: the device stays on the way that
// it took, and the manufacturer can lead it on from there.
func TestThreatRegistryMoveForked(t *testing.T) {
	one, _, _ := crews(t)
	taken := move(t, 1, at(0), at(1), 1, one, one[0], one[1])
	other := move(t, 1, at(0), at(2), 1, one, one[1], one[2])
	v := deviceAt(t, at(0), one)
	if err := v.AdoptHistory(verify.History{Moves: []*verify.Move{taken}}); err != nil {
		t.Fatal(err)
	}
	fork := verify.History{Moves: []*verify.Move{other}}
	wantRefusal(t, v.AdoptHistory(fork), verify.AttackRollback, false)
	_, err := v.CheckSigned(carry(t, boundTo(t, at(2), 2), fork, one[0], one[1]))
	wantRefusal(t, err, verify.AttackRollback, false)
	longer := verify.History{Moves: []*verify.Move{other, move(t, 2, at(2), at(3), 1, one, one[0], one[1])}}
	wantRefusal(t, v.AdoptHistory(longer), verify.AttackRollback, false)

	repaired := verify.History{Moves: []*verify.Move{
		other, move(t, 2, at(2), at(1), 1, one, one[0], one[1]), move(t, 3, at(1), at(3), 1, one, one[0], one[1]),
	}}
	if err := v.AdoptHistory(repaired); err != nil || v.CurrentRegistry() != at(3) {
		t.Errorf("%v, in %s", err, v.CurrentRegistry())
	}
	elsewhere := deviceAt(t, at(0), one)
	if err := elsewhere.AdoptHistory(fork); err != nil {
		t.Fatal(err)
	}
	if err := elsewhere.AdoptHistory(repaired); err != nil || elsewhere.CurrentRegistry() != at(3) {
		t.Errorf("the other way: %v, in %s", err, elsewhere.CurrentRegistry())
	}
}

// A registry that no move leads to from where the device is stays foreign.
func TestThreatRegistryMoveForeign(t *testing.T) {
	one, _, _ := crews(t)
	h := verify.History{Moves: []*verify.Move{move(t, 1, at(5), at(6), 1, one, one[0], one[1])}}
	v := deviceAt(t, at(0), one)
	wantRefusal(t, v.AdoptHistory(h), verify.AttackUnapproved, true)
	_, err := v.CheckSigned(carry(t, boundTo(t, at(6), 2), h, one[0], one[1]))
	wantRefusal(t, err, verify.AttackUnapproved, true)
	// The moves lead to another registry than the manifest is bound to.
	h = verify.History{Moves: []*verify.Move{move(t, 1, at(0), at(1), 1, one, one[0], one[1])}}
	for _, where := range []verify.RegistryRef{at(0), at(2)} {
		_, err = v.CheckSigned(carry(t, boundTo(t, where, 2), h, one[0], one[1]))
		wantRefusal(t, err, verify.AttackUnapproved, true)
	}
}

// Keys and registry change at the same time, in either order.
func TestKeysAreRotatedWithTheMove(t *testing.T) {
	one, two, _ := crews(t)
	for name, h := range map[string]verify.History{
		"move first": {
			Moves:     []*verify.Move{move(t, 1, at(0), at(1), 1, one, one[0], one[1])},
			Rotations: []*verify.Rotation{turn(t, at(1), 2, one, two, one[0], one[1], two[2])},
		},
		"rotation first": {
			Moves:     []*verify.Move{move(t, 1, at(0), at(1), 2, two, two[0], two[2])},
			Rotations: []*verify.Rotation{turn(t, at(0), 2, one, two, one[0], one[1], two[2])},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := deviceAt(t, at(0), one)
			man := boundTo(t, at(1), 4)
			env := carry(t, man, h, two[1], two[2])
			a, err := approve(v, env, offerAt(t, man, env, two))
			if err != nil {
				t.Fatal(err)
			}
			if err := v.AdoptHistory(a.History()); err != nil {
				t.Fatal(err)
			}
			if v.CurrentRegistry() != at(1) || !v.Keys().Equal(two.set()) {
				t.Errorf("%s with %v", v.CurrentRegistry(), v.Keys())
			}
			_, err = v.CheckSigned(carry(t, boundTo(t, at(1), 5), verify.History{}, one[1], one[2]))
			wantRefusal(t, err, verify.AttackKeyCompromise, false)
		})
	}
}

// A history has one order; nothing fits into it but what belongs there.
func TestHistoryIsWhole(t *testing.T) {
	one, _, three := crews(t)
	for _, good := range []verify.History{life(t), pendulum(t, verify.MaxMoves)} {
		if err := good.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(h *verify.History){
		"rotation": func(h *verify.History) { h.Rotations[1].Signatures[0].Raw = []byte{1} },
		"move":     func(h *verify.History) { h.Moves[1].Signatures[0].Raw = []byte{1} },
	} {
		h := life(t)
		spoil(&h)
		if _, err := h.Encode(); err == nil {
			t.Errorf("a %s with a signature that is none is encoded", name)
		}
	}
	for name, change := range map[string]func(h *verify.History){
		"first move left out":            func(h *verify.History) { h.Moves = h.Moves[1:] },
		"moves swapped":                  func(h *verify.History) { slices.Reverse(h.Moves) },
		"first rotation left out":        func(h *verify.History) { h.Rotations = h.Rotations[1:] },
		"rotations left out":             func(h *verify.History) { h.Rotations = nil },
		"last rotation left out":         func(h *verify.History) { h.Rotations, h.Moves[1].Epoch = h.Rotations[:1], 3 },
		"moves left out":                 func(h *verify.History) { h.Moves = nil },
		"number skipped":                 func(h *verify.History) { h.Moves[1].Number = 3 },
		"from elsewhere":                 func(h *verify.History) { h.Moves[1].From = at(7) },
		"epochs go back":                 func(h *verify.History) { h.Moves[0].Epoch, h.Moves[0].Keys = 3, three.set() },
		"keys of another epoch":          func(h *verify.History) { h.Moves[1].Keys = three.set() },
		"epoch of other keys":            func(h *verify.History) { h.Moves[1].Epoch = 1 },
		"epoch to which nothing leads":   func(h *verify.History) { h.Moves[1].Epoch = 4 },
		"rotation in the old registry":   func(h *verify.History) { h.Rotations[0].Registry = at(0) },
		"rotation in the later registry": func(h *verify.History) { h.Rotations[0].Registry = at(2) },
		"too many":                       func(h *verify.History) { *h = pendulum(t, verify.MaxMoves+1) },
	} {
		t.Run(name, func(t *testing.T) {
			h := life(t)
			change(&h)
			if err := h.Validate(); err == nil {
				t.Fatal("valid")
			}
			if _, err := h.Encode(); err == nil {
				t.Error("encoded")
			}
			e := &verify.Envelope{Manifest: man2(t), Rotations: h.Rotations, Moves: h.Moves}
			if _, err := e.Encode(); err == nil {
				t.Error("encoded in an envelope")
			}
			if _, err := e.External(); err == nil {
				t.Error("signable")
			}
			if len(h.Moves) > 0 {
				wantRefusal(t, deviceAt(t, at(0), one).AdoptHistory(h), verify.AttackMalformed, true)
			}
			_, err := verify.DecodeHistory(rawHistory(t, h))
			if len(h.Moves) > 0 || len(h.Rotations) > 0 {
				wantRefusal(t, err, verify.AttackMalformed, true)
			}
		})
	}
	if _, err := (verify.History{}).Encode(); err == nil {
		t.Error("an empty history is encoded")
	}
	untrusting := deviceAt(t, at(0), one)
	untrusting.Trust = nil
	if err := untrusting.AdoptHistory(verify.History{Moves: []*verify.Move{move(t, 1, at(0), at(1), 1, one, one[0], one[1])}}); err == nil {
		t.Error("adopted without a Trust")
	}
}

// pendulum moves there and back so many times.
func pendulum(t testing.TB, n int) (h verify.History) {
	one, _, _ := crews(t)
	for i := range n {
		m := move(t, uint64(i+1), at(byte(i%2)), at(byte((i+1)%2)), 1, one, one[0], one[1])
		h.Moves = append(h.Moves, m)
	}
	return h
}

// rawHistory encodes what Encode refuses.
func rawHistory(t *testing.T, h verify.History) []byte {
	t.Helper()
	rotations, moves := [][]byte{}, [][]byte{}
	for _, r := range h.Rotations {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		rotations = append(rotations, b)
	}
	for _, m := range h.Moves {
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		moves = append(moves, b)
	}
	b, err := sorted.Marshal([]any{rotations, moves})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Nobody adds, drops or changes a move of a genuine envelope.
func TestThreatRegistryMoveModified(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for long")
	}
	one, _, three := crews(t)
	man := boundTo(t, at(2), 9)
	env := carry(t, man, life(t), three[0], three[1])
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
	bare := life(t)
	for name, b := range map[string][]byte{
		"fewer signatures":  change(func(e *verify.Envelope) { e.Moves[0].Signatures = e.Moves[0].Signatures[1:] }),
		"another reason":    change(func(e *verify.Envelope) { e.Moves[0].Reason = "because" }),
		"another endpoint":  change(func(e *verify.Envelope) { e.Moves[1].Endpoints[0].URL = "https://evil.example" }),
		"rotation's reason": change(func(e *verify.Envelope) { e.Rotations[0].Reason = "because" }),
		"one more": change(func(e *verify.Envelope) {
			e.Moves = append(e.Moves, move(t, 3, at(2), at(4), 3, three, three[0], three[1]))
		}),
		"all stripped": change(func(e *verify.Envelope) { e.Rotations, e.Moves = nil, nil }),
		"signed without, put on": func() []byte {
			e, err := sign.NewEnvelope(man)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range three[:2] {
				if err := k.Sign(e); err != nil {
					t.Fatal(err)
				}
			}
			e.Rotations, e.Moves = bare.Rotations, bare.Moves
			b, err := e.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []*verify.Verifier{deviceAt(t, at(0), one), deviceAt(t, at(2), three)} {
				_, err := v.CheckSigned(b)
				wantRefusal(t, err, verify.AttackArbitrary, true)
			}
		})
	}
	v := deviceAt(t, at(2), three) // which would not look at the statements
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

	// A signature for one purpose counts for no other.
	m, r := life(t).Moves[0], life(t).Rotations[0]
	payload, err := m.Payload()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Signatures {
		if !m.Verify(s) {
			t.Error("a genuine signature is wrong")
		}
		if (&verify.Envelope{Manifest: payload}).Verify(s) || r.Verify(s) {
			t.Error("a move's signature is good on something else")
		}
	}
}

// The endpoints of the last move that names some count, but not past the place
// where the device was provisioned with its own.
func TestMovesSayWhomToAsk(t *testing.T) {
	one, _, _ := crews(t)
	same := at(1)
	same.Address[3] = 9 // on the chain of at(1)
	moves := []*verify.Move{
		move(t, 1, at(0), at(1), 1, one, one[0], one[1]),
		move(t, 2, at(1), same, 1, one, one[0], one[1]),
	}
	for name, c := range map[string]struct {
		v     *verify.Verifier
		moves []*verify.Move
		want  *verify.Move
	}{
		"no move":                     {deviceAt(t, at(0), one), nil, nil},
		"to another chain":            {deviceAt(t, at(0), one), moves[:1], moves[0]},
		"on within it":                {deviceAt(t, at(0), one), moves, moves[0]},
		"provisioned within it":       {deviceAt(t, at(1), one), moves, nil},
		"provisioned at the very end": {deviceAt(t, same, one), moves, moves[0]},
	} {
		if got := c.v.AskAbout(c.moves); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestMovesAreAdoptedInStepsAndAtOnce(t *testing.T) {
	one, _, three := crews(t)
	h := life(t)
	steps := []verify.History{
		{}, {Moves: h.Moves[:1]}, {Moves: h.Moves[:1], Rotations: h.Rotations[:1]}, {Moves: h.Moves, Rotations: h.Rotations[:1]}, h,
	}
	v := deviceAt(t, at(0), one)
	var wait sync.WaitGroup
	for range 4 {
		for _, step := range steps {
			wait.Go(func() {
				_ = v.AdoptHistory(step) // an early one may come too late
				_, _, _ = v.CurrentRegistry(), v.Moves(), v.Keys()
			})
		}
	}
	wait.Wait()
	if v.CurrentRegistry() != at(2) || !v.Keys().Equal(three.set()) {
		t.Errorf("%s with %v in force", v.CurrentRegistry(), v.Keys())
	}
}

func TestMoveNamesWhoHasNotSigned(t *testing.T) {
	one, _, _ := crews(t)
	err := move(t, 1, at(0), at(1), 1, one, one[0]).Check()
	if err == nil || !strings.Contains(err.Error(), one[1].Public().String()) || !strings.Contains(err.Error(), one[2].Public().String()) ||
		strings.Contains(err.Error(), one[0].Public().String()) {
		t.Errorf("%v", err)
	}
	m := move(t, 1, at(0), at(1), 1, one, one[0])
	if err := fixedKey(t, verify.EdDSA, 90).SignMove(m); err == nil {
		t.Error("a stranger signs")
	}
	if err := one[0].SignMove(m); err == nil {
		t.Error("a key signs twice")
	}
}

// What stands at a limit is honest, and what is beyond it is not.
func TestMovesAtTheirLimits(t *testing.T) {
	one, _, _ := crews(t)
	operators := func(n int) (out []verify.MoveEndpoint) {
		for i := range n {
			out = append(out, verify.MoveEndpoint{Operator: fmt.Sprint("operator ", i), URL: fmt.Sprintf("https://%d.example/~", i)})
		}
		return out
	}
	for name, c := range map[string]struct {
		change func(m *verify.Move)
		ok     bool
	}{
		"as many endpoints as may be":    {func(m *verify.Move) { m.Endpoints = operators(verify.MaxMoveEndpoints) }, true},
		"one more":                       {func(m *verify.Move) { m.Endpoints = operators(verify.MaxMoveEndpoints + 1) }, false},
		"URL not ASCII":                  {func(m *verify.Move) { m.Endpoints[0].URL = "https://\u00e4.example" }, false},
		"all to start and to stop":       {func(m *verify.Move) { m.StartOf, m.StopOf = 3, 3 }, true},
		"more to start than there are":   {func(m *verify.Move) { m.StartOf = 4 }, false},
		"more to stop than there are":    {func(m *verify.Move) { m.StopOf = 4 }, false},
		"more to stop than to start":     {func(m *verify.Move) { m.StartOf, m.StopOf = 2, 3 }, false},
		"to stop alone":                  {func(m *verify.Move) { m.StopOf = 3 }, true},
		"barely more than half to start": {func(m *verify.Move) { m.StartOf = 2 }, true},
		"half to start":                  {func(m *verify.Move) { m.Endpoints, m.StartOf = operators(4), 2 }, false},
		"within a chain, no endpoint":    {func(m *verify.Move) { m.To.ChainID, m.Endpoints = m.From.ChainID, nil }, true},
		"to another chain, no endpoint":  {func(m *verify.Move) { m.Endpoints = nil }, false},
	} {
		m := move(t, 1, at(0), at(1), 1, one)
		m.Endpoints = operators(3)
		c.change(m)
		if err := m.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMoveHasOneEncoding(t *testing.T) {
	one, _, _ := crews(t)
	full := move(t, 1, at(0), at(1), 1, one)
	full.StartOf, full.StopOf, full.Finality, full.Reason = 2, 1, "finalized", "the chain died"
	for _, k := range []*sign.Key{one[0], one[1]} {
		if err := k.SignMove(full); err != nil {
			t.Fatal(err)
		}
	}
	good, err := full.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := verify.DecodeMove(good); err != nil || fmt.Sprintf("%+v", m.Endpoints) != fmt.Sprintf("%+v", full.Endpoints) || m.Reason != full.Reason {
		t.Errorf("decoded: %+v, %v", m, err)
	}
	file := readSigned(t, good)
	with := func(key int, value any) []byte { return file.with(t, key, value) }
	endpoints := func(e ...[]string) any { return e }
	for name, b := range map[string][]byte{
		"empty":                   nil,
		"trailing byte":           append(bytes.Clone(good), 0),
		"format 2":                with(1, 2),
		"number 0":                with(2, 0),
		"no old chain":            with(3, 0),
		"no old registry":         with(4, make([]byte, 20)),
		"old registry short":      with(4, make([]byte, 19)),
		"no new chain":            with(5, 0),
		"new registry long":       with(6, make([]byte, 21)),
		"epoch 0":                 with(7, 0),
		"threshold 0":             with(8, 0),
		"threshold too high":      with(8, 4),
		"threshold huge":          with(8, uint64(1<<63)),
		"keys absent":             with(9, nil),
		"key is none":             with(9, [][]byte{{1, 2, 3}}),
		"no endpoint":             with(10, endpoints()),
		"endpoints absent":        with(10, nil),
		"endpoint without URL":    with(10, endpoints([]string{"one"})),
		"endpoint of three":       with(10, endpoints([]string{"one", "https://a", "x"})),
		"operator not named":      with(10, endpoints([]string{"", "https://a"}, []string{"two", "https://b"})),
		"endpoint twice":          with(10, endpoints([]string{"one", "https://a"}, []string{"two", "https://a"})),
		"no URL":                  with(10, endpoints([]string{"one", ""}, []string{"two", "https://a"})),
		"another scheme":          with(10, endpoints([]string{"one", "file:///etc/passwd"}, []string{"two", "https://a"})),
		"a space":                 with(10, endpoints([]string{"one", "https://a b"}, []string{"two", "https://a"})),
		"unprintable":             with(10, endpoints([]string{"one", "https://a\x1b[2J"}, []string{"two", "https://a"})),
		"URL too long":            with(10, endpoints([]string{"one", "https://" + strings.Repeat("a", 121)}, []string{"two", "https://a"})),
		"nine endpoints":          with(10, endpoints(nineEndpoints()...)),
		"more to start than are":  with(11, 3),
		"half to start":           with(11, 1),
		"more to stop than start": with(12, 3),
		"finality unknown":        with(13, "pending"),
		"reason empty":            with(14, ""),
		"reason unprintable":      with(14, "a\x1b[2J"),
		"unknown field":           with(15, 1),
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
			_, err := verify.DecodeMove(b)
			wantRefusal(t, err, verify.AttackMalformed, true)
		})
	}
	_, err = verify.DecodeMove(append(bytes.Clone(good), make([]byte, verify.MaxMoveSize)...))
	wantRefusal(t, err, verify.AttackEndlessData, true)
	for name, b := range map[string][]byte{"none": {0x82, 0x80, 0x80}, "null": {0xf6}, "not statements": {0x82, 0x80, 0x81, 0x41, 1}, "rotations alone": {0x82, 0x81, 0x41, 1, 0x80}} {
		if _, err := verify.DecodeHistory(b); !verify.IsHard(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func nineEndpoints() (out [][]string) {
	for i := range 9 {
		out = append(out, []string{fmt.Sprint("operator ", i), fmt.Sprintf("https://%d.example", i)})
	}
	return out
}

// largestHistory is the largest chain of rotations with the largest moves.
func largestHistory(t testing.TB) (first crew, h verify.History, last crew) {
	t.Helper()
	first, h.Rotations, last = largestRotations(t)
	sets := make([]crew, 0, verify.MaxRotations+1)
	for g := range verify.MaxRotations + 1 {
		var c crew
		for i := range verify.MaxSigners {
			secret := sha256.Sum256([]byte{byte(g), byte(i)})
			k, err := sign.New(verify.ES256K, secret[:])
			if err != nil {
				t.Fatal(err)
			}
			c = append(c, k)
		}
		sets = append(sets, c)
	}
	for i := range verify.MaxMoves {
		keys := sets[i+1] // all sets but the first sign one
		m := move(t, uint64(i+1), at(byte(i%2)), at(byte((i+1)%2)), uint64(i+2), keys)
		m.Endpoints, m.Reason, m.Finality = nil, strings.Repeat("r", verify.MaxText), "finalized"
		for e := range verify.MaxMoveEndpoints {
			m.Endpoints = append(m.Endpoints, verify.MoveEndpoint{
				Operator: strings.Repeat("o", verify.MaxText-1) + fmt.Sprint(e), URL: "https://" + strings.Repeat("u", verify.MaxText-9) + fmt.Sprint(e),
			})
		}
		m.StartOf, m.StopOf = 8, 8
		for _, k := range keys {
			if err := k.SignMove(m); err != nil {
				t.Fatal(err)
			}
		}
		h.Moves = append(h.Moves, m)
	}
	// Each rotation was made where the moves before it led.
	for i, r := range h.Rotations {
		r.Registry, r.Signatures = at(byte(max(i, 0)%2)), nil
		for _, k := range append(slices.Clone(sets[i]), sets[i+1]...) {
			if err := k.SignRotation(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	return first, h, last
}

// The largest history fits its limits and an envelope.
func TestLargestHistoryFits(t *testing.T) {
	first, h, last := largestHistory(t)
	man := boundTo(t, at(verify.MaxMoves%2), 1)
	env := carry(t, man, h, last...)
	if _, err := deviceAt(t, at(0), first).CheckSigned(env); err != nil {
		t.Fatal(err)
	}
	b, err := h.Moves[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("largest move %d bytes, largest history %d", len(b), len(all))
	if spare := verify.MaxEnvelopeSize - verify.MaxManifestSize - len(all); spare < verify.MaxSigners*120+16 {
		t.Errorf("%d bytes are left of an envelope for its signatures", spare)
	}
	if again, err := verify.DecodeHistory(all); err != nil || len(again.Moves) != verify.MaxMoves {
		t.Errorf("decoded: %v", err)
	}
}

// Whatever is decoded is encoded to the same bytes, and counts only with the
// signatures of the genuine statement.
func FuzzDecodeMove(f *testing.F) {
	f.Add(golden(f, "move.cbor"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := verify.DecodeMove(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft refusal: %v", err)
			}
			return
		}
		again, err := m.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x, %v", b, again, err)
		}
		one, _, _ := crews(t)
		if v := deviceAt(t, at(0), one); v.AdoptHistory(verify.History{Moves: []*verify.Move{m}}) == nil && !bytes.Equal(b, golden(t, "move.cbor")) {
			t.Fatal("a move nobody signed is adopted")
		}
	})
}

func FuzzDecodeHistory(f *testing.F) {
	for _, h := range []verify.History{life(f), {Moves: life(f).Moves[:1]}, {Rotations: []*verify.Rotation{life(f).Rotations[0]}}} {
		b, err := h.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := verify.DecodeHistory(b)
		if err != nil {
			if !verify.IsHard(err) {
				t.Fatalf("soft refusal: %v", err)
			}
			return
		}
		again, err := h.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decoded from %x, encoded to %x, %v", b, again, err)
		}
	})
}
