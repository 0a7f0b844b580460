package verify

// Limits on everything that comes from outside. A value over its limit is
// refused before memory is spent on it.
const (
	MaxImageSize     = 256 << 20 // bytes of one image
	MinBlockSize     = 16 << 10  // bytes
	MaxBlockSize     = 1 << 20   // bytes; bitswap refuses blocks over 2 MiB
	DefaultBlockSize = 32 << 10  // bytes; fits into the first window of a cold QUIC connection, see docs/SWARM.md for what others took
	MaxBlocks        = 8192      // blocks of one image
	MaxManifestSize  = 300 << 10 // bytes: 8192 block digests and the rest
	MaxEnvelopeSize  = 480 << 10 // bytes: a manifest, MaxSigners signatures, MaxRotations rotations and MaxMoves moves
	MaxSigners       = 16        // keys of one manufacturer, and signatures on one envelope
	MaxRotations     = 16        // rotations of one manufacturer's keys, ever
	MaxRotationSize  = 6 << 10   // bytes: two key sets and maxRotationSigners signatures
	MaxMoves         = 16        // moves of one manufacturer from registry to registry, ever
	MaxMoveSize      = 5 << 10   // bytes: a key set, MaxSigners signatures and MaxMoveEndpoints endpoints
	MaxMoveEndpoints = 8         // endpoints that a move names
	MaxText          = 128       // bytes of a version, product, component or hardware text
	MaxHardware      = 64        // hardware revisions in one manifest
	MaxOrigins       = 8         // origins in one manifest
	MaxOriginURL     = 512       // bytes of the URL of one
	MaxSeeds         = 64        // seeds in one manifest, of all regions
	MaxSeedAddr      = 256       // bytes of the address of one: a DNS name of usual length, or IPv6, and a peer id
	MaxRegion        = 31        // bytes of a region code
	MaxCandidates    = 8         // releases in one View
	MaxLead          = 64        // sequences; a release this far beyond the latest on chain is no mere lag of the view
	MaxCanaries      = 64        // devices in one canary list

	maxRotationSigners = 2 * MaxSigners                        // signatures on one rotation: two key sets
	maxRotationsSize   = MaxRotations*(MaxRotationSize+3) + 16 // bytes of an encoded chain
	maxMovesSize       = MaxMoves*(MaxMoveSize+3) + 16         // likewise
)

// Limits on what witnesses say.
const (
	MaxWitnesses        = 16       // that a device is provisioned with
	MaxWitnessStatement = 24 << 10 // bytes: MaxCandidates releases with MaxCanaries each, MaxSigners keys and a signature
)
