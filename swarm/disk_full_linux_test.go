package swarm

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"camswarm/swarm/filestore"
)

// disk_full: a clear error with the bytes needed, no retry loop, nothing lost.
func TestFullDiskEndsTheFetchAndKeepsWhatArrived(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("cannot mount a small tmpfs here:", err)
	}
	defer syscall.Unmount(small, syscall.MNT_DETACH)
	data, f := testImage(2<<20, 64<<10, 28)
	runSim(t, []link{fast, fast}, flat(20*time.Millisecond), func(s *testSim) {
		s.nodes[0].start(ExchangeOptions{})
		s.nodes[1].start(ExchangeOptions{})
		s.connect(0, 1)
		s.nodes[0].add(f, data)
		s.nodes[1].dir = small
		s.nodes[1].add(f, nil)
		err := s.nodes[1].x.Fetch(context.Background(), f.Root, Origins{})
		if !errors.Is(err, filestore.ErrNoSpace) {
			t.Fatalf("2 MiB into 1 MiB: %v", err)
		}
		p, _ := s.nodes[1].x.Progress(f.Root)
		if p.Blocks < 12 || p.Blocks > 16 {
			t.Errorf("%d blocks of 64 KiB are kept on a disk of 1 MiB", p.Blocks)
		}
		if err := syscall.Mount("tmpfs", small, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
			t.Fatal(err)
		}
		fetchAll(t, f.Root, time.Minute, s.nodes[1])
		s.nodes[1].holds(f, data)
	})
}
