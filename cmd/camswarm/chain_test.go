package main

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch/devchain"
	"camswarm/node"
	"camswarm/verify"
)

// tool is a directory with keys, a chain, and a registry with one product, made
// with the commands under test.
type tool struct {
	t        *testing.T
	dir      string
	registry string
	url      string          // of the chain
	chain    *devchain.Chain // nil: it is another one
}

const testProduct = "acme.example/cam-1"

func newTool(t *testing.T) *tool {
	t.Helper()
	var chain *devchain.Chain
	w := newToolOn(t, func(fund []verify.Address) string {
		var err error
		// The tool must get along with the quirks of the real chain.
		if chain, err = devchain.Start(t.Context(), devchain.Config{Fund: fund, IoTeX: true}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = chain.Close() })
		return chain.URL()
	})
	w.chain = chain
	return w
}

// newToolOn is newTool on a chain that start starts, with accounts that have coins; it
// returns the chain's URL.
func newToolOn(t *testing.T, start func(fund []verify.Address) string) *tool {
	t.Helper()
	w := &tool{t: t, dir: t.TempDir()}
	w.registry = w.at("registry.json")
	var fund []verify.Address
	for _, name := range []string{"admin", "manufacturer", "operator", "guardian", "stranger"} {
		must(t, "keys", "new", "--out", w.at(name), "--type", "secp256k1")
		a, err := readAddress(w.at(name + ".pub"))
		if err != nil {
			t.Fatal(err)
		}
		fund = append(fund, a)
	}
	for _, name := range []string{"s1", "s2", "s3"} {
		must(t, "keys", "new", "--out", w.at(name))
	}
	w.url = start(fund)
	must(t, "registry", "deploy", "--rpc", w.url, "--key", w.at("admin"), "--out", w.registry,
		"--pauser", w.at("operator.pub"), "--guardian", w.at("guardian.pub"))
	must(t, w.admin("manufacturer", append([]string{"--admin", w.at("manufacturer.pub")}, w.signers()...)...)...)
	must(t, w.admin("product", "--product", testProduct, "--manufacturer", w.at("manufacturer.pub"), "--operator", w.at("operator.pub"))...)
	return w
}

func (w *tool) at(name string) string { return filepath.Join(w.dir, name) }

func (w *tool) admin(sub string, more ...string) []string { return w.as("admin", sub, more...) }

// as is a command of 'registry' with an account's key.
func (w *tool) as(account, sub string, more ...string) []string {
	return append(append([]string{"registry"}, strings.Fields(sub)...), append([]string{"--registry", w.registry, "--key", w.at(account)}, more...)...)
}

func (w *tool) signers() []string {
	return []string{"--threshold", "2", "--signer", w.at("s1.pub"), "--signer", w.at("s2.pub"), "--signer", w.at("s3.pub")}
}

// ask completes a command about the product.
func (w *tool) ask(args ...string) []string {
	return append(args, "--registry", w.registry, "--product", testProduct)
}

// build makes and signs a release directory from an image of its own.
func (w *tool) build(sequence, name string, signers ...string) string {
	w.t.Helper()
	image := writeFile(w.t, w.at("fw-"+name), []byte("firmware "+name))
	out := w.at("release-" + name)
	must(w.t, w.ask("release", "build", image, "--sequence", sequence, "--version", "1."+sequence, "--out", out)...)
	for _, s := range signers {
		must(w.t, "release", "sign", out, "--key", w.at(s))
	}
	return out
}

func (w *tool) publish(dir, key string) []string {
	return []string{"release", "publish", dir, "--registry", w.registry, "--key", w.at(key)}
}

