package main

import (
	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
)

// completion is what a shell offers.
func completion() cli.Completion {
	var scenarios []string
	for _, s := range sim.Scenarios() {
		scenarios = append(scenarios, s.Name)
	}
	var settings []string
	for _, key := range sim.Keys() {
		settings = append(settings, key+"=")
	}
	grid := append([]string{"scenario="}, settings...)
	results := cli.Files("json")
	return cli.Completion{
		"--scenario":  cli.Or(scenarios, cli.Files("toml")),
		"show":        cli.Or(scenarios, cli.Files("toml")),
		"--links":     cli.Words("quic", "fast"),
		"--baselines": cli.CommaWords(append([]string{"all", "none"}, baseline.Names()...)...),
		"--set":       cli.Words(settings...),
		"--grid":      cli.Words(grid...),
		"--plan":      cli.Words(planNames()...),
		"run --out":   cli.Dirs, "sweep --out": cli.Dirs, "report --out": cli.Dirs, "merge --out": cli.Dirs,
		"--scratch": cli.Dirs,
		"report":    results, "compare": results, "merge": cli.Dirs, "flow fit": results,
	}
}
