package nearest

import (
	"fmt"
	"slices"
	"strings"
)

// To returns the known word that is most like the one that was written: at most a third
// of its letters (one of three, two of six) must be put in, taken out or changed; or
// else the first that begins with it. "" if none is.
func To(written string, known []string) string {
	if len(known) == 0 || written == "" {
		return ""
	}
	best := slices.MinFunc(known, func(a, b string) int { return distance(written, a) - distance(written, b) })
	if distance(written, best) <= (len(written)+2)/3 {
		return best
	}
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, written) }); i >= 0 && len(written) > 1 {
		return known[i]
	}
	return ""
}

// Or asks whether the word that is most like the written one was meant, in words that
// end an error; where none is it says the other thing.
func Or(written string, known []string, other string) string {
	if meant := To(written, known); meant != "" {
		return fmt.Sprintf("did you mean %q?", meant)
	}
	return other
}

// distance is how many letters must be put in, taken out or changed (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
