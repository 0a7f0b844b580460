package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm/p2p"
	"camswarm/verify"
)

// The terms of a record unless flags say otherwise.
const (
	ipnsValid = 7 * 24 * time.Hour
	ipnsTTL   = time.Hour
	ipnsSoon  = 48 * time.Hour // a record that ends within is worth a warning
)

// maxIPNSRecord is the limit of the IPNS specification, in bytes.
const maxIPNSRecord = 10 << 10

func newIPNSCommand() *cobra.Command {
	return cli.Group("ipns", "Publish releases under an IPNS name, for stock IPFS tools", `An IPNS record is a signed pointer to the newest release directory: image,
envelope.cbor and, if it lies there, did.json. With it 'ipfs get /ipns/NAME'
gets the release. The name is a public Ed25519 key; 'release build --ipns' puts
it in the manifest, so that it is on chain. Cameras compare the record with the
release and tell what they found; it never decides what they install.

The order: 'release build --ipns ipns.key' (a release built without it has no
record), 'release sign', 'release publish', then 'ipns publish', and 'rollout set'
last.

The secret key stays with the publisher. A record ends after a week unless it is
renewed: run 'ipns publish' again, for example daily.`,
		newIPNSNameCommand(), newIPNSPublishCommand(), newIPNSShowCommand())
}

func newIPNSNameCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "name KEYFILE",
		Short: "Show the IPNS name of an Ed25519 key (offline)",
		Example: `  camswarm keys new --out ipns.key
  camswarm ipns name ipns.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := ipnsNameOf(args[0])
			if err != nil {
				return err
			}
			facts := struct {
				Name string `json:"name"`
			}{name}
			return cli.PrintFacts(cmd, asJSON, facts, func(w io.Writer) { fmt.Fprintln(w, name) })
		},
	}
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// ipnsNameOf reads a name, or makes the one of the key in a file.
func ipnsNameOf(arg string) (string, error) {
	if name, err := p2p.ParseIPNSName(arg); err == nil {
		return name, nil
	}
	pub, err := readPublicKey(arg)
	if err != nil {
		return "", fmt.Errorf("%q is neither an IPNS name nor a key file: %w", arg, err)
	}
	if pub.Algorithm() != verify.EdDSA {
		return "", fmt.Errorf("%s holds a key of type %s; an IPNS name is made of an Ed25519 key: 'camswarm keys new --out ipns.key'", arg, pub.Algorithm())
	}
	raw := pub.Bytes()
	key, err := crypto.UnmarshalEd25519PublicKey(raw[len(raw)-ed25519.PublicKeySize:])
	if err != nil {
		return "", err
	}
	return p2p.IPNSName(key)
}

// loadIPNSKey reads a secret Ed25519 key file.
func loadIPNSKey(cmd *cobra.Command, path string) (crypto.PrivKey, error) {
	key, err := loadFileKey(cmd, path)
	if err != nil {
		return nil, err
	}
	if key.Algorithm() != verify.EdDSA {
		return nil, fmt.Errorf("%s holds a key of type %s; an IPNS record is signed with an Ed25519 key", path, key.Algorithm())
	}
	return crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(key.Bytes()))
}

// ipnsFacts is what `ipns publish` and `ipns show` print.
type ipnsFacts struct {
	Name     string            `json:"name"`
	File     string            `json:"file"`
	Release  uint64            `json:"release"` // that it was compared with
	State    control.IPNSState `json:"state"`   // "ok" when it is right and in force
	Detail   string            `json:"detail,omitempty"`
	Value    string            `json:"value"`
	Sequence uint64            `json:"sequence"`
	Validity time.Time         `json:"validity"`
	EndsSoon bool              `json:"endsSoon"`
	Seeds    []ipnsSeed        `json:"seeds,omitempty"`
}

type ipnsSeed struct {
	Socket string `json:"socket"`
	OnDHT  bool   `json:"onDht"` // other servers were reached
	Note   string `json:"note,omitempty"`
}

func (f ipnsFacts) print(w io.Writer) {
	fmt.Fprintf(w, "name      %s\n", f.Name)
	fmt.Fprintf(w, "value     %s\n", f.Value)
	fmt.Fprintf(w, "release   %d\n", f.Release)
	fmt.Fprintf(w, "state     %s\n", f.State)
	if f.Detail != "" {
		fmt.Fprintf(w, "          %s\n", f.Detail)
	}
	fmt.Fprintf(w, "sequence  %d\n", f.Sequence)
	fmt.Fprintf(w, "ends      %s UTC\n", f.Validity.UTC().Format("2006-01-02 15:04:05"))
	fmt.Fprintf(w, "file      %s\n", f.File)
	for _, s := range f.Seeds {
		if s.OnDHT {
			fmt.Fprintf(w, "kept by   %s and other DHT servers\n", s.Socket)
		} else {
			fmt.Fprintf(w, "kept by   %s alone (%s)\n", s.Socket, s.Note)
		}
	}
}

// openIPNS reads the record of a release and compares the two.
func openIPNS(r *releaseFiles, path string, now time.Time) (ipnsFacts, []byte, error) {
	f := ipnsFacts{Name: r.manifest.IPNSName, File: path, Release: r.manifest.Sequence}
	if f.Name == "" {
		return f, nil, fmt.Errorf("release %d names no IPNS record; 'release build --ipns' would", f.Release)
	}
	file, err := openRegular(path)
	if err != nil {
		return f, nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxIPNSRecord+1))
	if err != nil {
		return f, nil, err
	}
	rec, err := p2p.OpenIPNS(f.Name, data)
	if err != nil {
		return f, nil, fmt.Errorf("%s: %w", path, err)
	}
	f.Value, f.Sequence, f.Validity = rec.Value, rec.Sequence, rec.Validity
	f.EndsSoon = rec.Validity.Sub(now) < ipnsSoon
	if f.State, err = node.CheckIPNS(r.manifest, r.raw, rec, uint64(now.Unix())); err != nil {
		f.Detail = err.Error()
	}
	return f, data, nil
}

// recordPath is where the record of a release directory lies: beside it, since
// what is in it has one CID.
func recordPath(dir string) string { return filepath.Clean(dir) + ".ipns" }

func newIPNSPublishCommand() *cobra.Command {
	var (
		keyPath, out string
		valid, ttl   time.Duration
		seeds        []string
		asJSON       bool
	)
	cmd := &cobra.Command{
		Use:     "publish DIR --key FILE",
		Aliases: []string{"renew"},
		Short:   "Sign the IPNS record of a release, or renew it, and hand it to seeds",
		Long: `Signs a record that points to the release directory and names the release in its
