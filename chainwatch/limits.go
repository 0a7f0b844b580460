package chainwatch

import (
	"time"

	"camswarm/verify"
)

// Limits on everything that comes from an endpoint, and on how often endpoints
// are asked.
const (
	maxAnswer     = 64 << 10         // bytes of one JSON-RPC answer; the largest View the verify limits allow takes about 32 KiB in hexadecimal
	maxURL        = 2048             // bytes of an endpoint's URL
	maxEndpoints  = 16               // endpoints of one Config
	maxCheckpoint = 512              // bytes of an encoded Checkpoint
	maxCount      = 1 << 40          // revisions or blocks of a chain: a block a second for 34 thousand years
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

	maxPanel          = 16 + verify.MaxWitnesses*2*(verify.MaxWitnessStatement+8) // bytes of what is kept of witnesses
	maxWitnessRegions = 64                                                        // regions that one witness speaks of
	maxWitnessSaid    = 4                                                         // revisions of which a witness's word is remembered, to find that it said something else before
	witnessBurst      = 16                                                        // statements of one witness that may follow one another closely;
	witnessRefill     = 10 * time.Second                                          // after that one in this time
	witnessRenewal    = time.Minute                                               // of the chain's time: what is renewed sooner is no news
	witnessLead       = 30 * time.Second                                          // for which witnesses may be ahead of a device's own endpoints
	witnessMistrust   = time.Hour                                                 // for which witnesses count for nothing after a device's own quorum contradicted them

	// What was accepted is refuted when start quorums contradict it for refuteFor.
	// It is longer than the outages and restores in which honest operators agree on
	// something old (minutes, an hour), leaves people time to see the alarm, and is
	// short enough that a lie costs a camera less than a working day. Liars who want
	// a device to go back must hold a whole start quorum for as long; what it then
	// believes can still install nothing older than what it runs.
	refuteFor     = 4 * time.Hour
	opposedFactor = 6                // while an operator says what was accepted, time counts that much less: a day instead of four hours
	maxCredit     = 15 * time.Minute // most that counts between two looks: what was said in a longer gap is unknown
	doubtAge      = 15 * time.Minute // what counts before it is saved, to spare the flash: a device that restarts every hour recovers all the same
)
