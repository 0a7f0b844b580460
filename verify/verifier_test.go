package verify_test

import (
	"bytes"
	"slices"
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

// approveCase is a view that a genuine release 10 is held against.
type approveCase struct {
	view   func(v *verify.View)
	attack string // "": approved
	hard   bool
}

// tryApprove holds release 10, offered between 9 and 11, against each view.
func tryApprove(t *testing.T, cases map[string]approveCase) {
	t.Helper()
	m := newMaker(t)
	man := m.manifest(t, 10, testImage(100_000))
	env := envelope(t, man, m.keys[0], m.keys[1])
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	rel := release(man, env)
	older, newer := rel, rel
	older.Sequence, newer.Sequence = 9, 11
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			view := m.view(older, rel, newer)
			c.view(view)
			a, err := m.verifier.Approve(s, view, 1)
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
			if _, err := m.verifier.Approve(s, m.view(older, rel, newer), 1); err != nil {
				t.Errorf("against the honest view afterwards: %v", err)
			}
		})
	}
	if _, err := m.verifier.Approve(s, nil, 1); err == nil || verify.IsHard(err) {
		t.Errorf("no view: %v", err)
	}
}

// only leaves the candidates of these sequences in a view.
func only(sequences ...uint64) func(*verify.View) {
	return func(v *verify.View) {
		v.Candidates = slices.DeleteFunc(v.Candidates, func(c verify.Candidate) bool { return !slices.Contains(sequences, c.Sequence) })
	}
}

func TestWhatTheRegistryOffersIsApproved(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"offered":                   {view: func(*verify.View) {}},
		"paused and halted":         {view: func(v *verify.View) { v.Paused = true; v.Candidates[1].Rollout.Halted = true }},
		"floor is its own sequence": {view: func(v *verify.View) { v.MinSequence = 10 }},
	})
}

func TestThreatRPCWrongChain_View(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"other chain":    {func(v *verify.View) { v.Registry.ChainID++ }, verify.AttackWrongChain, false},
		"other contract": {func(v *verify.View) { v.Registry.Address[0]++ }, verify.AttackWrongChain, false},
		"other product":  {func(v *verify.View) { v.Product[0]++ }, verify.AttackWrongChain, false},
	})
}

// The registry lists other keys, and nobody signed a statement about it.
func TestThreatVulnerabilityToKeyCompromises_ChainKeysReplaced(t *testing.T) {
	stranger := fixedKey(t, verify.ES256, 77).Public()
	tryApprove(t, map[string]approveCase{
		"key replaced": {func(v *verify.View) {
			v.Keys.Keys = append([]verify.PublicKey{stranger}, v.Keys.Keys[1:]...)
		}, verify.AttackKeyCompromise, false},
		"key added": {func(v *verify.View) {
			v.Keys.Keys = append([]verify.PublicKey{stranger}, v.Keys.Keys...)
		}, verify.AttackKeyCompromise, false},
		"threshold lowered": {func(v *verify.View) { v.Keys.Threshold = 1 }, verify.AttackKeyCompromise, false},
		"no keys":           {func(v *verify.View) { v.Keys = verify.KeySet{} }, verify.AttackKeyCompromise, false},
	})
}

func TestThreatGossipBeforeChain_View(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"the view is older": {func(v *verify.View) { only(9)(v); v.Latest = 9 }, verify.AttackBeforeChain, false},
		"nothing there":     {func(v *verify.View) { only()(v); v.Latest = 0 }, verify.AttackBeforeChain, false},
	})
}

func TestThreatRevoked(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"gap in the view":   {only(9, 11), verify.AttackRevoked, false},
		"it was the latest": {func(v *verify.View) { only(9)(v); v.Latest = 10 }, verify.AttackRevoked, false},
		"nothing is left":   {func(v *verify.View) { only()(v); v.Latest = 10 }, verify.AttackRevoked, false},
		"marked":            {func(v *verify.View) { v.Candidates[1].Revoked = true }, verify.AttackRevoked, false},
	})
}

