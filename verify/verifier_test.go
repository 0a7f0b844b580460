package verify_test

import (
	"bytes"
	"testing"

	"camswarm/verify"
)

// The life of a release as a camera sees it: everything right passes.
func TestGenuineReleaseIsApprovedAndInstalled(t *testing.T) {
	m := newMaker(t)
	image := testImage(100_000)
	a, view := m.approved(t, m.manifest(t, 2, image))
	if a.Candidate().Sequence != 2 || a.Manifest().Sequence != 2 {
		t.Error("approved as another release")
	}
	if err := a.CheckInstall(view, verify.Device{Installed: 1}); err != nil {
		t.Error(err)
	}
	if _, err := a.CheckImage(bytes.NewReader(image), int64(len(image))); err != nil {
		t.Error(err)
	}
}

func TestApproveHoldsTheManifestAgainstTheChain(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 10, testImage(100_000))
	man.Expires = 1_800_000_000
	env := envelope(t, man, m.keys[0], m.keys[1])
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	rel := release(man, env)
	older, newer, newest := rel, rel, rel
	older.Sequence, newer.Sequence, newest.Sequence = 9, 11, 12
	barrier := rel
	barrier.Sequence = 4
	stranger := fixedKey(t, verify.ES256, 77).Public()
	fresh := func() *verify.View { return m.view(older, rel, newer) }

	for name, c := range map[string]struct {
		view   func() *verify.View
		now    uint64
		attack string // "": approved
		hard   bool
	}{
		"offered":                 {fresh, man.Expires - 1, "", false},
		"offered, last second":    {fresh, man.Expires, "", false},
		"offered, time unknown":   {fresh, 0, "", false},
		"offered, paused, halted": {func() *verify.View { v := fresh(); v.Paused = true; v.Candidates[1].Rollout.Halted = true; return v }, 1, "", false},
		"img_expired":             {fresh, man.Expires + 1, verify.AttackExpired, false},
		"rpc_wrong_chain: other chain": {func() *verify.View { v := fresh(); v.Registry.ChainID++; return v }, 1,
			verify.AttackWrongChain, false},
		"rpc_wrong_chain: other contract": {func() *verify.View { v := fresh(); v.Registry.Address[0]++; return v }, 1,
			verify.AttackWrongChain, false},
		"rpc_wrong_chain: other product": {func() *verify.View { v := fresh(); v.Product[0]++; return v }, 1,
			verify.AttackWrongChain, false},
		"vulnerability_to_key_compromises: key replaced on chain": {func() *verify.View {
			v := fresh()
			v.Keys.Keys = append([]verify.PublicKey{stranger}, v.Keys.Keys[1:]...)
			return v
		}, 1, verify.AttackKeyCompromise, false},
		"vulnerability_to_key_compromises: key added on chain": {func() *verify.View {
			v := fresh()
			v.Keys.Keys = append([]verify.PublicKey{stranger}, v.Keys.Keys...)
			return v
		}, 1, verify.AttackKeyCompromise, false},
		"vulnerability_to_key_compromises: threshold lowered on chain": {func() *verify.View { v := fresh(); v.Keys.Threshold = 1; return v }, 1,
			verify.AttackKeyCompromise, false},
		"vulnerability_to_key_compromises: no keys on chain": {func() *verify.View { v := fresh(); v.Keys = verify.KeySet{}; return v }, 1,
			verify.AttackKeyCompromise, false},
		"gossip_before_chain":                {func() *verify.View { return m.view(older) }, 1, verify.AttackBeforeChain, false},
		"gossip_before_chain: nothing there": {func() *verify.View { return m.view() }, 1, verify.AttackBeforeChain, false},
		"revoked: gap in the view": {func() *verify.View { return m.view(older, newer) }, 1,
			verify.AttackRevoked, false},
		"revoked: it was the latest": {func() *verify.View { v := m.view(older); v.Latest = 10; return v }, 1,
			verify.AttackRevoked, false},
		"revoked: nothing is left": {func() *verify.View { v := m.view(); v.Latest = 10; return v }, 1,
			verify.AttackRevoked, false},
		"revoked: marked": {func() *verify.View { v := fresh(); v.Candidates[1].Revoked = true; return v }, 1,
			verify.AttackRevoked, false},
		"rollback: superseded": {func() *verify.View { return m.view(newer, newest) }, 1, verify.AttackRollback, false},
		"rollback: superseded, old barrier offered": {func() *verify.View { v := m.view(newer, newest, barrier); v.Barrier = 4; return v }, 1,
			verify.AttackRollback, false},
		"rollback: below the floor": {func() *verify.View { v := fresh(); v.MinSequence = 11; return v }, 1,
			verify.AttackRollback, false},
		"floor is its own sequence": {func() *verify.View { v := fresh(); v.MinSequence = 10; return v }, 1, "", false},
		"mix_and_match: other envelope on chain": {func() *verify.View { v := fresh(); v.Candidates[1].Envelope[0]++; return v }, 1,
			verify.AttackMixAndMatch, true},
		"mix_and_match: other image on chain": {func() *verify.View { v := fresh(); v.Candidates[1].ImageSHA256[0]++; return v }, 1,
			verify.AttackMixAndMatch, false},
		"mix_and_match: other size on chain": {func() *verify.View { v := fresh(); v.Candidates[1].ImageSize++; return v }, 1,
			verify.AttackMixAndMatch, false},
		"mix_and_match: other version on chain": {func() *verify.View { v := fresh(); v.Candidates[1].Version += "x"; return v }, 1,
			verify.AttackMixAndMatch, false},
		"mix_and_match: other product's release": {func() *verify.View { v := fresh(); v.Candidates[1].Product[0]++; return v }, 1,
			verify.AttackMixAndMatch, false},
	} {
		t.Run(name, func(t *testing.T) {
			view := c.view()
			a, err := m.verifier.Approve(s, view, c.now)
			if c.attack == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefusal(t, err, c.attack, c.hard)
			if a != nil {
				t.Error("a refused release was returned")
			}
		})
	}
	if _, err := m.verifier.Approve(s, nil, 1); err == nil || verify.IsHard(err) {
		t.Errorf("no view: %v", err)
	}
}

