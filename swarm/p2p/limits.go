package p2p

import (
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
)

// Limits of the network on configuration and on what peers may make us hold.
const (
	minConnections = 4
	maxConnections = 4096
	maxStaticPeers = 32

	// maxListed bounds the static peers that a list adds: half of a camera's
	// connections.
	maxListed      = 8
	maxAddrs       = 128 // addresses in one list of the configuration
	maxRegionBytes = 32
	maxAgentBytes  = 64 // of a peer's agent string; ours fit

	minMemory   = 32 << 20
	largeMemory = 4 << 30

	// maxBans bounds the ban list; the one that ends first makes room.
	maxBans = 1024
	// maxBanBytes bounds what is read back of the ban list: maxBans entries of
	// at most 1000 bytes with a reason that JSON escapes throughout.
	maxBanBytes = maxBans * 1000
	// maxBanReason truncates the reason of a ban, in bytes.
	maxBanReason = 120

	// maxNamespaces bounds the rendezvous namespaces of a node.
	maxNamespaces = 64
	// maxNamespaceBytes bounds the name of one.
	maxNamespaceBytes = 256

	// maxHeld bounds the images of which seeds are told that this node has them.
	maxHeld = 8
	// knownPerConnection is how many nodes a seed knows for each connection that it
	// may have, about 600 bytes each: those that visited it lately are named too.
	knownPerConnection = 4
	// enoughSeeds is how many static peers a camera keeps connected: with fewer the
	// death of one would cost more, with more a fleet's seeds would be full of few.
	enoughSeeds = 4

	// maxProviders bounds the providers of one key that a DHT server keeps,
	// providersNamed those that it names: seeds alone provide.
	maxProviders   = 64
	providersNamed = 20

	// maxDHTRecords bounds the provider records that a DHT server keeps, about
	// 200 bytes each.
	maxDHTRecords = 1 << 16
	// maxDHTRecordsPerPeer bounds those of one provider: its namespaces and the
	// few roots it serves.
	maxDHTRecordsPerPeer = 128

	// streamWindow is what yamux reserves for every stream that is open:
	// initialStreamWindow in go-yamux. A memory limit below it times the number
	// of streams in use makes streams fail.
	streamWindow = 256 << 10
)

