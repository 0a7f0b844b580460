package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"camswarm/sim/report"
	"camswarm/sim/report/figure"
	"camswarm/sim/report/format"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

type page struct {
	Title, Subtitle, Headline string
	Failures                  []failure
	Tiles                     []tile
	Figures                   []pageFigure
	Tables                    []pageTable
	Limits                    []string
	Commands                  []string
	Repeat                    string
}

type failure struct {
	Text string
	List []string
}

type tile struct {
	Name, Value string
	Main        bool
}

type pageFigure struct {
	Title, Caption string
	SVG            template.HTML // made by this package; names in it are escaped
}

type pageTable struct {
	Title, Text, After string
	Head               []column
	Rows               []pageRow
}

type column struct {
	Name string
	Text bool // left-aligned
}

type pageRow struct {
	Class string
	Cells []string
}

func row(cells ...string) pageRow { return pageRow{Cells: cells} }

func columns(names ...string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i].Name = strings.TrimPrefix(n, "<")
		out[i].Text = strings.HasPrefix(n, "<")
	}
	return out
}

// inline fits a drawing into a page: without its fixed size, in the colours of the
// page's theme, and with its title for those who cannot see.
func inline(f figure.Figure) (pageFigure, error) {
	data, width, height, err := f.Inline()
	if err != nil {
		return pageFigure{}, err
	}
	_, body, ok := strings.Cut(string(data), ">")
	if !ok {
		return pageFigure{}, fmt.Errorf("figure %s: not an SVG document", f.Name)
	}
	for from, to := range map[string]string{"#222222": "var(--ink)", "#666666": "var(--soft)", "#DDDDDD": "var(--grid)", "#EEEEEE": "var(--shade)", "#0072B2": "var(--blue)", "#D55E00": "var(--vermillion)"} {
		body = strings.ReplaceAll(body, from, to)
	}
	head := fmt.Sprintf(`<svg viewBox="0 0 %.5g %.5g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		width, height, template.HTMLEscapeString(f.Title))
	return pageFigure{Title: f.Title, Caption: f.Caption, SVG: template.HTML(head + body)}, nil
}

// write keeps numbers and their units on one line.
func (p *page) write(w io.Writer) error {
	p.Headline = keepUnits(p.Headline)
	p.Subtitle = keepUnits(p.Subtitle)
	return pageTemplate.Execute(w, p)
}

var beforeUnit = regexp.MustCompile(`([0-9]) (ms|s|min|h|d|%|B|kB|MB|GB|KiB|MiB)\b`)

func keepUnits(s string) string { return beforeUnit.ReplaceAllString(s, "$1\u00a0$2") }

func (p *page) add(figures []figure.Figure) error {
	for _, f := range figures {
		x, err := inline(f)
		if err != nil {
			return err
		}
		p.Figures = append(p.Figures, x)
	}
	return nil
}

// OfRuns writes a page that stands alone: one run, or several that differ in their
// seed only.
func OfRuns(w io.Writer, runs []*report.Report) error {
	m, err := report.Merge(runs)
	if err != nil {
		return err
	}
	r := &m.Report
	if len(runs) == 1 {
		r = runs[0]
	}
	p := &page{Title: format.Plain(r.Scenario), Subtitle: strings.TrimPrefix(r.Conditions(m), format.Plain(r.Scenario)+" · ")}
	p.Failures = failures(m)
	c := r.CompletionSeconds
	if c != (report.Quantiles{}) {
		who := fmt.Sprintf("All %s", format.Plural(r.Nodes, "camera"))
		if r.Unfinished > 0 {
			who = fmt.Sprintf("%d of %s", r.Nodes-r.Unfinished, format.Plural(r.Nodes, "camera"))
		}
		p.Headline = fmt.Sprintf("%s got and verified the image of %s, half of them within %s and 95 %% within %s of the announcement.",
			who, format.Bytes(r.ImageBytes), format.Seconds(c.P50), format.Seconds(c.P95))
		if q := r.RatioToBound; q.P95 > 0 {
			p.Headline += fmt.Sprintf(" That is %s and %s times the fluid bound of %s.", format.Digits(q.P50), format.Digits(q.P95), r.BoundText())
		}
		p.Tiles = []tile{{"p50", format.Seconds(c.P50), true}, {"p95", format.Seconds(c.P95), true}, {"max", format.Seconds(c.Max), false}}
		if q := r.RatioToBound; q.P95 > 0 {
			p.Tiles = append(p.Tiles, tile{"p50 / fluid bound", format.Digits(q.P50), false}, tile{"p95 / fluid bound", format.Digits(q.P95), true})
		}
	}
	p.Tiles = append(p.Tiles, tile{"unfinished", fmt.Sprint(r.Unfinished), false}, tile{"copies out of seeds", format.Digits(r.SeedCopies), false},
		tile{"duplicate bytes", format.Percent(r.DuplicateRatio), false})
	if err := p.add(figure.OfRuns(runs)); err != nil {
		return err
	}
	p.Tables = append(p.Tables, timesTable(m, r))
	if r.S3Terms != nil {
		p.Tables = append(p.Tables, termsTable(r))
	}
	if len(r.Baselines) > 0 {
		p.Tables = append(p.Tables, baselineTable(r))
	}
	p.Tables = append(p.Tables, moreTables(r)...)
	p.Limits = limits(r)
	for _, x := range runs {
		if x.Command != "" {
			p.Commands = append(p.Commands, format.Plain(x.Command))
		}
	}
	p.Repeat = report.Repeatable
	if r.Commit != "" {
		p.Repeat += " Commit " + format.Plain(r.Commit) + "."
	}
	p.Repeat += fmt.Sprintf(" A run took %s of CPU, %s of wall time and at most %s of memory.", format.Seconds(r.CPUSeconds), format.Seconds(r.WallSeconds), format.Bytes(r.PeakMemoryBytes))
	return p.write(w)
}

func failures(m *report.Merged) []failure {
	var out []failure
	if m.Interrupted {
		out = append(out, failure{Text: "The run was interrupted: this is what there was by then, and no result."})
	}
	if m.Unfinished > 0 {
		text := fmt.Sprintf("%d of %s did not get the image.", m.Unfinished, format.Plural(m.Nodes, "camera"))
		if m.Runs > 1 {
			text = fmt.Sprintf("%d of %d runs; in the worst, %s", m.FailedRuns, m.Runs, text)
		}
		out = append(out, failure{Text: text})
	}
	if len(m.Violations) > 0 {
		f := failure{Text: format.Plural(len(m.Violations), "broken invariant") + "."}
		for i, v := range m.Violations {
			if i == 50 {
				f.List = append(f.List, fmt.Sprintf("… and %d more", len(m.Violations)-i))
				break
			}
			f.List = append(f.List, format.Plain(fmt.Sprintf("%s, at %s: %s", v.Invariant, v.Node, v.Detail)))
		}
		out = append(out, f)
	}
	return out
}

func timesTable(m *report.Merged, r *report.Report) pageTable {
	t := pageTable{Title: "Times from the announcement", Head: columns("", "p50", "p95", "p99", "max", "unfinished", "p50 / swarm", "p95 / swarm")}
	add := func(class, name string, q report.Quantiles, unfinished string, at50, at95 float64) {
		ratio := func(v float64) string {
			if v > 0 {
				return format.Digits(v)
			}
			return ""
		}
		t.Rows = append(t.Rows, pageRow{class, []string{name, format.Seconds(q.P50), format.Seconds(q.P95), format.Seconds(q.P99), format.Seconds(q.Max), unfinished, ratio(at50), ratio(at95)}})
	}
	add("us", "swarm", r.CompletionSeconds, fmt.Sprint(r.Unfinished), 0, 0)
	if m.Runs > 1 {
		for _, x := range []struct {
			name string
			of   func(report.Band) (lo, hi float64)
		}{
			{fmt.Sprintf("range over %d seeds", m.Runs), func(b report.Band) (float64, float64) { return b.Min, b.Max }},
			{fmt.Sprintf("interval of the median, %s", format.Percent(m.Bands["completionSeconds.p95"].Confidence)), func(b report.Band) (float64, float64) { return b.Low, b.High }},
		} {
			cells := []string{x.name}
			for _, q := range []string{"p50", "p95", "p99", "max"} {
				lo, hi := x.of(m.Bands["completionSeconds."+q])
				cells = append(cells, format.Digits(lo)+" – "+format.Digits(hi)+" s")
			}
			t.Rows = append(t.Rows, pageRow{"range", append(cells, "", "", "")})
		}
	}
	for _, key := range r.BaselineKeys() {
		b := r.Baselines[key]
		add("", format.Plain(report.BaselineLabel(key)), b.Quantiles, fmt.Sprint(b.Unfinished), r.SpeedupAtP50(key), r.Speedup(key))
	}
	if r.AnnounceSeconds != (report.Quantiles{}) {
		add("", "announcement accepted", r.AnnounceSeconds, "", 0, 0)
	}
	if len(r.Baselines) > 0 {
		t.After = "p50 / swarm, p95 / swarm: above 1 the swarm was faster there."
	}
	return t
}

// baselineTable says what the baselines model.
func baselineTable(r *report.Report) pageTable {
	t := pageTable{Title: "What was compared", Head: columns("", "<what it models")}
	t.Rows = append(t.Rows, row("swarm", "real nodes: they hear of the release, confirm it with the chain, fetch it from one another and verify it"))
	for _, key := range r.BaselineKeys() {
		note := r.Baselines[key].Note
		if by := r.Baselines[key].ServedBy; by != "" {
			note += " (served by " + by + ")"
		}
		t.Rows = append(t.Rows, row(format.Plain(report.BaselineLabel(key)), format.Plain(note)))
	}
	return t
}

func termsTable(r *report.Report) pageTable {
	t := pageTable{Title: "The gain over S3, in its four terms", Head: columns("", "at p50", "at p95", "<what it is worth"), After: r.AgainstS3(),
		Text: "One number would only restate the parameters. The difference to a daily poll of S3 is the sum of four terms; a negative one is a loss."}
	for i, x := range r.S3Terms.Rows() {
		class, at50 := "", "" // a report of an earlier version has no medians
		if x.Name == "total" {
			class = "total"
		}
		if r.S3TermsP50 != nil {
			at50 = format.Seconds(r.S3TermsP50.Rows()[i].Seconds)
		}
		t.Rows = append(t.Rows, pageRow{class, []string{x.Name, at50, format.Seconds(x.Seconds), x.Why}})
	}
	return t
}

func moreTables(r *report.Report) []pageTable {
	var out []pageTable
	if len(r.Sites) > 0 {
		t := pageTable{Title: "Sites", Head: columns("", "cameras", "down", "up", "images down")}
		for i, s := range r.Sites {
			if i == 100 {
				t.After = fmt.Sprintf("… and %d more in the JSON document.", len(r.Sites)-i)
				break
			}
			t.Rows = append(t.Rows, row(format.Plain(s.Name), fmt.Sprint(s.Nodes), format.Bytes(s.DownBytes), format.Bytes(s.UpBytes), format.Digits(s.Copies)))
		}
		out = append(out, t)
	}
	if len(r.Stages) > 0 {
		t := pageTable{Title: "Stages", Head: columns("", "at", "eligible", "p50", "p95", "max", "unfinished"), After: "Times of a stage count from its start."}
		for _, s := range r.Stages {
			t.Rows = append(t.Rows, row(format.Plain(s.Name), format.Seconds(s.AtSeconds), fmt.Sprint(s.Eligible), format.Seconds(s.Completion.P50), format.Seconds(s.Completion.P95), format.Seconds(s.Completion.Max), fmt.Sprint(s.Unfinished)))
		}
		out = append(out, t)
	}
	if len(r.Faults) > 0 {
		t := pageTable{Title: "Faults", Head: columns("", "when", "nodes", "<what")}
		for _, f := range r.Faults {
			t.Rows = append(t.Rows, row(format.Plain(f.Kind), format.Since(f.AtSeconds), fmt.Sprint(f.Nodes), format.Plain(f.Note)))
		}
		out = append(out, t)
	}
	l := r.LinkModel
	t := pageTable{Title: "Lines", Head: columns("class", "nodes", "up", "down", "loss")}
	for _, c := range l.Classes {
		t.Rows = append(t.Rows, row(format.Plain(c.Name), fmt.Sprint(c.Nodes), format.Rate(c.Up), format.Rate(c.Down), format.Percent(c.Loss)))
	}
	var notes []string
	if l.Latency != "" {
		notes = append(notes, "Latency: "+l.Latency+".")
	}
	if l.Chain != "" {
		notes = append(notes, "Chain: "+l.Chain+".")
	}
	for _, n := range l.Notes {
		notes = append(notes, n+".")
	}
	t.After = format.Plain(strings.Join(notes, " "))
	if len(t.Rows) > 0 || t.After != "" {
		out = append(out, t)
	}
	conditions := pageTable{Title: "Traffic and settings", Head: columns("", "<")}
	if s := r.TierText(); s != "" {
		conditions.Rows = append(conditions.Rows, row("block bytes from", s))
	}
	conditions.Rows = append(conditions.Rows, row("copies out of seeds", format.Digits(r.SeedCopies)), row("duplicates", format.Percent(r.DuplicateRatio)+" of the bytes needed"))
	if r.MessagesPerBlock > 0 {
		conditions.Rows = append(conditions.Rows, row("messages per block", format.Digits(r.MessagesPerBlock)))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Settings)) {
		conditions.Rows = append(conditions.Rows, row(format.Plain(k), format.Plain(r.Settings[k])))
	}
	return append(out, conditions)
}

// limits says what the figures of a run do not show.
func limits(r *report.Report) []string {
	out := []string{
		"Time is virtual: the CPU and the flash of a camera cost nothing here. What they cost on devices is measured elsewhere.",
		"Nodes, announcements, verification and the block exchange are the real programs; the lines between them and the chain's answers are models, described above.",
	}
	switch r.Links {
	case "fast":
		out = append(out, "The links are the fast model, which has no encryption and no loss and is somewhat optimistic, most in the tail. Compare settings with it; publish times from QUIC links.")
	case "quic":
		out = append(out, "The links carry real QUIC packets; every sender, those of the baselines too, uses the same congestion control.")
	}
	if s := r.Speedup("s3"); s > 0 {
		both := fmt.Sprintf("%s at p50 and %s at p95", format.Faster(r.SpeedupAtP50("s3")), format.Faster(s))
		if s >= 1 {
			out = append(out, fmt.Sprintf("Against an unlimited S3 the swarm was %s in this scenario. That depends on the lines' loss, on uplinks, on what cameras share a LAN, and on how near the seeds are.", both))
		} else {
			out = append(out, fmt.Sprintf("An unlimited S3 that every camera hears of at once was faster here: the swarm was %s. The swarm gains where the origin's share for each camera is small, where the path loses packets, where cameras share a LAN or where a seed is near.", both))
		}
	}
	return out
}

// OfSweep writes a page that stands alone about a sweep; nothing is given for x
// and metrics where the defaults will do.
func OfSweep(w io.Writer, s *report.Sweep, x string, metrics []string) error {
	figures, err := figure.OfSweep(s, x, metrics)
	if err != nil {
		return err
	}
	p := &page{Title: "Sweep: " + report.Distinct(reports(s), func(r *report.Report) string { return format.Plain(r.Scenario) })}
	runs := 0
	t := pageTable{Title: "Medians", Head: columns("<", "runs", "p50", "p50 over seeds", "p95", "p95 over seeds", "max", "p50 / bound", "p95 / bound", "copies", "duplicates", "unfinished"),
		After: report.Repeatable}
	for _, pt := range s.Points {
		runs += pt.Runs
		middle, most := pt.Bands["completionSeconds.p50"], pt.Bands["completionSeconds.p95"]
		over := func(b report.Band) string { return format.Seconds(b.Min) + " – " + format.Seconds(b.Max) }
		c := pt.CompletionSeconds
		t.Rows = append(t.Rows, row(s.Name(pt, ""), fmt.Sprint(pt.Runs), format.Seconds(c.P50), over(middle), format.Seconds(c.P95), over(most), format.Seconds(c.Max),
			format.Digits(pt.RatioToBound.P50), format.Digits(pt.RatioToBound.P95), format.Digits(pt.SeedCopies), format.Percent(pt.DuplicateRatio), fmt.Sprint(pt.Unfinished)))
		if pt.Merged.Failed() {
			for _, f := range failures(pt.Merged) {
				f.Text = s.Name(pt, "") + ": " + f.Text
				p.Failures = append(p.Failures, f)
			}
		}
		for _, r := range pt.Single {
			if r.Command != "" {
				p.Commands = append(p.Commands, format.Plain(r.Command))
			}
		}
	}
	p.Subtitle = fmt.Sprintf("%s of %s; varied: %s", format.Plural(runs, "run"), format.Plural(len(s.Points), "point"), format.Plain(strings.Join(s.Params, ", ")))
	if c := report.Distinct(reports(s), func(r *report.Report) string { return r.Commit }); c != "" {
		p.Repeat = report.Repeatable + " Commit " + format.Plain(c) + "."
	}
	p.Tables = []pageTable{t}
	first := s.Points[0].Report
	first.Baselines = nil // what holds for one point need not for another
	p.Limits = limits(&first)
	if err := p.add(figures); err != nil {
		return err
	}
	return p.write(w)
}

func reports(s *report.Sweep) []*report.Report {
	out := make([]*report.Report, len(s.Points))
	for i := range s.Points {
		out[i] = &s.Points[i].Report
	}
	return out
}
