package announce

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/verify"
)

func TestLateJoinerGetsTheLatestOnConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		view := m.view(2, 1, one)
		old := newNode(t, n.host(), m, newChain(view), DefaultConfig())
		old.tell(m.news(one, 2))
		late := newNode(t, n.host(), m, newChain(view), DefaultConfig())
		n.connect(late.h, old.h)
		synctest.Wait() // no time passes: it does not wait for a heartbeat
		if got := late.releases(); !slices.Equal(got, []uint64{1}) {
			t.Fatalf("accepted %v on connect, want release 1", got)
		}
		if got := late.counter(t, "judged_total", "source", "latest", "verdict", "accept"); got != 1 {
			t.Errorf("%v accepted from an answer, want 1", got)
		}

		// Who holds the envelope gets a hint, not the envelope again.
		time.Sleep(time.Minute)
		if err := late.h.Network().ClosePeer(old.h.ID()); err != nil {
			t.Fatal(err)
		}
		settle()
		n.connect(late.h, old.h)
		time.Sleep(time.Minute)
		if got := old.counter(t, "latest_served_total", "outcome", "hint"); got != 1 {
			t.Errorf("%v questions answered by a hint, want one for the second meeting", got)
		}
		if got := late.releases(); len(got) != 1 {
			t.Errorf("the same release was handed over again: %v", got)
		}
	})
}

// A peer whose host spoke before the protocol was there is asked as soon as it
// says that it speaks it; a product followed while running is asked for too.
func TestLatestIsAskedWhenItBecomesPossible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		other := newMaker(t, "doorbell")
		one, ding := m.genuine(t, 1), other.genuine(t, 1)
		a, b := n.host(), n.host()
		n.connect(a, b)
		settle()
		old := newNode(t, a, m, newChain(m.view(2, 1, one)), DefaultConfig())
		old.tell(m.news(one, 2))
		late := newNode(t, b, m, newChain(m.view(2, 1, one)), DefaultConfig())
		settle()
		if got := late.releases(); !slices.Equal(got, []uint64{1}) {
			t.Fatalf("accepted %v, want release 1", got)
		}

		var got []Accepted
		for _, node := range []*testNode{old, late} {
			v := other.verifier
			s := Subject{Product: v.Product, Verifier: &v, Chain: newChain(other.view(2, 1, ding)), Accepted: func(Accepted) {}}
			if node == old {
				news := other.news(ding, 2)
				s.Latest = func() *Announcement { return &news }
			} else {
				s.Accepted = func(a Accepted) { got = append(got, a) }
			}
			if err := node.Follow(s); err != nil {
				t.Fatal(err)
			}
		}
		settle()
		if len(got) != 1 || got[0].Product != other.verifier.Product.ID() {
			t.Fatalf("accepted %+v for the product followed while running", got)
		}
		// Its topic works as well, in both directions, though both sides knew
		// nothing of it when they met.
		for _, node := range []*testNode{old, late} {
			node.subject(other.verifier.Product.ID()).Chain.(*memChain).mine(other.view(3, 1, ding))
		}
		if err := old.Publish(t.Context(), other.hint(3)); err != nil {
			t.Fatal(err)
		}
		settle()
		if len(got) != 2 || !got[1].Bare() {
			t.Fatalf("accepted %+v, want the hint too", got)
		}
	})
}

// So is one that was heard and asked in vain.
func TestWhoCouldNotAnswerIsAskedWhenItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		node := newNode(t, n.host(), m, newChain(m.view(2, 0)), DefaultConfig())
		r := n.rogue(false, node)
		other := newMaker(t, "doorbell") // everybody is asked for it
		v := other.verifier
		if err := node.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(other.view(2, 0)), Accepted: func(Accepted) {}}); err != nil {
			t.Fatal(err)
		}
		settle()
		if got := node.counter(t, "latest_asked_total", "outcome", "failed"); got < 2 {
			t.Fatalf("%v questions failed, want one for each product", got)
		}
		answer(r.h, LatestProtocol, []byte{3, 1, 2, 3})
		synctest.Wait()
		if got := node.judged(t, "reject", verify.AttackMalformed); got < 2 { // go-libp2p may tell of a push twice
			t.Errorf("%v answers, want one for each product", got)
		}
	})
}

