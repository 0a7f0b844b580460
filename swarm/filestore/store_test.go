package filestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
)

// testImage makes random bytes and their description.
func testImage(size, blockSize int, seed uint64) ([]byte, File) {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	data := make([]byte, size)
	r.Read(data)
	return data, describe(data, blockSize)
}

func describe(data []byte, blockSize int) File {
	f := File{Size: int64(len(data)), BlockSize: blockSize}
	for off := 0; off < len(data); off += blockSize {
		f.Blocks = append(f.Blocks, sha256.Sum256(data[off:min(off+blockSize, len(data))]))
	}
	h := sha256.New()
	for _, b := range f.Blocks {
		h.Write(b[:])
	}
	f.Root = LeafCID([32]byte(h.Sum(nil)))
	return f
}

func testStore(t *testing.T) *Store {
	s := New(Options{})
	t.Cleanup(s.Close)
	return s
}

func mustAdd(t *testing.T, s *Store, f File) *Replica {
	t.Helper()
	sf, _, err := s.Add(f)
	if err != nil {
		t.Fatal(err)
	}
	return sf
}

func putBlock(t *testing.T, s *Store, data []byte) {
	t.Helper()
	if err := s.Put(context.Background(), blocks.NewBlock(data)); err != nil {
		t.Fatal(err)
	}
}

// chunk returns block i of data.
func chunk(f *File, data []byte, i int) []byte {
	off := i * f.BlockSize
	return data[off:min(off+f.BlockSize, len(data))]
}

func TestStoreKeepsTheImageOnceInItsFile(t *testing.T) {
	data, f := testImage(10*1000+17, 1000, 1)
	f.Path = filepath.Join(t.TempDir(), "image")
	s := testStore(t)
	sf := mustAdd(t, s, f)
	if st, err := os.Stat(f.Path); err != nil || st.Size() != f.Size || st.Mode().Perm() != 0o600 {
		t.Fatalf("new file: %v, %v", st, err)
	}
	ctx := context.Background()
	for _, i := range []int{10, 3, 0, 7, 1, 2, 4, 5, 6, 8, 9} {
		c := LeafCID(f.Blocks[i])
		if ok, _ := s.Has(ctx, c); ok {
			t.Fatalf("has block %d before it was put", i)
		}
		if _, err := s.GetSize(ctx, c); !ipld.IsNotFound(err) {
			t.Fatalf("size of an absent block: %v", err)
		}
		putBlock(t, s, chunk(&f, data, i))
		b, err := s.Get(ctx, c)
		if err != nil || !bytes.Equal(b.RawData(), chunk(&f, data, i)) || b.Cid() != c {
			t.Fatalf("block %d comes back as %v, %v", i, b, err)
		}
		if n, err := s.GetSize(ctx, c); err != nil || n != len(chunk(&f, data, i)) {
			t.Fatalf("size of block %d: %d, %v", i, n, err)
		}
	}
	if have, n, all := s.Status(sf); have != 11 || n != f.Size || !all {
		t.Errorf("status %d blocks, %d bytes, %v", have, n, all)
	}
	if err := s.Sync(sf); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, data) {
		t.Error("the file is not the image")
	}
}

// want_for_unlisted_block, on the storing side
func TestThreatWantForUnlistedBlock_Store(t *testing.T) {
	_, f := testImage(5000, 1000, 1)
	f.Path = filepath.Join(t.TempDir(), "image")
	s := testStore(t)
	mustAdd(t, s, f)
	if err := s.Put(context.Background(), blocks.NewBlock([]byte("free storage?"))); !errors.Is(err, ErrUnlisted) {
		t.Errorf("Put of an unlisted block: %v", err)
	}
	lie, _ := blocks.NewBlockWithCid([]byte("other bytes"), LeafCID(f.Blocks[0]))
	if err := s.Put(context.Background(), lie); !errors.Is(err, blocks.ErrWrongHash) {
		t.Errorf("Put of bytes under another's CID: %v", err)
	}
}

