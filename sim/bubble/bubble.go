package bubble

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Start is what a bubble's clock shows when f begins. It would begin in the year
// 2000, where QUIC's certificates are not valid yet.
var Start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// ErrStuck is wrapped when virtual time stood still.
var ErrStuck = errors.New("virtual time stands still")

const (
	// stuckAfter is the wall time without a tick of virtual time after which a run
	// is given up. A run of thousands of nodes may well need minutes for one
	// second, never this long for a tick.
	stuckAfter = 10 * time.Minute

	// tick is how often, in virtual time, a bubble shows that it is alive and looks
	// whether it should end.
	tick = 100 * time.Millisecond
)

// Run runs f in a bubble and returns when f and every goroutine that it started
// have ended. The context that f gets ends with ctx, which f must not use itself:
// its channel is from outside. It must not be called in a bubble.
//
// A panic of f, and a goroutine that waits for ever after f has returned, become
// an error; a panic of another goroutine ends the program.
func Run(ctx context.Context, f func(ctx context.Context) error) error {
	return run(ctx, stuckAfter, f)
}

func run(ctx context.Context, patience time.Duration, f func(ctx context.Context) error) error {
	var ticks atomic.Int64
	result := make(chan error, 1)
	go func() { result <- open(ctx, &ticks, f) }()
	last, since := int64(-1), time.Now()
	timer := time.NewTicker(min(time.Second, patience/4))
	defer timer.Stop()
	for {
		select {
		case err := <-result:
			if ctx.Err() != nil {
				return errors.Join(ctx.Err(), err)
			}
			return err
		case <-timer.C:
		}
		if now := ticks.Load(); now != last {
			last, since = now, time.Now()
		} else if time.Since(since) > patience {
			// The bubble cannot be ended from outside; its goroutines stay.
			var dump strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
			return fmt.Errorf("%w for %v; a goroutine that is not durably blocked holds it:\n%s", ErrStuck, patience, dump.String())
		}
	}
}

// open opens the bubble. It needs a testing.T, which is never used for anything
// else; that an empty one is good enough is held by a test.
func open(ctx context.Context, ticks *atomic.Int64, f func(ctx context.Context) error) (err error) {
	caught := func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("the bubble ended badly: %v\n%s", r, debug.Stack()))
		}
	}
	defer caught() // goroutines left behind
	synctest.Test(&testing.T{}, func(*testing.T) {
		time.Sleep(time.Until(Start))
		inner, cancel := context.WithCancel(context.Background())
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			timer := time.NewTicker(tick)
			defer timer.Stop()
			for {
				select {
				case <-stop:
					return
				case <-timer.C:
				}
				ticks.Add(1)
				if ctx.Err() != nil {
					cancel()
				}
			}
		}()
		defer func() {
			cancel()
			close(stop)
			<-ended
		}()
		defer caught()
		err = f(inner)
	})
	return err
}
