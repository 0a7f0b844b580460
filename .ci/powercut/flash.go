package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The bytes of flash that an update may cost: its image and a tenth of it, for the
// file system's own, and what does not depend on the image: the envelope, the
// catalog, the chain's checkpoint, the journal of these.
const (
	flashShare = 1.1
	flashConst = 512 << 10
)

// wear lets the camera install so many releases, with a hook that takes the image as
// a file and leaves it where it is, and returns the bytes that were written to its
// disk for each.
func (b *bench) wear(ctx context.Context, releases int) (perUpdate int64, err error) {
	if err := b.disk.mount(); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.disk.unmount()) }()
	cmd := exec.CommandContext(ctx, b.program, "--config", filepath.Join(b.dir, "camswarmd.toml"))
	logs, err := os.Create(filepath.Join(b.dir, "log"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = logs.Close() }()
	cmd.Stdout, cmd.Stderr = logs, logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}()
	var before int64
	for range releases + 1 { // the first makes the files that stay
		if err := b.publish(ctx); err != nil {
			return 0, err
		}
		for deadline := time.Now().Add(2 * time.Minute); b.said < b.published; {
			if s, err := b.status(ctx); err == nil {
				b.hear(s)
			} else if time.Now().After(deadline) {
				return 0, fmt.Errorf("release %d is not installed within two minutes: %w", b.published, err)
			}
			if err := b.wait(50*time.Millisecond, ended); err != nil {
				return 0, err
			}
		}
		if b.published > 1 {
			continue
		}
		if before, err = b.disk.written(); err != nil {
			return 0, err
		}
	}
	after, err := b.disk.written()
	return (after - before) / int64(releases), err
}

// written returns the bytes that were written to the mounted disk, and writes back
// what waits for it before.
func (d *disk) written() (int64, error) {
	syscall.Sync()
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[1] != d.dir {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(f[0]), "stat"))
		if err != nil {
			return 0, err
		}
		sectors, err := strconv.ParseInt(strings.Fields(string(stat))[6], 10, 64) // see Documentation/block/stat.rst
		return 512 * sectors, err
	}
	return 0, fmt.Errorf("%s is not mounted", d.dir)
}
