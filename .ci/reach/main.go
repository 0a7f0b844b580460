// Command reach is a test bench for NATs: in network namespaces of its own it runs
// a chain, a seed with a public address, and cameras, each a camswarmd process behind
// a router, sends a release through them, and prints who got it from whom and how
// they are connected.
//
//	go build -o DIR/camswarmd ./cmd/camswarmd && go run ./.ci/reach -camswarmd DIR/camswarmd -fleet port:2,random,upnp,dual
//
// It exits 1 if a router was asked for a port by another protocol than its place is
// for. It needs root, iproute2 and nftables, and for port mapping miniupnpd
// (miniupnpd-nftables in Debian), and leaves nothing behind: the namespaces end with
// the process.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/sim/localnet"
	"camswarm/swarm/units"
	"camswarm/verify"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("reach: ")
	fleet := flag.String("fleet", "port,port,port,port,port,port", "where the cameras are, comma-separated: a kind of place, or with a number of cameras there such as port:2\n"+kindsHelp())
	program := flag.String("camswarmd", "", "the camera's program (required)")
	up := flag.String("up", "20Mbit/s", "a camera's uplink")
	down := flag.String("down", "50Mbit/s", "a camera's downlink")
	seedUp := flag.String("seed-up", "100Mbit/s", "the seed's uplink")
	size := flag.Int("image", 6_200_000, "bytes of the image")
	settle := flag.Duration("settle", 30*time.Second, "time for the cameras to find one another before the release")
	atLeast := flag.Float64("at-least", 0, "exit 1 unless this share of all bytes came from cameras")
	copies := flag.Float64("copies", 0, "exit 1 if more copies of the image than this left the seed; 0: any number may")
	dials := flag.Int("dials", 0, "exit 1 if a camera's router saw it open connections to more addresses and ports within a minute; 0: any number may")
	connections := flag.Int("connections", 16, "exit 1 if a camera has more connections")
	want := flag.String("want", "", "exit 1 unless pairs of cameras are connected so, comma-separated: c1-1+c2-1=mapped, with | between ways that are all right, and none for no connection")
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
	r, err := b.run(ctx, strings.Split(*fleet, ","), *size, *settle, *want)
	if r != nil && *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else if r != nil {
		r.print(os.Stdout)
	}
	b.end()
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(r.hold(*want), r.asked(), r.gentle(*dials, *connections)); err != nil {
		log.Fatal(err)
	}
	if r.Share < *atLeast {
		log.Fatalf("%.0f %% of the bytes came from cameras; at least %.0f %% should", 100*r.Share, 100**atLeast)
	}
	if *copies > 0 && r.Copies > *copies {
		log.Fatalf("%.1f copies of the image left the seed; at most %.1f should", r.Copies, *copies)
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
	daemons []*exec.Cmd // of routers
}

func (b *bench) end() {
	for _, c := range b.cameras {
		if c.cmd != nil && c.cmd.Process != nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	}
	for _, d := range b.daemons {
		if d.Process != nil {
			_ = d.Process.Kill()
			_ = d.Wait()
		}
	}
	_ = b.net.Close()
	_ = os.RemoveAll(b.dir)
}

func (b *bench) run(ctx context.Context, fleet []string, size int, settle time.Duration, want string) (_ *result, err error) {
	b.net = &localnet.Network{}
	if b.dir, err = os.MkdirTemp("", "reach-"); err != nil {
		return nil, err
	}
	var sites []*site
	for i, text := range fleet {
		s, err := parseSite(text, i+1)
		if err != nil {
			return nil, err
		}
		sites = append(sites, s)
	}
	if err := setUp(); err != nil {
		return nil, err
	}
	n, err := localnet.Start(ctx, localnet.Config{Dir: b.dir, Configure: func(_ string, c *node.Config) {
		c.Network.Listen = nil
		for _, at := range []string{"/ip4/" + internet, "/ip6/" + internet6} {
			c.Network.Listen = append(c.Network.Listen, fmt.Sprintf("%s/tcp/%d", at, nodePort), fmt.Sprintf("%s/udp/%d/quic-v1", at, nodePort))
		}
		c.Exchange.UploadLimit = b.seedUp
	}})
	if n != nil {
		b.net = n
	}
	if err != nil {
		return nil, err
	}
	for _, at := range []string{internet, "[" + internet6 + "]"} {
		if err := serveChain(fmt.Sprintf("%s:%d", at, chainPort), strings.TrimPrefix(n.Chain.URL(), "http://")); err != nil {
			return nil, err
		}
	}
	for _, s := range sites {
		if err := b.add(ctx, s); err != nil {
			return nil, fmt.Errorf("place %d, %s: %w", s.index, s.kind.name, err)
		}
	}
	log.Printf("%d cameras run; they have %v to find one another", len(b.cameras), settle)
	if err := b.settle(ctx, settle, want); err != nil {
		return nil, err
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
	took := time.Since(began)
	r, err := b.measure(ctx, size, err)
	r.Seconds = took.Seconds()
	return r, err
}

// patience is how much longer than -settle the pairs of -want may take: a hole that
// does not open at once is punched again a minute later.
const patience = 90 * time.Second

// settle waits, and looks from time to time what the routers count and, in the end,
// whether the pairs of want have met.
func (b *bench) settle(ctx context.Context, d time.Duration, want string) error {
	settled, tick := time.Now().Add(d), time.NewTicker(10*time.Second)
	defer tick.Stop()
	for {
		select {
		case <-time.After(max(time.Until(settled), 5*time.Second)):
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			for _, c := range b.cameras {
				if err := c.count(); err != nil {
					return err
				}
			}
		}
		if now := time.Now(); now.After(settled) {
			r, err := b.measure(ctx, 1, nil)
			if err != nil || r.hold(want) == nil || now.After(settled.Add(patience)) {
				return err
			}
		}
	}
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
				return fmt.Errorf("%s behind %q has not installed the release: %w", c.ns, c.site.kind.name, errors.Join(ctx.Err(), err))
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	return nil
}
