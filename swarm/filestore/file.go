package filestore

import (
	"crypto/sha256"
	"fmt"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// File describes a file that is fetched and served, for one of its owners.
type File struct {
	// Root names the file to other peers and in calls. It must be a CID with a
	// whole SHA-256 digest.
	Root cid.Cid

	// Size is the length of the file in bytes, at least 1.
	Size int64

	// BlockSize is the length of every block but the last, 1 to MaxBlockBytes
	// bytes. 32 KiB swarms best, see docs/SWARM.md.
	BlockSize int

	// Blocks are the SHA-256 digests of the blocks in order, 1 to MaxBlocks.
	// Equal blocks repeat; they are fetched once.
	Blocks [][32]byte

	// Extra are blocks that are served from memory beside the file, such as
	// the DAG nodes above its leaves, up to MaxExtraBytes in all. Their CIDs
	// must be SHA-256; their bytes are checked.
	Extra []blocks.Block

	// Path is where the owner keeps the file. It is created with mode 0600 if it
	// does not exist, and cut or extended (sparsely) to Size. The directory must
	// exist. What is there already counts as far as its blocks are right; the
	// rest is overwritten, without harm to other hard links of it.
	Path string

	// ReadOnly forbids creating or writing the file, for an installed slot.
	// What is in it is served; nothing is fetched into it.
	ReadOnly bool

	// Slot says that Path is a place for firmware: a block device or a regular
	// file, of at least Size bytes, which exists. The image is its first Size bytes;
	// it is never made, cut, extended, replaced or linked to, and what lies behind
	// the image stays. A device that is mounted, or that anybody else has claimed
	// (O_EXCL, open(2)), is not written.
	Slot bool
}

func (f *File) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrBadFile, fmt.Sprintf(format, args...))
	}
	if _, ok := Digest(f.Root); !ok {
		return bad("root %s is not a SHA-256 CID", f.Root)
	}
	if f.BlockSize < 1 || f.BlockSize > MaxBlockBytes {
		return bad("block size %d is not 1 to %d bytes", f.BlockSize, MaxBlockBytes)
	}
	if len(f.Blocks) < 1 || len(f.Blocks) > MaxBlocks {
		return bad("%d blocks, 1 to %d are possible", len(f.Blocks), MaxBlocks)
	}
	if n := int64(len(f.Blocks)); f.Size <= (n-1)*int64(f.BlockSize) || f.Size > n*int64(f.BlockSize) {
		return bad("%d blocks of %d bytes do not make %d bytes", n, f.BlockSize, f.Size)
	}
	if f.Path == "" {
		return bad("no path")
	}
	extra := 0
	for _, b := range f.Extra {
		extra += len(b.RawData())
		d, ok := Digest(b.Cid())
		if !ok || sha256.Sum256(b.RawData()) != d {
			return bad("extra block %s does not hash to its CID", b.Cid())
		}
	}
	if extra > MaxExtraBytes {
		return bad("%d bytes of extra blocks, at most %d are possible", extra, MaxExtraBytes)
	}
	return nil
}

// Digest returns the SHA-256 digest in c, and false if it holds another hash.
func Digest(c cid.Cid) (d [32]byte, ok bool) {
	if !c.Defined() {
		return d, false
	}
	m := c.Hash() // code and length are one byte each for a whole SHA-256
	if len(m) != 34 || m[0] != mh.SHA2_256 || m[1] != 32 {
		return d, false
	}
	return [32]byte(m[2:]), true
}

// LeafCID returns the CID of a block of a file: CIDv1, raw, SHA-256.
func LeafCID(d [32]byte) cid.Cid {
	b := make([]byte, 0, 34)
	b = append(b, mh.SHA2_256, 32)
	return cid.NewCidV1(cid.Raw, append(b, d[:]...))
}
