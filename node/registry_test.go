package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/chainwatch"
	"camswarm/node/metastore"
	"camswarm/verify"
)

// TestAnotherRegistryIsRefusedUntilItIsMeant: an edit of chain_id or registry costs
// no checkpoint.
func TestAnotherRegistryIsRefusedUntilItIsMeant(t *testing.T) {
	ctx := t.Context()
	store := metastore.Wrap(dssync.MutexWrap(datastore.NewMapDatastore()))
	product := verify.ProductID{1}
	one, two := verify.RegistryRef{ChainID: 4689, Address: verify.Address{1}}, verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}}
	at := func(r verify.RegistryRef) metastore.Value {
		return metastore.ValueAt(store.Namespace("chain"), checkpointKey(product, r, r, nil))
	}
	open := func(r verify.RegistryRef, accept bool) (rev uint64, err error) {
		t.Helper()
		if err := keepCheckpoint(ctx, store, product, r, accept); err != nil {
			return 0, err
		}
		data, err := at(r).Load(ctx)
		if err != nil || len(data) == 0 {
			return 0, err
		}
		c, err := chainwatch.DecodeCheckpoint(data)
		if err == nil && c.Registry != r {
			t.Errorf("the checkpoint is of %s, not %s", c.Registry, r)
		}
		return c.Rev, err
	}
	save := func(r verify.RegistryRef, rev uint64) {
		t.Helper()
		fatal(t, keepCheckpoint(ctx, store, product, r, false), at(r).Save(ctx, chainwatch.Checkpoint{Registry: r, Product: product, Rev: rev, Block: 1, Time: 1_790_000_000}.Encode()))
	}
	if rev, err := open(one, false); rev != 0 || err != nil {
		t.Fatalf("a new node: %d, %v", rev, err)
	}
	save(one, 42)
	if _, err := open(two, false); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "--accept-registry") || !strings.Contains(err.Error(), one.String()) {
		t.Errorf("another registry: %v", err)
	}
	if rev, err := open(one, false); rev != 42 || err != nil {
		t.Errorf("after the edit was undone: %d, %v", rev, err)
	}
	if rev, err := open(two, true); rev != 0 || err != nil {
		t.Errorf("accepted: %d, %v", rev, err)
	}
	save(two, 7)
	if rev, err := open(one, true); rev != 42 || err != nil {
		t.Errorf("accepted back: %d, %v", rev, err)
	}
	if rev, err := open(two, true); rev != 7 || err != nil {
		t.Errorf("and forth: %d, %v", rev, err)
	}
}
