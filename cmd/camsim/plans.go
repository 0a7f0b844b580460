package main

import (
	"fmt"
	"strings"

	"camswarm/cmd/internal/cli"
)

// namedPlan is a sweep over a list of points.
type namedPlan struct {
	name     string
	doc      string
	scenario string // unless another one is given
	points   [][]setting
}

// plans are the built-in ones. A run fails when a camera does not get the image or
// a promise breaks, so that the exit code of such a sweep is the verdict.
func plans() []namedPlan {
	at := func(nodes, up, seedUp string) []setting {
		down := "50"
		if up == "100" { // no line is faster up than down
			down = up
		}
		return []setting{{"nodes", nodes}, {"up", up}, {"down", down}, {"seeds.up", seedUp}}
	}
	full := namedPlan{name: "invariants", scenario: "flash-crowd",
		doc: "2 to 200 cameras, their uplinks 1 to 100 Mbit/s, the seed's 5 Mbit/s to 1 Gbit/s"}
	for _, nodes := range []string{"2", "10", "50", "200"} {
		for _, up := range []string{"1", "5", "20", "100"} {
			for _, seedUp := range []string{"5", "20", "100", "1000"} {
				full.points = append(full.points, at(nodes, up, seedUp))
			}
		}
	}
	small := namedPlan{name: "invariants-small", scenario: "flash-crowd", doc: "its corners and middle with up to 40 cameras, as CI runs it",
		points: [][]setting{
			at("2", "1", "5"), at("2", "100", "1000"), at("40", "5", "100"), at("20", "1", "1000"), at("20", "100", "5"), at("10", "20", "20"),
		}}
	return []namedPlan{full, small}
}

func planNames() (out []string) {
	for _, p := range plans() {
		out = append(out, p.name)
	}
	return out
}

func planNamed(name string) (namedPlan, error) {
	for _, p := range plans() {
		if p.name == name {
			return p, nil
		}
	}
	return namedPlan{}, cli.Usagef("there is no plan %q; there are %s", name, strings.Join(planNames(), " and "))
}

// planHelp lists the plans for the help of sweep.
func planHelp() string {
	var b strings.Builder
	for _, p := range plans() {
		fmt.Fprintf(&b, "  %-18s %s, %d points\n", p.name, p.doc, len(p.points))
	}
	return b.String()
}
