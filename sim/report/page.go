package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// inline fits a drawing into a page: without its prologue and fixed size, in
// the colours of the page's theme, and with its title for those who cannot see.
func inline(f Figure) (pageFigure, error) {
	data, err := f.SVG()
	if err != nil {
		return pageFigure{}, err
	}
	s := string(data)
	start := strings.Index(s, "<svg")
	end := strings.Index(s[max(start, 0):], ">")
	if start < 0 || end < 0 {
		return pageFigure{}, fmt.Errorf("figure %s: not an SVG document", f.Name)
	}
	body := s[start+end+1:]
	for from, to := range map[string]string{"#222222": "var(--ink)", "#666666": "var(--soft)", "#DDDDDD": "var(--grid)", "#0072B2": "var(--blue)", "#D55E00": "var(--vermillion)"} {
		body = strings.ReplaceAll(body, from, to)
	}
	head := fmt.Sprintf(`<svg viewBox="0 0 %.5g %.5g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		f.width.Points(), f.height.Points(), template.HTMLEscapeString(f.Title))
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

func (p *page) add(figures []Figure) error {
	for _, f := range figures {
		x, err := inline(f)
		if err != nil {
			return err
		}
		p.Figures = append(p.Figures, x)
	}
	return nil
}

// HTML writes a page that stands alone: one run, or several that differ in their
// seed only.
func HTML(w io.Writer, runs []*Report) error {
	m, err := Merge(runs)
	if err != nil {
		return err
	}
	r := &m.Report
	if len(runs) == 1 {
		r = runs[0]
	}
	p := &page{Title: plain(r.Scenario), Subtitle: strings.TrimPrefix(r.conditions(m), plain(r.Scenario)+" · ")}
	p.Failures = failures(m)
	c := r.CompletionSeconds
	if c != (Quantiles{}) {
		who := fmt.Sprintf("All %s", plural(r.Nodes, "camera"))
		if r.Unfinished > 0 {
			who = fmt.Sprintf("%d of %s", r.Nodes-r.Unfinished, plural(r.Nodes, "camera"))
		}
		p.Headline = fmt.Sprintf("%s got and verified the image of %s, 95 %% of them within %s of the announcement.", who, formatBytes(r.ImageBytes), formatSeconds(c.P95))
		if r.RatioToBound.P95 > 0 {
			p.Headline += fmt.Sprintf(" That is %s times the fluid bound of %s, the least that any scheme could take over these lines.", digits(r.RatioToBound.P95), formatSeconds(r.FluidBoundSeconds))
		}
		p.Tiles = []tile{{"p50", formatSeconds(c.P50), false}, {"p95", formatSeconds(c.P95), true}, {"max", formatSeconds(c.Max), false}}
		if r.RatioToBound.P95 > 0 {
			p.Tiles = append(p.Tiles, tile{"p95 / fluid bound", digits(r.RatioToBound.P95), true})
		}
	}
	p.Tiles = append(p.Tiles, tile{"unfinished", fmt.Sprint(r.Unfinished), false}, tile{"copies out of seeds", digits(r.SeedCopies), false},
		tile{"duplicate bytes", formatPercent(r.DuplicateRatio), false})
	if err := p.add(Figures(runs)); err != nil {
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
			p.Commands = append(p.Commands, plain(x.Command))
		}
	}
	p.Repeat = Repeatable
	if r.Commit != "" {
		p.Repeat += " Commit " + plain(r.Commit) + "."
	}
	p.Repeat += fmt.Sprintf(" A run took %s of CPU, %s of wall time and at most %s of memory.", formatSeconds(r.CPUSeconds), formatSeconds(r.WallSeconds), formatBytes(r.PeakMemoryBytes))
	return p.write(w)
}

func failures(m *Merged) []failure {
	var out []failure
	if m.Unfinished > 0 {
		text := fmt.Sprintf("%d of %s did not get the image.", m.Unfinished, plural(m.Nodes, "camera"))
		if m.Runs > 1 {
			text = fmt.Sprintf("%d of %d runs; in the worst, %s", m.FailedRuns, m.Runs, text)
		}
		out = append(out, failure{Text: text})
	}
	if len(m.Violations) > 0 {
		f := failure{Text: plural(len(m.Violations), "broken invariant") + "."}
		for i, v := range m.Violations {
			if i == 50 {
				f.List = append(f.List, fmt.Sprintf("… and %d more", len(m.Violations)-i))
				break
			}
			f.List = append(f.List, plain(fmt.Sprintf("%s, at %s: %s", v.Invariant, v.Node, v.Detail)))
		}
		out = append(out, f)
	}
	return out
}

func timesTable(m *Merged, r *Report) pageTable {
	t := pageTable{Title: "Times from the announcement", Head: columns("", "p50", "p95", "p99", "max", "unfinished", "p95 / swarm")}
	add := func(class, name string, q Quantiles, unfinished, ratio string) {
		t.Rows = append(t.Rows, pageRow{class, []string{name, formatSeconds(q.P50), formatSeconds(q.P95), formatSeconds(q.P99), formatSeconds(q.Max), unfinished, ratio}})
	}
	add("us", "swarm", r.CompletionSeconds, fmt.Sprint(r.Unfinished), "")
	if m.Runs > 1 {
		cells := []string{fmt.Sprintf("range over %d seeds", m.Runs)}
		for _, q := range []string{"p50", "p95", "p99", "max"} {
			b := m.Bands["completionSeconds."+q]
			cells = append(cells, digits(b.Min)+" – "+digits(b.Max)+" s")
		}
		t.Rows = append(t.Rows, pageRow{"range", append(cells, "", "")})
	}
	for _, key := range r.baselineKeys() {
		b := r.Baselines[key]
		ratio := ""
		if s := r.Speedup(key); s > 0 {
			ratio = digits(s)
		}
		add("", plain(BaselineLabel(key)), b.Quantiles, fmt.Sprint(b.Unfinished), ratio)
	}
	if r.AnnounceSeconds != (Quantiles{}) {
		add("", "announcement accepted", r.AnnounceSeconds, "", "")
	}
	if len(r.Baselines) > 0 {
		t.After = "p95 / swarm: above 1 the swarm was faster."
	}
	return t
}

// baselineTable says what the baselines model.
func baselineTable(r *Report) pageTable {
	t := pageTable{Title: "What was compared", Head: columns("", "<what it models")}
	t.Rows = append(t.Rows, row("swarm", "real nodes: they hear of the release, confirm it with the chain, fetch it from one another and verify it"))
	for _, key := range r.baselineKeys() {
		note := r.Baselines[key].Note
		if by := r.Baselines[key].ServedBy; by != "" {
			note += " (served by " + by + ")"
		}
		t.Rows = append(t.Rows, row(plain(BaselineLabel(key)), plain(note)))
	}
	return t
}

func termsTable(r *Report) pageTable {
	t := pageTable{Title: "The gain over S3, in its four terms", Head: columns("", "seconds at p95", "<what it is worth"),
		Text: "One number would only restate the parameters. The difference to a daily poll of S3 at p95 is the sum of four terms; a negative one is a loss."}
	for _, x := range r.S3Terms.rows() {
		class := ""
		if x.name == "total" {
			class = "total"
		}
		t.Rows = append(t.Rows, pageRow{class, []string{x.name, formatSeconds(x.seconds), x.why}})
	}
	t.After = "Against S3 with cameras that hear of the release at once: " + timesFaster(r.S3Terms.Speedup) + " at p95."
	if r.S3Terms.SpeedupOverCapped > 0 {
		t.After += " With S3's egress capped: " + timesFaster(r.S3Terms.SpeedupOverCapped) + "."
	}
	return t
}

func moreTables(r *Report) []pageTable {
	var out []pageTable
	if len(r.Sites) > 0 {
		t := pageTable{Title: "Sites", Head: columns("", "cameras", "down", "up", "images down")}
		for i, s := range r.Sites {
			if i == 100 {
				t.After = fmt.Sprintf("… and %d more in the JSON document.", len(r.Sites)-i)
				break
			}
			t.Rows = append(t.Rows, row(plain(s.Name), fmt.Sprint(s.Nodes), formatBytes(s.DownBytes), formatBytes(s.UpBytes), digits(s.Copies)))
		}
		out = append(out, t)
	}
	if len(r.Stages) > 0 {
		t := pageTable{Title: "Stages", Head: columns("", "at", "eligible", "p50", "p95", "max", "unfinished"), After: "Times of a stage count from its start."}
		for _, s := range r.Stages {
			t.Rows = append(t.Rows, row(plain(s.Name), formatSeconds(s.AtSeconds), fmt.Sprint(s.Eligible), formatSeconds(s.Completion.P50), formatSeconds(s.Completion.P95), formatSeconds(s.Completion.Max), fmt.Sprint(s.Unfinished)))
		}
		out = append(out, t)
	}
	if len(r.Faults) > 0 {
		t := pageTable{Title: "Faults", Head: columns("", "when", "nodes", "<what")}
		for _, f := range r.Faults {
			t.Rows = append(t.Rows, row(plain(f.Kind), sinceAnnouncement(f.AtSeconds), fmt.Sprint(f.Nodes), plain(f.Note)))
		}
		out = append(out, t)
	}
	l := r.LinkModel
	t := pageTable{Title: "Lines", Head: columns("class", "nodes", "up", "down", "loss")}
	for _, c := range l.Classes {
		t.Rows = append(t.Rows, row(plain(c.Name), fmt.Sprint(c.Nodes), formatRate(c.Up), formatRate(c.Down), formatPercent(c.Loss)))
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
	t.After = plain(strings.Join(notes, " "))
	if len(t.Rows) > 0 || t.After != "" {
		out = append(out, t)
	}
	conditions := pageTable{Title: "Traffic and settings", Head: columns("", "<")}
	if s := r.tierText(); s != "" {
		conditions.Rows = append(conditions.Rows, row("block bytes from", s))
	}
	conditions.Rows = append(conditions.Rows, row("copies out of seeds", digits(r.SeedCopies)), row("duplicates", formatPercent(r.DuplicateRatio)+" of the bytes needed"))
	if r.MessagesPerBlock > 0 {
		conditions.Rows = append(conditions.Rows, row("messages per block", digits(r.MessagesPerBlock)))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Settings)) {
		conditions.Rows = append(conditions.Rows, row(plain(k), plain(r.Settings[k])))
	}
	return append(out, conditions)
}

// limits says what the figures of a run do not show.
func limits(r *Report) []string {
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
		if s >= 1 {
			out = append(out, fmt.Sprintf("The swarm was %s than an unlimited S3 in this scenario. That depends on the lines' loss, on uplinks, on what cameras share a LAN, and on how near the seeds are.", timesFaster(s)))
		} else {
			out = append(out, fmt.Sprintf("An unlimited S3 that every camera hears of at once was faster here: the swarm was %s at p95. The swarm gains where the origin's share for each camera is small, where the path loses packets, where cameras share a LAN or where a seed is near.", timesFaster(s)))
		}
	}
	return out
}

// HTML writes a page that stands alone about the sweep; nothing is given for x
// and metrics where the defaults will do.
func (s *Sweep) HTML(w io.Writer, x string, metrics []string) error {
	figures, err := s.Figures(x, metrics)
	if err != nil {
		return err
	}
	p := &page{Title: "Sweep: " + joinDistinct(s.reports(), func(r *Report) string { return plain(r.Scenario) })}
	runs := 0
	t := pageTable{Title: "Medians", Head: columns("<", "runs", "p50", "p95", "p95 over seeds", "max", "p95 / bound", "copies", "duplicates", "unfinished"),
		After: Repeatable}
	for _, pt := range s.Points {
		runs += pt.Runs
		b := pt.Bands["completionSeconds.p95"]
		t.Rows = append(t.Rows, row(s.name(pt, ""), fmt.Sprint(pt.Runs), formatSeconds(pt.CompletionSeconds.P50), formatSeconds(pt.CompletionSeconds.P95),
			formatSeconds(b.Min)+" – "+formatSeconds(b.Max), formatSeconds(pt.CompletionSeconds.Max), digits(pt.RatioToBound.P95), digits(pt.SeedCopies), formatPercent(pt.DuplicateRatio), fmt.Sprint(pt.Unfinished)))
		if pt.Merged.Failed() {
			for _, f := range failures(pt.Merged) {
				f.Text = s.name(pt, "") + ": " + f.Text
				p.Failures = append(p.Failures, f)
			}
		}
		for _, r := range pt.Single {
			if r.Command != "" {
				p.Commands = append(p.Commands, plain(r.Command))
			}
		}
	}
	p.Subtitle = fmt.Sprintf("%s of %s; varied: %s", plural(runs, "run"), plural(len(s.Points), "point"), plain(strings.Join(s.Params, ", ")))
	if c := joinDistinct(s.reports(), func(r *Report) string { return r.Commit }); c != "" {
		p.Repeat = Repeatable + " Commit " + plain(c) + "."
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

func (s *Sweep) reports() []*Report {
	out := make([]*Report, len(s.Points))
	for i := range s.Points {
		out[i] = &s.Points[i].Report
	}
	return out
}
