package chainwatch_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"camswarm/chainwatch"
	"camswarm/chainwatch/devchain"
	"camswarm/chainwatch/devchain/anvil"
	"camswarm/chainwatch/registry"
	"camswarm/chainwatch/registry/first"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// The camera's client, codec and watcher against the real contract, in both of its
// versions, on two independent chain servers and with IoTeX's quirks, through
// everything that can change an answer.
func TestWatchesTheRealContract(t *testing.T) {
	for name, iotex := range map[string]bool{"devchain": false, "iotex": true} {
		finality := map[bool]string{false: "latest", true: "finalized"}[iotex] // IoTeX refuses that tag elsewhere, not in eth_call
		t.Run(name, func(t *testing.T) {
			watchTheRealContract(t, finality, func(ctx context.Context, fund []verify.Address) string {
				chain, err := devchain.Start(ctx, devchain.Config{ChainID: 4690, Fund: fund, IoTeX: iotex})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = chain.Close() })
				return chain.URL()
			})
		})
	}
	t.Run("anvil", func(t *testing.T) {
		if _, err := anvil.Find(); err != nil {
			t.Skip(err)
		}
		watchTheRealContract(t, "latest", func(ctx context.Context, fund []verify.Address) string {
			return startAnvil(ctx, t, fund).URL
		})
	})
}

// startAnvil starts anvil until the test ends.
func startAnvil(ctx context.Context, t *testing.T, fund []verify.Address, args ...string) *anvil.Server {
	t.Helper()
	chain, err := anvil.Start(ctx, fund, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chain.Close() })
	return chain
}

// watchTheRealContract reads both versions at the given block tag.
func watchTheRealContract(t *testing.T, finality string, start func(ctx context.Context, fund []verify.Address) string) {
	for _, version := range []int{1, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) { watchVersion(t, version, finality, start) })
	}
}

