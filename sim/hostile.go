package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/sim/hostile"
	"camswarm/sim/links"
	"camswarm/sim/report"
)

// defaultEclipse is how many cameras a hostile node connects to by default.
const defaultEclipse = 10

// startHostile puts a hostile actor on stage. It knows the addresses of all
// nodes, as a crawler of the DHT would, and hears of a release like everybody.
func (r *run) startHostile(ctx context.Context, a *actor) (stop func(), err error) {
	cfg := hostile.Config{
		Behaviour: hostile.Behaviour(a.role),
		Host:      func(opts ...libp2p.Option) (host.Host, error) { return links.Host(r.net, a.index, a.key, opts...) },
		Product:   r.script.product.ID(), Region: a.region, Image: r.image,
		Eclipse: r.s.Hostile.Eclipse, Connections: r.s.Hostile.Connections,
		Rand: rand.New(rand.NewPCG(r.s.Seed, a.rpcSeed)), Logger: r.o.NodeLogger.With("node", a.name),
	}
	if cfg.Eclipse == 0 {
		cfg.Eclipse = defaultEclipse
	}
	info := func(o *actor) peer.AddrInfo {
		return peer.AddrInfo{ID: o.id, Addrs: []ma.Multiaddr{r.net.Addr(o.index)}}
	}
	for _, o := range r.cast.cameras {
		cfg.Victims = append(cfg.Victims, info(o))
	}
	for _, i := range a.seeds {
		cfg.Seeds = append(cfg.Seeds, info(r.cast.actors[i]))
	}
	p, err := hostile.Start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.name, err)
	}
	return func() {
		if err := p.Close(); err != nil {
			r.log.Warn("a hostile node did not close cleanly", "node", a.name, "err", err)
		}
		r.noteHostile(a.role, p.Stats())
	}, nil
}

// image returns the bytes of the release with that root.
func (r *run) image(root cid.Cid) []byte {
	for i, rel := range r.script.releases {
		if rel.Manifest.Image.Root == root {
			return r.script.images[i]
		}
	}
	return nil
}

// hostileTried is what the hostile nodes of each behaviour that have stopped
// tried in all, guarded by run.mu.
type hostileTried map[string]hostile.Stats

// noteHostile adds what a hostile node tried to the report's fault of its
// behaviour.
func (r *run) noteHostile(role string, tried hostile.Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tried == nil {
		r.tried = hostileTried{}
	}
	r.tried[role] = r.tried[role].Plus(tried)
	fault := report.Fault{Kind: role, AtSeconds: -r.s.WarmUp.Seconds(), Note: r.tried[role].String()}
	for kind, n := range r.s.Hostile.roles() {
		if kind == role {
			fault.Nodes = n
		}
	}
	if i := slices.IndexFunc(r.faults, func(f report.Fault) bool { return f.Kind == role }); i >= 0 {
		r.faults[i] = fault
	} else {
		r.faults = append(r.faults, fault)
	}
}
