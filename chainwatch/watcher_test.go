package chainwatch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/verify"
)

// inBubble runs a test with a bench in virtual time; the watcher is stopped at
// the end and a goroutine that it leaves behind fails the test.
func inBubble(t *testing.T, endpoints int, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, endpoints)
		defer func() {
			if b.stop != nil {
				b.stop()
			}
		}()
		f(t, b)
	})
}

func TestLooksAtStartAndPolls(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.wantRev(1)
		v, ok := b.w.Current()
		if !ok || v.Registry != testRegistry || v.Product != testProduct || v.Region != testRegion || len(v.Candidates) != 1 {
			t.Fatalf("view %+v", v)
		}
		if v.Candidates[0].Product != testProduct {
			t.Error("a candidate does not name its product")
		}
		for i := range b.nodes {
			b.wantState(i, StateOK, "")
		}
		b.world.publish(2)
		b.pass(b.cfg.Poll - time.Second)
		b.wantRev(1)
		b.pass(b.cfg.PollJitter + 2*time.Second)
		b.wantRev(2)
		if got := b.calls(); got != 8 {
			t.Errorf("%d calls for two looks at four endpoints", got)
		}
		if got := b.metric("camswarm_chain_rev", ""); got != 2 {
			t.Errorf("metric rev is %v", got)
		}
		if s := b.w.Status(); !s.Accepted || s.Rev != 2 || s.Error != "" || s.Need != (Thresholds{3, 2}) || s.Operators != 4 {
			t.Errorf("status %+v", s)
		}
	})
}

func TestChangesAreSignalledOnce(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		signalled := func() bool {
			select {
			case <-b.w.Changes():
				return true
			default:
				return false
			}
		}
		b.start()
		if !signalled() || signalled() {
			t.Error("the first view must be signalled once")
		}
		b.pass(3 * b.cfg.Poll)
		if signalled() {
			t.Error("looks without news were signalled")
		}
		b.world.publish(2)
		b.w.Look()
		b.pass(10 * time.Second)
		if !signalled() {
			t.Error("a new revision was not signalled")
		}
		stop := func(v *verify.View) { v.Rev++; v.Paused = true }
		for _, n := range b.nodes[:2] {
			n.set(func(n *node) { n.lie = stop })
		}
		b.w.Look()
		b.pass(10 * time.Second)
		if !signalled() {
			t.Error("a stop was not signalled")
		}
		for _, n := range b.nodes[:2] {
			n.set(func(n *node) { n.lie = nil })
		}
		b.pass(10 * time.Minute)
		if v, _ := b.w.Current(); v.Paused || !signalled() {
			t.Error("the end of a stop was not signalled")
		}
	})
}

// An announcement outruns the endpoints: the caller waits for its own view, an
// impossible revision ends in a soft error, and all who wait share the looks.
func TestThreatGossipBeforeChain(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.wantRev(1)
		b.pass(5 * time.Minute)
		rev := b.world.publish(2)
		for i, n := range b.nodes {
			n.set(func(n *node) { n.lag = uint64(4 + i) })
		}
		before, begun := b.calls(), time.Now()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if v := b.view(rev, time.Minute); v.Rev < rev {
					t.Errorf("View returned revision %d", v.Rev)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); took > 12*time.Second {
			t.Errorf("the view came %v after an announcement that was 7 s early", took)
		}
		if looks := (b.calls() - before) / 4; looks > 6 {
			t.Errorf("200 waiters cost %d looks", looks)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := b.w.View(ctx, rev+1)
		if verify.AttackName(err) != "gossip_before_chain" || verify.IsHard(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("View of a revision that does not exist: %v", err)
		}
		b.wantRev(rev)
	})
}

