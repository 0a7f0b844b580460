package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"camswarm/gc"
	"camswarm/node/statedir"
	"camswarm/node/strictjson"
	"camswarm/verify"
)

// FileInstaller installs into files instead of flash: for demonstrations, tests
// and devices that boot from a file. Under Dir each product has a directory,
// named by the first 16 digits of its id, which holds
//
//	firmware.img       a symbolic link to the image that runs
//	<sequence>.img     that image and, until it is confirmed, the one before it
//	slot.json          which is which, see [Slot]; the truth if a crash left more
//
// Installs never meet in a slot, not even those of two processes that were given
// one directory: the second finds it locked (flock), waits for a minute and then
// fails with an error that wraps [ErrTryLater]. An image is written under another
// name and renamed when it is whole and durable, and Confirm hashes it once more:
// one whose bytes are not the release's is Failed, never Confirmed. Where it does not
// fit, the error names the bytes that are missing and wraps [ErrTryLater].
//
// A slot stands for the device's flash and is a copy on purpose: it shares no
// blocks with the node's cache, so that neither can damage the other.
type FileInstaller struct {
	// Dir is made when it does not exist.
	Dir string
	// Check answers Confirm for the image that runs; nil: Confirmed at once.
	Check func(context.Context, verify.Release) (Outcome, error)
}

// Slot is the record of what a [FileInstaller] has installed for one product.
type Slot struct {
	Current  *SlotImage `json:"current,omitempty"`  // what runs; nil: the factory image
	Previous *SlotImage `json:"previous,omitempty"` // what Rollback goes back to; nil once Current is confirmed
}

// SlotImage is one image in a slot.
type SlotImage struct {
	Sequence  uint64 `json:"sequence"`
	Version   string `json:"version"`
	Size      uint64 `json:"size"`   // bytes
	SHA256    string `json:"sha256"` // 64 hexadecimal digits
	Confirmed bool   `json:"confirmed"`
}

const (
	slotRecord = "slot.json"
	slotLink   = "firmware.img"
)

// Path returns where the running image of a product is found.
func (f *FileInstaller) Path(product verify.ProductID) string {
	return filepath.Join(f.dir(product), slotLink)
}

// Slot returns what is installed for a product.
func (f *FileInstaller) Slot(product verify.ProductID) (Slot, error) {
	path := filepath.Join(f.dir(product), slotRecord)
	file, err := statedir.OpenRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Slot{}, nil
	}
	if err != nil {
		return Slot{}, fmt.Errorf("read the slot record: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSlotRecord))
	if err != nil {
		return Slot{}, fmt.Errorf("read the slot record: %w", err)
	}
	var s Slot
	if err := strictjson.Decode(bytes.NewReader(data), &s); err != nil {
		return Slot{}, fmt.Errorf("%w: %s: %w; the next install mends it", errSlotDamaged, path, err)
	}
	return s, nil
}

// errSlotDamaged: the record cannot be read. Nobody can reach most devices, so
// that is no reason to stay on an old release.
var errSlotDamaged = errors.New("the slot record is damaged")

// errNotTheImage: the bytes of an image file are not its release's.
var errNotTheImage = errors.New("not the bytes that were installed")

// slotOr returns the slot, and when its record is damaged what the image files
// say of a release: it is installed if its file has its digest.
func (f *FileInstaller) slotOr(rel verify.Release) (Slot, error) {
	slot, err := f.Slot(rel.Product)
	if !errors.Is(err, errSlotDamaged) {
		return slot, err
	}
	if f.check(rel) != nil {
		return Slot{}, nil
	}
	return Slot{Current: &SlotImage{
		Sequence: rel.Sequence, Version: rel.Version, Size: rel.ImageSize, SHA256: hex.EncodeToString(rel.ImageSHA256[:]),
	}}, nil
}

// check hashes the image file of a release: nil if its bytes are the release's.
func (f *FileInstaller) check(rel verify.Release) error {
	file, err := statedir.OpenRegular(filepath.Join(f.dir(rel.Product), imageName(rel.Sequence)))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(file, verify.MaxImageSize+1))
	if err != nil {
		return err
	}
	if uint64(n) != rel.ImageSize || [32]byte(sum.Sum(nil)) != rel.ImageSHA256 {
		return fmt.Errorf("%w: %s, %d bytes, release %d", errNotTheImage, file.Name(), n, rel.Sequence)
	}
	return nil
}

