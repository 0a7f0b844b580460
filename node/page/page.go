package page

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the document and its style
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"camswarm/announce/beacon"
	"camswarm/node/control"
	"camswarm/verify"
)

// Data is what the page shows.
type Data struct {
	Now      time.Time
	Status   control.Status
	Products []Product
	Attacks  []Attack
}

// Product is a product that the seed follows.
type Product struct {
	Name    string
	Region  verify.Region // of the seed
	Rollout []verify.Candidate
	Paused  bool           // the registry
	Fleet   *beacon.Report // nil: nothing is counted
}

// Attack is a kind of thing that was turned away since the start.
type Attack struct {
	Where, Name string
	Count       uint64
}

var (
	//go:embed page.css
	style string

	security = "default-src 'none'; style-src 'sha256-" + digest(style) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// maxAge is how old the page may be that is given out: who asks again and again must not
// have a seed count again and again.
const maxAge = 2 * time.Second

// Handler serves the page; data is asked every maxAge at most.
func Handler(data func() (Data, error)) http.Handler {
	var (
		mu   sync.Mutex
		text string
		made time.Time
	)
	current := func() (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if made.IsZero() || time.Since(made) >= maxAge {
			d, err := data()
			if err != nil {
				return "", err
			}
			text, made = document(d), time.Now()
		}
		return text, nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := current()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", security)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, text)
	})
}

// table is what became of releases, a line for each region.
type table struct {
	Releases []uint64
	Lines    []line
}

type line struct {
	Region  string
	Cameras int
	Cells   []beacon.ReleaseCount // by release
}

// tableOf sums up labels. The regions with the most cameras are named, at most maxRegions;
// the others come last, all of them first.
func tableOf(report *beacon.Report) (t table) {
	r := report.Known()
	by, cameras := map[string][]beacon.Row{}, map[string]int{}
	for _, row := range r.Rows {
		cameras[row.Region] += row.Cameras
	}
	largest := slices.SortedFunc(maps.Keys(cameras), func(a, b string) int {
		return cmp.Or(cmp.Compare(hidden(a), hidden(b)), cmp.Compare(cameras[b], cameras[a]), cmp.Compare(a, b))
	})
	named := largest[:min(len(largest), maxRegions)]
	for _, row := range r.Rows {
		if !slices.Contains(named, row.Region) {
			row.Region = beacon.Others
		}
		by[row.Region] = append(by[row.Region], row)
	}
	regions := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(hidden(a), hidden(b)), cmp.Compare(a, b))
	})
	add := func(name string, rows []beacon.Row) {
		l := line{Region: name}
		for _, row := range rows {
			l.Cameras += row.Cameras
		}
		counts := beacon.Report{Rows: rows}.Releases(nil)
		for _, seq := range t.Releases {
			c := beacon.ReleaseCount{Release: seq}
			if at := slices.IndexFunc(counts, func(c beacon.ReleaseCount) bool { return c.Release == seq }); at >= 0 {
				c = counts[at]
			}
			l.Cells = append(l.Cells, c)
		}
		t.Lines = append(t.Lines, l)
	}
	unknown := false
	for _, c := range slices.Backward(r.Releases(nil)) {
		if unknown = unknown || c.Release == beacon.Unknown; c.Release != beacon.Unknown && len(t.Releases) < maxReleases {
			t.Releases = append(t.Releases, c.Release)
		}
	}
	if unknown {
		t.Releases = append(t.Releases, beacon.Unknown)
	}
	add("all", r.Rows)
	for _, region := range regions {
		name := cmp.Or(region, "none")
		if region == beacon.Others {
			name = "others"
		}
		add(name, by[region])
	}
	return t
}

// What is shown at most.
const (
	maxReleases = 6 // the newest
	maxRegions  = 32
)

func hidden(region string) int {
	if region == beacon.Others {
		return 1
	}
	return 0
}

// most is the largest count of a list of tiers, for the length of bars.
func most(tiers []control.TierTraffic) (n int64) {
	for _, t := range tiers {
		n = max(n, t.SentBytes, t.ReceivedBytes)
	}
	return max(n, 1)
}

// size writes bytes in decimal units.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + units[i]
}