// Made-up revisions and hints without end cost a bounded number of looks, and an
// honest announcement still gets its own.
func TestThreatGossipFlood(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		before := b.calls()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for ctx.Err() == nil {
					call, done := context.WithTimeout(ctx, 5*time.Second)
					_, err := b.w.View(call, math.MaxUint64-uint64(i))
					done()
					if ctx.Err() == nil && verify.AttackName(err) != "gossip_before_chain" {
						t.Errorf("View: %v", err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				b.w.Look()
				time.Sleep(50 * time.Millisecond)
			}
		})
		b.pass(30 * time.Minute)
		looks := (b.calls() - before) / 4
		if most := int64(lookBurst + 30*time.Minute/lookRefill + 2); looks > most {
			t.Errorf("half an hour of flood cost %d looks, want at most %d", looks, most)
		}
		begun := time.Now()
		b.view(b.world.publish(2), time.Minute)
		if took := time.Since(begun); took > lookRefill+5*time.Second {
			t.Errorf("under the flood an honest announcement waited %v", took)
		}
		cancel()
		wg.Wait()
		b.pass(2 * time.Minute)
		before = b.calls()
		b.pass(50 * time.Minute)
		if quiet := b.calls() - before; quiet > 4 {
			t.Errorf("after the flood %d calls went on without anybody asking", quiet)
		}
	})
}

// Waiters for revisions that do not exist use up what is left for mere claims.
// A signed release, and the confirmation before an install, do not wait behind
// them.
func TestThreatGossipFlood_MadeUpRevisionsDelayNoRelease(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.wantRev(1)
		ctx, cancel := context.WithCancel(t.Context())
		var claims sync.WaitGroup
		defer claims.Wait()
		defer cancel()
		for i := range 8 {
			claims.Go(func() { _, _ = b.w.View(ctx, uint64(1_000_000+i)) })
		}
		b.pass(5 * time.Minute)
		rev, begun := b.world.publish(2), time.Now()
		v, err := b.w.ViewProven(t.Context(), rev)
		if err != nil || v.Rev != rev {
			t.Fatalf("rev %d, %v", v.Rev, err)
		}
		if took := time.Since(begun); took > b.cfg.MinGap+5*time.Second {
			t.Errorf("a release waited for %v", took)
		}
		b.pass(5 * time.Minute)
		begun = time.Now()
		if _, err := b.w.Confirm(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > b.cfg.MinGap+5*time.Second {
			t.Errorf("a confirmation waited for %v", took)
		}
	})
}

// Only looks for nothing are limited: a day of many changes is followed step by
// step.
func TestManyChangesAreFollowedAtOnce(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		for seq := range uint64(30) {
			for _, n := range b.nodes {
				n.set(func(n *node) { n.lag = 3 })
			}
			begun := time.Now()
			b.view(b.world.publish(seq+2), time.Minute)
			if took := time.Since(begun); took > 8*time.Second {
				t.Fatalf("release %d arrived after %v", seq+2, took)
			}
		}
	})
}

// Endpoints that swallow requests: a look waits for them no longer than a short
// grace after the others agree.
func TestThreatDropRequest(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.nodes[2].set(func(n *node) { n.hang = true })
		b.start()
		b.wantRev(1) // at once: the three others are a quorum
		b.pass(stragglerGrace + time.Second)
		b.wantState(2, StateSlow, "")
		b.nodes[1].set(func(n *node) { n.hang = true })
		rev := b.world.publish(2)
		b.w.Look()
		b.pass(b.cfg.Timeout + 5*time.Second)
		b.wantRev(1)
		b.wantHold("rpc_down_all")
		b.wantState(1, StateFailing, "drop_request")
		b.wantRefused("drop_request")
		b.nodes[1].set(func(n *node) { n.hang = false })
		b.view(rev, 10*time.Minute)
	})
}

