// Package metastore keeps a node's metadata (catalog, checkpoints, counters, bans)
// in Badger on amd64 and arm64, and in LevelDB everywhere else and with the build
// tags leveldb and camera. It is the only package that opens a database, and it knows nothing
// of what the values mean.
//
// LevelDB writes its files and never maps them for writing: on a full or failing
// file system a write is an error there. Badger maps what it writes, and at a page
// that has no block behind it the process is killed by SIGBUS. A device whose state
// shares a small file system with recordings is better built with -tags leveldb.
package metastore
