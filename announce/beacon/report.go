package beacon

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"camswarm/verify"
)

// Others stands for the region or label of those whose own is that of too few to be
// named.
const Others = "*"

// Unknown stands for the releases that no chain knows: who makes up cameras makes up
// releases too.
const Unknown uint64 = maxSequence

// Row counts the cameras that have a region, a label, a release that runs, and a state
// of a release in common.
type Row struct {
	Region  string `json:"region"`  // "": none; "*": that of too few to be named
	Label   string `json:"label"`   // likewise
	Running uint64 `json:"running"` // sequence; 0: none but the factory's; Unknown
	Release uint64 `json:"release"` // that State is about; 0: none; Unknown
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
	MinGroup int              `json:"minGroup"`       // groups of one region and label from fewer networks are under "*"
	Latest   uint64           `json:"latest"`         // newest release that the seed knows of by the chain; 0: not known
	Cameras  int              `json:"cameras"`        // that it rests on
	// TurnedAway counts beacons since the seed's start for which there was no room
	// (per_network, or 65,536 cameras).
	TurnedAway uint64 `json:"turnedAway,omitempty"`
	// Folded is how many rows, the smallest, were put together for want of room.
	Folded int   `json:"folded,omitempty"`
	Rows   []Row `json:"rows"` // in order of region, label, release and state
}

func newReport(product verify.ProductID, since, now time.Time, cfg Config, all []counted, turned, latest uint64) Report {
	r := Report{
		Product: product, At: now.UTC(), Since: since.UTC(), Keep: int64(cfg.Keep / time.Second), MinGroup: cfg.MinGroup,
		Latest: latest, Cameras: len(all), TurnedAway: turned,
	}
	fold(all, cfg.MinGroup)
	rows := cells{}
	for _, c := range all {
		rows.add(c.Row)
	}
	r.Rows = rows.rows()
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

// counted is one camera, as a Row, and where it calls from.
type counted struct {
	Row
	from seat
}

// seat is what counts once in a group: a network, or a camera on the seed's own.
type seat struct {
	network netip.Prefix
	device  pseudonym
}

// fold hides the region and label of cameras whose group has fewer than least seats:
// first among others of their region, then among those of all regions, and if these are
// too few in turn with the smallest named group, so that no difference from the total
// shows them. The sums over regions and labels stay what they are.
func fold(all []counted, least int) {
	hide(all, seats(all), func(r *Row) { r.Label = Others }, func(seats int) bool { return seats < least })
	hidden := group{Others, Others}
	hide(all, seats(all), hidden.name, func(seats int) bool { return seats < least })
	for {
		groups := seats(all)
		others := groups[hidden]
		delete(groups, hidden)
		if others == 0 || others >= least || len(groups) == 0 {
			return
		}
		smallest := slices.Min(slices.Collect(maps.Values(groups)))
		hide(all, groups, hidden.name, func(seats int) bool { return seats <= smallest })
	}
}

// group is the region and label that cameras share.
type group struct{ region, label string }

func (g group) name(r *Row) { r.Region, r.Label = g.region, g.label }

// seats counts those of each group.
func seats(all []counted) map[group]int {
	type place struct {
		group
		seat
	}
	known, out := map[place]struct{}{}, map[group]int{}
	for _, c := range all {
		at := place{group{c.Region, c.Label}, c.from}
		if _, ok := known[at]; !ok {
			known[at] = struct{}{}
			out[at.group]++
		}
	}
	return out
}

// hide renames the groups that have few seats.
func hide(all []counted, groups map[group]int, name func(*Row), few func(seats int) bool) {
	for i := range all {
		if r := &all[i].Row; few(groups[group{r.Region, r.Label}]) {
			name(r)
		}
	}
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
	out.Cameras, out.TurnedAway, out.Folded = 0, 0, 0
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
		out.Folded += r.Folded
		out.Latest = max(out.Latest, r.Latest)
		for _, row := range r.Rows {
			all.add(row)
		}
	}
	out.Rows = all.rows()
	return out, nil
}

// Known is the report with all releases beyond Latest under Unknown, for people and
// metrics. Where Latest is not known nothing is.
func (r Report) Known() Report {
	if r.Latest == 0 {
		return r
	}
	all := cells{}
	for _, row := range r.Rows {
		row.forgetBeyond(r.Latest)
		all.add(row)
	}
	r.Rows = all.rows()
	return r
}

func (r *Row) forgetBeyond(latest uint64) {
	if r.Running > latest {
		r.Running = Unknown
	}
	if r.Release > latest {
		r.Release = Unknown
	}
}

// fit has a report take at most so many rows, at least 16. Made-up releases go first,
// then the regions and labels of the smallest rows, then their releases; the states stay.
func (r *Report) fit(most int) {
	kinds := len(r.Rows)
	if kinds <= most {
		return
	}
	latest := r.Latest
	if latest == 0 {
		latest = Unknown
	}
	all := cells{}
	for _, row := range r.Rows {
		row.forgetBeyond(latest)
		all.add(row)
	}
	largest := slices.SortedStableFunc(slices.Values(all.rows()), func(a, b Row) int { return cmp.Compare(b.Cameras, a.Cameras) })
	coarser := []func(*Row){group{Others, Others}.name, func(r *Row) { r.Running = Unknown }, func(r *Row) { r.Release = Unknown }}
	for k := 1; len(all) > most && k <= len(coarser); k++ {
		all = cells{}
		for i, row := range largest {
			if i >= most/2 {
				for _, f := range coarser[:k] {
					f(&row)
				}
			}
			all.add(row)
		}
	}
	r.Rows = all.rows()
	r.Folded += kinds - len(r.Rows)
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
