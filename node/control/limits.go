package control

import (
	"time"

	"camswarm/announce"
	"camswarm/verify"
)

// Limits of the control API.
const (
	maxControlConns    = 64       // connections at once; more wait
	maxControlBodies   = 16       // requests with a body at once, so that status and the watchdog's probe always find a connection; more are refused
	maxControlHeader   = 16 << 10 // bytes of a request's header
	maxControlJSON     = 4 << 10  // bytes of a JSON request body
	maxControlAnnounce = announce.MaxAnnouncementSize
	maxControlProvide  = verify.MaxEnvelopeSize + verify.MaxImageSize + 16<<10 // bytes: two parts and their framing
	maxControlIPNS     = 10 << 10                                              // bytes of an IPNS record, as its specification sets
	maxControlReply    = 16 << 20                                              // bytes of a reply that a Client reads
	maxSocketPath      = 103                                                   // bytes of a socket's path: sun_path holds 108 on Linux, 104 on Darwin, with a final NUL

	socketTempExtra = 1 // bytes by which the path is longer while the socket is made, under a directory with a random number

	controlHeaderTimeout = 5 * time.Second  // to read a request's header
	controlBodyTimeout   = 10 * time.Second // to read a request's body; of a release's image, to the next bytes of it
	controlIdleTimeout   = time.Minute      // of a kept connection
	controlBlockTimeout  = 20 * time.Second // to get one block from the peers
	controlStopTimeout   = time.Second      // for replies under way when the node stops
	controlDialTimeout   = 2 * time.Second  // to find out whether somebody answers a socket
)
