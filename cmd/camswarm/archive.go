package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node/control"
	"camswarm/swarm/car"
	"camswarm/verify"
)

// archiveFacts is what `release export` and `release import` print.
type archiveFacts struct {
	Archive  string         `json:"archive"`
	Root     string         `json:"root"` // CID of the release directory
	Product  verify.Product `json:"product"`
	Sequence uint64         `json:"sequence"`
	Version  string         `json:"version"`
	Bytes    int64          `json:"bytes"` // of the archive
	Dir      string         `json:"dir,omitempty"`
	Seeds    []providedBy   `json:"seeds"`
}

func (f archiveFacts) print(w io.Writer) {
	fmt.Fprintf(w, "release %d (%s) of %s\n", f.Sequence, cli.Line(f.Version), f.Product)
	fmt.Fprintf(w, "root     %s\n", f.Root)
	fmt.Fprintf(w, "archive  %s, %d bytes\n", f.Archive, f.Bytes)
	if f.Dir != "" {
		fmt.Fprintf(w, "written to %s\n", f.Dir)
	}
	for _, s := range f.Seeds {
		fmt.Fprintf(w, "held by %s (%s)\n", s.Socket, s.State)
	}
}

func newReleaseExportCommand() *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export DIR --out FILE",
		Short: "Write a release directory as one CAR archive, for USB sticks and air gaps (offline)",
		Long: `Writes the blocks of a release directory (image, envelope.cbor and, if it lies
there, did.json) as a CARv1 archive whose root is the directory's CID. One release
has one archive: it is what 'ipfs dag export' makes of the same CID and what a
seed's gateway answers. 'release import' and 'ipfs dag import' read it.`,
		Example: `  camswarm release export release-2 --out release-2.car`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := openWhole(cmd.Context(), args[0], "export")
			if err != nil {
				return err
			}
			if len(r.envelope.Signatures) == 0 {
				cli.Note(cmd, "warning: nobody signed this release yet; a signature makes another archive of it")
			}
			root, size, err := r.export(cmd.Context(), out)
			if err != nil {
				return err
			}
			facts := archiveFacts{Archive: out, Root: root.String(), Product: r.manifest.Product, Sequence: r.manifest.Sequence, Version: r.manifest.Version, Bytes: size, Seeds: []providedBy{}}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "archive to make")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// export writes the archive as a whole or not at all, and never over a file.
func (r *releaseFiles) export(ctx context.Context, out string) (root cid.Cid, size int64, err error) {
	if _, err := os.Lstat(out); err == nil {
		return root, 0, fmt.Errorf("%s exists already; choose another --out", out)
	}
	document, err := documentIn(r.path)
	if err != nil {
		return root, 0, err
	}
	image := r.manifest.Image
	dir := verify.Directory(image, r.raw, document)
	small := map[cid.Cid][]byte{dir.CID: dir.Data, verify.RawCID(sha256.Sum256(r.raw)): r.raw}
	for _, n := range image.Nodes() {
		small[n.CID] = n.Data
	}
	if document.Size > 0 {
		data, err := readBounded(filepath.Join(r.path, verify.DirectoryDocument), verify.MaxDocumentSize)
		if err != nil {
			return root, 0, err
		}
		small[verify.RawCID(document.SHA256)] = data
	}
	at := map[cid.Cid]int{} // of each block of the image, a place
	for i, d := range image.Blocks {
		at[verify.RawCID(d)] = i
	}
	blocks, err := car.Walk(dir.CID, nil, car.ScopeAll, false, func(c cid.Cid) ([]byte, error) { return small[c], nil })
	if err != nil {
		return root, 0, err
	}
	src, err := openRegular(r.image)
	if err != nil {
		return root, 0, err
	}
	defer func() { _ = src.Close() }()
	tmp, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*")
	if err != nil {
		return root, 0, err
	}
	defer func() {
		_ = tmp.Close()
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	w := bufio.NewWriterSize(tmp, 1<<20)
	_, err = w.Write(car.Header(dir.CID))
	for _, c := range blocks {
		data, ok := small[c]
		if err == nil && !ok {
			i := at[c]
			data = make([]byte, image.BlockLen(i))
			if _, err = src.ReadAt(data, int64(i)*int64(image.BlockSize)); err == nil && sha256.Sum256(data) != image.Blocks[i] {
				err = fmt.Errorf("%s changed meanwhile", r.image)
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = car.WriteBlock(w, c, data)
		}
	}
	if err = errors.Join(err, w.Flush()); err == nil {
		err = errors.Join(tmp.Chmod(0o644), tmp.Sync())
	}
	if err == nil {
		size, err = tmp.Seek(0, io.SeekEnd)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), out)
	}
	return dir.CID, size, err
}

