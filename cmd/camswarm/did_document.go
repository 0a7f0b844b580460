package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"camswarm/chainwatch"
	chaindid "camswarm/chainwatch/did"
	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/bindings"
	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/verify"
	"camswarm/verify/did"
)

// didFlags say where DIDs are registered and whom to ask.
type didFlags struct {
	config   string
	registry registryFlags
	chainID  uint64
	quorum   int
	v0, v1   string
	v2       string
	gateway  string
	socket   string
	timeout  time.Duration
}

func (f *didFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.config, "config", "", "configuration of a camswarmd (or its directory) whose chain endpoints and operators are asked")
	fl.StringVar(&f.registry.file, "registry", "", "registry file whose chain endpoints are asked")
	fl.StringSliceVar(&f.registry.rpc, "rpc", nil, "JSON-RPC URL to ask; repeat it for independent operators, each host counts as one")
	fl.Uint64Var(&f.chainID, "chain-id", 0, "EIP-155 chain id of the DID registry: 4689 IoTeX mainnet, 4690 testnet (default that of --config or --registry)")
	fl.IntVar(&f.quorum, "quorum", 0, "how many operators must say the same (default three quarters, rounded up)")
	fl.StringVar(&f.v0, "v0", "", "address of a registry of the first kind, instead of ioID's, for did:io:0x…")
	fl.StringVar(&f.v1, "v1", "", "address of the ioID v1 registry, for did:io:0x… (default IoTeX's)")
	fl.StringVar(&f.v2, "v2", "", "address of the ioID v2 registry, for the base58 form of did:io")
	fl.StringVar(&f.gateway, "gateway", "", "IPFS gateway for documents that are registered by CID, such as http://127.0.0.1:8080; it is not trusted")
	fl.StringVar(&f.socket, "socket", "", "a running node's control socket or directory: it fetches documents that are registered by CID from its peers")
	cmd.MarkFlagsMutuallyExclusive("gateway", "socket")
	fl.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long endpoints, and then the document's host, have to answer")
}

// resolver makes the resolver of the flags.
func (f *didFlags) resolver() (*chaindid.Resolver, error) {
	var endpoints []chainwatch.Endpoint
	chainID, quorum, finality := f.chainID, f.quorum, "latest"
	urls := f.registry.rpc
	switch {
	case f.config != "":
		path := f.config
		if isDir(path) {
			path = filepath.Join(path, configFile)
		}
		cfg, err := node.LoadConfig(path)
		if err != nil {
			return nil, err
		}
		if len(cfg.Products) == 0 {
			return nil, fmt.Errorf("%s names no product, so no chain endpoints: use --rpc", path)
		}
		chain := cfg.Products[0].Chain
		endpoints, finality = chain.Endpoints, chain.Finality
		if chainID == 0 {
			chainID = chain.ChainID
		}
		if quorum == 0 {
			quorum = chain.QuorumStart
		}
	case f.registry.file != "":
		file, err := f.registry.load()
		if err != nil {
			return nil, err
		}
		if chainID == 0 {
			chainID = file.ChainID
		}
		urls = file.RPC
	}
	if len(f.registry.rpc) > 0 {
		endpoints = nil
		urls = f.registry.rpc
		if err := checkURLs(urls); err != nil {
			return nil, cli.Usagef("--rpc: %w", err)
		}
	}
	if endpoints == nil {
		for _, e := range endpointsOf(urls) {
			endpoints = append(endpoints, chainwatch.Endpoint(e))
		}
	}
	if len(endpoints) == 0 || chainID == 0 {
		return nil, cli.Usagef("whom to ask is missing: --config, --registry, or --rpc with --chain-id")
	}
	cfg := chaindid.DefaultConfig(chainID)
	cfg.Endpoints, cfg.QuorumStart, cfg.Finality = endpoints, quorum, finality
	cfg.Timeout, cfg.DocumentTimeout = f.timeout, f.timeout
	if f.v0 != "" {
		cfg.V0, cfg.V1 = f.v0, ""
	}
	if f.v1 != "" {
		cfg.V1 = f.v1
	}
	if f.v2 != "" {
		cfg.V2 = f.v2
	}
	var opts chaindid.Options
	if f.gateway != "" {
		fetch, err := chaindid.Gateway(f.gateway)
		if err != nil {
			return nil, cli.Usagef("--gateway: %w", err)
		}
		opts.FetchCID = fetch
	}
	if f.socket != "" {
		opts.FetchCID = func(ctx context.Context, c cid.Cid) (b []byte, err error) {
			if c.Type() != cid.Raw {
				return nil, fmt.Errorf("%s is no single block, which is all that a node fetches: use --gateway", c)
			}
			err = withNode(f.socket, func(n *control.Client) error {
				b, err = n.Block(ctx, c)
				return err
			})
			return b, err
		}
	}
	return chaindid.NewResolver(cfg, opts)
}

