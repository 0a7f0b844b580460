package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/spf13/cobra"

	"camswarm/chainwatch"
	"camswarm/chainwatch/registry"
	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm/member"
	"camswarm/verify"
	"camswarm/verify/sign"
)

const (
	configFile     = "camswarmd.toml" // in a provisioned directory
	stateDir       = "state"          // beside it
	credentialFile = "member.cred"    // the membership of a private swarm, beside the configuration
	witnessFile    = "witness.key"    // the key of a witness, beside it too
	identityFile   = "identity.key"   // in the state directory, where the node looks for it
)

// provisioning is what goes into a node's configuration.
type provisioning struct {
	Role      node.Role
	Listen    []string
	Peers     []string
	Loopback  bool // every address is on loopback: nothing to find with mDNS
	Memory    string
	StateDir  string // of the device; "": beside the configuration
	Product   verify.Product
	Region    verify.Region
	Label     string
	Hardware  string
	Factory   uint64
	Tell      bool // the camera's owner agreed that it tells a seed how it is
	Keys      verify.KeySet
	Registry  verify.RegistryRef
	RPC       []endpoint
	History   verify.History     // that led to Keys and Registry
	Epoch     uint32             // of that fleet
	Witnesses verify.KeySet      // of whom Threshold must say the same; no keys: none
	Witness   *sign.Key          // the node is this one of them; nil: none
	Members   ed25519.PrivateKey // of the fleet whose members alone are admitted; nil: the swarm is open
}

type endpoint struct{ URL, Operator string }

// configText is the configuration that `provision` writes: what was decided,
// and nothing that is a default.
var configText = template.Must(template.New(configFile).Funcs(template.FuncMap{"q": strconv.Quote}).Parse(
	`# Written by 'camswarm provision'. deploy/camswarmd.toml has what else can be set, each with its default.
role = {{q (print .Role)}}
state_dir = {{if .StateDir}}{{q .StateDir}} # identity.key goes there{{else}}"` + stateDir + `" # relative to this file{{end}}

[network]
{{- if .Listen}}
listen = [{{range $i, $a := .Listen}}{{if $i}}, {{end}}{{q $a}}{{end}}]
{{- end}}
peers = [{{range $i, $a := .Peers}}{{if $i}}, {{end}}{{q $a}}{{end}}] # seeds; a camera stays connected to four of them
{{- if .Region}}
region = {{q (print .Region)}}
{{- end}}
{{- if .Members}}
membership = "` + credentialFile + `" # only members of the same fleet are connected
{{- end}}
{{- if .Memory}}
memory = {{q .Memory}}
{{- end}}
{{- if .Loopback}}
mdns = false # it listens on loopback only
{{- end}}
{{- if .Tell}}

[beacons]
tell = true # its owner agreed; a seed learns which release runs here and what became of the next
{{- end}}
{{- if .Witness}}

[witness]
key = "` + witnessFile + `" # this node is {{print .Witness.Public}}; no other node may have the key
{{- end}}

[[product]]
name = {{q (print .Product)}}
{{- if .Region}}
region = {{q (print .Region)}}
{{- end}}
{{- if .Label}}
label = {{q .Label}}
{{- end}}
{{- if .Hardware}}
hardware = {{q .Hardware}}
{{- end}}
{{- if .Factory}}
factory_sequence = {{.Factory}}
{{- end}}
# The manufacturer's keys, pinned: the chain alone can never replace them.
threshold = {{.Keys.Threshold}}
keys = [
{{- range .Keys.Keys}}
  {{q (print .)}},
{{- end}}
]
{{- if .History.Moves}}
# What the manufacturer's keys and registry went through, so that it is never followed again.
{{- if .History.Rotations}}
rotations = [{{range $i, $r := .History.Rotations}}{{if $i}}, {{end}}"rotation-{{$r.Epoch}}.cbor"{{end}}]
{{- end}}
moves = [{{range $i, $m := .History.Moves}}{{if $i}}, {{end}}"move-{{$m.Number}}.cbor"{{end}}]
{{- end}}

{{- if .Witnesses.Keys}}

# Independent operators that watch the chain: by the word of so many of them releases are
# fetched and relayed. Before an install the node asks the endpoints below.
[product.witnesses]
threshold = {{.Witnesses.Threshold}}
keys = [
{{- range .Witnesses.Keys}}
  {{q (print .)}},
{{- end}}
]
{{- end}}

[product.chain]
chain_id = {{.Registry.ChainID}}
registry = {{q (print .Registry.Address)}}
{{range .RPC}}
[[product.chain.endpoints]]
url = {{q .URL}}
operator = {{q .Operator}} # endpoints of one operator have one vote together
{{end}}`))

