package chainwatch

import (
	"context"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

// lieOnce has operators lie in one look that the device accepts, and be honest
// from then on.
func (b *bench) lieOnce(liars []*node, lie func(v *verify.View)) {
	b.t.Helper()
	for _, n := range liars {
		n.set(func(n *node) { n.lie = lie })
	}
	b.w.Look()
	b.pass(10 * time.Second)
	for _, n := range liars {
		n.set(func(n *node) { n.lie = nil })
	}
}

// quorumLies are lies that only a start quorum can tell with effect, and the
// names under which the honest answers are refused afterwards.
var quorumLies = map[string]struct {
	lie    func(v *verify.View)
	refuse string
}{
	"a revision far ahead": {func(v *verify.View) { v.Rev += 1e6; v.Digest[9] = 1 }, "rollback"},
	"a forged digest":      {func(v *verify.View) { v.Rev++; v.Digest[9] = 1 }, "rpc_fork"},
	"a pause far ahead":    {func(v *verify.View) { v.Rev += 1e6; v.Paused, v.Candidates = true, nil }, "rollback"},
}

// TestThreatFastForward_OneLieIsForgotten: one endpoint of one, or three of four,
// tell a device once what hides everything honest. Four hours after they are
// honest again it follows them, also when it restarts every hour; in a day,
// when the fourth goes on saying so.
func TestThreatFastForward_OneLieIsForgotten(t *testing.T) {
	for name, tt := range quorumLies {
		for kind, operators := range map[string]int{"single endpoint": 1, "three of four": 4} {
			for _, restarts := range []bool{false, true} {
				for _, stubborn := range []bool{false, true} {
					if stubborn && (operators == 1 || name != "a revision far ahead") {
						continue
					}
					name := name + ", " + kind
					if restarts {
						name += ", restarts"
					}
					if stubborn {
						name += ", one goes on"
					}
					t.Run(name, func(t *testing.T) {
						inBubble(t, operators, func(t *testing.T, b *bench) {
							b.start()
							b.pass(time.Minute)
							b.lieOnce(b.nodes[:max(1, operators-1)], tt.lie)
							if b.rev() == 1 {
								t.Fatal("the lie had no effect: the test shows nothing")
							}
							if stubborn {
								b.nodes[3].set(func(n *node) { n.lie = tt.lie })
							} else if operators == 4 {
								b.nodes[0].set(func(n *node) { n.hang = true }) // three are enough
							}
							rev := b.world.publish(2)
							b.w.Look()
							limit, least := refuteFor+time.Hour, refuteFor
							if stubborn {
								limit, least = opposedFactor*refuteFor+2*time.Hour, opposedFactor*refuteFor
							}
							if restarts {
								limit *= 2
							}
							begun := time.Now()
							follows := func() bool {
								v, _ := b.w.Current()
								return v.Rev == rev && v.Digest == b.world.at(b.world.now()).Digest
							}
							for !follows() {
								if time.Since(begun) > limit {
									t.Fatalf("after %v: %+v", time.Since(begun), b.w.Status())
								}
								b.pass(5 * time.Minute)
								if !follows() {
									b.wantHold(tt.refuse)
								}
								if restarts && time.Since(begun)%time.Hour < 5*time.Minute {
									b.restart()
								}
							}
							if took := time.Since(begun); took < least {
								t.Errorf("the device gave in after %v", took)
							}
							b.wantHonest()
							b.view(b.world.publish(3), 26*time.Hour)
							if s := b.w.Status(); s.Doubted != 0 || !stubborn && s.Attack != "" {
								t.Errorf("status %+v", s)
							}
						})
					})
				}
			}
		}
	}
}

// A forged digest at the very revision that the chain has next, and a time a
// year ahead after a restart, hold a device no longer either.
func TestThreatFastForward_DigestAndTime(t *testing.T) {
	for name, tt := range map[string]struct {
		lie    func(v *verify.View)
		refuse string
	}{
		"the next digest": {func(v *verify.View) { v.Rev++; v.Digest[9] = 1 }, "rpc_fork"},
		"a year ahead":    {func(v *verify.View) { v.Time += 365 * 86400 }, "indefinite_freeze"},
	} {
		for _, operators := range []int{1, 4} {
			t.Run(name, func(t *testing.T) {
				inBubble(t, operators, func(t *testing.T, b *bench) {
					for _, n := range b.nodes[:max(1, operators-1)] {
						n.set(func(n *node) { n.lie = tt.lie })
					}
					if operators == 4 {
						b.nodes[3].set(func(n *node) { n.hang = true })
					}
					b.start()
					for _, n := range b.nodes {
						n.set(func(n *node) { n.lie, n.hang = nil, false })
					}
					b.restart()
					if tt.refuse == "rpc_fork" {
						b.world.publish(2)
						b.w.Look()
					}
					b.pass(3*time.Hour + 30*time.Minute)
					b.wantHold(tt.refuse)
					if v, ok := b.w.Current(); ok {
						t.Fatalf("given in too early: %+v", v)
					}
					b.restart()
					b.pass(time.Hour + 15*time.Minute)
					v, ok := b.w.Current()
					if !ok || v.Time > b.world.now() || v.Time+7200 < b.world.now() {
						t.Fatalf("%+v, it is %d: %+v", v, b.world.now(), b.w.Status())
					}
					b.pass(b.cfg.Poll + b.cfg.PollJitter)
					b.wantHold("")
					b.wantHonest()
				})
			})
		}
	}
}

// TestThreatRollback_HeldForHours: liars who hold a whole quorum must hold it
// without a break; an honest look in between is the end of it, and one honest
// operator makes it a day. What they reach is a view: nothing older than what
// runs is chosen from it.
func TestThreatRollback_HeldForHours(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		old := b.world.now()
		b.pass(time.Minute)
		rev := b.world.publish(2)
		b.view(rev, time.Minute)
		past := func(v *verify.View) { p := b.world.at(old); p.Time, p.Block = v.Time, v.Block; *v = p }
		lie := func(liars []*node, for_ time.Duration) {
			for _, n := range liars {
				n.set(func(n *node) { n.lie = past })
			}
			b.w.Look()
			b.pass(for_)
			for _, n := range liars {
				n.set(func(n *node) { n.lie = nil })
			}
		}
		for range 5 {
			lie(b.nodes, refuteFor-15*time.Minute)
			b.wantRev(rev)
			b.wantHold("rollback")
			b.restart()
			b.pass(10 * time.Minute) // and one honest look
			b.wantRev(rev)
		}
		lie(b.nodes[1:], opposedFactor*refuteFor-time.Hour)
		b.wantRev(rev)
		b.pass(10 * time.Minute)
		b.wantHold("")
		lie(b.nodes, refuteFor+30*time.Minute)
		b.wantRev(rev - 1)
		v, _ := b.w.Current()
		if c := verify.Choose(&v, verify.Device{Installed: 2}, v.Time); c.Install || c.Sequence != 0 {
			t.Errorf("the device would go back: %+v", c)
		}
		b.pass(b.cfg.Poll + b.cfg.PollJitter)
		b.wantRev(rev)
	})
}

