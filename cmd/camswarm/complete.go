package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"camswarm/cmd/internal/cli"
	"camswarm/node"
	"camswarm/node/control"
	"camswarm/verify"
)

// completion is what a shell offers. Names are looked for in the configurations that
// lie about, as 'camswarm provision --dir' leaves them: see [nearby].
func completion() cli.Completion {
	secret, public := cli.Files("key"), cli.Files("pub", "pem")
	account := cli.Files("pub", "key")
	registryFile, cbor := cli.Files("json"), cli.Files("cbor")
	regions := cli.Found(func(cmd *cobra.Command) []string {
		if at := fleetOf(cmd); len(at) > 0 {
			return named(at, func(c camera) string { return string(c.region) })
		}
		return named(nearby(cmd), func(p node.ProductConfig) string { return string(p.Region) })
	})
	c := cli.Completion{
		"--key": secret, "--witness-key": secret, "--fleet": secret,
		"--signer": public, "--old": public, "--witness": public, "--auth": public, "--key-id": public,
		"--account": account, "--admin": account, "--operator": account, "--pauser": account, "--guardian": account, "--fund": account,
		"--manufacturer": account, "--manufacturer-of": account, "registry transfer-admin --to": account,
		"--registry": registryFile, "registry move new --from": registryFile, "registry move new --to": registryFile, "did check --document": registryFile,
		"--rotation": cbor, "--move": cbor, "--after": cbor, "events --after": cli.Words[string](),
		"--config":             cli.Files("toml"),
		"rollout plan --fleet": cli.Files("csv"),
		"--socket":             cli.Files("sock"), "--seed": cli.Files("sock"), "--from": cli.Files("sock"),
		"release build --ipns": secret,

		"--mode": cli.Words(exchangeModes...), "--quiet-mode": cli.Words(exchangeModes...),
		"rollout set --mode": cli.Words(verify.RolloutModes()...), "rollout plan --mode": cli.Words(verify.RolloutModes()...),
		"rollout set --from": cli.Words("0%", "1%", "10%", "50%"), "rollout plan --from": cli.Words("0%", "1%", "10%", "50%"),
		"--to":    cli.Words("10%", "50%", "100%"),
		"--start": cli.Words("now", "+1h"), "--not-before": cli.Words("now", "+1h"),
		"--role":                       cli.Words(node.RoleCamera, node.RoleSeed),
		"--memory":                     cli.Words("auto", "64MB", "128MB", "256MB", "512MB", "large"),
		"--type":                       cli.Words(slices.Sorted(maps.Keys(keyTypes))...),
		"--wait":                       cli.Words("ready", "peers=", "held=", "installed=", "gone="),
		"--kind":                       cli.Words(control.EventKinds()...),
		"registry move new --finality": cli.Words("latest", "safe", "finalized"),

		"--region":       regions,
		"--label":        cli.Found(labels),
		"--product":      cli.Found(products),
		"--operator-of":  cli.Found(products),
		"consent accept": cli.Found(products), "consent refuse": cli.Found(products), "consent later": cli.Found(products),

		"release sign": cbor, "release show": cbor, "release verify": cbor, "release merge": cbor, "release tosign": cbor, "release attach": cbor, "release unsign": cbor,
		"release publish": cli.Dirs, "release export": cli.Dirs,
		"release import": cli.Files("car"), "ipns publish": cli.Dirs, "ipns show": cli.Dirs, "ipns name": secret,
		"keys show": account, "keys protect": secret, "keys unprotect": secret,
	}
	for _, of := range []string{"keys rotate ", "registry move "} {
		for _, verb := range []string{"sign", "tosign", "attach", "merge", "show", "check"} {
			c[of+verb] = cbor
		}
	}
	return c
}

func products(cmd *cobra.Command) []string {
	return named(nearby(cmd), func(p node.ProductConfig) string { return p.Name })
}

func labels(cmd *cobra.Command) []string {
	if at := fleetOf(cmd); len(at) > 0 {
		return named(at, func(c camera) string { return c.Label })
	}
	return named(nearby(cmd), func(p node.ProductConfig) string { return p.Label })
}

// maxNearby bounds how many configurations are read for a completion.
const maxNearby = 64

// nearby are the products of configurations: that of --config, or else those in the
// working directory and the directories in it, or else the device's own.
func nearby(cmd *cobra.Command) (out []node.ProductConfig) {
	const name = "camswarmd.toml"
	files := []string{}
	if f := cmd.Flags().Lookup("config"); f != nil && f.Value.String() != "" {
		files = []string{f.Value.String(), filepath.Join(f.Value.String(), name)}
	} else {
		for _, pattern := range []string{name, filepath.Join("*", name), filepath.Join("/etc/camswarm", name)} {
			found, _ := filepath.Glob(pattern)
			files = append(files, found...)
		}
	}
	for _, f := range files[:min(len(files), maxNearby)] {
		if info, err := os.Stat(f); err != nil || !info.Mode().IsRegular() {
			continue // a pipe would have the shell wait
		}
		if cfg, err := node.LoadConfig(f); err == nil {
			out = append(out, cfg.Products...)
		}
	}
	return out
}

// fleetOf are the cameras of 'rollout plan --fleet', none elsewhere.
func fleetOf(cmd *cobra.Command) []camera {
	f := cmd.Flags().Lookup("fleet")
	if f == nil || f.Value.String() == "" {
		return nil
	}
	cameras, _ := readFleetFile(f.Value.String())
	return cameras
}

// named are the names of some things, each once and sorted.
func named[T any](things []T, name func(T) string) (out []string) {
	seen := map[string]bool{}
	for _, t := range things {
		if n := name(t); n != "" {
			seen[n] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
