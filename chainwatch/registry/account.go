package registry

import (
	"context"
	"math/big"

	"camswarm/verify"
)

// GasOfRelease is what a release and its first rollout policy take, with some to
// spare; the registry's README has each step.
const GasOfRelease = 350_000

// Funds is what an endpoint knows of an account that is to send transactions.
type Funds struct {
	Balance *big.Int // in the chain's smallest unit
	Price   *big.Int // the most that a unit of gas of a transaction sent now would cost, in the same unit
	Mined   uint64   // transactions of the account in blocks
	Waiting uint64   // further ones that the endpoint holds and that are in no block yet
}

// Funds asks what an account has and what its transactions cost.
func (c *Client) Funds(ctx context.Context, account verify.Address) (f Funds, err error) {
	if f.Balance, err = c.Balance(ctx, account); err != nil {
		return f, err
	}
	if f.Mined, err = c.count(ctx, account, "latest"); err != nil {
		return f, err
	}
	pending, err := c.count(ctx, account, "pending")
	if err != nil {
		return f, err
	}
	if pending > f.Mined { // a gateway may answer the two from different endpoints
		f.Waiting = pending - f.Mined
	}
	head, err := c.head(ctx)
	if err != nil {
		return f, err
	}
	p, err := c.price(ctx, head)
	f.Price = p.limit
	return f, err
}
