package announce

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"google.golang.org/protobuf/proto"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// The attack reaches the first node of a line. It must not be accepted there,
// must never reach the second, must be named, and an honest release must get
// through afterwards.
func TestThreatArbitraryInstallation_RogueAnnouncement(t *testing.T) {
	m := newMaker(t, "ucam-2")
	other := newMaker(t, "doorbell")
	stranger, err := sign.Generate(verify.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	var (
		two     = m.genuine(t, 2) // revoked on chain
		three   = m.genuine(t, 3) // the latest
		four    = m.genuine(t, 4) // signed, published only at the end
		view    = m.view(5, 3, three)
		topic   = Topic(m.verifier.Product.ID())
		resized = func(keys ...*sign.Key) pack { return m.release(t, 4, 50<<10, verify.MinBlockSize, keys...) }
	)
	altered := m.genuine(t, 4)
	altered.envelope = slices.Clone(altered.envelope)
	i := bytes.Index(altered.envelope, []byte("1.2.3"))
	altered.envelope[i] = '9'
	lied := m.news(three, 5)
	lied.Sequence = 4
	junk := message(t, topic, m.news(three, 5))
	junk.ProtoReflect().SetUnknown(binary.AppendUvarint(nil, 15<<3)) // field 15, value 0
	junk.ProtoReflect().SetUnknown(append(junk.ProtoReflect().GetUnknown(), 0))

	for _, c := range []struct {
		name    string
		message *pb.Message
		verdict string
		attack  string
	}{
		{"unsigned", message(t, topic, m.news(resized(), 6)), "reject", verify.AttackArbitrary},
		{"one signature of two", message(t, topic, m.news(resized(m.keys[0]), 6)), "reject", verify.AttackKeyCompromise},
		{"strange signer", message(t, topic, m.news(resized(m.keys[0], stranger), 6)), "reject", verify.AttackArbitrary},
		{"altered manifest", message(t, topic, m.news(altered, 6)), "reject", verify.AttackArbitrary},
		{"envelope of another product", message(t, topic, Announcement{
			Product: m.verifier.Product.ID(), Sequence: 4, Rev: 6, Envelope: other.genuine(t, 4).envelope,
		}), "reject", verify.AttackWrongSoftware},
		{"topic of another product", message(t, topic, other.news(other.genuine(t, 4), 6)), "reject", verify.AttackWrongSoftware},
		{"sequence not on chain", message(t, topic, m.news(four, 5)), "ignore", verify.AttackBeforeChain},
		{"revoked on chain, as news", message(t, topic, m.news(two, 5)), "ignore", verify.AttackRollback},
		{"revoked on chain, as a replay", message(t, topic, m.news(two, 3)), "ignore", verify.AttackRollback},
		{"other envelope for the latest", message(t, topic, m.news(m.release(t, 3, 50<<10, verify.MinBlockSize, m.keys[0], m.keys[1]), 5)), "reject", verify.AttackMixAndMatch},
		{"sequence differs from the manifest", message(t, topic, lied), "reject", verify.AttackMixAndMatch},
		{"not an announcement", &pb.Message{Topic: &topic, Data: []byte("look at me")}, "reject", verify.AttackMalformed},
		{"empty", &pb.Message{Topic: &topic}, "reject", verify.AttackMalformed},
		{"junk around a genuine one", junk, "reject", verify.AttackMalformed},
		{"too large", &pb.Message{Topic: &topic, Data: make([]byte, MaxAnnouncementSize+1)}, "reject", verify.AttackEndlessData},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNet(t)
				nodes := n.line(m, view, 3)
				r := n.rogue(false, nodes[0])
				r.send(c.message)
				settle()
				if got := nodes[0].judged(t, c.verdict, c.attack); got != 1 {
					t.Errorf("verdict %s with attack %s counted %v times, want 1", c.verdict, c.attack, got)
				}
				if got := nodes[0].got(); len(got) != 0 {
					t.Errorf("accepted %+v", got)
				}
				for i, node := range nodes[1:] {
					if got := node.counter(t, "judged_total"); got != 0 {
						t.Errorf("node %d was sent it: %v messages judged", i+1, got)
					}
				}
				time.Sleep(2 * scoreEvery)
				score := nodes[0].Scores()[r.h.ID()]
				if c.verdict == "reject" != (score < 0) {
					t.Errorf("score of the sender is %v after %s", score, c.verdict)
				}

				for _, node := range nodes {
					node.chain.mine(m.view(6, 4, four, three))
				}
				if err := nodes[2].Publish(t.Context(), m.news(four, 6)); err != nil {
					t.Fatal(err)
				}
				settle()
				for i, node := range nodes[:2] {
					if got := node.releases(); !slices.Equal(got, []uint64{4}) {
						t.Errorf("node %d: the honest release did not get through: %v", i, got)
					}
				}
			})
		})
	}
}

