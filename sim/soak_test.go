package sim

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// marks is a logger that looks at the process whenever a release is about to come,
// when the cameras have been idle for long.
type marks struct {
	slog.Handler
	goroutines []int
	heap       []uint64
}

func (m *marks) Enabled(context.Context, slog.Level) bool { return true }

func (m *marks) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "phase" && strings.HasPrefix(a.Value.String(), "publishing") {
			for range 3 { // finalizers, and pools that are emptied in two steps
				runtime.GC()
			}
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			m.goroutines = append(m.goroutines, runtime.NumGoroutine())
			m.heap = append(m.heap, s.HeapAlloc)
		}
		return true
	})
	return nil
}

// Nothing grows with time: each release has every camera gather neighbours, fetch,
// serve, collect the one before, and hang up on most of them. Goroutines and heap are
// afterwards what they were, but for what is bounded and fills up in the first cycles.
func TestSoakStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("ten releases of three quarters of an hour each")
	}
	s, err := Load("flash-crowd")
	if err != nil {
		t.Fatal(err)
	}
	s.Nodes, s.Links, s.ImageBytes, s.WarmUp = 6, "fast", 300_000, time.Hour
	s.Releases, s.ReleaseEvery = 10, 45*time.Minute
	m := &marks{Handler: slog.DiscardHandler}
	if _, err := Run(context.Background(), s, Options{Dir: t.TempDir(), Logger: slog.New(m)}); err != nil {
		t.Fatal(err)
	}
	if len(m.heap) != s.Releases {
		t.Fatalf("%d looks at %d releases", len(m.heap), s.Releases)
	}
	t.Logf("goroutines %v", m.goroutines)
	t.Logf("heap %v", m.heap)
	// A goroutine more of each node in each cycle would be 35 more at least in the second
	// half than in the first, where every connection more or less is ten; an image that
	// is not let go 12 MB.
	const early, nodes = 3, 7
	last, half := len(m.heap)-1, len(m.heap)/2
	if a, b := slices.Min(m.goroutines[:half]), slices.Min(m.goroutines[half:]); b > a+3*nodes {
		t.Errorf("%d goroutines at least in the second half of the releases, %d in the first", b, a)
	}
	if a, b := m.heap[early], m.heap[last]; b > a+a/8 {
		t.Errorf("%d bytes of heap after %d releases, %d after %d", b, last, a, early)
	}
}
