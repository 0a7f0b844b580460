package portmap

import "time"

const (
	// mapRetry is how long a router has to answer UPnP, for which go-libp2p waits
	// 10 s. Then PCP and NAT-PMP are tried, and then all again, after pauses that double
	// up to mapRetryMax, which also bounds for how long a refusal is believed.
	mapRetry    = 12 * time.Second
	mapRetryMax = time.Hour
	// pinholeFirst is when pinholes are asked for first: before seeds are asked whether
	// they can dial this node. The pauses are those above.
	pinholeFirst = time.Second
	// mapLifetime is what is asked for. RFC 6886 recommends two hours; with less, a
	// camera that was taken away leaves no port open. Mappings are renewed at half of
	// what the router gave, of this at most, and not before mapRenewMin has passed.
	mapLifetime = 20 * time.Minute
	mapRenewMin = 10 * time.Second
	// pmpTimeout bounds a request of NAT-PMP with its repetitions, and giving mappings
	// back by PCP.
	pmpTimeout = 2 * time.Second
	// pcpTimeout bounds a request of PCP. It is repeated after pcpRepeat, and then after
	// pauses that double, give or take a tenth (RFC 6887, section 8.1.1: IRT, RAND): it is
	// sent three times.
	pcpTimeout = 12 * time.Second
	pcpRepeat  = 3 * time.Second
	// maxPinholes is for how many IPv6 addresses of this machine pinholes are asked for:
	// one, and such as change for privacy's sake.
	maxPinholes = 4
	// pcpMaxPacket is the largest message of PCP, in bytes (RFC 6887, section 7).
	pcpMaxPacket = 1100
)