// A sequence pushed far ahead is remembered by nobody: the honest releases
// below it are still approved, before and after.
func TestFastForward(t *testing.T) {
	m := newMaker(t)
	honest := m.manifest(t, 1, testImage(100))
	env := envelope(t, honest, m.keys[0], m.keys[1])
	view := m.view(release(honest, env))
	for sequence, attack := range map[uint64]string{
		2:                   verify.AttackBeforeChain,
		1 + verify.MaxLead:  verify.AttackBeforeChain,
		2 + verify.MaxLead:  verify.AttackFastForward,
		1<<64 - 1:           verify.AttackFastForward,
		verify.MaxLead << 8: verify.AttackFastForward,
	} {
		pushed, err := m.verifier.CheckSigned(envelope(t, m.manifest(t, sequence, testImage(200)), m.keys[0], m.keys[1]))
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.verifier.Approve(pushed, view, 1)
		wantRefusal(t, err, attack, false)
		s, err := m.verifier.CheckSigned(env)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.verifier.Approve(s, view, 1); err != nil {
			t.Errorf("honest release after sequence %d: %v", sequence, err)
		}
	}
}

// A verifier approves only what it checked itself, with what it trusts now.
func TestVulnerabilityToKeyCompromises_SignedByAnotherTrustIsNotApproved(t *testing.T) {
	m := newMaker(t)
	thief := fixedKey(t, verify.EdDSA, 66)
	man := m.manifest(t, 1, testImage(100))
	env := envelope(t, man, thief)
	rogue := m.verifier
	rogue.Pinned = verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{thief.Public()}}
	s, err := rogue.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	view := m.view(release(man, env))
	if _, err := m.verifier.Approve(s, view, 1); err == nil {
		t.Error("approved")
	}
	view.Keys = rogue.Pinned // and the chain sides with the thief
	if _, err := m.verifier.Approve(s, view, 1); err == nil {
		t.Error("approved because the chain lists the thief's key")
	}
	// Changing the verifier afterwards does not change what was checked.
	rogue.Pinned.Keys[0] = m.keys[0].Public()
	view.Keys = rogue.Pinned
	if _, err := rogue.Approve(s, view, 1); err == nil {
		t.Error("approved by a verifier that pins other keys now")
	}
}

