package filestore

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	blocks "github.com/ipfs/go-block-format"
)

// A real full file system; /dev/full cannot be truncated, so a tiny tmpfs.
func TestFullFileSystemKeepsWhatArrived(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("cannot mount a small tmpfs here:", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	data, f := testImage(40*4096, 4096, 9)
	f.Path = filepath.Join(dir, "image")
	s := testStore(t)
	sf := mustAdd(t, s, f)
	var err error
	n := 0
	for ; n < 40 && err == nil; n++ {
		err = s.Put(context.Background(), blocks.NewBlock(chunk(&f, data, n)))
	}
	if !errors.Is(err, ErrNoSpace) {
		t.Fatalf("after %d blocks of 4 KiB into 64 KiB: %v", n, err)
	}
	if held, _ := s.Held(sf); held.Count() != n-1 {
		t.Errorf("%d blocks were written, %d are held", n-1, held.Count())
	}
	for i := range n - 1 {
		if _, err := s.Get(context.Background(), LeafCID(f.Blocks[i])); err != nil {
			t.Errorf("block %d: %v", i, err)
		}
	}
}
