//go:build pkcs11 && cgo

package main

import (
	"testing"

	"camswarm/cmd/internal/token/tokentest"
	"camswarm/verify/sign"
)

// The guides' blocks for tokens run too, with a tool that is built for them.
func init() {
	tries["pkcs11"] = true
	buildTags = "pkcs11"
}

// TestKeysOnToken takes a release from signature to rollout with a signer, the
// manufacturer's account and the operator's on a token, on a real chain.
func TestKeysOnToken(t *testing.T) {
	w := newTool(t)
	k := tokentest.New(t, "acme")
	for i, name := range []string{"s1", "manufacturer", "operator", "guardian"} {
		key, err := sign.Load(w.at(name))
		if err != nil {
			t.Fatal(err)
		}
		k.Put(name, byte(i+1), key, false)
	}
	if f := facts[keyFacts](t, "keys", "show", k.Ask("operator")); f.Address == nil || f.PublicKey != publicKey(t, w.at("operator.pub")) {
		t.Errorf("keys show: %+v", f)
	}
	dir := w.build("1", "1", "s3")
	must(t, "release", "sign", dir, "--key", k.URI("s1"))
	// As --passphrase-file does for a key in a file.
	on := func(name string) []string { return []string{"--key", k.Ask(name), "--passphrase-file", k.PINFile} }
	must(t, append([]string{"release", "publish", dir, "--registry", w.registry}, on("manufacturer")...)...)
	refused(t, exitFailed, []string{"role of operator"}, append(w.ask("rollout", "set", "--sequence", "1", "--mode", "all"), on("manufacturer")...)...)
	must(t, append(w.ask("rollout", "set", "--sequence", "1", "--mode", "all"), on("operator")...)...)
	must(t, "registry", "pause", "--registry", w.registry, "--key", k.URI("guardian"))
	if p := facts[registryFacts](t, w.ask("registry", "show")...).Product; p == nil || p.Latest != 1 || !p.Paused {
		t.Errorf("registry show: %+v", p)
	}
	refused(t, exitUsage, []string{"must be in a file"}, "members", "issue", "--fleet", k.URI("s1"), "--peer", "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X", "--out", w.at("cred"))
}
