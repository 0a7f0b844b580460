package sim

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

// ErrStuck is wrapped when virtual time stood still.
var ErrStuck = errors.New("sim: virtual time stands still")

// stuckAfter is the wall time without a tick of virtual time after which a run
// is given up. A run of thousands of nodes may well need minutes for one second,
// never this long for a tick.
const stuckAfter = 10 * time.Minute

// tick is how often, in virtual time, a bubble shows that it is alive and looks
// whether it should end.
const tick = 100 * time.Millisecond

// inBubble runs f in a bubble of virtual time whose clock shows at, and returns
// when f and every goroutine that it started have ended. The context that f gets
// ends with ctx: a channel from outside would stop the virtual clock, so ctx is
// polled.
//
// The bubble needs a testing.T, which is never used for anything else; that an
// empty one is good enough is held by a test.
func inBubble(ctx context.Context, at time.Time, f func(ctx context.Context) error) error {
	var ticks atomic.Int64
	result := make(chan error, 1)
	go func() { result <- bubble(ctx, at, &ticks, f) }()
	last, since := int64(-1), time.Now()
	timer := time.NewTicker(time.Second)
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
		} else if time.Since(since) > stuckAfter {
			// The bubble cannot be ended from outside; its goroutines stay.
			var dump strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&dump, 1)
			return fmt.Errorf("%w for %v; a goroutine that is not durably blocked holds it:\n%s", ErrStuck, stuckAfter, dump.String())
		}
	}
}

func bubble(ctx context.Context, at time.Time, ticks *atomic.Int64, f func(ctx context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.Join(err, fmt.Errorf("sim: the bubble ended badly: %v\n%s", r, debug.Stack()))
		}
	}()
	synctest.Test(&testing.T{}, func(*testing.T) {
		time.Sleep(time.Until(at))
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
		err = f(inner)
		cancel()
		close(stop)
		<-ended
	})
	return err
}
