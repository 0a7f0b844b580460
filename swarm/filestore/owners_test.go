package filestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	blocks "github.com/ipfs/go-block-format"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path string, data []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%s does not hold what it should: %v", path, err)
	}
}

func oneFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(x, y)
}

func at(f File, path string) File {
	f.Path = path
	return f
}

func remove(t *testing.T, s *Store, f File) Removal {
	t.Helper()
	change, err := s.Remove(f.Root, f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

// Two products may carry the same image: it is stored once, and goes with the last
// of them.
func TestOwnersShareOneFileUntilTheLastIsRemoved(t *testing.T) {
	data, f := testImage(10_000, 1000, 1)
	dir := t.TempDir()
	first, second := at(f, filepath.Join(dir, "1")), at(f, filepath.Join(dir, "2"))
	first.Extra = []blocks.Block{blocks.NewBlock([]byte("envelope of the first"))}
	second.Extra = []blocks.Block{blocks.NewBlock([]byte("envelope of the second"))}
	write(t, first.Path, data)
	s := testStore(t)
	r := mustAdd(t, s, first)
	if again := mustAdd(t, s, second); again != r {
		t.Error("a second owner makes a second replica")
	}
	mustAdd(t, s, second) // once more does nothing
	if !oneFile(t, first.Path, second.Path) {
		t.Error("the image is stored twice")
	}
	has := func(b blocks.Block) bool { ok, _ := s.Has(context.Background(), b.Cid()); return ok }
	if !has(first.Extra[0]) || !has(second.Extra[0]) {
		t.Error("the envelope of an owner is not served")
	}
	if change := remove(t, s, first); change.Gone || len(change.Lost)+len(change.Gained) > 0 {
		t.Errorf("removing the first of two owners changes %+v", change)
	}
	if has(first.Extra[0]) || !has(second.Extra[0]) {
		t.Error("the envelope of the first owner does not go with it alone")
	}
	if err := os.Remove(first.Path); err != nil {
		t.Fatal(err)
	}
	if _, _, all := s.Status(r); !all {
		t.Error("not complete without the first owner")
	}
	if b, err := s.Get(context.Background(), LeafCID(f.Blocks[7])); err != nil || !bytes.Equal(b.RawData(), data[7000:8000]) {
		t.Errorf("a block after the first owner went: %v", err)
	}
	if _, err := s.Remove(f.Root, first.Path); !errors.Is(err, ErrNotAdded) {
		t.Errorf("removing an owner twice: %v", err)
	}
	if change := remove(t, s, second); !change.Gone {
		t.Error("it does not go with the last owner")
	}
	if _, err := s.Find(f.Root); !errors.Is(err, ErrNotAdded) || s.Blocks() != 0 {
		t.Errorf("after the last owner: %v, %d blocks", err, s.Blocks())
	}
	holds(t, second.Path, data)
}

func TestOwnerWhoComesInTheMiddleOfAFetch(t *testing.T) {
	data, f := testImage(10_000, 1000, 2)
	dir := t.TempDir()
	first, second := at(f, filepath.Join(dir, "1")), at(f, filepath.Join(dir, "2"))
	s := testStore(t)
	r := mustAdd(t, s, first)
	for i := range 5 {
		putBlock(t, s, chunk(&f, data, i))
	}
	mustAdd(t, s, second)
	for i := 5; i < 10; i++ {
		putBlock(t, s, chunk(&f, data, i))
	}
	if err := s.Sync(r); err != nil {
		t.Error(err)
	}
	holds(t, first.Path, data)
	holds(t, second.Path, data)
}

// A restart in the middle of a fetch for two: whoever is added first may not write
// into a file that the other's links share, and in the end it is one file again.
func TestOwnersOfAnUnfinishedFileComeBack(t *testing.T) {
	data, f := testImage(10_000, 1000, 3)
	dir := t.TempDir()
	first, second := at(f, filepath.Join(dir, "1")), at(f, filepath.Join(dir, "2"))
	s := testStore(t)
	mustAdd(t, s, first)
	mustAdd(t, s, second)
	putBlock(t, s, chunk(&f, data, 3))
	s.Close()

	s = testStore(t)
	r := mustAdd(t, s, second)
	mustAdd(t, s, first)
	if got := s.Missing(r); len(got) != 9 {
		t.Errorf("%d units are missing, one of ten was there", len(got))
	}
	for i := range 10 {
		putBlock(t, s, chunk(&f, data, i))
	}
	holds(t, first.Path, data)
	holds(t, second.Path, data)
	if !oneFile(t, first.Path, second.Path) {
		t.Error("the image is stored twice")
	}
}

// What stands at the path of a further owner gives what it has, and makes way;
// another link of it keeps what it holds.
func TestPathOfAFurtherOwnerHoldsSomethingElse(t *testing.T) {
	data, f := testImage(10_000, 1000, 4)
	dir := t.TempDir()
	first, second := at(f, filepath.Join(dir, "1")), at(f, filepath.Join(dir, "2"))
	half := append(append(bytes.Repeat([]byte("x"), 5000), data[5000:]...), "and a tail"...)
	write(t, second.Path, half)
	backup := filepath.Join(dir, "backup")
	if err := os.Link(second.Path, backup); err != nil {
		t.Fatal(err)
	}
	write(t, second.Path+tempSuffix, []byte("left by a crash"))
	s := testStore(t)
	mustAdd(t, s, first)
	putBlock(t, s, chunk(&f, data, 0))
	r, done, err := s.Add(second)
	if err != nil || len(done) != 5 {
		t.Errorf("%d units came with the second owner's file, it had five: %v", len(done), err)
	}
	for _, u := range s.Missing(r) {
		putBlock(t, s, chunk(&f, data, u))
	}
	holds(t, first.Path, data)
	holds(t, second.Path, data)
	holds(t, backup, half)
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("files were left behind: %v", entries)
	}
}

// The path of one release is used for the next, while another product still has
// the older one under a link of the same file.
func TestOverwritingAPathLeavesOtherLinksAlone(t *testing.T) {
	one, f1 := testImage(10_000, 1000, 5)
	two := bytes.Clone(one[:9500])
	copy(two[4000:], "differs")
	f2 := describe(two, 1000)
	for name, stays := range map[string]bool{"while the other is added": true, "before the other is added": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a, b := at(f1, filepath.Join(dir, "a")), at(f1, filepath.Join(dir, "b"))
			write(t, a.Path, one)
			s := testStore(t)
			mustAdd(t, s, a)
			mustAdd(t, s, b)
			remove(t, s, b)
			if !stays {
				remove(t, s, a)
			}
			next := at(f2, b.Path)
			r := mustAdd(t, s, next)
			for _, u := range s.Missing(r) {
				putBlock(t, s, chunk(&f2, two, int(r.First[u])))
			}
			holds(t, b.Path, two)
			holds(t, a.Path, one)
		})
	}
}