// document returns a DID's document: a did:key's own, or what the chain says.
func (f *didFlags) document(ctx context.Context, id verify.DID) (chaindid.Resolution, error) {
	if strings.HasPrefix(string(id), "did:key:") {
		doc, err := did.KeyDocument(id)
		return chaindid.Resolution{DID: id, Kind: "key", Document: doc}, err
	}
	r, err := f.resolver()
	if err != nil {
		return chaindid.Resolution{}, err
	}
	return r.Resolve(ctx, id)
}

// documentKey is one key of a document.
type documentKey struct {
	PublicKey verify.PublicKey `json:"publicKey"`
	Algorithm string           `json:"algorithm"`
	Address   *verify.Address  `json:"address,omitempty"` // secp256k1 only
}

func documentKeys(doc *did.Document, r did.Relationship) []documentKey {
	out := []documentKey{}
	for _, k := range doc.Keys(r) {
		f := factsOf("", k)
		out = append(out, documentKey{k, f.Algorithm, f.Address})
	}
	return out
}

// resolveFacts is what `did resolve` prints.
type resolveFacts struct {
	DID       verify.DID          `json:"did"`  // in normal form
	Kind      string              `json:"kind"` // key, or the registry's: v0, v1, v2
	Registry  *verify.RegistryRef `json:"registry,omitempty"`
	Owner     *verify.Address     `json:"owner,omitempty"` // v0 only
	URI       string              `json:"uri,omitempty"`
	SHA256    string              `json:"sha256,omitempty"`
	Votes     int                 `json:"votes,omitempty"` // operators that said so
	Need      int                 `json:"need,omitempty"`  // operators that had to
	Endpoints []endpointFacts     `json:"endpoints,omitempty"`
	Signers   []documentKey       `json:"assertionMethod"`      // sign firmware
	Operators []documentKey       `json:"capabilityInvocation"` // set rollout policies
	Others    []documentKey       `json:"authentication"`       // neither, by this relationship
}

type endpointFacts struct {
	URL      string `json:"url"`
	Operator string `json:"operator"`
	State    string `json:"state"`
	Error    string `json:"error,omitempty"`
}

func resolveFactsOf(res chaindid.Resolution) resolveFacts {
	f := resolveFacts{
		DID: res.DID, Kind: res.Kind, URI: res.URI, Votes: res.Votes, Need: res.Need,
		Signers:   documentKeys(res.Document, did.AssertionMethod),
		Operators: documentKeys(res.Document, did.CapabilityInvocation),
		Others:    documentKeys(res.Document, did.Authentication),
	}
	if res.Kind != "key" {
		f.Registry, f.SHA256 = &res.Registry, hex.EncodeToString(res.SHA256[:])
	}
	if res.Owner != (verify.Address{}) {
		f.Owner = &res.Owner
	}
	for _, e := range res.Endpoints {
		f.Endpoints = append(f.Endpoints, endpointFacts{e.URL, e.Operator, string(e.State), e.LastError})
	}
	return f
}

