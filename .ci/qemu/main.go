// Command qemu runs camera builds for other processors under qemu-user beside an
// amd64 seed, and has each fetch, verify and install a made-up image, over TCP and
// over QUIC:
//
//	.ci/release DIR camera:arm/7 camera:mips/softfloat
//	go run ./.ci/qemu qemu-arm-static=DIR/camswarmd-camera-linux-arm-7 qemu-mips-static=…
//
// An emulator's name may be left out ("=PROGRAM") for a program of this machine. The
// cameras serve nobody, so that every byte is the seed's.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
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
	"camswarm/node/install"
	"camswarm/sim/localnet"
	"camswarm/verify"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("qemu: ")
	size := flag.Int("image", 2_000_000, "bytes of the image")
	timeout := flag.Duration("timeout", 4*time.Minute, "for everything")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("name EMULATOR=PROGRAM, such as qemu-arm-static=DIR/camswarmd-camera-linux-arm-7")
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	if err := run(ctx, flag.Args(), *size); err != nil {
		log.Fatal(err)
	}
}

// camera is one process.
type camera struct {
	name      string
	transport string // "tcp" or "quic"
	dir       string
	log       bytes.Buffer
	cmd       *exec.Cmd
	ended     chan struct{} // closed when the process has ended
	took      time.Duration // from the announcement to the installed image, as it was seen
}

func run(ctx context.Context, programs []string, size int) (err error) {
	dir, err := os.MkdirTemp("", "qemu-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	n, err := localnet.Start(ctx, localnet.Config{Dir: dir, Configure: func(_ string, c *node.Config) {
		c.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	}})
	if n != nil {
		defer func() { err = errors.Join(err, n.Close()) }()
	}
	if err != nil {
		return err
	}
	var cameras []*camera
	defer func() {
		for _, c := range cameras {
			if c.cmd.Process != nil {
				_ = c.cmd.Process.Kill()
				<-c.ended
			}
			if err != nil {
				log.Printf("log of %s over %s:\n%s", c.name, c.transport, c.log.String())
			}
		}
	}()
	for _, p := range programs {
		emulator, program, ok := strings.Cut(p, "=")
		if !ok {
			return fmt.Errorf("%q is not EMULATOR=PROGRAM", p)
		}
		for _, transport := range []string{"tcp", "quic"} {
			c := &camera{
				name: filepath.Base(program), transport: transport,
				dir: filepath.Join(dir, strconv.Itoa(len(cameras))), ended: make(chan struct{}),
			}
			if err := c.start(ctx, n, emulator, program); err != nil {
				return err
			}
			cameras = append(cameras, c)
		}
	}
	for _, c := range cameras {
		if err := c.wait(ctx, func(s control.Status) bool { return s.Peers > 0 }); err != nil {
			return fmt.Errorf("has not met the seed: %w", err)
		}
	}
	image := make([]byte, size)
	for i := range image {
		image[i] = byte(rand.Uint32())
	}
	path := filepath.Join(dir, "image")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		return err
	}
	rel, err := n.Build(path, 1, "1.0.0")
	if err != nil {
		return err
	}
	if err := n.Publish(ctx, rel, verify.Rollout{Mode: verify.RolloutAll}); err != nil {
		return err
	}
	if err := n.Announce(ctx, rel); err != nil {
		return err
	}
	began := time.Now()
	for _, c := range cameras {
		if err := c.wait(ctx, installed); err != nil {
			return fmt.Errorf("has not installed the release: %w", err)
		}
		c.took = time.Since(began)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "program\tover\tinstalled within\tCPU seconds")
	for _, c := range cameras {
		if err := c.check(ctx, image); err != nil {
			return fmt.Errorf("%s over %s: %w", c.name, c.transport, err)
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f s\t%.1f\n", c.name, c.transport, c.took.Seconds(), c.cpu())
	}
	return table.Flush()
}

// start provisions the camera with the seed's addresses of its transport, and runs it.
func (c *camera) start(ctx context.Context, n *localnet.Network, emulator, program string) error {
	listen, is := "/ip4/127.0.0.1/tcp/0", func(addr string) bool { return strings.Contains(addr, "/tcp/") }
	if c.transport == "quic" {
		listen, is = "/ip4/127.0.0.1/udp/0/quic-v1", func(addr string) bool { return strings.Contains(addr, "/quic-v1") }
	}
	all, err := n.Seed.Addrs()
	if err != nil {
		return err
	}
	config, err := n.Provision(c.dir, localnet.Process{
		Peers:  slices.DeleteFunc(all, func(addr string) bool { return !is(addr) }),
		MinGap: 200 * time.Millisecond,
		Settings: []string{
			fmt.Sprintf(`network.listen = [%q]`, listen),
			`network.mdns = false`,
			`network.memory = "64MB"`,
			`exchange.mode = "leech"`,
			`storage.reserve_bytes = "256KB"`,
		},
	})
	if err != nil {
		return err
	}
	args := []string{program, "--config", config}
	if emulator != "" {
		args = append([]string{emulator}, args...)
	}
	c.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	// qemu-user of a big-endian target does not swap the control messages by which
	// QUIC asks for segmentation and reads ECN.
	c.cmd.Env = append(os.Environ(), "QUIC_GO_DISABLE_GSO=1", "QUIC_GO_DISABLE_ECN=1")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.cmd.Stdout, c.cmd.Stderr = &c.log, &c.log
	if err := c.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	return nil
}

func (c *camera) stateDir() string { return filepath.Join(c.dir, "state") }

// wait waits until the status is as it should be.
func (c *camera) wait(ctx context.Context, good func(control.Status) bool) error {
	for {
		s, err := localnet.Status(ctx, c.stateDir())
		if err == nil && good(s) {
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("%s over %s ended: %v", c.name, c.transport, c.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("%s over %s: %w", c.name, c.transport, errors.Join(ctx.Err(), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func installed(s control.Status) bool {
	return slices.ContainsFunc(s.Products, func(p control.ProductStatus) bool {
		return p.Installed != nil && p.Installed.Sequence == 1
	})
}

// check compares what is in the slot, and holds that it came from the seed over the
// transport that is tested.
func (c *camera) check(ctx context.Context, image []byte) error {
	client, err := control.Dial(filepath.Join(c.stateDir(), control.SocketName))
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	slot := install.FileInstaller{Dir: filepath.Join(c.stateDir(), "slot")}
	got, err := os.ReadFile(slot.Path(s.Products[0].ID))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, image) {
		return fmt.Errorf("the slot holds %d other bytes than the image of %d", len(got), len(image))
	}
	peers, err := client.Peers(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(peers, func(p control.PeerStatus) bool { return p.ReceivedBytes >= int64(len(image)) })
	if i < 0 {
		return fmt.Errorf("no peer sent all of the image: %+v", peers)
	}
	for _, a := range peers[i].Addrs {
		if strings.Contains(a, "/quic-v1") != (c.transport == "quic") {
			return fmt.Errorf("it is connected to the seed at %s", a)
		}
	}
	return nil
}

// cpu is the processor time that the process has taken, with its emulator's.
func (c *camera) cpu() float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// proc(5): utime and stime are the 12th and 13th field behind the name, in
	// hundredths of a second.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return float64(user+system) / 100
}
