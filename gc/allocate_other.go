//go:build !linux

package gc

import (
	"errors"
	"os"
)

// Allocate is not there on other systems.
func Allocate(*os.File, int64) error { return errors.ErrUnsupported }
