package node

import (
	"testing"
	"time"
)

// A rule says when summer time begins and ends without any zone file.
func TestZoneByRule(t *testing.T) {
	for _, c := range []struct{ zone, utc, local string }{
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-01-15T12:00:00Z", "13:00"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-15T12:00:00Z", "14:00"},
		{"CET-1CEST,M3.5.0,M10.5.0/3", "2040-07-15T12:00:00Z", "14:00"},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-07-15T12:00:00Z", "08:00"},
		{"<+0330>-3:30", "2026-07-15T12:00:00Z", "15:30"},
		{"UTC0", "2026-07-15T12:00:00Z", "12:00"},
		{"UTC", "2026-07-15T12:00:00Z", "12:00"},
	} {
		zone, err := loadZone(c.zone)
		if err != nil {
			t.Errorf("%s: %v", c.zone, err)
			continue
		}
		at, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := at.In(zone).Format("15:04"); got != c.local {
			t.Errorf("%s: %s is %s, not %s", c.zone, c.utc, got, c.local)
		}
	}
	for _, bad := range []string{"CET-1CEST,M3.5", "1", "CET-1CEST,M13.5.0,M10.5.0", "Europe/Atlantis", "x\ny1", "../../etc/passwd", "A1"} {
		if zone, err := loadZone(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, zone)
		}
	}
}
