//go:build !linux && !darwin

package gc

import (
	"io/fs"
	"math"
)

// fileID names a file whatever it is called.
type fileID struct{}

func allocated(info fs.FileInfo) (bytes int64, id fileID, links uint64) {
	return info.Size(), fileID{}, 1
}

// Free returns the largest count: on this system free space is not measured and
// only the quota bounds what is kept.
func Free(string) (int64, error) { return math.MaxInt64, nil }