// A genuine announcement sent into the wrong topic, or with junk around it,
// must not make pubsub treat the right one as seen and its honest senders as
// liars.
func TestThreatGossipReplay_PoisonedMessageID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, other := newMaker(t, "ucam-2"), newMaker(t, "doorbell")
		n := newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(1, 0), 2)
		v := other.verifier
		if err := nodes[1].Follow(Subject{
			Product: v.Product, Verifier: &v, Chain: newChain(other.view(1, 0)), Accepted: func(Accepted) {},
		}); err != nil {
			t.Fatal(err)
		}
		r := n.rogue(false, nodes[1])
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		junk := message(t, Topic(m.verifier.Product.ID()), m.news(one, 2))
		junk.ProtoReflect().SetUnknown([]byte{15 << 3, 0})
		r.send(junk, message(t, Topic(other.verifier.Product.ID()), m.news(one, 2)))
		settle()
		if got := nodes[1].counter(t, "judged_total", "verdict", "reject"); got != 2 {
			t.Fatalf("rejected %v, want 2", got)
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * scoreEvery)
		if got := nodes[1].releases(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("accepted %v, want release 1", got)
		}
		if score := nodes[1].Scores()[nodes[0].h.ID()]; score < 0 {
			t.Errorf("the honest sender's score is %v", score)
		}
	})
}

func TestThreatGossipBeforeChain(t *testing.T) {
	for _, c := range []struct {
		name string
		late func(*memChain) // what keeps a node from seeing the head
		wait time.Duration
	}{
		{"endpoints lag by seconds", func(*memChain) {}, 20 * time.Second},
		{"endpoints down for minutes", func(c *memChain) { c.setDown(true) }, 8 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, n := newMaker(t, "ucam-2"), newNet(t)
				one := m.genuine(t, 1)
				before, after := m.view(1, 0), m.view(2, 1, one)
				nodes := n.line(m, before, 4)
				nodes[0].chain.mine(after)
				for _, node := range nodes[1:] {
					c.late(node.chain)
				}
				if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.wait)
				synctest.Wait()
				for i, node := range nodes[1:] {
					if got := node.got(); len(got) != 0 {
						t.Fatalf("node %d accepted before its chain got there: %+v", i+1, got)
					}
				}
				if got := nodes[1].judged(t, "hold", verify.AttackBeforeChain); got != 1 {
					t.Errorf("held %v, want 1", got)
				}
				if got := nodes[1].counter(t, "held"); got != 1 {
					t.Errorf("gauge says %v are held, want 1", got)
				}
				if got := nodes[2].counter(t, "judged_total"); got != 0 {
					t.Error("an announcement went on before its verdict")
				}

				for _, node := range nodes[1:] {
					node.chain.mine(after)
					node.chain.setDown(false)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				for i, node := range nodes[1:] {
					if got := node.releases(); !slices.Equal(got, []uint64{1}) {
						t.Errorf("node %d accepted %v when its chain got there, want release 1 once", i+1, got)
					}
					if got := node.counter(t, "held"); got != 0 {
						t.Errorf("node %d still holds %v", i+1, got)
					}
					if score := node.Scores()[nodes[i].h.ID()]; score < 0 {
						t.Errorf("node %d: the honest relay's score fell to %v", i+1, score)
					}
				}
				t.Logf("%v late: looks of the first relay %d", c.wait, nodes[1].chain.count())
			})
		})
	}
}