// Times of discovery and dialling.
const (
	// dialParallel bounds the dials of discovery in flight.
	dialParallel = 4

	// rendezvousEvery is how often a namespace is provided again. Servers keep
	// records for providerValidity, so one lost round does no harm.
	rendezvousEvery  = 8 * time.Hour
	providerValidity = 24 * time.Hour
	// rendezvousRetry is the wait after a round that failed or, while the mesh
	// is too small, found nobody; it doubles up to rendezvousRetryMax.
	rendezvousRetry    = 5 * time.Second
	rendezvousRetryMax = 10 * time.Minute
	// seedsAskEvery is how often seeds ask one another whether there is room.
	seedsAskEvery = time.Minute
	// askAgainLeast lies between two questions to one seed, askTimeout bounds one,
	// fullTimeout a refusal.
	askAgainLeast = 5 * time.Second
	askTimeout    = 10 * time.Second
	fullTimeout   = 2 * time.Second
	// comeBackLeast and comeBackMost bound what a full seed asks of those that it
	// hangs up on, in the middle of which it sees about visitsMost a second.
	comeBackLeast = time.Minute
	comeBackMost  = 10 * time.Minute
	visitsMost    = 8
	// routingTimeout bounds one provide or one search.
	routingTimeout = 30 * time.Second
	// findCount ends a search for members of a namespace.
	findCount = 20

	// doubleDial is how long two connections from one peer may be two attempts of
	// one dial: the first is kept then, and later the second, since a peer that
	// comes back has lost the first.
	doubleDial = 5 * time.Second

	// visitTime is how long a full seed keeps a newcomer: it has told others where
	// it is by then, and knows some of them. visitEvery is how often it looks.
	visitTime  = 8 * time.Second
	visitEvery = time.Second

	// keepAlive is after how much silence the end that dialled says that a connection
	// lives: many home routers forget a UDP mapping after 30 s. idleTimeout is after how
	// much a QUIC connection is given up, two keep-alives and a retransmission later,
	// and the accepting end of a TCP connection asks.
	keepAlive   = 25 * time.Second
	idleTimeout = time.Minute

	// activeFor is how long after its start or a fetch a camera keeps the neighbours
	// that a fetch wants, since others fetch from it meanwhile, and how long a
	// connection lasts at least. longestFetch is how long a fetch counts: one that waits
	// for days, for its mode or a source, has no use for neighbours. idleLook is how often it is looked later whether some
	// are too many, idlePause lies between two that are hung up on.
	activeFor    = 10 * time.Minute
	longestFetch = 24 * time.Hour
	idleLook     = 10 * time.Minute
	idlePause    = time.Minute
	// idleSeeds is how many static peers an idle camera keeps, and idleSlack by how
	// many its neighbours may be more than MeshIdle: who is dialled by many does not
	// hang up on them at once.
	idleSeeds = 2
	idleSlack = 1

	// gracePeriod protects a new connection from trimming while its worth shows.
	gracePeriod = 20 * time.Second

	// maxRelays bounds the seeds at which a camera keeps a place, so that others can
	// make appointments with it; each is one address more that all of them are told.
	maxRelays = 2
	// reserveCheck is how often places are looked after; they are renewed when less
	// than reserveAhead of the relay's hour (go-libp2p's default) is left.
	reserveCheck = time.Minute
	reserveAhead = 15 * time.Minute
	// addrsSettle is how long the host takes to tell neighbours of new addresses:
	// go-libp2p looks every 5 s.
	addrsSettle = 6 * time.Second
	// punchTimeout bounds the wait for a direct connection after a peer was met at a
	// relay: three attempts of a few round trips; 97.6 % of holes that open do so at
	// the first (arXiv 2510.27500). punchLook is how often it is looked.
	punchTimeout = 5 * time.Second
	punchLook    = 50 * time.Millisecond

	// probeCheck is how often it is looked whether a seed has to be asked about an
	// address (AutoNAT v2), first after probeFirst, before the places of those who dial
	// are taken and the seed finds none; probeFresh is how long its answer, which costs
	// 6 KB, is good, probeTimeout bounds one, and maxProbed the addresses.
	probeFirst   = 3 * time.Second
	probeCheck   = 30 * time.Second
	probeFresh   = 4 * time.Hour
	probeTimeout = 20 * time.Second
	maxProbed    = 8
	// What a seed dials for others in a minute, beside half as many probes as it takes
	// connections: for one peer, and where nobody calls from, for which 30 KB or more
	// are wanted first.
	probesPerPeer   = 6
	probesElsewhere = 6

	// roomCheck is how often a camera that can be dialled looks whether it has a place
	// for those who can be neither dialled nor punched, beside when somebody comes.
	// easyKept of the strangers that others reach too stay, the most useful: so whoever
	// only looks hard to reach drives out no more than the rest.
	roomCheck = 10 * time.Second
	easyKept  = 2

	// negotiationTimeout bounds the choice of a protocol on a new stream.
	negotiationTimeout = 10 * time.Second

	// reputationSaveEvery is how often reputations are written if they have
	// changed, to spare the flash; they are written when the node stops too.
	reputationSaveEvery = time.Hour
	// pointsPerScore is what a point of reputation is worth to the connection
	// manager, under reputationTag: the best as much as being in the same region
	// and a half.
	pointsPerScore = 3
	reputationTag  = "camswarm-reputation"
	// restTime is how long a stranger that gave up its slot to others is refused.
	restTime = 10 * time.Minute

	// banSaveDelay gathers bans before they are written, to spare the flash.
	banSaveDelay = 2 * time.Second

	// clockCheckEvery is how often a node without QUIC looks whether its clock
	// has become sane.
	clockCheckEvery = 10 * time.Second

	// listenRetry is the wait before an address that this machine does not have yet
	// is tried again; it doubles up to listenRetryMax.
	listenRetry    = time.Second
	listenRetryMax = 30 * time.Second

	// clockFloor is the time before which a clock cannot be right: it is older
	// than this code. TLS certificates of libp2p peers become valid an hour
	// before their process started, so with such a clock every QUIC handshake
	// fails.
	clockFloor = 1767225600 // 2026-01-01T00:00:00Z, Unix seconds
)

