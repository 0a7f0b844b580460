package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"camswarm/node/nearest"
)

// Completion is what a shell offers, by where it stands: "--flag" in every command that
// has the flag, "rollout set --mode" in one, "release sign" for a command's arguments.
type Completion map[string]cobra.CompletionFunc

// Apply gives it to a tree of commands, and returns the places that the tree does not
// have. A flag without an entry is left to the shell, which offers files.
func (c Completion) Apply(root *cobra.Command) (unused []string) {
	used := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		at := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), root.Name()), " ")
		if f, ok := c[at]; ok && at != "" {
			cmd.ValidArgsFunction, used[at] = f, true
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			for _, key := range []string{at + " --" + f.Name, "--" + f.Name} {
				if complete, ok := c[key]; ok {
					used[key] = true
					_ = cmd.RegisterFlagCompletionFunc(f.Name, complete) // fails for one that is registered
					return
				}
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for key := range c {
		if !used[key] {
			unused = append(unused, key)
		}
	}
	return unused
}

// Words offers words, and no files.
func Words[T ~string](words ...T) cobra.CompletionFunc {
	return Found(func(*cobra.Command) (out []string) {
		for _, w := range words {
			out = append(out, string(w))
		}
		return out
	})
}

// Found offers words that are looked for when they are needed, and no files.
func Found(words func(cmd *cobra.Command) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) (out []cobra.Completion, d cobra.ShellCompDirective) {
		d = cobra.ShellCompDirectiveNoFileComp
		for _, w := range words(cmd) {
			if strings.HasPrefix(w, begun) {
				out = append(out, w)
			}
			if strings.HasSuffix(w, "=") {
				d |= cobra.ShellCompDirectiveNoSpace
			}
		}
		return out, d
	}
}

// CommaWords offers words for a list with commas between them.
func CommaWords(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) (out []cobra.Completion, _ cobra.ShellCompDirective) {
		head, last := "", begun
		if i := strings.LastIndexByte(begun, ','); i >= 0 {
			head, last = begun[:i+1], begun[i+1:]
		}
		for _, w := range words {
			if strings.HasPrefix(w, last) && !strings.Contains(","+head, ","+w+",") {
				out = append(out, head+w)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// Files offers directories and files that end in one of some ways, such as "toml".
func Files(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// Or offers words, or files if none begins with what stands there.
func Or(words []string, files cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if out, _ := Words(words...)(cmd, args, begun); len(out) > 0 {
			return out, cobra.ShellCompDirectiveDefault
		}
		return files(cmd, args, begun)
	}
}

// Dirs offers directories.
func Dirs(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// Choice is the error about a flag's value that is none of a few words: it names the
// one that was meant, or else all.
func Choice[T ~string](flag, value string, choices []T) error {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	return Usagef("--%s %q: %s", flag, value, nearest.Or(value, words, "write "+anyOf(words)))
}

// anyOf lists choices for people: "a, b or c".
func anyOf(choices []string) string {
	if n := len(choices) - 1; n > 0 {
		return strings.Join(choices[:n], ", ") + " or " + choices[n]
	}
	return strings.Join(choices, "")
}
