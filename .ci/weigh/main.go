// Command weigh says what each module costs in a program, in bytes:
//
//	go run ./.ci/weigh -build camera -target arm/7
//
// It builds the program with symbols, by the flags of .ci/release, and adds up the
// sizes of the symbols of each module (the sizes of go tool nm). What belongs to no
// package (the table of functions and lines, types, strings) is a third to half of
// the file; it is shared out by the bytes of code that each module has, which is an
// estimate. What leaving a module out saves is less where others need the same parts,
// and more where it alone needs something.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("weigh: ")
	build := flag.String("build", "camera", "all or camera")
	target := flag.String("target", "arm/7", "as .ci/release has it")
	program := flag.String("program", "", "weigh this program, built with symbols (SYMBOLS=1 .ci/release), instead of building it")
	least := flag.Int("least", 50_000, "modules with fewer bytes are summed up in one line")
	flag.Parse()
	if err := run(*build, *target, *program, *least); err != nil {
		log.Fatal(err)
	}
}

func run(build, target, program string, least int) error {
	if program == "" {
		dir, err := os.MkdirTemp("", "weigh-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		release := exec.Command(".ci/release", dir, build+":"+target)
		release.Env = append(os.Environ(), "NO_SBOM=1", "SYMBOLS=1")
		release.Stderr = os.Stderr
		if err := release.Run(); err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(dir, "camswarmd*-linux-*"))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d programs were built: %w", len(found), err)
		}
		program = found[0]
	}
	modules, err := listModules(build, target)
	if err != nil {
		return err
	}
	rows, total, err := weigh(program, modules)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "bytes\tits symbols\tmodule\t")
	rest := row{name: "all others"}
	for _, r := range rows {
		if r.share(total) < least {
			rest.code, rest.symbols = rest.code+r.code, rest.symbols+r.symbols
			continue
		}
		fmt.Fprintf(out, "%d\t%d\t%s\t\n", r.share(total), r.symbols, r.name)
	}
	fmt.Fprintf(out, "%d\t%d\t%s\t\n%d\t%d\t%s\t\n", rest.share(total), rest.symbols, rest.name, total.file, total.symbols, "together")
	return out.Flush()
}

// row is what one module has.
type row struct {
	name          string
	code, symbols int // bytes
}

// share is the module's symbols with its part of what belongs to no package.
func (r row) share(t sums) int {
	return r.symbols + int(float64(t.file-t.symbols)*float64(r.code)/float64(t.code))
}

type sums struct{ file, code, symbols int }

// listModules returns the module of each package that the program links; "std" for the
// standard library's.
func listModules(build, target string) (map[string]string, error) {
	arch, _, _ := strings.Cut(target, "/")
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Module", "./cmd/camswarmd")
	if build == "camera" {
		cmd.Args = slices.Insert(cmd.Args, 3, "-tags", "camera")
	}
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			ImportPath string
			Standard   bool
			Module     *struct{ Path string }
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		switch {
		case p.Module != nil:
			out[p.ImportPath] = p.Module.Path
		case strings.HasPrefix(p.ImportPath, "crypto/") || strings.HasPrefix(p.ImportPath, "vendor/golang.org/x/crypto"):
			out[p.ImportPath] = "std crypto"
		case strings.HasPrefix(p.ImportPath, "net/http") || strings.HasPrefix(p.ImportPath, "vendor/"):
			out[p.ImportPath] = "std net/http"
		default:
			out[p.ImportPath] = "std, all else"
		}
	}
}

// weigh adds up the symbols of each module, the heaviest first.
func weigh(program string, modules map[string]string) ([]row, sums, error) {
	file, err := os.ReadFile(program)
	if err != nil {
		return nil, sums{}, err
	}
	// The stripped size is what the loader maps; symbols and DWARF stand behind it.
	stripped, err := loaded(file)
	if err != nil {
		return nil, sums{}, err
	}
	nm := exec.Command("go", "tool", "nm", "-size", program)
	nm.Stderr = os.Stderr
	text, err := nm.Output()
	if err != nil {
		return nil, sums{}, err
	}
	rows, total := map[string]*row{}, sums{file: stripped}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		f := strings.Fields(lines.Text()) // address, size, kind, name…
		if len(f) < 4 || !strings.ContainsAny(f[2], "TtRrDd") {
			continue
		}
		size, err := strconv.Atoi(f[1])
		module := modules[packageOf(f[3])]
		if err != nil || module == "" || size > stripped { // what is not in the file at all
			continue
		}
		r := rows[module]
		if r == nil {
			r = &row{name: module}
			rows[module] = r
		}
		r.symbols, total.symbols = r.symbols+size, total.symbols+size
		if strings.ContainsAny(f[2], "Tt") {
			r.code, total.code = r.code+size, total.code+size
		}
	}
	var out []row
	for _, r := range slices.SortedFunc(maps.Values(rows), func(a, b *row) int { return cmp.Compare(b.share(total), a.share(total)) }) {
		out = append(out, *r)
	}
	return out, total, nil
}

// packageOf is the import path in a symbol's name: all before the first dot behind the
// last slash that is not in the brackets of a type argument.
func packageOf(symbol string) string {
	name, _, _ := strings.Cut(symbol, "[")
	slash := strings.LastIndexByte(name, '/') + 1
	pkg, _, _ := strings.Cut(name[slash:], ".")
	return strings.NewReplacer("%2e", ".").Replace(name[:slash] + pkg)
}
