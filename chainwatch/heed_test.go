package chainwatch

import (
	"testing"
	"time"

	"camswarm/verify"
)

// A stop is in force as soon as enough operators say so, not when the slowest has
// answered.
func TestAStopWaitsForNoStraggler(t *testing.T) {
	inBubble(t, 8, func(t *testing.T, b *bench) {
		b.cfg.QuorumStart = 5
		b.start()
		b.wantRev(1)
		b.pass(time.Minute)
		for _, n := range b.nodes[6:] {
			n.set(func(n *node) { // behind the quorum
				n.delay, n.lie = 200*time.Millisecond, func(v *verify.View) { v.Rev, v.Paused = v.Rev+1, true }
			})
		}
		b.nodes[0].set(func(n *node) { n.delay = stragglerGrace - 100*time.Millisecond })
		b.w.Look()
		b.pass(500 * time.Millisecond)
		if v, _ := b.w.Current(); !v.Paused || !b.w.Status().Stopped {
			t.Fatal("not stopped while one answer is awaited")
		}
		b.pass(time.Minute)
		for _, n := range b.nodes[6:] {
			n.set(func(n *node) { n.lie = nil })
		}
		b.w.Look()
		b.pass(500 * time.Millisecond)
		if v, _ := b.w.Current(); !v.Paused {
			t.Fatal("the stop is lifted before the last answer is in")
		}
		b.pass(stragglerGrace)
		if v, _ := b.w.Current(); v.Paused || b.w.Status().Stopped {
			t.Error("the stop is not lifted")
		}
	})
}

// A lone higher revision may be news that the others are about to see: it is asked for
// again soon, once. Who repeats it has no more looks to give, until it has agreed.
func TestALoneHigherRevisionIsAskedForAgainOnce(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.wantRev(1)
		b.pass(10 * time.Second)
		looks := func(want int64, within time.Duration) {
			t.Helper()
			before := b.nodes[0].calls.Load()
			b.pass(within)
			if got := b.nodes[0].calls.Load() - before; got != want {
				t.Fatalf("%d looks within %v, want %d", got, within, want)
			}
		}
		for range 2 {
			b.nodes[3].set(func(n *node) { n.lie = func(v *verify.View) { v.Rev += 5 } })
			b.w.Look()
			looks(1, recheckAfter-time.Second)
			b.wantState(3, StateAhead, "")
			looks(1, 2*time.Second)
			b.wantState(3, StateContradict, "rpc_single_liar")
			looks(0, 30*time.Minute)
			b.nodes[3].set(func(n *node) { n.lie = nil })
			b.w.Look()
			looks(1, 10*time.Second)
			b.wantState(3, StateOK, "")
		}
	})
}

// News gives the looks on demand back that it was found by; looks that find none do not.
func TestNewsGivesLooksBack(t *testing.T) {
	for _, news := range []bool{false, true} {
		inBubble(t, 4, func(t *testing.T, b *bench) {
			b.start()
			look := func() int64 {
				before := b.nodes[0].calls.Load()
				b.w.Look()
				b.pass(b.cfg.MinGap + time.Second)
				return b.nodes[0].calls.Load() - before
			}
			b.pass(time.Minute)
			for range lookBurst {
				if look() != 1 {
					t.Fatal("a look of the burst was held back")
				}
			}
			if news {
				b.pass(lookRefill) // for the look that finds it
				b.world.publish(2)
				look()
				b.wantRev(2)
			}
			done := int64(0)
			for range lookBurst {
				done += look()
			}
			if news && done != lookBurst || !news && done > 2 {
				t.Errorf("news %v: %d looks at once, of %d", news, done, lookBurst)
			}
		})
	}
}

// A device whose clock is wrong learns by how much: local clock minus chain time.
func TestStatusTellsHowFarTheClockIsOff(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		off := time.Duration(time.Now().Unix()-worldEpoch) * time.Second
		b.start()
		if got := b.w.Status().ClockOff; got != off {
			t.Errorf("the clock is said to be %v off, not %v", got, off)
		}
		for _, n := range b.nodes {
			n.set(func(n *node) { n.lag = 7 })
		}
		b.pass(time.Minute)
		b.w.Look()
		b.pass(time.Minute)
		if got := b.w.Status().ClockOff; got != off+7*time.Second {
			t.Errorf("with heads 7 s behind it is said to be %v off, not %v", got, off+7*time.Second)
		}
	})
}
