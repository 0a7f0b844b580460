package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	chunk "github.com/ipfs/boxo/chunker"
	dag "github.com/ipfs/boxo/ipld/merkledag"
	dagtest "github.com/ipfs/boxo/ipld/merkledag/test"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"camswarm/verify"
)

// ipfsAdd imports b as `ipfs add --cid-version=1 --raw-leaves
// --chunker=size-N` does, and returns the root and every inner node.
func ipfsAdd(t *testing.T, b []byte, blockSize int64) (cid.Cid, map[cid.Cid][]byte) {
	t.Helper()
	store := dagtest.Mock()
	params := helpers.DagBuilderParams{
		Maxlinks:   helpers.DefaultLinksPerBlock,
		RawLeaves:  true,
		CidBuilder: dag.V1CidPrefix(),
		Dagserv:    store,
	}
	builder, err := params.New(chunk.NewSizeSplitter(bytes.NewReader(b), blockSize))
	if err != nil {
		t.Fatal(err)
	}
	root, err := balanced.Layout(builder)
	if err != nil {
		t.Fatal(err)
	}
	inner := make(map[cid.Cid][]byte)
	var walk func(n ipld.Node)
	walk = func(n ipld.Node) {
		if n.Cid().Type() == cid.Raw {
			return
		}
		inner[n.Cid()] = n.RawData()
		for _, l := range n.Links() {
			if l.Cid.Type() != cid.Raw {
				child, err := store.Get(context.Background(), l.Cid)
				if err != nil {
					t.Fatal(err)
				}
				walk(child)
			}
		}
	}
	walk(root)
	return root.Cid(), inner
}

func describeAny(b []byte, blockSize uint32) verify.ImageInfo {
	i := verify.ImageInfo{Size: uint64(len(b)), BlockSize: blockSize}
	for block := range slices.Chunk(b, int(blockSize)) {
		i.Blocks = append(i.Blocks, sha256.Sum256(block))
	}
	return i
}

// failingEnd reads its bytes, and fails behind them.
type failingEnd struct{ b []byte }

func (r failingEnd) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r.b).ReadAt(p, off)
	if err != nil {
		err = errDisk
	}
	return n, err
}

// Block lists of every shape make the DAG that stock IPFS makes; small blocks
// stand for large ones, the layout depends on their number only.
func TestNodesAreThoseOfIPFSAdd(t *testing.T) {
	if testing.Short() {
		t.Skip("computes for long")
	}
	const blockSize = 4
	for _, size := range []int{
		1, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize,
		173*blockSize + 1, 174 * blockSize, 174*blockSize + 1, 175 * blockSize,
		2 * 174 * blockSize, 174 * 174 * blockSize, 174*174*blockSize + 1, (174*174 + 175) * blockSize,
	} {
		for name, fill := range map[string]func(i int) byte{
			"all blocks equal":  func(int) byte { return 0xff },
			"all blocks differ": func(i int) byte { return byte(i >> (i % 4 * 8 / 2)) },
		} {
			b := make([]byte, size)
			for i := range b {
				b[i] = fill(i)
			}
			root, inner := ipfsAdd(t, b, blockSize)
			info := describeAny(b, blockSize)
			nodes := info.Nodes()
			if len(nodes) != len(inner) {
				t.Errorf("%d bytes, %s: %d inner nodes, ipfs makes %d", size, name, len(nodes), len(inner))
			}
			for _, n := range nodes {
				if !bytes.Equal(inner[n.CID], n.Data) {
					t.Fatalf("%d bytes, %s: node %s is not one of ipfs", size, name, n.CID)
				}
			}
			if size <= blockSize {
				if len(nodes) != 0 || root != verify.RawCID(info.Blocks[0]) {
					t.Errorf("%d bytes: the root of one block is not the block", size)
				}
			} else if nodes[0].CID != root {
				t.Errorf("%d bytes, %s: root is %s, ipfs makes %s", size, name, nodes[0].CID, root)
			}
		}
	}
}

