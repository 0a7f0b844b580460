package node

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A thousand announcements, or a hundred blocks that rot, are one piece of mail
// each, and nobody who brings them waits for an owner that does not look.
func TestMailboxKeepsOnceWhatComesOften(t *testing.T) {
	s := newTheatre(t)
	s.start(RoleCamera, nil)
	b := newMailbox()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for seq := uint64(1); seq <= 2*maxEnvelopes; seq++ {
				b.hint()
			}
		})
	}
	for seq := uint64(1); seq <= 2*maxEnvelopes; seq++ {
		signed := s.release(seq)
		for range 10 {
			wg.Go(func() { b.envelope(signed); b.damage(signed.Manifest().Image.Root) })
		}
	}
	wg.Wait()
	got := b.take()
	if len(got.envelopes) != maxEnvelopes || len(got.damaged) != 2*maxEnvelopes || len(b.wake) != 1 {
		t.Errorf("%d envelopes, %d images, %d wakes", len(got.envelopes), len(got.damaged), len(b.wake))
	}
	for range maxRequests {
		if err := b.request(&request{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.request(&request{}); !errors.Is(err, errBusy) {
		t.Errorf("one request too many: %v", err)
	}
	if again := b.take(); len(again.requests) != maxRequests || len(again.envelopes) != 0 {
		t.Errorf("taken the second time: %d requests, %d envelopes", len(again.requests), len(again.envelopes))
	}
}

// A request that has not begun is given up with its caller; the one after it is
// served.
func TestAbandonedRequestIsNotBegun(t *testing.T) {
	s := newTheatre(t)
	s.start(RoleSeed, map[uint64]record{})
	s.release(1)
	s.look([]string{"1=paused"})
	s.step()
	first := &request{stage: stageProvide, sequence: 1, signed: s.release(1)}
	s.m.request(first)
	s.step() // cancels the search for the manifest
	s.m.abandon(first)
	s.finish(s.tasks[1], s.outcome(s.tasks[1], []string{"cancelled"}))
	for _, a := range s.step() {
		if a.begin != nil && a.begin.stage == stageProvide {
			t.Error("the job of a caller that has gone was begun")
		}
		if a.answer == first && !errors.Is(a.reply.err, context.Canceled) {
			t.Errorf("answered %v", a.reply.err)
		}
	}
}

// Whoever waits for the install turn gets it in the order of coming, can give up,
// and holds nothing meanwhile.
func TestInstallTurnGoesRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := newTurn()
		var mu sync.Mutex
		var order []int
		take := func(ctx context.Context, n int, queued *bool) {
			if err := turn.take(ctx, func() { *queued = true }); err != nil {
				return
			}
			defer turn.give()
			mu.Lock()
			order = append(order, n)
			mu.Unlock()
			time.Sleep(time.Minute)
		}
		var wg sync.WaitGroup
		var queued [4]bool
		impatient, cancel := context.WithCancel(t.Context())
		for n := range 4 {
			ctx := t.Context()
			if n == 2 {
				ctx = impatient
			}
			wg.Go(func() { take(ctx, n, &queued[n]) })
			synctest.Wait()
		}
		cancel()
		wg.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 1 || order[2] != 3 || queued != [4]bool{false, true, true, true} {
			t.Errorf("the turn went to %v; queued %v", order, queued)
		}
	})
}
