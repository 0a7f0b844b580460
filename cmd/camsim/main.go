package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes. They are part of the interface for scripts.
const (
	exitOK     = 0
	exitFailed = 1 // a run failed: cameras without the image, broken promises, or no run at all
	exitUsage  = 2 // the command line is wrong
)

func main() {
	// Signals are asked for here, before any run: the first request inside a
	// bubble of virtual time would be fatal.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, newProgram(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exitError carries an exit code other than 1 to run; a nil err prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usagef is an error about the command line itself.
func usagef(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// usage marks an error as one about the command line.
func usage(err error) error { return &exitError{code: exitUsage, err: err} }

// run executes one command line and returns its exit code. Whatever went wrong
// is one line on stderr.
func run(ctx context.Context, p *program, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand(p)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	running := false // until a command's own code runs, every error is about usage
	markRunning(root, &running)

	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
		if exit.err == nil {
			return code
		}
	case !running:
		code = exitUsage
	}
	line := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if code == exitUsage && !strings.Contains(line, "--help") {
		line += fmt.Sprintf(" (see '%s --help')", cmd.CommandPath())
	}
	fmt.Fprintf(stderr, "camsim: %s\n", line)
	return code
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

func newRootCommand(p *program) *cobra.Command {
	root := &cobra.Command{
		Use: "camsim", Short: "Networks of real nodes in virtual time",
		Long: `camsim runs whole networks of camswarm nodes in one process and in virtual time:
the real programs over simulated lines, beside S3, a CDN, stock bitswap and a
daily poll over the same lines.

Runs are statistically repeatable, not bit for bit: report medians over at least
three seeds (--seeds 3).`,
		Example: `  camsim run --scenario flash-crowd --nodes 50
  camsim run --scenario flash-crowd --nodes 200 --seeds 3 --out results
  camsim sweep --scenario flash-crowd --grid nodes=20,50,100 --links fast --seeds 3 --out sweep`,
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
				return usagef("camsim needs one of: %s (see 'camsim --help')", list)
			}
			return usagef("camsim has no command %q, it has: %s (see 'camsim --help')", args[0], list)
		},
	}
	root.AddCommand(newListCommand(), newShowCommand(), newRunCommand(p), newReportCommand(), newCompareCommand(), newSweepCommand(p), newMergeCommand(), newFlowCommand(p))
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}
