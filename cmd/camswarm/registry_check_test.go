package main

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch/devchain"
)

func TestRegistryCheck(t *testing.T) {
	w := newTool(t)
	check := func(more ...string) []finding {
		t.Helper()
		r := camswarm(t, append([]string{"registry", "check", "--json", "--registry", w.registry}, more...)...)
		var found []finding
		if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
			t.Fatalf("%v prints %q: %v", more, r.stdout, err)
		}
		return found
	}
	says := func(found []finding, topic, level, text string) {
		t.Helper()
		if !slices.ContainsFunc(found, func(f finding) bool {
			return f.Topic == topic && f.Level == level && strings.Contains(f.Message, text)
		}) {
			t.Errorf("nothing %s about %s says %q: %+v", level, topic, text, found)
		}
	}

	found := check("--product", testProduct, "--account", w.at("operator.pub"))
	says(found, "endpoint", levelOK, "block")
	says(found, "quorum", levelWarn, "1 endpoint")
	says(found, "registry", levelOK, "version 2")
	says(found, "product", levelOK, "newest release 0")
	says(found, "account", levelOK, "is pauser, operator of "+testProduct)
	says(found, "account", levelOK, "enough for")
	must(t, "registry", "check", "--registry", w.registry, "--account", w.at("admin.pub"))

	says(check("--product", testProduct, "--account", w.at("stranger.pub")), "account", levelBad, "no role")
	if r := camswarm(t, "registry", "check", "--registry", w.registry, "--product", testProduct, "--account", w.at("stranger.pub")); r.code != exitFailed || !strings.Contains(r.stderr, "1 of 6 findings are bad") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	says(check("--account", w.at("manufacturer.pub")), "account", levelWarn, "with --product")
	says(check("--product", "acme.example/none"), "product", levelBad, "acme.example/none")
	must(t, "keys", "new", "--out", w.at("poor"), "--type", "secp256k1")
	says(check("--account", w.at("poor.pub")), "account", levelBad, "enough for 0 releases")
	must(t, w.as("operator", "pause")...)
	says(check(), "registry", levelWarn, "PAUSED")

	// Endpoints that are down, of another chain, without the contract.
	dead := httptest.NewServer(nil)
	dead.Close()
	other, err := devchain.Start(t.Context(), devchain.Config{ChainID: 4242})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	fresh, err := devchain.Start(t.Context(), devchain.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fresh.Close() })
	found = check("--rpc", dead.URL+","+other.URL()+","+fresh.URL()+","+w.chain.URL())
	says(found, "endpoint", levelBad, dead.URL)
	says(found, "endpoint", levelBad, "serves chain 4242")
	says(found, "endpoint", levelBad, fresh.URL())
	says(found, "registry", levelWarn, "PAUSED")

	// A clock that is far from the chain's.
	if err := w.chain.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	says(check(), "endpoint", levelWarn, "ahead")
}
