package swarm

import (
	"bytes"
	"context"
	"testing"
	"time"

	"camswarm/swarm/filestore"
)

// bitswapRuns reports whether the node's bitswap engine exists, and so wakes.
func (n *testNode) bitswapRuns() bool {
	n.x.server.mu.RLock()
	defer n.x.server.mu.RUnlock()
	return n.x.server.engine != nil
}

// The engine of bitswap is there while a peer wants something, for however long,
// and at no other time.
func TestBitswapSleepsWhileNobodyWants(t *testing.T) {
	data, f := testImage(300_000, 64<<10, 33)
	runSim(t, []link{fast, fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		x, _ := s.nodes[2].stock(s)
		s.connect(2, 1)
		s.nodes[1].add(f, nil)
		time.Sleep(time.Minute)
		if s.nodes[0].bitswapRuns() || s.nodes[1].bitswapRuns() {
			t.Error("an engine runs, and nobody wants anything")
		}

		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		wait := 10 * engineIdle
		time.AfterFunc(wait, func() {
			if !s.nodes[1].bitswapRuns() {
				t.Error("a want waits, and the engine that knows it is gone")
			}
			s.connect(0, 1)
			s.nodes[0].add(f, data)
			s.nodes[1].x.Fetch(ctx, f.Root, Origins{})
		})
		start := time.Now()
		b, err := x.GetBlock(ctx, filestore.LeafCID(f.Blocks[2]))
		if err != nil || !bytes.Equal(b.RawData(), blockOf(&f, data, 2)) {
			t.Fatal(err)
		}
		if took := time.Since(start) - wait; took > 2*time.Second {
			t.Errorf("a block came %v after it was there", took)
		}

		time.Sleep(2*engineIdle + time.Second)
		if s.nodes[0].bitswapRuns() || s.nodes[1].bitswapRuns() {
			t.Error("an engine runs though everybody has what he wanted")
		}
		if _, err := x.GetBlock(ctx, filestore.LeafCID(f.Blocks[3])); err != nil {
			t.Errorf("a node whose engine had ended serves no more: %v", err)
		}
	})
}
