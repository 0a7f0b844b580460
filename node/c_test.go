package node_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"camswarm/node"
	"camswarm/node/control"
)

// compileC compiles a program of deploy/c with every warning and both sanitizers.
func compileC(t *testing.T, more ...string) (program string) {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		if os.Getenv("CAMSWARM_NEED_CC") != "" {
			t.Fatal("CAMSWARM_NEED_CC is set and there is no gcc")
		}
		t.Skip("no C compiler (gcc) on this machine: the client in C is not tried")
	}
	program = filepath.Join(t.TempDir(), "program")
	args := append([]string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", program, "../deploy/c/camswarm.c"}, more...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return program
}

// A camera's own program in C sees what the node does, hears its events, keeps the
// line free and answers for the owner, over the socket of a real node.
func TestClientInC(t *testing.T) {
	program := compileC(t, "../deploy/c/example.c")
	s := startSwarm(t, 1, func(_ string, c *node.Config) {
		if c.Role == node.RoleCamera {
			c.Install.Consent = "ask"
		}
	})
	camera := s.Cameras[0]
	socket := filepath.Join(t.TempDir(), control.SocketName)
	ctx, stop := context.WithCancel(s.ctx)
	served := make(chan error, 1)
	go func() { served <- control.NewServer(socket, camera.Node, nil, slog.New(slog.DiscardHandler)).Run(ctx) }()
	defer func() { stop(); s.must(<-served) }()
	s.until("the socket answers", func() bool {
		c, err := control.Dial(socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	run := func(args ...string) string {
		out, err := exec.CommandContext(s.ctx, program, append([]string{socket}, args...)...).CombinedOutput()
		if err != nil {
			out = append(out, "\nexit: "+err.Error()...)
		}
		return string(out)
	}
	events := exec.CommandContext(s.ctx, program, socket, "events")
	pipe, err := events.StdoutPipe()
	s.must(err)
	var words bytes.Buffer
	events.Stderr = &words
	s.must(events.Start())
	s.until("the program listens", func() bool { return camera.Node.Events().Listeners() == 1 })

	if got := run("events", "bogus"); !strings.Contains(got, "refused (400): ") || !strings.Contains(got, "bogus") {
		t.Errorf("events of no kind: %s", got)
	}
	if got := run("events", "a&b"); !strings.Contains(got, "Invalid argument") {
		t.Errorf("kinds that are more than that: %s", got)
	}
	alarms := exec.CommandContext(s.ctx, program, socket, "events", "consent,alarm")
	only, err := alarms.StdoutPipe()
	s.must(err)
	s.must(alarms.Start())
	s.until("it listens to some", func() bool { return camera.Node.Events().Listeners() == 2 })
	if got := run("consent", "now"); !strings.Contains(got, "no release waits for an answer") {
		t.Errorf("consent before there is a release: %s", got)
	}
	s.release(s.build(1, 1_000_000), toAll)
	s.until("the owner is asked", func() bool { return strings.Contains(run("status"), "consent wanted") })
	if got := run("busy", "30"); !strings.Contains(got, `"serves":"nobody"`) {
		t.Errorf("busy: %s", got)
	}
	if got := run("status"); !strings.Contains(got, "serves nobody\n") || !strings.Contains(got, "next 1: ") || !strings.Contains(got, "runs 0\n") {
		t.Errorf("status: %s", got)
	}
	if got := run("busy", "9999"); !strings.Contains(got, "refused (400): ") {
		t.Errorf("busy for ever: %s", got)
	}
	if got := run("consent", "now"); !strings.Contains(got, `{"state":"now"}`) {
		t.Errorf("consent: %s", got)
	}
	if first, err := bufio.NewReader(only).ReadString('\n'); err != nil || !strings.Contains(first, `"kind":"consent"`) {
		t.Errorf("of some kinds it heard %q first, %v", first, err)
	}
	s.must(alarms.Process.Signal(os.Interrupt))
	_ = alarms.Wait()
	s.until("release 1 runs", func() bool { return strings.Contains(run("status"), "runs 1\n") })
	heard := ""
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		heard += lines.Text() + "\n"
		if strings.Contains(lines.Text(), `"kind":"confirmed"`) {
			break
		}
	}
	s.must(events.Process.Signal(os.Interrupt))
	_ = events.Wait()
	for _, kind := range []string{"verified", "consent", "limits", "installing", "installed", "confirmed"} {
		if !strings.Contains(heard, `"kind":"`+kind+`"`) {
			t.Errorf("%s was not heard:\n%s%s", kind, heard, words.String())
		}
	}
}

// The example refuses a wrong command line before it asks, and a node that answers
// nonsense is neither believed nor printed as it is.
func TestExampleInCRefusesNonsense(t *testing.T) {
	program := compileC(t, "../deploy/c/example.c")
	for _, tc := range []struct{ reply, args, says string }{
		{"", "busy abc", `"abc" is no number`},
		{"", "busy 30x", `"30x" is no number`},
		{"", "busy 99999999999999999999", "is no number"},
		{"", "consent later 1h", `"1h" is no number`},
		{"", `consent now","x":"`, "now, later or never"},
		{"200 OK|{}", "consent now", "the status names no product"},
		{"200 OK|{\"products\":[{\"id\":\"0\\\"\"}]}", "consent now", "the status names no product"},
		{"503 Busy|{\"error\":\"too many\\u001b listen\"}", "events", "refused (503): too many? listen"},
		{"503 Busy|nonsense", "events", "error -2"},
		{"302 Found|{}", "events", "error -2"},
		{"000 OK|{}", "status", "error -2"},
		{"099 OK|{}", "status", "error -2"},
		{"600 OK|{}", "status", "error -2"},
		{"200 OK|{\"products\":[{\"name\":\"a\\u001b\\u009b\\u007f\\nä\"}]}", "status", "product a?????ä\n"},
	} {
		socket := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			status, body, _ := strings.Cut(tc.reply, "|")
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
		}()
		out, _ := exec.CommandContext(t.Context(), program, append([]string{socket}, strings.Split(tc.args, " ")...)...).CombinedOutput()
		_ = l.Close()
		if !strings.Contains(string(out), tc.says) {
			t.Errorf("%s, answered %q: %q, want %q", tc.args, tc.reply, out, tc.says)
		}
	}
}

// The reader of JSON in C, under the sanitizers: what a node says, each beginning of
// it, and what is almost JSON.
func TestJSONInC(t *testing.T) {
	program := compileC(t, "-DFUZZ_FILES", "../deploy/c/fuzz.c")
	corpus, err := filepath.Glob("../deploy/c/corpus/*")
	if err != nil || len(corpus) < 5 {
		t.Fatalf("%d files, %v", len(corpus), err)
	}
	if out, err := exec.Command(program, corpus...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
