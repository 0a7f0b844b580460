package devchain_test

import (
	"context"
	"fmt"
	"math/big"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"camswarm/chainwatch/devchain"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newKey(t *testing.T) (*sign.Key, verify.Address) {
	t.Helper()
	k, err := sign.Generate(verify.ES256K)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := k.Address()
	return k, a
}

func start(t *testing.T, cfg devchain.Config) *devchain.Chain {
	t.Helper()
	c, err := devchain.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func dial(t *testing.T, url string) *ethclient.Client {
	t.Helper()
	c, err := ethclient.DialContext(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// transfer sends one coin and returns when it is in the latest state.
func transfer(t *testing.T, c *ethclient.Client, key *sign.Key, nonce uint64, to common.Address) *types.Receipt {
	t.Helper()
	secret, err := crypto.ToECDSA(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.ChainID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := types.SignNewTx(secret, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, Nonce: nonce, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(10 * params.GWei),
		Gas: 21000, To: &to, Value: big.NewInt(params.Ether),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for {
		if rec, err := c.TransactionReceipt(t.Context(), tx.Hash()); err == nil {
			if head, err := c.BlockNumber(t.Context()); err == nil && head >= rec.BlockNumber.Uint64() {
				return rec
			}
		}
		if t.Context().Err() != nil {
			t.Fatal("no receipt")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Two chains of different ids live in one process, over HTTP and WebSocket;
// accounts are funded, and a transaction is in a block long before the block
// time.
func TestChainsInOneProcess(t *testing.T) {
	key, addr := newKey(t)
	for _, id := range []uint64{0, 4690} {
		t.Run(fmt.Sprint(id), func(t *testing.T) {
			t.Parallel()
			chain := start(t, devchain.Config{ChainID: id, BlockTime: time.Hour, Fund: []verify.Address{addr}})
			want := id
			if id == 0 {
				want = devchain.DefaultChainID
			}
			for _, url := range []string{chain.URL(), chain.WebSocketURL()} {
				c := dial(t, url)
				got, err := c.ChainID(t.Context())
				if err != nil || got.Uint64() != want || chain.ChainID() != want {
					t.Fatalf("%s: chain id %v (%v), want %d", url, got, err, want)
				}
				balance, err := c.BalanceAt(t.Context(), common.Address(addr), nil)
				if err != nil || balance.Cmp(devchain.Balance()) != 0 {
					t.Fatalf("%s: balance %v (%v)", url, balance, err)
				}
			}
			c := dial(t, chain.URL())
			for nonce := range uint64(3) {
				if rec := transfer(t, c, key, nonce, common.Address{1}); rec.Status != types.ReceiptStatusSuccessful {
					t.Errorf("transfer %d failed", nonce)
				}
			}
		})
	}
}

// Transactions that come together from many senders are all put in blocks.
func TestManyTransactionsAtOnce(t *testing.T) {
	const senders = 8
	keys := make([]*sign.Key, senders)
	addrs := make([]verify.Address, senders)
	for i := range keys {
		keys[i], addrs[i] = newKey(t)
	}
	chain := start(t, devchain.Config{BlockTime: time.Hour, Fund: addrs})
	var wg sync.WaitGroup
	for i := range keys {
		c := dial(t, chain.URL())
		wg.Go(func() {
			for nonce := range uint64(5) {
				transfer(t, c, keys[i], nonce, common.Address{1})
			}
		})
	}
	wg.Wait()
	got, err := dial(t, chain.URL()).BalanceAt(t.Context(), common.Address{1}, nil)
	if err != nil || got.Cmp(new(big.Int).Mul(big.NewInt(5*senders), big.NewInt(params.Ether))) != 0 {
		t.Errorf("received %v (%v)", got, err)
	}
}

// Without transactions blocks keep coming, and so does the time of `latest`.
func TestTimePassesWithoutTransactions(t *testing.T) {
	chain := start(t, devchain.Config{BlockTime: 50 * time.Millisecond})
	c := dial(t, chain.WebSocketURL())
	heads := make(chan *types.Header)
	sub, err := c.SubscribeNewHead(t.Context(), heads)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	first := <-heads
	second := <-heads
	if second.Number.Cmp(first.Number) <= 0 || second.Time <= first.Time {
		t.Errorf("block %v at %d came after block %v at %d", second.Number, second.Time, first.Number, first.Time)
	}
	if now := uint64(time.Now().Unix()); second.Time > now {
		t.Errorf("idle chain is %d s ahead of the clock", second.Time-now)
	}
}

// Advance passes a delay at once, and later blocks do not fall back.
func TestAdvance(t *testing.T) {
	key, addr := newKey(t)
	chain := start(t, devchain.Config{BlockTime: time.Hour, Fund: []verify.Address{addr}})
	c := dial(t, chain.URL())
	before, err := c.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Advance(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	rec := transfer(t, c, key, 0, common.Address{1})
	after, err := c.HeaderByNumber(t.Context(), rec.BlockNumber)
	if err != nil {
		t.Fatal(err)
	}
	if after.Time < before.Time+24*3600 {
		t.Errorf("time went from %d to %d, want a day more", before.Time, after.Time)
	}
	if err := chain.Advance(time.Millisecond); err == nil {
		t.Error("an advance below a second was accepted")
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	taken := start(t, devchain.Config{})
	for name, cfg := range map[string]devchain.Config{
		"no port":             {Listen: "127.0.0.1"},
		"bad port":            {Listen: "127.0.0.1:99999"},
		"port in use":         {Listen: strings.TrimPrefix(taken.URL(), "http://")},
		"negative block time": {BlockTime: -1},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := devchain.Start(t.Context(), cfg)
			if err == nil {
				c.Close()
				t.Fatal("started")
			}
			t.Log(err)
		})
	}
}

// Close ends every goroutine that Start began, and so does the context's end.
func TestNothingIsLeftRunning(t *testing.T) {
	run := func(end func(*devchain.Chain, context.CancelFunc)) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c, err := devchain.Start(ctx, devchain.Config{BlockTime: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Advance(time.Hour); err != nil {
			t.Fatal(err)
		}
		end(c, cancel)
	}
	closed := func(c *devchain.Chain, _ context.CancelFunc) {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	run(closed) // what go-ethereum starts once per process
	before := runtime.NumGoroutine()
	for range 3 {
		run(closed)
	}
	run(func(c *devchain.Chain, cancel context.CancelFunc) {
		cancel()
		closed(c, nil)
	})
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}
