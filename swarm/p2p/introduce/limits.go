package introduce

import "time"

// Limits of the messages, which both sides keep to.
const (
	// MaxKeys bounds the keys under which a node is known, and those it asks for.
	MaxKeys = 64
	// MaxPeers bounds the peers in an answer, MaxSeeds its seeds: a camera has 16
	// connections, so more would be dialled by nobody.
	MaxPeers = 16
	MaxSeeds = 4
	// MaxAddrs bounds the addresses of one of them, MaxAddrBytes each in bytes: one
	// for each of two transports and IP versions, and two relays.
	MaxAddrs     = 6
	MaxAddrBytes = 192
	// MaxAskBytes and MaxAnswerBytes bound the messages: an ask of all keys and
	// addresses, and 20
	// peers with two addresses of the longest kind, or all six of the usual.
	MaxAskBytes    = 3 + 2*(1+MaxKeys*KeyBytes) + 1 + MaxAddrs*(1+MaxAddrBytes)
	MaxAnswerBytes = 8 << 10
	// maxIDBytes bounds a peer id: 38 bytes are usual, 42 those of a P-256 key's hash.
	maxIDBytes = 64
)

// Limits of a Table.
const (
	// goneAge is how long a node that is not connected any more is named: a few
	// times the longest wait that a full seed asks for, so that whoever visits one
	// now and then is always known.
	goneAge = 40 * time.Minute

	// networkShare is the part of the table that one network (/24 or /56) may fill.
	networkShare = 8

	// answerEvery is the least time between two answers with peers to one node.
	answerEvery = 2 * time.Second

	// maxMixed bounds, in an answer, those who can be punched for one who can be dialled,
	// and the other way round: both have others of their kind, and the places of the
	// latter are wanted by those who have nobody else.
	maxMixed = 4

	// draws is how many nodes are looked at for an answer, of which the better are
	// named.
	draws = 3 * MaxPeers
)
