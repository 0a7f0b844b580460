package announce

import (
	"time"

	"camswarm/verify"
)

// Limits on everything that comes from peers, and on what is remembered of it.
const (
	// MaxAnnouncementSize is the largest encoded announcement in bytes: an
	// envelope of the largest size and the six fields around it (70 bytes).
	MaxAnnouncementSize = verify.MaxEnvelopeSize + 128

	// MaxProducts is how many products one Gossip follows.
	MaxProducts = 64

	// MaxHeld is how many signed announcements per product wait for the chain,
	// one per envelope; one bare hint more may wait beside them. Memory: at
	// most MaxHeld * MaxAnnouncementSize per product, and only for envelopes
	// that the manufacturer signed.
	MaxHeld = 4

	// maxRPC is the largest pubsub message on the wire: an announcement with
	// its topic and framing. One RPC carries one announcement of the largest
	// size; pubsub splits what is larger.
	maxRPC = MaxAnnouncementSize + 4<<10
	// maxControl is the largest control part (subscriptions, IHAVE, IWANT,
	// GRAFT, PRUNE) of one RPC: MaxProducts subscriptions are 6 KiB, an IHAVE
	// of maxIHave ids 2 KiB.
	maxControl = 32 << 10
	// maxIHave is how many message ids a peer may advertise and we ask for in
	// one heartbeat. Announcements are rare: more than a few is a flood.
	maxIHave = 64

	// maxSeen is how many message hashes are remembered with their verdict per
	// product. pubsub forgets a message after 120 s; this memory outlives that
	// (about 150 bytes each).
	maxSeen = 1024
	// maxEnvelopes is how many verdicts on envelope signatures are remembered
	// per product: that many good ones (each keeps its envelope) and 16 times
	// as many bad digests.
	maxEnvelopes = 2 * verify.MaxCandidates
	// maxPeers is how many peers' rates are remembered.
	maxPeers = 1024
	// maxForeignTopics is how many well-formed topics of products that are not
	// followed are tracked for peers, so that a product followed later finds
	// its peers. pubsub by itself would track any number.
	maxForeignTopics = 256

	// validations is how many announcements of one product are judged at the
	// same time. Only those that are allowed a look at the chain ever wait, and
	// the budgets below bound those, so cheap checks are not starved.
	validations = 32
	// allValidations is the same over all products.
	allValidations = 128

	// releaseLooks and releaseEvery are the budget of looks at the chain, per
	// product, caused by envelopes that the manufacturer signed, that were
	// never looked up, and that claim a sequence newer than the view's.
	releaseLooks = 8
	releaseEvery = 30 * time.Second
	// peerLooks and peerLookEvery are one peer's budget of looks caused by
	// claims that prove nothing (bare hints, known envelopes with a higher
	// rev). A claim that turns out true is given back, so an honest peer never
	// runs out.
	peerLooks     = 3
	peerLookEvery = 5 * time.Minute

	// maxStrikes invalid announcements mute a peer; it regains one every
	// strikeEvery.
	maxStrikes  = 3
	strikeEvery = 20 * time.Minute
	// floodDrops is how many messages over its rate cost a peer one invalid
	// message in its score.
	floodDrops = 64

	// firstRetry and lastRetry bound the pause between looks for held
	// announcements; it doubles from one to the other.
	firstRetry = 2 * time.Second
	lastRetry  = time.Minute
	// holdTick is how often the current view is compared with what is held,
	// while anything is held. It costs no look.
	holdTick = time.Second

	// askTimeout bounds one question for the latest announcement, from opening
	// the stream to the last byte, on both sides.
	askTimeout = 10 * time.Second
	// greetings is how many newly connected peers are asked at the same time,
	// maxGreetings how many may wait for it.
	greetings    = 4
	maxGreetings = 1024
	// greetAgain is after what time a new neighbour that did not answer, because it was
	// asked too much at once, is asked once more.
	greetAgain = 15 * time.Second
	// meshLinks is how many connections a camera has at most, and so how many
	// neighbours may be inside and outside its mesh.
	meshLinks = 16
	// asksAtOnce is how many peers Ask asks at the same time.
	asksAtOnce = 3
	// askBurst and askEvery bound the questions put to one peer; serveBurst and
	// serveEvery those answered to one peer, set wider so that an honest peer
	// is never refused. servings is how many are answered at the same time.
	askBurst   = MaxProducts
	askEvery   = 10 * time.Second
	serveBurst = 2 * MaxProducts
	serveEvery = 5 * time.Second
	servings   = 32

	// maxStatements is how many witness statements one answer holds: for each
	// witness the newest, or the two that convict it.
	maxStatements = 2 * verify.MaxWitnesses

	// rpcTokens is what a pubsub message of a peer counts of its budget (see
	// [Options.Budget]), whatever is in it; tokenBytes of them count one more before
	// they are decoded, and so do tokenReads reads, as empty messages cost; rejectTokens
	// is what an invalid announcement counts. A token is about 0.1 ms of a desktop's core; an honest neighbour sends a few
	// messages when it connects, and then a few for each announcement.
	rpcTokens    = 1
	tokenBytes   = 4 << 10
	tokenReads   = 256
	rejectTokens = 16
	// logEvery is the least time between two warnings of one cause.
	logEvery = time.Minute

	// hintFirst is from how many subscribed peers on a bare hint is published before
	// the envelope, so that all of them have looked at the chain when it comes: 8 kB to
	// each of 16 take a line of 1 Mbit/s a second.
	hintFirst = 16
	// hintLead is how long the envelope waits for the hints to leave: 150 bytes to
	// each of 500 peers take 6 ms at 100 Mbit/s, to each of 16 peers 20 ms at
	// 1 Mbit/s. A look at the chain takes longer than that.
	hintLead = 25 * time.Millisecond
	// publishTo times Config.Degree neighbours are sent an envelope by who publishes it,
	// 64 by a seed: 45 ms of a line of 100 Mbit/s. Each passes it on to its mesh. Who
	// waited for the chain to show it sends it to passOnTo times Config.Degree.
	publishTo = 8
	passOnTo  = 2
	// publishPoll is how often Publish looks for a subscribed peer.
	publishPoll = 100 * time.Millisecond
	// relinkEvery is how soon pubsub's links are compared with the connected peers
	// after one came or went. The pause doubles then, to relinkIdle. relinkAgain is the
	// pause before the same peer is tried again.
	relinkEvery = time.Second
	relinkIdle  = 30 * time.Second
	relinkAgain = 10 * time.Second
	// scoreEvery is how often counters decay and the snapshot of [Gossip.Scores]
	// is renewed.
	scoreEvery = 10 * time.Second
)