// TestReleaseLifeOnChain goes through publication, rollout, revocation and what
// the tools say of each, on a real chain.
func TestReleaseLifeOnChain(t *testing.T) {
	w := newTool(t)
	one := w.build("1", "1", "s1", "s3")

	// vulnerability_to_key_compromises: below the threshold, also with a stranger's
	// signature, nothing is sent.
	lonely := w.build("1", "lonely", "s1")
	refused(t, exitFailed, []string{"camswarm: 1 of 2 signatures: ask holders of the keys ", "release sign", "(vulnerability_to_key_compromises)"}, w.publish(lonely, "manufacturer")...)
	must(t, "release", "sign", lonely, "--key", w.at("stranger"), "--signer", w.at("stranger.pub"))
	refused(t, exitFailed, []string{"vulnerability_to_key_compromises"}, w.publish(lonely, "manufacturer")...)
	// Roles are separate: the operator cannot publish.
	refused(t, exitFailed, []string{"role of manufacturer did:key:", testProduct, "--key"}, w.publish(one, "operator")...)
	refused(t, exitUsage, []string{"--key"}, "release", "publish", one, "--registry", w.registry)
	refused(t, exitFailed, []string{"--sequence 1"}, w.publish(w.build("2", "early", "s1", "s2"), "manufacturer")...)

	if f := facts[publishFacts](t, w.publish(one, "manufacturer")...); f.OnChain || f.Transaction == "" || f.Sequence != 1 {
		t.Errorf("published %+v", f)
	}
	// Running it again is no error and sends nothing; another envelope is one.
	if f := facts[publishFacts](t, "release", "publish", one, "--registry", w.registry); !f.OnChain || f.Transaction != "" {
		t.Errorf("published again %+v", f)
	}
	refused(t, exitFailed, []string{"another image"}, w.publish(w.build("1", "other", "s1", "s2"), "manufacturer")...)

	// Rollout: a release without a policy is paused; only the operator sets one.
	show := func() rolloutFacts {
		t.Helper()
		all := facts[struct{ Rollouts []rolloutFacts }](t, w.ask("rollout", "show", "--region", "eu-west")...)
		if len(all.Rollouts) == 0 {
			t.Fatal("rollout show lists nothing")
		}
		return all.Rollouts[0]
	}
	if r := show(); r.Mode != verify.RolloutPaused {
		t.Errorf("a fresh release is rolled out: %+v", r)
	}
	set := func(key string, more ...string) []string {
		return append(w.ask("rollout", "set", "--sequence", "1", "--key", w.at(key)), more...)
	}
	refused(t, exitFailed, []string{"role of operator of " + testProduct, "grant"}, set("manufacturer", "--mode", "all")...)
	must(t, set("operator", "--mode", "percent", "--from", "10%", "--to", "62.5%", "--duration", "72h", "--start", "2026-03-01", "--region", "eu-west", "--warm")...)
	if r := show(); r.Mode != verify.RolloutPercent || r.StartBps != 1000 || r.EndBps != 6250 || r.Duration != 72*3600 || r.Start != 1772323200 || !r.Warm {
		t.Errorf("rollout show: %+v", r)
	}
	must(t, w.ask("rollout", "halt", "--sequence", "1", "--key", w.at("operator"))...)
	if r := show(); !r.Halted {
		t.Errorf("halted: %+v", r)
	}
	must(t, w.ask("rollout", "resume", "--sequence", "1", "--key", w.at("operator"))...)
	must(t, set("operator", "--mode", "canary", "--label", "early", "--canary", "did:io:0xAB00000000000000000000000000000000000000")...)

	// check: every verdict and its exit code.
	check := func(code int, verdict, name string) {
		t.Helper()
		r := camswarm(t, w.ask("check", w.at(name), "--json")...)
		var f checkFacts
		if err := json.Unmarshal([]byte(r.stdout), &f); err != nil || r.code != code || f.Verdict != verdict {
			t.Errorf("check %s: exit code %d, verdict %q, %v; want %d, %q\n%s", name, r.code, f.Verdict, err, code, verdict, r.stderr)
		}
	}
	check(exitOK, verdictCurrent, "fw-1")
	check(exitUnknown, verdictUnknown, "fw-other")
	must(t, w.publish(w.build("2", "2", "s2", "s3"), "manufacturer")...)
	check(exitNotCurrent, verdictNotCurrent, "fw-1")
	check(exitOK, verdictCurrent, "release-2")
	refused(t, exitFailed, []string{"role"}, w.ask("release", "revoke", "--sequence", "2", "--key", w.at("operator"))...)
	must(t, w.ask("release", "revoke", "--sequence", "2", "--key", w.at("manufacturer"))...)
	check(exitRevoked, verdictRevoked, "fw-2")
	check(exitOK, verdictCurrent, "fw-1")
	refused(t, exitFailed, []string{"revoked"}, w.publish(w.at("release-2"), "manufacturer")...)

	must(t, w.ask("release", "min-sequence", "--sequence", "1", "--key", w.at("manufacturer"))...)
	must(t, w.ask("rollout", "barrier", "--sequence", "1", "--key", w.at("operator"))...)
	must(t, w.as("guardian", "pause")...)
	f := facts[registryFacts](t, w.ask("registry", "show")...)
	if p := f.Product; p == nil || p.Latest != 2 || p.MinSequence != 1 || p.Barrier != 1 || !p.Paused || p.Keys.Threshold != 2 {
		t.Errorf("registry show: %+v", f.Product)
	}
	refused(t, exitFailed, []string{"role"}, w.as("guardian", "unpause")...)
	must(t, w.as("operator", "unpause")...)

	// log: the whole story, in order, each with its transaction.
	l := facts[logFacts](t, w.ask("log")...)
	if len(l.Releases) != 2 || l.Releases[0].Revoked || !l.Releases[1].Revoked || l.Releases[0].Transaction == "" || l.Releases[0].Block == 0 {
		t.Errorf("log: %+v", l.Releases)
	}
	var names []string
	for _, e := range l.Events {
		names = append(names, e.Name)
	}
	const story = "ManufacturerCreated ProductCreated Published RolloutSet HaltedSet HaltedSet RolloutSet Published Revoked MinSequenceRaised BarrierSet Paused Unpaused"
	if got := strings.Join(names, " "); got != story {
		t.Errorf("the log tells\n%s\nwant\n%s", got, story)
	}
	if text := must(t, w.ask("log")...); !strings.Contains(text, "REVOKED") || !strings.Contains(text, "newest") ||
		!strings.Contains(text, `set to canary, 1 named and label "early"`) {
		t.Errorf("log prints\n%s", text)
	}
}

