package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"camswarm/sim/report/format"
)

// Change is a metric in two reports.
type Change struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	A     float64 `json:"a"`
	B     float64 `json:"b"`
	Ratio float64 `json:"ratio"` // B / A; 0 if A is 0
}

// Comparison is what changed from one report to another.
type Comparison struct {
	A        string   `json:"a"`
	B        string   `json:"b"`
	Warnings []string `json:"warnings"` // why the two may not be comparable
	Changes  []Change `json:"changes"`  // metrics that both have
	OnlyA    []string `json:"onlyA,omitempty"`
	OnlyB    []string `json:"onlyB,omitempty"`
}

// Compare puts the metrics of two reports side by side and says in what their
// conditions differ.
func Compare(a, b *Report) *Comparison {
	c := &Comparison{A: a.title(), B: b.title(), Warnings: a.differences(b), Changes: []Change{}}
	if c.Warnings == nil {
		c.Warnings = []string{}
	}
	in := map[string]Metric{}
	for _, m := range b.Metrics() {
		in[m.Name] = m
	}
	seen := map[string]bool{}
	for _, m := range a.Metrics() {
		seen[m.Name] = true
		o, ok := in[m.Name]
		if !ok {
			c.OnlyA = append(c.OnlyA, m.Name)
			continue
		}
		change := Change{Name: m.Name, Unit: m.Unit, A: m.Value, B: o.Value}
		if m.Value != 0 {
			change.Ratio = o.Value / m.Value
		}
		c.Changes = append(c.Changes, change)
	}
	for _, m := range b.Metrics() {
		if !seen[m.Name] {
			c.OnlyB = append(c.OnlyB, m.Name)
		}
	}
	return c
}

// Change returns what became of a metric.
func (c *Comparison) Change(name string) (Change, bool) {
	i := slices.IndexFunc(c.Changes, func(x Change) bool { return x.Name == name })
	if i < 0 {
		return Change{}, false
	}
	return c.Changes[i], true
}

// title names a run in one line.
func (r *Report) title() string {
	t := fmt.Sprintf("%s, %s, %s links, seed %d", format.Plain(r.Scenario), format.Plural(r.Nodes, "camera"), format.Plain(r.Links), r.Seed)
	if r.Commit != "" {
		t += ", " + format.Commit(r.Commit)
	}
	return t
}

// Encode writes the comparison as one JSON document.
func (c *Comparison) Encode(w io.Writer) error { return encode(w, c) }

// Table writes the comparison for a terminal of 80 columns.
func (c *Comparison) Table(w io.Writer) error {
	p := &printer{w: w}
	p.linef("A  %s", format.Clip(c.A, wTable-3))
	p.linef("B  %s", format.Clip(c.B, wTable-3))
	for _, warning := range c.Warnings {
		p.linef("%s", format.Wrap("WARNING: not the same conditions: "+format.Plain(warning), wTable-2, "  "))
	}
	p.linef("")
	p.linef("%s%s%s%s", format.Left("", 41), format.Right("A", 14), format.Right("B", 14), format.Right("B / A", 11))
	for _, ch := range c.Changes {
		if ch.minor() {
			continue
		}
		ratio := "-"
		switch {
		case ch.A == ch.B:
			ratio = "="
		case ch.Ratio != 0:
			ratio = format.Digits(ch.Ratio)
		}
		p.linef("%s%s%s%s", format.Left(format.Clip(format.Plain(ch.Name), 40), 41), format.Right(format.Unit(ch.A, ch.Unit), 14), format.Right(format.Unit(ch.B, ch.Unit), 14), format.Right(ratio, 11))
	}
	only := func(which string, names []string) {
		if len(names) == 0 {
			return
		}
		text := "only in " + which + ":"
		for _, n := range names {
			text += " " + format.Plain(n)
		}
		p.linef("%s", format.Wrap(text, wTable-2, "  "))
	}
	only("A", c.OnlyA)
	only("B", c.OnlyB)
	return p.err
}

// minor are rows that the table can do without; the JSON document has them.
func (c Change) minor() bool {
	ends := func(suffixes ...string) bool {
		return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(c.Name, s) })
	}
	baseline := strings.HasPrefix(c.Name, "baselines.")
	return ends(".p99") || baseline && ends(".p50", ".max") || baseline && ends(".unfinished") && c.A == 0 && c.B == 0
}