signed metadata, and writes it to DIR.ipns. Each seed checks it against the
release that it holds and keeps it on the DHT until it ends; hand over the
release first ('release publish'). To renew a record is to sign it again.

The directory's CID is that of
  ipfs add -r --cid-version=1 --raw-leaves --chunker=size-BLOCKSIZE DIR
as long as the envelope fits in one block, which then pins it with stock IPFS.
DIR.ipns is an ordinary record: 'ipfs routing put /ipns/NAME DIR.ipns' puts it on
the public DHT.`,
		Example: `  camswarm ipns publish release-2 --key ipns.key --seed seed
  camswarm ipns publish release-2 --key ipns.key --valid 48h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			switch {
			case valid < time.Hour || valid > 365*24*time.Hour:
				return cli.Usagef("--valid %v: write 1h to 8760h", valid)
			case ttl < 0 || ttl > valid:
				return cli.Usagef("--ttl %v: write 0s up to --valid", ttl)
			case now.Year() < 2026:
				return fmt.Errorf("this machine's clock says %s; set it, or nobody would take the record", now.Format(time.RFC3339))
			}
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			key, err := loadIPNSKey(cmd, keyPath)
			if err != nil {
				return err
			}
			name, err := p2p.IPNSName(key.GetPublic())
			if err != nil {
				return err
			}
			if r.manifest.IPNSName != name {
				return fmt.Errorf("the key's name is %s, release %d names %q: take that key, or build the release with --ipns", name, r.manifest.Sequence, r.manifest.IPNSName)
			}
			document, err := documentIn(args[0])
			if err != nil {
				return err
			}
			rec, err := node.NewIPNSRecord(r.manifest, r.raw, document, now, valid, ttl)
			if err != nil {
				return err
			}
			if out == "" {
				out = recordPath(args[0])
			}
			old, _, err := openIPNS(r, out, now)
			switch ahead := old.Sequence - rec.Sequence; {
			case err != nil || old.Sequence < rec.Sequence:
			case ahead < 3600: // signed a moment ago, or the clock was set back a little
				rec.Sequence = old.Sequence + 1
			default:
				return fmt.Errorf("%s has sequence %d, a record signed now would have %d and replace it nowhere: is the clock right?", out, old.Sequence, rec.Sequence)
			}
			data, err := rec.Sign(key)
			if err != nil {
				return err
			}
			if err := writeFileAtomic(out, data, 0o644); err != nil {
				return err
			}
			facts, data, err := openIPNS(r, out, now)
			if err != nil {
				return err
			}
			for _, socket := range seeds {
				var kept control.IPNSPublished
				err := withNode(socket, func(c *control.Client) (err error) {
					kept, err = c.PublishIPNS(cmd.Context(), name, data)
					return err
				})
				if err != nil {
					return fmt.Errorf("the record is in %s, but seed %s did not take it: %w", out, socket, err)
				}
				facts.Seeds = append(facts.Seeds, ipnsSeed{socket, kept.OnDHT, kept.Note})
			}
			if document.Size > 0 {
				cli.Note(cmd, "note: %s holds did.json, so the record names a directory that seeds do not hold: 'ipfs get /ipns/%s' gets it only from who adds all of %s to IPFS. To have seeds serve it, move did.json elsewhere and publish the record again", args[0], name, args[0])
			}
			warnOfEnd(cmd, facts, now)
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&keyPath, "key", "", "secret Ed25519 key file that the name is made of")
	addPassphrase(cmd)
	fl.StringVar(&out, "out", "", "file to write the record to (default DIR.ipns)")
	fl.DurationVar(&valid, "valid", ipnsValid, "how long the record is in force")
	fl.DurationVar(&ttl, "ttl", ipnsTTL, "how long resolvers may keep it")
	fl.StringArrayVar(&seeds, "seed", nil, "a seed's control socket or directory; may be repeated")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("key")
	return cmd
}

