package main

import (
	"cmp"
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

// chainTimeout bounds what one command waits for a chain, unless --wait says
// otherwise: on IoTeX a transaction is in a block after 2.5 s.
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
	ctx, cancel := context.WithTimeout(cmd.Context(), cmp.Or(f.wait, chainTimeout))
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
	Rev         uint64   `json:"rev,omitempty"`      // the product's revision since then
	Warnings    []string `json:"warnings,omitempty"` // why it has no effect yet

	Unsigned *unsignedFacts `json:"unsigned,omitempty"` // with --print-tx: nothing was sent
}

func (f txFacts) print(w io.Writer) {
	switch {
	case f.Unsigned != nil:
		f.Unsigned.print(w, f.Did)
		return
	case f.Unchanged:
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
	sending sending
	keyPath string
	asJSON  bool

	// With revisions the change is one of the product that the command is about,
	// and may be tied to its revision.
	revisions bool
	expectRev uint64
}

func (t *txCommand) add(cmd *cobra.Command, who string) {
	t.reg.add(cmd)
	cmd.Flags().StringVar(&t.keyPath, "key", "", "secret key file of the "+who+" (secp256k1)")
	addPassphrase(cmd)
	t.sending.add(cmd)
	t.sending.addPrintTx(cmd)
	cmd.MarkFlagsOneRequired("key", "print-tx")
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
	var key *sign.Key
	var err error
	if t.sending.printTx == "" {
		if key, err = loadChainKey(cmd, t.keyPath); err != nil {
			return err
		}
	}
	t.reg.wait = t.sending.wait
	return t.reg.withClient(cmd, func(ctx context.Context, file *registryFile, client *registry.Client, reg *registry.Registry) error {
		if key != nil {
			account, _ := key.Address()
			if err := t.sending.ready(ctx, cmd, client, account); err != nil {
				return err
			}
		}
		before, err := t.revision(ctx, reg)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("expect-rev") && before != t.expectRev {
			return fmt.Errorf("product %s is at revision %d, not %d: somebody has changed it since you looked; look again ('camswarm log', 'camswarm rollout show') before you decide; nothing was sent", t.reg.about.product, before, t.expectRev)
		}
		var facts txFacts
		if c.already != nil {
			if facts.Did, err = c.already(ctx, reg); err != nil {
				return err
			}
			facts.Unchanged = facts.Did != ""
		}
		if !facts.Unchanged {
			if err := t.send(ctx, file, reg, key, c, &facts); err != nil {
				return err
			}
		}
		if facts.Unsigned == nil {
			if err := t.between(ctx, reg, before, &facts); err != nil {
				return err
			}
		}
		if c.warn != nil {
			warnings, err := c.warn(ctx, reg)
			if err != nil {
				return fmt.Errorf("done, but what is in its way was not found out: %w", err)
			}
			facts.Warnings = append(facts.Warnings, warnings...)
		}
		if err := cli.PrintFacts(cmd, t.asJSON, facts, facts.print); err != nil {
			return err
		}
		for _, w := range facts.Warnings {
			cli.Note(cmd, "warning: %s", w)
		}
		if c.after == nil || facts.Unsigned != nil {
			return nil
		}
		return c.after(ctx, reg)
	})
}

// send sends the transaction, or writes it for somebody else.
func (t *txCommand) send(ctx context.Context, file *registryFile, reg *registry.Registry, key *sign.Key, c change, facts *txFacts) error {
	var call *registry.Call
	if key == nil {
		var err error
		if reg, call, err = t.sending.draft(reg); err != nil {
			return err
		}
	}
	tx, err := c.send(ctx, reg, key)
	if err != nil {
		return sentThough(err, tx)
	}
	if facts.Did = c.did; c.words != nil {
		facts.Did = c.words()
	}
	if call != nil {
		facts.Unsigned = unsigned(file.ChainID, call)
		return nil
	}
	facts.Transaction, facts.Block, facts.GasUsed = tx.String(), tx.Block, tx.GasUsed
	return nil
}

// revision returns that of the product, 0 where revisions do not matter.
func (t *txCommand) revision(ctx context.Context, reg *registry.Registry) (uint64, error) {
	if !t.revisions {
		return 0, nil
	}
	view, err := reg.Check(ctx, t.reg.about.product.ID(), "")
	return view.Rev, err
}

// between notes the product's revision, and warns if others changed it meanwhile: of
// two operators at once the later one wins.
func (t *txCommand) between(ctx context.Context, reg *registry.Registry, before uint64, facts *txFacts) error {
	if !t.revisions {
		return nil
	}
	rev, err := t.revision(ctx, reg)
	if err != nil {
		return fmt.Errorf("done, but the product's revision was not read: %w", err)
	}
	own := uint64(1)
	if facts.Unchanged {
		own = 0
	}
	if facts.Rev = rev; rev > before+own {
		facts.Warnings = append(facts.Warnings, fmt.Sprintf("somebody else changed the product meanwhile: its revision went from %d to %d; 'camswarm log' tells who did what, 'camswarm rollout show' what is in force", before, rev))
	}
	return nil
}

// sentThough adds to the error of a transaction that it was sent, if it was: a
// person who interrupts the waiting must know.
func sentThough(err error, tx registry.Tx) error {
	if tx.Hash == ([32]byte{}) {
		return err
	}
	if errors.Is(err, registry.ErrNotMined) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w; the same command waits for it and does nothing twice; with --replace %s it sends another one in its place, at a higher price", err, tx)
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
	t.revisions = true
	cmd.Flags().Uint64Var(&t.expectRev, "expect-rev", 0, "do nothing unless the product is at this revision ('registry show' tells it)")
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
