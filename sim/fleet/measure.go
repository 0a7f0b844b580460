package fleet

import (
	"fmt"
	"time"

	"camswarm/sim/flow"
)

// Conditions are the runs of real nodes that the model is fitted to: flash-crowd
// by size, and with one condition changed at 64 cameras, which a seed treats as a
// crowd. blockBytes is the size of blocks, 32 KiB in the committed table.
func Conditions(blockBytes int64) (out []Measurement) {
	for _, x := range []Measurement{
		{Cameras: 25}, {Cameras: 64}, {Cameras: 100},
		{Cameras: 64, SeedUp: 1000},
		{Cameras: 64, SeedUp: 20},
		{Cameras: 64, RTTMin: 20, RTTMax: 300},
		{Cameras: 64, Up: 5},
		{Cameras: 64, Up: 50, Down: 20},
		{Cameras: 64, RTTMin: 5, RTTMax: 40},
		{Cameras: 25, Site: 5, LAN: 1000},
		{Cameras: 64, Up: 5, Down: 20, RTTMin: 20, RTTMax: 300},
		{Cameras: 200}, {Cameras: 500},
	} {
		x.Model = "nodes"
		out = append(out, x.filled(blockBytes))
	}
	return out
}

// filled gives a point the values of flash-crowd where it has none of its own.
func (x Measurement) filled(blockBytes int64) Measurement {
	or := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	or(&x.Up, 20)
	or(&x.Down, 50)
	or(&x.SeedUp, 100)
	or(&x.RTTMin, 10)
	or(&x.RTTMax, 150)
	x.Seeds = max(x.Seeds, 1)
	if x.ImageBytes == 0 {
		x.ImageBytes = 6_200_000
	}
	if x.BlockBytes == 0 {
		x.BlockBytes = blockBytes
	}
	return x
}

// Condition is the point without what was measured.
func (x Measurement) Condition() Measurement {
	x.Completion, x.Announce, x.SeedCopies = Quantiles{}, Quantiles{}, 0
	x.S3, x.S3Capped, x.CDN = nil, nil, nil
	return x
}

// Has says whether the table has a measurement under the conditions of x.
func (t *Table) Has(x Measurement) bool {
	for _, o := range t.Points {
		if o.Condition() == x.Condition() {
			return true
		}
	}
	return false
}

// IsOf says whether the run was made under the conditions of f.
func (x Measurement) IsOf(f Fleet) bool {
	o := x.Fleet()
	if f.ImageBytes != o.ImageBytes || f.BlockBytes != o.BlockBytes || f.Chain != o.Chain || f.SeedConnections != 0 ||
		len(f.Regions) != 1 || len(f.Classes) != 1 || f.Regions[0].Seeds != o.Regions[0].Seeds || f.Regions[0].SeedUp != o.Regions[0].SeedUp {
		return false
	}
	c, d := f.Classes[0], o.Classes[0]
	c.Name, d.Name = "", ""
	lo, hi := f.RTT(0, 0)
	lo2, hi2 := o.RTT(0, 0)
	return c == d && lo == lo2 && hi == hi2
}

// Schedule measures flash-crowd of so many cameras with the scheduler alone,
// package flow.
func Schedule(cameras int, blockBytes int64, seed uint64) (Measurement, error) {
	x := Schedulable(cameras, blockBytes, seed)
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	c := flow.Config{ImageBytes: x.ImageBytes, BlockBytes: int(x.BlockBytes), Seed: x.Seed, Delay: flow.RTT(ms(x.RTTMin), ms(x.RTTMax), x.Seed)}
	c.Nodes = append(c.Nodes, flow.Node{Up: x.SeedUp * 1e6 / 8, Down: x.SeedUp * 1e6 / 8, Seed: true})
	for range x.Cameras {
		c.Nodes = append(c.Nodes, flow.Node{Up: x.Up * 1e6 / 8, Down: x.Down * 1e6 / 8, Start: time.Second})
	}
	f := x.Fleet()
	c.Links = flow.Mesh(len(c.Nodes), 8, 12, f.Connections(), x.Seed) // as the network's watermarks have it
	r, err := flow.Run(c)
	if err != nil {
		return x, err
	}
	if r.Unfinished > 0 {
		return x, fmt.Errorf("%s: %d cameras did not finish", x, r.Unfinished)
	}
	at := func(q float64) float64 { return r.Quantile(q).Seconds() }
	x.Completion = Quantiles{P50: at(0.5), P95: at(0.95), P99: at(0.99), Max: at(1)}
	x.SeedCopies = float64(r.Sent[0]) / float64(x.ImageBytes)
	return x, nil
}

// Schedulable is the condition that Schedule measures.
func Schedulable(cameras int, blockBytes int64, seed uint64) Measurement {
	return Measurement{Model: "planner", Seed: seed, Cameras: cameras}.filled(blockBytes)
}