// crash_anywhere: there is no state but the bytes themselves.
func TestReopeningFindsWhatReallyReachedTheDisk(t *testing.T) {
	data, f := testImage(64*1024*3+5, 64<<10, 2)
	dir := t.TempDir()
	f.Path = filepath.Join(dir, "image")
	s := testStore(t)
	mustAdd(t, s, f)
	putBlock(t, s, chunk(&f, data, 0))
	putBlock(t, s, chunk(&f, data, 2))
	putBlock(t, s, chunk(&f, data, 3))
	s.Close()
	// The power cut tore the write of block 2.
	w, err := os.OpenFile(f.Path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.WriteAt(make([]byte, 100), 2*64<<10+500)
	w.Close()

	s = testStore(t)
	sf := mustAdd(t, s, f)
	held, _ := s.Held(sf)
	if !held.Has(0) || held.Has(1) || held.Has(2) || !held.Has(3) {
		t.Errorf("after the crash it believes to hold %b, right are blocks 0 and 3", held)
	}
	putBlock(t, s, chunk(&f, data, 1))
	putBlock(t, s, chunk(&f, data, 2))
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, data) {
		t.Error("the resumed file is not the image")
	}
}

// IMG.EXTRA: data appended after the image
func TestLongerFileIsCut(t *testing.T) {
	data, f := testImage(2500, 1000, 3)
	f.Path = filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(f.Path, append(bytes.Clone(data), "appended"...), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testStore(t)
	sf := mustAdd(t, s, f)
	if _, _, all := s.Status(sf); !all {
		t.Error("not complete")
	}
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, data) {
		t.Errorf("file has %d bytes, the image %d", len(got), len(data))
	}
}

func TestThreatPoisonedPeer_OwnDisk(t *testing.T) {
	data, f := testImage(4000, 1000, 4)
	f.Path = filepath.Join(t.TempDir(), "image")
	os.WriteFile(f.Path, data, 0o600)
	var lost []int
	s := New(Options{Lost: func(_ *Replica, u int) { lost = append(lost, u) }})
	t.Cleanup(s.Close)
	sf := mustAdd(t, s, f)
	w, _ := os.OpenFile(f.Path, os.O_WRONLY, 0)
	w.WriteAt([]byte{data[2100] ^ 1}, 2100)
	w.Close()
	if b, err := s.Get(context.Background(), LeafCID(f.Blocks[2])); !ipld.IsNotFound(err) {
		t.Fatalf("a flipped bit was served: %v, %v", b, err)
	}
	if _, _, all := s.Status(sf); all || len(lost) != 1 || lost[0] != 2 {
		t.Errorf("complete %v, reported lost %v", all, lost)
	}
	putBlock(t, s, chunk(&f, data, 2))
	if _, err := s.Get(context.Background(), LeafCID(f.Blocks[2])); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

func TestEqualBlocksAreWrittenToEveryPlace(t *testing.T) {
	a, b := bytes.Repeat([]byte("a"), 1000), bytes.Repeat([]byte("b"), 1000)
	zero := make([]byte, 1000)
	data := bytes.Join([][]byte{a, b, a, zero, a, zero, b[:300]}, nil)
	f := describe(data, 1000)
	f.Path = filepath.Join(t.TempDir(), "image")
	s := testStore(t)
	sf := mustAdd(t, s, f)
	if got := s.Missing(sf); len(got) != 3 { // a, b and the short b: zeros are there already
		t.Fatalf("%d distinct blocks are missing, want 3: %v", len(got), got)
	}
	putBlock(t, s, a)
	if held, _ := s.Held(sf); !held.Has(0) || !held.Has(2) || !held.Has(4) || held.Has(1) {
		t.Errorf("held %b after the block of places 0, 2 and 4", held)
	}
	putBlock(t, s, b)
	putBlock(t, s, b[:300])
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, data) {
		t.Error("the file is not the image")
	}
	// One damaged place is repaired from another, without a fetch.
	w, _ := os.OpenFile(f.Path, os.O_WRONLY, 0)
	w.WriteAt([]byte("x"), 0)
	w.Close()
	if _, err := s.Get(context.Background(), LeafCID(f.Blocks[0])); err != nil {
		t.Errorf("one of three places is damaged, and the block is gone: %v", err)
	}
	s.TakeOver(sf)
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, data) {
		t.Error("the damaged place was not repaired")
	}
}

