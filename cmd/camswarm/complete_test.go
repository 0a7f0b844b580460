package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// TestCompletionOffersWhatIsThere: values of flags that take a few words, and the
// products, regions and labels of the configurations that lie about.
func TestCompletionOffersWhatIsThere(t *testing.T) {
	if unused := completion().Apply(newRootCommand()); len(unused) > 0 {
		t.Errorf("no command has %q", unused)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("cam", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, "cam/camswarmd.toml", []byte(`role = "camera"
[[product]]
name = "acme.example/cam-1"
region = "eu-west"
label = "early"
threshold = 1
keys = ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
[product.chain]
chain_id = 4690
registry = "0x0a7e595c7889df3652a19af52c18377bf17e027d"
endpoints = [{ url = "https://rpc.example", operator = "one" }]
`))
	if err := syscall.Mkfifo("camswarmd.toml", 0o600); err != nil { // whoever made the directory may be anybody
		t.Fatal(err)
	}
	writeFile(t, "fleet.csv", []byte("did,region,label\ndid:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK,us-east,late\n"))
	for line, want := range map[string]string{
		"rollout set --mode p":                         "paused percent",
		"limits --mode l":                              "lan-only leech",
		"rollout set --region ":                        "eu-west",
		"rollout set --label ":                         "early",
		"rollout plan --fleet fleet.csv --region ":     "us-east",
		"release build --product ":                     "acme.example/cam-1",
		"registry move new --to ":                      "json",
		"events --kind ro":                             "rolled_back",
		"keys new --type e":                            "ed25519",
		"provision --role ":                            "camera seed",
		"release sign --key ":                          "key",
		"keys rotate sign --key signer1.key rotation-": "cbor",
	} {
		out := must(t, append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(line, " ")...)...)
		offered := out[:strings.LastIndex(out, ":")] // what follows tells the shell how to use it
		if got := strings.Join(strings.Fields(offered), " "); got != want {
			t.Errorf("%q offers %q, not %q", line, got, want)
		}
	}
}
