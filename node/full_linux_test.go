package node_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"camswarm/gc"
	"camswarm/node"
	"camswarm/verify"
)

// smallDisk mounts a file system of 24 MB.
func smallDisk(t *testing.T) string {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (%v); run as root to test a full disk", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// A camera's disk is full while a release comes: it says so, loses nothing of
// what it has, and takes the release as soon as there is room.
func TestThreatDiskFull(t *testing.T) {
	disk := smallDisk(t)
	s := startSwarm(t, 1, func(member string, c *node.Config) {
		if member != "seed" {
			c.StateDir = filepath.Join(disk, "state")
			c.Storage.ReserveBytes = 256 << 10
		}
	})
	camera := s.Cameras[0]
	first := s.build(1, 2_000_000)
	s.release(first, toAll)
	s.untilAllRun(1)

	recording, err := os.Create(filepath.Join(disk, "recording"))
	s.must(err)
	for err == nil {
		_, err = recording.Write(make([]byte, 4096))
	}
	if !gc.IsFull(err) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	s.must(recording.Close())
	second := s.build(2, 2_000_000)
	s.release(second, toAll)
	s.until("the camera says what it lacks", func() bool {
		st := camera.Node.Status()
		target := st.Products[0].Target
		return target != nil && target.Sequence == 2 && (strings.Contains(target.LastError, "space") || strings.Contains(target.LastError, "no room"))
	})
	if runs(camera) != 1 {
		t.Error("release 1 is lost")
	}
	s.slotIs(camera, first)
	envelope, err := bitswapGet(s.ctx, t, camera, first.Record.EnvelopeCID())
	if err != nil || !bytes.Equal(envelope, first.Envelope) {
		t.Errorf("release 1 is no longer served: %v", err)
	}

	s.must(os.Remove(filepath.Join(disk, "recording")))
	s.rollout(2, verify.Rollout{Mode: verify.RolloutPercent, StartBps: 10_000, EndBps: 10_000}) // any change makes it look again
	s.untilAllRun(2)
	s.slotIs(camera, second)
}

// A camera that starts on a full disk gives its reserve up for the metadata store,
// without which it could collect nothing.
func TestThreatDiskFull_AtStart(t *testing.T) {
	disk := smallDisk(t)
	cfg := aloneConfig(t)
	cfg.StateDir, cfg.Storage.ReserveBytes = filepath.Join(disk, "state"), 4<<20
	n, err := node.New(cfg, node.WithoutControl())
	must(t, err)
	must(t, n.Close())
	reserve := gc.NewReserve(filepath.Join(cfg.StateDir, "reserve"), int64(cfg.Storage.ReserveBytes))
	must(t, reserve.Hold())
	recording, err := os.Create(filepath.Join(disk, "recording"))
	must(t, err)
	for err == nil {
		_, err = recording.Write(make([]byte, 4096))
	}
	must(t, recording.Close())
	n, err = node.New(cfg, node.WithoutControl())
	must(t, err)
	must(t, n.Close())
	if held, err := reserve.Held(); err != nil || held != 0 {
		t.Errorf("the reserve holds %d bytes, %v", held, err)
	}
}
