package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/chainwatch/devchain/anvil"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// What follows is what happens on a chain in practice and never on the dev chain: it
// stands still, becomes dear, reorganises, and several people send at once.

// anvilTool is the tool's directory on an anvil of its own, with release 1 published.
type anvilTool struct {
	*tool
	anvil *anvil.Server
}

func newAnvilTool(t *testing.T) *anvilTool {
	t.Helper()
	if _, err := anvil.Find(); errors.Is(err, anvil.ErrMissing) {
		t.Skip(err)
	}
	t.Parallel()
	a := &anvilTool{}
	a.tool = newToolOn(t, func(fund []verify.Address) string {
		var err error
		if a.anvil, err = anvil.Start(t.Context(), fund); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.anvil.Close() })
		return a.anvil.URL
	})
	must(t, a.publish(a.build("1", "1", "s1", "s3"), "manufacturer")...)
	return a
}

func (a *anvilTool) call(result any, method string, args ...any) {
	a.t.Helper()
	if err := a.anvil.Call(a.t.Context(), result, method, args...); err != nil {
		a.t.Fatal(err)
	}
}

// mined returns how many transactions of the operator are in blocks.
func (a *anvilTool) mined() uint64 {
	a.t.Helper()
	var n hexutil.Uint64
	a.call(&n, "eth_getTransactionCount", a.operator(), "latest")
	return uint64(n)
}

func (a *anvilTool) operator() string {
	a.t.Helper()
	address, err := readAddress(a.at("operator.pub"))
	if err != nil {
		a.t.Fatal(err)
	}
	return address.String()
}

// set is a command of the operator.
func (a *anvilTool) set(more ...string) []string {
	return a.ask(append([]string{"rollout", "set", "--sequence", "1", "--key", a.at("operator"), "--json"}, more...)...)
}

// heard is a stream that a test reads while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (h *heard) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
	return h.text.Write(b)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// underWay is a command that runs while the test goes on.
type underWay struct {
	t      *testing.T
	stop   context.CancelFunc
	stderr heard
	done   chan result
}

func (a *anvilTool) begin(args ...string) *underWay {
	ctx, stop := context.WithCancel(a.t.Context())
	r := &underWay{t: a.t, stop: stop, stderr: heard{more: make(chan struct{}, 1)}, done: make(chan result, 1)}
	go func() {
		var out bytes.Buffer
		code := cli.Run(ctx, newRootCommand(), args, strings.NewReader(""), &out, &r.stderr)
		r.done <- result{code, out.String(), r.stderr.String()}
	}()
	return r
}

// says waits until it says something of itself.
func (r *underWay) says(words string) {
	r.t.Helper()
	for !strings.Contains(r.stderr.String(), words) {
		select {
		case <-r.stderr.more:
		case got := <-r.done:
			r.t.Fatalf("it ended without %q: %d\n%s%s", words, got.code, got.stdout, got.stderr)
		}
	}
}

// ends waits for its end.
func (r *underWay) ends(code int, words ...string) result {
	r.t.Helper()
	got := <-r.done
	r.stop()
	if got.code != code {
		r.t.Fatalf("exit code %d, want %d\n%s%s", got.code, code, got.stdout, got.stderr)
	}
	for _, w := range words {
		if !strings.Contains(got.stderr, w) {
			r.t.Errorf("it does not say %q:\n%s", w, got.stderr)
		}
	}
	return got
}

var aHash = regexp.MustCompile(`0x[0-9a-f]{64}`)

