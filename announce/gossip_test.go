package announce

import (
	"testing"
)

func TestAnnouncementTravelsTheWholeLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m, n := newMaker(t, "ucam-2"), newNet(t)
		one := m.genuine(t, 1)
		nodes := n.line(m, m.view(1, 0), 5)
		for _, node := range nodes {
			node.chain.mine(m.view(2, 1, one))
		}
		if err := nodes[0].Publish(t.Context(), m.news(one, 2)); err != nil {
			t.Fatal(err)
		}
		settle()
		for i, node := range nodes[1:] {
			got := node.got()
			if len(got) != 1 || got[0].Approved == nil || got[0].Sequence != 1 || got[0].View.Rev != 2 {
				t.Fatalf("node %d accepted %+v, want release 1 once", i+1, got)
			}
			if got[0].From != nodes[i].h.ID() {
				t.Errorf("node %d: From is not its neighbour", i+1)
			}
			if looks := node.chain.count(); looks != 1 {
				t.Errorf("node %d looked at the chain %d times for one announcement", i+1, looks)
			}
		}
		if got := nodes[0].got(); len(got) != 0 {
			t.Errorf("a node's own announcement was handed to it: %+v", got)
		}
	})
}
