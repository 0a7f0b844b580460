package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/swarm/p2p"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// A release directory holds these two files; a node keeps a release in the same
// form. What else is known of a release lies in files that IPFS tools leave out,
// see [signersFile], because the directory has one CID.
const (
	imageFile    = verify.DirectoryImage
	envelopeFile = verify.DirectoryEnvelope
)

func newReleaseCommand() *cobra.Command {
	return cli.Group("release", "Build, sign, publish and revoke releases", `A release directory holds the image and envelope.cbor: the manifest and its
signatures. build makes it, each signer adds a signature offline, to the same
directory one after the other or to copies that merge joins, publish puts it on
chain and hands it to a seed. Keys in a security module, a card or a key service
sign with tosign and attach instead of sign.`,
		newReleaseBuildCommand(), newReleaseSignCommand(), newReleaseToSignCommand(), newReleaseAttachCommand(), newReleaseMergeCommand(), newReleaseUnsignCommand(),
		newReleaseShowCommand(), newReleaseVerifyCommand(), newReleaseExportCommand(), newReleaseImportCommand(),
		newReleasePublishCommand(), newReleaseRevokeCommand(), newReleaseMinSequenceCommand())
}

// releaseFiles is a release on disk. image is "" when only the envelope is
// there, which is enough to sign and to show.
type releaseFiles struct {
	path         string // as it was named
	image        string
	envelopePath string
	raw          []byte // the envelope as it is on disk
	envelope     *verify.Envelope
	manifest     *verify.Manifest
}

// openRelease reads a release directory, or an envelope file alone.
func openRelease(path string) (*releaseFiles, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("release: %w; 'camswarm release build' makes a release directory", err)
	}
	if err != nil {
		return nil, fmt.Errorf("release: %w", err)
	}
	r := &releaseFiles{path: path, envelopePath: path}
	if info.IsDir() {
		r.image, r.envelopePath = filepath.Join(path, imageFile), filepath.Join(path, envelopeFile)
	}
	f, err := os.Open(r.envelopePath)
	if err != nil {
		if info.IsDir() && errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%s is not a release directory, it has no %s: make one with 'camswarm release build'", path, envelopeFile)
		}
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if r.raw, err = io.ReadAll(io.LimitReader(f, verify.MaxEnvelopeSize+1)); err != nil {
		return nil, err
	}
	if r.envelope, err = verify.DecodeEnvelope(r.raw); err != nil {
		return nil, fmt.Errorf("%s: %w", r.envelopePath, err)
	}
	if r.manifest, err = verify.DecodeManifest(r.envelope.Manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", r.envelopePath, err)
	}
	for _, s := range r.envelope.Signatures {
		if !r.envelope.Verify(s) {
			return nil, fmt.Errorf("%s: the signature by key %s is wrong; build and sign the release again", r.envelopePath, s.Key)
		}
	}
	return r, nil
}

// openWhole opens a release directory for a command that needs the image, and hashes it.
func openWhole(ctx context.Context, path, command string) (*releaseFiles, error) {
	r, err := openRelease(path)
	if err != nil {
		return nil, err
	}
	if r.image == "" {
		return nil, cli.Usagef("%s is an envelope alone; %s takes the release directory with the image", path, command)
	}
	return r, r.checkImage(ctx)
}

// checkImage hashes the image and compares it with the manifest.
func (r *releaseFiles) checkImage(ctx context.Context) error {
	f, err := openRegular(r.image)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := verify.DescribeImage(cli.Reader(ctx, f), r.manifest.Image.BlockSize)
	if err != nil {
		return fmt.Errorf("%s: %w", r.image, err)
	}
	if info.SHA256 != r.manifest.Image.SHA256 || info.Size != r.manifest.Image.Size || !info.Root.Equals(r.manifest.Image.Root) {
		return fmt.Errorf("%s is not the image of this manifest: it has sha256 %x, the manifest says %x", r.image, info.SHA256, r.manifest.Image.SHA256)
	}
	return nil
}

// save replaces the envelope on disk by the one in memory, unless the file has
// changed since it was read.
func (r *releaseFiles) save() error {
	raw, err := r.envelope.Encode()
	if err != nil {
		return err
	}
	if _, err := verify.DecodeEnvelope(raw); err != nil {
		return fmt.Errorf("the new envelope does not decode: %w", err)
	}
	if now, err := os.ReadFile(r.envelopePath); err != nil || !bytes.Equal(now, r.raw) {
		return fmt.Errorf("%s changed meanwhile; do it again", r.envelopePath)
	}
	if err := writeFileAtomic(r.envelopePath, raw, 0o644); err != nil {
		return err
	}
	r.raw = raw
	return nil
}