// Limits are the concrete bounds of a network: what Config's memory, role and
// connection fields come to.
type Limits struct {
	// Device is the memory of the device in bytes that all else follows from.
	Device int64
	// Memory bounds the bytes that libp2p may reserve for receive windows and
	// buffers. Windows are promises to peers: resident memory is far below as
	// long as streams are read, and this is the bound when they are not.
	// 5/8 of the device's memory, just under 2 GiB at most; every open stream reserves 256
	// KiB of it, so less would run out of streams before it runs out of memory.
	Memory int64
	// Connections is the hard limit, handshakes included.
	Connections int
	// Inbound is how many of them strangers may open. On a seed that is all but
	// the last quarter; on a camera a quarter of Connections less than MeshHigh,
	// so that strangers in every slot of theirs and the neighbours of its own
	// choice fill the mesh without anybody being trimmed from it.
	Inbound int
	// Chosen is how many neighbours a camera dials itself, beside its static
	// peers, however many have dialled it: a quarter of Connections with the
	// static ones, and at least one. A seed, which everybody dials, chooses
	// nobody as long as its mesh is large enough.
	Chosen int
	// Static is how many static peers a camera keeps connected; 0, on a seed: all.
	Static int
	// Streams is how many 256 KiB windows fit into Memory.
	Streams int
	// StreamWindow is the largest receive window of one yamux stream in bytes:
	// a 64th of the device's memory, 1 to 16 MiB. It bounds the rate of one
	// stream to StreamWindow per round trip.
	StreamWindow int
	// MeshLow and MeshHigh are the watermarks of the connection manager.
	MeshLow, MeshHigh int
	// MeshIdle is what takes their place on a camera that has nothing to fetch.
	MeshIdle int
	// PeerConnections, PeerStreams and PeerMemory bound one peer.
	PeerConnections, PeerStreams int
	PeerMemory                   int64
	// ConnectionsPerIP bounds the connections of one IPv4 address or IPv6 /56;
	// loopback is exempt. High on a seed, since a site with a hundred cameras
	// may share one address.
	ConnectionsPerIP int
}

// LimitsFor computes the limits of a configuration. The error wraps no
// sentinel; Validate wraps it.
func LimitsFor(c Config) (Limits, error) {
	device, err := parseMemory(c.Memory)
	if err != nil {
		return Limits{}, err
	}
	switch auto := c.Memory == MemoryAuto; {
	case auto && c.seed():
		if device = min(ownMemory(), largeMemory); device > 0 {
			device = max(device, minMemory)
		}
	case auto:
		device = presetFor(ownMemory())
	case device == 0 && !c.seed():
		device = presetFor(0)
	}
	if device == 0 {
		device = largeMemory
	}
	l := Limits{
		Device:           device,
		Memory:           min(device/8*5, 1<<31-1),
		StreamWindow:     int(min(max(device/64, 1<<20), 16<<20)),
		Connections:      16,
		MeshLow:          10,
		MeshHigh:         14,
		MeshIdle:         3,
		PeerConnections:  4,
		PeerStreams:      48,
		ConnectionsPerIP: 8,
	}
	l.Streams = int(l.Memory / streamWindow)
	l.PeerMemory = int64(l.PeerStreams) * streamWindow
	if c.seed() {
		// A connected neighbour has about eight streams open.
		l.Connections = min(max(l.Streams/8, 16), 1024)
	}
	if c.MaxConnections != 0 {
		l.Connections = c.MaxConnections
	}
	if c.seed() {
		l.ConnectionsPerIP = max(8, l.Connections/4)
		// Below what strangers may take, so that a full seed always makes room
		// for those who know nobody else yet.
		l.MeshLow, l.MeshHigh = l.Connections/2, l.Connections*5/8
	} else if l.Connections < 16 {
		l.MeshLow, l.MeshHigh = l.Connections/2, l.Connections*3/4
	}
	if c.MeshLow != 0 {
		l.MeshLow = c.MeshLow
	}
	if c.MeshHigh != 0 {
		l.MeshHigh = c.MeshHigh
	}
	if c.MeshIdle != 0 {
		l.MeshIdle = c.MeshIdle
	}
	l.Inbound = l.Connections - l.Connections/4
	if !c.seed() {
		l.Inbound = max(l.MeshHigh-l.Connections/4, 1)
		static, _ := parsePeers(c.Peers) // Validate reports the error
		l.Static = enoughSeeds
		l.Chosen = max(l.Connections/4-len(static), 1)
	}
	return l, nil
}

