package camswarm_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateMetrics = flag.Bool("update", false, "write the table of docs/METRICS.md anew")

// A metric as the code makes it.
type metric struct{ name, kind, labels, help string }

// metricsOfTheCode finds what nodes register, in the literals that make it.
func metricsOfTheCode(t *testing.T) (all []metric) {
	eachFile(t, 0, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "sim/") || strings.HasPrefix(path, "cmd/") {
			return
		}
		prefix := "" // of name("…"), the helper of some files
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fmt.Sprint(sel.X) != "prometheus" {
				return true
			}
			text := func(e ast.Expr) string {
				switch e := e.(type) {
				case *ast.BasicLit:
					if e.Kind == token.STRING {
						s, _ := strconv.Unquote(e.Value)
						return s
					}
				case *ast.CallExpr:
					if fmt.Sprint(e.Fun) == "name" && len(e.Args) == 1 {
						if lit, ok := e.Args[0].(*ast.BasicLit); ok {
							s, _ := strconv.Unquote(lit.Value)
							return prefix + s
						}
					}
				}
				return ""
			}
			labelsOf := func(e ast.Expr) string {
				var names []string
				if lit, ok := e.(*ast.CompositeLit); ok {
					for _, l := range lit.Elts {
						names = append(names, text(l))
					}
				}
				return strings.Join(names, ", ")
			}
			switch what := sel.Sel.Name; {
			case what == "BuildFQName":
				if a, b := text(call.Args[0]), text(call.Args[1]); a != "" && b != "" {
					prefix = a + "_" + b + "_"
				}
			case what == "NewDesc":
				all = append(all, metric{text(call.Args[0]), "gauge", labelsOf(call.Args[2]), text(call.Args[1])})
			case strings.HasPrefix(what, "NewCounter"), strings.HasPrefix(what, "NewGauge"), strings.HasPrefix(what, "NewHistogram"), strings.HasPrefix(what, "NewSummary"):
				m := metric{kind: strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(what, "New"), "Vec"), "Func"))}
				opts, ok := call.Args[0].(*ast.CompositeLit)
				if !ok {
					t.Errorf("%s: a metric whose options are no literal", path)
					return true
				}
				parts := map[string]string{}
				for _, e := range opts.Elts {
					kv := e.(*ast.KeyValueExpr)
					parts[fmt.Sprint(kv.Key)] = text(kv.Value)
				}
				for _, part := range []string{"Namespace", "Subsystem", "Name"} {
					if parts[part] != "" {
						m.name = strings.TrimPrefix(m.name+"_"+parts[part], "_")
					}
				}
				m.help = parts["Help"]
				if strings.HasSuffix(what, "Vec") {
					m.labels = labelsOf(call.Args[1])
				}
				all = append(all, m)
			}
			return true
		})
	})
	for i, m := range all {
		if m.kind == "gauge" && strings.HasSuffix(m.name, "_total") {
			all[i].kind = "counter"
		}
		if !strings.HasPrefix(m.name, "camswarm_") || m.help == "" {
			t.Errorf("a metric that this test cannot read, or that has no name or help: %+v", m)
		}
	}
	slices.SortFunc(all, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	if len(all) < 30 {
		t.Fatalf("only %d metrics found: the test looks in the wrong place", len(all))
	}
	return all
}

// TestMetricsAreThoseOfTheDocument holds docs/METRICS.md to the code.
func TestMetricsAreThoseOfTheDocument(t *testing.T) {
	var want strings.Builder
	want.WriteString("| metric | kind | labels | what |\n|---|---|---|---|\n")
	for _, m := range metricsOfTheCode(t) {
		labels := ""
		if m.labels != "" {
			labels = "`" + strings.ReplaceAll(m.labels, ", ", "`, `") + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
	}
	const path = "docs/METRICS.md"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), "<!-- metrics -->\n")
	got, tail, more := strings.Cut(rest, "<!-- end -->")
	if !ok || !more {
		t.Fatalf("%s has no place for the table", path)
	}
	if *updateMetrics {
		if err := os.WriteFile(path, []byte(head+"<!-- metrics -->\n"+want.String()+"<!-- end -->"+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want.String() {
		t.Errorf("the table of %s is not that of the code; write it anew by: go test -run Metrics . -update", path)
	}
}

var (
	metricName   = regexp.MustCompile(`\bcamswarm_[a-z_]+`)
	metricLabels = regexp.MustCompile(`\b(camswarm_[a-z_]+)\{([^}]*)\}`)
	labelName    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*\\?"`)
)

// TestDashboardsAndAlertsNameMetricsThatAre holds what operators load to the code.
func TestDashboardsAndAlertsNameMetricsThatAre(t *testing.T) {
	known, labels := map[string]bool{}, map[string][]string{}
	for _, m := range metricsOfTheCode(t) {
		known[m.name] = true
		labels[m.name] = append(strings.Split(m.labels, ", "), "job", "instance", "product")
	}
	files, err := filepath.Glob("deploy/prometheus/*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == ".json" && !json.Valid(data) {
			t.Errorf("%s is no JSON", path)
		}
		for _, name := range metricName.FindAllString(string(data), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which no node has", path, name)
			}
		}
		for _, use := range metricLabels.FindAllStringSubmatch(string(data), -1) {
			for _, l := range labelName.FindAllStringSubmatch(use[2], -1) {
				if !slices.Contains(labels[use[1]], l[1]) {
					t.Errorf("%s asks for the label %s of %s, which has none", path, l[1], use[1])
				}
			}
		}
	}
}
