package hooks_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"camswarm/node/install"
	"camswarm/sim/approved"
	"camswarm/verify"
)

// A way to write slots: what stands in the settings, and how an image is made whose
// installation leaves data in a slot.
type way struct {
	name  string
	cut   bool // take part in TestPowerCutAtEveryStep
	boot  func(*device) loader
	feed  install.Feed
	setup func(d *device) (settings string)
	pack  func(d *device, sequence uint64) (*verify.Image, []byte)
}

const partitions = "WRITE=block\nSLOT_A=DIR/slot-a\nSLOT_B=DIR/slot-b\n"

func ways() []way {
	flat := func(d *device, sequence uint64) (*verify.Image, []byte) { return d.image(sequence) }
	settings := func(text string) func(*device) string { return func(*device) string { return text } }
	return []way{
		{"partitions and initramfs", true, newFileLoader, "", settings(partitions), flat},
		{"partitions and initramfs by path", false, newFileLoader, install.FeedFile, settings(partitions), flat},
		{"partitions that the node writes", false, newFileLoader, install.FeedSlot, settings(partitions), intoSlot},
		{"loop devices that the node writes, and U-Boot", false, newUBoot, install.FeedSlot, loopDevices, intoSlot},
		{"loop devices and U-Boot", true, newUBoot, "", loopDevices, flat},
		{"partitions and U-Boot's own tools", false, newUBoot, "", ubootTools, flat},
		{"UBI with a stub and U-Boot", true, newUBoot, "", ubiStub, flat},
		{"NOR with stubs and U-Boot", false, newUBoot, "", norStub, flat},
		{"NAND with stubs and U-Boot", false, newUBoot, "", nandStub, flat},
		{"RAUC", true, newRAUC, "", settings(""), raucBundle},
		{"RAUC by path", false, newRAUC, install.FeedFile, settings(""), raucBundle},
		{"SWUpdate and U-Boot", true, newUBoot, install.FeedFile, swupdateSettings, swupdateImage},
	}
}

func (w way) device(t *testing.T) *device {
	t.Helper()
	var settings string
	d := newDevice(t, "ab", func(d *device) loader {
		settings = w.setup(d)
		return w.boot(d)
	}, "")
	conf := strings.ReplaceAll(settings, "DIR", d.dir) + d.read("conf") + "\n"
	must(t, os.WriteFile(d.file("conf"), []byte(conf), 0o600))
	d.feed = w.feed
	return d
}

// intoSlot writes an image as a node does with install.feed = "slot": into the slot that
// the hook names.
func intoSlot(d *device, sequence uint64) (*verify.Image, []byte) {
	d.t.Helper()
	img, data := d.image(sequence)
	path, err := d.installer().Slot(d.t.Context(), img.Release())
	must(d.t, err)
	slot, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(d.t, err)
	_, err = slot.Write(data)
	must(d.t, errors.Join(err, slot.Sync(), slot.Close()))
	source, err := install.OpenSlot(path, int64(len(data)))
	must(d.t, err)
	d.t.Cleanup(func() { _ = source.File.Close() })
	rel, err := approved.Release(sequence, bytes.NewReader(data))
	must(d.t, err)
	img, err = rel.CheckImage(source, source.Size())
	must(d.t, err)
	return img, data
}

