package install

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"camswarm/sim/approved"
	"camswarm/verify"
)

// imageFile puts a release's image into a file of its own and checks it there.
func imageFile(t *testing.T, sequence uint64, size int) (data firmware, path string, img *verify.Image) {
	t.Helper()
	data = firmwareBytes(sequence, size)
	path = filepath.Join(t.TempDir(), "image")
	before := time.Now().Add(-time.Minute) // than whatever a file system tells apart
	fatal(t, os.WriteFile(path, data, 0o600), os.Chtimes(path, before, before))
	file, err := os.Open(path)
	fatal(t, err)
	t.Cleanup(func() { _ = file.Close() })
	rel, err := approved.Release(sequence, bytes.NewReader(data))
	fatal(t, err)
	img, err = rel.CheckImage(file, int64(size))
	fatal(t, err)
	return data, path, img
}

// fileHook is a hook that gets the image as a file.
func fileHook(dir, script string) *ExecInstaller {
	h := hook(dir, script)
	h.Feed = FeedFile
	return h
}

// carefulHook switches slots as the contract asks for: what it wrote is compared
// first.
const carefulHook = `cat "$CAMSWARM_IMAGE" > slot.new && [ "$(sha256sum < slot.new)" = "$CAMSWARM_IMAGE_SHA256  -" ] && mv slot.new slot`

func TestHookGetsTheImageAsAFile(t *testing.T) {
	dir := t.TempDir()
	data, path, img := imageFile(t, 3, 300_000)
	h := fileHook(dir, `printf %s "$CAMSWARM_IMAGE" > path; wc -c > stdin; ln "$CAMSWARM_IMAGE" linked || exit 9; `+carefulHook)
	fatal(t, h.Install(t.Context(), img))
	for name, want := range map[string]string{"path": path, "stdin": "0\n", "slot": string(data), "linked": string(data)} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %d bytes, %v", name, len(got), err)
		}
	}
	own, err := os.Stat(path)
	fatal(t, err)
	if linked, err := os.Stat(filepath.Join(dir, "linked")); err != nil || !os.SameFile(own, linked) {
		t.Errorf("the hook's hard link is another file, %v", err)
	}
	// No other action gets it.
	h = fileHook(dir, `[ -z "$CAMSWARM_IMAGE" ]`)
	wantOutcome(t, h, img, Confirmed)
	if err := fileHook(dir, ":").Install(t.Context(), verifiedImage(t, 1, firmwareBytes(1, 5000))); !errors.Is(err, ErrNotStarted) {
		t.Errorf("an image that is in no file: %v", err)
	}
}

// The disk hands out other bytes than were checked. Before the hook is started that
// is noticed; while it runs, in a way of which nothing of the file tells, a hook that
// compares what it wrote does not switch.
func TestThreatImgReplace_FileOfTheHookRots(t *testing.T) {
	dir := t.TempDir()
	data, path, img := imageFile(t, 1, 300_000)
	rotten := bytes.Clone(data)
	rotten[123_456] ^= 4
	fatal(t, os.WriteFile(path, rotten, 0o600))
	h := fileHook(dir, `touch ran; `+carefulHook)
	if err := h.Install(t.Context(), img); verify.AttackName(err) != verify.AttackImageReplaced || fileExists(filepath.Join(dir, "ran")) {
		t.Errorf("an image that rotted before the hook: %v, it ran: %v", err, fileExists(filepath.Join(dir, "ran")))
	}
	fatal(t, os.WriteFile(path, data, 0o600), os.WriteFile(filepath.Join(dir, "rotten"), rotten, 0o600))
	h = fileHook(dir, `touch -r "$CAMSWARM_IMAGE" then; cat rotten > "$CAMSWARM_IMAGE"; touch -r then "$CAMSWARM_IMAGE"; `+carefulHook)
	if err := h.Install(t.Context(), img); !errors.Is(err, ErrHook) || errors.Is(err, ErrTryLater) || errors.Is(err, ErrNotStarted) {
		t.Errorf("an image that rotted under the hook: %v", err)
	}
	if fileExists(filepath.Join(dir, "slot")) {
		t.Error("the hook switched")
	}
}

// Whoever has the image open for writing, such as a process that escaped from an
// earlier hook, keeps it from being installed; who has it open for reading does not.
func TestThreatImgReplace_FileOpenForWriting(t *testing.T) {
	dir := t.TempDir()
	defer endAllIn(dir)
	_, _, img := imageFile(t, 1, 300_000)
	for mode, refused := range map[string]bool{"<": false, "<>": true} {
		h := fileHook(dir, `env -i PATH="$PATH" setsid sh -c 'exec 3>&- 5`+mode+`"$0"; echo $$ > pid; exec sleep 300' "$CAMSWARM_IMAGE" <&- >/dev/null 2>&1 & sleep 300`)
		h.StateDir = dir
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			within(t, "the escaped process runs", contains(filepath.Join(dir, "pid"), "\n"))
		}()
		if err := h.Install(ctx, img); !errors.Is(err, context.Canceled) {
			t.Fatal("a hook that was killed:", err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		fatal(t, err)
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		fatal(t, err)
		ran := filepath.Join(dir, "ran")
		next := fileHook(dir, `touch ran; `+carefulHook)
		next.StateDir = dir
		err = next.Install(t.Context(), img)
		if !alive(pid) {
			t.Fatal("the process that should have escaped has ended")
		}
		if refused != errors.Is(err, ErrTryLater) || refused != (err != nil) || refused == fileExists(ran) {
			t.Errorf("open with %s: %v, the hook ran: %v", mode, err, fileExists(ran))
		}
		fatal(t, syscall.Kill(pid, syscall.SIGKILL))
		within(t, "the image is free again", func() bool { return next.Install(t.Context(), img) == nil })
		fatal(t, os.Remove(ran), os.Remove(filepath.Join(dir, "pid")))
	}
}

// A link in the place of the image, before the hook is started or while it runs,
// and an image that the hook takes away: nothing counts as installed.
func TestThreatImgReplace_LinkInThePlaceOfTheFile(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other")
	fatal(t, os.WriteFile(other, bytes.Repeat([]byte("rogue"), 60_000), 0o600))
	dir := t.TempDir()
	_, path, img := imageFile(t, 1, 300_000)
	aside := path + ".aside"
	fatal(t, os.Rename(path, aside), os.Symlink(other, path))
	if err := fileHook(dir, `touch ran`).Install(t.Context(), img); !errors.Is(err, ErrNotStarted) || fileExists(filepath.Join(dir, "ran")) {
		t.Errorf("a link stands where the image was: %v", err)
	}
	for name, script := range map[string]string{
		"a link":         `ln -sf "` + other + `" "$CAMSWARM_IMAGE"`,
		"another file":   `cp "` + other + `" new; mv new "$CAMSWARM_IMAGE"`,
		"taken away":     `mv "$CAMSWARM_IMAGE" mine`,
		"a link to it":   `mv "$CAMSWARM_IMAGE" mine; ln -s "$PWD/mine" "$CAMSWARM_IMAGE"`,
		"written anew":   `cat "` + other + `" > "$CAMSWARM_IMAGE"`,
		"one bit turned": `printf x | dd of="$CAMSWARM_IMAGE" bs=1 seek=1000 conv=notrunc 2>/dev/null`,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, img := imageFile(t, 1, 300_000)
			err := fileHook(t.TempDir(), script).Install(t.Context(), img)
			if !errors.Is(err, ErrHook) || errors.Is(err, ErrNotStarted) || errors.Is(err, ErrTryLater) {
				t.Errorf("error %v", err)
			}
		})
	}
}
