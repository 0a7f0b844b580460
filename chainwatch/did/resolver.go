package did

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"camswarm/chainwatch"
	"camswarm/chainwatch/internal/abi"
	"camswarm/chainwatch/internal/web"
	"camswarm/verify"
	"camswarm/verify/did"

	"github.com/ipfs/go-cid"
	"github.com/mr-tron/base58"
)

// Config says in which contracts did:io identifiers are registered and whom
// to ask about them.
type Config struct {
	// ChainID is the EIP-155 chain id: 4689 IoTeX mainnet, 4690 testnet.
	ChainID uint64 `toml:"chain_id"`
	// V0 is the address (0x or io1 form) of a registry of the first kind, with
	// getHash(bytes), getURI(bytes) and getOwner(bytes). Identifiers of the form
	// did:io:0x… are looked up either there or in V1, never in both: a DID that was
	// deactivated in one must not come back from the other.
	V0 string `toml:"v0"`
	// V1 is the address of the ioID v1 registry, with exists(address),
	// documentHash(address) and documentURI(address), for did:io:0x….
	V1 string `toml:"v1"`
	// V2 is the address of the ioID v2 registry, with
	// getDIDDocMetadata(bytes32), for the base58 form of did:io.
	V2 string `toml:"v2"`
	// Endpoints are the servers to ask, as for [chainwatch.Config].
	Endpoints []chainwatch.Endpoint `toml:"endpoints"`
	// QuorumStart is how many operators must say the same, as for [chainwatch.Config].
	QuorumStart int `toml:"quorum_start"`
	// Finality is the block tag to read at, as for [chainwatch.Config].
	Finality string `toml:"finality"`
	// Timeout bounds the questions to all endpoints, as for [chainwatch.Config].
	Timeout time.Duration `toml:"timeout"`
	// DocumentTimeout bounds the document's fetch, all bytes included; it also
	// ends documents that come byte by byte.
	DocumentTimeout time.Duration `toml:"document_timeout"`
}

// DefaultConfig returns the defaults for a chain. Known are the ioID v1
// registries of IoTeX's mainnet and testnet; of the other kinds IoTeX publishes
// no address that is meant for everybody. Endpoints have no default.
func DefaultConfig(chainID uint64) Config {
	base := chainwatch.DefaultConfig()
	c := Config{ChainID: chainID, Finality: base.Finality, Timeout: base.Timeout, DocumentTimeout: base.Timeout}
	switch chainID {
	case 4689:
		c.V1 = "0x04e4655cf258ec802d17c23ec6112ef7d97fa2af"
	case 4690:
		c.V1 = "0x0a7e595c7889df3652a19af52c18377bf17e027d"
	}
	return c
}

// chain returns the configuration under which one registry is asked.
func (c Config) chain(registry string) chainwatch.Config {
	chain := chainwatch.DefaultConfig()
	chain.ChainID, chain.Registry, chain.Endpoints = c.ChainID, registry, c.Endpoints
	chain.QuorumStart, chain.Finality, chain.Timeout = c.QuorumStart, c.Finality, c.Timeout
	return chain
}

// Validate checks every field and says what to change.
func (c Config) Validate() error {
	if c.V0 != "" && c.V1 != "" {
		return fmt.Errorf("%w: v0 and v1 both answer for did:io:0x…; name the one in which your identifiers are registered", chainwatch.ErrConfig)
	}
	var errs []error
	for _, registry := range []string{c.V0, c.V1, c.V2} {
		if registry != "" {
			errs = append(errs, c.chain(registry).Validate())
		}
	}
	if c.DocumentTimeout < 100*time.Millisecond || c.DocumentTimeout > web.CallTimeout {
		errs = append(errs, fmt.Errorf("%w: document_timeout is %v; it must be between 100ms and %v", chainwatch.ErrConfig, c.DocumentTimeout, web.CallTimeout))
	}
	if c.V0 == "" && c.V1 == "" && c.V2 == "" {
		return fmt.Errorf("%w: no DID registry is configured; set v0, v1 or v2 to its address", chainwatch.ErrConfig)
	}
	return errors.Join(errs...)
}

