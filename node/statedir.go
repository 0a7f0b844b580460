package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
)

// openRegular opens a file of the state directory for reading. What is no regular
// file is refused, a symbolic link too, and a pipe does not block.
func openRegular(path string) (*os.File, error) {
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

// readRegular reads a file of the state directory of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
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
func reclaim(log *slog.Logger, path string, dir bool) error {
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

const (
	storeDamaged  = ".damaged" // appended to the name of a store that was set aside
	storeOpening  = "OPENING"  // holds how often the database was opened in vain
	storeAttempts = 3          // after so many the database is taken for damaged
)

// openOrRebuild opens the metadata store in dir. A store that is damaged, or that
// killed the process while it was opened several times, is set aside under
// dir.damaged, where it replaces an earlier one, and a new one is made: nobody
// can reach most cameras, and what is lost is learnt anew. What is not damage,
// such as a full disk or a store of another kind of processor, is an error as
// with OpenStore. rebuilt says what was wrong, nil if nothing was.
func openOrRebuild(dir string, log *slog.Logger) (s *Store, rebuilt, err error) {
	if err := reclaim(log, dir, true); err != nil {
		return nil, nil, fmt.Errorf("metadata store: %w", err)
	}
	if s, err = openCounted(dir, log); err == nil || !errors.Is(err, ErrStoreCorrupt) {
		return s, nil, err
	}
	rebuilt = err
	log.Error("the metadata store is damaged; it is set aside and made anew", "dir", dir, "aside", dir+storeDamaged, "err", rebuilt)
	if err := os.RemoveAll(dir + storeDamaged); err != nil {
		return nil, rebuilt, errors.Join(rebuilt, err)
	}
	if err := renameSync(dir, dir+storeDamaged); err != nil {
		return nil, rebuilt, errors.Join(rebuilt, err)
	}
	s, err = openCounted(dir, log)
	return s, rebuilt, err
}

// openCounted is OpenStore with a note on disk while it has not ended, since a
// damaged database may end the process; and it reads all that is in it.
func openCounted(dir string, log *slog.Logger) (*Store, error) {
	note := filepath.Join(dir, storeOpening)
	data, _ := readRegular(note, 16)
	tries, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	if tries >= storeAttempts {
		return nil, fmt.Errorf("%w: the process ended %d times while %s was opened", ErrStoreCorrupt, tries, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("metadata store: %w", err)
	}
	if err := os.WriteFile(note, []byte(strconv.Itoa(tries+1)), 0o600); err != nil {
		return nil, fmt.Errorf("metadata store: %w", err) // not synced: only the end of the process counts
	}
	s, err := OpenStore(dir, log)
	if err == nil {
		if err = readAll(s.data); err != nil {
			err = fmt.Errorf("%w: %s cannot be read: %w", ErrStoreCorrupt, dir, errors.Join(err, s.Close()))
		}
	}
	if err != nil {
		s = nil
	}
	if rerr := os.Remove(note); rerr != nil && err == nil {
		return nil, errors.Join(fmt.Errorf("metadata store: %w", rerr), s.Close())
	}
	return s, err
}

// readAll reads every value, some kB. Single values that are not what was written
// are no error: their owners have rules for that.
func readAll(d datastore.Read) error {
	results, err := d.Query(context.Background(), query.Query{})
	if err != nil {
		return err
	}
	defer func() { _ = results.Close() }()
	for r := range results.Next() {
		if r.Error != nil && !errors.Is(r.Error, ErrStoreCorrupt) {
			return r.Error
		}
	}
	return nil
}
