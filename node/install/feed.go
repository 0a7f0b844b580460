package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"camswarm/verify"
)

// Feed is how an install hook gets the image, see [ExecInstaller].
type Feed string

// The feeds.
const (
	FeedStdin Feed = "stdin" // a stream, whose every block is hashed before it is written
	FeedFile  Feed = "file"  // the path of the file that the node checked
	FeedSlot  Feed = "slot"  // it is in the slot already, see [Slotter]; else as FeedFile
)

// Validate refuses what is no feed; "" stands for FeedStdin.
func (f Feed) Validate() error {
	switch f {
	case "", FeedStdin, FeedFile, FeedSlot:
		return nil
	}
	return fmt.Errorf("%q is unknown; it must be %q, %q or %q", string(f), string(FeedStdin), string(FeedFile), string(FeedSlot))
}

// InSlot is the source (verify.Image.Source) of an image that is the beginning of a
// slot.
type InSlot struct {
	*io.SectionReader
	File *os.File
}

// OpenSlot opens an image of so many bytes in a slot for reading.
func OpenSlot(path string, size int64) (InSlot, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return InSlot{}, err
	}
	if !isSlot(info.Mode()) {
		return InSlot{}, fmt.Errorf("slot %s is neither a block device nor a regular file", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return InSlot{}, err
	}
	return InSlot{io.NewSectionReader(f, 0, size), f}, nil
}

func isSlot(m fs.FileMode) bool {
	return m.IsRegular() || m&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

// ParseSlot reads the path of a slot as a hook prints it: one line, from the root,
// without detours; "" is none.
func ParseSlot(text string) (string, error) {
	path := strings.TrimSuffix(text, "\n")
	switch {
	case path == "":
		return "", nil
	case len(path) > maxSlotPath:
		return "", fmt.Errorf("the path of a slot has over %d bytes", maxSlotPath)
	case !filepath.IsAbs(path) || filepath.Clean(path) != path || strings.ContainsFunc(path, unicode.IsControl) || !utf8.ValidString(path):
		return "", fmt.Errorf("%q is no path of a slot: print it from the root, on one line, without \"..\"", path)
	}
	return path, nil
}

// A feed is an image on its way into a hook; the zero feed is none.
type feed struct {
	img  *verify.Image
	path string // absolute, of the file or slot; "": a stream
	slot bool
	file *os.File
	was  fs.FileInfo // of the file, before it was hashed
}

// errReplaced: the name of the image's file leads to something else.
var errReplaced = errors.New("another file stands where the image was; a hook must leave it where it is")

// feed makes an image ready for the hook. As a file or slot, it must not be open for
// writing anywhere, as far as that can be found out, and all of it is hashed.
func (e *ExecInstaller) feed(img *verify.Image) (feed, error) {
	f := feed{img: img}
	switch source := img.Source().(type) {
	case InSlot:
		f.file, f.slot = source.File, true
	case *os.File:
		f.file = source
	}
	switch {
	case f.slot && e.Feed != FeedSlot:
		return feed{}, fmt.Errorf("%w: the image is in a slot, and the feed is not %q", ErrNotStarted, string(FeedSlot))
	case e.Feed != FeedFile && e.Feed != FeedSlot:
		return feed{img: img}, nil
	case f.file == nil:
		return feed{}, fmt.Errorf("%w: the image was not checked as a file; use the feed %q", ErrNotStarted, string(FeedStdin))
	}
	var err error
	if f.path, err = filepath.Abs(f.file.Name()); err != nil {
		return feed{}, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	if f.was, err = f.inPlace(); err != nil {
		return feed{}, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	if f.was.Mode().IsRegular() {
		if err := noWriter(f.file); err != nil {
			return feed{}, fmt.Errorf("%w: %s: %w", ErrTryLater, f.path, err)
		}
	}
	if _, err := img.WriteTo(io.Discard); err != nil {
		return feed{}, err
	}
	return f, nil
}

// inPlace checks that the path, itself no link, leads to the file.
func (f feed) inPlace() (fs.FileInfo, error) {
	own, err := f.file.Stat()
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(f.path); err != nil || !info.Mode().IsRegular() && !(f.slot && isSlot(info.Mode())) || !os.SameFile(own, info) {
		return nil, errors.Join(fmt.Errorf("%w: %s", errReplaced, f.path), err)
	}
	return own, nil
}

// untouched checks, after a hook has read the file, that nobody has written to it
// since it was hashed.
func (f feed) untouched() error {
	now, err := f.inPlace()
	if err == nil && now.Mode().IsRegular() && (now.Size() != f.was.Size() || !now.ModTime().Equal(f.was.ModTime())) {
		err = verify.Soft(verify.AttackImageReplaced, "the file of the image was written to meanwhile")
	}
	return err
}
