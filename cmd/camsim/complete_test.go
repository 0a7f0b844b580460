package main

import "testing"

func TestCompletionStandsWhereThereIsACommand(t *testing.T) {
	if unused := completion().Apply(newRootCommand(newProgram())); len(unused) > 0 {
		t.Errorf("no command has %q", unused)
	}
}
