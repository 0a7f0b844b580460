package filestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"

	blocks "github.com/ipfs/go-block-format"
)

// slotted is a slot that holds something else, longer than the image.
func slotted(t *testing.T, f File, extra int) (File, []byte) {
	t.Helper()
	old := bytes.Repeat([]byte("old firmware "), (int(f.Size)+extra)/13+1)[:int(f.Size)+extra]
	f.Slot, f.Path = true, filepath.Join(t.TempDir(), "slot")
	write(t, f.Path, old)
	return f, old
}

func TestImageInASlotIsTheCache(t *testing.T) {
	data, f := testImage(10_017, 1000, 21)
	slot, old := slotted(t, f, 500)
	s := testStore(t)
	r := mustAdd(t, s, slot)
	for i := range f.Blocks {
		putBlock(t, s, chunk(&f, data, i))
	}
	if len(s.Missing(r)) != 0 || s.Sync(r) != nil {
		t.Fatal("the slot does not hold the image")
	}
	holds(t, slot.Path, append(bytes.Clone(data), old[len(data):]...))
	if b, err := s.Get(context.Background(), LeafCID(f.Blocks[3])); err != nil || !bytes.Equal(b.RawData(), chunk(&f, data, 3)) {
		t.Errorf("a block of the slot: %v", err)
	}
	// Another owner is never a link of the slot, nor the other way round.
	own := at(f, filepath.Join(filepath.Dir(slot.Path), "own"))
	mustAdd(t, s, own)
	other, _ := slotted(t, f, 0)
	mustAdd(t, s, other)
	for _, path := range []string{own.Path, other.Path} {
		if oneFile(t, slot.Path, path) {
			t.Errorf("%s is the slot", path)
		}
		holds(t, path, data)
	}
	holds(t, slot.Path, append(bytes.Clone(data), old[len(data):]...))
}

// What is found in a slot at the next start is not written again.
func TestSlotIsResumed(t *testing.T) {
	data, f := testImage(10_000, 1000, 22)
	slot, _ := slotted(t, f, 0)
	s := testStore(t)
	mustAdd(t, s, slot)
	putBlock(t, s, chunk(&f, data, 4))
	remove(t, s, slot)
	var pens int
	again := New(Options{Open: func(path string, flag int, perm fs.FileMode) (Handle, error) {
		if flag&os.O_RDWR != 0 {
			pens++
			if flag&os.O_EXCL == 0 || flag&os.O_CREATE != 0 {
				t.Errorf("a slot was opened for writing with the flags %#x", flag)
			}
		}
		return openFile(path, flag, perm)
	}})
	t.Cleanup(again.Close)
	r := mustAdd(t, again, slot)
	if held, _ := again.Held(r); held.Count() != 1 || pens != 0 {
		t.Errorf("%d blocks are held, the slot was opened for writing %d times", held.Count(), pens)
	}
	putBlock(t, again, chunk(&f, data, 5))
	if pens != 1 {
		t.Errorf("the slot was opened for writing %d times", pens)
	}
}

func TestWhatIsNoSlotIsRefused(t *testing.T) {
	_, f := testImage(10_000, 1000, 23)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write(t, path("file"), make([]byte, f.Size))
	write(t, path("short"), make([]byte, f.Size-1))
	fatal(t, os.Symlink(path("file"), path("link")), syscall.Mkfifo(path("pipe"), 0o600), os.Mkdir(path("dir"), 0o700))
	s := testStore(t)
	for _, name := range []string{"short", "link", "pipe", "dir", "missing"} {
		d := at(f, path(name))
		d.Slot = true
		if _, _, err := s.Add(d); err == nil {
			t.Errorf("%s was taken for a slot", name)
		}
	}
	if info, err := os.Stat(path("short")); err != nil || info.Size() != f.Size-1 {
		t.Errorf("a short slot was extended: %v", err)
	}
	if _, err := os.Lstat(path("missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a slot that does not exist was made")
	}
	d := at(f, "/dev/null")
	d.Slot = true
	if _, _, err := s.Add(d); !errors.Is(err, ErrBadFile) {
		t.Errorf("a character device: %v", err)
	}
}

// slowHandle waits in WriteAt.
type slowHandle struct {
	Handle
	began, goOn chan struct{}
}

func (h slowHandle) WriteAt(p []byte, off int64) (int, error) {
	h.began <- struct{}{}
	<-h.goOn
	return h.Handle.WriteAt(p, off)
}

// Once a slot is sealed, or given back, nothing is written to it, not even what was on
// its way: it is about to be started, or another's.
func TestThreatImgReplace_SealedSlot(t *testing.T) {
	for _, how := range []string{"seal", "remove"} {
		t.Run(how, func(t *testing.T) {
			data, f := testImage(10_000, 1000, 24)
			slot, _ := slotted(t, f, 0)
			synctest.Test(t, func(t *testing.T) {
				began, goOn := make(chan struct{}), make(chan struct{})
				s := New(Options{Open: func(path string, flag int, perm fs.FileMode) (Handle, error) {
					h, err := openFile(path, flag, perm)
					if err == nil && flag&os.O_RDWR != 0 {
						h = slowHandle{h, began, goOn}
					}
					return h, err
				}})
				defer s.Close()
				r := mustAdd(t, s, slot)
				written := make(chan error, 1)
				go func() { written <- s.Put(context.Background(), blocks.NewBlock(chunk(&f, data, 1))) }()
				<-began
				ended := make(chan error, 1)
				go func() {
					var err error
					if how == "seal" {
						_, err = s.Seal(slot.Root, slot.Path)
					} else {
						_, err = s.Remove(slot.Root, slot.Path)
					}
					ended <- err
				}()
				synctest.Wait() // both wait for the write to end
				if len(ended) > 0 {
					t.Error("a write was on its way when the slot counted as sealed")
				}
				close(goOn)
				fatal(t, <-ended, <-written)
				if how == "remove" {
					return
				}
				before, err := os.ReadFile(slot.Path)
				fatal(t, err)
				putBlock(t, s, chunk(&f, data, 2))
				holds(t, slot.Path, before)
				if got := s.ReadOnly(r); got != slot.Path {
					t.Errorf("%q may only be read", got)
				}
				if _, err := s.Get(context.Background(), LeafCID(f.Blocks[1])); err != nil {
					t.Errorf("what is in it is not served: %v", err)
				}
			})
		})
	}
}
