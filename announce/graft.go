package announce

import (
	"slices"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// grafts tells a neighbour that enters a mesh what came lately. Until then nothing is
// pushed to it, and from the same heartbeat on pubsub names nothing to it either: what
// came between its first question and its graft it would never hear of. It is a
// [pubsub.RawTracer], and runs in pubsub's loop: no message passes between the look at
// recent and the graft.
type grafts struct {
	untraced
	send   func(peer.ID, *pb.ControlMessage, ...*pb.Message)
	keep   time.Duration // for how long pubsub can still send a message that it delivered
	recent []delivered   // oldest first, at most maxIHave
}

type delivered struct {
	topic, id string
	at        time.Time
}

// DeliverMessage implements [pubsub.RawTracer].
func (g *grafts) DeliverMessage(m *pubsub.Message) {
	g.expire()
	if len(g.recent) == maxIHave {
		g.recent = slices.Delete(g.recent, 0, 1)
	}
	g.recent = append(g.recent, delivered{m.GetTopic(), messageID(m.Message), time.Now()})
}

// Graft implements [pubsub.RawTracer].
func (g *grafts) Graft(p peer.ID, topic string) {
	g.expire()
	var ids []string
	for _, d := range g.recent {
		if d.topic == topic {
			ids = append(ids, d.id)
		}
	}
	if len(ids) > 0 {
		g.send(p, &pb.ControlMessage{Ihave: []*pb.ControlIHave{{TopicID: &topic, MessageIDs: ids}}})
	}
}

func (g *grafts) expire() {
	old := time.Now().Add(-g.keep)
	g.recent = slices.DeleteFunc(g.recent, func(d delivered) bool { return d.at.Before(old) })
}

// untraced is a [pubsub.RawTracer] that does nothing.
type untraced struct{}

func (untraced) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (untraced) OnClosedOutboundStream(peer.ID)                       {}
func (untraced) Join(string)                                          {}
func (untraced) Leave(string)                                         {}
func (untraced) Graft(peer.ID, string)                                {}
func (untraced) Prune(peer.ID, string)                                {}
func (untraced) ValidateMessage(*pubsub.Message)                      {}
func (untraced) DeliverMessage(*pubsub.Message)                       {}
func (untraced) RejectMessage(*pubsub.Message, string)                {}
func (untraced) DuplicateMessage(*pubsub.Message)                     {}
func (untraced) ThrottlePeer(peer.ID)                                 {}
func (untraced) RecvRPC(*pubsub.RPC)                                  {}
func (untraced) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (untraced) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (untraced) DropRPC(*pubsub.RPC, peer.ID)                         {}
func (untraced) UndeliverableMessage(*pubsub.Message)                 {}
