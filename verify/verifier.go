package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

var errNotApproved = errors.New("release was not approved: call CheckSigned and Approve first")

// Verifier holds what was provisioned on a device, the root of its trust.
type Verifier struct {
	Product  Product
	Registry RegistryRef
	Pinned   KeySet // the manufacturer's key set; the chain alone can never replace it
	Trust    *Trust // key sets adopted since, see [Verifier.Adopt]; nil: it adopts none
}

// Validate checks the provisioned values.
func (v *Verifier) Validate() error {
	if err := v.Product.Validate(); err != nil {
		return err
	}
	if err := v.Registry.Validate(); err != nil {
		return err
	}
	return v.Pinned.Validate()
}

func (v *Verifier) equal(o *Verifier) bool {
	return v.Product == o.Product && v.Registry == o.Registry && v.Pinned.Equal(o.Pinned)
}

// Signed is a manifest that a threshold of the pinned keys, or of the key set
// that rotations put in their place, signed for the pinned product and
// registry. Only [Verifier.CheckSigned] makes one.
type Signed struct {
	manifest *Manifest
	envelope []byte
	digest   [32]byte
	by       Verifier    // what it was checked with
	whole    atomic.Bool // bytes were seen with the image's whole digest

	rotations []*Rotation
	moves     []*Move
	path      []KeySet // from a set that the device trusted to the one that signed
	route     []*Move  // from where the device is to the manifest's registry
}

// CheckSigned decodes an encoded envelope and checks signatures, product and
// registry. It asks nobody: it is the cheap check that precedes any look at
// the chain.
//
// The signatures must be by a threshold of the key set in force, or of the one
// to which the envelope's rotations lead from it. Every signature must be valid
// and by a key of that set, so that nobody can make a second envelope out of a
// genuine one; the manifest is decoded only after the signatures held.
//
// A release of another registry is one for this device if the envelope's moves
// lead there from where the device is: see [Signed.Move].
//
// Its [Error]s are hard but for what the sender may not know yet: an envelope
// signed with keys that this device knows to be retired, or bound to a registry
// that it has left, is refused softly. A Verifier that is not valid gives another
// error.
func (v *Verifier) CheckSigned(envelope []byte) (*Signed, error) {
	if err := v.Validate(); err != nil {
		return nil, fmt.Errorf("provisioned trust: %w", err)
	}
	e, err := DecodeEnvelope(envelope)
	if err != nil {
		return nil, err
	}
	if len(e.Signatures) == 0 {
		return nil, Hard(AttackArbitrary, "envelope is not signed")
	}
	keys := v.signersOf(e)
	for _, s := range e.Signatures {
		if !keys.Has(s.Key) {
			return nil, Hard(AttackArbitrary, "envelope is signed by key %s, which is not one of the manufacturer's", s.Key)
		}
	}
	if len(e.Signatures) < keys.Threshold {
		return nil, Hard(AttackKeyCompromise, "envelope has %d signatures, the manufacturer's key set asks for %d", len(e.Signatures), keys.Threshold)
	}
	external, err := e.External()
	if err != nil {
		return nil, err
	}
	for _, s := range e.Signatures {
		if !s.verify(e.Manifest, external) {
			return nil, Hard(AttackArbitrary, "signature of key %s is wrong", s.Key)
		}
	}
	path := []KeySet{keys}
	if len(e.Rotations) > 0 {
		if path, err = v.follow(e.history()); err != nil {
			return nil, err
		}
	}
	m, err := DecodeManifest(e.Manifest)
	if err != nil {
		return nil, err
	}
	if m.Product != v.Product {
		return nil, Hard(AttackWrongSoftware, "release is for %s, this device is %s", m.Product, v.Product)
	}
	route, err := v.followMoves(e.history(), path, m.Registry)
	if err != nil {
		return nil, err
	}
	by := *v
	by.Pinned.Keys = slices.Clone(v.Pinned.Keys)
	keys.Keys = slices.Clone(keys.Keys)
	path[len(path)-1] = keys
	envelope = slices.Clone(envelope)
	return &Signed{
		manifest: m, envelope: envelope, digest: sha256.Sum256(envelope), by: by, rotations: e.Rotations, moves: e.Moves, path: path, route: route,
	}, nil
}

