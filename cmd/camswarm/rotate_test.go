package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"camswarm/verify"
)

// rotate writes a rotation from signers 1 to 3 to those named, two of which must sign.
func (w *tool) rotate(out string, to ...string) []string {
	args := []string{"keys", "rotate", "new", "--registry", w.registry, "--out", w.at(out), "--reason", "signer 3 was lost",
		"--old-threshold", "2", "--old", w.at("s1.pub"), "--old", w.at("s2.pub"), "--old", w.at("s3.pub"), "--threshold", "2"}
	for _, s := range to {
		args = append(args, "--signer", w.at(s+".pub"))
	}
	return args
}

// The third signer lost his key: the two others rotate it out, offline, and a
// camera provisioned with the first keys follows.
func TestLostKeyIsRotatedOut(t *testing.T) {
	w := newTool(t)
	for _, name := range []string{"s4", "s5"} {
		must(t, "keys", "new", "--out", w.at(name))
	}
	must(t, append([]string{"provision", "--registry", w.registry, "--product", testProduct, "--role", "camera", "--dir", w.at("cam")}, w.signers()...)...)
	two, three := w.at("rotation-2"), w.at("rotation-3")
	public := func(name string) string {
		k, err := readPublicKey(w.at(name + ".pub"))
		if err != nil {
			t.Fatal(err)
		}
		return k.String()
	}
	sign := func(file, key string) []string { return []string{"keys", "rotate", "sign", file, "--key", w.at(key)} }
	setKeys := func(files ...string) []string {
		args := w.ask("registry", "set-keys", "--key", w.at("manufacturer"))
		for _, f := range files {
			args = append(args, "--rotation", f)
		}
		return args
	}

	f := facts[rotationFacts](t, w.rotate("rotation-2", "s1", "s2", "s4")...)
	if f.Complete || f.Epoch != 2 || len(f.Old.Missing) != 3 || f.Old.Threshold != 2 || f.Reason == "" {
		t.Errorf("new: %+v", f)
	}
	refused(t, exitFailed, []string{"exists already"}, w.rotate("rotation-2", "s1", "s2", "s4")...)
	refused(t, exitFailed, []string{"by itself"}, w.rotate("same", "s3", "s1", "s2")...)
	refused(t, exitFailed, []string{"not complete", public("s1"), public("s2"), public("s3"), "provision the cameras anew"}, "keys", "rotate", "check", two)
	refused(t, exitFailed, []string{"neither"}, sign(two, "stranger")...)

	// Two old signers: s1 stays and counts for both sets, s2 too.
	must(t, sign(two, "s1")...)
	refused(t, exitFailed, []string{"already signed"}, sign(two, "s1")...)
	refused(t, exitFailed, []string{"vulnerability_to_key_compromises", "1 of the old keys", public("s2"), public("s3")}, "keys", "rotate", "check", two)
	refused(t, exitFailed, []string{"not complete"}, setKeys(two)...)
	refused(t, exitFailed, []string{"not complete"}, w.ask("release", "build", w.registry, "--sequence", "1", "--version", "1", "--out", w.at("r"), "--rotation", two)...)
	if f := facts[rotationFacts](t, sign(two, "s2")...); !f.Complete || len(f.Old.Signed) != 2 || len(f.New.Signed) != 2 || len(f.New.Missing) != 1 {
		t.Errorf("signed by two: %+v", f)
	}
	must(t, "keys", "rotate", "check", two)
	must(t, "keys", "rotate", "show", two)

	build := func(sequence, name string, rotations []string, signers ...string) string {
		t.Helper()
		image := writeFile(t, w.at("fw-"+name), []byte("firmware "+name))
		args := w.ask("release", "build", image, "--sequence", sequence, "--version", "1."+sequence, "--out", w.at("release-"+name))
		for _, r := range rotations {
			args = append(args, "--rotation", r)
		}
		must(t, args...)
		for _, s := range signers {
			sign := []string{"release", "sign", w.at("release-" + name), "--key", w.at(s)}
			if rotations == nil { // the chain may list other keys as yet
				sign = append(sign, "--signer", w.at(s+".pub"))
			}
			must(t, sign...)
		}
		return w.at("release-" + name)
	}
	verifyAt := func(dir string) []string { return []string{"release", "verify", dir, "--config", w.at("cam")} }

	one := build("1", "one", []string{two}, "s2", "s4")
	refused(t, exitFailed, []string{"last rotation"}, "release", "sign", one, "--key", w.at("s3"))
	if f := facts[verifyFacts](t, verifyAt(one)...); f.KeyEpoch != 2 || len(f.Trusted.Keys) != 3 || !f.ImageChecked {
		t.Errorf("verify: %+v", f)
	}
	refused(t, exitFailed, []string{"arbitrary_installation"}, verifyAt(build("1", "bare", nil, "s2", "s4"))...)
	refused(t, exitFailed, []string{"set-keys"}, w.publish(one, "manufacturer")...)
	refused(t, exitFailed, []string{"role"}, w.ask("registry", "set-keys", "--key", w.at("operator"), "--rotation", two)...)
	must(t, setKeys(two)...)
	if f := facts[txFacts](t, setKeys(two)...); !f.Unchanged || f.Transaction != "" {
		t.Errorf("set-keys again: %+v", f)
	}
	refused(t, exitFailed, []string{"--rotation", "--without-rotations"}, w.publish(w.at("release-bare"), "manufacturer")...)
	refused(t, exitFailed, []string{"cameras would refuse"}, w.publish(build("1", "retired", nil, "s1", "s3"), "manufacturer")...)
	must(t, w.publish(one, "manufacturer")...)

	// A second rotation goes on where the first ended.
	must(t, "keys", "rotate", "new", "--after", two, "--threshold", "2", "--signer", w.at("s1.pub"), "--signer", w.at("s4.pub"), "--signer", w.at("s5.pub"), "--out", three)
	must(t, sign(three, "s4")...)
	must(t, sign(three, "s1")...)
	if f := facts[chainFacts](t, "keys", "rotate", "check", two, three); f.Epoch != 3 || f.To.Threshold != 2 {
		t.Errorf("chain: %+v", f)
	}
	refused(t, exitFailed, []string{"order"}, "keys", "rotate", "check", three, two)
	second := build("2", "two", []string{two, three}, "s4", "s5")
	must(t, verifyAt(second)...)
	refused(t, exitFailed, []string{"from epoch 2 on"}, w.ask("release", "build", w.at("fw-one"), "--sequence", "3", "--version", "3", "--rotation", three, "--out", w.at("late"))...)
	must(t, setKeys(two, three)...)
	must(t, w.publish(second, "manufacturer")...)
	if p := facts[registryFacts](t, w.ask("registry", "show")...).Product; p.Latest != 2 || len(p.Keys.Keys) != 3 {
		t.Errorf("registry: %+v", p)
	}
}

