package announce

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"camswarm/verify"
)

// Names on the wire.
const (
	// MeshProtocol is GossipSub 1.2 under the project's own prefix, so that
	// nodes never join the public network's meshes.
	MeshProtocol protocol.ID = "/camswarm/meshsub/1.2.0"
	// LatestProtocol asks a peer for its latest announcement, see [Gossip.Ask].
	LatestProtocol protocol.ID = "/camswarm/latest/1"

	topicPrefix = "/camswarm/1/announce/"
)

// Topic returns the name of a product's topic:
// /camswarm/1/announce/<product id, 64 lower-case hex digits>.
func Topic(id verify.ProductID) string { return topicPrefix + id.String() }

// isTopic reports whether a topic has the form that Topic gives.
func isTopic(topic string) bool {
	digits, ok := strings.CutPrefix(topic, topicPrefix)
	if !ok || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// messageID is the hash of all that a message carries: announcements
// authenticate themselves, so equal content is the same message, whoever sent
// it. The topic is part of it, or a message sent into the wrong topic would
// make pubsub treat the right one as seen and invalid; so are unknown protobuf
// fields, or a message with junk attached would do the same.
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write([]byte(m.GetTopic()))
	h.Write([]byte{0})
	h.Write(m.GetData())
	h.Write(m.ProtoReflect().GetUnknown())
	return string(h.Sum(nil))
}

// topicFilter bounds the topics that pubsub tracks for peers: those followed,
// and a fixed number of well-formed others.
type topicFilter struct {
	mu       sync.Mutex
	followed map[string]bool
	foreign  map[string]bool
}

func newTopicFilter() *topicFilter {
	return &topicFilter{followed: map[string]bool{}, foreign: map[string]bool{}}
}

func (f *topicFilter) follow(topic string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.followed[topic] = true
	delete(f.foreign, topic)
}

// CanSubscribe implements pubsub.SubscriptionFilter.
func (f *topicFilter) CanSubscribe(topic string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.followed[topic]
}

// FilterIncomingSubscriptions implements pubsub.SubscriptionFilter.
func (f *topicFilter) FilterIncomingSubscriptions(_ peer.ID, subs []*pb.RPC_SubOpts) ([]*pb.RPC_SubOpts, error) {
	if len(subs) > 4*MaxProducts {
		return nil, pubsub.ErrTooManySubscriptions
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return pubsub.FilterSubscriptions(subs, func(topic string) bool {
		switch {
		case f.followed[topic] || f.foreign[topic]:
			return true
		case len(f.foreign) >= maxForeignTopics || !isTopic(topic):
			return false
		}
		f.foreign[topic] = true
		return true
	}), nil
}
