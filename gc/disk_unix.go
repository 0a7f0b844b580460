//go:build linux || darwin

package gc

import (
	"fmt"
	"io/fs"
	"syscall"
)

// FileID names a file whatever it is called, as long as it exists.
type FileID struct{ Device, Inode uint64 }

func allocated(info fs.FileInfo) (bytes int64, id FileID, names int) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size(), FileID{}, 1
	}
	return int64(st.Blocks) * 512, FileID{uint64(st.Dev), uint64(st.Ino)}, int(st.Nlink)
}

// Free returns the bytes that an unprivileged process may still allocate on the
// file system of path.
func Free(path string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("measure the free space of %s: %w", path, err)
	}
	return mul(uint64(st.Bavail), uint64(st.Bsize)), nil
}
