package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"

	"camswarm/node/metastore"
	"camswarm/verify"
	"camswarm/verify/sign"
)

// A witness never says two things of one revision nor goes back, whatever its own
// quorum shows, also after a restart; it says the same again when it is due, and more
// when there is more.
func TestThreatWitnessEquivocation_Own(t *testing.T) {
	path := filepath.Join(t.TempDir(), "witness.key")
	key, err := sign.New(verify.EdDSA, bytes.Repeat([]byte{7}, ed25519.SeedSize))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Save(path); err != nil {
		t.Fatal(err)
	}
	secret, err := loadWitnessKey(path)
	if err != nil || secret.public != key.Public() {
		t.Fatalf("%v: %v", secret, err)
	}
	view := verify.View{
		Registry: verify.RegistryRef{ChainID: 4690, Address: verify.Address{1}}, Product: verify.ProductID{2}, Rev: 5, RevBlock: 1, Block: 2, Time: 1_800_000_000,
		Keys: verify.KeySet{Threshold: 1, Keys: []verify.PublicKey{key.Public()}},
	}
	var told []*verify.WitnessStatement
	kept := metastore.ValueAt(dssync.MutexWrap(datastore.NewMapDatastore()), "signed")
	open := func() *signer {
		s := &signer{
			key: secret, renew: time.Hour, wake: newSignal(), log: slog.New(slog.DiscardHandler), kept: kept,
			accepted: func() (verify.View, time.Time, bool) { return view, time.Now(), true },
			tell: func(_ context.Context, raw []byte) error {
				w, err := verify.DecodeWitnessStatement(raw)
				if err != nil || !w.Verify() {
					t.Fatalf("it told rubbish: %v", err)
				}
				told = append(told, w)
				return nil
			},
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.run(over); err != nil { // loads what was kept, and signs once
			t.Fatal(err)
		}
		return s
	}
	s := open()
	for _, step := range []struct {
		what   string
		change func()
		says   int // statements so far
		bad    bool
	}{
		{"nothing new", func() {}, 1, false},
		{"an hour later", func() { view.Time += 3600; view.Block += 10 }, 2, false},
		{"another content", func() { view.Paused = true }, 2, true},
		{"as before", func() { view.Paused = false }, 2, false},
		{"back", func() { view.Rev = 4 }, 2, true},
		{"on", func() { view.Rev = 6 }, 3, false},
	} {
		step.change()
		for range 2 {
			if err := s.sign(t.Context()); errors.Is(err, errBackwards) != step.bad || len(told) != step.says {
				t.Errorf("%s: %d statements, %v", step.what, len(told), err)
			}
			s = open()
		}
	}
	for i, a := range told {
		for _, b := range told[:i] {
			if a.Contradicts(b) {
				t.Error("it convicts itself")
			}
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadWitnessKey(path); !errors.Is(err, ErrConfig) {
		t.Errorf("a key that others can read: %v", err)
	}
}
