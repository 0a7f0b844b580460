package p2p

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// inNetworkNamespace runs the test once more in a process of its own that has a
// network of its own, and reports whether this is that process. It skips the test
// where that is not allowed.
func inNetworkNamespace(t *testing.T) bool {
	t.Helper()
	const mark = "CAMSWARM_TEST_NETWORK"
	if os.Getenv(mark) != "" {
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip of iproute2")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skipf("this machine gives out no network namespace: %v", err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out.String())
	}
	return false
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestAddressThatComesAfterTheNodeIsBound gives a machine its address while a node
// runs: TCP and QUIC are bound, and QUIC also when the clock is set only then.
func TestAddressThatComesAfterTheNodeIsBound(t *testing.T) {
	if !inNetworkNamespace(t) {
		return
	}
	ip(t, "link", "set", "lo", "up")
	var log lines
	n := newNet(t, netConfig(RoleCamera, notOurs...), Options{Logger: log.logger()})
	runNet(t, n)
	var set atomic.Bool
	early := newNet(t, netConfig(RoleCamera, strings.ReplaceAll(notOurs[1], "14417", "14418")), Options{Now: func() time.Time {
		if set.Load() {
			return time.Now()
		}
		return time.Unix(77, 0)
	}})
	early.clockCheck = time.Millisecond
	runNet(t, early)
	if got := early.Status().Awaited; len(got) != 0 {
		t.Errorf("QUIC is waited for although the clock is not set: %+v", got)
	}
	set.Store(true)
	await(t, "QUIC, though without its address", func() bool { return len(early.Status().Awaited) == 1 })

	ip(t, "address", "add", "192.0.2.1/32", "dev", "lo")
	await(t, "all are bound", func() bool { return len(n.Status().Awaited)+len(early.Status().Awaited) == 0 })
	if got := n.Status().Listen; !slices.Contains(got, notOurs[0]) || !slices.Contains(got, notOurs[1]) {
		t.Errorf("listens on %v", got)
	}
	for _, a := range notOurs {
		await(t, "the log to say so", func() bool { return log.count("has the address now", a) > 0 })
		if log.count("does not have the address yet", a) != 1 || log.count("has the address now", a) != 1 {
			t.Errorf("the log does not say once that %s was waited for, and once that it is there", a)
		}
	}
	for _, to := range []*Network{n, early} {
		await(t, "its address is told", func() bool { return len(to.Status().Addrs) > 0 })
		if err := connectNets(t, newNet(t, netConfig(RoleCamera)), to); err != nil {
			t.Errorf("%v cannot be dialled: %v", to.Status().Listen, err)
		}
	}
}
