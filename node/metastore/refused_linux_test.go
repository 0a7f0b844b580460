package metastore

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
)

// smallDisk mounts a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a file system that refuses writes", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// inChild runs a part of a test in a process of its own, so that a fault (SIGBUS)
// ends that one and is told from an error.
func inChild(t *testing.T, part, disk string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRefusedWritesChild$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(append(os.Environ(), "REFUSED_CHILD_PART="+part, "REFUSED_CHILD_DISK="+disk), env...)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("the process ended with %v:\n%s", err, out)
	}
}

func TestRefusedWritesChild(t *testing.T) {
	disk := os.Getenv("REFUSED_CHILD_DISK")
	switch os.Getenv("REFUSED_CHILD_PART") {
	case "full":
		writeOnAFullDisk(t, disk)
	case "read-only":
		writeOnAReadOnlyDisk(t, disk)
	default:
		t.Skip("runs only as the child of another test")
	}
}

// A store on a completely full file system returns errors that say so, keeps what
// it acknowledged readable, closes, and goes on when there is room, without being
// opened again. It never faults.
func TestThreatDiskFull_Store(t *testing.T) { inChild(t, "full", smallDisk(t, "16m")) }

// A disk that is full when the node starts is no damage: however often it starts,
// nothing is set aside, and what was kept is there when there is room again.
func TestThreatDiskFull_StoreAtStart(t *testing.T) {
	for _, b := range []backend{own, level} {
		t.Run(b.name, func(t *testing.T) {
			disk := smallDisk(t, "16m")
			dir := filepath.Join(disk, "meta")
			s, _, err := openOrRebuild(dir, quiet(), b)
			fatal(t, err)
			fatal(t, s.Namespace("x").Put(t.Context(), crashKey(1), crashValue(1)))
			fatal(t, s.Close())
			filler, err := os.Create(filepath.Join(disk, "recording"))
			fatal(t, err)
			for err == nil {
				_, err = filler.Write(make([]byte, 4096))
			}
			fatal(t, filler.Close())
			for range maxOpenings + 2 {
				if s, rebuilt, err := openOrRebuild(dir, quiet(), b); !errors.Is(err, syscall.ENOSPC) || rebuilt != nil || s != nil {
					t.Fatalf("on a full disk: %v, rebuilt for %v", err, rebuilt)
				}
			}
			fatal(t, os.Remove(filler.Name()))
			s, rebuilt, err := openOrRebuild(dir, quiet(), b)
			fatal(t, err)
			if rebuilt != nil {
				t.Errorf("it was rebuilt: %v", rebuilt)
			}
			if v, err := s.Namespace("x").Get(t.Context(), crashKey(1)); err != nil || !bytes.Equal(v, crashValue(1)) {
				t.Errorf("what was kept is %q, %v", v, err)
			}
			fatal(t, s.Close())
		})
	}
}

func writeOnAFullDisk(t *testing.T, disk string) {
	dir := filepath.Join(disk, "meta")
	s, _, err := openOrRebuild(dir, quiet(), level)
	fatal(t, err)
	ns := s.Namespace("x")
	kept := 0
	put := func() error {
		err := ns.Put(t.Context(), crashKey(kept), crashValue(kept))
		if err == nil {
			kept++
		}
		return err
	}
	check := func(when string) {
		t.Helper()
		for i := range kept {
			if v, err := ns.Get(t.Context(), crashKey(i)); err != nil || !bytes.Equal(v, crashValue(i)) {
				t.Fatalf("%s: value %d of %d was acknowledged: %d bytes, %v", when, i, kept, len(v), err)
			}
		}
		results, err := ns.Query(t.Context(), query.Query{KeysOnly: true})
		fatal(t, err)
		if all, err := results.Rest(); err != nil || len(all) < kept {
			t.Fatalf("%s: a query lists %d of %d values, %v", when, len(all), kept, err)
		}
	}
	for range 50 {
		fatal(t, put())
	}
	for round := range 3 {
		filler, err := os.Create(filepath.Join(disk, "recording"))
		fatal(t, err)
		fill := func() {
			for size := 64 << 10; size > 0; { // to the last byte
				n, err := filler.Write(make([]byte, size))
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatal(err)
				}
				if n == 0 {
					size /= 2
				}
			}
		}
		fill()
		// Every part of the database meets the full disk: its log, tables and manifest.
		refused := 0
		for range 300 {
			if err = put(); err == nil {
				continue
			}
			refused++
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free some space") || errors.Is(err, ErrCorrupt) {
				t.Fatalf("round %d: a write on a full disk: %v", round, err)
			}
		}
		if refused == 0 {
			t.Fatalf("round %d: every write succeeded: the test proves nothing", round)
		}
		batch, err := ns.Batch(t.Context())
		fatal(t, err, batch.Put(t.Context(), datastore.NewKey("b"), crashValue(7)))
		if err := batch.Commit(t.Context()); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("a batch on a full disk: %v", err)
		}
		check("while the disk is full")
		if round == 1 { // the process ends and starts again with a full disk
			if err := s.Close(); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Close after a write that failed: %v", err)
			}
			fill() // whatever was removed meanwhile
			if _, rebuilt, err := openOrRebuild(dir, quiet(), level); !errors.Is(err, syscall.ENOSPC) || rebuilt != nil || errors.Is(err, ErrCorrupt) {
				t.Fatalf("opening on a full disk: %v, rebuilt: %v", err, rebuilt)
			}
		}
		fatal(t, filler.Close(), os.Remove(filler.Name()))
		if round == 1 {
			s, rebuilt, err := openOrRebuild(dir, quiet(), level)
			fatal(t, err, rebuilt)
			defer func() { fatal(t, s.Close()) }()
			ns = s.Namespace("x")
			check("after a start with room")
		} else {
			fatal(t, batch.Commit(t.Context()))
		}
		for range 200 {
			if err := put(); err != nil {
				t.Fatalf("round %d: there is room again: %v", round, err)
			}
		}
		check("with room again")
	}
}