// TestStolenOperatorKeyIsWithdrawn: after a guardian withdrew the role, the key
// changes nothing, and the new operator can when the delay has passed.
func TestStolenOperatorKeyIsWithdrawn(t *testing.T) {
	w := newTool(t)
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	refused(t, exitFailed, []string{"role"}, w.admin("withdraw", "--account", w.at("operator.pub"), "--operator-of", testProduct)...)
	must(t, w.as("guardian", "withdraw", "--account", w.at("operator.pub"), "--operator-of", testProduct)...)
	newOperator := []string{"--account", w.at("stranger.pub"), "--operator-of", testProduct}
	must(t, w.admin("grant", newOperator...)...)
	refused(t, exitFailed, []string{"can be done from"}, w.admin("grant", append(newOperator, "--execute")...)...)
	w.pass(73 * time.Hour)
	must(t, w.as("stranger", "grant", append(newOperator, "--execute")...)...)
	set := w.ask("rollout", "set", "--sequence", "1", "--mode", "all")
	refused(t, exitFailed, []string{"role"}, append(set, "--key", w.at("operator"))...)
	must(t, append(set, "--key", w.at("stranger"))...)
	refused(t, exitFailed, []string{"role"}, w.admin("grant", "--account", w.at("manufacturer.pub"), "--operator-of", testProduct)...)
	lost := "role of operator of " + testProduct + " withdrawn from " + w.account("operator").String()
	given := "role of operator of " + testProduct + " granted to " + w.account("stranger").String()
	told := must(t, w.ask("log", "--roles")...)
	if i, j := strings.Index(told, lost), strings.Index(told, given); i < 0 || j < i {
		t.Errorf("the log does not tell %q and then %q:\n%s", lost, given, told)
	}
	if told := must(t, w.ask("log")...); strings.Contains(told, "withdrawn") {
		t.Errorf("the log without --roles:\n%s", told)
	}
}

