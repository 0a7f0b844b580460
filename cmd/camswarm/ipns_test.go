package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"camswarm/node/control"
)

// A release is named, published and renewed with the commands as their help says,
// a running seed takes the record, and mistakes are told before anybody sees them.
func TestIPNSRecordIsPublishedAndRenewed(t *testing.T) {
	bin := buildBinaries(t)
	w := newTool(t)
	must(t, "keys", "new", "--out", w.at("ipns.key"))
	name := must(t, "ipns", "name", w.at("ipns.key.pub"))
	name = name[:len(name)-1]
	if again := must(t, "ipns", "name", name); again != name+"\n" {
		t.Errorf("name %q of name %q", again, name)
	}
	refused(t, exitFailed, []string{"Ed25519"}, "ipns", "name", w.at("admin.pub"))

	dir := w.at("release")
	image := writeFile(t, w.at("fw"), []byte("firmware with a name"))
	must(t, w.ask("release", "build", image, "--sequence", "1", "--version", "1.0", "--ipns", w.at("ipns.key.pub"), "--out", dir)...)
	must(t, "release", "sign", dir, "--key", w.at("s1"))
	must(t, "release", "sign", dir, "--key", w.at("s2"))
	writeFile(t, dir+"/did.json", []byte(`{"id":"did:example:1"}`))
	if f := facts[releaseFacts](t, "release", "show", dir); f.IPNSName != name {
		t.Errorf("the release names %q, not %q", f.IPNSName, name)
	}
	unnamed := w.build("1", "unnamed", "s1", "s2")

	publish := func(more ...string) []string {
		return append([]string{"ipns", "publish", dir, "--key", w.at("ipns.key")}, more...)
	}
	refused(t, exitFailed, []string{"ipns publish"}, "ipns", "show", dir)
	refused(t, exitFailed, []string{"--ipns"}, "ipns", "publish", unnamed, "--key", w.at("ipns.key"))
	refused(t, exitFailed, []string{"the key's name"}, "ipns", "publish", dir, "--key", w.at("s1"))
	refused(t, exitFailed, []string{"Ed25519"}, "ipns", "publish", dir, "--key", w.at("admin"))
	refused(t, exitUsage, []string{"--valid"}, publish("--valid", "1m")...)

	first := facts[ipnsFacts](t, publish("--valid", "3h")...)
	if first.State != control.IPNSOK || first.Name != name || !first.EndsSoon || first.Sequence>>32 != 1 {
		t.Errorf("published %+v", first)
	}
	if r := camswarm(t, "ipns", "show", dir); r.code != exitOK || r.stderr == "" {
		t.Errorf("nothing warns of the end: %+v", r)
	}
	second := facts[ipnsFacts](t, "ipns", "renew", dir, "--key", w.at("ipns.key"))
	if second.Sequence <= first.Sequence || second.EndsSoon || second.Value != first.Value {
		t.Errorf("renewed %+v, before %+v", second, first)
	}

	// Seeds do not hold a directory with a document in it.
	for _, noted := range []bool{true, false} {
		if r := camswarm(t, publish("--out", w.at("apart.ipns"))...); r.code != exitOK || strings.Contains(r.stderr, "seeds do not hold") != noted {
			t.Errorf("a directory with a document: %v, and it says %q", noted, r.stderr)
		}
		if noted {
			if err := os.Remove(dir + "/did.json"); err != nil {
				t.Fatal(err)
			}
		}
	}

	// Another document makes another directory.
	writeFile(t, dir+"/did.json", []byte(`{"id":"did:example:2"}`))
	third := facts[ipnsFacts](t, publish()...)
	if third.Value == second.Value || third.State != control.IPNSOK {
		t.Errorf("with another document: %+v, before %+v", third, second)
	}
	record, err := os.ReadFile(dir + ".ipns")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+".ipns", append(record[:len(record)-1], record[len(record)-1]^1))
	refused(t, exitFailed, []string{"signature"}, "ipns", "show", dir)
	must(t, publish()...)

	// A seed that does not hold the release takes no record of it; then it does.
	must(t, append(w.ask("provision", "--dir", w.at("seed"), "--role", "seed", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	startNode(t, bin, w.at("seed"))
	must(t, "status", "--socket", w.at("seed"), "--wait", "ready")
	refused(t, exitFailed, []string{"publish the release"}, publish("--seed", w.at("seed"))...)
	must(t, append(w.publish(dir, "manufacturer"), "--seed", w.at("seed"), "--no-announce")...)
	must(t, "status", "--socket", w.at("seed"), "--wait", "held=1")
	kept := facts[ipnsFacts](t, publish("--seed", w.at("seed"))...)
	if len(kept.Seeds) != 1 || kept.Seeds[0].OnDHT || kept.Seeds[0].Note == "" {
		t.Errorf("handed over: %+v", kept)
	}
	for { // until the test's own time is over
		s := facts[control.Status](t, "status", "--socket", w.at("seed"))
		if i := s.Products[0].IPNS; i != nil && i.State == control.IPNSOK && i.Sequence == kept.Sequence {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
