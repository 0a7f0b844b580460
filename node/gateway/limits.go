package gateway

import (
	"time"

	"camswarm/node/web"
)

// limits of the listener. More connections than requests are let in, so that who is
// too many is told so instead of waiting unheard.
var limits = web.Limits{
	Conns: 1024, HeaderBytes: 8 << 10,
	HeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second,
	StopTimeout: time.Second, NoBodies: true,
}

const (
	maxRequests = 64               // answered at once; more are told to come back
	maxPerNet   = maxRequests / 4  // of them from one network (/24, /56)
	maxDelay    = 2 * time.Second  // that a reply waits for the rate; beyond it, it is refused
	retryLeast  = 1                // seconds after which those who were refused come back, at least
	retrySpread = 4                // seconds over which they are spread
	writePiece  = 16 << 10         // bytes that must be read by the client
	writeWithin = 10 * time.Second // within this time
	maxInline   = 128              // bytes of an identity CID, which probes ask for
)
