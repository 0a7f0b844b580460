package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// output is what a command prints to. Versions, names, addresses and errors come
// from anybody, and a terminal obeys control characters in them: they are written
// as Go and JSON write them, \u001b, so that a JSON document stays the same.
type output struct {
	w      io.Writer
	cancel context.CancelCauseFunc // ends the command when nobody reads w any more

	mu   sync.Mutex
	part []byte // beginning of a character whose end was not written yet
	err  error  // of the first write that failed
}

func newOutput(w io.Writer, cancel context.CancelCauseFunc) *output {
	return &output{w: w, cancel: cancel}
}

// Write writes text with control characters made visible.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := append(o.part, b...)
	whole := len(text) - partial(text)
	o.part = append([]byte(nil), text[whole:]...)
	if err := o.put([]byte(Visible(string(text[:whole])))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// put writes bytes as they are; the lock is held.
func (o *output) put(b []byte) error {
	if o.err != nil {
		return o.err
	}
	if len(b) == 0 {
		return nil
	}
	if _, err := o.w.Write(b); err != nil {
		o.err = err
		if errors.Is(err, syscall.EPIPE) {
			o.cancel(err)
		}
	}
	return o.err
}

// flush writes what is left of an incomplete character.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := o.part
	o.part = nil
	_ = o.put([]byte(Visible(string(rest))))
}

func (o *output) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *output) broken() bool { return errors.Is(o.failure(), syscall.EPIPE) }

// partial returns how many bytes at the end of b begin a character that is not
// complete.
func partial(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// Visible returns a text in which control and format characters, but for tab and
// newline, and bytes that are no UTF-8 are written out: \u001b, \xff.
func Visible(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\n' || r == '\t' || unicode.IsGraphic(r):
			b.WriteString(s[:size])
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		s = s[size:]
	}
	return b.String()
}

// Line is Visible for a text that stands in a line of its own or in a cell of a
// table: tabs and newlines in it are written out too.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Visible(s))
}

// raw passes bytes through an output unchanged.
type raw struct{ o *output }

func (r raw) Write(b []byte) (int, error) {
	r.o.mu.Lock()
	defer r.o.mu.Unlock()
	if err := r.o.put(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Raw returns a writer to the same place on which control characters work, for
// redrawing a terminal and for bytes that are no text. Nothing that comes from
// outside may be written to it, unless it is meant for a file.
func Raw(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return raw{o}
	}
	return w
}

// Underlying returns the file behind a command's output, for a child process that
// shall have the terminal itself.
func Underlying(w io.Writer) io.Writer {
	switch w := w.(type) {
	case *output:
		return w.w
	case raw:
		return w.o.w
	}
	return w
}

// IsTerminal reports whether w is a terminal, on which a line may be redrawn.
func IsTerminal(w io.Writer) bool {
	f, ok := Underlying(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// What does not tell its size is taken for the smallest common terminal, in characters.
const (
	DefaultWidth  = 80
	defaultHeight = 24
)

// Size returns a terminal's width and height in characters now.
func Size(w io.Writer) (width, height int) {
	if f, ok := Underlying(w).(*os.File); ok {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return DefaultWidth, defaultHeight
}
