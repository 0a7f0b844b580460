package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// signalled is the cause of a context that a signal ended.
type signalled struct{ syscall.Signal }

func (s signalled) Error() string { return "ended by " + s.Signal.String() }

// Is makes it a cancellation for all that returns the cause of a context.
func (s signalled) Is(target error) bool { return target == context.Canceled }

// endingSignals are those by which people and systems end a command. Those that
// the parent had ignored, as nohup and shells do for background jobs, stay so.
var endingSignals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}

// watchSignals returns a context that ends with the first signal. The second one
// calls what [AtOnce] has kept, and then exit. It must be called outside bubbles
// of virtual time: the first request for signals inside one would be fatal.
func watchSignals(parent context.Context, exit func(int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	last := &atOnce{calls: map[int]func(){}}
	ctx = context.WithValue(ctx, atOnceKey{}, last)
	// A write to a pipe that nobody reads shall be an error, which ends the
	// command as a signal does, and not end the process before it cleaned up.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	ends := make(chan os.Signal, 2)
	for _, s := range endingSignals {
		if !signal.Ignored(s) {
			signal.Notify(ends, s)
		}
	}
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case s := <-ends:
				number, _ := s.(syscall.Signal)
				if n > 0 {
					last.run()
					exit(128 + int(number))
					return
				}
				cancel(signalled{number})
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(ends)
		signal.Stop(pipe)
		close(done)
		cancel(nil)
	}
}

// interruptedBy returns the exit code of a command whose context ended.
func interruptedBy(ctx context.Context) int {
	var s signalled
	if errors.As(context.Cause(ctx), &s) {
		return 128 + int(s.Signal)
	}
	return ExitInterrupted
}

// remains is an error beside which something is true that the person must know
// even if the error itself only says that the command was interrupted.
type remains struct {
	error
	text string
}

func (r *remains) Unwrap() error { return r.error }

// Remains adds to an error what stays true of a command that was interrupted,
// such as a transaction that was sent. Without an interruption the error reads as
// before.
func Remains(err error, text string) error {
	if err == nil {
		return nil
	}
	return &remains{err, text}
}

// interruption words the error of a command that was interrupted. That everything
// under way failed because of it is no news.
func interruption(ctx context.Context, err error) string {
	var texts []string
	var walk func(error)
	walk = func(err error) {
		if r, ok := err.(*remains); ok {
			texts = append(texts, r.text)
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	switch {
	case len(texts) > 0:
		return "interrupted; " + strings.Join(texts, "; ")
	case errors.Is(err, context.Canceled),
		strings.Contains(err.Error(), context.Canceled.Error()), strings.Contains(err.Error(), context.Cause(ctx).Error()): // wrapped as text
		return "interrupted"
	}
	return "interrupted; " + err.Error()
}

type atOnceKey struct{}

// atOnce is what must still happen when a person insists on the end.
type atOnce struct {
	mu    sync.Mutex
	next  int
	calls map[int]func()
}

func (a *atOnce) run() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.calls {
		f()
	}
}

// AtOnce keeps a function, such as the removal of a temporary directory, for the
// case that a second signal ends the process before the command has cleaned up.
// done takes it back.
func AtOnce(ctx context.Context, f func()) (done func()) {
	a, ok := ctx.Value(atOnceKey{}).(*atOnce)
	if !ok {
		return func() {}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.next
	a.next++
	a.calls[id] = f
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.calls, id)
	}
}

// Reader returns a reader that fails when ctx has ended, so that long reading of
// a file ends when the command is interrupted.
func Reader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
