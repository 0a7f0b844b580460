package bubble

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRunsFromAnOrdinaryGoroutineWithAClockOfItsOwn(t *testing.T) {
	boom := errors.New("boom")
	done := make(chan error)
	go func() {
		done <- Run(context.Background(), func(context.Context) error {
			if !time.Now().Equal(Start) {
				t.Errorf("the clock shows %v", time.Now())
			}
			time.Sleep(10 * time.Hour)
			return boom
		})
	}()
	if err := <-done; err != boom {
		t.Error(err)
	}
}

func TestEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	err := Run(ctx, func(inner context.Context) error {
		cancel()
		<-inner.Done()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAPanicIsAnError(t *testing.T) {
	err := Run(context.Background(), func(context.Context) error { panic("boom") })
	if err == nil || !strings.Contains(err.Error(), "boom") {
		t.Error(err)
	}
}

func TestAGoroutineLeftBehindIsAnError(t *testing.T) {
	err := Run(context.Background(), func(context.Context) error {
		go func() { select {} }()
		return nil
	})
	if err == nil {
		t.Error("it went unnoticed")
	}
}

func TestAClockThatStandsStillIsNoticed(t *testing.T) {
	outside := make(chan struct{})
	err := run(context.Background(), 100*time.Millisecond, func(context.Context) error {
		<-outside
		return nil
	})
	if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "TestAClockThatStandsStillIsNoticed") {
		t.Error(err)
	}
	close(outside)
}