// resourceLimits states every limit of the resource manager. None is left to
// rcmgr's scaling, whose floor of 128 MiB is more than a camera has.
func (l Limits) resourceLimits() rcmgr.ConcreteLimitConfig {
	inbound := l.Inbound
	whole := rcmgr.ResourceLimits{
		Streams: rcmgr.LimitVal(l.Streams), StreamsInbound: rcmgr.LimitVal(l.Streams * 3 / 4), StreamsOutbound: rcmgr.LimitVal(l.Streams * 3 / 4),
		Conns: rcmgr.LimitVal(l.Connections), ConnsInbound: rcmgr.LimitVal(inbound), ConnsOutbound: rcmgr.LimitVal(l.Connections),
		FD:     rcmgr.LimitVal(l.Connections),
		Memory: rcmgr.LimitVal64(l.Memory),
	}
	// What has not yet finished its handshake or chosen its protocol.
	transient := rcmgr.ResourceLimits{
		Streams: rcmgr.LimitVal(l.Streams / 2), StreamsInbound: rcmgr.LimitVal(l.Streams / 4), StreamsOutbound: rcmgr.LimitVal(l.Streams / 4),
		Conns: rcmgr.LimitVal(l.Connections), ConnsInbound: rcmgr.LimitVal(max(inbound/2, 2)), ConnsOutbound: rcmgr.LimitVal(l.Connections),
		FD:     rcmgr.LimitVal(l.Connections),
		Memory: rcmgr.LimitVal64(l.Memory / 4),
	}
	perPeer := rcmgr.ResourceLimits{
		Streams: rcmgr.LimitVal(l.PeerStreams), StreamsInbound: rcmgr.LimitVal(l.PeerStreams * 3 / 4), StreamsOutbound: rcmgr.LimitVal(l.PeerStreams * 3 / 4),
		Conns: rcmgr.LimitVal(l.PeerConnections), ConnsInbound: rcmgr.LimitVal(l.PeerConnections), ConnsOutbound: rcmgr.LimitVal(l.PeerConnections),
		FD:     rcmgr.LimitVal(l.PeerConnections),
		Memory: rcmgr.LimitVal64(l.PeerMemory),
	}
	one := func(memory int64) rcmgr.ResourceLimits {
		return rcmgr.ResourceLimits{
			Streams: 1, StreamsInbound: 1, StreamsOutbound: 1, Conns: 1, ConnsInbound: 1, ConnsOutbound: 1, FD: 1,
			Memory: rcmgr.LimitVal64(memory),
		}
	}
	none := rcmgr.ResourceLimits{
		Streams: rcmgr.BlockAllLimit, StreamsInbound: rcmgr.BlockAllLimit, StreamsOutbound: rcmgr.BlockAllLimit,
		Conns: rcmgr.BlockAllLimit, ConnsInbound: rcmgr.BlockAllLimit, ConnsOutbound: rcmgr.BlockAllLimit,
		FD: rcmgr.BlockAllLimit, Memory: rcmgr.BlockAllLimit64,
	}
	cfg := rcmgr.PartialLimitConfig{
		System: whole, Transient: transient,
		AllowlistedSystem: none, AllowlistedTransient: none, // there is no allow-list
		ServiceDefault: whole, ServicePeerDefault: perPeer,
		ProtocolDefault: whole, ProtocolPeerDefault: perPeer,
		PeerDefault: perPeer,
		Conn:        one(l.PeerMemory),
		Stream:      one(l.PeerMemory),
	}
	return cfg.Build(rcmgr.ConcreteLimitConfig{})
}

