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

// The exit codes. Those of `check` are part of its interface for scripts.
const (
	exitOK         = 0
	exitFailed     = 1 // the command could not do its work
	exitUsage      = 2 // the command line is wrong
	exitNotCurrent = 3 // check: a genuine release, not the newest
	exitRevoked    = 4 // check: a release that was revoked
	exitUnknown    = 5 // check: not a release of the product
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
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

// run executes one command line and returns its exit code. Whatever went wrong
// is one line on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
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
	fmt.Fprintf(stderr, "camswarm: %s\n", line)
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

func newRootCommand() *cobra.Command {
	root := newGroup("camswarm", "Firmware releases for swarms of cameras", `camswarm is the tool of those who make, roll out and own firmware.

Start with 'camswarm demo', which runs a chain, a seed and a swarm of cameras
on this machine and sends two releases through them.`,
		newDemoCommand(),
		newKeysCommand(),
		newDevchainCommand(),
		newRegistryCommand(),
		newProvisionCommand(),
		newReleaseCommand(),
		newIPNSCommand(),
		newRolloutCommand(),
		newLogCommand(),
		newCheckCommand(),
		newDIDCommand(),
		newStatusCommand(),
		newPeersCommand(),
		newLimitsCommand(),
		newGCCommand(),
		newDoctorCommand(),
	)
	root.Example = `  camswarm demo
  camswarm keys new --out signer1.key
  camswarm status --socket cam1/state/control.sock`
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// newGroup makes a command that only holds others. Called without one of them,
// or with a misspelt one, it fails with the list instead of printing help and
// succeeding, so that a script notices.
func newGroup(use, short, long string, subs ...*cobra.Command) *cobra.Command {
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
				return usagef("%s needs one of: %s (see '%s --help')", cmd.CommandPath(), list, cmd.CommandPath())
			}
			return usagef("%s has no command %q, it has: %s (see '%s --help')", cmd.CommandPath(), args[0], list, cmd.CommandPath())
		},
	}
	group.AddCommand(subs...)
	return group
}
