package fleet

import (
	"bytes"
	_ "embed" // the table of measurements
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Table is what runs of real nodes gave, to fit Params to and to know
// how far off they are. `camsim flow measure` makes it.
type Table struct {
	Commit string        `json:"commit"` // of the code that ran
	Points []Measurement `json:"points"`
}

// Measurement is one run: cameras of one kind in one region around seeds,
// round trips drawn uniformly.
type Measurement struct {
	// Model is "nodes" for a run of real nodes, "planner" for one of [flow.Run], in
	// which only the scheduler is real and the announcement takes no time.
	Model string `json:"model"`
	Links string `json:"links,omitempty"` // of real nodes
	Seed  uint64 `json:"seed"`            // of the random numbers

	Cameras    int     `json:"cameras"`
	Up         float64 `json:"up"` // Mbit/s
	Down       float64 `json:"down"`
	Seeds      int     `json:"seeds"`
	SeedUp     float64 `json:"seedUp"`
	RTTMin     float64 `json:"rttMinMilliseconds"`
	RTTMax     float64 `json:"rttMaxMilliseconds"`
	ImageBytes int64   `json:"imageBytes"`
	BlockBytes int64   `json:"blockBytes"`
	NAT        float64 `json:"nat,omitempty"`
	Site       int     `json:"site,omitempty"` // cameras behind a line
	LAN        float64 `json:"lan,omitempty"`

	Completion Quantiles  `json:"completionSeconds"`
	Announce   Quantiles  `json:"announceSeconds"`
	SeedCopies float64    `json:"seedCopies"`
	S3         *Quantiles `json:"s3,omitempty"`
	S3Capped   *Quantiles `json:"s3capped,omitempty"`
	CDN        *Quantiles `json:"cdn,omitempty"`
}

// chainOfRuns is the model of the chain in scenarios that say nothing else.
var chainOfRuns = Chain{Operators: 4, RTTMin: 20 * time.Millisecond, RTTMax: 80 * time.Millisecond, Server: 10 * time.Millisecond}

// Fleet is the fleet of the run.
func (x Measurement) Fleet() Fleet {
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	f := Fleet{
		ImageBytes: x.ImageBytes, BlockBytes: x.BlockBytes,
		Regions: []Region{{Name: "lab", Seeds: x.Seeds, SeedUp: x.SeedUp * 1e6}},
		Classes: []Class{{Name: "home", Cameras: x.Cameras, Up: x.Up * 1e6, Down: x.Down * 1e6, NAT: x.NAT, Site: x.Site, LAN: x.LAN * 1e6}},
		RTT:     func(int, int) (time.Duration, time.Duration) { return ms(x.RTTMin), ms(x.RTTMax) },
		Chain:   chainOfRuns, Origin: DefaultOrigin(), Params: DefaultParams(),
	}
	f.Origin.EdgeRTT = ms(x.RTTMin)
	if x.Model == "planner" {
		f.instant = true
	}
	return f
}

// String names the run.
func (x Measurement) String() string {
	s := fmt.Sprintf("%d cameras, %g/%g Mbit/s, %d×%g, %g-%g ms, %d KiB", x.Cameras, x.Up, x.Down, x.Seeds, x.SeedUp, x.RTTMin, x.RTTMax, x.BlockBytes>>10)
	if x.ImageBytes != 6_200_000 {
		s += fmt.Sprintf(", %.1f MB", float64(x.ImageBytes)/1e6)
	}
	if x.NAT > 0 {
		s += fmt.Sprintf(", NAT %g", x.NAT)
	}
	if x.Site > 1 {
		s += fmt.Sprintf(", sites of %d", x.Site)
	}
	if x.Model == "planner" {
		s += " (planner)"
	}
	return s
}

// ReadTable reads a table. The error wraps ErrModel.
func ReadTable(r io.Reader) (*Table, error) {
	dec := json.NewDecoder(io.LimitReader(r, 16<<20))
	dec.DisallowUnknownFields()
	t := new(Table)
	if err := dec.Decode(t); err != nil {
		return nil, fmt.Errorf("%w: this is no table of measurements, make one by `camsim flow measure`: %w", ErrModel, err)
	}
	for i, x := range t.Points {
		f := x.Fleet()
		if err := f.Validate(); err != nil {
			return nil, fmt.Errorf("point %d: %w", i+1, err)
		}
		if !(x.Completion.P50 > 0 && x.Completion.P95 >= x.Completion.P50) {
			return nil, fmt.Errorf("%w: point %d has no completion times", ErrModel, i+1)
		}
	}
	return t, nil
}

//go:embed testdata/fleet.json
var committedTable []byte

// CommittedTable is the table that DefaultParams was fitted to.
func CommittedTable() *Table {
	t, err := ReadTable(bytes.NewReader(committedTable))
	if err != nil {
		panic(err) // it is compiled in, and a test reads it
	}
	return t
}

// Comparison is a measured point beside the model's.
type Comparison struct {
	Measured Measurement `json:"measured"`
	Model    Quantiles   `json:"modelCompletionSeconds"`
	Announce Quantiles   `json:"modelAnnounceSeconds"`
	Copies   float64     `json:"modelSeedCopies"`
	S3       Quantiles   `json:"modelS3"`
	S3Capped Quantiles   `json:"modelS3capped"`
	CDN      Quantiles   `json:"modelCDN"`

	// ErrorP50 and ErrorP95 are model / measured - 1 of the completion time.
	ErrorP50 float64 `json:"errorP50"`
	ErrorP95 float64 `json:"errorP95"`
}

// Accuracy says how far the model is from runs.
type Accuracy struct {
	Points    int     `json:"points"`
	RMS50     float64 `json:"rmsP50"` // root mean square of the relative errors
	RMS95     float64 `json:"rmsP95"`
	Worst95   float64 `json:"worstP95"` // with its sign
	WorstAt   string  `json:"worstAt"`
	LargestAt int     `json:"largestCameras"`
}

// Calibration is what is known about the model's errors.
type Calibration struct {
	Commit       string       `json:"commit"` // of the code that was measured
	LargestNodes int          `json:"largestNodes"`
	Nodes        Accuracy     `json:"nodes"`   // against real nodes
	Planner      Accuracy     `json:"planner"` // against flow.Run, which was not fitted to
	Params       Params       `json:"params"`
	Points       []Comparison `json:"points"`
}

// Calibrated compares the default parameters with the committed table.
var Calibrated = sync.OnceValue(func() *Calibration {
	c, err := CommittedTable().Compare(DefaultParams())
	if err != nil {
		panic(err) // a test computes it
	}
	return c
})

// Compare runs the model for every point of a table.
func (t *Table) Compare(p Params) (*Calibration, error) {
	c := &Calibration{Commit: t.Commit, Params: p}
	var sums [2][2]float64
	for _, x := range t.Points {
		f := x.Fleet()
		f.Params = p
		m, err := f.integrate()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x, err)
		}
		r := m.result()
		cmp := Comparison{
			Measured: x, Model: r.Completion, Announce: r.Announce, Copies: r.SeedCopies, S3: r.S3, S3Capped: r.S3Capped, CDN: r.CDN,
			ErrorP50: r.Completion.P50/x.Completion.P50 - 1, ErrorP95: r.Completion.P95/x.Completion.P95 - 1,
		}
		c.Points = append(c.Points, cmp)
		e, i := &c.Nodes, 0
		if x.Model == "planner" {
			e, i = &c.Planner, 1
		} else {
			c.LargestNodes = max(c.LargestNodes, x.Cameras)
		}
		e.Points++
		e.LargestAt = max(e.LargestAt, x.Cameras)
		sums[i][0] += cmp.ErrorP50 * cmp.ErrorP50
		sums[i][1] += cmp.ErrorP95 * cmp.ErrorP95
		if math.Abs(cmp.ErrorP95) >= math.Abs(e.Worst95) {
			e.Worst95, e.WorstAt = cmp.ErrorP95, x.String()
		}
	}
	for i, e := range []*Accuracy{&c.Nodes, &c.Planner} {
		if e.Points > 0 {
			e.RMS50, e.RMS95 = math.Sqrt(sums[i][0]/float64(e.Points)), math.Sqrt(sums[i][1]/float64(e.Points))
		}
	}
	return c, nil
}

