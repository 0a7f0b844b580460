package swarm

import (
	"time"

	"camswarm/swarm/filestore"
)

// Limits on what a file and a peer may make the exchange hold, read or send.
const (
	// MaxHaveMessage is the largest possession message in bytes: a bitmap of
	// MaxBlocks bits, or the same number of two-byte gaps, and a header.
	MaxHaveMessage = 1 + 32 + 2 + 2*filestore.MaxBlocks + 64

	// MaxUnknownRoots is how many files that we have not added are
	// remembered per peer. A peer may announce a release before we learn of
	// it; the oldest is forgotten, and asked for again when the file is added.
	MaxUnknownRoots = 4

	// MaxLedgerPeers bounds the peers whose byte counters are kept.
	MaxLedgerPeers = 1024

	// maxAsked is how many of the blocks last asked of one peer are
	// remembered, to tell a late answer from unsolicited bytes, and maxDeparted
	// for how many peers that have left. 100 bytes each.
	maxAsked    = 1024
	maxDeparted = 16

	// unaskedBurst genuine blocks that were not due may come from a peer at
	// once, and another every unaskedEvery. Two of its longest queues fit.
	unaskedBurst = 64

	// maxProbes is how many want-haves may wait at one stock peer for one
	// file. Boxo keeps 1024 wants per peer and drops the rest.
	maxProbes = 512

	// What a peer may ask of us is a bucket of wantlist entries: wantBurst and
	// wantsPerBlock for each block that is listed here, full again after
	// wantRefill. Our own peers send two entries for a block, a want and
	// sometimes a cancel; stock ones ask for possession first, and again every 30
	// s. What is beyond is dropped unread; wantFlood times as much is an attack.
	// A release of 190 blocks: 1784 entries at once, 30 a second.
	wantBurst     = 1024
	wantsPerBlock = 4
	wantRefill    = time.Minute
	wantFlood     = 10

	// A peer may be sent copiesAtOnce copies of a file, and then copiesPerDay: a
	// camera needs one and a few blocks of it twice, and another one when it was
	// reset. Its only source may be this node.
	copiesAtOnce = 2.1
	copiesPerDay = 3

	// A peer that has had its copies is sent welcomeBytes with each connection that
	// it makes: a camera whose power fails soon after every start loses what it has
	// not synced yet, and must get on all the same. In an open swarm a handshake under
	// another name brings copiesAtOnce; in a private one each name is a credential, so
	// welcomes are a bucket too: welcomeBurst at once, 64 MiB of a file, and then
	// another every welcomeEvery.
	welcomeBytes = 2 * syncBytes
	welcomeBurst = 256
	welcomeEvery = 5 * time.Minute

	// maxAccountFiles bounds the files of which an account counts bytes.
	maxAccountFiles = 16

	// maxDenied is how many DONT_HAVE answers may wait for a peer to read.
	maxDenied = 1024

	// haveCost is what a possession message that tells nothing new costs of a peer's
	// budget. Honest peers repeat themselves when a block was damaged, or they
	// changed their mode.
	haveCost = 0.25

	// maxFrame is the largest bitswap message that is read, unless a block that
	// we wait for is larger: 8192 entries of a wantlist are 400 KiB. maxFrames is
	// how many of one peer are read at the same time; others wait.
	maxFrame  = 512 << 10
	maxFrames = 4

	// lineBytes are sent to measure the uplink. They fit into what a cold QUIC
	// connection may send at once. If that shows less than slowLine, in bytes per
	// second, with each of lineTries peers, the uplink is slow, and blocks may take
	// lineServes percent of it. lineFails attempts more may fail.
	lineBytes  = 32 << 10
	slowLine   = 250_000
	lineTries  = 3
	lineFails  = 8
	lineServes = 90

	// wantHaveBytes is the size of a block below which bitswap's server
	// answers a want-have with the block itself (boxo's default).
	wantHaveBytes = 1024
)

// Times of the exchange.
const (
	// haveDelay is the least time between two possession messages to a peer, and
	// haveUrgent that where haveMany blocks wait to be named, or a state. The first
	// goes out at once; what follows within the delay is batched: less time is one
	// more packet, and an acknowledgement, on an uplink that blocks could use, more is
	// waited for in each hop of a block through the swarm. See docs/SWARM.md.
	haveDelay  = 40 * time.Millisecond
	haveUrgent = 10 * time.Millisecond
	haveMany   = 4

	// haveLasts is how long a stream of possession messages has to live for the
	// next one to be opened at once when the peer ends it. Short-lived ones are
	// replaced after pauses that grow from a second to a minute.
	haveLasts = time.Minute

	// unaskedEvery: see unaskedBurst.
	unaskedEvery = time.Second

	// sendStall ends a send in which the receiver takes no sendPiece bytes
	// for so long. Bitswap's own limit is on the whole message and assumes
	// 100 kbit/s, so that several 64 KiB blocks sent side by side over a
	// 64 kbit/s uplink would never arrive.
	sendStall = 30 * time.Second

	// stallPenalty is how long a peer is not served after a send to it stalled,
	// so that receivers that never read cannot hold all send workers.
	stallPenalty = 60 * time.Second

	// engineIdle is how long bitswap's engine outlives the last message: it ends
	// between engineIdle and twice that after it, if no peer wants anything. Longer
	// than any pause of a fetch, so that none pays for a new one.
	engineIdle = 2 * time.Minute

	// The uplink is measured lineAfter to twice that after the start, when connections
	// have been made, and if that fails again after pauses that grow to lineRetry. It is
	// measured anew after lineAgain: 32 to 96 KiB a day, and 384 KiB where peers do not
	// answer. A peer answers within lineTimeout.
	lineAfter   = 4 * time.Second
	lineRetry   = 10 * time.Minute
	lineAgain   = 24 * time.Hour
	lineTimeout = 10 * time.Second

	// A fetch over a slow uplink tells nobody what it gets, and so serves none of it,
	// for silentFor, in which its source finds out how fast it may send, and then for as
	// long as it gets more than silentAbove times what the uplink carries: uplinks of
	// that kind could add a third to it and would take more, as a byte that is served
	// takes the place of the acknowledgements of 43. If it gets less than the uplink
	// carries it is silent for half of that: the others need its blocks.
	silentFor   = 2 * time.Second
	silentAbove = 3

	// haveDelaySlow is haveDelay on a slow uplink: a block that comes is told to a
	// dozen neighbours, in a packet of 100 bytes each.
	haveDelaySlow = 200 * time.Millisecond

	// findPeersAfter is how long a fetch waits for a useful source before it
	// calls FindPeers, and findPeersMax the longest pause between two calls.
	findPeersAfter = 2 * time.Second
	findPeersMax   = time.Minute

	// askNext is how long FetchBlock waits for a peer before it asks another
	// as well, and askRound the pause before everyone is asked again.
	askNext  = time.Second
	askRound = 5 * time.Second

	// openTimeout bounds the opening of a stream to a connected peer.
	openTimeout = 15 * time.Second
)

// sendPiece is the number of bytes written to a stream at a time: small enough
// that progress is seen and that a 64 kbit/s cap is smooth.
const sendPiece = 16 << 10