// openRegular opens a file for reading and refuses directories, pipes and
// devices, which have no size.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path) // before opening: a pipe would block
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return os.Open(path)
}

// readBounded reads a regular file, one byte past limit at most, so that its decoder
// sees that it is too long.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// releaseFacts is what `release build`, `sign` and `show` print.
type releaseFacts struct {
	Product      verify.Product     `json:"product"`
	Sequence     uint64             `json:"sequence"`
	Version      string             `json:"version"`
	Hardware     []string           `json:"hardware"`
	MinSequence  uint64             `json:"minSequence"`
	Component    string             `json:"component"`
	Expires      uint64             `json:"expires"` // seconds since 1970, 0: never
	Registry     verify.RegistryRef `json:"registry"`
	IPNSName     string             `json:"ipnsName,omitempty"`
	Origins      []verify.Origin    `json:"origins,omitempty"`
	Seeds        []verify.Seed      `json:"seeds,omitempty"`
	ImageBytes   uint64             `json:"imageBytes"`
	ImageSHA256  string             `json:"imageSha256"`
	ImageRoot    string             `json:"imageRoot"`
	BlockBytes   uint32             `json:"blockBytes"`
	Blocks       int                `json:"blocks"`
	Envelope     string             `json:"envelopeSha256"`
	EnvelopeCID  string             `json:"envelopeCid"`
	DirectoryCID string             `json:"directoryCid,omitempty"` // of image, envelope and document, as they are now; absent without the image
	KeyEpoch     uint64             `json:"keyEpoch"`               // of the keys that must sign: 1 and one for each rotation that it carries
	Moves        []moveStep         `json:"moves,omitempty"`        // that it carries
	SignedBy     []verify.PublicKey `json:"signedBy"`
	Signers      *signersFacts      `json:"signers,omitempty"` // whose signatures count, where that is known
	ImageChecked bool               `json:"imageChecked"`      // the image beside the envelope was hashed and is the manifest's
	Warnings     []string           `json:"warnings,omitempty"`
}

// moveStep is one move that a release carries.
type moveStep struct {
	Number uint64             `json:"number"`
	From   verify.RegistryRef `json:"from"`
	To     verify.RegistryRef `json:"to"`
	Reason string             `json:"reason,omitempty"`
}

func (r *releaseFiles) facts(imageChecked bool, known knownSigners) releaseFacts {
	m := r.manifest
	digest := sha256.Sum256(r.raw)
	f := releaseFacts{
		Product: m.Product, Sequence: m.Sequence, Version: m.Version, Hardware: append([]string{}, m.Hardware...),
		MinSequence: m.MinSequence, Component: m.Component, Expires: m.Expires, Registry: m.Registry, IPNSName: m.IPNSName,
		Origins:    m.Origins,
		Seeds:      m.Seeds,
		ImageBytes: m.Image.Size, ImageSHA256: hex.EncodeToString(m.Image.SHA256[:]), ImageRoot: m.Image.Root.String(),
		BlockBytes: m.Image.BlockSize, Blocks: len(m.Image.Blocks),
		Envelope: hex.EncodeToString(digest[:]), EnvelopeCID: verify.RawCID(digest).String(),
		KeyEpoch: uint64(1 + len(r.envelope.Rotations)), SignedBy: []verify.PublicKey{}, ImageChecked: imageChecked,
	}
	if r.image != "" {
		if document, err := documentIn(r.path); err == nil {
			f.DirectoryCID = verify.Directory(m.Image, r.raw, document).CID.String()
		}
	}
	for _, m := range r.envelope.Moves {
		f.Moves = append(f.Moves, moveStep{m.Number, m.From, m.To, m.Reason})
	}
	for _, s := range r.envelope.Signatures {
		f.SignedBy = append(f.SignedBy, s.Key)
	}
	if known.from != "" {
		f.Signers = &signersFacts{KeySet: known.keys, From: known.from, Foreign: r.foreign(known.keys)}
	}
	return f
}

