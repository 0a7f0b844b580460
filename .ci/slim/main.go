// Command slim makes camera builds smaller. The go command calls it for each of its
// tools (go build -toolexec), and it changes two things on their way to the compiler:
//
//   - The patches of third_party/patches are applied to libraries. Each takes out a
//     dependency that a camera does not use, and adds none.
//   - Every line of source is line 1, so that the table by which a stack trace finds
//     line numbers is nearly empty. A trace still names functions, files and offsets.
//
// Nothing else changes; what it does is part of each package's key in the build cache.
//
// With -lines it keeps them. What is compiled is the same, so that a program with lines
// finds the line of an address in a trace of one without: docs/FOOTPRINT.md.
//
//	slim -patches DIR -modules DIR -check   says which patch does not fit go.mod's modules
package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("slim: ")
	dir := flag.String("patches", "", "directory of patches")
	modules := flag.String("modules", "", "the module cache (go env GOMODCACHE)")
	check := flag.Bool("check", false, "only try every patch")
	lines := flag.Bool("lines", false, "keep line numbers")
	flag.Parse()
	patches, err := readPatches(*dir)
	if err != nil {
		log.Fatal(err)
	}
	c := config{patches, *modules, *lines}
	if *check {
		err = c.fit()
	} else if flag.NArg() == 0 {
		err = errors.New("go build calls this by -toolexec")
	} else {
		err = c.tool(flag.Arg(0), flag.Args()[1:])
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		log.Fatal(err)
	}
}

type config struct {
	patches patches
	modules string // where modules lie, as module@version
	lines   bool   // keep line numbers
}

// fit tries every patch on the modules that go.mod names, and on the standard library.
func (c config) fit() error {
	var errs []error
	for name := range c.patches {
		file := filepath.Join(c.modules, name)
		if path, ok := strings.CutPrefix(name, "std/"); ok {
			root, err := exec.Command("go", "env", "GOROOT").Output()
			if err != nil {
				return fmt.Errorf("go env GOROOT: %w", err)
			}
			file = filepath.Join(strings.TrimSpace(string(root)), "src", path)
		} else {
			module, rest, ok := strings.Cut(name, "@")
			if !ok {
				return fmt.Errorf("%s: a patch names files as module@version/path, or std/path", name)
			}
			out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
			if err != nil {
				return fmt.Errorf("go list -m %s: %w", module, err)
			}
			if at := strings.TrimSpace(string(out)); !strings.HasPrefix(rest, at+"/") {
				errs = append(errs, fmt.Errorf("%s: the module is at %s now: make the patch anew", name, at))
				continue
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if _, err := c.patches.apply(name, text); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tool runs one of Go's tools, the compiler on changed sources.
func (c config) tool(path string, args []string) error {
	compile := strings.TrimSuffix(filepath.Base(path), ".exe") == "compile"
	if compile && len(args) == 1 && args[0] == "-V=full" {
		return c.version(path)
	}
	if compile {
		dir, err := os.MkdirTemp("", "slim-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if args, err = c.sources(args, dir); err != nil {
			return err
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// This program's source, so that a build is the same wherever it is made.
var (
	//go:embed main.go
	mainSource string
	//go:embed lines.go
	linesSource string
	//go:embed patch.go
	patchSource string
)

// version is the compiler's, by which the go command knows what is in its cache, with
// a digest of this program and of the patches.
func (c config) version(path string) error {
	out, err := exec.Command(path, "-V=full").Output()
	if err != nil {
		return err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q%q%q", mainSource, linesSource, patchSource)
	fmt.Fprint(h, c.lines, c.patches) // maps are printed in order
	line, id, ok := bytes.Cut(bytes.TrimSpace(out), []byte(" buildID="))
	if !ok {
		_, err = fmt.Printf("%s +slim-%x\n", line, h.Sum(nil)[:8])
	} else {
		_, err = fmt.Printf("%s +slim-%x buildID=%s\n", line, h.Sum(nil)[:8], id)
	}
	return err
}

// sources returns the compiler's arguments with every Go file replaced by a changed copy
// in dir.
func (c config) sources(args []string, dir string) ([]string, error) {
	pkg := ""
	if i := slices.Index(args, "-p"); i >= 0 && i+1 < len(args) {
		pkg = args[i+1]
	}
	std := slices.Contains(args, "-std")
	var out []string
	for _, a := range args {
		if strings.HasPrefix(a, "@") {
			return nil, fmt.Errorf("%s: files of arguments are not read", a)
		}
		if !strings.HasSuffix(a, ".go") || strings.HasPrefix(a, "-") {
			out = append(out, a)
			continue
		}
		name, err := filepath.Abs(a)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		key := "std/" + pkg + "/" + filepath.Base(name)
		if !std {
			key, _ = filepath.Rel(c.modules, name) // another's is not under the cache
		}
		if text, err = c.patches.apply(key, text); err != nil {
			return nil, err
		}
		copied := filepath.Join(dir, fmt.Sprintf("%d-%s", len(out), filepath.Base(name)))
		if err := os.WriteFile(copied, c.positions(name, text), 0o600); err != nil {
			return nil, err
		}
		out = append(out, copied)
		if key == "std/slices/sort.go" {
			more, err := c.sortByIndex(name, dir)
			if err != nil {
				return nil, err
			}
			out = append(out, more)
		}
	}
	return out, nil
}

// sortByIndex lends package sort's algorithm, which knows elements by their indexes, to
// package slices: the patch of slices/sort.go calls it, so that it is linked once and
// not for each type that is sorted. Both are generated from one template, so the order
// is the same, also of what compares equal.
func (c config) sortByIndex(slices, dir string) (string, error) {
	name := filepath.Join(filepath.Dir(slices), "..", "sort", "zsortfunc.go")
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "zsortfunc.go")
	text = bytes.Replace(text, []byte("\npackage sort\n"), []byte("\npackage slices\n"), 1)
	return copied, os.WriteFile(copied, c.positions(name, text), 0o600)
}

// positions tells the compiler where the lines of a file that was copied are from.
func (c config) positions(name string, text []byte) []byte {
	if c.lines {
		return append([]byte("//line "+name+":1:1\n"), text...)
	}
	return oneLine(name, text)
}