// A store whose file system becomes read-only while it is open names that, keeps
// being read, and closes with the error at once: nothing tries for ever.
func TestReadOnlyFileSystemIsNamed(t *testing.T) {
	disk, fail := failingDisk(t)
	inChild(t, "read-only", disk, "REFUSED_CHILD_FAIL="+fail)
}

// failingDisk mounts an ext4 that becomes read-only, files open for writing or
// not, when something is written to the file fail, as after an error of the device.
func failingDisk(t *testing.T) (disk, fail string) {
	t.Helper()
	const skip = "SKIPPED: a file system that fails cannot be made here (%s: %v %s); run as root with loop devices, losetup and mkfs.ext4"
	image, disk := filepath.Join(t.TempDir(), "image"), t.TempDir()
	fatal(t, os.WriteFile(image, nil, 0o600), os.Truncate(image, 16<<20))
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Skipf(skip, "mkfs.ext4", err, out)
	}
	out, err := exec.CommandContext(t.Context(), "losetup", "--find", "--show", image).CombinedOutput()
	device := strings.TrimSpace(string(out))
	if err != nil || !strings.HasPrefix(device, "/dev/loop") {
		t.Skipf(skip, "losetup", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if err := syscall.Mount(device, disk, "ext4", 0, "errors=remount-ro"); err != nil {
		t.Skipf(skip, "mount", err, "")
	}
	t.Cleanup(func() { fatal(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	fail = filepath.Join("/sys/fs/ext4", filepath.Base(device), "trigger_fs_error")
	if info, err := os.Stat(fail); err != nil || info.Mode()&0o200 == 0 {
		t.Skipf(skip, fail, err, "")
	}
	return disk, fail
}

func writeOnAReadOnlyDisk(t *testing.T, disk string) {
	var lines bytes.Buffer
	dir := filepath.Join(disk, "meta")
	log := slog.New(slog.NewTextHandler(&lines, nil))
	s, _, err := openOrRebuild(dir, log, level)
	fatal(t, err)
	ns := s.Namespace("x")
	for i := range 50 {
		fatal(t, ns.Put(t.Context(), crashKey(i), crashValue(i)))
	}
	named := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "read-only: remount it writable or replace the storage") || strings.Contains(err.Error(), "space") {
			t.Errorf("%s on a read-only file system: %v", what, err)
		}
	}
	fatal(t, os.WriteFile(os.Getenv("REFUSED_CHILD_FAIL"), []byte("test"), 0o200))
	for range 3 {
		named("Put", ns.Put(t.Context(), crashKey(50), crashValue(50)))
		named("Delete", ns.Delete(t.Context(), crashKey(1)))
	}
	for i := range 50 {
		if v, err := ns.Get(t.Context(), crashKey(i)); err != nil || !bytes.Equal(v, crashValue(i)) {
			t.Fatalf("value %d was acknowledged: %d bytes, %v", i, len(v), err)
		}
	}
	start := time.Now()
	named("Close", s.Close())
	if took := time.Since(start); took > time.Minute {
		t.Errorf("Close took %v", took)
	}
	_, rebuilt, err := openOrRebuild(dir, log, level)
	named("OpenOrRebuild", err)
	if rebuilt != nil {
		t.Errorf("rebuilt: %v", rebuilt)
	}
	if n := strings.Count(lines.String(), "metadata cannot be written"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, &lines)
	}
}
