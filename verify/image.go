package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// ImageInfo describes an image's bytes: its size and SHA-256, and the ordered
// list of its blocks, so that no DAG walk precedes the first want.
type ImageInfo struct {
	Size      uint64     // bytes, 1..MaxImageSize
	SHA256    [32]byte   // of the whole image
	BlockSize uint32     // bytes of every block but the last; a power of two, MinBlockSize..MaxBlockSize
	Blocks    [][32]byte // SHA-256 of each block in order; equal blocks repeat
	Root      cid.Cid    // UnixFS root over raw leaves (balanced, 174 links), CIDv1 sha2-256
}

// Validate checks the limits, that the number of blocks fits the size, and
// that Root is the root of the DAG over exactly the listed blocks. A root that
// is not gives a hard [Error], unixfs_bomb.
func (i ImageInfo) Validate() error {
	if i.Size == 0 {
		return errors.New("image is empty")
	}
	if i.Size > MaxImageSize {
		return fmt.Errorf("image is %d bytes long, at most %d are allowed", i.Size, MaxImageSize)
	}
	if err := checkBlockSize(i.BlockSize); err != nil {
		return err
	}
	if want := blockCount(i.Size, i.BlockSize); uint64(len(i.Blocks)) != want {
		return fmt.Errorf("image lists %d blocks, its size and block size make %d", len(i.Blocks), want)
	}
	if len(i.Blocks) > MaxBlocks {
		return fmt.Errorf("image has %d blocks, at most %d are allowed: use a larger block size", len(i.Blocks), MaxBlocks)
	}
	if root := i.root(i.Nodes()); !i.Root.Equals(root) {
		return Hard(AttackUnixFSBomb, "image root is %s, its blocks make %s", i.Root, root)
	}
	return nil
}

func checkBlockSize(n uint32) error {
	if n < MinBlockSize || n > MaxBlockSize || n&(n-1) != 0 {
		return fmt.Errorf("block size is %d bytes, it must be a power of two from %d to %d", n, MinBlockSize, MaxBlockSize)
	}
	return nil
}

func blockCount(size uint64, blockSize uint32) uint64 {
	return (size + uint64(blockSize) - 1) / uint64(blockSize)
}

// BlockLen returns the length in bytes of block n, 0 when there is no such
// block.
func (i ImageInfo) BlockLen(n int) int {
	if n < 0 || n >= len(i.Blocks) {
		return 0
	}
	return int(min(uint64(i.BlockSize), i.Size-uint64(n)*uint64(i.BlockSize)))
}

// DescribeImage reads an image once and returns its size, digest, block list
// and UnixFS root. blockSize 0 means DefaultBlockSize. An empty image, and one
// over MaxImageSize or MaxBlocks, is an error.
func DescribeImage(r io.Reader, blockSize uint32) (ImageInfo, error) {
	if blockSize == 0 {
		blockSize = DefaultBlockSize
	}
	if err := checkBlockSize(blockSize); err != nil {
		return ImageInfo{}, err
	}
	info := ImageInfo{BlockSize: blockSize}
	whole := sha256.New()
	buf := make([]byte, blockSize)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			info.Size += uint64(n)
			if info.Size > MaxImageSize {
				return ImageInfo{}, fmt.Errorf("image is over %d bytes long, more is not allowed", MaxImageSize)
			}
			if len(info.Blocks) == MaxBlocks {
				return ImageInfo{}, fmt.Errorf("image has over %d blocks of %d bytes: use a larger block size", MaxBlocks, blockSize)
			}
			whole.Write(buf[:n])
			info.Blocks = append(info.Blocks, sha256.Sum256(buf[:n]))
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return ImageInfo{}, fmt.Errorf("read image: %w", err)
		}
	}
	info.SHA256 = [32]byte(whole.Sum(nil))
	if info.Size == 0 {
		return ImageInfo{}, errors.New("image is empty")
	}
	info.Root = info.root(info.Nodes())
	return info, nil
}

// RawCID returns the CIDv1 (raw, sha2-256) of a block with this digest.
func RawCID(digest [32]byte) cid.Cid { return cidV1(cid.Raw, digest) }

func cidV1(codec uint64, digest [32]byte) cid.Cid {
	mh := append([]byte{multihash.SHA2_256, sha256.Size}, digest[:]...)
	return cid.NewCidV1(codec, mh)
}

// maxLinks is the number of links in a full UnixFS node, the importers' default
// (boxo ipld/unixfs/importer/helpers.DefaultLinksPerBlock).
const maxLinks = 174

