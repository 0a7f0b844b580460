package report

import "strings"

// Metric is one number of a report under a name, as comparisons, sweeps and
// medians over seeds use it. Names are the paths of the JSON document.
type Metric struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"` // "s", "ratio", "bytes", "count", "share"
	Value float64 `json:"value"`
}

// String writes the value with its unit.
func (m Metric) String() string { return formatUnit(m.Value, m.Unit) }

func formatUnit(v float64, unit string) string {
	switch unit {
	case "s":
		return formatSeconds(v)
	case "bytes":
		return formatBytes(int64(v))
	case "share":
		return formatPercent(v)
	}
	return digits(v)
}

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
	quantiles("completionSeconds", "s", r.CompletionSeconds)
	quantiles("ratioToBound", "ratio", r.RatioToBound)
	add("unfinished", "count", float64(r.Unfinished))
	add("violations", "count", float64(len(r.Violations)))
	add("duplicateRatio", "share", r.DuplicateRatio)
	add("seedCopies", "ratio", r.SeedCopies)
	add("messagesPerBlock", "ratio", r.MessagesPerBlock)
	quantiles("announceSeconds", "s", r.AnnounceSeconds)
	for _, tier := range tierKeys(r.BytesByTier) {
		add("bytesByTier."+tier, "bytes", float64(r.BytesByTier[tier]))
	}
	for _, key := range r.baselineKeys() {
		b := r.Baselines[key]
		quantiles("baselines."+key, "s", b.Quantiles)
		add("baselines."+key+".unfinished", "count", float64(b.Unfinished))
		if s := r.Speedup(key); s > 0 {
			add("speedup."+key, "ratio", s)
		}
	}
	if t := r.S3Terms; t != nil {
		add("s3Terms.pushSeconds", "s", t.PushSeconds)
		add("s3Terms.roundTripSeconds", "s", t.RoundTripSeconds)
		add("s3Terms.bandwidthSeconds", "s", t.BandwidthSeconds)
		add("s3Terms.peersSeconds", "s", t.PeersSeconds)
		add("s3Terms.totalSeconds", "s", t.TotalSeconds)
		add("s3Terms.speedup", "ratio", t.Speedup)
		if t.SpeedupOverCapped != 0 {
			add("s3Terms.speedupOverCapped", "ratio", t.SpeedupOverCapped)
		}
	}
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
	b, ok := r.Baselines[baseline]
	if !ok || r.CompletionSeconds.P95 <= 0 || b.P95 <= 0 {
		return 0
	}
	return b.P95 / r.CompletionSeconds.P95
}
