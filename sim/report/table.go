package report

import (
	"fmt"
	"io"
	"strings"
)

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) linef(format string, args ...any) {
	if p.err == nil {
		line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
		_, p.err = io.WriteString(p.w, line+"\n")
	}
}

// Table writes the report for a terminal of 100 columns.
func (r *Report) Table(w io.Writer) error { return r.table(w, nil) }

// Table writes medians for a terminal of 100 columns, with their range over the
// seeds.
func (m *Merged) Table(w io.Writer) error { return m.table(w, m) }

// Columns of the table of times.
const (
	wName   = 22
	wTime   = 11
	wSmall  = 10
	tableIn = "  "
)

func (r *Report) table(w io.Writer, m *Merged) error {
	p := &printer{w: w}
	p.linef("%s", wrap(r.conditions(m), 98, tableIn))
	p.linef("")
	r.verdict(p, m)
	p.linef("")

	// Times.
	p.linef("%s%s%s%s%s%s%s%s", tableIn, left("from the announcement", wName), right("p50", wTime), right("p95", wTime), right("p99", wTime),
		right("max", wTime), right("unfinished", wSmall+2), right("p95/swarm", wSmall+1))
	row := func(name string, q Quantiles, unfinished int, against float64) {
		ratio := ""
		if against > 0 {
			ratio = digits(against)
		}
		cells := []string{formatSeconds(q.P50), formatSeconds(q.P95), formatSeconds(q.P99), formatSeconds(q.Max)}
		if q == (Quantiles{}) {
			cells = []string{"-", "-", "-", "-"}
		}
		p.linef("%s%s%s%s%s%s%s%s", tableIn, left(clip(plain(name), wName-1), wName), right(cells[0], wTime), right(cells[1], wTime), right(cells[2], wTime),
			right(cells[3], wTime), right(fmt.Sprint(unfinished), wSmall+2), right(ratio, wSmall+1))
	}
	row("swarm", r.CompletionSeconds, r.Unfinished, 0)
	if m != nil && m.Runs > 1 {
		cells := make([]string, 0, 4)
		for _, q := range []string{"p50", "p95", "p99", "max"} {
			b := m.Bands["completionSeconds."+q]
			cells = append(cells, right(digits(b.Min)+"–"+digits(b.Max), wTime))
		}
		p.linef("%s%s%s", tableIn, left("  lowest–highest, s", wName), strings.Join(cells, ""))
	}
	for _, key := range r.baselineKeys() {
		b := r.Baselines[key]
		row(BaselineLabel(key), b.Quantiles, b.Unfinished, r.Speedup(key))
	}
	if r.RatioToBound != (Quantiles{}) {
		q := r.RatioToBound
		p.linef("%s%s%s%s%s%s", tableIn, left("swarm / fluid bound", wName), right(digits(q.P50), wTime), right(digits(q.P95), wTime), right(digits(q.P99), wTime), right(digits(q.Max), wTime))
	}
	if a := r.AnnounceSeconds; a != (Quantiles{}) {
		p.linef("%s%s%s%s%s%s", tableIn, left("announced", wName), right(formatSeconds(a.P50), wTime), right(formatSeconds(a.P95), wTime), right(formatSeconds(a.P99), wTime), right(formatSeconds(a.Max), wTime))
	}
	p.linef("")

	fact := func(name, text string) {
		indent := tableIn + strings.Repeat(" ", wName)
		p.linef("%s%s%s", tableIn, left(name, wName), wrap(text, 100-runes(indent), indent))
	}
	fact("fluid bound", formatSeconds(r.FluidBoundSeconds)+", the least that any scheme could take over these lines")
	if t := r.tierText(); t != "" {
		fact("block bytes from", t)
	}
	fact("copies out of seeds", digits(r.SeedCopies))
	fact("duplicates", formatPercent(r.DuplicateRatio)+" of the bytes needed")
	if r.MessagesPerBlock > 0 {
		fact("messages per block", digits(r.MessagesPerBlock))
	}

	if t := r.S3Terms; t != nil {
		p.linef("")
		p.linef("%sWhere the gain over a daily poll of S3 comes from, at p95", tableIn)
		for _, term := range t.rows() {
			p.linef("%s%s%s   %s", tableIn, left(term.name, wName), right(formatSeconds(term.seconds), wTime), term.why)
		}
		against := fmt.Sprintf("against S3, heard of at once: %s", timesFaster(t.Speedup))
		if t.SpeedupOverCapped > 0 {
			against += fmt.Sprintf("; with S3's egress capped: %s", timesFaster(t.SpeedupOverCapped))
		}
		p.linef("%s%s", tableIn, against)
	}
	if len(r.Sites) > 0 {
		p.linef("")
		p.linef("%s%s%s%s%s%s", tableIn, left("site", wName), right("cameras", wSmall), right("down", wTime), right("up", wTime), right("images down", wTime+2))
		for i, s := range r.Sites {
			if i == 12 && len(r.Sites) > 13 {
				p.linef("%s… and %d more sites", tableIn, len(r.Sites)-i)
				break
			}
			p.linef("%s%s%s%s%s%s", tableIn, left(clip(plain(s.Name), wName-1), wName), right(fmt.Sprint(s.Nodes), wSmall), right(formatBytes(s.DownBytes), wTime),
				right(formatBytes(s.UpBytes), wTime), right(digits(s.Copies), wTime+2))
		}
	}
	if len(r.Stages) > 0 {
		p.linef("")
		p.linef("%s%s%s%s%s%s%s%s", tableIn, left("stage", wName), right("at", wTime), right("eligible", wSmall), right("p50", wTime), right("p95", wTime), right("max", wTime), right("unfinished", wSmall+2))
		for _, s := range r.Stages {
			p.linef("%s%s%s%s%s%s%s%s", tableIn, left(clip(plain(s.Name), wName-1), wName), right(formatSeconds(s.AtSeconds), wTime), right(fmt.Sprint(s.Eligible), wSmall),
				right(formatSeconds(s.Completion.P50), wTime), right(formatSeconds(s.Completion.P95), wTime), right(formatSeconds(s.Completion.Max), wTime), right(fmt.Sprint(s.Unfinished), wSmall+2))
		}
	}
	if len(r.Faults) > 0 {
		p.linef("")
		for _, f := range r.Faults {
			fact("fault: "+clip(plain(f.Kind), wName-8), fmt.Sprintf("%s, %s. %s", sinceAnnouncement(f.AtSeconds), plural(f.Nodes, "node"), plain(f.Note)))
		}
	}
	p.linef("")
	fact("cost of the run", fmt.Sprintf("%s of CPU, %s of wall time for %s of virtual time, peak memory %s",
		formatSeconds(r.CPUSeconds), formatSeconds(r.WallSeconds), formatSeconds(r.VirtualSeconds), formatBytes(r.PeakMemoryBytes)))
	if m != nil && m.Runs > 1 {
		fact("repeating", Repeatable)
	}
	return p.err
}

