package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch"
	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// chainTimeout bounds what one command waits for a chain: on IoTeX a
// transaction is in a block after 2.5 s.
const chainTimeout = 2 * time.Minute

// dial connects to the first endpoint that serves the registry's chain.
func (r *registryFile) dial(ctx context.Context) (*registry.Client, error) {
	var errs []error
	for _, url := range r.RPC {
		c, err := registry.Dial(ctx, url, r.ChainID)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("no chain endpoint answers; name another with --rpc: %w", errors.Join(errs...))
}

// withRegistry opens the registry of the flags, hands it to work and closes it.
func (f *registryFlags) withRegistry(cmd *cobra.Command, work func(context.Context, *registryFile, *registry.Registry) error) error {
	return f.withClient(cmd, func(ctx context.Context, file *registryFile, _ *registry.Client, reg *registry.Registry) error {
		return work(ctx, file, reg)
	})
}

// withClient is withRegistry for work that asks the chain itself too.
func (f *registryFlags) withClient(cmd *cobra.Command, work func(context.Context, *registryFile, *registry.Client, *registry.Registry) error) error {
	file, err := f.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), chainTimeout)
	defer cancel()
	client, err := file.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	reg, err := client.Open(ctx, file.Address)
	if err != nil {
		return err
	}
	return work(ctx, file, client, reg)
}

// chainIDOf asks an endpoint for the id of its chain.
func chainIDOf(ctx context.Context, url string) (uint64, error) {
	caller, err := chainwatch.Dial(chainwatch.Endpoint{URL: url})
	if err != nil {
		return 0, fmt.Errorf("chain endpoint %s: %w", url, err)
	}
	raw, err := caller.Call(ctx, "eth_chainId")
	if err != nil {
		return 0, fmt.Errorf("chain endpoint %s: %w", url, err)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return 0, fmt.Errorf("chain endpoint %s: eth_chainId: %w", url, err)
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64)
	if err != nil {
		return 0, fmt.Errorf("chain endpoint %s: eth_chainId %q is not a number", url, text)
	}
	return id, nil
}

// txFacts is what a command that sent one transaction prints.
type txFacts struct {
	Did         string `json:"did"` // in words
	Transaction string `json:"transaction"`
	Block       uint64 `json:"block"`
	GasUsed     uint64 `json:"gasUsed"`
}

// txCommand is the common part of commands that send one transaction.
type txCommand struct {
	reg     registryFlags
	keyPath string
	asJSON  bool
}

func (t *txCommand) add(cmd *cobra.Command, who string) {
	t.reg.add(cmd)
	cmd.Flags().StringVar(&t.keyPath, "key", "", "secret key file of the "+who+" (secp256k1)")
	_ = cmd.MarkFlagRequired("key")
	cli.AddJSON(cmd, &t.asJSON)
}

// run sends what send makes and prints the facts; did says in words what was
// done. after, if any, runs when the transaction is in a block.
func (t *txCommand) run(cmd *cobra.Command, did string,
	send func(context.Context, *registry.Registry, *sign.Key) (registry.Tx, error),
	after func(context.Context, *registry.Registry) error) error {
	return t.runLate(cmd, func() string { return did }, send, after)
}

// runLate is run for words that are known only when the transaction was sent.
func (t *txCommand) runLate(cmd *cobra.Command, words func() string,
	send func(context.Context, *registry.Registry, *sign.Key) (registry.Tx, error),
	after func(context.Context, *registry.Registry) error) error {
	key, err := loadChainKey(t.keyPath)
	if err != nil {
		return err
	}
	return t.reg.withRegistry(cmd, func(ctx context.Context, _ *registryFile, reg *registry.Registry) error {
		tx, err := send(ctx, reg, key)
		if err != nil {
			return err
		}
		did := words()
		facts := txFacts{Did: did, Transaction: tx.String(), Block: tx.Block, GasUsed: tx.GasUsed}
		if t.asJSON {
			err = cli.PrintJSON(cmd, facts)
		} else {
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s (block %d, transaction %s)\n", did, tx.Block, tx)
		}
		if err != nil || after == nil {
			return err
		}
		return after(ctx, reg)
	})
}

// regionFlag is --region.
type regionFlag struct{ text string }

func (f *regionFlag) add(cmd *cobra.Command, usage string) {
	cmd.Flags().StringVar(&f.text, "region", "", usage)
}

func (f *regionFlag) parse() (verify.Region, error) {
	r, err := verify.ParseRegion(f.text)
	if err != nil {
		return r, cli.Usagef("--region: %w", err)
	}
	return r, nil
}

// sequenceFlag is --sequence.
func addSequence(cmd *cobra.Command, to *uint64, usage string) {
	cmd.Flags().Uint64Var(to, "sequence", 0, usage)
	_ = cmd.MarkFlagRequired("sequence")
}