// TestThreatRPCStaleHead_FrozenRefutesNothing: endpoints that stand still, or
// that pass through the past faster than it went by, agree with one another for
// days and speak against nothing.
func TestThreatRPCStaleHead_FrozenRefutesNothing(t *testing.T) {
	for name, head := range map[string]func(b *bench, old uint64) uint64{
		"frozen":      func(_ *bench, old uint64) uint64 { return old },
		"catching up": func(b *bench, old uint64) uint64 { return old + (b.world.now()-old)/2 },
		"replaying":   func(b *bench, old uint64) uint64 { return old + (b.world.now()-old)%7200*20 },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, b *bench) {
				b.start()
				old := b.world.now()
				b.pass(time.Minute)
				rev := b.world.publish(2)
				b.view(rev, time.Minute)
				b.pass(3 * 24 * time.Hour)
				for _, n := range b.nodes {
					n.set(func(n *node) {
						n.lie = func(v *verify.View) { *v = b.world.at(old); v.Time = min(head(b, old), b.world.now()) }
					})
				}
				_, before := b.store.kept()
				for range 12 {
					b.pass(time.Hour)
					b.wantRev(rev)
				}
				b.restart()
				for range 12 {
					b.pass(time.Hour)
					if v, ok := b.w.Current(); ok {
						t.Fatalf("frozen endpoints were believed: %+v", v)
					}
				}
				if _, now := b.store.kept(); now > before+4 && name == "frozen" || now > before+4*24 {
					t.Errorf("the flash was written %d times", now-before)
				}
				for _, n := range b.nodes {
					n.set(func(n *node) { n.lie = nil })
				}
				b.view(rev, 10*time.Minute)
			})
		})
	}
}

