package main

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// walkthrough matches the README's block of shell commands.
var walkthrough = regexp.MustCompile("(?s)<!-- walkthrough -->\\s*```sh\n(.*?)```")

// fixedPort matches a port of loopback that is not left to the system.
var fixedPort = regexp.MustCompile(`127\.0\.0\.1(:|/(tcp|udp)/)[1-9]`)

// TestREADMEWalkthrough runs the README's walk-through as it stands and looks at
// what it left. It takes free ports, so that it can run beside itself.
func TestREADMEWalkthrough(t *testing.T) {
	bin := buildBinaries(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := walkthrough.FindAllSubmatch(readme, -1)
	if len(blocks) != 1 {
		t.Fatalf("README.md has %d blocks marked <!-- walkthrough -->, it must have one", len(blocks))
	}
	text := string(blocks[0][1])
	if m := fixedPort.FindString(text); m != "" || strings.Contains(text, "0.0.0.0") {
		t.Errorf("the walk-through uses a fixed port or listens outside loopback (%q): it would collide with another run", m)
	}
	// Without --listen the chain and every node take fixed ports.
	for _, command := range []string{"camswarm devchain", "camswarm provision"} {
		if n := strings.Count(strings.ReplaceAll(text, "\\\n", ""), command); n != 1 {
			t.Errorf("the walk-through has %q %d times, this test knows one", command, n)
		}
	}
	if n := strings.Count(text, "--listen"); n != 2 {
		t.Errorf("the walk-through says --listen %d times, for devchain and provision it must be 2", n)
	}
	dir := t.TempDir()
	out := script(t, bin, dir, text, 4*time.Minute)

	want, err := os.ReadFile(filepath.Join(dir, "firmware-2.bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, cam := range []string{"cam1", "cam2"} {
		state := filepath.Join(dir, cam, stateDir)
		if !unlocked(t, state) {
			t.Errorf("%s still runs after the walk-through", cam)
		}
		kept, err := filepath.Glob(filepath.Join(state, "releases", "*", "*"))
		if err != nil || len(kept) != 1 || filepath.Base(kept[0]) != "2" {
			t.Errorf("%s holds %v, %v; it should hold release 2 alone", cam, kept, err)
		}
		slots, err := filepath.Glob(filepath.Join(state, "slot", "*", "firmware.img"))
		if err != nil || len(slots) != 1 {
			t.Fatalf("%s has the slots %v, %v; want one", cam, slots, err)
		}
		got, err := os.ReadFile(slots[0])
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(got) != sha256.Sum256(want) {
			t.Errorf("what %s installed is not firmware-2.bin", cam)
		}
	}
	if !strings.Contains(out, "is release 2 (1.2.0) of acme.example/cam-1, the newest") {
		t.Errorf("the walk-through printed\n%s", out)
	}
}
