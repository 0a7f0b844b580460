package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"camswarm/verify"
)

// envelopeOf reads the envelope of a release directory.
func envelopeOf(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, envelopeFile))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func publicKey(t *testing.T, path string) verify.PublicKey {
	t.Helper()
	k, err := readPublicKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestForeignKeysDoNotSign: a key that is not the manufacturer's is refused where
// it is named, and not by publish after everybody has signed.
func TestForeignKeysDoNotSign(t *testing.T) {
	w := newTool(t)
	dir := w.build("1", "1", "s1")
	stranger := publicKey(t, w.at("stranger.pub")).String()
	sign := func(dir string, more ...string) []string {
		return append([]string{"release", "sign", dir, "--key", w.at("stranger")}, more...)
	}
	before := envelopeOf(t, dir)
	// The directory remembers the keys; so do the registry and the files, for an
	// envelope alone.
	alone := filepath.Join(dir, envelopeFile)
	refused(t, exitFailed, []string{stranger, "3 that sign for " + testProduct, "when the release was built"}, sign(dir)...)
	refused(t, exitFailed, []string{stranger, "says the registry"}, sign(alone, "--registry", w.registry)...)
	refused(t, exitFailed, []string{stranger, "--signer files"}, sign(alone, append([]string{"--signer", w.at("s1.pub")}, "--signer", w.at("s2.pub"))...)...)
	refused(t, exitUsage, []string{"--registry and --signer exclude"}, sign(dir, "--registry", w.registry, "--signer", w.at("s1.pub"))...)
	if !bytes.Equal(before, envelopeOf(t, dir)) {
		t.Fatal("a refused signature changed the envelope")
	}
	// Where nothing tells, it is said that nothing was checked.
	if r := camswarm(t, sign(alone)...); r.code != exitOK || !strings.Contains(r.stderr, "not checked whether") {
		t.Errorf("exit code %d, %q", r.code, r.stderr)
	}

	// What was signed is shown, and can be dropped.
	if f := facts[releaseFacts](t, "release", "show", dir); len(f.SignedBy) != 2 || f.Signers == nil || f.Signers.Threshold != 2 ||
		len(f.Signers.Keys) != 3 || len(f.Signers.Foreign) != 1 || f.Signers.Foreign[0].String() != stranger {
		t.Errorf("shown %+v, %+v", f, f.Signers)
	}
	if out := must(t, "release", "show", dir); !strings.Contains(out, stranger+"  NOT a key of the manufacturer") || !strings.Contains(out, "2 of 3 keys") {
		t.Errorf("shown\n%s", out)
	}
	signed := envelopeOf(t, dir)
	refused(t, exitUsage, []string{"--foreign"}, "release", "unsign", dir)
	refused(t, exitUsage, []string{"--foreign"}, "release", "unsign", dir, stranger, "--foreign")
	refused(t, exitUsage, []string{"--signer"}, "release", "unsign", alone, "--foreign")
	refused(t, exitFailed, []string{"not signed by"}, "release", "unsign", dir, w.at("s2.pub"))
	for _, args := range [][]string{{dir, "--foreign"}, {dir, stranger}, {alone, w.at("stranger.pub")}, {alone, "--foreign", "--registry", w.registry}} {
		if err := os.WriteFile(alone, signed, 0o600); err != nil {
			t.Fatal(err)
		}
		must(t, append([]string{"release", "unsign"}, args...)...)
		if !bytes.Equal(before, envelopeOf(t, dir)) {
			t.Errorf("unsign %v did not bring the envelope back", args)
		}
	}
	if r := camswarm(t, "release", "unsign", dir, "--foreign"); r.code != exitOK || !strings.Contains(r.stderr, "nothing was dropped") {
		t.Errorf("again: exit code %d, %q", r.code, r.stderr)
	}
}

// TestPublishDropsForeignSignatures: with one, cameras would refuse the release
// for good, and the chain names the envelope by its digest.
func TestPublishDropsForeignSignatures(t *testing.T) {
	w := newTool(t)
	dir := w.build("1", "1", "s1", "s3")
	clean := envelopeOf(t, dir)
	alone := filepath.Join(dir, envelopeFile)
	must(t, "release", "sign", alone, "--key", w.at("stranger"))
	if bytes.Equal(clean, envelopeOf(t, dir)) {
		t.Fatal("the stranger has not signed")
	}
	spoilt := envelopeOf(t, dir)
	refused(t, exitUsage, []string{"--key"}, "release", "publish", dir, "--registry", w.registry)
	if !bytes.Equal(spoilt, envelopeOf(t, dir)) {
		t.Error("publish changed the envelope and published nothing")
	}
	f := facts[publishFacts](t, w.publish(dir, "manufacturer")...)
	if len(f.Dropped) != 1 || f.Dropped[0] != publicKey(t, w.at("stranger.pub")) || f.Transaction == "" {
		t.Errorf("published %+v", f)
	}
	if !bytes.Equal(clean, envelopeOf(t, dir)) {
		t.Error("the directory does not hold the envelope that the chain names")
	}
	// Spoilt afterwards, it is mended too; nothing is sent.
	if err := os.WriteFile(alone, spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := facts[publishFacts](t, "release", "publish", dir, "--registry", w.registry); !f.OnChain || f.Transaction != "" || len(f.Dropped) != 1 {
		t.Errorf("published again %+v", f)
	}
	if !bytes.Equal(clean, envelopeOf(t, dir)) {
		t.Error("the directory was not mended")
	}
	// A camera takes what was published.
	must(t, append(w.ask("provision", "--dir", w.at("cam"), "--role", "camera", "--listen", "/ip4/127.0.0.1/tcp/0"), w.signers()...)...)
	must(t, "release", "verify", dir, "--config", w.at("cam"))
}

// TestCopiesSignedInParallelAreJoined, releases and rotations alike: the result is
// the same bytes in any order, and other statements are refused.
func TestCopiesSignedInParallelAreJoined(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	w := &tool{t: t, dir: dir, registry: writeFile(t, at("registry.json"), []byte(registryJSON))}
	for i, kind := range []string{"ed25519", "secp256k1", "p256", "ed25519"} {
		must(t, "keys", "new", "--out", at([]string{"s1", "s2", "s3", "s4"}[i]), "--type", kind)
	}
	build := func(name, version string) string {
		image := writeFile(t, at("fw"), []byte("firmware"))
		must(t, w.ask("release", "build", image, "--sequence", "1", "--version", version, "--out", at(name), "--offline")...)
		return at(name)
	}
	copyFile := func(from, to string) string {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		return writeFile(t, to, data)
	}
	release := build("release", "1")
	must(t, w.rotate("rotation", "s1", "s2", "s4")...)

	for what, merge := range map[string]struct {
		file        string // of the original
		sign, merge []string
	}{
		"release":  {filepath.Join(release, envelopeFile), []string{"release", "sign"}, []string{"release", "merge"}},
		"rotation": {at("rotation"), []string{"keys", "rotate", "sign"}, []string{"keys", "rotate", "merge"}},
	} {
		var copies []string
		for _, s := range []string{"s1", "s2", "s3"} {
			c := copyFile(merge.file, at(what+"-"+s))
			must(t, append(slices.Clone(merge.sign), c, "--key", at(s))...)
			copies = append(copies, c)
		}
		var joined []byte
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 1, 2, 1, 0}} {
			target := copyFile(merge.file, at(what+"-joined"))
			args := append(slices.Clone(merge.merge), target)
			for _, i := range order {
				args = append(args, copies[i])
			}
			must(t, args...)
			got, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if joined == nil {
				joined = got
			}
			if !bytes.Equal(got, joined) {
				t.Errorf("%s joined in the order %v is other bytes", what, order)
			}
		}
		// Into a signed copy, it is the same again.
		into := copyFile(copies[2], at(what+"-into"))
		must(t, append(slices.Clone(merge.merge), into, copies[1], copies[0])...)
		if got, _ := os.ReadFile(into); !bytes.Equal(got, joined) {
			t.Errorf("%s joined into a signed copy is other bytes", what)
		}
	}

	// The directory itself can be the target.
	must(t, "release", "merge", release, at("release-s1"), at("release-s3"))
	if f := facts[releaseFacts](t, "release", "show", release); len(f.SignedBy) != 2 {
		t.Errorf("signed by %v", f.SignedBy)
	}

	other := build("other", "2")
	refused(t, exitFailed, []string{"another release", "(2)", "(1)"}, "release", "merge", release, other)
	must(t, w.rotate("elsewhere", "s1", "s2", "s3", "s4")...)
	refused(t, exitFailed, []string{"another statement"}, "keys", "rotate", "merge", at("rotation"), at("elsewhere"))
	wrong := bytes.Clone(envelopeOf(t, release))
	wrong[len(wrong)-1] ^= 1
	refused(t, exitFailed, []string{"is wrong"}, "release", "merge", release, writeFile(t, at("wrong"), wrong))
	refused(t, exitUsage, []string{"2 arguments"}, "release", "merge", release)
}

