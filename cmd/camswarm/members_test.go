package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A fleet's owner makes members, puts some out, and starts a new epoch, offline.
func TestMembersOffline(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, "keys", "new", "--out", at("fleet.key"))
	must(t, "keys", "new", "--out", at("account.key"), "--type", "secp256k1")
	const one, two = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X", "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3"
	must(t, "members", "issue", "--fleet", at("fleet.key"), "--peer", one, "--out", at("one.cred"))
	info, err := os.Stat(at("one.cred"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the credential has mode %v, %v", info.Mode(), err)
	}
	if data, _ := os.ReadFile(at("one.cred")); !strings.HasPrefix(string(data), "camswarm-member-1:") {
		t.Errorf("the credential is %q", data)
	}
	for why, args := range map[string][]string{
		"exists already":           {"members", "issue", "--fleet", at("fleet.key"), "--peer", one, "--out", at("one.cred")},
		"an Ed25519 key":           {"members", "issue", "--fleet", at("account.key"), "--peer", one, "--out", at("x.cred")},
		"is not a peer id":         {"members", "issue", "--fleet", at("fleet.key"), "--peer", "cam1", "--out", at("x.cred")},
		"name the peer ids":        {"members", "revoke", "--fleet", at("fleet.key"), "--list", at("revoked")},
		"not a revocation list":    {"members", "show", at("one.cred")},
		"does not answer":          {"members", "push", "--socket", dir, at("list")},
		"not signed by this fleet": {"members", "revoke", "--fleet", at("other.key"), "--list", at("list"), one},
	} {
		if why == "does not answer" {
			must(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("list"), one)
		}
		if strings.HasPrefix(why, "not signed") {
			must(t, "keys", "new", "--out", at("other.key"))
			must(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("list"), two)
		}
		r := camswarm(t, args...)
		if r.code == exitOK || !strings.Contains(r.stderr, why) || strings.Contains(r.stderr, "request body") {
			t.Errorf("camswarm %s: exit code %d, %q; want %q", strings.Join(args[:2], " "), r.code, r.stderr, why)
		}
	}
	must(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("revoked"), one)
	for id, want := range map[string]string{one: "is REVOKED", two: "is not revoked\n"} {
		if got := must(t, "members", "show", at("revoked"), "--peer", id); !strings.Contains(got, id+" "+want) || !strings.Contains(got, "digests of peer keys") {
			t.Errorf("of %s the list says %q, not that it %s", id, got, want)
		}
	}
	must(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("revoked"), two, one)
	var facts listFacts
	if err := json.Unmarshal([]byte(must(t, "members", "show", at("revoked"), "--json")), &facts); err != nil {
		t.Fatal(err)
	}
	if facts.Number != 2 || facts.Epoch != 0 || len(facts.Revoked) != 2 {
		t.Errorf("the second list is %+v", facts)
	}
	must(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("revoked"), "--epoch", "1")
	if got := must(t, "members", "show", at("revoked")); !strings.HasPrefix(got, "revocation list 3, epoch 1: 0 revoked") {
		t.Errorf("the list of the new epoch is %q", got)
	}
	if r := camswarm(t, "members", "revoke", "--fleet", at("fleet.key"), "--list", at("revoked"), "--epoch", "0"); r.code == exitOK {
		t.Error("an epoch went back")
	}
}
