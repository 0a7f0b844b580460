package report

import (
	"fmt"
	"io"
	"strings"

	"camswarm/sim/report/format"
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

// Table writes the report for a terminal of 80 columns.
func (r *Report) Table(w io.Writer) error { return r.table(w, nil) }

// Table writes medians for a terminal of 80 columns, with their range over the
// seeds.
func (m *Merged) Table(w io.Writer) error { return m.table(w, m) }

// Columns of the table of times.
const (
	wTable  = 80
	wName   = 23
	wTime   = 9
	wSmall  = 9
	wRatio  = 10
	tableIn = "  "
)

func (r *Report) table(w io.Writer, m *Merged) error {
	p := &printer{w: w}
	p.linef("%s", format.Wrap(r.Conditions(m), wTable-len(tableIn), tableIn))
	p.linef("")
	r.verdict(p, m)
	p.linef("")

	// Times. The 99th percentile of few cameras is the last one: JSON has it.
	p.linef("%s%s%s%s%s%s%s%s", tableIn, format.Left("from the announcement", wName), format.Right("p50", wTime), format.Right("p95", wTime),
		format.Right("max", wTime), format.Right("missing", wSmall-1), format.Right("p50/swarm", wRatio), format.Right("p95/swarm", wRatio))
	times := func(name string, q Quantiles, cell func(float64) string, rest string) {
		p.linef("%s%s%s%s%s%s", tableIn, format.Left(format.Clip(format.Plain(name), wName), wName), format.Right(cell(q.P50), wTime),
			format.Right(cell(q.P95), wTime), format.Right(cell(q.Max), wTime), rest)
	}
	row := func(name string, q Quantiles, unfinished int, at50, at95 float64) {
		ratio := func(v float64) string {
			if v > 0 {
				return format.Digits(v)
			}
			return ""
		}
		cell := format.Seconds
		if q == (Quantiles{}) {
			cell = func(float64) string { return "-" }
		}
		times(name, q, cell, format.Right(fmt.Sprint(unfinished), wSmall-1)+format.Right(ratio(at50), wRatio)+format.Right(ratio(at95), wRatio))
	}
	row("swarm", r.CompletionSeconds, r.Unfinished, 0, 0)
	for _, key := range r.BaselineKeys() {
		b := r.Baselines[key]
		row(BaselineLabel(key), b.Quantiles, b.Unfinished, r.SpeedupAtP50(key), r.Speedup(key))
	}
	if r.RatioToBound != (Quantiles{}) {
		times("swarm / fluid bound", r.RatioToBound, format.Digits, "")
	}
	for _, of := range []struct {
		name string
		q    Quantiles
	}{{"since the block", r.SinceBlockSeconds}, {"announced", r.AnnounceSeconds}, {"look before install", r.LookAgeSeconds}} {
		if of.q != (Quantiles{}) {
			times(of.name, of.q, format.Seconds, "")
		}
	}
	p.linef("")

	fact := func(name, text string) {
		indent := tableIn + strings.Repeat(" ", wName)
		p.linef("%s%s%s", tableIn, format.Left(name, wName), format.Wrap(text, wTable-format.Width(indent), indent))
	}
	if m != nil && m.Runs > 1 {
		var bands []string
		for _, q := range []string{"p50", "p95", "p99", "max"} {
			b := m.Bands["completionSeconds."+q]
			bands = append(bands, fmt.Sprintf("%s %s–%s s", q, format.Digits(b.Low), format.Digits(b.High)))
		}
		fact("intervals (swarm)", fmt.Sprintf("%s, with %s", strings.Join(bands, " · "), format.Percent(m.Bands["completionSeconds.p95"].Confidence)))
	}
	fact("fluid bound", r.BoundText())
	if r.NATBoundSeconds > 0 {
		fact("bound behind NATs", r.NATBoundText())
	}
	if t := r.TierText(); t != "" {
		fact("block bytes from", t)
	}
	fact("copies out of seeds", format.Digits(r.SeedCopies))
	fact("duplicates", format.Percent(r.DuplicateRatio)+" of the bytes needed")
	if r.MessagesPerBlock > 0 {
		fact("messages per block", format.Digits(r.MessagesPerBlock))
	}

	if t := r.S3Terms; t != nil {
		p.linef("")
		p.linef("%sWhere the gain over a daily poll of S3 comes from", tableIn)
		t50 := r.S3TermsP50
		const wTerm = 12
		heading := ""
		if t50 != nil {
			heading = format.Right("p50", wTime)
		}
		p.linef("%s%s%s%s", tableIn, format.Left("", wTerm), heading, format.Right("p95", wTime))
		for i, term := range t.Rows() {
			middle := ""
			if t50 != nil {
				middle = format.Right(format.Seconds(t50.Rows()[i].Seconds), wTime)
			}
			p.linef("%s%s%s%s  %s", tableIn, format.Left(term.Name, wTerm), middle, format.Right(format.Seconds(term.Seconds), wTime), term.Why)
		}
		p.linef("%s%s", tableIn, format.Wrap(r.AgainstS3(), wTable-len(tableIn), tableIn))
	}
	if len(r.Sites) > 0 {
		p.linef("")
		p.linef("%s%s%s%s%s%s", tableIn, format.Left("site", wName), format.Right("cameras", wSmall), format.Right("down", wTime), format.Right("up", wTime), format.Right("images down", wTime+2))
		for i, s := range r.Sites {
			if i == 12 && len(r.Sites) > 13 {
				p.linef("%s… and %d more sites", tableIn, len(r.Sites)-i)
				break
			}
			p.linef("%s%s%s%s%s%s", tableIn, format.Left(format.Clip(format.Plain(s.Name), wName-1), wName), format.Right(fmt.Sprint(s.Nodes), wSmall), format.Right(format.Bytes(s.DownBytes), wTime),
				format.Right(format.Bytes(s.UpBytes), wTime), format.Right(format.Digits(s.Copies), wTime+2))
		}
	}
	if len(r.Stages) > 0 {
		p.linef("")
		p.linef("%s%s%s%s%s%s%s%s", tableIn, format.Left("stage", wName), format.Right("at", wTime), format.Right("eligible", wSmall), format.Right("p50", wTime), format.Right("p95", wTime), format.Right("max", wTime), format.Right("missing", wSmall))
		for _, s := range r.Stages {
			times := format.Right("-", wTime) + format.Right("-", wTime) + format.Right("-", wTime) // nobody's turn came
			if s.Eligible > 0 {
				times = format.Right(format.Seconds(s.Completion.P50), wTime) + format.Right(format.Seconds(s.Completion.P95), wTime) + format.Right(format.Seconds(s.Completion.Max), wTime)
			}
			p.linef("%s%s%s%s%s%s", tableIn, format.Left(format.Clip(format.Plain(s.Name), wName-1), wName), format.Right(format.Seconds(s.AtSeconds), wTime), format.Right(fmt.Sprint(s.Eligible), wSmall),
				times, format.Right(fmt.Sprint(s.Unfinished), wSmall))
		}
	}
	if len(r.Faults) > 0 {
		p.linef("")
		for _, f := range r.Faults {
			fact("fault: "+format.Clip(format.Plain(f.Kind), wName-8), fmt.Sprintf("%s, %s. %s", format.Since(f.AtSeconds), format.Plural(f.Nodes, "node"), format.Plain(f.Note)))
		}
	}
	p.linef("")
	fact("cost of the run", fmt.Sprintf("%s of CPU, %s of wall time for %s of virtual time, peak memory %s",
		format.Seconds(r.CPUSeconds), format.Seconds(r.WallSeconds), format.Seconds(r.VirtualSeconds), format.Bytes(r.PeakMemoryBytes)))
	if m != nil && m.Runs > 1 {
		fact("repeating", Repeatable)
	}
	return p.err
}

// Conditions is the first line: what ran, where.
func (r *Report) Conditions(m *Merged) string {
	s := fmt.Sprintf("%s · %s, %s · %s links · %s in %s blocks", format.Plain(r.Scenario), format.Plural(r.Nodes, "camera"), format.Plural(r.Seeds, "seed"),
		format.Plain(r.Links), format.Bytes(r.ImageBytes), format.Block(r.BlockBytes))
	if m != nil && m.Runs > 1 {
		s += fmt.Sprintf(" · medians of %d runs, seeds %s", m.Runs, seedList(m.RandomSeeds))
	} else {
		s += fmt.Sprintf(" · seed %d", r.Seed)
	}
	if r.Commit != "" {
		s += " · commit " + format.Commit(r.Commit)
	}
	return s
}

func seedList(seeds []uint64) string {
	out := make([]string, len(seeds))
	for i, s := range seeds {
		out[i] = fmt.Sprint(s)
	}
	return format.Clip(strings.Join(out, ", "), 60)
}

// verdict says what happened in a sentence, and loudly what went wrong.
func (r *Report) verdict(p *printer, m *Merged) {
	c := r.CompletionSeconds
	switch {
	case c == (Quantiles{}):
		p.linef("%sNo camera finished.", tableIn)
	default:
		text := fmt.Sprintf("p50 %s, p95 %s, max %s", format.Seconds(c.P50), format.Seconds(c.P95), format.Seconds(c.Max))
		if q := r.RatioToBound; q.P95 > 0 {
			text += fmt.Sprintf("; p50 and p95 are %s and %s times the fluid bound", format.Digits(q.P50), format.Digits(q.P95))
		}
		p.linef("%s%s.", tableIn, format.Wrap(text, wTable-len(tableIn)-1, tableIn))
	}
	if r.Interrupted {
		p.linef("%s!! INTERRUPTED: this is what there was by then, and no result", tableIn)
	}
	if r.Unfinished > 0 {
		where := fmt.Sprintf("%d of %s did not get the image", r.Unfinished, format.Plural(r.Nodes, "camera"))
		if m != nil && m.Runs > 1 {
			where = fmt.Sprintf("%d of %d runs failed; in the worst, %s", m.FailedRuns, m.Runs, where)
		}
		p.linef("%s!! FAILED: %s", tableIn, where)
	}
	if len(r.Violations) > 0 {
		p.linef("%s!! FAILED: %s", tableIn, format.Plural(len(r.Violations), "broken invariant"))
		for i, v := range r.Violations {
			if i == 10 && len(r.Violations) > 11 {
				p.linef("%s   … and %d more", tableIn, len(r.Violations)-i)
				break
			}
			p.linef("%s   %s", tableIn, format.Wrap(fmt.Sprintf("%s, at %s: %s", format.Plain(v.Invariant), format.Plain(v.Node), format.Plain(v.Detail)), wTable-7, tableIn+"     "))
		}
	}
}

// TierText lists the tiers with their shares.
func (r *Report) TierText() string {
	var total int64
	for _, b := range r.BytesByTier {
		total += b
	}
	if total == 0 {
		return ""
	}
	var parts []string
	for _, tier := range TierKeys(r.BytesByTier) {
		if b := r.BytesByTier[tier]; b > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", format.Plain(tier), format.Percent(float64(b)/float64(total))))
		}
	}
	return strings.Join(parts, " · ") + " of " + format.Bytes(total)
}

