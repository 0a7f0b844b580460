package registry

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/chainwatch/internal/web"
	"camswarm/chainwatch/registry/bindings"
	"camswarm/verify"
	"camswarm/verify/sign"
)

var (
	// ErrWrongChain says that an endpoint serves another chain than asked for.
	ErrWrongChain = errors.New("wrong chain")
	// ErrNoContract says that there is no contract at the registry's address.
	ErrNoContract = errors.New("no contract there")
	// ErrNotMined says that a transaction was sent, but no block with it was
	// seen in time. It may still be mined.
	ErrNotMined = errors.New("transaction is not in a block yet")
	// ErrSuperseded says that a transaction was sent, but that another one of the
	// account with the same nonce was executed in its place: it never will be.
	ErrSuperseded = errors.New("another transaction was executed in its place")
	// ErrUnsettled says that an account has transactions in no block yet.
	ErrUnsettled = errors.New("transactions are in no block yet")
)

// contract encodes and decodes; it holds no state. code deploys it.
var (
	contract = bindings.NewFirmwareRegistry()
	code     = bindings.FirmwareRegistryMetaData.Bin
)

// Client speaks to one endpoint of a chain. It is safe for concurrent use;
// transactions of one account are numbered one after another.
type Client struct {
	// OnWait, set before the first transaction, hears every few seconds what one
	// waits for; nil: nobody does.
	OnWait func(Waiting)
	// Confirmations, set before the first transaction, is how many blocks must
	// follow that of a transaction before it counts as executed: 0 where blocks are
	// final at once, as on IoTeX. A block that is reorganised away does not count.
	Confirmations uint64

	rpc     endpoint
	chainID uint64
	report  time.Duration // between two calls of OnWait

	// sending is held from the choice of a nonce until the endpoint has taken
	// the transaction; a channel, so that waiting for it ends with the context.
	sending chan struct{}

	mu sync.Mutex // guards next
	// next is, for each account that has sent something, the nonce after it.
	// Behind a gateway of several endpoints the pending count may lag.
	next map[verify.Address]uint64

	replacing *waitingTx // what the next transaction replaces; guarded by sending
}

// Dial connects to an endpoint (http, https, ws, wss) and checks that it
// serves the chain with id chainID.
func Dial(ctx context.Context, url string, chainID uint64) (*Client, error) {
	conn, err := rpc.DialContext(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("chain endpoint %s: %w", Redacted(url), web.WithoutURL(err))
	}
	c := &Client{
		rpc:     endpoint{conn, url},
		chainID: chainID,
		report:  waitReport,
		sending: make(chan struct{}, 1),
		next:    make(map[verify.Address]uint64),
	}
	var got hexutil.Uint64
	if err := c.rpc.CallContext(ctx, &got, "eth_chainId"); err != nil {
		conn.Close()
		return nil, fmt.Errorf("chain endpoint %s: %w", Redacted(url), err)
	}
	if uint64(got) != chainID {
		conn.Close()
		return nil, fmt.Errorf("%w: endpoint %s serves chain %d, not %d: correct the endpoint or the chain id", ErrWrongChain, Redacted(url), uint64(got), chainID)
	}
	return c, nil
}

// Close closes the connection.
func (c *Client) Close() { c.rpc.Close() }

// ChainID returns the id of the chain.
func (c *Client) ChainID() uint64 { return c.chainID }

// Balance returns an account's balance in the chain's smallest unit.
func (c *Client) Balance(ctx context.Context, account verify.Address) (*big.Int, error) {
	var b hexutil.Big
	if err := c.rpc.CallContext(ctx, &b, "eth_getBalance", account.String(), "latest"); err != nil {
		return nil, fmt.Errorf("balance of %s: %w", account, err)
	}
	return b.ToInt(), nil
}

// Block returns the number and the time (seconds since 1970) of the newest block.
func (c *Client) Block(ctx context.Context) (number, time uint64, err error) {
	head, err := c.head(ctx)
	if err != nil {
		return 0, 0, err
	}
	return uint64(head.Number), uint64(head.Timestamp), nil
}

// block holds what is needed of a block. The full header is not decoded:
// chains that are not Ethereum leave fields out.
type block struct {
	Number    hexutil.Uint64 `json:"number"`
	Timestamp hexutil.Uint64 `json:"timestamp"`
	BaseFee   *hexutil.Big   `json:"baseFeePerGas"`
}

func (c *Client) head(ctx context.Context) (*block, error) {
	var b *block
	err := c.rpc.CallContext(ctx, &b, "eth_getBlockByNumber", "latest", false)
	if err == nil && b == nil {
		err = errors.New("the endpoint knows no latest block")
	}
	if err != nil {
		return nil, fmt.Errorf("latest block: %w", err)
	}
	return b, nil
}

// Tx is a transaction that was executed.
type Tx struct {
	Hash    [32]byte
	Block   uint64
	GasUsed uint64
}

