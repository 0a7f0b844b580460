package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

// TestWhatIsSoAlreadySendsNothing: every change that can be made twice says the
// second time that it is so already, costs nothing and succeeds.
func TestWhatIsSoAlreadySendsNothing(t *testing.T) {
	w := newTool(t)
	for _, n := range []string{"1", "2", "3", "4", "5", "6"} {
		must(t, w.publish(w.build(n, n, "s1", "s2"), "manufacturer")...)
	}
	rollout := func(sub, sequence string, more ...string) []string {
		return append(w.ask("rollout", sub, "--sequence", sequence, "--key", w.at("operator")), more...)
	}
	release := func(sub, sequence string) []string {
		return w.ask("release", sub, "--sequence", sequence, "--key", w.at("manufacturer"))
	}
	role := []string{"--account", w.at("stranger.pub"), "--operator-of", testProduct}
	another := []string{"--account", "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"}
	file, err := readRegistryFile(w.registry)
	if err != nil {
		t.Fatal(err)
	}
	client, err := file.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	contract, err := client.Open(t.Context(), file.Address)
	if err != nil {
		t.Fatal(err)
	}
	tail, total := contract.Tail(file.DeployBlock), 0
	events := func() int {
		t.Helper()
		fresh, err := tail.Poll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		total += len(fresh)
		return total
	}
	for _, args := range [][]string{
		rollout("halt", "6"), rollout("resume", "6"),
		rollout("halt", "1"), rollout("resume", "1"), // not on offer any more
		rollout("barrier", "2"), rollout("barrier", "0"),
		rollout("set", "6", "--mode", "all"), rollout("set", "6", "--mode", "canary", "--label", "early", "--warm"),
		rollout("set", "6", "--mode", "percent", "--to", "50%", "--start", "2026-03-01", "--region", "eu-west"),
		rollout("set", "6", "--mode", "paused", "--region", "eu-west"),
		release("min-sequence", "3"), release("revoke", "4"),
		w.as("guardian", "pause"), w.as("operator", "unpause"),
		w.admin("grant", role...), w.as("stranger", "grant", append(role, "--execute")...), w.as("stranger", "renounce", "--operator-of", testProduct),
		w.admin("guardian add", another...), w.admin("guardian add", append(another, "--execute")...),
		w.admin("guardian remove", another...), w.admin("guardian remove", append(another, "--execute")...),
		w.as("guardian", "withdraw", "--account", w.at("operator.pub"), "--pauser"),
		w.admin("transfer-admin", "--to", w.at("stranger.pub")), w.as("stranger", "accept-admin"),
	} {
		if slices.Contains(args, "--execute") || slices.Contains(args, "accept-admin") {
			w.pass(73 * time.Hour)
		}
		if f := facts[txFacts](t, args...); f.Unchanged || f.Transaction == "" {
			t.Errorf("%v, the first time: %+v", args, f)
		}
		before := events()
		if f := facts[txFacts](t, args...); !f.Unchanged || f.Transaction != "" || f.Did == "" {
			t.Errorf("%v, again: %+v", args, f)
		}
		if out := must(t, args...); !strings.Contains(out, " already; nothing was sent\n") {
			t.Errorf("%v, again, prints %q", args, out)
		}
		if got := events(); got != before {
			t.Errorf("%v, again, changed the chain", args)
		}
	}
	// What is the default's may not be the region's own.
	must(t, rollout("set", "6", "--mode", "all")...)
	if f := facts[txFacts](t, rollout("set", "6", "--mode", "all", "--region", "us-east")...); f.Unchanged {
		t.Error("a region's policy was not set because the default is the same")
	}
	// What cannot be undone is no success.
	refused(t, exitFailed, []string{"below release 3", "cannot be lowered to 2"}, release("min-sequence", "2")...)
	refused(t, exitFailed, []string{"choose from 1 to 6"}, release("revoke", "9")...)
	refused(t, exitFailed, []string{"no release 0"}, release("revoke", "0")...)
	refused(t, exitFailed, []string{"choose from 1 to 6"}, rollout("halt", "9")...)
}