// Term is a part of the gain over S3.
type Term struct {
	Name    string
	Seconds float64
	Why     string
}

// Rows are the four terms and their total, as every output shows them.
func (t *S3Terms) Rows() []Term {
	return []Term{
		{"push", t.PushSeconds, "hearing at once instead of asking once a day"},
		{"round trips", t.RoundTripSeconds, "S3's set-up, slow start − the swarm's ramp-up"},
		{"bandwidth", t.BandwidthSeconds, "S3's pipe against the seeds' alone"},
		{"peers", t.PeersSeconds, "the cameras' own uplinks"},
		{"total", t.TotalSeconds, "the poll − the swarm"},
	}
}

// BoundText says what the fluid bound is.
func (r *Report) BoundText() string {
	text := format.Seconds(r.FluidBoundSeconds) + ", the least that any scheme fed by these seeds could take over these lines"
	if b := r.FluidBound95Seconds; b > 0 {
		text += fmt.Sprintf("; %s for 95 %% of the cameras", format.Seconds(b))
		if r.RatioToBound95 > 0 {
			text += fmt.Sprintf(" (p95 is %s times that)", format.Digits(r.RatioToBound95))
		}
	}
	return text
}

// NATBoundText says in words what the NATs leave possible.
func (r *Report) NATBoundText() string {
	text := fmt.Sprintf("%s with regard to who can be connected with whom, %s for 95 %% of the cameras",
		format.Seconds(r.NATBoundSeconds), format.Seconds(r.NATBound95Seconds))
	if r.MeshBoundSeconds > 0 {
		text += fmt.Sprintf("; %s and %s over the connections that there were at the announcement", format.Seconds(r.MeshBoundSeconds), format.Seconds(r.MeshBound95Seconds))
	}
	if r.AlikeSeconds != (Quantiles{}) {
		text += fmt.Sprintf("; p95 %s if each uplink served its neighbours alike", format.Seconds(r.AlikeSeconds.P95))
	}
	return text
}

