package node

import (
	"testing"

	"camswarm/verify"
)

// At the last moment an install is decided on the view in force then, and on the very
// envelope that the view names: neither the decision nor the check alone would do.
func TestThreatUpdUnapproved_LastLook(t *testing.T) {
	s := newTheatre(t)
	s.start(RoleCamera, nil)
	s.look([]string{"2=all"})
	then := *s.view
	approved, err := s.m.verifier.Approve(s.release(2), &then, uint64(s.now.Unix()))
	s.must(err)
	s.m.step(&then, s.now)
	f := &follower{rules: s.m.rules}
	f.published.Store(s.m.snapshot())
	for what, c := range map[string]struct {
		change func(v *verify.View)
		want   bool
	}{
		"as it was":        {func(*verify.View) {}, true},
		"paused":           {func(v *verify.View) { v.Paused = true }, false},
		"halted":           {func(v *verify.View) { v.Candidates[0].Rollout.Halted = true }, false},
		"rolled out less":  {func(v *verify.View) { v.Candidates[0].Rollout.Mode = verify.RolloutPaused }, false},
		"revoked":          {func(v *verify.View) { v.Candidates = nil }, false},
		"other keys":       {func(v *verify.View) { v.Keys = s.keys(1) }, false},
		"another envelope": {func(v *verify.View) { v.Candidates[0].Release.Envelope[0] ^= 1 }, false},
		"another image":    {func(v *verify.View) { v.Candidates[0].Release.ImageSHA256[0] ^= 1 }, false},
	} {
		now := then
		now.Candidates = append([]verify.Candidate(nil), then.Candidates...)
		c.change(&now)
		if r, ok := f.allowed(task{release: s.recorded(2), approved: approved}, &now); ok != c.want {
			t.Errorf("%s: allowed %v, %v", what, ok, r.err)
		}
	}
}
