package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/ipfs/go-cid"

	"camswarm/node/control"
	"camswarm/swarm/car"
	"camswarm/verify"
)

// An entry is a block of an archive.
type entry struct {
	c    cid.Cid
	data []byte
}

// readArchive takes an archive apart.
func readArchive(t *testing.T, path string) (roots []cid.Cid, blocks []entry) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := car.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, data, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Roots, blocks
		}
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, entry{c, bytes.Clone(data)})
	}
}

func writeArchive(t *testing.T, path string, roots []cid.Cid, blocks []entry) string {
	t.Helper()
	b := bytes.NewBuffer(car.Header(roots...))
	for _, e := range blocks {
		if err := car.WriteBlock(b, e.c, e.data); err != nil {
			t.Fatal(err)
		}
	}
	return writeFile(t, path, b.Bytes())
}

// bigRelease makes a signed release of many blocks.
func (w *tool) bigRelease(signers ...string) string {
	w.t.Helper()
	image := make([]byte, 200*32<<10)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(image[:6_000_000]) // the rest are zeros: equal blocks
	out := w.at("big")
	must(w.t, w.ask("release", "build", writeFile(w.t, w.at("big.bin"), image), "--sequence", "1", "--version", "1.0", "--out", out)...)
	for _, s := range signers {
		must(w.t, "release", "sign", out, "--key", w.at(s))
	}
	writeFile(w.t, out+"/did.json", []byte(`{"id":"did:example:1"}`))
	return out
}