func newIPNSShowCommand() *cobra.Command {
	var (
		file   string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "show DIR",
		Short:   "Show the IPNS record of a release and compare it with it (offline)",
		Example: `  camswarm ipns show release-2`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openRelease(args[0])
			if err != nil {
				return err
			}
			if file == "" {
				file = recordPath(args[0])
			}
			facts, _, err := openIPNS(r, file, time.Now())
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%w; make it with 'camswarm ipns publish'", err)
			}
			if err != nil {
				return err
			}
			warnOfEnd(cmd, facts, time.Now())
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cmd.Flags().StringVar(&file, "record", "", "the record's file (default DIR.ipns)")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

func warnOfEnd(cmd *cobra.Command, f ipnsFacts, now time.Time) {
	if left := f.Validity.Sub(now); left <= 0 {
		cli.Note(cmd, "the record has ended: renew it with 'camswarm ipns publish'")
	} else if f.EndsSoon {
		cli.Note(cmd, "the record ends in %v: renew it with 'camswarm ipns publish'", left.Round(time.Minute))
	}
}

// documentIn describes the DID document of a release directory; the zero value
// if there is none.
func documentIn(dir string) (verify.FileRef, error) {
	path := filepath.Join(dir, verify.DirectoryDocument)
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return verify.FileRef{}, nil
	}
	if err != nil {
		return verify.FileRef{}, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, verify.MaxDocumentSize+1))
	if err != nil {
		return verify.FileRef{}, err
	}
	if len(data) == 0 || len(data) > verify.MaxDocumentSize {
		return verify.FileRef{}, fmt.Errorf("%s has %d bytes or more; a DID document has 1 to %d", path, len(data), verify.MaxDocumentSize)
	}
	return verify.FileRef{SHA256: sha256.Sum256(data), Size: uint64(len(data))}, nil
}
