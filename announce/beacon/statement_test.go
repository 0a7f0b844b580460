package beacon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// beacon_aggregate_forged: what a seed counted cannot be changed on its way.
func TestThreatBeaconAggregateForged(t *testing.T) {
	seed := someone(t, "seed")
	s, err := Fleet{Reports: []Report{{Name: "acme.example/<cam>", Cameras: 3, Rows: []Row{{Release: 2, State: StateFailed, Cameras: 3}}}}}.Sign(seed.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, indent := range []string{"", "  "} {
		data, err := json.MarshalIndent(s, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		f, err := OpenStatement(data)
		if err != nil || f.Seed != seed.id.String() || f.Reports[0].Cameras != 3 {
			t.Errorf("%+v, %v", f, err)
		}
		for old, forged := range map[string]string{`"failed"`: `"confirmed"`, seed.id.String(): someone(t, "thief").id.String(), "cam": "cat"} {
			if f, err := OpenStatement(bytes.Replace(data, []byte(old), []byte(forged), 1)); !errors.Is(err, ErrStatement) {
				t.Errorf("%s for %s: %+v, %v", forged, old, f, err)
			}
		}
	}
}

func TestStatementsWhoseCountsDoNotAddUpAreRefused(t *testing.T) {
	for _, r := range []Report{
		{Cameras: 4, Rows: []Row{{Cameras: 3}}},
		{Cameras: -1, Rows: []Row{{Cameras: -1}}},
		{Cameras: 1, Rows: []Row{{Cameras: 1, Overdue: 2}}},
		{Cameras: 1, Rows: []Row{{Cameras: 1, State: stateWithdrawn}}},
	} {
		s, err := Fleet{Reports: []Report{r}}.Sign(someone(t, "seed").key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenStatement(data); !errors.Is(err, ErrStatement) || !strings.Contains(err.Error(), "counts") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// beacon_aggregate_large: whatever is told, the statement can be read, and its sums by
// state and by release of the chain are what they were.
func TestThreatBeaconAggregateLarge(t *testing.T) {
	const kinds = 1 << 14
	seed := someone(t, "seed")
	for _, latest := range []uint64{9, 1 << 20} {
		r := Report{Latest: latest, Rows: []Row{{Region: "eu", Running: 1, Release: 2, State: StateFailed, Cameras: 100, Overdue: 1}}}
		for i := range kinds {
			r.Rows = append(r.Rows, Row{Region: strings.Repeat("r", 31), Label: fmt.Sprintf("%s%05d", strings.Repeat("<", 26), i),
				Running: maxSequence - uint64(i), Release: uint64(10 + i), State: State(1 + i%5), Cameras: 1})
		}
		r.Cameras = 100 + kinds
		s, err := Fleet{Reports: []Report{r, r}}.Sign(seed.key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		f, err := OpenStatement(data)
		if err != nil {
			t.Fatalf("latest %d: %d bytes: %v", latest, len(data), err)
		}
		for _, got := range f.Reports {
			if rows := len(got.Rows); got.Folded != len(r.Rows)-rows || rows > maxRows/2 || rows < 2 {
				t.Errorf("latest %d: %d rows, %d folded", latest, rows, got.Folded)
			}
			if c := got.Of(2); c.States[StateFailed] != 100 || c.Overdue != 1 {
				t.Errorf("latest %d: of release 2 %+v", latest, c)
			}
			want, have := map[State]int{}, map[State]int{}
			for _, row := range r.Rows {
				want[row.State] += row.Cameras
			}
			for _, row := range got.Rows {
				have[row.State] += row.Cameras
			}
			if !maps.Equal(want, have) {
				t.Errorf("latest %d: %v, want %v", latest, have, want)
			}
		}
	}
}

func FuzzStatement(f *testing.F) {
	s, err := Fleet{Reports: []Report{{Cameras: 3, Rows: []Row{{Release: 2, State: StateFailed, Cameras: 3}}}}}.Sign(someone(f, "seed").key)
	if err != nil {
		f.Fatal(err)
	}
	data, err := json.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"fleet":null,"signature":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := OpenStatement(data); err != nil && !errors.Is(err, ErrStatement) {
			t.Errorf("another error: %v", err)
		}
	})
}
