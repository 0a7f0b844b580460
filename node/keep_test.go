package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"camswarm/node"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

// heldBy are the releases whose directories a member has, oldest first.
func (s *swarm) heldBy(m *localnet.Member) (out []int) {
	entries, err := os.ReadDir(filepath.Dir(filepath.Dir(s.releasePath(m, 1, "image"))))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// Of five releases that replace one another, each for everybody, a seed that is told to
// keep one holds the last, one that is told to keep three the last three.
func TestASeedKeepsAsManyReleasesAsItIsTold(t *testing.T) {
	s := startSwarm(t, 0, func(member string, c *node.Config) {
		if member == "seed-us" {
			c.Storage.Keep = 3
		}
	}, func(c *localnet.Config) { c.Regions = []verify.Region{"eu", "us"} })
	for seq := uint64(1); seq <= 5; seq++ {
		s.release(s.build(seq, 50_000), toAll)
		s.until("both seeds hold the release", func() bool {
			return slices.Contains(s.heldBy(s.Seeds[0]), int(seq)) && slices.Contains(s.heldBy(s.Seeds[1]), int(seq))
		})
	}
	want := [][]int{{5}, {3, 4, 5}}
	s.until("all else is gone", func() bool {
		return slices.Equal(s.heldBy(s.Seeds[0]), want[0]) && slices.Equal(s.heldBy(s.Seeds[1]), want[1])
	})
	s.must(s.Seeds[1].Stop()) // nor does what it keeps go with a restart
	s.must(s.Seeds[1].Start(s.ctx))
	s.until("its view of the chain", func() bool { return s.Seeds[1].Node.Status().Products[0].Chain.AgeSeconds >= 0 })
	if got := s.heldBy(s.Seeds[1]); !slices.Equal(got, want[1]) {
		t.Errorf("after a restart it holds %v", got)
	}
}
