package registry

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"camswarm/verify"
	"camswarm/verify/sign"
)

// TestGasOfEachStep measures what every transaction costs and holds the table of
// the contract's README to it: go test -run TestGasOfEachStep -v prints it.
// Addresses with more or fewer zero bytes move a figure by less than a hundredth;
// a key whose last two bytes are zero leaves a slot of storage empty and saves 19,900,
// so the keys are always the same.
func TestGasOfEachStep(t *testing.T) {
	t.Parallel()
	b := newBench(t, shared["devchain"])
	ctx := b.Context()
	keys := func(first byte) (set verify.KeySet) {
		set.Threshold = 2
		for i := range byte(3) {
			k, err := sign.New(verify.EdDSA, bytes.Repeat([]byte{first + i}, 32))
			if err != nil {
				t.Fatal(err)
			}
			set.Keys = append(set.Keys, k.Public())
		}
		return set
	}
	b.keys = keys(1)
	b.did = verify.DIDKey(b.keys.Keys[0])
	var names []string
	gas := map[string]uint64{}
	note := func(name string, tx Tx, err error) {
		t.Helper()
		b.ok(tx, err)
		names = append(names, name)
		gas[name] = tx.GasUsed
	}
	var err error
	var tx Tx
	b.Registry, tx, err = b.server.client.Deploy(ctx, b.admin, terms())
	note("deploy, with two guardians", tx, err)
	note3 := func(name string, do func(context.Context, *sign.Key) (Tx, error), key *sign.Key) {
		t.Helper()
		tx, err := do(ctx, key)
		note(name, tx, err)
	}
	tx, err = b.CreateManufacturer(ctx, b.admin, b.did, b.keys, address(b.pub))
	note("add a manufacturer with 3 keys", tx, err)
	tx, err = b.CreateProduct(ctx, b.admin, b.product, b.did, address(b.operator))
	note("add a product", tx, err)
	tx, err = b.ContinueProduct(ctx, b.admin, verify.Product{Vendor: "tenvis.com", Name: "ucam-3"}, b.did, address(b.operator), 57)
	note("add a product from another registry", tx, err)
	tx, err = b.Publish(ctx, b.pub, b.release(1))
	note("publish a release", tx, err)
	tx, err = b.SetRollout(ctx, b.operator, b.id, 1, "", ramp)
	note("roll out: first policy", tx, err)
	if sum := gas["publish a release"] + gas["roll out: first policy"]; sum > GasOfRelease || sum < GasOfRelease*3/4 {
		t.Errorf("a release with its first policy takes %d gas, GasOfRelease is %d", sum, GasOfRelease)
	}
	tx, err = b.SetRollout(ctx, b.operator, b.id, 1, "", forAll)
	note("roll out: another policy", tx, err)
	b.ok(b.Publish(ctx, b.pub, b.release(2)))
	full := canary
	full.Canaries = make([][32]byte, verify.MaxCanaries)
	for i := range full.Canaries {
		full.Canaries[i] = [32]byte{1, byte(i), 31: 1}
	}
	tx, err = b.SetRollout(ctx, b.operator, b.id, 2, "eu", full)
	note("roll out: 64 canaries", tx, err)
	tx, err = b.SetHalted(ctx, b.operator, b.id, 1, true)
	note("halt", tx, err)
	tx, err = b.SetBarrier(ctx, b.operator, b.id, 1)
	note("set a barrier", tx, err)
	tx, err = b.SetMinSequence(ctx, b.pub, b.id, 1)
	note("raise the minimum sequence", tx, err)
	tx, err = b.Revoke(ctx, b.pub, b.id, 2)
	note("revoke", tx, err)
	tx, err = b.SetKeys(ctx, b.pub, b.did, keys(4))
	note("replace 3 keys", tx, err)
	note3("pause", b.Pause, b.guardian)
	note3("unpause", b.Unpause, b.pauser)
	another := address(accounts.another)
	tx, err = b.ProposeGrant(ctx, b.admin, OperatorRole(b.product), another)
	note("propose a role", tx, err)
	b.server.advance(t, soon)
	tx, err = b.ExecuteGrant(ctx, b.admin, OperatorRole(b.product), another)
	note("grant it", tx, err)
	tx, err = b.Withdraw(ctx, b.guardian, OperatorRole(b.product), another)
	note("withdraw a role", tx, err)
	b.ok(b.ProposeGrant(ctx, b.admin, OperatorRole(b.product), another))
	tx, err = b.CancelGrant(ctx, b.guardian, OperatorRole(b.product), another)
	note("cancel a proposal", tx, err)
	tx, err = b.ProposeRemoval(ctx, b.admin, address(b.guardian))
	note("propose to remove a guardian", tx, err)
	b.server.advance(t, soon)
	tx, err = b.ExecuteRemoval(ctx, b.admin, address(b.guardian))
	note("remove it", tx, err)
	tx, err = b.BeginAdminTransfer(ctx, b.admin, another)
	note("announce a new admin", tx, err)
	b.server.advance(t, soon)
	note3("accept as new admin", b.AcceptAdminTransfer, accounts.another)

	var call hexutil.Uint64
	if err := b.server.client.rpc.CallContext(ctx, &call, "eth_estimateGas", message{To: b.Address().String(), Data: contract.PackCheck(b.id, [32]byte{})}); err != nil {
		t.Fatal(err)
	}
	names, gas["(check, a call that costs nobody anything)"] = append(names, "(check, a call that costs nobody anything)"), uint64(call)

	table := documentedGas(t, "../contracts/README.md")
	for _, name := range names {
		t.Logf("| %s | %s |", name, thousands(gas[name]))
		if want, ok := table[name]; !ok || want < gas[name]*99/100 || want > gas[name]*101/100 {
			t.Errorf("%s: %d gas, the README says %d", name, gas[name], want)
		}
		delete(table, name)
	}
	for name := range table {
		t.Errorf("the README speaks of %q, which is not measured", name)
	}
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var gasRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([0-9,]+) \|$`)

// documentedGas reads the table of gas.
func documentedGas(t *testing.T, path string) map[string]uint64 {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, m := range gasRow.FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseUint(strings.ReplaceAll(m[2], ",", ""), 10, 64)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", path, err))
		}
		out[m[1]] = n
	}
	return out
}
