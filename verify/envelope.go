package verify

import (
	"io"

	"github.com/ipfs/go-cid"
)

// Signature is one manufacturer key's COSE_Sign1 (RFC 9052) with detached
// payload over the manifest bytes.
type Signature struct {
	Key PublicKey // from the protected key id
	Raw []byte    // the encoded COSE_Sign1
}

// Envelope is a manifest and its detached signatures. It proves nothing until
// [Verifier.CheckSigned] has looked at it.
type Envelope struct {
	Manifest   []byte // the encoded manifest, exactly as signed
	Signatures []Signature
}

// DecodeEnvelope decodes strictly: trailing bytes, duplicate map keys, unknown
// fields, non-deterministic encodings, duplicate signers and anything over a
// limit are refused.
func DecodeEnvelope(b []byte) (*Envelope, error) { panic("TODO") }

// Encode returns the deterministic encoding; signatures are ordered by key.
func (e *Envelope) Encode() ([]byte, error) { panic("TODO") }

// DecodeManifest decodes strictly and checks every field on its own and
// against the others (block count, root CID).
func DecodeManifest(b []byte) (*Manifest, error) { panic("TODO") }

// Encode returns the deterministic CBOR encoding (RFC 8949 section 4.2).
func (m *Manifest) Encode() ([]byte, error) { panic("TODO") }

// RawCID returns the CIDv1 (raw, sha2-256) of a block with this digest.
func RawCID(digest [32]byte) cid.Cid { panic("TODO") }

// DescribeImage reads an image once and returns its size, digest, block list
// and UnixFS root. blockSize 0 means DefaultBlockSize, doubled until the image
// fits MaxBlocks.
func DescribeImage(r io.Reader, blockSize uint32) (ImageInfo, error) { panic("TODO") }

// Node is an inner node of an image's UnixFS DAG.
type Node struct {
	CID  cid.Cid
	Data []byte
}

// Nodes builds the inner nodes of the image's UnixFS DAG from the block list
// alone, root first; an image of one block has none. Devices serve them to
// stock IPFS peers and never have to fetch or walk one.
func (i ImageInfo) Nodes() []Node { panic("TODO") }

// BlockLen returns the length in bytes of block n.
func (i ImageInfo) BlockLen(n int) int { panic("TODO") }
