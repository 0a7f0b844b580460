package gc

import (
	"errors"
	"os"
	"syscall"
)

// fallocate allocates size bytes to a new file. File systems that cannot (UBIFS,
// JFFS2) give an error that is errors.ErrUnsupported.
func fallocate(f *os.File, size int64) error {
	for {
		if err := syscall.Fallocate(int(f.Fd()), 0, 0, size); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
