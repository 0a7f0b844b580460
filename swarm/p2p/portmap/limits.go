package portmap

import "time"

const (
	// mapRetry is how long a router has to answer UPnP, for which go-libp2p waits
	// 10 s. Then NAT-PMP is tried, and then both again, after pauses that double up to
	// mapRetryMax.
	mapRetry    = 12 * time.Second
	mapRetryMax = time.Hour
	// pmpTimeout bounds a request of NAT-PMP with its repetitions; pmpLifetime is that
	// of a mapping, of which half is left at a renewal. RFC 6886 recommends two hours;
	// with less, a camera that was taken away leaves no port open.
	pmpTimeout  = 2 * time.Second
	pmpLifetime = 20 * time.Minute
)
