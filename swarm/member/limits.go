package member

import "time"

const (
	// MaxRevoked bounds the members that one list names: 4096 make 64 KiB. A
	// fleet that has lost more starts a new epoch, which needs one line.
	MaxRevoked = 4096

	// MaxRevocationsSize is the length of the largest list in bytes.
	MaxRevocationsSize = listHead + MaxRevoked*nameSize + signatureSize

	// handshakeTimeout bounds the exchange of certificates: two round trips and,
	// once after each revocation, 64 KiB.
	handshakeTimeout = 10 * time.Second

	// mostPending bounds inbound connections of one listener that have not shown a
	// certificate yet; more are closed at once. Each costs a goroutine of about
	// 8 KB, and the resource manager counts its connection besides.
	mostPending = 64

	// acceptQueue holds members' connections that the host has not taken yet.
	acceptQueue = 16
)
