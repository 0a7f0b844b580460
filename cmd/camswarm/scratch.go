package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"camswarm/cmd/internal/cli"
)

// scratchLock is held by the process that uses a scratch directory.
const scratchLock = ".lock"

// scratchDir makes a temporary directory that goes with the command however it
// ends: at its end, with a second signal, and if the process was killed, when the
// next one of the same prefix begins.
func scratchDir(ctx context.Context, prefix string) (path string, remove func() error, err error) {
	sweepScratch(prefix)
	if path, err = os.MkdirTemp("", prefix); err != nil {
		return "", nil, err
	}
	lock, err := lockScratch(path)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(path))
	}
	done := cli.AtOnce(ctx, func() {
		for range 3 { // while what runs in it still writes
			if os.RemoveAll(path) == nil {
				return
			}
		}
	})
	return path, func() error {
		defer done()
		return errors.Join(os.RemoveAll(path), lock.Close())
	}, nil
}

// lockScratch locks a directory. The lock appears in it when it is held, so that
// nobody takes a directory that is being made for one that was left.
func lockScratch(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, scratchLock+".")
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, scratchLock))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sweepScratch removes the directories of processes that were killed: those whose
// lock nobody holds. What cannot be looked at, such as another user's, stays.
func sweepScratch(prefix string) {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() { // a link could lead anywhere
			continue
		}
		if s, ok := info.Sys().(*syscall.Stat_t); !ok || int(s.Uid) != os.Geteuid() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, scratchLock), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = f.Close()
	}
}
