package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// NewManCommand makes the command that writes the manual pages of the tree that it is
// in.
func NewManCommand(tool string) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "man",
		Short: "Write the manual pages of all commands",
		Long: `Writes one page for each command into a directory, from the very texts and flags
that --help shows. Releases carry them; whoever built the tool can make them.`,
		Example: "  " + tool + " man --out man1",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pages, err := WriteManPages(cmd.Root(), dir)
			if err != nil {
				return err
			}
			facts := struct {
				Pages []string `json:"pages"`
			}{pages}
			return PrintFacts(cmd, asJSON, facts, func(w io.Writer) {
				fmt.Fprintf(w, "%d pages in %s; 'man -l %s' shows one\n", len(pages), dir, filepath.Join(dir, pages[0]))
			})
		},
	}
	cmd.Flags().StringVar(&dir, "out", "", "directory to write to; it is made if need be")
	AddJSON(cmd, &asJSON)
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

// WriteManPages writes the manual page of a command and of every one below it, in
// section 1, and returns the names of the files. The same tree gives the same bytes.
func WriteManPages(root *cobra.Command, dir string) (names []string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var write func(*cobra.Command) error
	write = func(c *cobra.Command) error {
		name := pageName(c) + ".1"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(ManPage(c)), 0o644); err != nil {
			return err
		}
		names = append(names, name)
		for _, sub := range documented(c) {
			if err := write(sub); err != nil {
				return err
			}
		}
		return nil
	}
	return names, write(root)
}

// documented are the subcommands that have pages: what cobra adds by itself has none.
func documented(c *cobra.Command) (subs []*cobra.Command) {
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() && s.Name() != "completion" && s.Name() != "help" {
			subs = append(subs, s)
		}
	}
	return subs
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// ManPage returns a command's manual page.
func ManPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" %q \"User Commands\"\n", strings.ToUpper(roff(pageName(c))), c.Root().Name())
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(pageName(c)), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, text(c))
	if subs := documented(c); len(subs) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, s := range subs {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(pageName(s)), roff(s.Short))
		}
	}
	b.WriteString(".SH OPTIONS\n")
	c.InitDefaultHelpFlag()
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := `\-\-` + roff(f.Name)
		if f.Shorthand != "" {
			name = `\-` + f.Shorthand + ", " + name
		}
		fmt.Fprintf(&b, ".TP\n\\fB%s\\fR", name)
		if kind != "" {
			fmt.Fprintf(&b, " \\fI%s\\fR", roff(kind))
		}
		fmt.Fprintf(&b, "\n%s", roff(usage))
		switch f.DefValue {
		case "", "false", "0", "0s", "[]":
		default:
			fmt.Fprintf(&b, " (default %s)", roff(f.DefValue))
		}
		b.WriteString("\n")
	})
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.EX\n")
		for line := range strings.Lines(c.Example) {
			fmt.Fprintf(&b, "%s\n", start(roff(strings.TrimPrefix(strings.TrimRight(line, "\n"), "  "))))
		}
		b.WriteString(".EE\n")
	}
	fmt.Fprintf(&b, `.SH EXIT STATUS
0 if it did its work, %d if not, %d if the command line is wrong, 128 and the signal's
number if a signal ended it; a command with others says so above.
`, ExitFailed, ExitUsage)
	if p := c.Parent(); p != nil {
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(pageName(p)))
	}
	return b.String()
}

func text(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// paragraphs writes text of paragraphs; lines that are indented stay as they are.
func paragraphs(b *strings.Builder, text string) {
	verbatim := false
	set := func(to bool) {
		if verbatim != to {
			b.WriteString(map[bool]string{true: ".EX\n", false: ".EE\n"}[to])
		}
		verbatim = to
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.TrimSpace(line) == "" {
			set(false)
			b.WriteString(".PP\n")
			continue
		}
		set(strings.HasPrefix(line, "  "))
		fmt.Fprintf(b, "%s\n", start(roff(strings.TrimPrefix(line, "  "))))
	}
	set(false)
}

// roff escapes what roff would take for its own.
func roff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\u2026", "...").Replace(s)
}

// start keeps a line from being taken for a request.
func start(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}
