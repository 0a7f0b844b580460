//go:build linux || darwin

package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

const (
	crashImage    = 2 << 20  // bytes of one image
	crashOverhead = 64 << 10 // allocated bytes beside the image: directories and the state file
)

// TestMain lets the test binary also be the device that is killed.
func TestMain(m *testing.M) {
	root := os.Getenv("CAMSWARM_GC_CRASH_ROOT")
	if root == "" {
		os.Exit(m.Run())
	}
	sequence, err := strconv.ParseUint(os.Getenv("CAMSWARM_GC_CRASH_SEQUENCE"), 10, 64)
	if err == nil {
		err = update(root, sequence, os.Getenv("CAMSWARM_GC_CRASH_AT"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// update brings a device to a release, from wherever a former run was killed,
// and kills the process at the named step.
func update(root string, sequence uint64, crashAt string) error {
	ctx := context.Background()
	d := newDevice(root)
	d.at = func(step string) {
		if step == crashAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // it cannot be survived
		}
	}
	s, err := d.load()
	if err != nil {
		return err
	}
	if err := Sweep(d.releases(), func(dir string) bool {
		return dir == d.dir(s.Running) || dir == d.dir(s.Fallback) || dir == d.dir(s.Wanted)
	}); err != nil {
		return err
	}
	c := New(d, Policy{QuotaBytes: 2*crashImage + crashOverhead, ReserveBytes: 1 << 20}, Options{})

	if s.Running != sequence {
		if s.Wanted != sequence {
			s.Wanted = sequence
			if err := d.save(s); err != nil {
				return err
			}
		}
		d.at("wanted")
		if _, err := c.Collect(ctx, Need{Product: cam, Sequence: sequence, Bytes: crashImage}); err != nil && !errors.Is(err, ErrNoSpace) {
			return err
		}
		if err := d.fetch(sequence, crashImage); err != nil {
			return err
		}
		d.at("fetched")
		s = state{Running: sequence, Fallback: s.Running}
		if err := d.save(s); err != nil {
			return err
		}
		d.at("installed")
		if _, err := c.Collect(ctx, Need{}); err != nil { // must leave the fallback alone
			return err
		}
	}
	if !s.Confirmed {
		s.Confirmed = true
		if err := d.save(s); err != nil {
			return err
		}
		d.at("confirmed")
	}
	_, err = c.Collect(ctx, Need{})
	return err
}

// crash_anywhere, partial_bundle_installation, gc_deletes_running_image: over 20
// releases with a kill -9 at every step of fetch, install, confirm and
// collection, the device always keeps an image that it can run, and ends with
// one image and a bounded constant of allocated bytes.
func TestThreatCrashAnywhere(t *testing.T) {
	root := t.TempDir()
	d := newDevice(root)
	exe, err := os.Executable()
	must(t, err)
	run := func(sequence uint64, crashAt string) (killed bool) {
		t.Helper()
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), "CAMSWARM_GC_CRASH_ROOT="+root,
			"CAMSWARM_GC_CRASH_SEQUENCE="+strconv.FormatUint(sequence, 10), "CAMSWARM_GC_CRASH_AT="+crashAt,
			"GORACE=atexit_sleep_ms=0") // the race detector lingers for a second otherwise
		out, err := cmd.CombinedOutput()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		killed = ok && status.Signaled() && status.Signal() == syscall.SIGKILL
		if err != nil && !killed {
			t.Fatalf("release %d, crash at %q: %v\n%s", sequence, crashAt, err, out)
		}
		// Whatever happened, what runs and what it would fall back to are whole.
		s, err := d.load()
		must(t, err)
		keep := []uint64{s.Running}
		if !s.Confirmed {
			keep = append(keep, s.Fallback)
		}
		for _, seq := range keep {
			if seq == 0 {
				continue
			}
			got, err := os.ReadFile(d.image(seq))
			must(t, err)
			if !bytes.Equal(got, imageBytes(seq, crashImage)) {
				t.Fatalf("after release %d and a crash at %q: image %d is damaged", sequence, crashAt, seq)
			}
		}
		return killed
	}

	steps := []string{"wanted", "half fetched", "fetched", "installed", "confirmed", "renamed", "synced", "unlinked"}
	hit := map[string]bool{}
	const releases = 20
	for sequence := uint64(1); sequence <= releases; sequence++ {
		// Two different kills in most rounds, none in every fifth.
		if n := int(sequence); n%5 != 0 {
			for _, step := range []string{steps[n%len(steps)], steps[(n*3+4)%len(steps)]} {
				if run(sequence, step) {
					hit[step] = true
				}
			}
		}
		if run(sequence, "") {
			t.Fatal("killed without having been asked to")
		}
		s, err := d.load()
		must(t, err)
		if got := d.sequences(t); len(got) != 1 || got[0] != sequence || s.Running != sequence || !s.Confirmed {
			t.Fatalf("after release %d the device holds %v and its state is %+v", sequence, got, s)
		}
	}
	for _, step := range steps {
		if !hit[step] {
			t.Errorf("no run was killed at %q", step)
		}
	}
	if got := usage(t, root); got < crashImage || got > crashImage+crashOverhead {
		t.Errorf("%d bytes are allocated after %d releases; one image of %d and at most %d are right", got, releases, crashImage, crashOverhead)
	}
}
