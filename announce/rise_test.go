package announce

import (
	"testing"
	"testing/synctest"
	"time"
)

// rise lets a node's own view follow the chain, as its poll would, and says so.
func (n *testNode) rise() {
	n.chain.poll()
	n.Risen()
}

// told returns how many hints the nodes published because their views rose.
func told(t *testing.T, nodes []*testNode) (sum float64) {
	t.Helper()
	for _, n := range nodes {
		sum += n.counter(t, "told_total")
	}
	return sum
}

// crowd makes nodes that are all connected with one another.
func (n *net) crowd(m *maker, chains []*memChain, cfg Config) (nodes []*testNode) {
	n.t.Helper()
	for _, c := range chains {
		node := newNode(n.t, n.host(), m, c, cfg)
		for _, o := range nodes {
			n.connect(o.h, node.h)
		}
		nodes = append(nodes, node)
	}
	settle()
	return nodes
}

// One node's view rises, and everybody's does.
func TestRiseReachesTheWholeLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 5)
		for _, node := range nodes {
			node.chain.mine(m.view(3, 1, one))
		}
		nodes[0].rise()
		time.Sleep(DefaultConfig().TellWithin + time.Second)
		synctest.Wait()
		for i, node := range nodes[1:] {
			if got := node.got(); len(got) != 1 || !got[0].Bare() || got[0].Rev != 3 || got[0].View.Rev != 3 {
				t.Errorf("node %d accepted %+v, want one hint of rev 3", i+1, got)
			}
		}
		if got := told(t, nodes); got != 1 {
			t.Errorf("%v hints were published, want 1", got)
		}
		nodes[0].Risen() // nothing new
		time.Sleep(time.Minute)
		if got := told(t, nodes); got != 1 {
			t.Errorf("%v hints were published after a rise that was none, want 1", got)
		}
	})
}

// Where all learn of a change at one moment, one of them tells. Seeds always do:
// each has neighbours that no other has.
func TestRiseIsToldOnceByCamerasAndAlwaysBySeeds(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want float64
	}{"cameras": {DefaultConfig(), 1}, "seeds": {SeedConfig(), 6}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, n := newMaker(t, "ucam-2"), newNet(t)
				one := m.genuine(t, 1)
				var chains []*memChain
				for range 6 {
					chains = append(chains, newChain(m.view(2, 1, one)))
				}
				nodes := n.crowd(m, chains, c.cfg)
				for _, node := range nodes {
					node.Risen() // the views they start with
				}
				time.Sleep(time.Minute)
				before := told(t, nodes)
				for _, node := range nodes {
					node.chain.mine(m.view(3, 1, one))
					node.chain.poll()
				}
				for _, node := range nodes {
					node.Risen()
				}
				time.Sleep(time.Minute)
				if got := told(t, nodes) - before; got != c.want {
					t.Errorf("%v hints were published, want %v", got, c.want)
				}
			})
		})
	}
}

// A view that went back took a lie back; the revisions after it are news again,
// to this node and from it.
func TestRiseAfterARefutedView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 2)
		lied := nodes[0]
		lied.chain.mine(m.view(1000, 1, one))
		lied.rise()
		time.Sleep(10 * time.Minute)
		lied.chain.mine(m.view(2, 1, one))
		lied.rise()
		time.Sleep(20 * time.Minute)
		for _, node := range nodes {
			node.chain.mine(m.view(3, 1, one))
		}
		nodes[1].rise()
		time.Sleep(5 * time.Second)
		if got := lied.got(); len(got) != 1 || got[0].Rev != 3 {
			t.Errorf("the node that was lied to accepted %+v, want the hint of rev 3", got)
		}
		for _, node := range nodes {
			node.chain.mine(m.view(4, 1, one))
		}
		lied.rise()
		time.Sleep(5 * time.Second)
		if got := nodes[1].got(); len(got) != 1 || got[0].Rev != 4 {
			t.Errorf("its neighbour accepted %+v, want the hint of rev 4", got)
		}
	})
}