func TestSignedDoesNotChangeWithTheCallersBytes(t *testing.T) {
	m := newMaker(t)
	env := envelope(t, m.manifest(t, 1, testImage(100)), m.keys[0], m.keys[1])
	want := bytes.Clone(env)
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	clear(env)
	if !bytes.Equal(s.Envelope(), want) {
		t.Error("the checked envelope changed with the buffer it came in")
	}
}

func TestCheckInstall(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 10, testImage(100_000))
	man.Hardware = []string{"A1", "B2"}
	man.MinSequence = 6
	man.Expires = 1_800_000_000
	a, genuine := m.approved(t, man)
	same := func(*verify.View) {}
	dev := verify.Device{Hardware: "B2", Installed: 9}

	for name, c := range map[string]struct {
		view   func(v *verify.View)
		dev    verify.Device
		attack string
	}{
		"may be installed":                    {same, dev, ""},
		"from the oldest allowed":             {same, verify.Device{Hardware: "A1", Installed: 6}, ""},
		"wrong_software_installation":         {same, verify.Device{Hardware: "C3", Installed: 9}, verify.AttackWrongSoftware},
		"wrong_software: revision unknown":    {same, verify.Device{Installed: 9}, verify.AttackWrongSoftware},
		"wrong_software: case differs":        {same, verify.Device{Hardware: "b2", Installed: 9}, verify.AttackWrongSoftware},
		"upd_wrong_precursor":                 {same, verify.Device{Hardware: "B2", Installed: 5}, verify.AttackPrecursor},
		"upd_wrong_precursor: factory image":  {same, verify.Device{Hardware: "B2"}, verify.AttackPrecursor},
		"rollback: the same again":            {same, verify.Device{Hardware: "B2", Installed: 10}, verify.AttackRollback},
		"rollback: newer runs":                {same, verify.Device{Hardware: "B2", Installed: 11}, verify.AttackRollback},
		"rollback: floor was raised":          {func(v *verify.View) { v.MinSequence = 11; v.Latest = 11 }, dev, verify.AttackRollback},
		"revoked since":                       {func(v *verify.View) { v.Candidates = nil }, dev, verify.AttackRevoked},
		"halted since":                        {func(v *verify.View) { v.Candidates[0].Rollout.Halted = true }, dev, verify.AttackHalted},
		"paused since":                        {func(v *verify.View) { v.Paused = true }, dev, verify.AttackHalted},
		"img_expired by the chain's time":     {func(v *verify.View) { v.Time = 1_800_000_001 }, dev, verify.AttackExpired},
		"keys changed since":                  {func(v *verify.View) { v.Keys.Threshold = 3 }, dev, verify.AttackKeyCompromise},
		"policy of another product":           {func(v *verify.View) { v.Product[3]++ }, dev, verify.AttackWrongChain},
		"barrier below it, device below":      {func(v *verify.View) { v.Barrier = 9 }, verify.Device{Hardware: "B2", Installed: 8}, verify.AttackPrecursor},
		"barrier below it, device on it":      {func(v *verify.View) { v.Barrier = 9 }, dev, ""},
		"it is the barrier":                   {func(v *verify.View) { v.Barrier = 10 }, verify.Device{Hardware: "B2", Installed: 8}, ""},
		"rollout paused is for Choose to say": {func(v *verify.View) { v.Candidates[0].Rollout = verify.Rollout{} }, dev, ""},
	} {
		t.Run(name, func(t *testing.T) {
			view := *genuine
			view.Candidates = append([]verify.Candidate(nil), genuine.Candidates...)
			c.view(&view)
			err := a.CheckInstall(&view, c.dev)
			if c.attack == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefusal(t, err, c.attack, false)
		})
	}
	if a.CheckInstall(nil, dev) == nil {
		t.Error("may be installed without a view")
	}

	man.Hardware = nil
	anyHardware, view := m.approved(t, man)
	if err := anyHardware.CheckInstall(view, verify.Device{Hardware: "Z9", Installed: 9}); err != nil {
		t.Errorf("release for every revision: %v", err)
	}
}
