package main

import (
	"testing"
	"time"

	"camswarm/announce/guard"
)

// A bad release reaches everybody by a timetable that nobody watches, its canaries with a
// guard; a good one reaches everybody by the guard's plan, and is never halted.
func TestGuardRehearsal(t *testing.T) {
	r := rehearsal{cameras: 5000, canaries: 200, seeds: 3, fails: 0.3, tells: 0.5, wake: 12 * time.Hour, confirm: 5 * time.Minute, every: time.Minute, step: 24 * time.Hour,
		plan: guard.Plan{Bound: 0.05, Confidence: 0.99, MinSample: 20, Steps: timetable, Settled: 0.5, Hold: 6 * time.Hour, MaxAge: 5 * time.Minute, Seeds: 1}}
	for r.random = range 5 {
		if o := r.play(unwatched); o.Reached != r.cameras || o.Halted || o.Failed < r.cameras/5 {
			t.Errorf("seed %d: %+v", r.random, o)
		}
		for _, how := range []string{watched, guarded} {
			if o := r.play(how); !o.Halted || o.Reached > r.canaries || o.Reached < r.plan.MinSample {
				t.Errorf("seed %d: %+v", r.random, o)
			}
		}
	}
	r.fails, r.canaries = 0.005, 800
	for r.random = range 5 {
		if o := r.play(guarded); o.Halted || o.Reached != r.cameras {
			t.Errorf("seed %d: %+v", r.random, o)
		}
	}
	r.fails, r.canaries = 0.3, 0
	if o := r.play(guarded); o.Halted || o.Reached != 0 {
		t.Errorf("widened without a canary: %+v", o)
	}
}
