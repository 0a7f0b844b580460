package filestore

import (
	"errors"
	"io"
	"syscall"
)

// nextData returns the first offset from off on that may hold other bytes than
// zeros. Sparse parts of a file are skipped with SEEK_DATA (lseek(2)), so that
// opening a fresh 256 MB file does not read 256 MB of nothing.
func nextData(f io.Seeker, off int64) int64 {
	const seekData = 3
	data, err := f.Seek(off, seekData)
	switch {
	case err == nil:
		return data
	case errors.Is(err, syscall.ENXIO): // a hole to the end
		return 1<<63 - 1
	}
	return off // not known here: read it
}
