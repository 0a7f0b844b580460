package node_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"camswarm/announce"
	"camswarm/node"
)

// frame is a pubsub message as it stands on the wire.
func frame(t testing.TB, rpc *pb.RPC) []byte {
	t.Helper()
	b, err := proto.Marshal(rpc)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// denial_of_service: a peer sends gossip without end that no rule of gossip
// forbids, or questions for the latest announcement. It is cut off when its budget
// is spent, it cannot come back, not even with a true hint, and a camera that is
// there meanwhile gets the next release.
func TestThreatDenialOfService_Gossip(t *testing.T) {
	rec, r := recordReleases(t, imageOf(t, 1, 100_000))
	topic := announce.Topic(rec.Product.ID())
	yes, ids := true, make([]string, 64)
	for i := range ids {
		ids[i] = string(make([]byte, 32))
	}
	for name, c := range map[string]struct {
		rpc   *pb.RPC // nil: questions
		limit int     // messages that can be on their way when it is cut
	}{
		"heartbeats":    {&pb.RPC{Control: &pb.ControlMessage{Graft: []*pb.ControlGraft{{TopicID: &topic}}}}, 4_000},
		"subscriptions": {&pb.RPC{Subscriptions: []*pb.RPC_SubOpts{{Topicid: &topic, Subscribe: &yes}}}, 4_000},
		"offers":        {&pb.RPC{Control: &pb.ControlMessage{Ihave: []*pb.ControlIHave{{TopicID: &topic, MessageIDs: ids}}}}, 4_000},
		"empty":         {&pb.RPC{}, 1_000_000}, // a byte each
		"questions":     {nil, 2_000},
	} {
		t.Run(name, func(t *testing.T) {
			rec.inBubble(t, chainNow, chainNow, func(w *world) {
				seed := w.add(node.RoleSeed)
				camera := w.add(node.RoleCamera)
				flooder := w.stranger(seed).Host()
				w.until("the camera knows the seed", func() bool { return camera.Status().Peers > 0 })
				sent := 0
				send := func() error {
					st, err := flooder.NewStream(network.WithNoDial(w.ctx, "test"), seed.Host().ID(), announce.LatestProtocol)
					if err == nil {
						_, err = st.Write(make([]byte, 64))
						_, _ = st.Read(make([]byte, 1))
						_ = st.Reset()
					}
					return err
				}
				if c.rpc != nil {
					st, err := flooder.NewStream(network.WithNoDial(w.ctx, "test"), seed.Host().ID(), announce.MeshProtocol)
					if err != nil {
						w.t.Fatal(err)
					}
					b := frame(w.t, c.rpc)
					many, each := b, 1
					if c.limit >= 1_000_000 { // or the test takes long
						for each = 1000; len(many) < each; {
							many = append(many, b...)
						}
					}
					send = func() error { sent += each - 1; _, err := st.Write(many); return err }
				}
				var err error
				for ; sent < c.limit && err == nil; sent++ {
					err = send()
				}
				if sent >= c.limit {
					w.t.Fatalf("it was not cut off after %d messages", sent)
				}
				w.until("the flooder is gone", func() bool {
					return seed.Host().Network().Connectedness(flooder.ID()) != network.Connected
				})
				w.t.Logf("cut off after %d messages: %v", sent, err)
				for range 3 {
					time.Sleep(time.Minute)
					ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
					at := peer.AddrInfo{ID: seed.Host().ID(), Addrs: []ma.Multiaddr{ma.StringCast(seed.cfg.Network.Listen[0])}}
					err := flooder.Connect(ctx, at)
					if err == nil { // what is refused after the handshake shows when it is used
						_, err = flooder.NewStream(ctx, seed.Host().ID(), announce.MeshProtocol)
					}
					cancel()
					if err == nil {
						w.t.Error("it may come back")
					}
				}
				w.release(seed, r[0], 1)
				w.until("release 1 runs", func() bool { return camera.runs() == 1 })
			})
		})
	}
}