// AgainstS3 compares the swarm with S3 whose cameras hear of the release at once;
// it is empty without S3Terms.
func (r *Report) AgainstS3() string {
	if r.S3Terms == nil {
		return ""
	}
	both := func(of func(*S3Terms) float64) string {
		text := format.Faster(of(r.S3Terms)) + " at p95"
		if r.S3TermsP50 != nil {
			text = format.Faster(of(r.S3TermsP50)) + " at p50, " + text
		}
		return text
	}
	text := "Against S3, heard of at once: " + both(func(t *S3Terms) float64 { return t.Speedup })
	if r.S3Terms.SpeedupOverCapped > 0 {
		text += "; with S3's egress capped: " + both(func(t *S3Terms) float64 { return t.SpeedupOverCapped })
	}
	return text + "."
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
		name = min(max(name, format.Width(r.Name)), 18)
	}
	p.linef("%s%s%s%s%s%s%s%s", format.Left("run", name), format.Right("p50", 9), format.Right("p95", 9), format.Right("max", 9), format.Right("p95/bound", 10),
		format.Right("copies", 7), format.Right("dup", 7), format.Right("missing", 8))
	for _, x := range rows {
		r := x.Report
		ratio := "-"
		if q := r.RatioToBound; q.P95 > 0 {
			ratio = format.Digits(q.P95)
		}
		mark := ""
		if r.Failed() {
			mark = " !!"
		}
		c := r.CompletionSeconds
		label := format.Plain(x.Name)
		if format.Width(label) > name { // on a line of its own, since it tells the rows apart
			p.linef("%s", format.Clip(label, wTable))
			label = ""
		}
		p.linef("%s%s%s%s%s%s%s%s%s", format.Left(label, name), format.Right(format.Seconds(c.P50), 9), format.Right(format.Seconds(c.P95), 9),
			format.Right(format.Seconds(c.Max), 9), format.Right(ratio, 10), format.Right(format.Digits(r.SeedCopies), 7), format.Right(format.Percent(r.DuplicateRatio), 7),
			format.Right(fmt.Sprint(r.Unfinished), 8), mark)
	}
	return p.err
}
