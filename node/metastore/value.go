package metastore

import (
	"context"
	"errors"

	"github.com/ipfs/go-datastore"
)

// Value is one value in a datastore, as the mechanisms' small stores want it.
type Value struct {
	store datastore.Batching
	key   string
}

// ValueAt returns the value under key in store.
func ValueAt(store datastore.Batching, key string) Value { return Value{store, key} }

// Load returns (nil, nil) when nothing was saved. A damaged value comes back as
// bytes that no decoder accepts, so that its owner's own rule for damaged state
// applies and the node starts.
func (b Value) Load(ctx context.Context) ([]byte, error) {
	data, err := b.store.Get(ctx, datastore.NewKey(b.key))
	switch {
	case errors.Is(err, datastore.ErrNotFound):
		return nil, nil
	case errors.Is(err, ErrCorrupt):
		return []byte{0xff}, nil
	}
	return data, err
}

// Delete forgets the value, and returns once that is durable.
func (b Value) Delete(ctx context.Context) error {
	key := datastore.NewKey(b.key)
	if err := b.store.Delete(ctx, key); err != nil {
		return err
	}
	return b.store.Sync(ctx, key)
}

// Save returns once the value is durable.
func (b Value) Save(ctx context.Context, data []byte) error {
	key := datastore.NewKey(b.key)
	if err := b.store.Put(ctx, key, data); err != nil {
		return err
	}
	return b.store.Sync(ctx, key)
}
