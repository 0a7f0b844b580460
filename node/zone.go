package node

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"camswarm/swarm/p2p"
)

// loadZone returns the zone of local times: "" is the device's own, a name such as
// "Europe/Berlin" comes from the device's zone files, and a POSIX rule such as
// "CET-1CEST,M3.5.0,M10.5.0/3", as OpenWrt keeps in /etc/TZ, needs none.
func loadZone(s string) (*time.Location, error) {
	name, _, _ := strings.Cut(s, ",")
	switch {
	case s == "":
		return time.Local, nil
	case strings.Contains(name, "/") || !strings.ContainsAny(name, "0123456789"):
		zone, err := time.LoadLocation(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w; on a device without zone files write the rule, such as \"CET-1CEST,M3.5.0,M10.5.0/3\"", s, err)
		}
		return zone, nil
	}
	if len(s) > maxZone || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%q is no rule of a time zone", s)
	}
	// The time package reads such rules where they stand: at the end of a zone file
	// (RFC 9636), here one that knows nothing else.
	const unread = "?" // the name of its only type, which shows when the rule is not understood
	header := func(data string) string {
		b := append([]byte("TZif3"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 0, 1, uint32(len(unread) + 1)} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return string(b) + data
	}
	types := string(make([]byte, 6)) + unread + "\x00"
	zone, err := time.LoadLocationFromTZData(s, []byte(header(types)+header(types)+"\n"+s+"\n"))
	if err == nil {
		for month := range 12 {
			if name, _ := time.Date(2026, time.Month(month+1), 15, 12, 0, 0, 0, zone).Zone(); name == unread {
				err = fmt.Errorf("it is not understood")
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no rule of a time zone such as \"CET-1CEST,M3.5.0,M10.5.0/3\": %w", s, err)
	}
	return zone, nil
}

// localTime is the time that quiet hours and windows go by: the device's own clock if
// that can be right, else the chain's time, carried forward. known is false when a
// device without a clock has not seen the chain yet.
func (n *Node) localTime() (now time.Time, known bool) {
	now = time.Now()
	known = p2p.ClockSane(now)
	for _, f := range n.followers {
		if view, ok := f.watcher.Current(); ok {
			now, known = time.Unix(int64(min(f.trustedTime(&view), 1<<40)), 0), true
			break
		}
	}
	return now.In(n.zone), known
}
