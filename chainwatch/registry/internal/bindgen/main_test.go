package main

import (
	"os"
	"testing"
)

// The committed bindings are what the committed contract gives.
func TestCommittedBindingsMatchTheContract(t *testing.T) {
	want, err := generate("../../../contracts/FirmwareRegistry.json", "bindings")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../bindings/bindings.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error(`bindings.go differs from what FirmwareRegistry.json gives: run "go generate ./chainwatch/registry/bindings" and commit it`)
	}
}
