package devchain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/txpool"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/verify"
)

const (
	// DefaultChainID is the id that development chains commonly use, so that
	// no transaction made here is valid on a chain with value. IoTeX has 4689
	// (mainnet) and 4690 (testnet).
	DefaultChainID = 31337

	// DefaultBlockTime is IoTeX's.
	DefaultBlockTime = 2500 * time.Millisecond

	// gather is how long a transaction waits for company before its block.
	gather = 5 * time.Millisecond

	// readHeaderTimeout ends connections that never ask.
	readHeaderTimeout = 10 * time.Second
)

// Balance is what each account in [Config.Fund] owns at genesis: a million
// coins, in units of 1e-18.
func Balance() *big.Int {
	return new(big.Int).Mul(big.NewInt(1_000_000), big.NewInt(params.Ether))
}

// Config describes a chain. The zero value is usable; it funds nobody.
type Config struct {
	// Listen is the address on which HTTP and WebSocket are served together,
	// IP:port; default 127.0.0.1:0, a free port on loopback. Whoever reaches it
	// can read the chain and send transactions.
	Listen string
	// ChainID defaults to DefaultChainID.
	ChainID uint64
	// BlockTime is how often a block is made when there are no transactions;
	// default DefaultBlockTime. A transaction is put in a block at once. Block
	// times have whole seconds, so blocks without transactions never come more
	// than once a second.
	BlockTime time.Duration
	// Fund are the accounts that own [Balance] at genesis.
	Fund []verify.Address
	// IoTeX makes the chain answer like IoTeX's gateways where these differ from
	// Ethereum's servers, over HTTP only: tags, block hashes, event logs, filters,
	// older state, limits. Programs that run against it run against IoTeX.
	IoTeX bool
}

// Chain is a running chain.
type Chain struct {
	chainID uint64
	address string // IP:port
	node    *node.Node
	eth     *eth.Ethereum
	beacon  *catalyst.SimulatedBeacon
	rpc     *rpc.Server
	iotex   *iotex // nil: answers as Ethereum's servers do
	server  *http.Server

	open  sync.RWMutex  // read-held by each request; Close takes it for good
	mu    sync.Mutex    // held while a block is made
	ahead time.Duration // of the chain's clock before the real one

	stop func()
	done chan struct{} // closed when the server and the block maker have ended
	once sync.Once
	err  error
}

// Start starts a chain, which runs until ctx ends or Close is called.
func Start(ctx context.Context, cfg Config) (*Chain, error) {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.ChainID == 0 {
		cfg.ChainID = DefaultChainID
	}
	if cfg.BlockTime == 0 {
		cfg.BlockTime = DefaultBlockTime
	}
	if cfg.BlockTime < 0 {
		return nil, fmt.Errorf("dev chain: block time %v must be positive", cfg.BlockTime)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("dev chain: %w", err)
	}
	c := &Chain{chainID: cfg.ChainID, address: listener.Addr().String(), rpc: rpc.NewServer(), done: make(chan struct{})}
	if err := c.assemble(cfg); err != nil {
		err = errors.Join(err, listener.Close())
		if c.node != nil {
			err = errors.Join(err, c.node.Close())
		}
		return nil, fmt.Errorf("dev chain: %w", err)
	}
	if cfg.IoTeX {
		c.iotex = newIoTeX(c.rpc)
	}
	run, stop := context.WithCancel(ctx)
	c.stop = stop
	c.server = &http.Server{Handler: c.handler(), ReadHeaderTimeout: readHeaderTimeout}
	txs := make(chan core.NewTxsEvent, 64)
	sub := c.eth.TxPool().SubscribeTransactions(txs, true)
	var running sync.WaitGroup
	running.Go(func() { c.server.Serve(listener) })
	running.Go(func() {
		defer sub.Unsubscribe()
		c.makeBlocks(run, cfg.BlockTime, txs)
	})
	go func() {
		running.Wait()
		close(c.done)
	}()
	context.AfterFunc(run, func() { c.Close() })
	return c, nil
}

// handler serves HTTP and WebSocket on one port. To browsers it answers only
// under an IP address or as localhost.
func (c *Chain) handler() http.Handler {
	var server http.Handler = c.rpc
	if c.iotex != nil {
		server = c.iotex
	}
	overHTTP := node.NewHTTPHandlerStack(server, nil, []string{"localhost"}, nil, true)
	overWebSocket := c.rpc.WebsocketHandler(nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.open.TryRLock() {
			http.Error(w, "the chain is closed", http.StatusServiceUnavailable)
			return
		}
		defer c.open.RUnlock()
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && c.iotex == nil {
			overWebSocket.ServeHTTP(w, r)
		} else {
			overHTTP.ServeHTTP(w, r)
		}
	})
}

