package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/node/strictjson"
	"camswarm/verify"
)

// signersName is the file of a release directory that holds a signersFile. Its
// dot keeps it out of what 'ipfs add -r' adds.
const signersName = ".signers.json"

// maxSignersFile bounds it in bytes: verify.MaxSigners keys and the rest.
const maxSignersFile = 16 << 10

// buildLook bounds what `release build` waits for the chain.
const buildLook = 5 * time.Second

// signersFile is what `release build` remembers of the manufacturer's keys on
// chain, so that a signer who is offline can be told that his key is not one of
// them. It keeps people from mistakes; nothing is trusted for it.
type signersFile struct {
	Registry verify.RegistryRef `json:"registry"`
	Product  verify.Product     `json:"product"`
	Rev      uint64             `json:"rev"` // of the registry's answer
	verify.KeySet
}

func (s *signersFile) save(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writeFileAtomic(filepath.Join(dir, signersName), append(data, '\n'), 0o644)
}

func parseSigners(data []byte) (*signersFile, error) {
	if len(data) > maxSignersFile {
		return nil, fmt.Errorf("longer than %d bytes", maxSignersFile)
	}
	var s signersFile
	if err := strictjson.Decode(bytes.NewReader(data), &s); err != nil {
		return nil, err
	}
	return &s, s.Validate()
}

// knownSigners are the keys whose signatures a release needs, and how we know.
type knownSigners struct {
	keys verify.KeySet
	from string // in words; "": nobody knows
}

// signersFacts is what is printed of them.
type signersFacts struct {
	verify.KeySet                    // threshold 0: not known
	From          string             `json:"from"`
	Foreign       []verify.PublicKey `json:"foreign"` // signed, and are not among the keys
}

// signers returns the keys that must sign as far as the release itself tells: its
// last rotation or move names them, or the directory remembers them.
func (r *releaseFiles) signers() knownSigners {
	if n := len(r.envelope.Rotations); n > 0 {
		return knownSigners{r.envelope.Rotations[n-1].To, "the release's last rotation"}
	}
	if n := len(r.envelope.Moves); n > 0 {
		return knownSigners{r.envelope.Moves[n-1].Keys, "the release's last move"}
	}
	if r.image == "" {
		return knownSigners{}
	}
	f, err := openRegular(filepath.Join(filepath.Dir(r.envelopePath), signersName))
	if err != nil {
		return knownSigners{}
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSignersFile+1))
	if err != nil {
		return knownSigners{}
	}
	s, err := parseSigners(data)
	if err != nil || s.Registry != r.manifest.Registry || s.Product != r.manifest.Product {
		return knownSigners{} // of another release; it is no more than a help
	}
	return knownSigners{s.KeySet, "the registry when the release was built"}
}

// foreign lists the keys that signed and are not in a set.
func (r *releaseFiles) foreign(set verify.KeySet) []verify.PublicKey {
	out := []verify.PublicKey{}
	for _, s := range r.envelope.Signatures {
		if !set.Has(s.Key) {
			out = append(out, s.Key)
		}
	}
	return out
}

// drop removes the signatures of keys.
func (r *releaseFiles) drop(keys []verify.PublicKey) {
	r.envelope.Signatures = slices.DeleteFunc(r.envelope.Signatures, func(s verify.Signature) bool { return slices.Contains(keys, s.Key) })
}

// signerFlags name the manufacturer's keys to a command that works offline.
type signerFlags struct {
	files []string
	reg   registryFlags
}

func (f *signerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.files, "signer", nil, "public key file of a code signer of the manufacturer, to compare with; repeat it for each")
	cmd.Flags().StringVar(&f.reg.file, "registry", "", "registry file: ask the chain for the manufacturer's keys")
	cmd.Flags().StringSliceVar(&f.reg.rpc, "rpc", nil, "JSON-RPC URL to use instead of those in the registry file")
	cmd.MarkFlagsMutuallyExclusive("signer", "registry")
}

// known returns whose signatures count for a release: what the flags say, else
// what the release itself tells.
func (f *signerFlags) known(cmd *cobra.Command, r *releaseFiles) (known knownSigners, err error) {
	switch {
	case len(f.files) > 0:
		known.from = "the --signer files"
		known.keys.Keys, err = readPublicKeys(f.files) // how many must sign is not known here
	case f.reg.file != "" && len(r.envelope.Rotations) == 0 && len(r.envelope.Moves) == 0:
		known.from = "the registry"
		err = f.reg.withRegistry(cmd, func(ctx context.Context, file *registryFile, reg *registry.Registry) error {
			if file.ref() != r.manifest.Registry {
				return fmt.Errorf("the release is for registry %s, the file %s names %s", r.manifest.Registry, f.reg.file, file.ref())
			}
			view, err := reg.Check(ctx, r.manifest.Product.ID(), "")
			known.keys = view.Keys
			return err
		})
	default:
		known = r.signers()
	}
	return known, err
}

