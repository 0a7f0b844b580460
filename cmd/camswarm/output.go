package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"camswarm/announce/guard"
	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// progress redraws one line of "label 3.1/6.2 MB" on a terminal and is silent
// elsewhere.
type progress struct {
	w     io.Writer // nil: silent
	label string
	total int64
	done  int64
	shown time.Time
}

func newProgress(w io.Writer, label string, total int64) *progress {
	p := &progress{label: label, total: total}
	if cli.IsTerminal(w) {
		p.w = cli.Raw(w)
	}
	return p
}

// Write counts bytes that passed.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if p.w != nil && (time.Since(p.shown) > 100*time.Millisecond || p.done == p.total) {
		p.shown = time.Now()
		fmt.Fprintf(p.w, "\r%s %s of %s\x1b[K", p.label, byteCount(p.done), byteCount(p.total))
	}
	return len(b), nil
}

// end clears the line.
func (p *progress) end() {
	if p.w != nil && p.done > 0 {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// byteCount writes a size for people: decimal units, as image sizes are quoted.
func byteCount(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

// unixTime writes a chain time for people, in UTC.
func unixTime(t uint64) string {
	if t == 0 {
		return "-"
	}
	return time.Unix(int64(t), 0).UTC().Format("2006-01-02 15:04:05")
}

// parseTime reads a point in time: "now", RFC 3339, a date, or a duration from
// now such as "+90m" or "+720h". It returns seconds since 1970.
func parseTime(flag, s string, now time.Time) (uint64, error) {
	var t time.Time
	switch {
	case s == "":
		return 0, nil
	case s == "now":
		t = now
	case strings.HasPrefix(s, "+"):
		d, err := time.ParseDuration(s[1:])
		if err != nil || d < 0 {
			return 0, cli.Usagef("--%s %q: write a duration from now such as +90m or +720h", flag, s)
		}
		t = now.Add(d)
	default:
		var err error
		if t, err = time.Parse(time.RFC3339, s); err != nil {
			if t, err = time.Parse(time.DateOnly, s); err != nil {
				return 0, cli.Usagef("--%s %q: write now, a duration such as +90m, or a time such as 2026-03-01T04:00:00Z", flag, s)
			}
		}
	}
	if t.Unix() <= 0 {
		return 0, cli.Usagef("--%s %q is before 1970", flag, s)
	}
	return uint64(t.Unix()), nil
}

// parsePercent reads a percentage such as "10%" or "12.5%" into basis points.
func parsePercent(flag, s string) (uint16, error) {
	f, err := guard.ParseShare(s)
	if err != nil {
		return 0, cli.Usagef("--%s %w", flag, err)
	}
	bps := math.Round(f * verify.MaxBps)
	if !(bps >= 0 && bps <= verify.MaxBps) || math.Abs(bps-f*verify.MaxBps) > 1e-7 {
		return 0, cli.Usagef("--%s %q: write a percentage from 0%% to 100%% in steps of 0.01%%", flag, s)
	}
	return uint16(bps), nil
}

// writeFileAtomic replaces a file so that a crash leaves the old or the new
// one, never a mixture.
func writeFileAtomic(path string, data []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames and creations in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
