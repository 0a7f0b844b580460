package install

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"camswarm/gc"
)

// disk_full, in the slot: the error names the bytes, nothing is worn or lost, it is
// not counted as a failed install, and room is all that it takes.
func TestThreatDiskFull_Slot(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a full disk", err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	f := &FileInstaller{Dir: filepath.Join(disk, "slot")}
	one, two := verifiedImage(t, 1, firmwareBytes(1, 400_000)), verifiedImage(t, 2, firmwareBytes(2, 400_000))
	fatal(t, f.Install(t.Context(), one))
	wantOutcome(t, f, one, Confirmed)
	for _, left := range []int{0, 4096, 200_000} {
		filler := filepath.Join(disk, "recording")
		free, err := gc.Free(disk)
		fatal(t, err, os.WriteFile(filler, make([]byte, int(free)-left), 0o600))
		err = f.Install(t.Context(), two)
		if !errors.Is(err, ErrTryLater) || !gc.IsFull(err) || !strings.Contains(err.Error(), "the slot needs 400000 more bytes in "+disk) {
			t.Errorf("with %d bytes free: %v", left, err)
		}
		wantSlot(t, f, 1, 0, true)
		fatal(t, os.Remove(filler))
	}
	fatal(t, f.Install(t.Context(), two))
	wantOutcome(t, f, two, Confirmed)
}
