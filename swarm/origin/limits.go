package origin

import "time"

const (
	// MaxURL is the longest URL in bytes. A presigned one of S3 has about 1500.
	MaxURL = 2048

	maxConns     = 8        // connections to one server; more than 4 only while it is slow to answer
	maxRedirects = 5        // followed for one request
	maxHeader    = 16 << 10 // bytes of an answer's header
	maxPieces    = 64       // answers in which a server may hand over one range
)

// Times of a request.
const (
	dialTimeout   = 3 * time.Second
	tlsTimeout    = 5 * time.Second
	headerTimeout = 10 * time.Second // from the request to the answer's header
	idleTimeout   = 30 * time.Second // an unused connection is kept

	// A server that sends less than slowBytes in slowAfter is given up: 64 kbit/s
	// lines bring ten times as much.
	slowAfter = 10 * time.Second
	slowBytes = 8 << 10

	// goneWait is how long a server is left alone that says it has no such file, or
	// not for us, or another one.
	goneWait = 10 * time.Minute
	// maxWait bounds what Retry-After may ask for.
	maxWait = time.Hour
)

// piece is the number of bytes that are handed over at a time.
const piece = 16 << 10
