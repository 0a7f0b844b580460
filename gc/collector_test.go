package gc

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

const small = 256 << 10

// deviceWith makes a device that holds the given releases.
func deviceWith(t *testing.T, s state, sequences ...uint64) *device {
	t.Helper()
	d := newDevice(t.TempDir())
	must(t, d.save(s))
	for _, seq := range sequences {
		must(t, d.fetch(seq, small))
	}
	return d
}

func TestCollectReturnsBytesToTheFileSystem(t *testing.T) {
	d := deviceWith(t, state{Running: 3, Confirmed: true}, 1, 2, 3)
	reg := prometheus.NewRegistry()
	c := New(d, Policy{}, Options{Registerer: reg})

	dry, err := c.Plan(t.Context(), Need{})
	must(t, err)
	if got := d.sequences(t); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Fatalf("a dry run left %v", got)
	}
	plan, err := c.Collect(t.Context(), Need{})
	must(t, err)
	if plan.BytesBefore != dry.BytesBefore || plan.BytesAfter != dry.BytesAfter {
		t.Errorf("the dry run said %d to %d bytes, the collection %d to %d", dry.BytesBefore, dry.BytesAfter, plan.BytesBefore, plan.BytesAfter)
	}
	if got := d.sequences(t); !slices.Equal(got, []uint64{3}) {
		t.Errorf("left %v, want only the running release", got)
	}
	if got := usage(t, d.releases()); got < small || got > small+32<<10 {
		t.Errorf("%d bytes are allocated, the plan said %d", got, plan.BytesAfter)
	}
	if got := counter(t, reg, "camswarm_gc_removed_total"); got != 2 {
		t.Errorf("counted %v removals, want 2", got)
	}
	if got := counter(t, reg, "camswarm_gc_freed_bytes_total"); got != float64(plan.BytesBefore-plan.BytesAfter) {
		t.Errorf("counted %v freed bytes, the plan said %d", got, plan.BytesBefore-plan.BytesAfter)
	}
}

// counter returns the sum of a counter over its labels.
func counter(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// gc_deletes_running_image: a plan that orders it is refused, item by item, and
// what else it orders is done.
func TestThreatGCDeletesRunningImage(t *testing.T) {
	d := deviceWith(t, state{Running: 3, Fallback: 2}, 1, 2, 3, 4)
	reg := prometheus.NewRegistry()
	c := New(d, Policy{}, Options{Registerer: reg})
	var forged Plan
	for _, seq := range []uint64{3, 2, 4} {
		forged.Decisions = append(forged.Decisions, Decision{Item: Item{Product: cam, Sequence: seq}, Remove: true, Reason: RemoveStale})
	}
	forged.Decisions = append(forged.Decisions, Decision{Item: Item{Product: cam, Sequence: 1}, Reason: KeepWanted})
	err := c.Execute(t.Context(), forged)
	if !errors.Is(err, ErrProtected) {
		t.Fatalf("error %v, want ErrProtected", err)
	}
	if got := d.sequences(t); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("left %v, want the running and the fallback release and what the plan keeps", got)
	}
	if got := counter(t, reg, "camswarm_gc_protected_total"); got != 2 {
		t.Errorf("counted %v refusals, want 2", got)
	}
}

// gc_deletes_running_image: what was stale when the plan was made and runs now
// stays.
func TestThreatGCDeletesRunningImage_PlanOvertaken(t *testing.T) {
	d := deviceWith(t, state{Running: 1, Confirmed: true}, 1, 2, 3)
	c := New(d, Policy{}, Options{})
	plan, err := c.Plan(t.Context(), Need{})
	must(t, err)
	if len(plan.Removals()) != 2 {
		t.Fatalf("plan removes %+v, want 2 and 3", plan.Removals())
	}
	must(t, d.save(state{Running: 2, Fallback: 1, Wanted: 3})) // installed meanwhile
	if err := c.Execute(t.Context(), plan); !errors.Is(err, ErrProtected) {
		t.Errorf("error %v, want ErrProtected for release 2", err)
	}
	if got := d.sequences(t); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("left %v", got)
	}
}

