package registry

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common/hexutil"

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
	var mined, pending hexutil.Uint64
	for state, to := range map[string]*hexutil.Uint64{"latest": &mined, "pending": &pending} {
		if err := c.rpc.CallContext(ctx, to, "eth_getTransactionCount", account.String(), state); err != nil {
			return f, fmt.Errorf("transaction count of %s: %w", account, err)
		}
	}
	f.Mined = uint64(mined)
	if pending > mined { // a gateway may answer the two from different endpoints
		f.Waiting = uint64(pending - mined)
	}
	head, err := c.head(ctx)
	if err != nil {
		return f, err
	}
	p, err := c.price(ctx, head)
	f.Price = p.limit
	return f, err
}
