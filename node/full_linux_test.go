package node_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"camswarm/gc"
	"camswarm/node"
	"camswarm/node/control"
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

// startOnSmallDisk starts a swarm of two, of which the one that is not the seed of the
// release has a part and its state on a small disk.
func startOnSmallDisk(t *testing.T, role node.Role) (s *swarm, disk string) {
	t.Helper()
	disk = smallDisk(t)
	return startSwarm(t, 1, func(member string, c *node.Config) {
		if member != "seed" {
			c.Role, c.Network.Role, c.StateDir = role, string(role), filepath.Join(disk, "state")
			c.Storage.ReserveBytes = 256 << 10
		}
	}), disk
}

// A camera's disk is full while a release comes: it says so, loses nothing of
// what it has, and takes the release as soon as there is room.
func TestThreatDiskFull(t *testing.T) {
	s, disk := startOnSmallDisk(t, node.RoleCamera)
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

// A seed whose metadata store would end the process on a full disk takes no work that
// would leave it too little, and says how many bytes it lacks, also when others take them.
func TestThreatDiskFull_SeedStopsBefore(t *testing.T) {
	s, disk := startOnSmallDisk(t, node.RoleSeed)
	seed := s.Cameras[0]
	free := func() int64 {
		n, err := gc.Free(disk)
		s.must(err)
		return n
	}
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("SKIPPED: the metadata store of this target reports a full disk")
	}
	const keeps, image = 8 << 20, 2_000_000
	recording := filepath.Join(disk, "recording")
	s.must(os.WriteFile(recording, make([]byte, free()-keeps-image/2), 0o600))
	s.release(s.build(1, image), toAll)
	s.until("the seed says what it lacks", func() bool {
		target := seed.Node.Status().Products[0].Target
		return free() < keeps || target != nil && strings.Contains(target.LastError, "bytes are needed")
	})
	if n := free(); n < keeps {
		t.Fatalf("%d bytes are left", n)
	}
	low := func() bool {
		return slices.ContainsFunc(seed.Node.Status().Alarms, func(a control.Alarm) bool {
			return a.Name == "disk_low" && strings.Contains(a.Message, " more bytes are free")
		})
	}
	if low() {
		t.Error("it raises an alarm while it has what it needs")
	}
	more := filepath.Join(disk, "more")
	s.must(os.WriteFile(more, make([]byte, image), 0o600))
	s.until("the alarm", low)

	s.must(os.Remove(more))
	s.until("the alarm is over", func() bool { return !low() })
}

// A seed gives up nothing that it holds for the room that its metadata store may need:
// whatever else fills the disk would have it end with nothing.
func TestThreatDiskFull_SeedKeepsWhatItHolds(t *testing.T) {
	s, disk := startOnSmallDisk(t, node.RoleSeed)
	seed := s.Cameras[0]
	holds := func() bool { return len(seed.Node.Status().Products[0].Held) == 1 }
	s.release(s.build(1, 2_000_000), toAll)
	s.until("the release", func() bool {
		return holds() && seed.Node.Status().Products[0].Held[0].State == control.StateVerified
	})
	free, err := gc.Free(disk)
	s.must(err)
	s.must(os.WriteFile(filepath.Join(disk, "recording"), make([]byte, free-4<<20), 0o600))
	if _, err := seed.Node.Collect(t.Context(), false); err != nil || !holds() {
		t.Errorf("it holds %+v: %v", seed.Node.Status().Products[0].Held, err)
	}
}
