package p2p

import (
	"sync"
	"time"

	"camswarm/swarm/tokens"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Budget bounds what each peer may make this node do: see tokens.Budget.
type Budget = tokens.Budget

// newBudget returns the budget of all protocols of this network. Who comes over it is
// hung up on and banned.
func (n *Network) newBudget() *Budget {
	peers := tokens.Limit{Burst: peerBurst, PerSecond: peerPerSecond}
	return tokens.NewBudget(tokens.BudgetConfig{
		Peer: peers,
		Prefix: tokens.Limit{
			Burst:     networkPeers*peers.Burst + greeting*float64(n.limits.Connections),
			PerSecond: networkPeers * peers.PerSecond,
		},
		Greeting: greeting,
		Peers:    4 * n.limits.Connections, Now: n.now, Over: n.flooded,
	})
}

// Budget returns the budget of this network's peers. Every protocol counts what it
// does for a peer: one token for the work of one stream that a peer opens, which is
// counted here, before its protocol is negotiated. When Allow says no, the work is not
// to be done; nothing else has to follow.
func (n *Network) Budget() *Budget { return n.budget }

// flooded hangs up on a peer that is over its budget. It is called where streams are
// accepted, so that closing must not be waited for.
func (n *Network) flooded(p peer.ID) {
	if p == n.gater.self {
		return
	}
	n.metrics.refused.WithLabelValues("flood").Inc()
	if more, tell := n.floods.count(n.now()); tell {
		n.log.Warn("peers are banned that flood", "peer", p.String(), "for", floodBan, "before", more)
	}
	n.gater.bans.add(p, n.now(), floodBan, "flood")
	nudge(n.banned)
	n.mu.Lock()
	h := n.host
	n.mu.Unlock()
	if h != nil { // it listens before New has returned
		n.hangUp(func() error { return h.Network().ClosePeer(p) })
	}
}

// tally counts what happens too often to be logged each time.
type tally struct {
	mu    sync.Mutex
	last  time.Time
	quiet int
}

// count counts one and tells whether to log it: the first, and another after floodLog.
// more is how many were counted and not logged since the last that was.
func (t *tally) count(now time.Time) (more int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := now.Sub(t.last); !t.last.IsZero() && d >= 0 && d < floodLog {
		t.quiet++
		return 0, false
	}
	more, t.quiet, t.last = t.quiet, 0, now
	return more, true
}

// meteredResources is a resource manager that counts the streams that peers open, and
// refuses them: before a goroutine is started and a protocol negotiated for them.
type meteredResources struct {
	network.ResourceManager
	budget *Budget
}

// OpenStream implements network.ResourceManager.
func (r *meteredResources) OpenStream(p peer.ID, dir network.Direction) (network.StreamManagementScope, error) {
	if dir == network.DirInbound && !r.budget.Allow(p, 1) {
		return nil, network.ErrResourceLimitExceeded
	}
	return r.ResourceManager.OpenStream(p, dir)
}

// meteredStream counts what is read of a stream, one token for each cost bytes, and
// ends with the budget.
type meteredStream struct {
	network.Stream
	budget *Budget
	cost   int
}

func (s *meteredStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if n > 0 && !s.budget.Allow(s.Conn().RemotePeer(), float64(n)/float64(s.cost)) {
		_ = s.Reset()
		return 0, network.ErrReset
	}
	return n, err
}