func newReleaseImportCommand() *cobra.Command {
	var (
		out    string
		seeds  []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "import FILE [--out DIR] [--seed SOCKET]",
		Short: "Read a release from a CAR archive, and hand it to nodes",
		Long: `Reads the archive of a release ('camswarm release export', 'ipfs dag export', or a
seed's gateway), whatever the order of its blocks. Each block must be what its CID
says, and together they must be the release directory that is the archive's root.

With --out it becomes a release directory; with --seed it is handed to nodes over
their control sockets, cameras too. They check it as if it came from a peer: its
signatures by the pinned keys, and that the chain offers it. So an archive needs no
trust, and nothing that is not genuine gets in by one.`,
		Example: `  camswarm release import release-2.car --out release-2
  camswarm release import /media/usb/release-2.car --seed /var/lib/camswarm`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" && len(seeds) == 0 {
				return cli.Usagef("say where the release is to go: --out DIR, --seed SOCKET or both")
			}
			keep := out
			if keep == "" {
				tmp, err := os.MkdirTemp("", "camswarm-")
				if err != nil {
					return err
				}
				defer func() { _ = os.RemoveAll(tmp) }()
				keep = filepath.Join(tmp, "release")
			}
			r, root, size, err := importRelease(cmd.Context(), args[0], keep)
			if err != nil {
				return err
			}
			facts := archiveFacts{Archive: args[0], Root: root.String(), Product: r.manifest.Product, Sequence: r.manifest.Sequence, Version: r.manifest.Version, Bytes: size, Dir: out, Seeds: []providedBy{}}
			for _, socket := range seeds {
				var provided control.Provided
				if provided, err = provideTo(cmd.Context(), cmd, socket, r); err != nil {
					return err
				}
				facts.Seeds = append(facts.Seeds, providedBy{socket, provided.State})
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "release directory to make")
	cmd.Flags().StringArrayVar(&seeds, "seed", nil, "a node's control socket or directory; may be repeated")
	cli.AddJSON(cmd, &asJSON)
	return cmd
}

