// Command reach is a test bench for NATs: in network namespaces of its own it runs
// a chain, a seed with a public address, and cameras, each a camswarmd process behind
// a router of its own, sends a release through them, and prints who got it from whom.
//
//	go build -o /tmp/camswarmd ./cmd/camswarmd && sudo go run ./.ci/reach -camswarmd /tmp/camswarmd
//
// It needs root (or a user namespace with its rights), iproute2 and nftables, and
// leaves nothing behind: the namespaces end with the process.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/swarm/units"
	"camswarm/verify"
)

// The bench's Internet. The range is public by its number, since a node takes
// private and documentation ranges for what they are; nothing leaves the namespace.
const (
	internet = "45.83.0.1"
	gateway  = "45.83.0.1:8545"
)

// A kind of router between a camera and the Internet.
type kind struct {
	name  string
	about string
	rules string // for nft; WAN is the router's outer interface, LAN the camera's address
}

// A home router drops what nobody asked for, before it is tracked.
const firewall = `
table inet filter {
  chain input { type filter hook input priority 0; policy accept; iifname "wan" ct state new drop; }
  chain forward { type filter hook forward priority 0; policy accept; iifname "wan" ct status dnat accept; iifname "wan" ct state new drop; }
}`

var kinds = []kind{
	{"none", "a public address, no router", ""},
	{"port", "masquerade that keeps the port where it can: most home routers", firewall + `
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}`},
	{"random", "masquerade to a random port for each peer: symmetric", firewall + `
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan" masquerade fully-random; }
}`},
	{"cone", "full cone: everything that comes to the port is passed on", firewall + `
table ip nat {
  chain pre { type nat hook prerouting priority -100; iifname "wan" udp dport 4417 dnat to LAN; iifname "wan" tcp dport 4417 dnat to LAN; }
  chain post { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}`},
	{"double", "two routers, one behind the other, both keeping the port", firewall + `
table ip nat { chain post { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}`},
}

func kindOf(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("no kind of NAT is called %q", name)
}

type row struct {
	Kind    string `json:"kind"`
	NAT     string `json:"nat"` // what the camera found out
	Direct  int    `json:"direct"`
	Tried   int    `json:"tried"`
	Punched int    `json:"punched"`
	Seed    int64  `json:"seedBytes"`
	Cameras int64  `json:"cameraBytes"`
	Words   string `json:"words"`
}

