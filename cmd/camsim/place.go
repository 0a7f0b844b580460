package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"camswarm/cmd/internal/cli"
	"camswarm/sim/report"
)

// place is a directory that a command writes its result into. It is looked at
// before the work begins: what took hours must not be lost to a directory that
// cannot be written, nor be written over another result.
type place struct {
	dir       string // "": nothing is written
	overwrite bool
}

// results are the files that stand for a result.
var results = []string{report.ReportFile, report.MergedFile, report.SweepFile, flowFile}

// ready makes the directory and sees to it that files can be written there and
// that no result is. What stopped before its end is none.
func (p place) ready() error {
	if p.dir == "" {
		return nil
	}
	if !p.overwrite {
		if found, err := resultIn(p.dir); err != nil {
			return cli.Usagef("--out %s: %w", p.dir, plainFile(err))
		} else if found != "" {
			return p.taken(found)
		}
	}
	return p.make()
}

// taken refuses a place that has another result.
func (p place) taken(file string) error {
	return cli.Usagef("--out %s: there is a result already, %s; choose another directory, or --overwrite to replace it", p.dir, file)
}

// make makes the directory and writes a file into it, for a moment.
func (p place) make() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return cli.Usagef("--out %s: the directory cannot be made: %w", p.dir, plainFile(err))
	}
	if err := writable(p.dir); err != nil {
		return cli.Usagef("--out %s: nothing can be written there: %w", p.dir, plainFile(err))
	}
	return nil
}

// resultIn returns the path of a result in or below a directory, "" if there is
// none, nor a directory.
func resultIn(dir string) (found string, err error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", errors.New("it is a file, not a directory")
	}
	for _, name := range results {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && !(name == report.ReportFile && interrupted(path)) {
			return path, nil
		}
	}
	runs, err := report.FindAll(dir)
	if err != nil {
		return "", err
	}
	for _, path := range runs {
		if !interrupted(path) {
			return path, nil
		}
	}
	return "", nil
}

// interrupted says whether a report is of a run that was ended before its end.
func interrupted(path string) bool {
	r, err := report.ReadFile(path)
	return err == nil && r.Interrupted
}

// probeBytes is what is written to see whether a disk has room: about a small
// report.
const probeBytes = 256 << 10

// writable writes a file into a directory and removes it.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".camsim-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeBytes))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// plainFile words an error of the file system without the call that made it.
func plainFile(err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk is full; free some space: %w", err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("a part of the path is a file: %w", err)
	case errors.As(err, &path) && strings.Contains(path.Path, ".camsim-"):
		return path.Err
	}
	return err
}
