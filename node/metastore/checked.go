package metastore

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
)

// checkedStore puts a checksum in front of every value and compares it when the
// value is read: LevelDB skips what is damaged in its log.
type checkedStore struct{ datastore.Batching }

// Checked is the layer between a database and the namespaces of a [Store]: a
// value that is read back differently from what was put is an error that wraps
// ErrCorrupt.
func Checked(d datastore.Batching) datastore.Batching { return &checkedStore{d} }

// checksumBytes is the length of the CRC-32C, over key and value, big-endian.
const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(key string, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, value)
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, checksumBytes+len(value)), sum), value...)
}

func unseal(key string, sealed []byte) ([]byte, error) {
	if len(sealed) >= checksumBytes {
		value := sealed[checksumBytes:]
		sum := crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, value)
		if binary.BigEndian.Uint32(sealed) == sum {
			return value, nil
		}
	}
	return nil, fmt.Errorf("%w: the value of %s is not what was written", ErrCorrupt, key)
}

// Put implements datastore.Write.
func (c *checkedStore) Put(ctx context.Context, k datastore.Key, v []byte) error {
	return c.Batching.Put(ctx, k, seal(k.String(), v))
}

// Get implements datastore.Read.
func (c *checkedStore) Get(ctx context.Context, k datastore.Key) ([]byte, error) {
	v, err := c.Batching.Get(ctx, k)
	if err != nil {
		return nil, err
	}
	return unseal(k.String(), v)
}

// GetSize implements datastore.Read.
func (c *checkedStore) GetSize(ctx context.Context, k datastore.Key) (int, error) {
	return datastore.GetBackedSize(ctx, c, k)
}

// Query implements datastore.Read. Filters, orders and limits see the values as
// they were put.
func (c *checkedStore) Query(ctx context.Context, q query.Query) (query.Results, error) {
	results, err := c.Batching.Query(ctx, query.Query{Prefix: q.Prefix})
	if err != nil {
		return nil, err
	}
	opened := query.ResultsFromIterator(q, query.Iterator{
		Next: func() (query.Result, bool) {
			r, ok := results.NextSync()
			if !ok || r.Error != nil {
				return r, ok
			}
			if r.Value, r.Error = unseal(r.Key, r.Value); r.Error != nil {
				return query.Result{Error: r.Error}, true
			}
			r.Size = len(r.Value)
			if q.KeysOnly {
				r.Value = nil
			}
			return r, true
		},
		Close: results.Close,
	})
	q.Prefix = "" // applied
	return query.NaiveQueryApply(q, opened), nil
}

// Batch implements datastore.Batching.
func (c *checkedStore) Batch(ctx context.Context) (datastore.Batch, error) {
	b, err := c.Batching.Batch(ctx)
	if err != nil {
		return nil, err
	}
	return checkedBatch{b}, nil
}

type checkedBatch struct{ datastore.Batch }

func (b checkedBatch) Put(ctx context.Context, k datastore.Key, v []byte) error {
	return b.Batch.Put(ctx, k, seal(k.String(), v))
}
