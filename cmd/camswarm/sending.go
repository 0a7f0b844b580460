package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// sending is the flags of every command that sends a transaction, or writes one for
// somebody else to send.
type sending struct {
	wait          time.Duration
	confirmations uint64
	replace       string
	printTx       string
}

func (s *sending) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.DurationVar(&s.wait, "wait", chainTimeout, "how long to wait until the transaction is in a block")
	fl.Uint64Var(&s.confirmations, "confirmations", 0, "blocks that must follow the transaction's; 0 is right where blocks are final at once, as on IoTeX")
	fl.StringVar(&s.replace, "replace", "", "transaction that waits in no block: send this one in its place, at a higher price; its hash, or \"first\" for the first of the account")
}

// addPrintTx adds --print-tx, which takes the place of --key.
func (s *sending) addPrintTx(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.printTx, "print-tx", "", "account, such as a multisig, that shall send it: print the unsigned transaction and send nothing")
	cmd.MarkFlagsMutuallyExclusive("print-tx", "key")
	cmd.MarkFlagsMutuallyExclusive("print-tx", "replace")
}

// draft returns the registry that writes a transaction instead of sending it.
func (s *sending) draft(r *registry.Registry) (*registry.Registry, *registry.Call, error) {
	from, err := readAddress(s.printTx)
	if err != nil {
		return nil, nil, fmt.Errorf("--print-tx: %w", err)
	}
	r, call := r.Draft(from)
	return r, call, nil
}

// tell has the client say what it waits for.
func (s *sending) tell(cmd *cobra.Command, client *registry.Client) {
	client.Confirmations = s.confirmations
	client.OnWait = func(w registry.Waiting) {
		cli.Note(cmd, "waiting for %v, newest block %d: %s", w.For, w.Head, w.Reason)
	}
}

// ready waits until nothing of the account is under way, so that a command which is
// run again finds what it did before; or prepares to replace a transaction.
func (s *sending) ready(ctx context.Context, cmd *cobra.Command, client *registry.Client, account verify.Address) error {
	s.tell(cmd, client)
	if s.replace == "" {
		err := client.Settle(ctx, account)
		if errors.Is(err, registry.ErrUnsettled) {
			return fmt.Errorf("%w: wait until they are in a block, or send this one in the place of the first with --replace first", err)
		}
		return err
	}
	if s.replace == "first" {
		return client.ReplaceFirst(ctx, account)
	}
	hash, err := hex.DecodeString(strings.TrimPrefix(s.replace, "0x"))
	if err != nil || len(hash) != 32 {
		return cli.Usagef("--replace %q: write the hash of a transaction, 0x and 64 hexadecimal digits, or first", s.replace)
	}
	return client.Replace(ctx, [32]byte(hash))
}

// unsignedFacts is a transaction that somebody else signs and sends.
type unsignedFacts struct {
	ChainID  uint64         `json:"chainId"`
	From     verify.Address `json:"from"`
	To       verify.Address `json:"to"`
	Value    string         `json:"value"` // always "0"
	Data     string         `json:"data"`  // 0x and hexadecimal
	Gas      uint64         `json:"gas"`   // estimate, without what a multisig adds
	Function string         `json:"function"`
}

func unsigned(chainID uint64, c *registry.Call) *unsignedFacts {
	return &unsignedFacts{ChainID: chainID, From: c.From, To: c.To, Value: "0", Data: "0x" + hex.EncodeToString(c.Data), Gas: c.Gas, Function: c.Function}
}

func (f *unsignedFacts) print(w io.Writer, did string) {
	fmt.Fprintf(w, "effect    %s\n", did)
	fmt.Fprintf(w, "function  %s\n", f.Function)
	fmt.Fprintf(w, "chain     %d\n", f.ChainID)
	fmt.Fprintf(w, "from      %s\n", f.From)
	fmt.Fprintf(w, "to        %s\n", f.To)
	fmt.Fprintf(w, "value     %s\n", f.Value)
	fmt.Fprintf(w, "gas       %d, as far as can be told now\n", f.Gas)
	fmt.Fprintf(w, "data      %s\n", f.Data)
	fmt.Fprintln(w, "nothing was sent")
}