func TestThreatRPCSingleLiar(t *testing.T) {
	lies := map[string]func(v *verify.View){
		"another release at the same revision": func(v *verify.View) { v.Candidates = []verify.Candidate{rogue(v.Latest)} },
		"a release nobody published": func(v *verify.View) {
			v.Rev, v.Latest = v.Rev+1, v.Latest+1
			v.Candidates = append([]verify.Candidate{rogue(v.Latest)}, v.Candidates...)
		},
		"a revision as high as it goes": func(v *verify.View) { v.Rev = math.MaxUint64; v.Candidates = nil },
		"a revision that grows with every question": func(v *verify.View) {
			v.Rev += v.Time - worldEpoch + 1
			v.Candidates = []verify.Candidate{rogue(v.Latest)}
		},
		"another policy":  func(v *verify.View) { v.Candidates[0].Rollout.Mode = verify.RolloutCanary },
		"another key set": func(v *verify.View) { v.Manufacturer = "did:io:0x00000000000000000000000000000000000000bb" },
		"a pause":         func(v *verify.View) { v.Rev++; v.Paused = true },
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, b *bench) {
				b.nodes[3].set(func(n *node) { n.lie = lie })
				b.start()
				b.wantRev(1)
				b.pass(time.Minute)
				b.wantState(3, StateContradict, "rpc_single_liar")
				b.wantRefused("rpc_single_liar")
				if looks := b.nodes[0].calls.Load(); looks > 2 {
					t.Errorf("the liar caused %d looks within a minute", looks)
				}
				b.view(b.world.publish(2), 20*time.Second)
				b.pass(6 * time.Hour)
				b.wantRev(2)
				b.wantHonest()
				if v, _ := b.w.Current(); v.Paused || len(v.Candidates) != 2 {
					t.Errorf("the liar changed the view: %+v", v)
				}
				if looks := b.nodes[0].calls.Load(); looks > 20 {
					t.Errorf("the liar caused %d looks in six hours", looks)
				}
				b.nodes[3].set(func(n *node) { n.lie = nil })
				b.pass(b.cfg.Poll + b.cfg.PollJitter)
				b.wantState(3, StateOK, "")
			})
		})
	}
}

// A lone higher revision is what the fastest honest endpoint reports just after
// a change: it is asked for again at once, not at the next poll.
func TestLoneHigherRevisionIsCheckedSoon(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.pass(time.Minute)
		for _, n := range b.nodes[1:] {
			n.set(func(n *node) { n.lag = 3 })
		}
		rev := b.world.publish(2)
		b.w.Look()
		b.pass(2 * time.Second)
		b.wantRev(1)
		b.wantState(0, StateAhead, "")
		b.pass(6 * time.Second)
		b.wantRev(rev)
		if b.metric("camswarm_chain_refusals_total", "rpc_single_liar") != 0 {
			t.Error("an honest, fast endpoint was called a liar")
		}
	})
}

func TestThreatRPCStaleHead(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.pass(time.Hour)
		b.nodes[0].set(func(n *node) { n.frozen = b.world.now() - 1 })
		b.nodes[1].set(func(n *node) { n.lag = 3600 })
		rev := b.world.publish(2)
		b.w.Look()
		b.pass(time.Minute)
		b.wantRev(1) // two of four: not enough for something new
		b.wantHold("rpc_no_quorum")
		b.wantState(1, StateBehind, "rpc_stale_head")
		b.wantRefused("rpc_stale_head")
		b.nodes[1].set(func(n *node) { n.lag = 0 })
		b.view(rev, 6*time.Minute)
		b.pass(2 * time.Hour)
		b.wantState(0, StateBehind, "rpc_stale_head")
		b.wantState(1, StateOK, "")
		// Halted by the operator: the frozen endpoint cannot hide it.
		b.world.change(func(v *verify.View) { v.Candidates[0].Rollout.Halted = true })
		b.w.Look()
		b.pass(5 * time.Second)
		if v, _ := b.w.Current(); !v.Candidates[0].Rollout.Halted {
			t.Error("the halt did not arrive")
		}
	})
}

// All endpoints stand still together (one snapshot, one proxy in front): their
// agreement is no news and stops counting as confirmation.
func TestThreatIndefiniteFreeze(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.pass(time.Minute)
		for _, n := range b.nodes {
			n.set(func(n *node) { n.frozen = b.world.now() })
		}
		rev := b.world.publish(2)
		b.pass(4 * time.Hour)
		b.wantRev(1)
		b.wantHold("indefinite_freeze")
		b.wantRefused("indefinite_freeze")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.w.Confirm(ctx, time.Minute); verify.AttackName(err) != "indefinite_freeze" || verify.IsHard(err) {
			t.Errorf("Confirm on frozen endpoints: %v", err)
		}
		// After a restart the checkpoint alone remembers how late it was.
		for _, n := range b.nodes {
			n.set(func(n *node) { n.frozen -= 30 })
		}
		b.restart()
		for _, n := range b.nodes {
			n.set(func(n *node) { n.frozen = 0 })
		}
		b.view(rev, 6*time.Minute)
		b.wantHonest()
	})
}

