package announce

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"camswarm/verify"
)

// panel stands for what judges statements: those that begin with "true" are genuine,
// each once, those with "false" forged, others by strangers.
type panel struct {
	mu    sync.Mutex
	heard [][]byte
	agree uint64
}

func (p *panel) Judge(raw []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case bytes.HasPrefix(raw, []byte("false")):
		return verify.Hard("witness_forged", "signature is wrong")
	case !bytes.HasPrefix(raw, []byte("true")):
		return verify.Soft("witness_unknown", "stranger")
	case slices.ContainsFunc(p.heard, func(b []byte) bool { return bytes.Equal(b, raw) }):
		return verify.Soft(attackReplay, "heard before")
	}
	p.heard = append(p.heard, bytes.Clone(raw))
	return nil
}

func (p *panel) Statements(verify.Region) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

func (p *panel) Agree(rev uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return rev <= p.agree
}

// knows reports whether a statement came.
func (p *panel) knows(text string) bool {
	return slices.ContainsFunc(p.Statements(""), func(b []byte) bool { return string(b) == text })
}

// chained are nodes in a row, each connected to the next, with witnesses.
func chained(t *testing.T, n int, change ...func(i int, s *Subject)) ([]*testNode, []*panel, *maker) {
	t.Helper()
	m, net := newMaker(t, "cam"), newNet(t)
	var nodes []*testNode
	var panels []*panel
	for i := range n {
		p := &panel{}
		panels = append(panels, p)
		cfg := DefaultConfig()
		if i == 0 {
			cfg = SeedConfig()
		}
		nodes = append(nodes, newNode(t, net.host(), m, newChain(m.view(5, 0)), cfg, func(s *Subject) {
			s.Witnesses = p
			for _, f := range change {
				f(i, s)
			}
		}))
	}
	for i := 1; i < n; i++ {
		net.connect(nodes[i-1].h, nodes[i].h)
	}
	time.Sleep(10 * time.Second) // the meshes form
	synctest.Wait()
	return nodes, panels, m
}

// A statement goes from node to node; who joins later is told when he asks.
func TestStatementsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, panels, m := chained(t, 4)
		id := m.verifier.Product.ID()
		if err := panels[3].Judge([]byte("true one")); err != nil {
			t.Fatal(err)
		}
		if err := nodes[3].State(t.Context(), id, []byte("true one")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, p := range panels {
			if !p.knows("true one") {
				t.Errorf("node %d has not heard", i)
			}
		}
		// Two that know of nothing in common meet.
		if err := panels[0].Judge([]byte("true two")); err != nil {
			t.Fatal(err)
		}
		nodes[1].askStatements(t.Context(), nodes[0].h.ID(), nodes[1].subject(id))
		if !panels[1].knows("true two") {
			t.Error("who asks is not told")
		}
		if err := nodes[1].State(t.Context(), verify.ProductID{1}, []byte("true")); !errors.Is(err, ErrNotFollowed) {
			t.Errorf("of a product that is not followed: %v", err)
		}
		// Nobody is told anything of what a node does not follow.
		s, err := nodes[1].h.NewStream(t.Context(), nodes[0].h.ID(), WitnessProtocol)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(make([]byte, questionSize)); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(s); err != nil || len(answer) > 0 {
			t.Errorf("of a product that is not followed: %q, %v", answer, err)
		}
	})
}

// Who connects hears what was said long ago, without a word on the topic.
func TestStatementsAreAskedForOnConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "cam"), newNet(t)
		old, late := &panel{}, &panel{}
		if err := old.Judge([]byte("true one")); err != nil {
			t.Fatal(err)
		}
		knows := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig(), func(s *Subject) { s.Witnesses = old })
		asks := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig(), func(s *Subject) { s.Witnesses = late })
		without := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig())
		n.connect(asks.h, knows.h)
		n.connect(without.h, knows.h)
		settle()
		if !late.knows("true one") {
			t.Error("who connects is not told")
		}
		if err := without.State(t.Context(), m.verifier.Product.ID(), []byte("true")); !errors.Is(err, ErrNotFollowed) {
			t.Errorf("of a product without witnesses: %v", err)
		}
	})
}

// Who was heard and is not identified yet is asked too.
func TestStatementsAreAskedOfAStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, panels, m := chained(t, 2)
		if err := panels[0].Judge([]byte("true one")); err != nil {
			t.Fatal(err)
		}
		known := nodes[1].h.Peerstore()
		if err := known.RemoveProtocols(nodes[0].h.ID(), LatestProtocol, WitnessProtocol, MeshProtocol); err != nil {
			t.Fatal(err)
		}
		nodes[1].askStatements(t.Context(), nodes[0].h.ID(), nodes[1].subject(m.verifier.Product.ID()))
		if !panels[1].knows("true one") {
			t.Error("who asks is not told")
		}
	})
}

