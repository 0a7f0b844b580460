// Package metastore keeps a node's metadata (catalog, checkpoints, counters, bans)
// in the database that is sound on the processor: Badger on amd64 and arm64,
// LevelDB elsewhere. It is the only package that opens a database, and it knows
// nothing of what the values mean.
package metastore
