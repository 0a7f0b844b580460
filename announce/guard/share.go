package guard

import (
	"fmt"
	"strconv"
	"strings"
)

// Share is a part of a whole, 0.05 being 5 %. As a flag it is written as a percentage.
type Share float64

// String writes it as a percentage, to a ten-thousandth of a per cent.
func (s Share) String() string {
	text := strings.TrimRight(strconv.FormatFloat(100*float64(s), 'f', 4, 64), "0")
	return strings.TrimSuffix(text, ".") + "%"
}

// Set is of pflag.Value.
func (s *Share) Set(text string) error {
	v, err := ParseShare(text)
	*s = Share(v)
	return err
}

// Type is of pflag.Value.
func (s *Share) Type() string { return "percentage" }

// ParseShare reads a percentage such as "5%". Without the sign it is refused: 0.05 may
// mean 5 % or a hundredth of that, and a rollout hangs on it.
func ParseShare(text string) (float64, error) {
	number, signed := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !signed {
		return 0, fmt.Errorf("%q: write a percentage with its sign, such as 5%%", text)
	}
	return v / 100, nil
}
