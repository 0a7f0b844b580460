package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/verify"
)

const goodConfig = `
role = "camera"
state_dir = "state"

[network]
listen = ["/ip4/0.0.0.0/tcp/4417"]

[install]
window = "02:00-05:00"
timeout = "3m"

[[product]]
name = "acme.example/cam-1"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]

[product.chain]
chain_id = 4690
registry = "0x0a7e595c7889df3652a19af52c18377bf17e027d"
endpoints = [{ url = "https://rpc.example", operator = "one" }]
`

func TestConfigKeepsTheDefaultsItDoesNotName(t *testing.T) {
	c, err := ParseConfig([]byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if c.Install.Timeout != 3*time.Minute || c.Install.Attempts != DefaultConfig(RoleCamera).Install.Attempts {
		t.Errorf("install section: %+v", c.Install)
	}
	if c.Network.Role != "camera" || len(c.Network.Listen) != 1 || !c.Network.DHT {
		t.Errorf("network section: %+v", c.Network)
	}
	if p := c.Products[0]; p.Chain.Poll != 24*time.Hour || p.Chain.ChainID != 4690 {
		t.Errorf("product section: %+v", p)
	}
	seed, err := ParseConfig([]byte(strings.Replace(goodConfig, `"camera"`, `"seed"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if seed.Products[0].Chain.Poll != time.Second {
		t.Errorf("a seed polls every %v", seed.Products[0].Chain.Poll)
	}
}

func TestConfigErrorsSayWhatToMend(t *testing.T) {
	replace := func(old, new string) string { return strings.Replace(goodConfig, old, new, 1) }
	for _, c := range []struct{ name, config, want string }{
		{"no role", replace(`role = "camera"`, ""), `role = "camera"`},
		{"wrong role", replace(`"camera"`, `"router"`), "router"},
		{"misspelt key", replace("timeout", "time_out"), "install.time_out"},
		{"misspelt key of a product", replace("threshold", "treshold"), "treshold"},
		{"not TOML", "role = camera", "configuration"},
		{"no product", goodConfig[:strings.Index(goodConfig, "[[product]]")], "[[product]]"},
		{"two products on a camera", goodConfig + goodConfig[strings.Index(goodConfig, "[[product]]"):], "exactly one"},
		{"no threshold", replace("threshold = 1\n", ""), "threshold is missing: write how many of the keys must sign"},
		{"threshold above the keys", replace("threshold = 1", "threshold = 2"), "threshold"},
		{"bad key", replace("z6Mkha", "z7Mkha"), "key"},
		{"bad window", replace("02:00-05:00", "2-5"), "install.window"},
		{"bad registry", replace("0x0a7e", "0x0a7"), "registry"},
		{"no endpoint", replace(`{ url = "https://rpc.example", operator = "one" }`, ""), "endpoints"},
		{"no time to confirm", replace(`timeout = "3m"`, `confirm_within = 0`), "confirm_within"},
		{"negative attempts", replace(`timeout = "3m"`, `attempts = 0`), "attempts"},
		{"misspelt role", replace(`role = "camera"`, `rol = "camera"`), `unknown key "rol"; did you mean "role"?`},
		{"key in capitals", replace(`role = "camera"`, `ROLE = "camera"`), `unknown key "ROLE"`},
		{"top-level key in a section", goodConfig + "\ntime_zone = \"UTC\"\n", `"time_zone" stands before the first [section]`},
		{"section twice", goodConfig + "\n[network]\n", "add to the one above"},
		{"unlike any key", replace("timeout", "favourite_colour"), "known here are attempts, command, confirm_spread, confirm_within,"},
		{"role of the network", replace("[network]", "[network]\nrole = \"camera\""), "network.role"},
		{"command that is a number", replace("timeout = \"3m\"", "command = 3"), "install.command must be a list"},
		{"command of numbers", replace("timeout = \"3m\"", "command = [\"a\", 3]"), "install.command[2] must be a text in quotes; it is the number 3"},
		{"text for a number", replace("threshold = 1", `threshold = "two"`), `product.threshold must be a whole number without quotes; it is the text "two"`},
		{"number for a text", replace(`name = "acme.example/cam-1"`, "name = 7"), "product.name must be a text in quotes; it is the number 7"},
		{"fraction", replace("threshold = 1", "threshold = 1.5"), "whole number"},
		{"text for a switch", replace("[network]", "[network]\ndht = \"yes\""), `network.dht must be true or false, without quotes; it is the text "yes"`},
		{"time without unit", replace(`timeout = "3m"`, "timeout = 180"), `install.timeout must be a time in quotes with its unit, such as "30s", "10m" or "24h"; it is the number 180`},
		{"time that is none", replace(`timeout = "3m"`, `timeout = "3 minutes"`), `install.timeout is "3 minutes"; write a time with its unit`},
		{"section for a value", replace("threshold = 1", "threshold = {}"), "it is a section"},
		{"value for a section", "install = 7\n" + replace("[install]\nwindow = \"02:00-05:00\"\ntimeout = \"3m\"\n", ""), "install must be a section"},
		{"one section for several", strings.Replace(goodConfig, "[[product]]", "[product]", 1), "[[product]]"},
		{"date", replace("threshold = 1", "threshold = 2030-01-01"), "it is a date"},
		{"factory sequence below 0", replace("threshold = 1", "threshold = 1\nfactory_sequence = -1"), "product.factory_sequence is -1; it cannot be negative"},
		{"factory sequence beyond all", replace("threshold = 1", "threshold = 1\nfactory_sequence = 4294967297"), "factory_sequence"},
		{"chain id below 0", replace("chain_id = 4690", "chain_id = -4690"), "product.chain.chain_id is -4690"},
		{"control character in a text", replace("threshold = 1", "threshold = 1\nhardware = \"rev\\u001b[2J\""), "product.hardware holds a control character"},
		{"line feed in a label", replace("threshold = 1", "threshold = 1\nlabel = \"a\\nb\""), "product.label"},
		{"unseen character in a label", replace("threshold = 1", "threshold = 1\nlabel = \"a\\u200bb\""), "printable"},
		{"control character in a list", replace("0.0.0.0/tcp/4417", "0.0.0.0/tcp/4417\\u0007"), "network.listen"},
		{"control character in an operator", replace(`operator = "one"`, `operator = "\u0000"`), "product.chain.endpoints.operator"},
		{"bits or bytes", goodConfig + "[exchange]\nupload_limit = \"2Mb\"\n", "exchange.upload_limit"},
		{"rate below 0", goodConfig + "[exchange]\nupload_limit = -1\n", "negative"},
		{"quota without a number", goodConfig + "[storage]\nquota_bytes = \"lots\"\n", "storage.quota_bytes"},
		{"huge", goodConfig + "#" + strings.Repeat("x", maxConfigBytes), "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(c.config))
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v; it should name %q", err, c.want)
			}
			for _, internal := range []string{"toml:", "strconv", "int64", "reflect", "destination", "incompatible", "last key", "\x1b"} {
				if strings.Contains(err.Error(), internal) {
					t.Errorf("error %v: %q means nothing to an operator", err, internal)
				}
			}
		})
	}
}

func TestConfigTakesUnitsAndOneCommand(t *testing.T) {
	for text, want := range map[string]Command{`"/bin/hook"`: {"/bin/hook"}, `["/bin/hook"]`: {"/bin/hook"}, `["/bin/sh", "hook"]`: {"/bin/sh", "hook"}, `"/a program"`: {"/a program"}, `""`: nil, `[]`: nil} {
		c, err := ParseConfig([]byte(strings.Replace(goodConfig, `timeout = "3m"`, "command = "+text, 1)))
		if err != nil || !slices.Equal(c.Install.Command, want) {
			t.Errorf("command = %s: %q, %v", text, c.Install.Command, err)
		}
	}
	c, err := ParseConfig([]byte(goodConfig + `
max_stale = 0
[exchange]
upload_limit = 64000
download_limit = "16Mbit/s"
[storage]
quota_bytes = "64MB"
reserve_bytes = 4096
`))
	if err != nil || c.Exchange.UploadLimit != 64_000 || c.Exchange.DownloadLimit != 2_000_000 || c.Storage.QuotaBytes != 64_000_000 || c.Storage.ReserveBytes != 4096 {
		t.Errorf("%+v, %+v, %v", c.Exchange, c.Storage, err)
	}
}

// What a seed keeps is bounded by what the chain offers, and cameras go forward only.
func TestHowManyReleasesMayBeKept(t *testing.T) {
	for _, c := range []struct {
		role Role
		keep int
		ok   bool
	}{
		{RoleSeed, 1, true}, {RoleSeed, verify.MaxCandidates, true}, {RoleSeed, verify.MaxCandidates + 1, false},
		{RoleSeed, 0, false}, {RoleSeed, -1, false}, {RoleCamera, 1, true}, {RoleCamera, 2, false},
	} {
		text := strings.Replace(goodConfig, "camera", string(c.role), 1) + fmt.Sprintf("[storage]\nkeep = %d\n", c.keep)
		if c.role == RoleSeed {
			text = strings.Replace(text, "[install]\nwindow = \"02:00-05:00\"\ntimeout = \"3m\"\n", "", 1)
		}
		got, err := ParseConfig([]byte(text))
		if (err == nil) != c.ok || c.ok && got.Storage.Keep != c.keep || !c.ok && !strings.Contains(err.Error(), "storage.keep") {
			t.Errorf("a %s that keeps %d: %v", c.role, c.keep, err)
		}
	}
}

// TestEveryConfigFieldHasAShape: checkValue knows the type of every field, and
// refuses for each what is of another kind.
func TestEveryConfigFieldHasAShape(t *testing.T) {
	fields := 0
	var walk func(u reflect.Type, path string)
	walk = func(u reflect.Type, path string) {
		for i := range u.NumField() {
			f := u.Field(i)
			name := f.Tag.Get("toml")
			if name == "-" {
				continue
			}
			at := path + "." + name
			if name == "" {
				t.Errorf("%s: %s has no name in TOML", path, f.Name)
			}
			fields++
			for _, wrong := range []any{int64(-1), 1.5, true, "\x1b", time.Now(), map[string]any{"no such key": 1}, []any{[]any{}}, []map[string]any{{"no such key": 1}}} {
				if _, float := wrong.(float64); float && f.Type.Kind() == reflect.Float64 || wrong == true && f.Type.Kind() == reflect.Bool ||
					wrong == int64(-1) && (f.Type.Kind() == reflect.Int || f.Type.Kind() == reflect.Float64) {
					continue // of its kind; Validate bounds it
				}
				if err := checkValue(wrong, f.Type, at); err == nil {
					t.Errorf("%s took %#v", at, wrong)
				}
			}
			if inner := f.Type; inner.Kind() == reflect.Struct {
				walk(inner, at)
			} else if inner.Kind() == reflect.Slice && strings.HasSuffix(inner.Elem().Name(), "Config") || inner == reflect.TypeFor[[]chainwatch.Endpoint]() {
				walk(inner.Elem(), at)
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	if fields < 50 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

func TestLoadConfigTakesTheStateDirFromTheFilesPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "camswarmd.toml")
	if _, err := LoadConfig(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(goodConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(path), "state"); c.StateDir != want {
		t.Errorf("state_dir is %s, want %s", c.StateDir, want)
	}
}

// FuzzParseConfig: no configuration makes it panic, and what it accepts is valid.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(goodConfig))
	f.Add([]byte("role = \"seed\"\n[[product]]\nkeys = [1]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("accepted and then not valid: %v", err)
		}
	})
}

// A configuration file that is none is refused at once, with its name.
func TestConfigThatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fatal(t, os.WriteFile(at("noise"), []byte("\x00\xff\xfe"), 0o600), os.WriteFile(at("cut"), []byte(goodConfig[:len(goodConfig)/2]), 0o600),
		os.WriteFile(at("huge"), nil, 0o600), os.Truncate(at("huge"), 1<<40), os.Symlink(at("nothing"), at("dead link")), os.WriteFile(at("empty"), nil, 0o600))
	for _, path := range []string{at("noise"), at("cut"), at("huge"), at("dead link"), at("empty"), dir, "/dev/zero"} {
		if _, err := LoadConfig(path); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func fatal(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