// conditions is the first line: what ran, where.
func (r *Report) conditions(m *Merged) string {
	s := fmt.Sprintf("%s · %s, %s · %s links · %s in %s blocks", plain(r.Scenario), plural(r.Nodes, "camera"), plural(r.Seeds, "seed"),
		plain(r.Links), formatBytes(r.ImageBytes), formatBlock(r.BlockBytes))
	if m != nil && m.Runs > 1 {
		s += fmt.Sprintf(" · medians of %d runs, seeds %s", m.Runs, seedList(m.RandomSeeds))
	} else {
		s += fmt.Sprintf(" · seed %d", r.Seed)
	}
	if r.Commit != "" {
		s += " · commit " + shortCommit(r.Commit)
	}
	return s
}

func seedList(seeds []uint64) string {
	out := make([]string, len(seeds))
	for i, s := range seeds {
		out[i] = fmt.Sprint(s)
	}
	return clip(strings.Join(out, ", "), 60)
}

// verdict says what happened in a sentence, and loudly what went wrong.
func (r *Report) verdict(p *printer, m *Merged) {
	c := r.CompletionSeconds
	switch {
	case c == (Quantiles{}):
		p.linef("%sNo camera finished.", tableIn)
	default:
		text := fmt.Sprintf("p50 %s, p95 %s, max %s", formatSeconds(c.P50), formatSeconds(c.P95), formatSeconds(c.Max))
		if r.RatioToBound.P95 > 0 {
			text += fmt.Sprintf("; p95 is %s times the fluid bound of %s", digits(r.RatioToBound.P95), formatSeconds(r.FluidBoundSeconds))
		}
		p.linef("%s%s.", tableIn, text)
	}
	if r.Unfinished > 0 {
		where := fmt.Sprintf("%d of %s did not get the image", r.Unfinished, plural(r.Nodes, "camera"))
		if m != nil && m.Runs > 1 {
			where = fmt.Sprintf("%d of %d runs failed; in the worst, %s", m.FailedRuns, m.Runs, where)
		}
		p.linef("%s!! FAILED: %s", tableIn, where)
	}
	if len(r.Violations) > 0 {
		p.linef("%s!! FAILED: %s", tableIn, plural(len(r.Violations), "broken invariant"))
		for i, v := range r.Violations {
			if i == 10 && len(r.Violations) > 11 {
				p.linef("%s   … and %d more", tableIn, len(r.Violations)-i)
				break
			}
			p.linef("%s   %s", tableIn, wrap(fmt.Sprintf("%s, at %s: %s", plain(v.Invariant), plain(v.Node), plain(v.Detail)), 94, tableIn+"     "))
		}
	}
}

