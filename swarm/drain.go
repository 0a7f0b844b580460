package swarm

import (
	"context"
	"time"
)

// drainPoll is the time between looks whether anybody still waits.
const drainPoll = 20 * time.Millisecond

// Drain ends serving politely: wants that come from now on are denied, so that peers
// turn to others at once, and it returns when everything that peers waited for was sent,
// or ctx has ended. It cannot be taken back.
func (x *Exchange) Drain(ctx context.Context) error {
	x.draining.Store(true)
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for quiet := 0; ; {
		x.mu.Lock()
		running, sending := x.running, len(x.sending)
		x.mu.Unlock()
		// A message is with neither for a moment, between the engine and the line.
		if quiet++; running && (sending > 0 || x.server.owes()) {
			quiet = 0
		}
		if !running || quiet > 2 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// owes reports whether a peer waits for something.
func (l *lazyServer) owes() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.engine != nil && l.wanted()
}