// A chain that makes no blocks: the operator sees what is waited for, nothing is sent
// twice, and what waits is replaced by a better bid.
func TestAnvilStandsStill(t *testing.T) {
	a := newAnvilTool(t)
	before := a.mined()
	a.call(nil, "evm_setAutomine", false)
	first := a.begin(a.set("--mode", "all")...)
	first.says("no block has come after")
	first.stop()
	hash := aHash.FindString(first.ends(cli.ExitInterrupted, "was sent", "look for it").stderr)

	// The same command again waits for the first, and sends nothing beside it.
	// However slow the machine is, it asks for the state before it has waited for long enough.
	for wait := 3 * time.Second; ; wait *= 2 {
		r := camswarm(t, a.set("--mode", "all", "--wait", wait.String())...)
		if r.code != exitFailed || !strings.Contains(r.stderr, "nothing was sent") && wait > 2*time.Minute {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
		if strings.Contains(r.stderr, "nothing was sent") {
			if !strings.Contains(r.stderr, "1 transaction is") || !strings.Contains(r.stderr, "--replace") {
				t.Errorf("it is refused with %q", r.stderr)
			}
			break
		}
	}
	again := a.begin(a.set("--mode", "all")...)
	again.says("1 transaction is of account " + a.operator() + " in no block yet")
	replaced := a.begin(a.set("--mode", "percent", "--to", "10%", "--replace", hash)...)
	replaced.says("no block has come after")
	a.call(nil, "evm_mine")
	if f := decode[txFacts](t, replaced.ends(exitOK).stdout); f.Transaction == hash || f.Block == 0 {
		t.Errorf("the replacement: %+v", f)
	}
	a.call(nil, "evm_setAutomine", true)
	// The one that waited finds another policy than its own, and sets it anew.
	if f := decode[txFacts](t, again.ends(exitOK).stdout); f.Unchanged || f.Transaction == "" {
		t.Errorf("again: %+v", f)
	}
	if n := a.mined() - before; n != 2 {
		t.Errorf("%d transactions were executed, want the replacement and the last one", n)
	}
	refused(t, exitFailed, []string{hash, "does not know"}, a.set("--mode", "paused", "--replace", hash)...)
	refused(t, exitUsage, []string{"--replace"}, a.set("--mode", "paused", "--replace", "0x12")...)
	last := decode[struct{ Transaction string }](t, must(t, a.set("--mode", "paused")...))
	refused(t, exitFailed, []string{"is in block", "nothing was sent"}, a.set("--mode", "all", "--replace", last.Transaction)...)
}

// The price of gas rises above what was offered: the operator hears it. Anvil drops
// such a transaction, so that it is sent anew, at the new price.
func TestAnvilPriceSpike(t *testing.T) {
	a := newAnvilTool(t)
	before := a.mined()
	a.call(nil, "evm_setAutomine", false)
	first := a.begin(a.set("--mode", "all")...)
	first.says("no block has come after")
	a.call(nil, "anvil_setNextBlockBaseFeePerGas", hexutil.EncodeUint64(500_000_000_000))
	a.call(nil, "evm_mine")
	first.says("gas costs at least")
	first.stop()
	hash := aHash.FindString(first.ends(cli.ExitInterrupted, "was sent").stderr)
	if n := a.mined() - before; n != 0 {
		t.Fatalf("%d transactions were executed below their price", n)
	}
	a.call(nil, "evm_setAutomine", true)
	refused(t, exitFailed, []string{"send without replacing it"}, a.set("--mode", "all", "--replace", hash)...)
	if f := decode[txFacts](t, must(t, a.set("--mode", "all")...)); f.Block == 0 || f.Transaction == hash {
		t.Errorf("at the new price: %+v", f)
	}
	if n := a.mined() - before; n != 1 {
		t.Errorf("%d transactions were executed, want 1", n)
	}
}

// A block with the transaction is reorganised away: with --confirmations it is sent
// again, and reported done only in a block that others follow.
func TestAnvilReorganises(t *testing.T) {
	a := newAnvilTool(t)
	before := a.mined()
	first := a.begin(a.set("--mode", "all", "--confirmations", "2")...)
	first.says("0 of 2 blocks follow")
	a.call(nil, "evm_setAutomine", false)
	a.call(nil, "anvil_reorg", 1, []any{})
	first.says("reorganised away")
	a.call(nil, "anvil_mine", "0x3")
	f := decode[txFacts](t, first.ends(exitOK).stdout)
	if a.mined() != before+1 {
		t.Errorf("%d transactions were executed", a.mined()-before)
	}
	var rec struct{ BlockNumber hexutil.Uint64 }
	a.call(&rec, "eth_getTransactionReceipt", f.Transaction)
	if f.Block == 0 || uint64(rec.BlockNumber) != f.Block {
		t.Errorf("block %d was reported, it is in %d", f.Block, rec.BlockNumber)
	}
}

// An operator who must halt a release has a transaction of unknown hash and price in the
// way: the halt takes its place.
func TestAnvilHaltTakesThePlace(t *testing.T) {
	a := newAnvilTool(t)
	halt := a.ask("rollout", "halt", "--sequence", "1", "--key", a.at("operator"), "--json")
	refused(t, exitFailed, []string{"nothing to replace", "nothing was sent"}, append(halt, "--replace", "first")...)
	before := a.mined()
	a.call(nil, "evm_setAutomine", false)
	a.from(before)
	refused(t, exitFailed, []string{"--replace first"}, append(halt, "--wait", "3s")...)
	r := a.begin(append(halt, "--replace", "first")...)
	r.says("no block has come after")
	a.call(nil, "evm_mine")
	if f := decode[txFacts](t, r.ends(exitOK).stdout); f.Block == 0 {
		t.Errorf("%+v", f)
	}
	if n := a.mined() - before; n != 1 {
		t.Errorf("%d transactions were executed, want the halt alone", n)
	}
}

// from sends a transaction of the operator past the tool: 0 coins to itself.
func (a *anvilTool) from(nonce uint64) (hash string) {
	a.t.Helper()
	a.call(nil, "anvil_impersonateAccount", a.operator())
	a.call(&hash, "eth_sendTransaction", map[string]string{
		"from": a.operator(), "to": a.operator(), "nonce": hexutil.EncodeUint64(nonce), "gas": "0x5208",
		"maxFeePerGas": hexutil.EncodeUint64(10_000_000_000), "maxPriorityFeePerGas": hexutil.EncodeUint64(5_000_000_000),
	})
	return hash
}

// A transaction whose nonce is too high waits for the one between: the tool's own
// takes that place and both are executed.
func TestAnvilNonceGap(t *testing.T) {
	a := newAnvilTool(t)
	before := a.mined()
	a.from(before + 1)
	if f := decode[txFacts](t, must(t, a.set("--mode", "all")...)); f.Block == 0 {
		t.Errorf("%+v", f)
	}
	if f := decode[txFacts](t, must(t, a.set("--mode", "paused")...)); f.Block == 0 {
		t.Errorf("%+v", f)
	}
	if n := a.mined() - before; n != 3 {
		t.Errorf("%d transactions were executed, want 3", n)
	}
}

// A wallet replaces the tool's transaction by another one of the same nonce: the tool
// does not wait for ever for what cannot come.
func TestAnvilAnotherInItsPlace(t *testing.T) {
	a := newAnvilTool(t)
	nonce := a.mined()
	a.call(nil, "evm_setAutomine", false)
	first := a.begin(a.set("--mode", "all")...)
	first.says("no block has come after")
	a.from(nonce)
	a.call(nil, "evm_mine")
	first.ends(exitFailed, "another transaction was executed in its place", fmt.Sprint("nonce ", nonce))
}

// Two operators set policies at the same moment: both are executed, the later one
// wins, and both people hear of the other. Who names the revision that he looked at
// changes nothing that he has not seen.
func TestAnvilTwoOperators(t *testing.T) {
	a := newAnvilTool(t)
	must(t, a.admin("grant", "--account", a.at("stranger.pub"), "--operator-of", testProduct)...)
	a.call(nil, "evm_increaseTime", 73*3600)
	a.call(nil, "evm_mine")
	must(t, a.admin("grant", "--account", a.at("stranger.pub"), "--operator-of", testProduct, "--execute")...)
	rev := func() uint64 {
		return facts[registryFacts](t, a.ask("registry", "show")...).Product.Rev
	}
	looked := rev()
	a.call(nil, "evm_setAutomine", false)
	one := a.begin(a.set("--mode", "all")...)
	two := a.begin(a.ask("rollout", "set", "--sequence", "1", "--key", a.at("stranger"), "--json", "--mode", "percent", "--to", "5%", "--expect-rev", fmt.Sprint(looked))...)
	one.says("no block has come after")
	two.says("no block has come after")
	a.call(nil, "evm_mine")
	for _, r := range []*underWay{one, two} {
		f := decode[txFacts](t, r.ends(exitOK, "somebody else changed the product meanwhile", "camswarm log").stdout)
		if f.Rev != looked+2 || len(f.Warnings) == 0 {
			t.Errorf("%+v", f)
		}
	}
	a.call(nil, "evm_setAutomine", true)
	refused(t, exitFailed, []string{fmt.Sprintf("at revision %d, not %d", looked+2, looked), "nothing was sent"}, a.set("--mode", "paused", "--expect-rev", fmt.Sprint(looked))...)
	f := decode[txFacts](t, must(t, a.set("--mode", "paused", "--expect-rev", fmt.Sprint(looked+2))...))
	if f.Rev != looked+3 || len(f.Warnings) != 0 || rev() != looked+3 {
		t.Errorf("%+v", f)
	}
}
