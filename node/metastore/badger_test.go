//go:build (amd64 || arm64) && !leveldb && !camera

package metastore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipfs/go-datastore"
)

func TestEmptyFilesOfAKillDoNotKeepBadgerShut(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Namespace("x").Put(t.Context(), datastore.NewKey("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"000099.vlog", "00099.mem"} {
		if err := os.WriteFile(filepath.Join(dir, dataDir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = Open(dir, quiet()); err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	defer func() { _ = s.Close() }()
	if v, err := s.Namespace("x").Get(t.Context(), datastore.NewKey("k")); err != nil || string(v) != "v" {
		t.Errorf("%q, %v", v, err)
	}
}

// Nothing looks by the clock whether there is something to compact, and yet writes
// neither wait for ever nor pile up.
func TestWritesAreCompacted(t *testing.T) {
	s, err := Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const keys, size = 1000, 900 // below the threshold of the value log
	rounds := 24 << 20 / (keys * size)
	data := s.Namespace("x")
	value := func(round, i int) []byte { return bytes.Repeat([]byte{byte(round), byte(i)}, size/2) }
	for round := range rounds {
		b, err := data.Batch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range keys {
			if err := b.Put(t.Context(), datastore.NewKey(fmt.Sprint(i)), value(round, i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range keys {
		if v, err := data.Get(t.Context(), datastore.NewKey(fmt.Sprint(i))); err != nil || !bytes.Equal(v, value(rounds-1, i)) {
			t.Fatalf("value %d is another one: %v", i, err)
		}
	}
	db := s.data.(*checkedStore).Batching.(*compacted).DB
	var tables int64
	for _, l := range db.Levels() {
		tables += l.Size
	}
	if stall := int64(db.Opts().NumLevelZeroTablesStall); tables > (stall+2)*writeBuffer {
		t.Errorf("%d bytes of tables after writing %d bytes again and again", tables, keys*size)
	}
}
