package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	f.about.registry = file.ref()
	return f.about.explain(ctx, reg, work(ctx, file, client, reg))
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
	id, err := chainwatch.ParseQuantity(raw)
	if err != nil {
		return 0, fmt.Errorf("chain endpoint %s: eth_chainId: %w", url, err)
	}
	return id, nil
}

// txFacts is what a command that sends one transaction prints.
type txFacts struct {
	Did         string   `json:"did"`                 // in words
	Unchanged   bool     `json:"unchanged,omitempty"` // it was so already, and nothing was sent
	Transaction string   `json:"transaction,omitempty"`
	Block       uint64   `json:"block,omitempty"`
	GasUsed     uint64   `json:"gasUsed,omitempty"`
	Warnings    []string `json:"warnings,omitempty"` // why it has no effect yet
}

func (f txFacts) print(w io.Writer) {
	if f.Unchanged {
		fmt.Fprintf(w, "%s already; nothing was sent\n", f.Did)
		return
	}
	fmt.Fprintf(w, "%s (block %d, transaction %s)\n", f.Did, f.Block, f.Transaction)
}

// change is what a command changes on chain.
type change struct {
	did   string        // in words, when it is done
	words func() string // instead of did, for words that are known only then; nil: did

	// already says in words what of it is so already, "" if it is not; nil: that is
	// not asked.
	already func(context.Context, *registry.Registry) (string, error)
	send    func(context.Context, *registry.Registry, *sign.Key) (registry.Tx, error)
	// warn says why it has no effect yet; nil: nothing can be in the way.
	warn func(context.Context, *registry.Registry) ([]string, error)
	// after runs at the end, also when nothing was sent; nil: nothing does.
	after func(context.Context, *registry.Registry) error
}

// already makes an answer of [change.already] of words and whether they hold.
func already(words string, holds bool, err error) (string, error) {
	if err != nil || !holds {
		return "", err
	}
	return words, nil
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
	addPassphrase(cmd)
	_ = cmd.MarkFlagRequired("key")
	cli.AddJSON(cmd, &t.asJSON)
}

// run sends what send makes and prints the facts; did says in words what was
// done. after, if any, runs when the transaction is in a block.
func (t *txCommand) run(cmd *cobra.Command, did string,
	send func(context.Context, *registry.Registry, *sign.Key) (registry.Tx, error),
	after func(context.Context, *registry.Registry) error) error {
	return t.apply(cmd, change{did: did, send: send, after: after})
}

// apply makes the change unless it was made before, and prints the facts.
func (t *txCommand) apply(cmd *cobra.Command, c change) error {
	key, err := loadChainKey(cmd, t.keyPath)
	if err != nil {
		return err
	}
	return t.reg.withRegistry(cmd, func(ctx context.Context, _ *registryFile, reg *registry.Registry) error {
		var facts txFacts
		if c.already != nil {
			if facts.Did, err = c.already(ctx, reg); err != nil {
				return err
			}
			facts.Unchanged = facts.Did != ""
		}
		if !facts.Unchanged {
			tx, err := c.send(ctx, reg, key)
			if err != nil {
				return sentThough(err, tx)
			}
			facts.Did, facts.Transaction, facts.Block, facts.GasUsed = c.did, tx.String(), tx.Block, tx.GasUsed
			if c.words != nil {
				facts.Did = c.words()
			}
		}
		if c.warn != nil {
			if facts.Warnings, err = c.warn(ctx, reg); err != nil {
				return fmt.Errorf("done, but what is in its way was not found out: %w", err)
			}
		}
		if err := cli.PrintFacts(cmd, t.asJSON, facts, facts.print); err != nil {
			return err
		}
		for _, w := range facts.Warnings {
			cli.Note(cmd, "warning: %s", w)
		}
		if c.after == nil {
			return nil
		}
		return c.after(ctx, reg)
	})
}

// sentThough adds to the error of a transaction that it was sent, if it was: a
// person who interrupts the waiting must know.
func sentThough(err error, tx registry.Tx) error {
	if tx.Hash == ([32]byte{}) {
		return err
	}
	return cli.Remains(err, fmt.Sprintf("transaction %s was sent: look for it before you send it again", tx))
}

// productTx is the common part of commands that change something of a product,
// mostly of one of its releases.
type productTx struct {
	txCommand
	product  productFlag
	seeds    seedFlag
	sequence uint64
}

// command completes cmd: its flags are those of a transaction by who, --product,
// --seed, and --sequence with the given usage. what makes the change.
func (t *productTx) command(cmd *cobra.Command, who, sequence string, what func(p verify.Product) (change, error)) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, err := t.product.of(&t.reg)
		if err != nil {
			return err
		}
		c, err := what(p)
		if err != nil {
			return err
		}
		c.after = t.seeds.hint(cmd, p.ID())
		return t.apply(cmd, c)
	}
	t.add(cmd, who)
	t.product.add(cmd)
	t.seeds.add(cmd)
	if sequence != "" {
		addSequence(cmd, &t.sequence, sequence)
	}
	return cmd
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