// Liars who use up the looks for claims that prove nothing, and keep the places of
// what is held, delay no hint of a peer whose last one was true. Each of them gets
// one look for each revision of the chain that he was quick to tell.
func TestThreatStopSilenced_Flood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 2)
		victim, honest := nodes[0], nodes[1]
		victim.chain.mine(m.view(3, 1, one))
		honest.chain.mine(m.view(3, 1, one))
		honest.rise()
		time.Sleep(5 * time.Second)
		if got := victim.got(); len(got) != 1 {
			t.Fatalf("accepted %d hints, want 1", len(got))
		}

		var liars []*rogue
		for range 8 {
			liars = append(liars, n.rogue(true, victim))
		}
		lie := m.hint(4) // just ahead, so that it is held rather than an honest one
		for range 300 {
			for _, l := range liars {
				lie.Block++
				l.announce(lie)
			}
			time.Sleep(time.Second)
		}
		looks := victim.chain.count()
		if got := victim.counter(t, "looks_total", "cause", "credit"); got != 0 {
			t.Errorf("made-up claims had %v looks of those that the honest earn", got)
		}

		victim.chain.mine(m.view(4, 1, one))
		honest.chain.mine(m.view(4, 1, one))
		honest.rise()
		time.Sleep(DefaultConfig().TellWithin + 50*time.Millisecond)
		synctest.Wait()
		if got := victim.got(); len(got) != 2 || got[1].Rev != 4 {
			t.Errorf("accepted %d hints in the middle of the flood, want that of rev 4 at once", len(got))
		}
		if got := victim.counter(t, "looks_total", "cause", "credit"); got != 1 {
			t.Errorf("%v looks for hints of those who were right before, want 1", got)
		}
		t.Logf("%d looks in five minutes of made-up revisions", looks)
	})
}

// Who was right once has one look for a lie, and no more until he is right again.
func TestThreatStopSilenced_SpentCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		victim := n.line(m, m.view(2, 1, one), 1)[0]
		liar := n.rogue(true, victim)
		victim.chain.mine(m.view(3, 1, one))
		liar.announce(m.hint(3))
		settle()
		for i := range uint64(50) {
			liar.announce(m.hint(1000 + i))
			time.Sleep(10 * time.Second)
		}
		if got := victim.counter(t, "looks_total", "cause", "credit"); got != 1 {
			t.Errorf("%v looks for made-up revisions by the credit of one true hint, want 1", got)
		}
	})
}

// pubsub drops for two minutes what it has seen, accepted or not. Whoever says the
// hint of a revision before there is one, for each block in which it may come,
// must not silence it.
func TestThreatStopSilenced_SaidFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(2, 1, one), 2)
		liar := n.rogue(true, nodes[0])
		for i := range uint64(8) {
			guess := m.hint(3)
			guess.Block = 100 + i
			liar.announce(guess)
		}
		time.Sleep(2 * DefaultConfig().LookTimeout) // until none of them is looked after any more
		for _, node := range nodes {
			node.chain.mine(m.view(3, 1, one))
		}
		before := nodes[0].counter(t, "judged_total", "source", "gossip")
		nodes[1].rise()
		time.Sleep(DefaultConfig().TellWithin)
		synctest.Wait()
		if got := nodes[0].counter(t, "judged_total", "source", "gossip") - before; got != 1 {
			t.Errorf("%v hints of the honest node were judged, want 1", got)
		}
	})
}

// Old hints move nothing: no look, no relay, no acceptance.
func TestThreatStopSilenced_Replay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(7, 1, one), 2)
		nodes[0].rise()
		settle()
		before, relayed := len(nodes[0].got()), nodes[1].counter(t, "judged_total", "source", "gossip")
		liar := n.rogue(true, nodes[0])
		for rev := range uint64(7) {
			for i := range uint64(2) {
				old := m.hint(rev + 1)
				old.Sequence = i
				liar.announce(old)
			}
			time.Sleep(5 * time.Second)
		}
		if got := nodes[0].chain.count(); got != 0 {
			t.Errorf("%d looks for revisions that are known", got)
		}
		if got := len(nodes[0].got()) - before; got != 0 {
			t.Errorf("%d old hints were accepted", got)
		}
		if got := nodes[1].counter(t, "judged_total", "source", "gossip") - relayed; got != 0 {
			t.Errorf("%v old hints were relayed", got)
		}
	})
}

// Whoever was told of a revision already is not told again before its envelope, which
// need not wait then.
func TestEnvelopeFollowsAHintThatWasTold(t *testing.T) {
	for _, risen := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m, n := newMaker(t, "ucam-2"), newNet(t)
			one := m.genuine(t, 1)
			var chains []*memChain
			for range hintFirst + 1 {
				chains = append(chains, newChain(m.view(1, 0)))
			}
			nodes := n.crowd(m, chains, SeedConfig())
			for _, c := range chains {
				c.mine(m.view(2, 1, one))
			}
			seed := nodes[0]
			seed.chain.poll()
			if risen {
				seed.Risen()
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			heard := len(nodes[1].got())
			start := time.Now()
			if err := seed.Publish(t.Context(), m.news(one, 2)); err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			settle()
			if got := len(nodes[1].got()) - heard; risen && (took != 0 || got != 1) || !risen && (took != hintLead || got != 2) {
				t.Errorf("hint told before: %v; the publisher waited %v, its neighbour heard %d announcements", risen, took, got)
			}
		})
	}
}
