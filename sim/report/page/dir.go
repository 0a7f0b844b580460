package page

import (
	"io"
	"os"
	"path/filepath"

	"camswarm/sim/report"
	"camswarm/sim/report/figure"
)

// WriteRuns writes everything about one run into a directory, or about several
// that differ in their seed only: the JSON document, the CSV of the nodes (of a
// single run), the figures and the page. The document comes first, since it is
// what was measured and all else can be made of it again.
func WriteRuns(dir string, runs []*report.Report, figures bool) error {
	m, err := report.Merge(runs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name, document := report.MergedFile, m.Encode
	if len(runs) == 1 {
		name, document = report.ReportFile, runs[0].Encode
	}
	if err := report.WriteFile(filepath.Join(dir, name), document); err != nil {
		return err
	}
	if len(runs) == 1 {
		if err := report.WriteFile(filepath.Join(dir, report.NodesFile), runs[0].CSV); err != nil {
			return err
		}
	}
	if !figures {
		return nil
	}
	if err := figure.WriteFiles(dir, figure.OfRuns(runs)); err != nil {
		return err
	}
	return report.WriteFile(filepath.Join(dir, report.PageFile), func(w io.Writer) error { return OfRuns(w, runs) })
}

// WriteSweep writes everything about a sweep into a directory; nothing is given
// for x and metrics where the defaults will do.
func WriteSweep(dir string, s *report.Sweep, x string, metrics []string) error {
	figures, err := figure.OfSweep(s, x, metrics)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{report.SweepFile, s.Encode},
		{report.TableFile, s.CSV},
		{report.PageFile, func(w io.Writer) error { return OfSweep(w, s, x, metrics) }},
	} {
		if err := report.WriteFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return figure.WriteFiles(dir, figures)
}