func (f resolveFacts) print(w io.Writer) {
	fmt.Fprintf(w, "DID             %s\n", f.DID)
	if f.Registry != nil {
		fmt.Fprintf(w, "registered in   %s (%s); %d operators say so, %d must\n", f.Registry, f.Kind, f.Votes, f.Need)
		fmt.Fprintf(w, "document        %q\n", f.URI)
		fmt.Fprintf(w, "sha256          %s, as on chain\n", f.SHA256)
	}
	if f.Owner != nil {
		fmt.Fprintf(w, "owner           %s\n", f.Owner)
	}
	for _, group := range []struct {
		title string
		keys  []documentKey
	}{{"signs firmware", f.Signers}, {"sets rollouts", f.Operators}, {"authenticates", f.Others}} {
		title := group.title
		if len(group.keys) == 0 {
			fmt.Fprintf(w, "%-14s  no key\n", title)
		}
		for _, k := range group.keys {
			fmt.Fprintf(w, "%-14s  %s (%s", title, k.PublicKey, k.Algorithm)
			if k.Address != nil {
				fmt.Fprintf(w, ", account %s", k.Address)
			}
			fmt.Fprintln(w, ")")
			title = ""
		}
	}
	for _, e := range f.Endpoints {
		if e.Error != "" {
			fmt.Fprintf(w, "endpoint        %s (%s): %s: %s\n", e.URL, e.Operator, e.State, e.Error)
		}
	}
}

