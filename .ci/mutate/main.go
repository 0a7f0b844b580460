// Command mutate shows that the tests of defences test them: it switches off one
// defence at a time and demands that its test fails. Run it in the module's root:
//
//	go run ./.ci/mutate [-run REGEXP] [-shard I/N] [-rounds N] [FILE]
//
// FILE (default .ci/mutate/defences.txt) says how; its first lines explain the
// format. Nothing in the tree is changed: the compiler sees the altered files
// through an overlay. Functions are altered all at once, each beside its
// original, and a variable of the environment says which of them is in force; so
// each package is compiled once. What stands outside functions is compiled apart.
// The exit code is 0 only if every test passes as the code is and fails without
// its defence, in each of N rounds: a test that notices by luck is none.
package main

import (
	"bytes"
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

// A test without its defence may take twenty times as long as with it, within
// these bounds; one that hangs has failed too. timeoutAll bounds the run of a
// package's tests as the code is.
const (
	timeoutMin = 30 * time.Second
	timeoutMax = 2 * time.Minute
	timeoutAll = 10 * time.Minute
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
	only := flag.String("run", "", "only defences whose threat, package or test matches")
	shard := flag.String("shard", "1/1", "only every Nth defence, beginning with the Ith: I/N")
	rounds := flag.Int("rounds", 1, "how often a test must fail without its defence, in a row")
	flag.Parse()
	path := ".ci/mutate/defences.txt"
	if flag.NArg() > 0 {
		path = flag.Arg(0)
	}
	if err := run(path, *only, *shard, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(path, only, shard string, rounds int) error {
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
	var which, of int
	if _, err := fmt.Sscanf(shard, "%d/%d", &which, &of); err != nil || which < 1 || which > of {
		return fmt.Errorf("-shard %q is not I/N with 1 <= I <= N", shard)
	}
	tmp, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	var chosen []defence
	for i, d := range defences {
		if i%of != which-1 || !match.MatchString(d.threat) && !match.MatchString(d.test) && !match.MatchString(d.pkg) {
			continue
		}
		for _, e := range d.edits {
			if _, err := e.find(); err != nil {
				return fmt.Errorf("%s:%d: %w", path, d.line, err)
			}
		}
		chosen = append(chosen, d)
	}
	began := time.Now()
	overlay, inside, err := switches(tmp, chosen)
	if err != nil {
		return err
	}
	b, bad := build(tmp, overlay, chosen)
	fmt.Printf("%d packages compiled and run as they are in %.0f s\n", len(b.bins), time.Since(began).Seconds())

	type result struct {
		how  string
		err  error
		took time.Duration
	}
	results := make([]chan result, len(chosen))
	places := make(chan struct{}, runtime.NumCPU())
	for i, d := range chosen {
		results[i] = make(chan result, 1)
		go func() {
			places <- struct{}{}
			began := time.Now()
			how, err := b.check(d, inside[d.line], rounds)
			results[i] <- result{how, err, time.Since(began)}
			<-places
		}()
	}
	var defects []string // said again at the end, where they are looked for
	for i, d := range chosen {
		r := <-results[i]
		verdict := "caught"
		if r.err != nil {
			verdict, r.how = "DEFECT", r.err.Error()
			bad++
		}
		said := fmt.Sprintf("%-7s %-34s %-12s %s: %s (%.0f s)", verdict, d.threat, d.pkg, d.test, r.how, r.took.Seconds())
		fmt.Println(said)
		if r.err != nil {
			defects = append(defects, said)
		}
	}
	for _, said := range defects {
		fmt.Println(said)
	}
	fmt.Printf("%d defences, %d defects, %.0f s\n", len(chosen), bad, time.Since(began).Seconds())
	if bad > 0 {
		return errors.New("a test does not notice that its defence is off, or the table is out of date")
	}
	return nil
}

// builds are the test binaries of the packages, each with every altered function
// in it.
type builds struct {
	tmp  string
	bins map[string]string        // by package; "" where the altered functions do not compile
	took map[string]time.Duration // how long a package's test takes as the code is, by package and name
}

// build compiles the tests of every package and runs those of the table as the
// code is. It returns the number of tests that do not pass.
func build(tmp, overlay string, defences []defence) (b builds, bad int) {
	b = builds{tmp: tmp, bins: map[string]string{}, took: map[string]time.Duration{}}
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
	for i, pkg := range order {
		bin := filepath.Join(tmp, fmt.Sprintf("%d.test", i))
		b.bins[pkg] = bin
		if out, err := compile(bin, pkg, overlay); err != nil {
			fmt.Printf("%s does not compile with all of its switches, so each defence is compiled apart: %v\n%s\n", pkg, err, tail(out))
			b.bins[pkg] = ""
			if out, err := compile(bin, pkg, ""); err != nil {
				fmt.Printf("DEFECT  %s does not compile as the code is: %v\n%s\n", pkg, err, tail(out))
				bad++
				continue
			}
		}
		out, err := execute(bin, pkg, timeoutAll, tests[pkg], 0)
		for _, name := range tests[pkg] {
			m := regexp.MustCompile(`(?m)^--- PASS: ` + name + ` \((.*)s\)$`).FindSubmatch(out)
			if m == nil {
				fmt.Printf("DEFECT  %s %s does not pass as the code is: %v\n%s\n", pkg, name, err, tail(out))
				bad++
				continue
			}
			b.took[pkg+" "+name], _ = time.ParseDuration(string(m[1]) + "s")
		}
	}
	return b, bad
}

// check switches the defence off and says how its test noticed, in the last of so
// many rounds. A test that hangs hangs once. inside: it is one of the switches in the
// package's test binary.
func (b *builds) check(d defence, inside bool, rounds int) (how string, err error) {
	bin, number := b.bins[d.pkg], d.line
	if !inside || bin == "" {
		bin, number = filepath.Join(b.tmp, fmt.Sprintf("apart-%d.test", d.line)), 0
		overlay, err := d.overlay(b.tmp)
		if err != nil {
			return "", err
		}
		defer os.Remove(bin)
		if out, err := compile(bin, d.pkg, overlay); err != nil {
			return "", fmt.Errorf("the test does not compile with the new text:\n%s", tail(out))
		}
	}
	limit := min(max(20*b.took[d.pkg+" "+d.test], timeoutMin), timeoutMax)
	for round := range rounds {
		out, err := execute(bin, d.pkg, limit, []string{d.test}, number)
		switch {
		case err == nil:
			return "", fmt.Errorf("the test passes without the defence, in round %d", round+1)
		case bytes.Contains(out, []byte("panic: test timed out")):
			return "it hangs without", nil
		case bytes.Contains(out, []byte("--- FAIL: "+d.test)):
			how = "it fails without"
		case bytes.Contains(out, []byte("panic: ")), bytes.Contains(out, []byte("fatal error: ")):
			how = "it breaks down without"
		default:
			return "", fmt.Errorf("%w, but not in this test:\n%s", err, tail(out))
		}
	}
	return how, nil
}

// compile makes the test binary of a package.
func compile(bin, pkg, overlay string) ([]byte, error) {
	args := []string{"test", "-c", "-ldflags=-w", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	return exec.Command("go", append(args, pkg)...).CombinedOutput()
}

// execute runs tests of a package with one switch off, 0: none.
func execute(bin, pkg string, limit time.Duration, names []string, number int) ([]byte, error) {
	c := exec.Command(bin, "-test.v", "-test.timeout="+limit.String(), "-test.run=^("+strings.Join(names, "|")+")$")
	c.Dir = pkg
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
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
