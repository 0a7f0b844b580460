package swarm

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ipfs/boxo/bitswap/message"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/tokens"
)

// BenchmarkHostileWants is what one message of 1000 wants costs, in CPU of the
// process, decoding left out: given to bitswap's engine as it came, and as the
// exchange takes it, before and after the peer's budget is spent.
func BenchmarkHostileWants(b *testing.B) {
	const n = 1000
	_, f := testImage(6<<20, 32<<10, 1)
	newHost := func() host.Host {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = h.Close() })
		return h
	}
	for _, c := range []struct {
		name  string
		msg   message.BitSwapMessage
		raw   bool // past the exchange
		spent bool
	}{
		{"unlisted/engine", wantsOf(nil, n), true, false},
		{"unlisted/exchange", wantsOf(nil, n), false, false},
		{"unlisted/over-budget", wantsOf(nil, n), false, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			h, other := newHost(), newHost()
			x, err := NewExchange(h, DefaultExchangeConfig(), ExchangeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- x.Run(ctx) }()
			defer func() { cancel(); <-done }()
			<-x.started
			f := f
			f.Path = filepath.Join(b.TempDir(), "image")
			if err := x.Add(f); err != nil {
				b.Fatal(err)
			}
			if err := other.Connect(ctx, peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}); err != nil {
				b.Fatal(err)
			}
			x.connectedness(ctx, other.ID())
			start := cpuTime()
			for b.Loop() {
				if c.raw {
					x.server.ReceiveMessage(ctx, other.ID(), c.msg)
					continue
				}
				if !c.spent {
					x.accounts.with(other.ID(), func(a *account) { *a = account{} })
				} else {
					x.accounts.with(other.ID(), func(a *account) { a.over = tokens.Bucket{} })
				}
				x.ReceiveMessage(ctx, other.ID(), c.msg)
			}
			b.ReportMetric(float64((cpuTime()-start).Nanoseconds())/float64(b.N)/n, "cpu-ns/want")
		})
	}
}
