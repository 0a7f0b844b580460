package announce

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// spread publishes an announcement: a bare hint to all neighbours, an envelope to so many
// times Config.Degree, who pass it on through their meshes. A seed that sent
// an envelope to each of 500 would keep its line busy for a third of a second, and
// everybody would have it at the end of that. Half of them are of [Options.First], where
// there are so many, the others drawn by lot.
func (g *Gossip) spread(ctx context.Context, t *pubsub.Topic, raw []byte, bare bool, times int) error {
	limit, peers := times*g.cfg.Degree, t.ListPeers()
	if bare || len(peers) <= limit {
		return t.Publish(ctx, raw, pubsub.WithValidatorData(vouched{}))
	}
	var batch pubsub.MessageBatch
	if err := t.AddToBatch(ctx, &batch, raw, pubsub.WithValidatorData(vouched{})); err != nil {
		return err
	}
	draw := &lot{limit: limit, first: map[peer.ID]bool{}}
	for _, p := range peers {
		if g.first != nil && g.first(p) {
			draw.first[p] = true
		}
	}
	// PublishBatch knows no context, and waits for ever when pubsub has ended.
	sent := make(chan error, 1)
	go func() { sent <- g.ps.PublishBatch(&batch, draw.option) }()
	select {
	case err := <-sent:
		return err
	case <-g.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("announce: publish: %w", ctx.Err())
	}
}

// lot sends to limit of the peers that pubsub would send to: to first, up to half of
// them, then to others in random order.
type lot struct {
	limit int
	first map[peer.ID]bool
	to    []rpcTo
}

type rpcTo struct {
	peer peer.ID
	rpc  *pubsub.RPC
}

// option is a pubsub.BatchPubOpt.
func (l *lot) option(o *pubsub.BatchPublishOptions) error {
	o.Strategy = l
	return nil
}

// AddRPC implements [pubsub.RPCScheduler].
func (l *lot) AddRPC(p peer.ID, _ string, rpc *pubsub.RPC) { l.to = append(l.to, rpcTo{p, rpc}) }

// All implements [pubsub.RPCScheduler].
func (l *lot) All() iter.Seq2[peer.ID, *pubsub.RPC] {
	return func(yield func(peer.ID, *pubsub.RPC) bool) {
		rand.Shuffle(len(l.to), func(i, j int) { l.to[i], l.to[j] = l.to[j], l.to[i] })
		// Not all places are of first, or whoever comes early could have them all.
		next := 0
		for at := 0; at < len(l.to) && next < l.limit/2; at++ {
			if l.first[l.to[at].peer] {
				l.to[next], l.to[at] = l.to[at], l.to[next]
				next++
			}
		}
		for _, r := range l.to[:min(l.limit, len(l.to))] {
			if !yield(r.peer, r.rpc) {
				return
			}
		}
	}
}
