package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"camswarm/sim/approved"
	"camswarm/verify"
)

// firmware is the bytes of an image that a test may change behind the back of
// whoever checked it.
type firmware []byte

func (f firmware) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f).ReadAt(p, off)
}

// firmwareBytes makes size bytes that differ by release.
func firmwareBytes(sequence uint64, size int) firmware {
	b := make(firmware, size)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ byte(sequence)
	}
	return b
}

// verifiedImage takes bytes the whole way to a verified image.
func verifiedImage(t *testing.T, sequence uint64, data firmware) *verify.Image {
	t.Helper()
	rel, err := approved.Release(sequence, bytes.NewReader(data))
	fatal(t, err)
	img, err := rel.CheckImage(data, int64(len(data)))
	fatal(t, err)
	return img
}

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// hook makes an ExecInstaller that runs a shell script in dir. $0 is the
// directory, $1 the action.
func hook(dir, script string) *ExecInstaller {
	return &ExecInstaller{Command: []string{"/bin/sh", "-c", "cd \"$0\" || exit 9\n" + script, dir}}
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestHookGetsTheVerifiedImageAndACleanEnvironment(t *testing.T) {
	t.Setenv("CAMSWARM_TEST_SECRET", "must not reach the hook")
	dir := t.TempDir()
	data := firmwareBytes(3, 300_000)
	img := verifiedImage(t, 3, data)
	fatal(t, hook(dir, `cat > image; env > env; echo "$1" > action`).Install(t.Context(), img))

	got, err := os.ReadFile(filepath.Join(dir, "image"))
	fatal(t, err)
	if !bytes.Equal(got, data) {
		t.Errorf("the hook read %d bytes that are not the image", len(got))
	}
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	fatal(t, err)
	sum := sha256.Sum256(data)
	want := []string{
		"CAMSWARM_ACTION=install", "CAMSWARM_COMPONENT=firmware", "CAMSWARM_IMAGE_SHA256=" + hex.EncodeToString(sum[:]),
		"CAMSWARM_IMAGE_SIZE=300000", "CAMSWARM_PRODUCT=" + img.Release().Product.String(), "CAMSWARM_SEQUENCE=3", "CAMSWARM_VERSION=1.3.0",
	}
	var names []string
	for line := range strings.Lines(string(env)) {
		line = strings.TrimSpace(line)
		if mark, ok := strings.CutPrefix(line, "CAMSWARM_RUN="); ok {
			if len(mark) != 32 {
				t.Errorf("the mark of a run is %q", mark)
			}
			continue
		}
		if strings.HasPrefix(line, "CAMSWARM_") {
			names = append(names, line)
			continue
		}
		// What the shell itself exports.
		if name, _, _ := strings.Cut(line, "="); !slices.Contains([]string{"PATH", "PWD", "OLDPWD", "SHLVL", "_"}, name) {
			t.Errorf("the hook's environment holds %q", line)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		t.Errorf("the hook's environment is\n%v, want\n%v", names, want)
	}
	if action, err := os.ReadFile(filepath.Join(dir, "action")); err != nil || string(action) != "install\n" {
		t.Errorf("the hook's last argument is %q (%v)", action, err)
	}
}

// arbitrary_installation, IMG.NON_AUTH: an Image that no check made reaches no
// installer.
func TestInstallersRefuseWhatIsNoVerifiedImage(t *testing.T) {
	dir := t.TempDir()
	for _, img := range []*verify.Image{nil, {}} {
		for _, i := range []Installer{hook(dir, `touch ran`), &FileInstaller{Dir: dir}} {
			if err := i.Install(t.Context(), img); !errors.Is(err, ErrNoImage) {
				t.Errorf("%T: error %v, want ErrNoImage", i, err)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("something was done all the same: %v (%v)", left, err)
	}
}

// A hook that cannot have written the whole image is not believed, even when
// the rest would have fitted into the pipe unread.
func TestHookThatDoesNotReadTheWholeImageIsRefused(t *testing.T) {
	for _, size := range []int{20_000, 1_000_000} {
		for name, script := range map[string]string{
			"reads nothing":    `exit 0`,
			"reads a part":     `head -c 10000 > image`,
			"all but the last": fmt.Sprintf(`head -c %d > image`, size-1),
			"closes its input": `exec <&-; exit 0`,
			"waits meanwhile":  `sleep 0.01`,
		} {
			t.Run(fmt.Sprintf("%s of %d", name, size), func(t *testing.T) {
				err := hook(t.TempDir(), script).Install(t.Context(), verifiedImage(t, 1, firmwareBytes(1, size)))
				if !errors.Is(err, ErrHook) || !strings.Contains(err.Error(), "without reading the whole image") {
					t.Errorf("error %v", err)
				}
			})
		}
		t.Run(fmt.Sprintf("reads exactly %d", size), func(t *testing.T) {
			fatal(t, hook(t.TempDir(), fmt.Sprintf(`head -c %d > image`, size)).Install(t.Context(), verifiedImage(t, 1, firmwareBytes(1, size))))
		})
	}
}

// IMG.REPLACE: bytes that change after the check never reach the hook, and it
// never takes the broken stream for the whole image.
func TestHookNeverSeesTheEndOfAReplacedImage(t *testing.T) {
	for _, at := range []int{0, 500_000, 999_999} {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			data := firmwareBytes(1, 1_000_000)
			img := verifiedImage(t, 1, data)
			data[at] ^= 1
			// The hook lives on after SIGTERM, so it would have the time to go on.
			err := hook(dir, `trap '' TERM; cat > image; touch complete`).Install(t.Context(), img)
			if verify.AttackName(err) == "" {
				t.Errorf("error %v does not name the attack", err)
			}
			if fileExists(filepath.Join(dir, "complete")) {
				t.Error("the hook took the broken stream for the whole image")
			}
			got, err := os.ReadFile(filepath.Join(dir, "image"))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			data[at] ^= 1
			if !bytes.HasPrefix(data, got) || len(got) > at {
				t.Errorf("the hook got %d bytes, which reach beyond the changed byte %d", len(got), at)
			}
		})
	}
}

func TestHookExitCodes(t *testing.T) {
	img := verifiedImage(t, 2, firmwareBytes(2, 100_000))
	tests := []struct {
		code     string
		install  error // nil: success; else what the error wraps
		outcome  Outcome
		confirm  bool // confirm returns an error
		rollback error
	}{
		{code: "exit 0", outcome: Confirmed},
		{code: "exit 75", install: ErrTryLater, outcome: Pending, rollback: ErrTryLater},
		{code: "exit 1", install: ErrHook, outcome: Failed, rollback: ErrHook},
		{code: "exit 3", install: ErrHook, outcome: Failed, rollback: ErrHook},
		{code: "exit 126", install: ErrHook, outcome: Pending, confirm: true, rollback: ErrHook},
		{code: "no-such-program-anywhere", install: ErrHook, outcome: Pending, confirm: true, rollback: ErrHook},
		{code: "kill -9 $$", install: ErrHook, outcome: Pending, confirm: true, rollback: ErrHook},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			h := hook(t.TempDir(), `[ "$1" = install ] && cat > image; echo some words; echo the reason; `+tt.code)
			err := h.Install(t.Context(), img)
			if !errors.Is(err, tt.install) {
				t.Errorf("install: error %v, want %v", err, tt.install)
			}
			if tt.code == "exit 3" && !strings.Contains(err.Error(), "exit status 3: the reason") {
				t.Errorf("install: error %q does not tell how the hook ended and its last words", err)
			}
			if outcome, err := h.Confirm(t.Context(), img.Release()); outcome != tt.outcome || (err != nil) != tt.confirm {
				t.Errorf("confirm: %v, %v; want %v", outcome, err, tt.outcome)
			}
			if err := h.Rollback(t.Context(), img.Release()); !errors.Is(err, tt.rollback) {
				t.Errorf("roll back: error %v, want %v", err, tt.rollback)
			}
		})
	}

	t.Run("missing", func(t *testing.T) {
		for _, h := range []*ExecInstaller{{}, {Command: []string{"/no/such/hook"}}} {
			if err := h.Install(t.Context(), img); !errors.Is(err, ErrHook) {
				t.Errorf("install: error %v, want ErrHook", err)
			}
			if outcome, err := h.Confirm(t.Context(), img.Release()); outcome != Pending || !errors.Is(err, ErrHook) {
				t.Errorf("confirm: %v, %v; a hook that is gone must not roll a device back", outcome, err)
			}
		}
	})
}

