// Package filestore keeps the blocks of files inside those files, at their
// offsets, and serves them as a boxo blockstore.
//
// It exists so that an image is stored once: the same bytes are the download,
// the cache and what is served to others. It promises that every byte that it
// hands out hashes to a digest that the caller listed. It may know no peer, no
// network and nothing of what a file means.
package filestore
