package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"

	"camswarm/node/control"
	"camswarm/node/metastore"
	"camswarm/verify"
)

// record is what a node remembers of one release. Its State only moves forward,
// except that a release whose bytes turn out to be missing goes back to
// control.StateFetching. A restart resumes from it.
type record struct {
	Release    verify.Release `json:"release"` // as the chain approved it
	State      control.State  `json:"state"`
	Attempts   int            `json:"attempts,omitempty"`   // failed installs
	LastError  string         `json:"lastError,omitempty"`  // why it failed
	FailedWith string         `json:"failedWith,omitempty"` // a digest of the configuration that installs, see policy
	Gone       bool           `json:"gone,omitempty"`       // a failed release whose bytes were removed
	Installed  uint64         `json:"installed,omitempty"`  // when it was, in the chain's seconds since 1970; 0: not known
	UpdatedAt  time.Time      `json:"updatedAt"`
}

// hasBytes reports whether the release has a directory on disk.
func (r record) hasBytes() bool {
	return r.State >= control.StateFetching && r.State < control.StateRetired && !r.Gone
}

// whole reports whether the release's image is here and was checked.
func (r record) whole() bool {
	return r.State >= control.StateVerified && r.State <= control.StateConfirmed
}

// hopeless reports whether the release can never become right, whoever tries.
func (r record) hopeless() bool { return r.State == control.StateFailed && r.FailedWith == "" }

func (r record) partial() bool   { return r.State < control.StateFetched }
func (r record) confirmed() bool { return r.State == control.StateConfirmed }

// catalog keeps one product's records in the datastore. It remembers nothing
// itself: what is in force is the machine's.
type catalog struct{ store datastore.Batching }

// load reads the records that a former run left. One that cannot be read is
// dropped with an error in the log: its release will be fetched again, since
// nothing is installed on a record's word alone.
func (c catalog) load(ctx context.Context, log *slog.Logger) (map[uint64]record, error) {
	records := map[uint64]record{}
	results, err := c.store.Query(ctx, query.Query{})
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
			if err := c.store.Delete(ctx, datastore.RawKey(r.Key)); err != nil {
				return nil, fmt.Errorf("drop catalog record %s: %w", r.Key, err)
			}
			continue
		}
		records[rec.Release.Sequence] = rec
	}
	return records, nil
}

// save writes a record; when it returns nil the record survives a power cut.
func (c catalog) save(ctx context.Context, rec record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	if err := metastore.ValueAt(c.store, recordKey(rec.Release.Sequence)).Save(ctx, data); err != nil {
		return fmt.Errorf("write the catalog record of release %d: %w", rec.Release.Sequence, err)
	}
	return nil
}

// forget drops the record of a release.
func (c catalog) forget(ctx context.Context, seq uint64) error {
	if err := c.store.Delete(ctx, datastore.NewKey(recordKey(seq))); err != nil {
		return fmt.Errorf("forget release %d: %w", seq, err)
	}
	return nil
}

// decodeRecord lets unknown fields through: after a roll-back an older version reads
// what a newer one wrote.
func decodeRecord(key string, value []byte) (record, error) {
	var rec record
	if err := json.Unmarshal(value, &rec); err != nil {
		return rec, err
	}
	if "/"+recordKey(rec.Release.Sequence) != key || rec.Release.Sequence == 0 {
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

func recordKey(sequence uint64) string { return strconv.FormatUint(sequence, 10) }

// sorted returns records, oldest release first.
func sorted(records map[uint64]record) []record {
	out := make([]record, 0, len(records))
	for _, seq := range slices.Sorted(maps.Keys(records)) {
		out = append(out, records[seq])
	}
	return out
}

// installed returns the records of what the device runs and what it would fall
// back to: running is the newest release that was installed and did not fail (its
// State is 0 on a factory device), fallback the newest confirmed one below it,
// kept until running is confirmed (its State is 0 when there is none, or no longer
// a need).
func installed(records map[uint64]record) (running, fallback record) {
	for seq, r := range records {
		if r.State == control.StateInstalled || r.State == control.StateConfirmed {
			if seq > running.Release.Sequence {
				running = r
			}
		}
	}
	if running.State != control.StateInstalled {
		return running, fallback
	}
	for seq, r := range records {
		if r.State == control.StateConfirmed && seq < running.Release.Sequence && seq > fallback.Release.Sequence {
			fallback = r
		}
	}
	return running, fallback
}