// A hook that never ends is stopped with everything it started, however it
// feels about SIGTERM.
func TestHookIsStoppedWithItsChildren(t *testing.T) {
	for name, script := range map[string]string{
		"willing":   `sleep 1000 & echo $! > child.new; mv child.new child; wait`,
		"unwilling": `trap '' TERM; (trap '' TERM; sleep 1000 & echo $! > child.new; mv child.new child; wait); sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				ended <- hook(dir, script).Install(ctx, verifiedImage(t, 1, firmwareBytes(1, 1_000_000)))
			}()
			var child int
			for child == 0 { // until the hook has told its child's number
				data, _ := os.ReadFile(filepath.Join(dir, "child"))
				child, _ = strconv.Atoi(strings.TrimSpace(string(data)))
				time.Sleep(time.Millisecond)
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want context.Canceled", err)
			}
			for alive(child) { // a killed process takes a moment to go; the test's own deadline ends this
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestHookTimeoutSaysWhatToDo(t *testing.T) {
	h := hook(t.TempDir(), `sleep 1000`)
	h.Timeout = 20 * time.Millisecond
	outcome, err := h.Confirm(t.Context(), verify.Release{Sequence: 1})
	if outcome != Pending || !errors.Is(err, ErrHook) || !strings.Contains(err.Error(), "raise install.timeout") {
		t.Errorf("%v, %v", outcome, err)
	}
}

// A hook may leave a delayed reboot behind: it neither holds the installer up
// for ever nor is it killed.
func TestHookMayLeaveAProcessBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fatal(t, hook(dir, `cat > image; sleep 1000 & echo $! > child`).Install(t.Context(), verifiedImage(t, 1, firmwareBytes(1, 100_000))))
	data, err := os.ReadFile(filepath.Join(dir, "child"))
	fatal(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(string(data)))
	fatal(t, err)
	if !alive(child) {
		t.Error("the process that the hook left behind was killed")
	}
	_ = syscall.Kill(child, syscall.SIGKILL)
}

func TestHookOutputIsBounded(t *testing.T) {
	var log bytes.Buffer
	h := hook(t.TempDir(), `head -c 3000000 /dev/zero | tr '\0' x; echo; echo the end; exit 1`)
	h.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if err := h.Rollback(t.Context(), verify.Release{Sequence: 1}); err == nil || !strings.HasSuffix(err.Error(), ": the end") {
		t.Errorf("error %v", err)
	}
	if log.Len() > 2*hookOutput || !strings.Contains(log.String(), "the end") {
		t.Errorf("logged %d bytes", log.Len())
	}
}

func TestFileInstallerKeepsThePreviousSlotUntilConfirmed(t *testing.T) {
	f := &FileInstaller{Dir: filepath.Join(t.TempDir(), "slot")}
	answers := []Outcome{Pending, Confirmed, Pending, Confirmed}
	f.Check = func(context.Context, verify.Release) (Outcome, error) {
		next := answers[0]
		answers = answers[1:]
		return next, nil
	}
	const size = 100_000
	one, two := verifiedImage(t, 1, firmwareBytes(1, size)), verifiedImage(t, 2, firmwareBytes(2, size))
	product := one.Release().Product

	fatal(t, f.Install(t.Context(), one))
	wantSlot(t, f, 1, 0, false)
	wantOutcome(t, f, one, Pending)
	wantOutcome(t, f, one, Confirmed)
	wantOutcome(t, f, one, Confirmed) // asked again after a crash: it is not checked twice
	wantSlot(t, f, 1, 0, true)

	fatal(t, f.Install(t.Context(), two))
	wantSlot(t, f, 2, 1, false)
	wantOutcome(t, f, two, Pending)
	wantSlot(t, f, 2, 1, false)
	wantOutcome(t, f, two, Confirmed)
	wantSlot(t, f, 2, 0, true)
	wantOutcome(t, f, one, Failed) // it does not run

	got, err := os.ReadFile(f.Path(product))
	fatal(t, err)
	if !bytes.Equal(got, firmwareBytes(2, size)) {
		t.Error("the slot does not hold release 2")
	}
}

func TestFileInstallerRollsBack(t *testing.T) {
	f := &FileInstaller{Dir: t.TempDir()}
	one, two := verifiedImage(t, 1, firmwareBytes(1, 50_000)), verifiedImage(t, 2, firmwareBytes(2, 50_000))
	fatal(t, f.Install(t.Context(), one))
	wantOutcome(t, f, one, Confirmed)
	fatal(t, f.Install(t.Context(), two))
	for range 2 { // the second call is the one after a crash
		fatal(t, f.Rollback(t.Context(), two.Release()))
		wantSlot(t, f, 1, 0, true)
	}
	wantOutcome(t, f, two, Failed)

	// From the factory image there is nothing to go back to but itself.
	g := &FileInstaller{Dir: t.TempDir()}
	fatal(t, g.Install(t.Context(), one))
	for range 2 {
		fatal(t, g.Rollback(t.Context(), one.Release()))
		wantSlot(t, g, 0, 0, false)
	}
}

// A newer release over one that was never confirmed falls back to the last that
// was.
func TestFileInstallerFallsBackToTheLastConfirmed(t *testing.T) {
	f := &FileInstaller{Dir: t.TempDir()}
	var images []*verify.Image
	for seq := uint64(1); seq <= 3; seq++ {
		images = append(images, verifiedImage(t, seq, firmwareBytes(seq, 50_000)))
	}
	fatal(t, f.Install(t.Context(), images[0]))
	wantOutcome(t, f, images[0], Confirmed)
	fatal(t, f.Install(t.Context(), images[1]))
	fatal(t, f.Install(t.Context(), images[2]))
	wantSlot(t, f, 3, 1, false)
	fatal(t, f.Rollback(t.Context(), images[2].Release()))
	wantSlot(t, f, 1, 0, true)
}

// partial_bundle_installation: whatever a crash left of an install, a call of
// the same method ends as if there had been none.
func TestFileInstallerResumesAfterACrash(t *testing.T) {
	const size = 50_000
	one, two := verifiedImage(t, 1, firmwareBytes(1, size)), verifiedImage(t, 2, firmwareBytes(2, size))
	product := one.Release().Product
	for name, crash := range map[string]func(dir string){
		"image half written": func(dir string) {
			fatal(t, os.WriteFile(filepath.Join(dir, "2.img.new"), firmwareBytes(2, size/2), 0o600))
		},
		"image written, not recorded": func(dir string) {
			fatal(t, os.WriteFile(filepath.Join(dir, "2.img"), firmwareBytes(2, size), 0o600))
		},
		"recorded, not linked": func(dir string) {
			fatal(t, (&FileInstaller{Dir: filepath.Dir(dir)}).Install(t.Context(), two))
			fatal(t, os.Remove(filepath.Join(dir, slotLink)), os.Symlink("1.img", filepath.Join(dir, slotLink)))
		},
		"link half switched": func(dir string) {
			fatal(t, os.Symlink("2.img", filepath.Join(dir, slotLink+".new")))
		},
		"recorded, image damaged": func(dir string) {
			fatal(t, (&FileInstaller{Dir: filepath.Dir(dir)}).Install(t.Context(), two))
			fatal(t, os.WriteFile(filepath.Join(dir, "2.img"), []byte("damaged"), 0o600))
		},
		"old images not freed": func(dir string) {
			fatal(t, os.WriteFile(filepath.Join(dir, "9.img"), firmwareBytes(9, size), 0o600))
			fatal(t, os.WriteFile(filepath.Join(dir, ".trash-8.img-0"), firmwareBytes(8, size), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &FileInstaller{Dir: t.TempDir()}
			fatal(t, f.Install(t.Context(), one))
			wantOutcome(t, f, one, Confirmed)
			crash(f.dir(product))
			fatal(t, f.Install(t.Context(), two))
			wantSlot(t, f, 2, 1, false)
			got, err := os.ReadFile(f.Path(product))
			fatal(t, err)
			if !bytes.Equal(got, firmwareBytes(2, size)) {
				t.Error("the slot does not hold release 2")
			}
			wantOutcome(t, f, two, Confirmed)
			wantSlot(t, f, 2, 0, true)
		})
	}
}

// IMG.REPLACE for the built-in installer: the slot keeps what it had.
func TestFileInstallerKeepsItsSlotWhenTheImageIsReplaced(t *testing.T) {
	f := &FileInstaller{Dir: t.TempDir()}
	one := verifiedImage(t, 1, firmwareBytes(1, 50_000))
	fatal(t, f.Install(t.Context(), one))
	wantOutcome(t, f, one, Confirmed)
	data := firmwareBytes(2, 50_000)
	two := verifiedImage(t, 2, data)
	data[40_000] ^= 1
	if err := f.Install(t.Context(), two); verify.AttackName(err) == "" {
		t.Errorf("error %v does not name the attack", err)
	}
	wantSlot(t, f, 1, 0, true)
}

// A slot record that cannot be read is no reason to stay on an old release: what
// is installed is known by its digest, and the next install makes the record anew.
func TestFileInstallerMendsADamagedRecord(t *testing.T) {
	for what, damage := range map[string]func(path string) error{
		"unknown field": func(p string) error { return os.WriteFile(p, []byte(`{"current":{"sequence":1,"evil":2}}`), 0o600) },
		"empty":         func(p string) error { return os.Truncate(p, 0) },
		"huge":          func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("["), 1<<20), 0o600) },
	} {
		f := &FileInstaller{Dir: t.TempDir()}
		one := verifiedImage(t, 1, firmwareBytes(1, 50_000))
		fatal(t, f.Install(t.Context(), one))
		dir := f.dir(one.Release().Product)
		fatal(t, damage(filepath.Join(dir, slotRecord)))
		if _, err := f.Slot(one.Release().Product); !errors.Is(err, errSlotDamaged) {
			t.Errorf("%s: the slot is read: %v", what, err)
		}
		wantOutcome(t, f, one, Confirmed)
		wantSlot(t, f, 1, 0, true)

		fatal(t, damage(filepath.Join(dir, slotRecord)))
		two := verifiedImage(t, 2, firmwareBytes(2, 50_000))
		fatal(t, f.Install(t.Context(), two))
		wantOutcome(t, f, two, Confirmed)
		wantSlot(t, f, 2, 0, true)

		// Bytes that are not the release's are not taken for it.
		fatal(t, damage(filepath.Join(dir, slotRecord)), os.Truncate(filepath.Join(dir, imageName(2)), 100))
		wantOutcome(t, f, two, Failed)
	}
}

func wantOutcome(t *testing.T, i Installer, img *verify.Image, want Outcome) {
	t.Helper()
	if got, err := i.Confirm(t.Context(), img.Release()); got != want || err != nil {
		t.Fatalf("confirm: %v, %v; want %v", got, err, want)
	}
}

// wantSlot compares the record, and that the directory holds the images it
// names and nothing else. 0 is no image.
func wantSlot(t *testing.T, f *FileInstaller, current, previous uint64, confirmed bool) {
	t.Helper()
	product := verify.Product{Vendor: "acme.example", Name: "cam-1"}.ID()
	slot, err := f.Slot(product)
	fatal(t, err)
	sequence := func(i *SlotImage) uint64 {
		if i == nil {
			return 0
		}
		return i.Sequence
	}
	if sequence(slot.Current) != current || sequence(slot.Previous) != previous || slot.Current != nil && slot.Current.Confirmed != confirmed {
		t.Fatalf("slot holds %+v and %+v, want %d and %d, confirmed %v", slot.Current, slot.Previous, current, previous, confirmed)
	}
	want := []string{slotRecord}
	for _, seq := range []uint64{current, previous} {
		if seq != 0 {
			want = append(want, imageName(seq))
		}
	}
	if current != 0 {
		want = append(want, slotLink)
		if target, err := os.Readlink(f.Path(product)); err != nil || target != imageName(current) {
			t.Fatalf("the slot's link points to %q (%v)", target, err)
		}
	}
	slices.Sort(want)
	entries, err := os.ReadDir(f.dir(product))
	fatal(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the slot's directory holds %v, want %v", got, want)
	}
}

// TestHookThatCannotBeStarted holds that nothing of what an operator can mend
// counts against a release.
func TestHookThatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fatal(t, os.WriteFile(at("plain"), []byte("#!/bin/sh\n"), 0o600), os.WriteFile(at("orphan"), []byte("#!"+at("gone")+"\n"), 0o700), os.Symlink(at("gone"), at("link")))
	img := verifiedImage(t, 1, firmwareBytes(1, 5000))
	for _, command := range [][]string{nil, {at("missing")}, {dir}, {at("plain")}, {at("orphan")}, {at("link")}, {"camswarm-no-such-program"}} {
		e := &ExecInstaller{Command: command}
		_, confirm := e.Confirm(t.Context(), img.Release())
		for what, err := range map[string]error{"install": e.Install(t.Context(), img), "confirm": confirm, "rollback": e.Rollback(t.Context(), img.Release())} {
			if !errors.Is(err, ErrNotStarted) || !errors.Is(err, ErrHook) || !strings.Contains(err.Error(), "install.command") {
				t.Errorf("%s by %q: %v", what, command, err)
			}
		}
	}
	for command, hint := range map[string]bool{at("plain") + " --slot b": true, at("plain"): false} {
		if err := (&ExecInstaller{Command: []string{command}}).Check(); err == nil || strings.Contains(err.Error(), "arguments need a list") != hint {
			t.Errorf("%q: %v; a hint at the list: %v", command, err, hint)
		}
	}
	broken := hook(dir, "exit 127")
	if err := broken.Install(t.Context(), img); err == nil || errors.Is(err, ErrNotStarted) {
		t.Errorf("a hook that ran and failed: %v", err)
	}
}

// TestFileInstallerNeverConfirmsAMixedSlot: whatever wrote into the image of a
// slot after the install, Confirm finds it.
func TestFileInstallerNeverConfirmsAMixedSlot(t *testing.T) {
	const size = 100_000
	one, two := verifiedImage(t, 1, firmwareBytes(1, size)), verifiedImage(t, 2, firmwareBytes(2, size))
	product := one.Release().Product
	for name, damage := range map[string]func(path string) error{
		"half of another image": func(path string) error {
			return os.WriteFile(path, append(firmwareBytes(2, size)[:size/2:size/2], firmwareBytes(1, size)[size/2:]...), 0o600)
		},
		"longer":  func(path string) error { return os.WriteFile(path, firmwareBytes(2, size+1), 0o600) },
		"shorter": func(path string) error { return os.Truncate(path, size-1) },
		"gone":    os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			f := &FileInstaller{Dir: t.TempDir()}
			fatal(t, f.Install(t.Context(), one))
			outcome, err := f.Confirm(t.Context(), one.Release())
			if outcome != Confirmed || err != nil {
				t.Fatalf("%v, %v", outcome, err)
			}
			fatal(t, f.Install(t.Context(), two), damage(filepath.Join(f.dir(product), imageName(2))))
			if outcome, err := f.Confirm(t.Context(), two.Release()); outcome != Failed || err != nil {
				t.Errorf("a slot that is not the release: %v, %v", outcome, err)
			}
			fatal(t, f.Rollback(t.Context(), two.Release()))
			if data, err := os.ReadFile(f.Path(product)); err != nil || !bytes.Equal(data, firmwareBytes(1, size)) {
				t.Errorf("after the roll-back %d bytes run (%v)", len(data), err)
			}
		})
	}
}

// TestFileInstallersOfOneDirectoryTakeTurns: two nodes that were given one
// directory by mistake never write at once.
func TestFileInstallersOfOneDirectoryTakeTurns(t *testing.T) {
	dir := t.TempDir()
	one := verifiedImage(t, 1, firmwareBytes(1, 100_000))
	first, second := &FileInstaller{Dir: dir}, &FileInstaller{Dir: dir}
	release, err := first.lock(t.Context(), one.Release().Product)
	fatal(t, err)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errors.New("long enough"))
	defer cancel()
	if err := second.Install(ctx, one); err == nil || !strings.Contains(err.Error(), "long enough") {
		t.Errorf("a locked slot: %v", err)
	}
	if slot, err := second.Slot(one.Release().Product); err != nil || slot.Current != nil {
		t.Errorf("something was installed: %+v, %v", slot, err)
	}
	release()
	fatal(t, second.Install(t.Context(), one))
}
