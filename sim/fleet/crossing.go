package fleet

import "math"

// SearchTo is how far Crossings are looked for.
const SearchTo = 10_000_000

// Rival is another way of delivery that the model has.
type Rival struct {
	Name string // of the baseline, as in package sim/baseline
	Of   func(*Result) Quantiles
}

// Rivals are the other ways.
var Rivals = []Rival{
	{"s3", func(r *Result) Quantiles { return r.S3 }},
	{"s3capped", func(r *Result) Quantiles { return r.S3Capped }},
	{"cdn", func(r *Result) Quantiles { return r.CDN }},
}

// Crossing is from how many cameras on the swarm is faster at p95 than another
// way.
type Crossing struct {
	Baseline string `json:"baseline"`
	// Cameras is the number; 0: the swarm is never faster up to Searched; 1: always.
	Cameras  int `json:"cameras"`
	Searched int `json:"searchedTo"`
}

// Crossings finds from how many cameras on the swarm wins, for fleets that of
// makes. The advantage of a swarm over a server grows with their number; where it
// does not, the last crossing counts.
func Crossings(of func(cameras int) Fleet) ([]Crossing, error) {
	type at struct {
		n    int
		wins []bool
	}
	try := func(n int) (at, error) {
		r, err := of(n).Run()
		if err != nil {
			return at{}, err
		}
		a := at{n: n}
		for _, b := range Rivals {
			a.wins = append(a.wins, r.Completion.P95 < b.Of(r).P95)
		}
		return a, nil
	}
	var tried []at
	for _, n := range Sizes(1, SearchTo, 2) {
		a, err := try(n)
		if err != nil {
			return nil, err
		}
		tried = append(tried, a)
	}
	var out []Crossing
	for i, b := range Rivals {
		c := Crossing{Baseline: b.Name, Searched: SearchTo}
		last := -1 // of the sizes at which the swarm loses
		for j, a := range tried {
			if !a.wins[i] {
				last = j
			}
		}
		switch {
		case last < 0:
			c.Cameras = 1
		case last < len(tried)-1:
			lo, hi := tried[last].n, tried[last+1].n
			for hi-lo > max(1, lo/100) {
				mid := int(math.Sqrt(float64(lo) * float64(hi)))
				mid = min(max(mid, lo+1), hi-1)
				a, err := try(mid)
				if err != nil {
					return nil, err
				}
				if a.wins[i] {
					hi = mid
				} else {
					lo = mid
				}
			}
			c.Cameras = hi
		}
		out = append(out, c)
	}
	return out, nil
}

// Sizes are numbers of cameras from lo to hi, so many for each factor of ten.
func Sizes(lo, hi, perDecade int) (out []int) {
	for i := 0; ; i++ {
		n := int(math.Round(float64(lo) * math.Pow(10, float64(i)/float64(perDecade))))
		if n >= hi {
			return append(out, hi)
		}
		if len(out) == 0 || n > out[len(out)-1] {
			out = append(out, n)
		}
	}
}
