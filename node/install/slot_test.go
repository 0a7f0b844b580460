package install

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"camswarm/sim/approved"
	"camswarm/verify"
)

// slotHook is a hook that lets the node write into a slot.
func slotHook(dir, script string) *ExecInstaller {
	h := hook(dir, script)
	h.Feed = FeedSlot
	return h
}

func TestHookNamesASlot(t *testing.T) {
	dir := t.TempDir()
	rel := verifiedImage(t, 3, firmwareBytes(3, 5000)).Release()
	for script, want := range map[string]string{
		`echo /dev/slot; echo said >&2; env > env`: "/dev/slot",
		`printf /dev/slot`:                         "/dev/slot",
		`:`:                                        "",
	} {
		if got, err := slotHook(dir, script).Slot(t.Context(), rel); err != nil || got != want {
			t.Errorf("%s: %q, %v", script, got, err)
		}
	}
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	fatal(t, err)
	for _, want := range []string{"CAMSWARM_ACTION=slot\n", "CAMSWARM_SEQUENCE=3\n", "CAMSWARM_IMAGE_SIZE=5000\n"} {
		if !strings.Contains(string(env), want) {
			t.Errorf("%s is missing from the environment:\n%s", want, env)
		}
	}
	for script, want := range map[string]error{
		`exit 75`: ErrTryLater, `exit 1`: ErrHook, `echo slot`: ErrHook, `echo /dev/../slot`: ErrHook,
		`echo /dev/slot; exit 3`: ErrHook, `echo /dev/a; echo /dev/b`: ErrHook,
		`head -c 5000 /dev/zero | tr '\0' /; echo dev/slot`: ErrHook,
	} {
		if got, err := slotHook(dir, script).Slot(t.Context(), rel); !errors.Is(err, want) || got != "" {
			t.Errorf("%s: %q, %v", script, got, err)
		}
	}
	if got, err := hook(dir, `echo /dev/slot`).Slot(t.Context(), rel); err != nil || got != "" {
		t.Errorf("another feed: %q, %v", got, err)
	}
	if !HasSlots(slotHook(dir, "")) || HasSlots(hook(dir, "")) || HasSlots(&FileInstaller{}) {
		t.Error("who has slots is not told")
	}
}

// slotImage puts a release's image into a slot, with something behind it.
func slotImage(t *testing.T, sequence uint64, size int) (data firmware, path string, img *verify.Image) {
	t.Helper()
	data = firmwareBytes(sequence, size)
	path = filepath.Join(t.TempDir(), "slot")
	before := time.Now().Add(-time.Minute) // than whatever a file system tells apart
	fatal(t, os.WriteFile(path, append(bytes.Clone(data), "old firmware"...), 0o600), os.Chtimes(path, before, before))
	source, err := OpenSlot(path, int64(size))
	fatal(t, err)
	t.Cleanup(func() { _ = source.File.Close() })
	rel, err := approved.Release(sequence, bytes.NewReader(data))
	fatal(t, err)
	img, err = rel.CheckImage(source, source.Size())
	fatal(t, err)
	return data, path, img
}

// The image is in the slot: the hook is told where, and compares.
const comparingHook = `[ -z "$CAMSWARM_IMAGE" ] || exit 9
[ "$(head -c "$CAMSWARM_IMAGE_SIZE" "$CAMSWARM_SLOT" | sha256sum)" = "$CAMSWARM_IMAGE_SHA256  -" ] && touch switched`

func TestHookIsToldOfTheSlotThatHoldsTheImage(t *testing.T) {
	dir := t.TempDir()
	_, path, img := slotImage(t, 3, 300_000)
	h := slotHook(dir, `printf %s "$CAMSWARM_SLOT" > path; wc -c > stdin; `+comparingHook)
	fatal(t, h.Install(t.Context(), img))
	for name, want := range map[string]string{"path": path, "stdin": "0\n", "switched": ""} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	// An image in a file is given as a file, and one in a slot to no other feed.
	_, file, staged := imageFile(t, 4, 5000)
	h = slotHook(dir, `[ -z "$CAMSWARM_SLOT" ] && [ "$CAMSWARM_IMAGE" = "`+file+`" ]`)
	fatal(t, h.Install(t.Context(), staged))
	for _, h := range []*ExecInstaller{hook(dir, ":"), fileHook(dir, ":")} {
		if err := h.Install(t.Context(), img); !errors.Is(err, ErrNotStarted) {
			t.Errorf("feed %q: %v", h.Feed, err)
		}
	}
}

// Somebody writes to the slot, or another one takes its place, before or while the
// hook runs: it is not started, or nothing counts as installed.
func TestThreatImgReplace_SlotOfTheHook(t *testing.T) {
	dir := t.TempDir()
	data, path, img := slotImage(t, 1, 300_000)
	rotten := bytes.Clone(data)
	rotten[123_456] ^= 4
	fatal(t, os.WriteFile(path, rotten, 0o600))
	err := slotHook(dir, `touch ran`).Install(t.Context(), img)
	if verify.AttackName(err) != verify.AttackImageReplaced || fileExists(filepath.Join(dir, "ran")) {
		t.Errorf("a slot that changed before the hook: %v", err)
	}
	for name, script := range map[string]string{
		"written to":   `printf x | dd of="$CAMSWARM_SLOT" bs=1 seek=1000 conv=notrunc 2>/dev/null`,
		"another":      `cp "$CAMSWARM_SLOT" new; mv new "$CAMSWARM_SLOT"`,
		"a link to it": `mv "$CAMSWARM_SLOT" mine; ln -s "$PWD/mine" "$CAMSWARM_SLOT"`,
	} {
		_, _, img := slotImage(t, 1, 300_000)
		if err := slotHook(t.TempDir(), script).Install(t.Context(), img); !errors.Is(err, ErrHook) || errors.Is(err, ErrNotStarted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, path, img = slotImage(t, 1, 300_000)
	fatal(t, os.Rename(path, path+".aside"), os.Symlink(path+".aside", path))
	if err := slotHook(dir, `touch ran`).Install(t.Context(), img); !errors.Is(err, ErrNotStarted) || fileExists(filepath.Join(dir, "ran")) {
		t.Errorf("a link stands where the slot was: %v", err)
	}
	if _, err := OpenSlot(path, 1); err == nil {
		t.Error("a link was opened as a slot")
	}
	if _, err := OpenSlot("/dev/zero", 1); err == nil {
		t.Error("a character device was opened as a slot")
	}
}

func FuzzParseSlot(f *testing.F) {
	for _, s := range []string{"", "/dev/mmcblk0p2\n", "slot", "/a/../b", "/a\n/b\n", "//a", "/\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := ParseSlot(s)
		if err != nil || path == "" {
			return
		}
		if again, err := ParseSlot(path + "\n"); err != nil || again != path || !filepath.IsAbs(path) || filepath.Clean(path) != path || len(path) > maxSlotPath {
			t.Errorf("%q was read as %q", s, path)
		}
	})
}
