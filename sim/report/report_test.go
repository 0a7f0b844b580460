package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"camswarm/sim/report"
	"camswarm/sim/report/reporttest"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run go test ./sim/report -update and read the diff\n%s", path, got)
	}
}

func three(t *testing.T) (*report.Merged, []*report.Report) {
	t.Helper()
	runs := []*report.Report{reporttest.Made("flash-crowd", 8, 1), reporttest.Made("flash-crowd", 8, 2), reporttest.Made("flash-crowd", 8, 3)}
	m, err := report.Merge(runs)
	if err != nil {
		t.Fatal(err)
	}
	return m, runs
}

func TestOutputsAreAsRecorded(t *testing.T) {
	r := reporttest.Made("lan", 6, 1)
	r.Stages = []report.Stage{{Name: "canary, 2 cameras", AtSeconds: 0, Eligible: 2, Completion: report.Quantiles{3.1, 3.2, 3.2, 3.2}}, {Name: "100 %", AtSeconds: 7500, Eligible: 6, Completion: report.Quantiles{1.2, 2, 2, 2}}}
	m, _ := three(t)
	bad := reporttest.Broken()
	s, err := report.NewSweep([]*report.Report{reporttest.Made("flash-crowd", 8, 1), reporttest.Made("flash-crowd", 8, 2), reporttest.Made("flash-crowd", 16, 1), bad})
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"run.json":   func(b *bytes.Buffer) error { return r.Encode(b) },
		"run.csv":    func(b *bytes.Buffer) error { return r.CSV(b) },
		"run.txt":    func(b *bytes.Buffer) error { return r.Table(b) },
		"failed.txt": func(b *bytes.Buffer) error { return bad.Table(b) },
		"merged.txt": func(b *bytes.Buffer) error { return m.Table(b) },
		"sweep.txt":  func(b *bytes.Buffer) error { return s.Table(b) },
		"compare.txt": func(b *bytes.Buffer) error {
			return report.Compare(reporttest.Made("lan", 6, 1), reporttest.Made("lan", 8, 2)).Table(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
			if strings.HasSuffix(name, ".txt") {
				for line := range strings.Lines(b.String()) {
					if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
						t.Errorf("%d columns, 80 are promised: %s", n, line)
					}
					if strings.ContainsRune(line, '\x1b') {
						t.Errorf("a name of the report reached the terminal raw: %q", line)
					}
				}
			}
		})
	}
}

func TestDocumentHasThePromisedFields(t *testing.T) {
	var b bytes.Buffer
	if err := new(report.Report).Encode(&b); err != nil { // even an empty one
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("scenario nodes seed links commit imageBytes blockBytes fluidBoundSeconds completionSeconds ratioToBound " +
		"unfinished duplicateRatio seedCopies messagesPerBlock announceSeconds bytesByTier baselines cpuSeconds peakMemoryBytes perNode violations") {
		if v, ok := doc[name]; !ok || string(v) == "null" {
			t.Errorf("%s is missing or null", name)
		}
	}
	for _, name := range []string{"completionSeconds", "ratioToBound", "announceSeconds"} {
		var q map[string]float64
		if err := json.Unmarshal(doc[name], &q); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"p50", "p95", "p99", "max"} {
			if _, ok := q[f]; !ok {
				t.Errorf("%s has no %s", name, f)
			}
		}
	}
}

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	for _, r := range []*report.Report{reporttest.Made("global", 12, 1), reporttest.Made("lan", 3, 2), reporttest.Broken()} {
		var b bytes.Buffer
		if err := r.Encode(&b); err != nil {
			t.Fatal(err)
		}
		got, err := report.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s changed on the way", r.Scenario)
		}
		before := *got
		got.Summarize()
		if got.CompletionSeconds != before.CompletionSeconds || got.Unfinished != before.Unfinished || got.DuplicateRatio != before.DuplicateRatio {
			t.Errorf("%s: the summary does not follow from the nodes", r.Scenario)
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{
		{"empty", ``, "cut off"},
		{"half", `{"schema": 1, "scenario": "x"`, "cut off"},
		{"no schema", `{"scenario": "x"}`, "no schema number"},
		{"newer", `{"schema": 2}`, "of schema 2"},
		{"two documents", `{"schema": 1}{"schema": 1}`, "one report per file"},
		{"wrong type", `{"schema": 1, "nodes": "many"}`, "nodes"},
		{"negative bytes", `{"schema": 1, "imageBytes": -1}`, "imageBytes is -1"},
		{"absurd time", `{"schema": 1, "perNode": [{"verifiedSeconds": 1e300}]}`, "no run has"},
	} {
		_, err := report.Decode(strings.NewReader(c.doc))
		if !errors.Is(err, report.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want report.ErrFormat with %q", c.name, err, c.want)
		}
	}
	if _, err := report.Decode(strings.NewReader(`{"schema": 1, "later": true}`)); err != nil {
		t.Errorf("a field that came later: %v", err)
	}
}

