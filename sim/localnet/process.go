package localnet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"camswarm/node/control"
)

// Process says how a camera that runs as a program of its own is configured, beyond
// what it must know of its network.
type Process struct {
	StateDir string        // default "state", beside the configuration
	Peers    []string      // default the addresses of the network's seed
	Chain    string        // URL of an endpoint; default the chain's own
	MinGap   time.Duration // product.chain.min_gap; 0: the program's default
	Settings []string      // further lines of TOML with dotted keys, such as "network.mdns = false"
}

// Provision writes camswarmd.toml for a camera of the network into dir, which it
// makes, and returns the file's path.
func (n *Network) Provision(dir string, p Process) (file string, err error) {
	if p.StateDir == "" {
		p.StateDir = "state"
	}
	if p.Peers == nil {
		if p.Peers, err = n.Seed.Addrs(); err != nil {
			return "", err
		}
	}
	if p.Chain == "" {
		p.Chain = n.Chain.URL()
	}
	gap := ""
	if p.MinGap > 0 {
		gap = fmt.Sprintf("min_gap = %q\n", p.MinGap)
	}
	var keys []string
	for _, k := range n.Keys.Keys {
		keys = append(keys, k.String())
	}
	text := fmt.Sprintf(`role = "camera"
state_dir = %q
network.peers = [%s]
%s

[[product]]
name = %q
region = "lab"
threshold = %d
keys = [%s]

[product.chain]
chain_id = %d
registry = %q
%s
[[product.chain.endpoints]]
url = %q
operator = "devchain"
`, p.StateDir, quoted(p.Peers), strings.Join(p.Settings, "\n"), n.Product, n.Keys.Threshold, quoted(keys),
		n.Chain.ChainID(), n.Registry.Address(), gap, p.Chain)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file = filepath.Join(dir, "camswarmd.toml")
	return file, os.WriteFile(file, []byte(text), 0o600)
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, strconv.Quote(s))
	}
	return strings.Join(out, ", ")
}

// Status asks a node that runs as a program of its own, by its state directory.
func Status(ctx context.Context, stateDir string) (control.Status, error) {
	client, err := control.Dial(filepath.Join(stateDir, control.SocketName))
	if err != nil {
		return control.Status{}, err
	}
	defer client.Close()
	return client.Status(ctx)
}
