package filestore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"camswarm/swarm/plan"
)

// Handle is an open file: what a Store needs of *os.File.
type Handle interface {
	io.ReaderAt
	io.WriterAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// Opener opens files as os.OpenFile does.
type Opener func(path string, flag int, perm fs.FileMode) (Handle, error)

// openFile follows no link: what is written goes where the node says or nowhere.
func openFile(path string, flag int, perm fs.FileMode) (Handle, error) {
	f, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW, perm)
	if err != nil {
		return nil, err // a nil *os.File is not a nil Handle
	}
	return f, nil
}

// inode is a file on disk with blocks of one replica in it. Its links are the
// paths of one owner or of several. It is open for writing only while it lacks
// blocks: see Store.Write.
type inode struct {
	f    Handle // for reading, and to sync
	slot bool   // see File.Slot

	// Guarded by Store.mu once a replica has it.
	readOnly bool
	path     string        // of one of its owners
	has      plan.Bitset   // by place: the blocks that are right, as far as is known
	pen      Handle        // for writing; nil: it is closed
	writers  int           // who use the pen
	gone     bool          // no owner has it any more: it is not opened again
	quiet    chan struct{} // closed when nobody uses the pen any more; nil: nobody waits for that
}

// whole reports whether the file lacks no block of r.
func (in *inode) whole(r *Replica) bool { return in.has.Count() == len(r.Blocks) }

// openInode opens or creates the file of an owner and finds out what it holds of
// r. What it hashes and writes is its own: no lock is held.
func openInode(open Opener, r *Replica, d *File) (_ *inode, err error) {
	path, flag := d.Path, os.O_RDONLY
	switch {
	case d.Slot:
		if err := checkSlot(path); err != nil {
			return nil, err
		}
	case !d.ReadOnly:
		flag |= os.O_CREATE
	}
	f, err := open(path, flag, 0o600)
	if err != nil {
		return nil, fmt.Errorf("swarm: open file of blocks: %w", err)
	}
	in := &inode{f: f, slot: d.Slot, readOnly: d.ReadOnly, path: path, has: plan.NewBitset(len(r.Blocks))}
	defer func() {
		if err != nil {
			_ = in.close()
		}
	}()
	if d.Slot {
		if size, err := f.Seek(0, io.SeekEnd); err != nil || size < r.Size {
			return nil, errors.Join(fmt.Errorf("%w: slot %s has %d bytes, the image %d", ErrBadFile, path, size, r.Size), err)
		}
	}
	if d.ReadOnly || d.Slot {
		return in, in.scan(r)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("swarm: open file of blocks: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrBadFile, path)
	}
	if info.Size() != r.Size && links(info) == 1 {
		if in.pen, err = openPen(open, in, path); err == nil {
			err = in.pen.Truncate(r.Size)
		}
		if err != nil {
			return nil, writeError(r, path, r.Size, err)
		}
	}
	if err := in.scan(r); err != nil {
		return nil, err
	}
	if links(info) > 1 && (info.Size() != r.Size || !in.whole(r)) {
		return in, in.unshare(open, r)
	}
	return in, in.rest(r)
}

// checkSlot refuses what can be no slot before it is opened, since to open some
// devices does something.
func checkSlot(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("swarm: open slot: %w", err)
	}
	if m := info.Mode(); !m.IsRegular() && m&(fs.ModeDevice|fs.ModeCharDevice) != fs.ModeDevice {
		return fmt.Errorf("%w: slot %s is neither a block device nor a regular file", ErrBadFile, path)
	}
	return nil
}

// openPen opens a file for writing, which stands at path.
func openPen(open Opener, in *inode, path string) (Handle, error) {
	flag := os.O_RDWR
	if in.slot {
		flag |= os.O_EXCL // of a device: EBUSY while it is mounted
	}
	pen, err := open(path, flag, 0)
	if err != nil {
		return nil, err
	}
	if info, err := pen.Stat(); err != nil || !isSame(in.f, info) {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrReplaced, path), err, pen.Close())
	}
	return pen, nil
}

