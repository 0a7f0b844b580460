package guard

import "gonum.org/v1/gonum/mathext"

// Lower is the one-sided lower Clopper-Pearson bound of a rate of which x of n were
// seen: were the rate lower, so many would be seen with a chance of less than
// 1 - confidence. 0 <= x <= n, 0 < confidence < 1.
func Lower(x, n int, confidence float64) float64 {
	if x == 0 {
		return 0
	}
	return mathext.InvRegIncBeta(float64(x), float64(n-x+1), 1-confidence)
}

// Upper is the upper bound likewise; 1 if nothing was seen.
func Upper(x, n int, confidence float64) float64 {
	if x >= n {
		return 1
	}
	return mathext.InvRegIncBeta(float64(x+1), float64(n-x), confidence)
}
