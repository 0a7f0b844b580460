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
		before := len(out)
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Name() == ReportFile {
				out = append(out, p)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(out) == before {
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

// WriteDir writes everything about one run into a directory, or about several
// that differ in their seed only: the JSON document, the CSV of the nodes (of a
// single run), the figures and the page. The JSON document comes last, so that
// one which is there stands for a complete directory.
func WriteDir(dir string, runs []*Report, figures bool) error {
	m, err := Merge(runs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if len(runs) == 1 {
		if err := WriteFile(filepath.Join(dir, NodesFile), runs[0].CSV); err != nil {
			return err
		}
	}
	if figures {
		if err := WriteFigures(dir, Figures(runs)); err != nil {
			return err
		}
		if err := WriteFile(filepath.Join(dir, PageFile), func(w io.Writer) error { return HTML(w, runs) }); err != nil {
			return err
		}
	}
	if len(runs) == 1 {
		return WriteFile(filepath.Join(dir, ReportFile), runs[0].Encode)
	}
	return WriteFile(filepath.Join(dir, MergedFile), m.Encode)
}

// WriteDir writes everything about a sweep into a directory.
func (s *Sweep) WriteDir(dir, x string, metrics []string) error {
	figures, err := s.Figures(x, metrics)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := WriteFigures(dir, figures); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		TableFile: s.CSV,
		SweepFile: s.Encode,
		PageFile:  func(w io.Writer) error { return s.HTML(w, x, metrics) },
	} {
		if err := WriteFile(filepath.Join(dir, name), write); err != nil {
			return err
		}
	}
	return nil
}

// WriteFigures writes each figure as NAME.svg and NAME.png.
func WriteFigures(dir string, figures []Figure) error {
	for _, f := range figures {
		for ext, draw := range map[string]func() ([]byte, error){".svg": f.SVG, ".png": f.PNG} {
			data, err := draw()
			if err != nil {
				return err
			}
			err = WriteFile(filepath.Join(dir, f.Name+ext), func(w io.Writer) error {
				_, err := w.Write(data)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
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