// Fit returns the parameters with the least sum of squares of the relative
// errors over the points of real nodes, p50 and p95 of the completion alike and
// the copies out of the seeds with a tenth of their weight: a pattern search
// from the defaults over all but Header and Message, which are
// measured, and LookExtra, which is fitted to the announcement alone.
func (t *Table) Fit() (Params, error) {
	nodes := &Table{Commit: t.Commit}
	for _, x := range t.Points {
		if x.Model != "planner" {
			nodes.Points = append(nodes.Points, x)
		}
	}
	p := DefaultParams()
	if len(nodes.Points) == 0 {
		return p, fmt.Errorf("%w: the table has no run of real nodes", ErrModel)
	}
	loss := func(p Params) float64 {
		c, err := nodes.Compare(p)
		if err != nil {
			return math.Inf(1)
		}
		sum := 0.0
		for _, x := range c.Points {
			sum += x.ErrorP50*x.ErrorP50 + x.ErrorP95*x.ErrorP95
			if x.Measured.SeedCopies > 0 {
				e := math.Log(x.Copies / x.Measured.SeedCopies)
				sum += 0.01 * e * e
			}
		}
		return sum
	}
	fields := []struct {
		at     func(*Params) *float64
		step   float64
		lo, hi float64
	}{
		{func(p *Params) *float64 { return &p.Ramp }, 1, 0, 20},
		{func(p *Params) *float64 { return &p.SeedShare }, 0.1, 0.2, 1},
		{func(p *Params) *float64 { return &p.CameraShare }, 0.04, 0.3, 1},
		{func(p *Params) *float64 { return &p.DownShare }, 0.04, 0.3, 1},
		{func(p *Params) *float64 { return &p.Spread }, 0.02, 0, 0.25},
		{func(p *Params) *float64 { return &p.Tail }, 0.4, 0, 10},
		{func(p *Params) *float64 { return &p.SeedRepeat }, 0.2, 0, 3},
		{func(p *Params) *float64 { return &p.SeedLent }, 0.3e6, 0.05e6, 1e9},
		{func(p *Params) *float64 { return &p.SiteCopies }, 0.5, 1, 10},
	}
	best := loss(p)
	r := rand.New(rand.NewPCG(1, 1)) // directions, the same every time
	for scale := 1.0; scale > 0.05; {
		better := false
		try := func(move func(i int) float64) {
			q := p
			for i, f := range fields {
				v := f.at(&q)
				*v = min(max(*v+scale*f.step*move(i), f.lo), f.hi)
			}
			if l := loss(q); l < best*(1-1e-5) {
				best, p, better = l, q, true
			}
		}
		for i := range fields {
			for _, sign := range []float64{1, -1} {
				try(func(j int) float64 {
					if i == j {
						return sign
					}
					return 0
				})
			}
		}
		for range len(fields) {
			var direction [16]float64
			for i := range fields {
				direction[i] = r.NormFloat64()
			}
			try(func(i int) float64 { return direction[i] })
		}
		if !better {
			scale /= 2
		}
	}
	// The announcement: the mean error at p50 goes into LookExtra.
	c, err := nodes.Compare(p)
	if err != nil {
		return p, err
	}
	mean := 0.0
	for _, x := range c.Points {
		mean += (x.Measured.Announce.P50 - x.Announce.P50) / float64(len(c.Points))
	}
	p.LookExtra = max(0, p.LookExtra+mean)
	return p, nil
}
