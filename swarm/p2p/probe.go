package p2p

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// The values of Reach.Reachable.
const (
	ReachableUnknown = "unknown" // no seed has said
	ReachableYes     = "yes"     // a seed dialled this node from the Internet
	ReachableNo      = "no"      // none could
)

// prober asks seeds to dial this node where it may be dialled (AutoNAT v2). What
// they find is for people to read, and seeds are told whether any could. A nil prober
// asks nobody.
type prober struct {
	service *autonatv2.AutoNAT
	asking  atomic.Bool // a seed is dialling, at our wish

	mu    sync.Mutex
	found map[string]probed // by address
}

type probed struct {
	yes    bool
	mapped bool // the router had been asked to let in what is for it
	at     time.Time
}

// noDialer is in the place of the host that a service dials with; this one serves
// nobody.
type noDialer struct{ host.Host }

func (noDialer) Close() error { return nil }

// newProber makes h answer the dials that it asks for.
func newProber(h *cameraHost, opts ...autonatv2.AutoNATOption) (*prober, error) {
	service, err := autonatv2.New(noDialer{}, opts...)
	if err != nil {
		return nil, err
	}
	if err := service.Start(h); err != nil {
		return nil, err
	}
	h.RemoveStreamHandler(autonatv2.DialProtocol) // it came with the client
	h.closers = append(h.closers, func() error { service.Close(); return nil })
	return &prober{service: service, found: map[string]probed{}}, nil
}

// keepProbing asks about every address, and again when the answer is not fresh.
func (n *Network) keepProbing(ctx context.Context) {
	repeatedly(ctx, probeFirst, nil, func(ctx context.Context) time.Duration {
		mapped := n.host.mapper.Mapped(n.host.Network().ListenAddresses())
		n.host.prober.probe(ctx, n.outside(mapped), mapped)
		n.tellKind()
		return probeCheck
	})
}

// outside lists where this node may be dialled from the Internet: what the router
// lets in, where seeds see it, and its own public addresses.
func (n *Network) outside(mapped []ma.Multiaddr) (out []ma.Multiaddr) {
	add := func(addrs []ma.Multiaddr) {
		for _, a := range addrs {
			if len(out) < maxProbed && manet.IsPublicAddr(a) && direct(a) && !ma.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	add(mapped)
	add(n.host.reach.seenAt())
	add(n.host.AllAddrs())
	return out
}

// probe asks about the addresses that no answer is fresh about, one after the other:
// a seed is asked once in two minutes (autonatv2's default). An answer from before the
// router opened a pinhole for an address, or let it close, is none.
func (p *prober) probe(ctx context.Context, addrs, mapped []ma.Multiaddr) {
	p.mu.Lock()
	maps.DeleteFunc(p.found, func(at string, _ probed) bool {
		return !slices.ContainsFunc(addrs, func(a ma.Multiaddr) bool { return a.String() == at })
	})
	p.mu.Unlock()
	for _, a := range addrs {
		p.mu.Lock()
		last, ok := p.found[a.String()]
		p.mu.Unlock()
		open := ma.Contains(mapped, a)
		if ok && last.mapped == open && time.Since(last.at) < probeFresh {
			continue
		}
		asked, cancel := context.WithTimeout(ctx, probeTimeout)
		p.asking.Store(true)
		got, err := p.service.GetReachability(asked, []autonatv2.Request{{Addr: a}})
		p.asking.Store(false)
		cancel()
		if errors.Is(err, autonatv2.ErrNoPeers) || ctx.Err() != nil {
			return
		}
		if err != nil || got.AllAddrsRefused || got.Reachability == network.ReachabilityUnknown {
			continue
		}
		p.mu.Lock()
		p.found[a.String()] = probed{yes: got.Reachability == network.ReachabilityPublic, mapped: open, at: time.Now()}
		p.mu.Unlock()
	}
}

// asks tells whether a seed was asked to dial this node and has not answered.
func (p *prober) asks() bool { return p != nil && p.asking.Load() }

// dialled tells whether a seed could dial this node.
func (p *prober) dialled() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, answer := range p.found {
		if answer.yes {
			return true
		}
	}
	return false
}

// describe adds what was found to what is known of a node's reach.
func (p *prober) describe(r *Reach) {
	r.Reachable = ReachableUnknown
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, answer := range p.found {
		if answer.yes {
			r.Dialable = append(r.Dialable, at)
		}
	}
	slices.Sort(r.Dialable)
	switch {
	case len(r.Dialable) > 0:
		r.Reachable = ReachableYes
		r.Words += "; a seed could dial it from outside"
	case len(p.found) > 0:
		r.Reachable = ReachableNo
		r.Words += "; seeds could not dial it from outside"
	}
}
