//go:build (amd64 || arm64) && !leveldb && !camera

package metastore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"
	badgeroptions "github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/ipfs/go-datastore"
	badgerds "github.com/ipfs/go-ds-badger4"
	golog "github.com/ipfs/go-log/v2"
)

// The database of this target. Badger is sound on 64-bit little-endian targets
// with unaligned access only, so this file is compiled nowhere else; the build tag
// leveldb leaves it out there too.
var own = backend{name: "badger", open: openBadger, growth: badgerGrowth}

// openBadger opens Badger with little memory: its defaults take 88 MB of heap.
func openBadger(dir string, log *slog.Logger) (datastore.Batching, error) {
	if err := removeEmptyBadgerFiles(dir, log); err != nil {
		return nil, err
	}
	if err := checkBadgerTables(dir); err != nil {
		return nil, err
	}
	// What goes wrong is returned and logged by the node, in its own format; the
	// adapter's log would print it a second time in another one.
	if err := golog.SetLogLevel("badger4", "fatal"); err != nil {
		return nil, err
	}
	opts := badgerds.DefaultOptions
	opts.GcInterval = time.Hour
	opts.Options = badger.DefaultOptions("").
		// Without it every power cut lost acknowledged writes in trials.
		WithSyncWrites(true).
		WithMemTableSize(512 << 10).
		WithNumMemtables(2).
		WithBaseTableSize(1 << 20).
		WithBaseLevelSize(4 << 20).
		WithValueThreshold(1 << 10).
		WithValueLogFileSize(2 << 20).
		WithCompression(badgeroptions.None).
		WithChecksumVerificationMode(badgeroptions.OnBlockRead).
		WithVerifyValueChecksum(true).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithNumGoroutines(1).
		WithNumCompactors(0) // each would look twenty times a second: see compacted
	db, err := badgerds.NewDatastore(dir, &opts)
	if err != nil {
		return nil, err
	}
	c := &compacted{Datastore: db, log: log, closing: make(chan struct{})}
	c.look()
	return c, nil
}

// compacted is Badger with a compaction after writes instead of by the clock, so
// that a node which writes nothing wakes for nothing.
type compacted struct {
	*badgerds.Datastore
	log     *slog.Logger
	closing chan struct{}

	written atomic.Int64 // bytes, since the last look
	mu      sync.Mutex
	running bool
	closed  bool
	ended   sync.WaitGroup
}

// wrote counts a write. A look costs microseconds, and a table is eight looks.
func (c *compacted) wrote(n int) {
	if c.written.Add(int64(n)) >= writeBuffer/8 {
		c.written.Store(0)
		c.look()
	}
}

// look compacts, in a goroutine, when enough tables have been written.
func (c *compacted) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || c.closed || !c.due() {
		return
	}
	c.running = true
	c.ended.Go(c.compact)
}

// due reports whether level 0 has as many tables as Badger's own compactors wait for.
func (c *compacted) due() bool {
	return c.DB.Levels()[0].NumTables >= c.DB.Opts().NumLevelZeroTables
}

// compact compacts until nothing is due. What fails is tried again: writes wait
// for it in the end.
func (c *compacted) compact() {
	for {
		err := c.DB.Flatten(1)
		if err != nil {
			c.log.Error("the metadata store cannot be compacted; it is tried again in a minute", "err", err)
			select {
			case <-c.closing:
			case <-time.After(time.Minute):
			}
		}
		c.mu.Lock()
		if c.closed || err == nil && !c.due() {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
	}
}

// Put implements datastore.Write.
func (c *compacted) Put(ctx context.Context, k datastore.Key, v []byte) error {
	defer c.wrote(len(v) + entryBytes)
	return c.Datastore.Put(ctx, k, v)
}

// Delete implements datastore.Write.
func (c *compacted) Delete(ctx context.Context, k datastore.Key) error {
	defer c.wrote(entryBytes)
	return c.Datastore.Delete(ctx, k)
}

// Batch implements datastore.Batching.
func (c *compacted) Batch(ctx context.Context) (datastore.Batch, error) {
	b, err := c.Datastore.Batch(ctx)
	if err != nil {
		return nil, err
	}
	return &compactedBatch{Batch: b, c: c}, nil
}

// Close implements datastore.Datastore.
func (c *compacted) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.closing)
	}
	c.mu.Unlock()
	c.ended.Wait()
	return c.Datastore.Close()
}

type compactedBatch struct {
	datastore.Batch
	c *compacted
	n int
}

func (b *compactedBatch) Put(ctx context.Context, k datastore.Key, v []byte) error {
	b.n += len(v) + entryBytes
	return b.Batch.Put(ctx, k, v)
}

func (b *compactedBatch) Delete(ctx context.Context, k datastore.Key) error {
	b.n += entryBytes
	return b.Batch.Delete(ctx, k)
}

func (b *compactedBatch) Commit(ctx context.Context) error {
	defer b.c.wrote(b.n)
	return b.Batch.Commit(ctx)
}

// removeEmptyBadgerFiles removes value logs and memtables of no bytes, which a
// kill during value log collection leaves behind and which Badger then refuses
// to open (dgraph-io/badger issue 2207). They hold nothing.
func removeEmptyBadgerFiles(dir string, log *slog.Logger) error {
	for _, pattern := range []string{"*.vlog", "*.mem"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			info, err := os.Lstat(name)
			if err != nil {
				return err
			}
			if info.Mode().IsRegular() && info.Size() == 0 {
				if err := os.Remove(name); err != nil {
					return fmt.Errorf("remove an empty file that a crash left: %w", err)
				}
				log.Info("removed an empty file that a crash left", "file", name)
			}
		}
	}
	return nil
}

// checkBadgerTables reads every table that the manifest names, a few MB. Badger
// itself panics in a goroutine of its own on a table whose end is damaged, which
// nobody can recover, and goes on without a table whose checksum is wrong.
func checkBadgerTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // new
	}
	if err != nil {
		return err
	}
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(""))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	for id, m := range manifest.Tables {
		if err := checkBadgerTable(table.NewFilename(id, dir), id, table.Options{Compression: m.Compression, BlockSize: 4 << 10}); err != nil {
			return err
		}
	}
	return nil
}

func checkBadgerTable(path string, id uint64, opts table.Options) (err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("table %s is damaged", path)
		}
	}()
	t, err := table.OpenInMemoryTable(data, id, &opts)
	if err == nil {
		err = t.VerifyChecksum()
	}
	if err != nil {
		return fmt.Errorf("table %s is damaged: %w", path, err)
	}
	return nil
}
