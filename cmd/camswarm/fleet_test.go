package main

import (
	"fmt"
	"strings"
	"testing"

	"camswarm/announce/beacon"
	"camswarm/verify"
)

// A seed counts each product once, whatever it calls it and however often it says so.
func TestSeedCountsEachProductOnce(t *testing.T) {
	cam, other := verify.ProductID{1}, verify.ProductID{2}
	report := func(id verify.ProductID, name string) beacon.Report {
		return beacon.Report{Product: id, Name: name, Cameras: 5, Rows: []beacon.Row{{Region: "eu", Running: 1, Cameras: 5}}}
	}
	answers := []seedAnswer{
		{fleet: beacon.Fleet{Seed: "a", Reports: []beacon.Report{report(cam, "acme.example/cam-1")}}},
		{fleet: beacon.Fleet{Seed: "b", Reports: []beacon.Report{report(cam, "acme.example/cam-1"), report(cam, "acme.example/cam-1"), report(other, "acme.example/cam-1")}}},
		{fleet: beacon.Fleet{Seed: "a", Reports: []beacon.Report{report(cam, "acme.example/cam-1")}}},
	}
	facts, err := addUp([]string{"a", "b", "a"}, answers)
	if err != nil || len(facts.Products) != 2 || facts.Products[0].Cameras != 10 || facts.Products[1].Cameras != 5 {
		t.Errorf("%+v, %v", facts, err)
	}
}

// The table has a line for each release and group, after that of all.
func TestReleasesByGroup(t *testing.T) {
	r := beacon.Report{}
	for i := range 3 {
		r.Rows = append(r.Rows, beacon.Row{Region: fmt.Sprint("r", i), Running: 1, Release: 2, State: beacon.StateHeld, Cameras: i + 5})
	}
	var out strings.Builder
	printReleases(&out, r)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+2*4 || strings.Fields(lines[1])[6] != "18" || strings.Fields(lines[8])[8] != "7" {
		t.Errorf("%s", out.String())
	}
}