func TestThreatRPCDownAll(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		down := func() error { return verify.Soft("rpc_unreachable", "connection refused") }
		for _, n := range b.nodes {
			n.set(func(n *node) { n.fail = down })
		}
		before := b.calls()
		b.pass(24 * time.Hour)
		b.wantRev(1) // what was accepted stays
		b.wantHold("rpc_down_all")
		b.wantRefused("rpc_down_all")
		if s := b.w.Status(); !strings.Contains(s.Error, "connection refused") {
			t.Errorf("the status does not say why: %q", s.Error)
		}
		if tries := (b.calls() - before) / 4; tries < 24 || tries > 24*60 {
			t.Errorf("%d attempts per endpoint in a day without answers", tries)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.w.Confirm(ctx, time.Minute); verify.AttackName(err) != "rpc_down_all" || verify.IsHard(err) {
			t.Errorf("Confirm without endpoints: %v", err)
		}
		if _, err := b.w.View(ctx, 2); verify.AttackName(err) != "rpc_down_all" || verify.IsHard(err) {
			t.Errorf("View without endpoints: %v", err)
		}
		rev := b.world.publish(2)
		for _, n := range b.nodes {
			n.set(func(n *node) { n.fail = nil })
		}
		b.pass(retryMax + breakerMax)
		b.wantRev(rev)
		for i := range b.nodes {
			b.wantState(i, StateOK, "")
		}
	})
}

// Down from the first moment on: nothing is offered, and it comes up by itself.
func TestStartsWithoutEndpoints(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, b *bench) {
		for _, n := range b.nodes {
			n.set(func(n *node) { n.hang = true })
		}
		b.start()
		b.pass(time.Hour)
		if _, ok := b.w.Current(); ok {
			t.Fatal("a view without an answer")
		}
		for _, n := range b.nodes {
			n.set(func(n *node) { n.hang = false })
		}
		b.pass(retryMax + breakerMax)
		b.wantRev(1)
	})
}

func TestThreatRPCWrongChain(t *testing.T) {
	foreign := map[string]func(n *node){
		"another chain id":    func(n *node) { n.chainID = 4689 },
		"no contract there":   func(n *node) { n.raw = func() json.RawMessage { return hexJSON(nil) } },
		"an answer from afar": func(n *node) { n.lie = func(v *verify.View) { v.Registry.ChainID = 1 } },
		"another contract":    func(n *node) { n.raw = func() json.RawMessage { return hexJSON(make([]byte, 32)) } },
		"an answer cut short": func(n *node) {
			n.raw = func() json.RawMessage { b := encodeView(viewAt(9, worldEpoch)); return hexJSON(b[:len(b)-32]) }
		},
		"no hexadecimal at all": func(n *node) { n.raw = func() json.RawMessage { return json.RawMessage(`{"0x":1}`) } },
	}
	names := map[string]string{"another contract": "rpc_malformed", "an answer cut short": "rpc_malformed", "no hexadecimal at all": "rpc_malformed"}
	for what, f := range foreign {
		t.Run(what, func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, b *bench) {
				attack := names[what]
				if attack == "" {
					attack = "rpc_wrong_chain"
				}
				b.nodes[1].set(f)
				b.start()
				b.wantRev(1)
				b.wantState(1, StateFailing, attack)
				b.wantRefused(attack)
				for _, n := range b.nodes {
					n.set(f)
				}
				b.pass(3 * b.cfg.Poll)
				b.wantRev(1)
				if what != "another chain id" { // asked for once; every answer carries it too
					b.wantHold("rpc_down_all")
				}
				rev := b.world.publish(2)
				for _, n := range b.nodes {
					n.set(func(n *node) { n.chainID, n.raw, n.lie = 0, nil, nil })
				}
				b.view(rev, 20*time.Minute)
				b.wantHonest()
			})
		})
	}
}

