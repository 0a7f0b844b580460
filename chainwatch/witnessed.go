package chainwatch

import (
	"slices"

	"camswarm/verify"
)

// Widen returns the view in force with what witnesses add to it: releases that are
// newer than all that it knows, and the word that a release which it lists may be
// fetched by everybody. The result, marked as Witnessed, has the witnesses'
// revision, so that news of it needs no look; everything else in it is own. No
// rollout in it allows an install that own does not allow.
//
// It is false when the witnesses say anything else: a pause, a halt, a floor, a
// barrier, other keys, a release withdrawn or let go on. That is for the device's
// own quorum to say.
func Widen(own, said *verify.View) (verify.View, bool) {
	if said.Registry != own.Registry || said.Product != own.Product || said.Region != own.Region || said.Rev <= own.Rev ||
		said.Paused != own.Paused || said.MinSequence != own.MinSequence || said.Barrier != own.Barrier || !said.Keys.Equal(own.Keys) ||
		said.Latest < own.Latest || said.Latest-own.Latest > verify.MaxLead {
		return verify.View{}, false
	}
	wide := *own
	wide.Rev, wide.RevBlock, wide.Latest, wide.Witnessed = said.Rev, said.RevBlock, said.Latest, true
	wide.Candidates = nil
	for _, c := range said.Candidates {
		if c.Sequence > own.Latest && !c.Rollout.Halted {
			c.Rollout = verify.Rollout{Mode: verify.RolloutPaused, Warm: open(c.Rollout)}
			wide.Candidates = append(wide.Candidates, c)
		}
	}
	newer := len(wide.Candidates) > 0
	for _, c := range own.Candidates {
		n, listed := said.Candidate(c.Sequence)
		switch {
		case !listed && newer: // the list is of the newest
		case !listed, n.Envelope != c.Envelope, n.Rollout.Halted != c.Rollout.Halted,
			n.Rollout.Mode == verify.RolloutPaused && c.Rollout.Mode != verify.RolloutPaused:
			return verify.View{}, false
		case open(n.Rollout):
			c.Rollout.Warm = true
		}
		wide.Candidates = append(wide.Candidates, c)
	}
	if n := len(wide.Candidates); n > verify.MaxCandidates {
		return verify.View{}, false
	}
	return wide, true
}

// open reports whether a policy lets every device fetch.
func open(r verify.Rollout) bool {
	return !r.Halted && (r.Warm || r.Mode == verify.RolloutAll)
}

// Instead returns what witnesses say in place of the view in force, for a device
// whose owner lets it install by their word alone. What own stops stays stopped; a
// nil own is none.
func Instead(own, said *verify.View) (verify.View, bool) {
	v := *said
	v.Witnessed = true
	if own == nil {
		return v, true
	}
	if said.Registry != own.Registry || said.Product != own.Product || said.Region != own.Region || said.Rev <= own.Rev ||
		said.Latest < own.Latest || said.MinSequence < own.MinSequence {
		return verify.View{}, false
	}
	v.Paused = v.Paused || own.Paused
	v.Time, v.Block = max(v.Time, own.Time), max(v.Block, own.Block)
	v.Candidates = slices.Clone(v.Candidates)
	for i := range v.Candidates {
		if c, ok := own.Candidate(v.Candidates[i].Sequence); ok && c.Rollout.Halted {
			v.Candidates[i].Rollout.Halted = true
		}
	}
	return v, true
}
