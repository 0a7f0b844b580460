package mdns

import "time"

const (
	port = 5353
	// maxPacket is the largest packet of RFC 6762, section 17, in bytes.
	maxPacket = 9000
	// maxRecords bounds the records that are looked at in one packet.
	maxRecords = 64
	// maxAddrs bounds the addresses that are sent, and those of one peer that are
	// taken, so that a packet stays below an Ethernet frame.
	maxAddrs = 8
	// maxPeers bounds the peers of one packet.
	maxPeers = 8
	// ttl is how long an answer may be believed, in seconds.
	ttl = 120
)

const (
	// queryFirst to queryLonely are the pauses between queries: doubling, and with
	// enough neighbours only every queryFed, because each query is answered by
	// every camera of the site.
	queryFirst  = 2 * time.Second
	queryLonely = time.Minute
	queryFed    = 5 * time.Minute

	// answerGap is the least time between two answers on one interface. All hear
	// each, so that one in this time is enough for however many ask.
	answerGap = 10 * time.Second

	// answerSpread delays answers at random, so that the cameras of a site do not
	// all send at once.
	answerSpread = 200 * time.Millisecond

	// rescan is how often interfaces are looked at again.
	rescan = time.Minute
)