func TestBlocksOfThePreviousReleaseAreTakenOver(t *testing.T) {
	data, f1 := testImage(10_000, 1000, 5)
	next := bytes.Clone(data)
	next[4500]++ // one block differs
	f2 := describe(next, 1000)
	dir := t.TempDir()
	f1.Path, f2.Path = filepath.Join(dir, "1"), filepath.Join(dir, "2")
	os.WriteFile(f1.Path, data, 0o600)
	s := testStore(t)
	mustAdd(t, s, f1)
	sf := mustAdd(t, s, f2)
	if got := s.Missing(sf); len(got) != 1 || got[0] != 4 {
		t.Errorf("missing %v, only block 4 is new", got)
	}
	// Removing one file leaves the blocks of the other.
	remove(t, s, f1)
	if ok, _ := s.Has(context.Background(), LeafCID(f2.Blocks[0])); !ok {
		t.Error("a block of the second file went with the first")
	}
	if ok, _ := s.Has(context.Background(), LeafCID(f1.Blocks[4])); ok {
		t.Error("a block of the removed file is still there")
	}
}

func TestReadOnlyFileIsServedAndNeverWritten(t *testing.T) {
	data, f := testImage(3500, 1000, 6)
	f.Path, f.ReadOnly = filepath.Join(t.TempDir(), "slot"), true
	s := testStore(t)
	if _, _, err := s.Add(f); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a read-only file was created: %v", err)
	}
	old := append(bytes.Clone(data[:2000]), "something else"...)
	os.WriteFile(f.Path, old, 0o400)
	sf := mustAdd(t, s, f)
	if held, _ := s.Held(sf); held.Count() != 2 {
		t.Errorf("holds %d blocks of a file with two right ones", held.Count())
	}
	putBlock(t, s, chunk(&f, data, 2))
	if got, _ := os.ReadFile(f.Path); !bytes.Equal(got, old) {
		t.Error("the read-only file changed")
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	_, good := testImage(2500, 1000, 7)
	good.Path = filepath.Join(t.TempDir(), "image")
	extra := blocks.NewBlock([]byte("node"))
	wrong, _ := blocks.NewBlockWithCid([]byte("other"), extra.Cid())
	for name, edit := range map[string]func(*File){
		"no root":           func(f *File) { f.Root = cid.Undef },
		"block size 0":      func(f *File) { f.BlockSize = 0 },
		"huge blocks":       func(f *File) { f.BlockSize = MaxBlockBytes + 1 },
		"empty":             func(f *File) { f.Size, f.Blocks = 0, nil },
		"size too small":    func(f *File) { f.Size = 2000 },
		"size too large":    func(f *File) { f.Size = 3001 },
		"negative size":     func(f *File) { f.Size = -1 },
		"no path":           func(f *File) { f.Path = "" },
		"too many blocks":   func(f *File) { f.Blocks = make([][32]byte, MaxBlocks+1); f.Size = int64(MaxBlocks+1) * 1000 },
		"wrong extra":       func(f *File) { f.Extra = []blocks.Block{wrong} },
		"short equal block": func(f *File) { f.Blocks = [][32]byte{f.Blocks[0], f.Blocks[1], f.Blocks[0]} },
	} {
		f := good
		edit(&f)
		if _, _, err := testStore(t).Add(f); !errors.Is(err, ErrBadFile) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(good.Path); err == nil {
			t.Errorf("%s: a file was made", name)
		}
	}
	s := testStore(t)
	good.Extra = []blocks.Block{extra}
	mustAdd(t, s, good)
	if b, err := s.Get(context.Background(), extra.Cid()); err != nil || string(b.RawData()) != "node" {
		t.Errorf("extra block: %v, %v", b, err)
	}
}

