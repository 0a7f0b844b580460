package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// tool is a command line with one command that does what a test wants.
func tool(run func(cmd *cobra.Command, args []string) error, change ...func(*cobra.Command)) *cobra.Command {
	do := &cobra.Command{Use: "do", Args: cobra.NoArgs, RunE: run}
	for _, f := range change {
		f(do)
	}
	return Group("tool", "short", "long", do)
}

func run(ctx context.Context, root *cobra.Command, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(ctx, root, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// A person who pressed Ctrl-C knows why everything failed.
func TestInterruptedCommandsSaySoAndNoMore(t *testing.T) {
	ask := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:1", nil)
		if err != nil {
			return err
		}
		_, err = http.DefaultClient.Do(r)
		return fmt.Errorf("no chain endpoint answers; name another with --rpc: %w", err)
	}
	for name, tc := range map[string]struct {
		run  func(*cobra.Command, []string) error
		says string
	}{
		"what was under way": {func(cmd *cobra.Command, _ []string) error { return ask(cmd.Context()) }, "tool: interrupted\n"},
		"told as text":       {func(cmd *cobra.Command, _ []string) error { return errors.New("endpoint: context canceled") }, "tool: interrupted\n"},
		"a joined error": {func(cmd *cobra.Command, _ []string) error {
			return errors.Join(cmd.Context().Err(), errors.New("closed"))
		}, "tool: interrupted\n"},
		"what remains": {func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("publish: %w; %w", errors.New("x"), Remains(ask(cmd.Context()), "transaction 0x12 was sent"))
		}, "tool: interrupted; transaction 0x12 was sent\n"},
		"another trouble": {func(*cobra.Command, []string) error { return errors.New("cannot remove /x") }, "tool: interrupted; cannot remove /x\n"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		root := tool(func(cmd *cobra.Command, args []string) error {
			cancel()
			return tc.run(cmd, args)
		})
		if code, out, errs := run(ctx, root, "do"); code != ExitInterrupted || out != "" || errs != tc.says {
			t.Errorf("%s: exit code %d, %q, %q; want %q", name, code, out, errs, tc.says)
		}
	}
	// What a library says when a signal was the cause.
	for _, text := range []string{"%w", "%v"} {
		ctx, stop := watchSignals(t.Context(), func(int) {})
		root := tool(func(cmd *cobra.Command, _ []string) error {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				return err
			}
			<-cmd.Context().Done()
			return fmt.Errorf("publish: "+text, ask(cmd.Context()))
		})
		if code, _, errs := run(ctx, root, "do"); code != 143 || errs != "tool: interrupted\n" {
			t.Errorf("SIGTERM, %s: exit code %d, %q", text, code, errs)
		}
		stop()
	}
	if code, _, errs := run(t.Context(), tool(func(*cobra.Command, []string) error { return Remains(errors.New("no"), "text") }), "do"); code != ExitFailed || errs != "tool: no\n" {
		t.Errorf("without an interruption: %d, %q", code, errs)
	}
}

func TestCommandThatRunsUntilInterruptedSucceeds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _, errs := run(ctx, tool(func(*cobra.Command, []string) error { return nil }), "do"); code != ExitOK || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

// TestSignals sends this process real ones: the first cancels, the second runs
// what was kept for it and ends the process.
func TestSignals(t *testing.T) {
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(sig.String(), func(t *testing.T) {
			if signal.Ignored(sig) {
				t.Skip("whoever started the test had it ignored, as nohup does, and so it stays")
			}
			exited := make(chan int)
			ctx, stop := watchSignals(t.Context(), func(code int) { exited <- code })
			defer stop()
			var removed []string
			AtOnce(ctx, func() { removed = append(removed, "kept") })
			AtOnce(ctx, func() { removed = append(removed, "taken back") })()
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			if got := interruptedBy(ctx); got != code {
				t.Errorf("exit code %d, want %d", got, code)
			}
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				t.Fatal(err)
			}
			if got := <-exited; got != code || strings.Join(removed, ",") != "kept" {
				t.Errorf("again: exit code %d, called %v", got, removed)
			}
		})
	}
}