// checkSigner refuses a key whose signature would make cameras refuse the release.
func (k knownSigners) checkSigner(r *releaseFiles, key verify.PublicKey) error {
	if k.from != "" && !k.keys.Has(key) {
		return fmt.Errorf("key %s is not one of the %d that sign for %s (says %s): cameras would refuse the release for its signature; sign with one of those, or name the right ones with --signer",
			key, len(k.keys.Keys), r.manifest.Product, k.from)
	}
	return nil
}

func newReleaseSignCommand() *cobra.Command {
	var keyPath string
	var signers signerFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign DIR|ENVELOPE --key FILE",
		Short: "Add one signature to a release (offline)",
		Long: `Checks that the image is the one the manifest describes and that the key is one
of the manufacturer's, prints what is being signed, and adds one signature to
envelope.cbor. The manufacturer's keys are those of the release's last rotation or move,
of --signer, of the registry with --registry, or those that 'release build' found
on chain and the directory remembers.

A signer who has only the envelope may pass that file instead of the directory
and answers for having compared the image's sha256 in another way. Signers who
work on copies at the same time join them with 'camswarm release merge'.`,
		Example: `  camswarm release sign release-2 --key signer1.key
  camswarm release sign envelope.cbor --key signer2.key --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			key, err := loadKey(cmd, keyPath)
			if err != nil {
				return err
			}
			known, err := signers.known(cmd, r)
			if err != nil {
				return err
			}
			if err := r.mayBeSigned(cmd, known, key.Public()); err != nil {
				return err
			}
			if err := key.Sign(r.envelope); err != nil {
				return err
			}
			return r.saveSigned(cmd, known, key.Public(), asJSON)
		},
	}
	cmd.Flags().StringVar(&keyPath, "key", "", "secret key file of the signer")
	addPassphrase(cmd)
	signers.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// mayBeSigned checks that a key is one of the manufacturer's and that the image is
// the one that is signed.
func (r *releaseFiles) mayBeSigned(cmd *cobra.Command, known knownSigners, key verify.PublicKey) error {
	if err := known.checkSigner(r, key); err != nil || r.image == "" {
		return err
	}
	return r.checkImage(cmd.Context())
}

// saveSigned is saveAndShow after a key has signed.
func (r *releaseFiles) saveSigned(cmd *cobra.Command, known knownSigners, key verify.PublicKey, asJSON bool) error {
	if err := r.saveAndShow(cmd, known, asJSON); err != nil || known.from != "" {
		return err
	}
	cli.Note(cmd, "not checked whether key %s is one of the manufacturer's: nothing here names them; --signer or --registry would", key)
	return nil
}

// saveAndShow writes a changed envelope and prints what the release holds now.
func (r *releaseFiles) saveAndShow(cmd *cobra.Command, known knownSigners, asJSON bool) error {
	if err := r.save(); err != nil {
		return err
	}
	facts := r.facts(false, known)
	facts.ImageChecked = r.image != ""
	return cli.PrintFacts(cmd, asJSON, facts, facts.print)
}

func newReleaseMergeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "merge DIR|ENVELOPE COPY...",
		Short: "Join the signatures of copies of a release (offline)",
		Long: `Adds the signatures of the copies to the first release, for signers who worked at
the same time. Each copy is a release directory or an envelope file; it must hold
the same manifest, rotations and moves. The joined envelope is the same bytes whatever
the order.`,
		Example: `  camswarm release merge release-2 from-signer1/envelope.cbor from-signer2/envelope.cbor`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			for _, path := range args[1:] {
				other, err := openRelease(path)
				if err != nil {
					return err
				}
				if err := r.join(other); err != nil {
					return err
				}
			}
			if r.image != "" {
				if err := r.checkImage(cmd.Context()); err != nil {
					return err
				}
			}
			return r.saveAndShow(cmd, r.signers(), asJSON)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// join adds the signatures of another copy of the release.
func (r *releaseFiles) join(other *releaseFiles) error {
	if !bytes.Equal(r.envelope.Manifest, other.envelope.Manifest) {
		return fmt.Errorf("%s is another release than %s: %s %d (%s), image sha256 %x, and %s %d (%s), image sha256 %x; copies that can be joined have the same manifest",
			other.path, r.path, other.manifest.Product, other.manifest.Sequence, other.manifest.Version, other.manifest.Image.SHA256,
			r.manifest.Product, r.manifest.Sequence, r.manifest.Version, r.manifest.Image.SHA256)
	}
	mine, err := r.envelope.External()
	if err != nil {
		return err
	}
	others, err := other.envelope.External()
	if err != nil {
		return err
	}
	if !bytes.Equal(mine, others) {
		return fmt.Errorf("%s carries other rotations of the signing keys, or other moves, than %s: its signatures do not fit; build and sign the release again", other.path, r.path)
	}
	r.envelope.Signatures = joinSignatures(r.envelope.Signatures, other.envelope.Signatures)
	return nil
}

// joinSignatures returns the union. Of two signatures by one key, both right, the
// smaller is kept, so that the order of joining does not matter.
func joinSignatures(a, b []verify.Signature) []verify.Signature {
	out := slices.Clone(a)
	for _, s := range b {
		switch i := slices.IndexFunc(out, func(o verify.Signature) bool { return o.Key == s.Key }); {
		case i < 0:
			out = append(out, s)
		case bytes.Compare(s.Raw, out[i].Raw) < 0:
			out[i] = s
		}
	}
	return out
}

func newReleaseUnsignCommand() *cobra.Command {
	var signers signerFlags
	var foreign, asJSON bool
	cmd := &cobra.Command{
		Use:   "unsign DIR|ENVELOPE [KEY...]",
		Short: "Drop signatures from a release (offline)",
		Long: `Drops the signatures of the named keys, each a public key file or the key's text
as 'release show' prints it, or with --foreign of all keys that are not the
manufacturer's. Cameras refuse a release with a foreign signature; publish drops
such signatures by itself.`,
		Example: `  camswarm release unsign release-2 stranger.key.pub
  camswarm release unsign release-2 --foreign --registry registry.json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if foreign == (len(args) > 1) {
				return cli.Usagef("name the keys whose signatures to drop, or --foreign")
			}
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			known, err := signers.known(cmd, r)
			if err != nil {
				return err
			}
			var keys []verify.PublicKey
			if foreign {
				if known.from == "" {
					return cli.Usagef("nothing here tells which keys are the manufacturer's: name them with --signer, or --registry")
				}
				keys = r.foreign(known.keys)
			}
			for _, arg := range args[1:] {
				key, err := keyID(arg)
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(r.envelope.Signatures, func(s verify.Signature) bool { return s.Key == key }) {
					return fmt.Errorf("%s is not signed by key %s", args[0], key)
				}
				keys = append(keys, key)
			}
			r.drop(keys)
			if len(keys) == 0 {
				cli.Note(cmd, "no signature is foreign; nothing was dropped")
				facts := r.facts(false, known)
				return cli.PrintFacts(cmd, asJSON, facts, facts.print)
			}
			return r.saveAndShow(cmd, known, asJSON)
		},
	}
	cmd.Flags().BoolVar(&foreign, "foreign", false, "drop every signature by a key that is not the manufacturer's")
	signers.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// outlook is what the chain says of a release that is being built.