// TestReleaseTravelsAsAnArchive: out of a release directory, in any order of blocks, into
// another one that is the same, and into a running node that checks it.
func TestReleaseTravelsAsAnArchive(t *testing.T) {
	bin := buildBinaries(t)
	w := newTool(t)
	dir, file := w.bigRelease("s1", "s2"), w.at("big.car")
	made := facts[archiveFacts](t, "release", "export", dir, "--out", file)
	if shown := facts[releaseFacts](t, "release", "show", dir); shown.DirectoryCID != made.Root {
		t.Errorf("root %s, the directory is %s", made.Root, shown.DirectoryCID)
	}
	refused(t, exitFailed, []string{"exists already"}, "release", "export", dir, "--out", file)
	must(t, "release", "export", dir, "--out", w.at("again.car"))
	if a, b := readFile(t, file), readFile(t, w.at("again.car")); !bytes.Equal(a, b) || int64(len(a)) != made.Bytes {
		t.Error("one release has two archives")
	}
	roots, blocks := readArchive(t, file)
	if len(roots) != 1 || blocks[0].c != roots[0] || len(blocks) >= 200 {
		t.Errorf("roots %v, %d blocks", roots, len(blocks))
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for name, from := range map[string]string{"in-order": file, "shuffled": writeArchive(t, w.at("shuffled.car"), roots, blocks)} {
		facts[archiveFacts](t, "release", "import", from, "--out", w.at(name))
		for _, f := range []string{verify.DirectoryImage, verify.DirectoryEnvelope, verify.DirectoryDocument} {
			if !bytes.Equal(readFile(t, dir+"/"+f), readFile(t, w.at(name)+"/"+f)) {
				t.Errorf("%s: %s differs", name, f)
			}
		}
	}
	refused(t, exitUsage, []string{"--out"}, "release", "import", file)

	must(t, append(w.ask("provision", "--dir", w.at("seed"), "--role", "seed", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	startNode(t, bin, w.at("seed"))
	must(t, "status", "--socket", w.at("seed"), "--wait", "ready")
	must(t, append(w.publish(dir, "manufacturer"), "--no-announce")...)
	in := facts[archiveFacts](t, "release", "import", file, "--seed", w.at("seed"))
	if len(in.Seeds) != 1 || in.Seeds[0].State < control.StateFetched {
		t.Errorf("handed over: %+v", in)
	}
	must(t, "status", "--socket", w.at("seed"), "--wait", "held=1")
}

// TestThreatCarSmuggled: an archive from a stranger brings in nothing but what its root
// is the directory of.
func TestThreatCarSmuggled(t *testing.T) {
	w := newTool(t)
	dir, file := w.bigRelease("s1", "s2"), w.at("big.car")
	must(t, "release", "export", dir, "--out", file)
	roots, blocks := readArchive(t, file)
	other := w.build("1", "other", "s1", "s2")
	must(t, "release", "export", other, "--out", w.at("other.car"))
	otherRoots, otherBlocks := readArchive(t, w.at("other.car"))

	small, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	small[len(small)-1]++
	without := func(i int) []entry { return slices.Delete(slices.Clone(blocks), i, i+1) }
	for what, tc := range map[string]struct {
		path string
		says string
	}{
		"a changed byte":               {writeFile(t, w.at("a.car"), small), "other bytes than its CID says"},
		"half of it":                   {writeFile(t, w.at("b.car"), small[:len(small)/2]), "breaks off"},
		"without its root":             {writeArchive(t, w.at("c.car"), roots, without(0)), "no release directory that it holds"},
		"without its envelope":         {writeArchive(t, w.at("d.car"), roots, without(2)), "holds no envelope.cbor"},
		"without a block":              {writeArchive(t, w.at("e.car"), roots, without(len(blocks)-2)), "blocks are missing"},
		"an image's root":              {writeArchive(t, w.at("f.car"), []cid.Cid{blocks[3].c}, blocks), "envelope.cbor"},
		"a block as a root":            {writeArchive(t, w.at("g.car"), []cid.Cid{blocks[len(blocks)-1].c}, blocks), "no release directory"},
		"another release's directory":  {writeArchive(t, w.at("h.car"), otherRoots, blocks), "no release directory that it holds"},
		"a link to another's envelope": {writeArchive(t, w.at("i.car"), []cid.Cid{forged(t, blocks, otherBlocks).c}, append([]entry{forged(t, blocks, otherBlocks)}, append(blocks, otherBlocks...)...)), "the directory of this release is"},
		"no archive":                   {writeFile(t, w.at("j.car"), []byte("firmware")), "no CARv1 archive"},
	} {
		r := camswarm(t, "release", "import", tc.path, "--out", w.at("x-"+what))
		if r.code != exitFailed || !bytes.Contains([]byte(r.stderr), []byte(tc.says)) {
			t.Errorf("%s: exit code %d, %q; want %q", what, r.code, r.stderr, tc.says)
		}
		if _, err := os.Lstat(w.at("x-" + what)); err == nil {
			t.Errorf("%s left a release directory", what)
		}
	}
}

// TestThreatCarSmuggled_IntoANode: a node takes nothing that it would not take from a
// peer: what fewer than the threshold signed, or what is not on chain.
func TestThreatCarSmuggled_IntoANode(t *testing.T) {
	bin := buildBinaries(t)
	w := newTool(t)
	dir, other := w.bigRelease("s1", "s2"), w.build("1", "other", "s1", "s2")
	must(t, "release", "export", other, "--out", w.at("other.car"))
	must(t, append(w.ask("provision", "--dir", w.at("seed"), "--role", "seed", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	startNode(t, bin, w.at("seed"))
	must(t, "status", "--socket", w.at("seed"), "--wait", "ready")
	few := w.build("1", "few", "s1")
	must(t, "release", "export", few, "--out", w.at("few.car"))
	refused(t, exitFailed, []string{"asks for 2"}, "release", "import", w.at("few.car"), "--seed", w.at("seed"))
	must(t, append(w.publish(dir, "manufacturer"), "--no-announce")...)
	refused(t, exitFailed, []string{"seed"}, "release", "import", w.at("other.car"), "--seed", w.at("seed"))
}

// forged is the directory of one release with the envelope of another.
func forged(t *testing.T, blocks, other []entry) entry {
	t.Helper()
	a, err := car.Links(blocks[0].data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := car.Links(other[0].data)
	if err != nil {
		t.Fatal(err)
	}
	from, to := a[1].To.Bytes(), b[0].To.Bytes()
	if a[1].Name != verify.DirectoryEnvelope || b[0].Name != verify.DirectoryEnvelope {
		t.Fatal("the links are others")
	}
	data := bytes.Replace(blocks[0].data, from, to, 1)
	c, err := cid.NewPrefixV1(cid.DagProtobuf, 0x12).Sum(data)
	if err != nil {
		t.Fatal(err)
	}
	return entry{c, data}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
