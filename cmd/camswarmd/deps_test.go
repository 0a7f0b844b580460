package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestCameraBinaryLinksNoToolOrTestCode holds that the camera's program carries
// neither go-ethereum (5 MB, unbounded reads) nor code that signs, simulates,
// profiles or tests, on a 64-bit and on a 32-bit target.
func TestCameraBinaryLinksNoToolOrTestCode(t *testing.T) {
	forbidden := []string{
		"github.com/ethereum/go-ethereum",
		"github.com/spf13/cobra",
		"github.com/veraison/go-cose",
		"net/http/pprof",
		"testing/",
		"camswarm/verify/sign",
		"camswarm/cmd/internal/token",
		"camswarm/chainwatch/registry",
		"camswarm/chainwatch/devchain",
		"camswarm/sim",
		"github.com/marcopolo/simnet",
	}
	for _, arch := range []string{"amd64", "arm"} {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", ".")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		deps := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(deps) < 100 {
			t.Fatalf("go list found only %d dependencies", len(deps))
		}
		for _, line := range deps {
			words := strings.Fields(line)
			dep, imports := words[0], words[1:]
			// kad-dht names the type *testing.T in two unexported options; the
			// linker keeps nothing of the package but its initialiser. Nobody
			// else may bring it in.
			if slices.Contains(imports, "testing") && dep != "github.com/libp2p/go-libp2p-kad-dht" {
				t.Errorf("%s: %s, which camswarmd links, imports testing", arch, dep)
			}
			for _, bad := range forbidden {
				if dep == bad || strings.HasPrefix(dep, strings.TrimSuffix(bad, "/")+"/") {
					t.Errorf("%s: camswarmd links %s", arch, dep)
				}
			}
			if arch == "arm" && strings.Contains(dep, "badger") {
				t.Errorf("%s: camswarmd links %s, which is unsound there", arch, dep)
			}
		}
	}
}
