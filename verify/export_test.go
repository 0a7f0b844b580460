package verify

// RampAt and Rank are what eligibility is made of.
var (
	RampAt = rampAt
	Rank   = rank

	MaxRotationsSize = maxRotationsSize
	MaxMovesSize     = maxMovesSize
)
