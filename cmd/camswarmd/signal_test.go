package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"camswarm/node/control"
)

// TestHangupOfAProcess sends a real SIGHUP to a process of its own: it lives, and
// its limits are those of the changed configuration.
func TestHangupOfAProcess(t *testing.T) {
	const mark = "CAMSWARMD_TEST_CONFIG"
	if path := os.Getenv(mark); path != "" {
		os.Args = []string{"camswarmd", "--config", path}
		main()
	}
	path := writeConfig(t, config)
	name := filepath.Join(t.TempDir(), "notify")
	conn := listenNotify(t, name)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), mark+"="+path, "NOTIFY_SOCKET="+name)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	if got := receive(t, conn); got != "READY=1" {
		t.Fatalf("notification %q", got)
	}
	if err := os.WriteFile(path, []byte(config+"\n[exchange]\nupload_limit = \"64kB/s\"\nmode = \"leech\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	log, taken := bufio.NewScanner(stderr), false
	for !taken && log.Scan() {
		taken = strings.Contains(log.Text(), "SIGHUP: limits, mode, politeness and the gateway's rate are those of the configuration")
	}
	if !taken {
		t.Fatal("the process ended, or closed its log, without a word about SIGHUP")
	}
	c, err := control.Dial(filepath.Join(filepath.Dir(path), "state", control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if s, err := c.Status(t.Context()); err != nil || s.Limits.UploadLimit != 64_000 || s.Limits.Mode != "leech" {
		t.Errorf("limits %+v, %v", s.Limits, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	last := ""
	for log.Scan() { // so that it can write its last lines
		last = log.Text()
	}
	if !strings.Contains(last, "msg=stopped") || !strings.Contains(last, "terminated") {
		t.Errorf("the last line of the log is %q, not why it stopped", last)
	}
	err, ended = cmd.Wait(), true
	if err != nil {
		t.Errorf("ended with %v after SIGTERM", err)
	}
}