func (l Limits) resourceManager() (network.ResourceManager, error) {
	perIP := l.ConnectionsPerIP
	// New connections per second of one address: one retry a second for each
	// slot's worth of cameras behind it, after a burst that lets all of them
	// come back at once.
	arrivals := rate.Limit{RPS: float64(perIP) / 8, Burst: 2 * perIP}
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(l.resourceLimits()),
		rcmgr.WithMetricsDisabled(), // it would register on the process's default registerer
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: perIP}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: perIP}, {PrefixLength: 48, ConnCount: 4 * perIP}},
		),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: []rate.PrefixLimit{{Prefix: loopback[0]}, {Prefix: loopback[1]}},
			SubnetRateLimiter: rate.SubnetLimiter{
				// A handshake costs 0.7 ms of a core before it is known who that is, also
				// when it is somebody who is banned: a /24 together has twice one address's.
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: arrivals}, {PrefixLength: 24, Limit: rate.Limit{RPS: 2 * arrivals.RPS, Burst: 2 * arrivals.Burst}}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: arrivals}, {PrefixLength: 48, Limit: rate.Limit{RPS: 4 * arrivals.RPS, Burst: 4 * arrivals.Burst}}},
				GracePeriod:      time.Minute,
			},
		}))
}

const (
	// revocationsTimeout bounds the handing over of a revocation list, 64 KiB at
	// most: 5 s at 128 kbit/s.
	revocationsTimeout = 10 * time.Second

	// forgedListBan is how long a member that hands over a list which the fleet
	// did not sign is not talked to.
	forgedListBan = time.Hour
)

// What peers may make this node do, in tokens: see Network.Budget. A neighbour of ours
// opens a dozen streams when it connects and then fewer than one a second; a stock
// IPFS peer opens one for every message.
const (
	peerBurst     = 256
	peerPerSecond = 16

	// networkPeers is how many peers' budgets one network (/24 or /56) has, and
	// greeting what each of its connections may spend beside that: all cameras of a
	// site come back at once. A peer gets as much back with each connection.
	networkPeers = 8
	greeting     = 16

	// pingBytes of pings and two requests to the DHT server cost a token: of 32 bytes
	// each, and about as much work as a stream.
	pingBytes = 4 * 32
	dhtCost   = 0.5
	// askCost is what a question to a seed costs: an answer has up to 8 KiB.
	askCost = 4

	// floodBan is how long a peer that came over its budget is not talked to, and
	// floodLog the least time between two lines about such peers.
	floodBan = 10 * time.Minute
	floodLog = time.Minute
)

// Limits of IPNS. A record has at most 10 KiB (ipns.MaxRecordSize, which the
// specification sets).
const (
	// MaxIPNSNames bounds the names of which a node keeps a record.
	MaxIPNSNames = 64
	// maxIPNSName bounds the text of a name; that of an Ed25519 key has 62 bytes.
	maxIPNSName = 128
	// maxIPNSMetadata bounds the entries of a record's metadata; ours has six.
	maxIPNSMetadata = 16
	// ipnsQuorum ends a search for a record when more than so many servers have
	// answered with one.
	ipnsQuorum = 4
)
