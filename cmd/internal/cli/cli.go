package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/node/nearest"
)

// The exit codes of every command; one may add its own. They are part of the
// interface for scripts.
const (
	ExitOK     = 0
	ExitFailed = 1 // the command could not do its work
	ExitUsage  = 2 // the command line is wrong

	// A command that a signal ended exits with 128 and the signal's number, as
	// shells count it: 130 after Ctrl-C, 143 after SIGTERM.
	ExitInterrupted = 128 + 2
	ExitBrokenPipe  = 128 + 13 // whoever read the output has gone, as in camswarm … | head
)

// ExitError carries an exit code other than ExitFailed to Run; a nil Err prints
// nothing.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usage marks an error as one about the command line itself.
func Usage(err error) error { return &ExitError{Code: ExitUsage, Err: err} }

// Usagef is an error about the command line itself.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// Main runs the command line of this process and returns the exit code. A first
// SIGINT, SIGTERM or SIGHUP cancels the command's context, so that it cleans up
// after itself; a second one ends the process at once, see [AtOnce].
func Main(root *cobra.Command) int {
	ctx, stop := watchSignals(context.Background(), os.Exit)
	defer stop()
	return Run(ctx, root, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// Run executes one command line and returns its exit code. Whatever went wrong
// is one line on stderr: "interrupted" if ctx ended, nothing if nobody reads
// the output any more. No control character that a command prints reaches
// stdout or stderr, see [Raw].
func Run(ctx context.Context, root *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, errs := newOutput(stdout, cancel), newOutput(stderr, cancel)
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(plainFlagError)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(errs)
	running := false // until a command's own code runs, every error is about usage
	markRunning(root, &running)

	cmd, err := root.ExecuteContextC(ctx)
	out.flush()
	errs.flush()
	switch {
	case out.broken() || errs.broken():
		return ExitBrokenPipe
	case err == nil && out.failure() != nil:
		err = fmt.Errorf("the output could not be written: %w", out.failure())
	case err == nil:
		return ExitOK
	case ctx.Err() != nil && running:
		fmt.Fprintf(errs, "%s: %s\n", root.Name(), oneLine(interruption(ctx, err)))
		return interruptedBy(ctx)
	}
	code := ExitFailed
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	case !running:
		code = ExitUsage
		err = plainUsageError(err)
	}
	line := oneLine(err.Error())
	if code == ExitUsage && !strings.Contains(line, "--help") {
		line += fmt.Sprintf(" (see '%s --help')", cmd.CommandPath())
	}
	fmt.Fprintf(errs, "%s: %s\n", root.Name(), line)
	return code
}

// oneLine puts an error of several lines, as errors.Join makes them, on one.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func markRunning(cmd *cobra.Command, running *bool) {
	if inner := cmd.RunE; inner != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*running = true
			return inner(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		markRunning(sub, running)
	}
}

// Group makes a command that only holds others. Called without one of them, or
// with a misspelt one, it fails with the list instead of printing help and
// succeeding, so that a script notices.
func Group(use, short, long string, subs ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var names []string
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name())
				}
			}
			list := strings.Join(names, ", ")
			if len(args) == 0 {
				return Usagef("%s needs one of: %s (see '%s --help')", cmd.CommandPath(), list, cmd.CommandPath())
			}
			if meant := nearest.To(args[0], names); meant != "" {
				return Usagef("%s has no command %q; did you mean %q?", cmd.CommandPath(), args[0], meant)
			}
			return Usagef("%s has no command %q, it has: %s (see '%s --help')", cmd.CommandPath(), args[0], list, cmd.CommandPath())
		},
	}
	group.AddCommand(subs...)
	return group
}

// AddJSON gives a command the flag --json.
func AddJSON(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print one JSON document on stdout")
}

// PrintJSON writes v as one indented JSON document on stdout.
func PrintJSON(cmd *cobra.Command, v any) error {
	enc := json.NewEncoder(cmd.OutOrStdout())
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// PrintFacts writes v as JSON if asked to, else calls text.
func PrintFacts(cmd *cobra.Command, asJSON bool, v any, text func(w io.Writer)) error {
	if asJSON {
		return PrintJSON(cmd, v)
	}
	text(cmd.OutOrStdout())
	return nil
}

// Note tells the person at the terminal what happens; stdout stays for facts.
func Note(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
}