// importRelease makes a release directory of an archive, as a whole or not at all. It
// reads the archive once for each thing that it must know before it can go on: the
// directory, the envelope, the blocks of the image.
func importRelease(ctx context.Context, path, out string) (_ *releaseFiles, root cid.Cid, size int64, err error) {
	fail := func(err error) (*releaseFiles, cid.Cid, int64, error) {
		return nil, cid.Undef, 0, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := os.Lstat(out); err == nil {
		return nil, root, 0, fmt.Errorf("%s exists already; releases are never overwritten: choose another --out", out)
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, root, 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if info.Size() > maxArchive {
		return fail(fmt.Errorf("%d bytes; the archive of a release has at most %d", info.Size(), maxArchive))
	}
	each := func(take func(roots []cid.Cid, c cid.Cid, data []byte) error) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		in, err := car.NewReader(cli.Reader(ctx, f))
		if err != nil {
			return err
		}
		for {
			c, data, err := in.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = take(in.Roots, c, data)
			}
			if err != nil {
				return err
			}
		}
	}
	var directory []byte
	if err := each(func(roots []cid.Cid, c cid.Cid, data []byte) error {
		if root = roots[0]; c == root {
			directory = bytes.Clone(data)
		}
		return nil
	}); err != nil {
		return fail(err)
	}
	links, err := car.Links(directory)
	if directory == nil || err != nil || root.Prefix().Codec != cid.DagProtobuf {
		return fail(errors.New("its root is no release directory that it holds; make one with 'camswarm release export'"))
	}
	named := map[string]cid.Cid{}
	for _, l := range links {
		named[l.Name] = l.To
	}
	var envelope, document []byte
	if err := each(func(_ []cid.Cid, c cid.Cid, data []byte) error {
		switch {
		case c == named[verify.DirectoryEnvelope] && len(data) <= verify.MaxEnvelopeSize:
			envelope = bytes.Clone(data)
		case c == named[verify.DirectoryDocument] && len(data) <= verify.MaxDocumentSize:
			document = bytes.Clone(data)
		}
		return nil
	}); err != nil {
		return fail(err)
	}
	if envelope == nil {
		return fail(fmt.Errorf("it holds no %s of at most %d bytes", verify.DirectoryEnvelope, verify.MaxEnvelopeSize))
	}
	e, err := verify.DecodeEnvelope(envelope)
	if err != nil {
		return fail(err)
	}
	m, err := verify.DecodeManifest(e.Manifest)
	if err != nil {
		return fail(err)
	}
	ref := verify.FileRef{}
	if document != nil {
		ref = verify.FileRef{SHA256: sha256.Sum256(document), Size: uint64(len(document))}
	}
	if want := verify.Directory(m.Image, envelope, ref).CID; want != root {
		return fail(fmt.Errorf("its root is %s, the directory of this release is %s", root, want))
	}
	r, err := writeRelease(out, func(dir string) error {
		image, err := os.OpenFile(filepath.Join(dir, imageFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		defer func() { _ = image.Close() }()
		places := map[cid.Cid][]int{}
		for i, d := range m.Image.Blocks {
			places[verify.RawCID(d)] = append(places[verify.RawCID(d)], i)
		}
		if err := each(func(_ []cid.Cid, c cid.Cid, data []byte) error {
			for _, i := range places[c] {
				if len(data) != m.Image.BlockLen(i) {
					return fmt.Errorf("block %d of the image has %d bytes, the manifest says %d", i, len(data), m.Image.BlockLen(i))
				}
				if _, err := image.WriteAt(data, int64(i)*int64(m.Image.BlockSize)); err != nil {
					return err
				}
			}
			delete(places, c)
			return nil
		}); err != nil {
			return err
		}
		if len(places) > 0 {
			return fmt.Errorf("%d of the image's %d blocks are missing", len(places), len(m.Image.Blocks))
		}
		if document != nil {
			if err := writeFileAtomic(filepath.Join(dir, verify.DirectoryDocument), document, 0o644); err != nil {
				return err
			}
		}
		if err := writeFileAtomic(filepath.Join(dir, envelopeFile), envelope, 0o644); err != nil {
			return err
		}
		if err := image.Sync(); err != nil {
			return err
		}
		made, err := openRelease(dir)
		if err != nil {
			return err
		}
		return made.checkImage(ctx)
	})
	if err != nil {
		return fail(err)
	}
	return r, root, info.Size(), nil
}

// maxArchive bounds an archive: the largest image, its nodes, what stands around each
// block, an envelope and a document.
const maxArchive = verify.MaxImageSize + 8<<20

// writeRelease has write fill a directory, which then becomes the release directory
// out, or is removed.
func writeRelease(out string, write func(dir string) error) (_ *releaseFiles, err error) {
	out = filepath.Clean(out)
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+".*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
		}
	}()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	if err := write(tmp); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, out); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(out)); err != nil {
		return nil, err
	}
	return openRelease(out)
}
