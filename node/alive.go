package node

import (
	"context"
	"fmt"
)

// Alive returns nil once every product's loop has taken one more turn: a node that
// answers Status from what it knew last may stand still all the same. It fails with
// the end of ctx, or when the node does not run.
func (n *Node) Alive(ctx context.Context) error {
	for _, f := range n.followers {
		if err := f.alive(ctx); err != nil {
			return fmt.Errorf("product %s: %w", f.cfg.Name, err)
		}
	}
	return nil
}

func (f *follower) alive(ctx context.Context) error {
	if !f.running() {
		return errNotRunning
	}
	select {
	case <-f.mail.barrier():
		return nil
	case <-f.over:
		return errNotRunning
	case <-ctx.Done():
		return fmt.Errorf("its loop stands still: %w", context.Cause(ctx))
	}
}
