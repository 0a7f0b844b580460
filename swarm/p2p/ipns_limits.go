package p2p

// Limits of IPNS. A record has at most 10 KiB (ipns.MaxRecordSize, which the
// specification sets).
const (
	// MaxIPNSNames bounds the names of which a node keeps a record.
	MaxIPNSNames = 64
	// maxIPNSName bounds the text of a name; that of an Ed25519 key has 62 bytes.
	maxIPNSName = 128
	// maxIPNSMetadata bounds the entries of a record's metadata; ours has six.
	maxIPNSMetadata = 16
	// ipnsQuorum ends a search for a record when more than so many servers have
	// answered with one.
	ipnsQuorum = 4
)
