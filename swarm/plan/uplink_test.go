package plan

import (
	"testing"
	"time"
)

// What a lender offers follows from what its line carried while it was busy; where
// nothing waits for the line it is doubled once, within its
// bounds, to see whether the line carries more.
func TestUplinkIsMeasuredWhileBusy(t *testing.T) {
	const block, rate = 32 << 10, 320 << 10 // bytes, bytes a second: a block takes 100 ms
	cfg := LenderConfig{Ahead: time.Second, MinWindow: 64 << 10, MaxWindow: 512 << 10}
	for name, c := range map[string]struct {
		wait   time.Duration // of each block in the queue, but the first
		blocks int
		window int64
		rate   float64
	}{
		"the first alone":          {0, 1, 100 << 10, 0},
		"a queue":                  {time.Second, 17, rate, rate},
		"no queue, few blocks":     {0, 16, rate, rate},
		"no queue":                 {0, 17, 512 << 10, rate},
		"no more came, it is less": {0, 18, rate, rate},
	} {
		u, q := uplink{window: 100 << 10}, new(borrower)
		for range c.blocks {
			u.asked()
		}
		for i := range c.blocks {
			d := 200 * time.Millisecond
			if i > 0 {
				d += c.wait
			}
			u.arrived(q, d, block)
			u.answered(&cfg, time.Duration(i)*100*time.Millisecond)
		}
		if u.pending != 0 || q.quickest != 200*time.Millisecond {
			t.Errorf("%s: %d pending, quickest %v", name, u.pending, q.quickest)
		}
		if u.window != c.window || u.rate != c.rate {
			t.Errorf("%s: window %d at %v bytes a second, want %d at %v", name, u.window, u.rate, c.window, c.rate)
		}
	}
	// A line that has stood still begins a measurement anew.
	u := uplink{window: 100 << 10}
	u.asked()
	u.answered(&cfg, 0)
	u.asked()
	u.arrived(new(borrower), time.Second, block)
	if u.answered(&cfg, time.Hour); u.rate != 0 || u.window != 100<<10 {
		t.Errorf("an hour of silence counts: %v bytes a second", u.rate)
	}
}