// Whatever a crowd sends, looks at the chain stay within the budget, memory
// within its bounds, and an honest release gets through in the middle of it.
func TestThreatGossipFlood(t *testing.T) {
	const (
		crowd   = 8
		minutes = 10
	)
	cfg := DefaultConfig()
	budget := cfg.HintBurst + int(minutes*time.Minute/cfg.HintEvery) + 6 + minutes
	m := newMaker(t, "ucam-2")
	one := m.genuine(t, 1)
	two := m.genuine(t, 2)

	for _, c := range []struct {
		name  string
		flood func(i uint64) Announcement
		looks int // allowed, the honest release's own apart
	}{
		{"bare hints with ever higher revs", func(i uint64) Announcement { return m.hint(1000 + i) }, budget},
		{"bare hints just ahead of the view", func(i uint64) Announcement {
			a := m.hint(50)
			a.Block = i
			return a
		}, budget},
		{"a genuine envelope with ever higher revs", func(i uint64) Announcement { return m.news(one, 1000+i) }, budget},
		{"unsigned envelopes", func(i uint64) Announcement {
			a := m.news(two, 1000+i)
			a.Envelope = binary.BigEndian.AppendUint64(nil, i)
			return a
		}, 0},
		{"one bad envelope with ever higher revs", func(i uint64) Announcement {
			a := m.news(two, 1000+i)
			a.Envelope = []byte("nonsense")
			return a
		}, 0},
	} {
		for _, deaf := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, deaf %v", c.name, deaf), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNet(t)
					nodes := n.line(m, m.view(2, 1, one), 2)
					var rogues []*rogue
					for range crowd {
						rogues = append(rogues, n.rogue(deaf, nodes[0]))
					}
					sent := uint64(0)
					flood := func(seconds int) {
						for range seconds {
							for _, r := range rogues {
								sent += 2
								r.announce(c.flood(sent), c.flood(sent+1))
							}
							time.Sleep(time.Second)
						}
					}
					flood(minutes * 30)
					looks := nodes[0].chain.count()

					nodes[0].chain.mine(m.view(3, 2, two, one))
					nodes[1].chain.mine(m.view(3, 2, two, one))
					if err := nodes[1].Publish(t.Context(), m.news(two, 3)); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					if got := nodes[0].releases(); !slices.Equal(got, []uint64{2}) {
						t.Errorf("accepted %v in the middle of the flood, want release 2", got)
					}
					flood(minutes * 30)
					synctest.Wait()
					looks = max(looks, nodes[0].chain.count()-1)
					t.Logf("%d messages from %d peers in %d minutes: %d looks at the chain (budget %d), %v judged, %v dropped unread, %v held",
						sent, crowd, minutes, looks, c.looks, nodes[0].counter(t, "judged_total"), nodes[0].counter(t, "dropped_total"), nodes[0].counter(t, "held"))
					if looks > c.looks {
						t.Errorf("%d looks at the chain, the budget is %d", looks, c.looks)
					}
					if got := nodes[0].counter(t, "held"); got > MaxHeld+1 {
						t.Errorf("%v held, the limit is %d", got, MaxHeld+1)
					}
					if got := nodes[1].counter(t, "judged_total", "source", "gossip"); got != 0 {
						t.Errorf("%v messages of the flood were relayed", got)
					}
				})
			})
		}
	}
}

// One peer that lies runs out of its own budget long before the product's, and
// one that tells the truth never does.
func TestThreatGossipFlood_OnePeerLeavesTheBudgetToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		nodes := n.line(m, m.view(2, 1, m.genuine(t, 1)), 2)
		liar := n.rogue(true, nodes[0])
		for i := range uint64(20) {
			liar.announce(m.hint(1 << (20 + i)))
			time.Sleep(time.Second)
		}
		if got := nodes[0].counter(t, "looks_total", "cause", "hint"); got != peerLooks {
			t.Errorf("a liar caused %v looks at once, its budget is %d", got, peerLooks)
		}
		// More true hints than any budget holds, each believed at once.
		for rev := uint64(3); rev < 3+4*peerLooks; rev++ {
			for _, node := range nodes {
				node.chain.mine(m.view(rev, 1, m.genuine(t, 1)))
			}
			if err := nodes[1].Publish(t.Context(), m.hint(rev)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if got := len(nodes[0].got()); got != 4*peerLooks {
			t.Errorf("%d of %d true hints were accepted", got, 4*peerLooks)
		}
	})
}