func watchVersion(t *testing.T, version int, finality string, start func(ctx context.Context, fund []verify.Address) string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	key := func(alg verify.Algorithm) *sign.Key {
		k, err := sign.Generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	account := func(k *sign.Key) verify.Address {
		a, ok := k.Address()
		if !ok {
			t.Fatal("no account")
		}
		return a
	}
	admin, maker, operator := key(verify.ES256K), key(verify.ES256K), key(verify.ES256K)
	url := start(ctx, []verify.Address{account(admin), account(maker), account(operator)})
	client, err := registry.Dial(ctx, url, 4690)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	product := verify.Product{Vendor: "tenvis.com", Name: "ucam-2"}
	keys := verify.KeySet{Threshold: 2, Keys: []verify.PublicKey{key(verify.EdDSA).Public(), key(verify.ES256).Public(), key(verify.ES256K).Public()}}
	did := verify.DIDKey(keys.Keys[0])
	var reg *registry.Registry
	if version == 1 {
		reg, err = first.Deploy(ctx, client, admin, 0, account(operator))
	} else {
		reg, _, err = client.Deploy(ctx, admin, registry.Terms{Pauser: account(operator), Guardians: []verify.Address{{19: 1}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	must := func(_ registry.Tx, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(reg.CreateManufacturer(ctx, admin, did, keys, account(maker)))
	must(reg.CreateProduct(ctx, admin, product, did, account(operator)))

	cfg := chainwatch.DefaultConfig()
	cfg.ChainID, cfg.Registry, cfg.MinGap = 4690, reg.Address().String(), 100*time.Millisecond
	cfg.Poll, cfg.PollJitter, cfg.Finality = time.Second, 0, finality
	cfg.Endpoints = []chainwatch.Endpoint{{URL: url, Operator: "a"}, {URL: url + "/", Operator: "b"}}
	store := &fileless{}
	w, err := chainwatch.New(cfg, product.ID(), "eu", chainwatch.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()

	// see waits until the watcher's view equals what go-ethereum's decoder reads.
	see := func(what string) verify.View {
		t.Helper()
		want, err := reg.Check(ctx, product.ID(), "eu")
		if err != nil {
			t.Fatal(err)
		}
		w.Look()
		got, err := w.View(ctx, want.Rev)
		if err != nil {
			t.Fatalf("%s: %v (endpoints %+v)", what, err, w.Endpoints())
		}
		if got.Block < want.RevBlock || got.Time+60 < want.Time {
			t.Errorf("%s: head %d at %d", what, got.Block, got.Time)
		}
		plain := got
		plain.Block, plain.Time = want.Block, want.Time
		if !equalView(plain, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", what, plain, want)
		}
		return got
	}
	if v := see("empty"); len(v.Candidates) != 0 || v.Latest != 0 || !v.Keys.Equal(keys) {
		t.Errorf("empty product: %+v", v)
	}
	for seq := range uint64(6) {
		must(reg.Publish(ctx, maker, verify.Release{Product: product.ID(), Sequence: seq + 1, Version: "1.0", ImageSize: 100 + seq, ImageSHA256: [32]byte{1}, Envelope: [32]byte{2, byte(seq)}}))
	}
	if v := see("published"); len(v.Candidates) != map[int]int{1: 4, 2: 2}[version] || v.Candidates[0].Rollout.Mode != verify.RolloutPaused {
		t.Errorf("published: %+v", v)
	}
	canaries := make([][32]byte, verify.MaxCanaries)
	for i := range canaries {
		canaries[i] = [32]byte{byte(i + 1)}
	}
	must(reg.SetRollout(ctx, operator, product.ID(), 6, "", verify.Rollout{Mode: verify.RolloutAll}))
	must(reg.SetRollout(ctx, operator, product.ID(), 6, "eu", verify.Rollout{Mode: verify.RolloutPercent, Warm: true, NotBefore: 1, Start: 2, Duration: 3, StartBps: 4, EndBps: 10000, Label: "lab", Canaries: canaries}))
	if v := see("rollout"); v.Candidates[0].Rollout.Label != "lab" || len(v.Candidates[0].Rollout.Canaries) != verify.MaxCanaries {
		t.Errorf("rollout: %+v", v.Candidates[0].Rollout)
	}
	must(reg.SetBarrier(ctx, operator, product.ID(), 1))
	must(reg.SetHalted(ctx, operator, product.ID(), 6, true))
	must(reg.Revoke(ctx, maker, product.ID(), 5))
	must(reg.SetMinSequence(ctx, maker, product.ID(), 2))
	must(reg.Pause(ctx, operator))
	v := see("stopped")
	if c, ok := v.Candidate(6); !ok || !c.Rollout.Halted || !v.Paused || v.Barrier != 1 || v.MinSequence != 2 {
		t.Errorf("stopped: %+v", v)
	}
	if _, ok := v.Candidate(5); ok {
		t.Error("a revoked release is on offer")
	}
	if _, ok := v.Candidate(1); !ok {
		t.Error("the barrier is not on offer")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	c, err := chainwatch.DecodeCheckpoint(store.b)
	if err != nil || c.Rev != v.Rev || c.Registry != reg.Ref() {
		t.Errorf("checkpoint %+v, %v", c, err)
	}
}

// An unknown product, and an address without a registry, are told apart from
// outages in words that say what to correct.
func TestNamesAWrongRegistryOrProduct(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	admin, err := sign.Generate(verify.ES256K)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := admin.Address()
	chain, err := devchain.Start(ctx, devchain.Config{ChainID: 4690, Fund: []verify.Address{account}})
	if err != nil {
		t.Fatal(err)
	}
	defer chain.Close()
	client, err := registry.Dial(ctx, chain.URL(), 4690)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	reg, _, err := client.Deploy(ctx, admin, registry.Terms{Pauser: verify.Address{19: 2}, Guardians: []verify.Address{{19: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, registry string
		chainID        uint64
		attack         string
	}{
		{"unknown product", reg.Address().String(), 4690, "rpc_refused"},
		{"no contract", verify.Address{1}.String(), 4690, "rpc_wrong_chain"},
		{"another chain", reg.Address().String(), 4689, "rpc_wrong_chain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := chainwatch.DefaultConfig()
			cfg.ChainID, cfg.Registry = tt.chainID, tt.registry
			cfg.Endpoints = []chainwatch.Endpoint{{URL: chain.URL()}}
			w, err := chainwatch.New(cfg, verify.Product{Vendor: "a.example", Name: "b"}.ID(), "", chainwatch.Options{})
			if err != nil {
				t.Fatal(err)
			}
			run, stop := context.WithCancel(ctx)
			done := make(chan error)
			go func() { done <- w.Run(run) }()
			for w.Status().Looked.IsZero() && ctx.Err() == nil {
				select {
				case <-time.After(5 * time.Millisecond):
				case <-ctx.Done():
				}
			}
			if s := w.Endpoints()[0]; s.Attack != tt.attack {
				t.Errorf("endpoint %+v, want %s", s, tt.attack)
			}
			t.Log(w.Status().Error)
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

type fileless struct{ b []byte }

func (s *fileless) Load(context.Context) ([]byte, error)   { return s.b, nil }
func (s *fileless) Save(_ context.Context, b []byte) error { s.b = b; return nil }

// equalView compares views, an empty list being the same as none.
func equalView(a, b verify.View) bool {
	normal := func(v verify.View) verify.View {
		v.Candidates = append([]verify.Candidate{}, v.Candidates...)
		for i := range v.Candidates {
			v.Candidates[i].Rollout.Canaries = append([][32]byte{}, v.Candidates[i].Rollout.Canaries...)
		}
		return v
	}
	return reflect.DeepEqual(normal(a), normal(b))
}