// An endpoint that asks to be left alone is left alone, and only that one.
func TestThreatRPCRateLimited_Rests(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.cfg.Poll, b.cfg.PollJitter = 10*time.Second, 0
		limited := 0
		b.nodes[0].set(func(n *node) {
			n.fail = func() error {
				limited++
				return verify.Soft("rpc_rate_limited", "%w", &RetryError{After: 5 * time.Minute, Err: errors.New("HTTP 429")})
			}
		})
		b.start()
		b.wantState(0, StateFailing, "rpc_rate_limited")
		b.pass(4*time.Minute + 50*time.Second)
		if limited != 1 {
			t.Errorf("asked %d times within the time it wanted to rest", limited)
		}
		if got := b.nodes[1].calls.Load(); got < 20 {
			t.Errorf("the others were asked only %d times", got)
		}
		b.nodes[0].set(func(n *node) { n.fail = nil })
		b.pass(time.Minute)
		b.wantState(0, StateOK, "")
	})
}

// A restart, or endpoints that fall back together, never bring anything older.
func TestThreatRollback(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		old := b.world.now()
		b.pass(time.Minute)
		b.view(b.world.publish(2), time.Minute)
		for _, n := range b.nodes {
			n.set(func(n *node) {
				n.lie = func(v *verify.View) { past := b.world.at(old); past.Time, past.Block = v.Time, v.Block; *v = past }
			})
		}
		b.pass(2 * b.cfg.Poll)
		b.wantRev(2)
		b.wantHold("rollback")
		b.wantRefused("rollback")
		b.restart()
		b.pass(2 * b.cfg.Poll)
		if v, ok := b.w.Current(); ok {
			t.Fatalf("after a restart revision %d was accepted below the checkpoint", v.Rev)
		}
		b.wantHold("rollback")
		for _, n := range b.nodes {
			n.set(func(n *node) { n.lie = nil })
		}
		b.view(2, 10*time.Minute)
	})
}

// Two of four say "stop" with the highest possible revision. The device stops
// while they do, and is not bound by their revision afterwards.
func TestThreatFastForward(t *testing.T) {
	for _, high := range []uint64{1_000_000_000, math.MaxUint64} { // possible, and impossible
		inBubble(t, 4, func(t *testing.T, b *bench) { fastForward(t, b, high) })
	}
}

func fastForward(t *testing.T, b *bench, high uint64) {
	b.start()
	saved, _ := b.store.kept()
	for _, n := range b.nodes[:2] {
		n.set(func(n *node) { n.lie = func(v *verify.View) { v.Rev, v.Paused = high, true } })
	}
	b.w.Look()
	b.pass(10 * time.Second)
	v, _ := b.w.Current()
	if !v.Paused || v.Rev != 1 || !b.w.Status().Stopped {
		t.Fatalf("view %+v", v)
	}
	if now, _ := b.store.kept(); !bytes.Equal(now, saved) {
		t.Error("a stop moved the checkpoint")
	}
	for _, n := range b.nodes[:2] {
		n.set(func(n *node) { n.lie = nil })
	}
	rev := b.world.publish(2)
	b.view(rev, 6*time.Minute)
	if v, _ := b.w.Current(); v.Paused || b.w.Status().Stopped {
		t.Error("the liars' stop outlived them")
	}
}

// Halt, revocation and pause take effect with two of four, the two others being
// behind, and stay in effect when no quorum answers any more.
func TestStopsWithTwoOfFour(t *testing.T) {
	stops := map[string]func(v *verify.View){
		"halted":         func(v *verify.View) { v.Candidates[0].Rollout.Halted = true },
		"revoked":        func(v *verify.View) { v.Candidates = v.Candidates[1:] },
		"rollout paused": func(v *verify.View) { v.Candidates[0].Rollout = verify.Rollout{} },
		"all paused":     func(v *verify.View) { v.Paused = true },
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, b *bench) {
				b.world.publish(2)
				b.start()
				b.wantRev(2)
				b.pass(time.Minute)
				for _, n := range b.nodes[2:] {
					n.set(func(n *node) { n.frozen = b.world.now() - 1 })
				}
				rev := b.world.change(stop)
				stopped := func() bool {
					v, _ := b.w.Current()
					c, _ := v.Candidate(2)
					return v.Paused || c.Rollout.Halted
				}
				b.w.Look()
				b.pass(5 * time.Second)
				if !stopped() {
					t.Fatal("not stopped")
				}
				if v, _ := b.w.Current(); !v.Paused && v.Candidates[1].Rollout.Halted {
					t.Error("the release that nobody stopped was stopped too")
				}
				for _, n := range b.nodes {
					n.set(func(n *node) { n.hang = true })
				}
				b.pass(2 * time.Hour)
				if !stopped() {
					t.Fatal("the stop was forgotten without a quorum")
				}
				for _, n := range b.nodes {
					n.set(func(n *node) { n.hang, n.frozen = false, 0 })
				}
				b.view(rev, 20*time.Minute)
				v, _ := b.w.Current()
				if c, ok := v.Candidate(2); !v.Paused && ok && !c.Rollout.Halted && c.Rollout.Mode != verify.RolloutPaused {
					t.Error("the quorum's own stop is missing")
				}
			})
		})
	}
}