// Of two right signatures by one key, as an ECDSA key in hardware makes them, the
// same one is kept whatever the order.
func TestJoinKeepsOneOfTwoSignatures(t *testing.T) {
	a, b := verify.Signature{Raw: []byte{1}}, verify.Signature{Raw: []byte{2}}
	for _, order := range [][2]verify.Signature{{a, b}, {b, a}} {
		if got := joinSignatures(order[:1], order[1:]); len(got) != 1 || got[0].Raw[0] != 1 {
			t.Errorf("%v", got)
		}
	}
}

// TestBuildSaysWhatPublishWillRefuse, before anybody signs.
func TestBuildSaysWhatPublishWillRefuse(t *testing.T) {
	w := newTool(t)
	n := 0
	build := func(sequence string, more ...string) (releaseFacts, string) {
		t.Helper()
		n++
		out := w.at("r" + sequence + strings.Repeat("x", n))
		image := writeFile(t, w.at("fw"), []byte("firmware"))
		args := append(w.ask("release", "build", image, "--sequence", sequence, "--version", "1", "--out", out), more...)
		r := camswarm(t, append(args, "--json")...)
		if r.code != exitOK {
			t.Fatalf("exit code %d, %s", r.code, r.stderr)
		}
		return decode[releaseFacts](t, r.stdout), r.stderr
	}
	expect := func(f releaseFacts, stderr string, says ...string) {
		t.Helper()
		all := strings.Join(f.Warnings, "\n")
		for _, s := range says {
			if !strings.Contains(all, s) || !strings.Contains(stderr, "warning: ") {
				t.Errorf("the warnings do not say %q: %q, on stderr %q", s, all, stderr)
			}
		}
		if len(says) == 0 && (len(f.Warnings) > 0 || stderr != "") {
			t.Errorf("warnings of a good release: %q, %q", all, stderr)
		}
	}
	f, stderr := build("1")
	expect(f, stderr)
	if f.Signers == nil || f.Signers.Threshold != 2 || len(f.Signers.Keys) != 3 {
		t.Errorf("the release does not know its signers: %+v", f.Signers)
	}
	f, stderr = build("3")
	expect(f, stderr, "until release 2 is on chain", "--sequence 1")
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	f, stderr = build("1")
	expect(f, stderr, "published already", "--sequence 2")
	f, stderr = build("2", "--product", "acme.example/other")
	expect(f, stderr, "no product acme.example/other")
	must(t, w.as("guardian", "pause")...)
	f, stderr = build("2")
	expect(f, stderr, "paused")
	must(t, w.as("operator", "unpause")...)

	// A rotation that is not listed yet.
	must(t, "keys", "new", "--out", w.at("s4"))
	must(t, w.rotate("rotation", "s1", "s2", "s4")...)
	must(t, "keys", "rotate", "sign", w.at("rotation"), "--key", w.at("s1"))
	must(t, "keys", "rotate", "sign", w.at("rotation"), "--key", w.at("s2"))
	f, stderr = build("2", "--rotation", w.at("rotation"))
	expect(f, stderr, "set-keys")
	if f.Signers == nil || !f.Signers.Has(publicKey(t, w.at("s4.pub"))) {
		t.Errorf("the signers are not those of the rotation: %+v", f.Signers)
	}
	must(t, w.ask("registry", "set-keys", "--key", w.at("manufacturer"), "--rotation", w.at("rotation"))...)
	f, stderr = build("2", "--rotation", w.at("rotation"))
	expect(f, stderr)
	f, stderr = build("2")
	expect(f, stderr, "no --rotation")

	// Nobody answers, or nobody is asked.
	f, stderr = build("2", "--rpc", "http://127.0.0.1:1")
	expect(f, stderr, "not compared with the chain")
	f, stderr = build("2", "--rpc", "http://127.0.0.1:1", "--offline")
	expect(f, stderr)
	if f.Signers != nil {
		t.Errorf("offline it knows signers: %+v", f.Signers)
	}
}

