package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/chainwatch/devchain"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// request and answer are JSON-RPC as a quirky endpoint sees it.
type request struct {
	ID     json.RawMessage   `json:"id"`
	Method string            `json:"method"`
	Params []json.RawMessage `json:"params"`
}

type answer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

func failure(code int, text string) answer {
	return answer{Error: json.RawMessage(fmt.Sprintf(`{"code":%d,"message":%q}`, code, text))}
}

// quirky serves the dev chain with the habits of another endpoint: change may
// answer in its place, or alter what forward answers.
func quirky(t *testing.T, change func(req request, forward func(request) answer) answer) string {
	t.Helper()
	forward := func(req request) answer {
		body, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": req.ID, "method": req.Method, "params": req.Params})
		resp, err := http.Post(shared["devchain"].url, "application/json", bytes.NewReader(body))
		if err != nil {
			return failure(-32000, err.Error())
		}
		defer resp.Body.Close()
		var a answer
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			return failure(-32000, err.Error())
		}
		return a
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req request
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &req)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a := change(req, forward)
		a.Version, a.ID = "2.0", req.ID
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(a)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// through opens the bench's registry through another endpoint.
func (b *bench) through(url string) *Registry {
	b.Helper()
	c, err := Dial(b.Context(), url, b.Ref().ChainID)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	r, err := c.Open(b.Context(), b.Address())
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// rpc_wrong_chain: an endpoint of another chain is refused before anything is sent.
func TestWrongChainIsRefused(t *testing.T) {
	onEachChain(t, func(b *bench) {
		_, err := Dial(b.Context(), b.server.url, 4689)
		if !errors.Is(err, ErrWrongChain) || !strings.Contains(err.Error(), "not 4689") {
			b.Errorf("got %v", err)
		}
		_, err = b.server.client.Open(b.Context(), address(b.stranger))
		if !errors.Is(err, ErrNoContract) {
			b.Errorf("an account without code: %v", err)
		}
	})
}

func TestDialOfNothing(t *testing.T) {
	for url, named := range map[string]string{"http://127.0.0.1:1": "http://127.0.0.1:1", "ftp://x": "ftp://x", "http://[::1": "unreadable url"} {
		if _, err := Dial(t.Context(), url, 1); err == nil || !strings.Contains(err.Error(), named) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Errors of the sender say what to do and change nothing.
func TestSenderErrors(t *testing.T) {
	onEachChain(t, func(b *bench) {
		ed, err := sign.Generate(verify.EdDSA)
		if err != nil {
			b.Fatal(err)
		}
		poor, err := sign.Generate(verify.ES256K)
		if err != nil {
			b.Fatal(err)
		}
		b.ok(b.grant(b.admin, PauserRole(), address(poor)))
		before := b.check("")
		for name, c := range map[string]struct {
			do   func() (Tx, error)
			says string
		}{
			"key of another kind": {func() (Tx, error) { return b.Pause(b.Context(), ed) }, "use a secp256k1 key"},
			"no funds":            {func() (Tx, error) { return b.Pause(b.Context(), poor) }, "send it some of the chain's coin"},
			"keys without threshold": {func() (Tx, error) {
				return b.SetKeys(b.Context(), b.pub, b.did, verify.KeySet{Keys: b.keys.Keys})
			}, "set the keys of"},
			"halt in a policy": {func() (Tx, error) {
				return b.SetRollout(b.Context(), b.operator, b.id, 1, "", verify.Rollout{Halted: true})
			}, "use SetHalted"},
			"no region": {func() (Tx, error) {
				return b.SetRollout(b.Context(), b.operator, b.id, 1, "EU!", verify.Rollout{})
			}, "region"},
			"no product": {func() (Tx, error) {
				return b.CreateProduct(b.Context(), b.admin, verify.Product{Vendor: "x"}, b.did, address(b.operator))
			}, "vendor"},
			"half a second's delay": {func() (Tx, error) {
				_, tx, err := b.server.client.Deploy(b.Context(), b.admin, Terms{Delay: time.Second / 2})
				return tx, err
			}, "whole seconds"},
		} {
			tx, err := c.do()
			if err == nil || !strings.Contains(err.Error(), c.says) || tx != (Tx{}) {
				b.Errorf("%s: %v, %v", name, tx, err)
			}
			if err != nil && strings.ContainsRune(err.Error(), '\n') {
				b.Errorf("%s: more than one line: %q", name, err)
			}
		}
		if after := b.check(""); after.Rev != before.Rev {
			b.Errorf("rev went from %d to %d", before.Rev, after.Rev)
		}
	})
}

// Many goroutines, and several programs, may send for one account at once.
func TestConcurrentTransactionsOfOneAccount(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(1)
		before := b.check("").Rev
		const n = 12
		programs := []*Registry{b.Registry, b.through(b.server.url), b.through(b.server.url)}
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				policy := verify.Rollout{Mode: verify.RolloutAll, NotBefore: uint64(i)}
				if _, err := programs[i%len(programs)].SetRollout(b.Context(), b.operator, b.id, 1, "", policy); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		if got := b.check("").Rev; got != before+n {
			b.Errorf("rev went from %d to %d with %d changes", before, got, n)
		}
	})
}

// A receipt that is seen before the state it made: what follows in the same
// program must find that state.
func TestStateBehindTheReceipt(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	var asked atomic.Int32
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		if req.Method == "eth_blockNumber" && asked.Add(1) <= 3 {
			return answer{Result: json.RawMessage(`"0x1"`)} // the state of long ago
		}
		return forward(req)
	}))
	b.ok(r.Publish(t.Context(), b.pub, b.release(1)))
	if n := asked.Load(); n != 4 {
		t.Errorf("went on after %d looks at the head, want 4", n)
	}
}

