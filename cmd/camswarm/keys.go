package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/spf13/cobra"
	"golang.org/x/crypto/sha3"

	"camswarm/cmd/internal/cli"
	"camswarm/cmd/internal/token"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// keyTypes maps the words of --type to algorithms.
var keyTypes = map[string]verify.Algorithm{
	"ed25519":   verify.EdDSA,
	"secp256k1": verify.ES256K,
	"p256":      verify.ES256,
}

func newKeysCommand() *cobra.Command {
	return cli.Group("keys", "Make, show, protect and rotate keys", `Keys sign releases (any type) and chain transactions (secp256k1 only).
A secret key is one file with mode 0600, its public half lies beside it with
the suffix .pub; give that one to others.

A key on a PKCS#11 token is named by its URI in the place of a file, in a camswarm
that is built with '-tags pkcs11':

  pkcs11:token=acme;object=signer1?module-path=/usr/lib/softhsm/libsofthsm2.so`,
		newKeysNewCommand(), newKeysShowCommand(), newKeysProtectCommand(), newKeysUnprotectCommand(), newKeysRotateCommand())
}

// keyFacts is what can be said of a key without its secret.
type keyFacts struct {
	File      string           `json:"file,omitempty"`
	PublicKey verify.PublicKey `json:"publicKey"`
	DID       verify.DID       `json:"did"`
	Algorithm string           `json:"algorithm"`
	Address   *verify.Address  `json:"address,omitempty"` // secp256k1 only
}

func factsOf(file string, pub verify.PublicKey) keyFacts {
	f := keyFacts{File: file, PublicKey: pub, DID: verify.DIDKey(pub), Algorithm: pub.Algorithm().String()}
	if a, err := addressOf(pub); err == nil {
		f.Address = &a
	}
	return f
}

func (f keyFacts) print(w io.Writer) {
	fmt.Fprintf(w, "public key  %s\n", f.PublicKey)
	fmt.Fprintf(w, "DID         %s\n", f.DID)
	fmt.Fprintf(w, "algorithm   %s\n", f.Algorithm)
	if f.Address != nil {
		fmt.Fprintf(w, "account     %s\n", *f.Address)
	}
}

func newKeysNewCommand() *cobra.Command {
	var out, kind string
	var workFactor int
	var protect, asJSON bool
	cmd := &cobra.Command{
		Use:   "new --out FILE",
		Short: "Make a new key",
		Long: `Makes a key and writes the secret to FILE (mode 0600) and its public half to
FILE.pub. It never overwrites. With --protect a passphrase is asked for, and every
command that uses the key asks for it again or reads it from --passphrase-file.

Keys that send transactions (admin, manufacturer, operator, pauser, guardian) must
be of type secp256k1; keys that sign releases may be of any type.`,
		Example: `  camswarm keys new --out signer1.key
  camswarm keys new --out signer2.key --protect
  camswarm keys new --out operator.key --type secp256k1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			alg, ok := keyTypes[kind]
			if !ok {
				return cli.Choice("type", kind, slices.Sorted(maps.Keys(keyTypes)))
			}
			key, err := sign.Generate(alg)
			if err != nil {
				return err
			}
			if protect {
				if _, err := os.Lstat(out); err == nil {
					return fmt.Errorf("%s exists already; keys are never overwritten: choose another name", out)
				}
				passphrase, err := newPassphrase(cmd, out)
				if err != nil {
					return err
				}
				err = key.SaveProtected(out, passphrase, workFactor)
				clear(passphrase)
				if err != nil {
					return err
				}
			} else if err := key.Save(out); err != nil {
				if errors.Is(err, os.ErrExist) {
					return fmt.Errorf("%w; keys are never overwritten: choose another name", err)
				}
				return err
			}
			facts := factsOf(out, key.Public())
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write the secret key to")
	cmd.Flags().StringVar(&kind, "type", "ed25519", "ed25519, secp256k1 or p256")
	cmd.Flags().BoolVar(&protect, "protect", false, "encrypt the secret with a passphrase; it is never on the disk in the clear")
	addNewPassphrase(cmd, &workFactor)
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func newKeysShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show a key's public half, DID, algorithm and chain account",
		Example: `  camswarm keys show signer1.key.pub
  camswarm keys show operator.key --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pub, err := readPublicKey(args[0])
			if err != nil {
				return err
			}
			facts := factsOf(args[0], pub)
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// readPublicKey reads a key's public half from a .pub file, or from the secret
// key file itself, or from a PKCS#11 token by its URI, which is asked without a PIN.
func readPublicKey(path string) (verify.PublicKey, error) {
	if token.Is(path) {
		return token.Public(path)
	}
	pub, err := sign.LoadPublic(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return pub, err
	}
	if strings.HasSuffix(path, sign.PublicSuffix) {
		return pub, err
	}
	key, kerr := sign.Load(path)
	if errors.Is(kerr, sign.ErrProtected) {
		// The half beside it is meant; who could change it could change the file.
		if pub, err := sign.LoadPublic(path + sign.PublicSuffix); err == nil {
			return pub, nil
		}
		return pub, fmt.Errorf("%w; name its public half, a file that ends in %s", kerr, sign.PublicSuffix)
	}
	if kerr != nil {
		return pub, kerr
	}
	return key.Public(), nil
}

// readPublicKeys reads several, as --signer lists them.
func readPublicKeys(paths []string) ([]verify.PublicKey, error) {
	keys := make([]verify.PublicKey, 0, len(paths))
	for _, p := range paths {
		k, err := readPublicKey(p)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// addressOf returns the chain account that a secp256k1 key controls: the last
// 20 bytes of the Keccak-256 of its uncompressed point.
func addressOf(pub verify.PublicKey) (verify.Address, error) {
	if pub.Algorithm() != verify.ES256K {
		return verify.Address{}, fmt.Errorf("key %s is %s; a chain account needs a key made with --type secp256k1", pub, pub.Algorithm())
	}
	point, err := secp256k1.ParsePubKey(pub.Bytes()[2:])
	if err != nil {
		return verify.Address{}, err
	}
	h := sha3.NewLegacyKeccak256()
	h.Write(point.SerializeUncompressed()[1:])
	return verify.Address(h.Sum(nil)[12:]), nil
}

// readAddress reads an account: an address in 0x or io1 form, or a key file.
func readAddress(s string) (verify.Address, error) {
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "io1") {
		return verify.ParseAddress(s)
	}
	pub, err := readPublicKey(s)
	if err != nil {
		return verify.Address{}, err
	}
	return addressOf(pub)
}

// loadChainKey reads a secret key that can send transactions.
func loadChainKey(cmd *cobra.Command, path string) (*sign.Key, error) {
	key, err := loadKey(cmd, path)
	if err != nil {
		return nil, err
	}
	if _, err := addressOf(key.Public()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