// TestNobodyReads: a pipe whose reader has gone ends the command, which cleans
// up, and nothing is said of it.
func TestNobodyReads(t *testing.T) {
	for _, stream := range []string{"stdout", "stderr"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		var other bytes.Buffer
		cleaned := false
		root := tool(func(cmd *cobra.Command, _ []string) error {
			defer func() { cleaned = true }()
			fmt.Fprintln(map[string]io.Writer{"stdout": cmd.OutOrStdout(), "stderr": cmd.ErrOrStderr()}[stream], "text")
			<-cmd.Context().Done()
			return cmd.Context().Err()
		})
		var code int
		if stream == "stdout" {
			code = Run(t.Context(), root, []string{"do"}, strings.NewReader(""), w, &other)
		} else {
			code = Run(t.Context(), root, []string{"do"}, strings.NewReader(""), &other, w)
		}
		_ = w.Close()
		if code != ExitBrokenPipe || !cleaned || other.Len() > 0 {
			t.Errorf("%s: exit code %d, cleaned up %v, said %q", stream, code, cleaned, other.String())
		}
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestOutputThatWasNotWrittenIsAnError(t *testing.T) {
	var errs bytes.Buffer
	root := tool(func(cmd *cobra.Command, _ []string) error {
		return PrintFacts(cmd, false, nil, func(w io.Writer) { fmt.Fprintln(w, "facts") })
	})
	if code := Run(t.Context(), root, []string{"do"}, strings.NewReader(""), full{}, &errs); code != ExitFailed || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

// TestThreatTerminalEscapes: no text from outside moves a cursor, sets a title or
// hides a line, whatever a command prints it with.
func TestThreatTerminalEscapes(t *testing.T) {
	for text, want := range map[string]string{
		"1.0 \x1b[2J\x1b]0;title\x07": `1.0 \u001b[2J\u001b]0;title\u0007`,
		"back\rover":                  `back\u000dover`,
		"c1 \u009b31m":                `c1 \u009b31m`,
		"raw c1 \x9b31m":              `raw c1 \x9b31m`,
		"cut \xe2\x82":                `cut \xe2\x82`,
		"bidi \u202egnp.exe":          `bidi \u202egnp.exe`,
		"tag \U000e0041":              `tag \udb40\udc41`,
		"del \x7f, nul \x00":          `del \u007f, nul \u0000`,
		"Käse 🧀 日本 \ufffd\tx\ny":      "Käse 🧀 日本 \ufffd\tx\ny",
	} {
		root := tool(func(cmd *cobra.Command, _ []string) error {
			for i := range len(text) { // byte by byte: a character may be cut anywhere
				if _, err := io.WriteString(cmd.OutOrStdout(), text[i:i+1]); err != nil {
					return err
				}
			}
			return errors.New(text)
		})
		code, out, errs := run(t.Context(), root, "do")
		if code != ExitFailed || out != want {
			t.Errorf("%q: printed %q, want %q", text, out, want)
		}
		if strings.ContainsFunc(strings.TrimSuffix(errs, "\n"), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == 0x9b || r == 0x202e }) {
			t.Errorf("%q: the error is %q", text, errs)
		}
	}
	if got := Line("a\tb\nc\x1b"); got != `a\tb\nc\u001b` {
		t.Errorf("one line: %q", got)
	}
}

// JSON stays the document that it was.
func TestControlCharactersSurviveJSON(t *testing.T) {
	want := "del \x7f c1 \u009b bidi \u202e tag \U000e0041 esc \x1b line \n"
	root := tool(func(cmd *cobra.Command, _ []string) error { return PrintJSON(cmd, want) })
	_, out, _ := run(t.Context(), root, "do")
	var got string
	if err := json.Unmarshal([]byte(out), &got); err != nil || got != want {
		t.Errorf("%q, %v, printed as %s", got, err, out)
	}
}

func TestRawBytesPass(t *testing.T) {
	root := tool(func(cmd *cobra.Command, _ []string) error {
		_, err := Raw(cmd.OutOrStdout()).Write([]byte("\r\x1b[K\xff"))
		return err
	})
	if _, out, _ := run(t.Context(), root, "do"); out != "\r\x1b[K\xff" {
		t.Errorf("%q", out)
	}
}

// What is wrong with a command line is said in words, not in those of the
// libraries.
func TestPlainWordsForCommandLines(t *testing.T) {
	flags := func(cmd *cobra.Command) {
		fl := cmd.Flags()
		fl.Int("int", 0, "")
		fl.Uint64("uint", 0, "")
		fl.Uint32("uint32", 0, "")
		fl.Float64("float", 0, "")
		fl.Duration("wait", 0, "")
		fl.Bool("yes", false, "")
		for _, s := range []string{"a", "b", "c", "d", "e", "must", "also"} {
			fl.String(s, "", "")
		}
		cmd.MarkFlagsRequiredTogether("a", "b", "c")
		cmd.MarkFlagsMutuallyExclusive("d", "e")
	}
	required := func(names ...string) func(*cobra.Command) {
		return func(cmd *cobra.Command) {
			for _, n := range names {
				_ = cmd.MarkFlagRequired(n)
			}
		}
	}
	for _, tc := range []struct {
		args   string
		change func(*cobra.Command)
		says   string
	}{
		{"--int abc", nil, `--int "abc": write a whole number`},
		{"--uint -1", nil, `--uint "-1": write a whole number, 0 or more`},
		{"--uint32 4294967296", nil, "--uint32 4294967296: the number is too large or too small"},
		{"--float x", nil, `--float "x": write a number`},
		{"--wait 5", nil, `--wait "5": write a duration such as 90s, 5m or 24h`},
		{"--yes=maybe", nil, `--yes "maybe": write true or false`},
		{"--must", nil, "--must needs a value"},
		{"--bogus", nil, "unknown flag --bogus"},
		{"--watt 5s", nil, "unknown flag --watt; did you mean --wait?"},
		{"", required("must"), "--must is missing"},
		{"", required("must", "also"), "--also and --must are missing"},
		{"extra", nil, `unexpected argument "extra"`},
		{"", func(c *cobra.Command) { c.Args = cobra.ExactArgs(1) }, "1 argument must be given, not 0"},
		{"x", func(c *cobra.Command) { c.Args = cobra.ExactArgs(2) }, "2 arguments must be given, not 1"},
		{"", func(c *cobra.Command) { c.Args = cobra.MinimumNArgs(1) }, "at least 1 argument must be given, not 0"},
		{"--a x", nil, "--a, --b and --c belong together: --b and --c are missing"},
		{"--a x --b y", nil, "--a, --b and --c belong together: --c is missing"},
		{"--d x --e y", nil, "--d and --e exclude one another"},
		{"", func(c *cobra.Command) { c.MarkFlagsOneRequired("d", "e") }, "one of --d and --e is needed"},
	} {
		root := tool(func(*cobra.Command, []string) error { return nil }, flags)
		if tc.change != nil {
			do, _, _ := root.Find([]string{"do"})
			tc.change(do)
		}
		code, _, errs := run(t.Context(), root, append([]string{"do"}, strings.Fields(tc.args)...)...)
		if want := "tool: " + tc.says + " (see 'tool do --help')\n"; code != ExitUsage || errs != want {
			t.Errorf("%q: exit code %d, %q; want %q", tc.args, code, errs, want)
		}
	}
}

func TestVersionIsOneLine(t *testing.T) {
	root := tool(func(*cobra.Command, []string) error { return nil })
	root.Version = "tool v1"
	if code, out, errs := run(t.Context(), root, "--version"); code != ExitOK || out != "tool v1\n" || errs != "" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}
