package units

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// maxAmount bounds every amount: 2^53 is exact in every JSON reader, and 9 PB.
const maxAmount = 1 << 53

// maxDigits bounds the number before a unit; the largest amount has 16 digits.
const maxDigits = 40

// A unit is a suffix and what one of it is in bits (or bits per second): with
// integers every amount is exact.
type unit struct {
	suffix string
	bits   int64
}

var sizes = []unit{
	{"kB", 8e3}, {"KB", 8e3}, {"MB", 8e6}, {"GB", 8e9}, {"TB", 8e12},
	{"KiB", 8 << 10}, {"MiB", 8 << 20}, {"GiB", 8 << 30}, {"TiB", 8 << 40}, {"B", 8},
}

var rates = func() []unit {
	out := []unit{{"kbit/s", 1e3}, {"Kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"bit/s", 1}}
	for _, u := range sizes {
		out = append(out, unit{u.suffix + "/s", u.bits})
	}
	return out
}()

// memories are sizes of memory chips, whose MB has always been a power of 1024.
var memories = []unit{{"KB", 8 << 10}, {"MB", 8 << 20}, {"GB", 8 << 30}, {"KIB", 8 << 10}, {"MIB", 8 << 20}, {"GIB", 8 << 30}}

// parse reads a number that one of the units may follow.
func parse(s string, known []unit, kind, examples string) (int64, error) {
	bad := func(why string) (int64, error) {
		return 0, fmt.Errorf("%q is no %s%s: write %s", s, kind, why, examples)
	}
	end := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(s)
	}
	number, suffix := s[:end], strings.TrimPrefix(s[end:], " ")
	switch {
	case strings.HasPrefix(s, "-"):
		return bad(": it is negative")
	case number == "" || strings.HasPrefix(number, ".") || strings.HasSuffix(number, ".") || strings.Count(number, ".") > 1:
		return bad("")
	}
	bits := int64(0)
	for _, u := range known {
		if u.suffix == suffix {
			bits = u.bits
		}
	}
	switch {
	case suffix == "" && end == len(s) && !strings.Contains(number, "."):
		bits = 8
	case bits == 0 && strings.Contains(suffix, "b") && !strings.Contains(suffix, "bit"):
		return bad(": bits or bytes? bytes have a capital B")
	case bits == 0:
		return bad("")
	case len(number) > maxDigits:
		return bad(": it has too many digits")
	}
	v, ok := new(big.Rat).SetString(number)
	if !ok {
		return bad("")
	}
	v.Mul(v, big.NewRat(bits, 8))
	n := new(big.Int).Div(v.Add(v, big.NewRat(1, 2)).Num(), v.Denom()) // rounded
	switch {
	case n.Cmp(big.NewInt(maxAmount)) > 0:
		return bad(": it is too large")
	case n.Sign() == 0 && strings.ContainsAny(number, "123456789"):
		return bad(": it is less than one byte")
	}
	return n.Int64(), nil
}

// format writes n with the largest unit of which it is a whole number or, with
// thousandths, exact.
func format(n int64, per string) string {
	for i, suffix := range []string{"GB", "MB", "kB"} {
		step := []int64{1e9, 1e6, 1e3}[i]
		if n < step || n%(step/1000) != 0 {
			continue
		}
		text := strconv.FormatInt(n/step, 10)
		if thousandths := n % step / (step / 1000); thousandths > 0 {
			text += strings.TrimRight(fmt.Sprintf(".%03d", thousandths), "0")
		}
		return text + suffix + per
	}
	return strconv.FormatInt(n, 10) + "B" + per
}

// Size is an amount of bytes.
type Size int64

// ParseSize reads a size such as "6.2MB".
func ParseSize(s string) (Size, error) {
	n, err := parse(s, sizes, "size", `a number of bytes such as 6200000, or "500kB", "6.2MB", "2GiB"`)
	return Size(n), err
}

// String returns a form that ParseSize reads.
func (s Size) String() string { return format(int64(s), "") }

// UnmarshalText is [ParseSize].
func (s *Size) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSize(string(b))
	return err
}

// MarshalJSON writes the number of bytes.
func (s Size) MarshalJSON() ([]byte, error) { return json.Marshal(int64(s)) }

// UnmarshalJSON reads a number of bytes, or a string that ParseSize reads.
func (s *Size) UnmarshalJSON(b []byte) error {
	text, err := jsonText(b)
	if err != nil {
		return err
	}
	return s.UnmarshalText([]byte(text))
}

// Rate is a number of bytes per second.
type Rate int64

// ParseRate reads a rate such as "2MB/s" or "16Mbit/s".
func ParseRate(s string) (Rate, error) {
	n, err := parse(s, rates, "rate", `a number of bytes per second such as 64000, or "64kB/s", "1.5MB/s", "16Mbit/s"; 0 is no limit`)
	return Rate(n), err
}

// String returns a form that ParseRate reads.
func (r Rate) String() string { return format(int64(r), "/s") }

// UnmarshalText is [ParseRate].
func (r *Rate) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRate(string(b))
	return err
}

// MarshalJSON writes the number of bytes per second.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(int64(r)) }

// UnmarshalJSON reads a number of bytes per second, or a string that ParseRate
// reads.
func (r *Rate) UnmarshalJSON(b []byte) error {
	text, err := jsonText(b)
	if err != nil {
		return err
	}
	return r.UnmarshalText([]byte(text))
}

// Set and Type make a Rate a flag of a command line.
func (r *Rate) Set(s string) error { return r.UnmarshalText([]byte(s)) }

// Type names the value in a command's help.
func (r *Rate) Type() string { return "rate" }

// jsonText returns the text of a JSON string, or a JSON number as it stands.
func jsonText(b []byte) (string, error) {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		return s, err
	}
	if string(b) == "null" {
		return "", fmt.Errorf("null is no amount; leave the field out")
	}
	return string(b), nil
}

// ParseMemory reads the size of a device's memory, such as "128MB": here KB, MB and
// GB are powers of 1024, as on memory chips.
func ParseMemory(s string) (int64, error) {
	n, err := parse(strings.ToUpper(s), memories, "size of memory", "")
	if err != nil {
		return 0, fmt.Errorf("%q is not a size of memory; write 64MB, 128MB, 256MB, large, or a number of bytes", s)
	}
	return n, nil
}
