package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/sim"
	"camswarm/sim/baseline"
)

// spec is what runs: a scenario, what is changed in it, and what runs beside it.
type spec struct {
	scenario  string
	settings  []setting // in the order of the command line; a later one wins
	seed      uint64    // 0: the scenario's
	baselines string
}

type setting struct{ key, value string }

// own are the keys of a scenario that have flags of their own.
var own = map[string]string{"nodes": "nodes", "links": "links", "image_bytes": "image-bytes", "block_bytes": "block-bytes"}

// args are the command line of `camsim` that runs the spec, the same for the
// same run: reports keep it.
func (s *spec) args() []string {
	out := []string{"run", "--scenario", s.scenario}
	for _, x := range s.settings {
		if flag, ok := own[x.key]; ok {
			out = append(out, "--"+flag, x.value)
		} else {
			out = append(out, "--set", x.key+"="+x.value)
		}
	}
	if s.seed != 0 {
		out = append(out, "--seed", strconv.FormatUint(s.seed, 10))
	}
	return append(out, "--baselines", s.baselines)
}

// with returns the spec with more settings. Keys with flags of their own come
// first and in one order, so that a run has one command line however it was
// asked for.
func (s *spec) with(more []setting, seed uint64) *spec {
	next := *s
	next.settings = nil
	for _, x := range slices.Concat(s.settings, more) {
		if x.key == "scenario" { // of a grid: no key of a scenario, but what varies
			next.scenario = x.value
			continue
		}
		next.settings = slices.DeleteFunc(next.settings, func(o setting) bool { return o.key == x.key })
		next.settings = append(next.settings, x)
	}
	slices.SortStableFunc(next.settings, func(a, b setting) int { return ownPlace(a.key) - ownPlace(b.key) })
	next.seed = seed
	return &next
}

// ownPlace orders the keys of own; all others follow as they stand.
func ownPlace(key string) int {
	order := []string{"nodes", "links", "image_bytes", "block_bytes"}
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

// load reads the scenario and applies the settings.
func (s *spec) load() (*sim.Scenario, error) {
	if s.scenario == "" {
		return nil, cli.Usagef("--scenario is missing: a name that 'camsim list' shows, or a TOML file")
	}
	sc, err := sim.Load(s.scenario)
	if err != nil {
		return nil, cli.Usage(err)
	}
	for _, x := range s.settings {
		if x.key == "seed" {
			return nil, cli.Usagef("set the seed by --seed")
		}
		if err := sc.Set(x.key, x.value); err != nil {
			return nil, cli.Usage(err)
		}
	}
	if s.seed != 0 {
		sc.Seed = s.seed
	}
	if err := sc.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	return sc, nil
}

// recorded are the settings that a report keeps, beyond those that it has fields for.
func (s *spec) recorded() map[string]string {
	out := map[string]string{}
	for _, x := range s.settings {
		if _, ok := own[x.key]; !ok {
			out[x.key] = x.value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// specFlags are the flags that make a spec.
type specFlags struct {
	scenario, links, baselines string
	nodes                      int
	seed                       uint64
	imageBytes, blockBytes     int64
	sets                       []string
}

func (f *specFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", "", "name of a built-in scenario (camsim list) or a TOML file")
	flags.IntVar(&f.nodes, "nodes", 0, "number of cameras (default: the scenario's)")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the random numbers, 1 and up (default: the scenario's)")
	flags.StringVar(&f.links, "links", "", `"quic" for figures, "fast" for sweeps (default: the scenario's)`)
	flags.StringVar(&f.baselines, "baselines", "all", "what runs beside the swarm: all, none, or of "+strings.Join(baseline.Names(), ","))
	flags.Int64Var(&f.imageBytes, "image-bytes", 0, "size of the image (default: the scenario's)")
	flags.Int64Var(&f.blockBytes, "block-bytes", 0, "size of its blocks, a power of two (default: the scenario's)")
	flags.StringArrayVar(&f.sets, "set", nil, "change a value of the scenario, such as --set seeds.up=50 or --set loss=0.01; may be repeated")
}

func (f *specFlags) spec(cmd *cobra.Command) (*spec, error) {
	names, err := baseline.ParseNames(f.baselines)
	if err != nil {
		return nil, cli.Usage(err)
	}
	if cmd.Flags().Changed("seed") && f.seed == 0 {
		return nil, cli.Usagef("--seed must be 1 or more")
	}
	s := &spec{scenario: f.scenario, seed: f.seed, baselines: cmp.Or(strings.Join(names, ","), "none")}
	if len(names) == len(baseline.Names()) {
		s.baselines = "all"
	}
	for _, x := range []struct {
		key, value string
	}{
		{"nodes", strconv.Itoa(f.nodes)}, {"links", f.links},
		{"image_bytes", strconv.FormatInt(f.imageBytes, 10)}, {"block_bytes", strconv.FormatInt(f.blockBytes, 10)},
	} {
		if cmd.Flags().Changed(own[x.key]) {
			s.settings = append(s.settings, setting{x.key, x.value})
		}
	}
	var more []setting
	for _, x := range f.sets {
		key, value, ok := strings.Cut(x, "=")
		if !ok || key == "" {
			return nil, cli.Usagef("--set %q: write KEY=VALUE, such as --set churn.leave=0.3", x)
		}
		more = append(more, setting{strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return s.with(more, s.seed), nil
}

// parseSeeds reads --seeds: how many, from first up, or which: 71,72,73 or 71-80.
func parseSeeds(text string, first uint64) ([]uint64, error) {
	wrong := func() ([]uint64, error) {
		return nil, cli.Usagef("--seeds %q: write how many, 1 to %d, or which, such as 71,72,73 or 71-80", text, maxSeeds)
	}
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > maxSeeds {
			return wrong()
		}
		var out []uint64
		for i := range n {
			out = append(out, first+uint64(i))
		}
		return out, nil
	}
	var out []uint64
	for word := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(strings.TrimSpace(word), "-")
		lo, err := strconv.ParseUint(from, 10, 64)
		hi := lo
		if ranged && err == nil {
			hi, err = strconv.ParseUint(to, 10, 64)
		}
		if err != nil || lo < 1 || hi < lo || hi-lo >= maxSeeds {
			return wrong()
		}
		for n := lo; ; n++ {
			if slices.Contains(out, n) {
				return nil, cli.Usagef("--seeds %q has %d twice", text, n)
			}
			if out = append(out, n); n == hi {
				break
			}
		}
		if len(out) > maxSeeds {
			return wrong()
		}
	}
	return out, nil
}

const maxSeeds = 1000