func FuzzParseSigners(f *testing.F) {
	f.Add([]byte(`{"registry":{"chainId":31337,"address":"0x5fbdb2315678afecb367f032d93f642f64180aa3"},"product":{"vendor":"acme.example","name":"cam-1"},"rev":2,"threshold":1,"keys":["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]}`))
	f.Add([]byte(`{"threshold":1,"keys":[""]}`))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSigners(data); err == nil && s.Validate() != nil {
			t.Errorf("accepted %+v", s)
		}
	})
}

// A release names seeds for all and for a region; what no camera could dial is
// refused where it is named.
func TestReleaseNamesSeeds(t *testing.T) {
	w := newTool(t)
	image := writeFile(t, w.at("fw-seeds"), []byte("firmware"))
	const id = "/p2p/12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"
	build := func(out string, seeds ...string) []string {
		args := w.ask("release", "build", image, "--sequence", "1", "--version", "1", "--out", w.at(out))
		for _, s := range seeds {
			args = append(args, "--fleet-seed", s)
		}
		return args
	}
	must(t, build("named", "/dns4/seed.example/tcp/4417"+id, "eu=/ip4/192.0.2.1/udp/4417/quic-v1"+id)...)
	want := []verify.Seed{{Addr: "/dns4/seed.example/tcp/4417" + id}, {Region: "eu", Addr: "/ip4/192.0.2.1/udp/4417/quic-v1" + id}}
	if f := facts[releaseFacts](t, "release", "show", w.at("named")); !slices.Equal(f.Seeds, want) {
		t.Errorf("release show: %+v", f.Seeds)
	}
	if text := must(t, "release", "show", w.at("named")); !strings.Contains(text, "quic-v1"+id+" in eu") {
		t.Errorf("release show prints\n%s", text)
	}
	refused(t, exitUsage, []string{"--fleet-seed", "/p2p/PEER-ID"}, build("bare", "/ip4/192.0.2.1/tcp/4417")...)
	refused(t, exitUsage, []string{"--fleet-seed"}, build("region", "E U=/ip4/192.0.2.1/tcp/4417"+id)...)
	refused(t, exitUsage, []string{"--fleet-seed"}, build("name", "seed.example:4417")...)
}
