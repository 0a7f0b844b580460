package gc

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

var (
	cam  = verify.Product{Vendor: "acme.example", Name: "cam-1"}.ID()
	door = verify.Product{Vendor: "acme.example", Name: "door-1"}.ID()
)

// File systems over a network tell of more bytes than an int64 holds.
func TestCountsDoNotOverflow(t *testing.T) {
	for _, c := range []struct {
		a, b uint64
		want int64
	}{
		{0, 4096, 0}, {3, 4096, 12288}, {1 << 62, 1, 1 << 62}, {1<<63 - 1, 1, math.MaxInt64}, {1 << 63, 1, math.MaxInt64},
		{1 << 62, 2, math.MaxInt64}, {1 << 52, 4096, math.MaxInt64}, {math.MaxUint64, math.MaxUint64, math.MaxInt64},
	} {
		if got := mul(c.a, c.b); got != c.want {
			t.Errorf("%d·%d is %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if got := add(math.MaxInt64, 1); got != math.MaxInt64 {
		t.Errorf("the sum is %d", got)
	}
}

func TestDecide(t *testing.T) {
	const mb = 1 << 20
	used := func(hour int) time.Time { return time.Date(2030, 1, 1, hour, 0, 0, 0, time.UTC) }
	plenty := int64(1000 * mb)
	tests := []struct {
		name      string
		items     []Item
		policy    Policy
		need      Need
		free      int64
		want      map[string]Reason // of every item, "-" before those removed
		order     []string          // of removals; nil: any
		shortfall int64
	}{
		{
			name: "nothing on disk", free: plenty,
		},
		{
			name: "latest only: what ran before a confirmed release goes",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb},
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Fallback: true},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Running: true, Confirmed: true},
			},
			free: plenty,
			want: map[string]Reason{"cam/1": "-stale", "cam/2": "-stale", "cam/3": KeepRunning},
		},
		{
			name: "the fallback stays until the running release is confirmed",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb},
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Fallback: true, Confirmed: true},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Running: true},
			},
			policy: Policy{QuotaBytes: mb}, free: plenty,
			want:      map[string]Reason{"cam/1": "-stale", "cam/2": KeepFallback, "cam/3": KeepRunning},
			shortfall: 11 * mb,
		},
		{
			name: "another product's confirmed release does not free a fallback",
			items: []Item{
				{Product: cam, Sequence: 2, Bytes: mb, Fallback: true},
				{Product: cam, Sequence: 3, Bytes: mb, Running: true},
				{Product: door, Sequence: 9, Bytes: mb, Running: true, Confirmed: true},
			},
			free: plenty,
			want: map[string]Reason{"cam/2": KeepFallback, "cam/3": KeepRunning, "door/9": KeepRunning},
		},
		{
			name: "a fallback stays when nobody says what runs",
			items: []Item{
				{Product: cam, Sequence: 2, Bytes: mb, Fallback: true},
			},
			free: plenty,
			want: map[string]Reason{"cam/2": KeepFallback},
		},
		{
			name: "busy and wanted stay, a partial fetch that nobody wants goes",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: mb, Busy: true},
				{Product: cam, Sequence: 2, Bytes: mb, Partial: true},
				{Product: cam, Sequence: 3, Bytes: mb, Partial: true, Wanted: true},
			},
			free: plenty,
			want: map[string]Reason{"cam/1": KeepBusy, "cam/2": "-stale", "cam/3": KeepWanted},
		},
		{
			name: "over quota: the most superseded wanted item goes first, the newest of a product last",
			items: []Item{
				{Product: cam, Sequence: 5, Bytes: 6 * mb, Wanted: true, LastUse: used(1)},
				{Product: cam, Sequence: 4, Bytes: 6 * mb, Wanted: true, LastUse: used(9)},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true, LastUse: used(9)},
				{Product: door, Sequence: 8, Bytes: 6 * mb, Wanted: true, LastUse: used(2)},
				{Product: door, Sequence: 7, Bytes: 6 * mb, Wanted: true, LastUse: used(3)},
			},
			policy: Policy{QuotaBytes: 12 * mb}, free: plenty,
			want: map[string]Reason{"cam/5": KeepWanted, "cam/4": "-over quota", "cam/3": "-over quota",
				"door/8": KeepWanted, "door/7": "-over quota"},
			order: []string{"cam/3", "door/7", "cam/4"},
		},
		{
			name: "evict before fetch: only as much as is needed",
			items: []Item{
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 4, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 5, Bytes: 6 * mb, Wanted: true},
			},
			policy: Policy{QuotaBytes: 20 * mb}, need: Need{Product: cam, Sequence: 6, Bytes: 6 * mb}, free: plenty,
			want: map[string]Reason{"cam/3": "-room for need", "cam/4": KeepWanted, "cam/5": KeepWanted},
		},
		{
			name: "a partial item goes before a complete one of the same worth",
			items: []Item{
				{Product: cam, Sequence: 3, Bytes: mb, Wanted: true},
				{Product: cam, Sequence: 4, Bytes: mb, Running: true},
				{Product: door, Sequence: 3, Bytes: mb, Wanted: true, Partial: true, LastUse: used(9)},
				{Product: door, Sequence: 4, Bytes: mb, Wanted: true},
			},
			policy: Policy{QuotaBytes: 3 * mb}, free: plenty,
			want: map[string]Reason{"cam/3": KeepWanted, "cam/4": KeepRunning, "door/3": "-over quota", "door/4": KeepWanted},
		},
		{
			name: "an older release does not push out a newer one",
			items: []Item{
				{Product: cam, Sequence: 4, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 5, Bytes: 6 * mb, Wanted: true},
			},
			policy: Policy{QuotaBytes: 12 * mb}, need: Need{Product: cam, Sequence: 3, Bytes: 6 * mb}, free: plenty,
			want:      map[string]Reason{"cam/4": KeepWanted, "cam/5": KeepWanted},
			shortfall: 6 * mb,
		},
		{
			name: "the newest of two products do not push each other out in turns",
			items: []Item{
				{Product: door, Sequence: 8, Bytes: 6 * mb, Wanted: true},
			},
			policy: Policy{QuotaBytes: 6 * mb}, need: Need{Product: cam, Sequence: 5, Bytes: 6 * mb}, free: plenty,
			want:      map[string]Reason{"door/8": KeepWanted},
			shortfall: 6 * mb,
		},
		{
			name: "nothing wanted is given up for a need that does not fit anyway",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 4, Bytes: 6 * mb, Running: true, Confirmed: true},
			},
			policy: Policy{QuotaBytes: 12 * mb}, need: Need{Product: cam, Sequence: 5, Bytes: 7 * mb}, free: plenty,
			want:      map[string]Reason{"cam/1": "-stale", "cam/3": KeepWanted, "cam/4": KeepRunning},
			shortfall: 7 * mb,
		},
		{
			name: "a resumed fetch does not evict what it has",
			items: []Item{
				{Product: cam, Sequence: 5, Bytes: 5 * mb, Partial: true, Wanted: true},
			},
			policy: Policy{QuotaBytes: 5 * mb}, need: Need{Product: cam, Sequence: 5, Bytes: mb}, free: plenty,
			want:      map[string]Reason{"cam/5": KeepWanted},
			shortfall: mb,
		},
		{
			name: "the disk: stale bytes make the room",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb},
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Running: true, Confirmed: true},
			},
			policy: Policy{ReserveBytes: mb}, need: Need{Product: cam, Sequence: 3, Bytes: 6 * mb}, free: mb,
			want: map[string]Reason{"cam/1": "-stale", "cam/2": KeepRunning},
		},
		{
			name: "the disk: the reserve is not spent on a fetch",
			items: []Item{
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Running: true, Confirmed: true},
			},
			policy: Policy{ReserveBytes: mb}, need: Need{Product: cam, Sequence: 3, Bytes: 6 * mb}, free: 6*mb + mb/2,
			want:      map[string]Reason{"cam/2": KeepRunning},
			shortfall: mb / 2,
		},
		{
			name: "the disk: wanted bytes go when the reserve cannot be kept",
			items: []Item{
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Running: true, Confirmed: true},
			},
			policy: Policy{ReserveBytes: 2 * mb}, free: mb,
			want: map[string]Reason{"cam/2": KeepRunning, "cam/3": "-disk full"},
		},
		{
			name: "the disk: nothing wanted goes for room",
			items: []Item{
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true},
			},
			policy: Policy{ReserveBytes: mb, RoomBytes: 8 * mb}, free: 2 * mb,
			want: map[string]Reason{"cam/3": KeepWanted},
		},
		{
			name: "the disk: a need leaves the room",
			items: []Item{
				{Product: cam, Sequence: 2, Bytes: 6 * mb, Wanted: true},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Wanted: true},
			},
			policy: Policy{ReserveBytes: mb, RoomBytes: 8 * mb}, need: Need{Product: cam, Sequence: 4, Bytes: 6 * mb}, free: 2 * mb,
			want:      map[string]Reason{"cam/2": KeepWanted, "cam/3": KeepWanted},
			shortfall: 13 * mb,
		},
		{
			name: "the same image twice: what stays is not freed with the other",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}, Running: true, Confirmed: true},
			},
			policy: Policy{QuotaBytes: 12 * mb}, need: Need{Product: cam, Sequence: 4, Bytes: 6*mb + 1}, free: plenty,
			want:      map[string]Reason{"cam/1": "-stale", "cam/3": KeepRunning},
			shortfall: 1,
		},
		{
			name: "the same image twice: a quota of one image holds it",
			items: []Item{
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}, Wanted: true},
				{Product: door, Sequence: 8, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}, Wanted: true},
			},
			policy: Policy{QuotaBytes: 6*mb + 4096}, free: plenty,
			want: map[string]Reason{"cam/3": KeepWanted, "door/8": KeepWanted},
		},
		{
			name: "the same image twice: both go before the disk has room",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}, Wanted: true},
				{Product: cam, Sequence: 3, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}, Wanted: true},
				{Product: cam, Sequence: 4, Partial: true, Busy: true},
			},
			need: Need{Product: cam, Sequence: 4, Bytes: 5 * mb}, free: mb,
			want:  map[string]Reason{"cam/1": "-room for need", "cam/3": "-room for need", "cam/4": KeepBusy},
			order: []string{"cam/1", "cam/3"},
		},
		{
			name: "a name outside keeps the bytes: the disk gets nothing back",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: 6 * mb, Shared: []Share{image(6*mb-4096, 2)}},
			},
			policy: Policy{QuotaBytes: 6 * mb}, need: Need{Product: cam, Sequence: 4, Bytes: 6 * mb}, free: mb,
			want:      map[string]Reason{"cam/1": "-stale"},
			shortfall: 5*mb - 4096,
		},
		{
			name: "absurd numbers do not overflow into removing what is kept",
			items: []Item{
				{Product: cam, Sequence: 1, Bytes: math.MaxInt64, Running: true},
				{Product: cam, Sequence: 2, Bytes: math.MaxInt64, Wanted: true},
				{Product: cam, Sequence: 3, Bytes: -5, Wanted: true},
			},
			policy: Policy{QuotaBytes: -1, ReserveBytes: -1}, need: Need{Product: cam, Sequence: 3, Bytes: math.MinInt64}, free: -1,
			want: map[string]Reason{"cam/1": KeepRunning, "cam/2": KeepWanted, "cam/3": KeepWanted},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := Decide(tt.items, tt.policy, tt.need, tt.free)
			got := map[string]Reason{}
			for _, d := range plan.Decisions {
				r := d.Reason
				if d.Remove {
					r = "-" + r
				}
				got[name(d.Item)] = r
			}
			if len(tt.want) == 0 {
				tt.want = map[string]Reason{}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("decided\n%v, want\n%v", got, tt.want)
			}
			if plan.Shortfall != tt.shortfall {
				t.Errorf("shortfall %d, want %d", plan.Shortfall, tt.shortfall)
			}
			if (plan.Err() != nil) != (tt.shortfall > 0) {
				t.Errorf("error %v with a shortfall of %d", plan.Err(), tt.shortfall)
			}
			var order []string
			for _, d := range plan.Removals() {
				order = append(order, name(d.Item))
			}
			if tt.order != nil && !slices.Equal(order, tt.order) {
				t.Errorf("removes in the order %v, want %v", order, tt.order)
			}
		})
	}
}

