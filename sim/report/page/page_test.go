package page

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"camswarm/sim/report"
	"camswarm/sim/report/format"
	"camswarm/sim/report/reporttest"
)

func three(t *testing.T) (*report.Merged, []*report.Report) {
	t.Helper()
	runs := []*report.Report{reporttest.Made("flash-crowd", 8, 1), reporttest.Made("flash-crowd", 8, 2), reporttest.Made("flash-crowd", 8, 3)}
	m, err := report.Merge(runs)
	if err != nil {
		t.Fatal(err)
	}
	return m, runs
}

func TestNamesOfAReportAreNoMarkup(t *testing.T) {
	for _, r := range append(reporttest.Odd(), reporttest.Made("lan", 5, 1)) {
		t.Run(format.Plain(r.Scenario), func(t *testing.T) {
			var b bytes.Buffer
			if err := OfRuns(&b, []*report.Report{r}); err != nil {
				t.Fatal(err)
			}
			if p := b.String(); strings.Contains(p, "<script") || strings.Contains(p, "<img") || strings.ContainsRune(p, '\x1b') {
				t.Error("a name of the report became markup")
			}
		})
	}
}

func TestPageStandsAlone(t *testing.T) {
	m, runs := three(t)
	var b bytes.Buffer
	if err := OfRuns(&b, runs); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"src=", "href=", "url(", "@import", "<link", "<script"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page refers to something outside itself: %s", bad)
		}
	}
	for _, want := range []string{runs[0].Command, format.Seconds(m.CompletionSeconds.P95), report.Repeatable, "prefers-color-scheme", "@media print", runs[0].Commit, "push", "round trips", "bandwidth", "peers"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(page, "<svg"); n != 4 {
		t.Errorf("%d figures on the page, want 4", n)
	}
}

func TestDirectoryHoldsEverything(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	r := reporttest.Made("lan", 5, 1)
	if err := WriteRuns(dir, []*report.Report{r}, true); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{report.ReportFile, report.NodesFile, report.PageFile, "completion-cdf.svg", "completion-cdf.png", "progress.svg", "bytes-by-tier.png", "announcement-cdf.svg", "line-use.png"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, report.ReportFile)} {
		if got, err := report.ReadFile(path); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("reading %s back: %v", path, err)
		}
	}
	if _, err := report.ReadFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "camsim run --out") {
		t.Errorf("reading an empty directory: %v", err)
	}
	if _, err := report.Find([]string{t.TempDir()}); err == nil {
		t.Error("an empty directory has reports")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files are left: %v, %v", left, err)
	}
}