// A gateway that passes a transaction on twice has not refused it.
func TestTransactionSentTwiceByAGateway(t *testing.T) {
	t.Parallel()
	var refusals atomic.Int32
	b := newBench(t, shared["devchain"])
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		a := forward(req)
		if req.Method == "eth_sendRawTransaction" && a.Error == nil {
			if again := forward(req); again.Error != nil {
				refusals.Add(1)
				return again
			}
		}
		return a
	}))
	for sequence := range uint64(3) {
		b.ok(r.Publish(t.Context(), b.pub, b.release(sequence+1)))
	}
	if refusals.Load() != 3 {
		t.Errorf("%d refusals of the second copy, want 3", refusals.Load())
	}
}

// A transaction whose outcome is not known in time is not taken for failed.
func TestReceiptThatDoesNotComeInTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	b.publish(1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		if req.Method == "eth_getTransactionReceipt" {
			cancel() // the time is over
			return answer{Result: json.RawMessage("null")}
		}
		return forward(req)
	}))
	tx, err := r.SetBarrier(ctx, b.operator, b.id, 1)
	if !errors.Is(err, ErrNotMined) || !errors.Is(err, context.Canceled) || tx.Hash == ([32]byte{}) {
		t.Fatalf("%v, %v", tx, err)
	}
	if !strings.Contains(err.Error(), tx.String()) || strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%q must name the transaction, in one line", err)
	}
	b.ok(b.SetBarrier(t.Context(), b.operator, b.id, 0)) // and the account goes on
}

// overdue is a context whose time is over when a test says so.
type overdue struct {
	context.Context
	done chan struct{}
}

func (o overdue) Done() <-chan struct{} { return o.done }

func (o overdue) Err() error {
	select {
	case <-o.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Whoever has waited in vain is told what for, and another command that needs the
// account's nonces waits too and sends nothing. It runs beside no other test: what they
// send has nonces of the same account.
func TestWhatATransactionWaitsFor(t *testing.T) {
	b := newBench(t, shared["devchain"])
	b.publish(1)
	var hidden atomic.Bool // what was sent is in no block
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		switch req.Method {
		case "eth_sendRawTransaction":
			hidden.Store(true)
			return answer{Result: json.RawMessage(`"0x0"`)} // and goes nowhere
		case "eth_getTransactionReceipt":
			return answer{Result: json.RawMessage("null")}
		case "eth_getTransactionCount":
			if hidden.Load() && string(req.Params[1]) == `"pending"` {
				return answer{Result: json.RawMessage(`"0xffff"`)}
			}
		}
		return forward(req)
	}))
	var heard []Waiting
	ctx := overdue{t.Context(), make(chan struct{})}
	over := sync.OnceFunc(func() { close(ctx.done) })
	r.client.report = time.Millisecond
	r.client.OnWait = func(w Waiting) {
		heard = append(heard, w)
		over()
	}
	tx, err := r.SetBarrier(ctx, b.operator, b.id, 1)
	if !errors.Is(err, ErrNotMined) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the endpoint had dropped it; it was sent again") {
		t.Errorf("%v, %v", tx, err)
	}
	if len(heard) == 0 || heard[0].Transaction != tx.Hash || heard[0].Reason == "" || heard[0].Head == 0 {
		t.Errorf("heard %+v", heard)
	}
	heard, ctx.done = nil, make(chan struct{})
	over = sync.OnceFunc(func() { close(ctx.done) })
	err = r.client.Settle(ctx, address(b.operator))
	if !errors.Is(err, ErrUnsettled) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nothing was sent") || strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%v", err)
	}
	if len(heard) == 0 || heard[0].Transaction != ([32]byte{}) {
		t.Errorf("heard %+v", heard)
	}
	hidden.Store(false)
	if err := r.client.Settle(t.Context(), address(b.operator)); err != nil {
		t.Error(err)
	}
}