// signersOf returns the key set that must have signed an envelope: the one its
// rotations lead to; without rotations the newest of which all signers are, so
// that a set retired since can be told from strangers.
func (v *Verifier) signersOf(e *Envelope) KeySet {
	if n := len(e.Rotations); n > 0 {
		return e.Rotations[n-1].To
	}
	for _, set := range slices.Backward(v.sets()) {
		if !slices.ContainsFunc(e.Signatures, func(s Signature) bool { return !set.Has(s.Key) }) {
			return set
		}
	}
	return v.Keys()
}

// Manifest returns the signed manifest; the caller must not change it.
func (s *Signed) Manifest() *Manifest { return s.manifest }

// Envelope returns the encoded envelope; the caller must not change it.
func (s *Signed) Envelope() []byte { return s.envelope }

// Digest returns the SHA-256 of the encoded envelope.
func (s *Signed) Digest() [32]byte { return s.digest }

// Keys returns the key set that signed; the caller must not change it.
func (s *Signed) Keys() KeySet { return s.path[len(s.path)-1] }

// Rotations returns the rotations that the envelope carries; the caller must
// not change them.
func (s *Signed) Rotations() []*Rotation { return s.rotations }

// Moves returns the moves from registry to registry that the envelope carries;
// the caller must not change them.
func (s *Signed) Moves() []*Move { return s.moves }

// History returns all that the envelope carries of its manufacturer's history;
// the caller must not change it.
func (s *Signed) History() History { return History{s.rotations, s.moves} }

// Move returns the last of the moves that this device had still to make when it
// checked the envelope: it names the registry that the manifest is bound to, and
// whom to ask about it. It is nil for a release of the registry then in force.
func (s *Signed) Move() *Move {
	if len(s.route) == 0 {
		return nil
	}
	return s.route[len(s.route)-1]
}

// Route returns the moves that this device has still to make to follow a release
// that it checked, first to last; none if it stands where the release belongs.
func (v *Verifier) Route(s *Signed) []*Move {
	made := uint64(v.place().number)
	i := slices.IndexFunc(s.route, func(m *Move) bool { return m.Number > made })
	if i < 0 {
		return nil
	}
	return s.route[i:]
}

// Approved is a Signed manifest that the registry offers: same envelope
// digest, sequence, size, image digest and version, not revoked, not expired,
// key set on chain equal to the one that signed. It may be fetched and served.
// Only [Verifier.Approve] makes one.
type Approved struct {
	*Signed
	candidate Candidate
}

// Approve matches a signed manifest with a quorum view of the registry. now is
// seconds since 1970 (see [Now]); zero skips the expiry check. Only an
// envelope that differs from the one on chain is a hard [Error].
func (v *Verifier) Approve(s *Signed, view *View, now uint64) (*Approved, error) {
	if s == nil || s.manifest == nil || !s.by.equal(v) {
		return nil, errors.New("envelope was not checked by this verifier: call CheckSigned first")
	}
	if err := v.inForce(s.path); err != nil {
		return nil, err
	}
	if err := s.stillHolds(v); err != nil {
		return nil, err
	}
	c, err := s.match(view)
	if err != nil {
		return nil, err
	}
	if err := s.notExpired(now); err != nil {
		return nil, err
	}
	return &Approved{Signed: s, candidate: c}, nil
}

