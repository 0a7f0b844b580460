package world

import (
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestRoundTripsAreSymmetricAndPossible(t *testing.T) {
	// Degrees north and east of the data centres.
	where := map[Region][2]float64{
		USEast: {37.4, -79.8}, USWest: {37.8, -122.4}, EUWest: {50.9, -0.8},
		SAEast: {-23.6, -46.6}, APNortheast: {35.7, 139.8}, APSouth: {18.6, 73.9},
	}
	for _, a := range Regions() {
		for _, b := range Regions() {
			rtt := RTT(a, b)
			if rtt != RTT(b, a) {
				t.Errorf("%s to %s: %v, back %v", a, b, rtt, RTT(b, a))
			}
			if rtt < 5*time.Millisecond || rtt > 350*time.Millisecond {
				t.Errorf("%s to %s: %v", a, b, rtt)
			}
			if a != b && rtt < RTT(a, a) {
				t.Errorf("%s is wider than the way to %s", a, b)
			}
			// Light in fibre covers 200 km in a millisecond.
			least := time.Duration(2 * distance(where[a], where[b]) / 200 * float64(time.Millisecond))
			if rtt < least || a != b && rtt > 3*least {
				t.Errorf("%s to %s: %v, where light needs %v", a, b, rtt, least)
			}
		}
	}
}

// distance is that on a sphere, in km.
func distance(a, b [2]float64) float64 {
	rad := func(x float64) float64 { return x * math.Pi / 180 }
	sin := func(x float64) float64 { return math.Pow(math.Sin(rad(x)/2), 2) }
	h := sin(b[0]-a[0]) + math.Cos(rad(a[0]))*math.Cos(rad(b[0]))*sin(b[1]-a[1])
	return 2 * 6371 * math.Asin(math.Sqrt(h))
}

func TestClassesAreWholeAndPlausible(t *testing.T) {
	code := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?$`)
	for _, r := range Regions() {
		if !code.MatchString(string(r)) {
			t.Errorf("%q is no region code", r)
		}
		var share float64
		var names []string
		for _, c := range Classes(r) {
			share += c.Share
			names = append(names, c.Name)
			if c.Up < 0.5e6 || c.Up > c.Down || c.Down > 1e9 || c.Share <= 0 || c.Spread < 0 || c.Spread > 0.95 {
				t.Errorf("%s: %+v", r, c)
			}
			// Both ways together below the FCC's lowest bound.
			if c.Loss <= 0 || 2*c.Loss >= 0.004 || c.RTT < 2*time.Millisecond || c.RTT > 100*time.Millisecond {
				t.Errorf("%s: %+v", r, c)
			}
		}
		if math.Abs(share-1) > 1e-9 {
			t.Errorf("%s: shares make %g", r, share)
		}
		slices.Sort(names)
		if len(slices.Compact(names)) != len(Classes(r)) {
			t.Errorf("%s: a class is there twice: %v", r, names)
		}
	}
}

func TestAccessIsWithinWhatClassesHave(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		all = append(all, Access(rng))
	}
	slices.Sort(all)
	if all[0] < time.Millisecond || all[len(all)-1] > 40*time.Millisecond {
		t.Errorf("from %v to %v", all[0], all[len(all)-1])
	}
	// Fixed wireless is 4 % of the world here.
	if m, p99 := all[len(all)/2], all[len(all)*99/100]; m < 3*time.Millisecond || m > 8*time.Millisecond || p99 < 20*time.Millisecond {
		t.Errorf("median %v, p99 %v", m, p99)
	}
	c := Class{RTT: 10 * time.Millisecond}
	for range 1000 {
		if d := c.Access(rng); d < 3500*time.Microsecond || d > 6500*time.Microsecond {
			t.Fatal(d)
		}
	}
}

func TestAnUnknownRegionIsNamed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	RTT(USEast, "atlantis")
}