// A stop that slower endpoints ask for is not lifted for the moment in which only
// the faster ones have answered: an install could slip through.
func TestStopDoesNotFlicker(t *testing.T) {
	inBubble(t, 8, func(t *testing.T, b *bench) {
		for _, n := range b.nodes[6:] {
			n.set(func(n *node) { n.delay, n.lie = time.Second, func(v *verify.View) { v.Rev, v.Paused = v.Rev+1, true } })
		}
		b.start()
		b.pass(5 * time.Second)
		for i := range 40 {
			if v, _ := b.w.Current(); !v.Paused {
				t.Fatalf("not stopped in step %d", i)
			}
			if i%10 == 0 {
				b.w.Look()
			}
			b.pass(300 * time.Millisecond)
		}
		if looks := b.nodes[0].calls.Load(); looks < 4 {
			t.Errorf("only %d looks: the test shows nothing", looks)
		}
	})
}

// The checkpoint is on disk before anybody can see the view.
func TestCheckpointPrecedesTheView(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		saves := 0
		b.start()
		b.store.set(func(s *memStore) {
			s.onSave = func() {
				saves++
				if v, _ := b.w.Current(); v.Rev != 1 {
					t.Errorf("revision %d was visible before its checkpoint was saved", v.Rev)
				}
			}
		})
		b.view(b.world.publish(2), time.Minute)
		if saves != 1 {
			t.Errorf("%d saves for one new revision", saves)
		}
		b.store.set(func(s *memStore) { s.onSave = nil })
		kept, n := b.store.kept()
		c, err := DecodeCheckpoint(kept)
		if err != nil || c.Rev != 2 || c.Product != testProduct || c.Registry != testRegistry {
			t.Errorf("checkpoint %+v, %v", c, err)
		}
		b.pass(20 * time.Hour)
		if _, now := b.store.kept(); now != n {
			t.Errorf("the flash was written %d times without news", now-n)
		}
		b.pass(10 * time.Hour)
		if _, now := b.store.kept(); now != n+1 {
			t.Errorf("%d writes in 30 hours without news, want 1", now-n)
		}
	})
}

// A checkpoint that cannot be saved holds the view back, but not its stops, and
// says so.
func TestThreatDiskFull(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.pass(time.Minute)
		b.store.set(func(s *memStore) { s.fail = errors.New("no space left on device") })
		rev := b.world.change(func(v *verify.View) {
			v.Latest = 2
			v.Candidates = []verify.Candidate{release(2), halted(release(1))}
		})
		b.w.Look()
		b.pass(10 * time.Second)
		v, _ := b.w.Current()
		if v.Rev != 1 || len(v.Candidates) != 1 || !v.Candidates[0].Rollout.Halted {
			t.Fatalf("view %+v", v)
		}
		b.wantHold("checkpoint_unsaved")
		if s := b.w.Status(); !strings.Contains(s.Error, "no space left") {
			t.Errorf("status: %s", s.Error)
		} else if strings.Contains(s.Error, "free some space") {
			t.Errorf("the store knows what to do, not the watcher: %s", s.Error)
		}
		before := b.calls()
		b.pass(24 * time.Hour)
		if looks := (b.calls() - before) / 4; looks > 24*60 {
			t.Errorf("%d looks in a day on a full disk", looks)
		}
		b.store.set(func(s *memStore) { s.fail = nil })
		b.pass(2 * retryMax)
		b.wantRev(rev)
	})
}

