package deploy_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"camswarm/node"
)

// The configurations for IoTeX's networks are taken as they are, ask three operators or
// more, and name no endpoint that docs/CHAIN.md does not.
func TestIoTeXConfigurations(t *testing.T) {
	page, err := os.ReadFile("../docs/CHAIN.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]uint64{"mainnet": 4689, "testnet": 4690} {
		data, err := os.ReadFile("iotex-" + name + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := node.ParseConfig(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		chain := cfg.Products[0].Chain
		if chain.ChainID != id || chain.Finality != "latest" {
			t.Errorf("%s: chain %d, finality %q", name, chain.ChainID, chain.Finality)
		}
		operators := map[string]bool{}
		for _, e := range chain.Endpoints {
			operators[e.Operator] = true
			if !strings.Contains(string(page), "`"+e.URL+"`") {
				t.Errorf("%s: docs/CHAIN.md does not name %s", name, e.URL)
			}
		}
		if len(operators) < 3 {
			t.Errorf("%s: %d operators", name, len(operators))
		}
	}
}

// What docs/CHAIN.md says of costs is what the contract's README measures.
func TestCostsInCoinsAreTheGas(t *testing.T) {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	gas := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([0-9,]+) \|$`).FindAllStringSubmatch(read("../chainwatch/contracts/README.md"), -1) {
		n, err := strconv.ParseFloat(strings.ReplaceAll(m[2], ",", ""), 64)
		if err != nil {
			t.Fatal(err)
		}
		gas[m[1]] = n
	}
	_, costs, _ := strings.Cut(read("../docs/CHAIN.md"), "## What each step costs")
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| ([0-9.]+) \|$`).FindAllStringSubmatch(costs, -1)
	if len(rows) < 10 {
		t.Fatalf("docs/CHAIN.md has %d costs", len(rows))
	}
	for _, m := range rows {
		want := fmt.Sprintf("%.3f", math.Round(gas[m[1]]/1e3)/1e3)
		if gas[m[1]] == 0 || m[2] != want {
			t.Errorf("%s costs %s in docs/CHAIN.md; %s by the contract's README", m[1], m[2], want)
		}
	}
}
