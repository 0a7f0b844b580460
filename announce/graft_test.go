package announce

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Cameras have one neighbour, who passes on what one of them publishes. All hear of it
// within a heartbeat, whenever they came to be neighbours, also those for whom the
// neighbour's mesh has no room.
func TestTheOnlyNeighbourTellsALateCamera(t *testing.T) {
	for _, c := range []struct {
		name          string
		others        int           // neighbours of the neighbour
		offset, since time.Duration // of the heartbeats; between meeting and announcement
		cut           bool          // it lost the neighbour for a second
	}{
		{"just now", 1, 0, 50 * time.Millisecond, false},
		{"before the next heartbeat", 1, 0, 3 * time.Second, false},
		{"the neighbour's heartbeat comes first", 1, 2500 * time.Millisecond, 50 * time.Millisecond, false},
		{"the neighbour has its mesh", 3, 0, time.Second, false},
		{"the mesh is full", 14, 0, time.Second, false},
		{"the mesh was full", 14, 0, 20 * time.Second, false},
		{"the mesh was full, another offset", 14, 2500 * time.Millisecond, 20 * time.Second, false},
		{"back after a second", 1, 0, 50 * time.Millisecond, true},
		{"back after a second, the mesh is full", 14, 0, 3 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, n := newMaker(t, "ucam-2"), newNet(t)
				one, cfg := m.genuine(t, 1), DefaultConfig()
				middle := newNode(t, n.host(), m, newChain(m.view(1, 0)), cfg)
				nodes := []*testNode{middle}
				for range c.others {
					nodes = append(nodes, newNode(t, n.host(), m, newChain(m.view(1, 0)), cfg))
					n.connect(nodes[len(nodes)-1].h, middle.h)
				}
				time.Sleep(time.Minute + c.offset)
				late := newNode(t, n.host(), m, newChain(m.view(1, 0)), cfg)
				time.Sleep(2 * time.Second)
				n.connect(late.h, middle.h)
				if c.cut {
					time.Sleep(30 * time.Second)
					if err := late.h.Network().ClosePeer(middle.h.ID()); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					n.connect(late.h, middle.h)
				}
				time.Sleep(c.since)
				for _, node := range append(nodes, late) {
					node.chain.mine(m.view(2, 1, one))
				}
				if err := nodes[1].Publish(t.Context(), m.news(one, 2)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(cfg.Heartbeat)
				synctest.Wait()
				for i, node := range append(nodes[2:], late) {
					if got := node.releases(); !slices.Equal(got, []uint64{1}) {
						t.Errorf("camera %d of %d accepted %v within a heartbeat, want release 1", i+1, len(nodes)-1, got)
					}
				}
			})
		})
	}
}

// A product that is followed while running is heard of like others.
func TestTheOnlyNeighbourTellsOfALateProduct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		other := newMaker(t, "doorbell")
		ding := other.genuine(t, 1)
		v := other.verifier
		nodes := n.line(m, m.view(1, 0), 3)
		var got []Accepted
		chain := newChain(other.view(1, 0))
		for i, node := range nodes {
			s := Subject{Product: v.Product, Verifier: &v, Chain: chain, Accepted: func(Accepted) {}}
			if i == 2 {
				s.Accepted = func(a Accepted) { got = append(got, a) }
				time.Sleep(time.Minute)
			}
			if err := node.Follow(s); err != nil {
				t.Fatal(err)
			}
		}
		chain.mine(other.view(2, 1, ding))
		if err := nodes[0].Publish(t.Context(), other.news(ding, 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(DefaultConfig().Heartbeat)
		synctest.Wait()
		if len(got) != 1 {
			t.Errorf("accepted %+v within a heartbeat, want the release", got)
		}
	})
}

// Who refuses a question because it has too many is asked once more, and no more.
func TestWhoDidNotAnswerIsAskedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		node := newNode(t, n.host(), m, newChain(m.view(2, 0)), DefaultConfig())
		busy := n.host()
		busy.SetStreamHandler(LatestProtocol, func(s network.Stream) { s.Reset() })
		n.connect(node.h, busy)
		for _, want := range []float64{1, 2, 2} {
			time.Sleep(greetAgain - time.Second)
			if got := node.counter(t, "latest_asked_total", "outcome", "failed"); got != want {
				t.Errorf("asked %v times, want %v", got, want)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// What is told of at a graft is bounded in number and age, and nothing is said where
// nothing came.
func TestGraftsTellWhatCameLately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []*pb.ControlMessage
		g := &grafts{keep: time.Minute, send: func(_ peer.ID, c *pb.ControlMessage, _ ...*pb.Message) { sent = append(sent, c) }}
		topic, other := "a", "b"
		deliver := func(topic string, i int) {
			g.DeliverMessage(&pubsub.Message{Message: &pb.Message{Topic: &topic, Data: fmt.Append(nil, i)}})
		}
		for i := range maxIHave + 5 {
			deliver(topic, i)
		}
		g.Graft("p", other)
		if len(sent) != 0 {
			t.Errorf("told %v of a topic without news", sent)
		}
		deliver(other, 0)
		g.Graft("p", topic)
		if len(sent) != 1 || len(sent[0].Ihave) != 1 || sent[0].Ihave[0].GetTopicID() != topic || len(sent[0].Ihave[0].MessageIDs) != maxIHave-1 {
			t.Errorf("told %v, want the last of the topic", sent)
		}
		time.Sleep(time.Minute + 1)
		if g.Graft("p", topic); len(sent) != 1 {
			t.Errorf("told %v of what pubsub has forgotten", sent[1:])
		}
	})
}
