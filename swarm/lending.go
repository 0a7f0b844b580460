package swarm

import (
	"math/rand/v2"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"camswarm/swarm/filestore"
	"camswarm/swarm/plan"
)

// lending is the Lender of an added file. Exchange.mu guards it.
type lending struct {
	file    *filestore.Replica
	l       *plan.Lender
	timer   *time.Timer // runs, while ticking, until the Lender is to be asked again
	ticking bool
}

// now is the time of Lenders.
func (x *Exchange) now() time.Duration { return time.Since(x.born) }

// startLending makes the Lender of a file and tells it what is known. The
// caller holds mu.
func (x *Exchange) startLending(sf *filestore.Replica) {
	if g := x.lendings[sf.Key]; g != nil {
		if g.file == sf {
			return
		}
		x.stopLending(sf.Key) // of a replica that is gone
	}
	sizes := make([]int32, len(sf.First))
	for u, i := range sf.First {
		sizes[u] = int32(sf.BlockLen(int(i)))
	}
	g := &lending{file: sf, l: plan.NewLender(x.opts.Lender, sizes, rand.New(rand.NewPCG(x.rng.Uint64(), x.rng.Uint64())))}
	x.lendings[sf.Key] = g
	held, _ := x.store.Held(sf)
	held.Each(func(i int) { g.l.Has(int(sf.UnitOf[i])) })
	for _, p := range x.byKey {
		x.meetLender(g, p)
	}
}

// stopLending forgets the Lender of a file. The caller holds mu.
func (x *Exchange) stopLending(root [32]byte) {
	if g := x.lendings[root]; g != nil {
		if g.timer != nil {
			g.timer.Stop()
		}
		delete(x.lendings, root)
	}
}

// meetLender tells a Lender what is known of a peer. The caller holds mu.
func (x *Exchange) meetLender(g *lending, p *remotePeer) {
	g.l.PeerJoined(p.key)
	x.barPeer(g, p)
	c := p.claims[g.file.Key]
	if c == nil {
		return
	}
	g.l.PeerLends(p.key, c.lends)
	if c.all {
		g.l.PeerHasAll(x.now(), p.key)
		return
	}
	var units []int
	for i, u := range g.file.UnitOf {
		if c.has(i) {
			units = append(units, int(u))
		}
	}
	g.l.PeerHas(x.now(), p.key, units...)
}

// barPeers tells a Lender which peers may not be served, or are told nothing. The caller
// holds mu.
func (x *Exchange) barPeers(g *lending) {
	for _, p := range x.byKey {
		x.barPeer(g, p)
	}
}

func (x *Exchange) barPeer(g *lending, p *remotePeer) {
	g.l.PeerBarred(p.key, x.opts.MayServe != nil && !x.opts.MayServe(p.id) || x.silent(g.file.Key, p.id))
}

// lend queues for the peers what the Lender wants them to know. The caller
// holds mu.
func (x *Exchange) lend(g *lending) {
	if x.serveScope == ScopeNone || !x.running {
		return
	}
	now := x.now()
	for _, o := range g.l.Offers(now) {
		p := x.byKey[o.Peer]
		switch {
		case p == nil:
		case o.All:
			p.have.state(g.file.Key)
		default:
			p.have.announce(g.file.Key, int(g.file.First[o.Unit]))
		}
	}
	wait, ok := g.l.Next(now)
	switch {
	case !ok:
	case g.timer == nil:
		g.timer = time.AfterFunc(wait, func() {
			x.mu.Lock()
			defer x.mu.Unlock()
			if x.lendings[g.file.Key] != g || !x.running {
				return
			}
			g.ticking = false
			x.barPeers(g)
			x.lend(g)
		})
		g.ticking = true
	case !g.ticking:
		g.ticking = true
		g.timer.Reset(wait)
	}
}

// Named reports whether a peer knows a block that it may have here of a file that it has
// not asked for yet.
func (x *Exchange) Named(id peer.ID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.peers[id]
	if p == nil {
		return false
	}
	for _, g := range x.lendings {
		if g.l.Lends() && g.l.Named(p.key) {
			return true
		}
	}
	return false
}

// wanted tells the Lenders that ration what a peer asks for, and withdraws.
func (x *Exchange) wanted(p *remotePeer, wants []message.Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, g := range x.lendings {
		if !g.l.Lends() {
			continue
		}
		for _, w := range wants[:min(len(wants), maxAsked)] {
			d, ok := filestore.Digest(w.Cid)
			if !ok {
				continue
			}
			u, ok := g.file.BySum[d]
			switch {
			case !ok:
			case w.Cancel:
				g.l.Cancelled(x.now(), p.key, int(u))
			case w.WantType == pb.Message_Wantlist_Block:
				g.l.Asked(x.now(), p.key, int(u))
			}
		}
		x.lend(g)
	}
}
