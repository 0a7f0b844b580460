//go:build (amd64 || arm64) && !leveldb && !camera

package metastore

import (
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
