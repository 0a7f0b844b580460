// Package metastore keeps a node's metadata (catalog, checkpoints, counters, bans)
// in LevelDB, which writes its files and never maps them for writing: on a full or
// failing file system a write is an error there. A database that writes through
// maps, such as Badger, is killed by SIGBUS at a page that has no block behind it.
// It is the only package that opens a database, and it knows nothing of what the
// values mean.
package metastore
