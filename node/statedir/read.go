package statedir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
)

// OpenRegular opens a file of the state directory for reading. What is no regular
// file is refused, a symbolic link too, and a pipe does not block.
func OpenRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadRegular reads a file of the state directory of at most limit bytes.
func ReadRegular(path string, limit int64) ([]byte, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// reclaim removes what stands where a file (or, with dir, a directory) of the
// node belongs and is something else, such as a link that would lead a write
// astray. It is for what can be made again; a directory may be a link to one on
// another disk.
func Reclaim(log *slog.Logger, path string, dir bool) error {
	info, err := os.Lstat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if !dir && info.Mode().IsRegular() {
		return nil
	}
	if target, err := os.Stat(path); dir && err == nil && target.IsDir() {
		return nil
	}
	log.Error("removed what stood in the place of a file of the state directory", "path", path, "was", info.Mode().Type().String())
	return os.RemoveAll(path)
}
