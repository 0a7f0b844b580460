package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Window is a daily span of wall-clock time, in which installs may start. The
// zero Window is the whole day.
type Window struct {
	from, to int // minutes after midnight; from == to: the whole day
}

// ParseWindow reads a window such as "02:00-05:00": from the first minute up to,
// not including, the last. It may pass midnight ("23:30-04:00"). "" is the whole
// day; two equal times are refused, as they could mean all or nothing.
func ParseWindow(s string) (Window, error) {
	if s == "" {
		return Window{}, nil
	}
	var w Window
	ok := len(s) == len("02:00-05:00") && s[5] == '-'
	if ok {
		var fromOK, toOK bool
		w.from, fromOK = parseMinute(s[:5])
		w.to, toOK = parseMinute(s[6:])
		ok = fromOK && toOK
	}
	if !ok {
		return Window{}, fmt.Errorf("%q is no daily span; write two times of day such as \"02:00-05:00\"", s)
	}
	if w.from == w.to {
		return Window{}, fmt.Errorf("daily span %q starts when it ends; leave it empty for the whole day", s)
	}
	return w, nil
}

// parseMinute reads "HH:MM".
func parseMinute(s string) (int, bool) {
	for i, c := range []byte(s) {
		if (i == 2) != (c == ':') || i != 2 && (c < '0' || c > '9') {
			return 0, false
		}
	}
	h, m := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	return h*60 + m, h < 24 && m < 60
}

// String returns the form that ParseWindow reads.
func (w Window) String() string {
	if w.from == w.to {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.from/60, w.from%60, w.to/60, w.to%60)
}

// Contains reports whether t lies in the window, by the wall clock of t's zone.
func (w Window) Contains(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	switch {
	case w.from == w.to:
		return true
	case w.from < w.to:
		return w.from <= minute && minute < w.to
	default:
		return minute >= w.from || minute < w.to
	}
}

// End returns the first minute after t that does not lie in the window, seen from
// inside it; in a window of the whole day a day later.
func (w Window) End(t time.Time) time.Time {
	next := t.Truncate(time.Minute).Add(time.Minute)
	for range 24 * 60 {
		if !w.Contains(next) {
			break
		}
		next = next.Add(time.Minute)
	}
	return next
}

// Next returns the first minute after t that lies in the window, seen from
// outside it. It goes by the wall clock, so that a window that a change to
// summer time cuts short or skips is found where it really is.
func (w Window) Next(t time.Time) time.Time {
	next := t.Truncate(time.Minute).Add(time.Minute)
	for !w.Contains(next) {
		next = next.Add(time.Minute) // at most a day, or two where a window falls into the skipped hour
	}
	return next
}

// MayInstall decides whether an install may start now. now carries the device's
// time zone, and on a device without a clock the time it reckons with. If the
// answer is no, next is when to ask again: the start of the window, or a little
// later when only the inhibit file stands in the way.
func MayInstall(now time.Time, w Window, inhibited bool) (ok bool, next time.Time) {
	switch {
	case !w.Contains(now):
		return false, w.Next(now)
	case inhibited:
		return false, now.Add(inhibitRecheck)
	default:
		return true, now
	}
}

// Inhibited reports whether the inhibit file exists; "" is no file. If that
// cannot be found out it counts as existing, and err says why.
func Inhibited(path string) (inhibited bool, err error) {
	if path == "" {
		return false, nil
	}
	_, err = os.Stat(path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return true, fmt.Errorf("look for the inhibit file: %w", err)
	}
}