// String returns the transaction's hash, 0x and 64 hexadecimal digits.
func (t Tx) String() string { return hexutil.Encode(t.Hash[:]) }

type receipt struct {
	Status   hexutil.Uint64  `json:"status"`
	Block    hexutil.Uint64  `json:"blockNumber"`
	GasUsed  hexutil.Uint64  `json:"gasUsed"`
	Contract *common.Address `json:"contractAddress"`
}

// Open returns the registry at an address, after a look that there is a
// contract at all.
func (c *Client) Open(ctx context.Context, address verify.Address) (*Registry, error) {
	var code hexutil.Bytes
	if err := c.rpc.CallContext(ctx, &code, "eth_getCode", address.String(), "latest"); err != nil {
		return nil, fmt.Errorf("registry %s: %w", address, err)
	}
	if len(code) == 0 {
		return nil, fmt.Errorf("%w: chain %d has none at %s: check the registry's address", ErrNoContract, c.chainID, address)
	}
	return &Registry{client: c, ref: verify.RegistryRef{ChainID: c.chainID, Address: address}}, nil
}

// Send sends a transaction with the given data to a contract, or deploys one (to
// nil) and returns its address, and waits until it is in a block. It is for
// contracts other than the registry, such as those of DIDs.
func (c *Client) Send(ctx context.Context, key *sign.Key, to *verify.Address, data []byte) (Tx, verify.Address, error) {
	tx, rec, err := c.transact(ctx, key, to, data)
	if err != nil || rec.Contract == nil {
		return tx, verify.Address{}, err
	}
	return tx, verify.Address(*rec.Contract), nil
}

