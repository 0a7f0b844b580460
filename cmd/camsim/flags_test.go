package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Each flag that takes more than a text says what, in plain words.
func TestFlagsSayWhatTheyTake(t *testing.T) {
	l := newLab(t)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Value.Type(), "string") || f.Name == "help" || f.Name == "version" {
				return
			}
			path := strings.Fields(c.CommandPath())[1:]
			l.refused(exitUsage, "--"+f.Name+` "abc"`, append(path, "--"+f.Name+"=abc")...)
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand(l.program))
	l.refused(exitUsage, `--cameras "abc": write numbers`, "flow", "--cameras", "abc")
	if r := l.must("--version"); !strings.HasPrefix(r.stdout, "camsim ") {
		t.Errorf("%q", r.stdout)
	}
}
