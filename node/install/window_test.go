package install

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestParseWindow(t *testing.T) {
	for _, good := range []string{"", "02:00-05:00", "23:30-04:00", "00:00-23:59", "23:59-00:00"} {
		w, err := ParseWindow(good)
		if err != nil || w.String() != good {
			t.Errorf("%q: %q, %v", good, w, err)
		}
	}
	for _, bad := range []string{"02:00", "2:00-5:00", "02:00-24:00", "02:60-05:00", "02:00-02:00", "02:00 - 05:00", "0a:00-05:00",
		"02:00-05:00 ", "-2:00-05:00", "02.00-05.00", "02:00--5:00", "+2:00-05:00", "02:00–5:00", "00:00-00:00"} {
		if w, err := ParseWindow(bad); err == nil {
			t.Errorf("%q was read as %q", bad, w)
		}
	}
}

func FuzzParseWindow(f *testing.F) {
	for _, s := range []string{"", "02:00-05:00", "23:30-04:00", "24:00-00:00", "::::::-::::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseWindow(s)
		if err == nil && w.String() != s {
			t.Errorf("%q was read as %q", s, w)
		}
	})
}

func TestMayInstall(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	fatal(t, err)
	at := func(loc *time.Location, s string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04:05", s, loc)
		fatal(t, err)
		return when
	}
	utc := func(s string) time.Time { return at(time.UTC, s) }
	tests := []struct {
		name      string
		window    string
		now       time.Time
		inhibited bool
		ok        bool
		next      time.Time
	}{
		{"no window", "", utc("2030-06-01 12:00:00"), false, true, time.Time{}},
		{"inside", "02:00-05:00", utc("2030-06-01 03:00:00"), false, true, time.Time{}},
		{"first second", "02:00-05:00", utc("2030-06-01 02:00:00"), false, true, time.Time{}},
		{"last second", "02:00-05:00", utc("2030-06-01 04:59:59"), false, true, time.Time{}},
		{"just over", "02:00-05:00", utc("2030-06-01 05:00:00"), false, false, utc("2030-06-02 02:00:00")},
		{"just before", "02:00-05:00", utc("2030-06-01 01:59:59"), false, false, utc("2030-06-01 02:00:00")},
		{"at noon", "02:00-05:00", utc("2030-06-01 12:34:56"), false, false, utc("2030-06-02 02:00:00")},
		{"over midnight, evening", "23:30-04:00", utc("2030-06-01 23:45:00"), false, true, time.Time{}},
		{"over midnight, morning", "23:30-04:00", utc("2030-06-02 03:59:59"), false, true, time.Time{}},
		{"over midnight, outside", "23:30-04:00", utc("2030-06-02 04:00:00"), false, false, utc("2030-06-02 23:30:00")},
		{"inhibited", "", utc("2030-06-01 12:00:00"), true, false, utc("2030-06-01 12:00:00").Add(inhibitRecheck)},
		{"inhibited inside", "02:00-05:00", utc("2030-06-01 04:59:50"), true, false, utc("2030-06-01 04:59:50").Add(inhibitRecheck)},
		{"inhibited outside", "02:00-05:00", utc("2030-06-01 12:00:00"), true, false, utc("2030-06-02 02:00:00")},
		{"by the wall clock of the zone", "02:00-05:00", utc("2030-06-01 01:00:00").In(berlin), false, true, time.Time{}},
		// 2030-03-31: clocks go from 02:00 to 03:00.
		{"summer time cuts the window short", "02:00-05:00", at(berlin, "2030-03-31 01:59:00"), false, false, at(berlin, "2030-03-31 03:00:00")},
		{"summer time skips the window", "02:00-03:00", at(berlin, "2030-03-31 01:30:00"), false, false, at(berlin, "2030-04-01 02:00:00")},
		// 2030-10-27: 02:00 to 03:00 comes twice, first an hour and a half after midnight UTC minus one.
		{"winter time doubles the window", "02:00-03:00", utc("2030-10-27 01:30:00").In(berlin), false, true, time.Time{}},
		{"a camera without a clock", "02:00-05:00", utc("1970-01-01 00:00:07"), false, false, utc("1970-01-01 02:00:00")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, err := ParseWindow(tt.window)
			fatal(t, err)
			ok, next := MayInstall(tt.now, w, tt.inhibited)
			if ok != tt.ok || !ok && !next.Equal(tt.next) {
				t.Errorf("%v, next %v; want %v, %v", ok, next, tt.ok, tt.next)
			}
			if !ok && !tt.inhibited && !w.Contains(next) {
				t.Errorf("the next time %v is not in the window", next)
			}
		})
	}
}

func TestInhibitFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording")
	if inhibited, err := Inhibited(""); inhibited || err != nil {
		t.Errorf("no file configured: %v, %v", inhibited, err)
	}
	if inhibited, err := Inhibited(path); inhibited || err != nil {
		t.Errorf("no file: %v, %v", inhibited, err)
	}
	fatal(t, os.WriteFile(path, nil, 0o600))
	if inhibited, err := Inhibited(path); !inhibited || err != nil {
		t.Errorf("a file: %v, %v", inhibited, err)
	}
	// What cannot be found out must not install in the middle of a recording.
	if inhibited, err := Inhibited(filepath.Join(path, "below a file")); !inhibited || err == nil {
		t.Errorf("below a file: %v, %v", inhibited, err)
	}
}
