package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// tried matches a block of shell commands that is marked to be run, in a list or not.
var tried = regexp.MustCompile("(?s)<!-- try( [a-z0-9]+)? -->\\s*```sh\n(.*?)\n *```")

// TestGuides runs the marked blocks of each guide, one after the other in one shell, in
// an empty directory: what a newcomer would type. Blocks for a token run where the tests
// of tokens do, since the tool must be built for them.
func TestGuides(t *testing.T) {
	bin := buildBinaries(t)
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, m := range tried.FindAllSubmatch(page, -1) {
			if need := strings.TrimSpace(string(m[1])); need != "" && !tries[need] {
				continue
			}
			text.Write(m[2])
			text.WriteString("\n")
		}
		if text.Len() == 0 {
			continue
		}
		found++
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if m := fixedPort.FindString(text.String()); m != "" {
				t.Errorf("it uses a fixed port: %s", m)
			}
			script(t, bin, t.TempDir(), text.String(), 4*time.Minute)
		})
	}
	if found == 0 {
		t.Error("no guide has a block to run")
	}
}

// tries are the kinds of marked blocks that this build runs beside the plain ones.
var tries = map[string]bool{}
