package did_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/chainwatch/devchain"
	chaindid "camswarm/chainwatch/did"
	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/did"
	"camswarm/verify/sign"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ipfs/go-cid"
	"github.com/mr-tron/base58"
)

// didWorld is a chain that answers as IoTeX's do, with the three kinds of DID
// registries on it and a host for documents.
type didWorld struct {
	t         *testing.T
	ctx       context.Context
	client    *registry.Client
	key       *sign.Key
	chainURL  string
	contracts map[string]*didContract // by kind

	host  *httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc                                // by path
	lies  map[string]func(method string, raw json.RawMessage) string // by operator: another result, "" for the true one
	ipfs  map[string][]byte                                          // by CID
}

type didContract struct {
	address verify.Address
	abi     abi.ABI
}

func newDIDWorld(t *testing.T) *didWorld {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &didWorld{
		t: t, ctx: ctx, contracts: map[string]*didContract{}, pages: map[string]http.HandlerFunc{},
		lies: map[string]func(string, json.RawMessage) string{}, ipfs: map[string][]byte{},
	}
	var err error
	if w.key, err = sign.Generate(verify.ES256K); err != nil {
		t.Fatal(err)
	}
	account, _ := w.key.Address()
	chain, err := devchain.Start(ctx, devchain.Config{ChainID: 4690, IoTeX: true, Fund: []verify.Address{account}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	w.chainURL = chain.URL()
	if w.client, err = registry.Dial(ctx, w.chainURL, 4690); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.Close)

	for kind, name := range map[string]string{"v0": "AddressDIDRegistry", "v1": "IoIDRegistryV1", "v2": "IoIDRegistryV2"} {
		parsed, code := chaindid.Artefact(t, name)
		_, address, err := w.client.Send(ctx, w.key, nil, common.FromHex(code))
		if err != nil {
			t.Fatal(err)
		}
		w.contracts[kind] = &didContract{address, *parsed}
	}
	w.host = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		page := w.pages[r.URL.Path]
		w.mu.Unlock()
		if page == nil {
			http.NotFound(rw, r)
			return
		}
		page(rw, r)
	}))
	w.host.Config.ErrorLog = log.New(io.Discard, "", 0)
	w.host.StartTLS()
	t.Cleanup(w.host.Close)
	return w
}

// transact calls a function of a registry that changes it.
func (w *didWorld) transact(kind, function string, args ...any) {
	w.t.Helper()
	c := w.contracts[kind]
	data, err := c.abi.Pack(function, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := w.client.Send(w.ctx, w.key, &c.address, data); err != nil {
		w.t.Fatal(err)
	}
}

// id is how a registry of a kind names a DID.
func id(t *testing.T, kind string, did verify.DID) any {
	t.Helper()
	text := strings.TrimPrefix(string(did), "did:io:")
	switch kind {
	case "v0":
		return []byte(did)
	case "v1":
		return common.HexToAddress(text)
	}
	b, err := base58.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return [32]byte(b)
}

func (w *didWorld) set(kind string, did verify.DID, hash [32]byte, uri string) {
	w.t.Helper()
	var text any = uri
	if kind == "v0" {
		text = []byte(uri)
	}
	w.transact(kind, "set", id(w.t, kind, did), hash, text)
}

// publish puts a document on the host and returns its address.
func (w *didWorld) publish(path string, text []byte) string {
	return w.serve(path, func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(text) })
}

func (w *didWorld) serve(path string, page http.HandlerFunc) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[path] = page
	return w.host.URL + path
}

// liar is an endpoint that answers from the real chain, with changes.
type liar struct {
	chainwatch.Caller
	lie func(method string, raw json.RawMessage) string
}

func (l liar) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	raw, err := l.Caller.Call(ctx, method, params...)
	if err == nil {
		if other := l.lie(method, raw); other != "" {
			return json.RawMessage(other), nil
		}
	}
	return raw, err
}

