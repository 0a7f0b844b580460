package web

import "time"

// CallTimeout bounds one request, body included, whatever the caller's context says.
const CallTimeout = 30 * time.Second

const (
	maxHeader    = 16 << 10         // bytes of one answer's header
	maxErrorText = 200              // bytes that Printable keeps
	dialTimeout  = 3 * time.Second  // to resolve and connect: one dead host must not stall a look
	tlsTimeout   = 5 * time.Second  // for a TLS handshake
	idleTimeout  = 15 * time.Second // an unused connection is closed: a camera looks daily
)

// Clocks outside these bounds, in seconds since 1970, are certainly wrong: the
// first is older than this program, the second is beyond its life. Within them a
// clock may be right.
const (
	ClockFloor = 1767225600 // 2026-01-01T00:00:00Z
	ClockCeil  = 2524608000 // 2050-01-01T00:00:00Z
)

// ClockSane reports whether a clock may be right.
func ClockSane(t time.Time) bool { return t.Unix() >= ClockFloor && t.Unix() < ClockCeil }
