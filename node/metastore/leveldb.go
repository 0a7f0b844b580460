package metastore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	leveldbds "github.com/ipfs/go-ds-leveldb"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"

	"camswarm/node/statedir"
)

// level is LevelDB, which is sound on every target and maps no file for writing.
var level = backend{name: "leveldb", open: openLevelDB}

// A levelStore is LevelDB, opened again after a write that failed. LevelDB itself
// refuses every later write to a log of which one failed, so that a node whose
// disk was full for a moment would remember nothing until it is restarted. Reads
// go on from the database as it is until there is room again.
type levelStore struct {
	dir string
	log *slog.Logger

	mu     sync.RWMutex // held for writing while db changes
	db     *leveldbds.Datastore
	failed error // of the last write, or of the attempt to open again; nil: sound
	closed bool
}

var errClosed = errors.New("the metadata store is closed")

// openLevelDB opens LevelDB with little memory. The adapter syncs every write.
func openLevelDB(dir string, log *slog.Logger) (datastore.Batching, error) {
	db, err := newLevelDB(dir)
	if err != nil {
		return nil, err
	}
	return &levelStore{dir: dir, log: log, db: db}, nil
}

func newLevelDB(dir string) (*leveldbds.Datastore, error) {
	if err := checkLevelDB(dir); err != nil {
		return nil, err
	}
	options := levelOptions
	return leveldbds.NewDatastore(dir, &options)
}

var levelOptions = leveldbds.Options{
	WriteBuffer:            writeBuffer,
	CompactionTableSize:    1 << 20,
	BlockCacheCapacity:     256 << 10,
	OpenFilesCacheCapacity: 16,
	Compression:            opt.NoCompression,
}

// checkLevelDB opens a database that is there for reading, which changes nothing.
// The adapter would make a new one, without a word, of one whose index is damaged
// or gone.
func checkLevelDB(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil // new
	}
	if err != nil {
		return err
	}
	options := opt.Options(levelOptions)
	options.ReadOnly, options.ErrorIfMissing = true, true
	db, err := leveldb.OpenFile(dir, &options)
	if err != nil {
		return err
	}
	return db.Close()
}

// read calls f with the database.
func (l *levelStore) read(f func(db *leveldbds.Datastore) error) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.closed:
		return errClosed
	case l.db == nil:
		return l.failed
	}
	return f(l.db)
}