func TestCollectMakesRoomBeforeAFetch(t *testing.T) {
	d := deviceWith(t, state{Running: 2, Confirmed: true, Wanted: 3}, 1, 2)
	c := New(d, Policy{QuotaBytes: 2*small + 64<<10}, Options{})
	_, err := c.Collect(t.Context(), Need{Product: cam, Sequence: 3, Bytes: small})
	must(t, err)
	if got := d.sequences(t); !slices.Equal(got, []uint64{2}) {
		t.Errorf("left %v, want 2", got)
	}
	_, err = c.Collect(t.Context(), Need{Product: cam, Sequence: 3, Bytes: 2 * small})
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("error %v for a release that cannot fit the quota, want ErrNoSpace", err)
	}
}

// leaky is a store whose removals free nothing, as with a file that somebody
// holds open.
type leaky struct{ *device }

func (leaky) Free() (int64, error)                       { return small, nil }
func (l leaky) Remove(ctx context.Context, i Item) error { return l.device.Remove(ctx, i) }

// A need is met only when the file system says so, not when the plan does.
func TestRoomIsMeasuredAfterTheRemovals(t *testing.T) {
	d := deviceWith(t, state{Running: 2, Confirmed: true, Wanted: 3}, 1, 2)
	c := New(leaky{d}, Policy{}, Options{})
	plan, err := c.Collect(t.Context(), Need{Product: cam, Sequence: 3, Bytes: small + small/2})
	if plan.Shortfall != 0 {
		t.Fatalf("the plan itself falls short: %+v", plan)
	}
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("error %v though no byte came back, want ErrNoSpace", err)
	}
}

func TestCancelledCollectionStops(t *testing.T) {
	d := deviceWith(t, state{Running: 3, Confirmed: true}, 1, 2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	d.at = func(string) { cancel() } // during the first removal
	if _, err := New(d, Policy{}, Options{}).Collect(ctx, Need{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if got := d.sequences(t); !slices.Equal(got, []uint64{2, 3}) {
		t.Errorf("left %v, want 2 and 3", got)
	}
}

// A write that failed for want of room gives the reserve up, and what is stale goes at
// once.
func TestRelieveCollects(t *testing.T) {
	d := deviceWith(t, state{Running: 3, Confirmed: true}, 1, 2, 3)
	r := NewReserve(filepath.Join(d.root, "reserve"), 64<<10)
	must(t, r.Hold())
	plan, err := New(d, Policy{ReserveBytes: 64 << 10}, Options{Reserve: r}).Relieve(t.Context())
	must(t, err)
	if got := d.sequences(t); !slices.Equal(got, []uint64{3}) || len(plan.Removals()) != 2 {
		t.Errorf("left %v, plan %+v", got, plan)
	}
}

func TestReserveIsHeldByCollections(t *testing.T) {
	d := deviceWith(t, state{Running: 1, Confirmed: true}, 1)
	r := NewReserve(filepath.Join(d.root, "reserve"), 1<<20)
	c := New(d, Policy{ReserveBytes: 1 << 20}, Options{Reserve: r})
	_, err := c.Collect(t.Context(), Need{})
	must(t, err)
	if held, err := r.Held(); err != nil || held < 1<<20 {
		t.Errorf("the reserve holds %d bytes (%v)", held, err)
	}
	if _, err := os.Stat(filepath.Join(d.root, "reserve")); err != nil {
		t.Error(err)
	}
}

// An operator reads that the reserve was given up or cannot be held, and nothing when
// there is none to give up or only no room for it.
func TestReserveIsSpokenOf(t *testing.T) {
	const given, cannot = "the reserve is given up", "cannot hold the disk reserve"
	d := deviceWith(t, state{Running: 1, Confirmed: true}, 1)
	for _, c := range []struct {
		name, path string
		size       int64
		held       bool
		says, not  string
	}{
		{"held", "held", 64 << 10, true, given, cannot},
		{"none is held", "none", 64 << 10, false, "", given},
		{"no room", "huge", 1 << 62, false, "", cannot},
		{"no directory", "nowhere/reserve", 64 << 10, false, cannot, given},
	} {
		var log bytes.Buffer
		r := NewReserve(filepath.Join(d.root, c.path), c.size)
		if c.held {
			must(t, r.Hold())
		}
		_, err := New(d, Policy{}, Options{Reserve: r, Logger: slog.New(slog.NewTextHandler(&log, nil))}).Relieve(t.Context())
		must(t, err)
		if said := log.String(); !strings.Contains(said, c.says) || strings.Contains(said, c.not) {
			t.Errorf("%s: %q", c.name, said)
		}
	}
}