// A flooder that is first to send a genuine announcement must not smother it.
func TestThreatGossipFlood_CannotSmother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(1, 0), 2)
		r := n.rogue(false, nodes[1])
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		flood := make([]Announcement, DefaultConfig().PeerBurst)
		for i := range flood {
			flood[i] = m.hint(1)
			flood[i].Block = uint64(i)
		}
		r.announce(append(flood, m.news(one, 2))...)
		synctest.Wait()
		if got := nodes[1].counter(t, "dropped_total"); got != 1 {
			t.Fatalf("dropped %v, want the one over the rate", got)
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := nodes[1].releases(); !slices.Equal(got, []uint64{1}) {
			t.Errorf("accepted %v, want release 1", got)
		}
	})
}

// A peer that keeps sending far over its rate loses its score, one that sends
// invalid announcements is muted, even if it never lets us speak to it.
func TestThreatGossipFlood_IsPunished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		nodes := n.line(m, m.view(2, 1, m.genuine(t, 1)), 1)
		flooder, deaf := n.rogue(false, nodes[0]), n.rogue(true, nodes[0])
		for i := range uint64(2 * floodDrops) {
			a := m.hint(1)
			a.Block = i
			flooder.announce(a)
			a.Sequence, a.Envelope = i+1, []byte{byte(i)}
			deaf.announce(a)
			synctest.Wait() // judged before the next one comes
		}
		time.Sleep(2 * scoreEvery)
		if score := nodes[0].Scores()[flooder.h.ID()]; score >= 0 {
			t.Errorf("the flooder's score is %v", score)
		}
		if got := nodes[0].counter(t, "judged_total", "verdict", "reject"); got != maxStrikes {
			t.Errorf("%v invalid announcements of a deaf peer were judged, it is muted after %d", got, maxStrikes)
		}
	})
}

func TestThreatGossipReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		var packs []pack
		for i := range uint64(6) {
			packs = append(packs, m.genuine(t, i+1))
		}
		view := func(latest uint64) verify.View { // the two newest are offered
			offered := packs[max(0, int(latest)-2):latest]
			offered = slices.Clone(offered)
			slices.Reverse(offered)
			return m.view(1+latest, latest, offered...)
		}
		nodes := n.line(m, view(0), 2)
		for i := range uint64(6) {
			for _, node := range nodes {
				node.chain.mine(view(i + 1))
			}
			if err := nodes[1].Publish(t.Context(), m.news(packs[i], i+2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if got := nodes[0].releases(); !slices.Equal(got, []uint64{1, 2, 3, 4, 5, 6}) {
			t.Fatalf("accepted %v", got)
		}
		looks, judged := nodes[0].chain.count(), nodes[1].counter(t, "judged_total", "source", "gossip")

		// Beyond the two minutes that pubsub remembers: everything that was ever
		// announced, as it was and with other claims around the same envelopes.
		r := n.rogue(false, nodes[0])
		sent := 0
		for range 10 {
			time.Sleep(3 * time.Minute)
			for i, p := range packs {
				same := m.news(p, uint64(i)+2)
				block, rev, bare := same, same, same
				block.Block += 1000
				rev.Rev = 1
				bare.Envelope = nil
				for _, a := range []Announcement{same, block, rev, bare} {
					sent++
					r.announce(a)
					time.Sleep(DefaultConfig().PeerEvery)
				}
			}
		}
		synctest.Wait()
		t.Logf("%d replays: %d looks at the chain, %v named gossip_replay, %v rollback, %v dropped unread", sent, nodes[0].chain.count()-looks,
			nodes[0].judged(t, "ignore", attackReplay), nodes[0].judged(t, "ignore", verify.AttackRollback), nodes[0].counter(t, "dropped_total"))
		if got := nodes[0].chain.count(); got != looks {
			t.Errorf("replays cost %d looks at the chain", got-looks)
		}
		if got := nodes[0].releases(); len(got) != 6 {
			t.Errorf("a replay was accepted: %v", got)
		}
		if got := nodes[1].counter(t, "judged_total", "source", "gossip"); got != judged {
			t.Errorf("%v replays were relayed", got-judged)
		}
		if nodes[0].judged(t, "ignore", attackReplay) == 0 || nodes[0].judged(t, "ignore", verify.AttackRollback) == 0 {
			t.Error("the metrics do not name gossip_replay and rollback")
		}
	})
}

func TestThreatFastForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		far := m.genuine(t, 1<<62) // a stolen threshold could sign it
		nodes := n.line(m, m.view(2, 1, one), 2)
		r := n.rogue(false, nodes[0])
		absurd := m.news(far, 1<<63)
		wrapped := m.news(one, 1<<63)
		r.announce(absurd, wrapped, m.hint(1<<63))
		time.Sleep(time.Minute)
		if got := nodes[0].counter(t, "held"); got != 3 {
			t.Errorf("holds %v, want 3", got)
		}
		looks := nodes[0].chain.count()

		// An honest hint that is just ahead takes the place of the absurd one,
		// and an honest release passes at once.
		for _, node := range nodes {
			node.chain.mine(m.view(3, 2, two, one))
		}
		if err := nodes[1].Publish(t.Context(), m.news(two, 3)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := nodes[0].releases(); !slices.Equal(got, []uint64{2}) {
			t.Errorf("accepted %v, want release 2", got)
		}
		time.Sleep(DefaultConfig().HoldFor)
		synctest.Wait()
		if got := nodes[0].counter(t, "held"); got != 0 {
			t.Errorf("still holds %v", got)
		}
		if got := nodes[0].judged(t, "ignore", verify.AttackFastForward); got != 3 {
			t.Errorf("%v expired claims named fast_forward, want 3", got)
		}
		settled := nodes[0].chain.count()
		time.Sleep(24 * time.Hour)
		if got := nodes[0].chain.count(); got != settled {
			t.Errorf("%d more looks in the day after", got-settled)
		}
		t.Logf("three absurd claims: %d looks in the first minute, %d in all", looks, settled)
		if budget := 3 + 6 + int(DefaultConfig().HoldFor/lastRetry); settled > budget {
			t.Errorf("%d looks, the budget is %d", settled, budget)
		}

		// The same claim once more starts over; it is not remembered as judged.
		// A release number that is absurd at a rev that is true is refused.
		nodes[0].chain.mine(m.view(4, 2, two, one))
		r.announce(m.news(far, 4))
		settle()
		if got := nodes[0].judged(t, "ignore", verify.AttackFastForward); got != 4 {
			t.Errorf("%v named fast_forward, want 4", got)
		}
	})
}

// Messages that carry an author, a number or a signature are not part of this
// network: one announcement would have many ids.
func TestThreatGossipReplay_MessageWithAuthor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 2)
		r := n.rogue(false, nodes[0])
		for _, f := range []func(*pb.Message){
			func(p *pb.Message) { p.From = []byte(r.h.ID()) },
			func(p *pb.Message) { p.Seqno = []byte{1} },
			func(p *pb.Message) { p.Key = []byte{1} },
			func(p *pb.Message) { p.Signature = []byte{1} },
		} {
			p := message(t, Topic(m.verifier.Product.ID()), m.news(one, 2))
			f(p)
			r.send(proto.CloneOf(p))
		}
		time.Sleep(2 * scoreEvery)
		if got := nodes[0].counter(t, "judged_total"); got != 0 {
			t.Errorf("%v were judged", got)
		}
		if score := nodes[0].Scores()[r.h.ID()]; score >= 0 {
			t.Errorf("the sender's score is %v", score)
		}
	})
}