// write calls f with a database that takes writes, or returns why there is none.
func (l *levelStore) write(f func(db *leveldbds.Datastore) error) error {
	if err := l.mend(); err != nil {
		return err
	}
	var wrote *leveldbds.Datastore
	err := l.read(func(db *leveldbds.Datastore) error {
		wrote = db
		return f(db)
	})
	if err == nil || wrote == nil {
		return err
	}
	err = statedir.Explain(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.db == wrote && l.failed == nil && !l.closed {
		l.failed = err
		l.log.Error("metadata cannot be written; it is tried again with the next write", "dir", l.dir, "err", err)
	}
	return err
}

// mend opens the database again if a write to it failed and the file system takes
// bytes again.
func (l *levelStore) mend() error {
	l.mu.RLock()
	sound := l.failed == nil || l.closed
	l.mu.RUnlock()
	if sound {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil || l.closed {
		return nil
	}
	if err := probe(l.dir); err != nil {
		return statedir.Explain(err)
	}
	if l.db != nil {
		if err := l.db.Close(); err != nil { // what it says is why it is opened again
			l.log.Debug("the metadata store was closed after a failed write", "dir", l.dir, "err", err)
		}
		l.db = nil
	}
	db, err := newLevelDB(l.dir)
	if err != nil {
		l.failed = fmt.Errorf("metadata store %s does not open again: %w", l.dir, statedir.Explain(err))
		return l.failed
	}
	l.db, l.failed = db, nil
	l.log.Info("metadata can be written again", "dir", l.dir)
	return nil
}

// probe writes as much as opening the database again may: its log, replayed into
// a table, and a manifest.
func probe(dir string) error {
	f, err := statedir.Create(filepath.Join(dir, probeFile), 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 2*writeBuffer))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// Put implements datastore.Write.
func (l *levelStore) Put(ctx context.Context, k datastore.Key, v []byte) error {
	return l.write(func(db *leveldbds.Datastore) error { return db.Put(ctx, k, v) })
}

// Delete implements datastore.Write.
func (l *levelStore) Delete(ctx context.Context, k datastore.Key) error {
	return l.write(func(db *leveldbds.Datastore) error { return db.Delete(ctx, k) })
}

// Sync implements datastore.Datastore. Every write is synced when it returns.
func (l *levelStore) Sync(context.Context, datastore.Key) error { return nil }

// Get implements datastore.Read.
func (l *levelStore) Get(ctx context.Context, k datastore.Key) (v []byte, err error) {
	err = l.read(func(db *leveldbds.Datastore) error { v, err = db.Get(ctx, k); return err })
	return v, err
}

// Has implements datastore.Read.
func (l *levelStore) Has(ctx context.Context, k datastore.Key) (has bool, err error) {
	err = l.read(func(db *leveldbds.Datastore) error { has, err = db.Has(ctx, k); return err })
	return has, err
}

// GetSize implements datastore.Read.
func (l *levelStore) GetSize(ctx context.Context, k datastore.Key) (int, error) {
	return datastore.GetBackedSize(ctx, l, k)
}

// Query implements datastore.Read. It collects the entries before it returns,
// since the database may be opened again meanwhile; and the adapter's own does
// not tell a listing that an error cut short from a whole one.
func (l *levelStore) Query(_ context.Context, q query.Query) (query.Results, error) {
	var entries []query.Entry
	err := l.read(func(db *leveldbds.Datastore) error {
		var keys *util.Range
		if prefix := datastore.NewKey(q.Prefix).String(); prefix != "/" {
			keys = util.BytesPrefix([]byte(prefix + "/"))
		}
		i := db.DB.NewIterator(keys, nil)
		defer i.Release()
		for i.Next() {
			e := query.Entry{Key: string(i.Key()), Size: len(i.Value())}
			if !q.KeysOnly || len(q.Filters) > 0 {
				e.Value = bytes.Clone(i.Value())
			}
			entries = append(entries, e)
		}
		return i.Error()
	})
	if err != nil {
		return nil, err
	}
	rest := q
	rest.Prefix = "" // applied
	return query.NaiveQueryApply(rest, query.ResultsWithEntries(q, entries)), nil
}

// Batch implements datastore.Batching.
func (l *levelStore) Batch(context.Context) (datastore.Batch, error) {
	return &levelBatch{store: l}, nil
}

// A levelBatch keeps its operations until it is committed, to whatever database is
// open then.
type levelBatch struct {
	store *levelStore
	ops   []func(context.Context, datastore.Batch) error
}

// Put implements datastore.Batch.
func (b *levelBatch) Put(_ context.Context, k datastore.Key, v []byte) error {
	b.ops = append(b.ops, func(ctx context.Context, to datastore.Batch) error { return to.Put(ctx, k, v) })
	return nil
}

// Delete implements datastore.Batch.
func (b *levelBatch) Delete(_ context.Context, k datastore.Key) error {
	b.ops = append(b.ops, func(ctx context.Context, to datastore.Batch) error { return to.Delete(ctx, k) })
	return nil
}

// Commit implements datastore.Batch.
func (b *levelBatch) Commit(ctx context.Context) error {
	return b.store.write(func(db *leveldbds.Datastore) error {
		to, err := db.Batch(ctx)
		if err != nil {
			return err
		}
		for _, op := range b.ops {
			if err := op(ctx, to); err != nil {
				return err
			}
		}
		return to.Commit(ctx)
	})
}

// Close implements io.Closer. It returns the error of the last write if that one
// failed and none succeeded since.
func (l *levelStore) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.failed
	if l.db != nil {
		err = errors.Join(err, l.db.Close())
	}
	return err
}
