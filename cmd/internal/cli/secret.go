package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// ErrNoTerminal says that there is nobody to ask.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// ReadSecret asks the person at the terminal of this process, whatever its stdin
// and stdout are, for a line that is not shown. It ends with ctx and leaves the
// terminal as it found it.
func ReadSecret(ctx context.Context, prompt string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, ErrNoTerminal
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		_ = tty.Close()
		return nil, ErrNoTerminal
	}
	fmt.Fprintf(tty, "%s: ", Line(prompt))
	type answer struct {
		line []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { _ = tty.Close() }()
		line, err := term.ReadPassword(fd)
		fmt.Fprintln(tty)
		done <- answer{line, err}
	}()
	restored := AtOnce(ctx, func() { _ = term.Restore(fd, before) })
	defer restored()
	select {
	case a := <-done:
		return a.line, a.err
	case <-ctx.Done(): // the goroutine ends with the process
		_ = term.Restore(fd, before)
		fmt.Fprintln(tty)
		return nil, context.Cause(ctx)
	}
}
