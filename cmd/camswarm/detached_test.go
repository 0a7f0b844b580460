package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is a signer that the tool knows a PEM file of.
type module struct {
	pem  string
	sign func(t *testing.T, bytes, digest, to string) // files
}

func openssl(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// plainModule signs with the standard library.
func plainModule(t *testing.T, w *tool) module {
	t.Helper()
	public, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	w.write("plain.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return module{w.at("plain.pem"), func(t *testing.T, message, _, to string) {
		b, err := os.ReadFile(message)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, ed25519.Sign(secret, b), 0o600); err != nil {
			t.Fatal(err)
		}
	}}
}

func (w *tool) write(name string, b []byte) {
	w.t.Helper()
	if err := os.WriteFile(w.at(name), b, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// A release whose signers keep their keys in modules goes all the way, and a
// rotation to their keys too.
func TestModulesSign(t *testing.T) {
	w := newTool(t)
	modules := map[string]module{"plain": plainModule(t, w)}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("no openssl here: the ECDSA kinds are left to the tests of verify/sign")
	} else {
		for name, curve := range map[string]string{"p256": "prime256v1", "k256": "secp256k1"} {
			secret := w.at(name + ".secret.pem")
			openssl(t, "ecparam", "-name", curve, "-genkey", "-noout", "-out", secret)
			openssl(t, "ec", "-in", secret, "-pubout", "-out", w.at(name+".pem"))
			byDigest := name == "k256" // one of them is given the digest, as key services are
			modules[name] = module{w.at(name + ".pem"), func(t *testing.T, message, digest, to string) {
				if byDigest {
					openssl(t, "pkeyutl", "-sign", "-inkey", secret, "-in", digest, "-out", to)
				} else {
					openssl(t, "dgst", "-sha256", "-sign", secret, "-out", to, message)
				}
			}}
		}
	}
	var signers []string
	for _, m := range modules {
		signers = append(signers, "--signer", m.pem)
	}
	message, digest := w.at("bytes"), w.at("digest")

	// A rotation from key files to modules.
	rotation := w.at("rotation")
	must(t, append([]string{"keys", "rotate", "new", "--registry", w.registry, "--out", rotation, "--old-threshold", "2",
		"--old", w.at("s1.pub"), "--old", w.at("s2.pub"), "--old", w.at("s3.pub"), "--threshold", "1"}, signers...)...)
	for _, s := range []string{"s1", "s2"} {
		must(t, "keys", "rotate", "sign", rotation, "--key", w.at(s))
	}
	plain := modules["plain"]
	refused(t, exitFailed, []string{"neither"}, "keys", "rotate", "tosign", rotation, "--key-id", w.at("stranger.pub"), "--out", message)
	must(t, "keys", "rotate", "tosign", rotation, "--key-id", plain.pem, "--out", message)
	plain.sign(t, message, "", w.at("rotation.sig"))
	must(t, "keys", "rotate", "attach", rotation, "--signature", w.at("rotation.sig"))
	must(t, "keys", "rotate", "check", rotation)

	// Before they are listed on chain the directory knows of none of them.
	dir := w.build("1", "1")
	refused(t, exitFailed, []string{"3 that sign for"}, "release", "tosign", dir, "--key-id", plain.pem, "--out", message)
	refused(t, exitFailed, []string{"none of the 3 keys"}, "release", "attach", dir, "--signature", w.at("rotation.sig"))
	must(t, w.ask("registry", "set-keys", "--key", w.at("manufacturer"), "--rotation", rotation)...)
	dir = w.at("release-2")
	must(t, w.ask("release", "build", writeFile(t, w.at("fw"), []byte("firmware")), "--sequence", "1", "--version", "1", "--out", dir, "--rotation", rotation)...)
	alone := filepath.Join(dir, envelopeFile)
	refused(t, exitUsage, []string{"Ed25519"}, "release", "tosign", dir, "--digest", "--key-id", plain.pem, "--out", digest)
	refused(t, exitFailed, []string{"fits none", "not the key's signature"}, append([]string{"release", "attach", alone, "--signature", w.at("rotation.sig")}, signers...)...)

	for name, m := range modules {
		signature := w.at(name + ".sig")
		tosign := func(out string, more ...string) []string {
			return append([]string{"release", "tosign", dir, "--key-id", m.pem, "--out", out}, more...)
		}
		f := facts[struct {
			ImageSHA256 string      `json:"imageSha256"`
			ToSign      toSignFacts `json:"toSign"`
		}](t, tosign(message)...)
		b, err := os.ReadFile(message)
		if sum := sha256.Sum256(b); err != nil || f.ToSign.SHA256 != hex.EncodeToString(sum[:]) || f.ToSign.Bytes != len(b) || f.ImageSHA256 == "" {
			t.Errorf("%s: %v, %+v", name, err, f)
		}
		if out := must(t, tosign("-")...); out != string(b) {
			t.Errorf("%s: stdout has other bytes than the file", name)
		}
		if name != "plain" {
			must(t, tosign(digest, "--digest")...)
		}
		m.sign(t, message, digest, signature)

		// Nothing is written before key and signature are right.
		before := envelopeOf(t, dir)
		attach := []string{"release", "attach", dir, "--signature"}
		w.write("junk", []byte("AAAA\n"))
		refused(t, exitFailed, []string{"decode it first"}, append(attach, w.at("junk"))...)
		refused(t, exitFailed, []string{"that sign for"}, append(attach[:3:3], "--signature", signature, "--key-id", m.pem, "--signer", w.at("s1.pub"))...)
		if !bytes.Equal(before, envelopeOf(t, dir)) {
			t.Fatalf("%s: a refused signature changed the envelope", name)
		}
		must(t, append(attach, signature)...)
		refused(t, exitFailed, []string{"already signed"}, append(attach, signature)...)
	}
	must(t, append(w.ask("provision", "--dir", w.at("cam"), "--role", "camera", "--listen", "/ip4/127.0.0.1/tcp/0", "--threshold", "1"), signers...)...)
	must(t, "release", "verify", dir, "--config", w.at("cam"))
	must(t, w.publish(dir, "manufacturer")...)

	// Of an envelope that tells nobody's keys it is not known whose count.
	copied := writeFile(t, w.at("alone.cbor"), envelopeOf(t, w.at("release-1")))
	refused(t, exitUsage, []string{"--key-id"}, "release", "attach", copied, "--signature", w.at("plain.sig"))
	must(t, "release", "tosign", copied, "--key-id", plain.pem, "--out", message)
	plain.sign(t, message, "", w.at("alone.sig"))
	if r := camswarm(t, "release", "attach", copied, "--signature", w.at("alone.sig"), "--key-id", plain.pem); r.code != exitOK || !strings.Contains(r.stderr, "not checked whether") {
		t.Errorf("exit code %d, %s", r.code, r.stderr)
	}
}