// TestRolloutSaysWhatIsInItsWay: a policy of a halted release has no effect.
func TestRolloutSaysWhatIsInItsWay(t *testing.T) {
	w := newTool(t)
	must(t, w.publish(w.build("1", "1", "s1", "s2"), "manufacturer")...)
	set := func(mode string) []string {
		return w.ask("rollout", "set", "--sequence", "1", "--mode", mode, "--key", w.at("operator"))
	}
	halt := w.ask("rollout", "halt", "--sequence", "1", "--key", w.at("operator"))
	expect := func(args []string, says ...string) {
		t.Helper()
		f := facts[txFacts](t, args...)
		r := camswarm(t, args...) // the second time, nothing is sent; the warning stays
		for _, s := range says {
			if !strings.Contains(strings.Join(f.Warnings, "\n"), s) || !strings.Contains(r.stderr, "warning: ") || !strings.Contains(r.stderr, s) {
				t.Errorf("%q is not said: %q, %q", s, f.Warnings, r.stderr)
			}
		}
		if len(says) != len(f.Warnings) {
			t.Errorf("warnings %q, want %q", f.Warnings, says)
		}
	}
	expect(set("paused"))
	must(t, halt...)
	expect(set("all"), "release 1 is HALTED")
	must(t, w.as("guardian", "pause")...)
	expect(set("paused"), "release 1 is HALTED", "the registry is PAUSED")
}

// TestRefusalsNameRolesAndProducts: 32-byte ids help nobody.
func TestRefusalsNameRolesAndProducts(t *testing.T) {
	w := newTool(t)
	one := w.build("1", "1", "s1", "s2")
	did := verify.DIDKey(publicKey(t, w.at("manufacturer.pub")))
	other := "acme.example/other"
	at := func(args []string, product string) []string {
		for i := range args {
			if args[i] == testProduct {
				args[i] = product
			}
		}
		return args
	}
	halt := func(key string) []string { return w.ask("rollout", "halt", "--sequence", "1", "--key", w.at(key)) }
	revoke := func(key string) []string { return w.ask("release", "revoke", "--sequence", "1", "--key", w.at(key)) }
	must(t, w.publish(one, "manufacturer")...)
	account := func(name string) string { return w.account(name).String() }
	hash := "0123456789abcdef"
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{halt("stranger"), []string{account("stranger"), "role of operator of " + testProduct, "--key", "registry grant", "--operator-of " + testProduct}},
		{revoke("operator"), []string{account("operator"), "role of manufacturer " + string(did) + ", who makes " + testProduct, "--manufacturer-of " + string(did)}},
		{w.as("stranger", "pause"), []string{account("stranger"), "role of pauser", "grant"}},
		{w.admin("withdraw", "--account", w.at("operator.pub"), "--operator-of", testProduct), []string{account("admin"), "role of guardian"}},
		{w.as("stranger", "product", "--product", other, "--manufacturer", w.at("manufacturer.pub"), "--operator", w.at("operator.pub")),
			[]string{account("stranger"), "role of the registry's admin"}},
		{w.admin("product", "--product", other, "--manufacturer", w.at("stranger.pub"), "--operator", w.at("operator.pub")),
			[]string{"no manufacturer did:key:", "registry manufacturer"}},
		{w.admin("product", "--product", testProduct, "--manufacturer", w.at("manufacturer.pub"), "--operator", w.at("operator.pub")),
			[]string{"has product " + testProduct + " already"}},
		{w.admin("manufacturer", append([]string{"--admin", w.at("manufacturer.pub")}, w.signers()...)...), []string{"has manufacturer " + string(did) + " already", "set-keys"}},
		{at(halt("operator"), other), []string{"no product " + other, "--product", "registry product"}},
		{at(w.ask("log"), other), []string{"no product " + other}},
		{at(w.ask("check", w.at("fw-1")), other), []string{"no product " + other}},
		{at(w.ask("rollout", "show"), other), []string{"no product " + other}},
		{at(w.ask("registry", "show"), other), []string{"no product " + other}},
		{append(at(w.ask("provision", "--dir", w.at("x"), "--role", "camera"), other), w.signers()...), []string{"no product " + other}},
	} {
		refused(t, exitFailed, tc.says, tc.args...)
		r := camswarm(t, tc.args...)
		for i := range r.stderr {
			if rest := r.stderr[i:]; len(rest) >= 64 && !strings.ContainsFunc(rest[:64], func(r rune) bool { return !strings.ContainsRune(hash, r) }) {
				t.Errorf("%v shows a hash: %s", tc.args, r.stderr)
				break
			}
		}
	}
}