func TestDescribedImageHasTheRootOfIPFSAdd(t *testing.T) {
	for _, size := range []int{1, 32767, 32768, 32769, 12_345_678} { // the last: 377 blocks, two levels
		b := testImage(size)
		info, err := verify.DescribeImage(iotestReader{bytes.NewReader(b)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if root, _ := ipfsAdd(t, b, 32768); info.Root != root {
			t.Errorf("%d bytes: root %s, ipfs makes %s", size, info.Root, root)
		}
		if info.Size != uint64(size) || info.SHA256 != sha256.Sum256(b) || info.BlockSize != 32768 {
			t.Errorf("%d bytes are described as size %d, block size %d", size, info.Size, info.BlockSize)
		}
		if err := info.Validate(); err != nil {
			t.Error(err)
		}
		var total int
		for n := range info.Blocks {
			total += info.BlockLen(n)
		}
		if total != size || info.BlockLen(-1) != 0 || info.BlockLen(len(info.Blocks)) != 0 {
			t.Errorf("%d bytes: block lengths add up to %d", size, total)
		}
	}
}

// iotestReader reads a few bytes at a time.
type iotestReader struct{ r io.Reader }

func (r iotestReader) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), 4099)]) }

type failingReader struct{}

func (failingReader) Read([]byte) (int, error)          { return 0, errDisk }
func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

var errDisk = errors.New("disk on fire")

// zeros is an endless image.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestImagesThatCannotBeReleasedAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		r         io.Reader
		blockSize uint32
		word      string
	}{
		"empty":                     {strings.NewReader(""), 0, "empty"},
		"endless":                   {zeros{}, verify.MaxBlockSize, "over 268435456 bytes"},
		"too many blocks":           {zeros{}, verify.MinBlockSize, "larger block size"},
		"unreadable":                {failingReader{}, 0, "disk on fire"},
		"block size no power of 2":  {zeros{}, 65537, "power of two"},
		"block size below minimum":  {zeros{}, 8192, "power of two"},
		"block size over maximum":   {zeros{}, 2 << 20, "power of two"},
		"block size that is absurd": {zeros{}, 1 << 31, "power of two"},
	} {
		if _, err := verify.DescribeImage(c.r, c.blockSize); err == nil || !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want a word about %q", name, err, c.word)
		}
	}
}

func TestThreatArbitraryInstallation_OnlyCheckedBytesBecomeAnImage(t *testing.T) {
	m := newMaker(t)
	const size = 5*verify.MinBlockSize + 123
	image := testImage(size)
	image[2*verify.MinBlockSize] = 1 // blocks 2 and 1 differ
	a, _ := m.approved(t, m.manifest(t, 1, image))

	got, err := a.CheckImage(bytes.NewReader(image), size)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := got.WriteTo(&out)
	if err != nil || n != size || !bytes.Equal(out.Bytes(), image) {
		t.Errorf("genuine image written as %d bytes, %v", n, err)
	}
	if !got.Valid() || got.Size() != size || got.Manifest().Sequence != 1 || got.Release().Sequence != 1 {
		t.Error("genuine image does not describe itself")
	}

	swapped := bytes.Clone(image)
	copy(swapped[verify.MinBlockSize:], image[2*verify.MinBlockSize:3*verify.MinBlockSize])
	copy(swapped[2*verify.MinBlockSize:], image[verify.MinBlockSize:2*verify.MinBlockSize])
	flip := func(at int) []byte {
		b := bytes.Clone(image)
		b[at] ^= 1
		return b
	}
	longer := append(bytes.Clone(image), 0)
	for name, c := range map[string]struct {
		bytes  []byte
		size   int64
		attack string
	}{
		"first bit flipped":          {flip(0), size, verify.AttackArbitrary},
		"middle bit flipped":         {flip(size / 2), size, verify.AttackArbitrary},
		"last bit flipped":           {flip(size - 1), size, verify.AttackArbitrary},
		"blocks in another order":    {swapped, size, verify.AttackArbitrary},
		"another image":              {make([]byte, size), size, verify.AttackArbitrary},
		"cut":                        {image[:size-1], size - 1, verify.AttackImagePartial},
		"cut, size told as whole":    {image[:size-1], size, verify.AttackImagePartial},
		"cut at a block, told whole": {image[:5*verify.MinBlockSize], size, verify.AttackImagePartial},
		"empty":                      {nil, 0, verify.AttackImagePartial},
		"negative size":              {image, -1, verify.AttackImagePartial},
	} {
		t.Run(name, func(t *testing.T) {
			img, err := a.CheckImage(bytes.NewReader(c.bytes), c.size)
			wantRefusal(t, err, c.attack, false)
			if img.Valid() {
				t.Error("a refused image is valid")
			}
		})
	}

	// A partition is larger than the image: a section of it is the image.
	if _, err := a.CheckImage(io.NewSectionReader(bytes.NewReader(longer), 0, size), size); err != nil {
		t.Errorf("section of a larger file: %v", err)
	}
	// A failing disk is nobody's attack.
	if _, err := a.CheckImage(failingReader{}, size); !errors.Is(err, errDisk) || verify.AttackName(err) != "" {
		t.Errorf("failing disk gives %v", err)
	}
	if _, err := a.CheckImage(failingEnd{image}, size); !errors.Is(err, errDisk) || verify.AttackName(err) != "" {
		t.Errorf("a disk that fails behind the image gives %v", err)
	}
}

