package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// RotationContext is the external_aad (RFC 9052 section 4.3) of every
// signature over a rotation, see [SignatureContext].
const RotationContext = "camswarm/rotation/v1"

// Rotation is a manufacturer's statement that one key set takes the place of
// another, for all of its products in one registry. A threshold of the old set
// must sign it, so that nobody else can replace it, and a threshold of the new
// one, which proves that the new keys exist and are at hand (as for roots in
// The Update Framework, section 5.3.4 of its specification 1.0).
//
// The sets are given in full: a signer sees what is retired, and whether a
// statement is complete shows without any other file.
type Rotation struct {
	Registry   RegistryRef // it counts in this registry alone
	Epoch      uint64      // number of the new set; the first one ever provisioned has 1
	From, To   KeySet
	Reason     string // for people, at most MaxText bytes; may be empty
	Signatures []Signature
}

// Validate checks every field on its own and against the others, and that no
// key signed twice; not the signatures, for which there is [Rotation.Check].
func (r *Rotation) Validate() error {
	if err := r.Registry.Validate(); err != nil {
		return fmt.Errorf("rotation: %w", err)
	}
	if r.Epoch < 2 {
		return fmt.Errorf("rotation has epoch %d, the first one has 2: the keys of epoch 1 are provisioned", r.Epoch)
	}
	if err := r.From.Validate(); err != nil {
		return fmt.Errorf("rotation, old keys: %w", err)
	}
	if err := r.To.Validate(); err != nil {
		return fmt.Errorf("rotation, new keys: %w", err)
	}
	if r.From.Equal(r.To) {
		return errors.New("rotation replaces a key set by itself")
	}
	if r.Reason != "" {
		if err := checkText(r.Reason); err != nil {
			return fmt.Errorf("rotation, reason: %w", err)
		}
	}
	return checkSigners("rotation", r.Signatures, maxRotationSigners)
}

// ToBeSigned returns the bytes that a key signs of the statement, see
// [Envelope.ToBeSigned].
func (r *Rotation) ToBeSigned(k PublicKey) ([]byte, error) {
	payload, err := r.Payload()
	if err != nil {
		return nil, err
	}
	return toBeSigned(k, payload, []byte(RotationContext))
}

// Verify reports whether s is its key's signature over the statement.
func (r *Rotation) Verify(s Signature) bool {
	payload, err := r.Payload()
	return err == nil && s.verify(payload, []byte(RotationContext))
}

// Check checks that the statement is complete: every signature is valid and by
// a key of either set, and both thresholds are reached. Its [Error]s are hard.
func (r *Rotation) Check() error {
	for _, s := range r.Signatures {
		if !r.From.Has(s.Key) && !r.To.Has(s.Key) {
			return Hard(AttackArbitrary, "rotation to epoch %d is signed by key %s, which is in neither of its key sets", r.Epoch, s.Key)
		}
	}
	for _, set := range []struct {
		which string
		keys  KeySet
	}{{"old", r.From}, {"new", r.To}} {
		missing := r.unsigned(set.keys)
		if signed := len(set.keys.Keys) - len(missing); signed < set.keys.Threshold {
			return Hard(AttackKeyCompromise, "rotation to epoch %d is signed by %d of the %s keys, it needs %d; not signed yet: %s",
				r.Epoch, signed, set.which, set.keys.Threshold, strings.Join(missing, ", "))
		}
	}
	payload, err := r.Payload()
	if err != nil {
		return Hard(AttackMalformed, "%w", err)
	}
	for _, s := range r.Signatures {
		if !s.verify(payload, []byte(RotationContext)) {
			return Hard(AttackArbitrary, "rotation to epoch %d: the signature of key %s is wrong", r.Epoch, s.Key)
		}
	}
	return nil
}

// unsigned lists the keys of a set that have not signed.
func (r *Rotation) unsigned(set KeySet) (missing []string) {
	for _, k := range set.Keys {
		if !slices.ContainsFunc(r.Signatures, func(s Signature) bool { return s.Key == k }) {
			missing = append(missing, k.String())
		}
	}
	return missing
}

// checkRotations checks that each statement goes on where the one before ended,
// and that no set comes back: what was retired stays retired. The registries are
// for [History.Validate].
func checkRotations(rs []*Rotation) error {
	if len(rs) > MaxRotations {
		return fmt.Errorf("%d rotations, at most %d are allowed", len(rs), MaxRotations)
	}
	sets := chainSets(rs)
	for i, r := range rs {
		if slices.ContainsFunc(sets[:i+1], r.To.Equal) {
			return fmt.Errorf("rotation to epoch %d brings back a retired key set", r.Epoch)
		}
		if i == 0 {
			continue
		}
		switch before := rs[i-1]; {
		case r.Epoch != before.Epoch+1:
			return fmt.Errorf("rotation to epoch %d follows the one to epoch %d", r.Epoch, before.Epoch)
		case !r.From.Equal(before.To):
			return fmt.Errorf("rotation to epoch %d does not start from the keys of epoch %d", r.Epoch, before.Epoch)
		}
	}
	return nil
}