// assemble does what ethclient/simulated.NewBackend does, but with this
// chain's rules, its RPC servers, and errors instead of panics.
func (c *Chain) assemble(cfg Config) error {
	nodeConf := node.DefaultConfig
	nodeConf.Name = "camswarm-devchain"
	nodeConf.DataDir = "" // in memory
	// There are no accounts in it; without a name it would make a directory.
	nodeConf.KeyStoreDir = os.TempDir()
	nodeConf.P2P = p2p.Config{NoDiscovery: true, NoDial: true}
	nodeConf.HTTPHost, nodeConf.WSHost, nodeConf.IPCPath = "", "", "" // its servers take seconds to stop
	nodeConf.Logger = log.NewLogger(log.DiscardHandler())

	rules := *params.AllDevChainProtocolChanges
	rules.ChainID = new(big.Int).SetUint64(cfg.ChainID)
	rules.PragueTime, rules.OsakaTime, rules.BogotaTime = nil, nil, nil
	rules.BlobScheduleConfig = &params.BlobScheduleConfig{Cancun: params.DefaultCancunBlobConfig}

	alloc := make(types.GenesisAlloc)
	maps.Copy(alloc, core.SystemContractAllocs())
	for _, a := range cfg.Fund {
		alloc[common.Address(a)] = types.Account{Balance: Balance()}
	}

	ethConf := ethconfig.Defaults
	ethConf.Genesis = &core.Genesis{
		Config:   &rules,
		GasLimit: ethconfig.Defaults.Miner.GasCeil,
		Alloc:    alloc,
	}
	ethConf.SyncMode = ethconfig.FullSync
	ethConf.TxPool.NoLocals = true
	ethConf.LogNoHistory = true // logs are searched block by block
	ethConf.DatabaseCache, ethConf.TrieCleanCache, ethConf.TrieDirtyCache, ethConf.SnapshotCache = 16, 16, 16, 16

	var err error
	if c.node, err = node.New(&nodeConf); err != nil {
		return err
	}
	if c.eth, err = eth.New(c.node, &ethConf); err != nil {
		return err
	}
	apis := append(c.eth.APIs(), rpc.API{
		Namespace: "eth",
		Service:   filters.NewFilterAPI(filters.NewFilterSystem(c.eth.APIBackend, filters.Config{})),
	})
	if err := node.RegisterApis(apis, []string{"eth", "net"}, c.rpc); err != nil {
		return err
	}
	if err := c.node.Start(); err != nil {
		return err
	}
	if c.beacon, err = catalyst.NewSimulatedBeacon(0, common.Address{}, c.eth); err != nil {
		return err
	}
	if err := c.beacon.Fork(c.eth.BlockChain().GetCanonicalHash(0)); err != nil {
		return err
	}
	// A first block, with the present time: genesis is of 1970.
	c.beacon.Commit()
	return nil
}

// makeBlocks makes a block soon after a transaction has come, and one every
// period while there are none.
func (c *Chain) makeBlocks(ctx context.Context, period time.Duration, txs <-chan core.NewTxsEvent) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-txs:
			select {
			case <-ctx.Done():
				return
			case <-time.After(gather):
			}
			for drained := false; !drained; {
				select {
				case <-txs:
				default:
					drained = true
				}
			}
			c.mu.Lock()
			if c.pending() {
				c.beacon.Commit()
			}
			c.mu.Unlock()
			tick.Reset(period)
		case <-tick.C:
			c.mu.Lock()
			c.catchUp()
			c.mu.Unlock()
		}
	}
}

func (c *Chain) pending() bool {
	pending, _ := c.eth.TxPool().Pending(txpool.PendingFilter{})
	return len(pending) > 0
}

// catchUp makes a block at the present time of the chain's clock, unless the
// newest has that time already: several blocks in one second have moved the
// chain's time ahead, and blocks without transactions wait for the clock.
func (c *Chain) catchUp() {
	if c.pending() {
		c.beacon.Commit()
		return
	}
	last := c.eth.BlockChain().CurrentBlock().Time
	now := uint64(time.Now().Add(c.ahead).Unix())
	if now <= last {
		return
	}
	// It refuses when a transaction has come just now; that has its own block
	// at once, and the next tick catches up.
	_ = c.beacon.AdjustTime(time.Duration(now-last) * time.Second)
}

// maxAdvanceTries ends an Advance between whose steps transactions come in again
// and again.
const maxAdvanceTries = 1000

// Advance moves the chain's clock ahead by d and makes a block then. Later
// blocks follow that clock. It is how tests and demos pass a delay.
func (c *Chain) Advance(d time.Duration) error {
	if d < time.Second {
		return fmt.Errorf("dev chain: cannot advance by %v: block times have whole seconds", d)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	for tries := 1; ; tries++ {
		if c.pending() {
			c.beacon.Commit()
		}
		last := c.eth.BlockChain().CurrentBlock().Time
		target := max(uint64(time.Now().Add(c.ahead).Unix()), last+uint64(d/time.Second))
		err := c.beacon.AdjustTime(time.Duration(target-last) * time.Second)
		if err == nil {
			return nil
		}
		// It refuses when a transaction came in between, which the chain may have
		// given its own block by now.
		if tries == maxAdvanceTries {
			return fmt.Errorf("dev chain: advance by %v: %w", d, err)
		}
	}
}

// URL returns the HTTP endpoint.
func (c *Chain) URL() string { return "http://" + c.address }

// WebSocketURL returns the WebSocket endpoint, on the same port.
func (c *Chain) WebSocketURL() string { return "ws://" + c.address }

// SetLogLag makes the log index of a chain with [Config.IoTeX] lag behind the
// head by a number of blocks, as gateways' indexes do: eth_getLogs leaves their
// events out without a word.
func (c *Chain) SetLogLag(blocks uint64) {
	if c.iotex != nil {
		c.iotex.lag.Store(blocks)
	}
}

// ChainID returns the chain's id.
func (c *Chain) ChainID() uint64 { return c.chainID }

// Close stops the chain and waits for its goroutines. It may be called more
// than once.
func (c *Chain) Close() error {
	c.once.Do(func() {
		c.stop()
		if c.iotex != nil {
			c.iotex.rpc.Close()
		}
		c.rpc.Stop()
		err := c.server.Close()
		<-c.done
		c.open.Lock()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = errors.Join(err, c.beacon.Stop(), c.node.Close())
	})
	return c.err
}
