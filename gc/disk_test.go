package gc

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestUsageCountsAllocatedBytes(t *testing.T) {
	dir := t.TempDir()
	empty := usage(t, dir)
	must(t, os.WriteFile(filepath.Join(dir, "byte"), []byte{1}, 0o600))
	one := usage(t, dir) - empty
	if one < 512 {
		t.Errorf("a file of one byte costs %d bytes, less than a block", one)
	}
	must(t, os.Link(filepath.Join(dir, "byte"), filepath.Join(dir, "link")))
	if got := usage(t, dir) - empty; got != one {
		t.Errorf("two names of one file cost %d bytes, one costs %d", got, one)
	}
	f, err := os.Create(filepath.Join(dir, "hole"))
	must(t, err)
	must(t, f.Truncate(64<<20), f.Close())
	if got := usage(t, dir) - empty; got >= 1<<20 {
		t.Errorf("a hole of 64 MiB is counted as %d bytes", got)
	}
	must(t, os.Symlink("/", filepath.Join(dir, "elsewhere")))
	if got := usage(t, dir) - empty; got >= 1<<20 {
		t.Errorf("a symbolic link was followed: %d bytes", got)
	}
	if got := usage(t, filepath.Join(dir, "nothing")); got != 0 {
		t.Errorf("what does not exist costs %d bytes", got)
	}
}

// Releases with the same image name one file: each takes all of it, together they
// take it once, and its bytes return with the last of them.
func TestSharedBytesReturnWithTheirLastName(t *testing.T) {
	d := deviceWith(t, state{Running: 3, Confirmed: true}, 1)
	for _, seq := range []uint64{2, 3} {
		must(t, os.MkdirAll(d.dir(seq), 0o700), os.Link(d.image(1), d.image(seq)))
	}
	one, shared, err := Measure(d.dir(1))
	must(t, err)
	if len(shared) != 1 || shared[0].Names != 3 || shared[0].Here != 1 || one < small || shared[0].Bytes > one {
		t.Fatalf("%d bytes, shared %+v", one, shared)
	}
	if all, beyond, err := Measure(d.releases()); err != nil || all > one+32<<10 || len(beyond) != 0 {
		t.Errorf("together they take %d bytes, one takes %d; named outside: %+v, %v", all, one, beyond, err)
	}
	reg := prometheus.NewRegistry()
	c := New(d, Policy{QuotaBytes: small + 64<<10}, Options{Registerer: reg})
	plan, err := c.Collect(t.Context(), Need{})
	must(t, err)
	if after := usage(t, d.releases()); plan.BytesBefore > small+64<<10 || plan.FreeAfter-plan.FreeBefore > 64<<10 || after < small {
		t.Errorf("before %d bytes, after %d; the disk gets %d, of which the image is none", plan.BytesBefore, plan.BytesAfter, plan.FreeAfter-plan.FreeBefore)
	}
	must(t, d.save(state{}))
	if plan, err = c.Collect(t.Context(), Need{}); err != nil || plan.FreeAfter-plan.FreeBefore < small || plan.BytesAfter != 0 {
		t.Errorf("the last owner: %+v, %v", plan, err)
	}
	if got := counter(t, reg, "camswarm_gc_freed_bytes_total"); got < small || got > small+64<<10 {
		t.Errorf("counted %v freed bytes", got)
	}
}

func TestRemoveTwiceAndBesideLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "7")
	must(t, os.MkdirAll(path, 0o700), os.WriteFile(filepath.Join(path, "image"), make([]byte, 1<<20), 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, trashPrefix+"7-0", "sub"), 0o700)) // left by a crash
	must(t, Remove(path), Remove(path))
	left, err := readDir(dir)
	must(t, err)
	if len(left) != 1 || left[0].Name() != trashPrefix+"7-0" {
		t.Errorf("left %v, want only the former leftover", left)
	}
	t.Chdir(dir)
	must(t, os.Mkdir("8", 0o700), Remove("8"))
	if _, err := os.Lstat("8"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name without a directory: %v", err)
	}
}

