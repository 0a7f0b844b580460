package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"camswarm/verify"
)

// within polls until ok or the test's patience ends.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func contains(path, text string) func() bool {
	return func() bool {
		data, _ := os.ReadFile(path)
		return strings.Contains(string(data), text)
	}
}

// oldHooks are hooks that write into the file slot until they are ended, in the
// ways in which programs come to outlive those who started them.
var oldHooks = map[string]string{
	"plain":            `while :; do echo old >> slot; sleep 0.01; done`,
	"a child writes":   `(while :; do echo old >> slot; sleep 0.01; done) & wait`,
	"ignores SIGTERM":  `trap '' TERM; while :; do echo old >> slot; sleep 0.01; done`,
	"daemon":           `setsid sh -c 'trap "" TERM HUP; while :; do echo old >> slot; sleep 0.01; done' <&- >/dev/null 2>&1 & wait`,
	"closes the lock":  `exec 3>&-; (while :; do echo old >> slot; sleep 0.01; done) & wait`,
	"daemon, no lock":  `setsid sh -c 'while :; do echo old >> slot; sleep 0.01; done' 3>&- <&- >/dev/null 2>&1 & wait`,
	"daemon, no mark":  `env -i PATH="$PATH" setsid sh -c 'while :; do echo old >> slot; sleep 0.01; done' <&- >/dev/null 2>&1 & wait`,
	"reads all before": `cat > /dev/null; while :; do echo old >> slot; sleep 0.01; done`,
}

// endAllIn ends what a failed test leaves running in a directory.
func endAllIn(dir string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && at == dir {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestHookNodeChild is the node that TestKilledNodesHookIsEndedBeforeTheNext
// kills.
func TestHookNodeChild(t *testing.T) {
	dir := os.Getenv("HOOK_CHILD_DIR")
	if dir == "" {
		t.Skip("runs only as the child of another test")
	}
	h := hook(dir, os.Getenv("HOOK_CHILD_SCRIPT"))
	h.StateDir = dir
	t.Fatal(h.Install(t.Context(), verifiedImage(t, 1, firmwareBytes(1, 100_000))))
}

// TestKilledNodesHookIsEndedBeforeTheNext: a node that is killed leaves a hook
// that goes on writing; the next node's hook never writes beside it.
func TestKilledNodesHookIsEndedBeforeTheNext(t *testing.T) {
	for name, script := range oldHooks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			defer endAllIn(dir)
			node := exec.Command(os.Args[0], "-test.run=^TestHookNodeChild$")
			node.Env = append(os.Environ(), "HOOK_CHILD_DIR="+dir, "HOOK_CHILD_SCRIPT="+script)
			node.Stderr = os.Stderr
			fatal(t, node.Start())
			slot := filepath.Join(dir, "slot")
			within(t, "the first hook writes", contains(slot, "old"))
			fatal(t, node.Process.Kill())
			_ = node.Wait()

			next := hook(dir, `cat > /dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do echo new >> slot; sleep 0.01; done`)
			next.StateDir = dir
			fatal(t, next.Install(t.Context(), verifiedImage(t, 2, firmwareBytes(2, 100_000))))
			data, err := os.ReadFile(slot)
			fatal(t, err)
			_, after, ok := strings.Cut(string(data), "new\n")
			if !ok || strings.Contains(after, "old") {
				t.Errorf("both hooks wrote at once: %q", after)
			}
			if fileExists(filepath.Join(dir, hookRunning)) {
				t.Error("the record of a hook that ended stays")
			}
		})
	}
}

// TestStoppedHookIsEndedWhole: what the node stops is ended with all that belongs
// to it.
func TestStoppedHookIsEndedWhole(t *testing.T) {
	for name, script := range oldHooks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			defer endAllIn(dir)
			h := hook(dir, script)
			h.StateDir = dir
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				within(t, "the hook writes", contains(filepath.Join(dir, "slot"), "old"))
			}()
			if err := h.Install(ctx, verifiedImage(t, 1, firmwareBytes(1, 100_000))); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			fatal(t, os.Remove(filepath.Join(dir, "slot")))
			time.Sleep(100 * time.Millisecond)
			if fileExists(filepath.Join(dir, "slot")) {
				t.Error("something of the hook still writes")
			}
		})
	}
}