func TestThreatImgExtra(t *testing.T) {
	m := newMaker(t)
	image := testImage(40_000)
	a, _ := m.approved(t, m.manifest(t, 1, image))
	longer := append(bytes.Clone(image), 0)
	for name, size := range map[string]int64{"told": 40_001, "hidden": 40_000} {
		img, err := a.CheckImage(bytes.NewReader(longer), size)
		wantRefusal(t, err, verify.AttackImageExtra, false)
		if img.Valid() {
			t.Errorf("%s: a refused image is valid", name)
		}
	}
	if _, err := a.CheckImage(bytes.NewReader(image), 40_000); err != nil {
		t.Errorf("without the extra byte: %v", err)
	}
}

// The manifest's block list is right, its digest of the whole is not: no bytes
// can ever fit.
func TestThreatCIDRightSHAWrong(t *testing.T) {
	m := newMaker(t)
	image := testImage(40_000)
	man := m.manifest(t, 1, image)
	man.Image.SHA256[0] ^= 1
	a, _ := m.approved(t, man)
	_, err := a.CheckImage(bytes.NewReader(image), int64(len(image)))
	wantRefusal(t, err, verify.AttackImageSHA, true)
}

func TestThreatImgReplace_BytesThatChangeAfterTheCheckAreNotHandedOut(t *testing.T) {
	m := newMaker(t)
	image := testImage(3 * verify.MinBlockSize)
	a, _ := m.approved(t, m.manifest(t, 1, image))
	stored := bytes.Clone(image)
	img, err := a.CheckImage(bytes.NewReader(stored), int64(len(stored)))
	if err != nil {
		t.Fatal(err)
	}
	stored[verify.MinBlockSize+5] ^= 0x10
	var out bytes.Buffer
	n, err := img.WriteTo(&out)
	wantRefusal(t, err, verify.AttackImageReplaced, false)
	if n != verify.MinBlockSize || !bytes.Equal(out.Bytes(), image[:verify.MinBlockSize]) {
		t.Errorf("%d bytes were handed out, want only the block before the changed one", n)
	}
}

// countingReader counts the bytes read.
type countingReader struct {
	r io.ReaderAt
	n int
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += n
	return n, err
}

// What nobody has hashed yet is hashed when it is opened.
func TestThreatArbitraryInstallation_OpenImageChecksWhatNobodyChecked(t *testing.T) {
	m := newMaker(t)
	image := testImage(3 * verify.MinBlockSize)
	rogue := bytes.Clone(image)
	rogue[7] ^= 1
	a, _ := m.approved(t, m.manifest(t, 1, image))
	_, err := a.OpenImage(bytes.NewReader(rogue), int64(len(rogue)))
	wantRefusal(t, err, verify.AttackArbitrary, false)
	if _, err := a.OpenImage(bytes.NewReader(image), int64(len(image))); err != nil {
		t.Fatal(err)
	}
}

