package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCompletionReachesItsPlace: a flag's own entry goes before that of its name, lists
// go on after a comma, and an entry for nothing is told.
func TestCompletionReachesItsPlace(t *testing.T) {
	nothing := func(*cobra.Command, []string) error { return nil }
	two := &cobra.Command{Use: "two", RunE: nothing, Args: cobra.ArbitraryArgs}
	two.Flags().String("mode", "", "")
	root := tool(nothing, func(do *cobra.Command) {
		do.Args = cobra.ArbitraryArgs
		for _, f := range []string{"mode", "list", "file", "wait"} {
			do.Flags().String(f, "", "")
		}
	})
	root.AddCommand(two)
	unused := Completion{
		"--mode": Words("a", "ab", "b"), "two --mode": Words("c"), "--list": CommaWords("s3", "s3capped", "poll"),
		"--file": Files("toml"), "--wait": Words("ready", "peers="), "do": Or([]string{"word"}, Files("csv")), "two": Dirs,
		"three": Dirs, "--none": Dirs,
	}.Apply(root)
	if len(unused) != 2 {
		t.Errorf("unused: %q", unused)
	}
	for line, want := range map[string]string{
		"do --mode a":           "a ab :4",
		"two --mode ":           "c :4",
		"do --list s3,":         "s3,s3capped s3,poll :6",
		"do --list s3,s3":       "s3,s3capped :6",
		"do --file ":            "toml :8",
		"do --wait ":            "ready peers= :6",
		"do w":                  "word :0",
		"do x":                  "csv :8",
		"two ":                  ":16",
		"do --list poll,s3,s3c": "poll,s3,s3capped :6",
	} {
		_, out, _ := run(t.Context(), root, append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(line, " ")...)...)
		if got := strings.Join(strings.Fields(out), " "); got != want {
			t.Errorf("%q offers %q, not %q", line, got, want)
		}
	}
}

func TestMisspeltCommandsAreRecognised(t *testing.T) {
	root := tool(func(*cobra.Command, []string) error { return nil })
	for word, want := range map[string]string{"doo": `did you mean "do"?`, "entirely": "it has: completion, do "} {
		if code, _, errs := run(t.Context(), root, word); code != ExitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", word, code, errs)
		}
	}
	for value, want := range map[string]string{"everyone": "write canary or percent", "percnt": `did you mean "percent"?`} {
		if err := Choice("mode", value, []string{"canary", "percent"}); !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}
