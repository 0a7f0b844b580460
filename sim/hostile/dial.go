package hostile

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	libp2pswarm "github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"

	"camswarm/announce"
	"camswarm/swarm/p2p"
	"camswarm/swarm/p2p/introduce"
	"camswarm/verify"
)

// target is a victim that the peer holds a slot of, or tries to.
type target struct {
	info     peer.AddrInfo
	refusals int       // in a row
	made     time.Time // the last connection, until it has lasted
	next     time.Time
	dialling bool
}

// refused notes that a victim did not answer, or hung up at once.
func (t *target) refused(now time.Time) {
	t.next = now.Add(min(redial<<t.refusals, redialMax))
	t.made = time.Time{}
	t.refusals++
}

// keepVictims keeps as many victims connected as it can, until Close.
func (p *Peer) keepVictims() {
	var dials sync.WaitGroup
	defer dials.Wait()
	var mu sync.Mutex
	var targets []*target
	take := func(info peer.AddrInfo) { targets = append(targets, &target{info: info}) }
	order := slices.Clone(p.cfg.Victims)
	draw(p, func(rng *rand.Rand) struct{} {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		return struct{}{}
	})
	next := min(p.cfg.Eclipse, len(order))
	for _, v := range order[:next] {
		take(v)
	}
	if p.cfg.Behaviour == Flooder {
		for _, s := range p.cfg.Seeds {
			take(s)
		}
	}
	if len(targets) == 0 {
		return
	}
	slots := make(chan struct{}, dialsAtOnce)
	for {
		mu.Lock()
		now := time.Now()
		var due []*target
		for _, t := range targets {
			lacks := p.lacks(t.info.ID)
			switch {
			case t.made.IsZero():
			case now.Sub(t.made) > lasting:
				t.refusals, t.made = 0, time.Time{}
			case p.host.Network().Connectedness(t.info.ID) != network.Connected:
				p.n.refused.Add(1)
				t.refused(now)
			}
			if !t.dialling && t.refusals >= giveUp && p.isVictim(t.info.ID) && len(order) > p.cfg.Eclipse {
				*t = target{info: order[next%len(order)]}
				next++
			}
			if lacks && !t.dialling && !now.Before(t.next) {
				t.dialling = true
				due = append(due, t)
			}
		}
		mu.Unlock()
		for _, t := range due {
			dials.Go(func() {
				slots <- struct{}{}
				err := p.dial(t.info)
				<-slots
				mu.Lock()
				defer mu.Unlock()
				t.dialling = false
				switch now := time.Now(); {
				case err != nil:
					t.refused(now)
				case t.made.IsZero():
					t.made = now
				}
			})
		}
		if wait(p.ctx, redial) != nil {
			return
		}
	}
}

// lacks tells whether there are fewer connections with a victim than wanted.
func (p *Peer) lacks(id peer.ID) bool {
	if p.host.Network().Connectedness(id) != network.Connected {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare[id] = slices.DeleteFunc(p.spare[id], func(c transport.CapableConn) bool { return c.IsClosed() })
	return 1+len(p.spare[id]) < p.cfg.Connections
}

// dial makes one more connection with a victim. The first is the host's; more
// of them only hold a slot, and nothing is done on them.
func (p *Peer) dial(info peer.AddrInfo) error {
	ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
	defer cancel()
	err := p.connect(ctx, info)
	if p.ctx.Err() != nil {
		return err
	}
	if err != nil {
		p.n.refused.Add(1)
		p.log.Debug("refused", "victim", info.ID, "err", err)
		return err
	}
	p.n.dials.Add(1)
	return nil
}

func (p *Peer) connect(ctx context.Context, info peer.AddrInfo) error {
	sw := p.host.Network().(*libp2pswarm.Swarm)
	if sw.Connectedness(info.ID) != network.Connected {
		sw.Backoff().Clear(info.ID)
		return p.host.Connect(ctx, info)
	}
	var addr ma.Multiaddr
	for _, a := range info.Addrs {
		addr = a
	}
	t := sw.TransportForDialing(addr)
	if t == nil {
		return libp2pswarm.ErrNoTransport
	}
	c, err := t.Dial(ctx, addr, info.ID)
	if err != nil {
		return err
	}
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.spare[info.ID] = append(p.spare[info.ID], c)
	}
	p.mu.Unlock()
	if closed {
		return c.Close()
	}
	return nil
}

// provide has seeds and the DHT lead those who look for neighbours, or for a file,
// here.
func (p *Peer) provide() {
	done := map[cid.Cid]bool{}
	rendezvous := verify.RawCID(sha256.Sum256([]byte("camswarm/rendezvous/1/" + announce.Topic(p.cfg.Product))))
	for {
		keys := []cid.Cid{rendezvous}
		for _, root := range p.known() {
			keys = append(keys, verify.RawCID(root))
		}
		for _, s := range p.cfg.Seeds {
			ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
			if p.host.Connect(ctx, s) == nil {
				p.beNamed(ctx, s.ID, keys)
			}
			cancel()
		}
		for _, k := range keys {
			if done[k] || p.dht.RoutingTable().Size() == 0 {
				continue
			}
			ctx, cancel := context.WithTimeout(p.ctx, sendTimeout)
			done[k] = p.dht.Provide(ctx, k, true) == nil
			cancel()
		}
		if wait(p.ctx, 5*redial) != nil {
			return
		}
	}
}

// beNamed tells a seed that this peer is a member, and holds the files, as a camera
// does when it asks for others.
func (p *Peer) beNamed(ctx context.Context, seed peer.ID, keys []cid.Cid) {
	s, err := p.host.NewStream(ctx, seed, p2p.PeersProtocol)
	if err != nil {
		return
	}
	defer func() { _ = s.Reset() }()
	ask := introduce.Ask{NAT: introduce.NATNone}
	for _, k := range keys {
		ask.Keys = append(ask.Keys, introduce.KeyOf(k))
	}
	if _, err := s.Write(ask.Encode()); err != nil || s.CloseWrite() != nil {
		return
	}
	deadline, _ := ctx.Deadline()
	_ = s.SetReadDeadline(deadline)
	_, _ = io.Copy(io.Discard, io.LimitReader(s, introduce.MaxAnswerBytes))
}
