package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// The verdicts of `check`.
const (
	verdictCurrent    = "current"
	verdictNotCurrent = "not current"
	verdictRevoked    = "revoked"
	verdictUnknown    = "unknown"
)

// checkFacts is what `check` prints.
type checkFacts struct {
	File    string         `json:"file"`
	Bytes   int64          `json:"bytes"`
	SHA256  string         `json:"sha256"`
	Product verify.Product `json:"product"`
	Verdict string         `json:"verdict"`
	Release *releaseRow    `json:"release,omitempty"`
	Newest  uint64         `json:"newest"` // newest release that is not revoked, 0: none
}

func (f checkFacts) print(w io.Writer) {
	switch f.Verdict {
	case verdictUnknown:
		fmt.Fprintf(w, "%s is NOT a release of %s: no release has sha256 %s\n", f.File, f.Product, f.SHA256)
	case verdictRevoked:
		fmt.Fprintf(w, "%s is release %d (%s) of %s, which was REVOKED\n", f.File, f.Release.Sequence, cli.Line(f.Release.Version), f.Product)
	case verdictNotCurrent:
		fmt.Fprintf(w, "%s is release %d (%s) of %s; the newest is release %d\n", f.File, f.Release.Sequence, cli.Line(f.Release.Version), f.Product, f.Newest)
	case verdictCurrent:
		fmt.Fprintf(w, "%s is release %d (%s) of %s, the newest\n", f.File, f.Release.Sequence, cli.Line(f.Release.Version), f.Product)
	}
}

func newCheckCommand() *cobra.Command {
	var reg registryFlags
	var product productFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Tell whether a file is a genuine release, which one, and whether it is current",
		Long: fmt.Sprintf(`Hashes a file (or the image of a release directory) and looks for it among the
product's releases on chain. The exit code is %d for the newest release, %d for an
older one, %d for a revoked one, %d for a file that is no release of the product,
%d if that could not be found out.`, exitOK, exitNotCurrent, exitRevoked, exitUnknown, exitFailed),
		Example: `  camswarm check fw.bin --registry registry.json --product acme.example/cam-1
  camswarm check /dev/mtdblock3.img --registry registry.json --product acme.example/cam-1 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := product.of(&reg)
			if err != nil {
				return err
			}
			path := args[0]
			if isDir(path) {
				path = filepath.Join(path, imageFile)
			}
			facts := checkFacts{File: args[0], Product: p}
			digest, err := hashWithProgress(cmd, path, &facts.Bytes)
			if err != nil {
				return err
			}
			facts.SHA256 = hex.EncodeToString(digest[:])
			err = reg.withRegistry(cmd, func(ctx context.Context, _ *registryFile, r *registry.Registry) error {
				releases, err := r.Releases(ctx, p.ID(), 1)
				if err != nil {
					return err
				}
				judge(&facts, digest, releases)
				return nil
			})
			if err != nil {
				return err
			}
			if err := cli.PrintFacts(cmd, asJSON, facts, facts.print); err != nil {
				return err
			}
			if code := map[string]int{verdictNotCurrent: exitNotCurrent, verdictRevoked: exitRevoked, verdictUnknown: exitUnknown}[facts.Verdict]; code != 0 {
				return &cli.ExitError{Code: code}
			}
			return nil
		},
	}
	reg.add(cmd)
	product.add(cmd)
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// judge finds the release with this image. An image that was published twice,
// for example again after a revocation, counts as the newest that is valid.
func judge(facts *checkFacts, digest [32]byte, releases []verify.Release) {
	facts.Verdict = verdictUnknown
	for _, rel := range releases { // oldest first
		if !rel.Revoked {
			facts.Newest = rel.Sequence
		}
		if rel.ImageSHA256 != digest || int64(rel.ImageSize) != facts.Bytes {
			continue
		}
		if facts.Release == nil || !rel.Revoked || facts.Release.Revoked {
			row := rowOf(rel)
			facts.Release = &row
		}
	}
	switch {
	case facts.Release == nil:
	case facts.Release.Revoked:
		facts.Verdict = verdictRevoked
	case facts.Release.Sequence == facts.Newest:
		facts.Verdict = verdictCurrent
	default:
		facts.Verdict = verdictNotCurrent
	}
}

// hashWithProgress returns the SHA-256 of a file and stores its size.
func hashWithProgress(cmd *cobra.Command, path string, size *int64) (digest [32]byte, err error) {
	f, err := openRegular(path)
	if err != nil {
		return digest, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return digest, err
	}
	if info.Size() == 0 {
		return digest, errors.New(path + " is empty")
	}
	h := sha256.New()
	p := newProgress(cmd.ErrOrStderr(), "hashing "+path, info.Size())
	defer p.end()
	if *size, err = io.Copy(io.MultiWriter(h, p), cli.Reader(cmd.Context(), f)); err != nil {
		return digest, err
	}
	return [32]byte(h.Sum(nil)), nil
}