// image is a file of so many bytes and names, one of them in each item.
func image(bytes int64, names int) Share {
	return Share{File: FileID{Inode: 1}, Bytes: bytes, Here: 1, Names: names}
}

func name(i Item) string {
	if i.Product == door {
		return fmt.Sprintf("door/%d", i.Sequence)
	}
	return fmt.Sprintf("cam/%d", i.Sequence)
}

// disk_full: the error names the bytes needed and what to do about it.
func TestShortfallSaysWhatToDo(t *testing.T) {
	running := []Item{{Product: cam, Sequence: 1, Bytes: 600, Running: true}}
	need := Need{Product: cam, Sequence: 2, Bytes: 500}

	plan := Decide(running, Policy{QuotaBytes: 1000}, need, 1<<40)
	err := plan.Err()
	if !errors.Is(err, ErrNoSpace) || !errors.Is(err, ErrQuota) {
		t.Fatalf("error %v, want ErrNoSpace and ErrQuota", err)
	}
	for _, want := range []string{"500 bytes are needed", "100 are missing", "quota_bytes from 1000 to at least 1100"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}

	plan = Decide(running, Policy{ReserveBytes: 50}, need, 300)
	err = plan.Err()
	for _, want := range []string{"500 bytes are needed", "250 are missing", "free 250 bytes on the file system"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if errors.Is(err, ErrQuota) {
		t.Errorf("a disk that is short is taken for the quota: %v", err)
	}
}

// randomItems makes up to 12 items with every combination of flags, contradictory
// ones included, some of which share files with one another and with others.
func randomItems(r *rand.Rand) []Item {
	files := []Share{image(1+r.Int64N(9), r.IntN(2)), image(1+r.Int64N(9), 0), image(1+r.Int64N(9), 1)}
	var items []Item
	for _, product := range []verify.ProductID{cam, door} {
		for seq := uint64(1); seq <= 6; seq++ {
			if r.IntN(3) == 0 {
				continue
			}
			items = append(items, Item{
				Product: product, Sequence: seq, Bytes: r.Int64N(10),
				Partial: r.IntN(3) == 0, Busy: r.IntN(6) == 0, Running: r.IntN(5) == 0, Confirmed: r.IntN(2) == 0,
				Fallback: r.IntN(5) == 0, Wanted: r.IntN(2) == 0,
				LastUse: time.Unix(r.Int64N(4), 0),
			})
			for f := range files {
				if last := &items[len(items)-1]; r.IntN(6) == 0 {
					files[f].File.Inode = uint64(f)
					files[f].Names++
					last.Bytes += files[f].Bytes
					last.Shared = append(last.Shared, files[f])
				}
			}
		}
	}
	for _, item := range items { // now all names are known
		for i, s := range item.Shared {
			item.Shared[i].Names = files[s.File.Inode].Names
		}
	}
	return items
}

// onDisk says what items take, and what the file system would get back if they
// went, without the code under test.
func onDisk(items []Item) (used, freed int64) {
	names, shares := map[FileID]int{}, map[FileID]Share{}
	for _, i := range items {
		used += i.Bytes
		freed += i.Bytes
		for _, s := range i.Shared {
			used, freed = used-s.Bytes, freed-s.Bytes
			shares[s.File] = s
			names[s.File] += s.Here
		}
	}
	for id, s := range shares {
		used += s.Bytes
		if names[id] == s.Names {
			freed += s.Bytes
		}
	}
	return used, freed
}

// gc_deletes_running_image and the quota, over random inputs.
func TestPlanProperties(t *testing.T) {
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		items := randomItems(r)
		policy := Policy{QuotaBytes: r.Int64N(40), ReserveBytes: r.Int64N(10)}
		need := Need{Product: []verify.ProductID{cam, door}[r.IntN(2)], Sequence: uint64(1 + r.IntN(7)), Bytes: r.Int64N(15)}
		free := r.Int64N(30)
		plan := Decide(items, policy, need, free)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("seed %d: %s\nitems %+v\npolicy %+v need %+v free %d\nplan %+v", seed, fmt.Sprintf(format, args...), items, policy, need, free, plan)
		}

		// Every item is decided on exactly once, and the sums are right.
		var left, gone []Item
		for _, d := range plan.Decisions {
			if !d.Remove {
				left = append(left, d.Item)
			} else {
				gone = append(gone, d.Item)
			}
		}
		before, _ := onDisk(items)
		after, _ := onDisk(left)
		_, freed := onDisk(gone)
		if len(plan.Decisions) != len(items) || before != plan.BytesBefore || after != plan.BytesAfter || plan.FreeAfter != free+freed {
			fail("wrong sums: %d bytes before, %d after, %d freed", before, after, freed)
		}

		// What must stay stays, said without the code under test.
		for _, d := range plan.Decisions {
			confirmed := slices.ContainsFunc(items, func(o Item) bool { return o.Product == d.Product && o.Running && o.Confirmed })
			if must := d.Running || d.Fallback && !confirmed || d.Busy; must && d.Remove {
				fail("removes %s", name(d.Item))
			}
			if !d.Running && !d.Busy && !d.Wanted && (!d.Fallback || confirmed) && !d.Remove {
				fail("keeps %s, which nothing needs", name(d.Item))
			}
		}

		// Within the quota and the reserve as far as giving up everything that
		// may be given up allows.
		evictable := slices.ContainsFunc(plan.Decisions, func(d Decision) bool { return !d.Remove && d.Reason == KeepWanted })
		if over, full := shortfalls(policy, plan.BytesAfter, plan.FreeAfter, 0); evictable && (over > 0 || full > 0) {
			fail("over quota or short of the reserve with wanted items left")
		}
		if over, full := shortfalls(policy, plan.BytesAfter, plan.FreeAfter, need.Bytes); plan.Shortfall != max(over, full) {
			fail("wrong shortfall")
		}
		if plan.Shortfall > 0 && slices.ContainsFunc(plan.Decisions, func(d Decision) bool { return d.Reason == RemoveRoom }) {
			fail("gave up wanted items in vain")
		}

		// Idempotent: once carried out, the same question removes nothing more
		// and has the same answer. A fallback must still be told from its
		// flags: they do not change by collecting.
		for i := range left {
			left[i].Shared = slices.Clone(left[i].Shared)
			for k := range left[i].Shared {
				for _, g := range gone {
					for _, s := range g.Shared {
						if own := &left[i].Shared[k]; s.File == own.File {
							own.Names -= s.Here
						}
					}
				}
			}
		}
		again := Decide(left, policy, need, plan.FreeAfter)
		if len(again.Removals()) != 0 || again.Shortfall != plan.Shortfall {
			fail("a second collection differs: %+v", again)
		}

		// Deterministic: the order of items does not matter.
		shuffled := slices.Clone(items)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if other := Decide(shuffled, policy, need, free); !reflect.DeepEqual(other, plan) {
			fail("the order of items changes the plan: %+v", other)
		}
	}
}