// TestThreatIndefiniteFreeze_TwoOfFour: two of four, fewer than a start quorum,
// report heads as far ahead as counts. The time that is accepted is an honest
// one, and nothing of theirs remains.
func TestThreatIndefiniteFreeze_TwoOfFour(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		for _, n := range b.nodes[:2] {
			n.set(func(n *node) { n.lie = func(v *verify.View) { v.Time += 598 } })
		}
		b.nodes[2].set(func(n *node) { n.delay = time.Second }) // the liars come first
		b.nodes[3].set(func(n *node) { n.delay = 2 * time.Second })
		b.start()
		for range 30 {
			b.w.Look()
			b.pass(10 * time.Second)
			if v, ok := b.w.Current(); !ok || v.Time > b.world.now() {
				t.Fatalf("the device takes it to be %d, it is %d", v.Time, b.world.now())
			}
			b.pass(b.cfg.Poll)
		}
		for i, n := range b.nodes {
			n.set(func(n *node) { n.lie, n.lag = nil, uint64(3+i) })
		}
		b.pass(b.cfg.Poll + b.cfg.PollJitter + time.Minute)
		b.wantHold("")
		if got := b.metric("camswarm_chain_refusals_total", "indefinite_freeze"); got != 0 {
			t.Errorf("%v looks were held", got)
		}
	})
}

// A whole quorum that jumps ahead in time while the device runs moves its time
// by the slack of two lagging heads at most, however often it says so in an
// hour; it is believed when it goes on for four.
func TestThreatFastForward_TimeIsBounded(t *testing.T) {
	const year = 365 * 86400
	inBubble(t, 1, func(t *testing.T, b *bench) {
		b.start()
		b.pass(24 * time.Hour)
		b.nodes[0].set(func(n *node) { n.lie = func(v *verify.View) { v.Time += year } })
		rev := b.world.publish(2)
		b.view(rev, time.Minute)
		slack := seconds(2*b.cfg.MaxStale) + 90 // a thousandth of a day
		for range 60 {
			b.w.Look()
			b.pass(time.Minute)
			if v, _ := b.w.Current(); v.Time > b.world.now()+slack {
				t.Fatalf("the device takes it to be %d s later than it is", v.Time-b.world.now())
			}
		}
		b.nodes[0].set(func(n *node) { n.lie = nil })
		b.pass(b.cfg.Poll)
		b.wantHold("")
		if v, _ := b.w.Current(); v.Rev != rev || v.Time > b.world.now() {
			t.Errorf("%+v at %d: %+v", v, b.world.now(), b.w.Status())
		}
		// A device that was asleep, or that was lied to at its start, learns the time.
		b.nodes[0].set(func(n *node) { n.lie = func(v *verify.View) { v.Time += year } })
		b.pass(refuteFor + 3*b.cfg.Poll)
		if v, _ := b.w.Current(); v.Time < b.world.now()+year-7200 {
			t.Errorf("after four hours the device still takes it to be %d, the quorum %d", v.Time, b.world.now()+year)
		}
	})
}

