package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"camswarm/cmd/internal/cli"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// result is what one command line did.
type result struct {
	code           int
	stdout, stderr string
}

// camswarm runs one command line in this process.
func camswarm(t *testing.T, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), newRootCommand(), args, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// must runs one that has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	r := camswarm(t, args...)
	if r.code != exitOK {
		t.Fatalf("camswarm %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// facts runs one with --json and decodes its one document.
func facts[T any](t *testing.T, args ...string) (v T) {
	t.Helper()
	return decode[T](t, must(t, append(args, "--json")...))
}

// decode reads the one document that a command printed.
func decode[T any](t *testing.T, out string) (v T) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(out))
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if dec.More() {
		t.Fatalf("more than one document was printed:\n%s", out)
	}
	return v
}

// refused runs one that has to fail with the given code and one line that
// contains each of the words.
func refused(t *testing.T, code int, words []string, args ...string) {
	t.Helper()
	r := camswarm(t, args...)
	line := strings.TrimSuffix(r.stderr, "\n")
	if r.code != code {
		t.Errorf("camswarm %s: exit code %d, want %d\n%s", strings.Join(args, " "), r.code, code, r.stderr)
	}
	if !strings.HasPrefix(line, "camswarm: ") || strings.Contains(line, "\n") {
		t.Errorf("camswarm %s: stderr must be one line that begins with \"camswarm: \", it is:\n%s", strings.Join(args, " "), r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			t.Errorf("camswarm %s: %q does not say %q", strings.Join(args, " "), line, w)
		}
	}
	if r.stdout != "" {
		t.Errorf("camswarm %s failed and wrote to stdout:\n%s", strings.Join(args, " "), r.stdout)
	}
}

// writeFile writes a file into a test's directory.
func writeFile(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// registryJSON is a registry file of a contract that nobody asks.
const registryJSON = `{"chainId":31337,"address":"0x5fbdb2315678afecb367f032d93f642f64180aa3","rpc":["http://127.0.0.1:1"],"deployBlock":1}`

func eachCommand(visit func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		visit(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRootCommand())
}

func TestEveryCommandHasHelpWithAnExampleOfItself(t *testing.T) {
	eachCommand(func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no short description", c.CommandPath())
		}
		if c.HasSubCommands() {
			return
		}
		if !strings.Contains(c.Example, c.CommandPath()+" ") && strings.TrimSpace(c.Example) != c.CommandPath() && !strings.Contains(c.Example, c.CommandPath()+"\n") {
			t.Errorf("the example of %s does not show it:\n%s", c.CommandPath(), c.Example)
		}
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		if out := must(t, args...); !strings.Contains(out, strings.TrimSpace(strings.Split(c.Example, "\n")[0])) {
			t.Errorf("camswarm %s does not print the example:\n%s", strings.Join(args, " "), out)
		}
	})
}

func TestEveryCommandTakesJSON(t *testing.T) {
	eachCommand(func(c *cobra.Command) {
		if !c.HasSubCommands() && c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json", c.CommandPath())
		}
	})
}

// TestExamplesParse holds that each example in a help text names commands and
// flags that exist.
func TestExamplesParse(t *testing.T) {
	eachCommand(func(c *cobra.Command) {
		joined := strings.ReplaceAll(c.Example, "\\\n", " ")
		for line := range strings.Lines(joined) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			root := newRootCommand()
			found, rest, err := root.Find(words[1:])
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := found.ValidateRequiredFlags(); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := found.ValidateFlagGroups(); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	})
}