// TestProvisionPinsOnlyKeysThatAreOnChain: a mistyped key set would make a
// device that refuses every release.
func TestProvisionPinsOnlyKeysThatAreOnChain(t *testing.T) {
	w := newTool(t)
	provision := func(dir, role string, more ...string) []string {
		return append(w.ask("provision", "--dir", w.at(dir), "--role", role), more...)
	}
	refused(t, exitFailed, []string{"not those on chain"}, provision("x", "camera", "--threshold", "1", "--signer", w.at("s1.pub"))...)
	refused(t, exitFailed, []string{"no product"}, append([]string{"provision", "--registry", w.registry, "--product", "acme.example/other", "--dir", w.at("x"), "--role", "camera"}, w.signers()...)...)
	if _, err := os.Stat(w.at("x")); err == nil {
		t.Error("a refused provisioning left its directory behind")
	}

	refused(t, exitUsage, []string{"--state-dir"}, provision("x", "camera", append(w.signers(), "--state-dir", "state")...)...)
	if r := camswarm(t, provision("away", "camera", append(w.signers(), "--state-dir", "/var/lib/camswarm")...)...); r.code != exitOK || !strings.Contains(r.stderr, "knows no seed") {
		t.Errorf("a camera without a seed: %q", r.stderr)
	}
	for addr, noted := range map[string]bool{"/ip4/127.0.0.1/tcp/0": true, "/ip4/127.0.0.1/udp/0/quic-v1": true, "/ip4/127.0.0.1/tcp/4417": false} {
		dir := w.at("seed" + strings.ReplaceAll(addr, "/", "-"))
		if r := camswarm(t, append(w.ask("provision", "--dir", dir, "--role", "seed", "--listen", addr), w.signers()...)...); strings.Contains(r.stderr, "another port after each start") != noted || strings.Contains(r.stderr, "knows no seed") {
			t.Errorf("a seed on %s: %q", addr, r.stderr)
		}
	}
	if c, err := node.LoadConfig(filepath.Join(w.at("away"), configFile)); err != nil || c.StateDir != "/var/lib/camswarm" || c.Beacons.Tell {
		t.Errorf("state_dir is %q, without --tell it tells: %v, %v", c.StateDir, c.Beacons.Tell, err)
	}
	if _, err := os.Stat(filepath.Join(w.at("away"), stateDir, identityFile)); err != nil {
		t.Error(err)
	}
	seed := facts[provisionFacts](t, provision("seed", "seed", append(w.signers(), "--listen", "/ip4/127.0.0.1/tcp/4417", "--region", "eu-west")...)...)
	if len(seed.Addresses) != 1 || !strings.HasSuffix(seed.Addresses[0], "/p2p/"+seed.PeerID) {
		t.Fatalf("seed: %+v", seed)
	}
	camera := provision("cam", "camera", append(w.signers(), "--seed", w.at("seed"), "--region", "eu-west", "--label", "early",
		"--hardware", "rev-b", "--factory-sequence", "7", "--memory", "64MB", "--listen", "/ip4/127.0.0.1/tcp/0", "--tell")...)
	cam := facts[provisionFacts](t, camera...)
	refused(t, exitFailed, []string{"exists already"}, camera...)
	cfg, err := node.LoadConfig(cam.Config)
	if err != nil {
		t.Fatal(err)
	}
	p := cfg.Products[0]
	if cfg.Role != node.RoleCamera || cfg.StateDir != w.at("cam/state") || len(cfg.Network.Peers) != 1 || cfg.Network.Peers[0] != seed.Addresses[0] ||
		p.Name != testProduct || p.Region != "eu-west" || p.Label != "early" || p.Hardware != "rev-b" || p.FactorySequence != 7 ||
		p.Threshold != 2 || len(p.Keys) != 3 || p.Chain.ChainID != devchain.DefaultChainID || cfg.Network.MDNS || !cfg.Beacons.Tell {
		t.Errorf("the configuration reads %+v", cfg)
	}
	key, err := node.LoadOrCreateIdentity(filepath.Join(cfg.StateDir, identityFile))
	if err != nil {
		t.Fatal(err)
	}
	if did, err := node.DIDOf(key); err != nil || did != cam.DID {
		t.Errorf("the identity is %s, %v; printed was %s", did, err, cam.DID)
	}
	// The node finds this identity, and does not make another.
	n, err := node.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Host().ID().String(); got != cam.PeerID {
		t.Errorf("the node runs as %s, provisioned was %s", got, cam.PeerID)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	refused(t, exitFailed, []string{"neither a multiaddr"}, provision("y", "camera", append(w.signers(), "--seed", w.dir)...)...)
	refused(t, exitFailed, []string{"start it"}, provision("y", "camera", append(w.signers(), "--seed", w.at("cam"))...)...)
	must(t, provision("every", "seed", append(w.signers(), "--listen", "/ip4/0.0.0.0/tcp/4417")...)...)
	refused(t, exitFailed, []string{"no one address", "/tcp/4417/p2p/"}, provision("y", "camera", append(w.signers(), "--seed", w.at("every"))...)...)
	for _, of := range [][]string{{"--label", "early"}, {"--tell"}} {
		refused(t, exitUsage, []string{"for cameras"}, provision("y", "seed", append(w.signers(), of...)...)...)
	}
}

// TestJudgePrefersTheValidOfTwoEqualImages: an image that was revoked and
// published again is good.
func TestJudgePrefersTheValidOfTwoEqualImages(t *testing.T) {
	digest := sha256.Sum256([]byte("x"))
	rel := func(seq uint64, revoked bool) verify.Release {
		return verify.Release{Sequence: seq, ImageSHA256: digest, ImageSize: 1, Revoked: revoked}
	}
	for _, tc := range []struct {
		list    []verify.Release
		verdict string
		seq     uint64
	}{
		{nil, verdictUnknown, 0},
		{[]verify.Release{rel(1, false), rel(2, true)}, verdictCurrent, 1},
		{[]verify.Release{rel(1, true), rel(2, false)}, verdictCurrent, 2},
		{[]verify.Release{rel(1, true), rel(2, true)}, verdictRevoked, 2},
		{[]verify.Release{rel(1, false), {Sequence: 2}}, verdictNotCurrent, 1},
	} {
		f := checkFacts{Bytes: 1}
		judge(&f, digest, tc.list)
		if f.Verdict != tc.verdict || f.Release != nil && f.Release.Sequence != tc.seq {
			t.Errorf("%v: %+v", tc.list, f)
		}
	}
}
