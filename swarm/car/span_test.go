package car

import (
	"errors"
	"slices"
	"testing"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
	"google.golang.org/protobuf/encoding/protowire"
)

// fileOf encodes a UnixFS file of raw leaves that says of each how large it is.
func fileOf(sizes []uint64, leaves ...cid.Cid) (node []byte) {
	for _, l := range leaves {
		link := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), l.Bytes())
		node = protowire.AppendBytes(protowire.AppendTag(node, 2, protowire.BytesType), link)
	}
	data := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)
	for _, s := range sizes {
		data = protowire.AppendVarint(protowire.AppendTag(data, 4, protowire.VarintType), s)
	}
	return protowire.AppendBytes(protowire.AppendTag(node, 1, protowire.BytesType), data)
}

func nodeCID(node []byte) cid.Cid {
	sum, err := mh.Sum(node, mh.SHA2_256, -1)
	if err != nil {
		panic(err)
	}
	return cid.NewCidV1(cid.DagProtobuf, sum)
}

var errNone = errors.New("no such block")

func spanOf(node []byte, s Span) ([]cid.Cid, error) {
	root := nodeCID(node)
	return WalkSpan(root, nil, s, true, func(c cid.Cid) ([]byte, error) {
		if c == root {
			return node, nil
		}
		return nil, errNone
	})
}

func TestSpansOfNodesThatLie(t *testing.T) {
	a, b := of([]byte("a")), of([]byte("b"))
	for name, node := range map[string][]byte{
		"a size too few": fileOf([]uint64{1}, a, b), "one too many": fileOf([]uint64{1, 1, 1}, a, b),
		"more than there is": fileOf([]uint64{1, 1 << 63}, a, b), "a sum that is": fileOf([]uint64{maxFile, maxFile, 1}, a, b, a),
	} {
		if got, err := spanOf(node, Span{ToEnd: true}); !errors.Is(err, ErrNode) {
			t.Errorf("%s: %d blocks, %v", name, len(got), err)
		}
	}
	var many []cid.Cid
	var sizes []uint64
	for range maxDAG + 1 {
		many, sizes = append(many, a), append(sizes, 1)
	}
	if _, err := spanOf(fileOf(sizes, many...), Span{ToEnd: true}); !errors.Is(err, ErrSize) {
		t.Errorf("more blocks than any image has: %v", err)
	}
}

// FuzzSpan: whatever a node says of sizes, and whatever is asked for, the blocks are the
// node and some that it links, one after the other; a byte of the file is in one.
func FuzzSpan(f *testing.F) {
	a, b := of([]byte("a")), of([]byte("b"))
	f.Add(fileOf([]uint64{3, 4}, a, b), int64(2), int64(5), false)
	f.Add(fileOf([]uint64{0, 1 << 40}, b, a), int64(-1), int64(0), true)
	f.Fuzz(func(t *testing.T, node []byte, first, last int64, toEnd bool) {
		got, err := spanOf(node, Span{first, last, toEnd})
		if err != nil {
			return
		}
		links, err := Links(node)
		if err != nil || got[0] != nodeCID(node) {
			t.Fatalf("%v: the first of %d blocks is %v", err, len(got), got[0])
		}
		for _, c := range got[1:] {
			at := slices.IndexFunc(links, func(l Link) bool { return l.To == c })
			if at < 0 {
				t.Fatalf("%v is no link, or comes too late", c)
			}
			links = links[at+1:]
		}
		// A link to another node, which is not there, ends in errNone.
		if one, err := spanOf(node, Span{first, first, false}); err != nil && !errors.Is(err, errNone) || len(one) > 2 {
			t.Fatalf("one byte is in %d blocks, %v", len(one)-1, err)
		}
	})
}
