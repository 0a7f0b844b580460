package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"camswarm/sim/report/format"
)

// Repeatable is what every output over seeds says about repeating it.
const Repeatable = "Runs are statistically repeatable, not bit for bit: goroutines and keys are not seeded."

// Band is a metric over several runs. The median of an even number of runs is
// the mean of the two in the middle.
type Band struct {
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Values []float64 `json:"values"` // in the order of RandomSeeds

	// Low and High bound the median of all seeds that there could be, with the given
	// Confidence, 0 to 1: see MedianInterval.
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
}

func bandOf(unit string, v []float64) Band {
	b := Band{Unit: unit, Median: Median(v), Min: slices.Min(v), Max: slices.Max(v), Values: v}
	b.Low, b.High, b.Confidence = MedianInterval(v)
	return b
}

// MedianInterval returns the order statistics of a non-empty sample that bound
// the median of what it was drawn from, and with which confidence they do: the
// narrowest that reach 95 %, or of fewer than six values the least and the greatest
// with what they reach. It assumes nothing of the distribution: each value lies
// below the median with a probability of one half.
func MedianInterval(values []float64) (low, high, confidence float64) {
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	// The interval from the k-th least to the k-th greatest misses the median when
	// fewer than k values lie on one of its sides.
	chance := math.Pow(0.5, float64(n)) // that i values lie below
	missed, k := 0.0, 0
	for i := 0; 2*(i+1) <= n; i++ {
		if i > 0 && 1-2*(missed+chance) < 0.95 {
			break
		}
		missed += chance
		k = i + 1
		chance *= float64(n-i) / float64(i+1)
	}
	if k == 0 {
		return s[0], s[n-1], 0 // one value says nothing of its spread
	}
	return s[k-1], s[n-k], 1 - 2*missed
}

// Merged is several runs of one scenario that differ in their random numbers
// only. The embedded report holds the medians under the names that a single run
// has; its list of nodes is empty.
type Merged struct {
	Report
	Runs        int             `json:"runs"`
	FailedRuns  int             `json:"failedRuns"` // with unfinished cameras or violations
	RandomSeeds []uint64        `json:"randomSeeds"`
	Bands       map[string]Band `json:"bands"` // by the path of the metric, e.g. completionSeconds.p95
	Note        string          `json:"note"`

	// Single are the runs themselves, for figures.
	Single []*Report `json:"-"`
}

// ErrDiffer is returned when runs that should be repetitions are not.
var ErrDiffer = errors.New("the runs differ in more than their seed")

