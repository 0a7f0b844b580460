package metastore

import (
	"log/slog"

	"github.com/ipfs/go-datastore"
	leveldbds "github.com/ipfs/go-ds-leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// openLevelDB opens LevelDB with little memory. It is the database of every
// target but amd64 and arm64; there only tests call it, and the linker drops
// it. The adapter syncs every write and rebuilds a damaged manifest from the
// tables.
func openLevelDB(dir string, _ *slog.Logger) (datastore.Batching, error) {
	return leveldbds.NewDatastore(dir, &leveldbds.Options{
		WriteBuffer:            512 << 10,
		CompactionTableSize:    1 << 20,
		BlockCacheCapacity:     256 << 10,
		OpenFilesCacheCapacity: 16,
		Compression:            opt.NoCompression,
	})
}
