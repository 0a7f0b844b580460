package p2p

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	"golang.org/x/time/rate"

	"camswarm/swarm/p2p/book"
)

// dialLoop dials the peers that the book selects: a few at a time, a few a second.
func (n *Network) dialLoop(ctx context.Context) {
	var dials sync.WaitGroup
	defer dials.Wait()
	slots := make(chan struct{}, dialParallel)
	limiter := rate.NewLimiter(rate.Limit(n.cfg.DialRate), max(1, int(n.cfg.DialRate)))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.woken:
		case <-timer.C:
		}
		for {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			m, b := n.neighbours(), n.bounds()
			n.mu.Lock()
			info, src, ok := n.book.Next(n.now(), m, b)
			wait := n.book.Wait(n.now(), m, b)
			n.mu.Unlock()
			if !ok {
				<-slots
				timer.Reset(max(wait, 50*time.Millisecond))
				break
			}
			if err := limiter.Wait(ctx); err != nil {
				return
			}
			dials.Go(func() {
				defer func() { <-slots; nudge(n.woken) }()
				n.dial(ctx, info, src)
			})
		}
	}
}

func (n *Network) dial(ctx context.Context, info peer.AddrInfo, src book.Source) {
	if sw, ok := n.host.Network().(interface {
		Backoff() *libp2pswarm.DialBackoff
	}); ok {
		sw.Backoff().Clear(info.ID) // the book backs off; two would add up
	}
	// One dial may try several addresses with some delay between them.
	ctx, cancel := context.WithTimeout(ctx, 2*n.cfg.DialTimeout)
	defer cancel()
	err := n.host.Connect(ctx, info)
	if err == nil {
		err = n.awaitDirect(ctx, info.ID)
	}
	n.mu.Lock()
	n.book.Dialled(info.ID, err, n.now())
	n.mu.Unlock()
	result := "ok"
	if err != nil {
		result = "failed"
		n.log.Debug("dial failed", "peer", info.ID.String(), "source", src.String(), "err", err)
	}
	n.metrics.dials.WithLabelValues(src.String(), result).Inc()
}

// discovered hands a peer to the dial loop and reports whether it is news.
func (n *Network) discovered(info peer.AddrInfo, src book.Source) bool {
	if info.ID == n.host.ID() || n.gater.bans.holds(info.ID, n.now()) {
		return false
	}
	connected := n.host.Network().Connectedness(info.ID) == network.Connected
	n.mu.Lock()
	isNew := n.book.Add(info, src, n.now())
	if connected {
		n.book.Connected(info.ID, n.now())
	}
	n.mu.Unlock()
	if isNew {
		n.metrics.discovered.WithLabelValues(src.String()).Inc()
	}
	nudge(n.woken)
	return isNew
}

// neighbours counts the connected peers.
func (n *Network) neighbours() (m book.Mesh) {
	nw := n.host.Network()
	for _, p := range directPeers(nw) {
		m.Peers++
		if connectedBy(nw, p, network.DirOutbound) {
			m.Own++
		}
	}
	for _, p := range n.statics() {
		if connectedBy(nw, p.ID, network.DirOutbound) {
			m.Own--
		}
	}
	m.Static = n.staticHere()
	m.Away = n.away()
	return m
}

// staticHere counts the static peers that are connected, away those that are
// lacking.
func (n *Network) staticHere() (count int) {
	for _, p := range n.statics() {
		if n.host.Network().Connectedness(p.ID) == network.Connected {
			count++
		}
	}
	return count
}

func (n *Network) away() int {
	wanted := len(n.statics())
	if enough := n.limits.Static; enough > 0 {
		wanted = min(wanted, enough)
	}
	return max(wanted-n.staticHere(), 0)
}

// connectedBy reports whether a connection with p was opened by us (outbound) or by
// it (inbound).
func connectedBy(nw network.Network, p peer.ID, dir network.Direction) bool {
	return slices.ContainsFunc(nw.ConnsToPeer(p), func(c network.Conn) bool { return c.Stat().Direction == dir })
}
