package report

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"camswarm/sim/report/format"
)

// Sweep is runs over a grid of parameters: for each point the runs that differ
// in their seed only.
type Sweep struct {
	Params []string `json:"params"` // that vary, in the order of their names
	Points []Point  `json:"points"` // ordered by the values of Params
}

// Point is one combination of parameters.
type Point struct {
	Values map[string]string `json:"values"` // of every parameter of the sweep
	*Merged
}

// NewSweep groups runs.
func NewSweep(runs []*Report) (*Sweep, error) {
	if len(runs) == 0 {
		return nil, errors.New("no runs to merge")
	}
	all := make([]map[string]string, len(runs))
	distinct := map[string]map[string]bool{}
	for i, r := range runs {
		all[i] = r.params()
		for k := range all[i] {
			distinct[k] = map[string]bool{}
		}
	}
	for k := range distinct {
		for _, p := range all {
			distinct[k][p[k]] = true // "" where it is not set
		}
	}
	s := &Sweep{Params: []string{}}
	for _, k := range slices.Sorted(maps.Keys(distinct)) {
		if len(distinct[k]) > 1 {
			s.Params = append(s.Params, k)
		}
	}
	groups := map[string][]*Report{}
	values := map[string]map[string]string{}
	for i, r := range runs {
		v := map[string]string{}
		key := ""
		for _, k := range s.Params {
			v[k] = all[i][k]
			key += strconv.Quote(v[k])
		}
		for _, other := range groups[key] {
			if other.Seed == r.Seed {
				return nil, fmt.Errorf("two runs of %s have seed %d and equal parameters: give each run once", r.Scenario, r.Seed)
			}
		}
		groups[key] = append(groups[key], r)
		values[key] = v
	}
	for key, group := range groups {
		slices.SortFunc(group, func(a, b *Report) int { return cmp.Compare(a.Seed, b.Seed) })
		m, err := Merge(group)
		if err != nil {
			return nil, err
		}
		s.Points = append(s.Points, Point{values[key], m})
	}
	slices.SortFunc(s.Points, func(a, b Point) int {
		for _, k := range s.Params {
			if c := CompareValues(a.Values[k], b.Values[k]); c != 0 {
				return c
			}
		}
		return 0
	})
	return s, nil
}

// params are the conditions of a run under the names of a scenario's keys.
func (r *Report) params() map[string]string {
	p := maps.Clone(r.Settings)
	if p == nil {
		p = map[string]string{}
	}
	delete(p, "seed")
	p["scenario"], p["links"] = r.Scenario, r.Links
	p["nodes"] = strconv.Itoa(r.Nodes)
	p["image_bytes"], p["block_bytes"] = strconv.FormatInt(r.ImageBytes, 10), strconv.FormatInt(r.BlockBytes, 10)
	return p
}

// CompareValues orders numbers as numbers and everything else as text.
func CompareValues(a, b string) int {
	x, errA := strconv.ParseFloat(a, 64)
	y, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil {
		return cmp.Compare(x, y)
	}
	return strings.Compare(a, b)
}

// Name says what sets a point apart.
func (s *Sweep) Name(p Point, except string) string {
	var parts []string
	for _, k := range s.Params {
		if k == except {
			continue
		}
		v := p.Values[k]
		switch {
		case v == "":
			v = k + " unset"
		case k == "scenario" || k == "links":
		default:
			v = k + " " + v
		}
		parts = append(parts, format.Plain(v))
	}
	if len(parts) == 0 {
		return "swarm"
	}
	return strings.Join(parts, ", ")
}

// Failed says whether any run of the sweep broke a promise.
func (s *Sweep) Failed() bool {
	return slices.ContainsFunc(s.Points, func(p Point) bool { return p.Merged.Failed() })
}

// Encode writes the sweep as one JSON document.
func (s *Sweep) Encode(w io.Writer) error { return encode(w, s) }

// Table writes one line for each point.
func (s *Sweep) Table(w io.Writer) error {
	rows := make([]Row, len(s.Points))
	runs := 0
	for i, p := range s.Points {
		rows[i] = Row{Name: s.Name(p, ""), Report: &p.Report, Runs: p.Runs}
		if len(s.Params) == 0 {
			rows[i].Name = format.Plain(p.Scenario)
		}
		runs += p.Runs
	}
	if err := Rows(w, rows); err != nil {
		return err
	}
	p := &printer{w: w}
	p.linef("%s of %s; medians over seeds.", format.Plural(runs, "run"), format.Plural(len(s.Points), "point"))
	p.linef("%s", format.Wrap(Repeatable, wTable, ""))
	return p.err
}

// CSV writes one row for each point: parameters, runs, and for each metric the
// median, least and greatest value over the seeds. An empty cell means that the
// metric was not measured there.
func (s *Sweep) CSV(w io.Writer) error {
	var names []string
	for _, p := range s.Points {
		for name := range p.Bands {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	header := slices.Concat(s.Params, []string{"runs", "failed_runs"})
	for _, n := range names {
		header = append(header, n, n+".min", n+".max")
	}
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return err
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
	for _, p := range s.Points {
		var row []string
		for _, k := range s.Params {
			row = append(row, p.Values[k])
		}
		row = append(row, strconv.Itoa(p.Runs), strconv.Itoa(p.FailedRuns))
		for _, n := range names {
			if b, ok := p.Bands[n]; ok {
				row = append(row, number(b.Median), number(b.Min), number(b.Max))
			} else {
				row = append(row, "", "", "")
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Axis returns the parameter that is drawn along the axis unless another is
// asked for: the one with most values, numbers before words.
func (s *Sweep) Axis() string {
	best, score := "", 0
	for _, k := range s.Params {
		values := map[string]bool{}
		numeric := true
		for _, p := range s.Points {
			v := p.Values[k]
			values[v] = true
			if _, err := strconv.ParseFloat(v, 64); err != nil {
				numeric = false
			}
		}
		n := len(values)
		if numeric {
			n += 1000
		}
		if n > score {
			best, score = k, n
		}
	}
	return best
}