// call asks a contract at the latest block.
func (c *Client) call(ctx context.Context, to verify.Address, data []byte) ([]byte, error) {
	var out hexutil.Bytes
	err := c.rpc.CallContext(ctx, &out, "eth_call", message{To: to.String(), Data: data}, "latest")
	if err != nil {
		return nil, refusal(err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s on chain %d answers nothing: check the registry's address", ErrNoContract, to, c.chainID)
	}
	return out, nil
}

type message struct {
	From string        `json:"from,omitempty"`
	To   string        `json:"to,omitempty"`
	Data hexutil.Bytes `json:"data"`
}

// transact sends a transaction (to nil: a deployment) and waits until it is in
// a block. An error of the contract is a *Refusal; then nothing was sent, or
// the transaction failed and its hash is returned.
func (c *Client) transact(ctx context.Context, key *sign.Key, to *verify.Address, data []byte) (Tx, *receipt, error) {
	from, err := account(key)
	if err != nil {
		return Tx{}, nil, err
	}
	msg := message{From: from.String(), Data: data}
	if to != nil {
		msg.To = to.String()
	}
	sent, err := c.send(ctx, from, key, to, msg)
	if err != nil {
		return Tx{}, nil, err
	}
	tx := Tx{Hash: sent.hash}
	rec, err := c.wait(ctx, sent)
	if err != nil {
		c.forget(from)
		return tx, nil, err
	}
	tx.Block, tx.GasUsed = uint64(rec.Block), uint64(rec.GasUsed)
	if rec.Status != 1 {
		// Between the estimate and the block the state has changed; asking
		// again usually tells how.
		var out hexutil.Bytes
		if err := c.rpc.CallContext(ctx, &out, "eth_call", msg, "latest"); err != nil {
			return tx, rec, fmt.Errorf("transaction %s failed in block %d: %w", tx, tx.Block, refusal(err))
		}
		return tx, rec, fmt.Errorf("transaction %s failed in block %d: the state changed while it was under way: try again", tx, tx.Block)
	}
	return tx, rec, nil
}

// send signs and sends, one transaction at a time.
func (c *Client) send(ctx context.Context, from verify.Address, key *sign.Key, to *verify.Address, msg message) (*sentTx, error) {
	select {
	case c.sending <- struct{}{}:
		defer func() { <-c.sending }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var gas hexutil.Uint64
	if err := c.rpc.CallContext(ctx, &gas, "eth_estimateGas", msg); err != nil {
		return nil, refusal(err)
	}
	limit := uint64(gas) + uint64(gas)*gasMargin/100 + gasSpare
	for pause := nonceRetryMin; ; pause *= 2 {
		sent, err := c.sendOnce(ctx, from, key, to, msg.Data, limit)
		if err == nil {
			c.replacing = nil
			return sent, nil
		}
		if !nonceTaken(err) || pause > nonceRetryMax {
			return nil, err
		}
		if old := c.replacing; old != nil {
			if old.raised++; old.Price != nil || old.raised > maxRaised {
				return nil, err
			}
		}
		// Another program sends for the same account: go behind it.
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// nonceTaken reports whether an endpoint refused a transaction because another
// one has its nonce; the words are go-ethereum's, which IoTeX and anvil use too.
func nonceTaken(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "nonce too low") ||
		strings.Contains(err.Error(), "replacement transaction underpriced"))
}

func (c *Client) sendOnce(ctx context.Context, from verify.Address, key *sign.Key, to *verify.Address, data []byte, gas uint64) (*sentTx, error) {
	nonce, err := c.count(ctx, from, "pending")
	if err != nil {
		return nil, err
	}
	nonce = max(nonce, c.known(from))
	head, err := c.head(ctx)
	if err != nil {
		return nil, err
	}
	price, err := c.price(ctx, head)
	if err != nil {
		return nil, err
	}
	if old := c.replacing; old != nil {
		if verify.Address(old.From) != from {
			return nil, fmt.Errorf("transaction %s is of account %s, which this key (%s) cannot replace: name the key of that account", old.Hash, verify.Address(old.From), from)
		}
		nonce, price = uint64(old.Nonce), price.over(old)
	}
	tx := price.transaction(c.chainID, nonce, gas, (*common.Address)(to), data)
	signer := types.LatestSignerForChainID(new(big.Int).SetUint64(c.chainID))
	signature, err := key.SignHash(signer.Hash(tx))
	if err == nil {
		tx, err = tx.WithSignature(signer, signature)
	}
	if err != nil {
		return nil, fmt.Errorf("sign transaction: %w", err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encode transaction: %w", err)
	}
	err = c.rpc.CallContext(ctx, nil, "eth_sendRawTransaction", hexutil.Encode(raw))
	if err != nil && !c.knows(ctx, tx.Hash()) {
		c.forget(from)
		if strings.Contains(strings.ToLower(err.Error()), "insufficient funds") {
			return nil, fmt.Errorf("account %s cannot pay for the gas: send it some of the chain's coin: %w", from, err)
		}
		return nil, fmt.Errorf("send transaction %s: %w", tx.Hash(), err)
	}
	c.mu.Lock()
	c.next[from] = nonce + 1
	c.mu.Unlock()
	return &sentTx{hash: tx.Hash(), raw: raw, from: from, nonce: nonce, limit: price.limit, head: uint64(head.Number), at: time.Now()}, nil
}

// count returns how many transactions an account has made up to a block tag.
func (c *Client) count(ctx context.Context, account verify.Address, tag string) (uint64, error) {
	var n hexutil.Uint64
	if err := c.rpc.CallContext(ctx, &n, "eth_getTransactionCount", account.String(), tag); err != nil {
		return 0, fmt.Errorf("transaction count of %s: %w", account, err)
	}
	return uint64(n), nil
}

// knows reports whether the endpoint has a transaction after all: a gateway may
// have passed it on twice and answered with the second's refusal.
func (c *Client) knows(ctx context.Context, hash common.Hash) bool {
	var tx *struct{}
	err := c.rpc.CallContext(ctx, &tx, "eth_getTransactionByHash", hash)
	return err == nil && tx != nil
}

// price is what a transaction offers for each unit of gas.
type price struct {
	limit *big.Int // at most
	tip   *big.Int // nil: the chain has no base fee, limit is what is paid
}

// price asks for the price of the kind that the chain knows: EIP-1559 where
// blocks have a base fee and the endpoint suggests a tip, else one gas price.
func (c *Client) price(ctx context.Context, head *block) (price, error) {
	if head.BaseFee != nil {
		var tip hexutil.Big
		if err := c.rpc.CallContext(ctx, &tip, "eth_maxPriorityFeePerGas"); err == nil {
			// Twice the base fee: it may rise by an eighth with each block.
			limit := new(big.Int).Lsh(head.BaseFee.ToInt(), 1)
			return price{limit: limit.Add(limit, tip.ToInt()), tip: tip.ToInt()}, nil
		}
	}
	var legacy hexutil.Big
	if err := c.rpc.CallContext(ctx, &legacy, "eth_gasPrice"); err != nil {
		return price{}, fmt.Errorf("gas price: %w", err)
	}
	return price{limit: legacy.ToInt()}, nil
}

// transaction makes an unsigned transaction at this price.
func (p price) transaction(chainID, nonce, gas uint64, to *common.Address, data []byte) *types.Transaction {
	if p.tip == nil {
		return types.NewTx(&types.LegacyTx{Nonce: nonce, GasPrice: p.limit, Gas: gas, To: to, Data: data})
	}
	return types.NewTx(&types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(chainID),
		Nonce:     nonce,
		GasTipCap: p.tip,
		GasFeeCap: p.limit,
		Gas:       gas,
		To:        to,
		Data:      data,
	})
}

// known returns the nonce after the account's last transaction, 0 if none is
// known.
func (c *Client) known(from verify.Address) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next[from]
}

// forget drops what is known of an account's nonce: a transaction that was not
// mined may have been dropped, and what follows it would wait for ever.
func (c *Client) forget(from verify.Address) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.next, from)
}

// account returns the account that a key controls.
func account(key *sign.Key) (verify.Address, error) {
	a, ok := key.Address()
	if !ok {
		return a, fmt.Errorf("a key of %v signs no transactions: use a secp256k1 key (%v)", key.Algorithm(), verify.ES256K)
	}
	return a, nil
}
