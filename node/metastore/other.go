//go:build !amd64 && !arm64

package metastore

// The database of this target, where Badger is unsound.
const storeBackend = "leveldb"

var openBackend = openLevelDB
