// Command vulns reads the JSON of govulncheck on standard input and fails on each
// known vulnerability whose code the programs can reach, unless accepted.txt
// beside this file names it with a reason.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(".ci/vulns/accepted.txt"); err != nil {
		fmt.Fprintln(os.Stderr, "vulns:", err)
		os.Exit(1)
	}
}

// A frame is where a vulnerable function is called; the first of a trace is that
// function itself, and has no name if only its module or package is there.
type frame struct{ Module, Version, Function string }

func run(list string) error {
	accepted, err := read(list)
	if err != nil {
		return err
	}
	reached, summary := map[string]string{}, map[string]string{}
	began := false
	dec := json.NewDecoder(os.Stdin)
	for {
		var m struct {
			Config *struct{}
			OSV    *struct{ ID, Summary string }
			// Finding's OSV is the id.
			Finding *struct {
				OSV          string
				FixedVersion string `json:"fixed_version"`
				Trace        []frame
			}
		}
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("govulncheck's answer: %w", err)
		}
		began = began || m.Config != nil
		if m.OSV != nil {
			summary[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			reached[f.OSV] = fmt.Sprintf("%s@%s, fixed in %s", f.Trace[0].Module, f.Trace[0].Version, strings.TrimSuffix("@"+f.FixedVersion, "@"))
		}
	}
	if !began {
		return errors.New("govulncheck gave no answer")
	}
	bad := 0
	for _, id := range slices.Sorted(maps.Keys(reached)) {
		verdict := "accepted: " + accepted[id]
		if accepted[id] == "" {
			verdict = "NOT ACCEPTED: update the module, or give a reason in " + list
			bad++
		}
		fmt.Printf("%s %s (%s)\n    %s\n", id, summary[id], reached[id], verdict)
	}
	for id := range accepted {
		if reached[id] == "" {
			fmt.Printf("%s is not reached any more; take it out of %s\n", id, list)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d known vulnerabilities can be reached", bad)
	}
	return nil
}

// read returns the reasons by id. A line is an id and its reason.
func read(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		id, reason, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("%s: %q has no reason", path, line)
		}
		out[id] = strings.TrimSpace(reason)
	}
	return out, lines.Err()
}