// chainSets lists the key sets that a chain passes through, oldest first.
func chainSets(rs []*Rotation) (sets []KeySet) {
	for i, r := range rs {
		if i == 0 {
			sets = append(sets, r.From)
		}
		sets = append(sets, r.To)
	}
	return sets
}

// Trust is what a device has learnt to trust since it was provisioned: the key
// sets that [Verifier.Adopt] added, and the moves of [Verifier.AdoptHistory]. The
// zero value has learnt nothing. It may be used concurrently.
type Trust struct {
	mu    sync.RWMutex
	sets  []KeySet // after the pinned one, oldest first
	moves []*Move  // all that were ever made, from number 1 on, as far as they are known
}

// sets lists the key sets that this device has trusted, oldest first; the last
// one is in force.
func (v *Verifier) sets() []KeySet {
	sets := []KeySet{v.Pinned}
	if v.Trust != nil {
		v.Trust.mu.RLock()
		defer v.Trust.mu.RUnlock()
		sets = append(sets, v.Trust.sets...)
	}
	return sets
}

// Keys returns the key set in force: the pinned one, or the one that the last
// adopted rotation put in its place. The caller must not change it.
func (v *Verifier) Keys() KeySet {
	sets := v.sets()
	return sets[len(sets)-1]
}

// follow checks the rotations of a history from the first key set among theirs
// that the device has trusted, and returns that set and those after it. What lies
// before is not looked at: it was before this device's time. Its [Error]s are
// hard.
func (v *Verifier) follow(h History) (path []KeySet, err error) {
	rs := h.Rotations
	known, chain := v.sets(), chainSets(rs)
	start := slices.IndexFunc(chain, func(set KeySet) bool { return slices.ContainsFunc(known, set.Equal) })
	if start < 0 {
		return nil, Hard(AttackArbitrary, "the rotations do not lead from the key set of this device to another")
	}
	// From the end, where a forged statement must be: it costs no check of the
	// genuine ones before it.
	p := v.place()
	for _, r := range slices.Backward(rs[start:]) {
		if len(h.Moves) == 0 && r.Registry != p.registry { // else the history says where it belongs
			return nil, v.elsewhere(r)
		}
		if err := r.Check(); err != nil {
			return nil, err
		}
	}
	return chain[start:], nil
}

// inForce checks that a path of key sets passes through the one in force.
func (v *Verifier) inForce(path []KeySet) error {
	if slices.ContainsFunc(path, v.Keys().Equal) {
		return nil
	}
	return Soft(AttackKeyCompromise, "signed with keys that this device knows to be retired, or that another rotation than the one it followed put in their place")
}

// keysLocked is Keys for who holds Trust.mu.
func (v *Verifier) keysLocked() KeySet {
	if n := len(v.Trust.sets); n > 0 {
		return v.Trust.sets[n-1]
	}
	return v.Pinned
}

// elsewhere refuses a rotation of another registry: softly one of a registry that
// this device has left.
func (v *Verifier) elsewhere(r *Rotation) error {
	p := v.place()
	if slices.Contains(p.left, r.Registry) {
		return Soft(AttackUnapproved, "rotation to epoch %d is bound to registry %s, which this device has left for %s", r.Epoch, r.Registry, p.registry)
	}
	return Hard(AttackUnapproved, "rotation to epoch %d is bound to registry %s, this device to %s", r.Epoch, r.Registry, p.registry)
}

// Adopt makes the last key set of a chain of rotations the one in force, from
// now on and for good. Who calls it answers for the chain being the right one of
// two that a threshold of the old keys may have signed: it came with an
// [Approved] release, so that the registry names the same keys, or the owner
// provisioned it. The error is hard when a statement does not hold, soft when
// the chain leads away from the set in force; nothing changes then.
//
// A Verifier without a Trust adopts nothing.
func (v *Verifier) Adopt(rs []*Rotation) error {
	if len(rs) == 0 {
		return nil
	}
	if v.Trust == nil {
		return errors.New("this verifier cannot adopt rotations")
	}
	h := History{Rotations: rs}
	if err := h.Validate(); err != nil {
		return Hard(AttackMalformed, "%w", err)
	}
	path, err := v.follow(h)
	if err != nil {
		return err
	}
	v.Trust.mu.Lock()
	defer v.Trust.mu.Unlock()
	i := slices.IndexFunc(path, v.keysLocked().Equal)
	if i < 0 {
		return Soft(AttackKeyCompromise, "the rotations lead away from the key set in force")
	}
	v.Trust.sets = slices.Concat(v.Trust.sets, path[i+1:])
	return nil
}
