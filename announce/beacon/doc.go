// Package beacon carries what cameras, whose owners agreed to it, tell seeds of their
// release, and counts it there: so many of this region and label run release N, fetch
// it, failed. A beacon says nothing of who or where a camera is beyond what its
// connection shows anyway; a seed keeps it in memory for a time and gives out counts,
// never rows. It knows nothing of how releases are decided on, fetched or installed.
package beacon