// match finds the chain's record of a signed manifest.
func (s *Signed) match(view *View) (Candidate, error) {
	if view == nil {
		return Candidate{}, errors.New("no view of the registry")
	}
	if view.Registry != s.manifest.Registry || view.Product != s.by.Product.ID() {
		return Candidate{}, Soft(AttackWrongChain, "view is of product %s in registry %s, the release is of %s in %s", view.Product, view.Registry, s.by.Product.ID(), s.manifest.Registry)
	}
	if !view.Keys.Equal(s.Keys()) {
		return Candidate{}, Soft(AttackKeyCompromise, "the key set on chain is not the one that signed release %d: if the manufacturer rotated its keys, a release signed with the new ones brings the statement", s.manifest.Sequence)
	}
	seq := s.manifest.Sequence
	if seq > view.Latest {
		if seq-view.Latest > MaxLead {
			return Candidate{}, Soft(AttackFastForward, "release %d is far beyond %d, the latest on chain", seq, view.Latest)
		}
		return Candidate{}, Soft(AttackBeforeChain, "release %d is not on chain yet, the latest there is %d", seq, view.Latest)
	}
	if seq < view.MinSequence {
		return Candidate{}, Soft(AttackRollback, "release %d is below %d, the smallest that the manufacturer allows", seq, view.MinSequence)
	}
	c, ok := view.Candidate(seq)
	if !ok {
		// The view lists the newest releases that are not revoked, those that are
		// live in the region, and the barrier.
		if !slices.ContainsFunc(view.Candidates, func(c Candidate) bool { return c.Sequence < seq && c.Sequence != view.Barrier }) &&
			len(view.Candidates) > 0 {
			return Candidate{}, Soft(AttackRollback, "release %d is older than those that the registry offers", seq)
		}
		return Candidate{}, Soft(AttackRevoked, "release %d is revoked, or neither among the newest nor rolled out in this region", seq)
	}
	m := s.manifest
	switch {
	case c.Revoked:
		return Candidate{}, Soft(AttackRevoked, "release %d is revoked", seq)
	case c.Envelope != s.digest:
		return Candidate{}, Hard(AttackMixAndMatch, "envelope of release %d has digest %x, on chain it is %x", seq, s.digest, c.Envelope)
	case c.Product != view.Product:
		return Candidate{}, Soft(AttackMixAndMatch, "release %d on chain is of another product", seq)
	case c.ImageSize != m.Image.Size || c.ImageSHA256 != m.Image.SHA256:
		return Candidate{}, Soft(AttackMixAndMatch, "image of release %d is another one on chain than in its manifest", seq)
	case c.Version != m.Version:
		return Candidate{}, Soft(AttackMixAndMatch, "release %d is version %q on chain, %q in its manifest", seq, c.Version, m.Version)
	}
	return c, nil
}

// notExpired checks the manifest's expiry; now 0 skips the check.
func (s *Signed) notExpired(now uint64) error {
	if e := s.manifest.Expires; e != 0 && now > e {
		return Soft(AttackExpired, "release %d expired %d seconds ago", s.manifest.Sequence, now-e)
	}
	return nil
}

// genuine reports whether Approve made a: other packages can fill or replace
// the embedded Signed, but not the record that must fit it.
func (a *Approved) genuine() bool {
	return a != nil && a.Signed != nil && a.manifest != nil &&
		a.candidate.Sequence == a.manifest.Sequence && a.candidate.Envelope == a.digest
}

// Candidate returns the chain's record that approved the manifest.
func (a *Approved) Candidate() Candidate { return a.candidate }

// CheckInstall decides whether an approved release may replace what the device
// runs: hardware revision, precursor (MinSequence), the view's barrier,
// anti-rollback against the installed sequence and the view's floor. It
// matches the release with this view again, which may be newer than the one
// that approved it (MFST.TOCTOU): not revoked, halted or paused since, and not
// expired by the chain's time. Whether it is the device's turn is for
// [Choose].
func (a *Approved) CheckInstall(view *View, dev Device) error {
	if !a.genuine() {
		return errNotApproved
	}
	c, err := a.match(view)
	if err != nil {
		return err
	}
	if err := a.notExpired(view.Time); err != nil {
		return err
	}
	m := a.manifest
	switch {
	case view.Paused:
		return Soft(AttackHalted, "the operator paused the registry")
	case c.Rollout.Halted:
		return Soft(AttackHalted, "the operator halted release %d", m.Sequence)
	case len(m.Hardware) > 0 && !slices.Contains(m.Hardware, dev.Hardware):
		return Soft(AttackWrongSoftware, "release %d does not fit hardware revision %q", m.Sequence, dev.Hardware)
	case m.Sequence <= dev.Installed:
		return Soft(AttackRollback, "release %d is not newer than %d, which runs now", m.Sequence, dev.Installed)
	case dev.Installed < m.MinSequence:
		return Soft(AttackPrecursor, "release %d can replace release %d or later, %d runs now", m.Sequence, m.MinSequence, dev.Installed)
	case dev.Installed < view.Barrier && m.Sequence > view.Barrier:
		return Soft(AttackPrecursor, "release %d must be installed before release %d", view.Barrier, m.Sequence)
	}
	return nil
}
