package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"camswarm/swarm/filestore"
)

// blockWaiter is a running FetchBlock. Exchange.mu guards it.
type blockWaiter struct {
	got    chan blocks.Block // capacity 1
	asked  []*remotePeer
	denied int
	next   chan struct{} // capacity 1: a peer refused, ask another
}

// refused notes a DONT_HAVE. The caller holds mu.
func (w *blockWaiter) refused(p *remotePeer) {
	if !slices.Contains(w.asked, p) {
		return
	}
	w.denied++
	select {
	case w.next <- struct{}{}:
	default:
	}
}

// deliver hands a block to those who wait for it. The caller holds mu.
func (x *Exchange) deliver(d [32]byte, b blocks.Block) bool {
	ws := x.waiters[d]
	for _, w := range ws {
		select {
		case w.got <- b:
		default:
		}
	}
	return len(ws) > 0
}

// FetchBlock gets one block that belongs to no added file, such as an envelope,
// from the connected peers: a few are asked, others when those refuse or take
// over a second, and all again every few seconds until ctx ends. The block is
// not stored. c must be a SHA-256 CID; a block over maxBytes is ErrTooLarge.
func (x *Exchange) FetchBlock(ctx context.Context, c cid.Cid, maxBytes int) ([]byte, error) {
	d, ok := filestore.Digest(c)
	if !ok {
		return nil, fmt.Errorf("%w: %s is not a SHA-256 CID", filestore.ErrBadFile, c)
	}
	if b, err := x.store.Get(ctx, c); err == nil {
		return sized(b, maxBytes)
	}
	select {
	case <-x.started:
	case <-x.stopped:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w := &blockWaiter{got: make(chan blocks.Block, 1), next: make(chan struct{}, 1)}
	x.mu.Lock()
	x.waiters[d] = append(x.waiters[d], w)
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.waiters[d] = slices.DeleteFunc(x.waiters[d], func(o *blockWaiter) bool { return o == w }); len(x.waiters[d]) > 0 {
			return // another caller wants it still
		}
		delete(x.waiters, d)
		for _, p := range w.asked {
			p.want(d, c, wantCancel)
		}
	}()

	const atOnce = 3
	timer := time.NewTimer(0)
	defer timer.Stop()
	round := time.Now()
	for {
		select {
		case b := <-w.got:
			return sized(b, maxBytes)
		case <-ctx.Done():
			return nil, fmt.Errorf("swarm: block %s: asked %d peers: %w", c, len(w.asked), ctx.Err())
		case <-x.stopped:
			return nil, ErrStopped
		case <-w.next:
		case <-timer.C:
		}
		x.mu.Lock()
		var fresh []*remotePeer
		for _, p := range x.peers {
			if !slices.Contains(w.asked, p) && x.mayAsk(p.id) && x.fetchScope != ScopeNone {
				fresh = append(fresh, p)
			}
		}
		n := atOnce
		if len(w.asked) > 0 {
			n = 1
		}
		x.rng.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
		for _, p := range fresh[:min(n, len(fresh))] {
			w.asked = append(w.asked, p)
			p.want(d, c, wantBlock)
		}
		if len(fresh) == 0 && time.Since(round) >= askRound {
			round = time.Now()
			w.asked = nil
		}
		x.mu.Unlock()
		timer.Reset(askNext)
	}
}

func sized(b blocks.Block, maxBytes int) ([]byte, error) {
	if n := len(b.RawData()); n > maxBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrTooLarge, b.Cid(), n, maxBytes)
	}
	return b.RawData(), nil
}
