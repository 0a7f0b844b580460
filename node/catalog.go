package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/verify"
)

// Record is what a node remembers of one release.
type Record struct {
	Release   verify.Release `json:"release"` // as the chain approved it
	State     control.State  `json:"state"`
	Attempts  int            `json:"attempts,omitempty"`  // failed installs
	LastError string         `json:"lastError,omitempty"` // of the last attempt at anything
	Gone      bool           `json:"gone,omitempty"`      // a failed release whose bytes were removed
	UpdatedAt time.Time      `json:"updatedAt"`
}

// hasBytes reports whether the release has a directory on disk.
func (r *Record) hasBytes() bool {
	return r.State >= control.StateFetching && r.State < control.StateRetired && !r.Gone
}

// Catalog is one product's records, each written through to the datastore
// before the call returns. It is safe for concurrent use.
type Catalog struct {
	store   datastore.Batching
	log     *slog.Logger
	changed func(Record) // nil: nobody is told; called under mu

	mu      sync.Mutex
	records map[uint64]Record
}

// OpenCatalog reads the records that a former run left in store. One that
// cannot be read is dropped with an error in the log: its release will be
// fetched again, since nothing is installed on a record's word alone.
func OpenCatalog(ctx context.Context, store datastore.Batching, log *slog.Logger) (*Catalog, error) {
	c := &Catalog{store: store, log: log, records: map[uint64]Record{}}
	results, err := store.Query(ctx, query.Query{})
	if err != nil {
		return nil, fmt.Errorf("read the release catalog: %w", err)
	}
	defer func() { _ = results.Close() }()
	for r := range results.Next() {
		if errors.Is(r.Error, metastore.ErrCorrupt) {
			log.Error("a catalog record is damaged; its release will be fetched again", "err", r.Error)
			continue // the next write of that record mends it
		}
		if r.Error != nil {
			return nil, fmt.Errorf("read the release catalog: %w", r.Error)
		}
		rec, err := decodeRecord(r.Key, r.Value)
		if err != nil {
			log.Error("dropped an unreadable catalog record; its release will be fetched again", "key", r.Key, "err", err)
			if err := store.Delete(ctx, datastore.RawKey(r.Key)); err != nil {
				return nil, fmt.Errorf("drop catalog record %s: %w", r.Key, err)
			}
			continue
		}
		c.records[rec.Release.Sequence] = rec
	}
	return c, nil
}

func decodeRecord(key string, value []byte) (Record, error) {
	var rec Record
	if err := json.Unmarshal(value, &rec); err != nil {
		return rec, err
	}
	if recordKey(rec.Release.Sequence).String() != key || rec.Release.Sequence == 0 {
		return rec, errors.New("record does not belong to its key")
	}
	// Releases are counted from 1 by the chain. A record of one that nobody can
	// have reached would make every honest release look like a rollback.
	if rec.Release.Sequence > maxSequence {
		return rec, fmt.Errorf("no product has %d releases", rec.Release.Sequence)
	}
	if len(value) > maxRecordBytes || rec.Attempts < 0 {
		return rec, errors.New("record is over its limits")
	}
	if rec.State < control.StateKnown || rec.State > control.StateRetired {
		return rec, fmt.Errorf("no such state: %d", rec.State)
	}
	return rec, nil
}

func recordKey(sequence uint64) datastore.Key {
	return datastore.NewKey(strconv.FormatUint(sequence, 10))
}

// Get returns the record of a release.
func (c *Catalog) Get(sequence uint64) (Record, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.records[sequence]
	return r, ok
}

// All returns every record, oldest release first.
func (c *Catalog) All() []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Record, 0, len(c.records))
	for _, r := range c.records {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Release.Sequence < out[j].Release.Sequence })
	return out
}

// Update changes the record of rel with change and writes it through. A new
// record starts at control.StateKnown.
func (c *Catalog) Update(ctx context.Context, rel verify.Release, change func(*Record)) (Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec, ok := c.records[rel.Sequence]
	if !ok {
		rec = Record{State: control.StateKnown}
	}
	rec.Release = rel
	change(&rec)
	rec.UpdatedAt = time.Now().UTC().Truncate(time.Second)
	data, err := json.Marshal(rec)
	if err != nil {
		return rec, err
	}
	key := recordKey(rel.Sequence)
	if err := c.store.Put(ctx, key, data); err != nil {
		return rec, fmt.Errorf("write the catalog record of release %d: %w", rel.Sequence, err)
	}
	if err := c.store.Sync(ctx, key); err != nil {
		return rec, fmt.Errorf("sync the catalog record of release %d: %w", rel.Sequence, err)
	}
	before := c.records[rel.Sequence].State
	c.records[rel.Sequence] = rec
	if c.changed != nil && rec.State != before {
		c.changed(rec)
	}
	return rec, nil
}

// advance moves a release to a state and clears its last error.
func (c *Catalog) advance(ctx context.Context, rel verify.Release, to control.State) error {
	_, err := c.Update(ctx, rel, func(r *Record) { r.State, r.LastError, r.Gone = to, "", false })
	return err
}

// Installed returns the records of what the device runs and what it would fall
// back to: running is the newest release that was installed and did not fail
// (nil on a factory device), fallback the newest confirmed one below it, kept
// until running is confirmed (nil when there is none, or no longer a need).
func (c *Catalog) Installed() (running, fallback *Record) {
	all := c.All()
	for i := len(all) - 1; i >= 0; i-- {
		r := &all[i]
		switch {
		case running == nil && (r.State == control.StateInstalled || r.State == control.StateConfirmed):
			running = r
		case running != nil && running.State == control.StateInstalled && r.State == control.StateConfirmed:
			return running, r
		}
	}
	return running, nil
}

// forgetRetired drops the oldest retired records until at most keep are left,
// so that the catalog of a device that lives for years stays small.
func (c *Catalog) forgetRetired(ctx context.Context, keep int) error {
	all := c.All()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].State != control.StateRetired {
			continue
		}
		if keep > 0 {
			keep--
			continue
		}
		seq := all[i].Release.Sequence
		if err := c.store.Delete(ctx, recordKey(seq)); err != nil {
			return fmt.Errorf("forget release %d: %w", seq, err)
		}
		delete(c.records, seq)
	}
	return nil
}
