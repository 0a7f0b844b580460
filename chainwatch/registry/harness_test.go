package registry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/devchain/anvil"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// The accounts of all tests. A fresh registry for each test keeps them apart;
// one Client for each chain numbers their transactions.
var accounts struct {
	admin, pauser, publisher, operator, stranger, another, guardian, guardian2 *sign.Key
}

func allAccounts() map[string]*sign.Key {
	return map[string]*sign.Key{
		"admin": accounts.admin, "pauser": accounts.pauser, "publisher": accounts.publisher,
		"operator": accounts.operator, "stranger": accounts.stranger, "guardian": accounts.guardian,
	}
}

// server is a chain that tests run against.
type server struct {
	url     string
	client  *Client
	advance func(*testing.T, time.Duration)
	missing string // why there is none
}

// shared are chains that all tests use at once. Their time goes on in leaps, in
// those that wait for a delay: see onOwnChains.
var shared map[string]*server

// addresses are those of the accounts.
var addresses []verify.Address

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, k := range []**sign.Key{
		&accounts.admin, &accounts.pauser, &accounts.publisher,
		&accounts.operator, &accounts.stranger, &accounts.another, &accounts.guardian, &accounts.guardian2,
	} {
		if *k, err = sign.Generate(verify.ES256K); err != nil {
			return 1, err
		}
		addresses = append(addresses, address(*k))
	}
	servers, stop, err := startAll(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	shared = servers
	return m.Run(), nil
}

// startAll starts one chain of each kind. They end with stop or the context.
func startAll(ctx context.Context) (servers map[string]*server, stop func() error, err error) {
	servers = map[string]*server{}
	var ends []func() error
	stop = func() (err error) {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
		return err
	}
	for name, iotex := range map[string]bool{"devchain": false, "iotex": true} {
		chain, err := devchain.Start(ctx, devchain.Config{Fund: addresses, IoTeX: iotex})
		if err != nil {
			return nil, stop, err
		}
		ends = append(ends, chain.Close)
		dev := &server{url: chain.URL(), advance: func(t *testing.T, d time.Duration) {
			t.Helper()
			if err := chain.Advance(d); err != nil {
				t.Fatal(err)
			}
		}}
		if dev.client, err = Dial(ctx, chain.URL(), chain.ChainID()); err != nil {
			return nil, stop, err
		}
		servers[name] = dev
	}
	other, end, err := startAnvil(ctx, addresses)
	if err == nil {
		servers["anvil"] = other
		ends = append(ends, end)
	}
	return servers, stop, err
}

