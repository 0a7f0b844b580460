package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"camswarm/node"
)

// built is set when binaries were asked for, so that they are removed.
var built atomic.Bool

// buildTags are those of the programs that the tests run; with some they need cgo.
var buildTags string

// binaries builds camswarm and camswarmd once and returns their directory.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "camswarm-bin-")
	if err != nil {
		return "", err
	}
	cgo := "CGO_ENABLED=0"
	if buildTags != "" {
		cgo = "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", "build", "-tags", buildTags, "-o", dir+string(filepath.Separator), "camswarm/cmd/camswarm", "camswarm/cmd/camswarmd")
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if built.Load() {
		if dir, err := binaries(); err == nil {
			_ = os.RemoveAll(dir)
		}
	}
	os.Exit(code)
}

func buildBinaries(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("runs separate processes; left out with -short")
	}
	built.Store(true)
	dir, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// fixedAddress returns a TCP address for a node that must have the same one after
// a restart: on a loopback address of its own, where no other test is, and on a
// port that the system never chooses by itself.
func fixedAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		ip := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
		if runtime.GOOS != "linux" {
			ip = "127.0.0.1" // elsewhere it is the only one
		}
		port := 10000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", ip, port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("/ip4/%s/tcp/%d", ip, port)
	}
	t.Fatal("no address is free")
	return ""
}

// checkListen refuses to start a node that could collide with another test, or
// be reached from elsewhere.
func checkListen(t *testing.T, dir string) {
	t.Helper()
	cfg, err := node.LoadConfig(filepath.Join(dir, configFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range cfg.Network.Listen {
		if ok, err := onLoopback([]string{l}); !ok || fixedPort.MatchString(l) || err != nil {
			t.Fatalf("%s listens on %s, %v: a test listens on loopback, on free ports", dir, l, err)
		}
	}
}

// process is one running camswarmd.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	log *bytes.Buffer
	end chan error
}

// startNode starts camswarmd on a provisioned directory.
func startNode(t *testing.T, bin, dir string) *process {
	t.Helper()
	checkListen(t, dir)
	p := &process{t: t, log: &bytes.Buffer{}, end: make(chan error, 1)}
	p.cmd = exec.Command(filepath.Join(bin, "camswarmd"), "--config", filepath.Join(dir, configFile))
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.end <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			<-p.end
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", dir, p.log)
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	<-p.end
}

// stop is SIGTERM; the node must end by itself and well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := <-p.end; err != nil {
		p.t.Errorf("camswarmd ended with %v after SIGTERM", err)
	}
}

// unlocked reports whether no process runs on a state directory.
func unlocked(t *testing.T, state string) bool {
	t.Helper()
	f, err := os.Open(filepath.Join(state, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// script runs bash -eu in a directory with our binaries first in PATH, in a
// process group of its own that is killed when the test ends or takes too long.
func script(t *testing.T, bin, dir, text string, limit time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("not done after %v: %w", limit, err)
		}
		logs, _ := filepath.Glob(filepath.Join(dir, "*", "log"))
		var all strings.Builder
		for _, l := range logs {
			data, _ := os.ReadFile(l)
			fmt.Fprintf(&all, "--- %s\n%s", l, data)
		}
		t.Fatalf("%v\n%s\n%s", err, out, all.String())
	}
	return string(out)
}
