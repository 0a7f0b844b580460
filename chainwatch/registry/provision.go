package registry

import (
	"context"
	"fmt"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// Setup says what [Client.Provision] sets up: the smallest whole registry.
type Setup struct {
	Admin        *sign.Key // deploys and becomes the registry's admin
	Terms        Terms
	Manufacturer verify.DID
	Keys         verify.KeySet  // the manufacturer's code-signing keys
	Publisher    verify.Address // the manufacturer's admin
	Product      verify.Product
	Operator     verify.Address // of the product's rollouts
}

// Provision deploys a registry with one manufacturer and one product. A
// registry that was deployed before a later step failed is returned with the
// error.
func (c *Client) Provision(ctx context.Context, s Setup) (*Registry, error) {
	r, _, err := c.Deploy(ctx, s.Admin, s.Terms)
	if err != nil {
		return nil, err
	}
	if _, err = r.CreateManufacturer(ctx, s.Admin, s.Manufacturer, s.Keys, s.Publisher); err == nil {
		_, err = r.CreateProduct(ctx, s.Admin, s.Product, s.Manufacturer, s.Operator)
	}
	if err != nil {
		return r, fmt.Errorf("registry %s is deployed, but not set up: %w", r.Address(), err)
	}
	return r, nil
}