// startAnvil starts the independent chain server, if it is installed.
func startAnvil(ctx context.Context, fund []verify.Address) (*server, func() error, error) {
	chain, err := anvil.Start(ctx, fund)
	if errors.Is(err, anvil.ErrMissing) {
		return &server{missing: err.Error()}, func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := Dial(ctx, chain.URL, anvil.ChainID)
	if err != nil {
		return nil, nil, errors.Join(err, chain.Close())
	}
	return &server{url: chain.URL, client: c, advance: func(t *testing.T, d time.Duration) {
		t.Helper()
		if err := chain.Call(t.Context(), nil, "evm_increaseTime", uint64(d/time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := chain.Call(t.Context(), nil, "evm_mine"); err != nil {
			t.Fatal(err)
		}
	}}, chain.Close, nil
}

// bench is a fresh registry with one manufacturer and one product.
type bench struct {
	*testing.T
	*Registry
	server   *server
	keys     verify.KeySet
	did      verify.DID
	product  verify.Product
	id       verify.ProductID
	digests  byte // counts made-up digests
	admin    *sign.Key
	pauser   *sign.Key
	pub      *sign.Key // the manufacturer's admin
	operator *sign.Key
	guardian *sign.Key
	stranger *sign.Key
}

const adminDelay = time.Hour

func terms() Terms {
	return Terms{
		Delay: adminDelay, Pauser: address(accounts.pauser),
		Guardians: []verify.Address{address(accounts.guardian), address(accounts.guardian2)},
	}
}

// onEachChain runs a test against the dev chain, plain and with IoTeX's quirks,
// and against anvil.
func onEachChain(t *testing.T, test func(b *bench)) {
	t.Helper()
	onChains(t, shared, test)
}

// onOwnChains is onEachChain for tests in which something must be too early or
// too late: nobody else moves the time of their chains.
func onOwnChains(t *testing.T, test func(b *bench)) {
	t.Helper()
	servers, stop, err := startAll(t.Context())
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	onChains(t, servers, test)
}

func onChains(t *testing.T, servers map[string]*server, test func(b *bench)) {
	for name, s := range servers {
		t.Run(name, func(t *testing.T) {
			if s.missing != "" {
				t.Skip(s.missing)
			}
			t.Parallel()
			test(newBench(t, s))
		})
	}
}

func newBench(t *testing.T, s *server) *bench {
	t.Helper()
	b := &bench{
		T: t, server: s, keys: newKeys(t, 3, 2),
		product: verify.Product{Vendor: "tenvis.com", Name: "ucam-2"},
		admin:   accounts.admin, pauser: accounts.pauser, pub: accounts.publisher,
		operator: accounts.operator, guardian: accounts.guardian, stranger: accounts.stranger,
	}
	b.did = verify.DIDKey(b.keys.Keys[0])
	b.id = b.product.ID()
	var err error
	b.Registry, err = s.client.Provision(t.Context(), Setup{
		Admin: b.admin, Terms: terms(),
		Manufacturer: b.did, Keys: b.keys, Publisher: address(b.pub),
		Product: b.product, Operator: address(b.operator),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKeys(t *testing.T, n, threshold int) verify.KeySet {
	t.Helper()
	set := verify.KeySet{Threshold: threshold}
	for range n {
		k, err := sign.Generate(verify.EdDSA)
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, k.Public())
	}
	return set
}

func address(k *sign.Key) verify.Address {
	a, ok := k.Address()
	if !ok {
		panic("not an account's key")
	}
	return a
}

// release makes up a release of the bench's product.
func (b *bench) release(sequence uint64) verify.Release {
	b.digests++
	return verify.Release{
		Product: b.id, Sequence: sequence, Version: fmt.Sprintf("1.%d.0", sequence),
		ImageSize: 1000 + sequence, ImageSHA256: [32]byte{1, b.digests}, Envelope: [32]byte{2, b.digests},
	}
}

// publish publishes releases 1 to n.
func (b *bench) publish(n uint64) {
	b.Helper()
	for s := range n {
		b.ok(b.Publish(b.Context(), b.pub, b.release(s+1)))
	}
}

// ok fails the test unless a transaction succeeded.
func (b *bench) ok(tx Tx, err error) Tx {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	if tx.Block == 0 || tx.GasUsed == 0 {
		b.Fatalf("transaction %s has no block or gas: %+v", tx, tx)
	}
	return tx
}

// grant gives an account a role as the contract demands: proposed, and after the
// delay.
func (b *bench) grant(admin *sign.Key, role Role, account verify.Address) (Tx, error) {
	b.Helper()
	if tx, err := b.ProposeGrant(b.Context(), admin, role, account); err != nil {
		return tx, err
	}
	b.server.advance(b.T, adminDelay+2*time.Second)
	return b.ExecuteGrant(b.Context(), admin, role, account)
}

// refused fails the test unless the contract refused with an error of a name,
// in words that hold the given ones.
func (b *bench) refused(name string, words ...string) func(Tx, error) {
	return func(_ Tx, err error) {
		b.Helper()
		var r *Refusal
		if !errors.As(err, &r) || r.Name != name {
			b.Errorf("got %v, want %s", err, name)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				b.Errorf("%q does not say %q", err, w)
			}
		}
	}
}

// raw calls the contract as an account, past the checks of this package, and
// keeps nothing.
func (b *bench) raw(key *sign.Key, data []byte) (Tx, error) {
	var out hexutil.Bytes
	msg := message{From: address(key).String(), To: b.Address().String(), Data: data}
	if err := b.server.client.rpc.CallContext(b.Context(), &out, "eth_call", msg, "latest"); err != nil {
		return Tx{}, refusal(err)
	}
	return Tx{}, nil
}

func (b *bench) check(region verify.Region) verify.View {
	b.Helper()
	v, err := b.Check(b.Context(), b.id, region)
	if err != nil {
		b.Fatal(err)
	}
	return v
}