func TestBadCommandLinesAreOneLineAndExitCode2(t *testing.T) {
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{nil, []string{"keys", "release", "--help"}},
		{[]string{"frobnicate"}, []string{"frobnicate"}},
		{[]string{"release"}, []string{"build", "publish"}},
		{[]string{"release", "bulid"}, []string{"bulid", "build"}},
		{[]string{"keys", "new"}, []string{"out"}},
		{[]string{"keys", "new", "--out", "x", "--type", "rsa"}, []string{"rsa", "ed25519"}},
		{[]string{"keys", "new", "--bogus"}, []string{"--bogus"}},
		{[]string{"keys", "new", "extra", "--out", "x"}, []string{"extra"}},
		{[]string{"check"}, []string{"arg"}},
		{[]string{"status", "--wait", "sometime"}, []string{"sometime", "installed=N"}},
		{[]string{"status", "--wait", "installed=x"}, []string{"installed=x"}},
		{[]string{"rollout", "set", "--mode", "most", "--registry", "r", "--product", "a.b/c", "--sequence", "1", "--key", "k"}, []string{"most", "percent"}},
		{[]string{"rollout", "set", "--mode", "all", "--from", "10%", "--registry", "r", "--product", "a.b/c", "--sequence", "1", "--key", "k"}, []string{"--from", "percent"}},
		{[]string{"rollout", "set", "--mode", "canary", "--registry", "r", "--product", "a.b/c", "--sequence", "1", "--key", "k"}, []string{"--label"}},
		{[]string{"rollout", "set", "--mode", "percent", "--from", "50%", "--to", "10%", "--registry", "r", "--product", "a.b/c", "--sequence", "1", "--key", "k"}, []string{"only grows"}},
		{[]string{"rollout", "set", "--mode", "all", "--registry", "r", "--product", "camera", "--sequence", "1", "--key", "k"}, []string{"vendor/name"}},
		{[]string{"provision", "--role", "boss", "--registry", "r", "--product", "a.b/c", "--dir", "d", "--threshold", "1", "--signer", "s"}, []string{"boss", "write camera or seed"}},
	} {
		refused(t, exitUsage, tc.says, tc.args...)
	}
}