// TestSlotIsNamedOnlyWhileNothingNeedsIt: the node may write into a slot unless it is
// the way back, waits for the restart, or runs; and the boot loader never starts what
// the node has begun to fill.
func TestSlotIsNamedOnlyWhileNothingNeedsIt(t *testing.T) {
	w := ways()[2]
	d := w.device(t)
	d.feed = install.FeedSlot
	i := d.installer()
	ask := func(seq uint64, want string) {
		t.Helper()
		img, _ := d.image(seq)
		path, err := i.Slot(t.Context(), img.Release())
		if want == "" {
			if !errors.Is(err, install.ErrTryLater) {
				t.Fatalf("slot %s was named, %v", path, err)
			}
			return
		}
		if err != nil || path != d.file("slot-"+want) {
			t.Fatalf("slot %s was named, %v; want %s", path, err, want)
		}
		if got := d.boot.next(); got == want {
			t.Fatalf("slot %s would be started while it is filled", got)
		}
	}
	ask(1, "b")
	ask(1, "b")
	img, data := intoSlot(d, 1)
	must(t, i.Install(t.Context(), img))
	ask(2, "") // it waits for the restart
	if d.restart(true) != "b" || !d.holds("b", data) {
		t.Fatal("slot b was not started, or does not hold the image")
	}
	ask(2, "") // slot a is the way back
	if got, err := i.Confirm(t.Context(), img.Release()); got != install.Confirmed || err != nil {
		t.Fatal(got, err)
	}
	ask(2, "a")
	img, _ = intoSlot(d, 2)
	must(t, i.Install(t.Context(), img))
	if d.restart(false) != "b" {
		t.Fatal("a release that does not start was kept")
	}
	if got, err := i.Confirm(t.Context(), img.Release()); got != install.Failed || err != nil {
		t.Fatal(got, err)
	}
	must(t, i.Rollback(t.Context(), img.Release()))
	ask(3, "a")

	// What is in the slot is compared with what is signed, read from there.
	img, _ = intoSlot(d, 3)
	slot, err := os.OpenFile(d.file("slot-a"), os.O_WRONLY, 0)
	must(t, err)
	_, err = slot.WriteAt([]byte("changed"), 1000)
	must(t, errors.Join(err, slot.Close()))
	argv := append(d.argv(), "install")
	cmd := exec.Command(argv[0], argv[1:]...)
	rel := img.Release()
	cmd.Env = []string{"CAMSWARM_ACTION=install", fmt.Sprint("CAMSWARM_SEQUENCE=", rel.Sequence), "CAMSWARM_SLOT=" + d.file("slot-a"),
		fmt.Sprint("CAMSWARM_IMAGE_SIZE=", rel.ImageSize), fmt.Sprintf("CAMSWARM_IMAGE_SHA256=%x", rel.ImageSHA256)}
	if out, err := cmd.CombinedOutput(); err == nil || d.boot.next() != "b" {
		t.Errorf("a slot that changed would be started: %s", out)
	}
	// Another way of writing wants a file.
	conf := d.read("conf")
	must(t, os.WriteFile(d.file("conf"), []byte(strings.Replace(conf, "WRITE=block", "WRITE=ubi", 1)), 0o600))
	if path, err := i.Slot(t.Context(), rel); err != nil || path != "" {
		t.Errorf("UBI: slot %q, %v", path, err)
	}
}

// TestSlots takes every way through an update that goes well, one that does not
// start, and one that starts and does not run well.
func TestSlots(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			d := w.device(t)
			conf := d.read("conf")
			must(t, os.WriteFile(d.file("conf"), []byte(conf+"\nHEALTHY='exit $(cat "+d.file("health")+")'\n"), 0o600))
			health := func(code int) {
				t.Helper()
				must(t, os.WriteFile(d.file("health"), fmt.Append(nil, code), 0o600))
			}
			health(0)
			i := d.installer()
			want := func(img *verify.Image, want install.Outcome) {
				t.Helper()
				if got, err := i.Confirm(t.Context(), img.Release()); got != want || err != nil {
					t.Fatalf("confirm: %v, %v; want %v", got, err, want)
				}
			}
			runs := func(slot string) {
				t.Helper()
				if got := d.boot.next(); got != slot {
					t.Fatalf("slot %s would be started next, want %s", got, slot)
				}
			}

			// It goes well.
			img, data := w.pack(d, 1)
			must(t, i.Install(t.Context(), img))
			if !d.holds("b", data) || !d.holds("a", []byte("the first firmware")) {
				t.Fatal("the slots do not hold what they should")
			}
			want(img, install.Pending) // it waits for the restart
			if slot := d.restart(true); slot != "b" {
				t.Fatalf("slot %s was started", slot)
			}
			health(75)
			want(img, install.Pending) // the device does not know yet
			health(0)
			// The node was killed before it wrote down that the install had succeeded.
			must(t, i.Install(t.Context(), img))
			if !d.holds("a", []byte("the first firmware")) {
				t.Fatal("an install that had succeeded wrote to the slot to go back to")
			}
			want(img, install.Confirmed)
			want(img, install.Confirmed)
			for range 5 {
				d.restart(false)
				runs("b") // it is not on trial any more
			}

			// It does not start.
			img, data = w.pack(d, 2)
			must(t, i.Install(t.Context(), img))
			if !d.holds("a", data) {
				t.Fatal("slot a does not hold the image")
			}
			if slot := d.restart(false); slot != "b" {
				t.Fatalf("slot %s was started", slot)
			}
			want(img, install.Failed)
			must(t, i.Rollback(t.Context(), img.Release()))
			runs("b")

			// It starts and does not run well.
			img, _ = w.pack(d, 3)
			must(t, i.Install(t.Context(), img))
			if slot := d.restart(true); slot != "a" {
				t.Fatalf("slot %s was started", slot)
			}
			health(1)
			want(img, install.Failed)
			for range 2 {
				if err := i.Rollback(t.Context(), img.Release()); !errors.Is(err, install.ErrTryLater) {
					t.Fatalf("roll-back before the restart: %v", err)
				}
			}
			if slot := d.restart(true); slot != "b" {
				t.Fatalf("slot %s was started", slot)
			}
			must(t, i.Rollback(t.Context(), img.Release()))
			must(t, i.Rollback(t.Context(), img.Release()))
			runs("b")
		})
	}
}

