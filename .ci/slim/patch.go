package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// patches are hunks by the file that they change: module@version/path.
type patches map[string][]hunk

// hunk is a change of a few lines, with those around it.
type hunk struct {
	line     int // its first one in the file, from 0
	old, new string
}

var hunkHead = regexp.MustCompile(`^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@`)

// readPatches reads the unified diffs of a directory.
func readPatches(dir string) (patches, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no patch in %q", dir)
	}
	out := patches{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := out.read(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

func (p patches) read(text string) error {
	file, began := "", false
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(body, "--- a/"); ok {
			file, began = name, false
			continue
		}
		if strings.HasPrefix(body, "+++ b/") || file == "" {
			continue // before the first file: why
		}
		if m := hunkHead.FindStringSubmatch(body); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return err
			}
			p[file] = append(p[file], hunk{line: n - 1})
			began = true
			continue
		}
		if !began || body == "" {
			return fmt.Errorf("%s: %q is outside of a hunk", file, body)
		}
		h := &p[file][len(p[file])-1]
		rest := line[1:]
		switch line[0] {
		case ' ':
			h.old, h.new = h.old+rest, h.new+rest
		case '-':
			h.old += rest
		case '+':
			h.new += rest
		default:
			return fmt.Errorf("%s: %q is no line of a hunk", file, body)
		}
	}
	if len(p) == 0 {
		return errors.New("it changes no file")
	}
	return nil
}

// apply returns the text with what is to change in that file changed; every hunk must
// be where it says.
func (p patches) apply(file string, text []byte) ([]byte, error) {
	hunks := p[file]
	if len(hunks) == 0 {
		return text, nil
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	var out bytes.Buffer
	at := 0
	for _, h := range hunks {
		n := strings.Count(h.old, "\n")
		if h.line < at || h.line+n > len(lines) || string(bytes.Join(lines[h.line:h.line+n], nil)) != h.old {
			return nil, fmt.Errorf("%s: the patch does not fit at line %d", file, h.line+1)
		}
		out.Write(bytes.Join(lines[at:h.line], nil))
		out.WriteString(h.new)
		at = h.line + n
	}
	out.Write(bytes.Join(lines[at:], nil))
	return out.Bytes(), nil
}
