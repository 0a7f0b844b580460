package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestCameraBinaryLinksNoToolOrTestCode holds that the device's program carries
// neither go-ethereum (5 MB, unbounded reads) nor code that signs, simulates,
// profiles or tests, on a 64-bit and on a 32-bit target, and that its camera build
// carries nothing that only seeds need.
func TestCameraBinaryLinksNoToolOrTestCode(t *testing.T) {
	everywhere := []string{
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
	camera := []string{
		"testing",
		"github.com/libp2p/go-libp2p-kad-dht",
		"github.com/libp2p/go-libp2p-kbucket",
		"github.com/libp2p/go-libp2p-record",
		"github.com/ipfs/boxo/ipns",
		"github.com/dgraph-io",
		"go.opentelemetry.io/otel",
		"gonum.org/v1/gonum",
		"github.com/prometheus/client_golang/prometheus/collectors",
		"camswarm/node/monitor",
		"camswarm/node/gateway",
	}
	for _, tc := range []struct {
		arch, tags string
		forbidden  []string
	}{
		{"amd64", "", everywhere},
		{"arm", "", append(slices.Clone(everywhere), "github.com/dgraph-io")},
		{"amd64", "camera", append(slices.Clone(everywhere), camera...)},
		{"arm", "camera", append(slices.Clone(everywhere), camera...)},
	} {
		cmd := exec.Command("go", "list", "-deps", "-tags", tc.tags, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", ".")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+tc.arch, "CGO_ENABLED=0")
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
				t.Errorf("%s %s: %s, which camswarmd links, imports testing", tc.arch, tc.tags, dep)
			}
			for _, bad := range tc.forbidden {
				if dep == bad || strings.HasPrefix(dep, strings.TrimSuffix(bad, "/")+"/") {
					t.Errorf("%s %s: camswarmd links %s", tc.arch, tc.tags, dep)
				}
			}
		}
	}
}
