package node_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/sim/localnet"
)

// TestAliveMeansThatTheLoopTurns: a status is answered from what was known last,
// whatever has become of the loop since; a watchdog must notice that it hangs.
func TestAliveMeansThatTheLoopTurns(t *testing.T) {
	rec := newRecording(t, func(_ *localnet.Authority, keep func()) { keep() })
	rec.inBubble(t, time.Time{}, time.Now(), func(w *world) {
		var once sync.Once
		hanging, goOn := make(chan struct{}), make(chan struct{})
		ask := func(n *node.Node) error {
			ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
			defer cancel()
			return n.Alive(ctx)
		}
		c := w.add(node.RoleCamera, node.WithObserver(func(node.Event) {
			once.Do(func() { close(hanging) })
			<-goOn
		}))
		<-hanging
		if err := ask(c.Node); !errors.Is(err, context.DeadlineExceeded) {
			w.t.Errorf("a node whose loop hangs: %v", err)
		}
		if c.Status().PeerID == "" {
			w.t.Error("it gives no status")
		}
		close(goOn)
		if err := ask(c.Node); err != nil {
			w.t.Errorf("a node that goes on: %v", err)
		}
		if err := c.stop(); err != nil {
			w.t.Error(err)
		}
		if ask(c.Node) == nil {
			w.t.Error("a node that has ended is alive")
		}
	})
}