// Options are what a program injects into a [Resolver]. The zero value works
// for documents that are published over https.
type Options struct {
	Dial func(chainwatch.Endpoint) (chainwatch.Caller, error) // nil: chainwatch.Dial
	// FetchCID gets a file of at most 64 KiB from IPFS, for documents that the
	// chain points at by CID: the swarm's exchange, or [Gateway]. It is not
	// believed: what it returns is hashed. nil: such documents cannot be read.
	FetchCID func(ctx context.Context, c cid.Cid) ([]byte, error)
	// RootCAs are the authorities that certify document hosts. nil: the system's.
	RootCAs *x509.CertPool
}

// Resolver turns DIDs into documents. It may be used by many goroutines.
type Resolver struct {
	cfg  Config
	opts Options
}

// NewResolver checks the configuration; nothing is asked before Resolve.
func NewResolver(cfg Config, opts Options) (*Resolver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Resolver{cfg: cfg, opts: opts}, nil
}

// Resolution is what was found of a DID, as far as it got.
type Resolution struct {
	DID       verify.DID                  // in normal form
	Kind      string                      // "key", or the registry's kind: "v0", "v1", "v2"
	Registry  verify.RegistryRef          // zero for did:key
	SHA256    [32]byte                    // of the document, as the chain records it
	URI       string                      // of the document, as the chain records it
	Owner     verify.Address              // who may change the record; v0 only
	Votes     int                         // operators that said so
	Need      int                         // operators that had to
	Endpoints []chainwatch.EndpointStatus // what each endpoint said
	JSON      []byte                      // the document's bytes
	Document  *did.Document               // nil unless everything held
}

// Resolve finds the document of a DID. A did:key is its own document. For
// did:io the record of the registry (digest and address of the document) is
// believed when a start quorum of operators gives the same; then the document is
// fetched, its SHA-256 compared with the record's before a byte of it is parsed,
// and its id with the DID.
//
// Its errors are soft [*verify.Error]s: rpc_down_all and rpc_no_quorum as for a
// [chainwatch.Watcher]; did_deactivated (no record, or none any more); did_doc_unavailable,
// endless_data, slow_retrieval and net_redirect from the document's host;
// did_doc_hash_mismatch; mix_and_match (the document of another DID); and those
// of [did.ParseDocument]. With an error comes what was found until then.
func (r *Resolver) Resolve(ctx context.Context, name verify.DID) (Resolution, error) {
	id, err := verify.ParseDID(string(name)) // lower-cases: another spelling is another record in some registries
	if err != nil {
		return Resolution{}, verify.Soft("malformed", "%w", err)
	}
	if strings.HasPrefix(string(id), "did:key:") {
		doc, err := did.KeyDocument(id)
		return Resolution{DID: id, Kind: "key", Document: doc}, err
	}
	res := Resolution{DID: id}
	rec, err := r.lookUp(ctx, &res)
	if err != nil {
		return res, err
	}
	if rec.absent {
		return res, verify.Soft(verify.AttackDIDDeactivated, "registry %s holds no document for %s: it was deactivated, or never registered there", res.Registry, id)
	}
	res.SHA256, res.URI, res.Owner = rec.hash, rec.uri, rec.owner
	text, err := r.fetch(ctx, rec.uri)
	if err != nil {
		return res, err
	}
	if got := sha256.Sum256(text); got != rec.hash {
		return res, verify.Soft(verify.AttackDIDDocHash, "the document at %s has SHA-256 %x, the chain records %x: publish the registered document there, or register this one", web.Printable(rec.uri), got, rec.hash)
	}
	doc, err := did.ParseDocument(text)
	if err != nil {
		return res, err
	}
	if doc.ID != id {
		return res, verify.Soft(verify.AttackMixAndMatch, "the document registered for %s is that of %s: register the right one", id, doc.ID)
	}
	res.JSON, res.Document = text, doc
	return res, nil
}

// errABI is wrapped by errors about answers that no DID registry gives.
var errABI = errors.New("not an answer of a DID registry")

// maxAddress bounds a document's address in bytes.
const maxAddress = 2048

// record is what a registry says of a DID. It is comparable: two operators
// agree when their records are equal.
type record struct {
	absent bool
	hash   [32]byte
	uri    string
	owner  verify.Address // v0 only
}

