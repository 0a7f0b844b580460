package sim

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// protocols counts what a host's streams carry, by protocol, both directions. What
// QUIC, UDP and IP add is not in it, keep-alives least of all.
type protocols struct {
	metrics.Reporter // of which a host calls nothing but what is here

	mu    sync.Mutex
	bytes map[protocol.ID]int64
}

func newProtocols() *protocols { return &protocols{bytes: map[protocol.ID]int64{}} }

// LogSentMessage implements metrics.Reporter.
func (p *protocols) LogSentMessage(int64) {}

// LogRecvMessage implements metrics.Reporter.
func (p *protocols) LogRecvMessage(int64) {}

// LogSentMessageStream implements metrics.Reporter.
func (p *protocols) LogSentMessageStream(n int64, id protocol.ID, _ peer.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes[id] += n
}

// LogRecvMessageStream implements metrics.Reporter.
func (p *protocols) LogRecvMessageStream(n int64, id protocol.ID, q peer.ID) {
	p.LogSentMessageStream(n, id, q)
}

// share is what one protocol carried.
type share struct {
	protocol protocol.ID
	bytes    int64
}

// add adds what was counted to a sum, with a sign.
func (p *protocols) add(sum map[protocol.ID]int64, sign int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, n := range p.bytes {
		sum[id] += sign * n
	}
}

// shares sorts a sum, the most first.
func shares(sum map[protocol.ID]int64) (out []share) {
	for _, id := range slices.Sorted(maps.Keys(sum)) {
		if sum[id] > 0 {
			out = append(out, share{id, sum[id]})
		}
	}
	slices.SortStableFunc(out, func(a, b share) int { return cmp.Compare(b.bytes, a.bytes) })
	return out
}
