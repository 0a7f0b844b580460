// Package hooks_test runs the install hooks as a node does, with BusyBox's shell and
// tools, and with the real RAUC, SWUpdate, update modules of Mender and environment of
// U-Boot.
package hooks_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"camswarm/node/install"
	"camswarm/sim/approved"
	"camswarm/verify"
)

// need fails a test where a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%v; .ci/run deploy installs it", err)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// command runs a program and returns what it wrote to standard output.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String()
}

// A device has a hook with its settings, two slots, a boot loader, and programs of
// BusyBox alone beside those that a hook is for.
type device struct {
	t    *testing.T
	dir  string
	hook string // "ab" or "mender"
	feed install.Feed
	boot loader
	path string
}

// A loader is the boot loader of a device.
type loader interface {
	// start returns the slot that is started next; comesUp says whether a new one
	// does, or ends in a panic each time.
	start(comesUp bool) string
	// next is the slot that would be started now.
	next() string
	settings() string
}

// newDevice makes a device that runs slot a.
func newDevice(t *testing.T, hook string, boot func(*device) loader, settings string) *device {
	t.Helper()
	if os.Getenv("CAMSWARM_DEPLOY") == "" {
		t.Skip("hooks are tried as root, with real tools, by .ci/run deploy")
	}
	need(t, "busybox")
	d := &device{t: t, dir: t.TempDir(), hook: hook, path: filepath.Join(t.TempDir(), "bin")}
	must(t, os.Mkdir(d.path, 0o755))
	busybox, err := exec.LookPath("busybox")
	must(t, err)
	for _, applet := range strings.Fields(command(t, d.dir, busybox, "--list")) {
		must(t, os.Symlink(busybox, filepath.Join(d.path, applet)))
	}
	for slot, text := range map[string]string{"slot-a": "the first firmware", "slot-b": ""} {
		must(t, os.WriteFile(d.file(slot), append([]byte(text), make([]byte, 1<<20)...), 0o600))
	}
	if boot != nil {
		d.boot = boot(d)
		settings += d.boot.settings()
	}
	settings += fmt.Sprintf("\nSTATE=%s\nBOOT_ID=%s\nCMDLINE=%s\nRUNNING_A=slot=a\nRUNNING_B=slot=b\n", d.file("state"), d.file("boot_id"), d.file("cmdline"))
	must(t, os.WriteFile(d.file("conf"), []byte(strings.ReplaceAll(settings, "DIR", d.dir)), 0o600))
	d.runs("a")
	return d
}

func (d *device) file(name string) string { return filepath.Join(d.dir, name) }

func (d *device) read(name string) string {
	d.t.Helper()
	data, err := os.ReadFile(d.file(name))
	must(d.t, err)
	return strings.TrimSpace(string(data))
}

// add gives the device a program of the machine.
func (d *device) add(programs ...string) {
	d.t.Helper()
	need(d.t, programs...)
	for _, p := range programs {
		path, err := exec.LookPath(p)
		must(d.t, err)
		_ = os.Remove(filepath.Join(d.path, p))
		must(d.t, os.Symlink(path, filepath.Join(d.path, p)))
	}
}

// script gives the device a program.
func (d *device) script(name, text string) {
	d.t.Helper()
	_ = os.Remove(filepath.Join(d.path, name))
	must(d.t, os.WriteFile(filepath.Join(d.path, name), []byte("#!"+filepath.Join(d.path, "sh")+"\n"+text), 0o755))
}

var boots atomic.Int64

// runs makes a slot the one that runs, after a boot.
func (d *device) runs(slot string) {
	d.t.Helper()
	must(d.t, os.WriteFile(d.file("cmdline"), []byte("console=ttyS0 slot="+slot+" quiet\n"), 0o600),
		os.WriteFile(d.file("boot_id"), fmt.Appendf(nil, "%d\n", boots.Add(1)), 0o600))
}

// restart boots the device.
func (d *device) restart(comesUp bool) string {
	d.t.Helper()
	slot := d.boot.start(comesUp)
	d.runs(slot)
	return slot
}

// argv is the hook's command line.
func (d *device) argv() []string {
	hook, err := filepath.Abs(d.hook)
	must(d.t, err)
	return []string{filepath.Join(d.path, "env"), "PATH=" + d.path, filepath.Join(d.path, "sh"), hook, d.file("conf")}
}

// installer runs the hook as a node does.
func (d *device) installer() *install.ExecInstaller {
	return &install.ExecInstaller{Command: d.argv(), Feed: d.feed}
}

// run runs the hook by itself, with an image's first bytes on standard input.
func (d *device) run(action string, img *verify.Image, stdin []byte) ([]byte, error) {
	argv := append(d.argv(), action)
	cmd := exec.Command(argv[0], argv[1:]...)
	rel := img.Release()
	cmd.Env = []string{"CAMSWARM_ACTION=" + action, fmt.Sprint("CAMSWARM_SEQUENCE=", rel.Sequence), "CAMSWARM_VERSION=" + rel.Version,
		fmt.Sprint("CAMSWARM_IMAGE_SIZE=", rel.ImageSize), fmt.Sprintf("CAMSWARM_IMAGE_SHA256=%x", rel.ImageSHA256)}
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd.CombinedOutput()
}

// holds reports whether a slot begins with the bytes.
func (d *device) holds(slot string, data []byte) bool {
	d.t.Helper()
	got, err := os.ReadFile(d.file("slot-" + slot))
	must(d.t, err)
	return bytes.HasPrefix(got, data)
}

// imageOf takes a file the whole way to a verified image.
func imageOf(t *testing.T, sequence uint64, path string) *verify.Image {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	stat, err := f.Stat()
	must(t, err)
	rel, err := approved.Release(sequence, f)
	must(t, err)
	img, err := rel.CheckImage(f, stat.Size())
	must(t, err)
	return img
}

// image makes an image of bytes that differ by release.
func (d *device) image(sequence uint64) (*verify.Image, []byte) {
	d.t.Helper()
	data := firmware(sequence)
	path := d.file(fmt.Sprintf("image-%d", sequence))
	must(d.t, os.WriteFile(path, data, 0o600))
	return imageOf(d.t, sequence, path), data
}

func firmware(sequence uint64) []byte {
	data := make([]byte, 200_000)
	for i := range data {
		data[i] = byte(i*7) ^ byte(i>>8) ^ byte(sequence)
	}
	return data
}