func TestSweepClearsLeftoversAndStraysOnly(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"p1/1", "p1/2", "p1/" + trashPrefix + "3-0/sub", trashPrefix + "p2-0/5", "p1/notes", "p3/4"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o700), os.WriteFile(filepath.Join(root, dir, "image"), []byte("x"), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(root, "README"), nil, 0o600), os.WriteFile(filepath.Join(root, "p1", "9"), nil, 0o600))
	must(t, Sweep(root, func(dir string) bool { return dir == filepath.Join(root, "p1", "2") }))
	var left []string
	for _, pattern := range []string{"*", ".*", "*/*", "*/.*"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		must(t, err)
		for _, name := range names {
			rel, err := filepath.Rel(root, name)
			must(t, err)
			left = append(left, rel)
		}
	}
	slices.Sort(left)
	want := []string{"README", "p1", "p1/2", "p1/9", "p1/notes", "p3"}
	if !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
	must(t, Sweep(filepath.Join(root, "nowhere"), nil))
}

func TestReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	r := NewReserve(path, 1<<20)
	must(t, r.Hold())
	if held, err := r.Held(); err != nil || held < 1<<20 {
		t.Fatalf("holds %d allocated bytes (%v), want at least 1 MiB", held, err)
	}
	if probe, err := os.Create(path + "-probe"); err == nil && Allocate(probe, 1) == nil {
		if data, err := os.ReadFile(path); err != nil || len(bytes.Trim(data, "\x00")) > 0 {
			t.Errorf("flash is worn by a reserve that needs no writing: %v", err)
		}
	}
	before, err := os.Stat(path)
	must(t, err, r.Hold())
	after, err := os.Stat(path)
	must(t, err)
	if !after.ModTime().Equal(before.ModTime()) {
		t.Error("a reserve that is held already was written again")
	}
	if before.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", before.Mode())
	}
	must(t, r.Release(), r.Release())
	if got := usage(t, path); got != 0 {
		t.Errorf("%d bytes are still allocated", got)
	}

	must(t, r.Hold(), NewReserve(path, 64<<10).Hold())
	if got := usage(t, path); got < 64<<10 || got >= 1<<20 {
		t.Errorf("a reserve made smaller holds %d bytes", got)
	}
	must(t, NewReserve(path, 0).Hold())
	if got := usage(t, path); got != 0 {
		t.Errorf("a reserve of size 0 holds %d bytes", got)
	}
	var none *Reserve
	if held, err := none.Held(); held != 0 || err != nil {
		t.Error("no reserve holds something")
	}
	must(t, none.Hold(), none.Release())
}

// A link in the reserve's place leads no write astray: it is an error, and what it
// points at keeps its bytes.
func TestReserveFollowsNoLink(t *testing.T) {
	path, other := filepath.Join(t.TempDir(), "reserve"), filepath.Join(t.TempDir(), "other")
	must(t, os.WriteFile(other, []byte("mine"), 0o600), os.Symlink(other, path))
	if err := NewReserve(path, 64<<10).Hold(); err == nil || errors.Is(err, ErrNoSpace) {
		t.Errorf("a link was followed, or taken for want of space: %v", err)
	}
	if data, err := os.ReadFile(other); err != nil || string(data) != "mine" {
		t.Errorf("holds %q, %v", data, err)
	}
}

// Where the file system cannot allocate without writing, the reserve is written
// with bytes that take their space even if the file system compresses.
func TestReserveNoiseDoesNotRepeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	f, err := os.Create(path)
	must(t, err)
	const size = 200<<10 + 17
	must(t, writeNoise(f, size), f.Close())
	data, err := os.ReadFile(path)
	must(t, err)
	if len(data) != size {
		t.Fatalf("wrote %d bytes, want %d", len(data), size)
	}
	seen := map[[16]byte]bool{}
	for b := range slices.Chunk(data[:200<<10], 16) {
		if key := [16]byte(b); seen[key] {
			t.Fatal("the noise repeats itself")
		} else {
			seen[key] = true
		}
	}
}
