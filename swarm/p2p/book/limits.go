package book

import "time"

const (
	// MaxCandidates bounds the peers that were discovered and are not connected.
	MaxCandidates = 256
	// MaxAddrs bounds the addresses kept of a discovered peer.
	MaxAddrs = 16
)

const (
	// backoffBase is the wait after the first failed dial; it doubles with each
	// further one up to staticBackoffMax for a static peer and backoffMax for
	// another, and is lengthened by up to a half so that the cameras of a site
	// do not redial in step. Two whose NATs never let them meet would spend more on
	// trying every ten minutes than on all that they keep: 3 MB an hour in a small
	// fleet. placeBackoffMax is for an IP address, where others may be who can be
	// reached.
	backoffBase      = time.Second
	staticBackoffMax = time.Minute
	backoffMax       = 4 * time.Hour
	placeBackoffMax  = 10 * time.Minute

	// aloneBackoffMax is staticBackoffMax for a node without any connection: it
	// hears nothing, and its seed may have had no room for it. Of 500 simulated
	// cameras around one seed, 109 had nobody a minute after the start with
	// staticBackoffMax alone.
	aloneBackoffMax = 8 * time.Second

	// fullMax bounds how long a peer without room can send us away; fullAloneMax the
	// same for a node that has nobody else, whose seed has named others to it by
	// then. fullBase is how long a node with enough neighbours leaves all static
	// peers alone after the first that had no room, doubled with each in a row up
	// to fullMax: it misses nothing, and of a thousand cameras around a seed with
	// room for 640 the others would send its bytes for each six times up. 100,000
	// cameras come to ten seeds 11 to 17 times a second each.
	fullMax      = 10 * time.Minute
	fullAloneMax = time.Minute
	fullBase     = 5 * time.Minute

	// candidateAge is how long a discovered peer that cannot be reached is kept.
	candidateAge = time.Hour

	// steady is how long a connection lasts that makes up for former failures.
	steady = time.Minute
)
