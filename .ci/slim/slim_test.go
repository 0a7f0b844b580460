package main

import (
	"go/scanner"
	"go/token"
	"os/exec"
	"strings"
	"testing"
)

const source = "// Package p.\npackage p\n\n/* a comment\nof two lines */\n\n//go:noinline\nfunc F() string {\n\treturn `raw\n//line is text here\n` + \"x\"\n}\n\nvar after = 1\n"

// words are a file's tokens with the lines where the compiler takes them to be.
func words(t *testing.T, text []byte) (out []string, lines []int) {
	t.Helper()
	fset := token.NewFileSet()
	file := fset.AddFile("p.go", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, func(at token.Position, msg string) { t.Errorf("%v: %s", at, msg) }, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return out, lines
		}
		if tok != token.COMMENT || strings.HasPrefix(lit, "//go:") {
			out, lines = append(out, tok.String()+" "+lit), append(lines, fset.Position(pos).Line)
		}
	}
}

func TestEveryLineIsTheFirstAndTheProgramTheSame(t *testing.T) {
	was, _ := words(t, []byte(source))
	is, lines := words(t, oneLine("/src/p.go", []byte(source)))
	if strings.Join(was, "\n") != strings.Join(is, "\n") {
		t.Errorf("the program was\n%q\nand is\n%q", was, is)
	}
	for i, n := range lines {
		// What follows a raw string on its last line is as far on as the string is long.
		if n != 1 && !strings.Contains(strings.Join(is[max(0, i-4):i], " "), "raw") {
			t.Errorf("%s is on line %d", is[i], n)
		}
	}
}

func TestPatchMustFitExactly(t *testing.T) {
	p := patches{}
	if err := p.read("Why.\n\n--- a/m@v1/f.go\n+++ b/m@v1/f.go\n@@ -1,3 +1,2 @@\n one\n-two\n-three\n+2\n@@ -5,2 +4,3 @@\n five\n+5.5\n six\n"); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ text, want string }{
		{"one\ntwo\nthree\nfour\nfive\nsix\nseven\n", "one\n2\nfour\nfive\n5.5\nsix\nseven\n"},
		{"one\ntwo\nTHREE\nfour\nfive\nsix\n", ""},
		{"zero\none\ntwo\nthree\nfour\nfive\nsix\n", ""},
		{"one\ntwo\n", ""},
	} {
		got, err := p.apply("m@v1/f.go", []byte(tc.text))
		if (err != nil) != (tc.want == "") || string(got) != tc.want {
			t.Errorf("%q became %q, %v; want %q", tc.text, got, err, tc.want)
		}
	}
	if got, err := p.apply("m@v2/f.go", []byte("any")); err != nil || string(got) != "any" {
		t.Errorf("another file became %q, %v", got, err)
	}
	for _, bad := range []string{"", "only words\n", "--- a/f\n+++ b/f\nno hunk\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n?\n"} {
		if err := (patches{}).read(bad); err == nil {
			t.Errorf("%q is no patch, and was read", bad)
		}
	}
}

// TestPatchesFit holds the patches of camera builds to the modules that go.mod names.
// That of the standard library is held to the toolchain of releases when it builds.
func TestPatchesFit(t *testing.T) {
	p, err := readPatches("../../third_party/patches")
	if err != nil {
		t.Fatal(err)
	}
	for name := range p {
		if strings.HasPrefix(name, "std/") {
			delete(p, name)
		}
	}
	c := config{patches: p, modules: modcache(t)}
	if err := c.fit(); err != nil {
		t.Error(err)
	}
}

func modcache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
