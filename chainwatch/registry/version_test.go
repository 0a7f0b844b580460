package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/first"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// Registries of version 1 are administered and read by the same client.
func TestFirstVersionIsStillServed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var keys []*sign.Key
	var accounts []verify.Address
	for range 5 {
		k, err := sign.Generate(verify.ES256K)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := k.Address()
		keys, accounts = append(keys, k), append(accounts, a)
	}
	admin, publisher, operator, pauser := keys[0], keys[1], keys[2], keys[3]
	chain, err := devchain.Start(ctx, devchain.Config{Fund: accounts})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	c, err := registry.Dial(ctx, chain.URL(), chain.ChainID())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ok := func(_ registry.Tx, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	second, _, err := c.Deploy(ctx, admin, registry.Terms{Pauser: accounts[3], Guardians: accounts[4:]})
	if err != nil {
		t.Fatal(err)
	}
	r, err := first.Deploy(ctx, c, admin, time.Hour, accounts[3])
	if err != nil {
		t.Fatal(err)
	}
	for version, r := range map[uint64]*registry.Registry{1: r, 2: second} {
		if v, err := r.Version(ctx); err != nil || v != version {
			t.Errorf("version %d, %v; want %d", v, err, version)
		}
		if a, _, err := r.Admin(ctx); err != nil || a != accounts[0] {
			t.Errorf("admin %s, %v", a, err)
		}
	}
	product := verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}
	did := verify.DIDKey(admin.Public())
	ok(r.CreateManufacturer(ctx, admin, did, verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{admin.Public()}}, accounts[1]))
	ok(r.CreateProduct(ctx, admin, product, did, accounts[2]))
	for s := uint64(1); s <= 5; s++ {
		ok(r.Publish(ctx, publisher, verify.Release{
			Product: product.ID(), Sequence: s, Version: "1", ImageSize: 1, ImageSHA256: [32]byte{1}, Envelope: [32]byte{2},
		}))
	}
	ok(r.SetRollout(ctx, operator, product.ID(), 5, "", verify.Rollout{Mode: verify.RolloutAll}))
	v, err := r.Check(ctx, product.ID(), "")
	if err != nil || v.Latest != 5 || len(v.Candidates) != 4 || v.Candidates[0].Rollout.Mode != verify.RolloutAll {
		t.Errorf("view %+v, %v", v, err)
	}
	ok(r.Grant(ctx, admin, registry.PauserRole(), accounts[4]))
	ok(r.Pause(ctx, keys[4]))
	ok(r.Unpause(ctx, pauser))
	ok(r.Withdraw(ctx, admin, registry.PauserRole(), accounts[4]))
	_, err = r.ProposeGrant(ctx, admin, registry.PauserRole(), accounts[4])
	if refused := (*registry.Refusal)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), "without a reason") {
		t.Errorf("a proposal: %v", err)
	}
	history, err := r.History(ctx, product.ID(), 0)
	if err != nil || len(history) != 10 {
		t.Errorf("history of %d, %v", len(history), err)
	}
}
