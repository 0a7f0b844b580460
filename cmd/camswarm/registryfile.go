package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/node/strictjson"
	"camswarm/verify"
)

// maxRegistryFile bounds a registry file in bytes.
const maxRegistryFile = 64 << 10

// registryFile is what `registry deploy` writes and every later command reads:
// where the contract is and whom to ask about it.
type registryFile struct {
	ChainID     uint64         `json:"chainId"`     // EIP-155
	Address     verify.Address `json:"address"`     // of the contract, lower-case 0x form
	RPC         []string       `json:"rpc"`         // http or https URLs; the tools use the first
	DeployBlock uint64         `json:"deployBlock"` // block of the deployment, where event searches start
}

// readRegistryFile reads one strictly.
func readRegistryFile(path string) (*registryFile, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w; 'camswarm registry deploy' writes it, or ask the registry's admin for theirs", err)
		}
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxRegistryFile+1))
	if err != nil {
		return nil, err
	}
	r, err := parseRegistryFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a registry file: %w", path, err)
	}
	return r, nil
}

func parseRegistryFile(data []byte) (*registryFile, error) {
	if len(data) > maxRegistryFile {
		return nil, fmt.Errorf("longer than %d bytes", maxRegistryFile)
	}
	var r registryFile
	if err := strictjson.Decode(bytes.NewReader(data), &r); err != nil {
		return nil, err
	}
	if err := r.ref().Validate(); err != nil {
		return nil, err
	}
	if len(r.RPC) == 0 {
		return nil, errors.New("rpc lists no URL")
	}
	return &r, checkURLs(r.RPC)
}

// checkURLs refuses what is not an http or https URL.
func checkURLs(urls []string) error {
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("%q is not an http or https URL of a JSON-RPC endpoint", registry.Redacted(s))
		}
	}
	return nil
}

// redacted is how URLs of endpoints are shown: without credentials.
func redacted(urls []string) (out []string) {
	for _, s := range urls {
		out = append(out, registry.Redacted(s))
	}
	return out
}

// save writes the file anew; it never overwrites, because a lost registry
// address is hard to find again.
func (r *registryFile) save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists already and is never overwritten", path)
	}
	return writeFileAtomic(path, append(data, '\n'), 0o644)
}

// ref returns the contract's identity.
func (r *registryFile) ref() verify.RegistryRef {
	return verify.RegistryRef{ChainID: r.ChainID, Address: r.Address}
}

// registryFlags are the flags of every command that asks or changes the chain.
type registryFlags struct {
	file  string
	rpc   []string
	about about         // of the command, for its errors
	wait  time.Duration // for the chain; 0: chainTimeout
}

func (f *registryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "registry", "", "registry file, as written by 'registry deploy'")
	cmd.Flags().StringSliceVar(&f.rpc, "rpc", nil, "JSON-RPC URL to use instead of those in the registry file")
	_ = cmd.MarkFlagRequired("registry")
}

// load reads the registry file and applies --rpc.
func (f *registryFlags) load() (*registryFile, error) {
	r, err := readRegistryFile(f.file)
	if err != nil {
		return nil, err
	}
	if len(f.rpc) > 0 {
		if err := checkURLs(f.rpc); err != nil {
			return nil, cli.Usagef("--rpc: %w", err)
		}
		r.RPC = slices.Clone(f.rpc)
	}
	return r, nil
}

// productFlag is --product.
type productFlag struct{ text string }

func (f *productFlag) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "product", "", "product, written vendor/name")
	_ = cmd.MarkFlagRequired("product")
}

// of reads the flag, and remembers the product for what the registry refuses.
func (f *productFlag) of(reg *registryFlags) (verify.Product, error) {
	p, err := verify.ParseProduct(f.text)
	if err != nil {
		return p, cli.Usagef("--product: %w", err)
	}
	reg.about.product = p
	return p, nil
}