// Node is an inner node of an image's UnixFS DAG.
type Node struct {
	CID  cid.Cid
	Data []byte
}

// Nodes builds the inner nodes of the image's UnixFS DAG from the block list
// alone, root first; an image of one block has none. Devices serve them to
// stock IPFS peers and never have to fetch or walk one. A node that the DAG
// holds more than once is returned once.
func (i ImageInfo) Nodes() []Node {
	nodes, _ := i.dag()
	return nodes
}

// dag builds the inner nodes, root first, and the link to the root.
func (i ImageInfo) dag() ([]Node, link) {
	level := make([]link, len(i.Blocks))
	for n, digest := range i.Blocks {
		size := uint64(i.BlockLen(n))
		level[n] = link{cid: RawCID(digest), fileSize: size, tsize: size}
	}
	var nodes []Node
	seen := make(map[cid.Cid]bool)
	for len(level) > 1 {
		var above []link
		for children := range slices.Chunk(level, maxLinks) {
			data, l := fileNode(children)
			above = append(above, l)
			if !seen[l.cid] {
				seen[l.cid] = true
				nodes = append(nodes, Node{CID: l.cid, Data: data})
			}
		}
		level = above
	}
	slices.Reverse(nodes)
	if len(level) == 0 {
		return nil, link{cid: cid.Undef}
	}
	return nodes, level[0]
}

func (i ImageInfo) root(nodes []Node) cid.Cid {
	switch {
	case len(nodes) > 0:
		return nodes[0].CID
	case len(i.Blocks) > 0:
		return RawCID(i.Blocks[0])
	}
	return cid.Undef
}

// link is one child of a UnixFS node.
type link struct {
	cid      cid.Cid
	fileSize uint64 // bytes of the file below the child
	tsize    uint64 // bytes of all encoded nodes from the child down
}

// fileNode encodes the dag-pb node of a UnixFS file over children, and returns
// the link to it. The field order is that of the dag-pb specification (links
// before data); numbers in comments are protobuf fields.
func fileNode(children []link) ([]byte, link) {
	var node, data []byte
	var total link
	for _, c := range children {
		total.fileSize += c.fileSize
		total.tsize += c.tsize
	}
	data = append(data, 1<<3, 2)                                    // 1 Type: File
	data = binary.AppendUvarint(append(data, 3<<3), total.fileSize) // 3 filesize
	for _, c := range children {
		data = binary.AppendUvarint(append(data, 4<<3), c.fileSize) // 4 blocksizes

		node = appendBytes(node, 2, linkBytes("", c)) // 2 Links
	}
	node = appendBytes(node, 1, data) // 1 Data
	total.tsize += uint64(len(node))
	total.cid = cidV1(cid.DagProtobuf, sha256.Sum256(node))
	return node, total
}

// linkBytes encodes one link of a dag-pb node.
func linkBytes(name string, to link) []byte {
	l := appendBytes(nil, 1, to.cid.Bytes())               // 1 Hash
	l = appendBytes(l, 2, []byte(name))                    // 2 Name
	return binary.AppendUvarint(append(l, 3<<3), to.tsize) // 3 Tsize
}