// The network is split, one side hears the news, and after it healed both sides
// have the latest release, also the nodes that are not at the seam.
func TestThreatPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := append(n.line(m, m.view(1, 0), 2), n.line(m, m.view(1, 0), 2)...)
		settle()
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		nodes[0].tell(m.news(one, 2))
		nodes[1].tell(m.news(one, 2))
		if got := append(nodes[2].got(), nodes[3].got()...); len(got) != 0 {
			t.Fatalf("the news crossed the split: %+v", got)
		}
		n.connect(nodes[1].h, nodes[2].h)
		settle()
		for i, node := range nodes[1:] {
			if got := node.releases(); !slices.Equal(got, []uint64{1}) {
				t.Errorf("node %d accepted %v, want release 1", i+1, got)
			}
		}
	})
}

func TestAskFindsTheOnePeerThatHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one, two := m.genuine(t, 1), m.genuine(t, 2)
		id := m.verifier.Product.ID()
		node := newNode(t, n.host(), m, newChain(m.view(3, 2, two, one)), DefaultConfig())
		if err := node.Ask(t.Context(), id); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("alone: %v, want ErrNoAnswer", err)
		}
		// Neighbours that know nothing, that are behind, that lie, that hang,
		// that hang up, and one that has it.
		silent := n.host()
		silent.SetStreamHandler(LatestProtocol, func(s network.Stream) { <-t.Context().Done(); s.Reset() })
		rude := n.host()
		rude.SetStreamHandler(LatestProtocol, func(s network.Stream) { s.Reset() })
		endless := n.host()
		endless.SetStreamHandler(LatestProtocol, func(s network.Stream) {
			s.Write(binary.AppendUvarint(nil, 1<<40))
			for b := make([]byte, 1<<16); ; {
				if _, err := s.Write(b); err != nil {
					return
				}
			}
		})
		liar := n.host()
		a := m.news(two, 3)
		a.Envelope = one.envelope
		lie := encode(t, a)
		answer(liar, LatestProtocol, append(binary.AppendUvarint(nil, uint64(len(lie))), lie...))
		empty := newNode(t, n.host(), m, newChain(m.view(3, 2, two, one)), DefaultConfig())
		good := newNode(t, n.host(), m, newChain(m.view(3, 2, two, one)), DefaultConfig())
		n.connect(node.h, silent)
		n.connect(node.h, rude)
		n.connect(node.h, endless)
		n.connect(node.h, liar)
		n.connect(node.h, empty.h)
		n.connect(node.h, good.h)
		time.Sleep(time.Minute)
		if err := node.Ask(t.Context(), id); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("nobody has it: %v, want ErrNoAnswer", err)
		}
		good.tell(m.hint(3))
		time.Sleep(time.Minute)
		if err := node.Ask(t.Context(), id); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("a bare hint is all there is: %v, want ErrNoAnswer", err)
		}
		good.tell(m.news(two, 3))
		time.Sleep(time.Minute)
		if err := node.Ask(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := node.releases(); !slices.Equal(got, []uint64{2}) {
			t.Errorf("accepted %v, want release 2", got)
		}
		// A node that lost it may ask again.
		if err := node.Ask(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := node.releases(); !slices.Equal(got, []uint64{2, 2}) {
			t.Errorf("accepted %v, want release 2 again", got)
		}
		if node.judged(t, "reject", verify.AttackEndlessData) == 0 || node.judged(t, "reject", verify.AttackMixAndMatch) == 0 {
			t.Error("the metrics do not name the endless and the false answer")
		}
		if err := node.Ask(t.Context(), verify.ProductID{1}); !errors.Is(err, ErrNotFollowed) {
			t.Errorf("unknown product: %v, want ErrNotFollowed", err)
		}
	})
}

// Who speaks a protocol is asked, also before a word of it was heard; others are not,
// nor those that are muted or were asked enough.
func TestWhoIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		node := newNode(t, n.host(), m, newChain(m.view(2, 0)), DefaultConfig())
		stranger, speaker := n.host(), n.host()
		answer(speaker, LatestProtocol, nil)
		n.connect(node.h, stranger)
		n.connect(node.h, speaker)
		settle()
		if err := node.h.Peerstore().AddProtocols(speaker.ID(), LatestProtocol); err != nil { // as it says of itself
			t.Fatal(err)
		}
		if got := node.speakers(LatestProtocol); !slices.Equal(got, []peer.ID{speaker.ID()}) {
			t.Errorf("%v would be asked, want %v", got, speaker.ID())
		}
		for i := range askBurst {
			if !node.mayAsk(stranger.ID()) {
				t.Fatalf("asked %d times", i)
			}
		}
		if node.mayAsk(stranger.ID()) {
			t.Error("a peer is asked without end")
		}
		for range maxStrikes {
			node.report(node.subject(m.verifier.Product.ID()), speaker.ID(), viaLatest, reject, errors.New("a lie"))
		}
		if node.mayAsk(speaker.ID()) {
			t.Error("a muted peer is asked")
		}
	})
}

