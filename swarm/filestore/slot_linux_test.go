package filestore

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	blocks "github.com/ipfs/go-block-format"
)

// loopDevice is a block device of so many bytes.
func loopDevice(t *testing.T, size int64) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "device")
	write(t, image, nil)
	fatal(t, os.Truncate(image, size))
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", image).CombinedOutput()
	device := strings.TrimSpace(string(out))
	if err != nil || !strings.HasPrefix(device, "/dev/loop") {
		t.Skipf("SKIPPED: no loop device here; run as root with losetup: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("detach %s: %v %s", device, err, out)
		}
	})
	return device
}

func TestSlotOnABlockDevice(t *testing.T) {
	data, f := testImage(200_000, 32<<10, 25)
	f.Slot, f.Path = true, loopDevice(t, 1<<20)
	s := testStore(t)
	r := mustAdd(t, s, f)
	for i := range f.Blocks {
		putBlock(t, s, chunk(&f, data, i))
	}
	fatal(t, s.Sync(r))
	remove(t, s, f)
	if again := mustAdd(t, s, f); len(s.Missing(again)) != 0 {
		t.Errorf("%d units are missing on the device", len(s.Missing(again)))
	}
	long, l := testImage(1<<20+1, 32<<10, 26)
	l.Slot, l.Path = true, f.Path
	s2 := testStore(t)
	if _, _, err := s2.Add(l); !errors.Is(err, ErrBadFile) {
		t.Errorf("an image of %d bytes on a device of 1 MiB: %v", len(long), err)
	}
}

// A device that somebody has mounted is not written, whatever it was when the fetch
// began.
func TestThreatImgReplace_MountedSlot(t *testing.T) {
	data, f := testImage(200_000, 32<<10, 27)
	f.Slot, f.Path = true, loopDevice(t, 4<<20)
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", f.Path).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: no mkfs.ext4: %v %s", err, out)
	}
	s := testStore(t)
	mustAdd(t, s, f)
	dir := t.TempDir()
	if err := syscall.Mount(f.Path, dir, "ext4", syscall.MS_RDONLY, ""); err != nil {
		t.Skip("SKIPPED: nothing can be mounted here:", err)
	}
	defer func() { fatal(t, syscall.Unmount(dir, 0)) }()
	before := make([]byte, f.Size)
	device, err := os.Open(f.Path)
	fatal(t, err)
	defer func() { _ = device.Close() }()
	_, err = device.ReadAt(before, 0)
	fatal(t, err)
	if err := s.Put(context.Background(), blocks.NewBlock(chunk(&f, data, 0))); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("a mounted device: %v", err)
	}
	after := make([]byte, f.Size)
	_, err = device.ReadAt(after, 0)
	fatal(t, err)
	if string(before) != string(after) {
		t.Error("a mounted device was written")
	}
}
