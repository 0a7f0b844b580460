package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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
	Unsigned    *unsignedFacts `json:"unsigned,omitempty"`    // with --print-tx: nothing was sent
	// Dropped are the keys whose signatures were dropped, because they are not the
	// manufacturer's.
	Dropped   []verify.PublicKey `json:"droppedSignatures"`
	Seeds     []providedBy       `json:"seeds"`
	Announced bool               `json:"announced"` // a peer of a seed heard it
	Pins      []pinnedBy         `json:"pins,omitempty"`
}

type providedBy struct {
	Socket string        `json:"socket"`
	State  control.State `json:"state"`
}

// onChainAlready is what remains of a publication that was interrupted late.
const onChainAlready = "the release is on chain: run the same command again to hand it to the seeds and announce it"

func newReleasePublishCommand() *cobra.Command {
	var (
		reg        registryFlags
		send       sending
		keyPath    string
		seeds      []string
		pins       pinFlags
		noAnnounce bool
		unrotated  bool
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "publish DIR",
		Short: "Put a signed release on chain, hand it to seeds and announce it",
		Long: `Checks the image and that enough of the manufacturer's keys signed, drops other
signatures, sends the transaction, hands the image to each seed over its control
socket, and lets the seed announce it.

Every step is skipped when it has been done: after a failure, run it again. A
release on chain can be handed to further seeds without --key. No camera
installs it before the operator sets its rollout.

With --pin a pinning service is asked to keep the release directory too, by the
IPFS Pinning Service API, and is told the seeds' addresses to fetch it from: name
at least one --seed that it can reach.`,
		Example: `  camswarm release publish release-2 --registry registry.json --key manufacturer.key --seed seed
  camswarm release publish release-2 --registry registry.json --seed /var/lib/camswarm/control.sock
  camswarm release publish release-2 --registry registry.json --seed seed --pin https://pin.example/psa --pin-token pin.token`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openWhole(cmd.Context(), args[0], "publish")
			if err != nil {
				return err
			}
			pinToken, err := pins.check()
			if err != nil {
				return err
			}
			var key *sign.Key
			if keyPath != "" {
				if key, err = loadChainKey(cmd, keyPath); err != nil {
					return err
				}
			}
			facts := publishFacts{Product: r.manifest.Product, Sequence: r.manifest.Sequence, Version: r.manifest.Version, Seeds: []providedBy{}}
			var view verify.View
			reg.about.product = r.manifest.Product
			reg.wait = send.wait
			err = reg.withClient(cmd, func(ctx context.Context, file *registryFile, client *registry.Client, contract *registry.Registry) error {
				if key != nil {
					account, _ := key.Address()
					if err := send.ready(ctx, cmd, client, account); err != nil {
						return err
					}
				}
				view, err = publishOnChain(ctx, cmd, file, contract, key, &send, r, unrotated, &facts)
				return err
			})
			if err != nil {
				return err
			}
			if facts.Unsigned != nil {
				return cli.PrintFacts(cmd, asJSON, facts, facts.print)
			}
			a := announce.Announcement{
				Product: view.Product, Sequence: r.manifest.Sequence, Rev: view.Rev, Block: view.RevBlock, Envelope: r.raw,
			}
			ctx := cmd.Context()
			for _, socket := range seeds {
				provided, err := provideTo(ctx, cmd, socket, r)
				if err != nil {
					return cli.Remains(fmt.Errorf("the release is on chain, but: %w; mend that and run the same command again", err), onChainAlready)
				}
				facts.Seeds = append(facts.Seeds, providedBy{socket, provided.State})
				if noAnnounce {
					continue
				}
				heard, err := announceBy(ctx, socket, a)
				if err != nil {
					return cli.Remains(fmt.Errorf("the release is on chain and %s serves it, but it was not announced: %w; run the same command again", socket, err), onChainAlready)
				}
				if !heard {
					cli.Note(cmd, "%s serves the release and has no peer to announce it to; cameras ask for the latest when they connect", socket)
				}
				facts.Announced = facts.Announced || heard
			}
			if facts.Pins, err = pins.pin(ctx, pinToken, r, seeds); err != nil {
				return cli.Remains(fmt.Errorf("the release is on chain, but: %w; mend that and run the same command again", err), onChainAlready)
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
	addPassphrase(cmd)
	send.add(cmd)
	send.addPrintTx(cmd)
	fl.StringArrayVar(&seeds, "seed", nil, "a seed's control socket or directory; may be repeated")
	pins.add(cmd)
	fl.BoolVar(&noAnnounce, "no-announce", false, "do not announce; cameras find the release with their next look at the chain")
	fl.BoolVar(&unrotated, "without-rotations", false, "publish a release without rotations although the keys on chain were replaced: every camera was provisioned with the present keys")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func (f publishFacts) print(w io.Writer) {
	if f.Unsigned != nil {
		f.Unsigned.print(w, fmt.Sprintf("release %d (%s) of %s is published; then run the command again without --print-tx and --key", f.Sequence, f.Version, f.Product))
		return
	}
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
	for _, p := range f.Pins {
		fmt.Fprintf(w, "%s at %s (%s)\n", cli.Line(p.Status), p.Service, p.CID)
	}
}

// publishOnChain sends the transaction unless the release is on chain, and
// returns the view that offers it.
func publishOnChain(ctx context.Context, cmd *cobra.Command, file *registryFile, contract *registry.Registry, key *sign.Key, send *sending, r *releaseFiles, unrotated bool, facts *publishFacts) (verify.View, error) {
	m := r.manifest
	view, err := contract.Check(ctx, m.Product.ID(), "")
	if err != nil {
		return view, err
	}
	// The chain names the envelope by its digest, and cameras refuse one that a
	// stranger signed too: what must not be in it is dropped before.
	keys := view.Keys
	if n := len(r.envelope.Rotations); n > 0 {
		keys = r.envelope.Rotations[n-1].To
	}
	facts.Dropped = r.foreign(keys)
	onDisk := r.raw
	r.drop(facts.Dropped)
	if r.raw, err = r.envelope.Encode(); err != nil {
		return view, err
	}
	if have, need := len(r.envelope.Signatures), keys.Threshold; have < need {
		return view, fmt.Errorf("%d of %d signatures: ask %s to run 'camswarm release sign %s --key FILE'; cameras would refuse a release with fewer (%s)",
			have, need, whoElse(keys, r), r.path, verify.AttackKeyCompromise)
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
	keep := func() error {
		for _, k := range facts.Dropped {
			cli.Note(cmd, "dropped the signature of key %s, which is not one of the manufacturer's", k)
		}
		next := r.raw
		r.raw = onDisk
		if bytes.Equal(next, onDisk) {
			return nil
		}
		return r.save()
	}
	if m.Sequence <= view.Latest {
		if err := alreadyOnChain(ctx, contract, want, facts); err != nil {
			return view, err
		}
		return view, keep()
	}
	if next := view.Latest + 1; m.Sequence != next {
		return view, fmt.Errorf("this is release %d, but the next on chain is %d: build it with --sequence %d", m.Sequence, next, next)
	}
	if key == nil && send.printTx != "" {
		draft, call, err := send.draft(contract)
		if err == nil {
			err = keep()
		}
		if err == nil {
			_, err = draft.Publish(ctx, nil, want)
		}
		if err != nil {
			return view, err
		}
		facts.Unsigned = unsigned(file.ChainID, call)
		return view, nil
	}
	if key == nil {
		return view, cli.Usagef("release %d is not on chain yet: publishing it needs --key", m.Sequence)
	}
	if cli.IsTerminal(cmd.ErrOrStderr()) {
		cli.Note(cmd, "waiting until chain %d has release %d in a block", file.ChainID, m.Sequence)
	}
	if err := keep(); err != nil {
		return view, err
	}
	tx, err := contract.Publish(ctx, key, want)
	if err != nil {
		return view, sentThough(err, tx)
	}
	facts.Transaction = tx.String()
	return contract.Check(ctx, m.Product.ID(), "")
}

// whoElse names the keys of a set that have not signed.
func whoElse(set verify.KeySet, r *releaseFiles) string {
	var missing []string
	for _, k := range set.Keys {
		if !slices.ContainsFunc(r.envelope.Signatures, func(s verify.Signature) bool { return s.Key == k }) {
			missing = append(missing, k.String())
		}
	}
	if len(missing) == 1 {
		return "the holder of key " + missing[0]
	}
	return "holders of the keys " + strings.Join(missing, ", ")
}

// alreadyOnChain checks that the release on chain is this one.
func alreadyOnChain(ctx context.Context, contract *registry.Registry, want verify.Release, facts *publishFacts) error {
	list, err := contract.Releases(ctx, want.Product, want.Sequence)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("release %d is not in this registry, although a newer one is counted: either the product came from another registry, so build it with a higher --sequence, or the endpoint lags, so try again", want.Sequence)
	}
	got := list[0]
	switch {
	case got.Sequence != want.Sequence:
		return fmt.Errorf("release %d belongs to the registry from which the product came; here they begin with %d: build it with a higher --sequence", want.Sequence, got.Sequence)
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
	var tx productTx
	return tx.command(&cobra.Command{
		Use:   "revoke",
		Short: "Withdraw a release for ever",
		Long: `Revokes a release on chain. Cameras stop fetching, serving and installing it; a
camera that runs it keeps running until a newer release comes.`,
		Example: `  camswarm release revoke --registry registry.json --product acme.example/cam-1 --sequence 2 --key manufacturer.key --seed seed`,
	}, "manufacturer's account", "release to revoke", func(p verify.Product) (change, error) {
		did := fmt.Sprintf("release %d of %s is revoked", tx.sequence, p)
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				rel, err := r.Release(ctx, p.ID(), tx.sequence)
				return already(did, rel.Revoked, err)
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.Revoke(ctx, key, p.ID(), tx.sequence)
			},
		}, nil
	})
}

func newReleaseMinSequenceCommand() *cobra.Command {
	var tx productTx
	return tx.command(&cobra.Command{
		Use:   "min-sequence",
		Short: "Raise the release below which no camera may install, for ever",
		Long: `Raises the anti-rollback floor of a product: releases below it are never
installed again, even by cameras that never saw a newer one. It cannot be
lowered.`,
		Example: `  camswarm release min-sequence --registry registry.json --product acme.example/cam-1 --sequence 2 --key manufacturer.key`,
	}, "manufacturer's account", "smallest release that may be installed", func(p verify.Product) (change, error) {
		did := fmt.Sprintf("nothing below release %d of %s is installed", tx.sequence, p)
		return change{
			did: did,
			already: func(ctx context.Context, r *registry.Registry) (string, error) {
				view, err := r.Check(ctx, p.ID(), "")
				if err == nil && tx.sequence < view.MinSequence {
					err = fmt.Errorf("nothing below release %d of %s is installed, which cannot be lowered to %d; nothing was sent", view.MinSequence, p, tx.sequence)
				}
				return already(did, view.MinSequence == tx.sequence, err)
			},
			send: func(ctx context.Context, r *registry.Registry, key *sign.Key) (registry.Tx, error) {
				return r.SetMinSequence(ctx, key, p.ID(), tx.sequence)
			},
		}, nil
	})
}