// A seed sends each statement to all neighbours at once, also those beyond its mesh.
func TestSeedTellsEverybodyOfStatements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = 30
		m, n := newMaker(t, "cam"), newNet(t)
		seed := newNode(t, n.host(), m, newChain(m.view(5, 0)), SeedConfig(), func(s *Subject) { s.Witnesses = &panel{} })
		var cameras []*testNode
		var panels []*panel
		for range crowd {
			p := &panel{}
			c := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig(), func(s *Subject) { s.Witnesses = p })
			n.connect(c.h, seed.h)
			cameras, panels = append(cameras, c), append(panels, p)
		}
		time.Sleep(10 * time.Second)
		if err := cameras[0].State(t.Context(), m.verifier.Product.ID(), []byte("true one")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // no heartbeat later
		synctest.Wait()
		for i, p := range panels[1:] {
			if !p.knows("true one") {
				t.Errorf("camera %d has not heard", i+1)
			}
		}
	})
}

// A peer that answers with more than a statement can be is not read on, and pays.
func TestThreatEndlessData_Statements(t *testing.T) {
	for _, size := range []uint64{verify.MaxWitnessStatement + 1, 1 << 60} {
		synctest.Test(t, func(t *testing.T) {
			m, n := newMaker(t, "cam"), newNet(t)
			node := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig(), func(s *Subject) { s.Witnesses = &panel{} })
			endless := n.host()
			endless.SetStreamHandler(WitnessProtocol, func(s network.Stream) {
				s.Write(binary.AppendUvarint(nil, size))
				for b := make([]byte, 1<<12); ; {
					if _, err := s.Write(b); err != nil {
						return
					}
				}
			})
			n.connect(node.h, endless)
			settle()
			_ = node.questionStatements(t.Context(), endless.ID(), node.subject(m.verifier.Product.ID()))
			if node.judged(t, "reject", verify.AttackEndlessData) != 1 {
				t.Errorf("%d bytes: the metrics do not name it", size)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the largest is read
		m, n := newMaker(t, "cam"), newNet(t)
		p := &panel{}
		node := newNode(t, n.host(), m, newChain(m.view(5, 0)), DefaultConfig(), func(s *Subject) { s.Witnesses = p })
		large := n.host()
		raw := append([]byte("true"), make([]byte, verify.MaxWitnessStatement-4)...)
		answer(large, WitnessProtocol, append(binary.AppendUvarint(nil, uint64(len(raw))), raw...))
		n.connect(node.h, large)
		settle()
		if err := node.questionStatements(t.Context(), large.ID(), node.subject(m.verifier.Product.ID())); err != nil {
			t.Error(err)
		}
		if !p.knows(string(raw)) {
			t.Error("the largest statement is not heard")
		}
	})
}

// A neighbour that sends forged statements is muted after three; what is by witnesses
// that a node does not know costs nobody anything and goes no further.
func TestThreatWitnessForged_Gossip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, panels, m := chained(t, 3)
		id := m.verifier.Product.ID()
		liar, victim := nodes[0], nodes[1]
		say := func(text string) {
			if err := liar.State(t.Context(), id, []byte(text)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		say("strange")
		say("true before")
		if !panels[2].knows("true before") {
			t.Error("a stranger's statement cost its relay something")
		}
		for i := range maxStrikes {
			say("false " + string(rune('0'+i)))
		}
		say("true after")
		if panels[1].knows("true after") {
			t.Error("who forges is heard on")
		}
		if n := victim.counter(t, "judged_total", "source", "witness", "verdict", "reject", "attack", "witness_forged"); n == 0 || n > maxStrikes {
			t.Errorf("%v forged statements are counted", n)
		}
	})
}

// witnessedChain is a view that witnesses widened, until the own quorum is asked.
type witnessedChain struct {
	*memChain
	said verify.View
}

func (c witnessedChain) Current() (verify.View, bool) {
	if own, _ := c.memChain.Current(); own.Rev > c.said.Rev {
		return own, true
	}
	return c.said, true
}

// A release that witnesses do not confirm is for the own quorum to judge: it costs a
// look, no honest peer his score, and goes through.
func TestThreatWitnessesContradicted_Announcement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMaker(t, "cam")
		honest, lie := m.genuine(t, 1), m.release(t, 1, 20<<10, verify.MinBlockSize, m.keys[0], m.keys[2])
		chain := newChain(m.view(5, 0))
		said := m.view(9, 1, lie)
		said.Witnessed = true
		nodes, _, _ := chained(t, 2, func(i int, s *Subject) {
			if i == 1 {
				s.Chain = witnessedChain{chain, said}
			}
		})
		nodes[0].chain.mine(m.view(9, 1, honest))
		chain.mine(m.view(9, 1, honest))
		if err := nodes[0].Publish(t.Context(), m.news(honest, 9)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := nodes[1].releases(); len(got) != 1 || chain.count() == 0 {
			t.Errorf("accepted %v after %d looks", got, chain.count())
		}
		if n := nodes[1].counter(t, "judged_total", "verdict", "reject"); n != 0 {
			t.Errorf("%v announcements were held against their sender", n)
		}
	})
}