func TestQuantilesAreNearestRank(t *testing.T) {
	var hundred []float64
	for i := range 100 {
		hundred = append(hundred, float64(100-i))
	}
	for _, c := range []struct {
		values []float64
		want   report.Quantiles
	}{
		{nil, report.Quantiles{}},
		{[]float64{7}, report.Quantiles{7, 7, 7, 7}},
		{[]float64{2, 1}, report.Quantiles{1, 2, 2, 2}},
		{[]float64{3, 1, 2}, report.Quantiles{2, 3, 3, 3}},
		{hundred, report.Quantiles{50, 95, 99, 100}},
		{hundred[:20], report.Quantiles{90, 99, 100, 100}},
	} {
		if got := report.QuantilesOf(c.values); got != c.want {
			t.Errorf("QuantilesOf(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("QuantilesOf sorted its argument")
	}
}

func TestSummaryCountsHonestCamerasOnly(t *testing.T) {
	r := &report.Report{ImageBytes: 100, FluidBoundSeconds: 2, PerNode: []report.Node{
		{Role: report.RoleSeed, Sent: 250, Verified: 0.1},
		{Role: report.RoleCamera, Announced: 1, Verified: 3, Received: 110, Duplicate: 10, ByTier: map[string]int64{"seed": 110}},
		{Role: report.RoleCamera, Announced: 6, Joined: 5, Verified: 9, Received: 100, ByTier: map[string]int64{"region": 100}},
		{Role: report.RoleCamera, Announced: 1, Verified: -1},
		{Role: report.RoleCamera, Announced: -1, Verified: -1, Gone: true},
		{Role: "poisoner", Announced: 0, Verified: 99, Received: 5000, Duplicate: 5000},
	}, Baselines: map[string]report.Baseline{"s3": {Seconds: []float64{1, -1, 3}}}}
	r.Summarize()
	if want := (report.Quantiles{3, 4, 4, 4}); r.CompletionSeconds != want {
		t.Errorf("completion %v, want %v", r.CompletionSeconds, want)
	}
	if want := (report.Quantiles{1.5, 2, 2, 2}); r.RatioToBound != want {
		t.Errorf("ratio %v, want %v", r.RatioToBound, want)
	}
	if r.Unfinished != 1 || r.DuplicateRatio != 0.05 || r.SeedCopies != 2.5 || r.AnnounceSeconds.Max != 1 || r.BytesByTier["seed"] != 110 {
		t.Errorf("got %+v", r)
	}
	if b := r.Baselines["s3"]; b.Unfinished != 1 || b.Max != 3 {
		t.Errorf("baseline %+v", b)
	}
}

func TestEveryNodeIsARowOfTheCSV(t *testing.T) {
	r := reporttest.Broken()
	r.PerNode[1].Name = "cam, \"one\"\nline"
	var b bytes.Buffer
	if err := r.CSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+len(r.PerNode) {
		t.Fatalf("%d rows for %d nodes", len(rows), len(r.PerNode))
	}
	if rows[2][0] != r.PerNode[1].Name {
		t.Errorf("name %q, want %q", rows[2][0], r.PerNode[1].Name)
	}
	verified := slices.Index(rows[0], "verified_s")
	for i, n := range r.PerNode {
		if (rows[i+1][verified] == "") != (n.Verified < 0) {
			t.Errorf("%s: verified %q, at %v", n.Name, rows[i+1][verified], n.Verified)
		}
	}
}

func TestMergeTakesMediansAndHidesNoFailure(t *testing.T) {
	m, runs := three(t)
	b := m.Bands["completionSeconds.p95"]
	var p95 []float64
	for _, r := range runs {
		p95 = append(p95, r.CompletionSeconds.P95)
	}
	slices.Sort(p95)
	if b.Median != p95[1] || b.Min != p95[0] || b.Max != p95[2] || m.CompletionSeconds.P95 != p95[1] {
		t.Errorf("band %+v of %v", b, p95)
	}
	if !slices.Equal(m.RandomSeeds, []uint64{1, 2, 3}) || m.Failed() {
		t.Errorf("seeds %v, failed %v", m.RandomSeeds, m.Failed())
	}
	terms := m.S3Terms
	if sum := terms.PushSeconds + terms.RoundTripSeconds + terms.BandwidthSeconds + terms.PeersSeconds; sum != terms.TotalSeconds {
		t.Errorf("terms add up to %v, total %v", sum, terms.TotalSeconds)
	}
	var doc bytes.Buffer
	if err := m.Encode(&doc); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"ratioToBound": {`, `"bands": {`, `"randomSeeds": [`, `not bit for bit`} {
		if !strings.Contains(doc.String(), want) {
			t.Errorf("the document has no %s", want)
		}
	}

	runs[1].PerNode[3].Verified = -1
	runs[1].Summarize()
	runs[2].Violations = []report.Violation{{"i", "n", "d"}}
	m, err := report.Merge(runs)
	if err != nil {
		t.Fatal(err)
	}
	if m.Unfinished != 1 || len(m.Violations) != 1 || m.FailedRuns != 2 || !strings.HasPrefix(m.Violations[0].Detail, "seed 3: ") {
		t.Errorf("a failed run hides: %d unfinished, %v, %d failed", m.Unfinished, m.Violations, m.FailedRuns)
	}

	other := reporttest.Made("flash-crowd", 9, 4)
	other.Links = "fast"
	if _, err := report.Merge(append(runs, other)); !errors.Is(err, report.ErrDiffer) || !strings.Contains(err.Error(), "8 and 9 cameras") || !strings.Contains(err.Error(), "quic and fast") {
		t.Errorf("merging different runs: %v", err)
	}
}

func TestCompareWarnsWhenConditionsDiffer(t *testing.T) {
	a, b := reporttest.Made("flash-crowd", 8, 1), reporttest.Made("flash-crowd", 8, 2)
	if c := report.Compare(a, b); len(c.Warnings) != 0 {
		t.Errorf("warnings for two seeds: %v", c.Warnings)
	}
	b.Links, b.ImageBytes, b.Settings = "fast", 1000, map[string]string{"up": "5"}
	delete(b.Baselines, "s3")
	c := report.Compare(a, b)
	if len(c.Warnings) != 3 {
		t.Errorf("warnings %v", c.Warnings)
	}
	if !slices.Contains(c.OnlyA, "baselines.s3.p95") || len(c.OnlyB) != 0 {
		t.Errorf("only in A %v, only in B %v", c.OnlyA, c.OnlyB)
	}
}

func TestSweepGroupsRunsByWhatVaries(t *testing.T) {
	var runs []*report.Report
	for _, up := range []string{"20", "5", "10"} {
		for seed := range uint64(2) {
			for _, n := range []int{4, 40} {
				r := reporttest.Made("flash-crowd", n, seed)
				r.Settings = map[string]string{"up": up}
				runs = append(runs, r)
			}
		}
	}
	s, err := report.NewSweep(runs)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Params, []string{"nodes", "up"}) || len(s.Points) != 6 || s.Axis() != "up" {
		t.Fatalf("params %v, %d points, axis %s", s.Params, len(s.Points), s.Axis())
	}
	if p := s.Points[0]; p.Values["nodes"] != "4" || p.Values["up"] != "5" || p.Runs != 2 {
		t.Errorf("first point %v with %d runs", p.Values, p.Runs)
	}
	if _, err := report.NewSweep(append(runs, runs[0])); err == nil {
		t.Error("a run given twice counts twice")
	}
	var b bytes.Buffer
	if err := s.CSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 7 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}