func TestOnePathIsOfOneRoot(t *testing.T) {
	one, f1 := testImage(3000, 1000, 6)
	_, f2 := testImage(3000, 1000, 7)
	path := filepath.Join(t.TempDir(), "image")
	write(t, path, one)
	s := testStore(t)
	mustAdd(t, s, at(f1, path))
	if _, _, err := s.Add(at(f2, filepath.Dir(path)+"/./image")); !errors.Is(err, ErrPathTaken) {
		t.Errorf("another root at the path: %v", err)
	}
	holds(t, path, one)
	remove(t, s, at(f1, path))
	mustAdd(t, s, at(f2, path))
	other := f2
	other.Blocks, other.Size, other.Path = other.Blocks[:2], 2000, path+"2"
	if _, _, err := s.Add(other); !errors.Is(err, ErrBadFile) {
		t.Errorf("the same root with other blocks: %v", err)
	}
}

// A slot may not be linked to, since it would be written through the link.
func TestOwnerOfASlotGetsACheckedCopy(t *testing.T) {
	data, f := testImage(10_000, 1000, 8)
	dir := t.TempDir()
	slot, own := at(f, filepath.Join(dir, "slot")), at(f, filepath.Join(dir, "own"))
	slot.ReadOnly = true
	rotten := bytes.Clone(data)
	write(t, slot.Path, rotten)
	var lost atomic.Int32
	s := New(Options{Lost: func(*Replica, int) { lost.Add(1) }})
	t.Cleanup(s.Close)
	r := mustAdd(t, s, slot)
	if s.ReadOnly(r) != slot.Path {
		t.Error("what has only a slot can be written")
	}
	rotten[2500]++ // after it was looked at
	write(t, slot.Path, rotten)
	mustAdd(t, s, own)
	if oneFile(t, slot.Path, own.Path) {
		t.Fatal("the slot is linked to")
	}
	if got := s.Missing(r); len(got) != 1 || got[0] != 2 || lost.Load() != 1 {
		t.Errorf("missing %v, reported %d times; the slot has one rotten block", got, lost.Load())
	}
	putBlock(t, s, chunk(&f, data, 2))
	holds(t, own.Path, data)
	holds(t, slot.Path, rotten)
	// Without the copy there is only what the slot has.
	change := remove(t, s, own)
	if change.Gone || len(change.Lost) != 1 || change.Lost[0].Unit != 2 {
		t.Errorf("removing the copy changes %+v", change)
	}
	if b, err := s.Get(context.Background(), LeafCID(f.Blocks[3])); err != nil || !bytes.Equal(b.RawData(), chunk(&f, data, 3)) {
		t.Errorf("a block of the slot: %v", err)
	}
}

