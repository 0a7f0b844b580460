package node

import (
	"context"
	"errors"
	"fmt"

	"camswarm/node/control"
	"camswarm/verify"
)

// Retry starts over with the releases of a product that were given up, as if they
// had never been tried, and tries at once again whatever waits after a failure;
// the zero ProductID stands for every product.
func (n *Node) Retry(product verify.ProductID) error {
	all := product == verify.ProductID{}
	if !all && n.follower(product) == nil {
		return fmt.Errorf("%w: %s; see its [[product]] sections", control.ErrUnknownProduct, product)
	}
	var errs []error
	for _, f := range n.followers {
		if all || f.product() == product {
			if !f.running() {
				return errNotRunning
			}
			_, err := f.await(context.Background(), &request{stage: stageReset})
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
