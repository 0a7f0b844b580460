package node

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"camswarm/node/control"
)

// calls is an exchange of which only Remove and Seal are used; it takes note of them.
type calls struct {
	exchange
	sealed, removed []string
}

func (c *calls) Remove(_ cid.Cid, path string) error {
	c.removed = append(c.removed, path)
	return nil
}

func (c *calls) Seal(_ cid.Cid, path string) error {
	c.sealed = append(c.sealed, path)
	return nil
}

// Before an installer is called, whoever might still write to the slot that it writes
// or starts has lost it.
func TestThreatImgReplace_ClaimsEndBeforeTheInstaller(t *testing.T) {
	s := newTheatre(t)
	s.start(RoleCamera, nil)
	s.start(RoleCamera, map[uint64]record{
		1: {Release: s.recorded(1), State: control.StateConfirmed},
		2: {Release: s.recorded(2), State: control.StateFetching},
		3: {Release: s.recorded(3), State: control.StateVerified},
	})
	s.m.served[2] = s.release(2)
	x := &calls{}
	f := &follower{parts: parts{stateDir: t.TempDir(), exchange: x}, rules: s.m.rules, log: slog.New(slog.DiscardHandler)}
	f.published.Store(s.m.snapshot())
	note := func(seq uint64) string { return filepath.Join(f.dir(s.recorded(seq)), slotFile) }
	for seq, path := range map[uint64]string{1: "/slot/a", 2: "/slot/b", 3: "/slot/c"} {
		s.must(os.MkdirAll(filepath.Dir(note(seq)), 0o700))
		s.must(os.WriteFile(note(seq), []byte(path+"\n"), 0o600))
	}
	s.must(f.seal(task{release: s.recorded(3), signed: s.release(3)}))
	if !slices.Equal(x.sealed, []string{"/slot/c"}) || !slices.Equal(x.removed, []string{"/slot/b"}) {
		t.Errorf("sealed %v, taken from the exchange %v", x.sealed, x.removed)
	}
	for seq, want := range map[uint64]bool{1: true, 2: false, 3: true} {
		if path, slot := f.place(s.recorded(seq)); slot != want {
			t.Errorf("release %d is in %s", seq, path)
		}
	}
	// A note that is damaged, or leads elsewhere, is none.
	for _, text := range []string{"", "slot", "/slot/../etc/passwd", "/slot\n/slot", "/" + string(make([]byte, 5000))} {
		s.must(os.WriteFile(note(1), []byte(text), 0o600))
		if path, slot := f.place(s.recorded(1)); slot || path != f.imagePath(s.recorded(1)) {
			t.Errorf("%.20q leads to %s", text, path)
		}
	}
}

// A slot is never in the node's own directory, by name or by link; and that directory
// may be named from the current one.
func TestSlotOutsideOfTheState(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("state", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"slot", "state/slot"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"in": "state/slot", "state/out": filepath.Join(dir, "slot"), "also": "state", "other": "slot", "broken": "nowhere"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		state, slot, want string
	}{
		{"state", "slot", ""},
		{"state", "other", ""},
		{filepath.Join(dir, "state"), "slot", ""},
		{"state", "state/slot", "own state directory"},
		{"also", "state/slot", "own state directory"},
		{"state", "also/slot", "own state directory"},
		{"state", "in", "own state directory"},
		{"state", "state/out", "own state directory"},
		{"state", "broken", "no such file"},
		{"state", "nowhere", "no such file"},
	} {
		path, err := usable(c.state, filepath.Join(dir, c.slot), 0)
		if err == nil && path != filepath.Join(dir, "slot") {
			t.Errorf("%s, slot %s leads to %s", c.state, c.slot, path)
		}
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "%!")) {
			t.Errorf("%s, slot %s: %v, not %q", c.state, c.slot, err, c.want)
		}
	}
}