type result struct {
	Rows  []row   `json:"cameras"`
	Share float64 `json:"cameraShare"` // of all bytes that cameras received
	Image int     `json:"imageBytes"`
	// Copies is how many images' worth of bytes left the seed.
	Copies float64 `json:"seedCopies"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("reach: ")
	fleet := flag.String("fleet", "port,port,port,port,port,port", "the cameras' NATs, comma-separated: none, port, random, cone, double")
	program := flag.String("camswarmd", "", "the camera's program (required)")
	up := flag.String("up", "20Mbit/s", "a camera's uplink")
	down := flag.String("down", "50Mbit/s", "a camera's downlink")
	seedUp := flag.String("seed-up", "100Mbit/s", "the seed's uplink")
	size := flag.Int("image", 6_200_000, "bytes of the image")
	settle := flag.Duration("settle", 30*time.Second, "time for the cameras to find one another before the release")
	atLeast := flag.Float64("at-least", 0, "exit 1 unless this share of all bytes came from cameras")
	timeout := flag.Duration("timeout", 3*time.Minute, "for everything")
	asJSON := flag.Bool("json", false, "print one JSON document")
	verbose := flag.Bool("v", false, "the cameras' logs on stderr")
	flag.Parse()
	if *program == "" {
		log.Fatal("-camswarmd: build it with 'go build -o DIR/camswarmd ./cmd/camswarmd' and give its path")
	}
	if os.Getenv("REACH_INSIDE") == "" {
		os.Exit(again())
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	b := &bench{program: *program, verbose: *verbose, up: *up, down: *down}
	var err error
	if b.seedUp, err = units.ParseRate(*seedUp); err != nil {
		log.Fatalf("-seed-up: %v", err)
	}
	r, err := b.run(ctx, strings.Split(*fleet, ","), *size, *settle)
	if r != nil && *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else if r != nil {
		r.print(os.Stdout)
	}
	b.end()
	if err != nil {
		log.Fatal(err)
	}
	if r.Share < *atLeast {
		log.Fatalf("%.0f %% of the bytes came from cameras; at least %.0f %% should", 100*r.Share, 100**atLeast)
	}
}

// again runs this program in a network and a mount namespace of its own.
func again() int {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), "REACH_INSIDE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		log.Printf("no network namespace can be made here (root is needed): %v", err)
		return 1
	}
	return 0
}

type bench struct {
	program string
	verbose bool
	up      string // the cameras' rates, as in the configuration
	down    string
	seedUp  units.Rate
	dir     string
	net     *localnet.Network
	cameras []*camera
}

type camera struct {
	kind kind
	ns   string
	dir  string
	cmd  *exec.Cmd
}

func (b *bench) end() {
	for _, c := range b.cameras {
		if c.cmd != nil && c.cmd.Process != nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	}
	_ = b.net.Close()
	_ = os.RemoveAll(b.dir)
}

func (b *bench) run(ctx context.Context, fleet []string, size int, settle time.Duration) (_ *result, err error) {
	if b.dir, err = os.MkdirTemp("", "reach-"); err != nil {
		return nil, err
	}
	b.net = &localnet.Network{}
	if err := setUp(); err != nil {
		return nil, err
	}
	n, err := localnet.Start(ctx, localnet.Config{Dir: b.dir, Configure: func(_ string, c *node.Config) {
		c.Network.Listen = []string{"/ip4/" + internet + "/tcp/4417", "/ip4/" + internet + "/udp/4417/quic-v1"}
		c.Exchange.UploadLimit = b.seedUp
	}})
	if n != nil {
		b.net = n
	}
	if err != nil {
		return nil, err
	}
	if err := serveChain(strings.TrimPrefix(n.Chain.URL(), "http://")); err != nil {
		return nil, err
	}
	for i, name := range fleet {
		if err := b.add(ctx, i+1, name); err != nil {
			return nil, fmt.Errorf("camera %d: %w", i+1, err)
		}
	}
	log.Printf("%d cameras run; they have %v to find one another", len(b.cameras), settle)
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	image := make([]byte, size)
	for i := range image {
		image[i] = byte(rand.Uint32())
	}
	path := filepath.Join(b.dir, "image")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return nil, err
	}
	rel, err := n.Build(path, 1, "1.0.0")
	if err != nil {
		return nil, err
	}
	if err := n.Publish(ctx, rel, verify.Rollout{Mode: verify.RolloutAll}); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := n.Announce(ctx, rel); err != nil {
		return nil, err
	}
	err = b.wait(ctx, 1)
	log.Printf("%.1f s from the announcement to the last install", time.Since(began).Seconds())
	return b.measure(ctx, size, err)
}

// wait waits until every camera has installed the release.
func (b *bench) wait(ctx context.Context, seq uint64) error {
	for _, c := range b.cameras {
		for {
			s, err := c.status(ctx)
			if err == nil && slices.ContainsFunc(s.Products, func(p control.ProductStatus) bool { return p.Installed != nil && p.Installed.Sequence == seq }) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s behind %q has not installed the release: %w", c.ns, c.kind.name, errors.Join(ctx.Err(), err))
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	return nil
}

func (b *bench) measure(ctx context.Context, size int, failed error) (*result, error) {
	r := &result{Image: size}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var seed, all int64
	for _, c := range b.cameras {
		s, err := c.status(ctx)
		if err != nil {
			return r, errors.Join(failed, err)
		}
		w := row{Kind: c.kind.name, NAT: s.Reach.NAT, Tried: s.Reach.Tried, Punched: s.Reach.Punched, Words: s.Reach.Words,
			Seed: s.Traffic.FromSeeds, Cameras: s.Traffic.FromPeers}
		client, err := c.client()
		if err != nil {
			return r, errors.Join(failed, err)
		}
		peers, err := client.Peers(ctx)
		client.Close()
		if err != nil {
			return r, errors.Join(failed, err)
		}
		met := map[string]bool{}
		for _, p := range peers {
			if p.Role == string(node.RoleCamera) && slices.ContainsFunc(p.Addrs, func(a string) bool { return !strings.Contains(a, "p2p-circuit") }) {
				met[p.ID] = true
			}
		}
		w.Direct = len(met)
		seed, all = seed+w.Seed, all+w.Seed+w.Cameras
		r.Rows = append(r.Rows, w)
	}
	if all > 0 {
		r.Share = float64(all-seed) / float64(all)
	}
	r.Copies = float64(seed) / float64(size)
	return r, failed
}

func (r *result) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "camera\tnat\tfound out\tcameras met\tpunched\tfrom seed\tfrom cameras")
	for i, c := range r.Rows {
		fmt.Fprintf(t, "%d\t%s\t%s\t%d\t%d of %d\t%.1f MB\t%.1f MB\n", i+1, c.Kind, c.NAT, c.Direct, c.Punched, c.Tried, float64(c.Seed)/1e6, float64(c.Cameras)/1e6)
	}
	_ = t.Flush()
	fmt.Fprintf(w, "%.0f %% of the bytes came from cameras; the seed sent %.1f copies for %d cameras\n", 100*r.Share, r.Copies, len(r.Rows))
}

// setUp makes the Internet: a bridge with the seed's address. The namespaces' names
// live on a file system of this process alone.
func setUp() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("reach", "/run/netns", "tmpfs", 0, ""); err != nil {
		return err
	}
	return ip("link set lo up", "link add wan type bridge", "addr add "+internet+"/16 dev wan", "link set wan up")
}

// add puts a camera behind a router of a kind, and starts it.
func (b *bench) add(ctx context.Context, i int, name string) error {
	k, err := kindOf(name)
	if err != nil {
		return err
	}
	c := &camera{kind: k, ns: fmt.Sprintf("c%d", i), dir: filepath.Join(b.dir, fmt.Sprintf("c%d", i))}
	public := fmt.Sprintf("45.83.%d.%d", 1+i/200, 1+i%200)
	port := fmt.Sprintf("v%d", i)
	steps := []string{"netns add " + c.ns, "netns exec " + c.ns + " ip link set lo up"}
	if k.rules == "" {
		steps = append(steps, link(port, c.ns, "eth0", public+"/16", internet)...)
	} else {
		// Everybody's home has the same private network.
		outer := fmt.Sprintf("r%d", i)
		steps = append(steps, "netns add "+outer, "netns exec "+outer+" ip link set lo up")
		steps = append(steps, link(port, outer, "wan", public+"/16", internet)...)
		if name == "double" {
			inner := fmt.Sprintf("q%d", i)
			steps = append(steps, "netns add "+inner, "netns exec "+inner+" ip link set lo up",
				"link add x"+port+" type veth peer name wan netns "+inner, "link set x"+port+" netns "+outer+" name lan",
				"netns exec "+outer+" ip addr add 10.0.0.1/24 dev lan", "netns exec "+outer+" ip link set lan up",
				"netns exec "+inner+" ip addr add 10.0.0.2/24 dev wan", "netns exec "+inner+" ip link set wan up",
				"netns exec "+inner+" ip route add default via 10.0.0.1")
			outer = inner
		}
		steps = append(steps,
			"link add x"+port+" type veth peer name eth0 netns "+c.ns, "link set x"+port+" netns "+outer+" name lan",
			"netns exec "+outer+" ip addr add 192.168.1.1/24 dev lan", "netns exec "+outer+" ip link set lan up",
			"netns exec "+c.ns+" ip addr add 192.168.1.2/24 dev eth0", "netns exec "+c.ns+" ip link set eth0 up",
			"netns exec "+c.ns+" ip route add default via 192.168.1.1")
	}
	if err := ip(steps...); err != nil {
		return err
	}
	for _, router := range []string{fmt.Sprintf("r%d", i), fmt.Sprintf("q%d", i)} {
		if _, err := os.Stat("/run/netns/" + router); err != nil {
			continue
		}
		rules := strings.ReplaceAll(k.rules, "LAN", "192.168.1.2")
		if err := inside(router, rules, "nft", "-f", "-"); err != nil {
			return err
		}
		if err := inside(router, "", "sysctl", "-qw", "net.ipv4.ip_forward=1"); err != nil {
			return err
		}
	}
	if err := b.configure(c); err != nil {
		return err
	}
	c.cmd = exec.CommandContext(ctx, "ip", "netns", "exec", c.ns, b.program, "--config", filepath.Join(c.dir, "camswarmd.toml"))
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	logs, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	c.cmd.Stdout, c.cmd.Stderr = logs, logs
	if b.verbose {
		c.cmd.Stdout, c.cmd.Stderr = os.Stderr, os.Stderr
	}
	b.cameras = append(b.cameras, c)
	return c.cmd.Start()
}

// link are the steps that connect a namespace to the Internet.
func link(port, ns, name, addr, via string) []string {
	return []string{
		"link add " + port + " type veth peer name " + name + " netns " + ns,
		"link set " + port + " master wan", "link set " + port + " up",
		"netns exec " + ns + " ip addr add " + addr + " dev " + name,
		"netns exec " + ns + " ip link set " + name + " up",
		"netns exec " + ns + " ip route add default via " + via,
	}
}

func (b *bench) configure(c *camera) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	seeds, err := b.net.Seed.Addrs()
	if err != nil {
		return err
	}
	var keys []string
	for _, k := range b.net.Keys.Keys {
		text, err := k.MarshalText()
		if err != nil {
			return err
		}
		keys = append(keys, strconv.Quote(string(text)))
	}
	for i := range seeds {
		seeds[i] = strconv.Quote(seeds[i])
	}
	text := fmt.Sprintf(`role = "camera"
state_dir = "state"

[network]
peers = [%s]

[exchange]
upload_limit = %q
download_limit = %q

[storage]
reserve_bytes = "256KB"

[[product]]
name = %q
region = "lab"
threshold = %d
keys = [%s]

[product.chain]
chain_id = %d
registry = %q
min_gap = "200ms"

[[product.chain.endpoints]]
url = "http://%s"
operator = "devchain"
`, strings.Join(seeds, ", "), b.up, b.down, b.net.Product.String(), b.net.Keys.Threshold, strings.Join(keys, ", "), b.net.Chain.ChainID(), b.net.Registry.Address().String(), gateway)
	return os.WriteFile(filepath.Join(c.dir, "camswarmd.toml"), []byte(text), 0o600)
}

func (c *camera) client() (*control.Client, error) {
	return control.Dial(filepath.Join(c.dir, "state", control.SocketName))
}

func (c *camera) status(ctx context.Context) (control.Status, error) {
	client, err := c.client()
	if err != nil {
		return control.Status{}, err
	}
	defer client.Close()
	return client.Status(ctx)
}

// serveChain carries the chain, which listens on loopback, to the Internet.
func serveChain(target string) error {
	l, err := net.Listen("tcp", gateway)
	if err != nil {
		return err
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer func() { _ = out.Close() }()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return nil
}

func ip(steps ...string) error {
	for _, s := range steps {
		if err := command("", "ip", strings.Fields(s)...); err != nil {
			return err
		}
	}
	return nil
}

func inside(ns, stdin, name string, args ...string) error {
	return command(stdin, "ip", append([]string{"netns", "exec", ns, name}, args...)...)
}

func command(stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
