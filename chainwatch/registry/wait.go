package registry

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/verify"
)

// Waiting is what a transaction, or an account's earlier ones, wait for.
type Waiting struct {
	Transaction [32]byte      // zero: those that the account sent before
	For         time.Duration // since it was sent, or since the waiting began
	Head        uint64        // newest block
	Reason      string        // in words
}

// sentTx is a transaction that an endpoint has taken.
type sentTx struct {
	hash  common.Hash
	raw   []byte
	from  verify.Address
	nonce uint64
	limit *big.Int // most that it pays for a unit of gas
	head  uint64   // newest block when it was sent
	at    time.Time
}

// wait asks for a receipt until there is one, the endpoint's latest state holds its
// block and enough blocks follow it, or ctx ends. A receipt can be seen before the
// state: for a moment in one server, for longer behind a gateway of several. A
// transaction that the endpoint does not know any more is sent again, the very same,
// which cannot be executed twice.
func (c *Client) wait(ctx context.Context, tx *sentTx) (*receipt, error) {
	var (
		pause    = receiptMin
		rec      *receipt
		last     error
		seen     uint64 // block in which it was last
		passed   int    // reports in a row that its nonce was used without it
		reported = time.Now()
	)
	for {
		var err error
		if rec == nil || c.Confirmations > 0 {
			rec = nil
			err = c.rpc.CallContext(ctx, &rec, "eth_getTransactionReceipt", tx.hash)
		}
		if err == nil && rec != nil {
			seen = uint64(rec.Block)
			var head hexutil.Uint64
			if err = c.rpc.CallContext(ctx, &head, "eth_blockNumber"); err == nil && uint64(head) >= seen+c.Confirmations {
				return rec, nil
			}
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		if time.Since(reported) >= c.report {
			w, gone := c.diagnose(ctx, tx, rec, seen)
			if passed++; !gone {
				passed = 0
			}
			if passed > 1 {
				return nil, fmt.Errorf("%w: %s was sent, and the account's transaction with the same nonce %d is another one: see what it did before you send anything again", ErrSuperseded, tx.hash, tx.nonce)
			}
			if c.OnWait != nil && ctx.Err() == nil {
				c.OnWait(w)
			}
			reported = time.Now()
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, receiptMax)
		case <-ctx.Done():
			return nil, c.notMined(ctx, tx, rec, seen, last)
		}
	}
}

// notMined is the error of a transaction for which nobody waits any longer.
func (c *Client) notMined(ctx context.Context, tx *sentTx, rec *receipt, seen uint64, last error) error {
	why := ""
	if errors.Is(ctx.Err(), context.DeadlineExceeded) { // else a person wants to go
		ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
		defer cancel()
		w, _ := c.diagnose(ask, tx, rec, seen)
		why = " (" + w.Reason + ")"
	}
	err := fmt.Errorf("%w: %s was sent%s; look for it before you send it again: %w", ErrNotMined, tx.hash, why, ctx.Err())
	if last != nil {
		err = fmt.Errorf("%w; the endpoint said: %w", err, last)
	}
	return err
}

// diagnose says what a transaction waits for, and whether its nonce seems to be used
// by another one. Where the endpoint has lost the transaction it is sent again.
func (c *Client) diagnose(ctx context.Context, tx *sentTx, rec *receipt, seen uint64) (w Waiting, gone bool) {
	w = Waiting{Transaction: tx.hash, For: time.Since(tx.at).Truncate(time.Second)}
	head, err := c.head(ctx)
	if err != nil {
		w.Reason = "the endpoint does not answer: " + err.Error()
		return w, false
	}
	w.Head = uint64(head.Number)
	if rec != nil {
		w.Reason = fmt.Sprintf("it is in block %d, which %d of %d blocks follow", rec.Block, max(w.Head, seen)-seen, c.Confirmations)
		return w, false
	}
	done, err := c.count(ctx, tx.from, "latest")
	if err != nil {
		w.Reason = err.Error()
		return w, false
	}
	lost := !c.knows(ctx, tx.hash)
	if lost && done <= tx.nonce {
		// What it answers is of no use: this is tried again.
		_ = c.rpc.CallContext(ctx, nil, "eth_sendRawTransaction", hexutil.Encode(tx.raw))
	}
	switch {
	case done > tx.nonce:
		w.Reason = "the endpoint counts it and shows no receipt"
		gone = lost
	case seen > 0:
		w.Reason = fmt.Sprintf("block %d, which had it, was reorganised away; it was sent again", seen)
	case done < tx.nonce:
		w.Reason = fmt.Sprintf("%s of the account before it in no block: they come first", transactions(tx.nonce-done))
	case head.BaseFee != nil && head.BaseFee.ToInt().Cmp(tx.limit) > 0:
		w.Reason = fmt.Sprintf("gas costs at least %v now and it offers %v: it waits until the price falls, or is replaced", head.BaseFee.ToInt(), tx.limit)
		if lost {
			w.Reason += "; the endpoint has dropped it"
		}
	case lost:
		w.Reason = "the endpoint had dropped it; it was sent again"
	case w.Head <= tx.head:
		w.Reason = fmt.Sprintf("no block has come after %d: the chain or the endpoint stands still", w.Head)
	default:
		w.Reason = fmt.Sprintf("%d blocks came without it", w.Head-tx.head)
	}
	return w, gone
}

func transactions(n uint64) string {
	if n == 1 {
		return "1 transaction is"
	}
	return fmt.Sprintf("%d transactions are", n)
}

// Unsettled counts the transactions of an account that are in no block yet.
func (c *Client) Unsettled(ctx context.Context, account verify.Address) (uint64, error) {
	_, waiting, err := c.underWay(ctx, account)
	return waiting, err
}

// underWay counts the transactions of an account that are in a block, and those that
// wait for one.
func (c *Client) underWay(ctx context.Context, account verify.Address) (done, waiting uint64, err error) {
	if done, err = c.count(ctx, account, "latest"); err != nil {
		return 0, 0, err
	}
	next, err := c.count(ctx, account, "pending")
	return done, max(next, done) - done, err
}

// Settle waits until no transaction of an account is under way, so that what is
// asked then is what the account has made of the chain. If ctx ends before, the
// error is an [ErrUnsettled] that says what to do. Nothing is sent.
func (c *Client) Settle(ctx context.Context, account verify.Address) error {
	began := time.Now()
	reported, pause := began, receiptMin
	var done, waiting uint64 // as they were found last
	unsettled := func() error {
		return fmt.Errorf("%w: %s of account %s under way, the first with nonce %d; nothing was sent: %w", ErrUnsettled, transactions(waiting), account, done, ctx.Err())
	}
	for {
		latest, n, err := c.underWay(ctx, account)
		switch {
		case err != nil && ctx.Err() != nil && waiting > 0:
			return unsettled()
		case err != nil:
			return fmt.Errorf("%w; nothing was sent", err)
		case n == 0:
			return nil
		}
		done, waiting = latest, n
		if time.Since(reported) >= c.report && c.OnWait != nil {
			reported = time.Now()
			w := Waiting{For: time.Since(began).Truncate(time.Second), Reason: fmt.Sprintf("%s of account %s in no block yet", transactions(waiting), account)}
			if head, err := c.head(ctx); err == nil {
				w.Head = uint64(head.Number)
			}
			c.OnWait(w)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, receiptMax)
		case <-ctx.Done():
			return unsettled()
		}
	}
}