// An image is read, and each byte hashed, once to check it and once to hand it
// out; what changed in between is caught then, block by block, whichever file it
// comes from.
func TestThreatImgReplace_AnImageIsReadOnceToCheckAndOnceToInstall(t *testing.T) {
	m := newMaker(t)
	image := testImage(3*verify.MinBlockSize + 11)
	size := int64(len(image))
	a, _ := m.approved(t, m.manifest(t, 1, image))
	r := &countingReader{r: bytes.NewReader(image)}
	if _, err := a.CheckImage(r, size); err != nil || r.n != len(image) {
		t.Fatalf("the check read %d of %d bytes: %v", r.n, len(image), err)
	}
	r.n = 0
	img, err := a.OpenImage(r, size)
	if err != nil || r.n != 0 || !img.Valid() {
		t.Fatalf("opening read %d bytes: %v", r.n, err)
	}
	var out bytes.Buffer
	if _, err := img.WriteTo(&out); err != nil || r.n != len(image) || !bytes.Equal(out.Bytes(), image) {
		t.Errorf("handing out read %d of %d bytes: %v", r.n, len(image), err)
	}

	rogue := bytes.Clone(image)
	rogue[verify.MinBlockSize] ^= 1
	if img, err = a.OpenImage(bytes.NewReader(rogue), size); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	_, err = img.WriteTo(&out)
	wantRefusal(t, err, verify.AttackImageReplaced, false)
	if out.Len() != verify.MinBlockSize {
		t.Errorf("%d bytes were handed out, want only the block before the changed one", out.Len())
	}
	_, err = a.OpenImage(bytes.NewReader(image[1:]), size-1)
	wantRefusal(t, err, verify.AttackImagePartial, false)
	_, err = a.OpenImage(bytes.NewReader(append(bytes.Clone(image), 0)), size)
	wantRefusal(t, err, verify.AttackImageExtra, false)
}

// A block that is read wrongly once is no reason to give a release up.
func TestCheckImageForgivesOneWrongRead(t *testing.T) {
	m := newMaker(t)
	image := testImage(2 * verify.MinBlockSize)
	a, _ := m.approved(t, m.manifest(t, 1, image))
	if _, err := a.CheckImage(&flakyReader{r: bytes.NewReader(image)}, int64(len(image))); err != nil {
		t.Error(err)
	}
}

// flakyReader flips a bit of its first read at 0.
type flakyReader struct {
	r    io.ReaderAt
	done bool
}

func (f *flakyReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.r.ReadAt(p, off)
	if off == 0 && n > 0 && !f.done {
		p[0] ^= 1
		f.done = true
	}
	return n, err
}

type fullWriter struct{ left int }

func (w *fullWriter) Write(p []byte) (int, error) {
	n := min(w.left, len(p))
	w.left -= n
	if n < len(p) {
		return n, errDisk
	}
	return n, nil
}

func TestImageWriteErrorIsReturnedWithTheBytesWritten(t *testing.T) {
	m := newMaker(t)
	image := testImage(3 * verify.MinBlockSize)
	a, _ := m.approved(t, m.manifest(t, 1, image))
	img, err := a.CheckImage(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	n, err := img.WriteTo(&fullWriter{left: verify.MinBlockSize + 7})
	if !errors.Is(err, errDisk) || n != verify.MinBlockSize+7 {
		t.Errorf("got %d, %v", n, err)
	}
}

// The genuine forms cannot be had without the checks.
func TestThreatArbitraryInstallation_ZeroValuesPassNothing(t *testing.T) {
	m := newMaker(t)
	var img *verify.Image
	for _, i := range []*verify.Image{img, {}} {
		if i.Valid() {
			t.Error("an empty Image is valid")
		}
		if n, err := i.WriteTo(io.Discard); err == nil || n != 0 {
			t.Error("an empty Image writes")
		}
	}
	image := []byte{1}
	signed, err := m.verifier.CheckSigned(envelope(t, m.manifest(t, 2, image), m.keys...))
	if err != nil {
		t.Fatal(err)
	}
	older, _ := m.approved(t, m.manifest(t, 1, image))
	same, _ := m.approved(t, m.manifest(t, 2, []byte{2}))
	older.Signed, same.Signed = signed, signed
	for _, a := range []*verify.Approved{nil, {}, {Signed: &verify.Signed{}}, {Signed: signed}, older, same} {
		if _, err := a.CheckImage(bytes.NewReader(image), 1); err == nil {
			t.Error("an empty Approved checks an image")
		}
		if err := a.CheckInstall(m.view(), verify.Device{}); err == nil {
			t.Error("an empty Approved may be installed")
		}
	}
	for _, s := range []*verify.Signed{nil, {}} {
		if _, err := m.verifier.Approve(s, m.view(), 0); err == nil {
			t.Error("an empty Signed is approved")
		}
	}
}