// A peer that gives a false answer pays for it like for a false message.
func TestFalseAnswerLowersTheScore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		node := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), DefaultConfig())
		r := n.rogue(false, node)
		answer(r.h, LatestProtocol, []byte{3, 1, 2, 3})
		time.Sleep(2 * scoreEvery)
		if got := node.judged(t, "reject", verify.AttackMalformed); got < 1 { // go-libp2p may tell of a push twice
			t.Errorf("%v answers rejected, want 1 or more", got)
		}
		if score := node.Scores()[r.h.ID()]; score >= 0 {
			t.Errorf("the liar's score is %v", score)
		}
	})
}

// Questions are answered to anybody, within a rate per peer, and bad ones cost
// nothing.
func TestThreatDenialOfService_Questions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		node := newNode(t, n.host(), m, newChain(m.view(2, 1, one)), DefaultConfig())
		node.tell(m.news(one, 2))
		h := n.host()
		n.connect(h, node.h)
		settle()
		ask := func(question []byte) ([]byte, error) {
			s, err := h.NewStream(t.Context(), node.h.ID(), LatestProtocol)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Reset()
			if _, err := s.Write(question); err != nil {
				return nil, err
			}
			s.CloseWrite()
			return io.ReadAll(s)
		}
		id := m.verifier.Product.ID()
		question := append(id[:], make([]byte, 32)...)
		want := encode(t, m.news(one, 2))
		want = append(binary.AppendUvarint(nil, uint64(len(want))), want...)
		for i := range serveBurst {
			if got, err := ask(question); err != nil || !slices.Equal(got, want) {
				t.Fatalf("question %d: %d bytes, %v", i, len(got), err)
			}
		}
		if got, err := ask(question); err == nil && len(got) > 0 {
			t.Error("a peer far over its rate was answered")
		}
		time.Sleep(time.Hour)
		digest := sha256.Sum256(one.envelope)
		for _, c := range []struct {
			name     string
			question []byte
			outcome  string
		}{
			{"unknown product", make([]byte, questionSize), "empty"},
			{"half a question", question[:40], "failed"},
			{"the envelope is held", append(id[:], digest[:]...), "hint"},
		} {
			ask(c.question)
			synctest.Wait()
			if got := node.counter(t, "latest_served_total", "outcome", c.outcome); got != 1 {
				t.Errorf("%s: %v with outcome %s, want 1", c.name, got, c.outcome)
			}
		}
		if got := node.counter(t, "latest_served_total", "outcome", "refused"); got != 1 {
			t.Errorf("%v refused, want 1", got)
		}
	})
}

func TestRunThatEndsWhileItStartsFailsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		h := n.host()
		g, err := New(h, DefaultConfig(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := m.verifier
		if err := g.Follow(Subject{Product: v.Product, Verifier: &v, Chain: newChain(m.view(1, 0)), Accepted: func(Accepted) {}}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
		if all := h.Mux().Protocols(); slices.Contains(all, MeshProtocol) || slices.Contains(all, LatestProtocol) {
			t.Errorf("still spoken: %v", all)
		}
	})
}

// Run ends although a peer neither asks nor hangs up, and although an answer
// is outstanding; nothing is handed over afterwards.
func TestRunEndsWithOpenStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		node := newNode(t, n.host(), m, newChain(m.view(2, 1, m.genuine(t, 1))), DefaultConfig())
		r := n.rogue(false, node)
		if _, err := r.h.NewStream(t.Context(), node.h.ID(), LatestProtocol); err != nil {
			t.Fatal(err)
		}
		r.h.SetStreamHandler(LatestProtocol, func(s network.Stream) { <-t.Context().Done(); s.Reset() })
		time.Sleep(time.Second)
		begun := time.Now()
		node.stop()
		if d := time.Since(begun); d > 0 {
			t.Errorf("Run took %v to end", d)
		}
		if err := node.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("a second Run: %v, want ErrRunning", err)
		}
		if err := node.Publish(t.Context(), m.news(m.genuine(t, 1), 2)); !errors.Is(err, ErrStopped) {
			t.Errorf("Publish after Run: %v, want ErrStopped", err)
		}
		if err := node.Ask(context.Background(), m.verifier.Product.ID()); !errors.Is(err, ErrStopped) {
			t.Errorf("Ask after Run: %v, want ErrStopped", err)
		}
	})
}