// What replaces a transaction offers enough more for endpoints to take it.
func TestPriceOfAReplacement(t *testing.T) {
	big10 := func(n int64) *hexutil.Big { return (*hexutil.Big)(big.NewInt(n)) }
	for name, c := range map[string]struct {
		now        price
		old        waitingTx
		limit, tip int64
	}{
		"of today":       {price{limit: big.NewInt(1000), tip: big.NewInt(10)}, waitingTx{Limit: big10(200), Tip: big10(2)}, 1000, 10},
		"above the old":  {price{limit: big.NewInt(100), tip: big.NewInt(1)}, waitingTx{Limit: big10(200), Tip: big10(2)}, 230, 3},
		"legacy":         {price{limit: big.NewInt(100)}, waitingTx{Price: big10(101)}, 117, 0},
		"after a legacy": {price{limit: big.NewInt(100), tip: big.NewInt(1)}, waitingTx{Price: big10(200)}, 230, 230},
	} {
		got := c.now.over(&c.old)
		if got.limit.Int64() != c.limit || (got.tip == nil) != (c.now.tip == nil) || got.tip != nil && got.tip.Int64() != c.tip {
			t.Errorf("%s: %v, %v", name, got.limit, got.tip)
		}
	}
}

// On a chain without a base fee, or without a suggested tip, the transaction
// has one gas price.
func TestLegacyGasPrice(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	for name, change := range map[string]func(request, func(request) answer) answer{
		"no base fee": func(req request, forward func(request) answer) answer {
			a := forward(req)
			if req.Method == "eth_getBlockByNumber" {
				var header map[string]any
				json.Unmarshal(a.Result, &header)
				delete(header, "baseFeePerGas")
				a.Result, _ = json.Marshal(header)
			}
			return a
		},
		"no tip": func(req request, forward func(request) answer) answer {
			if req.Method == "eth_maxPriorityFeePerGas" {
				return failure(-32601, "method not found")
			}
			return forward(req)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var sent string
			r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
				if req.Method == "eth_sendRawTransaction" {
					json.Unmarshal(req.Params[0], &sent)
				}
				return change(req, forward)
			}))
			for _, send := range []func(context.Context, *sign.Key) (Tx, error){r.Pause, r.Unpause} {
				if _, err := send(t.Context(), b.pauser); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(sent, "0x02") || sent == "" {
				t.Errorf("sent %.10s, want a legacy transaction", sent)
			}
		})
	}
}

// What passed the estimate but fails in its block is told, with its reason.
func TestTransactionThatFailsInItsBlock(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	b.publish(1)
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		if req.Method == "eth_estimateGas" {
			return answer{Result: json.RawMessage(`"0x30d40"`)}
		}
		return forward(req)
	}))
	tx, err := r.Publish(t.Context(), b.pub, b.release(7))
	b.refused("SequenceNotNext", "failed in block", "sequence must be 2, not 7")(tx, err)
	if tx.Block == 0 {
		t.Error("no block")
	}
	b.ok(b.Publish(t.Context(), b.pub, b.release(2)))
}