// Releases of a seed whose quota is too small for all it wants are fetched a
// bounded number of times: no release evicts one that would evict it in turn.
func TestWantedReleasesDoNotEvictOneAnotherInTurns(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		wanted := map[string]Item{}
		for _, product := range []verify.ProductID{cam, door} {
			for seq := uint64(1); seq <= 4; seq++ {
				i := Item{Product: product, Sequence: seq, Bytes: 1 + r.Int64N(9), Wanted: true}
				wanted[name(i)] = i
			}
		}
		policy := Policy{QuotaBytes: 1 + r.Int64N(40)}
		var held []Item
		names := make([]string, 0, len(wanted))
		for n := range wanted {
			names = append(names, n)
		}
		slices.Sort(names)
		fetches := 0
		for moved := true; moved; {
			moved = false
			r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for _, n := range names {
				if slices.ContainsFunc(held, func(i Item) bool { return name(i) == n }) {
					continue
				}
				item := wanted[n]
				plan := Decide(held, policy, Need{Product: item.Product, Sequence: item.Sequence, Bytes: item.Bytes}, math.MaxInt64)
				held = held[:0:0]
				for _, d := range plan.Decisions {
					if !d.Remove {
						held = append(held, d.Item)
					}
				}
				if plan.Err() == nil {
					held, moved = append(held, item), true
					if fetches++; fetches > 200 {
						t.Fatalf("seed %d: releases are fetched over and over", seed)
					}
				}
			}
		}
	}
}
