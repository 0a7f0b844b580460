package reputation

import "time"

const (
	// maxPeers bounds the peers whose reputation is kept, and MaxBytes what is saved
	// of it and read back, at 200 bytes each.
	maxPeers = 512
	MaxBytes = maxPeers*256 + 64

	// halfLife is when a reputation is worth half: releases are weeks apart, and a
	// peer that was bad for one should be doubted at the next.
	halfLife = 14 * 24 * time.Hour
)
