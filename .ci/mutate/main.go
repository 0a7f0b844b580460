// Command mutate shows that the tests of defences test them: it switches off one
// defence at a time and demands that its test fails. Run it in the module's root:
//
//	go run ./.ci/mutate [-run REGEXP] [-first] [FILE]
//
// FILE (default .ci/mutate/defences.txt) says how; its first lines explain the
// format. Nothing in the tree is changed: the compiler sees the altered files
// through an overlay. The exit code is 0 only if every test passes as the code
// is and fails without its defence.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// timeout bounds the run of one test without its defence: one that hangs has
// failed too. timeoutAll bounds the run of a package's tests as the code is.
const (
	timeout    = "90s"
	timeoutAll = "10m"
)

// A defence is a record of the table.
type defence struct {
	line   int    // where it begins
	threat string // as THREATS and the metrics name it
	pkg    string // of the test
	test   string
	edits  []edit
}

// An edit replaces a text that stands exactly once in a file.
type edit struct{ file, old, new string }

func main() {
	only := flag.String("run", "", "only defences whose threat or test matches")
	first := flag.Bool("first", false, "only the first defence of each threat; of the others only that they can be switched off")
	flag.Parse()
	path := ".ci/mutate/defences.txt"
	if flag.NArg() > 0 {
		path = flag.Arg(0)
	}
	if err := run(path, *only, *first); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(path, only string, first bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defences, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s:%w", path, err)
	}
	match, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	seen := map[string]bool{}
	for _, d := range defences {
		if _, err := d.overlay(tmp); err != nil {
			return fmt.Errorf("%s:%d: %w", path, d.line, err)
		}
	}
	defences = slices.DeleteFunc(defences, func(d defence) bool {
		again := seen[d.threat]
		seen[d.threat] = true
		return first && again || !match.MatchString(d.threat) && !match.MatchString(d.test)
	})

	bad := unmutated(tmp, defences)
	type result struct {
		how  string
		err  error
		took time.Duration
	}
	results := make([]chan result, len(defences))
	places := make(chan struct{}, runtime.NumCPU())
	for i, d := range defences {
		results[i] = make(chan result, 1)
		go func() {
			places <- struct{}{}
			began := time.Now()
			how, err := d.check(tmp)
			results[i] <- result{how, err, time.Since(began)}
			<-places
		}()
	}
	for i, d := range defences {
		r := <-results[i]
		verdict := "caught"
		if r.err != nil {
			verdict, r.how = "DEFECT", r.err.Error()
			bad++
		}
		fmt.Printf("%-7s %-34s %-12s %s: %s (%.0f s)\n", verdict, d.threat, d.pkg, d.test, r.how, r.took.Seconds())
	}
	fmt.Printf("%d defences, %d defects\n", len(defences), bad)
	if bad > 0 {
		return errors.New("a test does not notice that its defence is off, or the table is out of date")
	}
	return nil
}

// unmutated runs every test of the table as the code is, one run per package,
// and returns the number of those that do not pass.
func unmutated(tmp string, defences []defence) (bad int) {
	tests := map[string][]string{}
	var order []string
	for _, d := range defences {
		if tests[d.pkg] == nil {
			order = append(order, d.pkg)
		}
		if !slices.Contains(tests[d.pkg], d.test) {
			tests[d.pkg] = append(tests[d.pkg], d.test)
		}
	}
	for _, pkg := range order {
		out, err := test(filepath.Join(tmp, "unmutated"), pkg, timeoutAll, tests[pkg], nil)
		for _, name := range tests[pkg] {
			if !bytes.Contains(out, []byte("--- PASS: "+name+" (")) {
				fmt.Printf("DEFECT  %s %s does not pass as the code is: %v\n%s\n", pkg, name, err, tail(out))
				bad++
			}
		}
	}
	return bad
}

