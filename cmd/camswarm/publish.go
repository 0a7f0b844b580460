package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"camswarm/announce"
	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// publishFacts is what `release publish` prints.
type publishFacts struct {
	Product     verify.Product `json:"product"`
	Sequence    uint64         `json:"sequence"`
	Version     string         `json:"version"`
	OnChain     bool           `json:"wasOnChain"`            // a former run had published it already
	Transaction string         `json:"transaction,omitempty"` // of this run
	Seeds       []providedBy   `json:"seeds"`
	Announced   bool           `json:"announced"` // a peer of a seed heard it
}

type providedBy struct {
	Socket string        `json:"socket"`
	State  control.State `json:"state"`
}

func newReleasePublishCommand() *cobra.Command {
	var (
		reg        registryFlags
		keyPath    string
		seeds      []string
		noAnnounce bool
		unrotated  bool
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "publish DIR",
		Short: "Put a signed release on chain, hand it to seeds and announce it",
		Long: `Checks the image and that enough of the manufacturer's keys signed, sends the
transaction, hands the image to each seed over its control socket, and lets the
seed announce it.

Every step is skipped when it has been done: after a failure, run it again. A
release on chain can be handed to further seeds without --key. No camera
installs it before the operator sets its rollout.`,
		Example: `  camswarm release publish release-2 --registry registry.json --key manufacturer.key --seed seed
  camswarm release publish release-2 --registry registry.json --seed /var/lib/camswarm/control.sock`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			if r.image == "" {
				return cli.Usagef("%s is an envelope alone; publish takes the release directory with the image", args[0])
			}
			if err := r.checkImage(cmd.Context()); err != nil {
				return err
			}
			var key *sign.Key
			if keyPath != "" {
				if key, err = loadChainKey(keyPath); err != nil {
					return err
				}
			}
			facts := publishFacts{Product: r.manifest.Product, Sequence: r.manifest.Sequence, Version: r.manifest.Version, Seeds: []providedBy{}}
			var view verify.View
			err = reg.withRegistry(cmd, func(ctx context.Context, file *registryFile, contract *registry.Registry) error {
				view, err = publishOnChain(ctx, cmd, file, contract, key, r, unrotated, &facts)
				return err
			})
			if err != nil {
				return err
			}
			a := announce.Announcement{
				Product: view.Product, Sequence: r.manifest.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: r.raw,
			}
			ctx := cmd.Context()
			for _, socket := range seeds {
				provided, err := provideTo(ctx, cmd, socket, r)
				if err != nil {
					return fmt.Errorf("the release is on chain, but: %w; mend that and run the same command again", err)
				}
				facts.Seeds = append(facts.Seeds, providedBy{socket, provided.State})
				if noAnnounce {
					continue
				}
				heard, err := announceBy(ctx, socket, a)
				if err != nil {
					return fmt.Errorf("the release is on chain and %s serves it, but it was not announced: %w; run the same command again", socket, err)
				}
				if !heard {
					cli.Note(cmd, "%s serves the release and has no peer to announce it to; cameras ask for the latest when they connect", socket)
				}
				facts.Announced = facts.Announced || heard
			}
			if len(seeds) == 0 {
				cli.Note(cmd, "no --seed was named: the release is on chain, and nobody serves its image yet")
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&keyPath, "key", "", "secret key file of the manufacturer's account (secp256k1)")
	fl.StringArrayVar(&seeds, "seed", nil, "a seed's control socket or directory; may be repeated")
	fl.BoolVar(&noAnnounce, "no-announce", false, "do not announce; cameras find the release with their next look at the chain")
	fl.BoolVar(&unrotated, "without-rotations", false, "publish a release without rotations although the keys on chain were replaced: every camera was provisioned with the present keys")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func (f publishFacts) print(w io.Writer) {
	done := "published in transaction " + f.Transaction
	if f.OnChain {
		done = "was on chain already"
	}
	fmt.Fprintf(w, "release %d (%s) of %s %s\n", f.Sequence, f.Version, f.Product, done)
	for _, s := range f.Seeds {
		fmt.Fprintf(w, "served by %s (%s)\n", s.Socket, s.State)
	}
	if f.Announced {
		fmt.Fprintln(w, "announced")
	}
}

// publishOnChain sends the transaction unless the release is on chain, and
// returns the view that offers it.
func publishOnChain(ctx context.Context, cmd *cobra.Command, file *registryFile, contract *registry.Registry, key *sign.Key, r *releaseFiles, unrotated bool, facts *publishFacts) (verify.View, error) {
	m := r.manifest
	view, err := contract.Check(ctx, m.Product.ID(), "")
	if err != nil {
		return view, err
	}
	v := verify.Verifier{Product: m.Product, Registry: file.ref(), Pinned: view.Keys}
	signed, err := v.CheckSigned(r.raw)
	if err != nil {
		return view, fmt.Errorf("cameras would refuse this release: %w", err)
	}
	if !signed.Keys().Equal(view.Keys) {
		return view, fmt.Errorf("the release is signed with the keys of epoch %d, which are not those on chain: list them first with 'camswarm registry set-keys'", 1+len(r.envelope.Rotations))
	}
	if len(r.envelope.Rotations) == 0 && !unrotated {
		changed, err := contract.KeysChanged(ctx, view.Manufacturer)
		if err != nil {
			return view, err
		}
		if changed {
			return view, errors.New("the signing keys on chain were replaced, and this release carries no rotation: cameras that were provisioned before would refuse it; build it with --rotation, or publish it --without-rotations if there are none")
		}
	}
	if m.Expires != 0 && m.Expires <= uint64(time.Now().Unix()) {
		return view, fmt.Errorf("the release expired at %s UTC; build it anew with a later --expires", unixTime(m.Expires))
	}
	want := verify.Release{
		Product: m.Product.ID(), Sequence: m.Sequence, Version: m.Version,
		ImageSize: m.Image.Size, ImageSHA256: m.Image.SHA256, Envelope: sha256.Sum256(r.raw),
	}
	if m.Sequence <= view.Latest {
		return view, alreadyOnChain(ctx, contract, want, facts)
	}
	if next := view.Latest + 1; m.Sequence != next {
		return view, fmt.Errorf("this is release %d, but the next on chain is %d: build it with --sequence %d", m.Sequence, next, next)
	}
	if key == nil {
		return view, cli.Usagef("release %d is not on chain yet: publishing it needs --key", m.Sequence)
	}
	if cli.IsTerminal(cmd.ErrOrStderr()) {
		cli.Note(cmd, "waiting until chain %d has release %d in a block", file.ChainID, m.Sequence)
	}
	tx, err := contract.Publish(ctx, key, want)
	if err != nil {
		return view, err
	}
	facts.Transaction = tx.String()
	return contract.Check(ctx, m.Product.ID(), "")
}

// alreadyOnChain checks that the release on chain is this one.
func alreadyOnChain(ctx context.Context, contract *registry.Registry, want verify.Release, facts *publishFacts) error {
	list, err := contract.Releases(ctx, want.Product, want.Sequence)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("the endpoint does not know release %d that it counted a moment ago; try again", want.Sequence)
	}
	got := list[0]
	switch {
	case got.Envelope != want.Envelope && got.ImageSHA256 == want.ImageSHA256:
		return fmt.Errorf("release %d is on chain with the same image but another envelope (sha256 %x, this one %x): publish the directory as it was then, signatures included", want.Sequence, got.Envelope, want.Envelope)
	case got.Envelope != want.Envelope:
		return fmt.Errorf("release %d is on chain with another image (version %s): build this one with a higher --sequence", want.Sequence, got.Version)
	case got.Revoked:
		return fmt.Errorf("release %d is revoked, and that is for ever: publish another", want.Sequence)
	}
	facts.OnChain = true
	return nil
}

func newReleaseRevokeCommand() *cobra.Command {
	var (
		tx       txCommand
		product  productFlag
		seeds    seedFlag
		sequence uint64
	)
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "Withdraw a release for ever",
		Long: `Revokes a release on chain. Cameras stop fetching, serving and installing it; a
camera that runs it keeps running until a newer release comes.`,
		Example: `  camswarm release revoke --registry registry.json --product acme.example/cam-1 --sequence 2 --key manufacturer.key --seed seed`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.parse()
			if err != nil {
				return err
			}
			return tx.run(cmd, fmt.Sprintf("release %d of %s is revoked", sequence, p),
				func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.Revoke(ctx, key, p.ID(), sequence)
				}, seeds.hint(cmd, p.ID()))
		},
	}
	tx.add(cmd, "manufacturer's account")
	product.add(cmd)
	seeds.add(cmd)
	addSequence(cmd, &sequence, "release to revoke")
	return cmd
}

func newReleaseMinSequenceCommand() *cobra.Command {
	var (
		tx       txCommand
		product  productFlag
		seeds    seedFlag
		sequence uint64
	)
	cmd := &cobra.Command{
		Use:   "min-sequence",
		Short: "Raise the release below which no camera may install, for ever",
		Long: `Raises the anti-rollback floor of a product: releases below it are never
installed again, even by cameras that never saw a newer one. It cannot be
lowered.`,
		Example: `  camswarm release min-sequence --registry registry.json --product acme.example/cam-1 --sequence 2 --key manufacturer.key`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := product.parse()
			if err != nil {
				return err
			}
			return tx.run(cmd, fmt.Sprintf("nothing below release %d of %s is installed any more", sequence, p),
				func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
					return r.SetMinSequence(ctx, key, p.ID(), sequence)
				}, seeds.hint(cmd, p.ID()))
		},
	}
	tx.add(cmd, "manufacturer's account")
	product.add(cmd)
	seeds.add(cmd)
	addSequence(cmd, &sequence, "smallest release that may be installed")
	return cmd
}
