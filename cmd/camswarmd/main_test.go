package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"camswarm/node"
	"camswarm/node/control"
	"camswarm/swarm/p2p"
)

// config is a camera whose chain endpoint does not exist: it must run all the
// same, and wait.
const config = `role = "camera"
state_dir = "state"
[network]
listen = ["/ip4/127.0.0.1/tcp/0"]
mdns = false
dht = false
[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
[product.chain]
chain_id = 31337
registry = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
[[product.chain.endpoints]]
url = "http://127.0.0.1:1"
`

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "camswarmd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// noEnv is an environment without variables, where GOGC and GOMEMLIMIT are set
// so that no test changes this process.
func noEnv(name string) string {
	if name == "GOGC" || name == "GOMEMLIMIT" {
		return "off"
	}
	return ""
}

func TestBadInputIsOneLineWithAnExitCodeOfItsOwn(t *testing.T) {
	good := writeConfig(t, config)
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"--config", writeConfig(t, strings.Replace(config, `"state"`, `"/`+strings.Repeat("x", 100)+`"`, 1)), "--check"}, "shorter state_dir"},
		{[]string{"--config", writeConfig(t, config+"\n[install]\ncommand = \"/no/such/hook\"\n"), "--check"}, "/no/such/hook"},
		{[]string{"--config", writeConfig(t, config+"\n[install]\ncommand = \"/etc/passwd\"\n"), "--check"}, "/etc/passwd"},
		{nil, "--config"},
		{[]string{"--bogus"}, "bogus"},
		{[]string{"--config", good, "extra"}, "extra"},
		{[]string{"--config", good, "--log-format", "xml"}, "xml"},
		{[]string{"--config", good, "--log-level", "loud"}, "loud"},
		{[]string{"--config", filepath.Join(t.TempDir(), "absent.toml")}, "no such file"},
		{[]string{"--config", writeConfig(t, "role = \"boss\"\n"), "--check"}, "boss"},
		{[]string{"--config", writeConfig(t, config+"\n[exchange]\nup_limit = 3\n"), "--check"}, "up_limit"},
		{[]string{"--config", writeConfig(t, strings.Replace(config, "threshold = 1", "threshold = 2", 1)), "--check"}, "threshold"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), tc.args, noEnv, &stdout, &stderr)
		line := strings.TrimSuffix(stderr.String(), "\n")
		want := exitUsage
		if len(tc.args) > 0 && (tc.args[len(tc.args)-1] == "--check" || tc.says == "no such file") {
			want = exitConfig
		}
		if code != want || !strings.HasPrefix(line, "camswarmd: ") || strings.Contains(line, "\n") || !strings.Contains(line, tc.says) {
			t.Errorf("camswarmd %q: exit code %d, %q; want %d and one line that says %q", tc.args, code, line, want, tc.says)
		}
	}
}

func TestCheckVersionAndHelpStartNothing(t *testing.T) {
	path := writeConfig(t, config)
	for _, args := range [][]string{{"--config", path, "--check"}, {"--version"}, {"--help"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, noEnv, &stdout, &stderr); code != exitOK || stdout.Len() == 0 || stderr.Len() != 0 {
			t.Errorf("camswarmd %q: exit code %d, stdout %q, stderr %q", args, code, stdout.String(), stderr.String())
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(path), "state")); err == nil {
		t.Error("--check made a state directory")
	}
}