// Merge makes medians and bands of runs of one scenario. Unfinished is the
// worst of all runs and Violations are those of all, so that a median cannot
// hide a failure.
func Merge(runs []*Report) (*Merged, error) {
	if len(runs) == 0 {
		return nil, errors.New("no runs to merge")
	}
	first := runs[0]
	for _, r := range runs[1:] {
		if d := first.differences(r); len(d) > 0 {
			return nil, fmt.Errorf("%w: %s", ErrDiffer, strings.Join(d, "; "))
		}
	}
	m := &Merged{Runs: len(runs), Bands: map[string]Band{}, Note: Repeatable, Single: runs}
	values := map[string][]float64{}
	units := map[string]string{}
	for _, r := range runs {
		m.RandomSeeds = append(m.RandomSeeds, r.Seed)
		if r.Failed() {
			m.FailedRuns++
		}
		for _, x := range r.Metrics() {
			values[x.Name] = append(values[x.Name], x.Value)
			units[x.Name] = x.Unit
		}
	}
	for name, v := range values {
		m.Bands[name] = bandOf(units[name], v)
	}

	m.Report = *first
	m.PerNode = []Node{}
	m.Commit = Distinct(runs, func(r *Report) string { return r.Commit })
	median := func(name string) float64 { return m.Bands[name].Median }
	quantiles := func(prefix string) Quantiles {
		return Quantiles{median(prefix + ".p50"), median(prefix + ".p95"), median(prefix + ".p99"), median(prefix + ".max")}
	}
	m.FluidBoundSeconds = median("fluidBoundSeconds")
	m.FluidBound95Seconds, m.RatioToBound95 = median("fluidBound95Seconds"), median("ratioToBound95")
	m.NATBoundSeconds, m.NATBound95Seconds = median("natBoundSeconds"), median("natBound95Seconds")
	m.MeshBoundSeconds, m.MeshBound95Seconds = median("meshBoundSeconds"), median("meshBound95Seconds")
	m.AlikeSeconds = quantiles("alikeSeconds")
	m.CompletionSeconds = quantiles("completionSeconds")
	m.SinceBlockSeconds, m.BlockLeadSeconds = quantiles("sinceBlockSeconds"), MedianOf(runs, func(r *Report) float64 { return r.BlockLeadSeconds })
	m.RatioToBound = quantiles("ratioToBound")
	m.AnnounceSeconds = quantiles("announceSeconds")
	m.LookAgeSeconds = quantiles("lookAgeSeconds")
	m.DuplicateRatio = median("duplicateRatio")
	m.SeedCopies = median("seedCopies")
	m.MessagesPerBlock = median("messagesPerBlock")
	m.CPUSeconds, m.WallSeconds = median("cpuSeconds"), median("wallSeconds")
	m.VirtualSeconds = MedianOf(runs, func(r *Report) float64 { return r.VirtualSeconds })
	m.PeakMemoryBytes = int64(m.Bands["peakMemoryBytes"].Max)
	m.Unfinished = int(m.Bands["unfinished"].Max)
	m.BytesByTier = map[string]int64{}
	for name := range m.Bands {
		if tier, ok := strings.CutPrefix(name, "bytesByTier."); ok {
			m.BytesByTier[tier] = int64(median(name))
		}
	}
	m.Baselines = map[string]Baseline{}
	for _, r := range runs {
		for key, b := range r.Baselines {
			if _, done := m.Baselines[key]; !done {
				b.Quantiles = quantiles("baselines." + key)
				b.Unfinished = int(m.Bands["baselines."+key+".unfinished"].Max)
				b.Seconds = nil
				m.Baselines[key] = b
			}
		}
	}
	terms := func(prefix string, of *S3Terms) *S3Terms {
		if of == nil {
			return nil
		}
		t := &S3Terms{
			PushSeconds: median(prefix + ".pushSeconds"), RoundTripSeconds: median(prefix + ".roundTripSeconds"),
			BandwidthSeconds: median(prefix + ".bandwidthSeconds"), PeersSeconds: median(prefix + ".peersSeconds"),
			Speedup: median(prefix + ".speedup"), SpeedupOverCapped: median(prefix + ".speedupOverCapped"),
		}
		// A sum of medians is not the median of sums, and the terms must add up.
		t.TotalSeconds = t.PushSeconds + t.RoundTripSeconds + t.BandwidthSeconds + t.PeersSeconds
		return t
	}
	m.S3Terms, m.S3TermsP50 = terms("s3Terms", first.S3Terms), terms("s3TermsP50", first.S3TermsP50)
	m.Sites = nil
	for i, s := range first.Sites {
		s.DownBytes = int64(MedianOf(runs, func(r *Report) float64 { return float64(r.site(i).DownBytes) }))
		s.UpBytes = int64(MedianOf(runs, func(r *Report) float64 { return float64(r.site(i).UpBytes) }))
		s.Copies = MedianOf(runs, func(r *Report) float64 { return r.site(i).Copies })
		m.Sites = append(m.Sites, s)
	}
	m.Stages = nil
	for i, s := range first.Stages {
		of := func(get func(Stage) float64) float64 {
			return MedianOf(runs, func(r *Report) float64 { return get(r.stage(i)) })
		}
		s.AtSeconds = of(func(s Stage) float64 { return s.AtSeconds })
		s.Eligible = int(of(func(s Stage) float64 { return float64(s.Eligible) }))
		s.Completion = Quantiles{of(func(s Stage) float64 { return s.Completion.P50 }), of(func(s Stage) float64 { return s.Completion.P95 }),
			of(func(s Stage) float64 { return s.Completion.P99 }), of(func(s Stage) float64 { return s.Completion.Max })}
		for _, r := range runs {
			s.Unfinished = max(s.Unfinished, r.stage(i).Unfinished)
		}
		m.Stages = append(m.Stages, s)
	}
	m.Violations = []Violation{}
	for _, r := range runs {
		m.Interrupted = m.Interrupted || r.Interrupted
		for _, v := range r.Violations {
			if len(runs) > 1 {
				v.Detail = fmt.Sprintf("seed %d: %s", r.Seed, v.Detail)
			}
			m.Violations = append(m.Violations, v)
		}
	}
	return m, nil
}

