package metastore

import (
	"errors"
	"os"
	"syscall"
)

// allocate gives a new file so many bytes of the file system's, without writing them.
// File systems that cannot (UBIFS, JFFS2) give an error that is errors.ErrUnsupported.
func allocate(f *os.File, n int64) error {
	for {
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, n); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
