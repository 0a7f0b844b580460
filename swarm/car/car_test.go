package car

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

// of returns the raw CID of bytes.
func of(data []byte) cid.Cid {
	sum, err := mh.Sum(data, mh.SHA2_256, -1)
	if err != nil {
		panic(err)
	}
	return cid.NewCidV1(cid.Raw, sum)
}

func archive(blocks ...[]byte) []byte {
	b := bytes.NewBuffer(Header(of(blocks[0])))
	for _, data := range blocks {
		_ = WriteBlock(b, of(data), data)
	}
	return b.Bytes()
}

// readAll reads an archive to its end.
func readAll(data []byte) (roots []cid.Cid, blocks []string, err error) {
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	for {
		_, data, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Roots, blocks, nil
		}
		if err != nil {
			return r.Roots, blocks, err
		}
		blocks = append(blocks, string(data))
	}
}

// TestArchiveIsThatOfTheSpecification: the header's bytes are those of the
// specification's fixture, with its root in their place.
func TestArchiveIsThatOfTheSpecification(t *testing.T) {
	root := of([]byte("aaaa"))
	want := "3aa265726f6f747381d82a582500" + hex.EncodeToString(root.Bytes()) + "6776657273696f6e01" + // 58 bytes follow
		"28" + hex.EncodeToString(root.Bytes()) + hex.EncodeToString([]byte("aaaa"))
	if got := hex.EncodeToString(archive([]byte("aaaa"))); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	blocks := [][]byte{[]byte("root"), {}, bytes.Repeat([]byte("x"), MaxBlock)}
	data := archive(blocks...)
	roots, got, err := readAll(data)
	if err != nil || len(roots) != 1 || roots[0] != of(blocks[0]) || len(got) != 3 || got[2] != string(blocks[2]) {
		t.Fatalf("%v, %d blocks, %v", roots, len(got), err)
	}
	size := len(Header(of(blocks[0])))
	for _, b := range blocks {
		size += SectionLen(of(b), len(b))
	}
	if size != len(data) {
		t.Errorf("%d bytes, foretold were %d", len(data), size)
	}
	long := archive(blocks[0], bytes.Repeat([]byte("y"), 100))
	for cut := range long { // all but the end between two blocks
		_, got, err := readAll(long[:cut])
		between := cut == len(Header(of(blocks[0]))) && len(got) == 0 || cut == len(archive(blocks[0])) && len(got) == 1
		if (err == nil) != between || err != nil && !errors.Is(err, ErrBad) {
			t.Errorf("cut at %d: %q, %v", cut, got, err)
		}
	}
}

func TestThreatCarHostile(t *testing.T) {
	good := archive([]byte("root"))
	body := good[len(Header(of([]byte("root")))):]
	wrong := bytes.Clone(good)
	wrong[len(wrong)-1]++
	sha512, err := mh.Sum([]byte("root"), mh.SHA2_512, -1)
	if err != nil {
		t.Fatal(err)
	}
	other := cid.NewCidV1(cid.Raw, sha512)
	section := bytes.NewBuffer(Header(of([]byte("root"))))
	_ = WriteBlock(section, other, []byte("root"))
	many := make([]cid.Cid, MaxRoots+1)
	for i := range many {
		many[i] = of([]byte{byte(i)})
	}
	for what, data := range map[string][]byte{
		"empty":           nil,
		"wrong bytes":     wrong,
		"another hash":    section.Bytes(),
		"no root":         append(Header(), body...),
		"too many roots":  append(Header(many...), body...),
		"a huge header":   {0xff, 0xff, 0xff, 0xff, 0x0f},
		"a huge block":    append(bytes.Clone(good), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
		"an endless size": append(bytes.Clone(good), bytes.Repeat([]byte{0x80}, 20)...),
		"padding":         append(bytes.Clone(good), 0, 0, 0, 0),
		"version 2":       bytes.Replace(good, []byte("version\x01"), []byte("version\x02"), 1),
		"a longer header": bytes.Replace(good, []byte("\x3a\xa2\x65roots\x81"), []byte("\x3b\xa2\x65roots\x98\x01"), 1),
	} {
		if _, _, err := readAll(data); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", what, err)
		}
	}
	pragma, err := hex.DecodeString("0aa16776657273696f6e02") // CARv2
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewReader(bytes.NewReader(pragma)); !errors.Is(err, ErrBad) {
		t.Errorf("CARv2: %v", err)
	}
	if _, err := NewReader(io.MultiReader(strings.NewReader("\x3a"), brokenReader{})); err == nil {
		t.Error("a reader's error is lost")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// FuzzReader: whatever the bytes, each block is what its CID says, and an archive that
// is written from what was read is read alike.
func FuzzReader(f *testing.F) {
	f.Add(archive([]byte("root"), []byte("leaf")))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data))
		if err != nil {
			return
		}
		again := bytes.NewBuffer(Header(r.Roots...))
		n := 0
		for {
			c, block, err := r.Next()
			if err != nil {
				break
			}
			if sum := sha256.Sum256(block); !bytes.HasSuffix(c.Hash(), sum[:]) {
				t.Fatalf("block %s has other bytes", c)
			}
			n++
			if err := WriteBlock(again, c, block); err != nil {
				t.Fatal(err)
			}
		}
		if roots, blocks, err := readAll(again.Bytes()); err != nil || len(blocks) != n || len(roots) != len(r.Roots) {
			t.Fatalf("written again: %d roots, %d blocks of %d, %v", len(roots), len(blocks), n, err)
		}
	})
}
