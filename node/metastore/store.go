package metastore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/keytransform"

	"camswarm/node/statedir"
)

// Errors of the metadata store.
var (
	// ErrBackend: the directory was made with a database that this version
	// does not know.
	ErrBackend = errors.New("the metadata store is of another kind")

	// ErrCorrupt: the database cannot be opened, or a value in it is not
	// what was written.
	ErrCorrupt = errors.New("the metadata store is damaged")
)

// markerFile is the file that names the database of a store directory, in the
// form "camswarm store 1 NAME\n".
const (
	markerFile   = "BACKEND"
	markerPrefix = "camswarm store 1 "
	dataDir      = "db"   // the database's own directory beside the marker
	probeFile    = "ROOM" // in dataDir, for a moment: is there room to go on after a failed write?
)

// Store keeps the node's metadata: catalog, checkpoints, counters, bans. Image
// bytes never go in. A Put that returned nil survives a crash and a power cut.
//
// The database is Badger on amd64 and arm64, and LevelDB on every other target and
// with the build tag leveldb. With LevelDB a write that the file system refuses is
// an error that says what to do, and the next one is tried afresh; reads go on.
// Badger maps what it writes: on a completely full file system it ends the process
// with SIGBUS, and the store opens again when there is room.
type Store struct {
	dir    string
	data   datastore.Batching
	growth int64

	closeOnce sync.Once
	closeErr  error
}

// A backend is a database that can hold a store.
type backend struct {
	name string // in the marker
	open func(dir string, log *slog.Logger) (datastore.Batching, error)

	growth int64 // see Store.Growth
}

// Open opens the store in dir, or makes one. A directory made with another
// database is refused with ErrBackend, one that is damaged with ErrCorrupt; neither
// is touched.
func Open(dir string, log *slog.Logger) (*Store, error) { return openStore(dir, log, own) }

func openStore(dir string, log *slog.Logger, b backend) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("metadata store: %w", statedir.Explain(err))
	}
	if err := checkMarker(dir, b.name); err != nil {
		return nil, err
	}
	err := checkStoreFiles(filepath.Join(dir, dataDir))
	var data datastore.Batching
	if err == nil {
		data, err = b.open(filepath.Join(dir, dataDir), log)
	}
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "resource temporarily unavailable") || strings.Contains(err.Error(), "Cannot acquire directory lock") {
			return nil, fmt.Errorf("metadata store %s: another process has it open; stop that process: %w", dir, err)
		}
		if statedir.Refused(err) || errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("metadata store %s: %w", dir, statedir.Explain(err))
		}
		return nil, fmt.Errorf("%w: %s cannot be opened. Move it away and start again: "+
			"the node learns its state anew from the chain and its peers; bans, counters and the protection against stale chain answers start from zero: %w",
			ErrCorrupt, dir, err)
	}
	return &Store{dir: dir, data: &checkedStore{data}, growth: b.growth}, nil
}

// Growth is how many bytes must be free on the file system while the store is open,
// because it ends the process where it cannot grow. 0: it reports a full disk as an
// error, and needs none.
func (s *Store) Growth() int64 { return s.growth }

// Wrap makes a store of a caller's own datastore, which it closes.
func Wrap(data datastore.Batching) *Store { return &Store{data: data} }

// checkMarker compares the directory's marker with the database, and writes it
// in a directory that holds no data yet.
func checkMarker(dir, backend string) error {
	path := filepath.Join(dir, markerFile)
	marker, err := statedir.ReadRegular(path, maxMarker)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(filepath.Join(dir, dataDir)); err == nil {
			return fmt.Errorf("%w: %s holds data but no %s file, which says of what kind; move the directory away and start again", ErrCorrupt, dir, markerFile)
		}
		return statedir.WriteFile(path, []byte(markerPrefix+backend+"\n"), 0o600)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("metadata store: %w", err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s says nothing that this version understands; move %s away and start again: %w", ErrCorrupt, path, dir, err)
	}
	name, ok := strings.CutPrefix(strings.TrimSuffix(string(marker), "\n"), markerPrefix)
	switch {
	case !ok || name == "":
		return fmt.Errorf("%w: %s says nothing that this version understands; move %s away and start again", ErrCorrupt, path, dir)
	case name != backend:
		return fmt.Errorf("%w: %s was made with %s, and this program uses %s; run the program that made it, or move the directory away and start again",
			ErrBackend, dir, name, backend)
	}
	return nil
}

// checkStoreFiles refuses what no database of ours makes and databases do not
// expect: they read files whole, and wait at pipes.
func checkStoreFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() > maxFile {
			return fmt.Errorf("%s is not a regular file of at most %d bytes", filepath.Join(dir, e.Name()), maxFile)
		}
	}
	return nil
}

// Namespace returns the part of the store under a name of its own, such as
// "catalog/…". Writes are on disk when they return; a batch is not atomic. A
// value that is read back differently from what was written is an error that
// wraps ErrCorrupt. Closing a namespace does nothing.
func (s *Store) Namespace(name string) datastore.Batching {
	return namespace{keytransform.Wrap(s.data, keytransform.PrefixTransform{Prefix: datastore.NewKey(name)})}
}

type namespace struct{ *keytransform.Datastore }

// Close does nothing; the store is closed as a whole.
func (namespace) Close() error { return nil }

// Close closes the store, or gives up after ten seconds, since nobody knows how
// long a failing disk takes. What could not be written last is an error.
// Namespaces must not be used afterwards.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		closed := make(chan error, 1)
		go func() { closed <- s.data.Close() }()
		timer := time.NewTimer(closeTimeout)
		defer timer.Stop()
		select {
		case s.closeErr = <-closed:
		case <-timer.C:
			s.closeErr = fmt.Errorf("metadata store %s: it does not close within %v; is its file system full or read-only? What was acknowledged is on disk", s.dir, closeTimeout)
		}
	})
	return s.closeErr
}

// DiskUsage returns the bytes that the file system has allocated to the store:
// databases make files sparse and larger than what they take.
func (s *Store) DiskUsage() (int64, error) {
	var total int64
	err := filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}

// ignoreGone forgives files that the database deleted meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
