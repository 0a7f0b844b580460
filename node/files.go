package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"camswarm/gc"
	"camswarm/node/install"
	"camswarm/node/statedir"
	"camswarm/swarm/filestore"
	"camswarm/verify"
)

// A release lives in a directory of its own, StateDir/releases/<product>/<sequence>.
const (
	releasesDir  = "releases"
	envelopeFile = "envelope.cbor"
	imageFile    = "image"
	incomingFile = "image.incoming" // until it is whole and checked
)

// releaseDir is where a release's envelope and image live.
func releaseDir(stateDir string, rel verify.Release) string {
	return filepath.Join(stateDir, releasesDir, rel.Product.String()[:16], strconv.FormatUint(rel.Sequence, 10))
}

func (f *follower) dir(rel verify.Release) string { return releaseDir(f.stateDir, rel) }

func (f *follower) imagePath(rel verify.Release) string { return filepath.Join(f.dir(rel), imageFile) }

// makeRoom collects before a release is fetched, so that the quota and the disk
// hold it: evict first, fetch then. What another release with the same image has
// takes no room again.
func (f *follower) makeRoom(ctx context.Context, s *verify.Signed, rel verify.Release) error {
	if _, slot := f.place(rel); slot {
		return nil
	}
	held, err := gc.Usage(f.dir(rel))
	if err != nil {
		return err
	}
	if p, ok := f.exchange.Progress(s.Manifest().Image.Root); ok {
		held = max(held, p.Bytes)
	}
	_, err = f.collector.Collect(ctx, gc.Need{Product: rel.Product, Sequence: rel.Sequence, Bytes: max(int64(rel.ImageSize)-held, 0)})
	return err
}

func (f *follower) saveEnvelope(s *verify.Signed, rel verify.Release) error {
	dir := f.dir(rel)
	path := filepath.Join(dir, envelopeFile)
	if err := errors.Join(statedir.Reclaim(f.log, filepath.Dir(dir), true), statedir.Reclaim(f.log, dir, true), os.MkdirAll(dir, 0o700),
		statedir.Reclaim(f.log, path, false), statedir.Reclaim(f.log, path+".tmp", false)); err != nil {
		return err
	}
	return statedir.WriteFile(path, s.Envelope(), 0o600)
}

func (f *follower) loadEnvelope(rel verify.Release) (*verify.Signed, error) {
	data, err := statedir.ReadRegular(filepath.Join(f.dir(rel), envelopeFile), verify.MaxEnvelopeSize)
	if err != nil {
		return nil, err
	}
	signed, err := f.rules.verifier.CheckSigned(data)
	if err != nil {
		return nil, err
	}
	if signed.Digest() != rel.Envelope {
		return nil, errors.New("the envelope is not the one the chain approved")
	}
	return signed, nil
}

// openImage opens a fetched image and has check look at it.
func (f *follower) openImage(approved *verify.Approved, check func(io.ReaderAt, int64) (*verify.Image, error)) (*verify.Image, io.Closer, error) {
	path, slot := f.place(approved.Candidate().Release)
	if slot {
		source, err := install.OpenSlot(path, int64(approved.Manifest().Image.Size))
		if err != nil {
			return nil, nil, err
		}
		img, err := check(source, source.Size())
		if err != nil {
			_ = source.File.Close()
			return nil, nil, err
		}
		return img, source.File, nil
	}
	file, err := statedir.OpenRegular(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil {
		var img *verify.Image
		if img, err = check(file, info.Size()); err == nil {
			return img, file, nil
		}
	}
	_ = file.Close()
	return nil, nil, err
}

// receive writes an incoming image to a private file and checks it there.
func (f *follower) receive(ctx context.Context, approved *verify.Approved, path string, image io.Reader) error {
	if err := statedir.Reclaim(f.log, path, false); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	size := int64(approved.Manifest().Image.Size)
	n, err := io.Copy(file, &untilDone{ctx, io.LimitReader(image, size+1)})
	if gc.IsFull(err) {
		return fmt.Errorf("receive the image: %d more bytes are needed in %s: %w", size-n, filepath.Dir(path), statedir.Explain(err))
	}
	if err != nil {
		return fmt.Errorf("receive the image: %w", err)
	}
	if _, err := approved.CheckImage(file, n); err != nil {
		return err
	}
	return file.Sync()
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// hand gives a release's file to the exchange, which knows no firmware: its
// blocks, and as extra blocks the DAG's inner nodes, the envelope and the release
// directory, so that stock IPFS peers and nodes without the announcement can fetch
// them.
func (f *follower) hand(s *verify.Signed, rel verify.Release) error {
	file := f.described(s, rel)
	if err := statedir.Reclaim(f.log, file.Path, false); err != nil {
		return err
	}
	return f.exchange.Add(file)
}

func (f *follower) described(s *verify.Signed, rel verify.Release) filestore.File {
	image := s.Manifest().Image
	directory := verify.Directory(image, s.Envelope(), verify.FileRef{})
	extra := []blocks.Block{block(rel.EnvelopeCID(), s.Envelope()), block(directory.CID, directory.Data)}
	for _, node := range image.Nodes() {
		extra = append(extra, block(node.CID, node.Data))
	}
	return filestore.File{
		Root: image.Root, Size: int64(image.Size), BlockSize: int(image.BlockSize), Blocks: image.Blocks, Extra: extra, Path: f.imagePath(rel),
	}
}

func block(c cid.Cid, data []byte) blocks.Block {
	b, err := blocks.NewBlockWithCid(data, c)
	if err != nil {
		panic(err) // only in the library's debug mode, for a CID that is not the data's
	}
	return b
}
