package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"camswarm/node"
	"camswarm/verify"
)

// The registry's admin and guardian are in wrong hands: the signers lead the
// product to another registry, where its releases go on, and then back to where
// they were; cameras that were provisioned in the first one take what is built.
func TestRegistryIsLeft(t *testing.T) {
	w := newTool(t)
	must(t, append(w.ask("provision", "--role", "camera", "--dir", w.at("cam")), w.signers()...)...)
	must(t, w.publish(w.build("1", "one", "s1", "s2"), "manufacturer")...)
	old := w.registry
	w.registry = w.at("registry-2.json")
	must(t, "registry", "deploy", "--rpc", w.chain.URL(), "--key", w.at("admin"), "--out", w.registry,
		"--pauser", w.at("operator.pub"), "--guardian", w.at("guardian.pub"))
	must(t, w.admin("manufacturer", append([]string{"--admin", w.at("manufacturer.pub")}, w.signers()...)...)...)
	must(t, w.admin("product", "--product", testProduct, "--manufacturer", w.at("manufacturer.pub"), "--operator", w.at("operator.pub"), "--continue-after", "1")...)

	newMove := func(name string, more ...string) []string {
		return append([]string{"registry", "move", "new", "--out", w.at(name)}, more...)
	}
	there := append(newMove("move-1", "--from", old, "--to", w.registry, "--reason", "its keys are in wrong hands"), w.signers()...)
	f := facts[moveFacts](t, there...)
	if f.Complete || f.Number != 1 || f.Epoch != 1 || f.Reset || len(f.Keys.Missing) != 3 || f.Keys.Threshold != 2 || len(f.Endpoints) != 0 || f.Reason == "" {
		t.Errorf("new: %+v", f)
	}
	refused(t, exitFailed, []string{"exists already"}, there...)
	refused(t, exitUsage, []string{"which keys sign"}, newMove("x", "--from", old, "--to", w.registry)...)
	refused(t, exitUsage, []string{"OPERATOR=URL"}, append(newMove("x", "--from", old, "--to", w.registry, "--endpoint", "https://rpc.example"), w.signers()...)...)

	// Signed by two on copies, and joined.
	move := func(sub, file string, more ...string) []string {
		return append([]string{"registry", "move", sub, w.at(file)}, more...)
	}
	data, err := os.ReadFile(w.at("move-1"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.at("copy"), data)
	refused(t, exitFailed, []string{"not in the key set"}, move("sign", "move-1", "--key", w.at("stranger"))...)
	must(t, move("sign", "move-1", "--key", w.at("s1"))...)
	refused(t, exitFailed, []string{"already signed"}, move("sign", "move-1", "--key", w.at("s1"))...)
	refused(t, exitFailed, []string{"not complete", "vulnerability_to_key_compromises", publicKey(t, w.at("s3.pub")).String()}, move("check", "move-1")...)
	must(t, move("sign", "copy", "--key", w.at("s3"))...)
	if f := facts[moveFacts](t, move("merge", "move-1", w.at("copy"))...); !f.Complete || len(f.Keys.Signed) != 2 || len(f.Keys.Missing) != 1 {
		t.Errorf("merged: %+v", f)
	}
	must(t, move("merge", "copy", w.at("move-1"))...)
	if a, b := read(t, w.at("move-1")), read(t, w.at("copy")); !bytes.Equal(a, b) {
		t.Error("joined the other way round it is other bytes")
	}
	must(t, move("check", "move-1")...)
	if out := must(t, move("show", "move-1")...); !strings.Contains(out, "complete: build releases of the new registry") || !strings.Contains(out, "wrong hands") {
		t.Errorf("show:\n%s", out)
	}
	flipped := bytes.Clone(data)
	flipped[len(flipped)/2] ^= 1
	writeFile(t, w.at("flipped"), flipped)
	refused(t, exitFailed, nil, move("show", "flipped")...)

	build := func(sequence, name string, signers []string, more ...string) string {
		t.Helper()
		image, out := writeFile(t, w.at("fw-"+name), []byte("firmware "+name)), w.at("release-"+name)
		must(t, append(w.ask("release", "build", image, "--sequence", sequence, "--version", "1."+sequence, "--out", out), more...)...)
		for _, s := range signers {
			must(t, "release", "sign", out, "--key", w.at(s))
		}
		return out
	}
	refused(t, exitFailed, []string{"lead to registry"}, "release", "build", w.at("fw-one"), "--registry", old, "--product", testProduct,
		"--sequence", "2", "--version", "2", "--out", w.at("x"), "--move", w.at("move-1"))
	verifyAt := func(dir string) []string { return []string{"release", "verify", dir, "--config", w.at("cam")} }
	bare := build("2", "bare", []string{"s1", "s2"})
	refused(t, exitFailed, []string{"upd_unapproved"}, verifyAt(bare)...)
	two := build("2", "two", []string{"s1", "s2"}, "--move", w.at("move-1"))
	refused(t, exitFailed, []string{"last move"}, "release", "sign", filepath.Join(two, envelopeFile), "--key", w.at("stranger"))
	if f := facts[verifyFacts](t, verifyAt(two)...); len(f.Moves) != 1 || f.Moves[0].Number != 1 || f.KeyEpoch != 1 {
		t.Errorf("verify: %+v", f)
	}
	if out := must(t, "release", "show", two); !strings.Contains(out, "move 1         from ") {
		t.Errorf("show:\n%s", out)
	}
	must(t, w.publish(two, "manufacturer")...)

	// A camera that is provisioned there knows what lies behind.
	must(t, append(w.ask("provision", "--role", "camera", "--dir", w.at("cam2"), "--move", w.at("move-1")), w.signers()...)...)
	cfg, err := node.LoadConfig(filepath.Join(w.at("cam2"), configFile))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := cfg.Products[0].Verifier(); err != nil || len(v.Moves()) != 1 {
		t.Errorf("provisioned: %v", err)
	}
	refused(t, exitFailed, []string{"lead to registry"}, append([]string{"provision", "--registry", old, "--product", testProduct, "--role", "camera", "--dir", w.at("cam3"),
		"--move", w.at("move-1")}, w.signers()...)...)
	refused(t, exitUsage, []string{"--move"}, append(w.ask("provision", "--role", "camera", "--dir", w.at("cam3"), "--rotation", w.at("move-1")), w.signers()...)...)

	// On with other keys, to another chain, and a reset there.
	must(t, "keys", "new", "--out", w.at("s4"))
	must(t, w.rotate("rotation-2", "s1", "s2", "s4")...)
	for _, s := range []string{"s1", "s2"} {
		must(t, "keys", "rotate", "sign", w.at("rotation-2"), "--key", w.at(s))
	}
	elsewhere := writeFile(t, w.at("elsewhere.json"), []byte(registryJSON))
	if strings.Contains(string(read(t, w.registry)), "31337") {
		elsewhere = writeFile(t, w.at("elsewhere.json"), []byte(strings.Replace(registryJSON, "31337", "4690", 1)))
	}
	f = facts[moveFacts](t, newMove("move-2", "--after", w.at("move-1"), "--to", elsewhere, "--rotation", w.at("rotation-2"))...)
	if f.Number != 2 || f.Epoch != 2 || len(f.Endpoints) != 1 || f.Endpoints[0].Operator != "127.0.0.1" || f.From != facts[moveFacts](t, move("show", "move-1")...).To {
		t.Errorf("the second: %+v", f)
	}
	f = facts[moveFacts](t, newMove("move-3", "--after", w.at("move-2"), "--to", elsewhere, "--endpoint", "a=https://a.example", "--endpoint", "b=https://b.example",
		"--quorum-start", "2", "--finality", "safe")...)
	if !f.Reset || f.Number != 3 || len(f.Endpoints) != 2 || f.StartOf != 2 || f.Finality != "safe" {
		t.Errorf("the reset: %+v", f)
	}
	for _, file := range []string{"move-2", "move-3"} {
		for _, s := range []string{"s2", "s4"} {
			must(t, move("sign", file, "--key", w.at(s))...)
		}
	}
	refused(t, exitFailed, []string{"oldest first"}, move("check", "move-1", w.at("move-3"), "--rotation", w.at("rotation-2"))...)
	if f := facts[wayFacts](t, move("check", "move-1", w.at("move-2"), w.at("move-3"), "--rotation", w.at("rotation-2"))...); f.Moves != 3 || f.Rotations != 1 || f.To.ChainID == f.From.ChainID {
		t.Errorf("check: %+v", f)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A key in a security module signs the bytes that tosign writes.
func TestMoveIsSignedElsewhere(t *testing.T) {
	w := &tool{t: t, dir: t.TempDir()}
	w.registry = writeFile(t, w.at("registry.json"), []byte(registryJSON))
	for _, name := range []string{"s1", "s2", "s3"} {
		must(t, "keys", "new", "--out", w.at(name))
	}
	must(t, append([]string{"registry", "move", "new", "--from", w.registry, "--to", w.registry, "--out", w.at("reset")}, w.signers()...)...)
	copyOf := writeFile(t, w.at("copy"), read(t, w.at("reset")))
	must(t, "registry", "move", "tosign", w.at("reset"), "--key-id", w.at("s1.pub"), "--out", w.at("to-sign"))
	m, err := verify.DecodeMove(read(t, w.at("reset")))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := m.ToBeSigned(publicKey(t, w.at("s1.pub"))); err != nil || !bytes.Equal(want, read(t, w.at("to-sign"))) {
		t.Errorf("tosign wrote other bytes: %v", err)
	}
	must(t, "registry", "move", "sign", copyOf, "--key", w.at("s1"))
	if m, err = verify.DecodeMove(read(t, copyOf)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.at("signature"), m.Signatures[0].Raw)
	must(t, "registry", "move", "attach", w.at("reset"), "--signature", w.at("signature"))
	if !bytes.Equal(read(t, copyOf), read(t, w.at("reset"))) {
		t.Error("attached, it is other bytes than signed")
	}
	must(t, "keys", "new", "--out", w.at("s4"))
	refused(t, exitFailed, []string{"not in the key set"}, "registry", "move", "tosign", w.at("reset"), "--key-id", w.at("s4.pub"), "--out", w.at("x"))
}
