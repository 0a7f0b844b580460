package report

import (
	"strings"

	"camswarm/sim/report/format"
)

// Metric is one number of a report under a name, as comparisons, sweeps and
// medians over seeds use it. Names are the paths of the JSON document.
type Metric struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"` // "s", "ratio", "bytes", "count", "share"
	Value float64 `json:"value"`
}

// String writes the value with its unit.
func (m Metric) String() string { return format.Unit(m.Value, m.Unit) }

// Metrics returns the figures of a report that are worth comparing, in the order
// of tables. Those of baselines that did not run, and times of nobody, are left out.
func (r *Report) Metrics() []Metric {
	var out []Metric
	add := func(name, unit string, v float64) { out = append(out, Metric{name, unit, v}) }
	quantiles := func(prefix, unit string, q Quantiles) {
		if q == (Quantiles{}) {
			return
		}
		add(prefix+".p50", unit, q.P50)
		add(prefix+".p95", unit, q.P95)
		add(prefix+".p99", unit, q.P99)
		add(prefix+".max", unit, q.Max)
	}
	add("fluidBoundSeconds", "s", r.FluidBoundSeconds)
	if r.FluidBound95Seconds > 0 {
		add("fluidBound95Seconds", "s", r.FluidBound95Seconds)
		add("ratioToBound95", "ratio", r.RatioToBound95)
	}
	for _, bound := range []Metric{{"natBoundSeconds", "s", r.NATBoundSeconds}, {"natBound95Seconds", "s", r.NATBound95Seconds},
		{"meshBoundSeconds", "s", r.MeshBoundSeconds}, {"meshBound95Seconds", "s", r.MeshBound95Seconds}} {
		if bound.Value > 0 {
			out = append(out, bound)
		}
	}
	quantiles("alikeSeconds", "s", r.AlikeSeconds)
	quantiles("completionSeconds", "s", r.CompletionSeconds)
	quantiles("sinceBlockSeconds", "s", r.SinceBlockSeconds)
	quantiles("ratioToBound", "ratio", r.RatioToBound)
	add("unfinished", "count", float64(r.Unfinished))
	add("violations", "count", float64(len(r.Violations)))
	add("duplicateRatio", "share", r.DuplicateRatio)
	add("seedCopies", "ratio", r.SeedCopies)
	add("messagesPerBlock", "ratio", r.MessagesPerBlock)
	quantiles("announceSeconds", "s", r.AnnounceSeconds)
	quantiles("lookAgeSeconds", "s", r.LookAgeSeconds)
	for _, tier := range TierKeys(r.BytesByTier) {
		add("bytesByTier."+tier, "bytes", float64(r.BytesByTier[tier]))
	}
	for _, key := range r.BaselineKeys() {
		b := r.Baselines[key]
		quantiles("baselines."+key, "s", b.Quantiles)
		add("baselines."+key+".unfinished", "count", float64(b.Unfinished))
		if s := r.Speedup(key); s > 0 {
			add("speedup."+key, "ratio", s)
			add("speedupAtP50."+key, "ratio", r.SpeedupAtP50(key))
		}
	}
	terms := func(prefix string, t *S3Terms) {
		if t == nil {
			return
		}
		add(prefix+".pushSeconds", "s", t.PushSeconds)
		add(prefix+".roundTripSeconds", "s", t.RoundTripSeconds)
		add(prefix+".bandwidthSeconds", "s", t.BandwidthSeconds)
		add(prefix+".peersSeconds", "s", t.PeersSeconds)
		add(prefix+".totalSeconds", "s", t.TotalSeconds)
		add(prefix+".speedup", "ratio", t.Speedup)
		if t.SpeedupOverCapped != 0 {
			add(prefix+".speedupOverCapped", "ratio", t.SpeedupOverCapped)
		}
	}
	terms("s3Terms", r.S3Terms)
	terms("s3TermsP50", r.S3TermsP50)
	for _, s := range r.Sites {
		add("sites."+s.Name+".copies", "ratio", s.Copies)
	}
	add("cpuSeconds", "s", r.CPUSeconds)
	add("wallSeconds", "s", r.WallSeconds)
	add("peakMemoryBytes", "bytes", float64(r.PeakMemoryBytes))
	return out
}

// Metric returns one metric by its name.
func (r *Report) Metric(name string) (Metric, bool) {
	for _, m := range r.Metrics() {
		if strings.EqualFold(m.Name, name) {
			return m, true
		}
	}
	return Metric{}, false
}

// Speedup is how many times faster than a baseline the swarm was at p95; 0 if
// either has no such time.
func (r *Report) Speedup(baseline string) float64 {
	return speedup(r.Baselines[baseline].P95, r.CompletionSeconds.P95)
}

// SpeedupAtP50 is Speedup at the median.
func (r *Report) SpeedupAtP50(baseline string) float64 {
	return speedup(r.Baselines[baseline].P50, r.CompletionSeconds.P50)
}

func speedup(baseline, swarm float64) float64 {
	if baseline <= 0 || swarm <= 0 {
		return 0
	}
	return baseline / swarm
}