// Failed says whether any of the runs broke a promise.
func (m *Merged) Failed() bool { return m.FailedRuns > 0 }

// Encode writes the medians and bands as one JSON document.
func (m *Merged) Encode(w io.Writer) error {
	out := *m
	out.Schema = Schema
	out.PerNode, out.Violations = []Node{}, slices.Concat([]Violation{}, m.Violations)
	if out.LinkModel.Classes == nil {
		out.LinkModel.Classes = []LinkClass{}
	}
	return encode(w, out)
}

func (r *Report) site(i int) Site {
	if i < len(r.Sites) {
		return r.Sites[i]
	}
	return Site{}
}

func (r *Report) stage(i int) Stage {
	if i < len(r.Stages) {
		return r.Stages[i]
	}
	return Stage{}
}

// differences says in what two runs differ that should be repetitions.
func (r *Report) differences(o *Report) []string {
	var out []string
	if r.Scenario != o.Scenario {
		out = append(out, fmt.Sprintf("scenario %s and %s", r.Scenario, o.Scenario))
	}
	if r.Nodes != o.Nodes {
		out = append(out, fmt.Sprintf("%d and %d cameras", r.Nodes, o.Nodes))
	}
	if r.Seeds != o.Seeds {
		out = append(out, fmt.Sprintf("%d and %d region seeds", r.Seeds, o.Seeds))
	}
	if r.Links != o.Links {
		out = append(out, fmt.Sprintf("%s and %s links", r.Links, o.Links))
	}
	if r.ImageBytes != o.ImageBytes {
		out = append(out, fmt.Sprintf("images of %s and %s", format.Bytes(r.ImageBytes), format.Bytes(o.ImageBytes)))
	}
	if r.BlockBytes != o.BlockBytes {
		out = append(out, fmt.Sprintf("blocks of %s and %s", format.Block(r.BlockBytes), format.Block(o.BlockBytes)))
	}
	mine, others := r.Settings, o.Settings
	if len(r.Parameters) > 0 && len(o.Parameters) > 0 { // of the same code, or nearly
		mine, others = r.Parameters, o.Parameters
	}
	for _, key := range slices.Sorted(maps.Keys(merged(mine, others))) {
		a, inA := mine[key]
		b, inB := others[key]
		if slices.Contains(named, key) {
			continue
		}
		if a != b || inA != inB {
			out = append(out, fmt.Sprintf("%s %s and %s", key, orDefault(a, inA), orDefault(b, inB)))
		}
	}
	return out
}

// named are the parameters that differences names in words, and those that do not
// change a run.
var named = []string{"name", "doc", "seed", "nodes", "links", "image_bytes", "block_bytes"}

func orDefault(v string, set bool) string {
	if !set {
		return "unset"
	}
	return v
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, b)
	return out
}

// Median of a non-empty sample.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return s[n/2-1]/2 + s[n/2]/2
}

func MedianOf(runs []*Report, get func(*Report) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = get(r)
	}
	return Median(values)
}

func Distinct(runs []*Report, get func(*Report) string) string {
	var out []string
	for _, r := range runs {
		if s := get(r); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}