// The time that a device was suspended is not held against the chain.
func TestTimeAsleepCounts(t *testing.T) {
	start := time.Now()
	later := start.Add(time.Minute)
	slept := start.Round(0).Add(8 * time.Hour) // what an RTC says, without a monotonic reading
	if got := awake(start, later); got != time.Minute {
		t.Errorf("%v awake", got)
	}
	if got := awake(start.Round(0), slept); got != 8*time.Hour {
		t.Errorf("%v with sleep", got)
	}
	var c clock
	c.accepted(worldEpoch, start, 10*time.Minute)
	if got := c.most(later, 10*time.Minute); got < worldEpoch+60+1200 || got > worldEpoch+62+1200 {
		t.Errorf("at most %d", got-worldEpoch)
	}
	if got := c.least(later); got != worldEpoch+59 {
		t.Errorf("at least %d", got-worldEpoch)
	}
	if got := c.most(later, 0); got != 0 {
		t.Errorf("a bound of %d on a chain without regular blocks", got)
	}
}

// The owner's word is as good as four hours, is kept over a restart, and used up
// by the next view that is accepted.
func TestReset(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		ctx := context.Background()
		b.start()
		b.pass(time.Minute)
		b.lieOnce(b.nodes[:3], quorumLies["a revision far ahead"].lie)
		b.w.Look()
		b.pass(10 * time.Minute)
		b.wantHold("rollback")
		if s := b.w.Status(); !strings.Contains(s.Error, "camswarm chain reset") || strings.Contains(s.Error, "remove") || s.Doubted == 0 {
			t.Errorf("status %+v", s)
		}
		if err := b.w.Reset(ctx); err != nil {
			t.Fatal(err)
		}
		b.pass(10 * time.Second)
		b.wantRev(1)
		b.wantHold("")

		b.lieOnce(b.nodes[:3], quorumLies["a revision far ahead"].lie)
		for _, n := range b.nodes {
			n.set(func(n *node) { n.hang = true })
		}
		if err := b.w.Reset(ctx); err != nil {
			t.Fatal(err)
		}
		b.restart()
		b.pass(time.Minute)
		for _, n := range b.nodes {
			n.set(func(n *node) { n.hang = false })
		}
		b.view(1, 10*time.Minute)
		b.wantRev(1)
		kept, _ := b.store.kept()
		if c, err := DecodeCheckpoint(kept); err != nil || c.Rev != 1 || c.Doubt != (Doubt{}) {
			t.Errorf("%+v, %v", c, err)
		}
		// Used up: what follows is protected as ever.
		b.view(b.world.publish(2), time.Minute)
		for _, n := range b.nodes {
			n.set(func(n *node) {
				n.lie = func(v *verify.View) { past, _ := b.world.state(1); past.Time, past.Block = v.Time, v.Block; *v = past }
			})
		}
		b.pass(2 * time.Hour)
		b.wantRev(2)
	})
}

// The median that others are held against is that of operators with a vote: one
// that contradicts itself cannot make honest heads look stale.
func TestThreatRPCSingleLiar_DisownedHeads(t *testing.T) {
	const now = 1_800_000_000
	honest, ahead := viewAt(10, now, release(1)), viewAt(10, now+86400, release(1))
	forged := ahead
	forged.Candidates = []verify.Candidate{rogue(1)}
	answers := []Answer{
		said(0, "a", honest), said(1, "b", honest),
		said(2, "liar", ahead), said(3, "liar", forged), said(4, "liar2", ahead), said(5, "liar2", forged), said(6, "liar3", ahead), said(7, "liar3", forged),
	}
	out := Decide(answers, Thresholds{2, 2}, Known{MaxStale: 10 * time.Minute})
	if out.Accepted == nil || out.Accepted.Time != now || out.Flags[0] != nil {
		t.Errorf("%+v, %v", out.Accepted, out.Err)
	}
}
