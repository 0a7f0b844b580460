package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"camswarm/node/control"
	"camswarm/sim/localnet"
)

// camera is one process in a namespace.
type camera struct {
	site   *site
	ns     string
	router string // the nearest; "" for none
	dir    string
	cmd    *exec.Cmd
	dials  int // most places that its router saw opened within a minute
	ports  int // most ports of one address among them
}

// add makes a site and starts its cameras.
func (b *bench) add(ctx context.Context, s *site) error {
	daemons, err := s.build(b.dir)
	b.daemons = append(b.daemons, daemons...)
	if err != nil {
		return err
	}
	for k := range s.cameras {
		c := &camera{site: s, ns: s.camera(k), router: s.router(), dir: filepath.Join(b.dir, s.camera(k))}
		switch {
		case s.kind.public:
			c.router = ""
		case s.kind.homes:
			c.router = fmt.Sprintf("h%d-%d", s.index, k+1)
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
		if err := c.cmd.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) configure(c *camera) error {
	mapping, chain := "off", fmt.Sprintf("http://%s:%d", internet, chainPort)
	if c.site.kind.maps != "" {
		mapping = "auto"
	}
	if c.site.kind.no4 {
		chain = fmt.Sprintf("http://[%s]:%d", internet6, chainPort)
	}
	_, err := b.net.Provision(c.dir, localnet.Process{Chain: chain, MinGap: 200 * time.Millisecond, Settings: []string{
		fmt.Sprintf(`network.port_mapping = %q`, mapping),
		fmt.Sprintf(`exchange.upload_limit = %q`, b.up),
		fmt.Sprintf(`exchange.download_limit = %q`, b.down),
		`storage.reserve_bytes = "256KB"`,
	}})
	return err
}

func (c *camera) stateDir() string { return filepath.Join(c.dir, "state") }

func (c *camera) status(ctx context.Context) (control.Status, error) {
	return localnet.Status(ctx, c.stateDir())
}

func (c *camera) peers(ctx context.Context) ([]control.PeerStatus, error) {
	client, err := control.Dial(filepath.Join(c.stateDir(), control.SocketName))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Peers(ctx)
}

// count notes to how many addresses and ports the router has seen connections
// opened within the last minute: its sets keep each for that long.
func (c *camera) count() error {
	if c.router == "" {
		return nil
	}
	all, perIP := 0, map[string]int{}
	for _, set := range []string{"dials4", "dials6"} {
		out, err := output("", "ip", "netns", "exec", c.router, "nft", "-j", "list", "set", "inet", "filter", set)
		if err != nil {
			return err
		}
		var doc struct {
			Nftables []struct {
				Set struct {
					Elem []struct {
						Elem struct {
							Val struct{ Concat []any }
						}
					}
				}
			}
		}
		if err := json.Unmarshal(out, &doc); err != nil {
			return err
		}
		for _, part := range doc.Nftables {
			for _, e := range part.Set.Elem {
				if at := e.Elem.Val.Concat; len(at) == 2 {
					all++
					perIP[fmt.Sprint(at[0])]++
				}
			}
		}
	}
	c.dials = max(c.dials, all)
	for _, n := range perIP {
		c.ports = max(c.ports, n)
	}
	return nil
}

// serveChain carries the chain, which listens on loopback, to the Internet.
func serveChain(at, target string) error {
	l, err := net.Listen("tcp", at)
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
