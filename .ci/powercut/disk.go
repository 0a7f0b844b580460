package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// disk is an ext4 file system in a file in memory. Only what the kernel has written
// back is in that file, so a copy of it is what a power cut leaves.
type disk struct {
	ram, file, dir string // a tmpfs, the file in it, and where it is mounted
	mounted        bool
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(out))
	}
	return nil
}

// newDisk makes a disk of some MiB below dir.
func newDisk(dir string, mib int) (*disk, error) {
	d := &disk{ram: filepath.Join(dir, "ram"), dir: filepath.Join(dir, "disk")}
	d.file = filepath.Join(d.ram, "image")
	if err := errors.Join(os.Mkdir(d.ram, 0o700), os.Mkdir(d.dir, 0o700)); err != nil {
		return nil, err
	}
	if err := run("mount", "-t", "tmpfs", "tmpfs", d.ram); err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.file, make([]byte, mib<<20), 0o600); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if err := run("mkfs.ext4", "-q", "-F", "-m", "0", d.file); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// mount mounts the disk, which replays its journal.
func (d *disk) mount() error {
	err := run("mount", "-o", "loop", d.file, d.dir)
	d.mounted = err == nil
	return err
}

// fill leaves so many bytes free on the mounted disk, those of earlier calls included;
// below 0 it gives back what it took.
func (d *disk) fill(left int64) error {
	name := filepath.Join(d.dir, "recording")
	if err := os.Remove(name); left < 0 {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &st); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, max(int64(st.Bfree)*int64(st.Bsize)-left, 1))
	if errors.Is(err, syscall.ENOSPC) { // it took what there was
		err = nil
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// cut ends the power: what the kernel has not written back is lost. Nobody may have
// the disk's files open any more. It returns when the disk is ready to be mounted
// again.
func (d *disk) cut() error {
	was, err := os.ReadFile(d.file)
	for same := false; err == nil && !same; { // a journal may be on its way
		var now []byte
		now, err = os.ReadFile(d.file)
		was, same = now, bytes.Equal(was, now)
	}
	if err != nil {
		return err
	}
	if err := d.unmount(); err != nil {
		return err
	}
	// Another file: the kernel may not have let go of this one yet.
	return errors.Join(os.Remove(d.file), os.WriteFile(d.file, was, 0o600))
}

// save copies what is on the disk into a file.
func (d *disk) save(path string) error {
	data, err := os.ReadFile(d.file)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func (d *disk) unmount() error {
	err := unmount(d.dir)
	d.mounted = err != nil
	return err
}

// unmount takes a file system off. A process that was just killed, and a loop device,
// may take a moment to go.
func unmount(dir string) (err error) {
	for range 100 {
		if err = run("umount", dir); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (d *disk) close() error {
	var err error
	if d.mounted {
		err = d.unmount()
	}
	// Another mount namespace may have copies of these mounts for a while.
	return errors.Join(err, run("umount", "-l", d.ram))
}
