package swarm

import (
	"context"
	"sync"

	"golang.org/x/time/rate"
)

// uploadGate paces what is sent. Waiting happens in pieces that fit the bucket,
// so that a limit far below one block per second works, and while there is a
// limit only so many messages are sent side by side as it can finish in about a
// second: one after the other at 64 kbit/s, where eight at once would all be
// late.
type uploadGate struct {
	lim *rate.Limiter

	mu      sync.Mutex
	slots   int // 0: any number
	used    int
	waiting []chan struct{}
}

func newUploadGate(bytesPerSecond int64) *uploadGate {
	g := &uploadGate{lim: rate.NewLimiter(rate.Inf, 0)}
	g.set(bytesPerSecond)
	return g
}

// set changes the limit; 0 removes it.
func (g *uploadGate) set(bytesPerSecond int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if bytesPerSecond == 0 {
		g.lim.SetLimit(rate.Inf)
		g.slots = 0
	} else {
		g.lim.SetBurst(int(min(max(bytesPerSecond/20, 1<<10), sendPiece)))
		g.lim.SetLimit(rate.Limit(bytesPerSecond))
		g.slots = int(max(bytesPerSecond>>16, 1))
	}
	g.wake()
}

// wake hands free slots to those who wait. The caller holds mu.
func (g *uploadGate) wake() {
	for len(g.waiting) > 0 && (g.slots == 0 || g.used < g.slots) {
		g.used++
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}

// enter waits for a slot, which leave gives back.
func (g *uploadGate) enter(ctx context.Context) error {
	turn := make(chan struct{})
	g.mu.Lock()
	g.waiting = append(g.waiting, turn)
	g.wake()
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == turn {
			g.waiting = append(g.waiting[:i:i], g.waiting[i+1:]...)
			return ctx.Err()
		}
	}
	g.used-- // the turn came at the same moment
	g.wake()
	return ctx.Err()
}

func (g *uploadGate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used--
	g.wake()
}

// take waits until some of n bytes may be sent and returns how many.
func (g *uploadGate) take(ctx context.Context, n int) (int, error) {
	for {
		if g.lim.Limit() == rate.Inf {
			return n, nil
		}
		k := min(n, max(g.lim.Burst(), 1))
		err := g.lim.WaitN(ctx, k)
		if err == nil {
			return k, nil
		}
		if k <= g.lim.Burst() {
			return 0, err // ctx ended, or would before the bytes may go
		}
		// The burst shrank between the two calls: take less.
	}
}