// resolver asks four operators, through registries of the given kinds, and waits
// for documents that long.
func (w *didWorld) resolver(timeout time.Duration, kinds ...string) *chaindid.Resolver {
	w.t.Helper()
	cfg := chaindid.DefaultConfig(4690)
	cfg.V1, cfg.Timeout, cfg.DocumentTimeout = "", patience, timeout
	for _, kind := range kinds {
		*map[string]*string{"v0": &cfg.V0, "v1": &cfg.V1, "v2": &cfg.V2}[kind] = w.contracts[kind].address.String()
	}
	for _, operator := range []string{"a", "b", "c", "d"} {
		cfg.Endpoints = append(cfg.Endpoints, chainwatch.Endpoint{URL: "https://" + operator + ".example", Operator: operator})
	}
	roots := x509.NewCertPool()
	roots.AddCert(w.host.Certificate())
	r, err := chaindid.NewResolver(cfg, chaindid.Options{
		RootCAs: roots,
		Dial: func(e chainwatch.Endpoint) (chainwatch.Caller, error) {
			real, err := chainwatch.Dial(chainwatch.Endpoint{URL: w.chainURL})
			w.mu.Lock()
			lie := w.lies[e.Operator]
			w.mu.Unlock()
			if lie != nil {
				return liar{real, lie}, err
			}
			return real, err
		},
		FetchCID: func(_ context.Context, c cid.Cid) ([]byte, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if b, ok := w.ipfs[c.String()]; ok {
				return b, nil
			}
			return nil, errors.New("nobody has it")
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// attacked fails the test unless the DID is refused under the attack's name.
func (w *didWorld) attacked(r *chaindid.Resolver, did verify.DID, attack string) chaindid.Resolution {
	w.t.Helper()
	res, err := r.Resolve(w.ctx, did)
	if verify.AttackName(err) != attack || verify.IsHard(err) || res.Document != nil {
		w.t.Errorf("%s: document %v, error %v, want %s", did, res.Document, err, attack)
	}
	return res
}

// resolved fails the test unless the DID has the document.
func (w *didWorld) resolved(r *chaindid.Resolver, did verify.DID, text []byte) chaindid.Resolution {
	w.t.Helper()
	res, err := r.Resolve(w.ctx, did)
	if err != nil || !bytes.Equal(res.JSON, text) {
		w.t.Fatalf("%s: %+v, %v", did, res, err)
	}
	return res
}

const (
	didHex    verify.DID = "did:io:0xabcdef0123456789abcdef0123456789abcdef01"
	didBase58 verify.DID = "did:io:4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi"
	patience             = 30 * time.Second
)

// newDocument makes a document with one signer and one operator.
func newDocument(t *testing.T, id verify.DID) ([]byte, verify.PublicKey, verify.PublicKey) {
	t.Helper()
	signer, err := sign.Generate(verify.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := sign.Generate(verify.ES256K)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := did.NewDocument(id, map[did.Relationship][]verify.PublicKey{
		did.AssertionMethod: {signer.Public()}, did.CapabilityInvocation: {operator.Public()},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := doc.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text, signer.Public(), operator.Public()
}

// Every kind of registry, over https, and from IPFS by CID.
func TestResolvesDIDsOfEveryKind(t *testing.T) {
	w := newDIDWorld(t)
	for _, tt := range []struct {
		kind string
		did  verify.DID
	}{{"v0", didHex}, {"v1", didHex}, {"v2", didBase58}} {
		t.Run(tt.kind, func(t *testing.T) {
			w.t = t
			text, signer, operator := newDocument(t, tt.did)
			sum := sha256.Sum256(text)
			r := w.resolver(patience, tt.kind)
			w.set(tt.kind, tt.did, sum, w.publish("/"+tt.kind, text))
			res := w.resolved(r, tt.did, text)
			if res.Kind != tt.kind || res.SHA256 != sum || res.Votes != 4 || res.Need != 3 || res.DID != tt.did || res.Registry.Address != w.contracts[tt.kind].address {
				t.Errorf("resolution %+v", res)
			}
			if account, _ := w.key.Address(); tt.kind == "v0" && res.Owner != account {
				t.Errorf("owner %s, want %s", res.Owner, account)
			}
			if res.Document.Allows(signer, did.AssertionMethod) != nil || res.Document.Allows(operator, did.CapabilityInvocation) != nil {
				t.Errorf("document %+v", res.Document)
			}
			name := verify.RawCID(sum).String()
			for _, uri := range []string{"ipfs://" + name, name} {
				w.set(tt.kind, tt.did, sum, uri)
				w.ipfs[name] = nil
				delete(w.ipfs, name)
				w.attacked(r, tt.did, "did_doc_unavailable")
				w.ipfs[name] = append([]byte("changed "), text...)
				w.attacked(r, tt.did, "did_doc_hash_mismatch")
				w.ipfs[name] = text
				w.resolved(r, tt.did, text)
			}
		})
	}
	w.t = t
	key, err := sign.Generate(verify.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	res, err := w.resolver(patience, "v2").Resolve(t.Context(), verify.DIDKey(key.Public()))
	if err != nil || res.Kind != "key" || res.Document.Allows(key.Public(), did.AssertionMethod) != nil {
		t.Errorf("did:key: %+v, %v", res, err)
	}
	// Where no registry is named for a form, nobody else is asked.
	if _, err := w.resolver(patience, "v2").Resolve(t.Context(), didHex); !errors.Is(err, chainwatch.ErrConfig) {
		t.Errorf("no registry: %v", err)
	}
}

// did_doc_hash_mismatch: whoever holds the host, or the way to it, can put any
// document there, and none but the registered one is even parsed.
func TestThreatDIDDocHashMismatch(t *testing.T) {
	w := newDIDWorld(t)
	r := w.resolver(patience, "v1")
	text, signer, _ := newDocument(t, didHex)
	w.set("v1", didHex, sha256.Sum256(text), w.publish("/did.json", text))
	w.resolved(r, didHex, text)
	rogue, _, _ := newDocument(t, didHex)
	for name, other := range map[string][]byte{
		"rogue keys": rogue, "one space more": append([]byte(" "), text...), "nothing": {}, "not JSON": []byte("<html>"),
	} {
		w.publish("/did.json", other)
		if res := w.attacked(r, didHex, "did_doc_hash_mismatch"); res.SHA256 != sha256.Sum256(text) {
			t.Errorf("%s: %+v", name, res)
		}
	}
	// The right digest of another identity's document is no better.
	foreign, _, _ := newDocument(t, "did:io:0x00000000000000000000000000000000000000ff")
	w.set("v1", didHex, sha256.Sum256(foreign), w.publish("/foreign.json", foreign))
	w.attacked(r, didHex, "mix_and_match")

	w.set("v1", didHex, sha256.Sum256(text), w.publish("/did.json", text))
	if res := w.resolved(r, didHex, text); res.Document.Allows(signer, did.AssertionMethod) != nil {
		t.Error("the honest document does not get through")
	}
}

// did_case_alias: in registries that key by text, another spelling of an
// identity is another record, which anybody might own.
func TestThreatDIDCaseAlias(t *testing.T) {
	w := newDIDWorld(t)
	alias := verify.DID("did:io:0x" + strings.ToUpper(string(didHex[9:])))
	text, _, _ := newDocument(t, didHex)
	w.set("v0", didHex, sha256.Sum256(text), w.publish("/honest", text))
	rogue, _, _ := newDocument(t, didHex)
	rogue = bytes.ReplaceAll(rogue, []byte(didHex), []byte(alias))
	w.set("v0", alias, sha256.Sum256(rogue), w.publish("/rogue", rogue))
	r := w.resolver(patience, "v0")
	for _, name := range []verify.DID{alias, didHex, didHex[:9] + alias[9:20] + didHex[20:]} {
		if res := w.resolved(r, name, text); res.DID != didHex || res.Document.ID != didHex {
			t.Errorf("%s is %s", name, res.DID)
		}
	}
	// A document that is registered in another spelling is its subject's own.
	w.set("v0", didHex, sha256.Sum256(rogue), w.publish("/rogue", rogue))
	if res := w.resolved(r, didHex, rogue); res.Document.ID != didHex {
		t.Errorf("id %s", res.Document.ID)
	}
}

// did_deactivated: a DID without a record, with an empty one, or whose document
// says so has no keys. What stood in a deleted record does not come back.
func TestThreatDIDDeactivated(t *testing.T) {
	w := newDIDWorld(t)
	for _, tt := range []struct {
		kind string
		did  verify.DID
	}{{"v0", didHex}, {"v1", didHex}, {"v2", didBase58}} {
		t.Run(tt.kind, func(t *testing.T) {
			w.t = t
			r := w.resolver(patience, tt.kind)
			if res := w.attacked(r, tt.did, "did_deactivated"); res.Kind != tt.kind { // never registered
				t.Errorf("%+v", res)
			}
			text, _, _ := newDocument(t, tt.did)
			uri := w.publish("/"+tt.kind, text)
			w.set(tt.kind, tt.did, sha256.Sum256(text), uri)
			w.resolved(r, tt.did, text)
			w.transact(tt.kind, "remove", id(t, tt.kind, tt.did))
			w.attacked(r, tt.did, "did_deactivated")
			w.set(tt.kind, tt.did, [32]byte{}, uri)
			w.attacked(r, tt.did, "did_deactivated")
			off := bytes.Replace(text, []byte("{"), []byte(`{"deactivated":true,`), 1)
			w.set(tt.kind, tt.did, sha256.Sum256(off), w.publish("/off", off))
			w.attacked(r, tt.did, "did_deactivated")
			w.set(tt.kind, tt.did, sha256.Sum256(text), uri)
			w.resolved(r, tt.did, text)
		})
	}
}

// did_key_wrong_relationship, from the chain to the key: a document registered
// under its right digest gives a key no power that it does not list it for.
func TestThreatDIDKeyWrongRelationship(t *testing.T) {
	w := newDIDWorld(t)
	r := w.resolver(patience, "v1")
	text, signer, operator := newDocument(t, didHex)
	login := bytes.ReplaceAll(text, []byte("assertionMethod"), []byte("authentication"))
	w.set("v1", didHex, sha256.Sum256(login), w.publish("/did.json", login))
	doc := w.resolved(r, didHex, login).Document
	if err := doc.Allows(signer, did.AssertionMethod); verify.AttackName(err) != "did_key_wrong_relationship" {
		t.Errorf("a key under authentication signs firmware: %v", err)
	}
	if err := doc.Allows(operator, did.AssertionMethod); verify.AttackName(err) != "did_key_wrong_relationship" {
		t.Errorf("a rollout key signs firmware: %v", err)
	}
	w.set("v1", didHex, sha256.Sum256(text), w.publish("/did.json", text))
	doc = w.resolved(r, didHex, text).Document
	if err := doc.Allows(signer, did.AssertionMethod); err != nil {
		t.Error(err)
	}
	if err := doc.Allows(signer, did.CapabilityInvocation); verify.AttackName(err) != "did_key_wrong_relationship" {
		t.Errorf("a signer sets rollouts: %v", err)
	}
}

// endless_data, slow_retrieval, net_redirect: a document's host is anybody, and
// gets no more than 64 KiB, one time-out, and no say in whom to ask next.
func TestThreatEndlessData_DocumentHost(t *testing.T) {
	w := newDIDWorld(t)
	r := w.resolver(patience, "v1")
	text, _, _ := newDocument(t, didHex)
	sum := sha256.Sum256(text)
	var mu sync.Mutex
	sent := 0
	endless := w.serve("/endless", func(rw http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			n, err := rw.Write(make([]byte, 16<<10))
			mu.Lock()
			sent += n
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	w.set("v1", didHex, sum, endless)
	w.attacked(r, didHex, "endless_data")
	mu.Lock()
	if sent > 64<<20 {
		t.Errorf("%d bytes were sent", sent) // what the sockets buffer, and no more
	}
	mu.Unlock()
	w.set("v1", didHex, sum, w.serve("/bomb", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", "gzip")
	}))
	w.attacked(r, didHex, "did_doc_unavailable")
	w.set("v1", didHex, sum, "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")
	w.ipfs["bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"] = make([]byte, 64<<10+1)
	w.attacked(r, didHex, "endless_data")
	w.set("v1", didHex, sum, w.publish("/did.json", text))
	w.resolved(r, didHex, text)
}

func TestThreatSlowRetrieval_DocumentHost(t *testing.T) {
	w := newDIDWorld(t)
	text, _, _ := newDocument(t, didHex)
	sum := sha256.Sum256(text)
	release := make(chan struct{})
	defer close(release)
	for name, page := range map[string]http.HandlerFunc{
		"silence": func(_ http.ResponseWriter, q *http.Request) {
			select {
			case <-release:
			case <-q.Context().Done():
			}
		},
		"trickle": func(rw http.ResponseWriter, q *http.Request) {
			for q.Context().Err() == nil {
				_, _ = rw.Write([]byte(" "))
				rw.(http.Flusher).Flush()
				select {
				case <-time.After(10 * time.Millisecond):
				case <-q.Context().Done():
				}
			}
		},
	} {
		w.set("v1", didHex, sum, w.serve("/"+name, page))
		w.attacked(w.resolver(300*time.Millisecond, "v1"), didHex, "slow_retrieval")
	}
	w.set("v1", didHex, sum, w.publish("/did.json", text))
	w.resolved(w.resolver(patience, "v1"), didHex, text)
}

func TestThreatNetRedirect_DocumentHost(t *testing.T) {
	w := newDIDWorld(t)
	r := w.resolver(patience, "v1")
	text, _, _ := newDocument(t, didHex)
	target := w.publish("/did.json", text)
	for _, code := range []int{301, 302, 303, 307, 308} {
		w.set("v1", didHex, sha256.Sum256(text), w.serve("/moved", func(rw http.ResponseWriter, q *http.Request) {
			http.Redirect(rw, q, target, code)
		}))
		w.attacked(r, didHex, "net_redirect")
	}
	plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(text) }))
	defer plain.Close()
	for _, uri := range []string{
		plain.URL, strings.Replace(target, "https://", "http://", 1), "file:///etc/passwd", "ipfs://not-a-cid", "ipns://k51qzi5uqu5d", "", "https://",
		"data:application/json,{}", "javascript:0", w.host.URL + "/absent",
	} {
		w.set("v1", didHex, sha256.Sum256(text), uri)
		w.attacked(r, didHex, "did_doc_unavailable")
	}
	w.set("v1", didHex, sha256.Sum256(text), target)
	w.resolved(r, didHex, text)
}

// net_onpath: whoever stands between and cannot show the host's certificate
// learns and changes nothing.
func TestThreatNetOnpath_DocumentHost(t *testing.T) {
	w := newDIDWorld(t)
	text, _, _ := newDocument(t, didHex)
	w.set("v1", didHex, sha256.Sum256(text), w.publish("/did.json", text))
	cfg := chaindid.DefaultConfig(4690)
	cfg.V1 = w.contracts["v1"].address.String()
	cfg.Endpoints = []chainwatch.Endpoint{{URL: w.chainURL, Operator: "a"}}
	r, err := chaindid.NewResolver(cfg, chaindid.Options{RootCAs: x509.NewCertPool()})
	if err != nil {
		t.Fatal(err)
	}
	w.attacked(r, didHex, "did_doc_unavailable")
	w.resolved(w.resolver(patience, "v1"), didHex, text)
}

// rpc_single_liar: one of four operators with a record of its own is outvoted
// and named; two of four mean that nothing is believed.
func TestThreatRPCSingleLiar_DIDRecord(t *testing.T) {
	w := newDIDWorld(t)
	text, _, _ := newDocument(t, didHex)
	rogue, _, _ := newDocument(t, didHex)
	sum, other := sha256.Sum256(text), sha256.Sum256(rogue)
	w.set("v1", didHex, sum, w.publish("/did.json", text))
	w.publish("/rogue", rogue)
	lie := func(method string, raw json.RawMessage) string {
		if strings.Contains(string(raw), hex.EncodeToString(sum[:])) {
			return fmt.Sprintf(`"0x%x"`, other)
		}
		return ""
	}
	gone := func(method string, raw json.RawMessage) string {
		if method == "eth_call" {
			return `"0x` + strings.Repeat("0", 64) + `"`
		}
		return ""
	}
	chain := func(method string, _ json.RawMessage) string {
		if method == "eth_chainId" {
			return `"0x1251"`
		}
		return ""
	}
	for name, tt := range map[string]struct {
		lie    func(string, json.RawMessage) string
		state  chainwatch.State
		attack string
	}{
		"another digest": {lie, chainwatch.StateContradict, "rpc_single_liar"},
		"no such DID":    {gone, chainwatch.StateContradict, "rpc_single_liar"},
		"another chain":  {chain, chainwatch.StateFailing, "rpc_wrong_chain"},
		"no contract":    {func(m string, _ json.RawMessage) string { return map[string]string{"eth_call": `"0x"`}[m] }, chainwatch.StateFailing, "rpc_wrong_chain"},
		"rubbish":        {func(m string, _ json.RawMessage) string { return map[string]string{"eth_call": `"0x01"`}[m] }, chainwatch.StateFailing, "rpc_malformed"},
	} {
		w.lies = map[string]func(string, json.RawMessage) string{"c": tt.lie}
		res := w.resolved(w.resolver(patience, "v1"), didHex, text)
		if e := res.Endpoints[2]; res.Votes != 3 || e.State != tt.state || e.Attack != tt.attack || e.LastError == "" {
			t.Errorf("%s: %d votes, endpoint %+v", name, res.Votes, e)
		}
		w.lies["d"] = tt.lie
		attack := "rpc_no_quorum"
		if tt.state == chainwatch.StateFailing {
			attack = "rpc_down_all"
		}
		w.attacked(w.resolver(patience, "v1"), didHex, attack)
	}
	w.lies = nil
	w.resolved(w.resolver(patience, "v1"), didHex, text)
}
