package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

func newDIDCommand() *cobra.Command {
	return cli.Group("did", "Decentralised identifiers of devices and people", `Every node has a did:key, made from its identity; devices and people may also
be registered under did:io on IoTeX, with a document that says which keys may
sign firmware and which may set rollout policies.`,
		newDIDShowCommand(), newDIDResolveCommand(), newDIDNewCommand(), newDIDCheckCommand())
}

// didFacts is what `did show` prints.
type didFacts struct {
	DID       verify.DID        `json:"did"`  // in normal form
	Hash      string            `json:"hash"` // SHA-256 of its text: the name in canary lists on chain
	PublicKey *verify.PublicKey `json:"publicKey,omitempty"`
	Algorithm string            `json:"algorithm,omitempty"`
	Address   *verify.Address   `json:"address,omitempty"`
}

func (f didFacts) print(w io.Writer) {
	fmt.Fprintf(w, "DID         %s\n", f.DID)
	fmt.Fprintf(w, "hash        %s\n", f.Hash)
	if f.PublicKey != nil {
		fmt.Fprintf(w, "public key  %s\n", *f.PublicKey)
		fmt.Fprintf(w, "algorithm   %s\n", f.Algorithm)
	}
	if f.Address != nil {
		fmt.Fprintf(w, "account     %s\n", *f.Address)
	}
}

func newDIDShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DID|KEYFILE",
		Short: "Show a DID in normal form, its key, and its name in canary lists",
		Example: `  camswarm did show did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK
  camswarm did show signer1.key.pub --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			did, err := readDID(args[0])
			if err != nil {
				return err
			}
			hash := did.Hash()
			facts := didFacts{DID: did, Hash: hex.EncodeToString(hash[:])}
			if text, ok := strings.CutPrefix(string(did), "did:key:"); ok {
				key, err := verify.ParsePublicKey(text)
				if err != nil {
					return err
				}
				facts.PublicKey, facts.Algorithm = &key, key.Algorithm().String()
				if a, err := addressOf(key); err == nil {
					facts.Address = &a
				}
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}
