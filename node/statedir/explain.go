package statedir

import (
	"errors"
	"fmt"
	"syscall"
)

// Refused reports whether a write failed because the file system is full or
// read-only.
func Refused(err error) bool { return full(err) || errors.Is(err, syscall.EROFS) }

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// An explained error says what to do about a file system that refuses a write.
type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

// Explain puts what to do in front of an error of a file system that refuses a
// write, once; others, and nil, stay as they are.
func Explain(err error) error {
	var done explained
	switch {
	case err == nil || errors.As(err, &done):
		return err
	case errors.Is(err, syscall.EROFS):
		return explained{fmt.Errorf("the file system is read-only: remount it writable or replace the storage: %w", err)}
	case full(err):
		return explained{fmt.Errorf("the file system is full: free some space: %w", err)}
	case errors.Is(err, syscall.EIO):
		return explained{fmt.Errorf("the storage fails: replace it: %w", err)}
	}
	return err
}
