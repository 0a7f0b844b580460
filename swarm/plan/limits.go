package plan

import "time"

const (
	// PlannerTick is how often a Planner looks for stalled and slow peers.
	PlannerTick = 100 * time.Millisecond

	// LenderTick is how often a Lender that rations a file looks for offers that
	// nobody took.
	LenderTick = 200 * time.Millisecond

	// forever is longer than anything takes: a time of which nothing is known.
	forever time.Duration = 1 << 62
)

// Constants of the Planner.
const (
	// guess is the assumed time per block of a peer that has delivered
	// nothing yet: faster than most, so that new peers are tried.
	guess = 100 * time.Millisecond

	// hardStall ends a request at a silent peer when nobody else has the
	// block, on top of the time that the block takes at hardRate.
	hardStall = 30 * time.Second
	hardRate  = 4096 // bytes per second: half of a 64 kbit/s link

	// A peer is slow, and asked only for what no other has, when a block takes
	// it over slowMin and slowTimes the time of the fastest.
	slowMin   = 2 * time.Second
	slowTimes = 10

	// A peer is unproven until it has delivered a block of this fetch: its claims
	// are words. What was asked of one longer than unprovenFlight ago does not
	// count as in flight, so that words cannot hold back real sources; and one
	// that sends nothing for unprovenStall, or slowTimes what the fastest takes
	// for a block if that is more, while others deliver, loses its requests
	// without the benefit of Stall. 30 cameras, 8 of them stallers: see
	// docs/SWARM.md.
	unprovenFlight = 600 * time.Millisecond
	unprovenStall  = time.Second

	// A peer is waited for patientTimes as long as the median of those that deliver
	// takes for a block, if that is more than Stall. One that serves 20 neighbours
	// over 1 Mbit/s comes to each every 6 s.
	// trickle is what it sends at least while it sends, in bytes per second.
	trickle = 1024
	// One that has delivered in this fetch is waited for provenTimes Stall.
	patientTimes = 8
	provenTimes  = 3

	// refusals is the number of DONT_HAVE answers to claimed blocks, more
	// than blocks delivered, that make a peer a false claimer.
	refusals = 4

	// maxSuspend is the longest time for which a peer that stalled or lied is
	// not asked; it starts at Stall and doubles.
	maxSuspend = 2 * time.Minute

	// paceSlack is how much unused time a download limit lets catch up, so that
	// late ticks do not lower the rate.
	paceSlack = 250 * time.Millisecond

	// ahead is the place in a peer's queue from which a request can still be
	// withdrawn without loss: bitswap's server has the blocks before it in its
	// hands already (MaxOutstandingBytesPerPeer).
	ahead = 2

	// maxGone bounds the remembered penalties of peers that left.
	maxGone = 256
)

// What is asked of an origin. Its window is split into originWays requests of
// adjacent blocks, as each comes over a connection that starts slowly, but each has
// at most originRun, 1 MiB of 32 KiB blocks, and no less than a quarter of that. In
// flight are at most originStart bytes before its speed is known, which is all of a
// share that is not large: peers take the other blocks meanwhile, and the first
// second is when their lines are idle. After that it is what arrives in originAhead,
// as its round trip and first byte come once for each request, and at most
// originFlight bytes. Where the first byte takes longer than originAhead, what arrives
// in firstTimes the rest of that comes on top, in longer ranges and up to twice as many,
// as the line would idle while all of them wait; before anything is known, twice as
// much is asked for then. When nothing else is left to ask of peers, one takes over the
// block that the origin would bring last if that takes takeOverTimes as long as the
// peer needs. See docs/SWARM.md.
const (
	originRun    = 32
	originWays   = 4
	originStart  = 4 << 20
	originAhead  = 600 * time.Millisecond
	originFlight = 8 << 20

	firstTimes    = 4
	takeOverTimes = 2
)

// The window of a Lender is doubled when, over idleSamples blocks, less than
// idleWait was spent waiting for the uplink.
const (
	idleSamples = 16
	idleWait    = 60 * time.Millisecond
)