// tierText lists the tiers with their shares.
func (r *Report) tierText() string {
	var total int64
	for _, b := range r.BytesByTier {
		total += b
	}
	if total == 0 {
		return ""
	}
	var parts []string
	for _, tier := range tierKeys(r.BytesByTier) {
		if b := r.BytesByTier[tier]; b > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", plain(tier), formatPercent(float64(b)/float64(total))))
		}
	}
	return strings.Join(parts, " · ") + " of " + formatBytes(total)
}

type term struct {
	name    string
	seconds float64
	why     string
}

// rows are the four terms and their total, as every output shows them.
func (t *S3Terms) rows() []term {
	return []term{
		{"push", t.PushSeconds, "hearing at once instead of asking once a day"},
		{"round trips", t.RoundTripSeconds, "S3's connection set-up and slow start"},
		{"bandwidth", t.BandwidthSeconds, "S3's pipe against the seed's alone"},
		{"peers", t.PeersSeconds, "the cameras' own uplinks"},
		{"total", t.TotalSeconds, "p95 of the poll − p95 of the swarm"},
	}
}

// timesFaster says how two times compare, from the side of the swarm.
func timesFaster(speedup float64) string {
	switch {
	case speedup <= 0:
		return "not measured"
	case speedup >= 1:
		return digits(speedup) + "x faster"
	}
	return digits(1/speedup) + "x slower"
}

// Row is a run in a table of many.
type Row struct {
	Name   string // what sets it apart
	Report *Report
	Runs   int // that Report is the medians of; 0 or 1: one run
}

// Rows writes one line per run.
func Rows(w io.Writer, rows []Row) error {
	p := &printer{w: w}
	name := 12
	for _, r := range rows {
		name = min(max(name, runes(r.Name)), 30)
	}
	p.linef("%s%s%s%s%s%s%s%s%s", left("run", name), right("p50", 10), right("p95", 10), right("max", 10), right("p95/bound", 11),
		right("copies", 8), right("dup", 8), right("missing", 8), right("CPU", 10))
	for _, x := range rows {
		r := x.Report
		ratio := "-"
		if r.RatioToBound.P95 > 0 {
			ratio = digits(r.RatioToBound.P95)
		}
		mark := ""
		if r.Failed() {
			mark = " !!"
		}
		p.linef("%s%s%s%s%s%s%s%s%s%s", left(clip(plain(x.Name), name), name), right(formatSeconds(r.CompletionSeconds.P50), 10), right(formatSeconds(r.CompletionSeconds.P95), 10),
			right(formatSeconds(r.CompletionSeconds.Max), 10), right(ratio, 11), right(digits(r.SeedCopies), 8), right(formatPercent(r.DuplicateRatio), 8),
			right(fmt.Sprint(r.Unfinished), 8), right(formatSeconds(r.CPUSeconds), 10), mark)
	}
	return p.err
}
