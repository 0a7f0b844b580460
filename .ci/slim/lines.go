package main

import (
	"bytes"
	"go/scanner"
	"go/token"
	"strings"
)

// oneLine makes every line of a file the first one of the file name, as far as the
// compiler can tell.
func oneLine(name string, text []byte) []byte {
	// A directive inside of a raw string would be part of it.
	inside := map[int]bool{}
	fset := token.NewFileSet()
	file := fset.AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, func(token.Position, string) {}, 0) // the compiler tells what is wrong
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.STRING && lit[0] == '`' {
			first := file.PositionFor(pos, false).Line
			// Not of lit, from which the scanner takes carriage returns.
			for i := range strings.Count(lit, "\n") {
				inside[first+i+1] = true
			}
		}
	}
	var out bytes.Buffer
	out.WriteString("//line " + name + ":1:1\n")
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if n > 1 && !inside[n] {
			out.WriteString("//line :1:1\n")
		}
		out.Write(line)
	}
	return out.Bytes()
}