// render writes the configuration and checks it as the node will.
func (p provisioning) render() ([]byte, error) {
	var b bytes.Buffer
	if err := configText.Execute(&b, p); err != nil {
		return nil, err
	}
	if _, err := node.ParseConfig(b.Bytes()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// provisionFacts is what `provision` prints.
type provisionFacts struct {
	Config    string     `json:"config"`
	Role      node.Role  `json:"role"`
	PeerID    string     `json:"peerId"`
	DID       verify.DID `json:"did"`
	Addresses []string   `json:"addresses"` // multiaddrs that others can name as --seed; empty if the port is not fixed
}

func (f provisionFacts) print(w io.Writer) {
	fmt.Fprintf(w, "%s provisioned: %s\n", f.Role, f.Config)
	fmt.Fprintf(w, "peer id  %s\n", f.PeerID)
	fmt.Fprintf(w, "DID      %s\n", f.DID)
	for _, a := range f.Addresses {
		fmt.Fprintf(w, "address  %s\n", a)
	}
}

func newProvisionCommand() *cobra.Command {
	var (
		reg            registryFlags
		product        productFlag
		region         regionFlag
		p              provisioning
		role, dir      string
		seeds, signers []string
		fleet          string
		rotations      []string
		moves          []string
		threshold      int
		witnesses      []string
		quorum         int
		witnessKey     string
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Make the configuration and identity of a camera or seed",
		Long: `Makes a directory with camswarmd.toml and the node's identity key, after
comparing the given signing keys with those on chain. What is written here is
the root of the node's trust: the product, the registry, the manufacturer's
keys. It never overwrites.

With --witness the node goes by the word of independent witnesses of the chain
until it has asked itself, so that a large fleet does not ask all endpoints at
one moment; with --witness-key a seed is one of them.

Where the manufacturer has left other registries for this one, --move names the
statements, so that the node never follows them again.

With --tell a camera tells one of its seeds which release it runs and what became
of the next, with its region and label, signed with its identity; without it it
tells nothing. Give it only where the camera's owner has agreed. There is no
address, serial number, DID or exact time in what it tells, and the seed gives
out counts alone, but whoever runs the seed sees the camera's peer id and address
anyway, since it is connected.`,
		Example: `  camswarm provision --registry registry.json --product acme.example/cam-1 --role seed --dir seed \
      --threshold 2 --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub \
      --listen /ip4/192.0.2.1/tcp/4417 --listen /ip4/192.0.2.1/udp/4417/quic-v1
  camswarm provision --registry registry.json --product acme.example/cam-1 --role camera --dir cam1 \
      --threshold 2 --signer signer1.key.pub --signer signer2.key.pub --signer signer3.key.pub \
      --seed seed --region eu-west --hardware rev-b`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			switch p.Role = node.Role(role); p.Role {
			case node.RoleCamera, node.RoleSeed:
			default:
				return cli.Choice("role", role, []node.Role{node.RoleCamera, node.RoleSeed})
			}
			if p.Role == node.RoleSeed && (p.Hardware != "" || p.Label != "" || p.Factory != 0 || p.Tell) {
				return cli.Usagef("--hardware, --label, --factory-sequence and --tell are for cameras: a seed installs nothing")
			}
			if p.Product, err = product.of(&reg); err != nil {
				return err
			}
			if p.Region, err = region.parse(); err != nil {
				return err
			}
			if p.Keys, err = readKeySet(threshold, signers); err != nil {
				return err
			}
			if len(rotations) > 0 && len(moves) == 0 {
				return cli.Usagef("--rotation without --move: a node that is provisioned with the present keys needs none")
			}
			if p.Witnesses, p.Witness, err = readWitnesses(cmd, quorum, witnesses, witnessKey); err != nil {
				return err
			}
			if p.Witness != nil && p.Role != node.RoleSeed {
				return cli.Usagef("--witness-key is for seeds: a witness looks at the chain every second")
			}
			if p.StateDir != "" {
				if !filepath.IsAbs(p.StateDir) || filepath.Clean(p.StateDir) != p.StateDir {
					return cli.Usagef("--state-dir %q: write it from the root, as the device sees it", p.StateDir)
				}
				if err := control.CheckPath(filepath.Join(p.StateDir, control.SocketName)); err != nil {
					return cli.Usagef("--state-dir: %w", err)
				}
			}
			if p.Loopback, err = onLoopback(p.Listen); err != nil {
				return cli.Usagef("--listen: %w", err)
			}
			if fleet != "" {
				if p.Members, err = loadFleet(cmd, fleet); err != nil {
					return err
				}
			}
			for _, s := range seeds {
				addrs, err := seedAddresses(cmd.Context(), s)
				if err != nil {
					return fmt.Errorf("--seed: %w", err)
				}
				p.Peers = append(p.Peers, addrs...)
			}
			err = reg.withRegistry(cmd, func(ctx context.Context, file *registryFile, r *registry.Registry) error {
				p.Registry, p.RPC = file.ref(), endpointsOf(file.RPC)
				if len(moves) > 0 {
					if p.History, err = readHistory(rotations, moves, file.ref()); err != nil {
						return err
					}
				}
				view, err := r.Check(ctx, p.Product.ID(), p.Region)
				if err != nil {
					return err
				}
				if !view.Keys.Equal(p.Keys) {
					return fmt.Errorf("the given keys (%d of %d) are not those on chain (%d of %d, see 'camswarm registry show --product'): a node provisioned like this would refuse every release",
						p.Keys.Threshold, len(p.Keys.Keys), view.Keys.Threshold, len(view.Keys.Keys))
				}
				return nil
			})
			if err != nil {
				return err
			}
			facts, err := provision(dir, p)
			if err != nil {
				return err
			}
			if p.Role == node.RoleCamera && len(p.Peers) == 0 {
				cli.Note(cmd, "warning: the camera knows no seed: it finds peers on its own network alone, unless it has the DHT; name one with --seed, or under peers in %s", facts.Config)
			}
			if p.Role == node.RoleSeed && freePort(p.Listen) {
				cli.Note(cmd, "note: with port 0 the seed has another port after each start, and cameras that were told the old one do not find it again: give it a fixed port in %s if it is more than a try", facts.Config)
			}
			if operator := loneOperator(p.RPC); operator != "" {
				cli.Note(cmd, "warning: every chain endpoint is of one operator, %s: one that lies or is down can delay every update; repeat --rpc URL for at least three independent operators", operator)
			}
			return cli.PrintFacts(cmd, asJSON, facts, facts.print)
		},
	}
	reg.add(cmd)
	product.add(cmd)
	region.add(cmd, "region code, for rollout policies and for finding near peers")
	addKeySet(cmd, &threshold, &signers)
	fl := cmd.Flags()
	fl.StringVar(&role, "role", "", "seed or camera")
	fl.StringVar(&dir, "dir", "", "directory to make")
	fl.StringArrayVar(&p.Listen, "listen", nil, "multiaddr to listen on; may be repeated (default every interface, port 4417)")
	fl.StringArrayVar(&seeds, "seed", nil, "a seed, of which a camera stays connected to four: its provisioned directory (a running one, if its port is 0), or its multiaddr with /p2p/; may be repeated")
	fl.StringArrayVar(&moves, "move", nil, "file of a move that led to this registry; repeat it for each there ever was, oldest first")
	fl.StringArrayVar(&rotations, "rotation", nil, "with --move: file of a rotation of the signing keys; repeat it for each there ever was, oldest first")
	fl.StringVar(&fleet, "fleet", "", "the fleet's secret key file: makes the node a member of its private swarm (default: a swarm that is open to all)")
	fl.StringArrayVar(&witnesses, "witness", nil, "public key file of a witness of the chain (Ed25519); repeat it for each")
	fl.IntVar(&quorum, "witness-threshold", 0, "how many witnesses must say the same: more than half of them; needed with --witness")
	fl.StringVar(&witnessKey, "witness-key", "", "seed: secret key file of the witness that it is, which is copied, besides --witness for each; no two nodes may have one key")
	addPassphrase(cmd)
	fl.Uint32Var(&p.Epoch, "fleet-epoch", 0, "the fleet's epoch, see 'camswarm members revoke'")
	fl.StringVar(&p.StateDir, "state-dir", "", "where the device keeps its state, from the root, such as /var/lib/camswarm: move --dir's state/identity.key there (default: state, beside the configuration)")
	fl.StringVar(&p.Memory, "memory", "", "memory of the device: auto, 64MB, 128MB, 256MB, 512MB or large (default by role)")
	fl.StringVar(&p.Label, "label", "", "camera: label that canary policies may name")
	fl.StringVar(&p.Hardware, "hardware", "", "camera: hardware revision")
	fl.Uint64Var(&p.Factory, "factory-sequence", 0, "camera: sequence of the firmware it leaves the factory with")
	fl.BoolVar(&p.Tell, "tell", false, "camera: it tells a seed how it is, for 'camswarm fleet' and the guard; only if its owner agreed (privacy: see above)")
	cli.AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("role")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

// provision writes the directory as a whole or not at all.
func provision(dir string, p provisioning) (facts provisionFacts, err error) {
	config, err := p.render()
	if err != nil {
		return facts, err
	}
	if _, err := os.Lstat(dir); err == nil {
		return facts, fmt.Errorf("%s exists already; a node is never provisioned over another: choose another --dir", dir)
	}
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return facts, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*") // mode 0700
	if err != nil {
		return facts, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
		}
	}()
	if err := os.Mkdir(filepath.Join(tmp, stateDir), 0o700); err != nil {
		return facts, err
	}
	key, err := node.LoadOrCreateIdentity(filepath.Join(tmp, stateDir, identityFile))
	if err != nil {
		return facts, err
	}
	if facts.DID, err = node.DIDOf(key); err != nil {
		return facts, err
	}
	id, err := peer.IDFromPublicKey(key.GetPublic())
	if err != nil {
		return facts, err
	}
	if err := writeFileAtomic(filepath.Join(tmp, configFile), config, 0o600); err != nil {
		return facts, err
	}
	if len(p.History.Moves) > 0 {
		if err := p.writeHistory(tmp); err != nil {
			return facts, err
		}
	}
	if p.Witness != nil {
		if err := p.Witness.Save(filepath.Join(tmp, witnessFile)); err != nil {
			return facts, err
		}
	}
	if p.Members != nil {
		credential, err := member.Issue(p.Members, id, p.Epoch)
		if err != nil {
			return facts, err
		}
		if err := writeFileAtomic(filepath.Join(tmp, credentialFile), []byte(credential.Text()+"\n"), 0o600); err != nil {
			return facts, err
		}
	}
	if err := os.Rename(tmp, dir); err != nil {
		return facts, err
	}
	facts.Config, facts.Role, facts.PeerID = filepath.Join(dir, configFile), p.Role, id.String()
	facts.Addresses = append([]string{}, dialable(p.Listen, id)...)
	return facts, syncDir(filepath.Dir(dir))
}

// readWitnesses reads what names the witnesses, and the key of the one that the node
// is.
func readWitnesses(cmd *cobra.Command, threshold int, files []string, secret string) (set verify.KeySet, key *sign.Key, err error) {
	if len(files) == 0 {
		if threshold != 0 || secret != "" {
			return set, nil, cli.Usagef("--witness-threshold and --witness-key need --witness for each witness")
		}
		return set, nil, nil
	}
	if threshold == 0 {
		return set, nil, cli.Usagef("--witness needs --witness-threshold: how many of the %d must say the same, more than half", len(files))
	}
	keys, err := readPublicKeys(files)
	if err != nil {
		return set, nil, fmt.Errorf("--witness: %w", err)
	}
	set = verify.KeySet{Threshold: threshold, Keys: keys}
	w := chainwatch.DefaultWitnessConfig()
	w.Threshold, w.Keys = threshold, keys
	if err := w.Validate(); err != nil {
		return set, nil, err
	}
	if secret == "" {
		return set, nil, nil
	}
	if key, err = loadKey(cmd, secret); err != nil {
		return set, nil, err
	}
	if !set.Has(key.Public()) {
		return set, nil, fmt.Errorf("--witness-key %s is none of the witnesses: name its public half with --witness too", secret)
	}
	return set, key, nil
}

// writeHistory writes the statements that the configuration names, and checks that
// a node finds itself in the registry and with the keys of its configuration.
func (p provisioning) writeHistory(dir string) error {
	put := func(name string, data []byte, err error) error {
		if err != nil {
			return err
		}
		return writeFileAtomic(filepath.Join(dir, name), data, 0o644)
	}
	for _, r := range p.History.Rotations {
		data, err := r.Encode()
		if err := put(fmt.Sprintf("rotation-%d.cbor", r.Epoch), data, err); err != nil {
			return err
		}
	}
	for _, m := range p.History.Moves {
		data, err := m.Encode()
		if err := put(fmt.Sprintf("move-%d.cbor", m.Number), data, err); err != nil {
			return err
		}
	}
	cfg, err := node.LoadConfig(filepath.Join(dir, configFile))
	if err != nil {
		return err
	}
	v, err := cfg.Products[0].Verifier()
	if err != nil {
		return err
	}
	if !v.Keys().Equal(p.Keys) || v.CurrentRegistry() != p.Registry {
		return errors.New("the rotations and moves do not lead to the keys and the registry that are provisioned")
	}
	return nil
}

// endpointsOf names the operator of each endpoint by its host, which is the
// best guess; endpoints of one operator under several names must be edited.
func endpointsOf(urls []string) []endpoint {
	var out []endpoint
	for _, s := range urls {
		operator := s
		if u, err := url.Parse(s); err == nil {
			operator = u.Hostname()
		}
		out = append(out, endpoint{s, operator})
	}
	return out
}

// loneOperator names the operator of all endpoints if it is the only one, and
// does not run on this machine alone, as a development chain does; else "".
func loneOperator(endpoints []endpoint) (operator string) {
	away := false
	for _, e := range endpoints {
		if operator != "" && e.Operator != operator {
			return ""
		}
		operator = e.Operator
		host := e.URL
		if u, err := url.Parse(e.URL); err == nil {
			host = u.Hostname()
		}
		ip := net.ParseIP(host)
		away = away || host != "localhost" && (ip == nil || !ip.IsLoopback())
	}
	if !away {
		return ""
	}
	return operator
}

// onLoopback checks listen addresses and reports whether there are any and all
// of them are on loopback.
func onLoopback(listen []string) (bool, error) {
	all := len(listen) > 0
	for _, s := range listen {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return false, fmt.Errorf("%q is not a multiaddr such as /ip4/0.0.0.0/tcp/4417: %w", s, err)
		}
		all = all && manet.IsIPLoopback(a)
	}
	return all, nil
}

