package filestore

// Limits on a file.
const (
	// MaxBlocks is the largest number of blocks of one file. 8192 blocks of
	// 32 KiB are 256 MB, the largest image of the project.
	MaxBlocks = 8192

	// MaxBlockBytes is the largest block. Bitswap peers refuse blocks over
	// 2 MiB, and a message over 4 MiB ends the stream.
	MaxBlockBytes = 2 << 20

	// MaxExtraBytes bounds the blocks of one owner that are held in memory
	// (File.Extra): DAG nodes and an envelope of a few hundred KiB.
	MaxExtraBytes = 4 << 20
)

// tempSuffix is what the name of a file ends in that is about to replace the one
// of that name. One that a crash left is replaced by the next.
const tempSuffix = ".link"