// A checkpoint that rotted needs every operator for an hour, and never more
// than a quorum after that; one of another registry is none.
func TestUnreadableCheckpoint(t *testing.T) {
	good := Checkpoint{Registry: testRegistry, Product: testProduct, Rev: 7, Digest: [32]byte{7}, Block: 1, Time: worldEpoch}.Encode()
	rotten := append([]byte(nil), good...)
	rotten[len(rotten)/2] ^= 4
	for name, b0 := range map[string][]byte{"flipped bit": rotten, "cut short": good[:20], "other file": []byte("not a checkpoint"), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 4, func(t *testing.T, b *bench) {
				b.store.b = b0
				b.nodes[0].set(func(n *node) { n.hang = true })
				b.start()
				b.pass(recoverFor - time.Minute)
				if _, ok := b.w.Current(); ok {
					t.Fatal("three of four sufficed although the checkpoint is unreadable")
				}
				b.wantRefused("checkpoint_unreadable")
				b.pass(20 * time.Minute)
				b.wantRev(1)
				b.restart()
				b.wantRev(1)
			})
			inBubble(t, 4, func(t *testing.T, b *bench) {
				b.store.b = b0
				b.start()
				b.wantRev(1) // all four agree
			})
		})
	}
	t.Run("unreadable store", func(t *testing.T) {
		inBubble(t, 4, func(t *testing.T, b *bench) {
			b.store.fail = errors.New("input/output error")
			b.start()
			b.pass(time.Minute)
			if _, ok := b.w.Current(); ok {
				t.Fatal("accepted without being able to save")
			}
			b.store.set(func(s *memStore) { s.fail = nil })
			b.pass(retryMax)
			b.wantRev(1)
		})
	})
	t.Run("another registry", func(t *testing.T) {
		inBubble(t, 4, func(t *testing.T, b *bench) {
			b.store.b = Checkpoint{Registry: verify.RegistryRef{ChainID: 1}, Product: testProduct, Rev: 99, Digest: [32]byte{9}}.Encode()
			b.nodes[0].set(func(n *node) { n.hang = true })
			b.start()
			b.wantRev(1)
		})
	})
}

func TestConfirmLooksWhenTheViewIsOld(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.start()
		b.pass(30 * time.Minute)
		before := b.calls()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := b.w.Confirm(ctx, time.Hour); err != nil || b.calls() != before {
			t.Errorf("a view of 30 minutes is within an hour: %v, %d calls", err, b.calls()-before)
		}
		b.world.change(func(v *verify.View) { v.Candidates[0].Rollout.Halted = true })
		v, err := b.w.Confirm(ctx, time.Minute)
		if err != nil || !v.Candidates[0].Rollout.Halted {
			t.Errorf("Confirm returned %+v, %v", v, err)
		}
	})
}

// The chain's time is the oldest voter's and never runs backwards.
func TestChainTimeIsTheOldestVotersAndMonotonic(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.nodes[0].set(func(n *node) { n.lie = func(v *verify.View) { v.Time += 1 << 30 } })
		b.nodes[1].set(func(n *node) { n.lag = 9 })
		b.start()
		b.pass(5 * time.Second)
		last := uint64(0)
		for range 20 {
			v, ok := b.w.Current()
			if !ok || v.Time < last || v.Time > b.world.now() || v.Time+3*uint64(b.cfg.Poll/time.Second) < b.world.now() {
				t.Fatalf("chain time %d after %d, really %d", v.Time, last, b.world.now())
			}
			last = v.Time
			for i, n := range b.nodes[1:] {
				n.set(func(n *node) { n.lag = (n.lag + uint64(i)*7) % 40 })
			}
			b.pass(b.cfg.Poll)
		}
	})
}

func TestEverythingMayBeCalledAtOnce(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		b.cfg.Poll, b.cfg.PollJitter = time.Second, time.Second
		b.nodes[3].set(func(n *node) { n.delay = 3 * time.Second })
		b.start()
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					b.w.View(ctx, uint64(j%7))
					b.w.Confirm(ctx, time.Millisecond)
					cancel()
					b.w.Look()
					b.w.Current()
					b.w.Endpoints()
					b.w.Status()
					if i == 0 && j%10 == 0 {
						b.world.publish(uint64(2 + j/10))
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		b.view(6, time.Minute)
	})
}

