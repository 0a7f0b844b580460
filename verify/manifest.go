package verify

import "github.com/ipfs/go-cid"

// Manifest describes one release for devices, in the vocabulary of RFC 9124
// (information model for firmware updates). docs/FORMAT.md gives its encoding.
type Manifest struct {
	Product     Product
	Hardware    []string // hardware revisions it fits; empty: every revision
	Sequence    uint64   // monotonic, equal to the chain's
	Version     string   // for people
	MinSequence uint64   // smallest installed sequence it may replace (precursor); 0: any
	Image       ImageInfo
	Component   string // what to install: "firmware" unless the product has several parts
	Expires     uint64 // seconds since 1970 after which it must not be installed; 0: never
	Registry    RegistryRef
	IPNSName    string // where the release directory is published; may be empty
}

// ImageInfo describes an image's bytes: its size and SHA-256, and the ordered
// list of its blocks, so that no DAG walk precedes the first want.
type ImageInfo struct {
	Size      uint64     // bytes, 1..MaxImageSize
	SHA256    [32]byte   // of the whole image
	BlockSize uint32     // bytes of every block but the last
	Blocks    [][32]byte // SHA-256 of each block in order; equal blocks repeat
	Root      cid.Cid    // UnixFS root over raw leaves (balanced, 174 links), CIDv1 sha2-256
}
