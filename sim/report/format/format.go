package format

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Seconds writes a time for people, with three digits and the unit that
// fits: 350 ms, 3.34 s, 12.3 min, 22.8 h, 3.1 d.
func Seconds(s float64) string {
	if s < 0 {
		return "−" + Seconds(-s)
	}
	switch {
	case s == 0:
		return "0 s"
	case s < 0.0995:
		return Digits(s*1e3) + " ms"
	case s < 999.5:
		return Digits(s) + " s"
	case s < 7200:
		return Digits(s/60) + " min"
	case s < 172800:
		return Digits(s/3600) + " h"
	}
	return Digits(s/86400) + " d"
}

// Digits writes a number with three significant digits, more if it is larger.
func Digits(v float64) string {
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

// Bytes writes a size for people: decimal units, as image sizes are quoted.
func Bytes(n int64) string {
	switch a := math.Abs(float64(n)); {
	case a < 1e3:
		return strconv.FormatInt(n, 10) + " B"
	case a < 1e6:
		return Digits(float64(n)/1e3) + " kB"
	case a < 1e9:
		return Digits(float64(n)/1e6) + " MB"
	case a < 1e12:
		return Digits(float64(n)/1e9) + " GB"
	}
	return Digits(float64(n)/1e12) + " TB"
}

// Block writes a block size, which is a power of two: 64 KiB.
func Block(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " B"
}

// Rate writes bit/s: 20 Mbit/s.
func Rate(v float64) string {
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

// Percent writes a share: 62 %, 0.4 %.
func Percent(v float64) string {
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

// Plural writes a count with its noun: 1 seed, 6 seeds.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Width is how many characters a cell has.
func Width(s string) int { return utf8.RuneCountInString(s) }

// Left pads a cell to a width in characters, its text at the left.
func Left(s string, width int) string { return s + strings.Repeat(" ", max(0, width-Width(s))) }

// Right pads a cell to a width in characters, its text at the right.
func Right(s string, width int) string { return strings.Repeat(" ", max(0, width-Width(s))) + s }

// Clip shortens a cell to a width.
func Clip(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:max(0, width-1)]) + "…"
}

// Wrap breaks text at spaces into lines of at most width characters; all but the
// first stand behind the indent, which does not count. A longer word stays whole.
func Wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := 0
	for i, word := range strings.Fields(text) {
		if i > 0 && line+1+Width(word) > width {
			b.WriteString("\n" + indent)
			line = 0
		} else if i > 0 {
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += Width(word)
	}
	return b.String()
}

// Plain makes text from a report safe for a terminal: no control characters.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}

// Since writes a point in time of a run, seconds from the announcement.
func Since(s float64) string {
	if s < 0 {
		return Seconds(-s) + " before"
	}
	return "after " + Seconds(s)
}

// Unit writes a number of a unit: "s", "bytes", "share", or any other for a plain
// number.
func Unit(v float64, unit string) string {
	switch unit {
	case "s":
		return Seconds(v)
	case "bytes":
		return Bytes(int64(v))
	case "share":
		return Percent(v)
	}
	return Digits(v)
}

// Commit keeps as much of a revision as people quote.
func Commit(c string) string {
	if r := []rune(Plain(c)); len(r) >= 40 {
		return string(r[:8])
	}
	return Clip(Plain(c), 20)
}

// Faster says how two times compare, from the side of the swarm.
func Faster(speedup float64) string {
	switch {
	case speedup <= 0:
		return "not measured"
	case speedup >= 1:
		return Digits(speedup) + "x faster"
	}
	return Digits(1/speedup) + "x slower"
}
