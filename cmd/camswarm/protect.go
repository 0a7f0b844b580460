package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/cmd/internal/token"
	"camswarm/verify/sign"
)

// passphraseFlag names the flag of every command that uses a secret key. A
// passphrase is never the value of a flag or of a variable of the environment,
// which others can see.
const passphraseFlag = "passphrase-file"

// addPassphrase adds it.
func addPassphrase(cmd *cobra.Command) {
	cmd.Flags().String(passphraseFlag, "", "file of mode 0600 with the passphrase of a protected key, or the PIN of a token (default: ask on the terminal)")
}

// loadKey returns the secret key that a --key names: a file, or a key on a PKCS#11
// token by its URI.
func loadKey(cmd *cobra.Command, name string) (*sign.Key, error) {
	if !token.Is(name) {
		return loadFileKey(cmd, name)
	}
	return token.Load(name, func(label string) ([]byte, error) { return readPassphrase(cmd, "PIN of token "+label) })
}

// loadFileKey reads a secret key file, and asks for the passphrase of a protected
// one. It is for keys that sign what no token does.
func loadFileKey(cmd *cobra.Command, path string) (*sign.Key, error) {
	if token.Is(path) {
		return nil, cli.Usagef("%s: this key must be in a file; tokens sign releases, rotations, moves and transactions", path)
	}
	key, err := sign.Load(path)
	if !errors.Is(err, sign.ErrProtected) {
		return key, err
	}
	passphrase, err := readPassphrase(cmd, "passphrase of "+path)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return sign.LoadProtected(path, passphrase)
}

// readPassphrase reads the file of the flag, else asks.
func readPassphrase(cmd *cobra.Command, prompt string) ([]byte, error) {
	if f := cmd.Flags().Lookup(passphraseFlag); f != nil && f.Value.String() != "" {
		return sign.ReadPassphrase(f.Value.String())
	}
	passphrase, err := cli.ReadSecret(cmd.Context(), prompt)
	if errors.Is(err, cli.ErrNoTerminal) {
		return nil, fmt.Errorf("%s: %w; name a file with --%s", prompt, err, passphraseFlag)
	}
	return passphrase, err
}

// newPassphrase is readPassphrase for one that is made now: who types it does so
// twice.
func newPassphrase(cmd *cobra.Command, path string) ([]byte, error) {
	first, err := readPassphrase(cmd, "new passphrase of "+path)
	if err != nil || cmd.Flag(passphraseFlag).Value.String() != "" {
		return first, err
	}
	again, err := readPassphrase(cmd, "the same again")
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(first, again) {
		return nil, errors.New("the two passphrases differ; nothing was changed")
	}
	return first, nil
}

// addNewPassphrase adds the flags of commands that protect a key.
func addNewPassphrase(cmd *cobra.Command, workFactor *int) {
	addPassphrase(cmd)
	cmd.Flags().IntVar(workFactor, "work-factor", sign.DefaultWorkFactor,
		fmt.Sprintf("cost of one guess at the passphrase, %d to %d: each step doubles time and memory; 18 takes 256 MiB", sign.MinWorkFactor, sign.MaxWorkFactor))
}

func newKeysProtectCommand() *cobra.Command {
	var workFactor int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "protect FILE",
		Short: "Encrypt a secret key file with a passphrase",
		Long: `Encrypts a secret key file in its place, in the age format (age-encryption.org)
with scrypt, so that 'age -d' opens it too. Every command that uses the key then
asks for the passphrase on the terminal, or reads it from --passphrase-file.

What was on the disk before may be found there by who takes it apart. A key that
was never on it in the clear is made by 'camswarm keys new --protect', or stays in
a security module (see 'camswarm release tosign --help').`,
		Example: `  camswarm keys protect signer1.key
  camswarm keys protect signer1.key --passphrase-file passphrase`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := sign.Load(args[0])
			if errors.Is(err, sign.ErrProtected) {
				return fmt.Errorf("%w already; for another passphrase use 'camswarm keys unprotect' first", err)
			}
			if err != nil {
				return err
			}
			passphrase, err := newPassphrase(cmd, args[0])
			if err != nil {
				return err
			}
			defer clear(passphrase)
			if err := sign.Protect(args[0], passphrase, workFactor); err != nil {
				return err
			}
			return printProtected(cmd, asJSON, protectFacts{factsOf(args[0], key.Public()), true})
		},
	}
	addNewPassphrase(cmd, &workFactor)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newKeysUnprotectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "unprotect FILE",
		Short: "Take the passphrase off a secret key file",
		Long: `Writes the secret key in the clear into its file, of mode 0600. For another
passphrase, protect it again.`,
		Example: `  camswarm keys unprotect signer1.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key, err := sign.Load(args[0]); err == nil {
				return fmt.Errorf("secret key %s (of %s) is %w", args[0], key.Public(), sign.ErrUnprotected)
			} else if !errors.Is(err, sign.ErrProtected) {
				return err
			}
			passphrase, err := readPassphrase(cmd, "passphrase of "+args[0])
			if err != nil {
				return err
			}
			defer clear(passphrase)
			if err := sign.Unprotect(args[0], passphrase); err != nil {
				return err
			}
			key, err := sign.Load(args[0])
			if err != nil {
				return err
			}
			return printProtected(cmd, asJSON, protectFacts{factsOf(args[0], key.Public()), false})
		},
	}
	addPassphrase(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// protectFacts is what protect and unprotect print.
type protectFacts struct {
	keyFacts
	Protected bool `json:"protected"`
}

func printProtected(cmd *cobra.Command, asJSON bool, f protectFacts) error {
	return cli.PrintFacts(cmd, asJSON, f, func(w io.Writer) {
		f.print(w)
		state := "in the clear"
		if f.Protected {
			state = "protected by a passphrase"
		}
		fmt.Fprintf(w, "secret      %s, %s\n", f.File, state)
	})
}
