package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The manual page names every flag that --help does, no other, and the exit codes.
func TestManualPage(t *testing.T) {
	data, err := os.ReadFile("../../deploy/man/camswarmd.8")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(data), `\-`, "-")
	var help, errs bytes.Buffer
	if code := run(context.Background(), []string{"--help"}, os.Getenv, &help, &errs); code != exitOK {
		t.Fatalf("%d %s", code, errs.String())
	}
	flags := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  -([a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		flags["--"+m[1]] = true
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\.BI? (--[a-z-]+)`).FindAllStringSubmatch(page[strings.Index(page, ".SH OPTIONS"):], -1) {
		told[m[1]] = true
	}
	for f := range flags {
		if !told[f] {
			t.Errorf("the page does not tell of %s", f)
		}
	}
	for f := range told {
		if !flags[f] {
			t.Errorf("the page tells of %s, which is no flag", f)
		}
	}
	if len(flags) == 0 {
		t.Error("--help shows no flags")
	}
	for _, code := range []string{"1 when it cannot go on", "64 when the command line is wrong", "78\nwhen the configuration is"} {
		if !strings.Contains(page, code) {
			t.Errorf("the page does not say %q", code)
		}
	}
}