// overlay writes the altered files, and for the compiler a file that names them.
func (d defence) overlay(tmp string) (path string, err error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for i, e := range d.edits {
		full, err := filepath.Abs(e.file)
		if err != nil {
			return "", err
		}
		from := full
		if before, ok := overlay.Replace[full]; ok {
			from = before
		}
		code, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(code), e.old); n != 1 {
			return "", fmt.Errorf("the old text stands %d times in %s; it must stand there once", n, e.file)
		}
		to := filepath.Join(tmp, fmt.Sprintf("%d-%d.go", d.line, i))
		if err := os.WriteFile(to, []byte(strings.Replace(string(code), e.old, e.new, 1)), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[full] = to
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	path = filepath.Join(tmp, fmt.Sprintf("%d.json", d.line))
	return path, os.WriteFile(path, data, 0o600)
}

// check switches the defence off and says how its test noticed.
func (d defence) check(tmp string) (how string, err error) {
	file, err := d.overlay(tmp)
	if err != nil {
		return "", err
	}
	out, err := test(filepath.Join(tmp, fmt.Sprint(d.line)), d.pkg, timeout, []string{d.test}, []string{"-overlay", file})
	switch {
	case errors.Is(err, errBuild):
		return "", fmt.Errorf("%w with the new text:\n%s", err, tail(out))
	case err == nil:
		return "", errors.New("the test passes without the defence")
	case bytes.Contains(out, []byte("panic: test timed out")):
		return "it hangs without", nil
	case bytes.Contains(out, []byte("--- FAIL: "+d.test)):
		return "it fails without", nil
	case bytes.Contains(out, []byte("panic: ")), bytes.Contains(out, []byte("fatal error: ")):
		return "it breaks down without", nil
	}
	return "", fmt.Errorf("%w, but not in this test:\n%s", err, tail(out))
}

var errBuild = errors.New("the test does not compile")

// test compiles a package's tests to a file and runs some of them.
func test(bin, pkg, limit string, names, flags []string) (out []byte, err error) {
	defer os.Remove(bin)
	build := exec.Command("go", slices.Concat([]string{"test", "-c", "-ldflags=-w", "-o", bin}, flags, []string{pkg})...)
	if out, err = build.CombinedOutput(); err != nil {
		return out, errBuild
	}
	c := exec.Command(bin, "-test.v", "-test.timeout="+limit, "-test.run=^("+strings.Join(names, "|")+")$")
	c.Dir = pkg
	return c.CombinedOutput()
}

func tail(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return "\t" + strings.Join(lines[max(len(lines)-15, 0):], "\n\t")
}

// parse reads the table.
func parse(text string) (out []defence, err error) {
	var d *defence
	var e *edit
	for i, line := range strings.Split(text, "\n") {
		fail := func(why string) error { return fmt.Errorf("%d: %s: %q", i+1, why, line) }
		switch {
		case strings.TrimSpace(line) == "" || line[0] == '#':
		case line[0] == '[':
			f := strings.Fields(line)
			if len(f) != 3 || !strings.HasSuffix(f[0], "]") {
				return nil, fail("want [threat] package test")
			}
			out = append(out, defence{line: i + 1, threat: strings.Trim(f[0], "[]"), pkg: f[1], test: f[2]})
			d, e = &out[len(out)-1], nil
		case d == nil:
			return nil, fail("no [threat] package test before")
		case line[0] == '-' || line[0] == '+':
			if e == nil {
				return nil, fail("no file before")
			}
			if line[0] == '-' && e.new != "" { // another place in the file
				d.edits = append(d.edits, edit{file: e.file})
				e = &d.edits[len(d.edits)-1]
			}
			to := &e.old
			if line[0] == '+' {
				to = &e.new
			}
			if *to != "" {
				*to += "\n"
			}
			*to += strings.TrimPrefix(line[1:], " ")
		default:
			d.edits = append(d.edits, edit{file: strings.TrimSpace(line)})
			e = &d.edits[len(d.edits)-1]
		}
	}
	for _, d := range out {
		if len(d.edits) == 0 || slices.ContainsFunc(d.edits, func(e edit) bool { return e.old == "" || e.old == e.new }) {
			return nil, fmt.Errorf("%d: [%s] replaces nothing", d.line, d.threat)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("1: the table is empty")
	}
	return out, nil
}