// A limit that is too low is told and refused by nothing, since a device may have it from
// an earlier version.
func TestCheckTellsOfLimitsTooLow(t *testing.T) {
	path := writeConfig(t, config+"\n[exchange]\nupload_limit = \"32kbit/s\"\n")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--config", path, "--check"}, noEnv, &stdout, &stderr); code != exitOK || !strings.Contains(stderr.String(), "exchange.upload_limit is 4kB/s and counts as 8kB/s") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// --check refuses a state directory that cannot be one.
func TestCheckOfAStateDirectoryThatIsAFile(t *testing.T) {
	path := writeConfig(t, config)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "state"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--config", path, "--check"}, noEnv, &stdout, &stderr); code != exitConfig || !strings.Contains(stderr.String(), "state_dir") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// --check opens every file that the configuration names, and says what is wrong with
// each; of the sample it says who fills it in.
func TestCheckOpensEveryFile(t *testing.T) {
	check := func(path string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"--config", path, "--check"}, noEnv, &stdout, &stderr); code != exitConfig || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
		}
		return stderr.String()
	}
	path := writeConfig(t, strings.NewReplacer("dht = false", "dht = false\nmembership = \"member.cred\"",
		"threshold = 1", "threshold = 1\nrotations = [\"rotation-1.cbor\"]").Replace(config)+"\n[install]\ncommand = \"/no/such/hook\"\n")
	dir := filepath.Dir(path)
	for name, text := range map[string]string{"member.cred": "nonsense", "rotation-1.cbor": "nonsense", "state/identity.key": "nonsense"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said := check(path)
	for _, want := range []string{"network.membership", "member.cred", "rotation-1.cbor", "identity.key", "/no/such/hook"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing is said of %s: %s", want, said)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "member.cred"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said := check(path); !strings.Contains(said, "chmod 600") {
		t.Errorf("a membership that others can read: %s", said)
	}
	if said := check("../../deploy/camswarmd.toml"); !strings.Contains(said, "camswarm provision") {
		t.Errorf("of the sample: %s", said)
	}
}

// listenNotify is the service manager's end of sd_notify.
func listenNotify(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	buf := make([]byte, 256)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

// TestServiceManagerSeesReadyWatchdogAndStopping runs a whole node whose chain is
// unreachable: ready means that it answers, and a node without a quorum is alive.
func TestServiceManagerSeesReadyWatchdogAndStopping(t *testing.T) {
	path := writeConfig(t, config)
	name := filepath.Join(t.TempDir(), "notify")
	conn := listenNotify(t, name)
	env := map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "300000", "GOGC": "off", "GOMEMLIMIT": "off"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// A file, as in real life: pubsub may write its last line after Run has
	// returned.
	stderr, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stderr.Close() }()
	var code int
	var wg sync.WaitGroup
	wg.Go(func() {
		code = run(ctx, []string{"--config", path, "--log-format", "json"}, func(k string) string { return env[k] }, io.Discard, stderr)
	})
	if got := receive(t, conn); got != "READY=1" {
		t.Errorf("first notification %q", got)
	}
	if got := receive(t, conn); got != "WATCHDOG=1" {
		t.Errorf("second notification %q", got)
	}
	cancel()
	got := receive(t, conn)
	for got == "WATCHDOG=1" {
		got = receive(t, conn)
	}
	if got != "STOPPING=1" {
		t.Errorf("last notification %q", got)
	}
	wg.Wait()
	log, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	if code != exitOK {
		t.Errorf("exit code %d after a signal\n%s", code, log)
	}
	for line := range strings.Lines(string(log)) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("--log-format json wrote %q", line)
		}
	}
}

// TestSecondProcessOnOneStateDirectoryIsRefused: two would corrupt each other.
func TestSecondProcessOnOneStateDirectoryIsRefused(t *testing.T) {
	path := writeConfig(t, config)
	name := filepath.Join(t.TempDir(), "notify")
	conn := listenNotify(t, name)
	env := func(k string) string {
		if k == "NOTIFY_SOCKET" {
			return name
		}
		return noEnv(k)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { run(ctx, []string{"--config", path}, env, io.Discard, io.Discard) })
	defer wg.Wait()
	defer cancel()
	if got := receive(t, conn); got != "READY=1" {
		t.Fatalf("notification %q", got)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"--config", path}, noEnv, io.Discard, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "another process") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

// TestWatchdogIsNotFedByANodeThatDoesNotAnswer: a livelocked node looks online
// and must be restarted.
func TestWatchdogIsNotFedByANodeThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var all []string
		sent := func() []string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		n := notifier{watchdog: 30 * time.Second, deliver: func(state string) error {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, state)
			return nil
		}}
		var hung atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.watch(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context) error {
				if hung.Load() {
					<-ctx.Done()
					return errors.New("no answer")
				}
				return nil
			})
		}()
		time.Sleep(65 * time.Second)
		healthy := sent()
		if len(healthy) < 5 || healthy[0] != "READY=1" || healthy[1] != "WATCHDOG=1" {
			t.Errorf("a healthy node sent %v", healthy)
		}
		hung.Store(true)
		time.Sleep(10 * time.Minute)
		if got := sent(); len(got) > len(healthy) {
			t.Errorf("a hung node sent %v", got[len(healthy):])
		}
		hung.Store(false)
		time.Sleep(30 * time.Second)
		if len(sent()) == len(healthy) {
			t.Error("a node that recovered does not feed the watchdog")
		}
		cancel()
		<-done
	})
}

