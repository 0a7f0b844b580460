package control

import (
	"time"

	"camswarm/announce"
	"camswarm/verify"
)

// Limits of the control API.
const (
	maxControlConns    = 64       // connections at once; one more ends that which has gone longest without a request
	maxControlBodies   = 16       // requests with a body at once, so that status and the watchdog's probe always find a connection; more are refused
	maxControlOthers   = 16       // other requests at once that may take their time; more are refused
	maxControlHeader   = 16 << 10 // bytes of a request's header
	maxControlJSON     = 4 << 10  // bytes of a JSON request body
	maxControlAnnounce = announce.MaxAnnouncementSize
	maxControlProvide  = verify.MaxEnvelopeSize + verify.MaxImageSize + 16<<10 // bytes: two parts and their framing
	maxControlIPNS     = 10 << 10                                              // bytes of an IPNS record, as its specification sets
	maxControlReply    = 16 << 20                                              // bytes of a reply that a Client reads
	maxSocketPath      = 103                                                   // bytes of a socket's path: sun_path holds 108 on Linux, 104 on Darwin, with a final NUL

	// MaxLeaseSeconds bounds one Busy lease: what a process that died can still hold up.
	MaxLeaseSeconds = 600
	// MaxLeases bounds the leases that hold at once, and maxHolder the bytes of a name.
	MaxLeases = 8
	maxHolder = 32

	// MinLaterSeconds and MaxLaterSeconds bound a consent's "later".
	MinLaterSeconds, MaxLaterSeconds = 60, 30 * 24 * 60 * 60

	maxListeners = 16   // streams of events at once; more are refused
	eventRing    = 128  // events that are kept, about 32 KB
	maxEventText = 512  // bytes of an event's message
	maxEventID   = 64   // bytes of a Last-Event-ID
	maxEventLine = 8192 // bytes of a line of the stream that a Client reads

	socketTempExtra = 1 // bytes by which the path is longer while the socket is made, under a directory with a random number

	controlHeaderTimeout = 5 * time.Second  // to read a request's header
	controlBodyTimeout   = 10 * time.Second // to read a request's body; of a release's image, to the next bytes of it
	controlReplyTimeout  = 10 * time.Second // for a client to read a reply
	controlIdleTimeout   = time.Minute      // of a kept connection
	controlBlockTimeout  = 20 * time.Second // to get one block from the peers
	eventWriteTimeout    = 10 * time.Second // for a listener to read an event
	eventAlive           = time.Minute      // between signs of life on a stream without events
	controlStopTimeout   = time.Second      // for replies under way when the node stops
	controlDialTimeout   = 2 * time.Second  // to find out whether somebody answers a socket
)