func (f releaseFacts) print(w io.Writer) {
	fmt.Fprintf(w, "product       %s\n", f.Product)
	fmt.Fprintf(w, "sequence      %d\n", f.Sequence)
	fmt.Fprintf(w, "version       %s\n", cli.Line(f.Version))
	if len(f.Hardware) > 0 {
		fmt.Fprintf(w, "hardware      %q\n", f.Hardware)
	}
	if f.MinSequence > 0 {
		fmt.Fprintf(w, "replaces      release %d or later\n", f.MinSequence)
	}
	if f.Expires > 0 {
		fmt.Fprintf(w, "expires       %s UTC\n", unixTime(f.Expires))
	}
	fmt.Fprintf(w, "registry      %s\n", f.Registry)
	if f.IPNSName != "" {
		fmt.Fprintf(w, "IPNS name     %s\n", f.IPNSName)
	}
	for _, o := range f.Origins {
		fmt.Fprintf(w, "origin        %s", cli.Line(o.URL))
		if o.Region != "" {
			fmt.Fprintf(w, " in %s", o.Region)
		}
		fmt.Fprintln(w)
	}
	for _, s := range f.Seeds {
		fmt.Fprintf(w, "seed          %s", cli.Line(s.Addr))
		if s.Region != "" {
			fmt.Fprintf(w, " in %s", s.Region)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "image         %d bytes in %d blocks of %d\n", f.ImageBytes, f.Blocks, f.BlockBytes)
	fmt.Fprintf(w, "image sha256  %s\n", f.ImageSHA256)
	fmt.Fprintf(w, "image root    %s\n", f.ImageRoot)
	fmt.Fprintf(w, "envelope CID  %s\n", f.EnvelopeCID)
	if f.DirectoryCID != "" {
		fmt.Fprintf(w, "directory CID %s\n", f.DirectoryCID)
	}
	if f.KeyEpoch > 1 {
		fmt.Fprintf(w, "keys          of epoch %d\n", f.KeyEpoch)
	}
	for _, m := range f.Moves {
		fmt.Fprintf(w, "move %-9d from %s to %s\n", m.Number, m.From, m.To)
	}
	if len(f.SignedBy) == 0 {
		fmt.Fprintf(w, "signed by     nobody yet\n")
	}
	for _, k := range f.SignedBy {
		foreign := ""
		if f.Signers != nil && slices.Contains(f.Signers.Foreign, k) {
			foreign = "  NOT a key of the manufacturer: drop it with 'camswarm release unsign'"
		}
		fmt.Fprintf(w, "signed by     %s%s\n", k, foreign)
	}
	if s := f.Signers; s != nil {
		must := "some"
		if s.Threshold > 0 {
			must = strconv.Itoa(s.Threshold)
		}
		fmt.Fprintf(w, "must sign     %s of %d keys (says %s), %d have\n", must, len(s.Keys), s.From, len(f.SignedBy)-len(s.Foreign))
	}
	if !f.ImageChecked {
		fmt.Fprintf(w, "the image was not looked at: this is the envelope alone\n")
	}
}

// ofRegion splits what a flag names for one region, REGION=rest, from what it names
// for all. What holds a byte of notBefore before the first = is no region.
func ofRegion(flag, text, notBefore string) (region verify.Region, rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || strings.Contains(name, notBefore) {
		return "", text, nil
	}
	if region, err = verify.ParseRegion(name); err != nil {
		return "", "", cli.Usagef("%s %s: %v", flag, text, err)
	}
	return region, rest, nil
}

// parseOrigins reads origins as --origin names them: a URL, or REGION=URL.
func parseOrigins(texts []string) (out []verify.Origin, err error) {
	for _, t := range texts {
		var o verify.Origin
		if o.Region, o.URL, err = ofRegion("--origin", t, ":"); err != nil {
			return nil, err
		}
		if err := node.CheckOriginURL(o.URL); err != nil {
			return nil, cli.Usagef("--origin %s: %v", t, err)
		}
		if strings.HasPrefix(o.URL, "http:") {
			return nil, cli.Usagef("--origin %s: a release names https alone; http is for origin.urls in a node's configuration", t)
		}
		out = append(out, o)
	}
	return out, nil
}

// parseSeeds reads seeds as --fleet-seed names them: a multiaddr, or REGION=multiaddr.
func parseSeeds(texts []string) (out []verify.Seed, err error) {
	for _, t := range texts {
		var s verify.Seed
		if s.Region, s.Addr, err = ofRegion("--fleet-seed", t, "/"); err != nil {
			return nil, err
		}
		if err := p2p.CheckPeers([]string{s.Addr}); err != nil {
			return nil, cli.Usagef("--fleet-seed %s: %v", t, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func newReleaseBuildCommand() *cobra.Command {
	var (
		reg       registryFlags
		product   productFlag
		m         verify.Manifest
		blockSize uint32
		expires   string
		ipns      string
		origins   []string
		seeds     []string
		rotations []string
		moves     []string
		out       string
		offline   bool
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "build IMAGE",
		Short: "Make an unsigned release directory from an image",
		Long: `Reads an image, makes the manifest that describes it, and writes a new
directory with both. The sequence must be the one after the newest on chain
('camswarm log' shows it); the version is for people only.

If a chain endpoint answers, what publish would refuse is said now, before
anybody signs, and the directory remembers which keys sign, so that 'release
sign' can refuse others. With --offline nobody is asked.

After the signing keys were rotated, every release carries all rotations since
the first keys, and after the manufacturer left a registry for another all moves
since the first registry, so that a camera that slept through them can follow.`,
		Example: `  camswarm release build fw.bin --registry registry.json --product acme.example/cam-1 \
      --sequence 2 --version 1.1.0 --out release-2
  camswarm release build fw.bin --registry registry.json --product acme.example/cam-1 \
      --sequence 3 --version 1.2.0 --rotation rotation-2.cbor --rotation rotation-3.cbor --out release-3
  camswarm release build fw.bin --registry registry-2.json --product acme.example/cam-1 \
      --sequence 4 --version 1.3.0 --rotation rotation-2.cbor --rotation rotation-3.cbor --move move-1.cbor --out release-4`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := reg.load()
			if err != nil {
				return err
			}
			if m.Product, err = product.of(&reg); err != nil {
				return err
			}
			if m.Sequence == 0 || m.Sequence > math.MaxInt64 {
				return cli.Usagef("--sequence %d: the first release has sequence 1", m.Sequence)
			}
			if m.Expires, err = parseTime("expires", expires, time.Now()); err != nil {
				return err
			}
			if ipns != "" {
				if m.IPNSName, err = ipnsNameOf(ipns); err != nil {
					return err
				}
			}
			if m.Origins, err = parseOrigins(origins); err != nil {
				return err
			}
			if m.Seeds, err = parseSeeds(seeds); err != nil {
				return err
			}
			m.Registry = file.ref()
			history, err := readHistory(rotations, moves, file.ref())
			if err != nil {
				return err
			}
			var outlook outlook
			if !offline {
				if outlook, err = lookAhead(cmd.Context(), file, &m, history.Rotations); err != nil {
					return err
				}
			}
			r, err := buildRelease(cmd.Context(), args[0], out, m, blockSize, history, outlook.signers)
			if err != nil {
				return err
			}
			for _, w := range outlook.warnings {
				cli.Note(cmd, "warning: %s", w)
			}
			facts := r.facts(true, r.signers())
			facts.Warnings = outlook.warnings
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	product.add(cmd)
	fl := cmd.Flags()
	fl.Uint64Var(&m.Sequence, "sequence", 0, "sequence number: one more than the newest on chain")
	fl.StringVar(&m.Version, "version", "", "version, for people")
	fl.StringSliceVar(&m.Hardware, "hardware", nil, "hardware revisions it fits (default every revision)")
	fl.Uint64Var(&m.MinSequence, "min-sequence", 0, "smallest installed sequence it may replace (default any)")
	fl.StringVar(&m.Component, "component", "firmware", "what to install, for products of several parts")
	fl.StringVar(&expires, "expires", "", "when it must no longer be installed: a time or +duration (default never)")
	fl.StringVar(&ipns, "ipns", "", "IPNS name that the release is published under, or the Ed25519 key file it is made of")
	fl.Uint32Var(&blockSize, "block-size", verify.DefaultBlockSize, "bytes of a block, a power of two")
	fl.StringArrayVar(&seeds, "fleet-seed", nil, "multiaddr with /p2p/ of a seed that cameras use from then on like those of their configuration, or REGION=MULTIADDR for cameras of a region; repeat it, best first: a camera takes the first 8 and stays connected to four of all the seeds it knows")
	fl.StringArrayVar(&origins, "origin", nil, "https URL of the flat image, or REGION=URL for devices of a region; repeat it, best first. What stands in {braces} is filled in by devices: see docs/ORIGIN.md")
	fl.StringArrayVar(&rotations, "rotation", nil, "file of a complete rotation of the signing keys; repeat it for each there ever was, oldest first")
	fl.StringArrayVar(&moves, "move", nil, "file of a complete move to this registry; repeat it for each there ever was, oldest first, and name every rotation too")
	fl.StringVar(&out, "out", "", "directory to make")
	fl.BoolVar(&offline, "offline", false, "do not compare with the chain")
	cli.AddJSON(cmd, &asJSON)
	for _, name := range []string{"sequence", "version", "out"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// buildRelease writes a release directory as a whole or not at all: it is made
// under another name and renamed.
func buildRelease(ctx context.Context, image, out string, m verify.Manifest, blockSize uint32, history verify.History, signers *signersFile) (*releaseFiles, error) {
	if _, err := os.Lstat(out); err == nil {
		return nil, fmt.Errorf("%s exists already; releases are never overwritten: choose another --out", out)
	}
	src, err := openRegular(image)
	if err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	defer func() { _ = src.Close() }()

	return writeRelease(out, func(dir string) error {
		dst, err := os.OpenFile(filepath.Join(dir, imageFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		defer func() { _ = dst.Close() }()
		// What is described is what is copied, even if the source changes meanwhile.
		if m.Image, err = verify.DescribeImage(io.TeeReader(cli.Reader(ctx, src), dst), blockSize); err != nil {
			return fmt.Errorf("%s: %w", image, err)
		}
		if err := dst.Sync(); err != nil {
			return err
		}
		envelope, err := sign.NewEnvelope(&m)
		if err != nil {
			return err
		}
		envelope.Rotations, envelope.Moves = history.Rotations, history.Moves
		raw, err := envelope.Encode()
		if err != nil {
			return err
		}
		if err := writeFileAtomic(filepath.Join(dir, envelopeFile), raw, 0o644); err != nil {
			return err
		}
		if signers != nil {
			return signers.save(dir)
		}
		return nil
	})
}

func newReleaseShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DIR|ENVELOPE",
		Short: "Show what a release directory or envelope holds (offline)",
		Long: `Decodes an envelope, checks each signature, and hashes the image beside it.
Whether the signers are the manufacturer's is for the chain to say: see
'camswarm check' and 'camswarm release publish'.`,
		Example: `  camswarm release show release-2
  camswarm release show release-2/envelope.cbor --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			if r.image != "" {
				if err := r.checkImage(cmd.Context()); err != nil {
					return err
				}
			}
			facts := r.facts(r.image != "", r.signers())
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// verifyFacts is what `release verify` prints.
type verifyFacts struct {
	releaseFacts
	Config  string        `json:"config"`
	Trusted verify.KeySet `json:"trusted"` // the keys that signed, which the node trusts or follows rotations to
}

func newReleaseVerifyCommand() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR|ENVELOPE --config FILE",
		Short: "Check a release as a provisioned node would, but for the chain (offline)",
		Long: `Checks signatures, rotations, product and registry of a release against what a
node was provisioned with, and the image beside it. Whether the release exists
on chain, is current and not revoked is another question: see 'camswarm check'.`,
		Example: `  camswarm release verify release-2 --config cam1/camswarmd.toml
  camswarm release verify release-2/envelope.cbor --config cam1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			if isDir(config) {
				config = filepath.Join(config, configFile)
			}
			cfg, err := node.LoadConfig(config)
			if err != nil {
				return err
			}
			signed, err := checkProvisioned(cfg, r)
			if err != nil {
				return err
			}
			if r.image != "" {
				if err := r.checkImage(cmd.Context()); err != nil {
					return err
				}
			}
			facts := verifyFacts{r.facts(r.image != "", knownSigners{}), config, signed.Keys()}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
				facts.print(w)
				fmt.Fprintf(w, "genuine: signed by %d of the %d keys that a node provisioned by %s trusts, %d must\n",
					len(facts.SignedBy), len(facts.Trusted.Keys), config, facts.Trusted.Threshold)
			})
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "a node's configuration file, or the directory made by 'camswarm provision'")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("config")
	return cmd
}

// checkProvisioned checks an envelope with what a node was provisioned with.
func checkProvisioned(cfg node.Config, r *releaseFiles) (*verify.Signed, error) {
	for _, p := range cfg.Products {
		if p.Name != r.manifest.Product.String() {
			continue
		}
		v, err := p.Verifier()
		if err != nil {
			return nil, err
		}
		return v.CheckSigned(r.raw)
	}
	return nil, fmt.Errorf("the release is for %s, which the node does not follow", r.manifest.Product)
}