// TestPowerCutAtEveryStep ends an install before each command that writes, or makes
// sure of it. Whatever
// slot is started then holds a whole firmware, and installing again goes well.
func TestPowerCutAtEveryStep(t *testing.T) {
	for _, w := range ways() {
		if !w.cut {
			continue // it differs in no step
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			cuts := 0
			for done := false; !done; cuts++ {
				d := w.device(t)
				img, data := w.pack(d, 1)
				d.feed = ""
				stream, err := os.ReadFile(d.file("image-1"))
				must(t, err)
				undo := d.cutAt(cuts)
				out, err := d.run("install", img, stream)
				undo()
				switch exit := new(exec.ExitError); {
				case err == nil:
					done = true
				case errors.As(err, &exit) && exit.ExitCode() == -1: // killed
				default:
					t.Fatalf("cut %d: %v\n%s", cuts, err, out)
				}
				slot := d.restart(true)
				if slot == "b" && !d.holds("b", data) || !d.holds("a", []byte("the first firmware")) {
					t.Fatalf("cut %d: slot %s was started, and holds no whole firmware\n%s", cuts, slot, out)
				}
				if out, err := d.run("install", img, stream); err != nil {
					t.Fatalf("cut %d: installing again: %v\n%s", cuts, err, out)
				}
				if slot == "a" {
					slot = d.restart(true)
				}
				if slot != "b" || !d.holds("b", data) || !d.holds("a", []byte("the first firmware")) {
					t.Fatalf("cut %d: slot %s runs after installing again", cuts, slot)
				}
				if out, err := d.run("confirm", img, nil); err != nil {
					t.Fatalf("cut %d: confirm: %v\n%s", cuts, err, out)
				}
			}
			if cuts < 5 {
				t.Errorf("only %d cuts", cuts)
			}
			t.Logf("%d cuts", cuts)
		})
	}
}

// cutAt has the n-th command of a hook that changes something, or makes sure of it,
// kill the hook's shell instead. It returns what undoes that.
func (d *device) cutAt(n int) (undo func()) {
	d.t.Helper()
	cut, count := filepath.Join(filepath.Dir(d.path), "cut"), d.t.TempDir()
	must(d.t, os.Mkdir(cut, 0o755))
	for _, name := range []string{"dd", "mv", "sync", "sha256sum", "head", "fw_setenv", "rauc", "swupdate", "ubiupdatevol", "flash_erase", "nandwrite", "blockdev"} {
		to, err := os.Readlink(filepath.Join(d.path, name))
		real := filepath.Join(cut, name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil: // a script
			must(d.t, os.Rename(filepath.Join(d.path, name), real))
		default:
			must(d.t, os.Symlink(to, real))
		}
		d.script(name, fmt.Sprintf(`n=0
while ! mkdir %[1]s/$n 2>/dev/null; do n=$((n + 1)); done
[ "$n" -ne %[2]d ] || kill -9 -$(cut -d' ' -f5 /proc/$$/stat)
exec %[3]s "$@"
`, count, n, real))
	}
	return func() {
		entries, err := os.ReadDir(cut)
		must(d.t, err)
		for _, e := range entries {
			must(d.t, os.Rename(filepath.Join(cut, e.Name()), filepath.Join(d.path, e.Name())))
		}
		must(d.t, os.Remove(cut))
	}
}