// An older genuine release is offered as new.
func TestThreatRollback(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"superseded": {func(v *verify.View) { only(11)(v); v.Latest = 12 }, verify.AttackRollback, false},
		"superseded, old barrier offered": {func(v *verify.View) {
			v.Candidates[2].Sequence, v.Barrier, v.Latest = 4, 4, 12
			only(4, 11)(v)
		}, verify.AttackRollback, false},
		"below the floor": {func(v *verify.View) { v.MinSequence = 11 }, verify.AttackRollback, false},
	})
	tryInstall(t, map[string]installCase{
		"the same again":   {same, verify.Device{Hardware: "B2", Installed: 10}, verify.AttackRollback},
		"newer runs":       {same, verify.Device{Hardware: "B2", Installed: 11}, verify.AttackRollback},
		"floor was raised": {func(v *verify.View) { v.MinSequence = 11; v.Latest = 11 }, onNine, verify.AttackRollback},
	})
}

// What the publisher records on chain overrides nothing that the signers said.
func TestThreatMfstOverride(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"other image":   {func(v *verify.View) { v.Candidates[1].ImageSHA256[0]++ }, verify.AttackMixAndMatch, false},
		"other size":    {func(v *verify.View) { v.Candidates[1].ImageSize++ }, verify.AttackMixAndMatch, false},
		"other version": {func(v *verify.View) { v.Candidates[1].Version += "x" }, verify.AttackMixAndMatch, false},
	})
}

// The envelope of one release in the place of another's.
func TestThreatMixAndMatch(t *testing.T) {
	tryApprove(t, map[string]approveCase{
		"other envelope":          {func(v *verify.View) { v.Candidates[1].Envelope[0]++ }, verify.AttackMixAndMatch, true},
		"other product's release": {func(v *verify.View) { v.Candidates[1].Product[0]++ }, verify.AttackMixAndMatch, false},
	})
}

