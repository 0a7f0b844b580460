package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	if seed.Products[0].Chain.Poll != 15*time.Second {
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
		{"threshold above the keys", replace("threshold = 1", "threshold = 2"), "threshold"},
		{"bad key", replace("z6Mkha", "z7Mkha"), "key"},
		{"bad window", replace("02:00-05:00", "2-5"), "install.window"},
		{"bad registry", replace("0x0a7e", "0x0a7"), "registry"},
		{"no endpoint", replace(`{ url = "https://rpc.example", operator = "one" }`, ""), "endpoints"},
		{"negative attempts", replace(`timeout = "3m"`, `attempts = 0`), "attempts"},
		{"huge", goodConfig + "#" + strings.Repeat("x", maxConfigBytes), "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(c.config))
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; it should name %q", err, c.want)
			}
		})
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
