package metastore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"

	"camswarm/gc"
	"camswarm/node/statedir"
)

// Damaged is appended to the name of a store that was set aside.
const Damaged = ".damaged"

const (
	openingFile = "OPENING"      // holds how often the database was opened in vain
	roomFile    = "OPENING.room" // is written and removed, to see whether there is room
	maxOpenings = 3              // after so many the database is taken for damaged
)

// OpenOrRebuild opens the metadata store in dir. A store that is damaged, or that
// killed the process while it was opened several times, is set aside under
// dir.damaged, where it replaces an earlier one, and a new one is made: nobody
// can reach most cameras, and what is lost is learnt anew. What is not damage,
// such as a full disk or a store of another program's kind, is an error as
// with Open. rebuilt says what was wrong, nil if nothing was.
func OpenOrRebuild(dir string, log *slog.Logger) (s *Store, rebuilt, err error) {
	return openOrRebuild(dir, log, own)
}

func openOrRebuild(dir string, log *slog.Logger, b backend) (s *Store, rebuilt, err error) {
	if err := statedir.Reclaim(log, dir, true); err != nil {
		return nil, nil, fmt.Errorf("metadata store: %w", err)
	}
	if s, err = openCounted(dir, log, b); err == nil || !errors.Is(err, ErrCorrupt) {
		return s, nil, err
	}
	rebuilt = err
	log.Error("the metadata store is damaged; it is set aside and made anew", "dir", dir, "aside", dir+Damaged, "err", rebuilt)
	if err := os.RemoveAll(dir + Damaged); err != nil {
		return nil, rebuilt, errors.Join(rebuilt, err)
	}
	if err := statedir.Rename(dir, dir+Damaged); err != nil {
		return nil, rebuilt, errors.Join(rebuilt, err)
	}
	s, err = openCounted(dir, log, b)
	return s, rebuilt, err
}

// openCounted is Open with a note on disk while it has not ended, since a
// damaged database may end the process; and it reads all that is in it.
func openCounted(dir string, log *slog.Logger, b backend) (*Store, error) {
	note := filepath.Join(dir, openingFile)
	if err := statedir.Reclaim(log, note, false); err != nil {
		return nil, fmt.Errorf("metadata store: %w", err)
	}
	data, _ := statedir.ReadRegular(note, 16)
	tries, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	if tries >= maxOpenings {
		return nil, fmt.Errorf("%w: the process ended %d times while %s was opened", ErrCorrupt, tries, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("metadata store: %w", statedir.Explain(err))
	}
	if err := haveRoom(filepath.Join(dir, roomFile)); err != nil {
		return nil, fmt.Errorf("metadata store: it needs %d bytes to be opened: %w", Room, statedir.Explain(err))
	}
	if err := os.WriteFile(note, []byte(strconv.Itoa(tries+1)), 0o600); err != nil {
		return nil, fmt.Errorf("metadata store: %w", statedir.Explain(err)) // not synced: only the end of the process counts
	}
	s, err := openStore(dir, log, b)
	if err == nil {
		if err = readAll(s.data); err != nil {
			err = fmt.Errorf("%w: %s cannot be read: %w", ErrCorrupt, dir, errors.Join(err, s.Close()))
		}
	}
	if err != nil {
		s = nil
	}
	// Durably: power that fails again and again would bring the note back each time,
	// until a sound database is taken for damaged.
	if rerr := errors.Join(os.Remove(note), statedir.SyncDir(dir)); rerr != nil && err == nil {
		return nil, errors.Join(fmt.Errorf("metadata store: %w", rerr), s.Close())
	}
	return s, err
}

// haveRoom tells whether Room bytes can be allocated: what the file system says is free
// may be reserved, or over a quota. They are written only where nothing else tells.
func haveRoom(path string) error {
	f, err := statedir.Create(path, 0o600)
	if err != nil {
		return err
	}
	if err = gc.Allocate(f, Room); errors.Is(err, errors.ErrUnsupported) {
		_, err = f.Write(make([]byte, Room))
	}
	if err == nil {
		err = f.Sync() // space may be allocated late
	}
	return errors.Join(err, f.Close(), os.Remove(path))
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
		if r.Error != nil && !errors.Is(r.Error, ErrCorrupt) {
			return r.Error
		}
	}
	return nil
}
