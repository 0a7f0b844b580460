package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/devchain/anvil"
	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// safe is a Safe of three owners of whom two must agree, from the bytes that its
// makers published. The owners agree by transactions of their own (approveHash), as
// keys in hardware wallets do.
type safe struct {
	t       *testing.T
	url     string // of the chain
	client  *registry.Client
	abi     abi.ABI
	address verify.Address
	owners  []*sign.Key // by address
}

// newSafe deploys one for owners, by the key of somebody who pays.
func newSafe(t *testing.T, url string, client *registry.Client, payer *sign.Key, owners ...*sign.Key) *safe {
	t.Helper()
	slices.SortFunc(owners, func(a, b *sign.Key) int {
		return strings.Compare(addressOfKey(t, a).String(), addressOfKey(t, b).String())
	})
	s := &safe{t: t, url: url, client: client, owners: owners}
	deploy := func(name string, arguments ...byte) (verify.Address, abi.ABI) {
		t.Helper()
		path, err := anvil.Package("@safe-global/safe-contracts/build/artifacts/contracts/" + name)
		if err != nil {
			t.Skip(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var artefact struct {
			ABI      json.RawMessage
			Bytecode string
		}
		if err := json.Unmarshal(data, &artefact); err != nil {
			t.Fatal(err)
		}
		parsed, err := abi.JSON(strings.NewReader(string(artefact.ABI)))
		if err != nil {
			t.Fatal(err)
		}
		_, address, err := client.Send(t.Context(), payer, nil, append(common.FromHex(artefact.Bytecode), arguments...))
		if err != nil {
			t.Fatal(err)
		}
		return address, parsed
	}
	var singleton verify.Address
	singleton, s.abi = deploy("Safe.sol/Safe.json")
	s.address, _ = deploy("proxies/SafeProxy.sol/SafeProxy.json", common.LeftPadBytes(singleton[:], 32)...)
	var list []common.Address
	for _, o := range owners {
		list = append(list, common.Address(addressOfKey(t, o)))
	}
	none := common.Address{}
	if _, err := s.send(payer, "setup", list, big.NewInt(2), none, []byte{}, none, none, big.NewInt(0), none); err != nil {
		t.Fatal(err)
	}
	return s
}

func addressOfKey(t *testing.T, k *sign.Key) verify.Address {
	t.Helper()
	a, ok := k.Address()
	if !ok {
		t.Fatal("not an account's key")
	}
	return a
}

// send calls the Safe.
func (s *safe) send(key *sign.Key, method string, args ...any) (registry.Tx, error) {
	s.t.Helper()
	data, err := s.abi.Pack(method, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	tx, _, err := s.client.Send(s.t.Context(), key, &s.address, data)
	return tx, err
}

// proposal is a transaction of the Safe that its owners decide on.
type proposal struct {
	*safe
	call     []any // arguments up to the signatures or the nonce
	hash     [32]byte
	approved []*sign.Key
}

// propose makes one of what a command printed.
func (s *safe) propose(nonce int64, f *unsignedFacts) *proposal {
	s.t.Helper()
	none, zero := common.Address{}, big.NewInt(0)
	p := &proposal{safe: s, call: []any{common.Address(f.To), zero, common.FromHex(f.Data), uint8(0), zero, zero, zero, none, none}}
	data, err := s.abi.Pack("getTransactionHash", append(slices.Clone(p.call), big.NewInt(nonce))...)
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := rpc.DialContext(s.t.Context(), s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	var out hexutil.Bytes
	err = conn.CallContext(s.t.Context(), &out, "eth_call", map[string]string{"to": s.address.String(), "data": hexutil.Encode(data)}, "latest")
	if err != nil || len(out) != 32 {
		s.t.Fatalf("%x, %v", out, err)
	}
	p.hash = [32]byte(out)
	return p
}

func (p *proposal) approve(owner int) *proposal {
	p.t.Helper()
	if _, err := p.send(p.owners[owner], "approveHash", p.hash); err != nil {
		p.t.Fatal(err)
	}
	p.approved = append(p.approved, p.owners[owner])
	return p
}

// execute is for anybody once enough have approved: a signature that only points to
// an approval is the owner's address and a 1.
func (p *proposal) execute(payer *sign.Key) error {
	p.t.Helper()
	var signatures []byte
	for _, o := range p.owners { // the Safe wants them by address
		if slices.Contains(p.approved, o) {
			a := addressOfKey(p.t, o)
			signatures = append(append(append(signatures, common.LeftPadBytes(a[:], 32)...), make([]byte, 32)...), 1)
		}
	}
	_, err := p.send(payer, "execTransaction", append(slices.Clone(p.call), signatures)...)
	return err
}

// A Safe of 2 of 3 is the registry's admin, and another the manufacturer's account:
// the tool writes each transaction, owners approve, anybody executes. Devices see no
// difference.
func TestMultisigIsAdmin(t *testing.T) {
	if _, err := anvil.Package("@safe-global/safe-contracts/package.json"); err != nil {
		t.Skip("the Safe's contracts are not installed: run \"npm ci\" in chainwatch/contracts")
	}
	dir := t.TempDir()
	at := func(name string) string { return dir + "/" + name }
	keys := map[string]*sign.Key{}
	var fund []verify.Address
	for _, name := range []string{"payer", "operator", "guardian", "owner1", "owner2", "owner3", "next"} {
		must(t, "keys", "new", "--out", at(name), "--type", "secp256k1")
		key, err := sign.Load(at(name))
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
		fund = append(fund, addressOfKey(t, key))
	}
	for _, name := range []string{"s1", "s2", "s3", "s4"} {
		must(t, "keys", "new", "--out", at(name))
	}
	chain, err := devchain.Start(t.Context(), devchain.Config{Fund: fund})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	client, err := registry.Dial(t.Context(), chain.URL(), chain.ChainID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	payer := keys["payer"]
	admin := newSafe(t, chain.URL(), client, payer, keys["owner1"], keys["owner2"], keys["owner3"])
	maker := newSafe(t, chain.URL(), client, payer, keys["owner1"], keys["owner2"], keys["owner3"])

	file := at("registry.json")
	must(t, "registry", "deploy", "--rpc", chain.URL(), "--key", at("payer"), "--admin", admin.address.String(), "--out", file,
		"--pauser", at("operator.pub"), "--guardian", at("guardian.pub"), "--admin-delay", "24h")
	ask := func(s *safe, sub string, more ...string) []string {
		return append(append([]string{"registry"}, strings.Fields(sub)...), append([]string{"--registry", file, "--print-tx", s.address.String()}, more...)...)
	}
	print := func(s *safe, sub string, more ...string) *unsignedFacts {
		t.Helper()
		f := facts[txFacts](t, ask(s, sub, more...)...)
		if u := f.Unsigned; u == nil || f.Transaction != "" || u.Value != "0" || u.From != s.address || u.ChainID != chain.ChainID() || u.Gas == 0 {
			t.Fatalf("registry %s: %+v", sub, f)
		}
		return f.Unsigned
	}
	// The payer, who deployed, is nobody; nor is one owner. What the registry would refuse
	// is refused before anybody is asked to sign it.
	manufacturer := []string{"--admin", maker.address.String(), "--did", at("next.pub"), "--threshold", "2", "--signer", at("s1.pub"), "--signer", at("s2.pub"), "--signer", at("s3.pub")}
	refused(t, exitFailed, []string{"registry's admin"}, append([]string{"registry", "manufacturer", "--registry", file, "--key", at("payer")}, manufacturer...)...)
	refused(t, exitFailed, []string{"registry's admin"}, append([]string{"registry", "manufacturer", "--registry", file, "--print-tx", at("owner1.pub")}, manufacturer...)...)
	refused(t, exitUsage, []string{"--key", "--print-tx"}, append([]string{"registry", "manufacturer", "--registry", file}, manufacturer...)...)

	first := print(admin, "manufacturer", manufacturer...)
	if first.Function != "createManufacturer(bytes32,string,uint8,bytes[],address)" {
		t.Errorf("function %s", first.Function)
	}
	if text := must(t, ask(admin, "manufacturer", manufacturer...)...); !strings.Contains(text, first.Data) || !strings.Contains(text, "nothing was sent") || !strings.Contains(text, "2 of 3 keys sign") {
		t.Errorf("printed\n%s", text)
	}
	create := admin.propose(0, first)
	if err := create.execute(payer); err == nil {
		t.Fatal("executed without any approval")
	}
	if err := create.approve(0).execute(payer); err == nil {
		t.Fatal("executed with one approval of two")
	}
	if err := create.approve(2).execute(payer); err != nil {
		t.Fatal(err)
	}
	if err := admin.propose(1, print(admin, "product", "--product", testProduct, "--manufacturer", at("next.pub"), "--operator", at("operator.pub"))).approve(0).approve(1).execute(payer); err != nil {
		t.Fatal(err)
	}

	// The manufacturer's Safe replaces the signing keys.
	rotation := at("rotation-2.cbor")
	must(t, "keys", "rotate", "new", "--registry", file, "--out", rotation, "--reason", "s3 was lost",
		"--old-threshold", "2", "--old", at("s1.pub"), "--old", at("s2.pub"), "--old", at("s3.pub"),
		"--threshold", "2", "--signer", at("s1.pub"), "--signer", at("s2.pub"), "--signer", at("s4.pub"))
	must(t, "keys", "rotate", "sign", rotation, "--key", at("s1"))
	must(t, "keys", "rotate", "sign", rotation, "--key", at("s2"))
	set := print(maker, "set-keys", "--product", testProduct, "--rotation", rotation)
	if err := maker.propose(0, set).approve(1).approve(2).execute(payer); err != nil {
		t.Fatal(err)
	}
	shown := must(t, "registry", "show", "--registry", file, "--product", testProduct)
	if !strings.Contains(shown, publicOf(t, at("s4.pub"))) || strings.Contains(shown, publicOf(t, at("s3.pub"))) {
		t.Errorf("the keys were not replaced:\n%s", shown)
	}

	// A release goes through the manufacturer's Safe too.
	image := writeFile(t, at("fw"), []byte("firmware"))
	must(t, "release", "build", image, "--registry", file, "--product", testProduct, "--sequence", "1", "--version", "1.0", "--rotation", rotation, "--out", at("release"))
	must(t, "release", "sign", at("release"), "--key", at("s1"))
	must(t, "release", "sign", at("release"), "--key", at("s4"))
	publish := []string{"release", "publish", at("release"), "--registry", file}
	p := facts[publishFacts](t, append(publish, "--print-tx", maker.address.String())...)
	if p.OnChain || p.Transaction != "" || p.Unsigned == nil {
		t.Fatalf("%+v", p)
	}
	if err := maker.propose(1, p.Unsigned).approve(0).approve(1).execute(payer); err != nil {
		t.Fatal(err)
	}
	if p := facts[publishFacts](t, publish...); !p.OnChain {
		t.Errorf("%+v", p)
	}

	// The admin's role goes from the Safe to another account, after the delay.
	if err := admin.propose(2, print(admin, "transfer-admin", "--to", at("next.pub"))).approve(0).approve(1).execute(payer); err != nil {
		t.Fatal(err)
	}
	if err := chain.Advance(25 * time.Hour); err != nil {
		t.Fatal(err)
	}
	must(t, "registry", "accept-admin", "--registry", file, "--key", at("next"))
	if roles := must(t, "registry", "roles", "--registry", file); !strings.Contains(roles, "admin         "+addressOfKey(t, keys["next"]).String()) {
		t.Errorf("roles:\n%s", roles)
	}
}

// publicOf reads the text of a public key file.
func publicOf(t *testing.T, path string) string {
	t.Helper()
	key, err := readPublicKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(key)
}
