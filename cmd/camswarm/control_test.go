package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/verify"
)

// running runs what serves a control socket until the test ends, and waits until it
// answers.
func running(t *testing.T, socket string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for {
		c, err := control.Dial(socket)
		if err == nil {
			_, err = c.Releases(t.Context())
			c.Close()
		}
		if err == nil {
			return
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("nothing serves %s: %v", socket, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// retrier is a node that only notes what is retried.
type retrier struct {
	control.Backend
	mu  sync.Mutex
	all []verify.ProductID
	err error
}

func (r *retrier) Releases() ([]control.HeldRelease, error) { return nil, nil }

func (r *retrier) Retry(p verify.ProductID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, p)
	return r.err
}

func TestRetryReachesTheNode(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, control.SocketName)
	backend := &retrier{}
	running(t, socket, control.NewServer(socket, backend, nil, slog.New(slog.DiscardHandler)).Run)

	if out := must(t, "retry", "--socket", socket); !strings.Contains(out, "starts over") {
		t.Errorf("says %q", out)
	}
	if said := facts[map[string]bool](t, "retry", "--socket", socket, "--product", "acme.example/cam-1"); !said["retried"] {
		t.Errorf("says %v", said)
	}
	refused(t, exitUsage, []string{"no-slash"}, "retry", "--socket", socket, "--product", "no-slash")
	backend.mu.Lock()
	if want := []verify.ProductID{{}, (verify.Product{Vendor: "acme.example", Name: "cam-1"}).ID()}; !slices.Equal(backend.all, want) {
		t.Errorf("retried %v, want all products and then the one", backend.all)
	}
	backend.err = errors.New("there is nothing to retry")
	backend.mu.Unlock()
	refused(t, exitFailed, []string{"nothing to retry"}, "retry", "--socket", socket)
}

// TestDoctorLooksAtTheHookAndTheAddresses: what would otherwise be noticed by the
// first release, or by nobody, is said while there is time to mend it.
func TestDoctorLooksAtTheHookAndTheAddresses(t *testing.T) {
	dir := t.TempDir()
	hook := writeFile(t, filepath.Join(dir, "hook"), []byte("#!/bin/sh\n"))
	path := writeFile(t, filepath.Join(dir, configFile), fmt.Appendf(nil, `role = "camera"
state_dir = "state"
[network]
listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/192.0.2.1/tcp/14417"]
mdns = false
dht = false
[install]
command = %q
[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
[product.chain]
chain_id = 31337
registry = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
[[product.chain.endpoints]]
url = "http://127.0.0.1:1"
`, hook))
	cfg, err := node.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(cfg.StateDir, control.SocketName)
	running(t, socket, n.Run)
	if err := n.Run(t.Context()); !errors.Is(err, node.ErrRunning) { // and it does not stop the one that runs
		t.Errorf("a second Run: %v", err)
	}
	doctor := func() string {
		t.Helper()
		r := camswarm(t, "doctor", "--socket", socket, "--json")
		var all []finding
		if err := json.Unmarshal([]byte(r.stdout), &all); err != nil {
			t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
		}
		var alarms strings.Builder
		for _, f := range all {
			if f.Topic == "alarm" {
				fmt.Fprintln(&alarms, f.Level, f.Message)
			}
		}
		return alarms.String()
	}
	says := func(when string, words ...string) {
		t.Helper()
		got := doctor()
		for _, w := range words {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no alarm says %q:\n%s", when, w, got)
			}
		}
	}
	says("an address that is not there", "bad listen_waits", "/ip4/192.0.2.1/tcp/14417", "mend network.listen")
	says("a hook that is not executable", "bad installer_unusable", hook, "permission denied", "mend install.command")
	if err := os.Chmod(hook, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := doctor(); strings.Contains(got, "installer_unusable") {
		t.Errorf("a good hook: %s", got)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	says("a hook that is missing", "bad installer_unusable", hook, "no such file")
}
