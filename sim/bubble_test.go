package sim

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestBubbleRunsFromAnOrdinaryGoroutineWithAClockOfItsOwn(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	boom := errors.New("boom")
	done := make(chan error)
	go func() {
		done <- inBubble(context.Background(), at, func(context.Context) error {
			if !time.Now().Equal(at) {
				t.Errorf("the clock shows %v", time.Now())
			}
			time.Sleep(1000 * time.Hour)
			return boom
		})
	}()
	if err := <-done; err != boom {
		t.Error(err)
	}
}

func TestBubbleEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	err := inBubble(ctx, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), func(inner context.Context) error {
		cancel()
		<-inner.Done()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
