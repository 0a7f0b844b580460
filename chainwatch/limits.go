package chainwatch

import "time"

// Limits on everything that comes from an endpoint, and on how often endpoints
// are asked.
const (
	maxAnswer     = 64 << 10         // bytes of one JSON-RPC answer; the largest View the verify limits allow takes about 32 KiB in hexadecimal
	maxHeader     = 16 << 10         // bytes of one HTTP answer's header
	maxErrorText  = 200              // bytes kept of an endpoint's error message
	maxURL        = 2048             // bytes of an endpoint's URL
	maxEndpoints  = 16               // endpoints of one Config
	maxCheckpoint = 512              // bytes of an encoded Checkpoint
	maxCount      = 1 << 40          // revisions or blocks in a Checkpoint: a block a second for 34 thousand years
	dialTimeout   = 3 * time.Second  // to resolve and connect: one dead host must not stall a look
	tlsTimeout    = 5 * time.Second  // for a TLS handshake
	callTimeout   = 30 * time.Second // one call, body included, whatever the caller's context says
	idleTimeout   = 15 * time.Second // an unused connection is closed: a camera looks daily
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

// Clocks outside these bounds are certainly wrong: the first is older than this
// program, the second is beyond its life. Within them a clock may be right.
const (
	clockFloor = 1767225600 // 2026-01-01T00:00:00Z
	clockCeil  = 2524608000 // 2050-01-01T00:00:00Z
)

// clockSane reports whether a clock may be right.
func clockSane(t time.Time) bool { return t.Unix() >= clockFloor && t.Unix() < clockCeil }
