package filestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// otherDisk mounts a file system of some bytes; hard links do not reach it.
func otherDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("cannot mount a small tmpfs here:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// An owner on another file system has a copy, which takes part in everything that
// follows: blocks that arrive, damage, and the removal of the other.
func TestOwnerOnAnotherFileSystem(t *testing.T) {
	data, f := testImage(40*4096, 4096, 20)
	here, there := at(f, filepath.Join(t.TempDir(), "1")), at(f, filepath.Join(otherDisk(t, "1m"), "2"))
	s := testStore(t)
	r := mustAdd(t, s, here)
	for i := range 20 {
		putBlock(t, s, chunk(&f, data, i))
	}
	mustAdd(t, s, there)
	if got := s.Missing(r); len(got) != 20 {
		t.Errorf("%d units are missing after the copy, twenty before", len(got))
	}
	for i := 20; i < 40; i++ {
		putBlock(t, s, chunk(&f, data, i))
	}
	holds(t, here.Path, data)
	holds(t, there.Path, data)
	// Damage of one is mended from the other.
	rotten := bytes.Clone(data)
	rotten[5*4096]++
	write(t, here.Path, rotten)
	if _, err := s.Get(context.Background(), LeafCID(f.Blocks[5])); err != nil {
		t.Errorf("the other copy does not serve: %v", err)
	}
	if got := s.Missing(r); len(got) != 1 {
		t.Errorf("missing %v after one copy of a block was found damaged", got)
	}
	s.TakeOver(r)
	holds(t, here.Path, data)
	if change := remove(t, s, here); change.Gone {
		t.Error("it went with the first owner")
	}
	if _, _, all := s.Status(r); !all {
		t.Error("not complete without the first owner")
	}
}

// disk_full, while the copy is made.
func TestCopyThatDoesNotFitLeavesTheFirstOwnerAlone(t *testing.T) {
	data, f := testImage(40*4096, 4096, 21)
	here, there := at(f, filepath.Join(t.TempDir(), "1")), at(f, filepath.Join(otherDisk(t, "64k"), "2"))
	write(t, here.Path, data)
	s := testStore(t)
	r := mustAdd(t, s, here)
	_, _, err := s.Add(there)
	if !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), filepath.Dir(there.Path)) {
		t.Errorf("160 KiB into 64 KiB: %v", err)
	}
	if _, err := os.Stat(there.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part of the copy is left: %v", err)
	}
	if _, _, all := s.Status(r); !all {
		t.Error("the first owner's file is not complete any more")
	}
	holds(t, here.Path, data)
	if err := syscall.Mount("tmpfs", filepath.Dir(there.Path), "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, s, there)
	holds(t, there.Path, data)
}
