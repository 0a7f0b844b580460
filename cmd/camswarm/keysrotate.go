package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

func newKeysRotateCommand() *cobra.Command {
	return cli.Group("rotate", "Replace the keys that sign releases (offline)", `A rotation is a file in which a manufacturer says that one key set takes the
place of another. It counts when a threshold of the old keys and a threshold of
the new ones have signed it: the old keys decide, the new ones show that they
exist. Cameras learn it from the next release, which carries every rotation
since the first keys.

A lost or stolen key is replaced by the others:

  1. new     write the statement: the old set, the new set without that key
  2. sign    each signer on a computer of his own; the file goes round, or merge
             joins copies
  3. check   is it complete, and whose signature is missing
  4. camswarm registry set-keys    list the new keys on chain
  5. camswarm release build --rotation FILE ..., signed with the new keys

While fewer keys than the threshold are left, nothing can replace them any
more, which is what the threshold is for: such cameras must be provisioned
anew. Rotate when one key is lost, not when the last spare one is.`,
		newKeysRotateNewCommand(), newKeysRotateSignCommand(),
		newKeysRotateToSignCommand(), newKeysRotateAttachCommand(), newKeysRotateMergeCommand(), newKeysRotateShowCommand(), newKeysRotateCheckCommand())
}

// rotationFile is a statement on disk.
type rotationFile struct {
	*verify.Rotation
	path string
	raw  []byte
}

func readRotationFile(path string) (*rotationFile, error) {
	raw, err := readBounded(path, verify.MaxRotationSize)
	if err != nil {
		return nil, fmt.Errorf("rotation: %w", err)
	}
	r, err := verify.DecodeRotation(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no rotation: %w", path, err)
	}
	return &rotationFile{r, path, raw}, nil
}

// readRotations reads complete statements, oldest first, that follow one
// another and count in a registry; the zero registry is any.
func readRotations(paths []string, in verify.RegistryRef) ([]*verify.Rotation, error) {
	var rs []*verify.Rotation
	for _, path := range paths {
		r, err := readRotationFile(path)
		if err != nil {
			return nil, err
		}
		if in != (verify.RegistryRef{}) && r.Registry != in {
			return nil, fmt.Errorf("%s is bound to registry %s, this is %s: every registry needs a statement of its own", path, r.Registry, in)
		}
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("%s is not complete: %w; add signatures with 'camswarm keys rotate sign', or, if too few of the old keys are left, provision the cameras anew", path, err)
		}
		rs = append(rs, r.Rotation)
	}
	if _, err := verify.EncodeRotations(rs); err != nil {
		return nil, fmt.Errorf("%w: name the files in the order of their epochs", err)
	}
	return rs, nil
}

// rotationFacts is what the commands print of a statement.
type rotationFacts struct {
	File     string             `json:"file"`
	Registry verify.RegistryRef `json:"registry"`
	Epoch    uint64             `json:"epoch"`
	Reason   string             `json:"reason,omitempty"`
	Old      signedSet          `json:"old"`
	New      signedSet          `json:"new"`
	Complete bool               `json:"complete"`          // every signature is valid, both thresholds are reached
	Problem  string             `json:"problem,omitempty"` // why it is not
}

// signedSet is one of a statement's key sets, and who of it signed.
type signedSet struct {
	Threshold int                `json:"threshold"`
	Signed    []verify.PublicKey `json:"signed"`
	Missing   []verify.PublicKey `json:"missing"` // not signed yet
}

func (r *rotationFile) facts() rotationFacts {
	split := func(set verify.KeySet) signedSet {
		s := signedSet{Threshold: set.Threshold, Signed: []verify.PublicKey{}, Missing: []verify.PublicKey{}}
		for _, k := range set.Keys {
			if slices.ContainsFunc(r.Signatures, func(sig verify.Signature) bool { return sig.Key == k && r.Verify(sig) }) {
				s.Signed = append(s.Signed, k)
			} else {
				s.Missing = append(s.Missing, k)
			}
		}
		return s
	}
	f := rotationFacts{
		File: r.path, Registry: r.Registry, Epoch: r.Epoch, Reason: r.Reason, Old: split(r.From), New: split(r.To), Complete: true,
	}
	if err := r.Check(); err != nil {
		f.Complete, f.Problem = false, ruleLast(err).Error()
	}
	return f
}

func (f rotationFacts) print(w io.Writer) {
	fmt.Fprintf(w, "rotation      to key epoch %d\n", f.Epoch)
	fmt.Fprintf(w, "registry      %s\n", f.Registry)
	if f.Reason != "" {
		fmt.Fprintf(w, "reason        %s\n", f.Reason)
	}
	f.Old.print(w, "old keys", f.New)
	f.New.print(w, "new keys", f.Old)
	if f.Complete {
		fmt.Fprintln(w, "complete: list the new keys with 'camswarm registry set-keys', then build releases with --rotation")
	} else {
		fmt.Fprintf(w, "not complete: %s\n", f.Problem)
	}
}