func TestWatchdogOfAnotherProcessIsIgnored(t *testing.T) {
	env := map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
	if n := newNotifier(func(k string) string { return env[k] }); n.watchdog != 0 {
		t.Errorf("watchdog %v", n.watchdog)
	}
	delete(env, "WATCHDOG_PID")
	if n := newNotifier(func(k string) string { return env[k] }); n.watchdog != time.Second {
		t.Errorf("watchdog %v", n.watchdog)
	}
}

func TestMemoryFollowsTheDeviceUnlessTheEnvironmentSays(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	gogc := debug.SetGCPercent(100)
	procs := runtime.GOMAXPROCS(4)
	defer func() {
		runtime.GOMAXPROCS(procs)
		debug.SetMemoryLimit(before)
		debug.SetGCPercent(gogc)
	}()
	limit := func(memory, env string) int64 {
		t.Helper()
		debug.SetMemoryLimit(before)
		runtime.GOMAXPROCS(4)
		cfg := p2p.DefaultConfig()
		cfg.Memory = memory
		err := setMemory(cfg, func(k string) string {
			if k == "GOMEMLIMIT" || k == "GOMAXPROCS" {
				return env
			}
			return ""
		})
		if err != nil {
			t.Fatal(err)
		}
		return debug.SetMemoryLimit(-1)
	}
	for memory, want := range map[string]int64{"64MB": 24 << 20, "128MB": 48 << 20, "": 48 << 20, "256MB": 96 << 20, "large": before} {
		if got := limit(memory, ""); got/(1<<20) != want/(1<<20) && want-got > 1<<20 {
			t.Errorf("memory %q: heap limit %d, want %d", memory, got, want)
		}
		if got, one := runtime.GOMAXPROCS(0), want <= 48<<20; got != 1 && one || got != 4 && !one {
			t.Errorf("memory %q: %d processors", memory, got)
		}
	}
	if got := limit("64MB", "100MiB"); got != before {
		t.Errorf("GOMEMLIMIT in the environment was overruled: %d", got)
	}
	if got := runtime.GOMAXPROCS(0); got != 4 {
		t.Errorf("GOMAXPROCS in the environment was overruled: %d", got)
	}
}

type writeFunc func([]byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// TestHangupTakesOverLimits: SIGHUP changes what can change while a node runs, says
// what cannot, and a configuration that is wrong changes nothing.
func TestHangupTakesOverLimits(t *testing.T) {
	path := writeConfig(t, config)
	running, err := node.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	hup, set, said := make(chan os.Signal), make(chan node.Config, 3), make(chan struct{}, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		reloadOn(ctx, hup, path, running, func(c node.Config) (control.Limits, error) {
			set <- c
			return control.Limits{UploadLimit: c.Exchange.UploadLimit, DownloadLimit: c.Exchange.DownloadLimit, Mode: c.Exchange.Mode}, nil
		}, slog.New(slog.NewTextHandler(writeFunc(func(p []byte) (int, error) {
			defer func() { said <- struct{}{} }()
			return log.Write(p)
		}), nil)))
	}()
	for _, text := range []string{"rol = 1", config + "\n[exchange]\nupload_limit = \"64kB/s\"\nmode = \"leech\"\n[install]\nwindow = \"01:00-02:00\"\n", config} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		hup <- syscall.SIGHUP
		if text == "rol = 1" {
			<-said // it has been read, and refused
			continue
		}
		<-set
	}
	cancel()
	<-done
	for _, says := range []string{"nothing is taken over", "uploadLimit=64kB/s", "uploadLimit=unlimited", "mode=leech", "settings=[install]"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %q:\n%s", says, log.String())
		}
	}
	if strings.Count(log.String(), "wait for the next start") != 1 {
		t.Errorf("settings that are as they were wait for the next start:\n%s", log.String())
	}
}
