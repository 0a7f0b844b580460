package node_test

import (
	"slices"
	"testing"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// fourOperators gives the deployment a chain endpoint for each of four
// operators, of whom three must agree.
func fourOperators(c *localnet.Config) { c.Operators = 4 }

// rogueView is what a liar says: a release of its own on top, for everybody, at
// a revision that hides the true one.
func rogueView(v *localnet.View) bool {
	c := localnet.Candidate{}
	if len(v.Candidates) > 0 {
		c = v.Candidates[0]
	}
	v.Latest++
	v.Rev += 7
	v.Digest[0] ^= 0xff
	c.Release.Sequence, c.Release.Version = v.Latest, "rogue"
	c.Release.ImageSize, c.Release.ImageSha256, c.Release.Envelope = 400_000, [32]byte{0xba, 0xd1}, [32]byte{0xba, 0xd2}
	c.Policy.Mode, c.Halted = uint8(verify.RolloutAll), false
	v.Candidates = slices.Insert(v.Candidates, 0, c)
	v.Candidates = v.Candidates[:min(len(v.Candidates), 4)]
	return true
}

// installed returns the sequences that a camera's installer was given.
func (s *swarm) installed(m *localnet.Member) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.installs[m.Name])
}

// rpc_single_liar: one operator of four offers a release of its own to running
// nodes. It is outvoted, named, and nothing of it is fetched or installed. Two of
// four hold everything up, and no more: when one of them stops, the honest
// release gets through.
func TestThreatRPCSingleLiar(t *testing.T) {
	s := startSwarm(t, 2, func(member string, c *node.Config) {
		if p := &c.Products[0].Chain; member == "seed" {
			p.Endpoints = p.Endpoints[3:] // its own gateway
		}
	}, fourOperators)
	liar, second := s.Endpoints[0], s.Endpoints[1]
	liar.Lie(rogueView)
	first := s.build(1, 400_000)
	s.release(first, toAll)
	s.untilAllRun(1)
	s.until("each camera names the liar", func() bool {
		for _, c := range s.Cameras {
			st := c.Node.Status()
			if e := st.Products[0].Chain.Endpoints[0]; e.State != "contradicts" || e.Attack != "rpc_single_liar" {
				c.Node.Look()
				return false
			}
		}
		return true
	})
	if liar.Lies() == 0 {
		t.Fatal("nobody was lied to")
	}
	for _, c := range s.Cameras {
		s.slotIs(c, first)
		if s.metric(c.Name, "camswarm_chain_endpoint_failures_total", "rpc_single_liar") == 0 {
			t.Errorf("%s: no metric names the liar", c.Name)
		}
		if !slices.ContainsFunc(c.Node.Status().Alarms, func(a control.Alarm) bool { return a.Name == "rpc_single_liar" }) {
			t.Errorf("%s raises no alarm: %+v", c.Name, c.Node.Status().Alarms)
		}
	}

	second.Lie(func(v *localnet.View) bool { v.Digest[1] ^= 0xff; return true })
	next := s.build(2, 400_000)
	s.release(next, toAll)
	s.until("each camera says that there is no quorum", func() bool {
		for _, c := range s.Cameras {
			if c.Node.Status().Products[0].Chain.Quorum == "ok" {
				c.Node.Look()
				return false
			}
		}
		return true
	})
	for _, c := range s.Cameras {
		if got := runs(c); got != 1 {
			t.Errorf("%s runs release %d while two of four operators lie", c.Name, got)
		}
	}
	second.Lie(nil)
	s.untilAllRun(2)
	for _, c := range s.Cameras {
		s.slotIs(c, next)
		if got := s.installed(c); !slices.Equal(got, []uint64{1, 2}) {
			t.Errorf("%s was made to install %v", c.Name, got)
		}
	}
}
