package chainwatch

import "time"

// Limits on everything that comes from an endpoint, and on how often endpoints
// are asked.
const (
	maxAnswer     = 64 << 10         // bytes of one JSON-RPC answer; the largest View the verify limits allow takes about 32 KiB in hexadecimal
	maxURL        = 2048             // bytes of an endpoint's URL
	maxEndpoints  = 16               // endpoints of one Config
	maxCheckpoint = 512              // bytes of an encoded Checkpoint
	maxCount      = 1 << 40          // revisions or blocks in a Checkpoint: a block a second for 34 thousand years
	maxRetryAfter = 10 * time.Minute // longest Retry-After that is honoured

	breakerMin = 2 * time.Second // an endpoint rests this long after its first failure, twice as long after each further one
	breakerMax = 5 * time.Minute // and no longer than this
	retryMin   = 2 * time.Second // without a quorum: wait before the next look, doubling
	retryMax   = 5 * time.Minute // and no longer than this (or the poll interval, if that is shorter)

	lookBurst  = 6                // looks on demand (announcements, Look) that may follow one another closely
	lookRefill = 30 * time.Second // after that, one look on demand in this time for everybody together

	recheckAfter   = 3 * time.Second // a lone higher revision is asked for again after this: one block and some lag
	stragglerGrace = 2 * time.Second // how long a look with a quorum still waits for slower endpoints
	recoverFor     = time.Hour       // after an unreadable checkpoint every operator must agree for this long, then the usual quorum suffices
	checkpointAge  = 24 * time.Hour  // an unchanged checkpoint is rewritten this often for its time alone, to spare the flash
)
