package gc

import (
	"errors"
	"os"
	"syscall"
)

// Allocate gives a new file size bytes of the file system's, without writing them.
// File systems that cannot (UBIFS, JFFS2) give an error that is errors.ErrUnsupported.
func Allocate(f *os.File, size int64) error {
	for {
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, size); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
