package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"camswarm/verify"
)

// pass moves the chain's clock.
func (w *tool) pass(d time.Duration) {
	w.t.Helper()
	if err := w.chain.Advance(d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *tool) account(name string) verify.Address {
	w.t.Helper()
	a, err := readAddress(w.at(name + ".pub"))
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *tool) roles() rolesFacts {
	w.t.Helper()
	return facts[rolesFacts](w.t, "registry", "roles", "--registry", w.registry)
}

func (f rolesFacts) has(role string, account verify.Address) bool {
	return slices.ContainsFunc(f.Holders, func(h roleFacts) bool { return strings.HasPrefix(h.Role, role) && h.Account == account })
}

// A thief with the admin's key is seen in the list and stopped by a guardian; the
// rightful admin then hands the role to another key.
func TestAdminsKeyIsStolenAndReplaced(t *testing.T) {
	w := newTool(t)
	f := w.roles()
	if f.Version != 2 || f.Admin != w.account("admin") || f.DelaySeconds != 72*3600 || len(f.Pending) != 0 || len(f.Holders) != 4 ||
		!f.has("operator of "+testProduct, w.account("operator")) || !f.has("pauser", w.account("operator")) ||
		!f.has("guardian", w.account("guardian")) || !f.has("manufacturer did:", w.account("manufacturer")) {
		t.Errorf("roles: %+v", f)
	}
	stranger := []string{"--account", w.at("stranger.pub")}
	refused(t, exitFailed, []string{"role"}, w.admin("pause")...)
	refused(t, exitFailed, []string{"role"}, w.admin("withdraw", "--account", w.at("operator.pub"), "--pauser")...)
	must(t, w.admin("grant", append(stranger, "--pauser")...)...)
	must(t, w.admin("guardian remove", "--account", w.at("guardian.pub"))...)
	must(t, w.admin("guardian add", stranger...)...)
	must(t, w.admin("delay", "--to", "1h")...)
	must(t, w.admin("transfer-admin", "--to", w.at("stranger.pub"))...)
	refused(t, exitFailed, []string{"only after"}, w.as("stranger", "accept-admin")...)
	f = w.roles()
	if len(f.Pending) != 3 || f.NewAdmin == nil || *f.NewAdmin != w.account("stranger") || f.NewAdminFrom == 0 || f.Pending[0].From == 0 {
		t.Errorf("pending: %+v", f)
	}
	if text := must(t, "registry", "roles", "--registry", w.registry); !strings.Contains(text, "is removed as guardian") || !strings.Contains(text, "becomes pauser") {
		t.Errorf("roles prints\n%s", text)
	}

	must(t, w.as("guardian", "grant", append(stranger, "--pauser", "--cancel")...)...)
	must(t, w.as("guardian", "guardian add", append(stranger, "--cancel")...)...)
	must(t, w.as("guardian", "transfer-admin", "--cancel")...)
	must(t, w.as("guardian", "delay", "--cancel")...)
	refused(t, exitFailed, []string{"no new admin"}, w.as("guardian", "transfer-admin", "--cancel")...)
	refused(t, exitFailed, []string{"its own removal"}, w.as("guardian", "guardian remove", "--account", w.at("guardian.pub"), "--cancel")...)
	must(t, w.admin("guardian remove", "--account", w.at("guardian.pub"), "--cancel")...)
	w.pass(73 * time.Hour)
	refused(t, exitFailed, []string{"not proposed"}, w.as("stranger", "grant", append(stranger, "--pauser", "--execute")...)...)
	refused(t, exitFailed, []string{"not proposed"}, w.admin("guardian remove", "--account", w.at("guardian.pub"), "--execute")...)
	refused(t, exitFailed, []string{"not the announced"}, w.as("stranger", "accept-admin")...)
	if f = w.roles(); len(f.Pending) != 0 || f.NewAdmin != nil || f.DelaySeconds != 72*3600 || len(f.Holders) != 4 {
		t.Errorf("afterwards: %+v", f)
	}

	must(t, w.admin("transfer-admin", "--to", w.at("stranger.pub"))...)
	w.pass(73 * time.Hour)
	must(t, w.as("stranger", "accept-admin")...)
	if f = w.roles(); f.Admin != w.account("stranger") {
		t.Errorf("the admin is %s", f.Admin)
	}
	refused(t, exitFailed, []string{"role"}, w.admin("grant", "--account", w.at("manufacturer.pub"), "--pauser")...)
	must(t, w.as("operator", "renounce", "--pauser")...)
	if f = w.roles(); f.has("pauser", w.account("operator")) {
		t.Error("the pauser's role was not given up")
	}
}

// A product that comes from another registry goes on after its releases there.
func TestProductIsContinued(t *testing.T) {
	w := newTool(t)
	must(t, w.admin("product", "--product", "acme.example/cam-2", "--manufacturer", w.at("manufacturer.pub"), "--operator", w.at("operator.pub"), "--continue-after", "57")...)
	f := facts[registryFacts](t, "registry", "show", "--registry", w.registry, "--product", "acme.example/cam-2")
	if f.Product == nil || f.Product.Latest != 57 {
		t.Errorf("registry show: %+v", f.Product)
	}
	image := writeFile(t, w.at("fw"), []byte("firmware"))
	for sequence, says := range map[string]string{"57": "another registry", "59": "next on chain is 58", "58": ""} {
		out := w.at("release-" + sequence)
		must(t, "release", "build", image, "--registry", w.registry, "--product", "acme.example/cam-2", "--sequence", sequence, "--version", "1."+sequence, "--out", out)
		for _, s := range []string{"s1", "s2"} {
			must(t, "release", "sign", out, "--key", w.at(s))
		}
		if says != "" {
			refused(t, exitFailed, []string{says}, w.publish(out, "manufacturer")...)
		}
	}
	must(t, w.publish(w.at("release-58"), "manufacturer")...)
	refused(t, exitFailed, []string{"begin with 58"}, w.publish(w.at("release-57"), "manufacturer")...)
}
