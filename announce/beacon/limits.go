package beacon

import "time"

// Limits on what is told, kept and read.
const (
	// MaxBytes bounds an encoded beacon.
	MaxBytes = headBytes + 2 + 2*31 + signatureBytes

	// RenewEvery is the time in which a camera says again what has not changed: a seed
	// that has counted for so long has heard all that can reach it.
	RenewEvery = 6 * time.Hour

	maxSequence = 1 << 32 // of a release, as in a catalog: one a second for 136 years
	maxSkew     = 3       // hours by which a beacon's hour may differ from a seed's

	answerTimeout = 10 * time.Second // of one beacon and its answer
	cost          = 2                // tokens of a beacon beside its stream's, for the signature

	maxDevices = 1 << 16 // that a seed counts, about 200 bytes each
	maxRows    = 1 << 14 // of all reports of a statement: a row has at most 400 bytes, so that MaxStatement has room
	maxSeries  = 8       // releases of a product in the metrics
	maxTold    = 8       // seeds that a camera remembers to have told
	maxMet     = 64      // seeds that a camera remembers to have met

	retryLeast    = 5 * time.Second  // between tries while no seed has heard the news,
	retryMost     = 5 * time.Minute  // doubled with each
	gapLeast      = 2 * time.Second  // between two beacons of a camera
	withdrawEvery = 30 * time.Minute // between tries to tell a former seed,
	maxCount      = 1 << 30          // cameras in a report that is read
	countEvery    = 2 * time.Second  // in which a seed counts at most once, whoever asks how often
	sweepEvery    = 10 * time.Minute // in which a seed forgets what is too old

	// A camera that said that it installed a release and nothing since is counted as
	// overdue for so long: longer than a step of a rollout, and not for ever, since one
	// that tells another seed now may have found no way to say so.
	lostFor = 7 * 24 * time.Hour
)
