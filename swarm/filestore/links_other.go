//go:build !unix

package filestore

import "io/fs"

// links returns the number of hard links of a file, which is not known on this
// system: of several, each is written through.
func links(fs.FileInfo) uint64 { return 1 }