func TestBadInputIsOneLineAndExitCode1(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("registry.json"), []byte(registryJSON))
	writeFile(t, at("half.json"), []byte(`{"chainId":31337}`))
	writeFile(t, at("more.json"), []byte(registryJSON+"{}"))
	writeFile(t, at("unknown.json"), []byte(`{"chainID":1,"colour":"red"}`))
	writeFile(t, at("empty"), nil)
	writeFile(t, at("fw"), []byte("firmware"))
	must(t, "keys", "new", "--out", at("ed.key"))
	must(t, "keys", "new", "--out", at("sec.key"), "--type", "secp256k1")
	if err := os.WriteFile(at("open.key"), []byte("z123\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	other, stranger := verify.Address{19: 1}.String(), verify.Address{19: 2}.String()
	build := func(image string, more ...string) []string {
		return append([]string{"release", "build", image, "--registry", at("registry.json"), "--product", "a.b/c",
			"--sequence", "1", "--version", "1", "--out", at("r")}, more...)
	}
	for _, tc := range []struct {
		code int
		args []string
		says []string
	}{
		{1, []string{"keys", "new", "--out", at("ed.key")}, []string{"never overwritten"}},
		{1, []string{"keys", "show", at("absent")}, []string{"absent", "no such file"}},
		{1, []string{"keys", "show", at("open.key")}, []string{"chmod 600"}},
		{1, []string{"keys", "show", at("fw")}, []string{"fw"}},
		{1, build(at("absent")), []string{"absent", "no such file"}},
		{1, build(at("empty")), []string{"empty"}},
		{1, build(dir), []string{"regular file"}},
		{1, build(at("fw"), "--registry", at("none.json")), []string{"registry deploy"}},
		{1, build(at("fw"), "--registry", at("half.json")), []string{"half.json"}},
		{1, build(at("fw"), "--registry", at("more.json")), []string{"follow the JSON value"}},
		{1, build(at("fw"), "--registry", at("unknown.json")), []string{"unknown field"}},
		{1, build(at("fw"), "--block-size", "1000"), []string{"power of two"}},
		{2, build(at("fw"), "--sequence", "0"), []string{"first release"}},
		{2, build(at("fw"), "--expires", "tomorrow"), []string{"tomorrow", "+90m"}},
		{1, build(at("fw"), "--out", dir), []string{"exists already"}},
		{1, []string{"release", "show", at("absent")}, []string{"absent"}},
		{1, []string{"release", "show", dir}, []string{"release build"}},
		{1, []string{"release", "show", at("fw")}, []string{"malformed"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("ed.key"), "--pauser", at("sec.key"), "--guardian", stranger}, []string{"secp256k1"}},
		{2, []string{"registry", "deploy", "--rpc", "127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--out", at("x.json")}, []string{"http"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--out", at("x.json")}, []string{"127.0.0.1:1"}},
		{2, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other}, []string{"guardian"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", at("sec.key"), "--guardian", stranger}, []string{"--pauser is the admin's", "nothing was deployed"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", at("sec.key")}, []string{"--guardian is the admin's"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--guardian", other}, []string{"--guardian is the pauser's"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--guardian", stranger}, []string{"twice"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--chain-id", "4689", "--admin-delay", "1h"}, []string{"4689", "at least 24h"}},
		{1, []string{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("sec.key"), "--pauser", other, "--guardian", stranger, "--out", at("fw")}, []string{"nothing was deployed"}},
		{1, []string{"log", "--registry", at("registry.json"), "--product", "a.b/c"}, []string{"--rpc"}},
		{1, []string{"status", "--socket", at("absent.sock")}, []string{"camswarmd"}},
		{1, []string{"doctor", "--socket", at("absent.sock")}, []string{"camswarmd"}},
		{1, []string{"did", "show", "did:web:example"}, []string{"did:key"}},
		{1, []string{"devchain", "--listen", "127.0.0.1:0", "--fund", at("ed.key")}, []string{"secp256k1"}},
	} {
		refused(t, tc.code, tc.says, tc.args...)
	}
	if left, _ := filepath.Glob(at(".r.*")); len(left) > 0 {
		t.Errorf("failed builds left %v behind", left)
	}
	if _, err := os.Stat(at("r")); err == nil {
		t.Error("a failed build left a release directory behind")
	}
}

func TestKeysShowTellsTheSameOfSecretAndPublicHalf(t *testing.T) {
	dir := t.TempDir()
	for kind, alg := range map[string]string{"ed25519": "EdDSA", "secp256k1": "ES256K", "p256": "ES256"} {
		path := filepath.Join(dir, kind)
		made := facts[keyFacts](t, "keys", "new", "--out", path, "--type", kind)
		secret := facts[keyFacts](t, "keys", "show", path)
		public := facts[keyFacts](t, "keys", "show", path+".pub")
		if made.Algorithm != alg || made.PublicKey != secret.PublicKey || made.PublicKey != public.PublicKey || made.DID != public.DID {
			t.Errorf("%s: made %+v, secret shows %+v, public shows %+v", kind, made, secret, public)
		}
		if (made.Address != nil) != (kind == "secp256k1") {
			t.Errorf("%s: account %v", kind, made.Address)
		}
		if did := facts[didFacts](t, "did", "show", path+".pub"); did.DID != made.DID || *did.PublicKey != made.PublicKey {
			t.Errorf("did show: %+v, want %s", did, made.DID)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

// TestAddressIsThatOfTheWellKnownKey holds the derivation to the first account
// that every Ethereum development chain funds.
func TestAddressIsThatOfTheWellKnownKey(t *testing.T) {
	secret, err := hex.DecodeString("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
	if err != nil {
		t.Fatal(err)
	}
	key, err := sign.New(verify.ES256K, secret)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k")
	if err := key.Save(path); err != nil {
		t.Fatal(err)
	}
	got := facts[keyFacts](t, "keys", "show", path+".pub")
	if got.Address == nil || got.Address.String() != "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" {
		t.Errorf("account %v", got.Address)
	}
}

func TestReleaseIsBuiltAndSignedOffline(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("registry.json"), []byte(registryJSON))
	image := bytes.Repeat([]byte("camera firmware "), 20_000)
	writeFile(t, at("fw"), image)
	for _, k := range []string{"k1", "k2"} {
		must(t, "keys", "new", "--out", at(k))
	}
	built := facts[releaseFacts](t, "release", "build", at("fw"), "--registry", at("registry.json"), "--product", "acme.example/cam-1",
		"--sequence", "3", "--version", "1.2.3", "--hardware", "rev-a,rev-b", "--min-sequence", "2", "--expires", "+24h", "--out", at("sub/r3"))
	if built.Sequence != 3 || built.ImageBytes != uint64(len(image)) || len(built.SignedBy) != 0 || len(built.Hardware) != 2 || built.MinSequence != 2 || built.Expires == 0 {
		t.Errorf("built %+v", built)
	}
	must(t, "release", "sign", at("sub/r3"), "--key", at("k1"))
	// The second signer gets the envelope only.
	must(t, "release", "sign", at("sub/r3/envelope.cbor"), "--key", at("k2"))
	refused(t, exitFailed, []string{"already signed"}, "release", "sign", at("sub/r3"), "--key", at("k1"))
	shown := facts[releaseFacts](t, "release", "show", at("sub/r3"))
	if len(shown.SignedBy) != 2 || !shown.ImageChecked || shown.ImageSHA256 != built.ImageSHA256 || shown.Envelope == built.Envelope {
		t.Errorf("shown %+v", shown)
	}
	if alone := facts[releaseFacts](t, "release", "show", at("sub/r3/envelope.cbor")); alone.ImageChecked || !slices.Equal(alone.SignedBy, shown.SignedBy) {
		t.Errorf("the envelope alone shows %+v", alone)
	}

	// mix_and_match, IMG.EXTRA: an image that is not the manifest's is not signed.
	must(t, "keys", "new", "--out", at("k3"))
	if err := os.WriteFile(at("sub/r3/image"), append(image, 'x'), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, exitFailed, []string{"not the image"}, "release", "sign", at("sub/r3"), "--key", at("k3"))
	refused(t, exitFailed, []string{"not the image"}, "release", "show", at("sub/r3"))

	// MFST.MODIFICATION: a changed byte shows.
	envelope, err := os.ReadFile(at("sub/r3/envelope.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(envelope, []byte("1.2.3"), []byte("1.2.4"), 1)
	writeFile(t, at("changed.cbor"), changed)
	refused(t, exitFailed, []string{"wrong"}, "release", "show", at("changed.cbor"))
}

func TestInterruptedCommandEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, at("registry.json"), []byte(registryJSON))
	writeFile(t, at("fw"), []byte("firmware"))
	must(t, "keys", "new", "--out", at("key"), "--type", "secp256k1")
	must(t, "keys", "new", "--out", at("signer"))
	for _, args := range [][]string{
		{"status", "--socket", at("s"), "--wait", "ready"},
		{"log", "--registry", at("registry.json"), "--product", "a.b/c"},
		{"check", at("fw"), "--registry", at("registry.json"), "--product", "a.b/c"},
		{"registry", "deploy", "--rpc", "http://127.0.0.1:1", "--key", at("key"), "--out", at("new.json"),
			"--pauser", verify.Address{19: 1}.String(), "--guardian", verify.Address{19: 2}.String()},
		{"rollout", "halt", "--registry", at("registry.json"), "--product", "a.b/c", "--sequence", "1", "--key", at("key")},
		{"release", "build", at("fw"), "--registry", at("registry.json"), "--product", "a.b/c", "--sequence", "1", "--version", "1", "--out", at("r")},
		{"did", "resolve", "did:io:0x476c81c27036d05cb5ebfe30ae58c23351a61c4a", "--chain-id", "4690", "--rpc", "http://127.0.0.1:1"},
		{"demo", "--cameras", "1"},
	} {
		var out, errs bytes.Buffer
		code := cli.Run(ctx, newRootCommand(), args, strings.NewReader(""), &out, &errs)
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		if code != cli.ExitInterrupted || lines[len(lines)-1] != "camswarm: interrupted" {
			t.Errorf("%v: exit code %d, %q", args, code, errs.String())
		}
	}
	if left, _ := filepath.Glob(at(".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestFlagsSayWhatTheyTake gives each flag that takes more than a text a wrong value.
func TestFlagsSayWhatTheyTake(t *testing.T) {
	eachCommand(func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); strings.HasPrefix(kind, "string") || f.Name == "help" {
				return
			}
			r := camswarm(t, append(strings.Fields(c.CommandPath())[1:], "--"+f.Name+"=abc")...)
			if r.code != exitUsage || !strings.Contains(r.stderr, "--"+f.Name+` "abc"`) || strings.Contains(r.stderr, "strconv") || strings.Contains(r.stderr, "parsing") {
				t.Errorf("%s --%s=abc: exit code %d, %s", c.CommandPath(), f.Name, r.code, r.stderr)
			}
		})
	})
}

func TestVersion(t *testing.T) {
	if out := must(t, "--version"); !strings.HasPrefix(out, "camswarm ") || strings.Count(out, "\n") != 1 {
		t.Errorf("%q", out)
	}
}
