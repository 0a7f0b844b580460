package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command in docs/RECOVERY.md exists, with the flags that it is shown with
// and all that it demands.
func TestCommandsOfTheRecoveryPageExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/RECOVERY.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/RECOVERY.md shows no commands")
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(block[1]), "\\\n", " ")), "\n")
	for _, m := range regexp.MustCompile("`camswarm ([a-z][^`]*)`").FindAllSubmatch(page, -1) {
		if args := strings.Fields(string(m[1])); !strings.ContainsAny(string(m[1]), "…|") {
			if _, _, err := newRootCommand().Find(words(args)); err != nil {
				t.Errorf("camswarm %s: %v", m[1], err)
			}
		}
	}
	for _, line := range lines {
		args := strings.Fields(line)
		if len(args) == 0 || args[0] != "camswarm" {
			t.Errorf("%q is no command of this tool", line)
			continue
		}
		// A text in quotes counts as one word.
		text := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(strings.Join(args[1:], " "), "text")
		c, rest, err := newRootCommand().Find(strings.Fields(text))
		if err != nil || c.HasSubCommands() {
			t.Errorf("%q: %v", line, err)
			continue
		}
		c.RunE = func(*cobra.Command, []string) error { return nil }
		for _, check := range []func() error{
			func() error { return c.ParseFlags(rest) }, func() error { return c.Args(c, c.Flags().Args()) }, c.ValidateRequiredFlags, c.ValidateFlagGroups,
		} {
			if err := check(); err != nil {
				t.Errorf("%q: %v", line, err)
				break
			}
		}
	}
}

// words are the arguments before the first flag.
func words(args []string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			return args[:i]
		}
	}
	return args
}
