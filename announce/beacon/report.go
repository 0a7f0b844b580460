package beacon

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"camswarm/verify"
)

// Others stands for the region or label of those whose own is that of too few to be
// named.
const Others = "*"

// Row counts the cameras that have a region, a label, a release that runs, and a state
// of a release in common.
type Row struct {
	Region  string `json:"region"`  // "": none; "*": that of too few to be named
	Label   string `json:"label"`   // likewise
	Running uint64 `json:"running"` // sequence; 0: none but the factory's
	Release uint64 `json:"release"` // that State is about; 0: none
	State   State  `json:"state"`
	Cameras int    `json:"cameras"`
	// Overdue are those of them that installed a release and have not confirmed it for
	// longer than they should need: they may be lost.
	Overdue int `json:"overdue,omitempty"`
}

// cell is a Row without its counts.
func (r Row) cell() Row { r.Cameras, r.Overdue = 0, 0; return r }

// cells are rows by what their cameras have in common.
type cells map[Row]Row

// add counts a row's cameras among those of what they have in common.
func (c cells) add(r Row) {
	sum := c[r.cell()]
	cameras, overdue := sum.Cameras+r.Cameras, sum.Overdue+r.Overdue
	sum = r
	sum.Cameras, sum.Overdue = cameras, overdue
	c[r.cell()] = sum
}

// Report is what a seed, or several, count of a product. Every figure in it rests on
// the cameras that tell; those that do not are in none.
type Report struct {
	Product  verify.ProductID `json:"product"`
	Name     string           `json:"name,omitempty"` // vendor/name
	At       time.Time        `json:"at"`             // when it was counted
	Since    time.Time        `json:"since,omitzero"` // when the seed began to count: before, it knows of nothing; zero: not known
	Keep     int64            `json:"keepSeconds"`    // for which a beacon counts
	MinGroup int              `json:"minGroup"`       // smaller groups of one region and label are under "*"
	Cameras  int              `json:"cameras"`        // that it rests on
	// TurnedAway counts beacons since the seed's start for which there was no room
	// (per_network, or 65,536 cameras).
	TurnedAway uint64 `json:"turnedAway,omitempty"`
	Rows       []Row  `json:"rows"` // in order of region, label, release and state
}

func newReport(product verify.ProductID, since, now time.Time, cfg Config, all cells, turned uint64) Report {
	r := Report{
		Product: product, At: now.UTC(), Since: since.UTC(), Keep: int64(cfg.Keep / time.Second), MinGroup: cfg.MinGroup, TurnedAway: turned,
		Rows: fold(all, cfg.MinGroup).rows(),
	}
	for _, row := range all {
		r.Cameras += row.Cameras
	}
	return r
}

func (c cells) rows() []Row {
	out := make([]Row, 0, len(c))
	for _, r := range c {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Release, b.Release),
			cmp.Compare(a.State, b.State), cmp.Compare(a.Running, b.Running))
	})
	return out
}

// fold counts those together whose region and label fewer than least cameras share:
// first with others of their region, then with those of all regions, and if these are
// too few in turn with the smallest named group, so that no difference from the total
// shows them. The sums over regions and labels stay what they are.
func fold(all cells, least int) cells {
	all = all.hide(func(r *Row) { r.Label = Others }, func(cameras int) bool { return cameras < least })
	hidden := group{Others, Others}
	all = all.hide(hidden.name, func(cameras int) bool { return cameras < least })
	for {
		groups := all.groups()
		others := groups[hidden]
		delete(groups, hidden)
		if others == 0 || others >= least || len(groups) == 0 {
			return all
		}
		smallest := slices.Min(slices.Collect(maps.Values(groups)))
		all = all.hide(hidden.name, func(cameras int) bool { return cameras <= smallest })
	}
}

// group is the region and label that cameras share.
type group struct{ region, label string }

func (g group) name(r *Row) { r.Region, r.Label = g.region, g.label }

// groups counts the cameras of each.
func (c cells) groups() map[group]int {
	out := map[group]int{}
	for _, r := range c {
		out[group{r.Region, r.Label}] += r.Cameras
	}
	return out
}

// hide renames the groups that have few cameras.
func (c cells) hide(name func(*Row), few func(cameras int) bool) cells {
	groups, out := c.groups(), cells{}
	for _, r := range c {
		if few(groups[group{r.Region, r.Label}]) {
			name(&r)
		}
		out.add(r)
	}
	return out
}

// ErrMixed is returned by Merge for reports of several products.
var ErrMixed = errors.New("beacon: reports of several products")

// Merge adds up what several seeds count. A camera tells one seed at a time; one that
// changed seeds and could not say so is counted at both until the older beacon is
// forgotten. The times are those of the oldest report and of the seed that counts for the
// shortest. Without reports it is the zero
// Report.
func Merge(reports ...Report) (Report, error) {
	if len(reports) == 0 {
		return Report{Rows: []Row{}}, nil
	}
	out, all := reports[0], cells{}
	out.Cameras, out.TurnedAway = 0, 0
	for _, r := range reports {
		if r.Product != out.Product {
			return Report{}, ErrMixed
		}
		if r.At.Before(out.At) {
			out.At = r.At
		}
		if r.Since.IsZero() || r.Since.After(out.Since) && !out.Since.IsZero() {
			out.Since = r.Since
		}
		out.Name = cmp.Or(out.Name, r.Name)
		out.Keep, out.MinGroup = max(out.Keep, r.Keep), min(out.MinGroup, r.MinGroup)
		out.Cameras += r.Cameras
		out.TurnedAway += r.TurnedAway
		for _, row := range r.Rows {
			all.add(row)
		}
	}
	out.Rows = all.rows()
	return out, nil
}

// ReleaseCount is what became of a release.
type ReleaseCount struct {
	Release uint64        `json:"release"`
	States  map[State]int `json:"states"` // cameras by state
	Overdue int           `json:"overdue"`
	Running int           `json:"running"` // cameras that run it
}

// Tried are the cameras of which it is known whether the release works there.
func (c ReleaseCount) Tried() int { return c.States[StateConfirmed] + c.Failed() }

// Failed are those where it does not: failed, rolled back, and those that may be lost.
func (c ReleaseCount) Failed() int {
	return c.States[StateFailed] + c.States[StateRolledBack] + c.Overdue
}

// Pending are those that installed it and have not confirmed it, and are not yet taken
// for lost.
func (c ReleaseCount) Pending() int { return c.States[StateInstalled] - c.Overdue }

// Releases sums up the rows that keep accepts (nil: all) by release, oldest first.
// Release 0 is that of factories.
func (r Report) Releases(keep func(Row) bool) []ReleaseCount {
	by := map[uint64]*ReleaseCount{}
	at := func(release uint64) *ReleaseCount {
		if by[release] == nil {
			by[release] = &ReleaseCount{Release: release, States: map[State]int{}}
		}
		return by[release]
	}
	for _, row := range r.Rows {
		if keep != nil && !keep(row) {
			continue
		}
		at(row.Running).Running += row.Cameras
		if row.Release > 0 {
			c := at(row.Release)
			c.States[row.State] += row.Cameras
			c.Overdue += row.Overdue
		}
	}
	out := make([]ReleaseCount, 0, len(by))
	for _, k := range slices.Sorted(maps.Keys(by)) {
		out = append(out, *by[k])
	}
	return out
}

// Of is what became of one release.
func (r Report) Of(release uint64) ReleaseCount {
	for _, c := range r.Releases(nil) {
		if c.Release == release {
			return c
		}
	}
	return ReleaseCount{Release: release, States: map[State]int{}}
}