func newDIDResolveCommand() *cobra.Command {
	var flags didFlags
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "resolve DID",
		Short: "Find a DID's document and show what its keys may do",
		Long: `Asks several operators' endpoints for the digest and the address of the DID's
document, fetches it, and shows it only if its SHA-256 is the one on chain. A key
under assertionMethod signs firmware, one under capabilityInvocation sets rollout
policies; a key that is only under authentication does neither.`,
		Example: `  camswarm did resolve did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a --chain-id 4689 \
      --rpc https://babel-api.mainnet.iotex.io --rpc https://rpc.example.net/iotex
  camswarm did resolve did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a --config cam1 --socket cam1
  camswarm did resolve did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a --config cam1 --gateway http://127.0.0.1:8080 --json
  camswarm did resolve did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			did, err := readDID(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), chainTimeout)
			defer cancel()
			res, err := flags.document(ctx, did)
			if err != nil {
				return err
			}
			if out != "" {
				text := res.JSON
				if text == nil { // a did:key's
					if text, err = res.Document.Encode(); err != nil {
						return err
					}
				}
				if err := writeNew(out, text); err != nil {
					return err
				}
			}
			facts := resolveFactsOf(res)
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "file to write the document to, exactly as it was registered")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// writeNew writes a file that must not exist yet.
func writeNew(path string, data []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists already and is never overwritten: choose another name", path)
	}
	return writeFileAtomic(path, data, 0o644)
}

// newDocumentFacts is what `did new` prints.
type newDocumentFacts struct {
	File   string     `json:"file"`
	DID    verify.DID `json:"did"`
	SHA256 string     `json:"sha256"` // what to register as the hash
	CID    string     `json:"cid"`    // of the file as one raw block
}

func newDIDNewCommand() *cobra.Command {
	var name, out string
	var signers, operators, logins []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a DID document from key files",
		Long: `Makes the document that lists a manufacturer's signers (assertionMethod) and its
operators (capabilityInvocation), and prints its SHA-256, which has to be
registered for the DID on chain together with the address where the document
will be found: an https address, or ipfs://CID.

Any change of the file changes its SHA-256; publish it byte for byte.`,
		Example: `  camswarm did new --did did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a --out did.json \
      --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub --operator operator.key.pub`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := verify.ParseDID(name)
			if err != nil {
				return cli.Usagef("--did: %w", err)
			}
			if strings.HasPrefix(string(id), "did:key:") {
				return cli.Usagef("--did: a did:key is its own document and cannot list other keys: use the did:io that will be registered")
			}
			keys := map[did.Relationship][]verify.PublicKey{}
			for r, paths := range map[did.Relationship][]string{did.AssertionMethod: signers, did.CapabilityInvocation: operators, did.Authentication: logins} {
				if keys[r], err = readPublicKeys(paths); err != nil {
					return err
				}
			}
			for i, k := range keys[did.CapabilityInvocation] {
				if _, err := addressOf(k); err != nil {
					return fmt.Errorf("--operator %s: %w", operators[i], err)
				}
			}
			doc, err := did.NewDocument(id, keys)
			if err != nil {
				return err
			}
			text, err := doc.Encode()
			if err != nil {
				return err
			}
			if err := writeNew(out, text); err != nil {
				return err
			}
			sum := sha256.Sum256(text)
			facts := newDocumentFacts{out, id, hex.EncodeToString(sum[:]), verify.RawCID(sum).String()}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
				fmt.Fprintf(w, "document  %s\nDID       %s\n", facts.File, facts.DID)
				fmt.Fprintf(w, "hash      0x%s\naddress   where you publish it over https, or ipfs://%s\n", facts.SHA256, facts.CID)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&name, "did", "", "the manufacturer's did:io")
	fl.StringArrayVar(&signers, "signer", nil, "public key file of a code signer; repeat it for each")
	fl.StringArrayVar(&operators, "operator", nil, "public key file of an operator's account (secp256k1); may be repeated")
	fl.StringArrayVar(&logins, "auth", nil, "public key file of a key that only authenticates; may be repeated")
	fl.StringVar(&out, "out", "did.json", "file to write the document to")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("did")
	_ = cmd.MarkFlagRequired("signer")
	return cmd
}

// didCheckFacts is what `did check` prints.
type didCheckFacts struct {
	Product      verify.Product `json:"product"`
	Manufacturer verify.DID     `json:"manufacturer"`
	Document     string         `json:"document"` // where it came from
	Checks       []didCheck     `json:"checks"`
}

// didCheck is one key or account on chain, held against the document.
type didCheck struct {
	Role    string          `json:"role"` // signer or operator
	Key     string          `json:"key,omitempty"`
	Account *verify.Address `json:"account,omitempty"`
	Attack  string          `json:"attack,omitempty"`
	Problem string          `json:"problem,omitempty"` // "" if the document allows it
}

func (f didCheckFacts) print(w io.Writer) {
	fmt.Fprintf(w, "%s of %s, document %s\n", f.Product, f.Manufacturer, f.Document)
	for _, c := range f.Checks {
		subject, verdict := c.Key, "listed"
		if c.Account != nil {
			subject = c.Account.String()
		}
		if c.Problem != "" {
			verdict = c.Problem
		}
		fmt.Fprintf(w, "%-8s  %s: %s\n", c.Role, subject, verdict)
	}
}

// holdAgainst compares what the chain says of a product with its manufacturer's
// document: every code-signing key must be under assertionMethod, every
// operator's account must belong to a key under capabilityInvocation.
func holdAgainst(doc *did.Document, keys verify.KeySet, operators []verify.Address) []didCheck {
	checks := []didCheck{}
	for _, k := range keys.Keys {
		c := didCheck{Role: "signer", Key: k.String()}
		if err := doc.Allows(k, did.AssertionMethod); err != nil {
			c.Attack, c.Problem = verify.AttackName(err), err.Error()
		}
		checks = append(checks, c)
	}
	listed := map[verify.Address]verify.PublicKey{}
	for _, r := range []did.Relationship{did.Authentication, did.AssertionMethod, did.CapabilityInvocation} {
		for _, k := range doc.Keys(r) {
			if a, err := addressOf(k); err == nil {
				listed[a] = k
			}
		}
	}
	for _, a := range operators {
		c := didCheck{Role: "operator", Account: &a}
		k, ok := listed[a]
		if ok {
			c.Key = k.String()
			if err := doc.Allows(k, did.CapabilityInvocation); err != nil {
				c.Attack, c.Problem = verify.AttackName(err), err.Error()
			}
		} else {
			c.Attack = verify.AttackDIDRelationship
			c.Problem = fmt.Sprintf("%s: no key of the document of %s controls this account: add it under %s and register the document anew, or withdraw its role", c.Attack, doc.ID, did.CapabilityInvocation)
		}
		checks = append(checks, c)
	}
	return checks
}

// operatorsOf returns the accounts that hold a product's operator role, from the
// registry's log.
func operatorsOf(ctx context.Context, r *registry.Registry, from uint64, product verify.Product) ([]verify.Address, error) {
	role := registry.OperatorRole(product)
	events, err := r.Tail(from).Poll(ctx)
	if err != nil {
		return nil, err
	}
	var holders []verify.Address
	seen := map[verify.Address]bool{}
	for _, e := range events {
		d, ok := e.Detail.(*bindings.FirmwareRegistryRoleGranted)
		if !ok || d.Role != role.ID() || seen[verify.Address(d.Account)] {
			continue
		}
		a := verify.Address(d.Account)
		seen[a] = true
		held, err := r.Holds(ctx, role, a)
		if err != nil {
			return nil, err
		}
		if held {
			holders = append(holders, a)
		}
	}
	return holders, nil
}

func newDIDCheckCommand() *cobra.Command {
	var flags didFlags
	var product productFlag
	var file string
	var accounts []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Hold a product's signers and operators on chain against the manufacturer's DID document",
		Long: `Every code-signing key of the registry must be listed under assertionMethod of the
manufacturer's DID document, and every account that steers rollouts must belong
to a key under capabilityInvocation. The exit code is 1 if one is not.

Cameras obey their pinned keys whatever the document says; a difference tells
people that one of the two was changed without the other.`,
		Example: `  camswarm did check --registry registry.json --product acme.example/cam-1 --chain-id 4690
  camswarm did check --registry registry.json --product acme.example/cam-1 --document did.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.of(&flags.registry)
			if err != nil {
				return err
			}
			var operators []verify.Address
			for _, s := range accounts {
				a, err := readAddress(s)
				if err != nil {
					return fmt.Errorf("--operator: %w", err)
				}
				operators = append(operators, a)
			}
			facts := didCheckFacts{Product: p}
			err = flags.registry.withRegistry(cmd, func(ctx context.Context, f *registryFile, r *registry.Registry) error {
				view, err := r.Check(ctx, p.ID(), "")
				if err != nil {
					return err
				}
				facts.Manufacturer = view.Manufacturer
				if strings.HasPrefix(string(view.Manufacturer), "did:key:") {
					return fmt.Errorf("%s is made by %s; a did:key vouches for its own key alone, so there is no document to compare: name the manufacturer by a did:io", p, view.Manufacturer)
				}
				doc, from, err := flags.manufacturersDocument(ctx, view.Manufacturer, file)
				if err != nil {
					return err
				}
				facts.Document = from
				if operators == nil {
					if operators, err = operatorsOf(ctx, r, f.DeployBlock, p); err != nil {
						return fmt.Errorf("who steers rollouts could not be read from the log; name the accounts with --operator: %w", err)
					}
				}
				facts.Checks = holdAgainst(doc, view.Keys, operators)
				return nil
			})
			if err != nil {
				return err
			}
			if err := cli.PrintFacts(cmd, asJSON, facts, facts.print); err != nil {
				return err
			}
			bad := 0
			for _, c := range facts.Checks {
				if c.Problem != "" {
					bad++
				}
			}
			if bad > 0 {
				return fmt.Errorf("the document does not cover %d of %d keys and accounts on chain", bad, len(facts.Checks))
			}
			return nil
		},
	}
	flags.add(cmd)
	product.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&file, "document", "", "compare with this file instead of the document that is registered on chain")
	fl.StringArrayVar(&accounts, "operator", nil, "account that steers rollouts, a key file or an address (default all that the registry's log names)")
	_ = cmd.MarkFlagRequired("registry")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// manufacturersDocument reads the document from a file, or resolves it.
func (f *didFlags) manufacturersDocument(ctx context.Context, id verify.DID, path string) (*did.Document, string, error) {
	if path == "" {
		res, err := f.document(ctx, id)
		return res.Document, fmt.Sprintf("%q", res.URI), err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, verify.MaxDocumentSize+1))
	if err != nil {
		return nil, "", err
	}
	doc, err := did.ParseDocument(text)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	if doc.ID != id {
		return nil, "", errors.New(path + " is the document of " + string(doc.ID) + ", the manufacturer is " + string(id))
	}
	return doc, path, nil
}
