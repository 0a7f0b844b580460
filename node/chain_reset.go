package node

import (
	"context"
	"errors"
	"fmt"

	"camswarm/node/control"
	"camswarm/verify"
)

// ResetChain is for the owner of the device: what a quorum of chain endpoints
// says next about a product is believed even if it contradicts what was accepted
// before; the zero ProductID stands for every product. Without it a quorum has to
// go on for four hours. Nothing older than what runs is installed either way.
func (n *Node) ResetChain(ctx context.Context, product verify.ProductID) error {
	all := product == verify.ProductID{}
	if !all && n.follower(product) == nil {
		return fmt.Errorf("%w: %s; see its [[product]] sections", control.ErrUnknownProduct, product)
	}
	var errs []error
	for _, f := range n.followers {
		if all || f.product() == product {
			errs = append(errs, f.watcher.Reset(ctx))
		}
	}
	return errors.Join(errs...)
}