// The history holds every change that bears on a product and nothing else.
func TestHistory(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(3)
		blocks := map[string]uint64{}
		var want []string
		for _, c := range changes(b.T) {
			tx := b.ok(c.do(b, b.Context(), c.key()))
			if c.bears {
				want = append(want, c.name)
				blocks[c.name] = tx.Block
			}
		}
		history, err := b.History(b.Context(), b.id, 0)
		if err != nil {
			b.Fatal(err)
		}
		var got []string
		for _, e := range history {
			if e.Time == 0 || e.Rev == 0 || e.Tx == ([32]byte{}) {
				b.Errorf("incomplete: %+v", e)
			}
			got = append(got, e.String())
		}
		expected := []string{
			"manufacturer " + string(b.did) + " created: 2 of 3 keys must sign",
			"product tenvis.com/ucam-2 created",
			"release 1 published: 1.1.0", "release 2 published: 1.2.0", "release 3 published: 1.3.0",
			"release 4 published: 1.4.0", "release 1 revoked", "minimum sequence raised to 2",
			"keys replaced: 1 of 2 must sign",
			"rollout of release 3 in the default region set to canary, 2 named and label \"beta\", warming, not before 1970-01-01 00:00:10 UTC",
			"rollout of release 3 in eu-west set to canary, 2 named and label \"beta\", warming, not before 1970-01-01 00:00:10 UTC",
			"release 3 halted", "halt of release 3 lifted", "barrier set to release 2",
			"registry paused by " + address(b.pauser).String(), "registry's pause lifted by " + address(b.pauser).String(),
		}
		if !slices.Equal(got, expected) {
			b.Errorf("history:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(expected, "\n"))
		}
		if last := history[len(history)-1]; last.Block != blocks[want[len(want)-1]] {
			b.Errorf("last change is in block %d, want %d", last.Block, blocks[want[len(want)-1]])
		}
		recent, err := b.History(b.Context(), b.id, blocks["halt"])
		if err != nil || len(recent) != 5 || recent[0].String() != "release 3 halted" || recent[0].Sequence != 3 {
			b.Errorf("%d changes since the halt (%v): %v", len(recent), err, recent)
		}
	})
}

// An endpoint that leaves an event out is noticed.
func TestHistoryNoticesAGap(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	b.publish(2)
	hidden := b.ok(b.Revoke(t.Context(), b.pub, b.id, 1))
	b.ok(b.Publish(t.Context(), b.pub, b.release(3)))
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		a := forward(req)
		if req.Method == "eth_getLogs" && bytes.Contains(a.Result, []byte(hidden.String())) {
			a.Result = json.RawMessage("[]")
		}
		return a
	}))
	if _, err := r.History(t.Context(), b.id, 0); err == nil || !strings.Contains(err.Error(), "no change") {
		t.Errorf("got %v", err)
	}
	if h, err := b.History(t.Context(), b.id, 0); err != nil || len(h) != 6 {
		t.Errorf("%d changes, %v", len(h), err)
	}
}

// A tail returns each event once, those of roles included.
func TestTail(t *testing.T) {
	onEachChain(t, func(b *bench) {
		b.publish(1)
		tail := b.Tail(0)
		var names []string
		poll := func() {
			b.Helper()
			events, err := tail.Poll(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				names = append(names, e.Name)
			}
		}
		poll()
		poll()
		b.ok(b.Pause(b.Context(), b.pauser))
		b.ok(b.grant(b.admin, PauserRole(), address(accounts.another)))
		poll()
		poll()
		want := []string{
			"RoleGranted", "RoleGranted", "RoleGranted", "RoleGranted", // at deployment
			"RoleGranted", "ManufacturerCreated", "RoleGranted", "ProductCreated",
			"Published", "Paused", "GrantProposed", "RoleGranted",
		}
		if !slices.Equal(names, want) {
			b.Errorf("events %v\nwant   %v", names, want)
		}
	})
}

// newIoTeX starts a chain of its own that answers as IoTeX's gateways do, with a
// registry and one release.
func newIoTeX(t *testing.T) (*devchain.Chain, *bench) {
	t.Helper()
	var fund []verify.Address
	for _, k := range allAccounts() {
		fund = append(fund, address(k))
	}
	chain, err := devchain.Start(t.Context(), devchain.Config{ChainID: 4690, IoTeX: true, Fund: fund})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	c, err := Dial(t.Context(), chain.URL(), 4690)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	b := newBench(t, &server{url: chain.URL(), client: c})
	b.publish(1)
	return chain, b
}

// follow polls a tail n times and counts the events by name.
func follow(t *testing.T, tail *Tail, n int) map[string]int {
	t.Helper()
	count := map[string]int{}
	for range n {
		events, err := tail.Poll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			count[e.Name]++
		}
	}
	return count
}

// everything is what newIoTeX leaves in the log.
var everything = map[string]int{"Published": 1, "ProductCreated": 1, "ManufacturerCreated": 1, "RoleGranted": 6}

