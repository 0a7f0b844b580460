package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// formatSeconds writes a time for people, with three digits and the unit that
// fits: 350 ms, 3.34 s, 12.3 min, 22.8 h, 3.1 d.
func formatSeconds(s float64) string {
	if s < 0 {
		return "−" + formatSeconds(-s)
	}
	switch {
	case s == 0:
		return "0 s"
	case s < 0.0995:
		return digits(s*1e3) + " ms"
	case s < 999.5:
		return digits(s) + " s"
	case s < 7200:
		return digits(s/60) + " min"
	case s < 172800:
		return digits(s/3600) + " h"
	}
	return digits(s/86400) + " d"
}

// digits writes a number with three significant digits, more if it is larger.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.001:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case a < 0.0995:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case a < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// formatBytes writes a size for people: decimal units, as image sizes are quoted.
func formatBytes(n int64) string {
	switch a := math.Abs(float64(n)); {
	case a < 1e3:
		return strconv.FormatInt(n, 10) + " B"
	case a < 1e6:
		return digits(float64(n)/1e3) + " kB"
	case a < 1e9:
		return digits(float64(n)/1e6) + " MB"
	case a < 1e12:
		return digits(float64(n)/1e9) + " GB"
	}
	return digits(float64(n)/1e12) + " TB"
}

// formatBlock writes a block size, which is a power of two: 64 KiB.
func formatBlock(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

// formatRate writes bit/s: 20 Mbit/s.
func formatRate(v float64) string {
	trim := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
	switch {
	case v <= 0:
		return "no limit"
	case v < 1e3:
		return trim(v) + " bit/s"
	case v < 1e6:
		return trim(v/1e3) + " kbit/s"
	case v < 1e9:
		return trim(v/1e6) + " Mbit/s"
	}
	return trim(v/1e9) + " Gbit/s"
}

// formatPercent writes a share: 62 %, 0.4 %.
func formatPercent(v float64) string {
	p := 100 * v
	switch a := math.Abs(p); {
	case a == 0:
		return "0 %"
	case a < 0.1:
		return fmt.Sprintf("%.2f %%", p)
	case a < 9.95:
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", p)
}

// plural writes a count with its noun: 1 seed, 6 seeds.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func runes(s string) int { return utf8.RuneCountInString(s) }

// left and right pad a cell to a width in characters.
func left(s string, width int) string  { return s + strings.Repeat(" ", max(0, width-runes(s))) }
func right(s string, width int) string { return strings.Repeat(" ", max(0, width-runes(s))) + s }

// clip shortens a cell to a width.
func clip(s string, width int) string {
	if runes(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:max(0, width-1)]) + "…"
}

// wrap breaks text at spaces into lines of at most width characters, all but
// the first indented.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := 0
	for i, word := range strings.Fields(text) {
		word = clip(word, width)
		if i > 0 && line+1+runes(word) > width {
			b.WriteString("\n" + indent)
			line = runes(indent)
		} else if i > 0 {
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += runes(word)
	}
	return b.String()
}

// plain makes text from a report safe for a terminal: no control characters.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// sinceAnnouncement writes a point in time of a run.
func sinceAnnouncement(s float64) string {
	if s < 0 {
		return formatSeconds(-s) + " before"
	}
	return "after " + formatSeconds(s)
}
