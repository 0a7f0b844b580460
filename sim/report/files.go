package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Names of files in a directory of results.
const (
	ReportFile = "report.json" // one run
	NodesFile  = "nodes.csv"
	MergedFile = "merged.json" // medians over seeds
	SweepFile  = "sweep.json"
	TableFile  = "sweep.csv"
	PageFile   = "report.html"
)

// ReadFile reads one report, from its file or from the directory that holds it.
func ReadFile(path string) (*Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		dir := path
		path = filepath.Join(dir, ReportFile)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s holds no %s; give a directory that `camsim run --out` wrote", dir, ReportFile)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// FindAll returns the paths of all reports in and below a directory, in the order
// of their names; none is no error.
func FindAll(dir string) (out []string, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == ReportFile {
			out = append(out, p)
		}
		return err
	})
	return out, err
}

// Find returns the paths of all reports in files and below directories, in the
// order of their names.
func Find(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		found, err := FindAll(path)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no %s in or below %s; give directories that `camsim run --out` or `camsim sweep` wrote", ReportFile, path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Slim drops what only figures of a single run need, so that thousands of runs
// can be merged in little memory.
func (r *Report) Slim() {
	r.PerNode = nil
	for key, b := range r.Baselines {
		b.Seconds = nil
		r.Baselines[key] = b
	}
}

// WriteFile replaces a file by what write writes, whole or not at all: a sweep
// that is killed must not leave half a report that passes for a run.
func WriteFile(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return nil
}
