package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// kubo is a repository of kubo's, and its daemon if that runs.
type kubo struct {
	s     *scene
	what  string
	path  string
	cmd   *exec.Cmd
	ended chan error
	log   bytes.Buffer
}

// repo makes a repository with the profile that kubo has for tests: free ports of
// loopback, nobody to bootstrap from. routing is the URL of a delegated router, "" for
// none.
func (s *scene) repo(what, routing string) (*kubo, error) {
	k := &kubo{s: s, what: what, path: filepath.Join(s.dir, "kubo-"+what)}
	if _, err := k.do(nil, "init", "--profile=test"); err != nil {
		return nil, err
	}
	set := [][2]string{
		{"Routing.Type", `"none"`}, {"AutoConf.Enabled", "false"}, {"Routing.DelegatedRouters", "[]"}, {"Ipns.DelegatedPublishers", "[]"},
		{"DNS.Resolvers", "{}"}, {"Bootstrap", "[]"}, {"Discovery.MDNS.Enabled", "false"}, {"AutoTLS.Enabled", "false"}, {"Gateway.NoFetch", "true"}, {"Provide.Enabled", "false"},
	}
	if routing != "" {
		set[0][1] = `"delegated"`
		set[2][1] = fmt.Sprintf("[%q, %q]", routing+"/ipns", routing+"/providers")
	}
	for _, kv := range set {
		if _, err := k.do(nil, "config", "--json", kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// start makes a repository and runs its daemon.
func (s *scene) start(what, routing string) (*kubo, error) {
	k, err := s.repo(what, routing)
	if err != nil {
		return nil, err
	}
	k.cmd = k.command("daemon")
	k.cmd.Stdout, k.cmd.Stderr = &k.log, &k.log
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	k.ended = make(chan error, 1)
	go func() { k.ended <- k.cmd.Wait() }()
	s.kubos = append(s.kubos, k)
	for { // it writes where its gateway is when it is ready
		if _, err := k.gateway(); err == nil {
			if _, err := k.do(nil, "id"); err == nil {
				return k, nil
			}
		}
		select {
		case err := <-k.ended:
			k.ended <- err
			return nil, fmt.Errorf("kubo ended: %w\n%s", err, &k.log)
		case <-s.ctx.Done():
			return nil, s.ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the daemon.
func (k *kubo) stop() error {
	_ = k.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-k.ended:
		return nil
	case <-time.After(20 * time.Second):
		return errors.Join(fmt.Errorf("kubo %s did not end", k.what), k.cmd.Process.Kill())
	}
}

func (k *kubo) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(k.s.ctx, k.s.ipfs, args...)
	cmd.Env = append(os.Environ(), "IPFS_PATH="+k.path, "IPFS_TELEMETRY=off", "HOME="+k.s.dir)
	return cmd
}

// do runs a command and returns what it prints.
func (k *kubo) do(in io.Reader, args ...string) ([]byte, error) {
	cmd := k.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("ipfs %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// addr is where the daemon can be dialled.
func (k *kubo) addr() (string, error) {
	out, err := k.do(nil, "id")
	if err != nil {
		return "", err
	}
	var id struct{ Addresses []string }
	if err := json.Unmarshal(out, &id); err != nil {
		return "", err
	}
	for _, a := range id.Addresses {
		if strings.HasPrefix(a, "/ip4/127.0.0.1/tcp/") && !strings.Contains(a, "/ws") {
			return a, nil
		}
	}
	return "", fmt.Errorf("kubo listens on %v", id.Addresses)
}

// gateway is the URL of the daemon's gateway.
func (k *kubo) gateway() (string, error) {
	data, err := os.ReadFile(filepath.Join(k.path, "gateway"))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if strings.HasPrefix(text, "http://") {
		return text, nil
	}
	a, err := ma.NewMultiaddr(text)
	if err != nil {
		return "", err
	}
	var addr net.Addr
	if addr, err = manet.ToNetAddr(a); err != nil {
		return "", err
	}
	return "http://" + addr.String(), nil
}