// disk_full
func TestFullDiskIsAClearError(t *testing.T) {
	_, f := testImage(300_000, 1000, 8)
	f.Path = "x"
	r, err := newReplica(&f)
	if err != nil {
		t.Fatal(err)
	}
	const path = "/var/lib/images/x"
	err = writeError(r, path, 290_000, &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC})
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v is not ErrNoSpace", err)
	}
	for _, part := range []string{"290000", "/var/lib/images"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not name %q: %v", part, err)
		}
	}
	err = writeError(r, path, 290_000, &os.PathError{Op: "write", Path: path, Err: syscall.EROFS})
	if errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-only: remount it writable or replace the storage") {
		t.Errorf("a read-only file system: %v", err)
	}
}

func TestAllKeysAreThoseHeld(t *testing.T) {
	data, f := testImage(3000, 1000, 10)
	f.Path = filepath.Join(t.TempDir(), "image")
	s := testStore(t)
	mustAdd(t, s, f)
	putBlock(t, s, chunk(&f, data, 1))
	keys, err := s.AllKeysChan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []cid.Cid
	for c := range keys {
		got = append(got, c)
	}
	if len(got) != 1 || got[0] != LeafCID(sha256.Sum256(chunk(&f, data, 1))) {
		t.Errorf("keys %v", got)
	}
}

// A whole file is held open for reading alone, so that an installer can tell that
// nobody may change it; one with damage is opened for writing until it is mended.
func TestWholeFileHasNoWriter(t *testing.T) {
	data, f := testImage(10_000, 1000, 30)
	f.Path = filepath.Join(t.TempDir(), "image")
	writers := 0
	s := New(Options{Open: func(path string, flag int, perm fs.FileMode) (Handle, error) {
		h, err := os.OpenFile(path, flag, perm)
		if err == nil && flag&os.O_RDWR != 0 {
			writers++
			return countedHandle{h, &writers}, nil
		}
		return h, err
	}})
	r := mustAdd(t, s, f)
	for i := range 9 {
		putBlock(t, s, chunk(&f, data, i))
	}
	if writers != 1 {
		t.Errorf("%d writers of a file that lacks a block", writers)
	}
	putBlock(t, s, chunk(&f, data, 9))
	if writers != 0 {
		t.Errorf("%d writers of a whole file", writers)
	}
	if err := s.Sync(r); err != nil {
		t.Error(err)
	}
	rotten := bytes.Clone(data)
	rotten[4321]++
	fatal(t, os.WriteFile(f.Path, rotten, 0o600))
	if _, err := s.Get(t.Context(), LeafCID(f.Blocks[4])); err == nil {
		t.Fatal("a damaged block was read")
	}
	putBlock(t, s, chunk(&f, data, 4))
	holds(t, f.Path, data)
	s.Close()
	if writers != 0 {
		t.Errorf("%d writers after it was mended and closed", writers)
	}
}

type countedHandle struct {
	Handle
	writers *int
}

func (h countedHandle) Close() error { *h.writers--; return h.Handle.Close() }

// Another file stands under the name by the time when a block is written: it is
// left alone, and the caller is told to add it anew.
func TestReplacedFileIsNotWrittenTo(t *testing.T) {
	data, f := testImage(10_000, 1000, 31)
	f.Path = filepath.Join(t.TempDir(), "image")
	fatal(t, os.WriteFile(f.Path, data[:9000], 0o600))
	s := testStore(t)
	fatal(t, os.Truncate(f.Path, 10_000))
	mustAdd(t, s, f)
	other := filepath.Join(t.TempDir(), "other")
	fatal(t, os.WriteFile(other, []byte("mine"), 0o600), os.Rename(other, f.Path))
	if err := s.Put(t.Context(), blocks.NewBlock(chunk(&f, data, 9))); !errors.Is(err, ErrReplaced) {
		t.Errorf("into a file that was replaced: %v", err)
	}
	holds(t, f.Path, []byte("mine"))
	remove(t, s, f)
	r := mustAdd(t, s, f)
	for i := range f.Blocks {
		putBlock(t, s, chunk(&f, data, i))
	}
	if _, _, all := s.Status(r); !all {
		t.Error("not whole after it was added anew")
	}
	holds(t, f.Path, data)
}

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
