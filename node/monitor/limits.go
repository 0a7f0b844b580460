package monitor

import (
	"time"

	"camswarm/node/web"
)

// limits of the listener. A scrape of a busy seed is some 100 kB.
var limits = web.Limits{
	Conns: 64, HeaderBytes: 16 << 10,
	HeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, // longer than between two scrapes
	WriteTimeout: 30 * time.Second, StopTimeout: time.Second, NoBodies: true,
}

const (
	maxScrapes   = 4               // at once; more are refused
	aliveTimeout = 5 * time.Second // for every loop of the node to take a turn
)
