package announce

import (
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// spend counts work for a peer and reports whether it may be done.
func (g *Gossip) spend(p peer.ID, cost float64) bool {
	return g.budget == nil || p == g.host.ID() || g.budget(p, cost)
}

// meteredHost gives pubsub streams whose bytes are counted as they are read, before
// they are decoded.
type meteredHost struct {
	host.Host
	g *Gossip
}

// SetStreamHandler implements host.Host.
func (h meteredHost) SetStreamHandler(id protocol.ID, f network.StreamHandler) {
	h.Host.SetStreamHandler(id, func(s network.Stream) { f(&meteredStream{s, h.g}) })
}

type meteredStream struct {
	network.Stream
	g *Gossip
}

// Read implements io.Reader. A stream of a peer that is over its budget has ended.
func (s *meteredStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if n > 0 && !s.g.spend(s.Conn().RemotePeer(), float64(n)/tokenBytes+1./tokenReads) {
		_ = s.Reset()
		return 0, io.ErrClosedPipe
	}
	return n, err
}

// tallies count by cause what is not logged each time.
type tallies struct {
	mu  sync.Mutex
	all map[string]*tally // the causes are constants
}

type tally struct {
	last  time.Time
	quiet int
}

// count counts one and tells whether to log it: the first of its cause, and another
// after logEvery. before is how many were not logged since the last that was.
func (t *tallies) count(cause string, now time.Time) (before int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.all[cause]
	if c == nil {
		if t.all == nil {
			t.all = map[string]*tally{}
		}
		c = &tally{}
		t.all[cause] = c
	} else if now.Sub(c.last) < logEvery {
		c.quiet++
		return 0, false
	}
	before, c.quiet, c.last = c.quiet, 0, now
	return before, true
}
