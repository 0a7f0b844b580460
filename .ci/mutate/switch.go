package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable says in the environment which defence is off: the line of its record.
const variable = "CAMSWARM_MUTANT"

// find returns where the old text begins in the file.
func (e edit) find() (int, error) {
	code, err := os.ReadFile(e.file)
	if err != nil {
		return 0, err
	}
	if n := strings.Count(string(code), e.old); n != 1 {
		return 0, fmt.Errorf("the old text stands %d times in %s; it must stand there once", n, e.file)
	}
	return strings.Index(string(code), e.old), nil
}

// A replacement is an edit at its place in a file.
type replacement struct {
	at  int
	old string
	new string
}

// apply makes the replacements in a piece of a file that begins at from.
func apply(text string, from int, rs []replacement) string {
	slices.SortFunc(rs, func(a, b replacement) int { return cmp.Compare(b.at, a.at) }) // from the end
	for _, r := range rs {
		i := r.at - from
		text = text[:i] + r.new + text[i+len(r.old):]
	}
	return text
}

// overlay writes the altered files of one defence, and for the compiler a file
// that names them.
func (d defence) overlay(tmp string) (string, error) {
	byFile := map[string][]replacement{}
	for _, e := range d.edits {
		at, err := e.find()
		if err != nil {
			return "", err
		}
		byFile[e.file] = append(byFile[e.file], replacement{at, e.old, e.new})
	}
	files := map[string]string{}
	for file, rs := range byFile {
		code, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		files[file] = apply(string(code), 0, rs)
	}
	return writeOverlay(tmp, fmt.Sprint(d.line), files)
}

func writeOverlay(tmp, name string, files map[string]string) (string, error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for i, file := range slices.Sorted(maps.Keys(files)) {
		full, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		to := filepath.Join(tmp, fmt.Sprintf("%s-%d.go", name, i))
		if err := os.WriteFile(to, []byte(files[file]), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[full] = to
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	path := filepath.Join(tmp, name+".json")
	return path, os.WriteFile(path, data, 0o600)
}

// switches writes an overlay in which every function that a defence alters
// stands once more for each defence, altered, and begins with the choice between
// them. inside tells the defences of which this holds: those that alter nothing
// outside the bodies of functions.
func switches(tmp string, defences []defence) (overlay string, inside map[int]bool, err error) {
	sources := map[string]*source{}
	inside = map[int]bool{}
	for _, d := range defences {
		type place struct {
			s *source
			f *ast.FuncDecl
			r replacement
		}
		var places []place
		for _, e := range d.edits {
			s := sources[e.file]
			if s == nil {
				if s, err = readSource(e.file); err != nil {
					return "", nil, err
				}
				sources[e.file] = s
			}
			at, err := e.find()
			if err != nil {
				return "", nil, err
			}
			if f := s.function(at, len(e.old)); f != nil {
				places = append(places, place{s, f, replacement{at, e.old, e.new}})
			}
		}
		if len(places) < len(d.edits) {
			continue
		}
		inside[d.line] = true
		for _, p := range places {
			p.s.alter(p.f, d.line, p.r)
		}
	}
	files := map[string]string{}
	for file, s := range sources {
		if len(s.altered) == 0 {
			continue
		}
		files[file] = s.render()
		files[filepath.Join(filepath.Dir(file), "mutant_switch.go")] = fmt.Sprintf(
			"package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar mutantOff, _ = strconv.Atoi(os.Getenv(%q))\n", s.file.Name.Name, variable)
	}
	overlay, err = writeOverlay(tmp, "switches", files)
	return overlay, inside, err
}

// A source is one file with the alterations of its functions, by defence.
type source struct {
	code    string
	file    *ast.File
	altered map[*ast.FuncDecl]map[int][]replacement
}

func readSource(path string) (*source, error) {
	code, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, code, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{string(code), file, map[*ast.FuncDecl]map[int][]replacement{}}, nil
}

// text returns the code of a node; the file is the first of its set, so that
// positions are offsets from 1.
func (s *source) text(from, to token.Pos) string {
	return s.code[from-s.file.FileStart : to-s.file.FileStart]
}

// function returns the function whose body holds a range of bytes, or nil.
func (s *source) function(at, length int) *ast.FuncDecl {
	from := s.file.FileStart + token.Pos(at)
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Body != nil && f.Body.Lbrace < from && from+token.Pos(length) <= f.Body.Rbrace && f.Name.Name != "init" && f.Name.Name != "main" {
			return f
		}
	}
	return nil
}

func (s *source) alter(f *ast.FuncDecl, line int, r replacement) {
	if s.altered[f] == nil {
		s.altered[f] = map[int][]replacement{}
	}
	s.altered[f][line] = append(s.altered[f][line], r)
}

// render returns the file with the choices and, behind it, the altered copies.
func (s *source) render() string {
	var inserts []replacement
	var copies strings.Builder
	for f, byLine := range s.altered {
		var names []replacement // parameters without a name get one, to be passed on
		offset := func(p token.Pos) int { return int(p - s.file.FileStart) }
		next := 0
		list := func(fields *ast.FieldList) (args []string) {
			if fields == nil {
				return nil
			}
			for _, field := range fields.List {
				variadic := ""
				if _, ok := field.Type.(*ast.Ellipsis); ok {
					variadic = "..."
				}
				if len(field.Names) == 0 {
					next++
					name := fmt.Sprintf("mutant%d", next)
					names = append(names, replacement{offset(field.Type.Pos()), "", name + " "})
					args = append(args, name+variadic)
				}
				for _, n := range field.Names {
					name := n.Name
					if name == "_" {
						next++
						name = fmt.Sprintf("mutant%d", next)
						names = append(names, replacement{offset(n.Pos()), "_", name})
					}
					args = append(args, name+variadic)
				}
			}
			return args
		}
		receiver, args := list(f.Recv), list(f.Type.Params)
		inserts = append(inserts, names...)
		var choice strings.Builder
		choice.WriteString(" switch mutantOff {")
		for _, line := range slices.Sorted(maps.Keys(byLine)) {
			name := fmt.Sprintf("%sMutant%d", f.Name.Name, line)
			call := name
			if len(receiver) > 0 {
				call = receiver[0] + "." + name
			}
			if p := f.Type.TypeParams; p != nil {
				var types []string
				for _, field := range p.List {
					for _, n := range field.Names {
						types = append(types, n.Name)
					}
				}
				call += "[" + strings.Join(types, ", ") + "]"
			}
			call += "(" + strings.Join(args, ", ") + ")"
			if f.Type.Results == nil {
				fmt.Fprintf(&choice, " case %d: %s; return;", line, call)
			} else {
				fmt.Fprintf(&choice, " case %d: return %s;", line, call)
			}
			body := apply(s.text(f.Name.End(), f.End()), offset(f.Name.End()), byLine[line])
			copies.WriteString("\n" + s.text(f.Type.Func, f.Name.Pos()) + name + body + "\n")
		}
		choice.WriteString(" };")
		inserts = append(inserts, replacement{offset(f.Body.Lbrace) + 1, "", choice.String()})
	}
	return apply(s.code, 0, inserts) + copies.String()
}
