package hostile

import (
	"os"
	"runtime"
	"testing"
)

// On one processor as in package sim: on several, about one bubble of a hundred loses
// what was written to a stream of the fast transport.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}