func TestRunEndsWithoutTrace(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, b *bench) {
		for _, n := range b.nodes {
			n.set(func(n *node) { n.delay = time.Second })
		}
		b.start()
		time.Sleep(500 * time.Millisecond)
		b.stop() // in the middle of a look; synctest fails the test if a goroutine stays
		b.stop = nil
		if _, ok := b.w.Current(); ok {
			t.Error("a view without answers")
		}
		for i := range b.nodes {
			b.wantState(i, StateUnknown, "") // being stopped is nobody's failure
		}
	})
}

func TestNewRefusesAndNamesWhatIsWrong(t *testing.T) {
	good := func() Config {
		c := DefaultConfig()
		c.ChainID, c.Registry = 4690, testRegistry.Address.String()
		c.Endpoints = []Endpoint{{URL: "https://a.example", Operator: "a"}, {URL: "https://b.example/rpc", Operator: "b"}, {URL: "http://127.0.0.1:15014", Operator: "own"}}
		return c
	}
	if _, err := New(good(), testProduct, "", Options{}); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(c *Config)
		want   string
	}{
		"no chain":          {func(c *Config) { c.ChainID = 0 }, "chain_id"},
		"no registry":       {func(c *Config) { c.Registry = "" }, "registry"},
		"zero registry":     {func(c *Config) { c.Registry = verify.Address{}.String() }, "zero address"},
		"no endpoints":      {func(c *Config) { c.Endpoints = nil }, "0 endpoints"},
		"too many":          {func(c *Config) { c.Endpoints = make([]Endpoint, 17) }, "17 endpoints"},
		"no operator":       {func(c *Config) { c.Endpoints[1].Operator = " " }, ""},
		"missing operator":  {func(c *Config) { c.Endpoints[1].Operator = "" }, "operator is missing"},
		"file url":          {func(c *Config) { c.Endpoints[0].URL = "file:///etc/passwd" }, "http"},
		"websocket url":     {func(c *Config) { c.Endpoints[0].URL = "wss://a.example" }, "http"},
		"no host":           {func(c *Config) { c.Endpoints[0].URL = "https://:443" }, "host"},
		"twice":             {func(c *Config) { c.Endpoints[1].URL = c.Endpoints[0].URL }, "twice"},
		"half is no quorum": {func(c *Config) { c.QuorumStart = 1 }, "quorum_start"},
		"more than all":     {func(c *Config) { c.QuorumStart = 4 }, "quorum_start"},
		"stop over start":   {func(c *Config) { c.QuorumStart, c.QuorumStop = 2, 3 }, "quorum_stop"},
		"negative stop":     {func(c *Config) { c.QuorumStop = -1 }, "quorum_stop"},
		"pending":           {func(c *Config) { c.Finality = "pending" }, "finality"},
		"no poll":           {func(c *Config) { c.Poll = 0 }, "poll"},
		"negative jitter":   {func(c *Config) { c.PollJitter = -1 }, "poll_jitter"},
		"no timeout":        {func(c *Config) { c.Timeout = 0 }, "timeout"},
		"no gap":            {func(c *Config) { c.MinGap = 0 }, "min_gap"},
		"stale at once":     {func(c *Config) { c.MaxStale = time.Second }, "max_stale"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			_, err := New(c, testProduct, "", Options{})
			if tt.want == "" {
				return // an odd but harmless name
			}
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestRedactsCredentials(t *testing.T) {
	for url, want := range map[string]string{
		"https://user:pass@a.example/rpc":                       "https://a.example/rpc",
		"https://a.example/v3/0123456789abcdef0123456789abcdef": "https://a.example/v3/***",
		"https://a.example/?apikey=secret":                      "https://a.example/?***",
		"http://127.0.0.1:8545":                                 "http://127.0.0.1:8545",
	} {
		if got := (Endpoint{URL: url}).Redacted(); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	for url, warn := range map[string]bool{"http://127.0.0.1:1": false, "http://localhost": false, "http://[::1]:1": false, "https://a.example": false, "http://a.example": true, "http://10.0.0.1": true} {
		if got := (Endpoint{URL: url}).warning() != ""; got != warn {
			t.Errorf("%s: warning %v, want %v", url, got, warn)
		}
	}
	_, err := Dial(Endpoint{URL: "https://user:geheim@a.example:port/"})
	if err == nil || strings.Contains(fmt.Sprint(err), "geheim") {
		t.Errorf("error %v", err)
	}
}