// freePort reports whether the system chooses the port of a listen address.
func freePort(listen []string) bool {
	return slices.ContainsFunc(listen, func(s string) bool {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return false
		}
		tcp, _ := a.ValueForProtocol(ma.P_TCP)
		udp, _ := a.ValueForProtocol(ma.P_UDP)
		return tcp == "0" || udp == "0"
	})
}

// dialable completes listen addresses to multiaddrs that others can dial: with
// the peer id, without wildcard addresses and ports that the system chooses.
func dialable(listen []string, id peer.ID) []string {
	var out []string
	for _, s := range listen {
		a, err := ma.NewMultiaddr(s)
		if err != nil || manet.IsIPUnspecified(a) {
			continue
		}
		port, err := a.ValueForProtocol(ma.P_TCP)
		if err != nil {
			port, err = a.ValueForProtocol(ma.P_UDP)
		}
		if err == nil && port != "0" {
			out = append(out, s+"/p2p/"+id.String())
		}
	}
	return out
}

// seedAddresses reads what --seed names: a multiaddr with a peer id, or a
// provisioned directory. A seed whose port the system chooses is asked for it,
// which it can answer while it runs.
func seedAddresses(ctx context.Context, s string) ([]string, error) {
	if strings.Contains(s, "/p2p/") {
		if _, err := peer.AddrInfoFromString(s); err != nil {
			return nil, fmt.Errorf("%q is not a multiaddr with a peer id: %w", s, err)
		}
		return []string{s}, nil
	}
	cfg, err := node.LoadConfig(filepath.Join(s, configFile))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is neither a multiaddr with /p2p/ nor a directory made by 'camswarm provision'", s)
		}
		return nil, err
	}
	path := filepath.Join(cfg.StateDir, identityFile)
	if _, err := os.Stat(path); err != nil { // LoadOrCreate would make one
		return nil, fmt.Errorf("%s has no identity yet: %w", s, err)
	}
	key, err := node.LoadOrCreateIdentity(path)
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPublicKey(key.GetPublic())
	if err != nil {
		return nil, err
	}
	listen := cfg.Network.Advertise
	if len(listen) == 0 {
		listen = cfg.Network.Listen
	}
	addrs := append(dialable(listen, id), chosenPorts(ctx, s, listen)...)
	switch {
	case len(addrs) > 0:
		return addrs, nil
	case len(openPorts(listen)) > 0:
		return nil, fmt.Errorf("%s does not run, and its port is chosen at each start (%s): start it, or give it a port", s, strings.Join(listen, ", "))
	}
	return nil, fmt.Errorf("%s listens on no one address (%s): name the one at which cameras reach it, such as --seed /ip4/192.0.2.1/tcp/4417/p2p/%s ('camswarm status --socket %s' prints its own)", s, strings.Join(listen, ", "), id, s)
}

// openPorts returns the addresses that leave nothing open but the port, up to it.
func openPorts(listen []string) (open []string) {
	for _, l := range listen {
		for _, transport := range []string{"/tcp/", "/udp/"} {
			a, err := ma.NewMultiaddr(l)
			if ip, rest, ok := strings.Cut(l, transport); ok && err == nil && !manet.IsIPUnspecified(a) && (rest == "0" || strings.HasPrefix(rest, "0/")) {
				open = append(open, ip+transport)
			}
		}
	}
	return open
}

// chosenPorts returns the addresses of a running node that its configuration
// leaves open but for the port: the node knows them.
func chosenPorts(ctx context.Context, dir string, listen []string) (out []string) {
	open := openPorts(listen)
	if len(open) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	_ = withNode(dir, func(c *control.Client) error { // a node that does not run has no ports
		s, err := c.Status(ctx)
		for _, a := range s.ListenAddrs {
			if slices.ContainsFunc(open, func(prefix string) bool { return strings.HasPrefix(a, prefix) }) {
				out = append(out, a)
			}
		}
		return err
	})
	return out
}
