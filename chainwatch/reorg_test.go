package chainwatch_test

import (
	"context"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/chainwatch/devchain/anvil"
	"camswarm/chainwatch/registry"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// TestAnvilReorganises: a release is published in a block that is reorganised
// away. A device that reads at "finalized" never heard of it; one that reads at
// "latest" keeps what it saw, and takes honest endpoints for stale ones and forgers:
// whoever uses a chain that reorganises must not leave finality at "latest".
func TestAnvilReorganises(t *testing.T) {
	if _, err := anvil.Find(); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	var keys [3]*sign.Key
	var accounts [3]verify.Address
	for i := range keys {
		var err error
		if keys[i], err = sign.Generate(verify.ES256K); err != nil {
			t.Fatal(err)
		}
		accounts[i], _ = keys[i].Address()
	}
	admin, maker, operator := keys[0], keys[1], keys[2]
	chain := startAnvil(ctx, t, accounts[:], "--slots-in-an-epoch", "1") // two blocks make one final
	call := func(method string, args ...any) {
		t.Helper()
		if err := chain.Call(ctx, nil, method, args...); err != nil {
			t.Fatal(err)
		}
	}
	client, err := registry.Dial(ctx, chain.URL, anvil.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	product := verify.Product{Vendor: "acme.example", Name: "cam-1"}
	set := verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{admin.Public()}}
	reg, err := client.Provision(ctx, registry.Setup{
		Admin: admin, Terms: registry.Terms{Pauser: verify.Address{19: 2}, Guardians: []verify.Address{{19: 1}}},
		Manufacturer: verify.DIDKey(set.Keys[0]), Keys: set, Publisher: accounts[1],
		Product: product, Operator: accounts[2],
	})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(sequence uint64, mark byte) {
		t.Helper()
		if _, err := reg.Publish(ctx, maker, verify.Release{Product: product.ID(), Sequence: sequence, Version: "1", ImageSize: 1, ImageSHA256: [32]byte{mark}, Envelope: [32]byte{mark}}); err != nil {
			t.Fatal(err)
		}
	}
	watch := func(finality string) *chainwatch.Watcher {
		cfg := chainwatch.DefaultConfig()
		cfg.ChainID, cfg.Registry, cfg.MinGap = anvil.ChainID, reg.Address().String(), 100*time.Millisecond
		cfg.Poll, cfg.PollJitter, cfg.Finality = time.Second, 0, finality
		cfg.Endpoints = []chainwatch.Endpoint{{URL: chain.URL, Operator: "a"}, {URL: chain.URL + "/", Operator: "b"}}
		w, err := chainwatch.New(cfg, product.ID(), "", chainwatch.Options{Store: &fileless{}})
		if err != nil {
			t.Fatal(err)
		}
		run, stop := context.WithCancel(ctx)
		done := make(chan error)
		go func() { done <- w.Run(run) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		return w
	}
	publish(1, 1)
	call("anvil_mine", "0x4") // release 1 is final
	start, err := reg.Check(ctx, product.ID(), "")
	if err != nil {
		t.Fatal(err)
	}
	hasty, careful := watch("latest"), watch("finalized")
	for _, w := range []*chainwatch.Watcher{hasty, careful} {
		if v, err := w.View(ctx, start.Rev); err != nil || v.Latest != 1 {
			t.Fatalf("at the start: %+v, %v", v, err)
		}
	}
	publish(2, 2)
	hasty.Look()
	if v, err := hasty.View(ctx, start.Rev+1); err != nil || v.Latest != 2 {
		t.Fatalf("before the reorganisation: %+v, %v", v, err)
	}
	call("evm_setAutomine", false)
	call("anvil_reorg", 1, []any{})
	// Without release 2, and with more blocks than before.
	call("anvil_mine", "0x4")
	blames := func(attack string) {
		t.Helper()
		for hasty.Endpoints()[0].Attack != attack {
			hasty.Look()
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				t.Fatalf("at latest no %s was noticed: %+v", attack, hasty.Endpoints()[0])
			}
		}
	}
	blames("rpc_stale_head")
	if v, err := hasty.View(ctx, 0); err != nil || v.Latest != 2 {
		t.Errorf("what was accepted once is kept: %+v, %v", v, err)
	}
	call("evm_setAutomine", true)
	operate := func(rollout verify.Rollout) {
		t.Helper()
		if _, err := reg.SetRollout(ctx, operator, product.ID(), 1, "", rollout); err != nil {
			t.Fatal(err)
		}
	}
	operate(verify.Rollout{Mode: verify.RolloutAll})
	call("anvil_mine", "0x4")
	blames("rpc_single_liar") // another change has the revision of the one that is gone
	careful.Look()
	v, err := careful.View(ctx, start.Rev+1)
	if err != nil || v.Latest != 1 || careful.Endpoints()[0].Attack != "" {
		t.Errorf("at finalized: %+v, %v, %+v", v, err, careful.Endpoints()[0])
	}
}
