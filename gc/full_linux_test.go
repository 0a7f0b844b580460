package gc

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// disk_full: on a really full file system metadata cannot be written, the error
// says so, and a collection still runs because it can give up the reserve; the
// bytes come back and the reserve is held again.
func TestThreatDiskFull(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a full disk", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(root, 0)) })

	const image, reserved = 4 << 20, 1 << 20
	d := newDevice(root)
	r := NewReserve(filepath.Join(root, "reserve"), reserved)
	c := New(d, Policy{ReserveBytes: reserved}, Options{Reserve: r})
	must(t, d.save(state{Running: 2, Confirmed: true}), d.fetch(1, image), d.fetch(2, image), r.Hold())

	// The rest of the disk is somebody else's recording.
	filler, err := os.Create(filepath.Join(root, "recording"))
	must(t, err)
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !IsFull(err) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	must(t, filler.Close())
	if err := d.save(state{Running: 2, Confirmed: true, Wanted: 3}); !IsFull(err) {
		t.Fatalf("a full disk took metadata (error %v): the test proves nothing", err)
	}

	// A fetch that cannot fit is refused before it writes.
	plan, err := c.Plan(t.Context(), Need{Product: cam, Sequence: 3, Bytes: 2 * image})
	must(t, err)
	if !errors.Is(plan.Err(), ErrNoSpace) {
		t.Errorf("a need of %d bytes is said to fit: %+v", 2*image, plan)
	}

	_, err = c.Collect(t.Context(), Need{Product: cam, Sequence: 3, Bytes: image - reserved})
	must(t, err)
	if got := d.sequences(t); !slices.Equal(got, []uint64{2}) {
		t.Errorf("left %v, want 2", got)
	}
	got, err := os.ReadFile(d.image(2))
	must(t, err)
	if !bytes.Equal(got, imageBytes(2, image)) {
		t.Error("the running image is damaged")
	}
	if free, err := Free(root); err != nil || free < image-reserved {
		t.Errorf("%d bytes are free (%v), want most of an image", free, err)
	}
	if held, err := r.Held(); err != nil || held < reserved {
		t.Errorf("the reserve holds %d bytes after there was room again (%v)", held, err)
	}
	must(t, d.save(state{Running: 2, Confirmed: true, Wanted: 3}))
}

// disk_full: a reserve that the file system refuses is want of space, and no file of
// it is left. On one that cannot allocate (ramfs), it is written.
func TestThreatDiskFull_Reserve(t *testing.T) {
	mount := func(kind, options string) string {
		root := t.TempDir()
		if err := syscall.Mount(kind, root, kind, 0, options); err != nil {
			t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a full disk", err)
		}
		t.Cleanup(func() { must(t, syscall.Unmount(root, 0)) })
		return root
	}
	small := NewReserve(filepath.Join(mount("tmpfs", "size=1m"), "reserve"), 2<<20)
	if err := small.allocate(); !IsFull(err) {
		t.Errorf("more than the file system has is allocated: %v", err)
	}
	must(t, small.release())
	if err := NewReserve(filepath.Join(mount("tmpfs", "size=4m,nr_inodes=1"), "reserve"), 4096).Hold(); !errors.Is(err, ErrNoSpace) {
		t.Errorf("no inode is free: %v", err)
	}
	written := NewReserve(filepath.Join(mount("ramfs", ""), "reserve"), 100<<10)
	must(t, written.allocate())
	if data, err := os.ReadFile(written.path); err != nil || len(data) != 100<<10 || bytes.Count(data, []byte{0}) > 1<<10 {
		t.Errorf("%d bytes are written, of which %d are zero: %v", len(data), bytes.Count(data, []byte{0}), err)
	}
	if !IsFull(syscall.EDQUOT) || IsFull(syscall.EIO) {
		t.Error("a quota that is used up is want of space, a broken disk is not")
	}
}

// disk_full: with nothing to collect the reserve alone lets metadata through,
// and it is not taken back while that would fill the disk again.
func TestThreatDiskFull_NothingToCollect(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a full disk", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(root, 0)) })

	const reserved = 1 << 20
	d := newDevice(root)
	r := NewReserve(filepath.Join(root, "reserve"), reserved)
	c := New(d, Policy{ReserveBytes: reserved}, Options{Reserve: r})
	must(t, d.save(state{Running: 1}), d.fetch(1, 1<<20), r.Hold())
	filler, err := os.Create(filepath.Join(root, "recording"))
	must(t, err)
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	must(t, filler.Close())
	confirmed := state{Running: 1, Confirmed: true}
	if err := d.save(confirmed); !IsFull(err) {
		t.Fatalf("a full disk took metadata (error %v): the test proves nothing", err)
	}

	if _, err := c.Relieve(t.Context()); err != nil {
		t.Errorf("relief: %v", err)
	}
	must(t, d.save(confirmed))
	if held, err := r.Held(); held != 0 || err != nil {
		t.Errorf("the reserve took %d bytes back from a full disk (%v)", held, err)
	}

	must(t, os.Remove(filepath.Join(root, "recording")))
	if _, err := c.Collect(t.Context(), Need{}); err != nil {
		t.Error(err)
	}
	if held, err := r.Held(); err != nil || held < reserved {
		t.Errorf("the reserve holds %d bytes once there is room (%v)", held, err)
	}
	if got := d.sequences(t); !slices.Equal(got, []uint64{1}) {
		t.Errorf("left %v", got)
	}
}