func TestHooksOfOneInstallerRunOneByOne(t *testing.T) {
	dir := t.TempDir()
	h := hook(dir, `echo "begin $1" >> log; sleep 0.05; echo "end $1" >> log`)
	h.StateDir = dir
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { _, _ = h.Confirm(t.Context(), verify.Release{Sequence: 1}) })
		all.Go(func() { _ = h.Rollback(t.Context(), verify.Release{Sequence: 1}) })
	}
	all.Wait()
	data, err := os.ReadFile(filepath.Join(dir, "log"))
	fatal(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 12 {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i := 0; i < len(lines); i += 2 {
		if !strings.HasPrefix(lines[i], "begin") || lines[i+1] != "end"+strings.TrimPrefix(lines[i], "begin") {
			t.Errorf("hooks ran at once: %q", lines)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.busy <- struct{}{}
	if err := h.Rollback(ctx, verify.Release{Sequence: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for another: %v", err)
	}
	<-h.busy
}

// TestWhatAHookLeavesIsWaitedForThenEnded: a process that keeps descriptor 3 holds
// the next hook up for a time, one that closed it does not and stays.
func TestWhatAHookLeavesIsWaitedForThenEnded(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	h := hook(dir, `case $1 in
rollback) setsid sleep 1000 >/dev/null 2>&1 & echo $! > keeps; setsid sh -c 'echo $$ > closes; exec sleep 1000' 3>&- >/dev/null 2>&1 & until [ -s closes ]; do sleep 0.01; done; sleep 0.2 >/dev/null 2>&1 & ;;
esac`)
	h.StateDir, h.linger, h.Logger = dir, 50*time.Millisecond, slog.New(slog.NewTextHandler(&log, nil))
	pid := func(name string) int {
		data, err := os.ReadFile(filepath.Join(dir, name))
		fatal(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(string(data)))
		fatal(t, err)
		return n
	}
	fatal(t, h.Rollback(t.Context(), verify.Release{Sequence: 1}))
	keeps, closes := pid("keeps"), pid("closes")
	defer func() { _ = syscall.Kill(closes, syscall.SIGKILL) }()
	if !alive(keeps) || !alive(closes) {
		t.Fatal("what a hook left when it exited was ended at once")
	}
	if outcome, err := h.Confirm(t.Context(), verify.Release{Sequence: 1}); outcome != Confirmed || err != nil {
		t.Errorf("%v, %v", outcome, err)
	}
	if alive(keeps) {
		t.Error("a process that holds the lock runs beside the next hook")
	}
	if !alive(closes) {
		t.Error("a process that closed descriptor 3 was ended")
	}
	for _, says := range []string{"waits for them", "ending what", strconv.Itoa(keeps)} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q:\n%s", says, log.String())
		}
	}
}

// TestAnotherProcessIsNeverTakenForAHook: a number in a record may be somebody
// else's by now.
func TestAnotherProcessIsNeverTakenForAHook(t *testing.T) {
	bystander := exec.Command("sleep", "1000")
	bystander.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	fatal(t, bystander.Start())
	reaped := make(chan struct{}) // one waiter: a child nobody waits for stays, as a zombie
	go func() { defer close(reaped); _ = bystander.Wait() }()
	defer func() { _ = bystander.Process.Kill(); <-reaped }()
	pid := bystander.Process.Pid
	for name, r := range map[string]runRecord{
		"started at another time": {Boot: bootID(), Token: strings.Repeat("0", 32), Group: pid, Start: startOf(pid) + 1},
		"start not known":         {Boot: bootID(), Token: strings.Repeat("0", 32), Group: pid},
		"another boot":            {Boot: "another", Token: strings.Repeat("0", 32), Group: pid, Start: startOf(pid)},
		"no boot":                 {Token: strings.Repeat("0", 32), Group: pid, Start: startOf(pid)},
		"not started":             {Boot: bootID(), Token: strings.Repeat("0", 32)},
		"no token (not ours)":     {Boot: bootID(), Group: pid, Start: startOf(pid)},
		"a group of everything":   {Boot: bootID(), Token: strings.Repeat("0", 32), Group: 1, Start: startOf(1)},
		"a negative group":        {Boot: bootID(), Token: strings.Repeat("0", 32), Group: -pid, Start: startOf(pid)},
	} {
		dir := t.TempDir()
		fatal(t, r.save(dir))
		h := hook(dir, "exit 0")
		h.StateDir = dir
		if outcome, err := h.Confirm(t.Context(), verify.Release{Sequence: 1}); outcome != Confirmed || err != nil {
			t.Errorf("%s: %v, %v", name, outcome, err)
		}
		if !alive(pid) {
			t.Fatalf("%s: somebody else's process was ended", name)
		}
	}

	// A file that cannot be a record holds nobody up, and the lock's file may be
	// open elsewhere, as by a backup.
	for _, text := range []string{"", "{}", "null", `{"boot":"x"}`, "\x00\xff", strings.Repeat("x", 2*maxRunRecord)} {
		dir := t.TempDir()
		fatal(t, os.WriteFile(filepath.Join(dir, hookRunning), []byte(text), 0o600))
		reader, err := openLock(filepath.Join(dir, hookLock))
		fatal(t, err)
		backup := exec.Command("sleep", "1000")
		backup.ExtraFiles = []*os.File{reader}
		fatal(t, backup.Start())
		h := hook(dir, "exit 0")
		h.StateDir = dir
		if outcome, err := h.Confirm(t.Context(), verify.Release{Sequence: 1}); outcome != Confirmed || err != nil {
			t.Errorf("record %q: %v, %v", text, outcome, err)
		}
		if !alive(backup.Process.Pid) {
			t.Errorf("record %q: whoever had the lock's file open was ended", text)
		}
		_, _, _ = backup.Process.Kill(), backup.Wait(), reader.Close()
	}

	// The hook of the record itself is ended.
	dir := t.TempDir()
	fatal(t, runRecord{Boot: bootID(), Token: strings.Repeat("0", 32), Group: pid, Start: startOf(pid)}.save(dir))
	h := hook(dir, "exit 0")
	h.StateDir = dir
	if outcome, err := h.Confirm(t.Context(), verify.Release{Sequence: 1}); outcome != Confirmed || err != nil || alive(pid) {
		t.Errorf("%v, %v, alive %v", outcome, err, alive(pid))
	}
}

// TestLockThatCannotBeTaken: without the lock no hook starts, and a link in its
// place is not followed.
func TestLockThatCannotBeTaken(t *testing.T) {
	dir := t.TempDir()
	absent := hook(dir, "echo ran > ran")
	absent.StateDir = filepath.Join(dir, "absent")
	if err := absent.Rollback(t.Context(), verify.Release{Sequence: 1}); !errors.Is(err, ErrNotStarted) || fileExists(filepath.Join(dir, "ran")) {
		t.Errorf("error %v", err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	fatal(t, os.Symlink(elsewhere, filepath.Join(dir, hookLock)))
	h := hook(dir, "echo ran > ran")
	h.StateDir = dir
	fatal(t, h.Rollback(t.Context(), verify.Release{Sequence: 1}))
	if fileExists(elsewhere) || !fileExists(filepath.Join(dir, "ran")) {
		t.Error("a link was followed, or the hook did not run")
	}
}

func FuzzRunRecord(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(`{"boot":%q,"token":%q,"group":7,"start":9,"action":"install","sequence":3}`, bootID(), strings.Repeat("0", 32))))
	f.Add([]byte(`{"group":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		fatal(t, os.WriteFile(filepath.Join(dir, hookRunning), data, 0o600))
		if r, ok := loadRun(dir, slog.New(slog.DiscardHandler)); ok && (r.Boot != bootID() || len(r.Token) != 32 || r.Group < 0 || r.Group == 1) {
			t.Errorf("accepted %+v", r)
		}
	})
}

// A link in the place of the record's temporary file leads no write astray.
func TestRecordOfARunFollowsNoLink(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	if err := errors.Join(os.WriteFile(other, []byte("mine"), 0o600), os.Symlink(other, filepath.Join(dir, hookRunning+".tmp"))); err != nil {
		t.Fatal(err)
	}
	if err := newRun("install", 1).save(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(other); err != nil || string(data) != "mine" {
		t.Errorf("the link was followed: %q, %v", data, err)
	}
	if _, ok := loadRun(dir, slog.New(slog.DiscardHandler)); !ok {
		t.Error("the record cannot be read")
	}
}
