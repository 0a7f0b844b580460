package fleet

import (
	"cmp"
	"slices"
)

// quantiles of a distribution of masses; the largest is the time by which less
// than half a camera is missing. The list is sorted.
func quantiles(list []timed) Quantiles {
	slices.SortFunc(list, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	total := 0.0
	for _, x := range list {
		total += x.mass
	}
	at := func(q float64) float64 {
		sum := 0.0
		for _, x := range list {
			if sum += x.mass; sum >= q*total*(1-1e-9) {
				return x.at
			}
		}
		return 0
	}
	if len(list) == 0 {
		return Quantiles{}
	}
	return Quantiles{P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: at(max(0.99, 1-0.5/total))}
}

// cdfPoints are the quantiles of a sorted list in steps of a hundredth, and finer
// at the end.
func cdfPoints(list []timed) []Point {
	total := 0.0
	for _, x := range list {
		total += x.mass
	}
	var out []Point
	sum := 0.0
	next := 0.0
	for _, x := range list {
		sum += x.mass
		if s := sum / total; s >= next-1e-9 {
			out = append(out, Point{x.at, min(s, 1)})
			for next <= s {
				if next < 0.99 {
					next += 0.01
				} else {
					next += 0.001
				}
			}
		}
	}
	return out
}

func (m *model) result() *Result {
	f := m.f
	r := &Result{Cameras: f.Cameras(), Seeds: f.Seeds(), BoundSeconds: f.Bound(), BytesByTier: map[string]float64{}}
	if rate := f.Chain.Rate(); rate > 0 {
		r.LooksSeconds = 0.95 * float64(f.Cameras()) / rate
	}
	var heard []timed
	for b, h := range m.heard {
		for k, x := range h.m {
			if x > 0 {
				heard = append(heard, timed{float64(k+1) * h.dt, x * m.share[b] * float64(r.Cameras)})
			}
		}
	}
	r.Announce = quantiles(heard)
	r.AnnounceCDF = cdfPoints(heard)
	r.Completion = quantiles(m.done)
	r.CDF = cdfPoints(m.done)
	b := r.BoundSeconds
	r.Ratio = Quantiles{r.Completion.P50 / b, r.Completion.P95 / b, r.Completion.P99 / b, r.Completion.Max / b}
	image := float64(f.ImageBytes)
	r.SeedCopies = m.seedSent / image
	peers, lan, near := -m.seedSent, 0.0, 0.0
	for i, c := range f.Classes {
		r.Classes = append(r.Classes, ClassResult{Name: c.Name, Region: f.Regions[c.Region].Name, Cameras: c.Cameras, Completion: quantiles(m.byClass[i])})
		lines, copies := float64(c.Cameras), 1.0
		if c.Site > 1 {
			lines /= min(float64(c.Site), lines)
			copies = f.Params.SiteCopies
			lan += (float64(c.Cameras) - lines*copies) * image
		}
		peers += lines * copies * image
	}
	for _, p := range m.share {
		near += p * p // neighbours are chosen from all regions alike
	}
	peers = max(peers, 0)
	r.BytesByTier["seed"] = m.seedSent
	r.BytesByTier["region"] = peers * near
	r.BytesByTier["other"] = peers * (1 - near)
	r.BytesByTier["lan"] = max(lan, 0)
	r.S3, r.S3Capped, r.CDN = quantiles(m.s3), quantiles(m.capped), quantiles(m.cdn)
	return r
}