func (in *inode) close() error {
	err := in.f.Close()
	if in.pen != nil {
		err = errors.Join(err, in.pen.Close())
	}
	return err
}

// scan hashes what the file holds. Holes are not read: they hold zeros, whose
// hash is known.
func (in *inode) scan(r *Replica) error {
	buf := make([]byte, r.BlockSize)
	zero := sha256.Sum256(buf)
	size, err := in.f.Seek(0, io.SeekEnd) // also right for a block device
	if err != nil {
		return fmt.Errorf("swarm: size of file of blocks: %w", err)
	}
	data := int64(0) // no bytes but zeros between the current block and here
	for i := range r.Blocks {
		off, n := r.offset(i), r.BlockLen(i)
		if off+int64(n) > size {
			return nil // a file that ends early and is not extended
		}
		if off >= data {
			data = nextData(in.f, off)
		}
		var sum [32]byte
		if off+int64(n) <= data {
			if sum = zero; n < r.BlockSize {
				sum = sha256.Sum256(make([]byte, n))
			}
		} else {
			if m, _ := in.f.ReadAt(buf[:n], off); m < n {
				continue // an unreadable block is a missing one, and written anew
			}
			sum = sha256.Sum256(buf[:n])
		}
		if sum == r.Blocks[i] {
			in.has.Set(i)
		}
	}
	return nil
}

// read returns block i, and false if it cannot be read or is not right.
func (in *inode) read(r *Replica, i int) ([]byte, bool, error) {
	buf := make([]byte, r.BlockLen(i))
	n, err := in.f.ReadAt(buf, r.offset(i))
	return buf, n == len(buf) && sha256.Sum256(buf) == r.Blocks[i], err
}

// unshare replaces the file by a new one with the same right blocks. Other links
// of the old one, of which the rest is about to be written, keep what they have:
// another owner's image, or somebody's backup.
func (in *inode) unshare(open Opener, r *Replica) error {
	tmp := in.path + tempSuffix
	if err := removeFile(tmp); err != nil {
		return fmt.Errorf("swarm: replace file of blocks: %w", err)
	}
	pen, err := open(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return writeError(r, tmp, r.Size, err)
	}
	var f Handle
	if err = copyBlocks(pen, in, r); err == nil {
		f, err = open(tmp, os.O_RDONLY, 0)
	}
	if err == nil {
		err = os.Rename(tmp, in.path)
	}
	if err != nil {
		_ = pen.Close()
		if f != nil {
			_ = f.Close()
		}
		_ = os.Remove(tmp)
		return writeError(r, in.path, r.Size, err)
	}
	_ = in.close()
	in.f, in.pen = f, pen
	return in.rest(r)
}

// rest closes the pen if there is nothing to write. The file is the caller's own.
func (in *inode) rest(r *Replica) error {
	if in.pen == nil || !in.whole(r) {
		return nil
	}
	pen := in.pen
	in.pen = nil
	return pen.Close()
}

// copyBlocks gives f the size of r and those blocks that in holds.
func copyBlocks(f Handle, in *inode, r *Replica) error {
	if err := f.Truncate(r.Size); err != nil {
		return err
	}
	for i := range r.Blocks {
		if !in.has.Has(i) {
			continue
		}
		b, ok, _ := in.read(r, i)
		if !ok {
			in.has.Clear(i) // it went bad since it was scanned
			continue
		}
		if _, err := f.WriteAt(b, r.offset(i)); err != nil {
			return err
		}
	}
	return nil
}

// writeError explains a failed write to a file of r that needs so many bytes more.
func writeError(r *Replica, path string, need int64, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %s needs %d more bytes in %s: %w", ErrNoSpace, r.Root, need, filepath.Dir(path), err)
	}
	if errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("swarm: write file of blocks: the file system is read-only: remount it writable or replace the storage: %w", err)
	}
	return fmt.Errorf("swarm: write file of blocks: %w", err)
}

// removeFile removes a file that may be there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDir makes the entries of a directory survive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return fmt.Errorf("swarm: sync directory of blocks: %w", err)
	}
	return nil
}
