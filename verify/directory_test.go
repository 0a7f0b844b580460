package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"testing"

	"github.com/ipfs/boxo/files"
	dag "github.com/ipfs/boxo/ipld/merkledag"
	dagtest "github.com/ipfs/boxo/ipld/merkledag/test"
	unixfile "github.com/ipfs/boxo/ipld/unixfs/file"
	ufsio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"camswarm/verify"
)

// The directory is the one that stock IPFS makes of the same files, whatever the
// shape of the image's DAG, and stock IPFS reads the files from its blocks.
func TestDirectoryIsThatOfIPFSAdd(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for long")
	}
	ctx := context.Background()
	const blockSize = 4
	envelope := []byte("an envelope, one block as the chain names it")
	document := []byte(`{"id":"did:io:0x"}`)
	for _, size := range []int{1, blockSize, blockSize + 1, 174*blockSize + 1, 175 * 174 * blockSize} {
		for _, equal := range []bool{true, false} {
			image := make([]byte, size)
			for i := range image {
				if !equal {
					image[i] = byte(i >> (i % 4 * 8 / 2))
				}
			}
			info := describeAny(image, blockSize)
			for _, doc := range [][]byte{nil, document} {
				ref := verify.FileRef{SHA256: sha256.Sum256(doc), Size: uint64(len(doc))}
				got := verify.Directory(info, envelope, ref)

				// What devices hold: leaves, the image's inner nodes, envelope, directory.
				store := dagtest.Mock()
				put := func(c cid.Cid, data []byte) {
					b, err := blocks.NewBlockWithCid(data, c)
					if err != nil {
						t.Fatal(err)
					}
					var nd interface{ Cid() cid.Cid }
					if c.Type() == cid.Raw {
						n, err := dag.DecodeRawBlock(b)
						if err != nil {
							t.Fatal(err)
						}
						nd = n
						err = store.Add(ctx, n)
						if err != nil {
							t.Fatal(err)
						}
					} else {
						n, err := dag.DecodeProtobufBlock(b)
						if err != nil {
							t.Fatal(err)
						}
						nd = n
						if err := store.Add(ctx, n); err != nil {
							t.Fatal(err)
						}
					}
					if !nd.Cid().Equals(c) {
						t.Fatalf("a block of %s has CID %s", c, nd.Cid())
					}
				}
				for n, digest := range info.Blocks {
					put(verify.RawCID(digest), image[n*blockSize:n*blockSize+info.BlockLen(n)])
				}
				for _, n := range info.Nodes() {
					put(n.CID, n.Data)
				}
				put(verify.RawCID(sha256.Sum256(envelope)), envelope)
				want := map[string][]byte{"envelope.cbor": envelope, "image": image}
				if doc != nil {
					put(verify.RawCID(ref.SHA256), doc)
					want["did.json"] = doc
				}
				put(got.CID, got.Data)

				// Stock IPFS makes the same node.
				dir, err := ufsio.NewBasicDirectory(store, ufsio.WithCidBuilder(dag.V1CidPrefix()))
				if err != nil {
					t.Fatal(err)
				}
				root, _ := ipfsAdd(t, image, blockSize)
				for name, c := range map[string]cid.Cid{
					"image": root, "envelope.cbor": verify.RawCID(sha256.Sum256(envelope)), "did.json": verify.RawCID(ref.SHA256),
				} {
					if want[name] == nil {
						continue
					}
					child, err := store.Get(ctx, c)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if err := dir.AddChild(ctx, name, child); err != nil {
						t.Fatal(err)
					}
				}
				stock, err := dir.GetNode()
				if err != nil {
					t.Fatal(err)
				}
				if !stock.Cid().Equals(got.CID) || !bytes.Equal(stock.RawData(), got.Data) {
					t.Fatalf("image of %d bytes: directory %s %x, stock IPFS makes %s %x", size, got.CID, got.Data, stock.Cid(), stock.RawData())
				}

				// Stock IPFS reads it, as `ipfs get` does.
				nd, err := store.Get(ctx, got.CID)
				if err != nil {
					t.Fatal(err)
				}
				f, err := unixfile.NewUnixfsFile(ctx, store, nd)
				if err != nil {
					t.Fatal(err)
				}
				entries := f.(files.Directory).Entries()
				for entries.Next() {
					data, err := io.ReadAll(entries.Node().(files.File))
					if err != nil || !bytes.Equal(data, want[entries.Name()]) {
						t.Errorf("%s: %d bytes, %v", entries.Name(), len(data), err)
					}
					delete(want, entries.Name())
				}
				if entries.Err() != nil || len(want) > 0 {
					t.Errorf("missing %v, %v", len(want), entries.Err())
				}
			}
		}
	}
}
