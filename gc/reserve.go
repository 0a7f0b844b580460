package gc

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// A Reserve is a file of really allocated bytes that is given up when the disk
// is full, so that metadata can be written and a collection can run. A nil
// Reserve holds nothing.
type Reserve struct {
	path string
	size int64
	mu   sync.Mutex
}

// NewReserve returns a reserve of size bytes in the file path, which must be on
// the file system that it protects. It does not touch the disk.
func NewReserve(path string, size int64) *Reserve {
	return &Reserve{path: path, size: max(size, 0)}
}

// Held returns the bytes allocated to the reserve now.
func (r *Reserve) Held() (int64, error) {
	if r == nil {
		return 0, nil
	}
	return Usage(r.path)
}

// Hold allocates the reserve unless it is held already. It needs twice the
// reserve's size to be free, so that holding it never takes the bytes for which
// it was given up; with less it returns an [ErrNoSpace] and holds nothing. A
// reserve of size 0 is removed.
func (r *Reserve) Hold() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size == 0 {
		return r.release()
	}
	held, err := Usage(r.path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(r.path); err == nil && info.Size() == r.size && held >= r.size {
		return nil
	}
	free, err := Free(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	if add(free, held) < add(r.size, r.size) {
		return fmt.Errorf("%w: a reserve of %d bytes is held only while twice as much is free; %d bytes are", ErrNoSpace, r.size, free)
	}
	if err := r.allocate(); err != nil {
		if IsFull(err) {
			err = fmt.Errorf("%w: %w", ErrNoSpace, err)
		}
		return errors.Join(fmt.Errorf("hold the disk reserve: %w", err), r.release())
	}
	return nil
}

// Release gives the reserve up.
func (r *Reserve) Release() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.release()
}

func (r *Reserve) release() error {
	if err := os.Remove(r.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("give up the disk reserve: %w", err)
	}
	return syncDir(filepath.Dir(r.path)) // ext4 reuses freed blocks once their transaction is on disk
}

func (r *Reserve) allocate() error {
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := Allocate(f, r.size); errors.Is(err, errors.ErrUnsupported) {
		err = writeNoise(f, r.size)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return f.Sync()
}

// writeNoise fills a file with bytes that a compressing file system (UBIFS,
// JFFS2) cannot shrink. The noise needs no secrecy.
func writeNoise(f *os.File, size int64) error {
	noise := rand.NewChaCha8([32]byte{})
	block := make([]byte, 64<<10)
	for size > 0 {
		b := block[:min(size, int64(len(block)))]
		_, _ = noise.Read(b) // never fails
		if _, err := f.Write(b); err != nil {
			return err
		}
		size -= int64(len(b))
	}
	return nil
}