// A sequence pushed far ahead is remembered by nobody: the honest releases
// below it are still approved, before and after.
func TestThreatFastForward(t *testing.T) {
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
func TestThreatVulnerabilityToKeyCompromises_SignedByAnotherTrustIsNotApproved(t *testing.T) {
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

// Nor is a product's release one of another product of the same manufacturer, although
// a view of that one offers the very same envelope.
func TestThreatMixAndMatch_SignedForAnotherProduct(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	env := envelope(t, man, m.keys...)
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	other := m.verifier
	other.Product.Name = "ucam-3"
	view := m.view(release(man, env))
	view.Product = other.Product.ID()
	view.Candidates[0].Product = view.Product
	if _, err := other.Approve(s, view, 1); err == nil {
		t.Error("approved")
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

// installCase is a device on which an approved release 10 is to be installed,
// and what the chain says by then.
type installCase struct {
	view   func(v *verify.View)
	dev    verify.Device
	attack string // "": may be installed
}

var (
	same   = func(*verify.View) {}
	onNine = verify.Device{Hardware: "B2", Installed: 9}
)

// tryInstall tries release 10, for hardware A1 and B2, from release 6 on and
// until 1 800 000 000, on each device.
func tryInstall(t *testing.T, cases map[string]installCase) {
	t.Helper()
	m := newMaker(t)
	man := m.manifest(t, 10, testImage(100_000))
	man.Hardware = []string{"A1", "B2"}
	man.MinSequence = 6
	man.Expires = 1_800_000_000
	a, genuine := m.approved(t, man)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			view := *genuine
			view.Candidates = slices.Clone(genuine.Candidates)
			c.view(&view)
			err := a.CheckInstall(&view, c.dev)
			if c.attack == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantRefusal(t, err, c.attack, false)
			if err := a.CheckInstall(genuine, onNine); err != nil {
				t.Errorf("where it fits: %v", err)
			}
		})
	}
}

func TestCheckInstall(t *testing.T) {
	tryInstall(t, map[string]installCase{
		"may be installed":                    {same, onNine, ""},
		"from the oldest allowed":             {same, verify.Device{Hardware: "A1", Installed: 6}, ""},
		"barrier below it, device on it":      {func(v *verify.View) { v.Barrier = 9 }, onNine, ""},
		"it is the barrier":                   {func(v *verify.View) { v.Barrier = 10 }, verify.Device{Hardware: "B2", Installed: 8}, ""},
		"rollout paused is for Choose to say": {func(v *verify.View) { v.Candidates[0].Rollout = verify.Rollout{} }, onNine, ""},
	})
	m := newMaker(t)
	a, view := m.approved(t, m.manifest(t, 10, testImage(100)))
	if a.CheckInstall(nil, onNine) == nil {
		t.Error("may be installed without a view")
	}
	if err := a.CheckInstall(view, verify.Device{Hardware: "Z9", Installed: 9}); err != nil {
		t.Errorf("release for every revision: %v", err)
	}
}

// Genuine firmware for another hardware revision: IMG.INCOMPATIBLE.
func TestThreatWrongSoftwareInstallation_Hardware(t *testing.T) {
	tryInstall(t, map[string]installCase{
		"other revision":   {same, verify.Device{Hardware: "C3", Installed: 9}, verify.AttackWrongSoftware},
		"revision unknown": {same, verify.Device{Installed: 9}, verify.AttackWrongSoftware},
		"case differs":     {same, verify.Device{Hardware: "b2", Installed: 9}, verify.AttackWrongSoftware},
	})
}

func TestThreatUpdWrongPrecursor(t *testing.T) {
	tryInstall(t, map[string]installCase{
		"too old":                        {same, verify.Device{Hardware: "B2", Installed: 5}, verify.AttackPrecursor},
		"factory image":                  {same, verify.Device{Hardware: "B2"}, verify.AttackPrecursor},
		"barrier below it, device below": {func(v *verify.View) { v.Barrier = 9 }, verify.Device{Hardware: "B2", Installed: 8}, verify.AttackPrecursor},
	})
}

// What was right when the release was approved may be wrong when it is
// installed: each check is made again with the newer view.
func TestThreatMfstTOCTOU(t *testing.T) {
	tryInstall(t, map[string]installCase{
		"revoked since":      {func(v *verify.View) { v.Candidates = nil }, onNine, verify.AttackRevoked},
		"halted since":       {func(v *verify.View) { v.Candidates[0].Rollout.Halted = true }, onNine, verify.AttackHalted},
		"paused since":       {func(v *verify.View) { v.Paused = true }, onNine, verify.AttackHalted},
		"keys changed since": {func(v *verify.View) { v.Keys.Threshold = 3 }, onNine, verify.AttackKeyCompromise},
		"another product":    {func(v *verify.View) { v.Product[3]++ }, onNine, verify.AttackWrongChain},
	})
}

func TestThreatImgExpired(t *testing.T) {
	m := newMaker(t)
	man := m.manifest(t, 1, testImage(100))
	man.Expires = 1_800_000_000
	env := envelope(t, man, m.keys[0], m.keys[1])
	s, err := m.verifier.CheckSigned(env)
	if err != nil {
		t.Fatal(err)
	}
	view := m.view(release(man, env))
	for now, attack := range map[uint64]string{man.Expires - 1: "", man.Expires: "", man.Expires + 1: verify.AttackExpired, 0: ""} {
		_, err := m.verifier.Approve(s, view, now)
		if attack == "" && err != nil {
			t.Errorf("at %d: %v", now, err)
		} else if attack != "" {
			wantRefusal(t, err, attack, false)
		}
	}
}

// A device that was off line does not know the time; what it installs by is the
// time of the chain, which it asks first.
func TestThreatImgExpiredOffline(t *testing.T) {
	tryInstall(t, map[string]installCase{
		"by the chain's time": {func(v *verify.View) { v.Time = 1_800_000_001 }, onNine, verify.AttackExpired},
		"in the last second":  {func(v *verify.View) { v.Time = 1_800_000_000 }, onNine, ""},
	})
}