func TestRotationsOfElsewhereAndDamagedOnesAreRefused(t *testing.T) {
	w := &tool{t: t, dir: t.TempDir()}
	w.registry = writeFile(t, w.at("registry.json"), []byte(registryJSON))
	for _, name := range []string{"s1", "s2", "s3", "s4"} {
		must(t, "keys", "new", "--out", w.at(name))
	}
	must(t, w.rotate("r", "s1", "s2", "s4")...)
	must(t, "keys", "rotate", "sign", w.at("r"), "--key", w.at("s1"))
	must(t, "keys", "rotate", "sign", w.at("r"), "--key", w.at("s2"))
	elsewhere := writeFile(t, w.at("elsewhere.json"), []byte(strings.Replace(registryJSON, "31337", "4690", 1)))
	image := writeFile(t, w.at("fw"), []byte("firmware"))
	refused(t, exitFailed, []string{"31337", "4690"}, "release", "build", image, "--registry", elsewhere, "--product", testProduct,
		"--sequence", "1", "--version", "1", "--out", w.at("release"), "--rotation", w.at("r"))
	good, err := os.ReadFile(w.at("r"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	refused(t, exitFailed, []string{verify.AttackArbitrary}, "keys", "rotate", "check", writeFile(t, w.at("flipped"), flipped))
	refused(t, exitFailed, []string{"is wrong"}, "keys", "rotate", "sign", w.at("flipped"), "--key", w.at("s4"))
	refused(t, exitFailed, []string{"is no rotation"}, "keys", "rotate", "show", writeFile(t, w.at("long"), append(good, 0)))
	refused(t, exitFailed, []string{"not a regular file"}, "keys", "rotate", "show", w.dir)
	refused(t, exitUsage, []string{"after"}, "keys", "rotate", "new", "--threshold", "1", "--signer", w.at("s1.pub"), "--out", w.at("x"))
}
