package beacon

import (
	"bytes"
	"encoding/json"
	"errors"
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