func (s signedSet) print(w io.Writer, title string, other signedSet) {
	fmt.Fprintf(w, "%-12s  %d signed, %d of %d must\n", title, len(s.Signed), s.Threshold, len(s.Signed)+len(s.Missing))
	for _, list := range []struct {
		keys []verify.PublicKey
		word string
	}{{s.Signed, "signed"}, {s.Missing, "not yet"}} {
		for _, k := range list.keys {
			only := ""
			if !slices.Contains(other.Signed, k) && !slices.Contains(other.Missing, k) {
				only = ", only here"
			}
			fmt.Fprintf(w, "              %s  %s%s\n", k, list.word, only)
		}
	}
}

func newKeysRotateNewCommand() *cobra.Command {
	var (
		registryPath, after, reason, out string
		oldThreshold, threshold          int
		old, signers                     []string
		asJSON                           bool
	)
	cmd := &cobra.Command{
		Use:   "new --out FILE",
		Short: "Write a rotation that nobody has signed yet (offline)",
		Long: `Writes the statement that the new key set takes the place of the old one, in
one registry. The old set is given with its threshold, or taken from the
rotation before, with --after. It never overwrites.

Keys that stay stand in both sets.`,
		Example: `  camswarm keys rotate new --registry registry.json --reason "signer 3 was lost" \
      --old-threshold 2 --old signer1.key.pub --old signer2.key.pub --old signer3.key.pub \
      --threshold 2 --signer signer1.key.pub --signer signer2.key.pub --signer signer4.key.pub --out rotation-2.cbor
  camswarm keys rotate new --after rotation-2.cbor --threshold 2 --signer signer1.key.pub \
      --signer signer4.key.pub --signer signer5.key.pub --out rotation-3.cbor`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &verify.Rotation{Epoch: 2, Reason: reason}
			if after != "" {
				before, err := readRotationFile(after)
				if err != nil {
					return err
				}
				r.Registry, r.Epoch, r.From = before.Registry, before.Epoch+1, before.To
			} else {
				file, err := readRegistryFile(registryPath)
				if err != nil {
					return err
				}
				r.Registry = file.ref()
				if r.From, err = readKeySet(oldThreshold, old); err != nil {
					return fmt.Errorf("the old keys: %w", err)
				}
			}
			var err error
			if r.To, err = readKeySet(threshold, signers); err != nil {
				return fmt.Errorf("the new keys: %w", err)
			}
			raw, err := r.Encode()
			if err != nil {
				return err
			}
			if _, err := os.Lstat(out); err == nil {
				return fmt.Errorf("%s exists already; rotations are never overwritten: choose another --out", out)
			}
			if err := writeFileAtomic(out, raw, 0o644); err != nil {
				return err
			}
			if r.To.Threshold == len(r.To.Keys) {
				cli.Note(cmd, "all %d new keys must sign: if one of them is ever lost, no release and no further rotation can be signed", len(r.To.Keys))
			}
			facts := (&rotationFile{r, out, raw}).facts()
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&registryPath, "registry", "", "registry file: the one registry in which it counts")
	fl.StringVar(&after, "after", "", "the rotation before: gives registry, epoch and old keys")
	fl.IntVar(&oldThreshold, "old-threshold", 0, "how many of the old keys must sign")
	fl.StringArrayVar(&old, "old", nil, "public key file of an old signer, a lost one too; repeat it for each")
	addKeySet(cmd, &threshold, &signers)
	fl.StringVar(&reason, "reason", "", "why, for people")
	fl.StringVar(&out, "out", "", "file to write")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("out")
	cmd.MarkFlagsRequiredTogether("registry", "old-threshold", "old")
	cmd.MarkFlagsOneRequired("registry", "after")
	cmd.MarkFlagsMutuallyExclusive("registry", "after")
	return cmd
}