// decide weighs replies as [chainwatch.Decide] weighs views: one vote per
// operator, none for one that contradicts itself, and need of them for the same.
// need is more than half of the operators, so at most one record can have it. It
// is pure.
func decide(replies []reply, need int) (record, int, *verify.Error) {
	said, disowned := map[string]record{}, map[string]bool{}
	for _, r := range replies {
		if r.Status.State != chainwatch.StateOK {
			continue
		}
		if rec, ok := said[r.Operator]; ok && rec != r.Value {
			disowned[r.Operator] = true
		}
		said[r.Operator] = r.Value
	}
	votes := map[record]int{}
	for operator, rec := range said {
		if !disowned[operator] {
			votes[rec]++
		}
	}
	for rec, n := range votes {
		if n >= need {
			return rec, n, nil
		}
	}
	if len(said) < need {
		return record{}, 0, verify.Soft("rpc_down_all", "only %d operators gave a usable answer, %d must agree", len(said), need)
	}
	return record{}, 0, verify.Soft("rpc_no_quorum", "%d operators answered, but no %d of them say the same; after a change of the document try again", len(said), need)
}

// reply is one endpoint's record.
type reply = chainwatch.Reply[record]

// lookUp asks every endpoint for the DID's record, in parallel.
func (r *Resolver) lookUp(ctx context.Context, res *Resolution) (record, error) {
	question, address, err := r.question(res)
	if err != nil {
		return record{}, err
	}
	chain := r.cfg.chain(address)
	res.Registry.ChainID = r.cfg.ChainID
	if res.Registry.Address, err = verify.ParseAddress(address); err != nil {
		return record{}, fmt.Errorf("%w: %w", chainwatch.ErrConfig, err)
	}
	res.Need = chain.Thresholds().Start
	replies, err := chainwatch.Ask(ctx, chain, r.opts.Dial, question)
	if err != nil {
		return record{}, err
	}
	rec, votes, refusal := decide(replies, res.Need)
	var failing []string
	for _, r := range replies {
		if refusal == nil && r.Status.State == chainwatch.StateOK && r.Value != rec {
			r.Contradicts("its record of %s is not the quorum's", res.DID)
		}
		res.Endpoints = append(res.Endpoints, r.Status)
		if r.Status.LastError != "" {
			failing = append(failing, r.Status.LastError)
		}
	}
	if refusal != nil {
		if len(failing) > 0 {
			refusal.Err = fmt.Errorf("%w (%s)", refusal.Err, strings.Join(failing, "; "))
		}
		return record{}, refusal
	}
	res.Votes = votes
	return rec, nil
}

// question chooses the registry for a DID and returns how one endpoint is asked
// for the record there; call makes one eth_call.
//
// The record is read by several calls in the older registries. A change between
// them can mix two records; the document's digest tells.
func (r *Resolver) question(res *Resolution) (ask func(call func([]byte) ([]byte, error)) (record, error), address string, err error) {
	const addressForm = "did:io:0x"
	text := string(res.DID)
	switch {
	case strings.HasPrefix(text, addressForm) && r.cfg.V1 != "":
		res.Kind = "v1"
		device, err := hex.DecodeString(text[len(addressForm):])
		if err != nil {
			return nil, "", verify.Soft("malformed", "%s: %w", text, err)
		}
		arg := append(make([]byte, abi.Word-len(device)), device...)
		return func(call func([]byte) ([]byte, error)) (record, error) { return readV1(call, arg) }, r.cfg.V1, nil
	case strings.HasPrefix(text, addressForm) && r.cfg.V0 != "":
		res.Kind = "v0"
		arg := encodeBytes(text)
		return func(call func([]byte) ([]byte, error)) (record, error) { return readV0(call, arg) }, r.cfg.V0, nil
	case !strings.HasPrefix(text, addressForm) && r.cfg.V2 != "":
		res.Kind = "v2"
		key, err := base58.Decode(strings.TrimPrefix(text, "did:io:"))
		if err != nil {
			return nil, "", verify.Soft("malformed", "%s: %w", text, err)
		}
		return func(call func([]byte) ([]byte, error)) (record, error) { return readV2(call, key) }, r.cfg.V2, nil
	}
	return nil, "", fmt.Errorf("%w: no registry for %s; set v0 or v1 for did:io:0x…, v2 for the base58 form", chainwatch.ErrConfig, text)
}

