package car

// Limits of an archive that is read.
const (
	MaxBlock = 2 << 20 // bytes of a block: of the largest that bitswap carries
	MaxRoots = 16

	maxDAG    = 1 << 14 // blocks of a DAG that is walked: those of the largest image, as often as they are met, and its nodes
	maxDepth  = 8       // of it: that of the largest image in a directory has 4
	maxHeader = 1 << 10 // bytes; 16 roots take 700
	maxCID    = 64      // bytes of a binary CID; one with a SHA-256 has 36 or 37
)
