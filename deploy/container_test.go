package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"camswarm/node"
)

// TestContainerIsBuiltByTheReleaseToolchain: the bytes in the container are those of
// .ci/release.
func TestContainerIsBuiltByTheReleaseToolchain(t *testing.T) {
	file, err := os.ReadFile("container/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	toolchain, err := os.ReadFile("../.ci/toolchain")
	if err != nil {
		t.Fatal(err)
	}
	if want := "FROM golang:" + strings.TrimPrefix(strings.TrimSpace(string(toolchain)), "go") + "-"; !strings.Contains(string(file), want) {
		t.Errorf("deploy/container/Dockerfile does not say %q", want)
	}
	if last := string(file)[strings.LastIndex(string(file), "\nFROM "):]; !strings.HasPrefix(last, "\nFROM scratch\n") || !strings.Contains(last, "\nUSER 65532:65532\n") {
		t.Error("the container is not the program alone, as a user without rights")
	}
}

// TestKubernetesManifestFitsTheProgram: the configuration in it is one, its ports are
// those of the pod, and the pod is given longer to stop than the seed takes.
func TestKubernetesManifestFitsTheProgram(t *testing.T) {
	data, err := os.ReadFile("kubernetes/seed.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), "  camswarmd.toml: |\n")
	if !ok {
		t.Fatal("deploy/kubernetes/seed.yaml holds no camswarmd.toml")
	}
	text, _, _ = strings.Cut(text, "\n---\n")
	text = regexp.MustCompile(`(?m)^    `).ReplaceAllString(text, "")
	cfg, err := node.ParseConfig([]byte(text + `
[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
[product.chain]
chain_id = 4689
registry = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
[[product.chain.endpoints]]
url = "https://rpc.example"
operator = "rpc"
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, addr := range map[string]string{"metrics": cfg.HTTP.Listen, "gateway": cfg.Gateway.Listen} {
		if want := fmt.Sprintf("{name: %s, containerPort: %s, ", name, addr[strings.LastIndex(addr, ":")+1:]); !strings.Contains(string(data), want) {
			t.Errorf("the pod does not say %q", want)
		}
	}
	for _, l := range cfg.Network.Listen {
		if !strings.Contains(l, "/4417") {
			t.Errorf("the pod does not expose %s", l)
		}
	}
	var grace int
	if m := regexp.MustCompile(`terminationGracePeriodSeconds: (\d+)`).FindSubmatch(data); m != nil {
		_, _ = fmt.Sscan(string(m[1]), &grace)
	}
	if float64(grace) < cfg.Exchange.Drain.Seconds()+10 {
		t.Errorf("the pod has %d s to stop, the seed takes %v", grace, cfg.Exchange.Drain)
	}
	if !strings.Contains(string(data), "mountPath: "+cfg.StateDir+"}") {
		t.Errorf("no volume is mounted at %s", cfg.StateDir)
	}
}