// TestImageThatBreaksOff: the node died, and the stream ended early.
func TestImageThatBreaksOff(t *testing.T) {
	for _, w := range ways() {
		if w.feed == install.FeedSlot {
			continue // no stream
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			d := w.device(t)
			img, _ := w.pack(d, 1)
			stream, err := os.ReadFile(d.file("image-1"))
			must(t, err)
			for _, n := range []int{0, 1, len(stream) / 2, len(stream) - 1} {
				if out, err := d.run("install", img, stream[:n]); err == nil {
					t.Errorf("an install of %d of %d bytes succeeded\n%s", n, len(stream), out)
				}
				if slot := d.boot.next(); slot != "a" {
					t.Errorf("after %d of %d bytes slot %s would be started", n, len(stream), slot)
				}
			}
		})
	}
}

// TestUnfitSlotIsRefused: nothing is written where it is not known what runs, or to
// what is no slot.
func TestUnfitSlotIsRefused(t *testing.T) {
	w := ways()[0]
	d := w.device(t)
	img, data := w.pack(d, 1)
	must(t, os.WriteFile(d.file("cmdline"), []byte("quiet"), 0o600))
	if out, err := d.run("install", img, data); err == nil || !strings.Contains(string(out), "cannot be found out") {
		t.Errorf("installed although nobody knows what runs: %s", out)
	}
	d.runs("a")
	must(t, os.Symlink("/proc", d.file("proc")))
	conf := d.read("conf")
	must(t, os.WriteFile(d.file("conf"), []byte(strings.Replace(conf, d.file("slot-b"), d.file("proc"), 1)), 0o600))
	if out, err := d.run("install", img, data); err == nil {
		t.Errorf("installed onto a directory: %s", out)
	}
}

// TestRebootFollowsAnInstall: it outlives the hook, and does not hold the next one up.
func TestRebootFollowsAnInstall(t *testing.T) {
	w := ways()[0]
	d := w.device(t)
	conf := d.read("conf")
	must(t, os.WriteFile(d.file("conf"), []byte(conf+"\nREBOOT_DELAY=0\nREBOOT='while ! grep -q go "+d.file("go")+"; do sleep 0.05; done; echo >"+d.file("rebooted")+"'\n"), 0o600),
		os.WriteFile(d.file("go"), nil, 0o600))
	img, _ := w.pack(d, 1)
	i := d.installer()
	i.StateDir = t.TempDir()
	must(t, i.Install(t.Context(), img))
	for range 2 { // each would wait for a minute if the reboot held descriptor 3
		if got, err := i.Confirm(t.Context(), img.Release()); got != install.Pending || err != nil {
			t.Fatalf("confirm: %v, %v", got, err)
		}
	}
	must(t, os.WriteFile(d.file("go"), []byte("go"), 0o600))
	for {
		if _, err := os.Stat(d.file("rebooted")); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond) // for as long as the test may take
	}
}

// TestRollbackDoesNotRestartForEver: with a boot loader that starts what it likes.
func TestRollbackDoesNotRestartForEver(t *testing.T) {
	d := ways()[0].device(t)
	conf := d.read("conf")
	must(t, os.WriteFile(d.file("conf"), []byte(conf+"\nREBOOT_DELAY=0\nREBOOT='echo x >>"+d.file("restarts")+"'\nHEALTHY=false\n"), 0o600))
	img, _ := d.image(1)
	i := d.installer()
	must(t, i.Install(t.Context(), img))
	i.StateDir = t.TempDir()
	for range 10 {
		d.runs("b")
		if err := i.Rollback(t.Context(), img.Release()); !errors.Is(err, install.ErrTryLater) {
			t.Fatal(err)
		}
	}
	restarts := 0
	for restarts < 4 && t.Context().Err() == nil { // that of the install too
		data, _ := os.ReadFile(d.file("restarts"))
		restarts = len(strings.Fields(string(data)))
		time.Sleep(10 * time.Millisecond)
	}
	if n := len(strings.Fields(d.read("restarts"))); n > 4 {
		t.Errorf("%d restarts", n)
	}
}
