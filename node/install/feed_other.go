//go:build !linux

package install

import "os"

// noWriter cannot find out elsewhere who has a file open.
func noWriter(*os.File) error { return nil }