// The first four bytes of the keccak256 of the registries' functions. A test
// compares them with the committed artefact.
const (
	getHashSelector      = "\xb0\x01\x40\xaa" // getHash(bytes)
	getURISelector       = "\x86\x26\xde\xa9" // getURI(bytes)
	getOwnerSelector     = "\xb1\x02\xbf\xbe" // getOwner(bytes)
	existsSelector       = "\xf6\xa3\xd2\x4e" // exists(address)
	documentHashSelector = "\x35\x98\x46\x78" // documentHash(address)
	documentURISelector  = "\x1d\x9d\xba\xe4" // documentURI(address)
	metadataSelector     = "\xe7\xf0\x6b\x44" // getDIDDocMetadata(bytes32)
)

func readV0(call func([]byte) ([]byte, error), arg []byte) (rec record, err error) {
	answer, err := call(append([]byte(getHashSelector), arg...))
	if reverted(err) {
		return record{absent: true}, nil
	}
	if err != nil {
		return rec, err
	}
	if rec.hash, err = decodeWord(answer); err != nil || rec.hash == ([32]byte{}) {
		return record{absent: err == nil}, err
	}
	if answer, err = call(append([]byte(getURISelector), arg...)); err != nil {
		return rec, err
	}
	if rec.uri, err = decodeText(answer); err != nil {
		return rec, err
	}
	if answer, err = call(append([]byte(getOwnerSelector), arg...)); err != nil {
		return rec, err
	}
	owner, err := decodeWord(answer)
	if err == nil && [abi.Word - len(rec.owner)]byte(owner[:]) != ([abi.Word - len(rec.owner)]byte{}) {
		err = fmt.Errorf("%w: an address has more than %d bytes", errABI, len(rec.owner))
	}
	copy(rec.owner[:], owner[abi.Word-len(rec.owner):])
	return rec, err
}

func readV1(call func([]byte) ([]byte, error), arg []byte) (rec record, err error) {
	answer, err := call(append([]byte(existsSelector), arg...))
	if err != nil {
		return rec, err
	}
	t := abi.New(answer, 1)
	there := t.Bool(0)
	if err := ended(t); err != nil || !there {
		return record{absent: err == nil}, err
	}
	if answer, err = call(append([]byte(documentHashSelector), arg...)); err != nil {
		return rec, err
	}
	if rec.hash, err = decodeWord(answer); err != nil || rec.hash == ([32]byte{}) {
		return record{absent: err == nil}, err
	}
	if answer, err = call(append([]byte(documentURISelector), arg...)); err != nil {
		return rec, err
	}
	rec.uri, err = decodeText(answer)
	return rec, err
}

func readV2(call func([]byte) ([]byte, error), key []byte) (rec record, err error) {
	answer, err := call(append([]byte(metadataSelector), key...))
	if err != nil {
		return rec, err
	}
	t := abi.New(answer, 2)
	rec = record{uri: string(t.Bytes(0, maxAddress)), hash: t.Bytes32(1)}
	if err := ended(t); err != nil {
		return record{}, err
	}
	if rec.hash == ([32]byte{}) {
		return record{absent: true}, nil
	}
	return rec, nil
}

// reverted reports whether the contract refused, which the first registries do
// for a DID without a record.
func reverted(err error) bool {
	var rpc *chainwatch.RPCError
	return errors.As(err, &rpc) && strings.Contains(rpc.Message, "revert")
}

// encodeBytes encodes the one argument of a function that takes bytes.
func encodeBytes(s string) []byte {
	b := make([]byte, 2*abi.Word+(len(s)+abi.Word-1)/abi.Word*abi.Word)
	b[abi.Word-1] = abi.Word
	binary.BigEndian.PutUint64(b[2*abi.Word-8:], uint64(len(s)))
	copy(b[2*abi.Word:], s)
	return b
}