func newKeysRotateSignCommand() *cobra.Command {
	var keyPath string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign FILE --key FILE",
		Short: "Add one signature to a rotation (offline)",
		Long: `Adds the signature of one key, of the old or the new set, and prints what was
signed: look at the new keys and the threshold before you pass the file on.`,
		Example: `  camswarm keys rotate sign rotation-2.cbor --key signer1.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readRotationFile(args[0])
			if err != nil {
				return err
			}
			key, err := loadKey(cmd, keyPath)
			if err != nil {
				return err
			}
			if err := r.checkSignatures(); err != nil {
				return err
			}
			if err := key.SignRotation(r.Rotation); err != nil {
				return err
			}
			return r.saveAndShow(cmd, asJSON)
		},
	}
	cmd.Flags().StringVar(&keyPath, "key", "", "secret key file of the signer")
	addPassphrase(cmd)
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

// checkSignatures refuses a statement with a wrong signature.
func (r *rotationFile) checkSignatures() error {
	for _, s := range r.Signatures {
		if !r.Verify(s) {
			return fmt.Errorf("%s: the signature of key %s is wrong; write the statement anew", r.path, s.Key)
		}
	}
	return nil
}

// replaceStatement writes a statement in the place of what was read of it, unless
// somebody else has changed the file meanwhile.
func replaceStatement(path string, was, now []byte) error {
	if found, err := os.ReadFile(path); err != nil || !bytes.Equal(found, was) {
		return fmt.Errorf("%s changed meanwhile; do it again", path)
	}
	return writeFileAtomic(path, now, 0o644)
}

// saveAndShow writes a statement with more signatures and prints who has signed.
func (r *rotationFile) saveAndShow(cmd *cobra.Command, asJSON bool) error {
	raw, err := r.Encode()
	if err != nil {
		return err
	}
	if err := replaceStatement(r.path, r.raw, raw); err != nil {
		return err
	}
	facts := r.facts()
	return cli.PrintFacts(cmd, asJSON, facts, facts.print)
}

func newKeysRotateMergeCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "merge FILE COPY...",
		Short: "Join the signatures of copies of a rotation (offline)",
		Long: `Adds the signatures of the copies to the first file, for signers who worked at
the same time. The copies must be of the same statement. The joined file is the
same bytes whatever the order.`,
		Example: `  camswarm keys rotate merge rotation-2.cbor from-signer1.cbor from-signer2.cbor`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var first *rotationFile
			var payload []byte
			for i, path := range args {
				r, err := readRotationFile(path)
				if err != nil {
					return err
				}
				if err := r.checkSignatures(); err != nil {
					return err
				}
				p, err := r.Payload()
				if err != nil {
					return err
				}
				if i == 0 {
					first, payload = r, p
					continue
				}
				if !bytes.Equal(p, payload) {
					return fmt.Errorf("%s is another statement than %s: copies that can be joined have the same registry, epoch, key sets and reason", path, args[0])
				}
				first.Signatures = joinSignatures(first.Signatures, r.Signatures)
			}
			return first.saveAndShow(cmd, asJSON)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newKeysRotateShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show FILE",
		Short:   "Show a rotation: both key sets, and who has signed (offline)",
		Example: `  camswarm keys rotate show rotation-2.cbor`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := readRotationFile(args[0])
			if err != nil {
				return err
			}
			facts := r.facts()
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// chainFacts is what `keys rotate check` prints.
type chainFacts struct {
	Registry verify.RegistryRef `json:"registry"`
	Epoch    uint64             `json:"epoch"` // of the keys that the rotations lead to
	From     verify.KeySet      `json:"from"`
	To       verify.KeySet      `json:"to"`
}

func newKeysRotateCheckCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check that rotations are complete and follow one another (offline)",
		Long: `Checks each signature, both thresholds of each statement, and that each goes on
where the one before ended. Name the files oldest first. It fails, and names
the keys that have not signed, unless cameras would follow them.`,
		Example: `  camswarm keys rotate check rotation-2.cbor rotation-3.cbor`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rs, err := readRotations(args, verify.RegistryRef{})
			if err != nil {
				return err
			}
			first, last := rs[0], rs[len(rs)-1]
			facts := chainFacts{Registry: last.Registry, Epoch: last.Epoch, From: first.From, To: last.To}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
				fmt.Fprintf(w, "complete: from %d of %d keys to %d of %d, key epoch %d, in registry %s\n",
					facts.From.Threshold, len(facts.From.Keys), facts.To.Threshold, len(facts.To.Keys), facts.Epoch, facts.Registry)
			})
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func newRegistrySetKeysCommand() *cobra.Command {
	var (
		tx        productTx
		rotations []string
	)
	cmd := tx.command(&cobra.Command{
		Use:   "set-keys",
		Short: "List a manufacturer's new signing keys on chain, after a rotation",
		Long: `Lists the keys that a complete rotation leads to, for all products of the
manufacturer. It refuses a rotation that does not start from the keys on chain,
or that cameras would not follow.

From then on cameras install nothing signed with the old keys, and raise an
alarm until a release brings them the statement: build that release beforehand,
with --rotation and the new keys, and publish it right after this.`,
		Example: `  camswarm registry set-keys --registry registry.json --product acme.example/cam-1 --key manufacturer.key --rotation rotation-2.cbor`,
	}, "manufacturer's account", "", func(p verify.Product) (change, error) {
		file, err := tx.reg.load()
		if err != nil {
			return change{}, err
		}
		rs, err := readRotations(rotations, file.ref())
		if err != nil {
			return change{}, err
		}
		to := rs[len(rs)-1].To
		var view verify.View
		did := fmt.Sprintf("the keys of %s's manufacturer are those of epoch %d (%d of %d sign)", p, rs[len(rs)-1].Epoch, to.Threshold, len(to.Keys))
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				if view, err = r.Check(ctx, p.ID(), ""); err != nil || view.Keys.Equal(to) {
					return already(did, view.Keys.Equal(to), err)
				}
				if !slices.ContainsFunc(rs, func(rot *verify.Rotation) bool { return rot.From.Equal(view.Keys) }) {
					return "", errors.New("the keys on chain (see 'camswarm registry show --product') are none that these rotations start from; name every rotation since them, oldest first")
				}
				return "", nil
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.SetKeys(ctx, key, view.Manufacturer, to)
			},
		}, nil
	})
	cmd.Flags().StringArrayVar(&rotations, "rotation", nil, "file of a complete rotation; repeat it for several, oldest first")
	_ = cmd.MarkFlagRequired("rotation")
	return cmd
}