func TestReadOnlyOwnerOfAFileThatIsFetched(t *testing.T) {
	data, f := testImage(10_000, 1000, 9)
	dir := t.TempDir()
	own, slot := at(f, filepath.Join(dir, "own")), at(f, filepath.Join(dir, "slot"))
	slot.ReadOnly = true
	write(t, slot.Path, data[:6000])
	s := testStore(t)
	r := mustAdd(t, s, own)
	if _, done, err := s.Add(slot); err != nil || len(done) != 6 {
		t.Errorf("%d units were taken from the slot, it has six: %v", len(done), err)
	}
	for _, u := range s.Missing(r) {
		putBlock(t, s, chunk(&f, data, u))
	}
	holds(t, own.Path, data)
	holds(t, slot.Path, data[:6000])
}

func TestDamageIsMetOnceForAllOwners(t *testing.T) {
	data, f := testImage(10_000, 1000, 10)
	dir := t.TempDir()
	var lost atomic.Int32
	s := New(Options{Lost: func(*Replica, int) { lost.Add(1) }})
	t.Cleanup(s.Close)
	write(t, filepath.Join(dir, "1"), data)
	for _, name := range []string{"1", "2", "3"} {
		mustAdd(t, s, at(f, filepath.Join(dir, name)))
	}
	w, err := os.OpenFile(filepath.Join(dir, "2"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.WriteAt([]byte("flash decays"), 4000)
	w.Close()
	for range 3 {
		if _, err := s.Get(context.Background(), LeafCID(f.Blocks[4])); err == nil {
			t.Error("a damaged block is served")
		}
	}
	if lost.Load() != 1 {
		t.Errorf("the damage is reported %d times", lost.Load())
	}
	putBlock(t, s, chunk(&f, data, 4))
	for _, name := range []string{"1", "2", "3"} {
		holds(t, filepath.Join(dir, name), data)
	}
}

// Owners come and go side by side, and a writer fills in blocks: what is left is
// right, whatever the order.
func TestOwnersComeAndGoAtOnce(t *testing.T) {
	data, f := testImage(64_000, 1000, 11)
	dir := t.TempDir()
	s := testStore(t)
	stays := at(f, filepath.Join(dir, "stays"))
	var all sync.WaitGroup
	for k := range 4 {
		own := at(f, filepath.Join(dir, string(rune('a'+k))))
		own.ReadOnly = k == 3
		if own.ReadOnly {
			write(t, own.Path, data[:32_000])
		}
		all.Go(func() {
			for range 20 {
				if _, _, err := s.Add(own); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Remove(own.Root, own.Path); err != nil {
					t.Error(err)
					return
				}
				if !own.ReadOnly {
					_ = os.Remove(own.Path)
				}
			}
		})
	}
	all.Go(func() {
		for i := range f.Blocks {
			_ = s.Put(context.Background(), blocks.NewBlock(chunk(&f, data, i))) // ErrUnlisted while nobody owns it
			if i == 32 {
				if _, _, err := s.Add(stays); err != nil {
					t.Error(err)
				}
			}
		}
	})
	all.Wait()
	r, err := s.Find(f.Root)
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Blocks {
		putBlock(t, s, chunk(&f, data, i))
	}
	if held, n, complete := s.Status(r); held != 64 || n != f.Size || !complete {
		t.Errorf("%d blocks, %d bytes, %v", held, n, complete)
	}
	holds(t, stays.Path, data)
	remove(t, s, stays)
	if s.Blocks() != 0 || len(s.paths) != 0 || len(s.adding) != 0 {
		t.Errorf("%d blocks, %d paths and %d Adds are left", s.Blocks(), len(s.paths), len(s.adding))
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("files were left behind: %v", entries)
	}
}

// What cannot be linked or created says why, and changes nothing.
func TestFurtherOwnerThatCannotBe(t *testing.T) {
	data, f := testImage(3000, 1000, 12)
	dir := t.TempDir()
	first := at(f, filepath.Join(dir, "1"))
	write(t, first.Path, data)
	s := testStore(t)
	r := mustAdd(t, s, first)
	if _, _, err := s.Add(at(f, filepath.Join(dir, "no/such/directory"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing directory: %v", err)
	}
	if _, _, err := s.Add(at(f, dir)); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory in the place of a file: %v", err)
	}
	if _, _, all := s.Status(r); !all || len(r.owners) != 1 || len(s.paths) != 1 {
		t.Errorf("complete %v, %d owners, %d paths", all, len(r.owners), len(s.paths))
	}
}
