package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/node"
)

// What a node learns of peers is what its gossip and its connection manager go
// by, and what it shows; it outlives a restart. A peer that sent wrong bytes is
// hung up on and remembered; who delivered is preferred.
func TestThreatPoisonedPeer_IsRememberedByTheNode(t *testing.T) {
	s := startSwarm(t, 1, nil)
	camera := s.Cameras[0]
	s.release(s.build(1, 3_000_000), toAll)
	s.untilAllRun(1)
	score := func() (float64, bool) {
		for _, p := range camera.Node.Peers() {
			if p.Role == string(node.RoleSeed) {
				return p.Score, true
			}
		}
		return 0, false
	}
	if got, _ := score(); got < 1 {
		t.Errorf("the seed delivered 3 MB and scores %v", got)
	}

	evil, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics())
	s.must(err)
	defer evil.Close()
	addrs, err := camera.Addrs()
	s.must(err)
	info, err := peer.AddrInfoFromString(addrs[0])
	s.must(err)
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	s.must(evil.Connect(ctx, *info))
	st, err := evil.NewStream(ctx, info.ID, bsnet.ProtocolBitswap)
	s.must(err)
	m := message.New(false)
	m.AddBlock(blocks.NewBlock([]byte("rogue firmware")))
	s.must(m.ToNetV1(st))
	gone := func() bool { return len(evil.Network().Peers()) == 0 }
	s.until("the poisoner to be hung up on", gone)

	s.must(camera.Stop())
	s.must(camera.Start(s.ctx))
	s.until("the seed to be known again", func() bool { got, ok := score(); return ok && got >= 1 })
	addrs, err = camera.Addrs()
	s.must(err)
	info, err = peer.AddrInfoFromString(addrs[0])
	s.must(err)
	_ = evil.Connect(ctx, *info) // may be told only after its handshake
	s.until("the poisoner to be refused", gone)
	s.release(s.build(2, 1_000_000), toAll)
	s.untilAllRun(2)
}
