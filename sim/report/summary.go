package report

import (
	"math"
	"slices"
	"strings"
)

// RoleCamera and RoleSeed are the roles of honest nodes.
const (
	RoleCamera = "camera"
	RoleSeed   = "seed"
)

// Tiers are the keys of BytesByTier, from near to far.
var Tiers = []string{"lan", "region", "seed", "other"}

// QuantilesOf uses the nearest-rank definition: the smallest value of the sample
// that at least the given share of the sample does not exceed.
func QuantilesOf(values []float64) Quantiles {
	if len(values) == 0 {
		return Quantiles{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Quantiles{P50: Rank(sorted, 0.5), P95: Rank(sorted, 0.95), P99: Rank(sorted, 0.99), Max: sorted[len(sorted)-1]}
}

// Rank returns the nearest-rank quantile q of an ascending, non-empty sample.
func Rank(sorted []float64, q float64) float64 {
	i := int(math.Ceil(q*float64(len(sorted))-1e-9)) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// Summarize computes every figure of the report that follows from its nodes and
// from the times of its baselines, replacing what was there. It leaves the rest,
// MessagesPerBlock and S3Terms among it, to whoever measured that.
func (r *Report) Summarize() {
	var completion, announced, looks []float64
	var useful, duplicate, fromSeeds int64
	tiers := map[string]int64{}
	r.Unfinished = 0
	for _, n := range r.PerNode {
		switch n.Role {
		case RoleSeed:
			fromSeeds += n.Sent
		case RoleCamera:
			if n.Announced >= 0 {
				announced = append(announced, n.Announced-n.Joined)
			}
			if n.Verified >= 0 {
				completion = append(completion, n.Verified-n.Joined)
			} else if !n.Gone {
				r.Unfinished++
			}
			if n.Installed >= 0 && n.LookAge >= 0 {
				looks = append(looks, n.LookAge)
			}
			duplicate += n.Duplicate
			useful += n.Received - n.Duplicate - n.Wrong
			for tier, b := range n.ByTier {
				tiers[tier] += b
			}
		}
	}
	r.CompletionSeconds = QuantilesOf(completion)
	r.AnnounceSeconds, r.LookAgeSeconds = QuantilesOf(announced), QuantilesOf(looks)
	r.SinceBlockSeconds = Quantiles{}
	if c, lead := r.CompletionSeconds, r.BlockLeadSeconds; lead > 0 && c != (Quantiles{}) {
		r.SinceBlockSeconds = Quantiles{c.P50 + lead, c.P95 + lead, c.P99 + lead, c.Max + lead}
	}
	r.RatioToBound = Quantiles{}
	if b := r.FluidBoundSeconds; b > 0 {
		c := r.CompletionSeconds
		r.RatioToBound = Quantiles{c.P50 / b, c.P95 / b, c.P99 / b, c.Max / b}
	}
	if r.RatioToBound95 = 0; r.FluidBound95Seconds > 0 {
		r.RatioToBound95 = r.CompletionSeconds.P95 / r.FluidBound95Seconds
	}
	r.DuplicateRatio, r.SeedCopies = 0, 0
	if useful > 0 {
		r.DuplicateRatio = float64(duplicate) / float64(useful)
	}
	if r.ImageBytes > 0 {
		r.SeedCopies = float64(fromSeeds) / float64(r.ImageBytes)
	}
	r.BytesByTier = tiers
	for name, b := range r.Baselines {
		if b.Seconds == nil {
			continue
		}
		var done []float64
		b.Unfinished = 0
		for _, s := range b.Seconds {
			if s < 0 {
				b.Unfinished++
			} else {
				done = append(done, s)
			}
		}
		b.Quantiles = QuantilesOf(done)
		r.Baselines[name] = b
	}
}

// Failed says whether the run broke a promise: an honest camera without the
// image, or an invariant. A run that was interrupted counts as failed, too.
func (r *Report) Failed() bool { return r.Unfinished > 0 || len(r.Violations) > 0 || r.Interrupted }

// Cameras returns the honest cameras.
func (r *Report) Cameras() []Node {
	var out []Node
	for _, n := range r.PerNode {
		if n.Role == RoleCamera {
			out = append(out, n)
		}
	}
	return out
}

// Completions returns the completion times in ascending order and the number of
// honest cameras that could finish, whether they did or not.
func (r *Report) Completions() (times []float64, all int) {
	for _, n := range r.PerNode {
		if n.Role != RoleCamera || n.Gone && n.Verified < 0 {
			continue
		}
		all++
		if n.Verified >= 0 {
			times = append(times, n.Verified-n.Joined)
		}
	}
	slices.Sort(times)
	return times, all
}

// baselineOrder is the order of known baselines in tables and legends, and what
// they are called there.
var baselineOrder = []struct{ key, label string }{
	{"poll", "daily poll of S3"},
	{"s3", "S3, unlimited"},
	{"s3parallel", "S3, in ranges"},
	{"s3cubic", "S3, CUBIC"},
	{"s3bbr", "S3, BBR-like"},
	{"s3capped", "S3, capped egress"},
	{"cdn", "CDN, warm edges"},
	{"cdncold", "CDN, cold edges"},
	{"bitswap", "bitswap, DAG walk"},
	{"bitswapall", "bitswap, all at once"},
	{"bittorrent", "BitTorrent, tit for tat"},
	{"bittorrentbest", "BitTorrent at its best"},
	{"seedonly", "seeds alone, fluid"},
}

// BaselineKey is the name of a baseline in a report: as people write it on a
// command line, without punctuation: s3-capped is s3capped.
func BaselineKey(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// BaselineLabel is what a baseline is called in tables and figures.
func BaselineLabel(key string) string {
	for _, b := range baselineOrder {
		if b.key == BaselineKey(key) {
			return b.label
		}
	}
	return key
}

// BaselineKeys returns the baselines of a report in the order of tables.
func (r *Report) BaselineKeys() []string {
	keys := make([]string, 0, len(r.Baselines))
	for k := range r.Baselines {
		keys = append(keys, k)
	}
	place := func(key string) int {
		for i, b := range baselineOrder {
			if b.key == BaselineKey(key) {
				return i
			}
		}
		return len(baselineOrder)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return keys
}

// TierKeys returns the known tiers and then any others that occur.
func TierKeys(byTier map[string]int64) []string {
	keys := slices.Clone(Tiers)
	var more []string
	for k := range byTier {
		if !slices.Contains(keys, k) {
			more = append(more, k)
		}
	}
	slices.Sort(more)
	return append(keys, more...)
}
