package hostile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	bitswappb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	dhtpb "github.com/libp2p/go-libp2p-kad-dht/pb"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"camswarm/announce"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// probePatience bounds the wait for the answer to one question; who hangs up is
// not waited for.
const probePatience = 3 * time.Second

// Answer is what a prober heard on one question.
type Answer struct {
	Address  ma.Multiaddr
	Question string // "identify", "dht", "latest", "gossip" or "blocks"
	Bytes    int    // of the answer; 0: none
}

// Probe asks a node, as a stranger who knows its addresses, its key and the
// product's public name, everything that there is to ask: on each address who it
// is, whom the DHT knows, what is the latest release, what is gossiped, and for a
// block of the file with this root. Only failing to ask is an error.
func Probe(ctx context.Context, newHost func(...libp2p.Option) (host.Host, error), node peer.AddrInfo, product verify.ProductID, root cid.Cid) ([]Answer, error) {
	questions, err := questions(product, root)
	if err != nil {
		return nil, fmt.Errorf("hostile: %w", err)
	}
	var out []Answer
	for _, addr := range node.Addrs {
		for _, q := range questions {
			n, err := q.put(ctx, newHost, peer.AddrInfo{ID: node.ID, Addrs: []ma.Multiaddr{addr}})
			if err != nil {
				return out, fmt.Errorf("hostile: %s: %w", addr, err)
			}
			out = append(out, Answer{addr, q.name, n})
		}
	}
	return out, ctx.Err()
}

// question is what is said on a protocol. The answer comes on the same stream, or
// on one that the node opens for it.
type question struct {
	name     string
	protocol protocol.ID
	say      []byte
	called   bool // the answer comes on another stream
}

func questions(product verify.ProductID, root cid.Cid) ([]question, error) {
	framed := func(m proto.Message) ([]byte, error) {
		b, err := proto.Marshal(m)
		return append(binary.AppendUvarint(nil, uint64(len(b))), b...), err
	}
	topic := announce.Topic(product)
	meeting := verify.RawCID(sha256.Sum256([]byte("camswarm/rendezvous/1/" + topic)))
	providers, err1 := framed(dhtpb.NewMessage(dhtpb.Message_GET_PROVIDERS, meeting.Hash(), 0))
	graft, err2 := framed(&pubsubpb.RPC{
		Subscriptions: []*pubsubpb.RPC_SubOpts{{Topicid: &topic, Subscribe: proto.Bool(true)}},
		Control:       &pubsubpb.ControlMessage{Graft: []*pubsubpb.ControlGraft{{TopicID: &topic}}},
	})
	want := message.New(true)
	want.AddEntry(root, 1, bitswappb.Message_Wantlist_Have, true)
	wants, err3 := encode(want)
	return []question{
		{"identify", identify.ID, nil, false},
		{"dht", p2p.DHTProtocolPrefix + "/kad/1.0.0", providers, false},
		{"latest", announce.LatestProtocol, append(product[:], make([]byte, 32)...), false},
		{"gossip", announce.MeshProtocol, graft, true},
		{"blocks", bsnet.ProtocolBitswap, wants, true},
	}, errors.Join(err1, err2, err3)
}

// put asks the question from a host of its own and counts the bytes of the answer.
func (q question) put(ctx context.Context, newHost func(...libp2p.Option) (host.Host, error), node peer.AddrInfo) (int, error) {
	h, err := newHost()
	if err != nil {
		return 0, err
	}
	defer func() { _ = h.Close() }()
	heard := make(chan int, 1)
	listen := func(s network.Stream) {
		defer func() { _ = s.Reset() }()
		b := make([]byte, 4096)
		if n, _ := s.Read(b); n > 0 {
			select {
			case heard <- n:
			default:
			}
		}
	}
	if q.called {
		h.SetStreamHandler(q.protocol, listen)
	}
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	h.Network().Notify(&network.NotifyBundle{DisconnectedF: func(network.Network, network.Conn) { cancel() }})
	if h.Connect(ctx, node) != nil {
		return 0, nil
	}
	s, err := h.NewStream(network.WithNoDial(ctx, "probe"), node.ID, q.protocol)
	if err != nil {
		return 0, nil
	}
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	if _, err := s.Write(q.say); err == nil && !q.called {
		_ = s.CloseWrite()
		go listen(s)
	}
	select {
	case n := <-heard:
		return n, nil
	case <-ctx.Done():
	}
	select {
	case n := <-heard: // before it hung up
		return n, nil
	default:
		return 0, nil
	}
}
