package light

import (
	"testing"
	"time"
)

// What a seed sends for each camera that meets the others does not depend on how
// many there are, everybody has neighbours, and those who found no place at a full
// seed are part of the mesh and do not come back at once.
func TestMeetingCostsTheSameInACrowd(t *testing.T) {
	if testing.Short() {
		t.Skip("three hundred hosts")
	}
	play := func(cameras, room int) Result {
		r, err := Run(t.Context(), Config{Cameras: cameras, Seeds: 1, Room: room, Arrive: 20 * time.Second, Watch: 3 * time.Minute, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v", r)
		if r.Alone > 0 || r.Few > cameras/20 || r.Islands != 1 {
			t.Errorf("of %d cameras %d are alone, %d have few neighbours, in %d parts", cameras, r.Alone, r.Few, r.Islands)
		}
		return r
	}
	few := play(40, 0)
	many := play(160, 0)
	if many.Meeting.SeedSent > 1.2*few.Meeting.SeedSent {
		t.Errorf("the seed sends %.0f bytes for each of 160, %.0f for each of 40", many.Meeting.SeedSent, few.Meeting.SeedSent)
	}
	full := play(120, 64) // forty have a place
	if full.Seedless < 60 || full.AtSeeds > 64 {
		t.Errorf("%d have no seed, it has %d connections", full.Seedless, full.AtSeeds)
	}
	if full.Meeting.SeedSent > 2*few.Meeting.SeedSent || full.Settled.Arrivals > 1.5 {
		t.Errorf("a full seed sends %.0f bytes a camera; each comes %.1f times in %.0f s", full.Meeting.SeedSent, full.Settled.Arrivals, full.Settled.Seconds)
	}
}