// appendBytes appends a protobuf field of length-delimited bytes.
func appendBytes(dst []byte, field byte, value []byte) []byte {
	dst = append(dst, field<<3|2)
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

// Image is an approved release together with bytes that were hashed and found
// to be its image. Only [Approved.CheckImage] and [Approved.OpenImage] make one, so
// an Installer that takes an Image cannot be handed anything unverified.
// [Image.WriteTo] hashes every block again as it reads it.
type Image struct {
	approved *Approved
	bytes    io.ReaderAt
}

// CheckImage hashes size bytes of r, once, and fails on a difference, on missing
// and on appended bytes (r must end at size: wrap a larger file or a partition in
// an io.SectionReader). r must be private to the caller; reads through the Image
// hash every block, so bytes that change afterwards are caught before they are
// handed out (IMG.REPLACE).
//
// Wrong, missing and extra bytes are soft errors: the bytes may be fetched
// again. Only cid_right_sha_wrong is hard: no bytes can ever fit the manifest.
// An error of r itself is returned wrapped and is no [Error].
func (a *Approved) CheckImage(r io.ReaderAt, size int64) (*Image, error) {
	if err := a.checkLength(r, size); err != nil {
		return nil, err
	}
	info := a.manifest.Image
	whole := sha256.New()
	if _, err := io.CopyBuffer(whole, io.NewSectionReader(r, 0, size), make([]byte, min(uint64(info.BlockSize), info.Size))); err != nil {
		return nil, fmt.Errorf("read the image: %w", err)
	}
	if [32]byte(whole.Sum(nil)) != info.SHA256 {
		if err := a.differs(r); err != nil {
			return nil, err
		}
	}
	a.whole.Store(true)
	return &Image{approved: a, bytes: r}, nil
}

// OpenImage is CheckImage for an image that was checked before, perhaps in another
// file: if CheckImage has succeeded for this envelope since it was decoded, the
// whole is not hashed again, only the length is looked at. WriteTo hashes every
// block as before; a digest of the manifest for each is no less than one for all.
func (a *Approved) OpenImage(r io.ReaderAt, size int64) (*Image, error) {
	if a.genuine() && !a.whole.Load() {
		return a.CheckImage(r, size)
	}
	if err := a.checkLength(r, size); err != nil {
		return nil, err
	}
	return &Image{approved: a, bytes: r}, nil
}

// checkLength compares a length and the end of r with the manifest.
func (a *Approved) checkLength(r io.ReaderAt, size int64) error {
	if !a.genuine() {
		return errNotApproved
	}
	info := a.manifest.Image
	if size < 0 || uint64(size) < info.Size {
		return Soft(AttackImagePartial, "image has %d of %d bytes", size, info.Size)
	}
	if uint64(size) > info.Size {
		return Soft(AttackImageExtra, "image has %d bytes after its %d", uint64(size)-info.Size, info.Size)
	}
	switch n, err := r.ReadAt(make([]byte, 1), size); {
	case n > 0:
		return Soft(AttackImageExtra, "image has bytes after its %d", info.Size)
	case err != nil && !errors.Is(err, io.EOF):
		return fmt.Errorf("read the end of the image: %w", err)
	}
	return nil
}

// differs says what is wrong with bytes that have another digest than the manifest
// says. It hashes blocks and whole from one read, since only that can tell a
// manifest that no bytes fit from a block that was read wrongly once.
func (a *Approved) differs(r io.ReaderAt) error {
	info := a.manifest.Image
	whole := sha256.New()
	if _, err := readBlocks(info, r, whole, AttackArbitrary); err != nil {
		return err
	}
	if sum := [32]byte(whole.Sum(nil)); sum != info.SHA256 {
		return Hard(AttackImageSHA, "image has SHA-256 %x, its manifest says %x", sum, info.SHA256)
	}
	return nil
}

// readBlocks reads every block of r, and writes it to w if it has the right
// digest; attack names a block that has not.
func readBlocks(info ImageInfo, r io.ReaderAt, w io.Writer, attack string) (written int64, err error) {
	buf := make([]byte, min(uint64(info.BlockSize), info.Size))
	for n, digest := range info.Blocks {
		block := buf[:info.BlockLen(n)]
		got, err := r.ReadAt(block, int64(n)*int64(info.BlockSize))
		if got < len(block) {
			if errors.Is(err, io.EOF) {
				return written, Soft(AttackImagePartial, "image ends within block %d of %d", n, len(info.Blocks))
			}
			return written, fmt.Errorf("read block %d of the image: %w", n, err)
		}
		if sha256.Sum256(block) != digest {
			return written, Soft(attack, "block %d of the image has another digest than its manifest says", n)
		}
		m, err := w.Write(block)
		written += int64(m)
		if err != nil {
			return written, fmt.Errorf("write block %d of the image: %w", n, err)
		}
	}
	return written, nil
}

// Release returns the chain's record of the image's release.
func (i *Image) Release() Release { return i.approved.candidate.Release }

// Manifest returns the image's manifest; the caller must not change it.
func (i *Image) Manifest() *Manifest { return i.approved.manifest }

// Size returns the image's size in bytes.
func (i *Image) Size() int64 { return int64(i.approved.manifest.Image.Size) }

// Source returns what CheckImage or OpenImage was given. Whoever reads it gets
// whatever the bytes are by then, without a check: it is for installers that need the
// image as a file, and check that.
func (i *Image) Source() io.ReaderAt { return i.bytes }

// Valid reports whether the image was made by CheckImage or OpenImage.
func (i *Image) Valid() bool { return i != nil && i.approved != nil }

// WriteTo writes the image's bytes, each block hashed again before it is
// written. It implements io.WriterTo. When it fails, the bytes written so far
// are a genuine beginning of the image; bytes that changed since CheckImage
// give a soft [Error], img_replace.
func (i *Image) WriteTo(w io.Writer) (int64, error) {
	if !i.Valid() {
		return 0, errors.New("image was not made by CheckImage")
	}
	return readBlocks(i.approved.manifest.Image, i.bytes, w, AttackImageReplaced)
}
