// Command licences lists every module that is linked into a program of ours with
// the licences of the code that is linked, and refuses what may not be. It is a
// module of its own, so that what it needs is no dependency of camswarm:
//
//	go -C .ci/licences run .            compare with docs/LICENCES.md
//	go -C .ci/licences run . -write     write docs/LICENCES.md
//	go -C .ci/licences run . -notice F  write the licence texts to F, to be shipped with binaries
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// root is the module's, seen from here.
const root = "../.."

// Permissive licences may be linked into anything. MPL-2.0 binds only changes to
// its own files, and there are none.
var permissive = []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Unlicense", "CC0-1.0", "MPL-2.0"}

// programs are those of ours, the targets that they are built for, and what may
// be linked into them beyond permissive licences. The tools come with their
// source, so that the LGPL's terms of relinking are met; a camera's firmware may
// not, so that camswarmd takes none. camsim draws figures: OFL is for a font,
// CC-BY and FTL ask for the credit that the notice gives.
var programs = []struct {
	name    string
	targets []string
	also    []string
}{
	{"camswarmd", []string{"amd64", "arm64", "arm", "mipsle", "riscv64"}, nil},
	{"camswarm", []string{"amd64"}, []string{"LGPL-3.0"}},
	{"camsim", []string{"amd64"}, []string{"LGPL-3.0", "OFL-1.1", "CC-BY-4.0", "FTL"}},
}

// stated are the licences of modules whose files alone do not say it. Each was
// read by a person.
var stated = map[string]string{
	// COPYING.LESSER is for the library, COPYING (GPL) for the programs in cmd/,
	// none of which is linked; README.md, section License.
	"github.com/ethereum/go-ethereum": "LGPL-3.0",
	// LICENSE leaves the choice between the FreeType License and the GPL.
	"github.com/golang/freetype": "FTL",
	// No licence file; bloomfilter.go and the module that it continues say MIT.
	"github.com/holiman/bloomfilter/v2": "MIT",
}

// A module is linked into some programs.
type module struct {
	path, dir string
	in        map[string]bool
	files     map[string]bool // licence files of the linked packages, relative to dir
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)

func main() {
	write := flag.Bool("write", false, "write docs/LICENCES.md instead of comparing it")
	notice := flag.String("notice", "", "write the texts of all licences to this file")
	flag.Parse()
	if err := run(*write, *notice); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(write bool, notice string) error {
	modules := map[string]*module{}
	for _, p := range programs {
		for _, arch := range p.targets {
			if err := list(modules, p.name, arch); err != nil {
				return err
			}
		}
	}
	var table, texts bytes.Buffer
	head(&table)
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		ids, err := m.licences(&texts)
		if err != nil {
			errs = append(errs, err)
		}
		fmt.Fprintf(&table, "| %s | %s |", path, strings.Join(ids, ", "))
		for _, p := range programs {
			mark := " "
			if m.in[p.name] {
				mark = " x "
				for _, id := range ids {
					if !slices.Contains(permissive, id) && !slices.Contains(p.also, id) {
						errs = append(errs, fmt.Errorf("%s is linked into %s under %s, which is not allowed there", path, p.name, id))
					}
				}
			}
			fmt.Fprintf(&table, "%s|", mark)
		}
		fmt.Fprintln(&table)
	}
	if notice != "" {
		errs = append(errs, os.WriteFile(notice, texts.Bytes(), 0o644))
	}
	doc := filepath.Join(root, "docs", "LICENCES.md")
	if write {
		errs = append(errs, os.WriteFile(doc, table.Bytes(), 0o644))
	} else if old, err := os.ReadFile(doc); err != nil || !bytes.Equal(old, table.Bytes()) {
		errs = append(errs, errors.New("docs/LICENCES.md is not the list of what is linked; write it with: go -C .ci/licences run . -write"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Printf("%d modules, all under allowed licences\n", len(modules))
	return nil
}

func head(w io.Writer) {
	fmt.Fprint(w, `# Licences

What is linked into the programs, beside the Go standard library (BSD-3-Clause), and the licences of the packages that
are linked. `+"`.ci/run licences`"+` compares this list with the code and refuses any licence but the permissive ones named
in the source of that check; a few others are for the tools only, which come with their own source. `+"`make notice`"+`
writes the texts, to be shipped with binaries.

| module | licences | camswarmd | camswarm | camsim |
|---|---|---|---|---|
`)
}

// list adds the modules that a program links on a target.
func list(modules map[string]*module, program, arch string) error {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,Module", "./cmd/"+program)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			ImportPath, Dir string
			Standard        bool
			Module          *struct {
				Path, Dir string
				Main      bool
			}
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if p.Standard || p.Module == nil || p.Module.Main {
			continue
		}
		m := modules[p.Module.Path]
		if m == nil {
			m = &module{path: p.Module.Path, dir: p.Module.Dir, in: map[string]bool{}, files: map[string]bool{}}
			modules[m.path] = m
		}
		m.in[program] = true
		for dir := p.Dir; ; dir = filepath.Dir(dir) {
			if err := m.look(dir); err != nil {
				return err
			}
			if dir == m.dir || !strings.HasPrefix(dir, m.dir) {
				break
			}
		}
	}
}

// look notes the licence files of a directory.
func (m *module) look(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && licenceFile.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
			name, err := filepath.Rel(m.dir, filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			m.files[name] = true
		}
	}
	return nil
}

// licences reads the licence files and returns the SPDX ids in them, sorted.
func (m *module) licences(texts io.Writer) ([]string, error) {
	found := map[string]bool{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		text, err := os.ReadFile(filepath.Join(m.dir, name))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(texts, "%s\n%s %s\n%[1]s\n\n%[4]s\n\n", strings.Repeat("=", 78), m.path, filepath.ToSlash(name), bytes.TrimSpace(text))
		scan := licensecheck.Scan(text)
		if m.stated() {
			continue
		}
		if len(scan.Match) == 0 {
			errs = append(errs, fmt.Errorf("%s: %s is no licence that is known; read it, and write what it is into stated", m.path, name))
		}
		for _, l := range scan.Match {
			found[l.ID] = true
		}
	}
	if m.stated() {
		found[stated[m.path]] = true
	}
	if len(found) == 0 {
		errs = append(errs, fmt.Errorf("%s has no licence file; read what it says, and write it into stated", m.path))
	}
	return slices.Sorted(maps.Keys(found)), errors.Join(errs...)
}

func (m *module) stated() bool { return stated[m.path] != "" }