func decodeWord(answer []byte) ([32]byte, error) {
	if len(answer) != abi.Word {
		return [32]byte{}, fmt.Errorf("%w: %d bytes instead of one word", errABI, len(answer))
	}
	return [32]byte(answer), nil
}

func decodeText(answer []byte) (string, error) {
	t := abi.New(answer, 1)
	s := string(t.Bytes(0, maxAddress))
	return s, ended(t)
}

// ended checks that a whole answer was read.
func ended(t *abi.Tuple) error {
	if err := t.Done(); err != nil {
		return fmt.Errorf("%w: %w", errABI, err)
	}
	return nil
}

// fetch gets the document that a record points at.
func (r *Resolver) fetch(ctx context.Context, uri string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.DocumentTimeout)
	defer cancel()
	name, inIPFS := strings.CutPrefix(uri, "ipfs://")
	c, err := cid.Decode(name)
	switch {
	case err == nil && r.opts.FetchCID == nil:
		return nil, verify.Soft("did_doc_unavailable", "the document is in IPFS (%s): name a gateway", c)
	case err == nil:
		text, err := r.opts.FetchCID(ctx, c)
		var known *verify.Error
		if err != nil && !errors.As(err, &known) {
			err = verify.Soft("did_doc_unavailable", "the document %s could not be fetched from IPFS: %w", c, err)
		}
		if len(text) > verify.MaxDocumentSize {
			return nil, verify.Soft(verify.AttackEndlessData, "the document %s is over the limit of %d bytes", c, verify.MaxDocumentSize)
		}
		return text, err
	case inIPFS:
		return nil, verify.Soft("did_doc_unavailable", "%q names no CID: register ipfs://CID", web.Printable(uri))
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return nil, verify.Soft("did_doc_unavailable", "the document is at %q, which is neither an https address nor ipfs://CID: register one that is", web.Printable(uri))
	}
	return get(ctx, web.Client(u.Hostname(), r.opts.RootCAs), u)
}

// Gateway returns a FetchCID that asks an HTTP gateway to IPFS, such as
// http://127.0.0.1:8080. The gateway is not trusted: what it answers is hashed.
func Gateway(base string) (func(ctx context.Context, c cid.Cid) ([]byte, error), error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("gateway %q must be an http or https address", base)
	}
	return func(ctx context.Context, c cid.Cid) ([]byte, error) {
		return get(ctx, web.Client(u.Hostname(), nil), u.JoinPath("ipfs", c.String()))
	}, nil
}

// get fetches at most a document's size from a host that may be anybody.
func get(ctx context.Context, client *http.Client, u *url.URL) ([]byte, error) {
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, verify.Soft("did_doc_unavailable", "%w", web.WithoutURL(err))
	}
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		if err = web.WithoutURL(err); web.TimedOut(err) {
			return nil, verify.Soft("slow_retrieval", "%s did not answer in time: %w", u.Host, err)
		}
		return nil, verify.Soft("did_doc_unavailable", "%s cannot be reached: %w", u.Host, err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		return nil, verify.Soft("net_redirect", "%s redirects (HTTP %d), which is not followed: register the document's final address", u.Host, code)
	case code != http.StatusOK:
		return nil, verify.Soft("did_doc_unavailable", "%s answers HTTP %d", u.Host, code)
	case resp.Header.Get("Content-Encoding") != "" && !strings.EqualFold(resp.Header.Get("Content-Encoding"), "identity"):
		return nil, verify.Soft("did_doc_unavailable", "%s compresses the document although that was not asked for", u.Host)
	}
	text, err := web.ReadBody(ctx, resp.Body, verify.MaxDocumentSize)
	if err != nil {
		if err = web.WithoutURL(err); web.TimedOut(err) {
			return nil, verify.Soft("slow_retrieval", "the document from %s did not end in time: %w", u.Host, err)
		}
		return nil, verify.Soft("did_doc_unavailable", "the document from %s broke off: %w", u.Host, err)
	}
	if len(text) > verify.MaxDocumentSize {
		return nil, verify.Soft(verify.AttackEndlessData, "the document from %s is over the limit of %d bytes", u.Host, verify.MaxDocumentSize)
	}
	return text, nil
}
