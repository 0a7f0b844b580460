package node

import "context"

// turn is one place, such as the node's at the installer: whoever has it may install,
// confirm or roll back, and the others wait, in the order in which they came. It is
// no lock: who waits for it holds nothing and can give up.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, and calls queued once if it has to. When it returns nil,
// give must follow.
func (t turn) take(ctx context.Context, queued func()) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
		queued()
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
