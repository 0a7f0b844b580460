package verify

import (
	"crypto/sha256"

	"github.com/ipfs/go-cid"
)

// The names in a release directory, in the order of their bytes, which is the
// order of links in a UnixFS directory.
const (
	DirectoryDocument = "did.json"      // the manufacturer's DID document; may be absent
	DirectoryEnvelope = "envelope.cbor" // the encoded envelope
	DirectoryImage    = "image"         // the image
)

// MaxDocumentSize is the largest DID document in bytes; as a file it is one block.
const MaxDocumentSize = 64 << 10

// FileRef names a file of one raw block by its digest. The zero value names
// none.
type FileRef struct {
	SHA256 [32]byte
	Size   uint64 // bytes; 0: no file
}

// Directory builds the UnixFS directory of a release, with the DID document if
// there is one: one root CID under which stock IPFS tools list, pin and fetch the
// whole release. Like the image's inner nodes it follows from what is signed, so
// devices serve it and never have to fetch one.
func Directory(image ImageInfo, envelope []byte, document FileRef) Node {
	var node []byte
	add := func(name string, l link) {
		node = appendBytes(node, 2, linkBytes(name, l)) // 2 Links
	}
	raw := func(f FileRef) link { return link{cid: RawCID(f.SHA256), tsize: f.Size} }
	if document.Size > 0 {
		add(DirectoryDocument, raw(document))
	}
	add(DirectoryEnvelope, raw(FileRef{sha256.Sum256(envelope), uint64(len(envelope))}))
	_, root := image.dag()
	add(DirectoryImage, root)
	node = appendBytes(node, 1, []byte{1 << 3, 1}) // 1 Data: a UnixFS message with 1 Type: Directory
	return Node{CID: cidV1(cid.DagProtobuf, sha256.Sum256(node)), Data: node}
}