// rpc_from_zero_tip: an endpoint that takes block 0 for the tip hides nothing.
func TestThreatRPCFromZeroTip(t *testing.T) {
	t.Parallel()
	chain, b := newIoTeX(t)
	if err := chain.Advance(time.Minute); err != nil { // the tip has no event
		t.Fatal(err)
	}
	var entries []entry
	if err := b.server.client.rpc.CallContext(t.Context(), &entries, "eth_getLogs", map[string]any{"fromBlock": "0x0", "address": b.Address().String()}); err != nil || len(entries) != 0 {
		t.Fatalf("the endpoint shows %d events from block 0 on (%v): the test proves nothing", len(entries), err)
	}
	if got := follow(t, b.Tail(0), 2); !maps.Equal(got, everything) {
		t.Errorf("events %v, want %v", got, everything)
	}
	if h, err := b.History(t.Context(), b.id, 0); err != nil || len(h) != 3 {
		t.Errorf("history %v, %v", h, err)
	}
}

// rpc_clamped_range: events that the endpoint indexes late, and leaves out
// without a word, are found when it has them, once.
func TestThreatRPCClampedRange(t *testing.T) {
	t.Parallel()
	chain, b := newIoTeX(t)
	chain.SetLogLag(3)
	tail := b.Tail(0)
	if got := follow(t, tail, 2); got["Published"] != 0 {
		t.Fatal("the endpoint does not lag: the test proves nothing")
	}
	if _, err := b.History(t.Context(), b.id, 0); err == nil || !strings.Contains(err.Error(), "still be indexing") {
		t.Errorf("a history with a gap: %v", err)
	}
	chain.SetLogLag(0)
	got := follow(t, tail, 2)
	b.ok(b.Pause(t.Context(), b.pauser))
	chain.SetLogLag(1)
	if late := follow(t, tail, 1); len(late) != 0 {
		t.Errorf("events %v before they were indexed", late)
	}
	chain.SetLogLag(0)
	for name, n := range follow(t, tail, 3) {
		got[name] += n
	}
	if got["Published"] != 1 || got["Paused"] != 1 {
		t.Errorf("events %v", got)
	}
}

// A long catch-up is cut into ranges that the endpoint allows, and an error in
// the middle loses nothing.
func TestThreatRPCClampedRange_ManyBlocks(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	b.publish(2)
	const limit = 2000           // IoTeX's
	const beyond = 3*limit - 100 // blocks that the endpoint claims on top of the chain's
	var from, until []uint64
	fail := true
	r := b.through(quirky(t, func(req request, forward func(request) answer) answer {
		switch req.Method {
		case "eth_getBlockByNumber":
			var head map[string]any
			a := forward(req)
			json.Unmarshal(a.Result, &head)
			n, err := hexutil.DecodeUint64(head["number"].(string))
			if err != nil {
				return failure(-32000, err.Error())
			}
			head["number"] = hexutil.Uint64(n + beyond)
			a.Result, _ = json.Marshal(head)
			return a
		case "eth_getLogs":
			var filter struct{ FromBlock, ToBlock hexutil.Uint64 }
			json.Unmarshal(req.Params[0], &filter)
			from, until = append(from, uint64(filter.FromBlock)), append(until, uint64(filter.ToBlock))
			switch {
			case filter.FromBlock == minBlock:
				req.Params[0] = json.RawMessage(fmt.Sprintf(`{"address":%q,"fromBlock":"0x1","toBlock":"latest"}`, b.Address()))
				return forward(req)
			case fail && len(from) == 2:
				return failure(-32005, "limit exceeded")
			}
			return answer{Result: json.RawMessage("[]")}
		}
		return forward(req)
	}))
	published := func(events []Event) (sequences []uint64) {
		for _, e := range events {
			if e.Name == "Published" {
				sequences = append(sequences, e.Sequence)
			}
		}
		return sequences
	}
	tail := r.Tail(0)
	events, err := tail.Poll(t.Context())
	if got := published(events); err == nil || !slices.Equal(got, []uint64{1, 2}) {
		t.Fatalf("before the error: published %v, %v", got, err)
	}
	fail = false
	events, err = tail.Poll(t.Context())
	if err != nil || len(events) != 0 {
		t.Fatalf("after the error: %v, %v", events, err)
	}
	if len(from) < 4 || from[2] != from[1] {
		t.Errorf("ranges from %v: the one that failed was not asked for again", from)
	}
	for i := range from {
		if until[i]-from[i]+1 > limit || i > 2 && from[i] != until[i-1]+1 {
			t.Errorf("range %d is %d to %d, after one to %d", i, from[i], until[i], until[max(i-1, 0)])
		}
	}
	if want := until[len(until)-1] + 1 - logOverlap; tail.next != want {
		t.Errorf("the tail goes on at %d, want %d", tail.next, want)
	}
}
