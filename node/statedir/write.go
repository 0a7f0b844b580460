package statedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile replaces a file so that a crash at any moment leaves either the
// whole old content or the whole new one: it writes path.tmp, syncs it, renames
// it and syncs the directory. When it returns nil the content survives a power
// cut. Two writers of one path must exclude each other. A path.tmp that a crash
// left behind, or a link that somebody put there, is replaced by the next call and
// never followed. Errors say what to do, see [Explain], and how many bytes a full file
// system lacks.
func WriteFile(path string, data []byte, perm fs.FileMode) (err error) {
	defer func() {
		if full(err) {
			err = fmt.Errorf("%s needs %d bytes: %w", path, len(data), err)
		}
		err = Explain(err)
	}()
	temp := path + ".tmp"
	f, err := Create(temp, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(perm) // umask may have taken bits
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", temp, err)
	}
	return Rename(temp, path)
}

// Create makes a new file for writing in the place of whatever file or link is
// there, which is removed and not written to.
func Create(path string, perm fs.FileMode) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
}

// Rename renames a file within its directory and makes the new name survive
// a power cut. The file's content must have been synced before.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// SyncDir makes the names in a directory survive a power cut.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
