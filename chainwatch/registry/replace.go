package registry

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/verify"
)

// waitingTx is a transaction as an endpoint shows it.
type waitingTx struct {
	Hash  common.Hash     `json:"hash"`
	From  common.Address  `json:"from"`
	Nonce hexutil.Uint64  `json:"nonce"`
	Block *hexutil.Uint64 `json:"blockNumber"`
	Price *hexutil.Big    `json:"gasPrice"`
	Limit *hexutil.Big    `json:"maxFeePerGas"`
	Tip   *hexutil.Big    `json:"maxPriorityFeePerGas"`

	raised uint // how often its unknown price was found to be higher than thought
}

// ReplaceFirst is [Client.Replace] of the first transaction of an account that is in no
// block yet, whatever it is. Its price is not known: if endpoints find the present one
// too low it is doubled, up to 16 times.
func (c *Client) ReplaceFirst(ctx context.Context, account verify.Address) error {
	done, waiting, err := c.underWay(ctx, account)
	if err != nil {
		return err
	}
	if waiting == 0 {
		return fmt.Errorf("no transaction of account %s waits: there is nothing to replace; nothing was sent", account)
	}
	return c.replace(ctx, &waitingTx{From: common.Address(account), Nonce: hexutil.Uint64(done)})
}

// Replace has the next transaction take the place of one that waits: it gets its
// nonce and a price that endpoints accept for a replacement, so that one of the two
// is executed and never both. It fails if the transaction is in a block already, or
// unknown.
func (c *Client) Replace(ctx context.Context, hash [32]byte) error {
	var tx *waitingTx
	if err := c.rpc.CallContext(ctx, &tx, "eth_getTransactionByHash", common.Hash(hash)); err != nil {
		return fmt.Errorf("transaction %s: %w", common.Hash(hash), err)
	}
	switch {
	case tx == nil:
		return fmt.Errorf("the endpoint does not know transaction %s: it was dropped, so send without replacing it, or another endpoint has it; nothing was sent", common.Hash(hash))
	case tx.Block != nil:
		return fmt.Errorf("transaction %s is in block %d: there is nothing to replace; nothing was sent", tx.Hash, uint64(*tx.Block))
	}
	return c.replace(ctx, tx)
}

func (c *Client) replace(ctx context.Context, tx *waitingTx) error {
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.replacing = tx
	return nil
}

// over raises a price to what replaces a transaction: at least replaceMargin percent
// above each of its parts.
func (p price) over(old *waitingTx) price {
	raised := func(now *big.Int, was ...*hexutil.Big) *big.Int {
		for _, w := range was {
			if w != nil {
				more := new(big.Int).Mul(w.ToInt(), big.NewInt(100+replaceMargin))
				more.Add(more, big.NewInt(99)).Div(more, big.NewInt(100))
				if more.Cmp(now) > 0 {
					return more
				}
				return now
			}
		}
		return now
	}
	next := price{limit: raised(new(big.Int).Lsh(p.limit, old.raised), old.Limit, old.Price)}
	if p.tip != nil {
		p.tip = new(big.Int).Lsh(p.tip, old.raised)
		next.tip = raised(p.tip, old.Tip, old.Price)
		if next.tip.Cmp(next.limit) > 0 {
			next.limit = next.tip
		}
	}
	return next
}