// lock makes the directory of a product and takes it for the caller until
// release is called.
func (f *FileInstaller) lock(ctx context.Context, product verify.ProductID) (release func(), err error) {
	dir := f.dir(product)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("lock the slot: %w", err)
	}
	ok, err := waitLock(ctx, file, slotWait)
	if err == nil && !ok {
		err = fmt.Errorf("%w: another process works in %s; give each node a slot directory of its own", ErrTryLater, dir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// Install implements [Installer].
func (f *FileInstaller) Install(ctx context.Context, img *verify.Image) error {
	if err := checkImage(img); err != nil {
		return err
	}
	rel := img.Release()
	release, err := f.lock(ctx, rel.Product)
	if err != nil {
		return err
	}
	defer release()
	slot, err := f.slotOr(rel)
	if err != nil {
		return err
	}
	next := &SlotImage{
		Sequence: rel.Sequence, Version: rel.Version, Size: rel.ImageSize, SHA256: hex.EncodeToString(rel.ImageSHA256[:]),
	}
	switch cur := slot.Current; {
	case cur != nil && cur.Sequence == next.Sequence:
		// The crash came after the record was written. Write the bytes again
		// all the same: it is cheaper than to trust them.
		next.Confirmed = cur.Confirmed && cur.SHA256 == next.SHA256
	case cur != nil && cur.Confirmed:
		slot.Previous = cur
	}
	slot.Current = next

	if err := writeImage(img, filepath.Join(f.dir(rel.Product), imageName(rel.Sequence))); err != nil {
		return err
	}
	return f.settle(rel.Product, slot)
}

// Confirm implements [Installer].
func (f *FileInstaller) Confirm(ctx context.Context, rel verify.Release) (Outcome, error) {
	release, err := f.lock(ctx, rel.Product)
	if err != nil {
		return Pending, err
	}
	defer release()
	slot, err := f.slotOr(rel)
	if err != nil {
		return Pending, err
	}
	if slot.Current == nil || slot.Current.Sequence != rel.Sequence {
		return Failed, nil
	}
	if !slot.Current.Confirmed && f.Check != nil {
		if outcome, err := f.Check(ctx, rel); err != nil || outcome != Confirmed {
			return outcome, err
		}
	}
	if err := f.check(rel); err != nil {
		if errors.Is(err, errNotTheImage) || errors.Is(err, fs.ErrNotExist) {
			return Failed, nil
		}
		return Pending, fmt.Errorf("check the installed image: %w", err)
	}
	slot.Current.Confirmed, slot.Previous = true, nil
	if err := f.settle(rel.Product, slot); err != nil {
		return Pending, err
	}
	return Confirmed, nil
}

// Rollback implements [Installer]. Without a previous image the device is back
// at its factory image, which has no slot.
func (f *FileInstaller) Rollback(ctx context.Context, rel verify.Release) error {
	release, err := f.lock(ctx, rel.Product)
	if err != nil {
		return err
	}
	defer release()
	slot, err := f.slotOr(rel)
	if err != nil {
		return err
	}
	if slot.Current != nil && slot.Current.Sequence == rel.Sequence {
		slot = Slot{Current: slot.Previous}
	}
	return f.settle(rel.Product, slot)
}

// settle makes a slot the truth: the record first, then the link, then every
// image that the record does not name goes. A crash after the record only
// leaves work for the next call.
func (f *FileInstaller) settle(product verify.ProductID, slot Slot) error {
	dir := f.dir(product)
	data, err := json.Marshal(slot)
	if err != nil {
		return err
	}
	if err := statedir.WriteFile(filepath.Join(dir, slotRecord), data, 0o600); err != nil {
		return fmt.Errorf("write the slot record: %w", err)
	}
	keep := map[string]bool{slotRecord: true}
	if slot.Current == nil {
		if err := gc.Remove(filepath.Join(dir, slotLink)); err != nil {
			return err
		}
	} else {
		keep[slotLink], keep[imageName(slot.Current.Sequence)] = true, true
		if err := relink(imageName(slot.Current.Sequence), filepath.Join(dir, slotLink)); err != nil {
			return fmt.Errorf("switch the slot: %w", err)
		}
	}
	if slot.Previous != nil {
		keep[imageName(slot.Previous.Sequence)] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !keep[e.Name()] {
			if err := gc.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("free an old slot: %w", err)
			}
		}
	}
	return nil
}

func (f *FileInstaller) dir(product verify.ProductID) string {
	return filepath.Join(f.Dir, product.String()[:16])
}

func imageName(sequence uint64) string { return strconv.FormatUint(sequence, 10) + ".img" }

// writeImage writes an image to path so that path either does not exist or is
// complete and durable.
func writeImage(img *verify.Image, path string) (err error) {
	tmp := path + ".new"
	file, err := statedir.Create(tmp, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp))
		}
	}()
	var n int64
	free, err := gc.Free(filepath.Dir(path))
	switch {
	case err != nil:
	case free < img.Size():
		err = syscall.ENOSPC // before flash is worn for nothing
	default:
		if n, err = img.WriteTo(file); err == nil {
			err = file.Sync()
		}
	}
	err = errors.Join(err, file.Close())
	switch {
	case gc.IsFull(err):
		return fmt.Errorf("%w: the slot needs %d more bytes in %s: %w", ErrTryLater, img.Size()-n, filepath.Dir(path), statedir.Explain(err))
	case err != nil:
		return fmt.Errorf("write the slot: %w", statedir.Explain(err))
	}
	return statedir.Rename(tmp, path)
}

// relink points the symbolic link at path to target, atomically.
func relink(target, path string) error {
	if now, err := os.Readlink(path); err == nil && now == target {
		return nil
	}
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	return statedir.Rename(tmp, path)
}

var _ Installer = (*FileInstaller)(nil)