type outlook struct {
	warnings []string
	signers  *signersFile // nil: not known
}

// lookAhead says what publish would refuse later, if a chain endpoint answers
// soon; that none does is a warning too. Only an interruption is an error.
func lookAhead(ctx context.Context, file *registryFile, m *verify.Manifest, rotations []*verify.Rotation) (o outlook, err error) {
	warn := func(format string, args ...any) { o.warnings = append(o.warnings, fmt.Sprintf(format, args...)) }
	look, cancel := context.WithTimeout(ctx, buildLook)
	defer cancel()
	err = func() error {
		client, err := file.dial(look)
		if err != nil {
			return err
		}
		defer client.Close()
		reg, err := client.Open(look, file.Address)
		if err != nil {
			return err
		}
		view, err := reg.Check(look, m.Product.ID(), "")
		if err != nil {
			return about{registry: file.ref(), product: m.Product}.explain(look, reg, err)
		}
		switch next := view.Latest + 1; {
		case m.Sequence < next:
			warn("release %d of %s is published already, and publish refuses another under its number: the next is --sequence %d", m.Sequence, m.Product, next)
		case m.Sequence > next:
			warn("publish refuses release %d until release %d is on chain: the next is --sequence %d", m.Sequence, m.Sequence-1, next)
		}
		if view.Paused {
			warn("the registry is paused: publish is refused until the pauser lifts it")
		}
		if n := len(rotations); n > 0 {
			if !rotations[n-1].To.Equal(view.Keys) {
				warn("the keys on chain are not those of the last rotation: publish is refused until 'camswarm registry set-keys' has listed them")
			}
			return nil // the release itself names its keys
		}
		o.signers = &signersFile{Registry: file.ref(), Product: m.Product, Rev: view.Rev, KeySet: view.Keys}
		changed, err := reg.KeysChanged(look, view.Manufacturer)
		if err != nil {
			return err
		}
		if changed {
			warn("the signing keys on chain were replaced, and this release carries no --rotation: cameras that were provisioned before would refuse it")
		}
		return nil
	}()
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	var refused *registry.Refusal
	switch {
	case errors.As(err, &refused):
		warn("publish would be refused: %v", err)
	case err != nil:
		warn("not compared with the chain: %s", strings.TrimSuffix(err.Error(), ": "+context.DeadlineExceeded.Error()))
	}
	return o, nil
}
