package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"camswarm/cmd/internal/cli"
	"camswarm/verify"
)

// The honest release reaches every camera in hostile company, nothing else is
// installed, and each attack was really tried and is counted by what stopped it.
func TestHostileDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a whole deployment; left out with -short")
	}
	report := facts[demoReport](t, "demo", "--hostile", "--cameras", "3")
	if !report.OK || len(report.Releases) != 2 || report.Releases[1].Installed != 3 {
		t.Errorf("%+v", report)
	}
	missing := map[string]bool{
		verify.AttackArbitrary: true, verify.AttackKeyCompromise: true, verify.AttackWrongSoftware: true, verify.AttackFastForward: true,
		verify.AttackRollback: true, "gossip_replay": true, "gossip_flood": true, "rpc_single_liar": true, "poisoned_peer": true, "drop_request": true,
		"rpc_one_time_liar": true, "denial_of_service": true, "fleet_listing": true,
	}
	for _, a := range report.Attacks {
		delete(missing, a.Name)
		if a.Tried == 0 || a.StoppedBy[0].Count == 0 {
			t.Errorf("%s: tried %d times, stopped by %+v", a.Name, a.Tried, a.StoppedBy)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no report on %v", missing)
	}
}

// An image that was not published is noticed in the slot of a camera.
func TestForeignImageIsNoticed(t *testing.T) {
	c := newCompany(&demo{})
	c.published[[32]byte{1}] = true
	path := t.TempDir() + "/firmware.img"
	if err := generateImage(path, 1); err != nil {
		t.Fatal(err)
	}
	c.inspect("camera-1", path)
	if len(c.foreign) != 1 {
		t.Errorf("%v", c.foreign)
	}
	sum, err := imageDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	c.published[sum] = true
	c.inspect("camera-2", path)
	if len(c.foreign) != 1 {
		t.Errorf("%v", c.foreign)
	}
}

// TestDemoLeavesNothingBehind, however it ends: read no further, interrupted,
// interrupted twice, ended, killed.
func TestDemoLeavesNothingBehind(t *testing.T) {
	bin := buildBinaries(t)
	tmp := t.TempDir()
	left := func() []string {
		t.Helper()
		l, err := filepath.Glob(filepath.Join(tmp, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	demo := func() (*exec.Cmd, *bytes.Buffer) {
		t.Helper()
		cmd := exec.Command(filepath.Join(bin, "camswarm"), "demo", "--cameras", "1", "--timeout", "2m")
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		return cmd, &errs
	}
	// running starts a demo and returns when its network is up.
	running := func() (*exec.Cmd, *bytes.Buffer, io.Reader) {
		t.Helper()
		cmd, errs := demo()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for line := ""; !strings.Contains(line, "signers"); {
			if line, err = lines.ReadString('\n'); err != nil {
				_ = cmd.Wait()
				t.Fatalf("%v: %s", err, errs)
			}
		}
		return cmd, errs, lines
	}
	ends := func(cmd *exec.Cmd, lines io.Reader) int {
		_, _ = io.Copy(io.Discard, lines)
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}

	pipe := exec.Command("bash", "-c", `"$0" demo --cameras 1 | head -2; exit ${PIPESTATUS[0]}`, filepath.Join(bin, "camswarm"))
	pipe.Env = append(os.Environ(), "TMPDIR="+tmp)
	var errs bytes.Buffer
	pipe.Stderr = &errs
	_ = pipe.Run()
	if code := pipe.ProcessState.ExitCode(); code != cli.ExitBrokenPipe || errs.Len() > 0 || len(left()) > 0 {
		t.Errorf("| head: exit code %d, said %q, left %v", code, errs.String(), left())
	}

	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		cmd, errs, lines := running()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if got := ends(cmd, lines); got != code || errs.String() != "camswarm: interrupted\n" || len(left()) > 0 {
			t.Errorf("%v: exit code %d, said %q, left %v", signal, got, errs.String(), left())
		}
	}

	cmd, _, lines := running()
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // two signals at once are one
	}
	if code := ends(cmd, lines); code != 130 || len(left()) > 0 {
		t.Errorf("twice: exit code %d, left %v", code, left())
	}

	// Nothing can be done when it is killed; the next one does it, and leaves a
	// running one alone.
	killed, _, lines := running()
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ends(killed, lines)
	old := left()
	if len(old) != 1 { // else the test looks in the wrong place
		t.Fatalf("a killed demo left %v", old)
	}
	first, _, firstLines := running()
	second, _, secondLines := running()
	if now := left(); len(now) != 2 || slices.Contains(now, old[0]) {
		t.Errorf("a killed demo left %v, beside two that run there are %v", old, now)
	}
	for _, p := range []struct {
		cmd   *exec.Cmd
		lines io.Reader
	}{{first, firstLines}, {second, secondLines}} {
		if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		ends(p.cmd, p.lines)
	}
	if len(left()) > 0 {
		t.Errorf("left at the end: %v", left())
	}
}
