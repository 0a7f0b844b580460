package node

import (
	"context"
	"fmt"

	"camswarm/chainwatch"
	"camswarm/node/metastore"
	"camswarm/verify"
)

// checkpointOf returns where a product's checkpoint is kept. It makes sure that
// the one there is of the registry that the configuration names: another one is
// an edit gone wrong until the operator says that it is meant (accept), and then
// kept beside, so that going back loses nothing.
func checkpointOf(ctx context.Context, store *metastore.Store, product verify.ProductID, registry verify.RegistryRef, accept bool) (metastore.Value, error) {
	at := func(key string) metastore.Value { return metastore.ValueAt(store.Namespace("chain"), key) }
	current := at(product.String())
	data, err := current.Load(ctx)
	if err != nil {
		return current, err
	}
	c, err := chainwatch.DecodeCheckpoint(data)
	if err != nil || c.Registry == registry {
		return current, nil // none, damaged (which the watcher deals with), or the same
	}
	if !accept {
		return current, fmt.Errorf("%w: this node has followed registry %s (revision %d), and chain_id and registry now name %s: put them back, or run camswarmd once with --accept-registry",
			ErrConfig, c.Registry, c.Rev, registry)
	}
	aside := func(r verify.RegistryRef) metastore.Value { return at(product.String() + "/" + r.String()) }
	if err := aside(c.Registry).Save(ctx, data); err != nil {
		return current, err
	}
	former, err := aside(registry).Load(ctx)
	if err != nil {
		return current, err
	}
	if len(former) == 0 {
		return current, current.Delete(ctx)
	}
	return current, current.Save(ctx, former)
}
