package node_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// readBytes is how many bytes this process has read, from files and sockets.
func readBytes(t *testing.T) (n int64) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if _, err := fmt.Sscanf(line, "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// An image that was verified and waits for its turn is read, and so hashed, once
// more to install it; the FileInstaller reads its slot again to confirm it.
func TestAVerifiedImageIsReadOnceToInstallIt(t *testing.T) {
	s := startSwarm(t, 1, nil)
	const size = 16 << 20
	s.warm(s.Cameras[0], s.build(1, size))
	before := readBytes(t)
	s.rollout(1, toAll)
	s.untilAllRun(1)
	if read := readBytes(t) - before; read < 2*size || read > 2*size+size/2 {
		t.Errorf("%d bytes were read to install and confirm %d", read, size)
	}
}
