package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/sign"
)

const makerDID = "did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a"

// didRegistry is a stand-in for ioID v1 on the tool's chain.
type didRegistry struct {
	*tool
	abi     abi.ABI
	client  *registry.Client
	key     *sign.Key
	address verify.Address
}

func (w *tool) didRegistry() *didRegistry {
	t := w.t
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "chainwatch", "contracts", "DIDRegistries.json"))
	if err != nil {
		t.Fatal(err)
	}
	var artefact struct {
		Contracts map[string]struct {
			ABI json.RawMessage `json:"abi"`
			Bin string          `json:"bin"`
		} `json:"contracts"`
	}
	if err := json.Unmarshal(raw, &artefact); err != nil {
		t.Fatal(err)
	}
	contract := artefact.Contracts["DIDRegistries.sol:IoIDRegistryV1"]
	d := &didRegistry{tool: w}
	if d.abi, err = abi.JSON(bytes.NewReader(contract.ABI)); err != nil {
		t.Fatal(err)
	}
	file, err := readRegistryFile(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	if d.client, err = file.dial(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	if d.key, err = sign.Load(w.at("admin")); err != nil {
		t.Fatal(err)
	}
	if _, d.address, err = d.client.Send(t.Context(), d.key, nil, common.FromHex(contract.Bin)); err != nil {
		t.Fatal(err)
	}
	return d
}

// register registers a document's hash and address for the manufacturer.
func (d *didRegistry) register(hash [32]byte, uri string) {
	d.t.Helper()
	data, err := d.abi.Pack("set", common.HexToAddress(makerDID[len("did:io:"):]), hash, uri)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	if _, _, err := d.client.Send(ctx, d.key, &d.address, data); err != nil {
		d.t.Fatal(err)
	}
}

// TestDIDDocumentFromKeysToChain makes a document, registers it, resolves it and
// holds the chain against it, each with the commands that people use.
func TestDIDDocumentFromKeysToChain(t *testing.T) {
	w := newTool(t)
	d := w.didRegistry()
	const product = "acme.example/cam-2"
	must(t, w.admin("manufacturer", append([]string{"--admin", w.at("stranger.pub"), "--did", makerDID}, w.signers()...)...)...)
	must(t, w.admin("product", "--product", product, "--manufacturer", makerDID, "--operator", w.at("operator.pub"))...)

	made := facts[newDocumentFacts](t, "did", "new", "--did", "did:io:0x"+strings.ToUpper(makerDID[9:]), "--out", w.at("did.json"),
		"--signer", w.at("s1.pub"), "--signer", w.at("s2.pub"), "--signer", w.at("s3.pub"), "--operator", w.at("operator.pub"))
	text, err := os.ReadFile(w.at("did.json"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if made.DID != makerDID || made.CID != verify.RawCID(sum).String() {
		t.Errorf("%+v", made)
	}
	refused(t, exitFailed, []string{"never overwritten"}, "did", "new", "--did", makerDID, "--out", w.at("did.json"), "--signer", w.at("s1.pub"))
	refused(t, exitFailed, []string{"secp256k1"}, "did", "new", "--did", makerDID, "--out", w.at("x.json"), "--signer", w.at("s1.pub"), "--operator", w.at("s2.pub"))
	refused(t, exitUsage, []string{"did:key is its own document"}, "did", "new", "--did", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "--signer", w.at("s1.pub"))

	var mu sync.Mutex
	pages := map[string][]byte{}
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if page, ok := pages[r.URL.Path]; ok {
			_, _ = rw.Write(page)
			return
		}
		http.NotFound(rw, r)
	}))
	t.Cleanup(gateway.Close)
	serve := func(cid string, page []byte) {
		mu.Lock()
		defer mu.Unlock()
		pages["/ipfs/"+cid] = page
	}
	resolve := []string{"did", "resolve", makerDID, "--registry", w.registry, "--v1", d.address.String(), "--gateway", gateway.URL}
	check := []string{"did", "check", "--registry", w.registry, "--product", product, "--v1", d.address.String(), "--gateway", gateway.URL}

	refused(t, exitFailed, []string{"did_deactivated"}, resolve...)
	d.register(sum, "ipfs://"+made.CID)
	refused(t, exitFailed, []string{"did_doc_unavailable", "404"}, resolve...)
	serve(made.CID, []byte(`{"id":"`+makerDID+`"}`))
	refused(t, exitFailed, []string{"did_doc_hash_mismatch"}, resolve...)
	refused(t, exitFailed, []string{"did_doc_unavailable", "camswarmd"}, "did", "resolve", makerDID, "--registry", w.registry, "--v1", d.address.String(), "--socket", w.at("nobody"))
	serve(made.CID, text)
	got := facts[resolveFacts](t, append(resolve, "--out", w.at("copy.json"))...)
	if got.DID != makerDID || got.Kind != "v1" || len(got.Signers) != 3 || len(got.Operators) != 1 || got.Operators[0].Address == nil || got.Votes != 1 {
		t.Errorf("%+v", got)
	}
	if copied, err := os.ReadFile(w.at("copy.json")); err != nil || !bytes.Equal(copied, text) {
		t.Errorf("the document was written as %q, %v", copied, err)
	}
	for _, line := range []string{"signs firmware", "sets rollouts", "ipfs://" + made.CID, "account 0x"} {
		if out := must(t, resolve...); !strings.Contains(out, line) {
			t.Errorf("did resolve does not say %q:\n%s", line, out)
		}
	}

	ok := facts[didCheckFacts](t, check...)
	if len(ok.Checks) != 4 || ok.Manufacturer != makerDID {
		t.Errorf("%+v", ok)
	}

	// did_key_wrong_relationship: the third signer only logs in, and the operator's
	// key is not there.
	made = facts[newDocumentFacts](t, "did", "new", "--did", makerDID, "--out", w.at("did2.json"),
		"--signer", w.at("s1.pub"), "--signer", w.at("s2.pub"), "--auth", w.at("s3.pub"))
	text, err = os.ReadFile(w.at("did2.json"))
	if err != nil {
		t.Fatal(err)
	}
	d.register(sha256.Sum256(text), made.CID)
	serve(made.CID, text)
	r := camswarm(t, append(check, "--json")...)
	var bad didCheckFacts
	if err := json.Unmarshal([]byte(r.stdout), &bad); err != nil || r.code != exitFailed || !strings.Contains(r.stderr, "2 of 4") {
		t.Fatalf("exit code %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
	}
	for i, c := range bad.Checks {
		if wrong := i >= 2; (c.Attack == "did_key_wrong_relationship") != wrong || (c.Problem != "") != wrong {
			t.Errorf("check %d: %+v", i, c)
		}
	}
	if !strings.Contains(bad.Checks[2].Problem, "only under authentication") {
		t.Errorf("%+v", bad.Checks[2])
	}
	// The file of before is right, and needs no chain of DIDs.
	must(t, "did", "check", "--registry", w.registry, "--product", product, "--document", w.at("did.json"))
	refused(t, exitFailed, []string{"is the document of"}, "did", "check", "--registry", w.registry, "--product", product, "--document",
		writeFile(t, w.at("other.json"), bytes.ReplaceAll(text, []byte(makerDID), []byte(makerDID[:len(makerDID)-1]+"b"))))
	refused(t, exitFailed, []string{"did:io"}, "did", "check", "--registry", w.registry, "--product", testProduct)
	refused(t, exitUsage, []string{"--rpc"}, "did", "resolve", makerDID)
	refused(t, exitFailed, []string{"v0, v1 or v2"}, "did", "resolve", makerDID, "--registry", w.registry)
	key := facts[resolveFacts](t, "did", "resolve", w.at("s1.pub"))
	if key.Kind != "key" || len(key.Signers) != 1 {
		t.Errorf("did:key: %+v", key)
	}
}
