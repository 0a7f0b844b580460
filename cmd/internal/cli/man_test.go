package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A page says what --help says, escapes what roff would take for its own, and passes
// groff and mandoc where they are installed.
func TestManPage(t *testing.T) {
	root := tool(func(*cobra.Command, []string) error { return nil }, func(c *cobra.Command) {
		c.Short = "Does it"
		c.Long = "It does what\n.it can\\not.\n\nLike so:\n\n  'tool do --n 2 \\\n    --more\n\nAnd more."
		c.Example = "  tool do --n 2\n  .tool do"
		c.Flags().Int("n", 7, "how many `TIMES`")
		c.Flags().Bool("secret", false, "nobody's business")
		if err := c.Flags().MarkHidden("secret"); err != nil {
			t.Fatal(err)
		}
	})
	root.AddCommand(NewManCommand("tool"))
	dir := t.TempDir()
	if code, out, errs := run(t.Context(), root, "man", "--out", filepath.Join(dir, "man1")); code != ExitOK || !strings.Contains(out, "3 pages") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	page, err := os.ReadFile(filepath.Join(dir, "man1", "tool-do.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH TOOL\\-DO 1", "tool\\-do \\- Does it", "\\&.it can\\enot.", ".EX\n\\&'tool do \\-\\-n 2 \\e\n  \\-\\-more\n.EE\n.PP\nAnd more.",
		"\\fB\\-\\-n\\fR \\fITIMES\\fR\nhow many TIMES (default 7)", ".EX\ntool do \\-\\-n 2\n\\&.tool do\n.EE", ".BR tool (1)",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "secret") {
		t.Error("a hidden flag is told")
	}
	lintManPages(t, filepath.Join(dir, "man1"))
}

// lintManPages has groff and mandoc look at pages, where they are installed.
func lintManPages(t *testing.T, dir string) {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, lint := range [][]string{{"groff", "-man", "-ww", "-z"}, {"mandoc", "-T", "lint", "-W", "warning"}} {
		if _, err := exec.LookPath(lint[0]); err != nil {
			t.Logf("%s is not installed", lint[0])
			continue
		}
		out, _ := exec.Command(lint[0], append(lint[1:], pages...)...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "missing date") { // the same source gives the same page on any day
				t.Errorf("%s: %s", lint[0], line)
			}
		}
	}
}
