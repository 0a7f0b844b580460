package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// openLock opens a file whose lock is taken with flock(2): it belongs to the open
// file, so that whoever inherits the descriptor holds it too, and it goes when
// the last of them ends, however it ends.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// tryLock reports whether the lock was free and is taken now.
func tryLock(f *os.File) (bool, error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	default:
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
}

// waitLock takes the lock as soon as it is free, and reports whether it was
// within the time.
func waitLock(ctx context.Context, f *os.File, within time.Duration) (bool, error) {
	for until := time.Now().Add(within); ; {
		ok, err := tryLock(f)
		if ok || err != nil || time.Until(until) <= 0 {
			return ok, err
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
