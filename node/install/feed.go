package install

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"camswarm/verify"
)

// Feed is how an install hook gets the image, see [ExecInstaller].
type Feed string

// The feeds.
const (
	FeedStdin Feed = "stdin" // a stream, whose every block is hashed before it is written
	FeedFile  Feed = "file"  // the path of the file that the node checked
)

// Validate refuses what is no feed; "" stands for FeedStdin.
func (f Feed) Validate() error {
	switch f {
	case "", FeedStdin, FeedFile:
		return nil
	}
	return fmt.Errorf("%q is unknown; it must be %q or %q", string(f), string(FeedStdin), string(FeedFile))
}

// A feed is an image on its way into a hook; the zero feed is none.
type feed struct {
	img  *verify.Image
	path string // absolute, of the file; "": a stream
	file *os.File
	was  fs.FileInfo // of the file, before it was hashed
}

// errReplaced: the name of the image's file leads to something else.
var errReplaced = errors.New("another file stands where the image was; a hook must leave it where it is")

// feed makes an image ready for the hook. As a file, it must be a regular one that
// is not open for writing anywhere, and all of it is hashed.
func (e *ExecInstaller) feed(img *verify.Image) (feed, error) {
	if e.Feed != FeedFile {
		return feed{img: img}, nil
	}
	file, ok := img.Source().(*os.File)
	if !ok {
		return feed{}, fmt.Errorf("%w: the image was not checked as a file; use the feed %q", ErrNotStarted, string(FeedStdin))
	}
	path, err := filepath.Abs(file.Name())
	if err != nil {
		return feed{}, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	f := feed{img: img, path: path, file: file}
	if f.was, err = f.inPlace(); err != nil {
		return feed{}, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	if err := noWriter(file); err != nil {
		return feed{}, fmt.Errorf("%w: %s: %w", ErrTryLater, path, err)
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
	if info, err := os.Lstat(f.path); err != nil || !info.Mode().IsRegular() || !os.SameFile(own, info) {
		return nil, errors.Join(fmt.Errorf("%w: %s", errReplaced, f.path), err)
	}
	return own, nil
}

// untouched checks, after a hook has read the file, that nobody has written to it
// since it was hashed.
func (f feed) untouched() error {
	now, err := f.inPlace()
	if err == nil && (now.Size() != f.was.Size() || !now.ModTime().Equal(f.was.ModTime())) {
		err = verify.Soft(verify.AttackImageReplaced, "the file of the image was written to meanwhile")
	}
	return err
}
